/* A dry run: the commands of a step are recorded on tensors without memory, and what they come to is
 * read off: gemm calls, their scratch, and which parameters' steps are part of backward. */
#ifndef CLADE_GRAPH_DRY_RUN_H
#define CLADE_GRAPH_DRY_RUN_H

#include "graph/executable.h"

/* The commands of forward and losses, and backward in training, for a batch, which is at most that of
 * the layout. Free them. stepped (n_parameters) may be NULL. */
clade_status clade__dry_run(clade__commands **out, const clade__executable *exe, bool training,
                            int64_t batch, bool *stepped);

/* Tries every gemm of such a step on the device, once each: CLADE_EWRONG when a result is off. */
clade_status clade__dry_run_check(const clade__executable *exe, bool training, int64_t batch);

#endif

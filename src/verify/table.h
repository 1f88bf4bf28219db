/* Every operation but gemm, once: what is verified, differentiated in the tests, and measured by
 * `clade bench ops`. */
#ifndef CLADE_VERIFY_TABLE_H
#define CLADE_VERIFY_TABLE_H

#include "verify/trial.h"

extern const clade__op clade__ops[];
extern const int clade__n_ops;

/* NULL for a name that is not in the table. */
const clade__op *clade__op_find(const char *name);

#endif

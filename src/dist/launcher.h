/* Whether an MPI launcher has started this process, and the transport that it calls for. */
#ifndef CLADE_DIST_LAUNCHER_H
#define CLADE_DIST_LAUNCHER_H

#include <stdbool.h>

#include "dist/transport.h"

/* What a launcher has written to its processes' environment. */
typedef struct clade__launch {
    const char *launcher; /* "Open MPI"; NULL where there was none */
    int rank, n_ranks;    /* 0 and 1 then */
} clade__launch;

clade__launch clade__launch_find(void);

/* Whether this process may have been bound to a core or a socket although nobody asked for that: Open MPI's mpirun
 * does so by itself, with one core a rank where there are two. */
bool clade__launch_bound_unasked(void);

/* Loads libclade_mpi and opens its transport. CLADE_ERANK where the library is missing, is of another version,
 * fails, or finds other ranks than the launcher has started. */
clade_status clade__launch_transport(const clade__launch *launch, clade__transport *transport);

#endif

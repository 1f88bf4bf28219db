/* What libclade_mpi.so (mpi/) exports, and nothing else: dist/launcher.c looks for these two names. */
#ifndef CLADE_DIST_MPI_TRANSPORT_H
#define CLADE_DIST_MPI_TRANSPORT_H

#include "dist/transport.h"

/* clade_version() of the library that it was built with; any other one has another idea of a transport. */
CLADE_API extern const char clade_mpi_version[];

/* Starts MPI, where the program has not done so, and fills in the transport; what it holds is given back by
 * calls->leave. A failure is in transport->said: CLADE_ERANK what MPI says, CLADE_ESTATE where the
 * program has started MPI for one thread, or has ended it. */
CLADE_API clade_status clade_mpi_open(clade__transport *transport);

#endif

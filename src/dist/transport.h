/* The transport: what the ranks of a job say to each other.
 *
 * A job is one process or several, its ranks 0 … n_ranks-1, each with one device. Every call but abort is
 * collective: all ranks make the same calls in the same order, one at a time, from whichever thread.
 * A call blocks until its rank has what it is to get.
 *
 * Sums are made in the order of the ranks, ((x0 + x1) + x2) + …, never by arrival: every rank gets the same
 * bits, and so does every run.
 *
 * Calls that fail return CLADE_ERANK, with a message that names the rank where that is known. What the others
 * of the job do then is not known, so the rank that fails ends the job with abort.
 */
#ifndef CLADE_DIST_TRANSPORT_H
#define CLADE_DIST_TRANSPORT_H

#include "base/error.h"

typedef struct clade__transport clade__transport;

/* What an implementation does. One that fails writes why to transport->said, and returns CLADE_ERANK. It
 * sees nothing else of the library, so that it can be one of its own (see mpi/). */
typedef struct clade__transport_calls {
    clade_status (*sum_floats)(clade__transport *transport, float *values, int64_t n);
    clade_status (*sum_doubles)(clade__transport *transport, double *values, int64_t n);
    clade_status (*broadcast)(clade__transport *transport, void *bytes, size_t n_bytes, int root);
    clade_status (*gather)(clade__transport *transport, const void *mine, size_t n_bytes, void *all);
    clade_status (*barrier)(clade__transport *transport);
    clade_status (*part)(clade__transport *transport, int n_ranks, clade__transport *part);
    void (*abort)(clade__transport *transport, int exit_status);
    clade_status (*leave)(clade__transport *transport);
} clade__transport_calls;

struct clade__transport {
    const char *name; /* "self", "mpi" */
    int rank, n_ranks;
    int host_rank, n_host_ranks; /* among the ranks of this host */
    const clade__transport_calls *calls;
    void *state;    /* the implementation's */
    char said[256]; /* what a call failed with */
};

/* One rank, which has nobody to speak to: its calls change nothing. Shared, and never written to. */
extern clade__transport clade__transport_self;

/* values (n) become their sums over all ranks. */
clade_status clade__transport_sum_floats(clade__transport *transport, float *values, int64_t n);
clade_status clade__transport_sum_doubles(clade__transport *transport, double *values, int64_t n);

/* bytes (n_bytes) become those of the rank `root`. */
clade_status clade__transport_broadcast(clade__transport *transport, void *bytes, size_t n_bytes, int root);

/* all (n_ranks, n_bytes) becomes what each rank has in `mine` (n_bytes), on every rank. */
clade_status clade__transport_gather(clade__transport *transport, const void *mine, size_t n_bytes,
                                     void *all);

/* Returns when every rank has called it. */
clade_status clade__transport_barrier(clade__transport *transport);

/* part becomes a transport of the first n_ranks ranks, 1 or more and not more than there are, which they leave while
 * this one is still open; for the others it is that of one rank. All ranks call it. */
clade_status clade__transport_part(clade__transport *transport, int n_ranks, clade__transport *part);

/* Ends every process of the job, and does not return; of one rank there is no job to end, and it does. */
void clade__transport_abort(clade__transport *transport, int exit_status);

#endif

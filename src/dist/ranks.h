/* The ranks of a job while they train: how they keep together, and end together.
 *
 * Whatever they do together begins with a meeting, at which each tells the others in a few words how it is: so
 * a rank that has failed, and comes to the next meeting to say so, ends the training of all, with its message,
 * whatever the others were about to do. Who meets does so in the same order on all ranks; from one thread at a
 * time. Where the transport itself fails there is nobody to tell: its status is CLADE_ERANK. */
#ifndef CLADE_DIST_RANKS_H
#define CLADE_DIST_RANKS_H

#include <stdbool.h>

#include "dist/transport.h"

/* What the ranks are about to do together; those that meet for different things have lost each other. */
typedef enum clade__purpose {
    CLADE__MEET_STEP,
    CLADE__MEET_SUM,
    CLADE__MEET_BROADCAST,
    CLADE__MEET_GATHER,
    CLADE__MEET_END,
    CLADE__MEET_FAILED /* goes with anything */
} clade__purpose;

/* What a rank wants all of them to do after the step that is about to begin. */
typedef struct clade__votes {
    int32_t stop;       /* any rank may */
    int32_t log, copy, checkpoint; /* rank 0 decides, by its clock */
    int32_t next;       /* the same, of ranks that do not meet at each step: so many to the next meeting */
} clade__votes;

/* The words of one rank. */
typedef struct clade__words {
    int32_t purpose, status;
    clade__votes votes;
} clade__words;

typedef struct clade__ranks {
    clade__transport *transport;
    int rank, n;
    clade__words *words; /* (n) of the last meeting */
    bool heard;          /* the failure of a rank, all of them */
    bool over;           /* they have parted: nothing is done together any more */
    clade_status status; /* with which; and why */
    char why[512];
} clade__ranks;

clade_status clade__ranks_open(clade__ranks *ranks, clade__transport *transport);
void clade__ranks_close(clade__ranks *ranks);

/* Meets for a purpose. When some rank has failed, the status is its own and the message too, and it is over. */
clade_status clade__ranks_meet(clade__ranks *ranks, clade__purpose purpose, const clade__votes *votes);

/* The sum without a meeting of its own: after one before a step, as often as a step has it. */
clade_status clade__ranks_join(clade__ranks *ranks, float *values, int64_t n);

/* What all want, after a meeting before a step. */
clade__votes clade__ranks_votes(const clade__ranks *ranks);

/* Meets, then as the transport does. With ranks NULL there is one rank, and nothing happens. */
clade_status clade__ranks_sum_floats(clade__ranks *ranks, float *values, int64_t n);
clade_status clade__ranks_sum_doubles(clade__ranks *ranks, double *values, int64_t n);
clade_status clade__ranks_broadcast(clade__ranks *ranks, void *bytes, size_t n_bytes);
clade_status clade__ranks_gather(clade__ranks *ranks, const void *mine, size_t n_bytes, void *all);

/* Meets a last time and tells how this rank has ended; returns how all have: `status`, or that of a rank that
 * failed. The thread's message is that of the failure. */
clade_status clade__ranks_end(clade__ranks *ranks, clade_status status);

#endif

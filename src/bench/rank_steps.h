/* What the ranks of a job measure together: steps that all make at the same time, and sums between them. Rank 0
 * decides how many, so that all do the same. */
#ifndef CLADE_BENCH_RANK_STEPS_H
#define CLADE_BENCH_RANK_STEPS_H

#include "bench/scaling.h"
#include "bench/steps.h"
#include "bench/watch.h"

typedef struct clade__rank_steps {
    clade__ranks *together; /* all of them */
    clade__steps *steps;    /* of ranks that `watch` passes on: the same, or of this one by itself */
    clade__watch *watch;
    double seconds; /* to spend, about */

    /* Results, the same on all ranks but for those from `times` on; the watch's `ready` becomes means. */
    clade_bench_time time; /* of a step of the slowest rank */
    int slowest;           /* rank */
    clade__join_times times;
    int64_t n_samples; /* of this rank, in a batch */
} clade__rank_steps;

clade_status clade__rank_steps_measure(clade__rank_steps *measured);

/* The link between the ranks, as their sums find it; the same on all. About as many seconds. */
clade_status clade__rank_link_measure(clade__ranks *together, double seconds, clade__link *link);

#endif

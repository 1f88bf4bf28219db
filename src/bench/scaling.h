/* How long a training step takes with many ranks, by a model.
 *
 * A step is a forward pass, a backward pass that leaves the gradient in buckets, one after another, and an
 * optimizer. A bucket is summed over the ranks while backward goes on, and after the one before it: the link is one.
 *
 *   device  | forward | backward: 0 | 1 | 2 |            | optimizer |
 *   link              |          | sum 0 | sum 1 | sum 2 |
 *
 * Summing n bytes over p ranks costs, with a latency a for a message and b seconds for each of its bytes,
 *
 *   ring  2 (p - 1) a + 2 (p - 1) / p n b           each rank sends every other its part, as Clade's transport does
 *   tree  2 ceil(log2 p) a + 2 (p - 1) / p n b      halving and doubling (Rabenseifner)
 *
 * Thakur, Rabenseifner, Gropp, "Optimization of Collective Communication Operations in MPICH", 2005, section 4.5;
 * additions, which are far faster than any link, are part of b as it is measured.
 */
#ifndef CLADE_BENCH_SCALING_H
#define CLADE_BENCH_SCALING_H

#include <clade/bench.h>

#include "base/error.h"

typedef struct clade__link {
    double latency;          /* seconds of a message */
    double seconds_per_byte; /* of one rank: what it sends and what it gets, at once */
} clade__link;

typedef struct clade__scaled_step {
    double computed;  /* seconds until the last gradient is there, from the step's begin */
    double optimizer; /* seconds */
    int n_buckets;    /* 0 or more, by `ready` */
    const clade_bench_bucket *buckets;
} clade__scaled_step;

/* Seconds of summing so many bytes over so many ranks; 0 for one. */
double clade__sum_seconds(clade_bench_join join, clade__link link, int64_t n_ranks, double bytes);

/* Seconds of a step of each of so many ranks. */
double clade__step_seconds(const clade__scaled_step *step, clade_bench_join join, clade__link link,
                           int64_t n_ranks);

/* A step of one rank by that of n_ranks, each with a batch as large: 1 where the link is never waited for. */
double clade__efficiency(const clade__scaled_step *step, clade_bench_join join, clade__link link,
                         int64_t n_ranks);

/* How many times as much of something, everything else as it is, would give n_ranks this efficiency: 1 where they
 * have it, NaN where no amount would do. Of latency that is less than 1, of the others more; forward and backward
 * are taken to grow with the batch, and the optimizer not. */
typedef enum clade__lever { CLADE__MORE_BANDWIDTH, CLADE__LESS_LATENCY, CLADE__LARGER_BATCH } clade__lever;
double clade__times_needed(const clade__scaled_step *step, clade_bench_join join, clade__link link,
                           int64_t n_ranks, double efficiency, clade__lever lever);

/* What sums have taken. */
typedef struct clade__sum_time {
    double bytes, seconds;
} clade__sum_time;

/* The link whose ring takes such times among n_ranks, of two or more: least squares of the relative errors, with
 * neither latency nor seconds_per_byte below 0. */
clade__link clade__link_fit(const clade__sum_time *times, int n, int64_t n_ranks);

#endif

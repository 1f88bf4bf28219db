/* How everything here is timed.
 *
 * A subject is something that can be enqueued again and again. Its blocks are so many calls, back
 * to back, that a block takes about a twelfth of the budget; a block ends with one wait. Subjects
 * that are compared take turns, block by block, so that a machine's changes of pace meet them all.
 */
#ifndef CLADE_BENCH_MEASURE_H
#define CLADE_BENCH_MEASURE_H

#include <clade/bench.h>

#include "base/error.h"

/* Enqueues one call; n_units of the subject's work. */
typedef clade_status clade__enqueue(void *context);

#define CLADE__MAX_BLOCKS 64

typedef struct clade__subject {
    clade__enqueue *enqueue;
    void *context;
    clade_device *device; /* waited for at a block's end; NULL when enqueue waits itself */
    double n_units;       /* times are for one unit */
    double rest_seconds;  /* after each block: what it leaves running must not meet the next */
    int64_t max_calls;    /* in a block; 0: no limit */

    /* Results. */
    clade_bench_time time;
    int64_t n_calls; /* of a block */
    double samples[CLADE__MAX_BLOCKS], used_seconds;
} clade__subject;

/* Measures the subjects in turns, `seconds` each, after a warm-up. */
clade_status clade__measure(clade__subject *subjects, int n_subjects, double seconds);

/* Processor time that the calling thread spends in one unit of enqueueing, with the queue empty
 * before each burst of n_calls, so that it is never full. */
clade_status clade__measure_host(const clade__subject *subject, int n_calls, double seconds,
                                 clade_bench_time *time);

/* Median, least and spread of n samples, which are sorted. */
clade_bench_time clade__time_of(double *samples, int n);

#endif

#define _POSIX_C_SOURCE 200809L
#include "bench/measure.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"

#define BLOCKS     12 /* of a budget */
#define MIN_BLOCKS 3  /* even when the budget is spent */
#define MAX_CALLS  (1 << 20)

static double thread_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value at a share of sorted samples, between two where it falls between. */
static double quantile(const double *samples, int n, double share)
{
    double at = share * (n - 1);
    int below = (int)at;
    int above = below + 1 < n ? below + 1 : below;
    return samples[below] + (at - below) * (samples[above] - samples[below]);
}

clade_bench_time clade__time_of(double *samples, int n)
{
    qsort(samples, (size_t)n, sizeof *samples, by_value);
    return (clade_bench_time){
        .median = quantile(samples, n, 0.5),
        .min = samples[0],
        .spread = quantile(samples, n, 0.75) - quantile(samples, n, 0.25),
        .n_blocks = n,
    };
}

static clade_status wait_for(const clade__subject *subject)
{
    return subject->device ? clade_device_finish(subject->device) : CLADE_OK;
}

static clade_status run(const clade__subject *subject, int64_t n_calls, double *seconds)
{
    double began = clade__seconds();
    for (int64_t i = 0; i < n_calls; i++) CLADE_TRY(subject->enqueue(subject->context));
    CLADE_TRY(wait_for(subject));
    *seconds = clade__seconds() - began;
    return CLADE_OK;
}

static void rest(const clade__subject *subject)
{
    double seconds = subject->rest_seconds;
    struct timespec time = {(time_t)seconds, (long)(1e9 * (seconds - floor(seconds)))};
    if (seconds > 0.0) nanosleep(&time, NULL);
}

/* Warms up, and finds how many calls a block of `target` seconds has. */
static clade_status calibrate(clade__subject *subject, double target)
{
    double seconds = 0.0;
    int64_t most = subject->max_calls ? subject->max_calls : MAX_CALLS;
    CLADE_TRY(run(subject, 1, &seconds)); /* the driver compiles, memory is touched */
    subject->n_calls = 1;
    for (;;) {
        CLADE_TRY(run(subject, subject->n_calls, &seconds));
        if (seconds > 0.25 * target || subject->n_calls >= most) break;
        subject->n_calls *= 4;
    }
    double wanted = (double)subject->n_calls * target / (seconds > 1e-9 ? seconds : 1e-9);
    subject->n_calls = wanted > (double)most ? most : wanted < 1.0 ? 1 : (int64_t)wanted;
    rest(subject);
    return CLADE_OK;
}

static bool wants_more(const clade__subject *subject, double seconds)
{
    int n = subject->time.n_blocks;
    return n < CLADE__MAX_BLOCKS && (n < MIN_BLOCKS || subject->used_seconds < seconds);
}

static clade_status run_block(clade__subject *subject)
{
    double seconds = 0.0;
    /* Another subject's data is in the caches, and threads may sleep. */
    if (subject->n_calls > 1) CLADE_TRY(run(subject, 1, &seconds));
    CLADE_TRY(run(subject, subject->n_calls, &seconds));
    subject->used_seconds += seconds;
    subject->samples[subject->time.n_blocks++] =
        seconds / ((double)subject->n_calls * subject->n_units);
    rest(subject);
    return CLADE_OK;
}

clade_status clade__measure(clade__subject *subjects, int n_subjects, double seconds)
{
    for (int i = 0; i < n_subjects; i++) {
        subjects[i].time.n_blocks = 0;
        subjects[i].used_seconds = 0.0;
        CLADE_TRY(calibrate(&subjects[i], seconds / BLOCKS));
    }
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < n_subjects; i++) {
            if (!wants_more(&subjects[i], seconds)) continue;
            CLADE_TRY(run_block(&subjects[i]));
            more = true;
        }
    }
    for (int i = 0; i < n_subjects; i++)
        subjects[i].time = clade__time_of(subjects[i].samples, subjects[i].time.n_blocks);
    return CLADE_OK;
}

clade_status clade__measure_host(const clade__subject *subject, int n_calls, double seconds,
                                 clade_bench_time *time)
{
    double samples[CLADE__MAX_BLOCKS], until = clade__seconds() + seconds;
    int n = 0;
    CLADE_TRY(subject->enqueue(subject->context));
    while (n < CLADE__MAX_BLOCKS && (n < MIN_BLOCKS || clade__seconds() < until)) {
        CLADE_TRY(wait_for(subject));
        double began = thread_seconds();
        for (int i = 0; i < n_calls; i++) CLADE_TRY(subject->enqueue(subject->context));
        samples[n++] = (thread_seconds() - began) / (n_calls * subject->n_units);
    }
    *time = clade__time_of(samples, n);
    return wait_for(subject);
}

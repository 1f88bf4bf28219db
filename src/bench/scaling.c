#include "bench/scaling.h"

#include <math.h>

double clade__sum_seconds(clade_bench_join join, clade__link link, int64_t n_ranks, double bytes)
{
    double p = (double)n_ranks, messages = p - 1.0;
    if (n_ranks < 2) return 0.0;
    if (join == CLADE_BENCH_TREE) {
        messages = 0.0;
        for (int64_t reached = 1; reached < n_ranks; reached *= 2) messages++;
    }
    return 2.0 * messages * link.latency + 2.0 * (p - 1.0) / p * bytes * link.seconds_per_byte;
}

/* With a batch so many times as large. */
static double step_seconds(const clade__scaled_step *step, clade_bench_join join, clade__link link,
                           int64_t n_ranks, double batch)
{
    double free = 0.0; /* when the link is */
    for (int i = 0; n_ranks > 1 && i < step->n_buckets; i++) {
        const clade_bench_bucket *bucket = &step->buckets[i];
        free = fmax(free, batch * bucket->ready) + clade__sum_seconds(join, link, n_ranks, bucket->bytes);
    }
    return fmax(free, batch * step->computed) + step->optimizer;
}

double clade__step_seconds(const clade__scaled_step *step, clade_bench_join join, clade__link link,
                           int64_t n_ranks)
{
    return step_seconds(step, join, link, n_ranks, 1.0);
}

static double efficiency_of(const clade__scaled_step *step, clade_bench_join join, clade__link link,
                            int64_t n_ranks, double batch)
{
    return step_seconds(step, join, link, 1, batch) / step_seconds(step, join, link, n_ranks, batch);
}

double clade__efficiency(const clade__scaled_step *step, clade_bench_join join, clade__link link,
                         int64_t n_ranks)
{
    return efficiency_of(step, join, link, n_ranks, 1.0);
}

/* ---- what would help ------------------------------------------------------------------------- */

/* The efficiency with `times` as much. */
static double with_lever(const clade__scaled_step *step, clade_bench_join join, clade__link link,
                         int64_t n_ranks, clade__lever lever, double times)
{
    if (lever == CLADE__MORE_BANDWIDTH) link.seconds_per_byte /= times;
    if (lever == CLADE__LESS_LATENCY) link.latency *= times;
    return efficiency_of(step, join, link, n_ranks, lever == CLADE__LARGER_BATCH ? times : 1.0);
}

double clade__times_needed(const clade__scaled_step *step, clade_bench_join join, clade__link link,
                           int64_t n_ranks, double efficiency, clade__lever lever)
{
    double little = 0.0, much = lever == CLADE__LESS_LATENCY ? -log(1e9) : log(1e9); /* logarithms */
    if (clade__efficiency(step, join, link, n_ranks) >= efficiency) return 1.0;
    if (with_lever(step, join, link, n_ranks, lever, exp(much)) < efficiency) return (double)NAN;
    for (int i = 0; i < 60; i++) {
        double between = 0.5 * (little + much);
        if (with_lever(step, join, link, n_ranks, lever, exp(between)) < efficiency)
            little = between;
        else
            much = between;
    }
    return exp(much);
}

/* ---- the link -------------------------------------------------------------------------------- */

/* The least squares of (fixed + bytes slope) / seconds - 1: the line through (1 / seconds, bytes / seconds) that
 * comes nearest to 1. */
clade__link clade__link_fit(const clade__sum_time *times, int n, int64_t n_ranks)
{
    double xx = 0.0, xy = 0.0, yy = 0.0, x1 = 0.0, y1 = 0.0, p = (double)n_ranks;
    for (int i = 0; i < n; i++) {
        double x = 1.0 / times[i].seconds, y = times[i].bytes / times[i].seconds;
        xx += x * x;
        xy += x * y;
        yy += y * y;
        x1 += x;
        y1 += y;
    }
    double det = xx * yy - xy * xy;
    double fixed = det > 0.0 ? (x1 * yy - y1 * xy) / det : 0.0;
    double slope = det > 0.0 ? (y1 * xx - x1 * xy) / det : 0.0;
    if (!(slope > 0.0)) {
        fixed = xx > 0.0 ? x1 / xx : 0.0;
        slope = 0.0;
    } else if (!(fixed > 0.0)) {
        fixed = 0.0;
        slope = yy > 0.0 ? y1 / yy : 0.0;
    }
    return (clade__link){fixed / (2.0 * (p - 1.0)), slope * p / (2.0 * (p - 1.0))};
}

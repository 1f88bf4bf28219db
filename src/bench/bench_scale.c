/* The model's public form. */
#include "bench/scaling.h"

clade_status clade_bench_scale(const clade_bench_parallel_result *measured, clade_bench_join join,
                               int64_t n_ranks, double efficiency_wanted, clade_bench_scaling *scaling)
{
    CLADE_WANT(measured);
    CLADE_WANT(scaling);
    *scaling = (clade_bench_scaling){0};
    if ((unsigned)join > CLADE_BENCH_TREE)
        return clade__fail(CLADE_EINVAL, "bench: there is no join %d", (int)join);
    if (n_ranks < 1)
        return clade__fail(CLADE_EINVAL, "bench: %lld ranks, want at least 1", (long long)n_ranks);
    if (!(efficiency_wanted > 0.0 && efficiency_wanted <= 1.0))
        return clade__fail(CLADE_EINVAL, "bench: efficiency is %g, want more than 0 and at most 1",
                           efficiency_wanted);
    const int n = measured->n_buckets;
    const double computed = n > 0 ? measured->buckets[n - 1].ready : 0.0;
    const double left = measured->apart.median - computed;
    const clade__scaled_step step = {computed, left > 0.0 ? left : 0.0, n, measured->buckets};
    const clade__link link = {measured->latency, measured->seconds_per_byte};
    const double wanted = efficiency_wanted;
    scaling->seconds = clade__step_seconds(&step, join, link, n_ranks);
    scaling->efficiency = clade__efficiency(&step, join, link, n_ranks);
    scaling->bandwidth_needed = clade__times_needed(&step, join, link, n_ranks, wanted, CLADE__MORE_BANDWIDTH);
    scaling->latency_needed = clade__times_needed(&step, join, link, n_ranks, wanted, CLADE__LESS_LATENCY);
    scaling->batch_needed = clade__times_needed(&step, join, link, n_ranks, wanted, CLADE__LARGER_BATCH);
    return CLADE_OK;
}

/* The model of how a step scales over ranks, against values by hand. */
#include <math.h>

#include "bench/scaling.h"
#include "support.h"

#define NEAR(got, want) assert_true(fabs((got) - (want)) <= 1e-9 * fabs(want))
#define BUCKET(n_bytes, at) {.bytes = (n_bytes), .ready = (at)}

static const clade__link gigabit = {50e-6, 8e-9}; /* 50 us, 125 MB/s */

static void joins_cost_what_the_formulas_say(void **state)
{
    (void)state;
    NEAR(clade__sum_seconds(CLADE_BENCH_RING, gigabit, 1, 1e6), 0.0);
    NEAR(clade__sum_seconds(CLADE_BENCH_RING, gigabit, 2, 1e6), 100e-6 + 8e-3);
    NEAR(clade__sum_seconds(CLADE_BENCH_RING, gigabit, 4, 1e6), 300e-6 + 12e-3);
    NEAR(clade__sum_seconds(CLADE_BENCH_TREE, gigabit, 2, 1e6), 100e-6 + 8e-3);
    NEAR(clade__sum_seconds(CLADE_BENCH_TREE, gigabit, 4, 0.0), 200e-6);
    NEAR(clade__sum_seconds(CLADE_BENCH_TREE, gigabit, 5, 0.0), 300e-6); /* as of 8 */
    NEAR(clade__sum_seconds(CLADE_BENCH_TREE, gigabit, 4096, 0.0), 24 * 50e-6);
    NEAR(clade__sum_seconds(CLADE_BENCH_RING, gigabit, 4096, 0.0), 2 * 4095 * 50e-6);
}

static void joins_run_beside_backward(void **state)
{
    (void)state;
    /* Two buckets of 1 MB: 8.1 ms each with two ranks. */
    const clade_bench_bucket buckets[] = {BUCKET(1e6, 10e-3), BUCKET(1e6, 12e-3)};
    clade__scaled_step step = {.computed = 12e-3, .optimizer = 1e-3, .n_buckets = 2, .buckets = buckets};
    NEAR(clade__step_seconds(&step, CLADE_BENCH_RING, gigabit, 1), 13e-3);
    /* The second waits for the link until 18.1 ms, and not for backward. */
    NEAR(clade__step_seconds(&step, CLADE_BENCH_RING, gigabit, 2), 10e-3 + 16.2e-3 + 1e-3);
    /* A long backward hides all but the last. */
    const clade_bench_bucket apart[] = {BUCKET(1e6, 10e-3), BUCKET(1e6, 30e-3)};
    step.buckets = apart;
    step.computed = 30e-3;
    NEAR(clade__step_seconds(&step, CLADE_BENCH_RING, gigabit, 2), 30e-3 + 8.1e-3 + 1e-3);
    NEAR(clade__efficiency(&step, CLADE_BENCH_RING, gigabit, 2), 31e-3 / 39.1e-3);
    /* A gradient that is there long before the end costs nothing. */
    step.n_buckets = 1;
    NEAR(clade__efficiency(&step, CLADE_BENCH_RING, gigabit, 2), 1.0);
    step.n_buckets = 0;
    NEAR(clade__efficiency(&step, CLADE_BENCH_RING, gigabit, 4096), 1.0);
}

static void what_would_help_is_found(void **state)
{
    (void)state;
    const clade_bench_bucket bucket = BUCKET(1e6, 0.1);
    const clade__scaled_step step = {.computed = 0.1, .optimizer = 0.05, .n_buckets = 1, .buckets = &bucket};
    const clade__link link = {1e-3, 20e-9}; /* of 4 ranks 6 ms + 30 ms, a tree 4 ms + 30 ms */
    NEAR(clade__efficiency(&step, CLADE_BENCH_RING, link, 4), 0.15 / 0.186);
    NEAR(clade__efficiency(&step, CLADE_BENCH_TREE, link, 4), 0.15 / 0.184);
    NEAR(clade__times_needed(&step, CLADE_BENCH_RING, link, 4, 0.8, CLADE__MORE_BANDWIDTH), 1.0);
    /* 0.15 / 0.9 leaves 16.667 ms for the sum. */
    double left = 0.15 / 0.9 - 0.15;
    NEAR(clade__times_needed(&step, CLADE_BENCH_RING, link, 4, 0.9, CLADE__MORE_BANDWIDTH), 30e-3 / (left - 6e-3));
    NEAR(clade__times_needed(&step, CLADE_BENCH_TREE, link, 4, 0.9, CLADE__MORE_BANDWIDTH), 30e-3 / (left - 4e-3));
    assert_true(isnan(clade__times_needed(&step, CLADE_BENCH_RING, link, 4, 0.9, CLADE__LESS_LATENCY)));
    /* 0.15 / 0.81 leaves 35.2 ms, of which 30 are the bytes'. */
    left = 0.15 / 0.81 - 0.15;
    NEAR(clade__times_needed(&step, CLADE_BENCH_RING, link, 4, 0.81, CLADE__LESS_LATENCY), (left - 30e-3) / 6e-3);
    /* (0.1 f + 0.05) / (0.1 f + 0.05 + 0.036) = 0.9 */
    NEAR(clade__times_needed(&step, CLADE_BENCH_RING, link, 4, 0.9, CLADE__LARGER_BATCH), (0.324 - 0.05) / 0.1);
    /* So many messages that no bandwidth helps. */
    assert_true(isnan(clade__times_needed(&step, CLADE_BENCH_RING, link, 4096, 0.9, CLADE__MORE_BANDWIDTH)));
}

static void a_link_is_fitted(void **state)
{
    (void)state;
    clade__sum_time times[6];
    for (int64_t p = 2; p <= 5; p++) {
        for (int i = 0; i < 6; i++) {
            times[i].bytes = pow(8.0, i);
            times[i].seconds = clade__sum_seconds(CLADE_BENCH_RING, gigabit, p, times[i].bytes);
        }
        clade__link link = clade__link_fit(times, 6, p);
        assert_true(fabs(link.latency / gigabit.latency - 1.0) < 1e-9);
        assert_true(fabs(link.seconds_per_byte / gigabit.seconds_per_byte - 1.0) < 1e-6);
    }
    /* Each time weighs by its relative error: one large sum that was disturbed does not decide the latency. */
    times[5].seconds *= 1.5;
    clade__link link = clade__link_fit(times, 6, 5);
    assert_true(fabs(link.latency / gigabit.latency - 1.0) < 0.1);
    /* What no link does, larger sums in less time, is the mean's latency; without a latency none comes out. */
    const clade__sum_time falling[] = {{1e3, 2e-3}, {2e3, 1e-3}};
    link = clade__link_fit(falling, 2, 2);
    assert_true(link.seconds_per_byte == 0.0 && link.latency > 0.4e-3 && link.latency < 1e-3);
    const clade__sum_time steep[] = {{1e3, 1e-6}, {2e3, 3e-6}};
    link = clade__link_fit(steep, 2, 2);
    assert_true(link.latency == 0.0 && link.seconds_per_byte > 0.9e-9 && link.seconds_per_byte < 1.6e-9);
    const clade__sum_time one = {1e3, 1e-3};
    link = clade__link_fit(&one, 1, 2);
    NEAR(link.latency, 0.5e-3);
}

static void the_public_model_is_the_same(void **state)
{
    (void)state;
    const clade_bench_bucket buckets[] = {BUCKET(4e6, 10e-3), BUCKET(1e6, 12e-3)};
    clade_bench_parallel_result measured = {.n_ranks = 2, .n_buckets = 2, .buckets = buckets, .latency = 50e-6,
                                            .seconds_per_byte = 8e-9, .apart = {.median = 20e-3}};
    const clade__scaled_step step = {12e-3, 8e-3, 2, buckets};
    clade_bench_scaling scaling;
    for (int64_t n = 1; n <= 4096; n *= 2) {
        assert_ok(clade_bench_scale(&measured, CLADE_BENCH_TREE, n, 0.9, &scaling));
        NEAR(scaling.seconds, clade__step_seconds(&step, CLADE_BENCH_TREE, gigabit, n));
        NEAR(scaling.efficiency, clade__efficiency(&step, CLADE_BENCH_TREE, gigabit, n));
        assert_true(n > 1 || (scaling.bandwidth_needed == 1.0 && scaling.latency_needed == 1.0));
        assert_true(n == 1 || (scaling.batch_needed > 1.0 && scaling.bandwidth_needed > 1.0));
        assert_true(n == 1 || isnan(scaling.latency_needed)); /* the bytes alone are too many */
    }
    assert_fails(clade_bench_scale(&measured, CLADE_BENCH_RING, 0, 0.9, &scaling), CLADE_EINVAL, "0 ranks");
    assert_fails(clade_bench_scale(&measured, CLADE_BENCH_RING, 2, 0.0, &scaling), CLADE_EINVAL, "efficiency");
    assert_fails(clade_bench_scale(&measured, CLADE_BENCH_RING, 2, 1.5, &scaling), CLADE_EINVAL, "efficiency");
    assert_fails(clade_bench_scale(&measured, CLADE_BENCH_RING, 2, (double)NAN, &scaling), CLADE_EINVAL,
                 "efficiency");
    assert_fails(clade_bench_scale(&measured, (clade_bench_join)7, 2, 0.9, &scaling), CLADE_EINVAL, "join 7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(joins_cost_what_the_formulas_say),
                                       cmocka_unit_test(joins_run_beside_backward),
                                       cmocka_unit_test(what_would_help_is_found),
                                       cmocka_unit_test(a_link_is_fitted),
                                       cmocka_unit_test(the_public_model_is_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Who does which batch where ranks train apart, and how much each weighs in an average: by the papers' formulas. */
#include <math.h>

#include "support.h"
#include "train/turns.h"

enum { N = 997, MOST = 5 };

typedef struct deal_case {
    int n;
    double parts[MOST];
} deal_case;

/* Of the first x batches rank i has at least floor(x p_i / sum p), as D'Hondt's method gives. */
static void batches_are_dealt_in_proportion(void **state)
{
    (void)state;
    static const deal_case cases[] = {{1, {1}},          {2, {1, 1}},           {3, {1, 1, 1}},
                                      {3, {2, 1, 1}},    {2, {1e-6, 1e6}},      {5, {3, 1, 4, 1, 5}},
                                      {4, {0.1, 0.7, 0.31, 0.2}}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const deal_case *d = &cases[c];
        clade__turns turns;
        double sum = 0.0;
        int64_t counts[MOST] = {0};
        for (int i = 0; i < d->n; i++) sum += d->parts[i];
        assert_ok(clade__turns_open(&turns, d->n, 0, N));
        clade__turns_deal(&turns, d->parts, 0);
        for (int64_t b = 0; b < N; b++) {
            assert_in_range(turns.owners[b], 0, d->n - 1);
            counts[turns.owners[b]]++;
            for (int i = 0; i < d->n; i++)
                assert_true((double)counts[i] >= floor((double)(b + 1) * d->parts[i] / sum - 1e-9));
            if (c < 3) assert_int_equal(turns.owners[b], b % d->n); /* equal ones in turn */
        }
        clade__turns_count(&turns, 0, N);
        for (int i = 0; i < d->n; i++) assert_int_equal(turns.steps[i], counts[i]);
        clade__turns_close(&turns);
    }
}

static void what_was_dealt_stays(void **state)
{
    (void)state;
    static const double equal[2] = {1, 1}, other[2] = {1, 3};
    clade__turns turns;
    assert_ok(clade__turns_open(&turns, 2, 1, 12));
    clade__turns_deal(&turns, equal, 0);
    clade__turns_deal(&turns, other, 4);
    static const int32_t want[12] = {0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1};
    for (int b = 0; b < 12; b++) assert_int_equal(turns.owners[b], want[b]);
    assert_true(clade__turns_is_mine(&turns, 1) && !clade__turns_is_mine(&turns, 2));
    clade__turns_count(&turns, 4, 8);
    assert_int_equal(turns.steps[0], 1);
    assert_int_equal(turns.steps[1], 3);
    clade__turns_close(&turns);
}

static double power(double base, int64_t n)
{
    double x = 1.0;
    for (; n > 0; n--) x *= base;
    return x;
}

/* (1 - lambda eta)^(T_max - T_i), divided by their sum. */
static void weights_are_those_of_the_formula(void **state)
{
    (void)state;
    static const struct {
        int64_t steps[4];
        double contraction;
    } cases[] = {{{7, 7, 7, 7}, 0.9},     {{7, 5, 6, 1}, 0.9}, {{70, 50, 60, 10}, 0.999}, {{7, 5, 6, 1}, 1.0},
                 {{3, 0, 2, 0}, 0.5},     {{5, 3, 1, 0}, 0.0}, {{2000, 1, 1999, 1000}, 0.99}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        clade__turns turns;
        double sum = 0.0, all = 0.0, want[4];
        assert_ok(clade__turns_open(&turns, 4, 0, 4));
        for (int i = 0; i < 4; i++) {
            turns.steps[i] = cases[c].steps[i];
            want[i] = turns.steps[i] ? power(cases[c].contraction, cases[c].steps[0] - turns.steps[i]) : 0.0;
            sum += want[i];
        }
        clade__turns_weigh(&turns, cases[c].contraction);
        for (int i = 0; i < 4; i++) {
            assert_true(fabs(turns.weights[i] - want[i] / sum) <= 1e-12 * want[i] / sum);
            all += turns.weights[i];
        }
        assert_true(fabs(all - 1.0) <= 1e-12);
        clade__turns_close(&turns);
    }
}

/* Each rank makes one of n, counted from where training began. */
static void updates_are_those_of_a_rank(void **state)
{
    (void)state;
    clade__turns turns = {.n = 3};
    static const int64_t want[] = {1, 1, 1, 2, 2, 2, 3};
    for (int step = 1; step <= 7; step++) assert_int_equal(clade__turns_updates(&turns, step), want[step - 1]);
    turns.first_step = 10;
    assert_int_equal(clade__turns_updates(&turns, 11), 11);
    assert_int_equal(clade__turns_updates(&turns, 14), 12);
}

static void each_rank_has_a_batch(void **state)
{
    (void)state;
    clade__turns turns;
    assert_fails(clade__turns_open(&turns, 3, 0, 2), CLADE_EINVAL, "fit: an epoch has 2 batches, and each of "
                      "3 ranks that train apart does at least one: take smaller batches, or fewer ranks");
    clade__turns_close(&turns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_are_dealt_in_proportion),
        cmocka_unit_test(what_was_dealt_stays),
        cmocka_unit_test(weights_are_those_of_the_formula),
        cmocka_unit_test(updates_are_those_of_a_rank),
        cmocka_unit_test(each_rank_has_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

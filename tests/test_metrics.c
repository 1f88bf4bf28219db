#include "reference.h"

#include "ops/ops.h"

static void test_cases(void **state)
{
    ref_verify(*state, "count_hits");
    ref_verify(*state, "mark_rows");
    ref_verify(*state, "metrics_store");
    ref_verify(*state, "loss_mean");
    ref_verify(*state, "metrics_sum");
    ref_verify(*state, "peaks");
}

/* Recorded once, run for every slot: the slot is read at each run. */
static void test_slots(void **state)
{
    enum { N_SLOTS = 3, ROWS = 7 };
    float *loss = test_random(15, ROWS, 0, 3), *hit = test_random(16, ROWS, 0, 1);
    double want[3 * N_SLOTS] = {-1, -1, -1, -1, -1, -1, -1, -1, -1};
    clade_tensor *steps = test_tensor(*state, CLADE_SHAPE(N_SLOTS, 3), NULL);
    clade_tensor *tloss = test_tensor(*state, CLADE_SHAPE(ROWS), loss);
    clade_tensor *thit = test_tensor(*state, CLADE_SHAPE(ROWS), hit);
    clade__commands *commands;
    int32_t slot = 0;
    assert_ok(clade_tensor_fill(steps, -1));
    assert_ok(clade__commands_create(&commands, *state));
    assert_ok(clade__metrics_store(commands, steps, &slot, tloss, thit, false));
    static const int32_t slots[] = {1, 2, 3, -1}; /* the last two are none */
    for (int i = 0; i < 4; i++) {
        slot = slots[i];
        assert_ok(clade__commands_run(commands));
    }
    for (int s = 1; s <= 2; s++) {
        want[3 * s] = want[3 * s + 1] = want[3 * s + 2] = 0;
        for (int r = 0; r < ROWS; r++) {
            want[3 * s] += loss[r];
            want[3 * s + 1] += hit[r];
        }
    }
    float *got = test_read(steps);
    test_assert_close("steps", got, want, 3 * N_SLOTS, 0, 1e-6);
    free(got);
    clade__commands_free(commands);
    clade_tensor *all[] = {steps, tloss, thit};
    for (int k = 0; k < 3; k++) clade_tensor_free(all[k]);
    free(loss);
    free(hit);
}

/* ---- what the sums come to --------------------------------------------------------------------- */

/* A metric from the sums over batches of `batch` rows, of targets around `mean`; the row of label 1 where
 * there are labels counts for nothing. */
static double value_of(clade_device *device, clade__metric metric, int rows, int cols, int batch,
                       const float *y, const float *target, const float *center,
                       const int32_t *labels)
{
    double sums[CLADE__N_ALL_SUMS] = {0};
    unsigned set = clade__metric_needs(metric);
    int n = clade__n_sums(set);
    int32_t slot = 0;
    clade_tensor *tsums = test_tensor(device, CLADE_SHAPE(1, n), NULL);
    clade_tensor *tcenter = center ? test_tensor(device, CLADE_SHAPE(cols), center) : NULL;
    for (int first = 0; first < rows; first += batch) {
        int64_t part = rows - first < batch ? rows - first : batch;
        clade_shape shape = CLADE_SHAPE(part, cols);
        clade_tensor *ty = test_tensor(device, shape, y + first * cols);
        clade_tensor *tt = target ? test_tensor(device, shape, target + first * cols) : NULL;
        clade_tensor *tl = labels ? test_tensor_int(device, CLADE_SHAPE(part), labels + first) : NULL;
        clade_tensor *values = test_tensor(device, CLADE_SHAPE(n, part), NULL);
        const clade__metric_source source = {
            .y = ty, .target = tt, .center = tcenter, .labels = tl,
            .rule = {.n_classes = cols, .has_ignore = true, .ignore_index = 1}};
        assert_ok(clade__metrics_sum(clade__immediate(device), tsums, &slot, values, set, &source, false));
        float *row = test_read(tsums);
        clade__sums_take(sums, set, row);
        clade_tensor *all[] = {ty, tt, tl, values};
        for (int k = 0; k < 4; k++) clade_tensor_free(all[k]);
        free(row);
    }
    clade_tensor_free(tsums);
    clade_tensor_free(tcenter);
    return clade__metrics_value(metric, sums, cols);
}

/* By the definition, in double precision; *mae beside it. Variance-weighted over the columns. */
static double r2_of(int rows, int cols, const float *y, const float *target, double *mae)
{
    double squares = 0, deviations = 0;
    *mae = 0;
    for (int c = 0; c < cols; c++) {
        double mean = 0;
        for (int r = 0; r < rows; r++) mean += (double)target[r * cols + c] / rows;
        for (int r = 0; r < rows; r++) {
            double t = (double)target[r * cols + c], e = (double)y[r * cols + c] - t;
            squares += e * e;
            deviations += (t - mean) * (t - mean);
            *mae += fabs(e) / (rows * cols);
        }
    }
    return 1 - squares / deviations;
}

static void numbers_are_measured_far_from_zero(void **state)
{
    enum { ROWS = 301 };
    static const float means[] = {0, 1000, 1e6f};
    for (int m = 0; m < 3; m++)
        for (int cols = 1; cols <= 3; cols += 2) {
            int n = ROWS * cols;
            float *target = test_random(21, n, -1, 1), *noise = test_random(22, n, -0.3f, 0.3f);
            float center[3] = {0};
            double sums[3] = {0}, mae;
            for (int i = 0; i < n; i++) {
                target[i] += means[m] * (float)(1 + i % cols);
                noise[i] += target[i];
                sums[i % cols] += (double)target[i];
            }
            /* One column may have the first target, several have their means. */
            for (int c = 0; c < cols; c++) center[c] = cols == 1 ? target[0] : (float)(sums[c] / ROWS);
            double r2 = r2_of(ROWS, cols, noise, target, &mae);
            double got = value_of(*state, CLADE__METRIC_R2, ROWS, cols, 64, noise, target, center, NULL);
            assert_true(fabs(got - r2) <= (cols == 1 ? 1e-5 : 1e-2));
            got = value_of(*state, CLADE__METRIC_MEAN_ABSOLUTE_ERROR, ROWS, cols, 64, noise, target,
                           center, NULL);
            assert_true(fabs(got - mae) <= 1e-6);
            free(target);
            free(noise);
        }
}

static void targets_that_are_the_same_have_an_r2(void **state)
{
    static const float same[4] = {7, 7, 7, 7}, other[4] = {7, 7, 8, 7}, center[1] = {7};
    assert_true(value_of(*state, CLADE__METRIC_R2, 4, 1, 3, same, same, center, NULL) == 1.0);
    assert_true(value_of(*state, CLADE__METRIC_R2, 4, 1, 3, other, same, center, NULL) == 0.0);
    assert_true(isnan(value_of(*state, CLADE__METRIC_R2, 1, 1, 1, same, same, center, NULL)));
}

/* Six classes: the label is first to sixth, and of equals the first ranks first. */
static void top_5_is_a_rank(void **state)
{
    static const float y[5 * 6] = {6, 5, 4, 3, 2, 1, 6, 5, 4, 3, 2, 1, 2, 2, 2, 2, 2, 2,
                                   1, 2, 3, 4, 5, 6, 1, 9, 9, 9, 9, 9};
    static const int32_t labels[5] = {4, 5, 5, 1, 0}; /* fifth, sixth, sixth, not counted, sixth */
    double got = value_of(*state, CLADE__METRIC_TOP_5, 5, 6, 2, y, NULL, NULL, labels);
    assert_true(got == 0.25);
}

static void values_come_from_named_sums(void **state)
{
    (void)state;
    double sums[CLADE__N_ALL_SUMS] = {0};
    assert_true(isnan(clade__metrics_value(CLADE__METRIC_LOSS, sums, 1)));
    sums[CLADE__SUM_LOSS] = 6;
    sums[CLADE__SUM_HITS] = 3;
    sums[CLADE__SUM_COUNTED] = 4;
    assert_true(clade__metrics_value(CLADE__METRIC_LOSS, sums, 1) == 1.5);
    assert_true(clade__metrics_value(CLADE__METRIC_ACCURACY, sums, 1) == 0.75);
    assert_true(clade__metrics_value(CLADE__METRIC_PERPLEXITY, sums, 1) == exp(1.5));
    assert_string_equal(clade__sum_name(CLADE__SUM_TOP_5_HITS), "top_5_hits");
    assert_string_equal(clade__metric_name(CLADE__METRIC_R2), "r2");
    assert_int_equal(CLADE__N_SUMS, 3);
}

static void test_errors(void **state)
{
    clade__commands *commands = clade__immediate(*state);
    const int32_t slot = 0;
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *rows = test_tensor(*state, CLADE_SHAPE(3), NULL);
    clade_tensor *t = test_tensor_int(*state, CLADE_SHAPE(4), NULL);
    assert_fails(clade__count_hits(commands, rows, y, t, 0), CLADE_ESHAPE,
                 "count_hits: labels is (4), want (3)");
    assert_fails(clade__mark_rows(commands, rows, t), CLADE_ESHAPE, "mark_rows: y is int32");
    assert_fails(clade__metrics_store(commands, y, &slot, rows, NULL, false), CLADE_ESHAPE,
                 "metrics_store: steps is (3, 5), want (3, 3)");
    const clade__metric_source no_labels = {.y = y}, labels = {.y = y, .labels = t, .rule = {.n_classes = 5}};
    clade_tensor *sums = test_tensor(*state, CLADE_SHAPE(2, 1), NULL);
    clade_tensor *values = test_tensor(*state, CLADE_SHAPE(1, 3), NULL);
    clade_tensor *four = test_tensor(*state, CLADE_SHAPE(2, 4), NULL);
    clade_tensor *of_four = test_tensor(*state, CLADE_SHAPE(4, 3), NULL);
    assert_fails(clade__metrics_sum(commands, sums, &slot, values, 1u << CLADE__SUM_LOSS, &labels, false),
                 CLADE_EINVAL, "metrics_sum: there is no set of sums 0x1");
    assert_fails(clade__metrics_sum(commands, y, &slot, values, CLADE__SUM_BIT(COUNTED), &labels, false),
                 CLADE_ESHAPE, "metrics_sum: sums is (3, 5), want (3, 1)");
    assert_fails(clade__metrics_sum(commands, sums, &slot, values, CLADE__SUM_BIT(COUNTED), &labels, false),
                 CLADE_ESHAPE, "metrics_sum: labels is (4), want (3)");
    assert_fails(clade__metrics_sum(commands, sums, &slot, values, CLADE__SUM_BIT(TOP_5_HITS), &no_labels,
                                    false), CLADE_EINVAL, "metrics_sum: labels is NULL");
    assert_fails(clade__metrics_sum(commands, four, &slot, of_four, CLADE__ERROR_SUMS, &no_labels, false),
                 CLADE_EINVAL, "metrics_sum: target is NULL");
    clade_tensor *more[] = {sums, values, four, of_four};
    for (int k = 0; k < 4; k++) clade_tensor_free(more[k]);
    assert_fails(clade__loss_mean(commands, rows, y, &(clade__rows_total){NULL, &slot}, 1.0f), CLADE_ESHAPE,
                 "loss_mean: steps is (3, 5), want (2, 3)");
    assert_fails(clade__peaks(commands, rows, 2, t), CLADE_ESHAPE, "peaks: x is int32");
    assert_fails(clade__peaks(commands, rows, 3, y), CLADE_ESHAPE,
                 "peaks: peaks has 3 elements, want 4");
    clade_tensor *all[] = {y, rows, t};
    for (int k = 0; k < 3; k++) clade_tensor_free(all[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(numbers_are_measured_far_from_zero),
        cmocka_unit_test(targets_that_are_the_same_have_an_r2),
        cmocka_unit_test(top_5_is_a_rank),
        cmocka_unit_test(values_come_from_named_sums),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

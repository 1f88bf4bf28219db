#include "reference.h"

#include "ops/ops.h"

static void test_cases(void **state)
{
    ref_verify(*state, "cross_entropy");
    ref_verify(*state, "count_rows");
}

/* ---- the mean over counted rows ---------------------------------------------------------------- */

/* What torch.nn.CrossEntropyLoss(weight, ignore_index, label_smoothing) computes, from its formula. */
typedef struct example {
    int rows, cols;
    const int32_t *labels;
    const float *weight; /* NULL: 1 */
    double smoothing;
    int32_t ignore_index;
} example;

static double weight_of(const example *e, int c)
{
    return e->weight ? (double)e->weight[c] : 1.0;
}

/* The loss of a row; its softmax is taken without any care for overflow. */
static double row_loss(const example *e, const double *x, int32_t label)
{
    double sum = 0.0, loss = 0.0;
    if (label == e->ignore_index) return 0.0;
    for (int c = 0; c < e->cols; c++) sum += exp(x[c]);
    for (int c = 0; c < e->cols; c++) {
        double target = e->smoothing / e->cols + (c == label ? 1.0 - e->smoothing : 0.0);
        loss -= target * weight_of(e, c) * (x[c] - log(sum));
    }
    return loss;
}

static double mean_loss(const double *x, void *user)
{
    const example *e = user;
    double sum = 0.0, total = 0.0;
    for (int r = 0; r < e->rows; r++) {
        sum += row_loss(e, x + r * e->cols, e->labels[r]);
        if (e->labels[r] != e->ignore_index) total += weight_of(e, e->labels[r]);
    }
    return total > 0.0 ? sum / total : 0.0;
}

static void check_mean(clade_device *device, const example *e)
{
    int64_t n = (int64_t)e->rows * e->cols;
    float *x = test_random(9, n, -3, 3);
    double *wide = ref_widen(x, n), *losses = ref_doubles(e->rows);
    clade_tensor *logits = test_tensor(device, CLADE_SHAPE(e->rows, e->cols), x);
    clade_tensor *dlogits = test_tensor(device, CLADE_SHAPE(e->rows, e->cols), NULL);
    clade_tensor *labels = test_tensor_int(device, CLADE_SHAPE(e->rows), e->labels);
    clade_tensor *loss = test_tensor(device, CLADE_SHAPE(e->rows), NULL);
    clade_tensor *total = test_tensor(device, CLADE_SHAPE(1), NULL), *weight = NULL;
    if (e->weight) weight = test_tensor(device, CLADE_SHAPE(e->cols), e->weight);
    const clade_cross_entropy_options options = {.weight = weight,
                                                 .label_smoothing = (float)e->smoothing,
                                                 .has_ignore_index = true,
                                                 .ignore_index = e->ignore_index,
                                                 .total = total};
    assert_ok(clade_count_rows(total, labels, e->cols, &options));
    assert_ok(clade_cross_entropy(loss, NULL, dlogits, logits, labels, 1, &options));
    for (int r = 0; r < e->rows; r++) losses[r] = row_loss(e, wide + r * e->cols, e->labels[r]);
    ref_check("loss", loss, losses, 1e-5, 1e-5);
    ref_check("dlogits", dlogits, ref_gradient(mean_loss, wide, n, (void *)(uintptr_t)e), 1e-6, 1e-5);
    clade_tensor *all[] = {logits, dlogits, labels, loss, total, weight};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) clade_tensor_free(all[i]);
    free(wide);
    free(x);
}

static void the_mean_is_over_counted_rows(void **state)
{
    static const int32_t labels[7] = {0, -100, 2, 4, 2, -100, 1}, ignored[2] = {-100, -100};
    static const int32_t many[3] = {66, 0, 12}, in_range[4] = {2, 0, 2, 1}, zeros[2] = {3, 3};
    static const float weight[5] = {0.5f, 2, 1, 0, 3};
    const example examples[] = {
        {7, 5, labels, NULL, 0, -100},   {7, 5, labels, weight, 0, -100},
        {7, 5, labels, NULL, 0.1, -100}, {7, 5, labels, weight, 0.25, -100},
        {7, 5, labels, weight, 1, -100}, {3, 131, many, NULL, 0.1, -100}, /* a row shared by lanes */
        {4, 3, in_range, NULL, 0, 2}, /* what is ignored is a class */
        {4, 3, in_range, NULL, 0.3, 2},
        {2, 5, ignored, weight, 0.1, -100}, /* nothing counts: loss and gradient are 0 */
        {2, 5, zeros, weight, 0, -100},     /* nor where each weighs 0 */
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        check_mean(*state, &examples[i]);
}

/* The total of each batch of an epoch lies in one tensor; which one is read at each run. */
static void the_total_is_read_at_each_run(void **state)
{
    static const float totals[3] = {2, 0, 8}, x[2] = {0, 0};
    static const int32_t label = 0, none = 7;
    clade_tensor *logits = test_tensor(*state, CLADE_SHAPE(1, 2), x);
    clade_tensor *dlogits = test_tensor(*state, CLADE_SHAPE(1, 2), NULL);
    clade_tensor *labels = test_tensor_int(*state, CLADE_SHAPE(1), &label);
    clade_tensor *loss = test_tensor(*state, CLADE_SHAPE(1), NULL);
    clade_tensor *of_batches = test_tensor(*state, CLADE_SHAPE(3), totals);
    clade__commands *commands;
    int32_t index = 0;
    const clade__cross_entropy_options options = {.total = {of_batches, &index}};
    assert_ok(clade__commands_create(&commands, *state));
    assert_ok(clade__cross_entropy(commands, loss, NULL, dlogits, logits, labels, 1, &options));
    for (int i = 0; i < 4; i++) { /* the last one is none */
        double *want = ref_doubles(2);
        index = i < 3 ? i : none;
        if (i == 0 || i == 2) want[1] = -(want[0] = -0.5 / (double)totals[i]);
        assert_ok(clade__commands_run(commands));
        ref_check("dlogits", dlogits, want, 1e-7, 0);
    }
    clade__commands_free(commands);
    clade_tensor *all[] = {logits, dlogits, labels, loss, of_batches};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) clade_tensor_free(all[i]);
}

static void without_options_the_kernel_is_the_plain_one(void **state)
{
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *loss = test_tensor(*state, CLADE_SHAPE(3), NULL);
    clade_tensor *labels = test_tensor_int(*state, CLADE_SHAPE(3), NULL);
    const clade__cross_entropy_options none = {0}, smoothed = {.label_smoothing = 0.1f};
    const clade__cross_entropy_options *const options[] = {NULL, &none, &smoothed};
    clade__commands *commands;
    assert_ok(clade__commands_create(&commands, *state));
    for (size_t i = 0; i < 3; i++) {
        assert_ok(clade__cross_entropy(commands, loss, NULL, x, x, labels, 1, options[i]));
        clade__command_info info = clade__commands_describe(commands, i);
        assert_int_equal(strstr(info.options, "COUNTED") != NULL, i == 2);
    }
    clade__commands_free(commands);
    clade_tensor_free(x);
    clade_tensor_free(loss);
    clade_tensor_free(labels);
}

static void test_errors(void **state)
{
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *rows = test_tensor(*state, CLADE_SHAPE(3), NULL);
    clade_tensor *four = test_tensor_int(*state, CLADE_SHAPE(4), NULL);
    clade_tensor *t = test_tensor_int(*state, CLADE_SHAPE(3), NULL);
    assert_fails(clade_cross_entropy(rows, NULL, NULL, x, four, 1, NULL), CLADE_ESHAPE,
                 "cross_entropy: labels is (4), want (3)");
    assert_fails(clade_cross_entropy(rows, NULL, NULL, x, rows, 1, NULL), CLADE_ESHAPE,
                 "cross_entropy: labels is float32, want int32");
    assert_fails(clade_cross_entropy(x, NULL, NULL, x, t, 1, NULL), CLADE_ESHAPE,
                 "cross_entropy: loss is (3, 5), want (3)");
    assert_fails(clade_cross_entropy(rows, x, NULL, x, t, 1, NULL), CLADE_ESHAPE,
                 "cross_entropy: hit is (3, 5), want (3)");
    assert_fails(clade_cross_entropy(rows, NULL, rows, x, t, 1, NULL), CLADE_ESHAPE,
                 "cross_entropy: dlogits is (3), want (3, 5)");
    assert_fails(clade_cross_entropy(rows, NULL, NULL, NULL, t, 1, NULL), CLADE_EINVAL,
                 "cross_entropy: logits is NULL");
    const clade_cross_entropy_options smooth = {.label_smoothing = 1.5f}, weigh = {.weight = rows};
    const clade_cross_entropy_options divide = {.total = rows}, ints = {.weight = t};
    assert_fails(clade_cross_entropy(rows, NULL, NULL, x, t, 1, &smooth), CLADE_EINVAL,
                 "cross_entropy: label_smoothing is 1.5, want 0 to 1");
    assert_fails(clade_cross_entropy(rows, NULL, NULL, x, t, 1, &weigh), CLADE_ESHAPE,
                 "cross_entropy: weights is (3), want (5)");
    assert_fails(clade_cross_entropy(rows, NULL, NULL, x, t, 1, &divide), CLADE_ESHAPE,
                 "cross_entropy: total is (3), want (1)");
    assert_fails(clade_count_rows(rows, t, 5, NULL), CLADE_ESHAPE, "count_rows: total is (3), want (1)");
    assert_fails(clade_count_rows(rows, rows, 5, NULL), CLADE_ESHAPE, "count_rows: labels is float32");
    clade_tensor *one = test_tensor(*state, CLADE_SHAPE(1), NULL);
    assert_fails(clade_count_rows(one, t, 0, NULL), CLADE_EINVAL, "count_rows: n_classes is 0");
    assert_fails(clade_count_rows(one, t, 3, &ints), CLADE_ESHAPE, "count_rows: weights is int32");
    clade_tensor_free(one);
    clade_tensor *all[] = {x, rows, four, t};
    for (size_t i = 0; i < 4; i++) clade_tensor_free(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(the_mean_is_over_counted_rows),
        cmocka_unit_test(the_total_is_read_at_each_run),
        cmocka_unit_test(without_options_the_kernel_is_the_plain_one),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

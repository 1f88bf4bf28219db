#include "reference.h"

/* -log softmax(x)[label] of one row; fills p with the softmax when it is given. */
static double row_loss(const double *x, int cols, int label, double *p)
{
    double top = x[0], sum = 0;
    for (int c = 1; c < cols; c++) top = fmax(top, x[c]);
    for (int c = 0; c < cols; c++) sum += exp(x[c] - top);
    for (int c = 0; p && c < cols; c++) p[c] = exp(x[c] - top) / sum;
    return log(sum) - (x[label] - top);
}

typedef struct labelled {
    ref_matrix size;
    const int32_t *labels;
    double scale;
} labelled;

static double scaled_loss(const double *x, void *user)
{
    const labelled *l = user;
    double sum = 0;
    for (int r = 0; r < l->size.rows; r++)
        sum += row_loss(x + r * l->size.cols, l->size.cols, l->labels[r], NULL);
    return sum * l->scale;
}

static void check_on(clade_device *device, ref_matrix size)
{
    const int rows = size.rows, cols = size.cols;
    const int64_t n = (int64_t)rows * cols;
    float *x = test_random(7, n, -5, 5);
    int32_t *labels = ref_labels(8, rows, cols);
    labelled l = {size, labels, 0.25};
    for (int r = 1; r < rows; r += 2) /* a hit in every other row */
        for (int c = 0; c < cols; c++)
            if (x[r * cols + c] > x[r * cols + labels[r]]) labels[r] = c;
    double *wide = ref_widen(x, n), *want = ref_doubles(rows), *want_dx = ref_doubles(n);
    double *want_hit = ref_doubles(rows);
    for (int r = 0; r < rows; r++) {
        double *p = want_dx + (int64_t)r * cols;
        want[r] = row_loss(wide + (int64_t)r * cols, cols, labels[r], p);
        want_hit[r] = 1;
        for (int c = 0; c < cols; c++)
            if (x[(int64_t)r * cols + c] > x[(int64_t)r * cols + labels[r]]) want_hit[r] = 0;
        p[labels[r]] -= 1;
        for (int c = 0; c < cols; c++) p[c] *= l.scale;
    }
    if (n <= 1000) {
        double *differences = ref_gradient(scaled_loss, wide, n, &l);
        ref_check_doubles("reference", want_dx, differences, n, 1e-6);
        free(differences);
    }
    const clade_shape shape = CLADE_SHAPE(rows, cols), of_rows = CLADE_SHAPE(rows);
    clade_tensor *tx = test_tensor(device, shape, x), *dx = test_tensor(device, shape, NULL);
    clade_tensor *t = test_tensor_int(device, of_rows, labels);
    clade_tensor *loss = test_tensor(device, of_rows, NULL);
    clade_tensor *hit = test_tensor(device, of_rows, NULL);
    clade_tensor *alone = test_tensor(device, of_rows, NULL);
    const char *what = test_text("cross_entropy (%d, %d)", rows, cols);
    assert_ok(clade_cross_entropy(loss, hit, dx, tx, t, (float)l.scale));
    ref_check(what, loss, want, 2e-6, 1e-5);
    ref_check(what, hit, want_hit, 0, 0);
    ref_check(what, dx, want_dx, 1e-7, 1e-5);
    assert_ok(clade_cross_entropy(alone, NULL, NULL, tx, t, (float)l.scale));
    float *first = test_read(loss);
    ref_check(what, alone, ref_widen(first, rows), 1e-6, 1e-6);
    free(first);
    assert_ok(clade_cross_entropy(alone, NULL, tx, tx, t, (float)l.scale)); /* in place */
    ref_check_same_bits(what, alone, loss);
    ref_check_same_bits(what, tx, dx);
    clade_tensor *all[] = {tx, dx, t, loss, hit, alone};
    for (size_t i = 0; i < 6; i++) clade_tensor_free(all[i]);
    free(x);
    free(labels);
    free(wide);
}

static void test_formula(void **state)
{
    for (int i = 0; i < ref_n_matrices; i++) check_on(*state, ref_matrices[i]);
}

/* Large logits, ties, a NaN, and labels out of range, in narrow rows and, padded with -2e4, in wide
 * ones. */
static void check_special(clade_device *device, int cols)
{
    enum { ROWS = 7 };
    const float x[ROWS][3] = {{1e4f, -1e4f, 0}, {1e4f, -1e4f, 0}, {2, 2, 1}, {2, 2, 1},
                              {1, NAN, 0},      {1, 2, 3},        {1, 2, 3}};
    const int32_t labels[ROWS] = {0, 1, 0, 1, 0, cols, -1};
    const double tie = log(2 + exp(-1));
    const double want[ROWS] = {0, 2e4, tie, tie, NAN, NAN, NAN};
    const double want_hit[ROWS] = {1, 0, 1, 0, 0, 0, 0};
    const double want_dx[2][3] = {{0, 0, 0}, {1, -1, 0}};
    float *padded = malloc(sizeof *padded * ROWS * (size_t)cols);
    assert_non_null(padded);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < cols; c++) padded[r * cols + c] = c < 3 ? x[r][c] : -2e4f;
    clade_tensor *tx = test_tensor(device, CLADE_SHAPE(ROWS, cols), padded);
    clade_tensor *t = test_tensor_int(device, CLADE_SHAPE(ROWS), labels);
    clade_tensor *dx = test_tensor(device, CLADE_SHAPE(ROWS, cols), NULL);
    clade_tensor *loss = test_tensor(device, CLADE_SHAPE(ROWS), NULL);
    clade_tensor *hit = test_tensor(device, CLADE_SHAPE(ROWS), NULL);
    assert_ok(clade_cross_entropy(loss, hit, dx, tx, t, 1));
    float *got = test_read(loss), *got_hit = test_read(hit), *got_dx = test_read(dx);
    test_assert_close("loss", got, want, ROWS, 1e-6, 1e-6);
    test_assert_close("hit", got_hit, want_hit, ROWS, 0, 0);
    for (int r = 0; r < 2; r++)
        test_assert_close("dlogits", got_dx + r * cols, want_dx[r], 3, 1e-6, 0);
    for (int i = 5 * cols; i < 7 * cols; i++) assert_true(got_dx[i] == 0); /* labels out of range */
    free(got);
    free(got_hit);
    free(got_dx);
    free(padded);
    clade_tensor *all[] = {tx, t, dx, loss, hit};
    for (size_t i = 0; i < 5; i++) clade_tensor_free(all[i]);
}

static void test_special_values(void **state)
{
    check_special(*state, 3);
    check_special(*state, 100);
}

static void test_errors(void **state)
{
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *rows = test_tensor(*state, CLADE_SHAPE(3), NULL);
    clade_tensor *four = test_tensor_int(*state, CLADE_SHAPE(4), NULL);
    clade_tensor *t = test_tensor_int(*state, CLADE_SHAPE(3), NULL);
    assert_fails(clade_cross_entropy(rows, NULL, NULL, x, four, 1), CLADE_ESHAPE,
                 "cross_entropy: labels is (4), want (3)");
    assert_fails(clade_cross_entropy(rows, NULL, NULL, x, rows, 1), CLADE_ESHAPE,
                 "cross_entropy: labels is float32, want int32");
    assert_fails(clade_cross_entropy(x, NULL, NULL, x, t, 1), CLADE_ESHAPE,
                 "cross_entropy: loss is (3, 5), want (3)");
    assert_fails(clade_cross_entropy(rows, x, NULL, x, t, 1), CLADE_ESHAPE,
                 "cross_entropy: hit is (3, 5), want (3)");
    assert_fails(clade_cross_entropy(rows, NULL, rows, x, t, 1), CLADE_ESHAPE,
                 "cross_entropy: dlogits is (3), want (3, 5)");
    assert_fails(clade_cross_entropy(rows, NULL, NULL, NULL, t, 1), CLADE_EINVAL,
                 "cross_entropy: logits is NULL");
    clade_tensor *all[] = {x, rows, four, t};
    for (size_t i = 0; i < 4; i++) clade_tensor_free(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

#include "reference.h"

typedef struct variant {
    const char *name;
    clade_status (*forward)(clade_tensor *y, const clade_tensor *x);
    clade_status (*backward)(clade_tensor *dx, const clade_tensor *y, const clade_tensor *dy);
    bool log;
} variant;

static const variant variants[] = {
    {"softmax", clade_softmax_forward, clade_softmax_backward, false},
    {"log_softmax", clade_log_softmax_forward, clade_log_softmax_backward, true},
};

static void reference(bool log_of, double *y, const double *x, int rows, int cols)
{
    for (int r = 0; r < rows; r++, x += cols, y += cols) {
        double top = x[0], sum = 0;
        for (int c = 1; c < cols; c++) top = fmax(top, x[c]);
        for (int c = 0; c < cols; c++) sum += exp(x[c] - top);
        for (int c = 0; c < cols; c++)
            y[c] = log_of ? x[c] - top - log(sum) : exp(x[c] - top) / sum;
    }
}

static double *reference_backward(bool log_of, const double *y, const float *dy, ref_matrix size)
{
    double *dx = ref_doubles((int64_t)size.rows * size.cols);
    for (int r = 0; r < size.rows; r++) {
        const int64_t at = (int64_t)r * size.cols;
        double sum = 0;
        for (int c = 0; c < size.cols; c++) sum += log_of ? dy[at + c] : dy[at + c] * y[at + c];
        for (int c = 0; c < size.cols; c++)
            dx[at + c] =
                log_of ? dy[at + c] - exp(y[at + c]) * sum : y[at + c] * (dy[at + c] - sum);
    }
    return dx;
}

/* sum(dy * y(x)): its gradient is what backward computes. */
typedef struct weighted {
    bool log_of;
    ref_matrix size;
    const float *dy;
    double *y;
} weighted;

static double weighted_sum(const double *x, void *user)
{
    const weighted *w = user;
    double sum = 0;
    reference(w->log_of, w->y, x, w->size.rows, w->size.cols);
    for (int i = 0; i < w->size.rows * w->size.cols; i++) sum += w->dy[i] * w->y[i];
    return sum;
}

static void check_reference(bool log_of, double *x, const double *dx, const float *dy,
                            ref_matrix size)
{
    const int n = size.rows * size.cols;
    if (n > 1000) return;
    weighted w = {log_of, size, dy, ref_doubles(n)};
    double *differences = ref_gradient(weighted_sum, x, n, &w);
    ref_check_doubles("reference", dx, differences, n, 1e-6);
    free(differences);
    free(w.y);
}

static void check_on(clade_device *device, const variant *v, ref_matrix size)
{
    const int64_t n = (int64_t)size.rows * size.cols;
    float *x = test_random(5, n, -4, 4), *dy = test_random(6, n, -1, 1);
    double *wide = ref_widen(x, n), *want = ref_doubles(n);
    reference(v->log, want, wide, size.rows, size.cols);
    double *want_dx = reference_backward(v->log, want, dy, size);
    check_reference(v->log, wide, want_dx, dy, size);

    const clade_shape shape = CLADE_SHAPE(size.rows, size.cols);
    clade_tensor *tx = test_tensor(device, shape, x), *y = test_tensor(device, shape, NULL);
    clade_tensor *tdy = test_tensor(device, shape, dy), *dx = test_tensor(device, shape, NULL);
    const char *what = test_text("%s (%d, %d)", v->name, size.rows, size.cols);
    assert_ok(v->forward(y, tx));
    assert_ok(v->backward(dx, y, tdy));
    ref_check(what, y, want, 1e-7, 1e-5);
    ref_check(what, dx, want_dx, 1e-6, 1e-5);
    assert_ok(v->forward(tx, tx));
    assert_ok(v->backward(tdy, y, tdy));
    ref_check_same_bits(what, tx, y);
    ref_check_same_bits(what, tdy, dx);
    clade_tensor *all[] = {tx, y, tdy, dx};
    for (size_t i = 0; i < 4; i++) clade_tensor_free(all[i]);
    free(x);
    free(dy);
    free(wide);
}

static void test_formula(void **state)
{
    for (int v = 0; v < 2; v++)
        for (int i = 0; i < ref_n_matrices; i++) check_on(*state, &variants[v], ref_matrices[i]);
}

static void test_extremes(void **state)
{
    /* Rows of 3, in a tensor of rank 3; the last has a NaN, which must not stay in its place. */
    const float x[] = {1e4f, -1e4f, 0, -1e4f, -1e4f, -1e4f, 1, NAN, 2};
    const double third = 1.0 / 3;
    const double want[] = {1, 0, 0, third, third, third, NAN, NAN, NAN};
    const double want_log[] = {0, -2e4, -1e4, log(third), log(third), log(third), NAN, NAN, NAN};
    clade_tensor *tx = test_tensor(*state, CLADE_SHAPE(1, 3, 3), x);
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(1, 3, 3), NULL);
    assert_ok(clade_softmax_forward(y, tx));
    float *got = test_read(y);
    test_assert_close("softmax", got, want, 9, 0, 1e-6);
    free(got);
    assert_ok(clade_log_softmax_forward(y, tx));
    got = test_read(y);
    test_assert_close("log_softmax", got, want_log, 9, 0, 1e-6);
    free(got);
    clade_tensor_free(tx);
    clade_tensor_free(y);
}

static void test_errors(void **state)
{
    clade_tensor *a = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *b = test_tensor(*state, CLADE_SHAPE(3, 4), NULL);
    for (int v = 0; v < 2; v++) {
        const char *name = variants[v].name;
        assert_fails(variants[v].forward(b, a), CLADE_ESHAPE,
                     test_text("%s: y is (3, 4), want (3, 5)", name));
        assert_fails(variants[v].forward(a, NULL), CLADE_EINVAL, test_text("%s: x is NULL", name));
        assert_fails(variants[v].backward(a, a, b), CLADE_ESHAPE,
                     test_text("%s: dy is (3, 4), want (3, 5)", name));
        assert_fails(variants[v].backward(NULL, a, a), CLADE_EINVAL,
                     test_text("%s: dx is NULL", name));
    }
    clade_tensor_free(a);
    clade_tensor_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

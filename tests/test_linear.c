#include "reference.h"

#include "ops/ops.h"

typedef struct size {
    int rows, in, out;
} size;

static const size sizes[] = {{1, 1, 1}, {7, 5, 3}, {64, 64, 64}, {33, 65, 17}, {128, 100, 10}};

#define N_SIZES (sizeof sizes / sizeof sizes[0])

/* c (m, n) = the sum over k of a b, at any strides; bias (n) or NULL. */
static double *product(int m, int n, int k, const float *a, int a_row, int a_col, const float *b,
                       int b_row, int b_col, const float *bias)
{
    double *c = ref_doubles((int64_t)m * n);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = bias ? bias[j] : 0;
            for (int l = 0; l < k; l++)
                sum += (double)a[i * a_row + l * a_col] * b[l * b_row + j * b_col];
            c[i * n + j] = sum;
        }
    return c;
}

static void check_on(clade_device *device, size s)
{
    const int rows = s.rows, in = s.in, out = s.out;
    float *x = test_random(24, (int64_t)rows * in, -1, 1);
    float *w = test_random(25, (int64_t)out * in, -1, 1), *bias = test_random(26, out, -1, 1);
    float *dy = test_random(27, (int64_t)rows * out, -1, 1);
    const float *ones = (const float[]){1};
    double *want_y = product(rows, out, in, x, in, 1, w, 1, in, bias);
    double *want_plain = product(rows, out, in, x, in, 1, w, 1, in, NULL);
    double *want_relu = product(rows, out, in, x, in, 1, w, 1, in, bias);
    for (int i = 0; i < rows * out; i++) want_relu[i] = fmax(want_relu[i], 0);
    double *want_dx = product(rows, in, out, dy, out, 1, w, in, 1, NULL);
    double *want_dw = product(out, in, rows, dy, 1, out, x, in, 1, NULL);
    double *want_db = product(1, out, rows, ones, 0, 0, dy, out, 1, NULL);

    clade_tensor *tx = test_tensor(device, CLADE_SHAPE(rows, in), x);
    clade_tensor *tw = test_tensor(device, CLADE_SHAPE(out, in), w);
    clade_tensor *tb = test_tensor(device, CLADE_SHAPE(out), bias);
    clade_tensor *tdy = test_tensor(device, CLADE_SHAPE(rows, out), dy);
    clade_tensor *y = test_tensor(device, CLADE_SHAPE(rows, out), NULL);
    clade_tensor *dx = test_tensor(device, CLADE_SHAPE(rows, in), NULL);
    clade_tensor *dw = test_tensor(device, CLADE_SHAPE(out, in), NULL);
    clade_tensor *db = test_tensor(device, CLADE_SHAPE(out), NULL);
    const char *what = test_text("linear (%d, %d) to %d", rows, in, out);
    assert_ok(clade_linear_forward(y, tx, tw, tb));
    ref_check(what, y, want_y, 1e-5, 1e-5);
    assert_ok(clade_linear_forward(y, tx, tw, NULL));
    ref_check(what, y, want_plain, 1e-5, 1e-5);
    assert_ok(clade__linear_forward(clade__immediate(device), y, tx, tw, tb, CLADE_RELU, 0));
    ref_check(what, y, want_relu, 1e-5, 1e-5);
    assert_ok(clade_linear_backward(dx, dw, db, tx, tw, tdy));
    ref_check(what, dx, want_dx, 1e-5, 1e-5);
    ref_check(what, dw, want_dw, 1e-5, 1e-5);
    ref_check(what, db, want_db, 1e-5, 1e-5);
    clade_tensor *all[] = {tx, tw, tb, tdy, y, dx, dw, db};
    for (int k = 0; k < 8; k++) clade_tensor_free(all[k]);
    free(x);
    free(w);
    free(bias);
    free(dy);
}

static void test_formula(void **state)
{
    for (size_t i = 0; i < N_SIZES; i++) check_on(*state, sizes[i]);
}

/* The gradient of a bias has a kernel of its own. */
static void test_bias_gradient(void **state)
{
    ref_verify(*state, "bias_gradient");
}

static void test_errors(void **state)
{
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(4, 5), NULL);
    clade_tensor *w = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(4, 3), NULL);
    clade_tensor *b = test_tensor(*state, CLADE_SHAPE(3), NULL);
    assert_fails(clade_linear_forward(y, x, y, b), CLADE_ESHAPE,
                 "linear: weight is (4, 3), want (4, 5)");
    assert_fails(clade_linear_forward(x, x, w, b), CLADE_ESHAPE,
                 "linear: y is (4, 5), want (4, 3)");
    assert_fails(clade_linear_forward(y, x, w, y), CLADE_ESHAPE,
                 "linear: bias is (4, 3), want (3)");
    assert_fails(clade_linear_forward(y, NULL, w, b), CLADE_EINVAL, "linear: x is NULL");
    assert_fails(clade_linear_backward(y, NULL, NULL, x, w, y), CLADE_ESHAPE,
                 "linear: dx is (4, 3), want (4, 5)");
    assert_fails(clade_linear_backward(NULL, x, NULL, x, w, y), CLADE_ESHAPE,
                 "linear: dweight is (4, 5), want (3, 5)");
    assert_fails(clade_linear_backward(NULL, NULL, x, x, w, y), CLADE_ESHAPE,
                 "linear: dbias is (4, 5), want (3)");
    assert_fails(clade_linear_backward(NULL, NULL, b, w, w, y), CLADE_ESHAPE,
                 "linear: x is (3, 5), want (4, 5)");
    clade_tensor *all[] = {x, w, y, b};
    for (int k = 0; k < 4; k++) clade_tensor_free(all[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_bias_gradient),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

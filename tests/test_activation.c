#include "reference.h"

#define SLOPE 0.2f

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double function(clade_activation kind, double x)
{
    switch (kind) {
    case CLADE_SIGMOID: return sigmoid(x);
    case CLADE_TANH: return tanh(x);
    case CLADE_RELU: return x > 0 ? x : 0;
    case CLADE_LEAKY_RELU: return x > 0 ? x : SLOPE * x;
    case CLADE_GELU: return x * 0.5 * (1 + erf(x / sqrt(2)));
    default: return x;
    }
}

/* By central differences; the inputs keep clear of the kink at 0. */
static double derivative(clade_activation kind, double x)
{
    const double step = 1e-6;
    return (function(kind, x + step) - function(kind, x - step)) / (2 * step);
}

static void check_on(clade_device *device, clade_activation kind, int n)
{
    float *x = test_random(3, n, -6, 6), *dy = test_random(4, n, -2, 2);
    double *want = ref_doubles(n), *want_dx = ref_doubles(n);
    for (int i = 0; i < n; i++) {
        if (fabsf(x[i]) < 1e-3f) x[i] = 1e-3f;
        if (i % 17 == 5) x[i] *= 20; /* where sigmoid and tanh are flat */
        want[i] = function(kind, x[i]);
        want_dx[i] = dy[i] * derivative(kind, x[i]);
    }
    const clade_shape shape = CLADE_SHAPE(n);
    clade_tensor *tx = test_tensor(device, shape, x), *y = test_tensor(device, shape, NULL);
    clade_tensor *tdy = test_tensor(device, shape, dy), *dx = test_tensor(device, shape, NULL);
    const bool by_x = kind == CLADE_GELU;
    const char *what = test_text("activation %d (%d)", (int)kind, n);
    assert_ok(clade_activation_forward(kind, SLOPE, y, tx));
    assert_ok(clade_activation_backward(kind, SLOPE, dx, by_x ? tx : NULL, by_x ? NULL : y, tdy));
    ref_check(what, y, want, 1e-6, 2e-6);
    ref_check(what, dx, want_dx, 2e-6, 2e-6);
    /* In place: dx in dy, then y in x. */
    assert_ok(clade_activation_backward(kind, SLOPE, tdy, by_x ? tx : NULL, by_x ? NULL : y, tdy));
    assert_ok(clade_activation_forward(kind, SLOPE, tx, tx));
    ref_check_same_bits(what, tdy, dx);
    ref_check_same_bits(what, tx, y);
    clade_tensor *all[] = {tx, y, tdy, dx};
    for (size_t i = 0; i < 4; i++) clade_tensor_free(all[i]);
    free(x);
    free(dy);
}

static void test_formula(void **state)
{
    for (clade_activation kind = CLADE_IDENTITY; kind <= CLADE_GELU; kind++)
        for (int i = 0; i < ref_n_lengths; i++) check_on(*state, kind, ref_lengths[i]);
}

static void test_special_values(void **state)
{
    enum { N = 4 };
    const float x[N] = {0, NAN, -1e30f, 1e30f}, ones[N] = {1, 1, 1, 1};
    const struct {
        clade_activation kind;
        double y[N], dx[N];
    } cases[] = {
        {CLADE_SIGMOID, {0.5, NAN, 0, 1}, {0.25, NAN, 0, 0}},
        {CLADE_TANH, {0, NAN, -1, 1}, {1, NAN, 0, 0}},
        {CLADE_RELU, {0, NAN, 0, 1e30}, {0, 1, 0, 1}},
        {CLADE_LEAKY_RELU, {0, NAN, -2e29, 1e30}, {SLOPE, SLOPE, SLOPE, 1}},
        {CLADE_GELU, {0, NAN, 0, 1e30}, {0.5, NAN, 0, 1}},
    };
    clade_tensor *tx = test_tensor(*state, CLADE_SHAPE(N), x);
    clade_tensor *tdy = test_tensor(*state, CLADE_SHAPE(N), ones);
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(N), NULL);
    clade_tensor *dx = test_tensor(*state, CLADE_SHAPE(N), NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ok(clade_activation_forward(cases[i].kind, SLOPE, y, tx));
        assert_ok(clade_activation_backward(cases[i].kind, SLOPE, dx, tx, y, tdy));
        float *got_y = test_read(y), *got_dx = test_read(dx);
        test_assert_close(test_text("y of %d", (int)cases[i].kind), got_y, cases[i].y, N, 0, 1e-6);
        test_assert_close(test_text("dx of %d", (int)cases[i].kind), got_dx, cases[i].dx, N, 2e-7,
                          1e-6); /* a tanh may stay one bit below 1 */
        free(got_y);
        free(got_dx);
    }
    clade_tensor *all[] = {tx, tdy, y, dx};
    for (size_t i = 0; i < 4; i++) clade_tensor_free(all[i]);
}

static void test_errors(void **state)
{
    clade_tensor *a = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *b = test_tensor(*state, CLADE_SHAPE(5, 3), NULL);
    clade_tensor *ints = test_tensor_int(*state, CLADE_SHAPE(3, 5), NULL);
    assert_fails(clade_activation_forward(CLADE_RELU, 0, b, a), CLADE_ESHAPE,
                 "relu: y is (5, 3), want (3, 5)");
    assert_fails(clade_activation_forward(CLADE_TANH, 0, a, ints), CLADE_ESHAPE,
                 "tanh: x is int32, want float32");
    assert_fails(clade_activation_forward(CLADE_RELU, 0, a, NULL), CLADE_EINVAL, "relu: x is NULL");
    assert_fails(clade_activation_forward((clade_activation)77, 0, a, a), CLADE_EINVAL,
                 "no kind 77");
    assert_fails(clade_activation_backward(CLADE_GELU, 0, a, NULL, a, a), CLADE_EINVAL,
                 "gelu: x is NULL");
    assert_fails(clade_activation_backward(CLADE_SIGMOID, 0, a, a, NULL, a), CLADE_EINVAL,
                 "sigmoid: y is NULL");
    assert_fails(clade_activation_backward(CLADE_SIGMOID, 0, b, a, a, a), CLADE_ESHAPE,
                 "sigmoid: dx is (5, 3), want (3, 5)");
    assert_fails(clade_activation_backward(CLADE_LEAKY_RELU, 0, a, a, a, a), CLADE_EINVAL,
                 "slope is 0");
    clade_device *other;
    assert_ok(clade_device_open(&other, NULL));
    clade_tensor *elsewhere = test_tensor(other, CLADE_SHAPE(3, 5), NULL);
    assert_fails(clade_activation_forward(CLADE_RELU, 0, elsewhere, a), CLADE_EINVAL,
                 "relu: y is on another device");
    clade_tensor *all[] = {a, b, ints, elsewhere};
    for (size_t i = 0; i < 4; i++) clade_tensor_free(all[i]);
    clade_device_free(other);
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

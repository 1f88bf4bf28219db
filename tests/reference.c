#include "reference.h"

const ref_matrix ref_matrices[] = {
    {1, 1},  {1, 7},  {7, 1},  {3, 5},   {63, 10},  {64, 10},  {65, 10},  {131, 13},
    {5, 63}, {5, 64}, {5, 65}, {1, 128}, {67, 129}, {3, 1000}, {2, 4099},
};
const int ref_n_matrices = sizeof ref_matrices / sizeof ref_matrices[0];

const int ref_lengths[] = {1, 7, 127, 128, 129, 1009};
const int ref_n_lengths = sizeof ref_lengths / sizeof ref_lengths[0];

double *ref_doubles(int64_t n)
{
    double *x = calloc((size_t)n, sizeof *x);
    assert_non_null(x);
    return x;
}

double *ref_widen(const float *x, int64_t n)
{
    double *wide = ref_doubles(n);
    for (int64_t i = 0; i < n; i++) wide[i] = x[i];
    return wide;
}

int32_t *ref_labels(uint64_t seed, int64_t n, int n_classes)
{
    float *random = test_random(seed, n, 0.0f, (float)n_classes);
    int32_t *labels = malloc((size_t)n * sizeof *labels);
    assert_non_null(labels);
    for (int64_t i = 0; i < n; i++) {
        labels[i] = (int32_t)random[i];
        if (labels[i] >= n_classes) labels[i] = n_classes - 1;
    }
    free(random);
    return labels;
}

void ref_check(const char *what, const clade_tensor *got, double *want, double atol, double rtol)
{
    float *data = test_read(got);
    test_assert_close(what, data, want, clade_tensor_elements(got), atol, rtol);
    free(data);
    free(want);
}

void ref_check_same_bits(const char *what, const clade_tensor *got, const clade_tensor *want)
{
    float *a = test_read(got), *b = test_read(want);
    assert_int_equal(clade_tensor_bytes(got), clade_tensor_bytes(want));
    if (memcmp(a, b, clade_tensor_bytes(got)) != 0) {
        print_error("%s: other bits\n", what);
        fail();
    }
    free(a);
    free(b);
}

double *ref_gradient(ref_function *f, double *x, int64_t n, void *user)
{
    const double step = 1e-5;
    double *gradient = ref_doubles(n);
    for (int64_t i = 0; i < n; i++) {
        const double middle = x[i];
        x[i] = middle + step;
        const double above = f(x, user);
        x[i] = middle - step;
        gradient[i] = (above - f(x, user)) / (2 * step);
        x[i] = middle;
    }
    return gradient;
}

void ref_check_doubles(const char *what, const double *got, const double *want, int64_t n,
                       double tolerance)
{
    for (int64_t i = 0; i < n; i++) {
        if (fabs(got[i] - want[i]) <= tolerance) continue;
        print_error("%s[%lld]: %.12g, want %.12g\n", what, (long long)i, got[i], want[i]);
        fail();
    }
}

static void check_slope(const ref_mean_loss *loss, double y, double target)
{
    const double step = 1e-6;
    const double difference =
        (loss->value(y + step, target) - loss->value(y - step, target)) / (2 * step);
    const double slope = loss->slope(y, target);
    ref_check_doubles(test_text("slope of %s", loss->name), &slope, &difference, 1, 1e-7);
}

static void check_mean_loss_on(clade_device *device, const ref_mean_loss *loss, ref_matrix size)
{
    const float scale = 0.37f;
    const int64_t n = (int64_t)size.rows * size.cols;
    float *y = test_random(1, n, -4, 4);
    float *target = test_random(2, n, loss->target_low, loss->target_high);
    double *want = ref_doubles(size.rows), *want_dy = ref_doubles(n);
    for (int64_t i = 0; i < n; i++) {
        want[i / size.cols] += loss->value(y[i], target[i]) / size.cols;
        want_dy[i] = loss->slope(y[i], target[i]) / size.cols * scale;
        if (i < 50) check_slope(loss, y[i], target[i]);
    }
    const clade_shape shape = CLADE_SHAPE(size.rows, size.cols);
    clade_tensor *ty = test_tensor(device, shape, y), *tt = test_tensor(device, shape, target);
    clade_tensor *dy = test_tensor(device, shape, NULL);
    clade_tensor *got = test_tensor(device, CLADE_SHAPE(size.rows), NULL);
    clade_tensor *alone = test_tensor(device, CLADE_SHAPE(size.rows), NULL);
    const char *what = test_text("%s (%d, %d)", loss->name, size.rows, size.cols);
    assert_ok(loss->run(got, dy, ty, tt, scale));
    assert_ok(loss->run(alone, NULL, ty, tt, scale));
    ref_check(what, got, want, 1e-6, 1e-5);
    ref_check(what, dy, want_dy, 1e-7, 1e-5);
    ref_check_same_bits(what, alone, got);
    assert_ok(loss->run(got, ty, ty, tt, scale));
    ref_check_same_bits(what, ty, dy);
    ref_check_same_bits(what, got, alone);
    clade_tensor *all[] = {ty, tt, dy, got, alone};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) clade_tensor_free(all[i]);
    free(y);
    free(target);
}

void ref_check_mean_loss(clade_device *device, const ref_mean_loss *loss)
{
    for (int i = 0; i < ref_n_matrices; i++) check_mean_loss_on(device, loss, ref_matrices[i]);

    clade_tensor *a = test_tensor(device, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *b = test_tensor(device, CLADE_SHAPE(3, 4), NULL);
    clade_tensor *rows = test_tensor(device, CLADE_SHAPE(3), NULL);
    clade_tensor *ints = test_tensor_int(device, CLADE_SHAPE(3, 5), NULL);
    assert_fails(loss->run(rows, NULL, a, b, 1), CLADE_ESHAPE,
                 test_text("%s: target is (3, 4), want (3, 5)", loss->name));
    assert_fails(loss->run(a, NULL, a, a, 1), CLADE_ESHAPE,
                 test_text("%s: loss is (3, 5), want (3)", loss->name));
    assert_fails(loss->run(rows, b, a, a, 1), CLADE_ESHAPE, "is (3, 4), want (3, 5)");
    assert_fails(loss->run(rows, NULL, a, ints, 1), CLADE_ESHAPE, "target is int32, want float32");
    assert_fails(loss->run(rows, NULL, NULL, a, 1), CLADE_EINVAL, "is NULL");
    assert_fails(loss->run(NULL, NULL, a, a, 1), CLADE_EINVAL, "loss is NULL");
    clade_tensor *all[] = {a, b, rows, ints};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) clade_tensor_free(all[i]);
}

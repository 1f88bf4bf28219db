#include "reference.h"

const ref_matrix ref_matrices[] = {
    {1, 1},  {1, 7},  {7, 1},  {3, 5},   {63, 10},  {64, 10},  {65, 10},  {131, 13},
    {5, 63}, {5, 64}, {5, 65}, {1, 128}, {67, 129}, {3, 1000}, {2, 4099},
};
const int ref_n_matrices = sizeof ref_matrices / sizeof ref_matrices[0];

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

void ref_check_loss_errors(clade_device *device, const char *name, ref_loss *loss)
{
    clade_tensor *a = test_tensor(device, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *b = test_tensor(device, CLADE_SHAPE(3, 4), NULL);
    clade_tensor *rows = test_tensor(device, CLADE_SHAPE(3), NULL);
    clade_tensor *ints = test_tensor_int(device, CLADE_SHAPE(3, 5), NULL);
    assert_fails(loss(rows, NULL, a, b, 1), CLADE_ESHAPE,
                 test_text("%s: target is (3, 4), want (3, 5)", name));
    assert_fails(loss(a, NULL, a, a, 1), CLADE_ESHAPE,
                 test_text("%s: loss is (3, 5), want (3)", name));
    assert_fails(loss(rows, b, a, a, 1), CLADE_ESHAPE, "is (3, 4), want (3, 5)");
    assert_fails(loss(rows, NULL, a, ints, 1), CLADE_ESHAPE, "target is int32, want float32");
    assert_fails(loss(rows, NULL, NULL, a, 1), CLADE_EINVAL, "is NULL");
    assert_fails(loss(NULL, NULL, a, a, 1), CLADE_EINVAL, "loss is NULL");
    clade_tensor *all[] = {a, b, rows, ints};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) clade_tensor_free(all[i]);
}

void ref_verify(clade_device *device, const char *op)
{
    const char *const ops[] = {op, NULL};
    const clade_verify_options options = {.ops = ops};
    clade_verify_result result;
    assert_ok(clade_verify(device, &options, &result));
    for (int i = 0; i < result.n_cases; i++) {
        const clade_verify_case *c = &result.cases[i];
        if (c->verdict == CLADE_WRONG)
            print_error("%s %s: %s (%s)\n", c->op, c->shape, c->problem, c->kernels);
    }
    assert_true(result.passed);
    clade_verify_free(&result);
}

#include "reference.h"

#include "ops/ops.h"

static const clade_adam_args variants[] = {
    {.lr = 0.1f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f},
    {.lr = 0.1f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f, .weight_decay = 0.1f},
    {.lr = 0.1f,
     .beta1 = 0.8f,
     .beta2 = 0.9f,
     .epsilon = 1e-3f,
     .weight_decay = 0.1f,
     .decoupled = true},
    {.lr = 0.1f, .beta1 = 0, .beta2 = 0, .epsilon = 1e-3f},
};

#define N_VARIANTS (sizeof variants / sizeof variants[0])
enum { STEPS = 4 };

static void reference(double *w, double *m, double *v, const float *grad, int n,
                      const clade_adam_args *a, int step)
{
    for (int i = 0; i < n; i++) {
        double g = grad[i];
        if (a->decoupled)
            w[i] -= (double)a->lr * a->weight_decay * w[i];
        else
            g += (double)a->weight_decay * w[i];
        m[i] = a->beta1 * m[i] + (1 - (double)a->beta1) * g;
        v[i] = a->beta2 * v[i] + (1 - (double)a->beta2) * g * g;
        const double mean = m[i] / (1 - pow(a->beta1, step));
        const double square = v[i] / (1 - pow(a->beta2, step));
        w[i] -= a->lr * mean / (sqrt(square) + a->epsilon);
    }
}

static void check_on(clade_device *device, const clade_adam_args *variant, int n)
{
    clade_adam_args args = *variant;
    float *start = test_random(22, n, -1, 1);
    double *want = ref_widen(start, n), *want_m = ref_doubles(n), *want_v = ref_doubles(n);
    clade_tensor *w = test_tensor(device, CLADE_SHAPE(n), start);
    clade_tensor *m = test_tensor(device, CLADE_SHAPE(n), NULL);
    clade_tensor *v = test_tensor(device, CLADE_SHAPE(n), NULL);
    assert_ok(clade_tensor_fill(m, 0));
    assert_ok(clade_tensor_fill(v, 0));
    for (args.step = 1; args.step <= STEPS; args.step++) {
        float *g = test_random(23 + (uint64_t)args.step, n, -1, 1);
        clade_tensor *grad = test_tensor(device, CLADE_SHAPE(n), g);
        reference(want, want_m, want_v, g, n, &args, (int)args.step);
        assert_ok(clade_adam_step(w, m, v, grad, &args));
        clade_tensor_free(grad);
        free(g);
    }
    const char *what = test_text("adam %d (%d)", (int)(variant - variants), n);
    ref_check(what, w, want, 3e-6, 1e-5);
    ref_check(what, m, want_m, 1e-6, 1e-5);
    ref_check(what, v, want_v, 1e-7, 1e-5);
    clade_tensor *all[] = {w, m, v};
    for (int k = 0; k < 3; k++) clade_tensor_free(all[k]);
    free(start);
}

static void test_formula(void **state)
{
    for (size_t v = 0; v < N_VARIANTS; v++)
        for (int i = 0; i < ref_n_lengths; i++) check_on(*state, &variants[v], ref_lengths[i]);
}

/* The first step of Adam without weight decay has length lr, whatever the gradient's. */
static void test_first_step(void **state)
{
    const float start[] = {1, 1, 1}, g[] = {1e-4f, -3, 2e5f};
    clade_tensor *w = test_tensor(*state, CLADE_SHAPE(3), start);
    clade_tensor *m = test_tensor(*state, CLADE_SHAPE(3), (float[3]){0});
    clade_tensor *v = test_tensor(*state, CLADE_SHAPE(3), (float[3]){0});
    clade_tensor *grad = test_tensor(*state, CLADE_SHAPE(3), g);
    clade_adam_args args = variants[0];
    args.step = 1;
    assert_ok(clade_adam_step(w, m, v, grad, &args));
    float *got = test_read(w);
    test_assert_close("w", got, (double[]){0.9, 1.1, 0.9}, 3, 2e-5, 0);
    free(got);
    clade_tensor *all[] = {w, m, v, grad};
    for (int k = 0; k < 4; k++) clade_tensor_free(all[k]);
}

static void test_errors(void **state)
{
    clade_tensor *w = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *other = test_tensor(*state, CLADE_SHAPE(5, 3), NULL);
    clade_adam_args good = variants[0];
    good.step = 1;
    assert_fails(clade_adam_step(w, other, w, w, &good), CLADE_ESHAPE,
                 "adam: m is (5, 3), want (3, 5)");
    assert_fails(clade_adam_step(w, w, w, NULL, &good), CLADE_EINVAL, "adam: grad is NULL");
    const struct {
        clade_adam_args args;
        const char *message;
    } rates[] = {
        {{.step = 0}, "adam: step is 0"},
        {{.step = 1, .lr = -1}, "adam: lr is -1"},
        {{.step = 1, .beta1 = 1}, "adam: beta1 is 1, want at least 0 and less than 1"},
        {{.step = 1, .beta2 = -0.5f}, "adam: beta2 is -0.5"},
        {{.step = 1, .epsilon = -1}, "adam: epsilon is -1"},
        {{.step = 1, .weight_decay = -1}, "adam: weight_decay is -1"},
    };
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        assert_fails(clade_adam_step(w, w, w, w, &rates[i].args), CLADE_EINVAL, rates[i].message);
    clade_tensor_free(w);
    clade_tensor_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_first_step),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

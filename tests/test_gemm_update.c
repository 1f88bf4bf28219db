/* The step of sgd inside gemm, against the formula of torch.optim.SGD in double precision. */
#include "support.h"

#include "blas/provider.h"
#include "ops/ops.h"

typedef struct update_case {
    int64_t m, n, k;
    bool trans_a;
    float momentum, weight_decay, bias_decay;
    bool nesterov;
} update_case;

static const update_case cases[] = {
    {1, 1, 1, true, 0, 0, 0, false},
    {7, 5, 3, true, 0.9f, 0, 0, false},
    {12, 32, 10, true, 0.5f, 1e-2f, 1e-2f, false},
    {13, 33, 11, true, 0.5f, 1e-2f, 1e-2f, true},
    {97, 101, 64, true, 0.9f, 0, 0, true},
    {97, 101, 64, false, 0.9f, 1e-3f, 1e-3f, false},
    {300, 500, 1, true, 0, 1e-2f, 1e-2f, false},
    {64, 17, 1500, true, 0.9f, 1e-3f, 1e-3f, false},
    {10, 784, 128, true, 0.9f, 0, 0, false},
    {23, 40, 9, true, 0.9f, 0.3f, 0, false},
    {23, 40, 9, true, 0, 0.3f, 0.1f, false},
};

static double gradient(const update_case *c, const float *a, const float *b, int64_t i, int64_t j)
{
    double sum = 0;
    for (int64_t p = 0; p < c->k; p++)
        sum += (double)a[c->trans_a ? p * c->m + i : i * c->k + p] * (double)b[p * c->n + j];
    return sum;
}

/* One step on w and velocity, as the formula in clade/ops.h has it. */
static void reference_step(const update_case *c, float lr, const float *a, const float *b,
                           double *w, double *velocity)
{
    for (int64_t i = 0; i < c->m; i++)
        for (int64_t j = 0; j < c->n; j++) {
            double *at = &w[i * c->n + j], *v = &velocity[i * c->n + j];
            double g = gradient(c, a, b, i, j) + (double)c->weight_decay * *at;
            *v = (double)c->momentum * *v + g;
            *at -= (double)lr * (c->nesterov ? g + (double)c->momentum * *v : *v);
        }
}

/* The same for a bias (m), whose gradient is the row sums of op(A). */
static void reference_bias_step(const update_case *c, float lr, const float *a, double *bias,
                                double *velocity)
{
    for (int64_t i = 0; i < c->m; i++) {
        double g = (double)c->bias_decay * bias[i], *v = &velocity[i];
        for (int64_t p = 0; p < c->k; p++) g += (double)a[c->trans_a ? p * c->m + i : i * c->k + p];
        *v = (double)c->momentum * *v + g;
        bias[i] -= (double)lr * (c->nesterov ? g + (double)c->momentum * *v : *v);
    }
}

/* Records once and runs twice, with another learning rate: it must be read at each run. */
static void check_case(clade_device *device, const update_case *c)
{
    int64_t n_w = c->m * c->n;
    float *a = test_random(1, c->m * c->k, -1, 1), *b = test_random(2, c->k * c->n, -1, 1);
    float *w0 = test_random(3, n_w, -1, 1), *v0 = test_random(4, n_w, -1, 1), lr = 0.25f;
    double *w = malloc((size_t)n_w * sizeof *w), *v = malloc((size_t)n_w * sizeof *v);
    for (int64_t i = 0; i < n_w; i++) {
        w[i] = (double)w0[i];
        v[i] = (double)v0[i];
    }
    clade_tensor *ta = test_tensor(device, CLADE_SHAPE(c->m * c->k), a);
    clade_tensor *tb = test_tensor(device, CLADE_SHAPE(c->k * c->n), b);
    clade_tensor *tw = test_tensor(device, CLADE_SHAPE(c->m, c->n), w0);
    float *b0 = test_random(5, c->m, -1, 1), *u0 = test_random(6, c->m, -1, 1);
    clade_tensor *tbias = test_tensor(device, CLADE_SHAPE(c->m), b0);
    clade_tensor *tu = c->momentum != 0 ? test_tensor(device, CLADE_SHAPE(c->m), u0) : NULL;
    double *bias = malloc((size_t)c->m * sizeof *bias), *u = malloc((size_t)c->m * sizeof *u);
    for (int64_t i = 0; i < c->m; i++) {
        bias[i] = (double)b0[i];
        u[i] = (double)u0[i];
    }
    clade_tensor *tv = c->momentum != 0 ? test_tensor(device, CLADE_SHAPE(c->m, c->n), v0) : NULL;
    const clade_gemm_args args = {.m = c->m, .n = c->n, .k = c->k, .trans_a = c->trans_a,
                                  .a = ta, .b = tb, .c = tw, .lda = c->trans_a ? c->m : c->k,
                                  .ldb = c->n, .ldc = c->n};
    clade__sgd_rates rates = {.lr = &lr, .momentum = c->momentum, .weight_decay = c->weight_decay,
                              .bias_decay = c->bias_decay, .nesterov = c->nesterov};
    clade__commands *commands;
    assert_ok(clade__commands_create(&commands, device));
    assert_true(clade__gemm_can_update(device, &args));
    assert_ok(clade__gemm_update(
        commands, &args, &(clade__sgd_state){.velocity = tv, .bias = tbias, .bias_velocity = tu},
        &rates));
    for (int run = 0; run < 2; run++) {
        reference_step(c, lr, a, b, w, v);
        reference_bias_step(c, lr, a, bias, u);
        assert_ok(clade__commands_run(commands));
        assert_ok(clade_device_finish(device));
        lr = 0.125f;
    }
    double bound = 4e-7 * (double)c->k + 4e-6;
    float *got = test_read(tw);
    test_assert_close("w", got, w, n_w, bound, 1e-6);
    free(got);
    got = test_read(tbias);
    test_assert_close("bias", got, bias, c->m, bound, 1e-6);
    free(got);
    if (tv) {
        got = test_read(tv);
        test_assert_close("velocity", got, v, n_w, 2 * bound, 1e-6);
        free(got);
    }
    clade__commands_free(commands);
    clade_tensor_free(ta);
    clade_tensor_free(tb);
    clade_tensor_free(tw);
    clade_tensor_free(tv);
    clade_tensor_free(tbias);
    clade_tensor_free(tu);
    free(b0), free(u0), free(bias), free(u);
    free(a), free(b), free(w0), free(v0), free(w), free(v);
}

static void a_step_is_as_the_formula_says(void **state)
{
    clade_gemm_args any = {.m = 1, .n = 1, .k = 1};
    assert_ok(clade_gemm_select(*state, "auto"));
    if (!clade__gemm_can_update(*state, &any)) skip(); /* no provider of this device offers it */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) check_case(*state, &cases[i]);
}

static void a_provider_without_it_refuses(void **state)
{
    float lr = 1;
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(4, 4), NULL);
    const clade_gemm_args args = {.m = 4, .n = 4, .k = 4, .a = x, .b = x, .c = x,
                                  .lda = 4, .ldb = 4, .ldc = 4};
    const clade__sgd_state none = {0};
    clade__sgd_rates plain = {.lr = &lr}, heavy = {.lr = &lr, .momentum = 0.9f};
    clade__commands *commands = clade__immediate(*state);
    assert_ok(clade_gemm_select(*state, "clblast"));
    assert_false(clade__gemm_can_update(*state, &args));
    assert_fails(clade__gemm_update(commands, &args, &none, &plain), CLADE_EINVAL,
                 "clblast has no update");
    assert_fails(clade__gemm_update(commands, &args, &none, &heavy), CLADE_EINVAL,
                 "wants a velocity");
    clade_gemm_args transposed = args;
    transposed.trans_b = true;
    assert_false(clade__gemm_can_update(*state, &transposed));
    assert_fails(clade__gemm_update(commands, &transposed, &none, &plain), CLADE_EINVAL,
                 "wants B as it is");
    clade_tensor *small = test_tensor(*state, CLADE_SHAPE(3), NULL);
    assert_fails(clade__gemm_update(commands, &args, &(clade__sgd_state){.velocity = small}, &heavy),
                 CLADE_ESHAPE, "velocity has 3 elements");
    assert_fails(clade__gemm_update(commands, &args, &(clade__sgd_state){.bias = small}, &plain),
                 CLADE_ESHAPE, "bias has 3 elements");
    assert_ok(clade_gemm_select(*state, "auto"));
    clade_tensor_free(small);
    clade_tensor_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_as_the_formula_says),
        cmocka_unit_test(a_provider_without_it_refuses),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

/* The scale of clipped gradients against the formula, and that the optimizers multiply by it. What a
 * training makes of it is in test_optimizers. */
#include "reference.h"

/* Around the chunks of a CPU and of other devices, and what no vector divides. */
static const int lengths[] = {1, 7, 65, 4095, 4096, 4097, 16384, 16387, 50021};
enum { N_LENGTHS = sizeof lengths / sizeof lengths[0] };

typedef struct gradients {
    int n;
    clade_tensor *all[N_LENGTHS];
    double norm;
} gradients;

/* n gradients of lengths[from], ... */
static gradients make(clade_device *device, int from, int n)
{
    gradients g = {.n = n};
    for (int i = 0; i < n; i++) {
        int length = lengths[from + i];
        float *x = test_random((uint64_t)(100 + from + i), length, -1, 1);
        for (int k = 0; k < length; k++) g.norm += (double)x[k] * (double)x[k];
        g.all[i] = test_tensor(device, CLADE_SHAPE(length), x);
        free(x);
    }
    g.norm = sqrt(g.norm);
    return g;
}

static void release(gradients *g)
{
    for (int i = 0; i < g->n; i++) clade_tensor_free(g->all[i]);
}

static float scale_of(clade_device *device, const gradients *g, float max_norm)
{
    clade_tensor *scale = test_tensor(device, CLADE_SHAPE(1), NULL);
    assert_ok(clade_clip_norm(scale, g->all, g->n, max_norm));
    float *got = test_read(scale), value = *got;
    free(got);
    clade_tensor_free(scale);
    return value;
}

static void the_scale_is_pytorch_s(void **state)
{
    for (int from = 0; from < N_LENGTHS; from++)
        for (int n = 1; from + n <= N_LENGTHS; n += 3) {
            gradients g = make(*state, from, n);
            static const float shares[] = {1e-3f, 0.5f, 0.999f};
            for (int i = 0; i < 3; i++) {
                float max_norm = (float)g.norm * shares[i], got = scale_of(*state, &g, max_norm);
                double want = (double)max_norm / (g.norm + 1e-6);
                if (!(fabs((double)got - want) <= 2e-6 * want))
                    fail_msg("%d gradients from %d: %.9g, want %.9g", n, from, (double)got, want);
                assert_true(scale_of(*state, &g, max_norm) == got);
            }
            assert_true(scale_of(*state, &g, (float)g.norm * 1.001f) == 1.0f);
            assert_true(scale_of(*state, &g, 0) == 0.0f);
            release(&g);
        }
}

static void zeros_are_left_alone_and_nan_is_seen(void **state)
{
    gradients g = make(*state, 2, 2);
    assert_ok(clade_tensor_fill(g.all[0], 0));
    assert_ok(clade_tensor_fill(g.all[1], 0));
    assert_true(scale_of(*state, &g, 1) == 1.0f);
    assert_ok(clade_tensor_fill(g.all[1], NAN));
    assert_true(isnan(scale_of(*state, &g, 1)));
    assert_ok(clade_tensor_fill(g.all[1], INFINITY));
    assert_true(scale_of(*state, &g, 1) == 0.0f); /* as PyTorch's */
    release(&g);
}

/* A step by a scale is the step of the gradient times the scale: bit for bit, for a power of two. */
static void optimizers_multiply_by_the_scale(void **state)
{
    enum { N = 1009 };
    const float quarter = 0.25f;
    float *g = test_random(1, N, -1, 1), *w = test_random(2, N, -1, 1);
    clade_tensor *grads[2], *scale = test_tensor(*state, CLADE_SHAPE(1), &quarter);
    grads[0] = test_tensor(*state, CLADE_SHAPE(N), g);
    for (int i = 0; i < N; i++) g[i] *= quarter;
    grads[1] = test_tensor(*state, CLADE_SHAPE(N), g);
    for (int kind = 0; kind < 3; kind++) { /* sgd, adam, adamw */
        clade_tensor *tensors[2][3];
        for (int i = 0; i < 2; i++) {
            for (int k = 0; k < 3; k++) tensors[i][k] = test_tensor(*state, CLADE_SHAPE(N), w);
            assert_ok(clade_tensor_fill(tensors[i][1], 0));
            assert_ok(clade_tensor_fill(tensors[i][2], 0));
            const clade_tensor *by = i == 0 ? scale : NULL;
            if (kind == 0)
                assert_ok(clade_sgd_step(tensors[i][0], tensors[i][1], grads[i],
                                         &(clade_sgd_args){.lr = 0.1f, .momentum = 0.9f,
                                                           .weight_decay = 0.1f, .scale = by}));
            else
                assert_ok(clade_adam_step(
                    tensors[i][0], tensors[i][1], tensors[i][2], grads[i],
                    &(clade_adam_args){.lr = 0.1f, .beta1 = 0.9f, .beta2 = 0.99f, .epsilon = 1e-8f,
                                       .weight_decay = 0.1f, .decoupled = kind == 2, .step = 1,
                                       .scale = by}));
        }
        for (int k = 0; k < 3; k++) ref_check_same_bits("scaled", tensors[0][k], tensors[1][k]);
        for (int i = 0; i < 2; i++)
            for (int k = 0; k < 3; k++) clade_tensor_free(tensors[i][k]);
    }
    clade_tensor_free(scale);
    clade_tensor_free(grads[0]);
    clade_tensor_free(grads[1]);
    free(g);
    free(w);
}

static void errors(void **state)
{
    gradients g = make(*state, 0, 2);
    clade_tensor *two = test_tensor(*state, CLADE_SHAPE(2), NULL);
    clade_tensor *one = test_tensor(*state, CLADE_SHAPE(1), NULL);
    clade_tensor *wrong[] = {g.all[0], NULL};
    assert_fails(clade_clip_norm(NULL, g.all, 2, 1), CLADE_EINVAL, "clip_norm: scale is NULL");
    assert_fails(clade_clip_norm(two, g.all, 2, 1), CLADE_ESHAPE, "clip_norm: scale is (2), want (1)");
    assert_fails(clade_clip_norm(one, g.all, 0, 1), CLADE_EINVAL, "clip_norm: 0 gradients");
    assert_fails(clade_clip_norm(one, wrong, 2, 1), CLADE_EINVAL, "clip_norm: a gradient is NULL");
    static const float norms[] = {-1, NAN, INFINITY};
    for (int i = 0; i < 3; i++)
        assert_fails(clade_clip_norm(one, g.all, 2, norms[i]), CLADE_EINVAL,
                     test_text("clip_norm: max_norm is %g, want a finite number, at least 0",
                               (double)norms[i]));
    assert_fails(clade_sgd_step(one, NULL, one, &(clade_sgd_args){.scale = two}), CLADE_ESHAPE,
                 "sgd: scale is (2), want (1)");
    assert_fails(clade_adam_step(one, one, one, one, &(clade_adam_args){.step = 1, .scale = two}),
                 CLADE_ESHAPE, "adam: scale is (2), want (1)");
    clade_tensor_free(one);
    clade_tensor_free(two);
    release(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scale_is_pytorch_s),
        cmocka_unit_test(zeros_are_left_alone_and_nan_is_seen),
        cmocka_unit_test(optimizers_multiply_by_the_scale),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

#include "reference.h"

#include "ops/ops.h"

static const clade_adam_args plain = {
    .lr = 0.1f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f, .step = 1};

static void test_cases(void **state)
{
    ref_verify(*state, "adam");
    ref_verify(*state, "adamw");
}

/* The first step of Adam without weight decay has length lr, whatever the gradient's. */
static void test_first_step(void **state)
{
    const float start[] = {1, 1, 1}, g[] = {1e-4f, -3, 2e5f};
    clade_tensor *w = test_tensor(*state, CLADE_SHAPE(3), start);
    clade_tensor *m = test_tensor(*state, CLADE_SHAPE(3), (float[3]){0});
    clade_tensor *v = test_tensor(*state, CLADE_SHAPE(3), (float[3]){0});
    clade_tensor *grad = test_tensor(*state, CLADE_SHAPE(3), g);
    assert_ok(clade_adam_step(w, m, v, grad, &plain));
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
    assert_fails(clade_adam_step(w, other, w, w, &plain), CLADE_ESHAPE,
                 "adam: m is (5, 3), want (3, 5)");
    assert_fails(clade_adam_step(w, w, w, NULL, &plain), CLADE_EINVAL, "adam: grad is NULL");
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
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_first_step),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

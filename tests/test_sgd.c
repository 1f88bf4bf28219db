#include "reference.h"

#include "ops/ops.h"

static void test_cases(void **state)
{
    ref_verify(*state, "sgd");
}

/* Recorded once, with a rate that changes from run to run: the same bits as at once. */
static void test_recorded(void **state)
{
    enum { N = 1009, STEPS = 3 };
    float *start = test_random(20, N, -1, 1), *g = test_random(21, N, -1, 1);
    clade_tensor *grad = test_tensor(*state, CLADE_SHAPE(N), g);
    clade_tensor *w[2], *v[2];
    for (int i = 0; i < 2; i++) {
        w[i] = test_tensor(*state, CLADE_SHAPE(N), start);
        v[i] = test_tensor(*state, CLADE_SHAPE(N), NULL);
        assert_ok(clade_tensor_fill(v[i], 0));
    }
    clade_sgd_args args = {
        .lr = 0.1f, .momentum = 0.9f, .weight_decay = 0.01f, .nesterov = true};
    float lr = 1e9f;
    clade__commands *commands;
    assert_ok(clade__commands_create(&commands, *state));
    assert_ok(clade__sgd_step(commands, w[1], v[1], grad, NULL,
                              &(clade__sgd_rates){.lr = &lr,
                                                  .momentum = args.momentum,
                                                  .weight_decay = args.weight_decay,
                                                  .nesterov = args.nesterov}));
    for (int step = 0; step < STEPS; step++) {
        args.lr = lr = 0.1f / (float)(1 + step);
        assert_ok(clade_sgd_step(w[0], v[0], grad, &args));
        assert_ok(clade__commands_run(commands));
        lr = 1e9f; /* was read: what comes after the run does not matter */
    }
    ref_check_same_bits("recorded w", w[1], w[0]);
    ref_check_same_bits("recorded velocity", v[1], v[0]);
    clade__commands_free(commands);
    clade_tensor *all[] = {grad, w[0], w[1], v[0], v[1]};
    for (int k = 0; k < 5; k++) clade_tensor_free(all[k]);
    free(start);
    free(g);
}

static void test_errors(void **state)
{
    clade_tensor *w = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *other = test_tensor(*state, CLADE_SHAPE(5, 3), NULL);
    const clade_sgd_args plain = {.lr = 0.1f}, momentum = {.lr = 0.1f, .momentum = 0.9f};
    assert_fails(clade_sgd_step(w, NULL, other, &plain), CLADE_ESHAPE,
                 "sgd: grad is (5, 3), want (3, 5)");
    assert_fails(clade_sgd_step(w, NULL, w, &momentum), CLADE_EINVAL, "sgd: velocity is NULL");
    assert_fails(clade_sgd_step(w, other, w, &momentum), CLADE_ESHAPE, "sgd: velocity is (5, 3)");
    assert_fails(clade_sgd_step(NULL, NULL, w, &plain), CLADE_EINVAL, "sgd: w is NULL");
    const struct {
        clade_sgd_args args;
        const char *message;
    } rates[] = {
        {{.lr = -1}, "sgd: lr is -1, want a finite number, at least 0"},
        {{.lr = NAN}, "sgd: lr is"},
        {{.lr = INFINITY}, "sgd: lr is inf"},
        {{.momentum = -0.5f}, "sgd: momentum is -0.5"},
        {{.weight_decay = NAN}, "sgd: weight_decay is"},
    };
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        assert_fails(clade_sgd_step(w, w, w, &rates[i].args), CLADE_EINVAL, rates[i].message);
    clade_tensor_free(w);
    clade_tensor_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

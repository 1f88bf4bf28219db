/* The step of sgd inside gemm: that it is read at each run, and refused where it is not offered. Its
 * results are among verify's cases. */
#include "blas/provider.h"
#include "reference.h"

/* Recorded once, and run with another learning rate: the parameter moves in proportion. */
static void the_rate_is_read_at_each_run(void **state)
{
    enum { M = 7, N = 5, K = 3 };
    float *a = test_random(1, K * M, -1, 1), *b = test_random(2, K * N, -1, 1);
    const float zeros[M * N] = {0}, rates[] = {0.25f, 1.0f, 0.5f};
    float lr = 1e9f;
    clade_tensor *ta = test_tensor(*state, CLADE_SHAPE(K, M), a);
    clade_tensor *tb = test_tensor(*state, CLADE_SHAPE(K, N), b);
    clade_tensor *w = test_tensor(*state, CLADE_SHAPE(M, N), zeros);
    const clade_gemm_args args = {.m = M, .n = N, .k = K, .trans_a = true, .a = ta, .b = tb,
                                  .c = w, .lda = M, .ldb = N, .ldc = N};
    const clade__sgd_state none = {0};
    clade__commands *commands;
    if (!clade__gemm_can_update(*state, NULL, &args)) skip(); /* no provider of this device offers it */
    assert_ok(clade__commands_create(&commands, *state));
    assert_ok(clade__gemm_update(commands, &args, &none, &(clade__sgd_rates){.lr = &lr}));
    for (int run = 0; run < 3; run++) {
        double *want = ref_doubles(M * N);
        for (int i = 0; i < M * N; i++)
            for (int k = 0; k < K; k++)
                want[i] -= (double)rates[run] * (double)a[k * M + i / N] * (double)b[k * N + i % N];
        lr = rates[run];
        assert_ok(clade_tensor_write(w, zeros));
        assert_ok(clade__commands_run(commands));
        ref_check(test_text("w of run %d", run), w, want, 1e-6, 0);
    }
    clade__commands_free(commands);
    clade_tensor *all[] = {ta, tb, w};
    for (int i = 0; i < 3; i++) clade_tensor_free(all[i]);
    free(a);
    free(b);
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
    assert_false(clade__gemm_can_update(*state, &clade__gemm_clblast, &args));
    assert_fails(clade__gemm_update(commands, &args, &none, &plain), CLADE_EINVAL,
                 "clblast has no update");
    assert_fails(clade__gemm_update(commands, &args, &none, &heavy), CLADE_EINVAL,
                 "wants a velocity");
    clade_gemm_args transposed = args;
    transposed.trans_b = true;
    assert_false(clade__gemm_can_update(*state, NULL, &transposed));
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
        cmocka_unit_test(the_rate_is_read_at_each_run),
        cmocka_unit_test(a_provider_without_it_refuses),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

/* gemm by every provider: verify's cases, and recorded calls. */
#include "blas/provider.h"
#include "reference.h"

static void every_provider_is_right(void **state)
{
    ref_verify(*state, "gemm");
}

/* Whether the provider is for this device: tiled is for CPUs. */
static bool is_for(const clade_device *device, const clade__gemm_provider *provider)
{
    const clade_gemm_args any = {.m = 8, .n = 8, .k = 8, .lda = 8, .ldb = 8, .ldc = 8};
    const char *reason = provider->refuses(device, &any);
    if (reason) print_message("%s refuses this device: %s\n", provider->name, reason);
    return !reason;
}

/* Recorded once, run on two inputs. */
static void recorded_calls(void **state)
{
    enum { M = 33, N = 17, K = 20 };
    float *x = test_random(1, M * K, -1, 1), *w = test_random(2, N * K, -1, 1);
    clade_tensor *a = test_tensor(*state, CLADE_SHAPE(M, K), x);
    clade_tensor *b = test_tensor(*state, CLADE_SHAPE(N, K), w);
    clade_tensor *c[2];
    for (int i = 0; i < 2; i++) c[i] = test_tensor(*state, CLADE_SHAPE(M, N), NULL);
    clade_gemm_args args = {.m = M, .n = N, .k = K, .trans_b = true, .alpha = 1, .a = a, .b = b,
                            .c = c[0], .lda = K, .ldb = K, .ldc = N};
    const clade__epilogue epilogue = {.activation = CLADE_TANH};
    for (int p = 0; clade__gemm_providers[p]; p++) {
        clade__commands *commands;
        if (!is_for(*state, clade__gemm_providers[p])) continue;
        assert_ok(clade_gemm_select(*state, clade__gemm_providers[p]->name));
        assert_ok(clade__commands_create(&commands, *state));
        clade__commands_set_gemm(commands, clade__gemm_providers[p]);
        args.c = c[0];
        assert_ok(clade__gemm(commands, &args, &epilogue));
        args.c = c[1];
        for (int run = 0; run < 2; run++) {
            for (int i = 0; i < M * K; i++) x[i] += 0.125f;
            assert_ok(clade_tensor_write(a, x));
            assert_ok(clade__commands_run(commands));
            assert_ok(clade__gemm(clade__immediate(*state), &args, &epilogue));
            float *got = test_read(c[0]), *want = test_read(c[1]);
            assert_memory_equal(got, want, M * N * sizeof *got);
            free(got);
            free(want);
            assert_ok(clade_tensor_fill(c[0], NAN));
        }
        clade__commands_free(commands);
    }
    assert_ok(clade_gemm_select(*state, "auto"));
    clade_tensor_free(a);
    clade_tensor_free(b);
    for (int i = 0; i < 2; i++) clade_tensor_free(c[i]);
    free(x);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_provider_is_right),
        cmocka_unit_test(recorded_calls),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

/* gemm's entry: what it refuses, the choice of a provider, and the check that a provider is right.
 * The results are test_gemm.c's. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <clblast_c.h>

#include "blas/provider.h"

/* ---- CLBlast, made to fail ------------------------------------------------------------------- */

/* The linker sends the library's calls of CLBlastSgemmWithTempBuffer to __wrap_…: see
 * tests/CMakeLists.txt. */
static float spoil = 1, spoil_beta = 1;            /* alpha and beta are multiplied by them */
static size_t spoil_c = 0;                         /* c's offset is so much less */
static size_t spoil_m = 0, spoil_n = 0;            /* so many last rows, columns are left out */
static CLBlastStatusCode instead = CLBlastSuccess; /* returned without a call, when a failure */

typedef CLBlastStatusCode sgemm(CLBlastLayout layout, CLBlastTranspose trans_a,
                                CLBlastTranspose trans_b, size_t m, size_t n, size_t k, float alpha,
                                cl_mem a, size_t a_offset, size_t lda, cl_mem b, size_t b_offset,
                                size_t ldb, float beta, cl_mem c, size_t c_offset, size_t ldc,
                                cl_command_queue *queue, cl_event *event, cl_mem scratch);
sgemm __real_CLBlastSgemmWithTempBuffer, __wrap_CLBlastSgemmWithTempBuffer;

CLBlastStatusCode __wrap_CLBlastSgemmWithTempBuffer(
    CLBlastLayout layout, CLBlastTranspose trans_a, CLBlastTranspose trans_b, size_t m, size_t n,
    size_t k, float alpha, cl_mem a, size_t a_offset, size_t lda, cl_mem b, size_t b_offset,
    size_t ldb, float beta, cl_mem c, size_t c_offset, size_t ldc, cl_command_queue *queue,
    cl_event *event, cl_mem scratch)
{
    if (instead != CLBlastSuccess) return instead;
    return __real_CLBlastSgemmWithTempBuffer(layout, trans_a, trans_b, m - spoil_m, n - spoil_n, k, spoil * alpha, a,
                                             a_offset, lda, b, b_offset, ldb, spoil_beta * beta, c,
                                             c_offset - spoil_c, ldc, queue, event, scratch);
}

/* ---- what it refuses ------------------------------------------------------------------------- */

static void shapes_must_fit(void **state)
{
    clade_tensor *a = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *b = test_tensor(*state, CLADE_SHAPE(5, 7), NULL);
    clade_tensor *c = test_tensor(*state, CLADE_SHAPE(3, 7), NULL);
    clade_tensor *flat = test_tensor(*state, CLADE_SHAPE(35), NULL);
    clade_tensor *labels = test_tensor_int(*state, CLADE_SHAPE(5, 7), NULL);
    const clade_status bad = CLADE_ESHAPE;
    assert_fails(clade_gemm(c, flat, b, 0, 0, 1, 0), bad, "ranks of A, B, C are 1, 2, 2, want 2");
    assert_fails(clade_gemm(c, a, flat, 0, 0, 1, 0), bad, "are 2, 1, 2");
    assert_fails(clade_gemm(flat, a, b, 0, 0, 1, 0), bad, "are 2, 2, 1");
    assert_fails(clade_gemm(c, a, b, 1, 0, 1, 0), bad,
                 "A (3, 5)ᵀ and B (5, 7) do not give C (3, 7)");
    assert_fails(clade_gemm(c, a, b, 0, 1, 1, 0), bad, "B (5, 7)ᵀ do not give");
    assert_fails(clade_gemm(b, a, b, 0, 0, 1, 0), bad, "do not give C (5, 7)");
    assert_fails(clade_gemm(c, a, labels, 0, 0, 1, 0), bad, "B is not float32");
    assert_fails(clade_gemm(NULL, a, b, 0, 0, 1, 0), CLADE_EINVAL, "c is NULL");
    assert_fails(clade_gemm(c, NULL, b, 0, 0, 1, 0), CLADE_EINVAL, "a is NULL");
    assert_fails(clade_gemm(c, a, NULL, 0, 0, 1, 0), CLADE_EINVAL, "b is NULL");
    assert_ok(clade_gemm(c, a, b, 0, 0, 1, 0));

    clade_device *other = test_open_again(state);
    clade_tensor *far = test_tensor(other, CLADE_SHAPE(5, 7), NULL);
    assert_fails(clade_gemm(c, a, far, 0, 0, 1, 0), CLADE_EINVAL, "not on one device");
    clade_tensor_free(far);
    clade_device_free(other);
    clade_tensor_free(a);
    clade_tensor_free(b);
    clade_tensor_free(c);
    clade_tensor_free(flat);
    clade_tensor_free(labels);
}

/* 3×2 by 2×4 in tensors that have not an element too many. */
static void parts_must_lie_in_their_tensors(void **state)
{
    clade_tensor *a = test_tensor(*state, CLADE_SHAPE(1 + 2 * 5 + 2), NULL);
    clade_tensor *b = test_tensor(*state, CLADE_SHAPE(2 + 1 * 6 + 4), NULL);
    clade_tensor *c = test_tensor(*state, CLADE_SHAPE(3 + 2 * 7 + 4), NULL);
    const clade_gemm_args good = {.m = 3, .n = 4, .k = 2, .alpha = 1, .a = a, .b = b, .c = c,
                                  .a_offset = 1, .b_offset = 2, .c_offset = 3,
                                  .lda = 5, .ldb = 6, .ldc = 7};
    assert_ok(clade_gemm_strided(&good));
#define REFUSED(status, part, change)                                                              \
    do {                                                                                           \
        clade_gemm_args args = good;                                                               \
        (void)(change);                                                                            \
        assert_fails(clade_gemm_strided(&args), status, part);                                     \
    } while (0)
    REFUSED(CLADE_ESHAPE, "gemm: A, 3×2 with ld 5 at offset 2, leaves its tensor of 13 elements",
            args.a_offset = 2);
    REFUSED(CLADE_ESHAPE, "B, 2×4 with ld 6 at offset 3, leaves", args.b_offset = 3);
    REFUSED(CLADE_ESHAPE, "C, 3×4 with ld 7 at offset 4, leaves", args.c_offset = 4);
    REFUSED(CLADE_ESHAPE, "leaves its tensor", args.lda = 6);
    REFUSED(CLADE_ESHAPE, "leaves its tensor", args.m = 4);
    REFUSED(CLADE_ESHAPE, "leaves its tensor", args.k = 3);
    REFUSED(CLADE_ESHAPE, "leaves its tensor", args.b_offset = -1);
    REFUSED(CLADE_ESHAPE, "leaves its tensor", args.c_offset = INT64_MAX);
    REFUSED(CLADE_ESHAPE, "leaves its tensor", args.a_offset = INT64_MAX - 5);
    REFUSED(CLADE_ESHAPE, "leaves its tensor", args.ldc = INT64_MAX);
    REFUSED(CLADE_ESHAPE, "ld of A is 1, want at least its 2 columns", args.lda = 1);
    REFUSED(CLADE_ESHAPE, "ld of A is 2, want at least its 3 columns",
            (args.trans_a = true, args.lda = 2));
    REFUSED(CLADE_ESHAPE, "ld of B is 3, want at least its 4 columns", args.ldb = 3);
    REFUSED(CLADE_ESHAPE, "ld of C is -7, want at least its 4 columns", args.ldc = -7);
    REFUSED(CLADE_ESHAPE, "m, n, k are 0, 4, 2, want 1 to 2147483647", args.m = 0);
    REFUSED(CLADE_ESHAPE, "m, n, k are 3, -1, 2", args.n = -1);
    REFUSED(CLADE_ESHAPE, "m, n, k are 3, 4, 2147483648", args.k = INT64_C(1) << 31);
    REFUSED(CLADE_EINVAL, "args->c is NULL", args.c = NULL);
#undef REFUSED
    clade__commands *immediate = clade__immediate(*state);
    assert_fails(clade__gemm(immediate, &good, &(clade__epilogue){.bias = a}), CLADE_ESHAPE,
                 "bias has 13 elements, want float32 of 4");
    clade_tensor *labels = test_tensor_int(*state, CLADE_SHAPE(4), NULL);
    assert_fails(clade__gemm(immediate, &good, &(clade__epilogue){.bias = labels}), CLADE_ESHAPE,
                 "want float32 of 4");
    clade_tensor_free(labels);
    clade_tensor_free(a);
    clade_tensor_free(b);
    clade_tensor_free(c);
}

/* ---- providers ------------------------------------------------------------------------------- */

static clade_status multiply(clade_device *device, float *out)
{
    clade_tensor *x = test_tensor(device, CLADE_SHAPE(1, 1), (float[]){3});
    clade_tensor *y = test_tensor(device, CLADE_SHAPE(1, 1), (float[]){0});
    clade_status status = clade_gemm(y, x, x, false, false, 1, 0);
    if (status == CLADE_OK) assert_ok(clade_tensor_read(y, out));
    clade_tensor_free(x);
    clade_tensor_free(y);
    return status;
}

static const char *selected(clade_device *device)
{
    return clade__gemm_provider_name(clade__commands_gemm(clade__immediate(device)));
}

static void providers_are_chosen_by_name(void **state)
{
    float got;
    assert_fails(clade_gemm_select(*state, "clblats"), CLADE_EINVAL,
                 "no gemm provider 'clblats'; did you mean 'clblast'?");
    assert_fails(clade_gemm_select(*state, "mkl"), CLADE_EINVAL, "; one of auto, tiled, local, clblast");

    clade_device *device = test_open_again(state); /* nothing chosen yet */
    assert_int_equal(setenv("CLADE_GEMM", "clblats", 1), 0);
    assert_fails(multiply(device, &got), CLADE_EINVAL,
                 "no gemm provider 'clblats' (from CLADE_GEMM); did you mean 'clblast'?");
    assert_ok(clade_gemm_select(device, "auto")); /* what is said wins */
    assert_ok(multiply(device, &got));
    assert_true(got == 9);
    assert_int_equal(setenv("CLADE_GEMM", "clblast", 1), 0);
    assert_string_equal(selected(device), "auto");
    assert_ok(clade_gemm_select(device, NULL));
    assert_string_equal(selected(device), "clblast");
    assert_int_equal(setenv("CLADE_GEMM", "", 1), 0);
    assert_ok(clade_gemm_select(device, NULL));
    assert_string_equal(selected(device), "auto");
    assert_int_equal(unsetenv("CLADE_GEMM"), 0);
    clade_device_free(device);
}

/* A refused choice changes nothing. */
static void an_unknown_provider_leaves_the_choice(void **state)
{
    assert_ok(clade_gemm_select(*state, "clblast"));
    assert_fails(clade_gemm_select(*state, "mkl"), CLADE_EINVAL, "no gemm provider 'mkl'");
    assert_string_equal(selected(*state), "clblast");
    assert_ok(clade_gemm_select(*state, "auto"));
}

/* The memory that a plan counts for a call is what the call takes. */
static void scratch_is_what_was_planned(void **state)
{
    clade_gemm_args args = {.m = 448, .n = 416, .k = 480, .trans_a = true, .alpha = 1,
                            .lda = 448, .ldb = 416, .ldc = 416};
    for (int p = 0; clade__gemm_providers[p]; p++) {
        clade_device *device = test_open_again(state);
        size_t bytes = SIZE_MAX;
        assert_ok(clade_gemm_select(device, clade__gemm_providers[p]->name));
        args.a = args.b = args.c = NULL;
        if (clade__gemm_providers[p]->refuses(device, &args)) {
            clade_device_free(device);
            continue;
        }
        assert_ok(clade__gemm_scratch_bytes(device, clade__gemm_providers[p], &args, &bytes));
        clade_tensor *a = test_tensor(device, CLADE_SHAPE(480, 448), NULL);
        clade_tensor *b = test_tensor(device, CLADE_SHAPE(480, 416), NULL);
        clade_tensor *c = test_tensor(device, CLADE_SHAPE(448, 416), NULL);
        args.a = a;
        args.b = b;
        args.c = c;
        uint64_t before = clade_device_bytes_held(device);
        for (int i = 0; i < 2; i++) {
            assert_ok(clade_gemm_strided(&args));
            assert_true(clade_device_bytes_held(device) == before + bytes);
        }
        clade_tensor_free(a);
        clade_tensor_free(b);
        clade_tensor_free(c);
        clade_device_free(device);
    }
}

static void errors_of_clblast_are_named(void **state)
{
    float got;
    assert_ok(clade_gemm_select(*state, "clblast"));
    instead = (CLBlastStatusCode)CL_OUT_OF_RESOURCES;
    assert_fails(multiply(*state, &got), CLADE_EOPENCL,
                 "CLBlastSgemmWithTempBuffer: CL_OUT_OF_RESOURCES (-5) (inside CLBlast)");
    instead = (CLBlastStatusCode)CL_MEM_OBJECT_ALLOCATION_FAILURE;
    assert_fails(multiply(*state, &got), CLADE_EDEVICEMEM, "CL_MEM_OBJECT_ALLOCATION_FAILURE");
    instead = CLBlastInvalidLeadDimA;
    assert_fails(multiply(*state, &got), CLADE_EOPENCL,
                 test_text("CLBlastSgemmWithTempBuffer: CLBlast status %d", (int)instead));
    instead = CLBlastSuccess;
    assert_ok(multiply(*state, &got));
    assert_true(got == 9);
    assert_ok(clade_gemm_select(*state, "auto"));
}

/* ---- the check ------------------------------------------------------------------------------- */

/* A call to check, of the four with these sizes. */
static clade_gemm_args call_of(int64_t m, int64_t n, int64_t k, int transposes)
{
    return (clade_gemm_args){.m = m, .n = n, .k = k, .trans_a = transposes & 1,
                             .trans_b = (transposes & 2) != 0};
}

static void every_provider_passes_the_check(void **state)
{
    clade_device *device = test_open_again(state);
    const int64_t sizes[][3] = {{5, 7, 3}, {33, 17, 65}, {448, 416, 480}, {1, 1, 1}};
    for (int p = 0; clade__gemm_providers[p]; p++) {
        for (int i = 0; i < 16; i++) {
            const int64_t *size = sizes[i / 4];
            clade_gemm_args call = call_of(size[0], size[1], size[2], i % 4);
            if (clade__gemm_providers[p]->refuses(device, &call)) continue;
            assert_ok(clade__gemm_check(device, clade__gemm_providers[p], &call, NULL));
        }
    }
    clade_device_free(device);
}

static void the_check_finds_what_is_wrong(void **state)
{
    clade_device *device = test_open_again(state);
    const char *name = clade_device_describe(device)->name;
    clade_gemm_args call = call_of(5, 7, 3, 0), other = call_of(5, 7, 3, 2);
    const clade__gemm_provider *clblast = &clade__gemm_clblast;
    spoil = 1.001f;
    assert_fails(clade__gemm_check(device, clblast, &call, NULL), CLADE_EWRONG,
                 "gemm provider clblast computes wrong results on ");
    assert_non_null(strstr(clade_error(), name));
    assert_non_null(strstr(clade_error(), "5×7×3, C["));
    assert_non_null(strstr(clade_error(), "choose another provider with --gemm or CLADE_GEMM"));
    spoil = NAN;
    assert_fails(clade__gemm_check(device, clblast, &call, NULL), CLADE_EWRONG, "nan"); /* not remembered */
    spoil = 1;
    assert_ok(clade__gemm_check(device, clblast, &call, NULL));
    call.beta = 1;
    spoil_beta = 0;
    assert_fails(clade__gemm_check(device, clblast, &call, NULL), CLADE_EWRONG, "5×7×3, added to C, C[");
    spoil_beta = 1;
    assert_ok(clade__gemm_check(device, clblast, &call, NULL));
    spoil = 0;
    assert_ok(clade__gemm_check(device, clblast, &call, NULL)); /* once for a shape */
    call.beta = 0;
    assert_ok(clade__gemm_check(device, clblast, &call, NULL)); /* and once more where it adds */
    assert_fails(clade__gemm_check(device, clblast, &other, NULL), CLADE_EWRONG, "B transposed");
    spoil = 1;
    clade_device_free(device);
}

/* What a call has beside its shape is tried too: where it writes beside C, that is noticed. */
static void the_check_goes_by_the_call(void **state)
{
    const clade__gemm_provider *clblast = &clade__gemm_clblast;
    clade_gemm_args call = call_of(70, 50, 30, 0);
    call.c_offset = 100;
    call.ldc = 60;
    call.alpha = 0.5f;
    spoil_c = 100;
    assert_fails(clade__gemm_check(*state, clblast, &call, NULL), CLADE_EWRONG, "70×50×30");
    call.c_offset = 1; /* its last rows are one element early: a gap's is overwritten */
    spoil_c = 1;
    assert_fails(clade__gemm_check(*state, clblast, &call, NULL), CLADE_EWRONG, "70×50×30");
    spoil_c = 0;
    assert_ok(clade__gemm_check(*state, clblast, &call, NULL));
    call.beta = 2;
    spoil_beta = 0.5f;
    assert_fails(clade__gemm_check(*state, clblast, &call, NULL), CLADE_EWRONG, "added to C");
    spoil_beta = 1;
    spoil = 2;
    call.alpha = 0.25f;
    call.beta = 0;
    assert_fails(clade__gemm_check(*state, clblast, &call, NULL), CLADE_EWRONG, "C[0][0]");
    spoil = 1;
}

/* Of a large product a part is compared: its last row and its last column are among it. */
static void a_large_product_is_sampled(void **state)
{
    clade_gemm_args call = call_of(515, 517, 1030, 0);
    assert_ok(clade__gemm_check(*state, &clade__gemm_clblast, &call, NULL));
    call.beta = 1;
    spoil_m = 1;
    assert_fails(clade__gemm_check(*state, &clade__gemm_clblast, &call, NULL), CLADE_EWRONG,
                 "515×517×1030, added to C, C[514][");
    spoil_m = 0;
    spoil_n = 1;
    assert_fails(clade__gemm_check(*state, &clade__gemm_clblast, &call, NULL), CLADE_EWRONG,
                 "[516] is 1, ");
    spoil_n = 0;
}

static int no_choice(void **state)
{
    return unsetenv("CLADE_GEMM") || test_open_device(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_must_fit),
        cmocka_unit_test(parts_must_lie_in_their_tensors),
        cmocka_unit_test(providers_are_chosen_by_name),
        cmocka_unit_test(an_unknown_provider_leaves_the_choice),
        cmocka_unit_test(scratch_is_what_was_planned),
        cmocka_unit_test(errors_of_clblast_are_named),
        cmocka_unit_test(every_provider_passes_the_check),
        cmocka_unit_test(the_check_finds_what_is_wrong),
        cmocka_unit_test(the_check_goes_by_the_call),
        cmocka_unit_test(a_large_product_is_sampled),
    };
    return cmocka_run_group_tests(tests, no_choice, test_close_device);
}

/* Tensors with an offset, of any element type, and larger than kernels can count. */
#include "reference.h"

#include "blas/provider.h"
#include "device/opencl.h"
#include "ops/ops.h"

enum { N = 1000, AT = 256, PART = 300 }; /* AT float32 are a multiple of 512 bytes */

static clade_tensor *view_of(clade_tensor *tensor, int64_t offset, clade_shape shape)
{
    clade_tensor *view;
    assert_ok(clade_tensor_view(&view, tensor, offset, shape));
    return view;
}

static clade_tensor *counting(clade_device *device)
{
    float values[N];
    for (int i = 0; i < N; i++) values[i] = (float)i;
    return test_tensor(device, CLADE_SHAPE(N), values);
}

/* Asserts that elements from `at` on, `n` of them, are `part` each, and all others as counting() has them. */
static void check_counting(const clade_tensor *tensor, int at, int n, float part)
{
    double want[N];
    for (int i = 0; i < N; i++) want[i] = i >= at && i < at + n ? (double)part : i;
    float *got = test_read(tensor);
    test_assert_close("tensor", got, want, N, 0, 0);
    free(got);
}

static void a_view_is_part_of_its_tensor(void **state)
{
    clade_tensor *tensor = counting(*state);
    for (int at = 0; at <= AT; at += 85) { /* at any element */
        clade_tensor *view = view_of(tensor, at, CLADE_SHAPE(PART / 3, 3));
        assert_int_equal(clade_tensor_elements(view), PART);
        assert_int_equal(clade_tensor_bytes(view), 4 * PART);
        assert_ptr_equal(clade_opencl_buffer(view), clade_opencl_buffer(tensor));
        assert_int_equal(clade_opencl_offset(view), 4 * at);
        float *got = test_read(view), back[PART];
        for (int i = 0; i < PART; i++) {
            assert_true(got[i] == (float)(at + i));
            back[i] = got[i];
            got[i] = -1;
        }
        assert_ok(clade_tensor_write(view, got));
        check_counting(tensor, at, PART, -1);
        assert_ok(clade_tensor_fill(view, 0.5f));
        check_counting(tensor, at, PART, 0.5f);
        assert_ok(clade__commands_zero(clade__immediate(*state), view));
        check_counting(tensor, at, PART, 0);
        assert_ok(clade_tensor_write(view, back));
        clade_tensor *inner = view_of(view, 7, CLADE_SHAPE(5)); /* a view of a view */
        assert_ok(clade_tensor_fill(inner, -2));
        check_counting(tensor, at + 7, 5, -2);
        assert_ok(clade_tensor_write(view, back));
        clade_tensor flat = clade__tensor_reshaped(view, CLADE_SHAPE(2, 3));
        assert_ok(clade_tensor_fill(&flat, 9));
        check_counting(tensor, at, 6, 9);
        assert_ok(clade_tensor_write(view, back));
        clade_tensor_free(inner);
        clade_tensor_free(view);
        free(got);
    }
    clade_tensor_free(tensor);
}

/* One kernel reads two parts of a tensor and writes a third, recorded and at once. */
static void operations_take_views(void **state)
{
    clade_tensor *tensor = counting(*state);
    clade_tensor *a = view_of(tensor, 0, CLADE_SHAPE(100)), *b = view_of(tensor, AT, CLADE_SHAPE(100));
    clade_tensor *y = view_of(tensor, 2 * AT, CLADE_SHAPE(100));
    clade__commands *commands;
    assert_ok(clade__commands_create(&commands, *state));
    assert_ok(clade__add_forward(commands, y, a, b));
    assert_ok(clade__add_forward(commands, y, y, b)); /* in place */
    clade_tensor_free(a);
    clade_tensor_free(b); /* recorded: the structs need not outlive the call */
    for (int run = 0; run < 2; run++) {
        double want[N];
        for (int i = 0; i < N; i++)
            want[i] = i >= 2 * AT && i < 2 * AT + 100 ? 3.0 * (i - 2 * AT) + 2 * AT : i;
        assert_ok(clade_tensor_fill(y, NAN));
        if (run == 0) {
            assert_ok(clade__commands_run(commands));
        } else {
            clade_tensor *x = view_of(tensor, 0, CLADE_SHAPE(100)), *z = view_of(tensor, AT, CLADE_SHAPE(100));
            assert_ok(clade_add_forward(y, x, z));
            assert_ok(clade_add_forward(y, y, z));
            clade_tensor_free(x);
            clade_tensor_free(z);
        }
        float *got = test_read(tensor);
        test_assert_close("sum", got, want, N, 0, 0);
        free(got);
    }
    clade__commands_free(commands);
    clade_tensor_free(y);
    clade_tensor_free(tensor);
}

/* A product of matrices that begin anywhere in one tensor, by every provider. */
static void gemm_takes_any_view(void **state)
{
    enum { M = 13, K = 9, L = 11, ALL = 1500 };
    float *values = test_random(1, ALL, -1, 1);
    for (int p = 0; clade__gemm_providers[p]; p++) {
        const clade_gemm_args any = {.m = M, .n = L, .k = K};
        if (clade__gemm_providers[p]->refuses(*state, &any)) continue;
        for (int apart = 0; apart < 2; apart++) {
            const int64_t at[] = {apart ? 128 : 1, apart ? 512 : 301, apart ? 1024 : 703};
            clade_tensor *tensor = test_tensor(*state, CLADE_SHAPE(ALL), values);
            clade_tensor *a = view_of(tensor, at[0], CLADE_SHAPE(M, K));
            clade_tensor *b = view_of(tensor, at[1], CLADE_SHAPE(K, L));
            clade_tensor *c = view_of(tensor, at[2], CLADE_SHAPE(M, L));
            assert_ok(clade_gemm_select(*state, clade__gemm_providers[p]->name));
            assert_ok(clade_gemm(c, a, b, false, false, 1, 0));
            double want[ALL];
            for (int i = 0; i < ALL; i++) want[i] = (double)values[i];
            for (int i = 0; i < M * L; i++) {
                double *sum = &want[at[2] + i];
                *sum = 0;
                for (int k = 0; k < K; k++)
                    *sum += (double)values[at[0] + i / L * K + k] *
                            (double)values[at[1] + k * L + i % L];
            }
            float *got = test_read(tensor);
            test_assert_close("product", got, want, ALL, 1e-5, 0);
            free(got);
            clade_tensor *all[] = {a, b, c, tensor};
            for (int i = 0; i < 4; i++) clade_tensor_free(all[i]);
        }
    }
    assert_ok(clade_gemm_select(*state, "auto"));
    free(values);
}

static void what_cannot_be_a_view_is_refused(void **state)
{
    clade_tensor *view, *tensor = counting(*state), *y = test_tensor(*state, CLADE_SHAPE(3), NULL);
    assert_fails(clade_tensor_view(&view, tensor, -1, CLADE_SHAPE(3)), CLADE_ESHAPE,
                 "view: 3 elements from number -1 on leave a tensor of 1000");
    assert_null(view);
    assert_fails(clade_tensor_view(&view, tensor, 998, CLADE_SHAPE(3)), CLADE_ESHAPE, "number 998");
    assert_fails(clade_tensor_view(&view, tensor, 0, CLADE_SHAPE(0)), CLADE_ESHAPE, "view: dimension 0");
    assert_fails(clade_tensor_view(NULL, tensor, 0, CLADE_SHAPE(3)), CLADE_EINVAL, "out is NULL");
    assert_fails(clade_tensor_view(&view, NULL, 0, CLADE_SHAPE(3)), CLADE_EINVAL, "tensor is NULL");
    view = view_of(tensor, 1, CLADE_SHAPE(3));
    const size_t alignment = clade_device_describe(*state)->view_alignment_bytes;
    assert_true(alignment > 4 && 512 % alignment == 0);
    const char *message = test_text("add_forward: a view of (3) begins at byte 4 of its memory: kernels "
                                    "want a multiple of %zu bytes on ", alignment);
    clade__commands *dry;
    assert_ok(clade__commands_create_dry(&dry, *state));
    assert_fails(clade_add_forward(y, view, view), CLADE_ESHAPE, message);
    assert_fails(clade__add_forward(dry, y, view, view), CLADE_ESHAPE, message);
    clade__commands_free(dry);
    clade_tensor_free(view);
    clade_tensor_free(y);
    clade_tensor_free(tensor);
}

static void element_types_have_names(void **state)
{
    (void)state;
    assert_string_equal(clade_dtype_name(CLADE_FLOAT32), "float32");
    assert_string_equal(clade_dtype_name(CLADE_INT32), "int32");
    assert_string_equal(clade_dtype_name(CLADE_UINT8), "uint8");
    assert_int_equal(clade_dtype_bytes(CLADE_INT32), 4);
    assert_int_equal(clade_dtype_bytes(CLADE_UINT8), 1);
    assert_null(clade_dtype_name((clade_dtype)99));
    assert_int_equal(clade_dtype_bytes((clade_dtype)99), 0);
}

/* Shapes may have more elements than kernels count; then it is the launch that refuses. */
static void large_tensors_are_counted(void **state)
{
    const int64_t most = (int64_t)1 << 62;
    clade_tensor *tensor;
    assert_ok(clade__shape_check(CLADE_SHAPE(1 << 30, 2, 1 << 30, 2), "x"));
    assert_ok(clade__shape_check(CLADE_SHAPE(1, 2, 3, 4, 5, 6), "x"));
    assert_fails(clade__shape_check(CLADE_SHAPE(most, 2), "x"), CLADE_ESHAPE, "x: more than 2^62");
    assert_fails(clade__shape_check((clade_shape){.rank = 7}, "x"), CLADE_ESHAPE, "rank 7, want 0 to 6");
    assert_fails(clade_tensor_create(&tensor, *state, CLADE_FLOAT32, CLADE_SHAPE(most), NULL),
                 CLADE_EDEVICEMEM, "no room");
    assert_true(clade_shape_elements(CLADE_SHAPE(1 << 20, 1 << 20)) == (int64_t)1 << 40);

    clade_tensor x = clade__tensor_view(*state, NULL, CLADE_FLOAT32, CLADE_SHAPE(1 << 16, 1 << 16)), y = x;
    clade__commands *dry;
    assert_ok(clade__commands_create_dry(&dry, *state));
    assert_fails(clade__add_forward(dry, &y, &x, &x), CLADE_ESHAPE,
                 "add_forward: a tensor is (65536, 65536): kernels count at most 2147483647 elements");
    const clade_gemm_args args = {.m = 1, .n = 1, .k = 1, .a = &x, .b = &x, .c = &y,
                                  .lda = 1, .ldb = 1, .ldc = 1};
    assert_fails(clade__gemm(dry, &args, NULL), CLADE_ESHAPE, "gemm: A is in a tensor of 4294967296");
    clade__commands_free(dry);
}

/* Beyond 2^31 bytes and elements: only the pages that are touched take memory on a CPU. */
static void the_end_of_a_large_tensor_is_reached(void **state)
{
    const int64_t n = ((int64_t)1 << 31) + 4096, at = n - 2048;
    const clade_device_info *info = clade_device_describe(*state);
    if (info->type != CLADE_DEVICE_CPU || info->max_allocation_bytes < (uint64_t)n) skip();
    clade_tensor *tensor;
    assert_ok(clade_tensor_create(&tensor, *state, CLADE_UINT8, CLADE_SHAPE(n), NULL));
    assert_true(clade_tensor_elements(tensor) == n);
    unsigned char bytes[2048], back[2048];
    for (int i = 0; i < 2048; i++) bytes[i] = (unsigned char)i;
    clade_tensor *view = view_of(tensor, at, CLADE_SHAPE(2048));
    assert_ok(clade_tensor_write(view, bytes));
    clade__transfer transfer;
    assert_ok(clade__tensor_read_begin(tensor, (size_t)at, back, 2048, &transfer));
    assert_ok(clade__transfer_wait(&transfer));
    assert_memory_equal(back, bytes, 2048);
    assert_ok(clade__commands_zero(clade__immediate(*state), view));
    assert_ok(clade_tensor_read(view, back));
    for (int i = 0; i < 2048; i++) assert_int_equal(back[i], 0);
    clade_tensor_free(view);
    clade_tensor_free(tensor);
    clade__pool_trim(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_is_part_of_its_tensor),
        cmocka_unit_test(operations_take_views),
        cmocka_unit_test(gemm_takes_any_view),
        cmocka_unit_test(what_cannot_be_a_view_is_refused),
        cmocka_unit_test(element_types_have_names),
        cmocka_unit_test(large_tensors_are_counted),
        cmocka_unit_test(the_end_of_a_large_tensor_is_reached),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

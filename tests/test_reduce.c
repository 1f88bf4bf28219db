#include "reference.h"

#include "ops/ops.h"

static void test_cases(void **state)
{
    static const char *const kinds[] = {"sum", "mean", "max", "argmax"};
    for (int kind = 0; kind < 4; kind++) ref_verify(*state, kinds[kind]);
}

/* A long axis with few outputs goes in two launches; each kind of shape has a case of both. */
static void test_scratch(void **state)
{
    static const struct {
        clade_shape shape;
        int dim;
        bool scratch;
    } cases[] = {
        {{1, {1}}, 0, false},            {{2, {5, 65}}, 1, false},   {{2, {128, 512}}, 0, false},
        {{1, {4099}}, CLADE_ALL, false}, {{2, {1, 50021}}, 1, true}, {{2, {600, 3}}, 0, true},
        {{2, {10007, 3}}, 0, true},      {{1, {7}}, 1, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(clade__reduce_scratch(cases[i].dim, cases[i].shape) > 0, cases[i].scratch);
}

/* Any dimension of a tensor of rank 4. */
static void test_dimensions(void **state)
{
    enum { N = 2 * 3 * 5 * 7 };
    static const int sizes[] = {2, 3, 5, 7};
    float *x = test_random(10, N, -1, 1);
    clade_tensor *src = test_tensor(*state, CLADE_SHAPE(2, 3, 5, 7), x);
    for (int dim = 0, inner = N; dim < 4; dim++) {
        inner /= sizes[dim];
        clade_tensor *dst = test_tensor(*state, CLADE_SHAPE(N / sizes[dim]), NULL);
        double *want = ref_doubles(N / sizes[dim]);
        for (int i = 0; i < N; i++) want[i / (inner * sizes[dim]) * inner + i % inner] += x[i];
        assert_ok(clade_reduce_forward(CLADE_SUM, dim, dst, src));
        ref_check(test_text("sum over %d", dim), dst, want, 1e-6, 0);
        clade_tensor_free(dst);
    }
    clade_tensor_free(src);
    free(x);
}

static float *read_any(const clade_tensor *tensor)
{
    float *data = test_read(tensor);
    if (clade_tensor_dtype(tensor) == CLADE_INT32)
        for (int64_t i = 0; i < clade_tensor_elements(tensor); i++)
            data[i] = (float)((int32_t *)(void *)data)[i];
    return data;
}

/* -inf everywhere, a NaN after and before larger ones, in each way of sharing a row. */
static void test_special_values(void **state)
{
    static const int64_t lengths[] = {5, 100, 50000};
    for (int i = 0; i < 3; i++) {
        const int64_t n = lengths[i];
        float *x = malloc((size_t)(3 * n) * sizeof *x);
        assert_non_null(x);
        for (int64_t k = 0; k < n; k++) {
            x[k] = -INFINITY;
            x[n + k] = x[2 * n + k] = (float)k;
        }
        x[n + 2] = x[n + 4] = NAN;
        x[3 * n - 1] = INFINITY;
        clade_tensor *src = test_tensor(*state, CLADE_SHAPE(3, n), x);
        clade_tensor *largest = test_tensor(*state, CLADE_SHAPE(3), NULL);
        clade_tensor *place = test_tensor_int(*state, CLADE_SHAPE(3), NULL);
        assert_ok(clade_reduce_forward(CLADE_MAX, 1, largest, src));
        assert_ok(clade_reduce_forward(CLADE_ARGMAX, 1, place, src));
        float *got = test_read(largest), *got_place = read_any(place);
        test_assert_close("max", got, (double[]){-INFINITY, NAN, INFINITY}, 3, 0, 0);
        test_assert_close("argmax", got_place, (double[]){0, 2, (double)(n - 1)}, 3, 0, 0);
        double *want = ref_doubles(3 * n);
        want[0] = 1;
        want[n + 2] = 2;
        want[3 * n - 1] = 3;
        clade_tensor *ddst = test_tensor(*state, CLADE_SHAPE(3), (float[]){1, 2, 3});
        clade_tensor *dsrc = test_tensor(*state, CLADE_SHAPE(3, n), NULL);
        assert_ok(clade_reduce_backward(CLADE_MAX, 1, dsrc, src, ddst));
        ref_check("gradient of max", dsrc, want, 0, 0);
        clade_tensor *all[] = {src, largest, place, ddst, dsrc};
        for (int k = 0; k < 5; k++) clade_tensor_free(all[k]);
        free(x);
        free(got);
        free(got_place);
    }
}

static void test_recorded(void **state)
{
    const int64_t n = 50021;
    const int64_t n_scratch = clade__reduce_scratch(CLADE_ALL, CLADE_SHAPE(n));
    float *x = test_random(12, n, -1, 1);
    clade_tensor *src = test_tensor(*state, CLADE_SHAPE(n), x);
    clade_tensor *a = test_tensor(*state, CLADE_SHAPE(1), NULL);
    clade_tensor *b = test_tensor(*state, CLADE_SHAPE(1), NULL);
    clade_tensor *scratch = test_tensor(*state, CLADE_SHAPE(n_scratch), NULL);
    clade__commands *commands;
    assert_ok(clade__commands_create(&commands, *state));
    assert_fails(clade__reduce_forward(commands, CLADE_SUM, CLADE_ALL, b, src, NULL), CLADE_EINVAL,
                 "sum: scratch is NULL");
    assert_ok(clade__reduce_forward(commands, CLADE_SUM, CLADE_ALL, b, src, scratch));
    assert_ok(clade_tensor_fill(b, -1));
    assert_ok(clade__commands_run(commands));
    assert_ok(clade_reduce_forward(CLADE_SUM, CLADE_ALL, a, src));
    ref_check_same_bits("recorded sum", b, a);
    clade__commands_free(commands);
    clade_tensor *all[] = {src, a, b, scratch};
    for (int i = 0; i < 4; i++) clade_tensor_free(all[i]);
    free(x);
}

static void test_errors(void **state)
{
    clade_tensor *src = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *dst = test_tensor(*state, CLADE_SHAPE(3), NULL);
    clade_tensor *ints = test_tensor_int(*state, CLADE_SHAPE(3), NULL);
    assert_fails(clade_reduce_forward(CLADE_SUM, 2, dst, src), CLADE_EINVAL, "sum: dim is 2");
    assert_fails(clade_reduce_forward(CLADE_MEAN, -2, dst, src), CLADE_EINVAL, "mean: dim is -2");
    assert_fails(clade_reduce_forward(CLADE_SUM, 0, dst, src), CLADE_ESHAPE,
                 "sum: dst is (3), want (5)");
    assert_fails(clade_reduce_forward(CLADE_ARGMAX, 1, dst, src), CLADE_ESHAPE,
                 "argmax: dst is float32, want int32");
    assert_fails(clade_reduce_forward(CLADE_MAX, 1, ints, src), CLADE_ESHAPE,
                 "max: dst is int32, want float32");
    assert_fails(clade_reduce_forward((clade_reduction)9, 1, dst, src), CLADE_EINVAL, "no kind 9");
    assert_fails(clade_reduce_forward(CLADE_SUM, 1, dst, NULL), CLADE_EINVAL, "sum: src is NULL");
    assert_fails(clade_reduce_backward(CLADE_ARGMAX, 1, src, src, dst), CLADE_EINVAL,
                 "argmax: it has no gradient");
    assert_fails(clade_reduce_backward(CLADE_MAX, 1, src, NULL, dst), CLADE_EINVAL,
                 "max: src is NULL");
    assert_fails(clade_reduce_backward(CLADE_SUM, 0, src, NULL, dst), CLADE_ESHAPE,
                 "sum: ddst is (3), want (5)");
    clade_tensor *all[] = {src, dst, ints};
    for (int i = 0; i < 3; i++) clade_tensor_free(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_scratch),
        cmocka_unit_test(test_dimensions),
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

#include "reference.h"

#include "ops/ops.h"

typedef struct reduce_case {
    clade_shape shape;
    int dim;
    bool scratch; /* goes in two launches */
} reduce_case;

#define CASE(dim, scratch, ...)                                                                    \
    {                                                                                              \
        {(int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), {__VA_ARGS__}}, dim, scratch           \
    }

static const reduce_case cases[] = {
    CASE(0, false, 1),
    CASE(0, false, 7),
    CASE(1, false, 7, 1),
    CASE(0, false, 1, 7),
    CASE(1, false, 65, 13), /* narrow rows */
    CASE(1, false, 5, 64),
    CASE(1, false, 5, 65), /* wide rows */
    CASE(1, false, 131, 1000),
    CASE(0, false, 13, 67),  /* columns, a short axis */
    CASE(0, false, 131, 67), /* columns */
    CASE(0, false, 128, 512),
    CASE(1, false, 3, 29, 65),
    CASE(1, false, 2, 3, 5, 7),
    CASE(2, false, 2, 3, 17, 7),
    CASE(CLADE_ALL, false, 2, 3, 5, 7),
    CASE(CLADE_ALL, false, 4099),
    CASE(CLADE_ALL, true, 50021),
    CASE(0, true, 30011),
    CASE(1, true, 2, 20011),
    CASE(0, true, 10007, 3), /* columns, in chunks */
    CASE(1, true, 2, 5003, 5),
};

#define N_CASES (sizeof cases / sizeof cases[0])

static void sizes(const reduce_case *c, int64_t *outer, int64_t *axis, int64_t *inner)
{
    *outer = *inner = 1;
    *axis = c->dim == CLADE_ALL ? clade_shape_elements(c->shape) : c->shape.dim[c->dim];
    for (int i = 0; c->dim != CLADE_ALL && i < c->shape.rank; i++) {
        if (i < c->dim) *outer *= c->shape.dim[i];
        if (i > c->dim) *inner *= c->shape.dim[i];
    }
}

/* The result for one output whose first element is x, and the place of the first largest. */
static double reference(clade_reduction kind, const float *x, int64_t axis, int64_t inner,
                        int64_t *first)
{
    double sum = 0;
    *first = 0;
    for (int64_t a = 0; a < axis; a++) {
        sum += x[a * inner];
        const float best = x[*first * inner];
        if (x[a * inner] > best || (isnan(x[a * inner]) && !isnan(best))) *first = a;
    }
    switch (kind) {
    case CLADE_SUM: return sum;
    case CLADE_MEAN: return sum / (double)axis;
    case CLADE_MAX: return x[*first * inner];
    default: return (double)*first;
    }
}

static float *read_any(const clade_tensor *tensor)
{
    float *data = test_read(tensor);
    if (clade_tensor_dtype(tensor) == CLADE_INT32)
        for (int64_t i = 0; i < clade_tensor_elements(tensor); i++)
            data[i] = (float)((int32_t *)(void *)data)[i];
    return data;
}

static void check_on(clade_device *device, clade_reduction kind, const reduce_case *c)
{
    int64_t outer, axis, inner;
    sizes(c, &outer, &axis, &inner);
    const int64_t n = outer * axis * inner, n_dst = outer * inner;
    float *x = test_random(10, n, -1, 1), *ddst = test_random(11, n_dst, -1, 1);
    for (int64_t i = 0; i < n; i++)
        if (kind >= CLADE_MAX) x[i] = roundf(x[i] * 20) / 20; /* so that there are equals */
    double *want = ref_doubles(n_dst), *want_dx = ref_doubles(n);
    double largest_sum = 1;
    for (int64_t k = 0; k < n_dst; k++) {
        const int64_t start = k / inner * axis * inner + k % inner;
        int64_t first;
        want[k] = reference(kind, x + start, axis, inner, &first);
        largest_sum = fmax(largest_sum, sqrt((double)axis));
        for (int64_t a = 0; a < axis; a++)
            want_dx[start + a * inner] = kind == CLADE_SUM    ? ddst[k]
                                         : kind == CLADE_MEAN ? ddst[k] / (double)axis
                                         : a == first         ? ddst[k]
                                                              : 0;
    }
    clade_tensor *src = test_tensor(device, c->shape, x);
    clade_tensor *dst = kind == CLADE_ARGMAX
                            ? test_tensor_int(device, CLADE_SHAPE(outer, inner), NULL)
                            : test_tensor(device, CLADE_SHAPE(outer, inner), NULL);
    clade_tensor *tddst = test_tensor(device, CLADE_SHAPE(n_dst), ddst);
    clade_tensor *dsrc = test_tensor(device, c->shape, NULL);
    const char *what = test_text("reduction %d of case %d", (int)kind, (int)(c - cases));
    assert_int_equal(clade__reduce_scratch(c->dim, c->shape) > 0, c->scratch);
    assert_ok(clade_reduce_forward(kind, c->dim, dst, src));
    float *got = read_any(dst);
    const double atol = kind == CLADE_SUM ? 1e-6 * largest_sum : kind == CLADE_MEAN ? 1e-7 : 0;
    test_assert_close(what, got, want, n_dst, atol, kind >= CLADE_MAX ? 0 : 1e-6);
    if (kind != CLADE_ARGMAX) {
        assert_ok(clade_reduce_backward(kind, c->dim, dsrc, kind == CLADE_MAX ? src : NULL, tddst));
        ref_check(what, dsrc, want_dx, 0, 2e-7);
    } else {
        free(want_dx);
    }
    clade_tensor *all[] = {src, dst, tddst, dsrc};
    for (size_t i = 0; i < 4; i++) clade_tensor_free(all[i]);
    free(x);
    free(ddst);
    free(want);
    free(got);
}

static void test_formula(void **state)
{
    for (size_t i = 0; i < N_CASES; i++)
        for (clade_reduction kind = CLADE_SUM; kind <= CLADE_ARGMAX; kind++)
            check_on(*state, kind, &cases[i]);
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
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

/* gemm, by every provider, against a double-precision reference.
 *
 * A float sum of k products, in any order and with or without fused operations, is within
 * (k + a few) u sum |a| |b| of the true one, u = 2^-24 (Higham, Accuracy and Stability of Numerical
 * Algorithms, 3.1): that is the tolerance, and no other. Around every matrix lie NaNs with a
 * pattern: read, they spoil a result; written, they change. */
#include "support.h"

#include "base/philox.h"
#include "blas/provider.h"

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))
#define UNIT        0x1p-24
#define PADDING     UINT32_C(0x7fc0c1ad) /* a quiet NaN */

typedef struct gemm_case {
    int m, n, k, trans; /* trans: 1 for A, 2 for B */
    float alpha, beta;
    int offset, padding; /* where A starts, and its ld beyond the columns; for B and C more */
    bool with_bias;
    clade_activation activation;
} gemm_case;

/* ---- one case -------------------------------------------------------------------------------- */

/* A matrix (rows, cols) among NaNs: elements[offset + row ld + col]. */
typedef struct matrix {
    int64_t rows, cols, offset, ld, n; /* n: elements of the tensor */
    float *elements;
    clade_tensor *tensor;
} matrix;

static void set_padding(float *element)
{
    const uint32_t bits = PADDING;
    memcpy(element, &bits, sizeof bits);
}

static matrix make(clade_device *device, uint64_t seed, int rows, int cols, int offset, int padding,
                   bool only_nan)
{
    matrix x = {.rows = rows, .cols = cols, .offset = offset, .ld = cols + padding};
    x.n = x.offset + x.rows * x.ld + 2 * padding;
    x.elements = test_random(seed, x.n, -1, 1);
    for (int64_t i = 0; i < x.n; i++) {
        int64_t at = i - x.offset;
        if (only_nan || at < 0 || at % x.ld >= x.cols || at / x.ld >= x.rows)
            set_padding(&x.elements[i]);
    }
    /* Without padding it is a plain matrix, fit for clade_gemm. */
    clade_shape shape =
        offset + padding ? CLADE_SHAPE(x.n) : CLADE_SHAPE(x.rows, x.cols);
    x.tensor = test_tensor(device, shape, x.elements);
    return x;
}

static void drop(matrix *x)
{
    clade_tensor_free(x->tensor);
    free(x->elements);
}

static double activated(clade_activation kind, double slope, double x)
{
    switch (kind) {
    case CLADE_IDENTITY: return x;
    case CLADE_SIGMOID: return 1 / (1 + exp(-x));
    case CLADE_TANH: return tanh(x);
    case CLADE_RELU: return x > 0 ? x : 0;
    case CLADE_LEAKY_RELU: return x > 0 ? x : slope * x;
    case CLADE_GELU: return x * 0.5 * (1 + erf(x / sqrt(2)));
    }
    return NAN;
}

static const float slope = 0.125f;

/* Compares one row of C; got is the whole tensor. Returns the number of wrong elements. */
static int compare_row(const gemm_case *g, const matrix *a, const matrix *b, const matrix *c,
                       const float *bias, const float *got, int64_t i)
{
    int n_wrong = 0;
    for (int64_t j = 0; j < g->n; j++) {
        double sum = 0, size = 0, before = 0;
        for (int64_t p = 0; p < g->k; p++) {
            double product =
                (double)a->elements[a->offset + (g->trans & 1 ? p * a->ld + i : i * a->ld + p)] *
                (double)b->elements[b->offset + (g->trans & 2 ? j * b->ld + p : p * b->ld + j)];
            sum += product;
            size += fabs(product);
        }
        int64_t at = c->offset + i * c->ld + j;
        if (g->beta != 0) before = (double)g->beta * (double)c->elements[at];
        double added = g->with_bias ? (double)bias[j] : 0;
        double want = activated(g->activation, (double)slope,
                                (double)g->alpha * sum + before + added);
        double tolerance = (g->k + 6) * UNIT *
                           (fabs((double)g->alpha) * size + fabs(before) + fabs(added));
        /* gelu's slope is at most 1.13; the functions themselves are good to some ulp. */
        if (g->activation != CLADE_IDENTITY)
            tolerance = 1.2 * tolerance + 16 * UNIT * (1 + fabs(want));
        if (fabs((double)got[at] - want) <= tolerance) continue; /* false for NaN */
        if (n_wrong++ < 3)
            print_error("C[%lld][%lld]: got %.9g, want %.9g, tolerance %.3g\n", (long long)i,
                        (long long)j, (double)got[at], want, tolerance);
    }
    return n_wrong;
}

/* Rows from first to last, of a large matrix some; and the padding of C. */
static void compare(const char *provider, const gemm_case *g, const matrix *a, const matrix *b,
                    const matrix *c, const float *bias, const float *got)
{
    int n_wrong = 0, n_written = 0;
    int64_t rows = (int64_t)g->m * g->n * g->k > 4000000 ? g->m / 12 : 1;
    for (int64_t i = 0; i < g->m; i = i == g->m - 1 || i + rows < g->m ? i + rows : g->m - 1)
        n_wrong += compare_row(g, a, b, c, bias, got, i);
    for (int64_t i = 0; i < c->n; i++) {
        int64_t at = i - c->offset;
        if (at >= 0 && at % c->ld < c->cols && at / c->ld < c->rows) continue;
        n_written += memcmp(&got[i], &c->elements[i], sizeof *got) != 0;
    }
    if (n_wrong == 0 && n_written == 0) return;
    print_error("%s %dx%dx%d trans %d alpha %g beta %g offset %d padding %d bias %d activation %d: "
                "%d wrong, %d written outside\n", provider, g->m, g->n, g->k, g->trans,
                (double)g->alpha, (double)g->beta, g->offset, g->padding, g->with_bias,
                (int)g->activation, n_wrong, n_written);
    fail();
}

static clade_status call(clade_device *device, const gemm_case *g, const clade_gemm_args *args,
                         const clade_tensor *bias)
{
    if (g->with_bias || g->activation != CLADE_IDENTITY)
        return clade__gemm(clade__immediate(device), args,
                           &(clade__epilogue){bias, g->activation, slope});
    return g->offset + g->padding ? clade_gemm_strided(args)
                                  : clade_gemm(args->c, args->a, args->b, args->trans_a,
                                               args->trans_b, args->alpha, args->beta);
}

/* Runs a case, twice for the same bits; false when the provider refuses it. */
static bool run_case(clade_device *device, const clade__gemm_provider *provider, uint64_t seed,
                     const gemm_case *g)
{
    bool trans_a = g->trans & 1, trans_b = g->trans & 2;
    int more = g->offset + g->padding ? 1 : 0;
    matrix a = make(device, seed, trans_a ? g->k : g->m, trans_a ? g->m : g->k, g->offset,
                    g->padding, false);
    matrix b = make(device, seed + 1, trans_b ? g->n : g->k, trans_b ? g->k : g->n,
                    g->offset + more, g->padding + more, false);
    matrix c = make(device, seed + 2, g->m, g->n, g->offset + 2 * more, g->padding + 2 * more,
                    g->beta == 0);
    float *bias = test_random(seed + 3, g->n, -1, 1);
    clade_tensor *bias_tensor = g->with_bias ? test_tensor(device, CLADE_SHAPE(g->n), bias) : NULL;
    const clade_gemm_args args = {
        .m = g->m, .n = g->n, .k = g->k, .trans_a = trans_a, .trans_b = trans_b,
        .alpha = g->alpha, .beta = g->beta, .a = a.tensor, .b = b.tensor, .c = c.tensor,
        .a_offset = a.offset, .b_offset = b.offset, .c_offset = c.offset,
        .lda = a.ld, .ldb = b.ld, .ldc = c.ld};

    bool taken = !provider->refuses(device, &args);
    if (taken) {
        assert_ok(call(device, g, &args, bias_tensor));
        float *got = test_read(c.tensor);
        compare(provider->name, g, &a, &b, &c, bias, got);
        assert_ok(clade_tensor_write(c.tensor, c.elements));
        assert_ok(call(device, g, &args, bias_tensor));
        float *again = test_read(c.tensor);
        assert_memory_equal(again, got, clade_tensor_bytes(c.tensor));
        free(again);
        free(got);
    }
    clade_tensor_free(bias_tensor);
    free(bias);
    drop(&a);
    drop(&b);
    drop(&c);
    return taken;
}

/* Whether the provider is for this device: tiled is for CPUs. */
static bool is_for(const clade_device *device, const clade__gemm_provider *provider)
{
    const clade_gemm_args any = {.m = 8, .n = 8, .k = 8, .lda = 8, .ldb = 8, .ldc = 8};
    const char *reason = provider->refuses(device, &any);
    if (reason) print_message("%s refuses this device: %s\n", provider->name, reason);
    return !reason;
}

/* Runs cases by every provider for this device; each must take at least one, and there is one. */
static void run_cases(clade_device *device, const gemm_case *cases, int n)
{
    int n_providers = 0;
    for (int p = 0; clade__gemm_providers[p]; p++) {
        const clade__gemm_provider *provider = clade__gemm_providers[p];
        int n_taken = 0;
        if (!is_for(device, provider)) continue;
        n_providers++;
        assert_ok(clade_gemm_select(device, provider->name));
        assert_string_equal(clade__gemm_selected(device), provider->name);
        for (int i = 0; i < n; i++)
            n_taken += run_case(device, provider, (uint64_t)(10 * i), &cases[i]);
        if (n_taken < n) print_message("%s took %d of %d\n", provider->name, n_taken, n);
        assert_true(n_taken > 0);
    }
    assert_true(n_providers > 0);
    assert_ok(clade_gemm_select(device, "auto"));
    assert_string_equal(clade__gemm_selected(device), "auto");
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static const float scales[][2] = {{1, 0}, {1, 1}, {-0.5f, 0.25f}, {2, 0}, {0, -1}, {0.75f, -0.5f}};

static gemm_case random_case(clade__random *random, int i)
{
    static const int sizes[] = {1,  2,  3,  5,  7,  11, 13, 15, 16, 17,  19,  23,  31,  32,
                                33, 37, 48, 53, 63, 64, 65, 79, 97, 101, 127, 128, 129, 200};
    int dims[3];
    for (int d = 0; d < 3; d++)
        dims[d] = sizes[clade__random_below(random, (uint32_t)COUNT(sizes))];
    const float *scale = scales[clade__random_below(random, (uint32_t)COUNT(scales))];
    return (gemm_case){.m = dims[0], .n = dims[1], .k = dims[2], .trans = i % 4,
                       .alpha = scale[0], .beta = scale[1]};
}

static void dense_matrices(void **state)
{
    enum { N = 64 };
    gemm_case cases[N];
    clade__random random = clade__random_start(1, 1);
    for (int i = 0; i < N; i++) cases[i] = random_case(&random, i);
    for (int i = 0; i < 4; i++) cases[i].m = cases[i].n = cases[i].k = 1;
    run_cases(*state, cases, N);
}

static void parts_of_tensors(void **state)
{
    enum { N = 64 };
    gemm_case cases[N];
    clade__random random = clade__random_start(2, 1);
    for (int i = 0; i < N; i++) {
        cases[i] = random_case(&random, i);
        cases[i].offset = (int)clade__random_below(&random, 40);
        cases[i].padding = 1 + (int)clade__random_below(&random, 9);
    }
    run_cases(*state, cases, N);
}

/* Where providers change to kernels for large matrices, and thin ones. */
static void large_matrices(void **state)
{
    static const int dims[][3] = {{421, 397, 443}, {448, 416, 480}, {1, 500, 300}, {500, 1, 300},
                                  {300, 500, 1},   {10, 128, 784},  {128, 10, 600}};
    gemm_case cases[COUNT(dims) * 4];
    for (int i = 0; i < COUNT(cases); i++) {
        const int *d = dims[i / 4];
        cases[i] = (gemm_case){.m = d[0], .n = d[1], .k = d[2], .trans = i % 4, .alpha = 1};
        if (i % 8 >= 4) continue; /* every second shape dense */
        cases[i].offset = 3 + i;
        cases[i].padding = 1 + i % 3;
        cases[i].beta = i % 2 ? 0.5f : 0;
    }
    run_cases(*state, cases, COUNT(cases));
}

static void bias_and_activation(void **state)
{
    static const int dims[][3] = {{37, 65, 19}, {1, 1, 1}, {64, 128, 32}};
    gemm_case cases[COUNT(dims) * 12];
    for (int i = 0; i < COUNT(cases); i++) {
        const int *d = dims[i / 12];
        cases[i] = (gemm_case){.m = d[0], .n = d[1], .k = d[2], .trans = i % 4, .alpha = 1,
                               .beta = i % 3 ? 0 : 0.5f, .with_bias = i % 2,
                               .activation = (clade_activation)(i % 12 / 2)};
        if (i % 12 < 6) continue;
        cases[i].offset = 2 + i;
        cases[i].padding = 1 + i % 5;
    }
    run_cases(*state, cases, COUNT(cases));
}

/* Few tiles and many blocks of k, which get groups of their own where that feeds the device; with a
 * last block that is whole, or short, or too short to stand alone. */
static void long_sums(void **state)
{
    static const int dims[][3] = {{5, 7, 4096}, {3, 40, 5000}, {9, 4, 4101}};
    gemm_case cases[COUNT(dims) * 4];
    for (int i = 0; i < COUNT(cases); i++) {
        const int *d = dims[i / 4];
        cases[i] = (gemm_case){.m = d[0], .n = d[1], .k = d[2], .trans = i % 4, .alpha = 1,
                               .beta = i % 3 ? 0 : 0.5f, .with_bias = i % 2,
                               .activation = i % 2 ? CLADE_SIGMOID : CLADE_IDENTITY,
                               .offset = i % 4, .padding = i % 3};
    }
    run_cases(*state, cases, COUNT(cases));
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
        cmocka_unit_test(dense_matrices),   cmocka_unit_test(parts_of_tensors),
        cmocka_unit_test(large_matrices),   cmocka_unit_test(bias_and_activation),
        cmocka_unit_test(long_sums),        cmocka_unit_test(recorded_calls),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

/* gemm against a plain reference, so that a wrong provider is an error and not a bad model. Only the
 * calls that a model makes are tried: they decide which of a provider's kernels run. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "base/text.h"
#include "blas/tuning.h"
#include "device/opencl.h"

#define PERIOD 4093 /* values repeat after so many: a prime, so that no two rows are alike */
/* A product of so many multiply-adds is compared whole, in a few milliseconds; of a larger one, rows and
 * columns at most so many, and no more than these multiply-adds allow. */
#define WHOLE 1e6
#define MAX_SAMPLES 32
#define MIN_SAMPLES 8
#define SAMPLED 5e7
/* An offset further than this is tried at a nearer one, aligned as it is: a view into a large tensor would
 * need that tensor's memory. */
#define NEAR 4096

struct clade__checked {
    clade__checked *next;
    const clade__gemm_provider *provider;
    clade_gemm_args call; /* without tensors */
    bool update, moves, nesterov;
};

bool clade__gemm_same_call(const clade_gemm_args *a, const clade_gemm_args *b)
{
    return a->m == b->m && a->n == b->n && a->k == b->k && a->trans_a == b->trans_a &&
           a->trans_b == b->trans_b && a->alpha == b->alpha && a->beta == b->beta &&
           a->a_offset == b->a_offset && a->b_offset == b->b_offset &&
           a->c_offset == b->c_offset && a->lda == b->lda && a->ldb == b->ldb && a->ldc == b->ldc;
}

static bool was_checked(const clade__blas *blas, const clade__checked *x)
{
    for (const clade__checked *c = blas->checked; c; c = c->next)
        if (c->provider == x->provider && c->update == x->update && c->moves == x->moves &&
            c->nesterov == x->nesterov && clade__gemm_same_call(&c->call, &x->call))
            return true;
    return false;
}

static clade_status remember(clade__blas *blas, const clade__checked *x)
{
    clade__checked *c = malloc(sizeof *c);
    if (!c) return clade__fail(CLADE_ENOMEM, "no memory to check gemm");
    *c = *x;
    c->next = blas->checked;
    blas->checked = c;
    return CLADE_OK;
}

void clade__gemm_forget_checks(clade__blas *blas)
{
    while (blas->checked) {
        clade__checked *next = blas->checked->next;
        free(blas->checked);
        blas->checked = next;
    }
}

static int64_t near(int64_t offset)
{
    return offset > NEAR ? NEAR + offset % NEAR : offset;
}

/* The call to try, whole: without tensors, and with what an update does not use at one value. */
static clade_gemm_args call_to_try(const clade_gemm_args *args, bool update)
{
    clade_gemm_args g = *args;
    g.a = g.b = g.c = NULL;
    if (update || g.alpha == 0.0f) g.alpha = 1.0f;
    if (update) g.beta = 0.0f;
    if (g.lda == 0) g.lda = g.trans_a ? g.m : g.k;
    if (g.ldb == 0) g.ldb = g.trans_b ? g.k : g.n;
    if (g.ldc == 0) g.ldc = g.n;
    g.a_offset = near(g.a_offset);
    g.b_offset = near(g.b_offset);
    g.c_offset = near(g.c_offset);
    return g;
}

/* Elements from a tensor's first to the matrix' last. */
static int64_t extent(int64_t offset, int64_t rows, int64_t cols, int64_t ld)
{
    return offset + (rows - 1) * ld + cols;
}

/* n values in [-1, 1). */
static float *make_values(uint64_t stream, int64_t n)
{
    float *values = malloc((size_t)n * sizeof *values);
    if (!values) return NULL;
    clade__random random = clade__random_start(1, stream);
    int64_t made = n < PERIOD ? n : PERIOD;
    for (int64_t i = 0; i < made; i++) values[i] = 2.0f * clade__random_uniform(&random) - 1.0f;
    for (; made < n; made += PERIOD) {
        int64_t more = n - made < PERIOD ? n - made : PERIOD;
        memcpy(values + made, values, (size_t)more * sizeof *values);
    }
    return values;
}

/* ---- compare --------------------------------------------------------------------------------- */

/* What is compared, of the rows or of the columns. */
typedef struct sample {
    int64_t of; /* so many there are */
    int n;      /* drawn; 0: all of them */
    int64_t at[MAX_SAMPLES];
} sample;

static int64_t sampled(const sample *s)
{
    return s->n > 0 ? s->n : s->of;
}

static int64_t sample_at(const sample *s, int64_t i)
{
    return s->n > 0 ? s->at[i] : i;
}

static void add_sample(sample *s, int64_t i, int limit)
{
    if (i < 0 || i >= s->of || s->n >= limit) return;
    for (int k = 0; k < s->n; k++)
        if (s->at[k] == i) return;
    s->at[s->n++] = i;
}

/* The ends, where the first and the last whole tile of usual sizes end, and some others. */
static sample draw_sample(int64_t of, int limit, uint64_t stream)
{
    static const int64_t tiles[] = {64, 16, 12};
    sample s = {.of = of};
    clade__random random = clade__random_start(1, stream);
    add_sample(&s, 0, limit);
    add_sample(&s, of - 1, limit);
    for (size_t i = 0; i < sizeof tiles / sizeof tiles[0]; i++) {
        const int64_t ends[] = {of / tiles[i] * tiles[i], tiles[i]};
        for (int e = 0; e < 2; e++) {
            add_sample(&s, ends[e] - 1, limit);
            add_sample(&s, ends[e], limit);
        }
    }
    for (int i = 0; i < limit; i++)
        add_sample(&s, clade__random_below(&random, (uint32_t)of), limit);
    return s;
}

/* Rows and columns to compare, in few enough multiply-adds. */
static void choose_samples(const clade_gemm_args *g, sample *rows, sample *cols)
{
    if ((double)g->m * (double)g->n * (double)g->k <= WHOLE) {
        *rows = (sample){.of = g->m};
        *cols = (sample){.of = g->n};
        return;
    }
    double each = sqrt(SAMPLED / (double)g->k);
    int limit = each < MIN_SAMPLES ? MIN_SAMPLES : each > MAX_SAMPLES ? MAX_SAMPLES : (int)each;
    *rows = draw_sample(g->m, limit, 3);
    *cols = draw_sample(g->n, limit, 4);
}

static double product(const clade_gemm_args *g, const float *a, const float *b, int64_t i, int64_t j)
{
    const float *x = a + g->a_offset + (g->trans_a ? i : i * g->lda);
    const float *y = b + g->b_offset + (g->trans_b ? j * g->ldb : j);
    const int64_t in_x = g->trans_a ? g->lda : 1, in_y = g->trans_b ? 1 : g->ldb;
    double sum = 0.0;
    for (int64_t p = 0; p < g->k; p++) sum += (double)x[p * in_x] * (double)y[p * in_y];
    return sum;
}

static clade_status fail_wrong(const clade__gemm_provider *provider, const clade_device *device,
                               const clade_gemm_args *g, const char *what)
{
    return clade__fail(CLADE_EWRONG,
                       "gemm provider %s computes wrong results on %s (driver %s): "
                       "%lld×%lld×%lld%s%s%s, %s; choose another provider with --gemm or "
                       "CLADE_GEMM, or another device", provider->name, device->info.name,
                       device->info.driver, (long long)g->m, (long long)g->n, (long long)g->k,
                       g->trans_a ? ", A transposed" : "", g->trans_b ? ", B transposed" : "",
                       g->beta != 0.0f ? ", added to C" : "", what);
}

/* c started as `first` everywhere: in C with beta, and beside it, where it must still be so. */
static clade_status compare(const clade__gemm_provider *provider, const clade_device *device,
                            const clade_gemm_args *g, const float *a, const float *b, const float *c,
                            float first)
{
    /* Sums of k products of numbers in ±1, with some room: a wrong kernel is far off. */
    const double alpha = (double)g->alpha, beta = (double)g->beta;
    const double tolerance = (1e-6 * (double)g->k + 1e-5) * fabs(alpha) + 1e-6 * fabs(beta);
    sample rows, cols;
    char what[128];
    choose_samples(g, &rows, &cols);
    for (int64_t s = 0; s < sampled(&rows); s++) {
        const int64_t i = sample_at(&rows, s);
        const float *row = c + g->c_offset + i * g->ldc;
        for (int64_t t = 0; t < sampled(&cols); t++) {
            const int64_t j = sample_at(&cols, t);
            const double got = (double)row[j];
            const double want = (beta != 0.0 ? beta * (double)first : 0.0) +
                                alpha * product(g, a, b, i, j);
            if (fabs(got - want) <= tolerance) continue;
            clade__format(what, sizeof what, "C[%lld][%lld] is %g, want %g", (long long)i, (long long)j,
                          got, want);
            return fail_wrong(provider, device, g, what);
        }
        for (int64_t j = g->n; i < g->m - 1 && j < g->ldc; j++) {
            if (memcmp(&row[j], &first, sizeof first) == 0) continue;
            snprintf(what, sizeof what, "it writes behind row %lld of C", (long long)i);
            return fail_wrong(provider, device, g, what);
        }
    }
    for (int64_t j = 0; j < g->c_offset; j++)
        if (memcmp(&c[j], &first, sizeof first) != 0)
            return fail_wrong(provider, device, g, "it writes before C");
    return CLADE_OK;
}

/* ---- try ------------------------------------------------------------------------------------- */

/* A call on trial; as an update it starts from a parameter of zeros and a velocity of zeros, and with
 * lr -1 leaves the product. */
typedef struct trial {
    const clade__gemm_provider *provider;
    clade_device *device;
    const clade_gemm_args *args;
    const clade__sgd_rates *rates; /* NULL: plain */
    clade__sgd_state state;
} trial;

static clade_status run_once(const void *context)
{
    const trial *x = context;
    clade__commands *commands = clade__immediate(x->device);
    return x->rates ? x->provider->record_update(commands, x->args, &x->state, x->rates)
                    : clade__gemm_with(x->provider, commands, x->args, NULL);
}

/* Tries the call, whose c starts as NaN so that what is not written shows, or as zeros for an update,
 * or as ones where the product is added to it; then, if it is right, measures it. */
static clade_status run_trial(const trial *x, const float *a, const float *b, float *c)
{
    clade_tensor *result = x->args->c;
    const float first = x->rates ? 0.0f : x->args->beta != 0.0f ? 1.0f : NAN;
    CLADE_TRY(clade_tensor_fill(result, first));
    if (x->state.velocity) CLADE_TRY(clade_tensor_fill(x->state.velocity, 0.0f));
    CLADE_TRY(run_once(x));
    CLADE_TRY(clade_tensor_read(result, c));
    CLADE_TRY(compare(x->provider, x->device, x->args, a, b, c, first));
    return clade__tuning_measure(x->device, x->provider, x->args, x->rates != NULL, run_once, x);
}

/* Floats of the tensors that hold A, B and C. */
typedef struct sizes {
    int64_t a, b, c;
} sizes;

static sizes sizes_of(const clade_gemm_args *g)
{
    return (sizes){
        extent(g->a_offset, g->trans_a ? g->k : g->m, g->trans_a ? g->m : g->k, g->lda),
        extent(g->b_offset, g->trans_b ? g->n : g->k, g->trans_b ? g->k : g->n, g->ldb),
        extent(g->c_offset, g->m, g->n, g->ldc)};
}

static clade_status run(const clade__gemm_provider *provider, clade_device *device,
                        clade_gemm_args *g, const clade__sgd_rates *rates, const float *a,
                        const float *b, float *c)
{
    const sizes n = sizes_of(g);
    clade_tensor *ta = NULL, *tb = NULL, *tc = NULL, *velocity = NULL;
    clade__sgd_rates rates_on_trial;
    float lr = -1.0f;
    if (rates) {
        rates_on_trial = *rates;
        rates_on_trial.lr = &lr;
        if (rates->nesterov) lr /= 1.0f + rates->momentum;
    }
    clade_status status = clade_tensor_create(&ta, device, CLADE_FLOAT32, CLADE_SHAPE(n.a), a);
    if (status == CLADE_OK)
        status = clade_tensor_create(&tb, device, CLADE_FLOAT32, CLADE_SHAPE(n.b), b);
    if (status == CLADE_OK)
        status = clade_tensor_create(&tc, device, CLADE_FLOAT32, CLADE_SHAPE(n.c), NULL);
    if (status == CLADE_OK && rates && rates->momentum != 0.0f)
        status = clade_tensor_create(&velocity, device, CLADE_FLOAT32, CLADE_SHAPE(n.c), NULL);
    g->a = ta;
    g->b = tb;
    g->c = tc;
    trial x = {provider, device, g, rates ? &rates_on_trial : NULL, {.velocity = velocity}};
    if (status == CLADE_OK) status = run_trial(&x, a, b, c);
    clade_tensor_free(ta);
    clade_tensor_free(tb);
    clade_tensor_free(tc);
    clade_tensor_free(velocity);
    clade__pool_trim(device); /* a plan's memory is counted from here on */
    return status;
}

clade_status clade__gemm_check(clade_device *device, const clade__gemm_provider *provider,
                               const clade_gemm_args *args, const clade__sgd_rates *rates)
{
    clade__blas *blas;
    CLADE_TRY(clade__blas_of(device, &blas));
    CLADE_TRY(clade__gemm_choose(device, provider, args, &provider));
    clade_gemm_args g = call_to_try(args, rates != NULL);
    const clade__checked x = {.provider = provider, .call = g, .update = rates != NULL,
                              .moves = rates && rates->momentum != 0.0f,
                              .nesterov = rates && rates->nesterov};
    if (was_checked(blas, &x)) return CLADE_OK;

    const sizes n = sizes_of(&g);
    float *a = make_values(1, n.a), *b = make_values(2, n.b);
    float *c = malloc((size_t)n.c * sizeof *c);
    clade_status status = a && b && c ? run(provider, device, &g, rates, a, b, c)
                                      : clade__fail(CLADE_ENOMEM, "no memory to check gemm");
    free(a);
    free(b);
    free(c);
    return status == CLADE_OK ? remember(blas, &x) : status;
}

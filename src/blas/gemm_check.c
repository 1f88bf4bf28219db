/* gemm against a plain reference, so that a wrong provider is an error and not a bad model. Only the
 * shapes that a model uses are tried: they decide which of a provider's kernels run. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "blas/tuning.h"
#include "device/opencl.h"

#define PERIOD 4093 /* values repeat after so many: a prime, so that no two rows are alike */
#define SAMPLES 12  /* rows, and columns, whose elements are compared */

struct clade__checked {
    clade__checked *next;
    const clade__gemm_provider *provider;
    int64_t m, n, k;
    bool trans_a, trans_b, add, update;
};

static bool was_checked(const clade__blas *blas, const clade__gemm_provider *provider,
                        const clade_gemm_args *g, bool update)
{
    for (const clade__checked *c = blas->checked; c; c = c->next)
        if (c->provider == provider && c->m == g->m && c->n == g->n && c->k == g->k &&
            c->trans_a == g->trans_a && c->trans_b == g->trans_b && c->add == (g->beta != 0.0f) &&
            c->update == update)
            return true;
    return false;
}

static clade_status remember(clade__blas *blas, const clade__gemm_provider *provider,
                             const clade_gemm_args *g, bool update)
{
    clade__checked *c = malloc(sizeof *c);
    if (!c) return clade__fail(CLADE_ENOMEM, "no memory to check gemm");
    *c = (clade__checked){blas->checked, provider,   g->m,            g->n,  g->k,
                          g->trans_a,    g->trans_b, g->beta != 0.0f, update};
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

/* Sample number s of n: both ends, the middle, and some between. */
static int64_t sample_of(int s, int64_t n)
{
    const int64_t ends[4] = {0, n - 1, n / 2, n > 1 ? n - 2 : 0};
    return s < 4 ? ends[s] : (int64_t)s * 7919 % n;
}

static clade_status compare(const clade__gemm_provider *provider, const clade_device *device,
                            const clade_gemm_args *g, const float *a, const float *b, const float *c)
{
    /* Sums of k products of numbers in ±1, with some room: a wrong kernel is far off. */
    double tolerance = 1e-6 * (double)g->k + 1e-5;
    for (int s = 0; s < SAMPLES * SAMPLES; s++) {
        int64_t i = sample_of(s / SAMPLES, g->m), j = sample_of(s % SAMPLES, g->n);
        double want = (double)g->beta, got = (double)c[i * g->ldc + j];
        for (int64_t p = 0; p < g->k; p++)
            want += (double)a[g->trans_a ? p * g->lda + i : i * g->lda + p] *
                    (double)b[g->trans_b ? j * g->ldb + p : p * g->ldb + j];
        if (fabs(got - want) <= tolerance) continue;
        return clade__fail(CLADE_EWRONG,
                           "gemm provider %s computes wrong results on %s (driver %s): "
                           "%lld×%lld×%lld%s%s%s, C[%lld][%lld] is %g, want %g; choose another "
                           "provider with --gemm or CLADE_GEMM, or another device",
                           provider->name, device->info.name, device->info.driver, (long long)g->m,
                           (long long)g->n, (long long)g->k, g->trans_a ? ", A transposed" : "",
                           g->trans_b ? ", B transposed" : "",
                           g->beta != 0.0f ? ", added to C" : "", (long long)i, (long long)j, got,
                           want);
    }
    return CLADE_OK;
}

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
    CLADE_TRY(clade_tensor_fill(result, x->rates ? 0.0f : x->args->beta != 0.0f ? 1.0f : NAN));
    if (x->state.velocity) CLADE_TRY(clade_tensor_fill(x->state.velocity, 0.0f));
    CLADE_TRY(run_once(x));
    CLADE_TRY(clade_tensor_read(result, c));
    CLADE_TRY(compare(x->provider, x->device, x->args, a, b, c));
    return clade__tuning_measure(x->device, x->provider, x->args, x->rates != NULL, run_once, x);
}

/* g's tensors are the flat matrices. */
static clade_status run(const clade__gemm_provider *provider, clade_device *device,
                        clade_gemm_args *g, const clade__sgd_rates *rates, const float *a,
                        const float *b, float *c)
{
    clade_tensor *ta = NULL, *tb = NULL, *tc = NULL, *velocity = NULL;
    clade__sgd_rates rates_on_trial;
    float lr = -1.0f;
    if (rates) {
        rates_on_trial = *rates;
        rates_on_trial.lr = &lr;
        if (rates->nesterov) lr /= 1.0f + rates->momentum;
    }
    clade_shape shape = CLADE_SHAPE(g->m * g->n);
    clade_status status =
        clade_tensor_create(&ta, device, CLADE_FLOAT32, CLADE_SHAPE(g->m * g->k), a);
    if (status == CLADE_OK)
        status = clade_tensor_create(&tb, device, CLADE_FLOAT32, CLADE_SHAPE(g->k * g->n), b);
    if (status == CLADE_OK)
        status = clade_tensor_create(&tc, device, CLADE_FLOAT32, shape, NULL);
    if (status == CLADE_OK && rates && rates->momentum != 0.0f)
        status = clade_tensor_create(&velocity, device, CLADE_FLOAT32, shape, NULL);
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
    if (was_checked(blas, provider, args, rates != NULL)) return CLADE_OK;

    clade_gemm_args g = *args;
    g.alpha = 1.0f;
    g.beta = rates == NULL && args->beta != 0.0f ? 1.0f : 0.0f;
    g.lda = g.trans_a ? g.m : g.k;
    g.ldb = g.trans_b ? g.k : g.n;
    g.ldc = g.n;
    g.a_offset = g.b_offset = g.c_offset = 0;
    float *a = make_values(1, g.m * g.k), *b = make_values(2, g.k * g.n);
    float *c = malloc((size_t)(g.m * g.n) * sizeof *c);
    clade_status status = a && b && c ? run(provider, device, &g, rates, a, b, c)
                                      : clade__fail(CLADE_ENOMEM, "no memory to check gemm");
    free(a);
    free(b);
    free(c);
    return status == CLADE_OK ? remember(blas, provider, args, rates != NULL) : status;
}

/* gemm by every provider in turns, as a step uses it: enqueued back to back on the same matrices,
 * one wait at the end. What a call reads is therefore as warm as the caches can keep it; in a step
 * it often is not. Each provider's product is compared with a reference before it counts. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/philox.h"
#include "bench/bench_state.h"
#include "bench/openblas.h"
#include "bench/workloads.h"
#include "blas/gemm.h"

#define CALLS_OF_A_FLUSH 8 /* about what a step has */
#define SAMPLES          64 /* elements of C that are compared */
#define STREAM           901 /* of random numbers: none that the library uses */

/* One provider's part of a comparison. */
typedef struct entrant {
    const char *provider;
    clade__commands *commands; /* NULL for OpenBLAS */
    int n_calls;               /* recorded in commands */
    clade__openblas_call call;
} entrant;

typedef struct contest {
    clade_bench *bench;
    clade_bench_shape shape;
    clade_gemm_args args;
    clade_tensor *a, *b, *c;
    float *host_a, *host_b, *host_c;
    entrant entrants[CLADE_BENCH_MAX_PROVIDERS];
    clade__subject subjects[CLADE_BENCH_MAX_PROVIDERS];
    int n;
} contest;

/* ---- the list of shapes ---------------------------------------------------------------------- */

static bool same_shape(const clade_bench_shape *a, const clade_bench_shape *b)
{
    return a->m == b->m && a->n == b->n && a->k == b->k && a->trans_a == b->trans_a &&
           a->trans_b == b->trans_b;
}

typedef struct shape_list {
    clade_bench_shape shapes[64];
    int n;
} shape_list;

static void add_shape(shape_list *list, clade_bench_shape shape)
{
    for (int i = 0; i < list->n; i++)
        if (same_shape(&list->shapes[i], &shape)) return;
    if (list->n < (int)(sizeof list->shapes / sizeof list->shapes[0]))
        list->shapes[list->n++] = shape;
}

/* y = x Wᵀ; the weight's gradient dyᵀ x; the input's dy W, which the first layer does not need. */
static void add_workload(shape_list *list, const clade__workload *workload, int64_t batch)
{
    for (int i = 1; i < workload->n_dims; i++) {
        int64_t in = workload->dims[i - 1], out = workload->dims[i];
        add_shape(list, (clade_bench_shape){.m = batch, .n = out, .k = in, .trans_b = true});
        add_shape(list, (clade_bench_shape){.m = out, .n = in, .k = batch, .trans_a = true});
        if (i > 1) add_shape(list, (clade_bench_shape){.m = batch, .n = in, .k = out});
    }
}

bool clade_bench_gemm_shape(int i, clade_bench_shape *shape)
{
    shape_list list = {.n = 0};
    for (int w = 0; w < clade__n_workloads; w++)
        for (int b = 0; b < 2; b++)
            if (clade__workloads[w].about.batches[b])
                add_workload(&list, &clade__workloads[w], clade__workloads[w].about.batches[b]);
    for (int64_t n = 128; n <= 2048; n *= 2)
        add_shape(&list, (clade_bench_shape){.m = n, .n = n, .k = n});
    if (i < 0 || i >= list.n) return false;
    *shape = list.shapes[i];
    return true;
}

/* ---- the matrices ---------------------------------------------------------------------------- */

static float *make_matrix(uint64_t stream, int64_t rows, int64_t cols)
{
    size_t n = (size_t)rows * (size_t)cols;
    float *values = aligned_alloc(64, (n * sizeof *values + 63) / 64 * 64);
    if (!values) return NULL;
    clade__random random = clade__random_start(1, stream);
    for (size_t i = 0; i < n; i++) values[i] = 2.0f * clade__random_uniform(&random) - 1.0f;
    return values;
}

static clade_status make_matrices(contest *c)
{
    const clade_bench_shape *s = &c->shape;
    clade_device *device = c->bench->device;
    c->host_a = make_matrix(STREAM, s->m, s->k);
    c->host_b = make_matrix(STREAM + 1, s->k, s->n);
    c->host_c = make_matrix(STREAM + 2, s->m, s->n);
    if (!c->host_a || !c->host_b || !c->host_c)
        return clade__fail(CLADE_ENOMEM, "bench: no memory for the matrices of a gemm");
    CLADE_TRY(clade_tensor_create(&c->a, device, CLADE_FLOAT32, CLADE_SHAPE(s->m * s->k),
                                  c->host_a));
    CLADE_TRY(clade_tensor_create(&c->b, device, CLADE_FLOAT32, CLADE_SHAPE(s->k * s->n),
                                  c->host_b));
    CLADE_TRY(clade_tensor_create(&c->c, device, CLADE_FLOAT32, CLADE_SHAPE(s->m * s->n), NULL));
    c->args = (clade_gemm_args){
        .m = s->m, .n = s->n, .k = s->k, .trans_a = s->trans_a, .trans_b = s->trans_b,
        .alpha = 1.0f, .a = c->a, .b = c->b, .c = c->c,
        .lda = s->trans_a ? s->m : s->k, .ldb = s->trans_b ? s->k : s->n, .ldc = s->n,
    };
    return CLADE_OK;
}

/* Some elements of host_c against sums in double. */
static clade_status check_product(const contest *c, const char *provider)
{
    const clade_gemm_args *g = &c->args;
    for (int s = 0; s < SAMPLES; s++) {
        int64_t i = s ? (int64_t)s * 7919 % g->m : g->m - 1;
        int64_t j = s ? (int64_t)s * 6007 % g->n : g->n - 1;
        double want = 0.0, got = (double)c->host_c[i * g->n + j];
        for (int64_t p = 0; p < g->k; p++)
            want += (double)c->host_a[g->trans_a ? p * g->lda + i : i * g->lda + p] *
                    (double)c->host_b[g->trans_b ? j * g->ldb + p : p * g->ldb + j];
        if (fabs(got - want) <= 1e-6 * (double)g->k + 1e-5) continue;
        return clade__fail(CLADE_EWRONG,
                           "bench: %s computes wrong results: %lld×%lld×%lld %c%c, C[%lld][%lld] "
                           "is %g, want %g", provider, (long long)g->m, (long long)g->n,
                           (long long)g->k, g->trans_a ? 't' : 'n', g->trans_b ? 't' : 'n',
                           (long long)i, (long long)j, got, want);
    }
    return CLADE_OK;
}

/* ---- the providers --------------------------------------------------------------------------- */

static clade_status enqueue_commands(void *context)
{
    return clade__commands_run(((entrant *)context)->commands);
}

static clade_status call_openblas(void *context)
{
    clade__openblas_sgemm(&((entrant *)context)->call);
    return CLADE_OK;
}

/* Records calls until there are n. */
static clade_status record_calls(contest *c, entrant *e, int n)
{
    for (; e->n_calls < n; e->n_calls++) CLADE_TRY(clade__gemm(e->commands, &c->args, NULL));
    return CLADE_OK;
}

/* A provider of the device. A short call is recorded several times, so that
 * the queue is flushed as often as in a step. */
static clade_status enter_provider(contest *c, const char *provider, bool *refused)
{
    entrant *e = &c->entrants[c->n];
    clade_device *device = c->bench->device;
    const clade__gemm_provider *own;
    e->provider = provider;
    CLADE_TRY(clade__gemm_provider_named(&own, provider));
    /* As before a training: the call is tried, and how it is cut into work-groups is measured. */
    clade_status status = clade__gemm_check(device, own, &c->args, NULL);
    *refused = status == CLADE_EINVAL && !c->bench->provider;
    if (*refused) {
        *e = (entrant){0};
        return CLADE_OK;
    }
    CLADE_TRY(status);
    clade__gemm_checked(device);
    CLADE_TRY(clade__commands_create(&e->commands, device));
    clade__commands_set_gemm(e->commands, own);
    CLADE_TRY(record_calls(c, e, 1));
    CLADE_TRY(clade_tensor_fill(c->c, NAN)); /* so that what is not written shows */
    CLADE_TRY(clade__commands_run(e->commands));
    CLADE_TRY(clade_tensor_read(c->c, c->host_c));
    CLADE_TRY(check_product(c, provider));
    double flops = 2.0 * (double)c->shape.m * (double)c->shape.n * (double)c->shape.k;
    if (flops < 0.002 * c->bench->limits.flops_per_second)
        CLADE_TRY(record_calls(c, e, CALLS_OF_A_FLUSH));
    c->subjects[c->n++] = (clade__subject){.enqueue = enqueue_commands, .context = e,
                                           .device = device, .n_units = e->n_calls};
    return CLADE_OK;
}

static int openblas_threads(const clade_device *device)
{
    const clade_device_info *info = clade_device_describe(device);
    long n = info->type == CLADE_DEVICE_CPU ? info->compute_units : sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

bool clade_bench_openblas(clade_bench *bench, clade_bench_openblas_info *info)
{
    /* No thread of a driver should be in the middle of something when a child is forked. */
    if (clade_device_finish(bench->device) != CLADE_OK) return false;
    return clade__openblas_load(openblas_threads(bench->device), info);
}

static clade_status enter_openblas(contest *c)
{
    clade_bench_openblas_info info;
    if (!clade_bench_openblas(c->bench, &info))
        return c->bench->provider
                   ? clade__fail(CLADE_ESTATE, "bench: OpenBLAS is not installed: there is no "
                                 "libopenblas.so.0")
                   : CLADE_OK;
    entrant *e = &c->entrants[c->n];
    *e = (entrant){.provider = "openblas", .call = {c->shape, c->host_a, c->host_b, c->host_c}};
    clade__openblas_sgemm(&e->call);
    CLADE_TRY(check_product(c, "openblas"));
    c->subjects[c->n++] = (clade__subject){.enqueue = call_openblas, .context = e, .n_units = 1.0,
                                           .rest_seconds = CLADE__OPENBLAS_REST_SECONDS};
    return CLADE_OK;
}

static clade_status enter_all(contest *c)
{
    const char *name;
    clade_status status = CLADE_OK;
    for (int i = 0; status == CLADE_OK && (name = clade_bench_provider(i)); i++) {
        bool refused;
        if (c->bench->provider && strcmp(name, c->bench->provider) != 0) continue;
        /* Where tiled is at home nobody would choose local, whose kernels take long to build there. */
        if (!c->bench->provider && strcmp(name, "local") == 0 && c->n > 0) continue;
        status = strcmp(name, "openblas") == 0 ? enter_openblas(c)
                                               : enter_provider(c, name, &refused);
    }
    return status;
}

/* ---- the contest ----------------------------------------------------------------------------- */

static clade_status check_shape(const clade_bench_shape *s)
{
    const int64_t most = INT32_MAX;
    bool fits = s->m >= 1 && s->n >= 1 && s->k >= 1 && s->m <= most && s->n <= most && s->k <= most;
    if (fits && s->m <= most / s->k && s->k <= most / s->n && s->m <= most / s->n) return CLADE_OK;
    return clade__fail(CLADE_ESHAPE, "bench: gemm of %lld×%lld×%lld: sizes must be at least 1, and "
                       "a matrix have at most %d elements", (long long)s->m, (long long)s->n,
                       (long long)s->k, INT32_MAX);
}

static clade_status run_contest(contest *c, clade_bench_gemm_result *results, int *n_results)
{
    CLADE_TRY(make_matrices(c));
    CLADE_TRY(enter_all(c));
    if (c->n == 0)
        return clade__fail(CLADE_EINVAL, "bench: no gemm provider takes %lld×%lld×%lld",
                           (long long)c->shape.m, (long long)c->shape.n, (long long)c->shape.k);
    CLADE_TRY(clade__measure(c->subjects, c->n, c->bench->seconds));
    bool is_cpu = clade_device_describe(c->bench->device)->type == CLADE_DEVICE_CPU;
    double flops = 2.0 * (double)c->shape.m * (double)c->shape.n * (double)c->shape.k;
    for (int i = 0; i < c->n; i++) {
        double rate = flops / c->subjects[i].time.median;
        bool here = is_cpu || c->entrants[i].commands;
        results[i] = (clade_bench_gemm_result){
            .provider = c->entrants[i].provider,
            .time = c->subjects[i].time,
            .flops_per_second = rate,
            .share_of_peak = here ? rate / c->bench->limits.flops_per_second : (double)NAN,
        };
    }
    *n_results = c->n;
    return CLADE_OK;
}

clade_status clade_bench_gemm(clade_bench *bench, const clade_bench_shape *shape,
                              clade_bench_gemm_result results[CLADE_BENCH_MAX_PROVIDERS],
                              int *n_results)
{
    CLADE_WANT(bench);
    CLADE_WANT(shape);
    CLADE_WANT(results);
    CLADE_WANT(n_results);
    CLADE_WANT_UNUSED("bench", shape->reserved);
    *n_results = 0;
    CLADE_TRY(check_shape(shape));
    CLADE_TRY(clade__bench_limits(bench));
    contest *c = calloc(1, sizeof *c);
    if (!c) return clade__fail(CLADE_ENOMEM, "no memory for a bench");
    c->bench = bench;
    c->shape = *shape;
    clade_status status = run_contest(c, results, n_results);
    for (int i = 0; i < CLADE_BENCH_MAX_PROVIDERS; i++)
        clade__commands_free(c->entrants[i].commands);
    clade_tensor_free(c->a);
    clade_tensor_free(c->b);
    clade_tensor_free(c->c);
    free(c->host_a);
    free(c->host_b);
    free(c->host_c);
    free(c);
    return status;
}

/* What child processes of a search do: they open the device for themselves, and end, so that nothing is freed. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <clade/bench.h>

#include "base/error.h"
#include "base/file.h"
#include "blas/tuned_gemm.h"
#include "device/tuned.h"
#include "graph/dry_run.h"
#include "graph/model.h"
#include "tune/attempt.h"

#define LARGEST 1.2e9        /* multiply-adds: of the workloads' list, what is larger takes too long */
#define BLOCK_SECONDS 0.004  /* at least, of one measurement */
#define BLOCKS 3

static clade_status open_device(const clade__attempt *attempt, clade_device **device)
{
    return clade_device_open_units(device, attempt->options->device, attempt->options->compute_units);
}

/* ---- the scout ----------------------------------------------------------------------------------- */

static void add_product(clade__attempt *attempt, const clade_tune_product *product, double times)
{
    for (int i = 0; i < attempt->n_products; i++) {
        clade_tune_product *p = &attempt->products[i];
        if (p->m != product->m || p->n != product->n || p->k != product->k || p->trans_a != product->trans_a ||
            p->trans_b != product->trans_b)
            continue;
        attempt->times[i] += times;
        return;
    }
    if (attempt->n_products == CLADE_TUNE_MAX_PRODUCTS) return;
    attempt->products[attempt->n_products] = *product;
    attempt->times[attempt->n_products++] = times;
}

static void add_workloads(clade__attempt *attempt)
{
    clade_bench_shape s;
    for (int i = 0; clade_bench_gemm_shape(i, &s); i++)
        if ((double)s.m * (double)s.n * (double)s.k <= LARGEST)
            add_product(attempt, &(clade_tune_product){.m = s.m, .n = s.n, .k = s.k, .trans_a = s.trans_a,
                                                     .trans_b = s.trans_b}, 0.0);
}

/* As they would be made by CLBlast: what our own does in one with the optimizer is a plain product there. */
static clade_status add_model(clade__attempt *attempt, const clade_model *model)
{
    clade__executable exe = model->exe;
    clade__commands *dry;
    clade__gemm_call call;
    if (!exe.trains) return clade__fail(CLADE_ESTATE, "tune: the model is not compiled for training");
    CLADE_TRY(clade__dry_run(&dry, &exe, true, exe.micro_batch, NULL));
    for (size_t i = 0; clade__gemm_dry_call(dry, i, &call); i++)
        add_product(attempt, &(clade_tune_product){.m = call.args.m, .n = call.args.n, .k = call.args.k,
                                                 .trans_a = call.args.trans_a, .trans_b = call.args.trans_b},
                    (double)call.times);
    clade__commands_free(dry);
    return attempt->n_products > 0 ? CLADE_OK
                                 : clade__fail(CLADE_EINVAL, "tune: the network multiplies no matrices");
}

clade_status clade__attempt_scout(clade__attempt *attempt)
{
    const clade_tune_options *options = attempt->options;
    clade_model *model = NULL;
    clade_device *device = NULL;
    if (options->open) {
        CLADE_TRY(options->open(&model, options->user));
        device = model->device;
        CLADE_TRY(add_model(attempt, model));
    } else {
        CLADE_TRY(open_device(attempt, &device));
        add_workloads(attempt);
    }
    const clade_device_info *info = clade_device_describe(device);
    attempt->cpu = info->type == CLADE_DEVICE_CPU;
    attempt->max_group = (int)(info->work_group_limit < 1024 ? info->work_group_limit : 1024);
    attempt->in_use = clade__gemm_set_in_use(device);
    const char *lines = clade__tuned_lines(device);
    if (strlen(lines) >= sizeof attempt->lines)
        return clade__fail(CLADE_EIO, "tune: what is kept is too large; `clade tune --forget` removes it");
    memcpy(attempt->lines, lines, strlen(lines) + 1);
    return CLADE_OK;
}

/* ---- our own gemm -------------------------------------------------------------------------------- */

static clade_gemm_args args_of(const clade_tune_product *p)
{
    return (clade_gemm_args){.m = p->m, .n = p->n, .k = p->k, .trans_a = p->trans_a, .trans_b = p->trans_b,
                             .alpha = 1.0f, .lda = p->trans_a ? p->m : p->k, .ldb = p->trans_b ? p->k : p->n,
                             .ldc = p->n};
}

clade_status clade__attempt_tiles(clade__attempt *attempt)
{
    clade_device *device;
    const clade__gemm_provider *tiled;
    CLADE_TRY(open_device(attempt, &device));
    CLADE_TRY(clade__gemm_provider_named(&tiled, "tiled"));
    CLADE_TRY(clade__gemm_measure_again(device));
    for (int i = 0; i < attempt->n_products; i++) {
        const clade_gemm_args args = args_of(&attempt->products[i]);
        clade_status status = clade__gemm_check(device, tiled, &args, NULL);
        if (status == CLADE_EINVAL) return CLADE_OK; /* it refuses this device */
        CLADE_TRY(status);
    }
    clade__gemm_checked(device);
    return CLADE_OK;
}

/* ---- CLBlast ------------------------------------------------------------------------------------- */

typedef struct bench {
    clade_device *device;
    const clade__gemm_provider *clblast;
    clade_tensor *a, *b, *c; /* as large as the largest product wants */
} bench;

static clade_status open_bench(const clade__attempt *attempt, bench *t)
{
    int64_t n[3] = {1, 1, 1};
    for (int i = 0; i < attempt->n_products; i++) {
        const clade_tune_product *p = &attempt->products[i];
        const int64_t sizes[3] = {p->m * p->k, p->k * p->n, p->m * p->n};
        for (int j = 0; j < 3; j++)
            if (sizes[j] > n[j]) n[j] = sizes[j];
    }
    CLADE_TRY(open_device(attempt, &t->device));
    CLADE_TRY(clade__gemm_provider_named(&t->clblast, "clblast"));
    CLADE_TRY(clade_tensor_create(&t->a, t->device, CLADE_FLOAT32, CLADE_SHAPE(n[0]), NULL));
    CLADE_TRY(clade_tensor_create(&t->b, t->device, CLADE_FLOAT32, CLADE_SHAPE(n[1]), NULL));
    CLADE_TRY(clade_tensor_create(&t->c, t->device, CLADE_FLOAT32, CLADE_SHAPE(n[2]), NULL));
    CLADE_TRY(clade_tensor_fill(t->a, 0.5f));
    CLADE_TRY(clade_tensor_fill(t->b, 0.25f));
    return clade_gemm_select(t->device, "clblast");
}

static clade_status time_block(const bench *t, const clade_gemm_args *args, int n_calls, double *seconds)
{
    double began = clade__seconds();
    for (int i = 0; i < n_calls; i++) CLADE_TRY(clade_gemm_strided(args));
    CLADE_TRY(clade_device_finish(t->device));
    *seconds = (clade__seconds() - began) / n_calls;
    return CLADE_OK;
}

/* The least of some blocks, or where it is `limit` of a first call, 0. */
static clade_status time_product(const bench *t, const clade_tune_product *p, int n_blocks, double limit,
                                 double *seconds)
{
    clade_gemm_args args = args_of(p);
    double once, least = 0.0;
    args.a = t->a;
    args.b = t->b;
    args.c = t->c;
    CLADE_TRY(time_block(t, &args, 1, &once)); /* which may compile */
    CLADE_TRY(time_block(t, &args, 1, &once));
    *seconds = 0.0;
    if (limit > 0.0 && once > limit + BLOCK_SECONDS) return CLADE_OK;
    int n_calls = once < BLOCK_SECONDS ? (int)(BLOCK_SECONDS / once) + 1 : 1;
    for (int i = 0; i < n_blocks; i++) {
        double block;
        CLADE_TRY(time_block(t, &args, n_calls, &block));
        if (i == 0 || block < least) least = block;
    }
    *seconds = least;
    return CLADE_OK;
}

clade_status clade__attempt_time(clade__attempt *attempt)
{
    bench t;
    memset(attempt->seconds, 0, sizeof attempt->seconds);
    CLADE_TRY(open_bench(attempt, &t));
    CLADE_TRY(clade__gemm_use_set(t.device, &attempt->set));
    for (int i = 0; i < attempt->n_products; i++) {
        const clade_tune_product *p = &attempt->products[i];
        const clade_gemm_args args = args_of(p);
        if (!attempt->checked) CLADE_TRY(clade__gemm_check(t.device, t.clblast, &args, NULL));
        CLADE_TRY(time_product(&t, p, attempt->checked ? 1 : BLOCKS, attempt->hopeless * p->before, &attempt->seconds[i]));
        if (attempt->seconds[i] == 0.0) return CLADE_OK;
    }
    return CLADE_OK;
}

clade_status clade__attempt_keep(clade__attempt *attempt)
{
    clade_device *device;
    CLADE_TRY(open_device(attempt, &device));
    return clade__tuned_keep(device, attempt->lines);
}

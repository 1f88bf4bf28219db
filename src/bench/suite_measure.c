/* One round of each kind of row. */
#include <stdlib.h>
#include <string.h>

#include "bench/limits.h"
#include "bench/steps.h"
#include "bench/suite_state.h"

#define OP_SIZE        1024             /* rows and columns */
#define TRANSFER_BYTES ((uint64_t)64 << 20)

/* ---- the device ------------------------------------------------------------------------------ */

static void keep_best(clade_bench_limits *best, const clade_bench_limits *now)
{
    const clade_bench_limits before = *best;
    if (now->flops_per_second > best->flops_per_second) *best = *now;
    double *to[] = {&best->copy_bytes_per_second, &best->triad_bytes_per_second,
                    &best->update_bytes_per_second, &best->bytes_per_second};
    const double a[] = {before.copy_bytes_per_second, before.triad_bytes_per_second,
                        before.update_bytes_per_second, before.bytes_per_second};
    const double b[] = {now->copy_bytes_per_second, now->triad_bytes_per_second,
                        now->update_bytes_per_second, now->bytes_per_second};
    for (int i = 0; i < 4; i++) *to[i] = a[i] > b[i] ? a[i] : b[i];
}

/* All rows of a device in a round are of one look at its limits. */
static clade_status survey(clade_suite *suite, int round)
{
    if (suite->now_round >= round) return CLADE_OK;
    CLADE_TRY(clade__limits_measure(suite->device, suite->options.seconds, &suite->now));
    suite->now_round = round;
    if (!suite->bench->has_limits) suite->bench->limits = suite->now;
    keep_best(&suite->bench->limits, &suite->now);
    suite->bench->has_limits = true;
    return CLADE_OK;
}

static clade_status measure_peak(clade_suite *suite, const clade__suite_entry *entry, double *seconds)
{
    static const char *const types[] = {"float", "double", "half"};
    double flops_per_second = suite->now.flops_per_second;
    if (entry->index > 0)
        CLADE_TRY(clade__limits_peak(suite->device, types[entry->index], suite->options.seconds,
                                     &flops_per_second));
    *seconds = 1.0 / flops_per_second;
    return CLADE_OK;
}

typedef struct transfer {
    clade_tensor *tensor;
    float *host;
    bool back;
} transfer;

static clade_status run_transfer(void *context)
{
    const transfer *t = context;
    return t->back ? clade_tensor_read(t->tensor, t->host) : clade_tensor_write(t->tensor, t->host);
}

static clade_status measure_transfer(clade_suite *suite, const clade__suite_entry *entry, double *seconds,
                                     double *spread)
{
    const clade_device_info *info = clade_device_describe(suite->device);
    uint64_t bytes = TRANSFER_BYTES;
    if (bytes > info->max_allocation_bytes) bytes = info->max_allocation_bytes / 4 * 4;
    if (bytes > info->global_memory_bytes / 4) bytes = info->global_memory_bytes / 16 * 4;
    transfer t = {.back = entry->index == 1, .host = malloc(bytes)};
    if (!t.host) return clade__fail(CLADE_ENOMEM, "no memory for a transfer of %llu bytes",
                                    (unsigned long long)bytes);
    for (uint64_t i = 0; i < bytes / sizeof(float); i++) t.host[i] = (float)i; /* pages of its own */
    clade_status status = clade_tensor_create(&t.tensor, suite->device, CLADE_FLOAT32,
                                              CLADE_SHAPE((int64_t)(bytes / sizeof(float))), NULL);
    clade__subject subject = {.enqueue = run_transfer, .context = &t, .n_units = (double)bytes};
    if (status == CLADE_OK) status = clade__measure(&subject, 1, suite->options.seconds);
    clade_tensor_free(t.tensor);
    clade__pool_trim(suite->device);
    free(t.host);
    *seconds = subject.time.median;
    *spread = subject.time.spread;
    return status;
}

static clade_status measure_device(clade_suite *suite, clade__suite_entry *entry, double *seconds,
                                   double *spread)
{
    const clade_bench_limits *now = &suite->now;
    const double bandwidths[] = {now->copy_bytes_per_second, now->triad_bytes_per_second,
                                 now->update_bytes_per_second};
    const clade_bench_time *const latencies[] = {&now->launch_host, &now->launch, &now->round_trip};
    entry->units = 1.0;
    *spread = 0.0;
    switch (entry->kind) {
    case CLADE__SUITE_PEAK: return measure_peak(suite, entry, seconds);
    case CLADE__SUITE_BANDWIDTH: *seconds = 1.0 / bandwidths[entry->index]; return CLADE_OK;
    case CLADE__SUITE_TRANSFER: return measure_transfer(suite, entry, seconds, spread);
    default:
        *seconds = latencies[entry->index]->median;
        *spread = latencies[entry->index]->spread;
        return CLADE_OK;
    }
}

/* ---- gemm and operations --------------------------------------------------------------------- */

static clade_status measure_gemm(clade_suite *suite, clade__suite_entry *entry, double *seconds,
                                 double *spread)
{
    clade_bench_shape shape;
    clade_bench_gemm_result results[CLADE_BENCH_MAX_PROVIDERS];
    int n = 0;
    if (!clade__suite_gemm(entry->index, &shape)) return clade__fail(CLADE_EINVAL, "suite: no such gemm");
    CLADE_TRY(clade__suite_provider(suite, &shape, &suite->bench->provider));
    CLADE_TRY(clade_bench_gemm(suite->bench, &shape, results, &n));
    entry->row.flops = entry->units = 2.0 * (double)shape.m * (double)shape.n * (double)shape.k;
    entry->row.bytes = 4.0 * ((double)shape.m * (double)shape.k + (double)shape.k * (double)shape.n +
                              (double)shape.m * (double)shape.n);
    *seconds = results[0].time.median;
    *spread = results[0].time.spread;
    return CLADE_OK;
}

static clade_status measure_op(clade_suite *suite, clade__suite_entry *entry, double *seconds, double *spread)
{
    clade_bench_op_result result;
    CLADE_TRY(clade_bench_op(suite->bench, entry->index, OP_SIZE, OP_SIZE, &result));
    entry->row.flops = result.flops;
    entry->row.bytes = result.bytes;
    entry->units = 1.0;
    *seconds = result.time.median;
    *spread = result.time.spread;
    return CLADE_OK;
}

/* ---- steps ----------------------------------------------------------------------------------- */

clade_status clade__suite_open_steps(clade_suite *suite, clade__suite_entry *entry, clade__steps *steps)
{
    const clade__workload *workload = &clade__workloads[entry->index];
    int64_t batch = entry->row.batch > 0 ? entry->row.batch : entry->batch_wanted;
    for (;; batch /= 2) {
        clade_status status = clade__steps_open(
            steps, workload, &(clade__steps_options){.device = suite->device, .batch = batch});
        entry->row.batch = batch;
        if (status != CLADE_EDEVICEMEM || batch < 4) return status;
    }
}

static clade_status measure_train(clade_suite *suite, clade__suite_entry *entry, double *seconds,
                                  double *spread)
{
    clade__steps steps;
    CLADE_TRY(clade__suite_open_steps(suite, entry, &steps));
    clade__subject subject = clade__steps_subject(&steps);
    clade_status status = clade__measure(&subject, 1, suite->options.seconds);
    entry->row.flops = clade__step_flops(steps.model, entry->row.batch);
    entry->row.bytes = clade__step_bytes(steps.model, entry->row.batch, steps.data);
    entry->units = (double)entry->row.batch;
    clade__steps_close(&steps);
    clade__pool_trim(suite->device);
    *seconds = subject.time.median;
    *spread = subject.time.spread;
    return status;
}

clade_status clade_suite_first_step(clade_device *device, const char *workload)
{
    CLADE_WANT(device);
    CLADE_WANT(workload);
    const clade__workload *found = NULL;
    clade__steps steps;
    CLADE_TRY(clade__workload_find(workload, &found));
    CLADE_TRY(clade__steps_open(&steps, found, &(clade__steps_options){.device = device,
                                                                       .batch = found->about.batches[0]}));
    clade_status status = clade__steps_next(&steps);
    if (status == CLADE_OK) status = clade_device_finish(device);
    clade__steps_close(&steps);
    return status;
}

clade_status clade__suite_round(clade_suite *suite, clade__suite_entry *entry, double *seconds,
                                double *spread)
{
    CLADE_TRY(survey(suite, entry->row.n_rounds + 1));
    switch (entry->kind) {
    case CLADE__SUITE_GEMM: return measure_gemm(suite, entry, seconds, spread);
    case CLADE__SUITE_OP: return measure_op(suite, entry, seconds, spread);
    case CLADE__SUITE_TRAIN: return measure_train(suite, entry, seconds, spread);
    default: return measure_device(suite, entry, seconds, spread);
    }
}

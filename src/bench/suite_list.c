/* The rows of a suite. Whatever is changed here is another CLADE_SUITE_VERSION. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/suite_state.h"
#include "verify/table.h"

/* Products of the MLP workloads: forward, the weight's gradient, the input's; then cubes. */
static const clade_bench_shape gemms[] = {
    {.m = 128, .n = 512, .k = 784, .trans_b = true},   {.m = 512, .n = 784, .k = 128, .trans_a = true},
    {.m = 128, .n = 512, .k = 512},                    {.m = 100, .n = 900, .k = 1000, .trans_b = true},
    {.m = 900, .n = 1000, .k = 100, .trans_a = true},  {.m = 100, .n = 900, .k = 900},
    {.m = 100, .n = 3072, .k = 3072, .trans_b = true}, {.m = 3072, .n = 3072, .k = 100, .trans_a = true},
    {.m = 256, .n = 256, .k = 256},                    {.m = 512, .n = 512, .k = 512},
    {.m = 1024, .n = 1024, .k = 1024},                 {.m = 2048, .n = 2048, .k = 2048},
};

/* Operations that steps are made of; each of (1024, 1024). */
static const char *const ops[] = {
    "relu_forward",       "relu_backward",       "sigmoid_forward",    "sigmoid_backward",
    "gelu_forward",       "gelu_backward",       "softmax_forward",    "softmax_backward",
    "add",                "multiply_forward",    "dropout",            "batch_norm_forward",
    "batch_norm_backward", "group_norm_forward", "group_norm_backward", "max_pool2d_forward",
    "max_pool2d_backward", "conv2d_forward",     "conv2d_backward",    "conv2d_weight",
    "cross_entropy",      "mse",                 "sum_of_rows",        "sum_of_cols",
    "bias_gradient",      "sgd_momentum",        "adam",               "gather_float",
};

#define COUNT(list) ((int)(sizeof(list) / sizeof(list)[0]))

static const char *const kinds[] = {
    [CLADE__SUITE_PEAK] = "peak",       [CLADE__SUITE_BANDWIDTH] = "bandwidth",
    [CLADE__SUITE_TRANSFER] = "transfer", [CLADE__SUITE_LATENCY] = "latency",
    [CLADE__SUITE_GEMM] = "gemm",       [CLADE__SUITE_OP] = "op",
    [CLADE__SUITE_TRAIN] = "train",     [CLADE__SUITE_START] = "start",
};

bool clade__suite_gemm(int i, clade_bench_shape *shape)
{
    if (i < 0 || i >= COUNT(gemms)) return false;
    *shape = gemms[i];
    return true;
}

static void add(clade_suite *suite, clade__suite_kind kind, int index, const char *unit, const char *name)
{
    if (suite->n_entries == CLADE__SUITE_ROWS) return; /* suite_open sees that none is missing */
    clade__suite_entry *entry = &suite->entries[suite->n_entries++];
    *entry = (clade__suite_entry){.kind = kind, .index = index};
    snprintf(entry->name, sizeof entry->name, "%s", name);
    entry->row = (clade_suite_row){.kind = kinds[kind], .name = entry->name, .unit = unit,
                                   .less_is_better = strcmp(unit, "s") == 0, .why = entry->why};
}

static void add_device(clade_suite *suite)
{
    const clade_device_info *info = clade_device_describe(suite->device);
    add(suite, CLADE__SUITE_PEAK, 0, "FLOP/s", "float32");
    if (info->has_double) add(suite, CLADE__SUITE_PEAK, 1, "FLOP/s", "float64");
    if (info->has_half) add(suite, CLADE__SUITE_PEAK, 2, "FLOP/s", "float16");
    add(suite, CLADE__SUITE_BANDWIDTH, 0, "B/s", "copy");
    add(suite, CLADE__SUITE_BANDWIDTH, 1, "B/s", "triad");
    add(suite, CLADE__SUITE_BANDWIDTH, 2, "B/s", "update");
    add(suite, CLADE__SUITE_TRANSFER, 0, "B/s", "host to device");
    add(suite, CLADE__SUITE_TRANSFER, 1, "B/s", "device to host");
    add(suite, CLADE__SUITE_LATENCY, 0, "s", "launch, on the host");
    add(suite, CLADE__SUITE_LATENCY, 1, "s", "launch, end to end");
    add(suite, CLADE__SUITE_LATENCY, 2, "s", "round trip");
}

static void add_kernels(clade_suite *suite)
{
    char name[96];
    for (int i = 0; i < COUNT(gemms); i++) {
        snprintf(name, sizeof name, "%lldx%lldx%lld %c%c", (long long)gemms[i].m, (long long)gemms[i].n,
                 (long long)gemms[i].k, gemms[i].trans_a ? 't' : 'n', gemms[i].trans_b ? 't' : 'n');
        add(suite, CLADE__SUITE_GEMM, i, "FLOP/s", name);
    }
    for (int i = 0; i < COUNT(ops); i++) {
        const clade__op *op = clade__op_find(ops[i]);
        if (op) add(suite, CLADE__SUITE_OP, (int)(op - clade__ops), "s", ops[i]);
    }
}

static void add_trains(clade_suite *suite)
{
    char name[96];
    for (int i = 0; i < clade__n_workloads; i++) {
        const clade_bench_workload *about = &clade__workloads[i].about;
        if (suite->options.workload && strcmp(suite->options.workload, about->name) != 0) continue;
        for (int b = 0; b < 2 && about->batches[b] > 0; b++) {
            snprintf(name, sizeof name, "%s, batch %lld", about->name, (long long)about->batches[b]);
            add(suite, CLADE__SUITE_TRAIN, i, "samples/s", name);
            suite->entries[suite->n_entries - 1].batch_wanted = about->batches[b];
        }
    }
}

clade_status clade__suite_list(clade_suite *suite)
{
    suite->entries = calloc(CLADE__SUITE_ROWS, sizeof *suite->entries);
    suite->words = calloc(CLADE__SUITE_WORDS, sizeof *suite->words);
    if (!suite->entries || !suite->words) return clade__fail(CLADE_ENOMEM, "no memory for a suite");
    add_device(suite);
    add_kernels(suite);
    add_trains(suite);
    add(suite, CLADE__SUITE_START, 0, "s", "cold");
    add(suite, CLADE__SUITE_START, 1, "s", "warm");
    return CLADE_OK;
}

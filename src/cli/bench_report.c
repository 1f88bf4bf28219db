#include "cli/bench_report.h"

#include <math.h>
#include <string.h>

/* ---- what reports share ---------------------------------------------------------------------- */

void cli_bench_add_time(cJSON *object, const clade_bench_time *time)
{
    cJSON_AddNumberToObject(object, "seconds_median", time->median);
    cJSON_AddNumberToObject(object, "seconds_min", time->min);
    cJSON_AddNumberToObject(object, "seconds_spread", time->spread);
}

char *cli_bench_spread_text(char *out, size_t out_bytes, const clade_bench_time *time)
{
    snprintf(out, out_bytes, "%.0f%%", 100.0 * time->spread / time->median);
    return out;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static cJSON *libraries_json(const cli_bench_report *report)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "clade", clade_version());
    cJSON_AddStringToObject(object, "clblast", clade_bench_clblast_version());
    if (!report->has_openblas) return object;
    cJSON *openblas = cJSON_AddObjectToObject(object, "openblas");
    cJSON_AddStringToObject(openblas, "config", report->openblas.config);
    cJSON_AddStringToObject(openblas, "core", report->openblas.core);
    cJSON_AddStringToObject(openblas, "tried", report->openblas.tried);
    cJSON_AddNumberToObject(openblas, "threads", report->openblas.n_threads);
    return object;
}

static cJSON *time_json(const clade_bench_time *time)
{
    cJSON *object = cJSON_CreateObject();
    cli_bench_add_time(object, time);
    return object;
}

static cJSON *limits_json(const clade_bench_limits *limits)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "gflops", limits->flops_per_second / 1e9);
    cJSON_AddNumberToObject(object, "vector_width", limits->vector_width);
    cJSON_AddNumberToObject(object, "accumulators", limits->accumulators);
    cJSON_AddNumberToObject(object, "copy_bytes_per_second", limits->copy_bytes_per_second);
    cJSON_AddNumberToObject(object, "triad_bytes_per_second", limits->triad_bytes_per_second);
    cJSON_AddNumberToObject(object, "update_bytes_per_second", limits->update_bytes_per_second);
    cJSON_AddNumberToObject(object, "array_bytes", (double)limits->array_bytes);
    cJSON_AddItemToObject(object, "launch_host", time_json(&limits->launch_host));
    cJSON_AddItemToObject(object, "launch", time_json(&limits->launch));
    cJSON_AddItemToObject(object, "round_trip", time_json(&limits->round_trip));
    return object;
}

static void add_gemm_json(cJSON *results, const cli_bench_gemm *gemm)
{
    for (int i = 0; i < gemm->n_results; i++) {
        const clade_bench_gemm_result *result = &gemm->results[i];
        cJSON *object = cJSON_CreateObject();
        cJSON_AddNumberToObject(object, "m", (double)gemm->shape.m);
        cJSON_AddNumberToObject(object, "n", (double)gemm->shape.n);
        cJSON_AddNumberToObject(object, "k", (double)gemm->shape.k);
        cJSON_AddBoolToObject(object, "trans_a", gemm->shape.trans_a);
        cJSON_AddBoolToObject(object, "trans_b", gemm->shape.trans_b);
        cJSON_AddStringToObject(object, "provider", result->provider);
        cli_bench_add_time(object, &result->time);
        cJSON_AddNumberToObject(object, "gflops", result->flops_per_second / 1e9);
        cJSON_AddNumberToObject(object, "share_of_peak", result->share_of_peak);
        cJSON_AddItemToArray(results, object);
    }
}

static cJSON *op_json(const clade_bench_op_result *op)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "op", op->op);
    cJSON_AddNumberToObject(object, "rows", (double)op->rows);
    cJSON_AddNumberToObject(object, "cols", (double)op->cols);
    cli_bench_add_time(object, &op->time);
    cJSON_AddNumberToObject(object, "bytes_per_second", op->bytes / op->time.median);
    cJSON_AddNumberToObject(object, "gflops", op->flops / op->time.median / 1e9);
    cJSON_AddNumberToObject(object, "share_of_roof", op->share_of_roof);
    return object;
}

static cJSON *train_json(const clade_bench_train_result *train)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "workload", train->workload);
    cJSON_AddNumberToObject(object, "batch", (double)train->batch);
    cli_bench_add_time(object, &train->time);
    cJSON_AddNumberToObject(object, "samples_per_second", train->samples_per_second);
    cJSON_AddNumberToObject(object, "flops", train->flops);
    cJSON_AddNumberToObject(object, "bytes", train->bytes);
    cJSON_AddNumberToObject(object, "gflops", train->flops_per_second / 1e9);
    cJSON_AddNumberToObject(object, "share_of_limit", train->share_of_limit);
    cJSON_AddNumberToObject(object, "host_seconds", train->host_seconds);
    return object;
}

cJSON *cli_bench_json(const cli_bench_report *report)
{
    cJSON *document = cJSON_CreateObject();
    cli_json_add_device(cJSON_AddObjectToObject(document, "device"), report->device);
    cJSON_AddItemToObject(document, "libraries", libraries_json(report));
    if (report->n_batchings > 0) {
        cli_batching_json(document, report);
        return document;
    }
    cJSON_AddItemToObject(document, "limits", limits_json(&report->limits));
    if (report->n_gemms + report->n_ops + report->n_trains == 0) return document;
    cJSON *results = cJSON_AddArrayToObject(document, "results");
    for (size_t i = 0; i < report->n_gemms; i++) add_gemm_json(results, &report->gemms[i]);
    for (size_t i = 0; i < report->n_ops; i++)
        cJSON_AddItemToArray(results, op_json(&report->ops[i]));
    for (size_t i = 0; i < report->n_trains; i++)
        cJSON_AddItemToArray(results, train_json(&report->trains[i]));
    return document;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void add_latency(cli_table *table, const char *what, const clade_bench_time *time,
                        const char *note)
{
    char seconds[32];
    cli_table_add(table, "%s", what);
    cli_table_add(table, "%s", cli_seconds_text(seconds, sizeof seconds, time->median));
    cli_table_add(table, "%s", note);
}

static clade_status print_limits(const clade_bench_limits *limits)
{
    char bytes[32];
    cli_table table = {.n_columns = 3, .right = 1u << 1};
    cli_bytes_text(bytes, sizeof bytes, limits->array_bytes);
    cli_table_add(&table, "float32 arithmetic");
    cli_table_add(&table, "%.1f GFLOP/s", limits->flops_per_second / 1e9);
    cli_table_add(&table, "fma on %d independent vectors of %d", limits->accumulators,
                  limits->vector_width);
    cli_table_add(&table, "memory, copy");
    cli_table_add(&table, "%.1f GB/s", limits->copy_bytes_per_second / 1e9);
    cli_table_add(&table, "two arrays of %s", bytes);
    cli_table_add(&table, "memory, triad");
    cli_table_add(&table, "%.1f GB/s", limits->triad_bytes_per_second / 1e9);
    cli_table_add(&table, "three arrays of %s", bytes);
    cli_table_add(&table, "memory, update");
    cli_table_add(&table, "%.1f GB/s", limits->update_bytes_per_second / 1e9);
    cli_table_add(&table, "one array of %s, in place", bytes);
    add_latency(&table, "launch, on the host", &limits->launch_host,
                "processor time of the thread that enqueues");
    add_latency(&table, "launch, end to end", &limits->launch, "back to back, one wait at the end");
    add_latency(&table, "round trip", &limits->round_trip, "one empty kernel, and waiting for it");
    return cli_table_finish(&table);
}

static const clade_bench_gemm_result *result_of(const cli_bench_gemm *gemm, const char *provider)
{
    for (int i = 0; i < gemm->n_results; i++)
        if (strcmp(gemm->results[i].provider, provider) == 0) return &gemm->results[i];
    return NULL;
}

/* How many times as fast `a` was as `b`; NaN without either. */
static double ratio_of(const cli_bench_gemm *gemm, const char *a, const char *b)
{
    const clade_bench_gemm_result *x = result_of(gemm, a), *y = result_of(gemm, b);
    return x && y ? x->flops_per_second / y->flops_per_second : (double)NAN;
}

static void add_ratio(cli_table *table, double ratio)
{
    if (isnan(ratio))
        cli_table_add(table, "-");
    else
        cli_table_add(table, "%.2f", ratio);
}

static void add_gemm_row(cli_table *table, const cli_bench_gemm *gemm)
{
    static const char *const providers[] = {"tiled", "clblast", "openblas"};
    const clade_bench_gemm_result *first = &gemm->results[0];
    char text[32];
    cli_table_add(table, "%lld", (long long)gemm->shape.m);
    cli_table_add(table, "%lld", (long long)gemm->shape.n);
    cli_table_add(table, "%lld", (long long)gemm->shape.k);
    cli_table_add(table, "%c%c", gemm->shape.trans_a ? 't' : 'n', gemm->shape.trans_b ? 't' : 'n');
    cli_table_add(table, "%s", cli_seconds_text(text, sizeof text, first->time.median));
    for (int i = 0; i < 3; i++) {
        const clade_bench_gemm_result *result = result_of(gemm, providers[i]);
        if (result) {
            cli_table_add(table, "%.1f", result->flops_per_second / 1e9);
            cli_table_add(table, "%s", cli_bench_spread_text(text, sizeof text, &result->time));
        } else {
            cli_table_add(table, "-");
            cli_table_add(table, "%s", "");
        }
    }
    if (isnan(first->share_of_peak))
        cli_table_add(table, "-");
    else
        cli_table_add(table, "%.0f%%", 100.0 * first->share_of_peak);
    add_ratio(table, ratio_of(gemm, "tiled", "openblas"));
    add_ratio(table, ratio_of(gemm, "tiled", "clblast"));
}

static void print_mean_ratio(const cli_bench_report *report, const char *a, const char *b)
{
    double sum = 0.0;
    int n = 0;
    for (size_t i = 0; i < report->n_gemms; i++) {
        double ratio = ratio_of(&report->gemms[i], a, b);
        if (isnan(ratio)) continue;
        sum += log(ratio);
        n++;
    }
    if (n > 0)
        printf("geometric mean of %s/%s over %d shapes: %.2f\n", a, b, n, exp(sum / n));
}

static clade_status print_gemms(const cli_bench_report *report)
{
    static const char *const heads[] = {"M", "N", "K", "OP", "TIME", "TILED", "", "CLBLAST", "",
                                        "OPENBLAS", "", "OF PEAK", "T/OPENBLAS", "T/CLBLAST"};
    cli_table table = {.n_columns = sizeof heads / sizeof heads[0], .right = ~(1u << 3)};
    cli_table_row(&table, heads);
    for (size_t i = 0; i < report->n_gemms; i++) add_gemm_row(&table, &report->gemms[i]);
    CLADE_TRY(cli_table_finish(&table));
    char trip[32];
    printf("\nGFLOP/s by the median, and the spread (between quartiles) beside it; TIME and OF\n"
           "PEAK are the first provider's. Peak %.1f GFLOP/s; waiting for a call adds about %s.\n",
           report->limits.flops_per_second / 1e9,
           cli_seconds_text(trip, sizeof trip, report->limits.round_trip.median));
    if (report->has_openblas) {
        printf("%s; kernels %s, %d threads", report->openblas.config, report->openblas.core,
               report->openblas.n_threads);
        printf(report->openblas.tried[0] ? "; tried %s\n" : "\n", report->openblas.tried);
    }
    print_mean_ratio(report, "tiled", "openblas");
    print_mean_ratio(report, "tiled", "clblast");
    return CLADE_OK;
}

static clade_status print_ops(const cli_bench_report *report)
{
    static const char *const heads[] = {"OPERATION", "ROWS", "COLS",    "TIME",
                                        "SPREAD",    "GB/s", "GFLOP/s", "OF ROOF"};
    cli_table table = {.n_columns = sizeof heads / sizeof heads[0], .right = ~1u};
    cli_table_row(&table, heads);
    for (size_t i = 0; i < report->n_ops; i++) {
        const clade_bench_op_result *op = &report->ops[i];
        char text[32];
        double seconds = op->time.median;
        cli_table_add(&table, "%s", op->op);
        cli_table_add(&table, "%lld", (long long)op->rows);
        cli_table_add(&table, "%lld", (long long)op->cols);
        cli_table_add(&table, "%s", cli_seconds_text(text, sizeof text, seconds));
        cli_table_add(&table, "%s", cli_bench_spread_text(text, sizeof text, &op->time));
        cli_table_add(&table, "%.1f", op->bytes / seconds / 1e9);
        cli_table_add(&table, "%.1f", op->flops / seconds / 1e9);
        cli_table_add(&table, "%.0f%%", 100.0 * op->share_of_roof);
    }
    CLADE_TRY(cli_table_finish(&table));
    printf("\nThe roof: %.1f GFLOP/s and %.1f GB/s. Small sizes are served from caches and may be\n"
           "above it.\n",
           report->limits.flops_per_second / 1e9, report->limits.bytes_per_second / 1e9);
    return CLADE_OK;
}

static clade_status print_trains(const cli_bench_report *report)
{
    static const char *const heads[] = {"WORKLOAD",  "BATCH",   "STEP",     "LEAST", "SPREAD",
                                        "SAMPLES/s", "GFLOP/s", "OF LIMIT", "HOST"};
    cli_table table = {.n_columns = sizeof heads / sizeof heads[0], .right = ~1u};
    cli_table_row(&table, heads);
    for (size_t i = 0; i < report->n_trains; i++) {
        const clade_bench_train_result *train = &report->trains[i];
        char text[32];
        cli_table_add(&table, "%s", train->workload);
        cli_table_add(&table, "%lld", (long long)train->batch);
        cli_table_add(&table, "%s", cli_seconds_text(text, sizeof text, train->time.median));
        cli_table_add(&table, "%s", cli_seconds_text(text, sizeof text, train->time.min));
        cli_table_add(&table, "%s", cli_bench_spread_text(text, sizeof text, &train->time));
        cli_table_add(&table, "%.0f", train->samples_per_second);
        cli_table_add(&table, "%.1f", train->flops_per_second / 1e9);
        cli_table_add(&table, "%.0f%%", 100.0 * train->share_of_limit);
        cli_table_add(&table, "%s", cli_seconds_text(text, sizeof text, train->host_seconds));
    }
    CLADE_TRY(cli_table_finish(&table));
    printf("\nThe limit: the longer of FLOPs at %.1f GFLOP/s and bytes at %.1f GB/s. HOST is the\n"
           "processor time that enqueueing a step takes.\n",
           report->limits.flops_per_second / 1e9, report->limits.bytes_per_second / 1e9);
    return CLADE_OK;
}

clade_status cli_bench_print(const cli_bench_report *report)
{
    const clade_device_info *info = report->device;
    printf("%s (%s, driver %s), %d compute unit%s\n", info->name, info->platform, info->driver,
           info->compute_units, info->compute_units == 1 ? "" : "s");
    printf("clade %s, CLBlast %s\n", clade_version(), clade_bench_clblast_version());
    if (report->n_batchings > 0) return cli_batching_print(report);
    if (report->show_limits) {
        putchar('\n');
        CLADE_TRY(print_limits(&report->limits));
    }
    if (report->n_gemms + report->n_ops + report->n_trains > 0) putchar('\n');
    if (report->n_gemms > 0) CLADE_TRY(print_gemms(report));
    if (report->n_ops > 0) CLADE_TRY(print_ops(report));
    return report->n_trains > 0 ? print_trains(report) : CLADE_OK;
}

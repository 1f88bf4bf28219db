#include "cli/bench_report.h"

#include <math.h>
#include <string.h>

/* ---- what reports share ---------------------------------------------------------------------- */

void cli_bench_add_time(clade__json *json, const clade_bench_time *time)
{
    clade__json_number(json, "seconds_median", time->median);
    clade__json_number(json, "seconds_min", time->min);
    clade__json_number(json, "seconds_spread", time->spread);
}

char *cli_bench_spread_text(char *out, size_t out_bytes, const clade_bench_time *time)
{
    snprintf(out, out_bytes, "%.0f%%", 100.0 * time->spread / time->median);
    return out;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void add_libraries(clade__json *json, const cli_bench_report *report)
{
    clade__json_object(json, "libraries");
    clade__json_string(json, "clade", clade_version());
    clade__json_string(json, "clblast", clade_bench_clblast_version());
    if (report->has_openblas) {
        clade__json_object(json, "openblas");
        clade__json_string(json, "config", report->openblas.config);
        clade__json_string(json, "core", report->openblas.core);
        clade__json_string(json, "tried", report->openblas.tried);
        clade__json_number(json, "threads", report->openblas.n_threads);
        clade__json_object_end(json);
    }
    clade__json_object_end(json);
}

static void add_latency(clade__json *json, const char *key, const clade_bench_time *time)
{
    clade__json_object(json, key);
    cli_bench_add_time(json, time);
    clade__json_object_end(json);
}

static void add_limits(clade__json *json, const clade_bench_limits *limits)
{
    clade__json_object(json, "limits");
    clade__json_number(json, "gflops", limits->flops_per_second / 1e9);
    clade__json_number(json, "vector_width", limits->vector_width);
    clade__json_number(json, "accumulators", limits->accumulators);
    clade__json_number(json, "copy_bytes_per_second", limits->copy_bytes_per_second);
    clade__json_number(json, "triad_bytes_per_second", limits->triad_bytes_per_second);
    clade__json_number(json, "update_bytes_per_second", limits->update_bytes_per_second);
    clade__json_number(json, "array_bytes", (double)limits->array_bytes);
    add_latency(json, "launch_host", &limits->launch_host);
    add_latency(json, "launch", &limits->launch);
    add_latency(json, "round_trip", &limits->round_trip);
    clade__json_object_end(json);
}

static void add_gemm(clade__json *json, const cli_bench_gemm *gemm)
{
    for (int i = 0; i < gemm->n_results; i++) {
        const clade_bench_gemm_result *result = &gemm->results[i];
        clade__json_object(json, NULL);
        clade__json_number(json, "m", (double)gemm->shape.m);
        clade__json_number(json, "n", (double)gemm->shape.n);
        clade__json_number(json, "k", (double)gemm->shape.k);
        clade__json_bool(json, "trans_a", gemm->shape.trans_a);
        clade__json_bool(json, "trans_b", gemm->shape.trans_b);
        clade__json_string(json, "provider", result->provider);
        cli_bench_add_time(json, &result->time);
        clade__json_number(json, "gflops", result->flops_per_second / 1e9);
        clade__json_number(json, "share_of_peak", result->share_of_peak);
        clade__json_object_end(json);
    }
}

static void add_op(clade__json *json, const clade_bench_op_result *op)
{
    clade__json_object(json, NULL);
    clade__json_string(json, "op", op->op);
    clade__json_number(json, "rows", (double)op->rows);
    clade__json_number(json, "cols", (double)op->cols);
    cli_bench_add_time(json, &op->time);
    clade__json_number(json, "bytes_per_second", op->bytes / op->time.median);
    clade__json_number(json, "gflops", op->flops / op->time.median / 1e9);
    clade__json_number(json, "share_of_roof", op->share_of_roof);
    clade__json_object_end(json);
}

static void add_train(clade__json *json, const clade_bench_train_result *train)
{
    clade__json_object(json, NULL);
    clade__json_string(json, "workload", train->workload);
    clade__json_number(json, "batch", (double)train->batch);
    cli_bench_add_time(json, &train->time);
    clade__json_number(json, "samples_per_second", train->samples_per_second);
    clade__json_number(json, "flops", train->flops);
    clade__json_number(json, "bytes", train->bytes);
    clade__json_number(json, "gflops", train->flops_per_second / 1e9);
    clade__json_number(json, "share_of_limit", train->share_of_limit);
    clade__json_number(json, "host_seconds", train->host_seconds);
    clade__json_object_end(json);
}

clade_status cli_bench_print_json(const cli_bench_report *report)
{
    clade__json json = {0};
    clade__json_object(&json, NULL);
    clade__json_object(&json, "device");
    cli_json_device(&json, report->device);
    clade__json_object_end(&json);
    add_libraries(&json, report);
    if (report->n_batchings > 0)
        cli_batching_json(&json, report);
    else
        add_limits(&json, &report->limits);
    if (report->n_gemms + report->n_ops + report->n_trains > 0) {
        clade__json_list(&json, "results");
        for (size_t i = 0; i < report->n_gemms; i++) add_gemm(&json, &report->gemms[i]);
        for (size_t i = 0; i < report->n_ops; i++) add_op(&json, &report->ops[i]);
        for (size_t i = 0; i < report->n_trains; i++) add_train(&json, &report->trains[i]);
        clade__json_list_end(&json);
    }
    clade__json_object_end(&json);
    return cli_print_json(&json);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void add_latency_row(cli_table *table, const char *what, const clade_bench_time *time,
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
    add_latency_row(&table, "launch, on the host", &limits->launch_host,
                    "processor time of the thread that enqueues");
    add_latency_row(&table, "launch, end to end", &limits->launch, "back to back, one wait at the end");
    add_latency_row(&table, "round trip", &limits->round_trip, "one empty kernel, and waiting for it");
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

/* Our own provider among those that were measured: the first of all, and the device's. */
static const char *own_provider(const cli_bench_report *report)
{
    for (size_t i = 0; i < report->n_gemms; i++)
        if (result_of(&report->gemms[i], "local")) return "local";
    return "tiled";
}

static void add_gemm_row(cli_table *table, const cli_bench_gemm *gemm, const char *own)
{
    const char *const providers[] = {own, "clblast", "openblas"};
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
    add_ratio(table, ratio_of(gemm, own, "openblas"));
    add_ratio(table, ratio_of(gemm, own, "clblast"));
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
        cli_print("geometric mean of %s/%s over %d shapes: %.2f\n", a, b, n, exp(sum / n));
}

static clade_status print_gemms(const cli_bench_report *report)
{
    const char *own = own_provider(report);
    const bool local = strcmp(own, "local") == 0;
    const char *const heads[] = {"M", "N", "K", "OP", "TIME", local ? "LOCAL" : "TILED", "", "CLBLAST", "",
                                 "OPENBLAS", "", "OF PEAK", local ? "L/OPENBLAS" : "T/OPENBLAS",
                                 local ? "L/CLBLAST" : "T/CLBLAST"};
    cli_table table = {.n_columns = sizeof heads / sizeof heads[0], .right = ~(1u << 3)};
    cli_table_row(&table, heads);
    for (size_t i = 0; i < report->n_gemms; i++) add_gemm_row(&table, &report->gemms[i], own);
    CLADE_TRY(cli_table_finish(&table));
    char trip[32];
    cli_print("\nGFLOP/s by the median, and the spread (between quartiles) beside it; TIME and OF\n"
           "PEAK are the first provider's. Peak %.1f GFLOP/s; waiting for a call adds about %s.\n",
           report->limits.flops_per_second / 1e9,
           cli_seconds_text(trip, sizeof trip, report->limits.round_trip.median));
    if (report->has_openblas) {
        cli_print("%s; kernels %s, %d threads%s%s\n", report->openblas.config, report->openblas.core,
                  report->openblas.n_threads, report->openblas.tried[0] ? "; tried " : "",
                  report->openblas.tried);
    }
    print_mean_ratio(report, own, "openblas");
    print_mean_ratio(report, own, "clblast");
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
    cli_print("\nThe roof: %.1f GFLOP/s and %.1f GB/s. Small sizes are served from caches and may be\n"
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
    cli_print("\nThe limit: the longer of FLOPs at %.1f GFLOP/s and bytes at %.1f GB/s. HOST is the\n"
           "processor time that enqueueing a step takes.\n",
           report->limits.flops_per_second / 1e9, report->limits.bytes_per_second / 1e9);
    return CLADE_OK;
}

clade_status cli_bench_print(const cli_bench_report *report)
{
    const clade_device_info *info = report->device;
    cli_print("%s (%s, driver %s), %d compute unit%s\n", info->name, info->platform, info->driver,
           info->compute_units, info->compute_units == 1 ? "" : "s");
    cli_print("clade %s, CLBlast %s\n", clade_version(), clade_bench_clblast_version());
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

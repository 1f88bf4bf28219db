/* What `clade bench` measured, as tables for people and as JSON. */
#ifndef CLADE_CLI_BENCH_REPORT_H
#define CLADE_CLI_BENCH_REPORT_H

#include "cli/common.h"

/* Results as they come in. */
typedef struct cli_bench_gemm {
    clade_bench_shape shape;
    clade_bench_gemm_result results[CLADE_BENCH_MAX_PROVIDERS];
    int n_results;
} cli_bench_gemm;

typedef struct cli_bench_report {
    const clade_device_info *device;
    clade_bench_limits limits;
    bool has_openblas;
    clade_bench_openblas_info openblas;
    bool show_limits; /* in the table; JSON has them always */
    cli_bench_gemm *gemms;
    size_t n_gemms;
    clade_bench_op_result *ops;
    size_t n_ops;
    clade_bench_train_result *trains;
    size_t n_trains;
    clade_bench_batching_result *batchings; /* one workload's; then nothing else was measured */
    size_t n_batchings;
    const char *picture; /* of these, where one was drawn */
} cli_bench_report;

clade_status cli_bench_print_json(const cli_bench_report *report);
clade_status cli_bench_print(const cli_bench_report *report);

void cli_bench_add_time(clade__json *json, const clade_bench_time *time);
char *cli_bench_spread_text(char *out, size_t out_bytes, const clade_bench_time *time);

/* batching_report.c: the document's own part, the table, and the picture's script. */
void cli_batching_json(clade__json *json, const cli_bench_report *report);
clade_status cli_batching_print(const cli_bench_report *report);
void cli_batching_script(clade__text *script, const cli_bench_report *report, bool png);

#endif

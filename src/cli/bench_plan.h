/* `clade bench`: what its command line asks for. */
#ifndef CLADE_CLI_BENCH_PLAN_H
#define CLADE_CLI_BENCH_PLAN_H

#include "cli/common.h"

typedef enum cli_bench_part {
    CLI_BENCH_SUITE, /* nothing named: all of the page */
    CLI_BENCH_DEVICE,
    CLI_BENCH_GEMM,
    CLI_BENCH_OPS,
    CLI_BENCH_TRAIN,
    CLI_BENCH_BATCHING,
    CLI_BENCH_PARALLEL,
    CLI_BENCH_START,
    CLI_BENCH_ACCURACY,
    CLI_BENCH_COMPARE
} cli_bench_part;

enum { CLI_BENCH_MAX_FILES = 8 };

/* What to measure. */
typedef struct cli_bench_plan {
    cli_bench_part part;
    bool quiet;
    clade_bench_options options;
    clade_bench_shape *shapes; /* of gemm, (n_shapes) */
    int n_shapes;
    const char *workload, *config; /* config: of train, one's own network; NULL: none */
    int64_t batch;
    double to_loss;     /* of parallel; 0: none */
    const char *output; /* of the picture of batching, or parallel */
    const char *html, *json_file; /* of the suite, and html of compare; NULL: none */
    int64_t rounds;     /* of the suite */
    bool quick;
    double accuracy;    /* of accuracy, */
    int64_t seeds;      /* and how many trainings */
    double fail_below;  /* of compare; 0: nothing fails */
    const char *const *files; /* (n_files) of compare */
    int n_files;
} cli_bench_plan;

/* Reads and checks it all; free the plan in any case. */
clade_status cli_bench_plan_read(const cli_call *call, cli_bench_plan *plan);
void cli_bench_plan_free(cli_bench_plan *plan);

#endif

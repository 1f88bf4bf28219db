/* `clade bench parallel`: what a job of several ranks gains and costs. */
#ifndef CLADE_CLI_BENCH_PARALLEL_H
#define CLADE_CLI_BENCH_PARALLEL_H

#include "cli/train_job.h"

typedef struct cli_bench_parallel {
    const clade_bench_options *options;
    const char *workload; /* NULL: the first */
    int64_t batch;        /* of all ranks; 0: the workload's */
    double to_loss;       /* 0: no training to a loss */
    const char *output;   /* the picture; NULL: none */
} cli_bench_parallel;

/* Measures on all ranks; the first prints. */
clade_status cli_bench_parallel_run(cli_call *call, const cli_train_job *job, const cli_bench_parallel *wanted);

#endif

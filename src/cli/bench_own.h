/* `clade bench train CONFIG.yaml` and `clade bench accuracy`. */
#ifndef CLADE_CLI_BENCH_OWN_H
#define CLADE_CLI_BENCH_OWN_H

#include "cli/bench_plan.h"

/* The steps of a config's network on its data, as `clade train CONFIG.yaml` would make them. */
clade_status cli_bench_own_run(cli_call *call, const cli_bench_plan *plan);

/* How long digits take to an accuracy, from several seeds. */
clade_status cli_bench_accuracy_run(cli_call *call, const cli_bench_plan *plan);

#endif

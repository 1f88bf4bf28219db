/* `clade bench` without a word: the suite, its documents and pages, and their comparison. */
#ifndef CLADE_CLI_SUITE_H
#define CLADE_CLI_SUITE_H

#include "cli/bench_plan.h"

clade_status cli_suite_run(cli_call *call, const cli_bench_plan *plan);

/* `clade bench start`: the first step of the workload, and a line on stdout when it is made. */
clade_status cli_suite_start(cli_call *call, const cli_bench_plan *plan);

clade_status cli_suite_compare(cli_call *call, const cli_bench_plan *plan);

/* suite_start.c: measures a start in a process of its own, cold and then warm: with all caches of drivers and
 * of this library in a new folder, and again with what is then there. Seconds; where one cannot be measured
 * the status says why. */
typedef struct cli_suite_starts {
    double cold, warm;
} cli_suite_starts;

clade_status cli_suite_measure_starts(const cli_call *call, const char *device, const char *workload,
                                      cli_suite_starts *starts);

#endif

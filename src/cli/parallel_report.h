/* What `clade bench parallel` measured and expects, as tables, as JSON, and as a picture. */
#ifndef CLADE_CLI_PARALLEL_REPORT_H
#define CLADE_CLI_PARALLEL_REPORT_H

#include "cli/common.h"

/* Ranks are 2, 4, 8, … in the model. */
enum { CLI_N_SCALES = 12 };
#define CLI_WANTED_EFFICIENCY 0.9

typedef struct cli_parallel_report {
    const clade_device_info *device; /* of the first rank */
    clade_bench_parallel_result result;
    clade_bench_scaling scales[2][CLI_N_SCALES]; /* by join; of 2, 4, … ranks */
    clade_bench_scaling here[2];                 /* of as many ranks as were measured */
    double loss;                                 /* that was trained to; 0: none was */
    const clade_bench_to_loss_row *losses;       /* (n_losses), of one rank first */
    int n_losses;
    const char *picture; /* NULL: none was drawn */
} cli_parallel_report;

/* How many ranks the i'th scale is of; and the names of clade_bench_join. */
int64_t cli_parallel_ranks(int scale);
extern const char *const cli_parallel_joins[2];

/* Asks the model. */
clade_status cli_parallel_expect(cli_parallel_report *report);

/* What a step takes without others, of what it takes with them. */
double cli_parallel_efficiency(const cli_parallel_report *report);

clade_status cli_parallel_print(const cli_parallel_report *report);
clade_status cli_parallel_print_json(const cli_parallel_report *report);

/* parallel_loss.c: the trainings to a loss, as a table, as members of an object, and how many times as fast as one
 * rank, NaN where either did not come to the loss. */
extern const char *const cli_parallel_ways[3]; /* the names of clade_parallel */
clade_status cli_parallel_print_losses(const cli_parallel_report *report);
void cli_parallel_add_losses(clade__json *json, const cli_parallel_report *report);
double cli_parallel_gain(const cli_parallel_report *report, const clade_bench_to_loss_row *row);

/* parallel_picture.c */
void cli_parallel_script(clade__text *script, const cli_parallel_report *report, bool png);

#endif

#include <math.h>

#include "cli/parallel_report.h"

const char *const cli_parallel_ways[3] = {"sync", "simu", "weighted"};

double cli_parallel_gain(const cli_parallel_report *report, const clade_bench_to_loss_row *row)
{
    const clade_bench_to_loss_row *one = &report->losses[0];
    return one->reached && row->reached ? one->seconds / row->seconds : (double)NAN;
}

static void add_row(cli_table *table, const cli_parallel_report *report, const clade_bench_to_loss_row *row)
{
    char text[32];
    double gain = cli_parallel_gain(report, row);
    cli_table_add(table, "%d", row->n_ranks);
    cli_table_add(table, "%s", row->n_ranks > 1 ? cli_parallel_ways[row->parallel] : "alone");
    cli_table_add(table, "%s", row->reached ? cli_seconds_text(text, sizeof text, row->seconds) : "not reached");
    cli_table_add(table, "%lld", (long long)row->steps);
    cli_table_add(table, "%.3f", row->loss);
    if (isnan(gain))
        cli_table_add(table, "-");
    else
        cli_table_add(table, "%.2f", gain);
}

clade_status cli_parallel_print_losses(const cli_parallel_report *report)
{
    static const char *const heads[] = {"RANKS", "TRAINED", "TIME", "STEPS", "LOSS", "TIMES AS FAST"};
    cli_table table = {.n_columns = 6, .right = ~2u};
    if (report->n_losses == 0) return CLADE_OK;
    cli_print("\nTo a held-out loss of %g: 784-512-512-10 on digits, batches of 128, each training three times\n\n",
              report->loss);
    cli_table_row(&table, heads);
    for (int i = 0; i < report->n_losses; i++) add_row(&table, report, &report->losses[i]);
    return cli_table_finish(&table);
}

void cli_parallel_add_losses(clade__json *json, const cli_parallel_report *report)
{
    if (report->n_losses == 0) return;
    clade__json_object(json, "to_loss");
    clade__json_number(json, "loss", report->loss);
    clade__json_list(json, "trainings");
    for (int i = 0; i < report->n_losses; i++) {
        const clade_bench_to_loss_row *row = &report->losses[i];
        clade__json_object(json, NULL);
        clade__json_number(json, "ranks", row->n_ranks);
        clade__json_string(json, "parallel", cli_parallel_ways[row->parallel]);
        clade__json_bool(json, "reached", row->reached);
        clade__json_number(json, "seconds", row->seconds);
        clade__json_number(json, "steps", (double)row->steps);
        clade__json_number(json, "loss", row->loss);
        clade__json_number(json, "times_as_fast", cli_parallel_gain(report, row));
        clade__json_object_end(json);
    }
    clade__json_list_end(json);
    clade__json_object_end(json);
}

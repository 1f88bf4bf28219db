#include "cli/parallel_report.h"

#include <math.h>

#include "cli/bench_report.h"

const char *const cli_parallel_joins[2] = {"ring", "tree"};

int64_t cli_parallel_ranks(int scale)
{
    return (int64_t)2 << scale;
}

clade_status cli_parallel_expect(cli_parallel_report *report)
{
    const clade_bench_parallel_result *result = &report->result;
    for (int j = 0; j < 2; j++) {
        for (int i = 0; i < CLI_N_SCALES; i++)
            CLADE_TRY(clade_bench_scale(result, (clade_bench_join)j, cli_parallel_ranks(i), CLI_WANTED_EFFICIENCY,
                                        &report->scales[j][i]));
        CLADE_TRY(clade_bench_scale(result, (clade_bench_join)j, result->n_ranks, CLI_WANTED_EFFICIENCY,
                                    &report->here[j]));
    }
    return CLADE_OK;
}

double cli_parallel_efficiency(const cli_parallel_report *report)
{
    return report->result.apart.median / report->result.step.median;
}

static double speed_up(const clade_bench_parallel_result *result)
{
    return result->alone.median / result->step.median;
}

/* Of a rank's communication; 0 where it has none. */
static double hidden(const clade_bench_rank *rank)
{
    double seconds = rank->communication - rank->exposed;
    return seconds > 0.0 ? seconds / rank->communication : 0.0;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void add_ranks(clade__json *json, const clade_bench_parallel_result *result)
{
    clade__json_list(json, "ranks");
    for (int i = 0; i < result->n_ranks; i++) {
        const clade_bench_rank *rank = &result->ranks[i];
        clade__json_object(json, NULL);
        clade__json_number(json, "samples", (double)rank->n_samples);
        clade__json_number(json, "computing_seconds", rank->computing);
        clade__json_number(json, "communication_seconds", rank->communication);
        clade__json_number(json, "exposed_seconds", rank->exposed);
        clade__json_number(json, "hidden", hidden(rank));
        clade__json_object_end(json);
    }
    clade__json_list_end(json);
}

static void add_times(clade__json *json, const cli_parallel_report *report)
{
    const clade_bench_parallel_result *result = &report->result;
    const struct {
        const char *key;
        const clade_bench_time *time;
    } rows[] = {{"step", &result->step}, {"alone", &result->alone}, {"apart", &result->apart}};
    for (int i = 0; i < 3; i++) {
        clade__json_object(json, rows[i].key);
        cli_bench_add_time(json, rows[i].time);
        clade__json_object_end(json);
    }
    clade__json_number(json, "speed_up", speed_up(result));
    clade__json_number(json, "parallel_efficiency", speed_up(result) / result->n_ranks);
    clade__json_number(json, "efficiency", cli_parallel_efficiency(report));
}

static void add_link(clade__json *json, const clade_bench_parallel_result *result)
{
    clade__json_object(json, "link");
    clade__json_number(json, "latency_seconds", result->latency);
    clade__json_number(json, "seconds_per_byte", result->seconds_per_byte);
    clade__json_object_end(json);
    clade__json_number(json, "gradient_bytes", result->gradient_bytes);
    clade__json_list(json, "buckets");
    for (int i = 0; i < result->n_buckets; i++) {
        clade__json_object(json, NULL);
        clade__json_number(json, "bytes", result->buckets[i].bytes);
        clade__json_number(json, "ready_seconds", result->buckets[i].ready);
        clade__json_object_end(json);
    }
    clade__json_list_end(json);
}

static void add_scale(clade__json *json, const char *join, int64_t n_ranks, const clade_bench_scaling *scale)
{
    clade__json_object(json, NULL);
    clade__json_string(json, "join", join);
    clade__json_number(json, "ranks", (double)n_ranks);
    clade__json_number(json, "seconds", scale->seconds);
    clade__json_number(json, "efficiency", scale->efficiency);
    clade__json_number(json, "bandwidth_needed", scale->bandwidth_needed);
    clade__json_number(json, "latency_needed", scale->latency_needed);
    clade__json_number(json, "batch_needed", scale->batch_needed);
    clade__json_object_end(json);
}

clade_status cli_parallel_print_json(const cli_parallel_report *report)
{
    const clade_bench_parallel_result *result = &report->result;
    clade__json json = {0};
    clade__json_object(&json, NULL);
    clade__json_object(&json, "device");
    cli_json_device(&json, report->device);
    clade__json_object_end(&json);
    clade__json_string(&json, "workload", result->workload);
    clade__json_number(&json, "batch", (double)result->batch);
    add_ranks(&json, result);
    add_times(&json, report);
    add_link(&json, result);
    clade__json_number(&json, "expected_seconds", report->here[CLADE_BENCH_RING].seconds);
    clade__json_list(&json, "model");
    for (int j = 0; j < 2; j++)
        for (int i = 0; i < CLI_N_SCALES; i++)
            add_scale(&json, cli_parallel_joins[j], cli_parallel_ranks(i), &report->scales[j][i]);
    clade__json_list_end(&json);
    cli_parallel_add_losses(&json, report);
    clade__json_string(&json, "picture", report->picture);
    clade__json_object_end(&json);
    return cli_print_json(&json);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void add_seconds(cli_table *table, double seconds)
{
    char text[32];
    cli_table_add(table, "%s", cli_seconds_text(text, sizeof text, seconds));
}

static clade_status print_ranks(const clade_bench_parallel_result *result)
{
    static const char *const heads[] = {"RANK", "SAMPLES", "COMPUTING", "COMMUNICATION", "EXPOSED", "HIDDEN"};
    cli_table table = {.n_columns = 6, .right = ~0u};
    cli_table_row(&table, heads);
    for (int i = 0; i < result->n_ranks; i++) {
        const clade_bench_rank *rank = &result->ranks[i];
        cli_table_add(&table, "%d", i);
        cli_table_add(&table, "%lld", (long long)rank->n_samples);
        add_seconds(&table, rank->computing);
        add_seconds(&table, rank->communication);
        add_seconds(&table, rank->exposed);
        cli_table_add(&table, "%.0f %%", 100.0 * hidden(rank));
    }
    return cli_table_finish(&table);
}

static clade_status print_times(const clade_bench_parallel_result *result)
{
    static const char *const heads[] = {"A STEP", "TIME", "SPREAD"};
    static const char *const names[] = {"of the job", "of the first rank alone, the whole batch",
                                        "of each rank's part, without the others"};
    const clade_bench_time *times[] = {&result->step, &result->alone, &result->apart};
    cli_table table = {.n_columns = 3, .right = ~1u};
    cli_table_row(&table, heads);
    for (int i = 0; i < 3; i++) {
        char text[32];
        cli_table_add(&table, "%s", names[i]);
        add_seconds(&table, times[i]->median);
        cli_table_add(&table, "%s", cli_bench_spread_text(text, sizeof text, times[i]));
    }
    return cli_table_finish(&table);
}

static clade_status print_model(const cli_parallel_report *report)
{
    static const char *const heads[] = {"RANKS", "RING", "EFFICIENCY", "TREE", "EFFICIENCY"};
    cli_table table = {.n_columns = 5, .right = ~0u};
    cli_table_row(&table, heads);
    for (int i = 0; i < CLI_N_SCALES; i++) {
        cli_table_add(&table, "%lld", (long long)cli_parallel_ranks(i));
        for (int j = 0; j < 2; j++) {
            add_seconds(&table, report->scales[j][i].seconds);
            cli_table_add(&table, "%.2f", report->scales[j][i].efficiency);
        }
    }
    return cli_table_finish(&table);
}

/* "1.7 times the bandwidth" where that would do. */
static void append_remedy(clade__text *line, double times, const char *what)
{
    if (!isnan(times)) clade__text_append(line, "%s%.2g times the %s", line->length ? " or " : "", times, what);
}

/* Where it falls below what is wanted, and what would move that. */
static void print_limit(const cli_parallel_report *report, int join)
{
    const clade_bench_scaling *scales = report->scales[join];
    int i = 0;
    while (i < CLI_N_SCALES && scales[i].efficiency >= CLI_WANTED_EFFICIENCY) i++;
    if (i == CLI_N_SCALES) {
        cli_print("%s: %.1f or better with all of these\n", cli_parallel_joins[join], CLI_WANTED_EFFICIENCY);
        return;
    }
    clade__text remedies = {0};
    append_remedy(&remedies, scales[i].bandwidth_needed, "bandwidth");
    append_remedy(&remedies, scales[i].latency_needed, "latency");
    append_remedy(&remedies, scales[i].batch_needed, "batch");
    cli_print("%s: below %.1f from %lld ranks on (%.2f); %s\n", cli_parallel_joins[join], CLI_WANTED_EFFICIENCY,
              (long long)cli_parallel_ranks(i), scales[i].efficiency,
              remedies.failed ? "no memory for what would do"
              : remedies.length ? "what would do:" : "nothing alone would do");
    if (remedies.length && !remedies.failed) cli_print("  %s\n", remedies.data);
    clade__text_free(&remedies);
}

clade_status cli_parallel_print(const cli_parallel_report *report)
{
    const clade_bench_parallel_result *result = &report->result;
    char latency[32], expected[32], bytes[32];
    cli_print("%s (%s, driver %s), %d compute unit%s on the first rank\n", report->device->name,
              report->device->platform, report->device->driver, report->device->compute_units,
              report->device->compute_units == 1 ? "" : "s");
    cli_print("\n%s: %d ranks, batch %lld\n\n", result->workload, result->n_ranks, (long long)result->batch);
    CLADE_TRY(print_ranks(result));
    putchar('\n');
    CLADE_TRY(print_times(result));
    cli_print("\n%.2f times as fast as one rank alone: %.2f of what %d could be\n", speed_up(result),
              speed_up(result) / result->n_ranks, result->n_ranks);
    cli_print("%.2f as fast as without each other\n", cli_parallel_efficiency(report));
    cli_print("gradients of %s in %d parts; a message takes %s, its bytes %.3g GB/s\n",
              cli_bytes_text(bytes, sizeof bytes, (uint64_t)result->gradient_bytes), result->n_buckets,
              cli_seconds_text(latency, sizeof latency, result->latency),
              result->seconds_per_byte > 0.0 ? 1e-9 / result->seconds_per_byte : INFINITY);
    cli_print("\nBy a model, of more ranks that each do as many samples over such a link:\n\n");
    CLADE_TRY(print_model(report));
    cli_print("\n%d ranks, as measured, it expects to take %s (%.2f)\n", result->n_ranks,
              cli_seconds_text(expected, sizeof expected, report->here[CLADE_BENCH_RING].seconds),
              report->here[CLADE_BENCH_RING].efficiency);
    for (int j = 0; j < 2; j++) print_limit(report, j);
    CLADE_TRY(cli_parallel_print_losses(report));
    if (report->picture) cli_print("picture drawn as %s\n", report->picture);
    return CLADE_OK;
}

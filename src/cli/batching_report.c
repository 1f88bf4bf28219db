/* What `clade bench batching` measured, as a table, as JSON, and as a picture: the time of a sample
 * by the size of its batch, both axes logarithmic, a line for one compute unit and one for all. */
#include <float.h>
#include <math.h>

#include "cli/bench_report.h"
#include "cli/plot.h"

/* The times on one compute unit, else on all; each a line in the picture. */
static const clade_bench_time *time_of(const clade_bench_batching_result *result, bool one)
{
    return one ? &result->one : &result->all;
}

static double seconds_of_sample(const clade_bench_batching_result *result, bool one)
{
    return time_of(result, one)->median / (double)result->batch;
}

static bool has_one(const cli_bench_report *report)
{
    return !report->batchings[0].why_not_one;
}

static int n_units(const cli_bench_report *report, bool one)
{
    return one ? 1 : report->device->compute_units;
}

/* "1 compute unit", "2 compute units" */
static char *units_text(char *out, size_t out_bytes, const cli_bench_report *report, bool one)
{
    int n = n_units(report, one);
    snprintf(out, out_bytes, "%d compute unit%s", n, n == 1 ? "" : "s");
    return out;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void add_time(clade__json *json, const char *key, const clade_bench_batching_result *result,
                     bool one)
{
    if (one && result->why_not_one) {
        clade__json_null(json, key);
        return;
    }
    clade__json_object(json, key);
    cli_bench_add_time(json, time_of(result, one));
    clade__json_number(json, "seconds_per_sample", seconds_of_sample(result, one));
    clade__json_object_end(json);
}

void cli_batching_json(clade__json *json, const cli_bench_report *report)
{
    clade__json_string(json, "workload", report->batchings[0].workload);
    clade__json_string(json, "picture", report->picture);
    clade__json_list(json, "results");
    for (size_t i = 0; i < report->n_batchings; i++) {
        const clade_bench_batching_result *result = &report->batchings[i];
        clade__json_object(json, NULL);
        clade__json_number(json, "batch", (double)result->batch);
        add_time(json, "one_unit", result, true);
        add_time(json, "all_units", result, false);
        clade__json_object_end(json);
    }
    clade__json_list_end(json);
}

/* ---- the table ------------------------------------------------------------------------------- */

static void add_heads(cli_table *table, const cli_bench_report *report)
{
    cli_table_add(table, "BATCH");
    for (int one = has_one(report); one >= 0; one--) {
        int n = n_units(report, one);
        cli_table_add(table, "%d UNIT%s", n, n == 1 ? "" : "S");
        cli_table_add(table, "A SAMPLE");
        cli_table_add(table, "SPEED-UP");
        cli_table_add(table, "SPREAD");
    }
    if (has_one(report)) cli_table_add(table, "ALL OVER ONE");
}

static void add_times(cli_table *table, const cli_bench_report *report, size_t i, bool one)
{
    char text[32];
    const clade_bench_batching_result *result = &report->batchings[i];
    double sample = seconds_of_sample(result, one);
    cli_table_add(table, "%s", cli_seconds_text(text, sizeof text, time_of(result, one)->median));
    cli_table_add(table, "%s", cli_seconds_text(text, sizeof text, sample));
    cli_table_add(table, "%.1f", seconds_of_sample(&report->batchings[0], one) / sample);
    cli_table_add(table, "%s", cli_bench_spread_text(text, sizeof text, time_of(result, one)));
}

/* What whoever trains one sample at a time wants to know. */
static void print_answer(const cli_bench_report *report)
{
    const clade_bench_batching_result *first = &report->batchings[0];
    const clade_bench_batching_result *last = first + report->n_batchings - 1;
    char units[64], before[32], after[32];
    double n = (double)last->batch;
    for (int one = has_one(report); one >= 0; one--)
        cli_print("%lld sample%s on %s: %s one at a time, %s in one step\n", (long long)last->batch,
               last->batch == 1 ? "" : "s", units_text(units, sizeof units, report, one),
               cli_seconds_text(before, sizeof before, n * seconds_of_sample(first, one)),
               cli_seconds_text(after, sizeof after, n * seconds_of_sample(last, one)));
    if (has_one(report))
        cli_print("from one at a time on one unit to one step on all: %.1f times as fast\n",
               seconds_of_sample(first, true) / seconds_of_sample(last, false));
    else if (n_units(report, false) > 1)
        cli_print("not measured on one compute unit: %s\n", first->why_not_one);
}

clade_status cli_batching_print(const cli_bench_report *report)
{
    cli_table table = {.n_columns = has_one(report) ? 10 : 5, .right = ~0u};
    cli_print("\n%s: a training step by the size of its batch\n\n", report->batchings[0].workload);
    add_heads(&table, report);
    for (size_t i = 0; i < report->n_batchings; i++) {
        const clade_bench_batching_result *result = &report->batchings[i];
        cli_table_add(&table, "%lld", (long long)result->batch);
        for (int one = has_one(report); one >= 0; one--) add_times(&table, report, i, one);
        if (has_one(report))
            cli_table_add(&table, "%.2f", result->one.median / result->all.median);
    }
    CLADE_TRY(cli_table_finish(&table));
    cli_print("\nSPEED-UP: of a sample's time over that of one sample at a time, on as many units.\n\n");
    print_answer(report);
    if (report->picture) cli_print("picture drawn as %s\n", report->picture);
    return CLADE_OK;
}

/* ---- the picture ----------------------------------------------------------------------------- */

enum { WIDTH = 640, HEIGHT = 420, LEFT = 82, RIGHT = 24, TOP = 62, BELOW = 62, ROW = 22 };

/* "462 µs": as many digits as can be read off a picture. */
static void append_seconds(clade__text *script, double seconds)
{
    static const char *const units[] = {"ns", "µs", "ms", "s"};
    double value = seconds * 1e9;
    int unit = 0;
    for (; value >= 999.5 && unit < 3; unit++) value /= 1000.0;
    clade__text_append(script, value < 9.95 ? "'%.2g %s'" : "'%.0f %s'", value, units[unit]);
}

/* Tics at 1, 2 and 5 times the powers of ten; at the powers alone where there are many. */
static void append_y_axis(clade__text *script, double low, double high)
{
    static const double steps[] = {1.0, 2.0, 5.0};
    bool many = high / low > 2000.0;
    const char *before = "";
    clade__text_append(script, "set logscale y\nset yrange [%.9g:%.9g]\nset ytics (", low, high);
    for (double power = pow(10.0, floor(log10(low))); power <= high; power *= 10.0)
        for (int i = 0; i < (many ? 1 : 3); i++) {
            if (steps[i] * power < low || steps[i] * power > high) continue;
            clade__text_append(script, "%s", before);
            append_seconds(script, steps[i] * power);
            clade__text_append(script, " %.9g", steps[i] * power);
            before = ", ";
        }
    clade__text_append(script, ")\n");
}

static void append_axes(const cli_canvas *to, const cli_bench_report *report)
{
    clade__text *script = to->script;
    double low = DBL_MAX, high = 0.0;
    for (size_t i = 0; i < report->n_batchings; i++)
        for (int one = has_one(report); one >= 0; one--) {
            low = fmin(low, seconds_of_sample(&report->batchings[i], one));
            high = fmax(high, seconds_of_sample(&report->batchings[i], one));
        }
    append_y_axis(script, low / 1.7, 1.7 * high);
    int64_t most = report->batchings[report->n_batchings - 1].batch;
    clade__text_append(script, "set logscale x\nset xrange [0.5:%.9g]\nset xtics (",
                       2.0 * (double)most);
    for (size_t i = 0; i < report->n_batchings; i++)
        clade__text_append(script, "%s%lld", i ? ", " : "", (long long)report->batchings[i].batch);
    clade__text_append(script, ")\n");
    cli_plot_label(to, "samples in a batch", (LEFT + WIDTH - RIGHT) / 2.0, 22, "center");
    cli_plot_label(to, "time of a sample", 16, (BELOW + HEIGHT - TOP) / 2.0,
                   "rotate by 90 center");
}

/* How long a sample takes, beside an end of a line; two that are close make room for each other. */
static void append_end(clade__text *script, const clade_bench_batching_result *result, bool one,
                       bool left)
{
    double seconds = seconds_of_sample(result, one), other = seconds_of_sample(result, !one);
    clade__text_append(script, "set label ");
    append_seconds(script, seconds);
    clade__text_append(script, " at first %lld,%.9g %s offset character %d,%g textcolor rgb '%s'\n",
                       (long long)result->batch, seconds, left ? "right" : "left", left ? -1 : 1,
                       result->why_not_one ? 0.0 : seconds > other ? 0.4 : -0.4,
                       cli_colours[!one]);
}

static void append_line(clade__text *script, const cli_bench_report *report, bool one)
{
    const clade_bench_batching_result *first = report->batchings;
    clade__text_append(script, "$line%d << EOD\n", one);
    for (size_t i = 0; i < report->n_batchings; i++)
        clade__text_append(script, "%lld %.9g\n", (long long)first[i].batch,
                           seconds_of_sample(&first[i], one));
    clade__text_append(script, "EOD\n");
    append_end(script, first, one, true);
    append_end(script, first + report->n_batchings - 1, one, false);
}

void cli_batching_script(clade__text *script, const cli_bench_report *report, bool png)
{
    const cli_canvas to = {script, WIDTH, HEIGHT};
    char text[256];
    cli_plot_begin(&to, png);
    clade__text_append(script,
                       "set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
                       "set tmargin at screen %.6f\nset bmargin at screen %.6f\n",
                       (double)LEFT / WIDTH, 1 - (double)RIGHT / WIDTH, 1 - (double)TOP / HEIGHT,
                       (double)BELOW / HEIGHT);
    snprintf(text, sizeof text, "%s: training, by the size of a batch",
             report->batchings[0].workload);
    cli_plot_label(&to, text, LEFT, HEIGHT - 20, "left");
    cli_plot_label(&to, report->device->name, LEFT, HEIGHT - 42, "left textcolor rgb '#606060'");
    append_axes(&to, report);
    for (int one = has_one(report); one >= 0; one--) {
        cli_plot_style style = {"dt solid lw 2.2", cli_colours[!one], one ? 7 : 5};
        units_text(text, sizeof text, report, one);
        cli_plot_entry(&to, WIDTH - RIGHT - 170, HEIGHT - TOP - 14 - ROW * !one, text, &style);
        append_line(script, report, one);
    }
    const char *before = "plot ";
    for (int one = has_one(report); one >= 0; one--) {
        clade__text_append(script,
                           "%s$line%d using 1:2 with linespoints dt solid lw 2.2 pt %d ps 0.7 "
                           "lc rgb '%s' notitle",
                           before, one, one ? 7 : 5, cli_colours[!one]);
        before = ", ";
    }
    clade__text_append(script, "\n");
}

/* The picture of `clade bench parallel`: efficiency by the number of ranks, a line for a ring and one for a tree,
 * and a point for what was measured; and below it the time to a loss, a line for each way to train together. */
#include <math.h>
#include <stdio.h>

#include "cli/parallel_report.h"
#include "cli/plot.h"

enum { WIDTH = 640, HEIGHT = 400, LEFT = 70, RIGHT = 24, TOP = 62, BELOW = 62, ROW = 22 };

static const int markers[] = {5, 7, 9};

/* A panel whose left bottom corner is `base` pixels above the picture's, with its title and its axes' names. */
static void begin_panel(const cli_canvas *to, int base, const char *title, const char *about, const char *y_name)
{
    double height = to->height;
    clade__text_append(to->script, "set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
                       "set tmargin at screen %.6f\nset bmargin at screen %.6f\n",
                       (double)LEFT / WIDTH, 1 - (double)RIGHT / WIDTH, (base + HEIGHT - TOP) / height,
                       (base + BELOW) / height);
    cli_plot_label(to, title, LEFT, base + HEIGHT - 20, "left");
    cli_plot_label(to, about, LEFT, base + HEIGHT - 42, "left textcolor rgb '#606060'");
    cli_plot_label(to, "ranks", (LEFT + WIDTH - RIGHT) / 2.0, base + 22, "center");
    cli_plot_label(to, y_name, 16, base + (BELOW + HEIGHT - TOP) / 2.0, "rotate by 90 center");
}

static void end_panel(const cli_canvas *to)
{
    clade__text_append(to->script, "unset label\nunset arrow\n");
}

static void append_line(clade__text *script, const char *name, int i)
{
    clade__text_append(script, "$%s%d using 1:2 with linespoints dt solid lw 2.2 pt %d ps 0.7 lc rgb '%s' notitle, ",
                       name, i, markers[i], cli_colours[i]);
}

/* ---- efficiency ------------------------------------------------------------------------------- */

static void append_model(clade__text *script, const cli_parallel_report *report, int join)
{
    clade__text_append(script, "$line%d << EOD\n", join);
    for (int i = 0; i < CLI_N_SCALES; i++)
        clade__text_append(script, "%lld %.9g\n", (long long)cli_parallel_ranks(i), report->scales[join][i].efficiency);
    clade__text_append(script, "EOD\n");
}

static void draw_efficiency(const cli_canvas *to, const cli_parallel_report *report, int base)
{
    const clade_bench_parallel_result *result = &report->result;
    char title[256], about[128];
    clade__text *script = to->script;
    snprintf(title, sizeof title, "%s: efficiency by a model", result->workload);
    snprintf(about, sizeof about, "%lld samples on each rank", (long long)(result->batch / result->n_ranks));
    begin_panel(to, base, title, about, "efficiency");
    clade__text_append(script, "set logscale x 2\nset xrange [1.5:6000]\nset yrange [0:1.05]\nset xtics (");
    for (int i = 0; i < CLI_N_SCALES; i++)
        clade__text_append(script, "%s%lld", i ? ", " : "", (long long)cli_parallel_ranks(i));
    clade__text_append(script, ")\nset arrow from graph 0, first %g to graph 1, first %g nohead dt 2 lc rgb '#606060'\n",
                       CLI_WANTED_EFFICIENCY, CLI_WANTED_EFFICIENCY);
    for (int j = 0; j < 2; j++) {
        const cli_plot_style style = {"dt solid lw 2.2", cli_colours[j], markers[j]};
        cli_plot_entry(to, LEFT + 20, base + BELOW + 20 + ROW * j, cli_parallel_joins[j], &style);
        append_model(script, report, j);
    }
    clade__text_append(script, "$measured << EOD\n%d %.9g\nEOD\n", result->n_ranks, cli_parallel_efficiency(report));
    cli_plot_label(to, "", LEFT + 20 + CLI_PLOT_LINE / 2.0, base + BELOW + 20 + ROW * 2, "point pt 3 ps 1.2 lc rgb '#000000'");
    cli_plot_label(to, "measured", LEFT + 20 + CLI_PLOT_LINE + 6, base + BELOW + 20 + ROW * 2, "left");
    clade__text_append(script, "plot ");
    for (int j = 0; j < 2; j++) append_line(script, "line", j);
    clade__text_append(script, "$measured using 1:2 with points pt 3 ps 1.4 lc rgb '#000000' notitle\n");
    end_panel(to);
}

/* ---- time to a loss --------------------------------------------------------------------------- */

/* Of one way, with one rank before the others; what did not come to the loss is not drawn. */
static void append_times(clade__text *script, const cli_parallel_report *report, int way)
{
    clade__text_append(script, "$way%d << EOD\n", way);
    for (int i = 0; i < report->n_losses; i++) {
        const clade_bench_to_loss_row *row = &report->losses[i];
        if (row->reached && (i == 0 || (int)row->parallel == way))
            clade__text_append(script, "%d %.9g\n", row->n_ranks, row->seconds);
    }
    clade__text_append(script, "EOD\n");
}

static double most_seconds(const cli_parallel_report *report)
{
    double most = 0.0;
    for (int i = 0; i < report->n_losses; i++)
        if (report->losses[i].reached) most = fmax(most, report->losses[i].seconds);
    return most;
}

static void draw_losses(const cli_canvas *to, const cli_parallel_report *report)
{
    char title[128];
    const char *separator = "";
    double most = most_seconds(report);
    clade__text *script = to->script;
    snprintf(title, sizeof title, "Time to a held-out loss of %g", report->loss);
    begin_panel(to, 0, title, "784-512-512-10 on digits, batches of 128", "seconds");
    clade__text_append(script, "set xrange [0.9:%g]\nset yrange [0:%.9g]\nset xtics (",
                       1.1 * report->losses[report->n_losses - 1].n_ranks, most > 0.0 ? 1.1 * most : 1.0);
    for (int i = 0; i < report->n_losses; i += i ? 3 : 1) {
        clade__text_append(script, "%s%d", separator, report->losses[i].n_ranks);
        separator = ", ";
    }
    clade__text_append(script, ")\n");
    for (int way = 0; way < 3; way++) {
        const cli_plot_style style = {"dt solid lw 2.2", cli_colours[way], markers[way]};
        cli_plot_entry(to, LEFT + 20, BELOW + 20 + ROW * (2 - way), cli_parallel_ways[way], &style);
        append_times(script, report, way);
    }
    clade__text_append(script, "plot ");
    for (int way = 0; way < 3; way++) append_line(script, "way", way);
    clade__text_append(script, "NaN notitle\n");
    end_panel(to);
}

void cli_parallel_script(clade__text *script, const cli_parallel_report *report, bool png)
{
    const int base = report->n_losses > 0 ? HEIGHT : 0;
    const cli_canvas to = {script, WIDTH, HEIGHT + base};
    cli_plot_begin(&to, png);
    clade__text_append(script, "set multiplot\n");
    draw_efficiency(&to, report, base);
    if (base) draw_losses(&to, report);
    clade__text_append(script, "unset multiplot\n");
}

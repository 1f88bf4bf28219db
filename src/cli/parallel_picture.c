/* The picture of `clade bench parallel`: efficiency by the number of ranks, a line for a ring and one for a tree,
 * and a point for what was measured. */
#include <stdio.h>

#include "cli/parallel_report.h"
#include "cli/plot.h"

enum { WIDTH = 640, HEIGHT = 400, LEFT = 70, RIGHT = 24, TOP = 62, BELOW = 62, ROW = 22 };

static const int markers[] = {5, 7};

static void append_data(clade__text *script, const cli_parallel_report *report, int join)
{
    clade__text_append(script, "$line%d << EOD\n", join);
    for (int i = 0; i < CLI_N_SCALES; i++)
        clade__text_append(script, "%lld %.9g\n", (long long)cli_parallel_ranks(i), report->scales[join][i].efficiency);
    clade__text_append(script, "EOD\n");
}

void cli_parallel_script(clade__text *script, const cli_parallel_report *report, bool png)
{
    const cli_canvas to = {script, WIDTH, HEIGHT};
    const clade_bench_parallel_result *result = &report->result;
    char text[256];
    cli_plot_begin(&to, png);
    clade__text_append(script, "set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
                       "set tmargin at screen %.6f\nset bmargin at screen %.6f\n",
                       (double)LEFT / WIDTH, 1 - (double)RIGHT / WIDTH, 1 - (double)TOP / HEIGHT,
                       (double)BELOW / HEIGHT);
    snprintf(text, sizeof text, "%s: efficiency by a model", result->workload);
    cli_plot_label(&to, text, LEFT, HEIGHT - 20, "left");
    snprintf(text, sizeof text, "%lld samples on each rank", (long long)(result->batch / result->n_ranks));
    cli_plot_label(&to, text, LEFT, HEIGHT - 42, "left textcolor rgb '#606060'");
    clade__text_append(script, "set logscale x 2\nset xrange [1.5:6000]\nset yrange [0:1.05]\nset xtics (");
    for (int i = 0; i < CLI_N_SCALES; i++)
        clade__text_append(script, "%s%lld", i ? ", " : "", (long long)cli_parallel_ranks(i));
    clade__text_append(script, ")\nset arrow from graph 0, first %g to graph 1, first %g nohead dt 2 lc rgb '#606060'\n",
                       CLI_WANTED_EFFICIENCY, CLI_WANTED_EFFICIENCY);
    cli_plot_label(&to, "ranks", (LEFT + WIDTH - RIGHT) / 2.0, 22, "center");
    cli_plot_label(&to, "efficiency", 16, (BELOW + HEIGHT - TOP) / 2.0, "rotate by 90 center");
    for (int j = 0; j < 2; j++) {
        const cli_plot_style style = {"dt solid lw 2.2", cli_colours[j], markers[j]};
        cli_plot_entry(&to, LEFT + 20, BELOW + 20 + ROW * j, cli_parallel_joins[j], &style);
        append_data(script, report, j);
    }
    clade__text_append(script, "$measured << EOD\n%d %.9g\nEOD\n", result->n_ranks, cli_parallel_efficiency(report));
    cli_plot_label(&to, "", LEFT + 20 + CLI_PLOT_LINE / 2.0, BELOW + 20 + ROW * 2, "point pt 3 ps 1.2 lc rgb '#000000'");
    cli_plot_label(&to, "measured", LEFT + 20 + CLI_PLOT_LINE + 6, BELOW + 20 + ROW * 2, "left");
    clade__text_append(script, "plot ");
    for (int j = 0; j < 2; j++)
        clade__text_append(script, "$line%d using 1:2 with linespoints dt solid lw 2.2 pt %d ps 0.7 lc rgb '%s' notitle, ",
                           j, markers[j], cli_colours[j]);
    clade__text_append(script, "$measured using 1:2 with points pt 3 ps 1.4 lc rgb '#000000' notitle\n");
}

/* The picture as a script for gnuplot: two panels side by side, and one legend below both.
 *
 * Layout in pixels, from the left bottom corner; a PNG has twice as many:
 *
 *      Loss              Accuracy          TOP
 *      |~~__              |  ___~~~
 *      |____              |________        legend rows, then BELOW
 *       epoch              epoch
 *     -- run   -- run   -- validation   - - training
 *
 * The ranges are set here and not left to gnuplot, which refuses a panel without any value. What a
 * user can choose, the names of runs, is in single quotes, where gnuplot interprets nothing. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "cli/plot.h"

enum {
    WIDTH = 900,
    HEIGHT = 358, /* and ROW for each row of the legend */
    TOP = 32,
    BELOW = 60, /* tics and name of the x axis */
    ROW = 22,
    PANEL = 350, /* width; half a number stands beyond it */
    FIRST_X = 78,
    SECOND_X = 530,
    DOTS_UP_TO = 40 /* epochs: with more, dots would hide the line */
};

/* gnuplot's numbers of point types, hollow and filled: circle, square, triangle. When the colours
 * have all been used they come again with the next. */
static const int markers[][2] = {{6, 7}, {4, 5}, {8, 9}};

enum { N_MARKERS = sizeof markers / sizeof markers[0] };
_Static_assert(CLI_MAX_RUNS == (int)CLI_N_COLOURS * (int)N_MARKERS, "every run looks different");

/* Training is dashed and thin with hollow markers, validation solid with filled ones. */
static const char *const dash[] = {"dt (7,4) lw 1.6", "dt solid lw 2.2"};

/* ---- legend ---------------------------------------------------------------------------------- */

typedef struct legend {
    int row, x; /* where the next entry goes */
} legend;

/* Places an entry as wide as this and gives where it starts. */
static int place(legend *at, int width)
{
    width += CLI_PLOT_LINE + 34;
    if (at->x > FIRST_X && at->x + width > WIDTH) *at = (legend){at->row + 1, FIRST_X};
    int x = at->x;
    at->x += width;
    return x;
}

static bool has_any(const cli_curves *runs, int n, int curve)
{
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < runs[i].n_epochs; k++)
            if (!isnan(runs[i].epochs[k].values[curve])) return true;
    return false;
}

static bool has_part(const cli_curves *runs, int n, int part)
{
    return has_any(runs, n, CLI_TRAIN_LOSS + part) || has_any(runs, n, CLI_TRAIN_ACCURACY + part);
}

/* Appends the runs and the parts that are there; only counts the rows without a canvas. */
static int append_legend(const cli_canvas *to, const cli_curves *runs, int n)
{
    static const char *const parts[] = {"training", "validation"};
    legend at = {0, FIRST_X};
    int n_rows = 1;
    for (int i = 0; i < n + 2; i++) {
        bool is_run = i < n;
        int part = is_run ? has_part(&runs[i], 1, 1) : n + 1 - i;
        if (!is_run && !has_part(runs, n, part)) continue;
        const char *name = is_run ? runs[i].name : parts[part];
        int x = place(&at, cli_plot_width(name));
        n_rows = at.row + 1;
        cli_plot_style style = {dash[part], is_run ? cli_colours[i % CLI_N_COLOURS] : "#404040",
                             markers[is_run ? i / CLI_N_COLOURS : 0][part]};
        if (to) cli_plot_entry(to, x, to->height - HEIGHT - at.row * ROW - 4, name, &style);
    }
    return n_rows;
}

/* ---- data ------------------------------------------------------------------------------------ */

static void append_number(clade__text *script, double value)
{
    if (isnan(value))
        clade__text_append(script, " NaN");
    else
        clade__text_append(script, " %.9g", value);
}

/* Whether a value gets a dot: all of a short run, those that no line reaches, and some of a run
 * that is told from another by its markers. */
static bool has_dot(const cli_curves *run, int index, size_t k, int curve)
{
    const cli_epoch *epoch = &run->epochs[k];
    if (run->n_epochs <= DOTS_UP_TO) return true;
    if (index >= (int)CLI_N_COLOURS && k % (run->n_epochs / 12) == 0) return true;
    return (k == 0 || isnan(epoch[-1].values[curve])) &&
           (k + 1 == run->n_epochs || isnan(epoch[1].values[curve]));
}

/* A row an epoch: its number, the curves, and the curves where they have a dot. */
static void append_data(clade__text *script, const cli_curves *run, int index)
{
    clade__text_append(script, "$run%d << EOD\n", index);
    for (size_t k = 0; k < run->n_epochs; k++) {
        const double *values = run->epochs[k].values;
        append_number(script, run->epochs[k].epoch);
        for (int curve = 0; curve < CLI_N_CURVES; curve++) append_number(script, values[curve]);
        for (int curve = 0; curve < CLI_N_CURVES; curve++)
            append_number(script, has_dot(run, index, k, curve) ? values[curve] : NAN);
        clade__text_append(script, "\n");
    }
    clade__text_append(script, "EOD\n");
}

/* ---- panels ---------------------------------------------------------------------------------- */

typedef struct range {
    double low, high;
} range;

static void widen(range *r, double value)
{
    if (isnan(value)) return;
    if (value < r->low) r->low = value;
    if (value > r->high) r->high = value;
}

static range range_of_values(const cli_curves *runs, int n, int first)
{
    range r = {DBL_MAX, -DBL_MAX};
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < runs[i].n_epochs; k++)
            for (int part = 0; part < 2; part++) widen(&r, runs[i].epochs[k].values[first + part]);
    return r;
}

static range range_of_epochs(const cli_curves *runs, int n)
{
    range r = {DBL_MAX, -DBL_MAX};
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < runs[i].n_epochs; k++) widen(&r, runs[i].epochs[k].epoch);
    return r;
}

/* Epochs are whole numbers, and so are the tics: 1, 2 or 5 times a power of ten; at most ten, and no more
 * than leave a digit's room between their numbers. */
static void append_x_axis(clade__text *script, range epochs)
{
    enum { MOST_TICS = 10, DIGITS_OF_PANEL = 40 };
    double step = 1, length = epochs.high - epochs.low;
    int n_digits = snprintf(NULL, 0, "%.0f", epochs.high), most = DIGITS_OF_PANEL / (n_digits + 1);
    if (most > MOST_TICS) most = MOST_TICS;
    if (most < 2) most = 2;
    for (int i = 0; length / step > most; i++) step *= i % 3 == 1 ? 2.5 : 2;
    double pad = length > 0 ? 0.02 * length : 1;
    clade__text_append(script, "set xrange [%.9g:%.9g]\nset xtics %.0f,%.0f\n", epochs.low - pad,
                       epochs.high + pad, step * floor(epochs.low / step), step);
}

static bool append_loss_axis(clade__text *script, range r)
{
    bool log = r.low > 0 && r.high / r.low > 100;
    double pad = 0.05 * (r.high - r.low);
    if (!(pad > 0)) pad = r.high != 0 ? 0.5 * fabs(r.high) : 1;
    if (log)
        clade__text_append(script, "set logscale y\nset yrange [%.9g:%.9g]\nset format y '%s'\n",
                           r.low / 1.3, 1.3 * r.high, r.high < 1e4 && r.low > 1e-3 ? "%g" : "%.0e");
    else
        clade__text_append(script, "set yrange [%.9g:%.9g]\n",
                           r.low >= 0 && r.low < pad ? 0 : r.low - pad, r.high + pad);
    return log;
}

static void append_accuracy_axis(clade__text *script, range r)
{
    double pad = r.high > r.low ? 0.05 * (r.high - r.low) : 5;
    clade__text_append(script, "set yrange [%.9g:%.9g]\n", fmax(0, r.low - pad),
                       fmin(100, r.high + pad));
}

static void append_curves(clade__text *script, const cli_curves *runs, int n, int first)
{
    const char *before = "plot";
    for (int i = 0; i < n; i++)
        for (int part = 0; part < 2; part++) {
            int curve = first + part;
            const char *colour = cli_colours[i % CLI_N_COLOURS];
            if (!has_any(&runs[i], 1, curve)) continue;
            clade__text_append(
                script,
                "%s $run%d using 1:%d with lines %s lc rgb '%s' notitle, "
                "$run%d using 1:%d with points pt %d ps 0.6 lw 1.2 lc rgb '%s' notitle",
                before, i, 2 + curve, dash[part], colour, i, 2 + CLI_N_CURVES + curve,
                markers[i / CLI_N_COLOURS][part], colour);
            before = ",";
        }
    clade__text_append(script, "\n");
}

static void append_panel(const cli_canvas *to, const cli_curves *runs, int n, bool is_accuracy)
{
    clade__text *script = to->script;
    int x = is_accuracy ? SECOND_X : FIRST_X;
    int first = is_accuracy ? CLI_TRAIN_ACCURACY : CLI_TRAIN_LOSS;
    double middle = x + PANEL / 2.0, bottom = to->height - HEIGHT + BELOW;
    range r = range_of_values(runs, n, first);
    bool is_empty = r.low > r.high, log = false;
    clade__text_append(script, "set lmargin at screen %.6f\nset rmargin at screen %.6f\n",
                       (double)x / WIDTH, (double)(x + PANEL) / WIDTH);
    cli_plot_label(to, is_accuracy ? "Accuracy" : "Loss", middle, to->height - TOP / 2.0, "center");
    cli_plot_label(to, "epoch", middle, bottom - 38, "center");
    if (is_empty) {
        clade__text_append(script, "set label 'no %s in %s' at graph 0.5,0.5 center\n",
                           is_accuracy ? "accuracy" : "loss", n == 1 ? "this run" : "these runs");
        clade__text_append(script, "set yrange [0:1]\nunset ytics\nplot NaN notitle\n");
        return;
    }
    if (is_accuracy)
        append_accuracy_axis(script, r);
    else
        log = append_loss_axis(script, r);
    cli_plot_label(to,
                 is_accuracy ? "accuracy (%)"
                 : log       ? "mean loss per sample (log scale)"
                             : "mean loss per sample",
                 x - 63, (bottom + to->height - TOP) / 2, "rotate by 90 center");
    clade__text_append(script, "set ytics\n");
    append_curves(script, runs, n, first);
}

void cli_plot_script(clade__text *script, const cli_curves *runs, int n, bool png)
{
    cli_canvas to = {script, WIDTH, HEIGHT + ROW * append_legend(NULL, runs, n)};
    cli_plot_begin(&to, png);
    clade__text_append(script, "set tmargin at screen %.6f\nset bmargin at screen %.6f\n",
                       1 - (double)TOP / to.height,
                       (double)(to.height - HEIGHT + BELOW) / to.height);
    for (int i = 0; i < n; i++) append_data(script, &runs[i], i);
    clade__text_append(script, "set multiplot\n");
    append_x_axis(script, range_of_epochs(runs, n));
    append_legend(&to, runs, n);
    append_panel(&to, runs, n, false);
    clade__text_append(script, "unset label\nunset arrow\nunset logscale\nset format y\n");
    append_panel(&to, runs, n, true);
    clade__text_append(script, "unset multiplot\n");
}

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
#include <stdint.h>
#include <string.h>

#include "cli/plot.h"

enum {
    WIDTH = 900,
    HEIGHT = 358, /* and ROW for each row of the legend */
    TOP = 32,
    BELOW = 60, /* tics and name of the x axis */
    ROW = 22,
    PANEL = 358, /* width */
    FIRST_X = 78,
    SECOND_X = 530,
    LINE = 30,      /* a line in the legend */
    CHARACTER = 7,  /* a mean width in a wide font */
    NAME_MOST = 80, /* characters */
    DOTS_UP_TO = 40 /* epochs: with more, dots would hide the line */
};

/* Okabe and Ito, "Color universal design", 2008: told apart with any colour vision. Without their
 * yellow, too pale on white. */
static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                      "#E69F00", "#56B4E9", "#000000"};

/* gnuplot's numbers of point types, hollow and filled: circle, square, triangle. When the colours
 * have all been used they come again with the next. */
static const int markers[][2] = {{6, 7}, {4, 5}, {8, 9}};

enum {
    N_COLOURS = sizeof colours / sizeof colours[0],
    N_MARKERS = sizeof markers / sizeof markers[0]
};
_Static_assert(CLI_MAX_RUNS == (int)N_COLOURS * (int)N_MARKERS, "every run looks different");

/* Training is dashed and thin with hollow markers, validation solid with filled ones. */
static const char *const dash[] = {"dt (7,4) lw 1.6", "dt solid lw 2.2"};

/* ---- names ----------------------------------------------------------------------------------- */

/* The bytes of the character at `text` in UTF-8, 0 when it is none or none that XML may have. */
static int character_bytes(const unsigned char *text)
{
    uint32_t c = text[0];
    if (c < 0x20 || c == 0x7f) return 0;
    if (c < 0x80) return 1;
    int n = c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
    if (n == 0) return 0;
    c &= 0x7fu >> n;
    for (int i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (text[i] & 0x3fu);
    }
    bool is_long = (n == 3 && c < 0x800) || (n == 4 && c < 0x10000);
    bool is_barred = c < 0xa0 || (c >= 0xd800 && c < 0xe000) || (c & 0xfffe) == 0xfffe;
    return is_long || is_barred || c > 0x10ffff ? 0 : n;
}

/* Appends a name in single quotes, which are doubled inside, and without what is no text. */
static void append_quoted(clade__text *script, const char *name)
{
    clade__text_append(script, "'");
    for (int i = 0; *name; i++) {
        if (i == NAME_MOST) {
            clade__text_append(script, "…");
            break;
        }
        int n = character_bytes((const unsigned char *)name);
        if (n == 0)
            clade__text_append(script, "?");
        else if (*name == '\'')
            clade__text_append(script, "''");
        else
            clade__text_append(script, "%.*s", n, name);
        name += n ? n : 1;
    }
    clade__text_append(script, "'");
}

/* About how wide a name is drawn: characters of the far east are twice as wide as the others. */
static int name_width(const char *name)
{
    int width = 0;
    for (int i = 0; *name && i <= NAME_MOST; i++) {
        int n = character_bytes((const unsigned char *)name);
        width += n >= 3 ? 2 * CHARACTER : CHARACTER;
        name += n ? n : 1;
    }
    return width;
}

/* ---- texts where we want them ---------------------------------------------------------------- */

typedef struct canvas {
    clade__text *script;
    int height;
} canvas;

/* gnuplot would place titles and axis labels by a guess at the font's size, which differs between
 * SVG and PNG. `more` is the rest of the command. */
static void append_label(const canvas *to, const char *text, double x, double y, const char *more)
{
    clade__text_append(to->script, "set label ");
    append_quoted(to->script, text);
    clade__text_append(to->script, " at screen %.6f,%.6f %s\n", x / WIDTH, y / to->height, more);
}

/* ---- legend ---------------------------------------------------------------------------------- */

typedef struct legend {
    int row, x; /* where the next entry goes */
} legend;

typedef struct entry_style {
    const char *dash, *colour;
    int marker;
} entry_style;

/* Places an entry as wide as this and gives where it starts. */
static int place(legend *at, int width)
{
    width += LINE + 34;
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

static void append_entry(const canvas *to, int x, int y, const char *name, const entry_style *style)
{
    double at = (double)y / to->height;
    char point[64];
    clade__text_append(
        to->script, "set arrow from screen %.6f,%.6f to screen %.6f,%.6f nohead %s lc rgb '%s'\n",
        (double)x / WIDTH, at, (double)(x + LINE) / WIDTH, at, style->dash, style->colour);
    snprintf(point, sizeof point, "point pt %d ps 0.6 lc rgb '%s'", style->marker, style->colour);
    append_label(to, "", x + LINE / 2.0, y, point);
    append_label(to, name, x + LINE + 6, y, "left");
}

/* Appends the runs and the parts that are there; only counts the rows without a canvas. */
static int append_legend(const canvas *to, const cli_curves *runs, int n)
{
    static const char *const parts[] = {"training", "validation"};
    legend at = {0, FIRST_X};
    int n_rows = 1;
    for (int i = 0; i < n + 2; i++) {
        bool is_run = i < n;
        int part = is_run ? has_part(&runs[i], 1, 1) : n + 1 - i;
        if (!is_run && !has_part(runs, n, part)) continue;
        const char *name = is_run ? runs[i].name : parts[part];
        int x = place(&at, name_width(name));
        n_rows = at.row + 1;
        entry_style style = {dash[part], is_run ? colours[i % N_COLOURS] : "#404040",
                             markers[is_run ? i / N_COLOURS : 0][part]};
        if (to) append_entry(to, x, to->height - HEIGHT - at.row * ROW - 4, name, &style);
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
    if (index >= (int)N_COLOURS && k % (run->n_epochs / 12) == 0) return true;
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

/* Epochs are whole numbers, and so are the tics: 1, 2 or 5 times a power of ten, at most ten. */
static void append_x_axis(clade__text *script, range epochs)
{
    double step = 1, length = epochs.high - epochs.low;
    for (int i = 0; length / step > 10; i++) step *= i % 3 == 1 ? 2.5 : 2;
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
            const char *colour = colours[i % N_COLOURS];
            if (!has_any(&runs[i], 1, curve)) continue;
            clade__text_append(
                script,
                "%s $run%d using 1:%d with lines %s lc rgb '%s' notitle, "
                "$run%d using 1:%d with points pt %d ps 0.6 lw 1.2 lc rgb '%s' notitle",
                before, i, 2 + curve, dash[part], colour, i, 2 + CLI_N_CURVES + curve,
                markers[i / N_COLOURS][part], colour);
            before = ",";
        }
    clade__text_append(script, "\n");
}

static void append_panel(const canvas *to, const cli_curves *runs, int n, bool is_accuracy)
{
    clade__text *script = to->script;
    int x = is_accuracy ? SECOND_X : FIRST_X;
    int first = is_accuracy ? CLI_TRAIN_ACCURACY : CLI_TRAIN_LOSS;
    double middle = x + PANEL / 2.0, bottom = to->height - HEIGHT + BELOW;
    range r = range_of_values(runs, n, first);
    bool is_empty = r.low > r.high, log = false;
    clade__text_append(script, "set lmargin at screen %.6f\nset rmargin at screen %.6f\n",
                       (double)x / WIDTH, (double)(x + PANEL) / WIDTH);
    append_label(to, is_accuracy ? "Accuracy" : "Loss", middle, to->height - TOP / 2.0, "center");
    append_label(to, "epoch", middle, bottom - 38, "center");
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
    append_label(to,
                 is_accuracy ? "accuracy (%)"
                 : log       ? "mean loss per sample (log scale)"
                             : "mean loss per sample",
                 x - 63, (bottom + to->height - TOP) / 2, "rotate by 90 center");
    clade__text_append(script, "set ytics\n");
    append_curves(script, runs, n, first);
}

void cli_plot_script(clade__text *script, const cli_curves *runs, int n, bool png)
{
    canvas to = {script, HEIGHT + ROW * append_legend(NULL, runs, n)};
    if (png)
        clade__text_append(script,
                           "set terminal pngcairo size %d,%d font 'sans-serif,10' fontscale 2 "
                           "linewidth 2 pointscale 2",
                           2 * WIDTH, 2 * to.height);
    else
        clade__text_append(script, "set terminal svg size %d,%d fixed font 'sans-serif,13'", WIDTH,
                           to.height);
    clade__text_append(script,
                       " noenhanced background '#ffffff'\n"
                       "set encoding utf8\n"
                       "set border 3 lc rgb '#606060'\nset tics nomirror textcolor rgb '#000000'\n"
                       "set grid lt 1 lc rgb '#dcdcdc' lw 0.8\n"
                       "set tmargin at screen %.6f\nset bmargin at screen %.6f\n",
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

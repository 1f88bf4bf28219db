/* An evaluation as a script for gnuplot. Sizes are in pixels, places from the left bottom corner.
 *
 *   matrix                        numbers, up to three panels side by side
 *          97.1 % of 500              price            rooms
 *      ash  [ ][ ][ ]              |    /           |    /
 *     beech [ ][ ][ ]      SIDE    |  :/            | ./:
 *      oak  [ ][ ][ ]              |./______        |/______
 *           ash beech oak            true             true
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "cli/plot_eval.h"

enum {
    TOP = 44,
    SIDE = 560, /* of a matrix, at most; with few classes a cell has at most */
    CELL = 92,
    MOST_NUMBERS = 20, /* columns whose cells have their counts written in them */
    MOST_NAMES = 50,   /* rows or columns that have their names */
    MOST_CELLS = 100,  /* rows that are drawn cell by cell; more are an image of pixels */
    NAME = 150,        /* width of a name, at most */
    LEGEND = 34,       /* for the name of an axis */
    PANEL = 270,
    GAP = 96,
    MARGIN = 20
};

/* ---- matrix ---------------------------------------------------------------------------------- */

static const char *name_of(const char *const *names, int i, char out[64])
{
    if (names[i])
        snprintf(out, 64, "%s", names[i]);
    else
        snprintf(out, 64, "%d", i);
    while (cli_plot_width(out) > NAME) { /* cut to whole characters */
        size_t length = strlen(out) - 1;
        while (length > 0 && ((unsigned char)out[length] & 0xc0) == 0x80) length--;
        out[length] = '\0';
    }
    return out;
}

static int widest(const char *const *names, int n)
{
    int width = 0;
    char name[64];
    for (int i = 0; i < n && n <= MOST_NAMES; i++) {
        int one = cli_plot_width(name_of(names, i, name));
        if (one > width) width = one;
    }
    return width;
}

typedef struct frame {
    double x, y, width, height, cell_x, cell_y;
    bool upright; /* names of columns are turned */
} frame;

static void append_matrix_names(const cli_canvas *to, const cli_matrix *m, const frame *at)
{
    char name[64];
    for (int i = 0; i < m->n_rows && m->n_rows <= MOST_NAMES; i++)
        cli_plot_label(to, name_of(m->row_names, i, name), at->x - 6,
                       at->y + at->height - (i + 0.5) * at->cell_y, "right");
    for (int k = 0; k < m->n_cols && m->n_cols <= MOST_NAMES; k++)
        cli_plot_label(to, name_of(m->col_names, k, name), at->x + (k + 0.5) * at->cell_x,
                       at->y - (at->upright ? 6 : 12),
                       at->upright ? "rotate by 90 right" : "center");
}

static void append_matrix_data(clade__text *script, const cli_matrix *m)
{
    clade__text_append(script, "$shares << EOD\n");
    for (int i = 0; i < m->n_rows; i++)
        for (int k = 0; k < m->n_cols; k++)
            clade__text_append(script, "%d %d %.4f\n", k, i,
                               m->shares[(size_t)i * (size_t)m->n_cols + (size_t)k]);
    clade__text_append(script, "EOD\n$counts << EOD\n");
    for (int i = 0; i < m->n_rows && m->n_cols <= MOST_NUMBERS && m->n_rows <= MOST_NAMES; i++)
        for (int k = 0; k < m->n_cols; k++) {
            size_t at = (size_t)i * (size_t)m->n_cols + (size_t)k;
            clade__text_append(script, "%d %d %.0f %s\n", k, i, m->counts[at],
                               m->shares[at] > 0.5 ? "0xffffff" : "0x000000");
        }
    clade__text_append(script, "EOD\n");
}

static void append_matrix(clade__text *script, const cli_evaluation *e, bool png)
{
    const cli_matrix *m = &e->matrix;
    double cell = (double)SIDE / (m->n_rows > m->n_cols ? m->n_rows : m->n_cols);
    if (cell > CELL) cell = CELL;
    frame at = {.cell_x = e->labels ? CELL : cell, .cell_y = cell};
    int left = widest(m->row_names, m->n_rows), below = widest(m->col_names, m->n_cols);
    at.upright = below + 8 > at.cell_x;
    if (!at.upright) below = 18;
    at.x = MARGIN + LEGEND + left;
    at.y = MARGIN + LEGEND + below;
    at.width = at.cell_x * m->n_cols;
    at.height = at.cell_y * m->n_rows;
    char title[96];
    snprintf(title, sizeof title, "%.2f%% right of %.0f %s", 100 * e->accuracy, e->n_samples,
             e->labels ? "samples' labels" : "samples");
    int width = (int)(at.x + at.width) + MARGIN, least = cli_plot_width(title) + 2 * MARGIN;
    cli_canvas to = {script, width < least ? least : width, (int)(at.y + at.height) + TOP};

    cli_plot_begin(&to, png);
    append_matrix_data(script, m);
    cli_plot_label(&to, title, to.width / 2.0, to.height - TOP / 2.0, "center");
    cli_plot_label(&to, e->labels ? "label" : "true", MARGIN + 6, at.y + at.height / 2,
                   "rotate by 90 center");
    cli_plot_label(&to, e->labels ? "true, and predicted" : "predicted", at.x + at.width / 2,
                   MARGIN, "center");
    append_matrix_names(&to, m, &at);
    clade__text_append(
        script,
        "set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
        "set bmargin at screen %.6f\nset tmargin at screen %.6f\n"
        "unset key\nunset tics\nunset grid\nset border 15\nunset colorbox\n"
        "set palette defined (0 '#ffffff', 1 '%s')\nset cbrange [0:1]\n"
        "set xrange [-0.5:%d.5]\nset yrange [%d.5:-0.5]\n"
        "plot $shares using 1:2:3 with image%s notitle",
        at.x / to.width, (at.x + at.width) / to.width, at.y / to.height,
        (at.y + at.height) / to.height, cli_colours[0], m->n_cols - 1, m->n_rows - 1,
        m->n_rows <= MOST_CELLS ? " pixels" : "");
    if (m->n_cols <= MOST_NUMBERS && m->n_rows <= MOST_NAMES)
        clade__text_append(script, ", $counts using 1:2:(sprintf('%%d',$3)):4 with labels "
                                   "textcolor rgb variable notitle");
    clade__text_append(script, "\n");
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* Between tics: 1, 2, 2.5 or 5 times a power of ten, at most five of which fit. */
static double tic_step(double length)
{
    double least = length / 5, power = pow(10, floor(log10(least)));
    double ratio = least / power;
    return power * (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 2.5 ? 2.5 : ratio <= 5 ? 5 : 10);
}

/* Both axes have one range, and the diagonal is where a prediction is right. */
static void append_panel(const cli_canvas *to, const cli_panel *panel, int i, int n_columns)
{
    double x = GAP - 16 + (double)(i % n_columns) * (PANEL + GAP), low = DBL_MAX, high = -DBL_MAX;
    double y = to->height - TOP - PANEL - (double)(i / n_columns) * (PANEL + GAP);
    for (int k = 0; k < 2 * panel->n_points; k++) {
        low = fmin(low, panel->points[k]);
        high = fmax(high, panel->points[k]);
    }
    double pad = 0.04 * (high - low);
    if (!(pad > 0)) pad = low != 0 ? 0.1 * fabs(low) : 1;
    char title[128], name[64];
    if (panel->name)
        snprintf(name, sizeof name, "%.40s", panel->name);
    else
        snprintf(name, sizeof name, "target %d", i);
    snprintf(title, sizeof title, "%s: RMSE %.4g, R2 %.4f", name, panel->rmse, panel->r2);
    double step = tic_step(high - low + 2 * pad);
    clade__text_append(to->script,
                       "unset label\n"
                       "set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
                       "set bmargin at screen %.6f\nset tmargin at screen %.6f\n"
                       "set xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\n"
                       "set xtics %.9g\nset ytics %.9g\n",
                       x / to->width, (x + PANEL) / to->width, y / to->height,
                       (y + PANEL) / to->height, low - pad, high + pad, low - pad, high + pad,
                       step, step);
    cli_plot_label(to, title, x + PANEL / 2.0, y + PANEL + TOP / 2.0, "center");
    cli_plot_label(to, "true", x + PANEL / 2.0, y - 40, "center");
    cli_plot_label(to, "predicted", x - 64, y + PANEL / 2.0, "rotate by 90 center");
    clade__text_append(to->script,
                       "plot x with lines lw 1.2 lc rgb '#808080' notitle, $points%d with points pt 7 "
                       "ps 0.35 lc rgb '%s' notitle\n", i, cli_colours[0]);
}

static void append_numbers(clade__text *script, const cli_evaluation *e, bool png)
{
    int n = e->n_panels, n_columns = n < 3 ? n : n == 4 ? 2 : 3, n_rows = (n + n_columns - 1) / n_columns;
    cli_canvas to = {script, n_columns * (PANEL + GAP) + MARGIN, n_rows * (PANEL + GAP) + MARGIN};
    cli_plot_begin(&to, png);
    for (int i = 0; i < n; i++) {
        clade__text_append(script, "$points%d << EOD\n", i);
        for (int k = 0; k < e->panels[i].n_points; k++)
            clade__text_append(script, "%.9g %.9g\n", e->panels[i].points[2 * k],
                               e->panels[i].points[2 * k + 1]);
        clade__text_append(script, "EOD\n");
    }
    clade__text_append(script, "unset key\nset multiplot\n");
    for (int i = 0; i < n; i++) append_panel(&to, &e->panels[i], i, n_columns);
    clade__text_append(script, "unset multiplot\n");
}

void cli_evaluation_script(clade__text *script, const cli_evaluation *e, bool png)
{
    if (e->n_panels > 0)
        append_numbers(script, e, png);
    else
        append_matrix(script, e, png);
}

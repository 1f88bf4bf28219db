/* Pictures. The parts of `clade plot`: runs are read from their folders, written as a script, and
 * drawn by gnuplot; and what other pictures share with it.
 *
 * gnuplot is a program that is started when a picture is wanted; nothing is linked with it.
 */
#ifndef CLADE_CLI_PLOT_H
#define CLADE_CLI_PLOT_H

#include "cli/common.h"

/* ---- any picture ----------------------------------------------------------------------------- */

/* A script in the making, and the picture's pixels; a PNG has twice as many. Places are in pixels
 * from the left bottom corner. */
typedef struct cli_canvas {
    clade__text *script;
    int width, height;
} cli_canvas;

/* Colours that are told apart with any colour vision. */
enum { CLI_N_COLOURS = 7 };
extern const char *const cli_colours[CLI_N_COLOURS];

/* Appends what comes first: the terminal, and the looks of border, tics and grid. */
void cli_plot_begin(const cli_canvas *to, bool png);

/* Appends a text at a place; `more` is the rest of gnuplot's command. Texts have 80 characters at
 * most; what is no text in them becomes '?'. */
void cli_plot_label(const cli_canvas *to, const char *text, double x, double y, const char *more);

/* About how wide a text is drawn: characters of the far east are twice as wide as the others. */
int cli_plot_width(const char *text);

/* An entry of a legend: a line so long with a point on it, and a text. */
enum { CLI_PLOT_LINE = 30 };

typedef struct cli_plot_style {
    const char *dash, *colour;
    int marker; /* gnuplot's point type */
} cli_plot_style;

void cli_plot_entry(const cli_canvas *to, int x, int y, const char *text,
                    const cli_plot_style *style);

/* Whether a picture's name ends in .png; CLADE_EINVAL when it ends neither so nor in .svg. */
clade_status cli_plot_format(const char *output, bool *png);

/* Whether gnuplot is there, asked before the work whose picture is wanted. */
clade_status cli_plot_check(cli_call *call);

/* Draws a script and writes the picture. CLADE_EIO: gnuplot is not there, or failed, and the message
 * has what it said; or the picture cannot be written. */
clade_status cli_plot_draw(const clade__text *script, const char *output);

/* ---- runs ------------------------------------------------------------------------------------ */

enum {
    CLI_MAX_RUNS = 21, /* in a picture: the palette's colours times its markers */
    CLI_TRAIN_LOSS = 0,
    CLI_VALID_LOSS,
    CLI_TRAIN_ACCURACY,
    CLI_VALID_ACCURACY,
    CLI_N_CURVES
};

/* What one epoch was like. Accuracies are in percent; what was not measured is NaN. */
typedef struct cli_epoch {
    double epoch, values[CLI_N_CURVES];
} cli_epoch;

typedef struct cli_curves {
    char *folder;      /* as it was given, without slashes at its end */
    char *name;        /* the folder's own name; `folder` when another run in the picture has it */
    cli_epoch *epochs; /* (n_epochs) */
    size_t n_epochs, capacity;
    bool cut; /* the last line was not whole: the run is still being written */
} cli_curves;

/* Reads the metrics.jsonl of folders; runs[n] must be zeroed and is to be freed in any case. A run
 * without an epoch is no error here. CLADE_EDATA: no run folder, or FILE:LINE is damaged. */
clade_status cli_curves_read(cli_curves *runs, const char *const *folders, int n);
void cli_curves_free(cli_curves *runs, int n);

/* Appends the script that draws two panels, loss and accuracy over epochs, to gnuplot's stdout. */
void cli_plot_script(clade__text *script, const cli_curves *runs, int n, bool png);

/* For `clade train --plot`: curves.svg in the folder of a run that has ended so. A training that
 * diverged is drawn and still fails. */
clade_status cli_plot_trained(const cli_call *call, const char *folder, clade_status trained);

#endif

/* The parts of `clade plot`: runs are read from their folders, written as a script, and drawn
 * by gnuplot.
 *
 * gnuplot is a program that is started when a picture is wanted; nothing is linked with it.
 */
#ifndef CLADE_CLI_PLOT_H
#define CLADE_CLI_PLOT_H

#include "cli/common.h"

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

/* Runs gnuplot on a script and gives what it wrote to stdout; *data is malloc'd. CLADE_EIO: gnuplot
 * is not there, or failed; the message has what it said. An empty script asks if it is there. */
clade_status cli_gnuplot(const clade__text *script, unsigned char **data, size_t *n_bytes);

/* For `clade train --plot`: whether gnuplot is there, asked before training; and curves.svg in the
 * folder of a run that has ended so. A training that diverged is drawn and still fails. */
clade_status cli_plot_check(cli_call *call);
clade_status cli_plot_trained(const cli_call *call, const char *folder, clade_status trained);

#endif

/* Pictures of an evaluation: a document of `clade eval --json`, as a matrix of confusions, or as numbers
 * predicted against true ones. */
#ifndef CLADE_CLI_PLOT_EVAL_H
#define CLADE_CLI_PLOT_EVAL_H

#include <cjson/cJSON.h>

#include "cli/plot.h"

enum { CLI_MOST_PANELS = 6 }; /* of numbers: the first targets */

/* Counts by true class and predicted one; or by label and what became of it. */
typedef struct cli_matrix {
    int n_rows, n_cols;
    double *counts, *shares; /* (n_rows, n_cols) shares are of all that are truly so */
    const char **row_names, **col_names; /* NULL: its number */
} cli_matrix;

typedef struct cli_panel {
    const char *name; /* NULL: its number */
    double rmse, r2;  /* NaN where it is none */
    int n_points;
    double *points;   /* (n_points, 2) true and predicted, all finite */
} cli_panel;

typedef struct cli_evaluation {
    cJSON *document; /* owns the names */
    bool labels;
    double n_samples, accuracy;
    cli_matrix matrix; /* of 0 rows, where there are panels */
    cli_panel panels[CLI_MOST_PANELS];
    int n_panels;
} cli_evaluation;

/* Whether a path is a file, and not the folder of a run. */
bool cli_is_file(const char *path);

/* Reads a document; zeroed before, and to be freed in any case. CLADE_EDATA for what is none, or has
 * nothing that can be drawn. */
clade_status cli_evaluation_read(cli_evaluation *evaluation, const char *path);
void cli_evaluation_free(cli_evaluation *evaluation);

/* Appends the script that draws it. */
void cli_evaluation_script(clade__text *script, const cli_evaluation *evaluation, bool png);

#endif

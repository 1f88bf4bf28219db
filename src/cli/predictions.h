/* Predictions as `clade predict` prints them: CSV or JSON, a row a sample. */
#ifndef CLADE_CLI_PREDICTIONS_H
#define CLADE_CLI_PREDICTIONS_H

#include "cli/common.h"

typedef struct cli_predictions {
    const clade_model *model;
    const clade_data *data;
    bool json;
    bool classes;       /* a sample is of one class */
    bool labels;        /* each output is a label of its own, on or off */
    bool probabilities; /* the outputs are probabilities; else they are numbers */
    int64_t n_outputs;
    int n_kept;         /* columns of the data that are carried along */
    float *raw, *outputs; /* (room, n_outputs) as they come, and as they are printed */
    int64_t n_printed, n_not_finite, first_not_finite; /* the first as its row in the data */
} cli_predictions;

/* What the model's outputs are; with room for so many samples at a time. CLADE_EINVAL for kept columns
 * that cannot be told apart. */
clade_status cli_predictions_open(cli_predictions *p, const clade_model *model,
                                  const clade_data *data, bool json, int64_t room);
void cli_predictions_close(cli_predictions *p);

/* What comes before the rows, and after them. */
clade_status cli_predictions_begin(const cli_predictions *p);
void cli_predictions_end(const cli_predictions *p);

/* Predicts samples [first, first + n); and prints them. */
clade_status cli_predictions_make(cli_predictions *p, clade_model *model, clade_data *data,
                                  int64_t first, int64_t n);
clade_status cli_predictions_print(cli_predictions *p, int64_t first, int64_t n);

/* CLADE_EWRONG where a row had outputs that are not finite. */
clade_status cli_predictions_check(const cli_predictions *p);

#endif

/* The setting train.class_weights: how much a sample of each class counts. */
#ifndef CLADE_CLI_CLASS_WEIGHTS_H
#define CLADE_CLI_CLASS_WEIGHTS_H

#include "cli/settings.h"

/* *weights (classes of the data) are malloc'd; NULL where none are set. CLADE_ECONFIG, with what is
 * wrong, for what are no weights of this data. */
clade_status cli_class_weights(float **weights, const cli_settings *settings, const clade_data *data);

/* Says what they are, on stderr. */
void cli_say_class_weights(const float *weights, const clade_data *data);

#endif

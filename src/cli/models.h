/* Networks by name, for --model: what they are in a description. */
#ifndef CLADE_CLI_MODELS_H
#define CLADE_CLI_MODELS_H

#include <cjson/cJSON.h>

#include "cli/settings.h"

/* The network that --model names, for such data, as the description of a config. CLADE_ECONFIG for a name that
 * there is not, or sizes that it does not take. */
clade_status cli_model_describe(const cli_settings *settings, const clade_data_info *data, cJSON **model);

/* The learning rate of sgd, with its momentum of 0.9, at which the network that --model names, if it does,
 * trains well: with convolutions and no batch norm, a fifth of others'. */
const char *cli_model_sgd_lr(const cli_settings *settings);

#endif

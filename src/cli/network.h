/* The network of a training: from its short text or the config's layers to a compiled model. */
#ifndef CLADE_CLI_NETWORK_H
#define CLADE_CLI_NETWORK_H

#include "cli/settings.h"

/* The description for clade_model_layers in *layers (cJSON_Delete): the config's own, or made from
 * the model's text and the data's shape and classes. CLADE_ECONFIG says where and what. */
clade_status cli_network_describe(const cli_settings *settings, const clade_data_info *data,
                                  cJSON **layers);

/* Builds and compiles it; what settings do not say is taken from `given`. *model (clade_model_free) may
 * be set on failure too. */
clade_status cli_network_build(clade_model **model, clade_device *device,
                               const cli_settings *settings, const cJSON *layers,
                               const clade_compile_options *given);

/* Refuses a model whose input or output does not go with the data, before anything is trained. */
clade_status cli_network_check(const clade_model *model, const cli_settings *settings,
                               const clade_data_info *data);

#endif

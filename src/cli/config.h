/* Reads a training's config, a YAML file. */
#ifndef CLADE_CLI_CONFIG_H
#define CLADE_CLI_CONFIG_H

#include "cli/settings.h"

/* Sets the file's settings with origin CLI_FILE, and settings->layers when its model is a mapping.
 * CLADE_ECONFIG, "FILE:LINE: what, and the nearest valid word", for a file that cannot be read or
 * is not a config. */
clade_status cli_config_read(const char *path, cli_settings *settings);

/* Puts FILE:LINE before the thread's message when it starts with the path of a part of the model,
 * "model.layers[1].type: …", as clade_model_layers's do; returns status. */
clade_status cli_config_locate(const cli_settings *settings, clade_status status);

#endif

/* The folder of a run: its name, whether it is free, and the resolved config in it. */
#ifndef CLADE_CLI_RUN_FOLDER_H
#define CLADE_CLI_RUN_FOLDER_H

#include "cli/settings.h"

enum { CLI_PATH_BYTES = 3400 };

/* Decides the run's name where none was given: the config file's, or the words of model and data.
 * The config's own spec of the data must still stand in the settings. */
clade_status cli_run_name(cli_settings *settings);

/* CLADE_ECONFIG when the folder that was asked for holds a run, unless that may be overwritten. */
clade_status cli_run_check(const cli_settings *settings, bool overwrite);

/* For a run that goes on. The config that it left: CLADE_ECONFIG when the folder holds no run. */
clade_status cli_run_config_path(const char *folder, char path[CLI_PATH_BYTES]);

/* CLADE_ECONFIG when a setting is not the run's and cannot be another one now; all is resolved. */
clade_status cli_run_check_same(const cli_settings *settings, const cJSON *layers);

/* Makes the folder, the given one or runs/NAME-TIME, and changes nothing in it. */
clade_status cli_run_make(const cli_settings *settings, char folder[CLI_PATH_BYTES]);

/* What follows is for the training that holds the folder's lock, see clade_fit_options.on_begin.
 * Removes the files of a run before. */
clade_status cli_run_clear(const char *folder);

/* Writes config.yaml. */
clade_status cli_run_write_config(const cli_settings *settings, const cJSON *layers,
                                  const clade_device_info *device, const char *folder);

#endif

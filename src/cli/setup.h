/* What a training starts from, and what else looks at a training's config: the settings of config
 * and command line, and the device, data and model that they ask for. */
#ifndef CLADE_CLI_SETUP_H
#define CLADE_CLI_SETUP_H

#include "cli/settings.h"

/* The rows of a command's options that are the settings. They come first, so that an option's
 * position is its setting's id. */
#define CLI_SETUP_OPTION(id, path, option, kind, initial, least, most, argument, help)             \
    {option, argument, help},

typedef struct cli_setup {
    cli_settings settings; /* resolved, once all is open */
    cJSON *layers;         /* the network's description */
    clade_device *device;
    clade_data *train, *valid; /* valid: NULL where there is none */
    bool valid_is_train;       /* the same samples: nothing is held out */
    clade_model *model;
    float *class_weights; /* of the training; or NULL */
} cli_setup;

typedef struct cli_setup_wants {
    bool valid;          /* data to validate on */
    bool keep_gradients; /* see clade_compile_options */
    clade_job *job;      /* whose ranks open all this together; NULL: alone */
} cli_setup_wants;

/* Reads a config, unless it is NULL, and the call's options: what can be known without a device or
 * data, network and data being given. */
clade_status cli_setup_read(cli_setup *setup, const cli_call *call, const char *config);

/* Opens device and data and compiles the model, and says so on stderr unless the call is quiet. What fails on one
 * rank of a job before all have built their models fails on all. */
clade_status cli_setup_open(cli_setup *setup, const cli_call *call, const cli_setup_wants *wants);
void cli_setup_free(cli_setup *setup);

#endif

/* clade warm MODEL|CONFIG.yaml: what a use of the model, or a training, would wait for is built now. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/fit_options.h"

static const cli_option options[] = {CLI_SETTINGS(CLI_SETUP_OPTION)};

/* A model file begins with a length of eight bytes, of which a config, being text, has none that is 0. */
static clade_status is_model(const char *path, bool *model)
{
    unsigned char *bytes = NULL;
    size_t n_bytes = 0;
    *model = false;
    if (!path) return CLADE_OK;
    CLADE_TRY(clade__file_read(path, &bytes, &n_bytes));
    *model = n_bytes >= 8 && memchr(bytes, 0, 8) != NULL;
    free(bytes);
    return CLADE_OK;
}

/* ---- a model file -------------------------------------------------------------------------------- */

/* What a file's use has no option for. */
static clade_status check_options(const cli_call *call)
{
    for (int id = 0; id < CLI_N_SETTINGS; id++)
        if (call->values[id] && id != CLI_DATA && id != CLI_DEVICE)
            return clade__fail(CLADE_EINVAL, "--%s is for a training, and '%s' is a model file; leave it out, or "
                               "name a config", cli_settings_table[id].option, call->arguments[0]);
    return CLADE_OK;
}

static clade_status open_and_warm(const cli_call *call, clade_device **device, clade_model **model,
                                  clade_data **data)
{
    const char *spec = call->values[CLI_DATA];
    if (spec) {
        CLADE_TRY(cli_open_all(device, model, data, call, spec, NULL, false));
    } else {
        CLADE_TRY(clade_device_open_units(device, call->device, call->compute_units));
        CLADE_TRY(clade_load(model, *device, call->arguments[0]));
    }
    if (!call->quiet) cli_say("device", "%s", clade_device_reason(*device));
    return clade_warm(*model, *data, NULL);
}

static clade_status warm_model(const cli_call *given)
{
    cli_call own = *given, *call = &own;
    own.device = given->values[CLI_DEVICE]; /* which is among the options of a training */
    clade_device *device = NULL;
    clade_model *model = NULL;
    clade_data *data = NULL;
    CLADE_TRY(check_options(call));
    clade_status status = open_and_warm(call, &device, &model, &data);
    clade_data_free(data);
    clade_model_free(model);
    clade_device_free(device);
    return status;
}

/* ---- a training ---------------------------------------------------------------------------------- */

static clade_status warm_training(const cli_call *call)
{
    cli_setup setup = {0};
    clade_augment augment;
    clade_status status = cli_setup_read(&setup, call, call->arguments[0]);
    if (status == CLADE_OK) status = cli_setup_open(&setup, call, &(cli_setup_wants){.valid = true});
    if (status == CLADE_OK) {
        const clade_fit_options fit_options = cli_fit_options(&setup, &augment);
        status = clade_warm(setup.model, setup.train, &fit_options);
    }
    cli_setup_free(&setup);
    return status;
}

static clade_status print_seconds(const cli_call *call, double seconds)
{
    char text[32];
    clade__json json = {0};
    if (!call->json) {
        if (!call->quiet) cli_print("warm, in %s\n", cli_seconds_text(text, sizeof text, seconds));
        return CLADE_OK;
    }
    clade__json_object(&json, NULL);
    clade__json_number(&json, "seconds", seconds);
    clade__json_object_end(&json);
    return cli_print_json(&json);
}

static clade_status run_warm(cli_call *call)
{
    double began = clade__seconds();
    bool model;
    CLADE_TRY(is_model(call->arguments[0], &model));
    CLADE_TRY(model ? warm_model(call) : warm_training(call));
    call->writing = true;
    return print_seconds(call, clade__seconds() - began);
}

const cli_command cli_command_warm = {
    .name = "warm",
    .synopsis = "[MODEL|CONFIG.yaml] [options]",
    .summary = "build what a training, or a use of a model, will need",
    .about = "Lets the device's driver build and keep now what the first step would wait for,\n"
             "and measures and keeps the tilings of matrix products. Nothing else is written,\n"
             "and nothing is trained.\n"
             "\n"
             "Of a config, or a network by --model with --data, it is all of `clade train` with\n"
             "the same options: one step on a full batch, one on the short last batch, and an\n"
             "evaluation. Of a model file it is all of `clade eval` and `clade predict`, with\n"
             "--data for that data; without, the short last batch of a data set is left out.\n"
             "\n"
             "What is built lies in the driver's cache (PoCL: POCL_CACHE_DIR) or, where that\n"
             "keeps none, in Clade's (CLADE_CACHE_DIR); programs of CLBlast in the driver's\n"
             "alone. Another device, driver, network, batch or version of Clade needs another.\n"
             "\n"
             "Examples:\n"
             "  clade warm data/digits-mlp.yaml\n"
             "  clade warm --model mlp:512,512 --data mnist:DIR --batch 64\n"
             "  clade warm runs/mine/model.safetensors --data mnist:DIR\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .max_arguments = 1,
    .run = run_warm,
};

_Static_assert(sizeof options / sizeof options[0] <= CLI_MAX_OPTIONS, "values would not fit");

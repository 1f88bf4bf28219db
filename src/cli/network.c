#define _XOPEN_SOURCE 700
#include "cli/network.h"

#include <stdlib.h>
#include <string.h>

#include "cli/config.h"
#include "cli/models.h"

/* ---- what it is ------------------------------------------------------------------------------ */

clade_status cli_network_describe(const cli_settings *settings, const clade_data_info *data,
                                  cJSON **layers)
{
    const cli_value *model = &settings->values[CLI_MODEL];
    static const cli_setting_id of_text[] = {CLI_ACTIVATION, CLI_DROPOUT};
    bool from_config = settings->layers && model->origin != CLI_COMMAND;
    if (!from_config && !model->text)
        return clade__fail(CLADE_EINVAL, "no network given; add --model mlp:512,512, or a config");
    if (!from_config) return cli_model_describe(settings, data, layers);
    for (int i = 0; i < 2; i++)
        if (settings->values[of_text[i]].origin > CLI_DEFAULT)
            return clade__fail(CLADE_ECONFIG,
                               "%s is for --model mlp:..., and the config lists its layers",
                               settings->values[of_text[i]].where);
    *layers = cJSON_Duplicate(settings->layers, true);
    return *layers ? CLADE_OK : clade__fail(CLADE_ENOMEM, "no memory for the network");
}

/* ---- the model ------------------------------------------------------------------------------- */

static clade_loss loss_of(const cli_settings *settings)
{
    const char *word = cli_setting_text(settings, CLI_LOSS);
    for (int loss = 0; clade_loss_name((clade_loss)loss); loss++)
        if (strcmp(clade_loss_name((clade_loss)loss), word) == 0) return (clade_loss)loss;
    return CLADE_LOSS_CROSS_ENTROPY;
}

static clade_optimizer optimizer_of(const cli_settings *settings)
{
    const cli_value *values = settings->values;
    clade_optimizer_kind kind = CLADE_OPTIMIZER_SGD;
    for (int i = 0; clade_optimizer_name((clade_optimizer_kind)i); i++)
        if (strcmp(clade_optimizer_name((clade_optimizer_kind)i), values[CLI_OPTIMIZER].text) == 0)
            kind = (clade_optimizer_kind)i;
    return (clade_optimizer){.kind = kind,
                             .lr = values[CLI_LR].real,
                             .momentum = values[CLI_MOMENTUM].real,
                             .nesterov = values[CLI_NESTEROV].flag,
                             .beta1 = values[CLI_BETA1].real,
                             .beta2 = values[CLI_BETA2].real,
                             .epsilon = values[CLI_EPSILON].real,
                             .weight_decay = values[CLI_WEIGHT_DECAY].real,
                             .decay_weights_only = values[CLI_DECAY_WEIGHTS_ONLY].flag,
                             .clip_norm = values[CLI_CLIP_NORM].real};
}

enum { MAX_PATTERNS = 64 };

/* Cuts text, which is a copy, at its commas; each pattern is a group that is frozen. */
static clade_status read_freeze(const cli_value *freeze, char *text, clade_parameter_group *groups, int *n)
{
    *n = 0;
    if (strcmp(text, "none") == 0) return CLADE_OK;
    for (char *at = text, *next; at; at = next) {
        next = strchr(at, ',');
        if (next) *next++ = '\0';
        if (!*at || *n == MAX_PATTERNS)
            return clade__fail(CLADE_ECONFIG, "%s: want 1 to %d patterns of parameter names between commas",
                               freeze->where, (int)MAX_PATTERNS);
        groups[(*n)++] = (clade_parameter_group){.pattern = at, .frozen = true};
    }
    return CLADE_OK;
}

static clade_status compile(clade_model *model, clade_node *output, const cli_settings *settings,
                            clade_compile_options *options)
{
    const cli_value *freeze = &settings->values[CLI_FREEZE];
    clade_parameter_group groups[MAX_PATTERNS];
    const char *init = cli_setting_text(settings, CLI_INIT);
    char *text = strdup(freeze->text);
    if (!text) return clade__fail(CLADE_ENOMEM, "no memory for the network");
    options->groups = groups;
    clade_status status = read_freeze(freeze, text, groups, &options->n_groups);
    if (status == CLADE_OK) status = clade_compile(model, output, options);
    free(text);
    if (status == CLADE_OK && strcmp(init, "none") != 0) status = clade_load_weights(model, init, NULL);
    return status;
}

clade_status cli_network_build(clade_model **model, clade_device *device,
                               const cli_settings *settings, const cJSON *layers,
                               const clade_compile_options *given)
{
    char *json = cli_json_text(layers);
    if (!json) return clade__fail(CLADE_ENOMEM, "no memory for the network");
    clade_status status =
        clade_model_create(model, device, (uint64_t)settings->values[CLI_SEED].count);
    if (status == CLADE_OK) {
        /* A node that could not be built is NULL, and clade_compile returns why. */
        clade_node *output = clade_model_layers(*model, json);
        const cli_value *batch = &settings->values[CLI_BATCH];
        clade_compile_options options = *given;
        options.loss = loss_of(settings);
        options.optimizer = optimizer_of(settings);
        options.batch = batch->count;
        options.accumulate =
            batch->flag ? CLADE_ACCUMULATE_AUTO : settings->values[CLI_ACCUMULATE].count;
        options.gemm = cli_setting_text(settings, CLI_GEMM);
        status = compile(*model, output, settings, &options);
    }
    cJSON_free(json);
    return settings->values[CLI_MODEL].origin == CLI_COMMAND ? status
                                                             : cli_config_locate(settings, status);
}

clade_status cli_network_check(const clade_model *model, const cli_settings *settings,
                               const clade_data_info *data)
{
    char want[128], got[128];
    clade_shape input = clade_model_input_shape(model), output = clade_model_output_shape(model);
    int64_t n_outputs = clade_shape_elements(output);
    clade_loss loss = loss_of(settings);
    clade_status status = CLADE_OK;
    if (clade_model_n_inputs(model) > 1) return CLADE_OK; /* the library knows which data they want */
    if (clade_shape_elements(input) != clade_shape_elements(data->shape))
        status = clade__fail(CLADE_ECONFIG,
                             "model.input: the model takes %s, and samples of '%s' "
                             "are %s",
                             cli_shape_text(want, sizeof want, input), data->name,
                             cli_shape_text(got, sizeof got, data->shape));
    else if (loss == CLADE_LOSS_CROSS_ENTROPY && data->n_classes == 0)
        status = clade__fail(CLADE_ECONFIG,
                             "%s: cross_entropy needs classes, and '%s' has numbers "
                             "as targets; try mse",
                             settings->values[CLI_LOSS].where, data->name);
    else if (data->n_classes > 0 && n_outputs != data->n_classes &&
             (loss == CLADE_LOSS_CROSS_ENTROPY || n_outputs != 1))
        status = clade__fail(CLADE_ECONFIG,
                             "model.layers: the last layer gives %lld values, and "
                             "'%s' has %d classes",
                             (long long)n_outputs, data->name, data->n_classes);
    else if (data->n_classes == 0 && n_outputs != data->n_targets)
        status = clade__fail(CLADE_ECONFIG,
                             "model.layers: the last layer gives %lld values, and "
                             "a sample of '%s' has %lld targets",
                             (long long)n_outputs, data->name, (long long)data->n_targets);
    return settings->values[CLI_MODEL].origin == CLI_COMMAND ? status
                                                             : cli_config_locate(settings, status);
}

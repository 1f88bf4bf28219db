#include "cli/setup.h"

#include <stdlib.h>
#include <string.h>

#include "cli/class_weights.h"
#include "cli/config.h"
#include "cli/network.h"

/* ---- settings -------------------------------------------------------------------------------- */

static clade_status read_options(cli_settings *settings, const cli_call *call)
{
    for (int id = 0; id < CLI_N_SETTINGS; id++) {
        char where[64];
        if (!call->values[id]) continue;
        snprintf(where, sizeof where, "--%s", cli_settings_table[id].option);
        bool flag = cli_settings_table[id].kind == CLI_FLAG;
        CLADE_TRY(
            cli_setting_set(settings, id, CLI_COMMAND, where, flag ? "true" : call->values[id]));
    }
    return CLADE_OK;
}

clade_status cli_setup_read(cli_setup *setup, const cli_call *call, const char *config)
{
    cli_settings *settings = &setup->settings;
    const char *command = call->command->name;
    CLADE_TRY(cli_settings_start(settings));
    if (config) CLADE_TRY(cli_config_read(config, settings));
    CLADE_TRY(read_options(settings, call));
    if (!settings->layers && !cli_setting_text(settings, CLI_MODEL))
        return clade__fail(CLADE_EINVAL, "no network given; add --model mlp:512,512, or `model:` "
                                         "in a config; see 'clade %s --help'", command);
    if (!cli_setting_text(settings, CLI_DATA))
        return clade__fail(CLADE_EINVAL, "no data given; add --data digits or --data mnist:DIR, or "
                                         "`data:` in a config; see 'clade %s --help'", command);
    CLADE_TRY(cli_settings_resolve_batch(settings));
    CLADE_TRY(cli_settings_resolve_optimizer(settings));
    CLADE_TRY(cli_settings_resolve_schedule(settings));
    CLADE_TRY(cli_settings_resolve_scale(settings));

    /* A network that no data could make right is told before a device and data are opened. */
    static const clade_data_info some = {.n_classes = 1, .shape = {.rank = 3, .dim = {3, 32, 32}}};
    cJSON *layers = NULL;
    clade_status status = cli_network_describe(settings, &some, &layers);
    cJSON_Delete(layers);
    return status;
}

/* ---- data ------------------------------------------------------------------------------------ */

/* Whether a spec's options name a part. */
static bool names_part(const char *spec)
{
    const char *options_start = clade_data_spec_options(spec);
    return options_start &&
           (strncmp(options_start, "part=", 5) == 0 || strstr(options_start, "&part="));
}

/* What the network sees of the training data, and so of all data. */
static clade_status scale_data(cli_setup *setup)
{
    cli_settings *settings = &setup->settings;
    const cli_value *scale = &settings->values[CLI_SCALE], *shift = &settings->values[CLI_SHIFT];
    if (settings->values[CLI_STANDARDIZE].flag) return CLADE_OK;
    if (settings->values[CLI_STANDARDIZE_CHANNELS].flag) return clade_data_standardize_channels(setup->train);
    if (clade_data_n_fields(setup->train) > 0 && !scale->text && !shift->text) return CLADE_OK;
    clade_data_info info = clade_data_describe(setup->train);
    if (scale->text) info.scale = scale->real;
    if (shift->text) info.shift = shift->real;
    clade_status status = clade_data_set_scale(setup->train, info.scale, info.shift);
    if (status != CLADE_OK)
        return clade__fail_in(status, "%s", scale->text ? scale->where : shift->where);
    char text[32];
    CLADE_TRY(cli_setting_decide(settings, CLI_SCALE, "%s",
                                 cli_real_text(text, sizeof text, info.scale)));
    return cli_setting_decide(settings, CLI_SHIFT, "%s",
                              cli_real_text(text, sizeof text, info.shift));
}

/* Whether the data to train on has a part to validate with, since no other is named. */
static bool serves_both(const cli_setup *setup, const cli_setup_wants *wants)
{
    return wants->valid && !cli_setting_text(&setup->settings, CLI_VALID) &&
           !names_part(cli_setting_text(&setup->settings, CLI_DATA));
}

/* A part of the file is held out only where the file is to validate with as well. */
static clade_status open_train(cli_setup *setup, bool both)
{
    const cli_value *values = setup->settings.values;
    return clade_data_open_with(&setup->train, cli_setting_text(&setup->settings, CLI_DATA),
                                &(clade_data_options){
                                    .part = "train",
                                    .whole = !both,
                                    .standardize = values[CLI_STANDARDIZE].flag,
                                    .standardize_targets = values[CLI_STANDARDIZE_TARGETS].flag});
}

/* The validation data that was asked for, or a part of what is trained on; read as that is. */
static clade_status open_valid(cli_setup *setup, bool both)
{
    const char *spec = cli_setting_text(&setup->settings, CLI_DATA);
    const char *valid = cli_setting_text(&setup->settings, CLI_VALID);
    if (both) valid = spec;
    if (!valid || strcmp(valid, "none") == 0) return CLADE_OK;
    clade_status status =
        clade_data_open_with(&setup->valid, valid,
                             &(clade_data_options){.part = "valid",
                                                   .whole = !both,
                                                   .schema = clade_data_schema(setup->train)});
    if (status != CLADE_OK && both)
        return clade__fail(status, "%s (validation data; --valid SPEC names other, --valid none "
                           "trains without)",
                           clade_error());
    return status;
}

/* Whether there is anything to learn, before a network is made for it. */
static clade_status check_answers(const clade_data *train)
{
    clade_data_info info = clade_data_describe(train);
    const char *name = clade_data_class_name(train, 0);
    if (clade_data_n_fields(train) > 0) return CLADE_OK; /* which the losses choose from */
    if (info.n_classes == 1)
        return clade__fail(CLADE_EDATA, "'%s' has the label '%.60s' in all rows; want at least two "
                           "classes", info.name, name ? name : "0");
    if (info.n_classes == 0 && info.n_targets == 0)
        return clade__fail(CLADE_EDATA, "'%s' has neither labels nor targets: there is nothing to "
                           "learn from it", info.name);
    return CLADE_OK;
}

/* That of the data, unless the config lists losses of the network's own; where one cannot be read, the
 * network cannot be built. */
static clade_status decide_loss(cli_settings *settings, const clade_data_info *data)
{
    const cli_value *given = &settings->values[CLI_LOSS];
    const cJSON *losses = cJSON_GetObjectItemCaseSensitive(settings->layers, "losses");
    const char *first = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(
        cJSON_GetArrayItem(losses, 0), "type"));
    bool own = losses && settings->values[CLI_MODEL].origin != CLI_COMMAND;
    if (!own)
        return cli_setting_decide(settings, CLI_LOSS, data->n_classes > 0 ? "cross_entropy" : "mse");
    if (given->origin > CLI_DEFAULT && (!first || strcmp(given->text, first) != 0))
        return clade__fail(CLADE_ECONFIG, "%s is for a network without losses of its own, and the config lists "
                           "some", given->where);
    return cli_setting_decide(settings, CLI_LOSS, "%s", first ? first : "mse");
}

static clade_status open_data(cli_setup *setup, const cli_setup_wants *wants)
{
    cli_settings *settings = &setup->settings;
    bool both = serves_both(setup, wants);
    CLADE_TRY(open_train(setup, both));
    CLADE_TRY(check_answers(setup->train));
    if (wants->valid) CLADE_TRY(open_valid(setup, both));
    setup->valid_is_train = setup->valid && clade_data_equal(setup->train, setup->valid);
    CLADE_TRY(scale_data(setup));

    /* The resolved config names the parts that were read. */
    clade_data_info info = clade_data_describe(setup->train);
    CLADE_TRY(cli_setting_set(settings, CLI_DATA, CLI_COMMAND, "data.train", info.name));
    CLADE_TRY(cli_setting_set(settings, CLI_VALID, CLI_COMMAND, "data.valid",
                              setup->valid ? clade_data_describe(setup->valid).name : "none"));
    return decide_loss(settings, &info);
}

/* ---- what is about to happen ----------------------------------------------------------------- */

/* "left (3, 4), label (3) int32": fields, as much as fits. */
static char *fields_text(char *out, size_t out_bytes, const clade_data *data)
{
    char shape[64];
    size_t used = 0;
    for (int i = 0; i < clade_data_n_fields(data) && used < out_bytes; i++) {
        clade_data_field field;
        if (clade_data_field_at(data, i, &field) != CLADE_OK) break;
        used += (size_t)snprintf(out + used, out_bytes - used, "%s%s %s%s", i ? ", " : "", field.name,
                                 cli_shape_text(shape, sizeof shape, field.shape),
                                 field.dtype == CLADE_INT32 ? " int32" : "");
    }
    if (used >= out_bytes) strcpy(out + out_bytes - 4, "...");
    return out;
}

static char *answers_text(char *out, size_t out_bytes, const clade_data_info *info)
{
    if (info->n_classes > 0)
        snprintf(out, out_bytes, "%d classes", info->n_classes);
    else
        snprintf(out, out_bytes, "%lld target%s", (long long)info->n_targets,
                 info->n_targets == 1 ? "" : "s");
    return out;
}

static void print_data(const clade_data *data, const char *role)
{
    char shape[128], count[32], answers[48], fields[256];
    clade_data_info info = clade_data_describe(data);
    cli_count_text(count, sizeof count, info.n_samples);
    if (clade_data_n_fields(data) > 0)
        cli_say(role, "%s: %s samples of %s, read in %.2f s", info.name, count,
                fields_text(fields, sizeof fields, data), info.seconds);
    else
        cli_say(role, "%s: %s samples of %s, %s%s, read in %.2f s", info.name, count,
                cli_shape_text(shape, sizeof shape, info.shape),
                answers_text(answers, sizeof answers, &info), info.standardized ? ", standardized" : "",
                info.seconds);
}

static void print_model(const cli_setup *setup, const clade_memory *memory)
{
    char count[32], parts[48], texts[6][32];
    const cli_value *values = setup->settings.values;
    int n_layers = clade_model_n_layers(setup->model);
    long long batch = (long long)clade_model_batch(setup->model);
    long long part = (long long)clade_model_micro_batch(setup->model);
    bool chosen = values[CLI_BATCH].flag;
    snprintf(parts, sizeof parts, " in parts of %lld%s", part, chosen ? " (auto)" : "");
    if (part == batch) strcpy(parts, chosen ? " whole (auto)" : "");
    cli_say("model", "%d layer%s, %s parameters; %s, %s with lr %s, batch %lld%s, seed %lld", n_layers,
            n_layers == 1 ? "" : "s",
            cli_count_text(count, sizeof count, clade_model_n_parameters(setup->model)),
            values[CLI_LOSS].text, values[CLI_OPTIMIZER].text,
            cli_real_text(texts[0], sizeof texts[0], values[CLI_LR].real),
            batch, parts, (long long)values[CLI_SEED].count);
    cli_say("memory",
            "%s on the device: parameters %s, gradients %s, optimizer %s, activations %s, data %s",
            cli_bytes_text(texts[0], sizeof texts[0], memory->total),
            cli_bytes_text(texts[1], sizeof texts[1], memory->parameters),
            cli_bytes_text(texts[2], sizeof texts[2], memory->gradients),
            cli_bytes_text(texts[3], sizeof texts[3], memory->optimizer_state),
            cli_bytes_text(texts[4], sizeof texts[4], memory->activations),
            cli_bytes_text(texts[5], sizeof texts[5], memory->data));
}

static void print_valid(const cli_setup *setup)
{
    if (setup->valid)
        print_data(setup->valid, "valid");
    else
        cli_say("valid", "none");
    if (setup->valid_is_train)
        cli_say("warning:", "the validation data is the training data, so it does not tell how the "
                            "network does on new data; --valid SPEC names other");
}

/* The parts that a batch is done in; with --batch auto the library has chosen them. */
static clade_status decide_parts(cli_setup *setup)
{
    char text[32];
    int64_t batch = clade_model_batch(setup->model), part = clade_model_micro_batch(setup->model);
    if (!setup->settings.values[CLI_BATCH].flag) return CLADE_OK;
    snprintf(text, sizeof text, "%lld", (long long)((batch + part - 1) / part));
    return cli_setting_set(&setup->settings, CLI_ACCUMULATE, CLI_COMMAND, "train.accumulate", text);
}

static clade_status open_model(cli_setup *setup, const cli_setup_wants *wants)
{
    clade_data_info info = clade_data_describe(setup->train);
    CLADE_TRY(cli_network_describe(&setup->settings, &info, &setup->layers));
    CLADE_TRY(cli_network_build(&setup->model, setup->device, &setup->settings, setup->layers,
                                &(clade_compile_options){
                                    .keep_gradients = wants->keep_gradients,
                                    .train = clade_data_size_of(setup->train),
                                    .valid = clade_data_size_of(setup->valid)}));
    CLADE_TRY(cli_network_check(setup->model, &setup->settings, &info));
    return decide_parts(setup);
}

/* All ranks meet here, those too that have failed before. The others of a host find in the cache what its first
 * has built. */
static clade_status open_model_in_turn(cli_setup *setup, const cli_setup_wants *wants, clade_status before)
{
    bool first = clade_job_host_rank(wants->job) == 0;
    clade_status status = before == CLADE_OK && first ? open_model(setup, wants) : before;
    status = clade_job_agree(wants->job, status);
    return status == CLADE_OK && !first ? open_model(setup, wants) : status;
}

static clade_status open_samples(cli_setup *setup, const cli_call *call, const cli_setup_wants *wants)
{
    CLADE_TRY(open_data(setup, wants));
    if (!call->quiet) print_data(setup->train, "train");
    if (!call->quiet) cli_print_notes(setup->train);
    if (!call->quiet && wants->valid) print_valid(setup);
    CLADE_TRY(cli_class_weights(&setup->class_weights, &setup->settings, setup->train));
    if (!call->quiet) cli_say_class_weights(setup->class_weights, setup->train);
    return CLADE_OK;
}

clade_status cli_setup_open(cli_setup *setup, const cli_call *call, const cli_setup_wants *wants)
{
    clade_memory memory;
    CLADE_TRY(clade_job_device_open(&setup->device, wants->job,
                                    cli_setting_text(&setup->settings, CLI_DEVICE), call->compute_units));
    if (!call->quiet) cli_say("device", "%s", clade_device_reason(setup->device));
    CLADE_TRY(open_model_in_turn(setup, wants, open_samples(setup, call, wants)));
    CLADE_TRY(clade_fit_memory(setup->model, setup->train,
                               &(clade_fit_options){.validate = setup->valid,
                                                    .class_weights = setup->class_weights},
                               &memory));
    if (!call->quiet) print_model(setup, &memory);
    return CLADE_OK;
}

void cli_setup_free(cli_setup *setup)
{
    clade_model_free(setup->model);
    clade_data_free(setup->valid);
    clade_data_free(setup->train);
    clade_device_free(setup->device);
    free(setup->class_weights);
    cJSON_Delete(setup->layers);
    cli_settings_free(&setup->settings);
    *setup = (cli_setup){0};
}

/* clade train [CONFIG.yaml]: settings, device, data, model, then the library's loop, a summary. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/network.h"
#include "cli/progress.h"
#include "cli/run_folder.h"

/* The settings' rows come first, so that an option's position is its setting's id. */
static const cli_option options[] = {
#define ROW(id, path, option, kind, initial, least, most, argument, help) {option, argument, help},
    CLI_SETTINGS(ROW)
#undef ROW
        {"overwrite", NULL, "let --run DIR replace the run that it holds"},
};

typedef struct training {
    cli_call *call;
    cli_settings settings;
    cJSON *layers; /* the network's description */
    clade_device *device;
    clade_data *train, *valid;
    clade_model *model;
    char folder[CLI_PATH_BYTES];
} training;

/* ---- settings -------------------------------------------------------------------------------- */

static clade_status read_settings(training *t)
{
    const cli_call *call = t->call;
    cli_settings *settings = &t->settings;
    CLADE_TRY(cli_settings_start(settings));
    if (call->n_arguments > 0) CLADE_TRY(cli_config_read(call->arguments[0], settings));
    for (int id = 0; id < CLI_N_SETTINGS; id++) {
        char where[64];
        if (!call->values[id]) continue;
        snprintf(where, sizeof where, "--%s", cli_settings_table[id].option);
        bool flag = cli_settings_table[id].kind == CLI_FLAG;
        CLADE_TRY(
            cli_setting_set(settings, id, CLI_COMMAND, where, flag ? "true" : call->values[id]));
    }
    if (!settings->layers && !cli_setting_text(settings, CLI_MODEL))
        return clade__fail(CLADE_EINVAL, "no network given; add --model mlp:512,512, or `model:` "
                                         "in a config; see 'clade train --help'");
    if (!cli_setting_text(settings, CLI_DATA))
        return clade__fail(CLADE_EINVAL, "no data given; add --data digits or --data mnist:DIR, or "
                                         "`data:` in a config; see 'clade train --help'");
    CLADE_TRY(cli_settings_resolve_optimizer(settings));
    CLADE_TRY(cli_run_name(settings));
    return cli_run_check(settings, cli_value_of(call, "overwrite") != NULL);
}

/* ---- data ------------------------------------------------------------------------------------ */

/* Whether a spec's options, after its last question mark, name a part. */
static bool names_part(const char *spec)
{
    const char *options_start = strrchr(spec, '?');
    return options_start &&
           (strncmp(options_start + 1, "part=", 5) == 0 || strstr(options_start, "&part="));
}

static clade_status scale_data(training *t, clade_data *data)
{
    const cli_value *scale = &t->settings.values[CLI_SCALE];
    const cli_value *shift = &t->settings.values[CLI_SHIFT];
    if (!data || (!scale->text && !shift->text)) return CLADE_OK;
    clade_data_info info = clade_data_describe(data);
    clade_status status = clade_data_set_scale(data, scale->text ? scale->real : info.scale,
                                               shift->text ? shift->real : info.shift);
    return status == CLADE_OK
               ? status
               : clade__fail_in(status, "%s", scale->text ? scale->where : shift->where);
}

static clade_status open_data(training *t)
{
    cli_settings *settings = &t->settings;
    const char *spec = cli_setting_text(settings, CLI_DATA);
    const char *valid = cli_setting_text(settings, CLI_VALID);
    CLADE_TRY(clade_data_open(&t->train, spec));
    if (!valid && !names_part(spec)) valid = spec;
    if (valid && strcmp(valid, "none") != 0) {
        clade_status status = clade_data_open_part(&t->valid, valid, "test");
        if (status != CLADE_OK)
            return valid == spec ? clade__fail(status,
                                               "%s (validation data; --valid none trains "
                                               "without)",
                                               clade_error())
                                 : status;
    }
    CLADE_TRY(scale_data(t, t->train));
    CLADE_TRY(scale_data(t, t->valid));

    /* The resolved config names the parts that were read and the scale that they have. */
    clade_data_info info = clade_data_describe(t->train);
    char scale[32], shift[32];
    CLADE_TRY(cli_setting_set(settings, CLI_DATA, CLI_COMMAND, "data.train", info.name));
    CLADE_TRY(cli_setting_set(settings, CLI_VALID, CLI_COMMAND, "data.valid",
                              t->valid ? clade_data_describe(t->valid).name : "none"));
    CLADE_TRY(cli_setting_decide(settings, CLI_SCALE, "%s",
                                 cli_real_text(scale, sizeof scale, info.scale)));
    CLADE_TRY(cli_setting_decide(settings, CLI_SHIFT, "%s",
                                 cli_real_text(shift, sizeof shift, info.shift)));
    return cli_setting_decide(settings, CLI_LOSS, info.n_classes > 0 ? "cross_entropy" : "mse");
}

/* ---- what is about to happen ----------------------------------------------------------------- */

static void print_data(const clade_data *data, const char *role)
{
    char shape[128], count[32];
    clade_data_info info = clade_data_describe(data);
    fprintf(stderr, "%s  %s: %s samples of %s, ", role, info.name,
            cli_count_text(count, sizeof count, info.n_samples),
            cli_shape_text(shape, sizeof shape, info.shape));
    if (info.n_classes > 0)
        fprintf(stderr, "%d classes", info.n_classes);
    else
        fprintf(stderr, "%lld targets", (long long)info.n_targets);
    fprintf(stderr, ", read in %.2f s\n", info.seconds);
}

static void print_model(const training *t, const clade_memory *memory)
{
    char count[32], texts[5][32];
    const cli_value *values = t->settings.values;
    int n_layers = clade_model_n_layers(t->model);
    fprintf(stderr, "model   %d layer%s, %s parameters; %s, %s with lr %s, batch %lld, seed %lld\n",
            n_layers, n_layers == 1 ? "" : "s",
            cli_count_text(count, sizeof count, clade_model_n_parameters(t->model)),
            values[CLI_LOSS].text, values[CLI_OPTIMIZER].text,
            cli_real_text(texts[0], sizeof texts[0], values[CLI_LR].real),
            (long long)values[CLI_BATCH].count, (long long)values[CLI_SEED].count);
    fprintf(stderr,
            "memory  %s on the device: parameters %s, gradients %s, optimizer %s, "
            "activations %s\n",
            cli_bytes_text(texts[0], sizeof texts[0], memory->total),
            cli_bytes_text(texts[1], sizeof texts[1], memory->parameters),
            cli_bytes_text(texts[2], sizeof texts[2], memory->gradients),
            cli_bytes_text(texts[3], sizeof texts[3], memory->optimizer_state),
            cli_bytes_text(texts[4], sizeof texts[4], memory->activations));
}

static clade_status prepare(training *t)
{
    bool quiet = t->call->quiet;
    CLADE_TRY(read_settings(t));
    /* A network that no data could make right is told before a device and data are opened. */
    CLADE_TRY(cli_network_describe(&t->settings, &(clade_data_info){.n_classes = 1}, &t->layers));
    cJSON_Delete(t->layers);
    t->layers = NULL;
    CLADE_TRY(clade_device_open(&t->device, cli_setting_text(&t->settings, CLI_DEVICE)));
    if (!quiet) fprintf(stderr, "device  %s\n", clade_device_reason(t->device));
    CLADE_TRY(open_data(t));
    if (!quiet) print_data(t->train, "train ");
    if (!quiet && t->valid) print_data(t->valid, "valid ");
    if (!quiet && !t->valid) fprintf(stderr, "valid   none\n");

    clade_data_info info = clade_data_describe(t->train);
    clade_memory memory;
    CLADE_TRY(cli_network_describe(&t->settings, &info, &t->layers));
    CLADE_TRY(cli_network_build(&t->model, t->device, &t->settings, t->layers));
    CLADE_TRY(cli_network_check(t->model, &t->settings, &info));
    CLADE_TRY(clade_model_memory(t->model, &memory));
    if (!quiet) print_model(t, &memory);

    t->call->writing = true;
    CLADE_TRY(cli_run_make(&t->settings, t->folder));
    CLADE_TRY(
        cli_run_write_config(&t->settings, t->layers, clade_device_describe(t->device), t->folder));
    if (!quiet) fprintf(stderr, "run     %s\n", t->folder);
    return CLADE_OK;
}

/* ---- what happened --------------------------------------------------------------------------- */

static clade_status print_json(const training *t, const clade_fit_result *result)
{
    char path[CLI_PATH_BYTES + 32];
    snprintf(path, sizeof path, "%s/model.safetensors", t->folder);
    cJSON *document = cJSON_CreateObject();
    cJSON_AddStringToObject(document, "run", t->folder);
    /* A training that diverges before its first epoch ends leaves no model. */
    cJSON_AddItemToObject(document, "model",
                          access(path, F_OK) == 0 ? cJSON_CreateString(path) : cJSON_CreateNull());
    cJSON_AddStringToObject(document, "status", clade_fit_end_name(result->end));
    cJSON_AddNumberToObject(document, "epochs", result->epochs);
    cJSON_AddNumberToObject(document, "steps", (double)result->steps);
    cJSON_AddNumberToObject(document, "seconds", result->seconds);
    cJSON_AddNumberToObject(document, "samples_per_second", result->samples_per_second);
    bool finished = result->epochs > 0;
    cJSON_AddItemToObject(document, "train",
                          finished ? cli_json_metrics(&result->train) : cJSON_CreateNull());
    cJSON_AddItemToObject(document, "valid",
                          result->has_valid ? cli_json_metrics(&result->valid)
                                            : cJSON_CreateNull());
    cJSON *best = result->has_valid ? cli_json_metrics(&result->best_valid) : cJSON_CreateNull();
    if (result->has_valid) cJSON_AddNumberToObject(best, "epoch", result->best_epoch);
    cJSON_AddItemToObject(document, "best", best);
    return cli_print_json(document);
}

/* Two lines: how it ended and how good it is; where the model lies. */
static void print_summary(const training *t, const clade_fit_result *result, FILE *to)
{
    char metrics[64];
    if (result->end == CLADE_STOPPED)
        fprintf(to, "stopped by the user at step %lld", (long long)result->steps);
    else
        fprintf(to, "%s %d epoch%s, %lld step%s", clade_fit_end_name(result->end), result->epochs,
                result->epochs == 1 ? "" : "s", (long long)result->steps,
                result->steps == 1 ? "" : "s");
    fprintf(to, " in %.1f s", result->seconds);
    if (result->has_valid) {
        fprintf(to, "; held-out %s", cli_metrics_text(metrics, sizeof metrics, &result->valid));
        if (result->best_epoch < result->epochs)
            fprintf(to, " (best in epoch %d: %s)", result->best_epoch,
                    cli_metrics_text(metrics, sizeof metrics, &result->best_valid));
    } else if (result->epochs > 0) {
        fprintf(to, "; train %s", cli_metrics_text(metrics, sizeof metrics, &result->train));
    }
    fprintf(to, "\nmodel saved as %s/model.safetensors\n", t->folder);
}

static clade_status fit(training *t)
{
    const cli_value *values = t->settings.values;
    cli_progress progress;
    cli_progress_start(&progress, t->call->quiet, values[CLI_LOG_EVERY].count > 0);
    clade_fit_options fit_options = {.epochs = (int)values[CLI_EPOCHS].count,
                                     .max_steps = values[CLI_MAX_STEPS].count,
                                     .validate = t->valid,
                                     .log_every = values[CLI_LOG_EVERY].count,
                                     .run_dir = t->folder,
                                     .on_progress = cli_progress_report,
                                     .user = &progress};
    clade_fit_result result = {0};
    cli_watch_signals();
    clade_status status = clade_fit(t->model, t->train, &fit_options, &result);
    cli_progress_end(&progress);
    if (status != CLADE_OK && status != CLADE_EDIVERGED) return status;

    if (result.end == CLADE_STOPPED) t->call->exit_status = CLI_SIGNAL + cli_signal_seen();
    if (status == CLADE_OK && !t->call->json) print_summary(t, &result, stdout);
    if (status == CLADE_OK && t->call->json && !t->call->quiet) print_summary(t, &result, stderr);
    if (t->call->json) {
        clade_status printed = print_json(t, &result);
        if (status == CLADE_OK) status = printed;
    }
    return status;
}

static clade_status run_train(cli_call *call)
{
    training t = {.call = call};
    clade_status status = prepare(&t);
    if (status == CLADE_OK) status = fit(&t);
    clade_model_free(t.model);
    clade_data_free(t.valid);
    clade_data_free(t.train);
    clade_device_free(t.device);
    cJSON_Delete(t.layers);
    cli_settings_free(&t.settings);
    return status;
}

const cli_command cli_command_train = {
    .name = "train",
    .synopsis = "[CONFIG.yaml] [options]",
    .summary = "train a network, from a config or from options alone",
    .about = "Trains a network and keeps the run in a folder: config.yaml (every setting, to\n"
             "run again), metrics.jsonl (a line for each epoch), model.safetensors (the last\n"
             "state) and best.safetensors (the best on held-out data). An option overrides\n"
             "the config. Ctrl-C finishes the step, saves and exits with 130; a second one\n"
             "quits at once. SIGTERM does the same, with 143.\n"
             "\n"
             "Examples:\n"
             "  clade train --model mlp:128 --data digits --epochs 3\n"
             "  clade train --model mlp:512,512 --data mnist:DIR --lr 0.05 --run runs/mine\n"
             "  clade train data/digits-mlp.yaml --optimizer adam --device gpu\n"
             "  clade train runs/mine/config.yaml        the same run again, bit for bit\n"
             "\n"
             "A config is YAML; all but model and data may be left out:\n"
             "  model: mlp:512,512         # or input: and layers: in full, see below\n"
             "  data: {train: digits, valid: none, scale: 0.00392157, shift: 0}\n"
             "  loss: cross_entropy        # also name, activation, device, gemm, run\n"
             "  optimizer: {type: sgd, lr: 0.1, momentum: 0.9, nesterov: false,\n"
             "              weight_decay: 0}     # adam, adamw: beta1, beta2, epsilon\n"
             "  train: {epochs: 5, max_steps: 0, batch: 128, seed: 1, log_every: 0}\n"
             "In full, a model is\n"
             "  model:\n"
             "    input: [784]\n"
             "    layers:\n"
             "      - {type: linear, units: 512}\n"
             "      - {type: relu}\n"
             "      - {type: linear, units: 10}\n"
             "Relative paths are relative to the folder that the command runs in.\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .max_arguments = 1,
    .run = run_train,
};

_Static_assert(sizeof options / sizeof options[0] <= CLI_MAX_OPTIONS, "values would not fit");

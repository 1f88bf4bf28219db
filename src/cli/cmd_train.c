/* clade train [CONFIG.yaml]: what it starts from (setup.h), the loop of the library, a summary. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <unistd.h>

#include "cli/fit_options.h"
#include "cli/plot.h"
#include "cli/profile_report.h"
#include "cli/progress.h"
#include "cli/run_folder.h"
#include "cli/setup.h"
#include "cli/train_job.h"
#include "cli/train_report.h"

static const cli_option options[] = {
    CLI_SETTINGS(CLI_SETUP_OPTION)
        {"resume", NULL, "go on with the run in --run DIR, from its newest checkpoint"},
    {"overwrite", NULL, "let --run DIR replace the run that it holds"},
        {"plot", NULL, "draw the run's curves.svg at the end, as `clade plot` does; needs gnuplot"},
        {"profile", "FILE",
         "measure each kernel: a table of device time at the end, and a trace in FILE for "
         "chrome://tracing or ui.perfetto.dev"},
};

typedef struct training {
    cli_call *call;
    cli_train_job job;
    cli_setup setup;
    cli_progress progress;
    bool resume;
    char folder[CLI_PATH_BYTES];
} training;

/* The run's own config, for one that goes on. */
static clade_status resumed_config(const training *t, char path[CLI_PATH_BYTES])
{
    const char *folder = cli_value_of(t->call, "run");
    if (!folder)
        return clade__fail(CLADE_EINVAL, "--resume needs --run DIR, the folder of a run");
    if (cli_value_of(t->call, "overwrite"))
        return clade__fail(CLADE_EINVAL, "--resume and --overwrite do not go together");
    if (t->call->n_arguments > 0)
        return clade__fail(CLADE_EINVAL, "--resume goes on with the run's own config; leave '%s' out",
                           t->call->arguments[0]);
    return cli_run_config_path(folder, path);
}

static bool overwrites(const training *t)
{
    return cli_value_of(t->call, "overwrite") != NULL;
}

/* The run folder and files beside it. */
static bool writes(const training *t)
{
    return t->job.rank == 0;
}

static clade_status read_settings(training *t)
{
    cli_settings *settings = &t->setup.settings;
    char path[CLI_PATH_BYTES];
    t->resume = cli_value_of(t->call, "resume") != NULL;
    if (t->resume) CLADE_TRY(resumed_config(t, path));
    CLADE_TRY(cli_setup_read(&t->setup, t->call, t->resume ? path : t->call->arguments[0]));
    CLADE_TRY(cli_run_name(settings));
    CLADE_TRY(cli_train_job_shares(&t->job, settings));
    if (t->resume || !writes(t)) return CLADE_OK;
    return cli_run_check(settings, overwrites(t));
}

/* Not of a trace in a run folder that is made later. */
static clade_status check_profile(const training *t)
{
    const char *path = cli_value_of(t->call, "profile");
    const char *run = cli_setting_text(&t->setup.settings, CLI_RUN);
    size_t n = run ? strlen(run) : 0;
    bool inside = n > 0 && path && strncmp(path, run, n) == 0 && (path[n] == '/' || run[n - 1] == '/');
    return inside && access(run, F_OK) != 0 ? CLADE_OK : cli_profile_check(t->call);
}

/* The folder is this training's now: whether it is still free is asked again, as another one may have
 * begun in it, and ended, since it was asked. */
static clade_status begin_run(void *user)
{
    training *t = user;
    if (!t->resume) {
        CLADE_TRY(cli_run_check(&t->setup.settings, overwrites(t)));
        CLADE_TRY(cli_run_clear(t->folder));
    }
    return cli_run_write_config(&t->setup.settings, t->setup.layers,
                                clade_device_describe(t->setup.device), t->folder);
}

/* What can be known before a device is opened, which all ranks do together. */
static clade_status prepare_first(training *t)
{
    CLADE_TRY(read_settings(t));
    if (writes(t) && cli_value_of(t->call, "plot")) CLADE_TRY(cli_plot_check(t->call));
    return writes(t) ? check_profile(t) : CLADE_OK;
}

static clade_status prepare(training *t)
{
    cli_settings *settings = &t->setup.settings;
    const cli_value *patience = &settings->values[CLI_PATIENCE];
    CLADE_TRY(cli_train_job_agree(&t->job, t->call, prepare_first(t)));
    CLADE_TRY(cli_setup_open(&t->setup, t->call,
                             &(cli_setup_wants){.valid = true,
                                                .keep_gradients = t->job.n_ranks > 1 &&
                                                                  t->job.parallel == CLADE_PARALLEL_SYNC,
                                                .job = t->job.job}));
    if (patience->count > 0 && !t->setup.valid)
        return clade__fail(CLADE_ECONFIG, "%s is %s, and there is no validation data to stop by",
                           patience->where, patience->text);
    if (t->resume) CLADE_TRY(cli_run_check_same(settings, t->setup.layers));

    t->call->writing = true;
    if (!writes(t)) return CLADE_OK;
    CLADE_TRY(cli_run_make(settings, t->folder));
    if (!t->call->quiet) cli_say("run", "%s", t->folder);
    return CLADE_OK;
}

/* ---- training --------------------------------------------------------------------------------- */

static bool report(const clade_progress *progress, void *user)
{
    training *t = user;
    return cli_progress_report(progress, &t->progress);
}

static void say(const char *text, void *user)
{
    training *t = user;
    cli_progress_message(text, &t->progress);
}

static clade_status fit(training *t)
{
    const cli_value *values = t->setup.settings.values;
    clade_augment augment;
    clade_fit_options fit_options = cli_fit_options(&t->setup, &augment);
    fit_options.run_dir = writes(t) ? t->folder : NULL;
    fit_options.resume = t->resume && writes(t);
    fit_options.on_progress = report;
    fit_options.on_message = say;
    fit_options.on_begin = begin_run;
    fit_options.user = t;
    fit_options.stop = &cli_signal_seen;
    fit_options.job = t->job.job;
    fit_options.shares = t->job.shares;
    fit_options.share_auto = t->job.share_auto;
    fit_options.parallel = t->job.parallel;
    fit_options.average_every = values[CLI_AVERAGE_EVERY].count;

    const clade_schedule *schedule = &fit_options.schedule;
    cli_progress_start(&t->progress, t->call->quiet, values[CLI_LOG_EVERY].count > 0);
    t->progress.valid_is_train = t->setup.valid_is_train;
    t->progress.lr = schedule->kind != CLADE_SCHEDULE_CONSTANT || schedule->warmup.count > 0;
    clade_fit_result result = {0};
    cli_watch_signals();
    clade_status status = clade_fit(t->setup.model, t->setup.train, &fit_options, &result);
    cli_progress_end(&t->progress);
    if (status != CLADE_OK && status != CLADE_EDIVERGED) return status;

    if (result.end == CLADE_STOPPED_EARLY && !t->call->quiet)
        cli_say(NULL, "stopped early: %s", result.why);
    if (result.end == CLADE_STOPPED) /* another rank's signal is taken for Ctrl-C */
        t->call->exit_status = CLI_SIGNAL + (cli_signal_seen ? cli_signal_seen : SIGINT);
    if (!writes(t)) return status;
    const cli_trained trained = {&t->setup, &result, t->folder};
    if (status == CLADE_OK && !t->call->json) cli_train_summary(&trained, stdout);
    if (status == CLADE_OK && t->call->json && !t->call->quiet) cli_train_summary(&trained, stderr);
    if (t->call->json) {
        clade_status printed = cli_train_json(&trained);
        if (status == CLADE_OK) status = printed;
    }
    return status == CLADE_OK ? cli_train_check(&trained) : status;
}

/* Trains, measured; how training ended comes before what became of the profile. */
static clade_status fit_profiled(training *t, const char *path)
{
    char why[1024];
    CLADE_TRY(clade_profile_begin(t->setup.device));
    clade_status status = fit(t);
    if (status != CLADE_OK && status != CLADE_EDIVERGED) return status;
    snprintf(why, sizeof why, "%s", clade_error());
    fflush(stdout); /* the summary comes before the table; a failure is noticed at the end */
    clade_status profiled = cli_profile_finish(t->setup.device, path, t->call->quiet);
    return status == CLADE_OK ? profiled : clade__fail_again(status, why);
}

static clade_status run_train(cli_call *call)
{
    training t = {.call = call};
    clade_status status = cli_train_job_open(&t.job, call);
    if (status == CLADE_OK) status = cli_train_job_agree(&t.job, call, prepare(&t));
    const char *profile = writes(&t) ? cli_value_of(call, "profile") : NULL;
    if (status == CLADE_OK) status = profile ? fit_profiled(&t, profile) : fit(&t);
    if (writes(&t) && cli_value_of(call, "plot")) status = cli_plot_trained(call, t.folder, status);
    cli_setup_free(&t.setup);
    cli_train_job_close(&t.job, call, status);
    return status;
}

const cli_command cli_command_train = {
    .name = "train",
    .synopsis = "[CONFIG.yaml] [options]",
    .summary = "train a network, from a config or from options alone",
    .about = "Trains a network and keeps the run in a folder: config.yaml (every setting, to\n"
             "run again), metrics.jsonl (a line for each epoch), model.safetensors (the last\n"
             "state), best.safetensors (the best on held-out data) and checkpoints. An option\n"
             "overrides the config. Training ends where the loss or a gradient is NaN or\n"
             "infinite, and says in which step and layer it began; where held-out data makes\n"
             "the network overflow, that is told, no such epoch is the best, and the last one\n"
             "makes the exit status 1. Ctrl-C finishes the step,\n"
             "saves and exits with 130; a second one quits at once. SIGTERM does the same,\n"
             "with 143, and so does a terminal that is closed (SIGHUP), with 129.\n"
             "A folder takes one training at a time: a second one, --overwrite too, ends\n"
             "with status 1 and changes nothing. The lock is on DIR/run.lock, which stays.\n"
             "\n"
             "--resume goes on from the newest checkpoint of --run DIR that is not damaged,\n"
             "with DIR/config.yaml, and ends with the bits of a run that was never stopped.\n"
             "A run that was killed before its first checkpoint begins anew; one that has\n"
             "ended and left a model and no checkpoint is refused.\n"
             "Options may change how long it lasts and what it leaves: epochs, max-steps,\n"
             "patience, min-delta, checkpoint-every, keep, log-every; also device and gemm,\n"
             "but then the bits may be others. All else must be as it was, and epochs and\n"
             "max-steps no fewer than it has done. A cosine schedule is planned over all\n"
             "steps: such a run ends where it was planned to, and is not made longer.\n"
             "\n"
             "`mpirun -n N clade train ...` trains on N devices: each process does its share of\n"
             "each batch, by --share, and takes a device of its host, the k-th one the k-th,\n"
             "unless --device or CLADE_DEVICE names one for all; processes of a host divide\n"
             "its cores. The result is that of one device, to rounding, and has the same bits\n"
             "whenever the same devices and shares make it. The first process writes the run;\n"
             "a run goes on with any number of processes.\n"
             "\n"
             "Examples:\n"
             "  clade train --model mlp:128 --data digits --epochs 3\n"
             "  clade train --model mlp:512,512 --data mnist:DIR --lr 0.05 --run runs/mine\n"
             "  clade train data/digits-mlp.yaml --optimizer adam --device gpu\n"
             "  clade train runs/mine/config.yaml        the same run again, bit for bit\n"
             "  clade train --resume --run runs/mine     where it was stopped or killed\n"
             "  mpirun -n 2 clade train --model lenet --data mnist:DIR --share auto\n"
             "\n"
             "A config is YAML; all but model and data may be left out:\n"
             "  model: mlp:512,512         # or input: and layers: in full, see below\n"
             "  data: {train: digits, valid: none, scale: 0.00392157, shift: 0}\n"
             "                             # or, for each feature: standardize: true,\n"
             "                             # of images: standardize_channels: true\n"
             "  augment: {crop: 0, flip: false, cutout: 0}  # of training images\n"
             "  loss: cross_entropy        # also name, activation, dropout, device, ...\n"
             "  optimizer: {type: sgd, lr: 0.1, momentum: 0.9, nesterov: false,\n"
             "              weight_decay: 0, decay_weights_only: false, clip_norm: 0}\n"
             "                           # adam, adamw: beta1, beta2, epsilon\n"
             "  schedule: {type: constant, warmup: 0}  # step: step_size, gamma\n"
             "                             # cosine: min_lr\n"
             "                             # plateau: factor, patience, threshold, min_lr\n"
             "  early_stopping: {patience: 0, min_delta: 0}\n"
             "  checkpoint: {every: 600s, keep: 2}\n"
             "  train: {epochs: 5, max_steps: 0, batch: 128, accumulate: 1,\n"
             "          replacement: false, sampling: uniform, class_weights: none,\n"
             "          share: equal, parallel: sync, average_every: 0, seed: 1,\n"
             "          log_every: 0}\n"
             "In full, a model is\n"
             "  model:\n"
             "    input: [784]\n"
             "    layers:\n"
             "      - {type: linear, units: 512}\n"
             "      - {type: relu}\n"
             "      - {type: dropout, p: 0.5}\n"
             "      - {type: linear, units: 10}\n"
             "and a group of layers that comes more than once is a block of it:\n"
             "    blocks:\n"
             "      dense: [{type: linear, units: $width}, {type: relu}]\n"
             "    layers:\n"
             "      - {block: dense, name: body, repeat: 3, width: 64}\n"
             "Relative paths are relative to the folder that the command runs in.\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .max_arguments = 1,
    .lists_data = true,
    .run = run_train,
};

_Static_assert(sizeof options / sizeof options[0] <= CLI_MAX_OPTIONS, "values would not fit");

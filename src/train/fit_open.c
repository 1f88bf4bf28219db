/* clade_fit: what is asked is checked, everything taken before the first step; and the end. */
#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "device/owner.h"
#include "train/bind.h"
#include "train/fit.h"
#include "train/fit_memory.h"

static const char *const end_names[] = {"completed", "stopped", "diverged", "stopped_early"};

const char *clade_fit_end_name(clade_fit_end end)
{
    return (unsigned)end < 4 ? end_names[end] : "unknown";
}

/* The run folder: what it holds is gone on with, or else begun anew. It is locked before anything in it
 * changes, and nothing does before the caller has agreed. */
static clade_status open_folder(clade__fit *f, const clade__run_start *start, bool *resumed)
{
    const char *folder = f->options->run_dir;
    CLADE_TRY(clade__run_log_open(&f->log, folder, f->model, f->options->validate != NULL));
    if (f->options->resume) CLADE_TRY(clade__fit_resume(f, resumed));
    if (f->options->on_begin) CLADE_TRY(f->options->on_begin(f->options->user));
    if (*resumed) return clade__fit_resume_log(f);
    CLADE_TRY(clade__checkpoints_prune(folder, -1, 0));
    CLADE_TRY(clade__run_log_cut(&f->log, 0));
    return clade__run_log_start(&f->log, f->model, start);
}

static clade_status begin(clade__fit *f, const clade__run_start *start)
{
    bool resumed = false;
    CLADE_TRY(clade__fit_compare(f));
    if (f->writes) CLADE_TRY(open_folder(f, start, &resumed));
    if (!resumed && f->ranks.rank == 0) CLADE_TRY(clade__fit_warn_before(f));
    CLADE_TRY(clade__fit_begin_alike(f, resumed));
    return f->kept_step < 0 ? clade__fit_copy(f) : CLADE_OK;
}

static clade_status open_fit(clade__fit *f, const clade_data *data)
{
    clade_model *model = f->model;
    const clade_data *valid = f->options->validate;
    CLADE_TRY(clade__take_data(model, data));
    clade__fit_memory plan;
    CLADE_TRY(clade__fit_memory_plan(&plan, model, data, f->options));
    clade__shares *shares = f->together ? &f->shares : NULL;
    bool apart = f->apart.on;
    CLADE_TRY(clade__pass_check(model, true, data->n_samples, apart ? NULL : shares));
    if (valid) CLADE_TRY(clade__pass_check(model, false, valid->n_samples, NULL));
    clade__run_start start = {.n_train = data->n_samples, .memory_bytes = plan.memory.total,
                              .resident = plan.train_resident};
    CLADE_TRY(clade__pass_open(&f->train, model, data,
                               &(clade__pass_options){.training = true,
                                                      .resident = plan.train_resident,
                                                      .class_weights = f->options->class_weights,
                                                      .replacement = f->options->replacement,
                                                      .balanced = f->options->balanced,
                                                      .augment = f->options->augment,
                                                      .ranks = f->together,
                                                      .shares = apart ? NULL : shares,
                                                      .turns = apart ? &f->apart.turns : NULL}));
    CLADE_TRY(clade__fit_apart_open(f));
    if (valid) {
        start.n_valid = valid->n_samples;
        start.valid_is_train = clade_data_equal(data, valid);
        CLADE_TRY(clade__pass_open(&f->valid, model, valid,
                                   &(clade__pass_options){.resident = plan.valid_resident,
                                                          .ranks = f->together, .shares = shares}));
    }
    f->progress.n_epochs = f->options->epochs ? f->options->epochs : 1;
    f->progress.n_epoch_steps = f->train.n_batches;
    f->progress.n_steps = f->progress.n_epochs * f->train.n_batches;
    if (f->options->max_steps && f->options->max_steps < f->progress.n_steps)
        f->progress.n_steps = f->options->max_steps;
    f->progress.train = clade__no_metrics();
    f->state.n_steps = f->progress.n_steps;
    f->state.first_step = model->session.step;
    f->state.first_epoch = model->session.epoch;
    f->kept_step = -1;
    CLADE_TRY(clade__schedule_open(&f->schedule, &f->state.plateau, &f->options->schedule,
                                   model->exe.optimizer.lr, f->train.n_batches, f->progress.n_steps));
    f->kept.values = malloc(clade__model_trained_bytes(model));
    if (!f->kept.values) return clade__fail(CLADE_ENOMEM, "no memory for a copy of the training");
    return begin(f, &start);
}

static clade_status check_classes(const clade_data *train, const clade_fit_options *options)
{
    double sum = 0.0;
    if (!options->class_weights && !options->balanced) return CLADE_OK;
    if (!train->labels)
        return clade__fail(CLADE_EINVAL, "fit: %s for classes, and '%s' has none",
                           options->balanced ? "balanced samples are" : "class_weights are",
                           train->name);
    for (int i = 0; options->class_weights && i < train->n_classes; i++) {
        double weight = (double)options->class_weights[i];
        if (!isfinite(weight) || weight < 0.0)
            return clade__fail(CLADE_EINVAL, "fit: the weight of class %d is %g, want a number of at "
                               "least 0", i, weight);
        sum += weight;
    }
    if (options->class_weights && sum == 0.0)
        return clade__fail(CLADE_EINVAL, "fit: the weights of all classes are 0");
    return CLADE_OK;
}

static clade_status check_parallel(const clade_fit_options *options)
{
    bool sync = options->parallel == CLADE_PARALLEL_SYNC, simu = options->parallel == CLADE_PARALLEL_SIMU;
    if ((unsigned)options->parallel > CLADE_PARALLEL_WEIGHTED || options->average_every < 0)
        return clade__fail(CLADE_EINVAL, "fit: parallel and average_every are %d and %lld, want one of "
                           "clade_parallel, and a number of at least 0", (int)options->parallel,
                           (long long)options->average_every);
    if (sync && options->average_every > 0)
        return clade__fail(CLADE_EINVAL, "fit: average_every is of ranks that train apart, so set parallel to "
                           "simu or weighted");
    if (simu && (options->shares || options->share_auto))
        return clade__fail(CLADE_EINVAL, "fit: ranks have equal parts with simu; for others set parallel to "
                           "weighted");
    return CLADE_OK;
}

static clade_status check_options(const clade_model *model, const clade_fit_options *options)
{
    CLADE_TRY(clade__check_compiled(model, "fit", true));
    CLADE_WANT_UNUSED("fit", options->reserved);
    if (options->epochs < 0 || options->max_steps < 0 || options->log_every < 0)
        return clade__fail(CLADE_EINVAL, "fit: epochs, max_steps and log_every are %d, %lld and %lld, "
                           "want none below 0", options->epochs, (long long)options->max_steps,
                           (long long)options->log_every);
    if (options->patience < 0 || !(options->min_delta >= 0.0) || isinf(options->min_delta))
        return clade__fail(CLADE_EINVAL, "fit: patience and min_delta are %lld and %g, want neither "
                           "below 0", (long long)options->patience, options->min_delta);
    if (options->patience > 0 && !options->validate)
        return clade__fail(CLADE_EINVAL, "fit: patience wants validation data");
    if (options->checkpoint_every.count < 0 || options->keep < 0 ||
        (unsigned)options->checkpoint_every.unit > CLADE_SECONDS)
        return clade__fail(CLADE_EINVAL, "fit: checkpoint_every and keep are %lld in unit %d and %d, "
                           "want neither below 0, in steps, epochs or seconds",
                           (long long)options->checkpoint_every.count,
                           (int)options->checkpoint_every.unit, options->keep);
    if (options->resume && !options->run_dir)
        return clade__fail(CLADE_EINVAL, "fit: resume wants a run_dir to resume from");
    return check_parallel(options);
}

static void fill_result(clade__fit *f, clade_status status)
{
    const clade__fit_state *state = &f->state;
    clade_fit_result *result = f->result;
    result->steps = state->step;
    result->epochs = (int)state->epochs;
    result->seconds = clade__fit_seconds(f);
    result->samples_per_second = f->progress.samples_per_second;
    result->train = state->train;
    result->has_valid = f->options->validate && state->epochs > 0;
    result->valid = state->valid;
    result->best_valid = state->best;
    result->best_epoch = (int)state->best_epoch;
    if (status != CLADE_EDIVERGED) return;
    result->end = CLADE_DIVERGED;
    snprintf(result->why, sizeof result->why, "%s", clade_error());
}

/* Saves what an epoch kept, where that can be done: the error is still the one that ended training. */
static clade_status save_failed(clade__fit *f, clade_status status)
{
    const clade__run_log *log = &f->log;
    char why[1024];
    snprintf(why, sizeof why, "%s", clade_error());
    (void)clade__transfer_wait(&f->transfer);
    (void)clade__run_log_save(&f->log, f->model, true);
    (void)clade__fail_again(status, why);
    if (f->kept_step >= 0)
        (void)clade__fail(status, "%s; training can be resumed from step %lld", clade_error(),
                          (long long)f->kept_step);
    if (log->folder && log->kept_step >= 0 && !log->last_unsaved)
        (void)clade__fail(status, "%s; the model after step %lld is saved as '%s/model.safetensors'",
                          clade_error(), (long long)(log->kept_step - f->state.first_step),
                          log->folder);
    return status;
}

/* Writes the end, whatever it was. */
static clade_status close_fit(clade__fit *f, clade_status status)
{
    fill_result(f, status);
    if (status != CLADE_OK && status != CLADE_EDIVERGED) return save_failed(f, status);
    (void)clade__transfer_wait(&f->transfer);
    clade_status saved = clade__run_log_save(&f->log, f->model, true);
    if (saved == CLADE_OK) saved = clade__run_log_end(&f->log, f->result);
    if (saved != CLADE_OK) return saved;
    return status == CLADE_OK ? CLADE_OK : clade__fail_again(status, f->result->why);
}

static clade_status check_and_open(clade__fit *f, clade_data *train)
{
    CLADE_TRY(clade__fit_meet(f));
    CLADE_TRY(check_options(f->model, f->options));
    CLADE_TRY(check_classes(train, f->options));
    CLADE_TRY(clade__feed_check_augment(train, f->options->augment));
    return open_fit(f, train);
}

clade_status clade__fit_with(clade_model *model, clade_data *train, const clade_fit_options *options,
                             clade_fit_result *result, clade__fit_body *body)
{
    clade__fit *f = calloc(1, sizeof *f);
    if (!f) return clade__fail(CLADE_ENOMEM, "no memory to train");
    *f = (clade__fit){.model = model, .options = options, .result = result};
    clade_status status = check_and_open(f, train);
    if (status == CLADE_OK) status = body(f);
    status = clade__fit_part(f, status);
    clade__fit_close_checkpoints(f);
    free(f->kept.values);
    clade__run_log_close(&f->log);
    clade__pass_close(&f->train);
    clade__pass_close(&f->valid);
    clade__shares_close(&f->shares);
    clade__turns_close(&f->apart.turns);
    clade__ranks_close(&f->ranks);
    free(f);
    return status;
}

static clade_status run_and_close(clade__fit *f)
{
    return close_fit(f, clade__fit_run(f));
}

clade_status clade_fit(clade_model *model, clade_data *train, const clade_fit_options *options,
                       clade_fit_result *result)
{
    CLADE_WANT(model);
    CLADE_WANT(train);
    static const clade_fit_options defaults;
    clade_fit_result unwanted;
    if (!options) options = &defaults;
    if (!result) result = &unwanted;
    *result = (clade_fit_result){.end = CLADE_COMPLETED};
    CLADE_TRY(clade__device_take(model->device, "fit"));
    return clade__device_give(model->device,
                              clade__fit_with(model, train, options, result, run_and_close));
}

/* The training loop.
 *
 * The host only enqueues. At a log point it starts a copy of the sums since the last log point and
 * waits for the copy begun there, so that it is never more than two log intervals ahead of the
 * device, and the device never waits for it. At an epoch's end it waits: there are metrics to write
 * and validation to do.
 */
#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "device/profile.h"
#include "train/classes.h"
#include "train/evaluate.h"
#include "train/fit_memory.h"
#include "train/run_log.h"
#include "train/schedule.h"
#include "train/state.h"

#define LOG_SECONDS 0.1 /* between log points, when the steps between them are not given */

typedef struct fit {
    clade_model *model;
    const clade_fit_options *options;
    clade__pass train, valid;
    clade__run_log log;
    clade__schedule schedule;
    clade__fit_state state;
    clade_progress progress;    /* what the user is told of it */
    clade_fit_result *result;
    int64_t interval;           /* steps between log points */
    int64_t sent, known;        /* batches of this epoch whose sums are on their way; have come */
    clade__transfer transfer;
    double started, paused;     /* seconds: when; how long validation and saving took */
    double log_point, epoch_started;
    bool stop;
} fit;

static const char *const end_names[] = {"completed", "stopped", "diverged", "stopped_early"};

const char *clade_fit_end_name(clade_fit_end end)
{
    return (unsigned)end < 4 ? end_names[end] : "unknown";
}

static double training_seconds(const fit *f)
{
    return clade__seconds() - f->started - f->paused;
}

/* Tells the user where training is. False from the user stops it after this step. */
static void report(fit *f, bool epoch_end)
{
    clade_progress *p = &f->progress;
    double seconds = training_seconds(f) - f->epoch_started;
    p->step = f->state.step;
    p->epoch_step = f->state.epoch_step;
    p->epoch_end = epoch_end;
    p->seconds = training_seconds(f);
    p->samples_per_second = seconds > 0.0 ? (double)p->train.n_samples / seconds : 0.0;
    if (f->options->on_progress && !f->options->on_progress(p, f->options->user)) f->stop = true;
}

/* Takes in the sums that were on their way. */
static clade_status receive(fit *f)
{
    int64_t begun = clade__profile_host_begin(f->model->device);
    CLADE_TRY(clade__transfer_wait(&f->transfer));
    clade__profile_host_end(f->model->device, "wait for metrics", f->state.step, begun);
    for (int64_t i = f->known; i < f->sent; i++) {
        if (isfinite(f->train.host_sums[2 * i])) continue;
        return clade__fail(CLADE_EDIVERGED,
                           "training diverged: the loss of step %lld (epoch %d) is not finite; try a "
                           "smaller learning rate, or look for values in the data that are too large",
                           (long long)(f->state.step - f->state.epoch_step + i + 1),
                           f->progress.epoch);
    }
    f->known = f->sent;
    f->progress.train = clade__pass_metrics(&f->train, f->known);
    return CLADE_OK;
}

static clade_status send_sums(fit *f)
{
    int64_t n_done = f->state.epoch_step;
    if (n_done == f->sent) return CLADE_OK;
    CLADE_TRY(clade__pass_read_begin(&f->train, f->sent, n_done, &f->transfer));
    f->sent = n_done;
    return CLADE_OK;
}

/* Waits for the device, and takes in all sums. */
static clade_status catch_up(fit *f)
{
    CLADE_TRY(receive(f));
    CLADE_TRY(send_sums(f));
    return receive(f);
}

static clade_status log_point(fit *f)
{
    CLADE_TRY(receive(f));
    CLADE_TRY(send_sums(f));
    if (f->options->log_every == 0) {
        double now = clade__seconds(), taken = now - f->log_point;
        if (taken < 0.5 * LOG_SECONDS) f->interval *= 2;
        if (taken > 2.0 * LOG_SECONDS && f->interval > 1) f->interval /= 2;
        f->log_point = now;
    }
    if (f->known > 0) report(f, false);
    return CLADE_OK;
}

/* Whether a is better than b by more than min_delta. */
static bool better(const clade_metrics *a, const clade_metrics *b, double min_delta)
{
    if (!isnan(a->accuracy) && a->accuracy != b->accuracy)
        return a->accuracy > b->accuracy + min_delta;
    return a->loss < b->loss - min_delta || isnan(b->loss);
}

static clade_status validate(fit *f)
{
    clade__fit_state *state = &f->state;
    clade_progress *p = &f->progress;
    p->has_valid = f->options->validate != NULL;
    p->best = !p->has_valid;
    if (!p->has_valid) return CLADE_OK;
    CLADE_TRY(clade__pass_evaluate(&f->valid, &p->valid));
    state->valid = p->valid;
    p->best = state->best_epoch == 0 || better(&p->valid, &state->best, 0.0);
    if (p->best) {
        state->best = p->valid;
        state->best_epoch = p->epoch;
    }
    state->n_worse++;
    if (state->epochs == 0 || better(&p->valid, &state->mark, f->options->min_delta)) {
        state->mark = p->valid;
        state->n_worse = 0;
    }
    return CLADE_OK;
}

/* The end of an epoch, or of as much of it as max_steps allowed. */
static clade_status finish_epoch(fit *f)
{
    clade_progress *p = &f->progress;
    CLADE_TRY(catch_up(f));
    f->state.train = p->train;

    double seconds = training_seconds(f), began = clade__seconds();
    CLADE_TRY(validate(f));
    int64_t begun = clade__profile_host_begin(f->model->device);
    CLADE_TRY(clade__run_log_keep(&f->log, f->model, p->best));
    CLADE_TRY(clade__run_log_save(&f->log, f->model, false));
    clade__profile_host_end(f->model->device, "save", p->epoch, begun);
    f->paused += clade__seconds() - began;
    report(f, true);
    p->seconds = seconds;
    CLADE_TRY(clade__run_log_epoch(&f->log, p));
    clade__schedule_epoch(&f->schedule, &f->state.plateau,
                          p->has_valid ? p->valid.loss : p->train.loss);
    p->has_valid = false;
    f->state.epochs++;
    f->state.epoch_step = f->sent = f->known = 0;
    return CLADE_OK;
}

static bool steps_left(const fit *f)
{
    return f->options->max_steps == 0 || f->state.step < f->options->max_steps;
}

static bool stopped_early(const fit *f)
{
    return f->options->patience > 0 && f->state.n_worse >= f->options->patience;
}

static clade_status run_epoch(fit *f)
{
    clade__fit_state *state = &f->state;
    f->progress.epoch = (int)state->epochs + 1;
    f->progress.train = (clade_metrics){.accuracy = NAN};
    f->epoch_started = training_seconds(f);
    CLADE_TRY(clade__feed_shuffle(&f->train.feed, f->model->seed, f->model->epoch++));
    while (state->epoch_step < f->train.n_batches && steps_left(f)) {
        if (f->stop) return CLADE_OK;
        f->progress.lr = clade__schedule_lr(&f->schedule, &state->plateau, state->step);
        f->model->lr = f->progress.lr;
        CLADE_TRY(clade__pass_run(&f->train, state->epoch_step));
        state->epoch_step++;
        state->step++;
        if (state->epoch_step - f->sent >= f->interval) CLADE_TRY(log_point(f));
    }
    return finish_epoch(f);
}

/* After the user said stop: the step is finished, and what was learnt is kept. */
static clade_status finish_stopped(fit *f)
{
    f->result->end = CLADE_STOPPED;
    CLADE_TRY(catch_up(f));
    return clade__run_log_keep(&f->log, f->model, false);
}

/* A stop that comes with the report of the last epoch's end changes nothing. */
static clade_status run_epochs(fit *f)
{
    f->started = f->log_point = clade__seconds();
    while (f->state.epochs < f->progress.n_epochs && steps_left(f) && !stopped_early(f)) {
        if (f->stop) return finish_stopped(f);
        CLADE_TRY(run_epoch(f));
    }
    if (stopped_early(f)) {
        f->result->end = CLADE_STOPPED_EARLY;
        snprintf(f->result->why, sizeof f->result->why,
                 "no better validation in the %lld epoch%s after epoch %lld",
                 (long long)f->state.n_worse, f->state.n_worse == 1 ? "" : "s",
                 (long long)(f->state.epochs - f->state.n_worse));
    }
    return CLADE_OK;
}

static clade_status open_fit(fit *f, const clade_data *data)
{
    clade_model *model = f->model;
    const clade_data *valid = f->options->validate;
    CLADE_TRY(clade__scaling_copy(&model->input, &data->scaling));
    CLADE_TRY(clade__take_classes(model, data));
    clade__fit_memory plan;
    CLADE_TRY(clade__fit_memory_plan(&plan, model, data, f->options));
    clade__run_start start = {.n_train = data->n_samples, .memory_bytes = plan.memory.total,
                              .resident = plan.train_resident};
    CLADE_TRY(clade__pass_open(&f->train, model, data, true, plan.train_resident));
    f->train.feed.replacement = f->options->replacement;
    if (valid) {
        start.n_valid = valid->n_samples;
        start.valid_is_train = clade_data_equal(data, valid);
        CLADE_TRY(clade__pass_open(&f->valid, model, valid, false, plan.valid_resident));
    }
    f->progress.n_epochs = f->options->epochs ? f->options->epochs : 1;
    f->progress.n_epoch_steps = f->train.n_batches;
    f->progress.n_steps = f->progress.n_epochs * f->train.n_batches;
    if (f->options->max_steps && f->options->max_steps < f->progress.n_steps)
        f->progress.n_steps = f->options->max_steps;
    f->interval = f->options->log_every ? f->options->log_every : 1;
    CLADE_TRY(clade__schedule_open(&f->schedule, &f->state.plateau, &f->options->schedule,
                                   model->optimizer.lr, f->train.n_batches, f->progress.n_steps));
    CLADE_TRY(clade__run_log_open(&f->log, f->options->run_dir, model, valid != NULL));
    return clade__run_log_start(&f->log, model, &start);
}

static clade_status check_options(const clade_model *model, const clade_fit_options *options)
{
    if (!model->compiled || !model->trainable)
        return clade__fail(CLADE_ESTATE, "fit: the model is not compiled for training");
    if (options->epochs < 0 || options->max_steps < 0 || options->log_every < 0)
        return clade__fail(CLADE_EINVAL, "fit: epochs, max_steps and log_every are %d, %lld and %lld, "
                           "want none below 0", options->epochs, (long long)options->max_steps,
                           (long long)options->log_every);
    if (options->patience < 0 || !(options->min_delta >= 0.0) || isinf(options->min_delta))
        return clade__fail(CLADE_EINVAL, "fit: patience and min_delta are %lld and %g, want neither "
                           "below 0", (long long)options->patience, options->min_delta);
    if (options->patience > 0 && !options->validate)
        return clade__fail(CLADE_EINVAL, "fit: patience wants validation data");
    return CLADE_OK;
}

static void fill_result(fit *f, clade_status status)
{
    const clade__fit_state *state = &f->state;
    clade_fit_result *result = f->result;
    result->steps = state->step;
    result->epochs = (int)state->epochs;
    result->seconds = training_seconds(f);
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

/* Writes the end, whatever it was: what an epoch kept is saved even when the next one failed. */
static clade_status close_fit(fit *f, clade_status status)
{
    (void)clade__transfer_wait(&f->transfer);
    fill_result(f, status);
    if (status != CLADE_OK && status != CLADE_EDIVERGED) return status;
    clade_status saved = clade__run_log_save(&f->log, f->model, true);
    if (saved == CLADE_OK) saved = clade__run_log_end(&f->log, f->result);
    if (saved != CLADE_OK) return saved;
    return status == CLADE_OK ? CLADE_OK : clade__fail_again(status, f->result->why);
}

clade_status clade_fit(clade_model *model, clade_data *train, const clade_fit_options *options,
                       clade_fit_result *result)
{
    static const clade_fit_options defaults;
    clade_fit_result unwanted;
    if (!options) options = &defaults;
    if (!result) result = &unwanted;
    *result = (clade_fit_result){.end = CLADE_COMPLETED};
    CLADE_TRY(check_options(model, options));
    fit *f = calloc(1, sizeof *f);
    if (!f) return clade__fail(CLADE_ENOMEM, "no memory to train");
    *f = (fit){.model = model, .options = options, .result = result};
    clade_status status = open_fit(f, train);
    if (status == CLADE_OK) status = close_fit(f, run_epochs(f));
    clade__run_log_close(&f->log);
    clade__pass_close(&f->train);
    clade__pass_close(&f->valid);
    free(f);
    return status;
}

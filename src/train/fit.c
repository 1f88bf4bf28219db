/* The training loop.
 *
 * The host only enqueues. At a log point it starts a copy of the sums since the last log point and
 * waits for the copy begun there, so that it is never more than two log intervals ahead of the
 * device, and the device never waits for it. At an epoch's end it waits: there are metrics to write
 * and validation to do. So it does at a checkpoint.
 *
 * No step is slowed to look for NaN and infinity: the loss of each step tells of them. A gradient that
 * is not finite makes its parameter so in the same step, and a parameter the loss of the next step or
 * of the one after: no optimizer leaves an infinite one as it is, not even where its gradient is 0, by
 * 0 * inf in its formula. What is kept is looked at before, with the parameters of the last step. Now
 * and then the training is copied to the host, so that it can go back when it has diverged.
 */
#include <math.h>

#include "base/file.h"
#include "device/profile.h"
#include "train/fit.h"

#define COPY_SECONDS 10.0 /* at least, between copies; and so many times what one takes: */
#define COPY_SHARE   200.0

double clade__fit_seconds(const clade__fit *f)
{
    return clade__seconds() - f->started - f->paused;
}

/* Tells the user where training is. False from the user stops it after this step. */
static void report(clade__fit *f, bool epoch_end)
{
    clade_progress *p = &f->progress;
    double seconds = clade__fit_seconds(f) - f->epoch_started;
    p->step = f->state.step;
    p->epoch_step = f->state.epoch_step;
    p->epoch_end = epoch_end;
    p->seconds = clade__fit_seconds(f);
    p->samples_per_second = seconds > 0.0 ? (double)p->train.n_samples / seconds : 0.0;
    if (f->options->on_progress && !f->options->on_progress(p, f->options->user)) f->stop = true;
}

static clade_status notice(clade__fit *f, const char *what, int64_t step)
{
    f->noticed_step = step;
    return clade__fail(CLADE_EDIVERGED, "training diverged: %s step %lld (epoch %d) is not finite",
                       what, (long long)step, f->progress.epoch);
}

/* Takes in the sums that were on their way. */
static clade_status receive(clade__fit *f)
{
    int64_t begun = clade__profile_host_begin(f->model->device);
    CLADE_TRY(clade__transfer_wait(&f->transfer));
    CLADE_TRY(clade__pass_sum_up(&f->train, f->known, f->sent));
    clade__profile_host_end(f->model->device, "wait for metrics", f->state.step, begun);
    for (int64_t i = f->known; i < f->sent; i++)
        if (!clade__pass_is_finite(&f->train, i))
            return notice(f, "the loss of", f->state.step - f->state.epoch_step + i + 1);
    f->known = f->sent;
    f->progress.train = clade__pass_metrics(&f->train, f->known);
    return CLADE_OK;
}

static clade_status send_sums(clade__fit *f)
{
    int64_t n_done = f->state.epoch_step;
    if (n_done == f->sent) return CLADE_OK;
    CLADE_TRY(clade__pass_read_begin(&f->train, f->sent, n_done, &f->transfer));
    f->sent = n_done;
    return CLADE_OK;
}

clade_status clade__fit_catch_up(clade__fit *f)
{
    bool finite, wrong;
    CLADE_TRY(receive(f));
    CLADE_TRY(send_sums(f));
    CLADE_TRY(receive(f));
    if (f->good_step == f->state.step) return CLADE_OK;
    CLADE_TRY(clade__session_is_finite(&f->model->session, &f->model->exe, &finite));
    CLADE_TRY(clade__fit_first_finding(f, finite ? -1 : 0, NULL, 0, &wrong));
    if (wrong) return notice(f, "a parameter after", f->state.step);
    f->good_step = f->state.step;
    return CLADE_OK;
}

bool clade__fit_copy_is_due(const clade__fit *f)
{
    double since = clade__seconds() - f->copied_at;
    return since >= COPY_SECONDS && since >= COPY_SHARE * f->copying;
}

/* Several ranks go by what they agreed on before the step. */
static bool copy_is_due(const clade__fit *f)
{
    if (f->together) return f->agreed.copy;
    return clade__fit_copy_is_due(f);
}

/* At a log point by time, and where log_every wants a report. */
static clade_status log_if_due(clade__fit *f)
{
    int64_t log_every = f->options->log_every, n = f->state.epoch_step;
    bool by_time = f->together ? f->agreed.log : n - f->sent >= f->pace.interval;
    bool asked = log_every > 0 && n % log_every == 0;
    if (!by_time && !asked) return CLADE_OK;
    CLADE_TRY(receive(f));
    CLADE_TRY(send_sums(f));
    if (by_time) {
        if (copy_is_due(f)) {
            CLADE_TRY(clade__fit_catch_up(f));
            CLADE_TRY(clade__fit_copy(f));
        }
        clade__pace_next(&f->pace);
    }
    if (f->known > 0 && (asked || log_every == 0)) report(f, false);
    return CLADE_OK;
}

/* Whether a is better than b by more than min_delta. One that is not finite never is, whatever its
 * accuracy; b may be of no samples, where there is none yet. */
static bool better(const clade_metrics *a, const clade_metrics *b, double min_delta)
{
    if (!isfinite(a->loss)) return false;
    if (b->n_samples == 0 || !isfinite(b->loss)) return true;
    if (!isnan(a->accuracy) && a->accuracy != b->accuracy)
        return a->accuracy > b->accuracy + min_delta;
    return a->loss < b->loss - min_delta;
}

/* *whole: it was not stopped. */
static clade_status validate(clade__fit *f, bool *whole)
{
    clade__fit_state *state = &f->state;
    clade_progress *p = &f->progress;
    *whole = true;
    p->best = f->options->validate == NULL;
    if (p->best) return CLADE_OK;
    CLADE_TRY(clade__pass_evaluate(&f->valid, f->options->stop, &p->valid));
    *whole = p->has_valid = p->valid.n_samples == f->valid.n_samples;
    f->agreed.stop |= !*whole;
    if (!*whole) return CLADE_OK;
    state->valid = p->valid;
    p->best = better(&p->valid, &state->best, 0.0);
    if (p->best) {
        state->best = p->valid;
        state->best_epoch = p->epoch;
    }
    state->n_worse++;
    if (better(&p->valid, &state->mark, f->options->min_delta)) {
        state->mark = p->valid;
        state->n_worse = 0;
    }
    return isfinite(p->valid.loss) ? CLADE_OK : clade__fit_tell_overflow(f);
}

/* The end of an epoch, or of as much of it as max_steps allowed. When its validation is stopped, the
 * epoch has not ended. */
static clade_status finish_epoch(clade__fit *f)
{
    clade_progress *p = &f->progress;
    CLADE_TRY(clade__fit_make_alike(f));
    CLADE_TRY(clade__fit_catch_up(f));

    double seconds = clade__fit_seconds(f), began = clade__seconds();
    bool whole;
    CLADE_TRY(validate(f, &whole));
    if (!whole) {
        f->paused += clade__seconds() - began;
        return CLADE_OK;
    }
    f->state.train = p->train;
    int64_t begun = clade__profile_host_begin(f->model->device);
    CLADE_TRY(clade__run_log_keep(&f->log, f->model, p->best));
    CLADE_TRY(clade__run_log_save(&f->log, f->model, false));
    clade__profile_host_end(f->model->device, "save", p->epoch, begun);
    f->paused += clade__seconds() - began;
    report(f, true);
    p->seconds = seconds;
    CLADE_TRY(clade__run_log_epoch(&f->log, p));
    double lr = f->state.plateau.lr;
    clade__schedule_epoch(&f->schedule, &f->state.plateau,
                          p->has_valid ? p->valid.loss : p->train.loss);
    p->has_valid = false;
    f->state.epochs++;
    f->state.epoch_step = f->sent = f->known = 0;
    /* What follows from a copy has its rate: no validation is made again. */
    if (f->state.plateau.lr != lr || copy_is_due(f)) CLADE_TRY(clade__fit_copy(f));
    return clade__fit_checkpoint_if_due(f, true);
}

static bool steps_left(const clade__fit *f)
{
    return f->options->max_steps == 0 || f->state.step < f->options->max_steps;
}

bool clade__fit_stop_asked(const clade__fit *f)
{
    return f->together ? f->agreed.stop : clade__fit_wants_to_stop(f);
}

bool clade__fit_wants_to_stop(const clade__fit *f)
{
    return f->stop || (f->options->stop && *f->options->stop);
}

static bool stopped_early(const clade__fit *f)
{
    return f->options->patience > 0 && f->state.n_worse >= f->options->patience;
}

/* What this rank wants after the step that is about to begin. */
static clade__votes votes_of(const clade__fit *f)
{
    return (clade__votes){.stop = clade__fit_wants_to_stop(f),
                          .log = f->state.epoch_step + 1 - f->sent >= f->pace.interval,
                          .copy = clade__fit_copy_is_due(f),
                          .checkpoint = clade__fit_checkpoint_is_due(f)};
}

static clade_status do_batch(clade__fit *f)
{
    clade__votes votes = votes_of(f);
    if (f->apart.on) return clade__fit_apart_step(f, &votes);
    if (f->together) f->train.votes = votes;
    CLADE_TRY(clade__pass_run(&f->train, f->state.epoch_step));
    clade__fit_hear(f);
    return CLADE_OK;
}

static clade_status run_step(clade__fit *f)
{
    clade__fit_state *state = &f->state;
    f->progress.lr = clade__schedule_lr(&f->schedule, &state->plateau, state->step);
    f->model->session.numbers.lr = f->progress.lr;
    CLADE_TRY(do_batch(f));
    state->epoch_step++;
    state->step++;
    CLADE_TRY(clade__fit_balance(f));
    CLADE_TRY(clade__fit_average_if_due(f));
    CLADE_TRY(log_if_due(f));
    return clade__fit_checkpoint_if_due(f, false);
}

/* An epoch, or what is left of it. */
static clade_status run_epoch(clade__fit *f)
{
    clade__fit_state *state = &f->state;
    f->progress.epoch = (int)state->epochs + 1;
    f->epoch_started = clade__fit_seconds(f) - state->epoch_seconds;
    CLADE_TRY(clade__pass_shuffle(&f->train, f->model->session.seed, f->model->session.epoch++));
    clade__fit_apart_epoch(f);
    while (state->epoch_step < f->train.n_batches && steps_left(f)) {
        if (clade__fit_stop_asked(f)) return CLADE_OK;
        CLADE_TRY(run_step(f));
    }
    /* With more steps than now, training would go on here, and not behind the end of the epoch. */
    if (state->epoch_step < f->train.n_batches) CLADE_TRY(clade__fit_checkpoint(f));
    state->epoch_seconds = 0.0;
    return finish_epoch(f);
}

/* After the user said stop: the step is finished, and what was learnt is kept. */
static clade_status finish_stopped(clade__fit *f)
{
    f->result->end = CLADE_STOPPED;
    CLADE_TRY(clade__fit_make_alike(f));
    CLADE_TRY(clade__fit_catch_up(f));
    CLADE_TRY(clade__run_log_keep(&f->log, f->model, false));
    return clade__fit_checkpoint(f);
}

/* A stop that comes with the report of the last epoch's end changes nothing. */
static clade_status run(clade__fit *f)
{
    f->pace = clade__pace_begin();
    f->kept_at = f->pace.at;
    f->started = f->pace.at - f->state.seconds;
    while (f->state.epochs < f->progress.n_epochs && !stopped_early(f) &&
           (steps_left(f) || f->state.epoch_step > 0)) { /* the latter when resumed at the last */
        if (clade__fit_stop_asked(f)) return finish_stopped(f);
        CLADE_TRY(run_epoch(f));
    }
    if (stopped_early(f)) {
        f->result->end = CLADE_STOPPED_EARLY;
        snprintf(f->result->why, sizeof f->result->why,
                 "no better validation in the %lld epoch%s after epoch %lld",
                 (long long)f->state.n_worse, f->state.n_worse == 1 ? "" : "s",
                 (long long)(f->state.epochs - f->state.n_worse));
    }
    CLADE_TRY(clade__fit_checkpoint(f));
    return f->ranks.rank > 0 ? CLADE_OK : clade__fit_warn_after(f);
}

clade_status clade__fit_run(clade__fit *f)
{
    clade_status status = run(f);
    return status == CLADE_EDIVERGED ? clade__fit_diverged(f) : status;
}

#include <stdlib.h>

#include "base/file.h"
#include "base/text.h"
#include "blas/tuned_gemm.h"
#include "device/profile.h"
#include "train/fit.h"
#include "train/recipe.h"

#define DEFAULT_KEEP 2

static clade_status no_memory(void)
{
    return clade__fail(CLADE_ENOMEM, "no memory for checkpoints");
}

/* At the first checkpoint, not before the first step: all data is summed up. */
static clade_status open_checkpoints(clade__fit *f)
{
    if (f->recipe) return CLADE_OK;
    const clade_device_info *info = clade_device_describe(f->model->device);
    clade__text platform = {0};
    char gemm[64];
    clade__gemm_origin(gemm, sizeof gemm, f->model->device, f->model->exe.gemm);
    clade__text_append(&platform, "%s, %s, driver %s, gemm %s, clade %s", info->name, info->platform,
                       info->driver, gemm, clade_version());
    f->platform = platform.data;
    f->recipe =
        clade__recipe_text(f->model, f->train.feed.data, f->options, &f->schedule.options);
    if (platform.failed || !f->recipe) return no_memory();
    f->kept.recipe = f->recipe;
    f->kept.platform = f->platform;
    f->kept.best = f->log.best;
    f->kept.sums = f->train.host_sums;
    return CLADE_OK;
}

void clade__fit_close_checkpoints(clade__fit *f)
{
    free(f->resume_note);
    free(f->recipe);
    free(f->platform);
}

clade_status clade__fit_copy(clade__fit *f)
{
    double began = clade__seconds();
    int64_t begun = clade__profile_host_begin(f->model->device);
    CLADE_TRY(clade__model_read_trained(f->model, f->kept.values));
    f->kept.state = f->state;
    clade__profile_host_end(f->model->device, "copy", f->state.step, begun);
    f->copied_at = clade__seconds();
    double taken = f->copied_at - began;
    if (f->copying == 0.0 || taken < f->copying) f->copying = taken;
    return CLADE_OK;
}

clade_status clade__fit_go_back(clade__fit *f)
{
    const clade__fit_state *state = &f->kept.state;
    f->model->session.step = state->first_step + state->step;
    return clade__model_write_trained(f->model, f->kept.values);
}

/* ---- write ----------------------------------------------------------------------------------- */

static void say(const clade__fit *f, const char *text)
{
    if (f->options->on_message) f->options->on_message(text, f->options->user);
}

/* What cannot be removed is in nobody's way but the disk's: it is said once. */
static clade_status prune(clade__fit *f)
{
    int keep = f->options->keep ? f->options->keep : DEFAULT_KEEP;
    clade_status status = clade__checkpoints_prune(f->options->run_dir, f->state.step, keep);
    if (status != CLADE_EIO || f->said_unpruned) return status == CLADE_EIO ? CLADE_OK : status;
    f->said_unpruned = true;
    return clade__fit_tell(f, clade_error());
}

static clade_status write_checkpoint(clade__fit *f)
{
    clade__fit_state *state = &f->state;
    const char *folder = f->options->run_dir;
    if (f->writes) CLADE_TRY(open_checkpoints(f));
    if (f->writes) CLADE_TRY(clade__run_log_sync(&f->log, &state->log_bytes));
    CLADE_TRY(clade__fit_copy(f));
    if (f->writes) CLADE_TRY(clade__checkpoint_write(folder, f->model, &f->kept));
    f->kept_step = state->step;
    return f->writes ? prune(f) : CLADE_OK;
}

clade_status clade__fit_checkpoint(clade__fit *f)
{
    if (!f->keeps || f->kept_step == f->state.step) return CLADE_OK;
    CLADE_TRY(clade__fit_make_alike(f));
    CLADE_TRY(clade__fit_catch_up(f));
    f->state.seconds = clade__fit_seconds(f);
    f->state.epoch_seconds = f->state.epoch_step > 0 ? f->state.seconds - f->epoch_started : 0.0;
    double began = clade__seconds();
    int64_t begun = clade__profile_host_begin(f->model->device);
    clade_status status = write_checkpoint(f);
    clade__profile_host_end(f->model->device, "checkpoint", f->state.step, begun);
    f->kept_at = clade__seconds();
    f->paused += f->kept_at - began;
    return status;
}

bool clade__fit_checkpoint_is_due(const clade__fit *f)
{
    const clade_span *every = &f->options->checkpoint_every;
    return every->count > 0 && every->unit == CLADE_SECONDS &&
           clade__seconds() - f->kept_at >= (double)every->count;
}

clade_status clade__fit_checkpoint_if_due(clade__fit *f, bool epoch_end)
{
    const clade_span *every = &f->options->checkpoint_every;
    bool due = false, at_last_step = f->state.epoch_step == f->train.n_batches;
    if (every->count == 0 || at_last_step) return CLADE_OK; /* the epoch's end is about to come */
    switch (every->unit) {
    case CLADE_STEPS: due = f->state.step % every->count == 0; break;
    case CLADE_EPOCHS: due = epoch_end && f->state.epochs % every->count == 0; break;
    case CLADE_SECONDS: due = f->together ? f->agreed.checkpoint : clade__fit_checkpoint_is_due(f); break;
    }
    due = due || f->apart.owes_checkpoint;
    f->apart.owes_checkpoint = due && f->apart.on && f->alike_step != f->state.step;
    return due && !f->apart.owes_checkpoint ? clade__fit_checkpoint(f) : CLADE_OK;
}

/* ---- go on ----------------------------------------------------------------------------------- */

/* Everything is as it was when the checkpoint was written. */
clade_status clade__fit_restore(clade__fit *f)
{
    clade__fit_state *state = &f->state;
    *state = f->kept.state;
    state->n_steps = f->progress.n_steps;
    CLADE_TRY(clade__fit_go_back(f));
    f->model->session.epoch = state->first_epoch + state->epochs;
    f->sent = f->known = state->epoch_step;
    f->progress.train = clade__pass_metrics(&f->train, f->known);
    f->progress.lr = clade__schedule_lr(&f->schedule, &state->plateau, state->step - 1);
    f->kept_step = f->good_step = state->step;
    f->copied_at = clade__seconds();
    return CLADE_OK;
}

clade_status clade__fit_resume_log(clade__fit *f)
{
    clade__run_log_restore(&f->log, f->model, f->kept.values, f->state.best_epoch > 0);
    CLADE_TRY(clade__run_log_cut(&f->log, f->state.log_bytes));
    return f->resume_note ? clade__run_log_message(&f->log, f->resume_note) : CLADE_OK;
}

/* Reads the newest of the checkpoints that is whole; `damaged` says what was wrong with those after
 * it. */
static clade_status read_newest(clade__fit *f, const int64_t *steps, int n, bool *same_platform,
                                clade__text *damaged)
{
    clade_status status = CLADE_OK;
    for (int i = 0; i < n; i++) {
        status = clade__checkpoint_read(f->options->run_dir, steps[i], f->model,
                                        f->train.n_batches, &f->kept, same_platform);
        if (status != CLADE_EDATA && status != CLADE_EIO) return status;
        clade__text_append(damaged, "%s%s", i ? "; " : "", clade_error());
    }
    return clade__fail(status, "no checkpoint is left to go on from: %s; remove them to train anew",
                       damaged->data ? damaged->data : "out of memory");
}

/* The rates of the steps that are done belong to the plan that they were made by. */
static clade_status check_plan(const clade__fit *f)
{
    int64_t now = f->progress.n_steps, then = f->kept.state.n_steps;
    const clade__schedule *s = &f->schedule;
    if (now == then || !clade__schedule_has_plan(s)) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "resume: the run's %s schedule was planned for %lld steps, and epochs "
                       "and max_steps now make %lld (%lld an epoch): the rate would jump, and this would "
                       "not be the run that was never stopped; leave epochs and max_steps as the run began "
                       "with them, or train anew for %lld steps",
                       clade_schedule_name(s->options.kind), (long long)then, (long long)now,
                       (long long)s->epoch_steps, (long long)now);
}

/* What has been done cannot be undone. */
static clade_status check_length(const clade__fit *f)
{
    int64_t done = f->kept.state.step, max_steps = f->options->max_steps;
    CLADE_TRY(check_plan(f));
    if (done <= f->progress.n_steps) return CLADE_OK;
    if (f->progress.n_steps == max_steps)
        return clade__fail(CLADE_EINVAL, "resume: max_steps is %lld, and the run has already done "
                           "%lld steps", (long long)max_steps, (long long)done);
    return clade__fail(CLADE_EINVAL, "resume: epochs is %d, and the run has already done %.4g (%lld "
                       "steps)", f->progress.n_epochs, (double)done / (double)f->train.n_batches,
                       (long long)done);
}

static clade_status resume(clade__fit *f, const int64_t *steps, int n, clade__text *text)
{
    bool same_platform;
    CLADE_TRY(open_checkpoints(f));
    CLADE_TRY(read_newest(f, steps, n, &same_platform, text));
    CLADE_TRY(check_length(f));
    CLADE_TRY(clade__fit_restore(f));
    bool damaged = text->data != NULL;
    clade__text_append(text, "%sgoing on from step %lld", damaged ? "; " : "",
                       (long long)f->state.step);
    if (!same_platform)
        clade__text_append(text, "; until there the run had another device, driver, gemm or version "
                           "of clade: its bits may be others from here on");
    if (text->failed) return no_memory();
    say(f, text->data);
    if (damaged || !same_platform) {
        f->resume_note = text->data;
        *text = (clade__text){0};
    }
    return CLADE_OK;
}

clade_status clade__fit_resume(clade__fit *f, bool *resumed)
{
    int64_t *steps;
    int n;
    clade__text text = {0};
    CLADE_TRY(clade__checkpoint_steps(f->options->run_dir, &steps, &n));
    *resumed = n > 0;
    clade_status status = CLADE_OK;
    if (n > 0)
        status = resume(f, steps, n, &text);
    else if (clade__run_log_keeps_model(f->options->run_dir))
        status = clade__fail(CLADE_EINVAL, "resume: '%s' has the model of a run that has ended, and no "
                             "checkpoint to go on from; choose another folder, or train anew without "
                             "resume, which replaces the model", f->options->run_dir);
    else
        say(f, "there is no checkpoint yet: training begins anew");
    clade__text_free(&text);
    free(steps);
    return status;
}

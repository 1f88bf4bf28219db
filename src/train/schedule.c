/* Schedules follow torch.optim.lr_scheduler of PyTorch 2. */
#include "train/schedule.h"

#include <math.h>

#include "base/text.h"

#define PI 3.14159265358979323846
#define LEAST_CHANGE 1e-8 /* ReduceLROnPlateau's eps: a rate that would change by less stays */

static const char *const names[] = {"constant", "step", "cosine", "plateau"};

const char *clade_schedule_name(clade_schedule_kind kind)
{
    return (unsigned)kind < 4 ? names[kind] : NULL;
}

clade_schedule clade_schedule_step(int64_t step_size, double gamma)
{
    return (clade_schedule){.kind = CLADE_SCHEDULE_STEP, .step_size = step_size, .gamma = gamma};
}

clade_schedule clade_schedule_cosine(double min_lr)
{
    return (clade_schedule){.kind = CLADE_SCHEDULE_COSINE, .min_lr = min_lr};
}

clade_schedule clade_schedule_plateau(double factor, int64_t patience)
{
    return (clade_schedule){.kind = CLADE_SCHEDULE_PLATEAU,
                            .factor = factor,
                            .patience = patience,
                            .threshold = 1e-4};
}

/* ---- what can be ------------------------------------------------------------------------------- */

static clade_status check_warmup(const clade_span *warmup)
{
    if (warmup->count < 0 || (unsigned)warmup->unit > CLADE_EPOCHS)
        return clade__fail(CLADE_EINVAL, "schedule: warmup is %lld in unit %d, want at least 0, in "
                           "steps or epochs", (long long)warmup->count, (int)warmup->unit);
    return CLADE_OK;
}

static clade_status check_min_lr(const clade__schedule *s)
{
    double min_lr = s->options.min_lr;
    if (min_lr >= 0.0 && min_lr <= s->lr) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "schedule: min_lr is %g, want at least 0 and at most the "
                       "learning rate, %g", min_lr, s->lr);
}

static clade_status check_step(const clade__schedule *s)
{
    if (s->options.step_size < 1)
        return clade__fail(CLADE_EINVAL, "schedule: step_size is %lld, want at least 1",
                           (long long)s->options.step_size);
    if (!(s->options.gamma > 0.0 && s->options.gamma <= 1.0))
        return clade__fail(CLADE_EINVAL, "schedule: gamma is %g, want more than 0 and at most 1",
                           s->options.gamma);
    return CLADE_OK;
}

static clade_status check_plateau(const clade__schedule *s)
{
    const clade_schedule *o = &s->options;
    if (!(o->factor > 0.0 && o->factor < 1.0))
        return clade__fail(CLADE_EINVAL, "schedule: factor is %g, want more than 0 and less than 1",
                           o->factor);
    if (o->patience < 0)
        return clade__fail(CLADE_EINVAL, "schedule: patience is %lld, want at least 0",
                           (long long)o->patience);
    if (!(o->threshold >= 0.0 && o->threshold < 1.0))
        return clade__fail(CLADE_EINVAL, "schedule: threshold is %g, want at least 0 and less than 1",
                           o->threshold);
    return check_min_lr(s);
}

clade_status clade__schedule_open(clade__schedule *schedule, clade__plateau *plateau,
                                  const clade_schedule *options, float lr, int64_t epoch_steps,
                                  int64_t n_steps)
{
    *schedule = (clade__schedule){.options = *options, .lr = clade__decimal(lr),
                                  .epoch_steps = epoch_steps,
                                  .n_steps = n_steps};
    *plateau = (clade__plateau){.lr = schedule->lr, .least = INFINITY};
    clade_schedule *o = &schedule->options;
    CLADE_WANT_UNUSED("schedule", options->reserved);
    CLADE_TRY(check_warmup(&o->warmup));
    schedule->n_warmup = o->warmup.count;
    if (o->warmup.unit == CLADE_EPOCHS) /* not cut to n_steps: a run may be made longer */
        schedule->n_warmup = o->warmup.count < INT64_MAX / epoch_steps
                                 ? o->warmup.count * epoch_steps
                                 : INT64_MAX;
    if (o->gamma == 0.0) o->gamma = 0.1f;
    if (o->factor == 0.0) o->factor = 0.1f;
    switch (o->kind) {
    case CLADE_SCHEDULE_CONSTANT: return CLADE_OK;
    case CLADE_SCHEDULE_STEP: return check_step(schedule);
    case CLADE_SCHEDULE_COSINE: return check_min_lr(schedule);
    case CLADE_SCHEDULE_PLATEAU: return check_plateau(schedule);
    }
    return clade__fail(CLADE_EINVAL, "schedule: unknown kind %d", (int)o->kind);
}

/* ---- the rate ---------------------------------------------------------------------------------- */

static double cosine(const clade__schedule *s, int64_t step)
{
    double min_lr = s->options.min_lr;
    double share = (double)(step - s->n_warmup) / (double)(s->n_steps - s->n_warmup);
    return min_lr + (s->lr - min_lr) * (1.0 + cos(PI * share)) / 2.0;
}

static double rate_without_warmup(const clade__schedule *s, const clade__plateau *plateau,
                                  int64_t step)
{
    int64_t epoch = step / s->epoch_steps;
    switch (s->options.kind) {
    case CLADE_SCHEDULE_STEP:
        return s->lr * pow(s->options.gamma, (double)(epoch / s->options.step_size));
    case CLADE_SCHEDULE_COSINE: return step < s->n_warmup ? s->lr : cosine(s, step);
    case CLADE_SCHEDULE_PLATEAU: return plateau->lr;
    default: return s->lr;
    }
}

float clade__schedule_lr(const clade__schedule *schedule, const clade__plateau *plateau,
                         int64_t step)
{
    double lr = rate_without_warmup(schedule, plateau, step);
    if (step < schedule->n_warmup) lr *= (double)(step + 1) / (double)schedule->n_warmup;
    return (float)lr;
}

bool clade__schedule_has_plan(const clade__schedule *schedule)
{
    return schedule->options.kind == CLADE_SCHEDULE_COSINE;
}

void clade__schedule_epoch(const clade__schedule *schedule, clade__plateau *plateau, double loss)
{
    const clade_schedule *o = &schedule->options;
    if (o->kind != CLADE_SCHEDULE_PLATEAU) return;
    if (loss < plateau->least * (1.0 - o->threshold)) {
        plateau->least = loss;
        plateau->n_bad = 0;
        return;
    }
    if (++plateau->n_bad <= o->patience) return;
    double lr = fmax(plateau->lr * o->factor, o->min_lr);
    if (plateau->lr - lr > LEAST_CHANGE) plateau->lr = lr;
    plateau->n_bad = 0;
}

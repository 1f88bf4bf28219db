/* A training as one rank of a job whose ranks train apart (turns.h): each does whole batches by itself, and they
 * average what they have come to behind every average_every steps of each, and at an epoch's end.
 *
 * Averages are the only places at which ranks are the same: so copies to go back to and checkpoints are made there,
 * and a checkpoint that becomes due before waits for the next. Averaged is all that is trained, and running
 * statistics and the optimizer's state with it: then a checkpoint is that of one device, which any number of ranks
 * goes on with, and no rank's momentum pulls it back to where it came from. In between the ranks meet about ten
 * times a second, to hear of a stop or a failure and to sum up what is logged; that changes no bit. */
#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "base/text.h"
#include "device/profile.h"
#include "train/fit.h"

enum { LATER_STEPS = 50 }; /* of each rank */

clade_status clade__fit_apart_open(clade__fit *f)
{
    if (!f->apart.on) return CLADE_OK;
    return clade__turns_open(&f->apart.turns, f->ranks.n, f->ranks.rank, f->train.n_batches);
}

void clade__fit_apart_epoch(clade__fit *f)
{
    if (!f->apart.on) return;
    f->apart.turns.first_step = f->state.first_step;
    f->apart.from = f->state.epoch_step;
    clade__turns_deal(&f->apart.turns, f->shares.parts, 0);
}

int64_t clade__fit_apart_steps(const clade__fit *f, int64_t steps)
{
    double least = INFINITY, all = 0.0;
    if (!f->apart.on) return steps;
    if (f->options->share_auto) return f->train.n_batches; /* the parts may have been others */
    for (int i = 0; i < f->ranks.n; i++) {
        all += f->shares.parts[i];
        if (f->shares.parts[i] < least) least = f->shares.parts[i];
    }
    double wanted = (double)steps * (all / least + 1.0), n_batches = (double)f->train.n_batches;
    return wanted < n_batches ? (int64_t)wanted : f->train.n_batches;
}

/* ---- the average ------------------------------------------------------------------------------- */

static void weigh(clade__fit *f)
{
    const clade_optimizer *optimizer = &f->model->exe.optimizer;
    bool weighted = f->options->parallel == CLADE_PARALLEL_WEIGHTED;
    double contraction = 1.0;
    if (weighted) contraction -= (double)optimizer->weight_decay * (double)f->progress.lr;
    clade__turns_count(&f->apart.turns, f->apart.from, f->state.epoch_step);
    clade__turns_weigh(&f->apart.turns, contraction > 0.0 ? contraction : 0.0);
}

/* By the copy to go back to, which is then that of the average. */
static clade_status average(clade__fit *f)
{
    float *values = f->kept.values;
    int64_t n = (int64_t)(clade__model_trained_bytes(f->model) / sizeof *values);
    weigh(f);
    float weight = (float)f->apart.turns.weights[f->ranks.rank];
    CLADE_TRY(clade__model_read_trained(f->model, values));
    for (int64_t i = 0; i < n; i++) values[i] *= weight;
    double began = clade__seconds();
    CLADE_TRY(clade__ranks_sum_floats(f->together, values, n));
    double seconds = clade__seconds() - began;
    clade__profile_add_communication(f->model->device, 1, seconds, seconds);
    CLADE_TRY(clade__model_write_trained(f->model, values));
    f->kept.state = f->state;
    f->copied_at = clade__seconds();
    return CLADE_OK;
}

clade_status clade__fit_average(clade__fit *f)
{
    CLADE_TRY(clade__fit_catch_up(f)); /* what is not finite is found before it is everywhere */
    if (f->apart.from < f->state.epoch_step) CLADE_TRY(average(f));
    f->apart.from = f->state.epoch_step;
    return CLADE_OK;
}

/* The epoch's end has its own. */
static bool average_is_due(const clade__fit *f)
{
    int64_t every = f->options->average_every, n = f->ranks.n, at = f->state.epoch_step;
    return every > 0 && at < f->train.n_batches && at % n == 0 && at / n % every == 0;
}

/* ---- turns by measured speed ------------------------------------------------------------------- */

static clade_status tell(clade__fit *f)
{
    const clade__turns *turns = &f->apart.turns;
    clade__text text = {0};
    clade__turns_count(&f->apart.turns, f->state.epoch_step, turns->n_batches);
    clade__text_append(&text, "new turns: of the next %lld batches",
                       (long long)(turns->n_batches - f->state.epoch_step));
    for (int i = 0; i < turns->n; i++)
        clade__text_append(&text, "%s rank %d does %lld (%.3g ms each)", i ? "," : "", i, (long long)turns->steps[i],
                           1e3 * turns->seconds[i]);
    clade_status status = text.failed ? clade__fail(CLADE_ENOMEM, "no memory for a message")
                                      : clade__fit_tell(f, text.data);
    clade__text_free(&text);
    return status;
}

/* Each rank has told how long a batch takes it: so many does it do. */
static clade_status deal(clade__fit *f)
{
    const double *seconds = f->apart.turns.seconds;
    double least = INFINITY, most = 0.0;
    for (int i = 0; i < f->ranks.n; i++) {
        double load = f->shares.parts[i] * seconds[i];
        if (!(load > 0.0)) return CLADE_OK; /* one has not measured enough */
        least = fmin(least, load);
        most = fmax(most, load);
    }
    f->apart.n_timed = 0;
    f->apart.timed = 0.0;
    f->apart.settled = true;
    if (most <= CLADE__UNEQUAL * least) return CLADE_OK;
    for (int i = 0; i < f->ranks.n; i++) f->shares.parts[i] = 1.0 / seconds[i];
    clade__turns_deal(&f->apart.turns, f->shares.parts, f->state.epoch_step);
    return tell(f);
}

static clade_status balance(clade__fit *f)
{
    const clade__apart *a = &f->apart;
    int64_t wanted = a->settled ? LATER_STEPS : CLADE__FIRST_STEPS;
    double mine = a->n_timed >= wanted ? a->timed / (double)a->n_timed : 0.0;
    if (!f->options->share_auto) return CLADE_OK;
    CLADE_TRY(clade__ranks_gather(f->together, &mine, sizeof mine, a->turns.seconds));
    return deal(f);
}

/* Until the device has done it. */
static clade_status time_step(clade__fit *f, double began)
{
    float loss;
    CLADE_TRY(clade__pass_read_loss(&f->train, &loss));
    if (f->apart.n_skipped < CLADE__SKIP_STEPS) {
        f->apart.n_skipped++;
        return CLADE_OK;
    }
    f->apart.timed += clade__seconds() - began;
    f->apart.n_timed++;
    return CLADE_OK;
}

/* ---- a step ------------------------------------------------------------------------------------ */

/* Rank 0 says when the next meeting is, so that they come about as often as log points. */
static clade_status meet(clade__fit *f, const clade__votes *votes)
{
    clade__votes mine = *votes;
    int64_t next = f->pace.interval > f->ranks.n ? f->pace.interval : f->ranks.n;
    mine.log = 1;
    mine.copy = 0;
    mine.next = next < INT32_MAX ? (int32_t)next : INT32_MAX;
    CLADE_TRY(clade__ranks_meet(f->together, CLADE__MEET_STEP, &mine));
    clade__fit_hear(f);
    f->apart.next_meeting = f->state.step + f->agreed.next;
    return balance(f);
}

clade_status clade__fit_apart_step(clade__fit *f, const clade__votes *votes)
{
    clade__apart *a = &f->apart;
    int64_t index = f->state.epoch_step;
    f->agreed.log = f->agreed.copy = f->agreed.checkpoint = 0;
    if (f->state.step >= a->next_meeting) CLADE_TRY(meet(f, votes));
    double began = clade__seconds();
    CLADE_TRY(clade__pass_run(&f->train, index));
    return f->options->share_auto && clade__pass_is_mine(&f->train, index) ? time_step(f, began) : CLADE_OK;
}

clade_status clade__fit_average_if_due(clade__fit *f)
{
    return f->apart.on && average_is_due(f) ? clade__fit_make_alike(f) : CLADE_OK;
}

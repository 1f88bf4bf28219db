/* Shares by measured speed: after some steps the ranks compare how long each computed until its gradients were
 * made, and share the next batches so that all would be ready at once. What a rank takes is taken to grow with
 * its rows; where part of it does not, a second comparison puts it right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "train/fit.h"

enum { LATER_STEPS = 100 };

static void start_again(clade__fit *f, bool settled)
{
    f->balance = (clade__balance){.before = f->balance.before, .settled = settled,
                                  .wanted = settled ? LATER_STEPS : CLADE__FIRST_STEPS};
}

/* "rank 0 does 300 of 512 samples in 12.1 ms, rank 1 …" */
static clade_status tell(clade__fit *f, const char *what, const double *seconds)
{
    clade__text text = {0};
    const int64_t *rows = clade__shares_rows(&f->shares, f->train.batch);
    clade__text_append(&text, "%s of %lld samples:", what, (long long)f->train.batch);
    for (int i = 0; i < f->ranks.n; i++) {
        clade__text_append(&text, "%s rank %d %lld", i ? "," : "", i, (long long)rows[i]);
        if (seconds) clade__text_append(&text, " (was %.3g ms)", 1e3 * seconds[i]);
    }
    clade_status status = text.failed ? clade__fail(CLADE_ENOMEM, "no memory for a message")
                                      : clade__fit_tell(f, text.data);
    clade__text_free(&text);
    return status;
}

/* seconds (ranks): what a step took each. */
static clade_status share(clade__fit *f, const double *seconds)
{
    double least = seconds[0], most = seconds[0];
    int64_t batch = f->train.batch;
    for (int i = 1; i < f->ranks.n; i++) {
        if (seconds[i] < least) least = seconds[i];
        if (seconds[i] > most) most = seconds[i];
    }
    bool apart = least > 0.0 && most > CLADE__UNEQUAL * least;
    if (!apart || !clade__shares_renew(&f->shares, batch, seconds)) {
        bool first = !f->balance.settled;
        start_again(f, true);
        return first ? tell(f, "settled shares", seconds) : CLADE_OK;
    }
    start_again(f, false);
    CLADE_TRY(clade__pass_share(&f->train));
    return tell(f, "new shares", seconds);
}

clade_status clade__fit_balance(clade__fit *f)
{
    clade__balance *b = &f->balance;
    if (!f->together || f->apart.on || !f->options->share_auto) return CLADE_OK;
    const clade__join_times now = clade__join_times_of(f->train.join);
    double computing = now.computing - b->before.computing;
    bool whole = clade__pass_n_in(&f->train, f->state.epoch_step - 1) == f->train.batch;
    b->before = now;
    if (b->wanted == 0) start_again(f, false);
    if (!whole) return CLADE_OK;
    if (b->n_steps++ >= CLADE__SKIP_STEPS) b->computing += computing;
    if (b->n_steps < CLADE__SKIP_STEPS + b->wanted) return CLADE_OK;
    double mine = b->computing / (double)b->wanted;
    double *all = malloc((size_t)f->ranks.n * sizeof *all);
    if (!all) return clade__fail(CLADE_ENOMEM, "no memory for %d ranks", f->ranks.n);
    clade_status status = clade__ranks_gather(f->together, &mine, sizeof mine, all);
    if (status == CLADE_OK) status = share(f, all);
    free(all);
    return status;
}

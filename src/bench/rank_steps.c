#include "bench/rank_steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { WARM_STEPS = 2, BLOCKS = 12, LEAST_BLOCKS = 3, MOST_CALLS = 512, SUM_BLOCKS = 5, MOST_SUMS = 4096 };

/* How often; of rank 0. */
typedef struct counts {
    int32_t n_calls, n_blocks;
} counts;

/* One call takes so long. */
static counts plan(double seconds, double call)
{
    double n = seconds / BLOCKS / (call > 1e-9 ? call : 1e-9);
    counts c = {.n_calls = n < 1.0 ? 1 : n > MOST_CALLS ? MOST_CALLS : (int32_t)n};
    double blocks = seconds / (c.n_calls * (call > 1e-9 ? call : 1e-9));
    c.n_blocks = blocks < LEAST_BLOCKS ? LEAST_BLOCKS : blocks > BLOCKS ? BLOCKS : (int32_t)blocks;
    return c;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static clade_status run_steps(clade__rank_steps *measured, int n, double *seconds)
{
    double began = clade__seconds();
    for (int i = 0; i < n; i++) {
        clade__watch_step(measured->watch);
        CLADE_TRY(clade__steps_next(measured->steps));
    }
    CLADE_TRY(clade_device_finish(measured->steps->device));
    *seconds = clade__seconds() - began;
    return CLADE_OK;
}

static clade_status run_blocks(clade__rank_steps *measured, const counts *c, double *samples, double *all,
                               double *totals)
{
    const int n_ranks = measured->together->n;
    for (int b = 0; b < c->n_blocks; b++) {
        double mine = 0.0;
        CLADE_TRY(run_steps(measured, c->n_calls, &mine));
        CLADE_TRY(clade__ranks_gather(measured->together, &mine, sizeof mine, all));
        samples[b] = 0.0;
        for (int r = 0; r < n_ranks; r++) {
            samples[b] = fmax(samples[b], all[r] / c->n_calls);
            totals[r] += all[r];
        }
    }
    return CLADE_OK;
}

/* What is left of the times since then, for each step. */
static clade__join_times per_step(const clade__join_times *before, const clade__join_times *after)
{
    double n = (double)(after->n_steps - before->n_steps);
    return (clade__join_times){.n_steps = 1, .computing = (after->computing - before->computing) / n,
                               .joining = (after->joining - before->joining) / n,
                               .exposed = (after->exposed - before->exposed) / n};
}

/* memory: (2 n_ranks), zeros */
static clade_status measure_steps(clade__rank_steps *measured, double *memory)
{
    clade__watch *watch = measured->watch;
    const int n_ranks = measured->together->n;
    double samples[BLOCKS], seconds = 0.0, *totals = memory + n_ranks;
    CLADE_TRY(run_steps(measured, 1, &seconds)); /* the driver compiles, memory is touched */
    CLADE_TRY(clade__ranks_gather(measured->together, &seconds, sizeof seconds, memory));
    CLADE_TRY(run_steps(measured, WARM_STEPS, &seconds));
    counts c = plan(measured->seconds, seconds / WARM_STEPS);
    CLADE_TRY(clade__ranks_broadcast(measured->together, &c, sizeof c));
    memset(watch->ready, 0, (size_t)watch->n_buckets * sizeof *watch->ready);
    const clade__join_times before = clade__join_times_of(measured->steps->pass.join);
    CLADE_TRY(run_blocks(measured, &c, samples, memory, totals));
    const clade__join_times after = clade__join_times_of(measured->steps->pass.join);
    for (int i = 0; i < watch->n_buckets; i++) watch->ready[i] /= (double)(after.n_steps - before.n_steps);
    measured->n_samples = measured->steps->pass.full.n;
    measured->times = per_step(&before, &after);
    measured->time = clade__time_of(samples, c.n_blocks);
    measured->slowest = 0;
    for (int r = 1; r < n_ranks; r++)
        if (totals[r] > totals[measured->slowest]) measured->slowest = r;
    return CLADE_OK;
}

clade_status clade__rank_steps_measure(clade__rank_steps *measured)
{
    double *memory = calloc(2 * (size_t)measured->together->n, sizeof *memory);
    if (!memory) return clade__fail(CLADE_ENOMEM, "no memory for %d ranks", measured->together->n);
    clade_status status = measure_steps(measured, memory);
    free(memory);
    return status;
}

/* ---- sums ------------------------------------------------------------------------------------ */

static clade_status run_sums(clade__ranks *together, float *values, int64_t n, int n_calls, double *seconds)
{
    double began = clade__seconds();
    for (int i = 0; i < n_calls; i++) CLADE_TRY(clade__ranks_join(together, values, n));
    *seconds = clade__seconds() - began;
    return CLADE_OK;
}

static clade_status measure_sum(clade__ranks *together, float *values, int64_t n, double seconds,
                                clade__sum_time *time)
{
    double samples[SUM_BLOCKS], taken = 0.0;
    CLADE_TRY(clade__ranks_meet(together, CLADE__MEET_SUM, NULL));
    CLADE_TRY(run_sums(together, values, n, WARM_STEPS, &taken));
    double calls = seconds / SUM_BLOCKS / (taken / WARM_STEPS + 1e-9);
    int32_t n_calls = calls < 1.0 ? 1 : calls > MOST_SUMS ? MOST_SUMS : (int32_t)calls;
    CLADE_TRY(clade__ranks_broadcast(together, &n_calls, sizeof n_calls));
    for (int b = 0; b < SUM_BLOCKS; b++) {
        CLADE_TRY(run_sums(together, values, n, n_calls, &samples[b]));
        samples[b] /= n_calls;
    }
    *time = (clade__sum_time){(double)n * sizeof(float), clade__time_of(samples, SUM_BLOCKS).median};
    return CLADE_OK;
}

clade_status clade__rank_link_measure(clade__ranks *together, double seconds, clade__link *link)
{
    enum { SIZES = 6, LARGEST = 1 << 20 }; /* 4 KiB to 4 MiB, as gradients are */
    clade__sum_time times[SIZES];
    float *values = calloc(LARGEST, sizeof *values);
    clade_status status = values ? CLADE_OK : clade__fail(CLADE_ENOMEM, "no memory to measure sums");
    for (int i = 0; status == CLADE_OK && i < SIZES; i++)
        status = measure_sum(together, values, LARGEST >> (2 * i), seconds / SIZES, &times[i]);
    free(values);
    CLADE_TRY(status);
    *link = clade__link_fit(times, SIZES, together->n);
    return clade__ranks_broadcast(together, link, sizeof *link);
}

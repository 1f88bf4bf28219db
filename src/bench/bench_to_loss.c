/* How long trainings take to the same loss, on one rank and on more, in each way in which ranks train together.
 *
 * A step on more ranks is not only faster or slower: ranks that train apart need other numbers of steps. So this, and
 * not a step, is what is compared. */
#include <math.h>
#include <stdlib.h>

#include <clade/data.h>
#include <clade/model.h>

#include "bench/digits.h"
#include "dist/job.h"

/* As many ranks as an epoch has batches. */
enum { AVERAGE_EVERY = 4, TIMES = 3, MOST_RANKS = 32, N_WAYS = 3 };

typedef struct to_loss {
    clade_bench *bench;
    clade_job *job;
    double wanted;
    clade_data *data, *validate;
} to_loss;

/* ---- a training ------------------------------------------------------------------------------- */

typedef struct goal {
    double wanted;
    clade_bench_to_loss_row *row;
} goal;

static bool goes_on(const clade_progress *progress, void *user)
{
    const goal *g = user;
    if (!progress->has_valid) return true;
    g->row->seconds = progress->seconds;
    g->row->steps = progress->step;
    g->row->loss = progress->valid.loss;
    g->row->reached = progress->valid.loss <= g->wanted;
    return !g->row->reached;
}

/* Of one rank of `job`, or with NULL alone. */
static clade_status train(const to_loss *t, clade_job *job, clade_bench_to_loss_row *row)
{
    clade_model *model = NULL;
    goal g = {t->wanted, row};
    bool sync = row->parallel == CLADE_PARALLEL_SYNC;
    clade_status status = clade_job_agree(job, clade__bench_digits_model(&model, t->bench, 1, job && sync));
    if (status == CLADE_OK)
        status = clade_fit(model, t->data,
                           &(clade_fit_options){.epochs = CLADE__BENCH_DIGITS_EPOCHS, .validate = t->validate, .job = job,
                                                .parallel = row->parallel, .on_progress = goes_on, .user = &g,
                                                .average_every = sync ? 0 : AVERAGE_EVERY,
                                                .share_auto = row->parallel == CLADE_PARALLEL_WEIGHTED}, NULL);
    clade_model_free(model);
    return status;
}

/* ---- all of them ------------------------------------------------------------------------------ */

static int by_seconds(const void *a, const void *b)
{
    double x = ((const clade_bench_to_loss_row *)a)->seconds, y = ((const clade_bench_to_loss_row *)b)->seconds;
    return (x > y) - (x < y);
}

/* The first training compiles kernels: it is the slowest, and not the median. */
static clade_status train_times(const to_loss *t, clade_job *part, clade_bench_to_loss_row *row)
{
    clade_bench_to_loss_row rows[TIMES];
    for (int i = 0; i < TIMES; i++) {
        rows[i] = *row;
        CLADE_TRY(train(t, row->n_ranks > 1 ? part : NULL, &rows[i]));
    }
    qsort(rows, TIMES, sizeof rows[0], by_seconds);
    *row = rows[TIMES / 2];
    return CLADE_OK;
}

/* Those of the row train, and all know what came of it. */
static clade_status measure(const to_loss *t, clade_bench_to_loss_row *row)
{
    clade_job part;
    clade_status status = CLADE_OK;
    CLADE_TRY(clade__job_part(t->job, row->n_ranks, &part));
    if (clade_job_rank(t->job) < row->n_ranks) status = train_times(t, &part, row);
    bool known = !part.broken;
    clade__job_part_leave(&part);
    if (!known) return clade__job_ended(t->job, status, false);
    CLADE_TRY(clade_job_agree(t->job, status));
    status = clade__transport_broadcast(clade__job_transport(t->job), row, sizeof *row, 0);
    return clade__job_ended(t->job, status, false);
}

static clade_status measure_all(const to_loss *t, int *n_rows)
{
    clade_bench_to_loss_row *row = t->bench->to_loss;
    const int all = clade_job_n_ranks(t->job), n_ranks = all < MOST_RANKS ? all : MOST_RANKS;
    row->n_ranks = 1;
    CLADE_TRY(measure(t, row++));
    for (int n = 1; n < n_ranks;) {
        n = 2 * n < n_ranks ? 2 * n : n_ranks;
        for (int way = 0; way < N_WAYS; way++) {
            *row = (clade_bench_to_loss_row){.n_ranks = n, .parallel = (clade_parallel)way};
            CLADE_TRY(measure(t, row++));
        }
    }
    *n_rows = (int)(row - t->bench->to_loss);
    return CLADE_OK;
}

static clade_status open_all(to_loss *t)
{
    if (!(t->wanted > 0.0 && isfinite(t->wanted)))
        return clade__fail(CLADE_EINVAL, "bench: the loss to train to is %g, want a number above 0", t->wanted);
    free(t->bench->to_loss);
    t->bench->to_loss = calloc(1 + N_WAYS * 6, sizeof *t->bench->to_loss); /* of 1, and 2, 4, … 32 */
    if (!t->bench->to_loss) return clade__fail(CLADE_ENOMEM, "no memory for trainings to a loss");
    return clade__bench_digits(&t->data, &t->validate);
}

clade_status clade_bench_to_loss(clade_bench *bench, clade_job *job, double loss,
                                 const clade_bench_to_loss_row **rows, int *n_rows)
{
    CLADE_WANT(bench);
    CLADE_WANT(job);
    CLADE_WANT(rows);
    CLADE_WANT(n_rows);
    *rows = NULL;
    *n_rows = 0;
    to_loss t = {.bench = bench, .job = job, .wanted = loss};
    clade_status status = clade_job_agree(job, open_all(&t));
    if (status == CLADE_OK) status = measure_all(&t, n_rows);
    if (status == CLADE_OK) *rows = bench->to_loss;
    clade_data_free(t.data);
    clade_data_free(t.validate);
    return status;
}

/* What a job of several ranks gains and costs, measured by its own ranks.
 *
 * One after another, each with a model of its own: sums over the ranks alone; the whole batch by rank 0, while the
 * others wait; every rank's part of the batch at the same time, with nobody to sum with; and the job's steps. The
 * third has all that a step of the job has but the others: what is between the two is the price of the job. It also
 * tells when each bucket of gradients is there, for the model of larger jobs (scaling.h). */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "bench/bench_state.h"
#include "bench/rank_steps.h"
#include "dist/job.h"

typedef struct parallel {
    clade_bench *bench;
    const clade__workload *workload;
    clade__watch watch;  /* over the job's transport */
    clade__ranks ranks;  /* all, over that */
    clade_bench_parallel_result *result;
} parallel;

static clade__steps_options options_of(const parallel *p)
{
    return (clade__steps_options){.device = p->bench->device, .batch = p->result->batch,
                                  .provider = p->bench->provider};
}

static clade_status measure_alone(parallel *p)
{
    clade_bench_time time = {0};
    if (p->ranks.rank == 0) {
        clade__steps steps;
        const clade__steps_options options = options_of(p);
        CLADE_TRY(clade__steps_open(&steps, p->workload, &options));
        clade__subject subject = clade__steps_subject(&steps);
        clade_status status = clade__measure(&subject, 1, p->bench->seconds);
        clade__steps_close(&steps);
        CLADE_TRY(status);
        time = subject.time;
    }
    CLADE_TRY(clade__ranks_broadcast(&p->ranks, &time, sizeof time));
    p->result->alone = time;
    return CLADE_OK;
}

/* ---- steps of all ranks ---------------------------------------------------------------------- */

/* How large they are; not again of the steps that come later. */
static clade_status keep_buckets(parallel *p, const clade__steps *steps)
{
    const clade__session *session = &steps->model->session;
    clade_bench *bench = p->bench;
    if (p->result->n_buckets > 0) return CLADE_OK;
    free(bench->buckets);
    bench->buckets = calloc((size_t)session->bucket_plan.n + 1, sizeof *bench->buckets);
    if (!bench->buckets) return clade__fail(CLADE_ENOMEM, "no memory for %d buckets", session->bucket_plan.n);
    for (int i = 0; i < session->bucket_plan.n; i++) {
        bench->buckets[i].bytes = (double)clade_tensor_bytes(session->buckets[i]);
        p->result->gradient_bytes += bench->buckets[i].bytes;
    }
    p->result->n_buckets = session->bucket_plan.n;
    p->result->buckets = bench->buckets;
    return CLADE_OK;
}

/* Opens this rank's part of the batch, whose gradients are summed over `ranks`, and measures it. */
static clade_status measure_part(parallel *p, clade__ranks *ranks, clade__rank_steps *measured)
{
    clade__steps steps;
    clade__steps_options options = options_of(p);
    options.ranks = ranks;
    options.rank = p->ranks.rank;
    options.n_ranks = p->ranks.n;
    CLADE_TRY(clade__steps_open(&steps, p->workload, &options));
    measured->steps = &steps;
    clade_status status = clade__watch_begin(measured->watch, steps.model->session.bucket_plan.n);
    if (status == CLADE_OK) status = clade__rank_steps_measure(measured);
    if (status == CLADE_OK) status = keep_buckets(p, &steps);
    clade__steps_close(&steps);
    return status;
}

/* The slowest rank's times of its buckets, on all ranks. */
static clade_status share_ready(parallel *p, const clade__rank_steps *measured)
{
    const int n = measured->watch->n_buckets;
    size_t n_bytes = (size_t)n * sizeof(double);
    double *all = malloc((size_t)p->ranks.n * n_bytes + 1);
    if (!all) return clade__fail(CLADE_ENOMEM, "no memory for %d ranks", p->ranks.n);
    clade_status status = clade__ranks_gather(&p->ranks, measured->watch->ready, n_bytes, all);
    for (int i = 0; status == CLADE_OK && i < n; i++)
        p->bench->buckets[i].ready = all[measured->slowest * n + i];
    free(all);
    return status;
}

static clade_status measure_apart(parallel *p)
{
    clade__watch watch;
    clade__ranks self;
    clade__watch_open(&watch, &clade__transport_self);
    CLADE_TRY(clade__ranks_open(&self, &watch.own));
    clade__rank_steps measured = {.together = &p->ranks, .watch = &watch, .seconds = p->bench->seconds};
    clade_status status = measure_part(p, &self, &measured);
    if (status == CLADE_OK) status = share_ready(p, &measured);
    p->result->apart = measured.time;
    clade__ranks_close(&self);
    clade__watch_close(&watch);
    return status;
}

static clade_status measure_job(parallel *p)
{
    clade__rank_steps measured = {.together = &p->ranks, .watch = &p->watch, .seconds = p->bench->seconds};
    CLADE_TRY(measure_part(p, &p->ranks, &measured));
    p->result->step = measured.time;
    clade_bench_rank mine = {.n_samples = measured.n_samples, .computing = measured.times.computing,
                             .communication = measured.times.joining, .exposed = measured.times.exposed};
    return clade__ranks_gather(&p->ranks, &mine, sizeof mine, p->bench->ranks);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static clade_status measure(parallel *p)
{
    clade__link link;
    clade_bench *bench = p->bench;
    free(bench->ranks);
    bench->ranks = calloc((size_t)p->ranks.n, sizeof *bench->ranks);
    if (!bench->ranks) return clade__fail(CLADE_ENOMEM, "no memory for %d ranks", p->ranks.n);
    p->result->ranks = bench->ranks;
    CLADE_TRY(clade__rank_link_measure(&p->ranks, bench->seconds, &link));
    p->result->latency = link.latency;
    p->result->seconds_per_byte = link.seconds_per_byte;
    CLADE_TRY(measure_alone(p));
    CLADE_TRY(measure_apart(p));
    return measure_job(p);
}

/* All ranks measure the same. */
static clade_status compare(const parallel *p, clade_job *job)
{
    char text[512];
    clade__format(text, sizeof text, "version: %s\nworkload: %s\nbatch: %lld\nseconds: %.9g\nprovider: %s\n",
                  clade_version(), p->workload->about.name, (long long)p->result->batch, p->bench->seconds,
                  p->bench->provider ? p->bench->provider : "as in training");
    return clade_job_compare(job, "what they measure", text);
}

static clade_status check(parallel *p, clade_job *job, const char *workload, int64_t batch)
{
    clade_bench_parallel_result *result = p->result;
    CLADE_TRY(clade__workload_find(workload, &p->workload));
    CLADE_TRY(clade__steps_check(p->bench, batch));
    result->workload = p->workload->about.name;
    result->batch = batch ? batch : p->workload->about.batches[0];
    result->n_ranks = clade_job_n_ranks(job);
    if (result->n_ranks > 1) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "bench: a job of one rank has nothing to measure: start several processes, "
                       "such as `mpirun -n 2 clade bench parallel`");
}

clade_status clade_bench_parallel(clade_bench *bench, clade_job *job, const char *workload, int64_t batch,
                                  clade_bench_parallel_result *result)
{
    CLADE_WANT(bench);
    CLADE_WANT(job);
    CLADE_WANT(workload);
    CLADE_WANT(result);
    *result = (clade_bench_parallel_result){0};
    parallel p = {.bench = bench, .result = result};
    CLADE_TRY(clade_job_agree(job, check(&p, job, workload, batch)));
    CLADE_TRY(compare(&p, job));
    clade__watch_open(&p.watch, clade__job_transport(job));
    clade_status status = clade_job_agree(job, clade__ranks_open(&p.ranks, &p.watch.own));
    if (status == CLADE_OK) {
        status = clade__ranks_end(&p.ranks, measure(&p));
        status = clade__job_ended(job, status, p.ranks.heard);
    }
    clade__ranks_close(&p.ranks);
    clade__watch_close(&p.watch);
    return status;
}

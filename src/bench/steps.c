#include "bench/steps.h"

#include <string.h>

#include "bench/bench_state.h"

#define MAX_BATCH   65536
#define BLOCK_STEPS 512 /* at most in a block */

clade_status clade__steps_check(const clade_bench *bench, int64_t batch)
{
    if (batch < 0 || batch > MAX_BATCH)
        return clade__fail(CLADE_EINVAL, "bench: batch is %lld, want 1 to %d", (long long)batch,
                           MAX_BATCH);
    if (bench->provider && strcmp(bench->provider, "openblas") == 0)
        return clade__fail(CLADE_EINVAL, "bench: openblas runs beside the device, not on it: it is "
                           "for gemm alone");
    return CLADE_OK;
}

static clade_status open_shares(clade__steps *steps, const clade__steps_options *options)
{
    int64_t least = clade__graph_least_batch(&steps->model->graph);
    if (options->batch < options->n_ranks * least)
        return clade__fail(CLADE_EINVAL, "bench: a batch of %lld is too small for %d ranks, each of which does at "
                           "least %lld: take a larger one, or fewer ranks", (long long)options->batch,
                           options->n_ranks, (long long)least);
    return clade__shares_open(&steps->shares, options->n_ranks, options->rank, NULL, least);
}

static clade_status open_steps(clade__steps *steps, const clade__workload *workload,
                               const clade__steps_options *options)
{
    CLADE_TRY(clade__workload_data(&steps->data, workload, options->batch));
    CLADE_TRY(clade__workload_model(&steps->model, workload, steps->device,
                                    &(clade__workload_options){.batch = options->batch,
                                                               .gemm = options->provider,
                                                               .keep_gradients = options->ranks != NULL}));
    CLADE_TRY(clade__scaling_copy(&steps->model->input, &steps->data->scaling));
    if (options->n_ranks > 0) CLADE_TRY(open_shares(steps, options));
    CLADE_TRY(clade__pass_open(&steps->pass, steps->model, steps->data,
                               &(clade__pass_options){.training = true, .resident = true,
                                                      .ranks = options->ranks,
                                                      .shares = options->n_ranks > 0 ? &steps->shares : NULL}));
    steps->n_batches = steps->pass.n_samples / steps->pass.batch;
    return clade__feed_shuffle(&steps->pass.feed, steps->model->session.seed, 0);
}

clade_status clade__steps_open(clade__steps *steps, const clade__workload *workload,
                               const clade__steps_options *options)
{
    *steps = (clade__steps){.device = options->device};
    clade_status status = open_steps(steps, workload, options);
    if (status != CLADE_OK) clade__steps_close(steps);
    return status;
}

void clade__steps_close(clade__steps *steps)
{
    clade__pass_close(&steps->pass);
    clade__shares_close(&steps->shares);
    clade_model_free(steps->model);
    clade_data_free(steps->data);
    *steps = (clade__steps){0};
}

clade_status clade__steps_next(clade__steps *steps)
{
    clade_status status = clade__pass_run(&steps->pass, steps->next);
    steps->next = (steps->next + 1) % steps->n_batches;
    return status;
}

static clade_status enqueue_step(void *context)
{
    return clade__steps_next(context);
}

clade__subject clade__steps_subject(clade__steps *steps)
{
    return (clade__subject){.enqueue = enqueue_step, .context = steps, .device = steps->device,
                            .n_units = 1.0, .max_calls = BLOCK_STEPS};
}

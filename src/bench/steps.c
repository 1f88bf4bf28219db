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

static clade_status open_steps(clade__steps *steps, const clade__workload *workload, int64_t batch,
                               const char *provider)
{
    CLADE_TRY(clade__workload_data(&steps->data, workload, batch));
    CLADE_TRY(clade__workload_model(&steps->model, workload, steps->device, batch, provider));
    CLADE_TRY(clade__scaling_copy(&steps->model->input, &steps->data->scaling));
    CLADE_TRY(clade__pass_open(&steps->pass, steps->model, steps->data,
                               &(clade__pass_options){.training = true, .resident = true}));
    steps->n_batches = steps->pass.n_samples / steps->pass.batch;
    return clade__feed_shuffle(&steps->pass.feed, steps->model->session.seed, 0);
}

clade_status clade__steps_open(clade__steps *steps, const clade__workload *workload,
                               clade_device *device, int64_t batch, const char *provider)
{
    *steps = (clade__steps){.device = device};
    clade_status status = open_steps(steps, workload, batch, provider);
    if (status != CLADE_OK) clade__steps_close(steps);
    return status;
}

void clade__steps_close(clade__steps *steps)
{
    clade__pass_close(&steps->pass);
    clade_model_free(steps->model);
    clade_data_free(steps->data);
    *steps = (clade__steps){0};
}

static clade_status enqueue_step(void *context)
{
    clade__steps *steps = context;
    clade_status status = clade__pass_run(&steps->pass, steps->next);
    steps->next = (steps->next + 1) % steps->n_batches;
    return status;
}

clade__subject clade__steps_subject(clade__steps *steps)
{
    return (clade__subject){.enqueue = enqueue_step, .context = steps, .device = steps->device,
                            .n_units = 1.0, .max_calls = BLOCK_STEPS};
}

/* Whole training steps, as fit enqueues them: the same pass, without its metrics being read.
 *
 * What a step needs at least, whatever computes it:
 *   FLOPs   2 m n k of each gemm; the rest is small beside them and counts as nothing
 *   bytes   every parameter is read once for forward; a weight once more where its layer's input
 *           needs a gradient; every parameter, and its state, is read and written by the optimizer.
 *           The gradient itself is never stored: the optimizer could be its gemm's epilogue.
 *           Each node's output is counted once (an activation that is part of its linear is one
 *           output with it), and the batch's samples as they lie on the device.
 * Neither knows of caches: where all of it fits a last cache, a step may need less than this. */
#include <string.h>

#include "base/text.h"
#include "bench/bench_state.h"
#include "bench/workloads.h"
#include "graph/layer.h"
#include "graph/plan.h"
#include "train/pass.h"

#define MAX_BATCH   65536
#define HOST_STEPS  4   /* enqueued in a burst when the host's time is taken */
#define BLOCK_STEPS 512 /* at most in a block */

typedef struct run_state {
    clade__pass pass;
    int64_t next, n_batches; /* full batches */
} run_state;

static clade_status enqueue_step(void *context)
{
    run_state *run = context;
    clade_status status = clade__pass_run(&run->pass, run->next);
    run->next = (run->next + 1) % run->n_batches;
    return status;
}

static double flops_of_step(const clade_model *model, int64_t batch)
{
    double flops = 0.0;
    clade_gemm_args calls[CLADE__MAX_GEMMS];
    for (int i = 1; i < model->n_nodes; i++) {
        const clade_node *node = model->nodes[i];
        int n = node->type->gemm_calls ? node->type->gemm_calls(node, batch, true, calls) : 0;
        for (int k = 0; k < n; k++)
            flops += 2.0 * (double)calls[k].m * (double)calls[k].n * (double)calls[k].k;
    }
    return flops;
}

static double bytes_of_step(const clade_model *model, int64_t batch, const clade_data *data)
{
    int n_states = clade__optimizer_n_states(&model->optimizer);
    double values = 0.0; /* float32 that are read or written */
    for (int i = 1; i < model->n_nodes; i++) {
        const clade_node *node = model->nodes[i];
        for (int k = 0; k < node->n_parameters; k++) {
            const clade__parameter *p = &model->parameters[node->parameters[k]];
            bool read_again = !p->is_bias && node->inputs[0]->needs_grad;
            values += (double)clade_shape_elements(p->shape) * (1 + read_again + 2 + 2 * n_states);
        }
        bool part_of_linear = model->train_layout->activation_of[node->inputs[0]->index] == node;
        if (!part_of_linear) values += (double)batch * (double)clade_shape_elements(node->shape);
    }
    return values * sizeof(float) +
           (double)batch * (double)clade__data_cols(data) * (double)clade_dtype_bytes(data->dtype);
}

static clade_status measure_steps(clade_bench *bench, clade_model *model, const clade_data *data,
                                  clade_bench_train_result *result)
{
    run_state run = {.next = 0};
    CLADE_TRY(clade__pass_open(&run.pass, model, data, true, true));
    run.n_batches = run.pass.n_samples / run.pass.batch;
    clade__subject subject = {.enqueue = enqueue_step, .context = &run, .device = bench->device,
                              .n_units = 1.0, .max_calls = BLOCK_STEPS};
    clade_bench_time host = {0};
    clade_status status = clade__feed_shuffle(&run.pass.feed, model->seed, 0);
    if (status == CLADE_OK) status = clade__measure(&subject, 1, bench->seconds);
    if (status == CLADE_OK)
        status = clade__measure_host(&subject, HOST_STEPS, bench->seconds / 2.0, &host);
    result->time = subject.time;
    result->host_seconds = host.median;
    clade__pass_close(&run.pass);
    return status;
}

static clade_status measure_workload(clade_bench *bench, const clade__workload *workload,
                                     clade_bench_train_result *result)
{
    clade_model *model = NULL;
    clade_data *data = NULL;
    clade_status status = clade__workload_data(&data, workload, result->batch);
    if (status == CLADE_OK)
        status = clade__workload_model(&model, workload, bench->device, result->batch,
                                       bench->provider);
    if (status == CLADE_OK) {
        model->input_scale = data->scale;
        model->input_shift = data->shift;
        result->flops = flops_of_step(model, result->batch);
        result->bytes = bytes_of_step(model, result->batch, data);
        status = measure_steps(bench, model, data, result);
    }
    clade_model_free(model);
    clade_data_free(data);
    return status;
}

static clade_status find_workload(const char *name, const clade__workload **out)
{
    const char *names[16];
    char hint[256];
    for (int i = 0; i < clade__n_workloads; i++) {
        *out = &clade__workloads[i];
        names[i] = (*out)->about.name;
        if (strcmp(name, names[i]) == 0) return CLADE_OK;
    }
    return clade__fail(CLADE_EINVAL, "bench: unknown workload '%s'%s", name,
                       clade__suggest(hint, sizeof hint, name, names, (size_t)clade__n_workloads));
}

clade_status clade_bench_train(clade_bench *bench, const char *workload, int64_t batch,
                               clade_bench_train_result *result)
{
    const clade__workload *found = NULL;
    *result = (clade_bench_train_result){0};
    CLADE_TRY(find_workload(workload, &found));
    if (batch < 0 || batch > MAX_BATCH)
        return clade__fail(CLADE_EINVAL, "bench: batch is %lld, want 1 to %d", (long long)batch,
                           MAX_BATCH);
    if (bench->provider && strcmp(bench->provider, "openblas") == 0)
        return clade__fail(CLADE_EINVAL, "bench: openblas runs beside the device, not on it: it is "
                           "for gemm alone");
    CLADE_TRY(clade__bench_limits(bench));
    result->workload = found->about.name;
    result->batch = batch ? batch : found->about.batches[0];
    CLADE_TRY(measure_workload(bench, found, result));
    double seconds = result->time.median;
    result->samples_per_second = (double)result->batch / seconds;
    result->flops_per_second = result->flops / seconds;
    result->share_of_limit =
        clade__bench_least_seconds(bench, result->flops, result->bytes) / seconds;
    return CLADE_OK;
}

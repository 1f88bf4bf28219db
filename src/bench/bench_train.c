/* Whole training steps, as fit enqueues them: the same pass, without its metrics being read.
 *
 * What a step needs at least, whatever computes it:
 *   FLOPs   2 for each multiplication of a layer's product or convolution, counted as the direct one, and
 *           of the gradients of its weight and its input; the rest is small and counts as nothing
 *   bytes   every parameter is read once for forward; a weight once more where its layer's input
 *           needs a gradient; every parameter, and its state, is read and written by the optimizer.
 *           The gradient itself is never stored: the optimizer could be its gemm's epilogue.
 *           Each node's output is counted once (an activation that is part of its linear is one
 *           output with it), and the batch's samples as they lie on the device.
 * Neither knows of caches: where all of it fits a last cache, a step may need less than this. */
#include "bench/bench_state.h"
#include "bench/steps.h"
#include "graph/layer.h"

#define HOST_STEPS 4 /* enqueued in a burst when the host's time is taken */

double clade__step_flops(const clade_model *model, int64_t batch)
{
    double flops = 0.0;
    for (int i = 0; i < model->graph.n_layers; i++) {
        const clade__layer *layer = model->graph.layers[i];
        if (!layer->type || !layer->type->products) continue;
        bool goes_on = model->exe.needs_grad[layer->inputs[0]->layer->index];
        flops += 2.0 * (double)batch * (double)layer->type->products(layer) * (2 + goes_on);
    }
    return flops;
}

/* Of one layer: its parameters and its outputs. */
static double values_of_layer(const clade_model *model, const clade__layer *layer, int64_t batch)
{
    const clade__layout *layout = model->exe.train_layout;
    int n_states = clade__optimizer_n_states(&model->exe.optimizer);
    double values = 0.0;
    for (int k = 0; k < layer->n_parameters; k++) {
        const clade__parameter *p = clade__parameter_of(layer, k);
        if (!p) continue;
        bool read_again = p->decays && model->exe.needs_grad[layer->inputs[0]->layer->index];
        values += (double)clade_shape_elements(p->shape) * (1 + read_again + 2 + 2 * n_states);
    }
    if (layout->heads[layer->index] || clade__layout_is_view(layout, layer)) return values;
    for (int k = 0; k < layer->n_outputs; k++)
        values += (double)batch * (double)clade_shape_elements(layer->outputs[k].shape);
    return values;
}

double clade__step_bytes(const clade_model *model, int64_t batch, const clade_data *data)
{
    double values = 0.0; /* float32 that are read or written */
    for (int i = 0; i < model->graph.n_layers; i++)
        if (model->graph.layers[i]->type)
            values += values_of_layer(model, model->graph.layers[i], batch);
    return values * sizeof(float) +
           (double)batch * (double)clade__data_cols(data) * (double)clade_dtype_bytes(data->dtype);
}

clade_status clade__steps_measure(clade_bench *bench, clade__steps *steps, const clade_data *data,
                                  clade_bench_train_result *result)
{
    clade__subject subject = clade__steps_subject(steps);
    clade_bench_time host = {0};
    CLADE_TRY(clade__measure(&subject, 1, bench->seconds));
    CLADE_TRY(clade__measure_host(&subject, HOST_STEPS, bench->seconds / 2.0, &host));
    result->time = subject.time;
    result->host_seconds = host.median;
    result->bytes = clade__step_bytes(steps->model, result->batch, data);
    result->flops = clade__step_flops(steps->model, result->batch);
    double seconds = result->time.median;
    result->samples_per_second = (double)result->batch / seconds;
    result->flops_per_second = result->flops / seconds;
    result->share_of_limit = clade__bench_least_seconds(bench, result->flops, result->bytes) / seconds;
    return CLADE_OK;
}

clade_status clade_bench_train(clade_bench *bench, const char *workload, int64_t batch,
                               clade_bench_train_result *result)
{
    CLADE_WANT(bench);
    CLADE_WANT(workload);
    CLADE_WANT(result);
    const clade__workload *found = NULL;
    clade__steps steps;
    *result = (clade_bench_train_result){0};
    CLADE_TRY(clade__workload_find(workload, &found));
    CLADE_TRY(clade__steps_check(bench, batch));
    CLADE_TRY(clade__bench_limits(bench));
    result->workload = found->about.name;
    result->batch = batch ? batch : found->about.batches[0];
    CLADE_TRY(clade__steps_open(&steps, found,
                                &(clade__steps_options){.device = bench->device, .batch = result->batch,
                                                        .provider = bench->provider}));
    clade_status status = clade__steps_measure(bench, &steps, steps.data, result);
    clade__steps_close(&steps);
    return status;
}

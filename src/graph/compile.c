/* Compiling: what is asked of a model is checked, its memory planned, and refused if too much. */
#include <stdlib.h>

#include "graph/plan.h"

#define DEFAULT_BATCH 128

static const char *const loss_names[] = {"cross_entropy", "mse", "bce_with_logits"};

const char *clade_loss_name(clade_loss loss)
{
    return (unsigned)loss < 3 ? loss_names[loss] : NULL;
}

static clade_status check_graph(const clade_model *model, const clade_node *output)
{
    if (model->error != CLADE_OK)
        return clade__fail_again(model->error,
                                 model->error_text ? model->error_text : "out of memory");
    if (!model->device)
        return clade__fail(CLADE_ESTATE, "the model was made without a device: it can only be "
                           "described");
    if (model->compiled) return clade__fail(CLADE_ESTATE, "the model is compiled already");
    if (!output || !output->type || output->model != model)
        return clade__fail(CLADE_EINVAL, "compile: the output is not a layer of this model");
    for (int i = 0; i < model->n_nodes; i++) {
        const clade_node *node = model->nodes[i];
        if (node == output && node->n_users > 0)
            return clade__fail(CLADE_EINVAL, "compile: the output '%s' is used by another layer",
                               node->name);
        if (node != output && node->n_users == 0)
            return clade__fail(CLADE_EINVAL, "compile: layer '%s' (%s) leads nowhere", node->name,
                               node->type ? node->type->name : "input");
    }
    return CLADE_OK;
}

static clade_status check_training(const clade_model *model, const clade_node *output,
                                   const clade_compile_options *options)
{
    if (!clade_loss_name(options->loss))
        return clade__fail(CLADE_EINVAL, "compile: unknown loss %d", (int)options->loss);
    if (options->batch < 0 || options->batch > INT32_MAX)
        return clade__fail(CLADE_EINVAL, "compile: batch is %lld, want at least 1",
                           (long long)options->batch);
    int64_t batch = options->batch ? options->batch : DEFAULT_BATCH;
    if (options->accumulate < 0 || options->accumulate > batch)
        return clade__fail(CLADE_EINVAL, "compile: accumulate is %lld, want 1 to the batch, %lld",
                           (long long)options->accumulate, (long long)batch);
    if (model->n_parameters == 0)
        return clade__fail(CLADE_EINVAL, "compile: the model has no parameters to train");
    for (int i = 1; i < model->n_nodes; i++)
        if (model->nodes[i]->needs_grad && !model->nodes[i]->type->backward)
            return clade__fail(CLADE_EINVAL, "compile: layer '%s' (%s) has no gradient",
                               model->nodes[i]->name, model->nodes[i]->type->name);
    if (options->loss == CLADE_LOSS_CROSS_ENTROPY && clade_shape_elements(output->shape) < 2)
        return clade__fail(CLADE_EINVAL, "compile: cross_entropy wants two outputs or more; for one, "
                           "use bce_with_logits or mse");
    return CLADE_OK;
}


/* Slots of both layouts share buffers: slot i of the workspace is as large as the larger. */
static uint64_t workspace_bytes(const clade_model *model, size_t *largest)
{
    const clade__layout *a = model->infer_layout, *b = model->train_layout;
    int n = b && b->n_slots > a->n_slots ? b->n_slots : a->n_slots;
    uint64_t total = 0;
    for (int i = 0; i < n; i++) {
        size_t in_a = i < a->n_slots ? a->slot_bytes[i] : 0;
        size_t in_b = b && i < b->n_slots ? b->slot_bytes[i] : 0;
        size_t bytes = in_a > in_b ? in_a : in_b;
        if (bytes > *largest) *largest = bytes;
        total += bytes;
    }
    size_t scratch = a->gemm_scratch_bytes;
    if (b && b->gemm_scratch_bytes > scratch) scratch = b->gemm_scratch_bytes;
    if (scratch > *largest) *largest = scratch;
    return total + scratch;
}

static clade_status plan_memory(clade_model *model)
{
    clade_memory *memory = &model->memory;
    size_t largest = 0;
    memory->parameters = memory->gradients = 0;
    for (int i = 0; i < model->n_parameters; i++) {
        size_t bytes = (size_t)clade_shape_elements(model->parameters[i].shape) * sizeof(float);
        memory->parameters += bytes;
        if (bytes > largest) largest = bytes;
        if (model->trainable && !model->parameters[i].fused) memory->gradients += bytes;
    }
    if (model->trainable) {
        memory->optimizer_state =
            memory->parameters * (uint64_t)clade__optimizer_n_states(&model->optimizer);
        int64_t n_partials = clade__optimizer_partials(model);
        if (n_partials > 0) memory->optimizer_state += (uint64_t)(n_partials + 1) * sizeof(float);
    }
    memory->activations = workspace_bytes(model, &largest);
    memory->total = memory->parameters + memory->gradients + memory->optimizer_state +
                    memory->activations;

    const clade_device_info *info = clade_device_describe(model->device);
    if (memory->total > info->global_memory_bytes)
        return clade__fail(CLADE_EDEVICEMEM,
                           "the plan needs %.1f MB and %s has %.1f MB; parameters %.1f, gradients "
                           "%.1f, optimizer %.1f, activations of %lld samples %.1f: take a smaller "
                           "batch or network", 1e-6 * (double)memory->total, info->name,
                           1e-6 * (double)info->global_memory_bytes,
                           1e-6 * (double)memory->parameters, 1e-6 * (double)memory->gradients,
                           1e-6 * (double)memory->optimizer_state, (long long)model->micro_batch,
                           1e-6 * (double)memory->activations);
    if (largest > info->max_allocation_bytes)
        return clade__fail(CLADE_EDEVICEMEM,
                           "the plan needs one buffer of %.1f MB and %s allows at most %.1f MB in "
                           "one: take a smaller batch or layer", 1e-6 * (double)largest, info->name,
                           1e-6 * (double)info->max_allocation_bytes);
    return CLADE_OK;
}

/* A value of the batch's size must be countable in int32, as kernels count. */
static clade_status check_batch(const clade_model *model, int64_t batch)
{
    for (int i = 0; i < model->n_nodes; i++)
        if (batch > INT32_MAX / clade_shape_elements(model->nodes[i]->shape))
            return clade__fail(CLADE_ESHAPE, "batch %lld times the %lld values of layer '%s' is more "
                               "than %d", (long long)batch,
                               (long long)clade_shape_elements(model->nodes[i]->shape),
                               model->nodes[i]->name, INT32_MAX);
    return CLADE_OK;
}

/* Where the provider can, sgd's step on a weight is part of the gemm that makes its gradient: on a
 * CPU a step of a large network is bound by memory, and a third of its traffic was the gradient's.
 * Not where the step must wait for more of the gradient, or for all gradients. */
static void choose_fused(clade_model *model)
{
    if (model->optimizer.kind != CLADE_OPTIMIZER_SGD || model->optimizer.clip_norm > 0.0f ||
        model->micro_batch < model->batch || model->keep_gradients)
        return;
    for (int i = 1; i < model->n_nodes; i++) {
        clade_gemm_args calls[CLADE__MAX_GEMMS];
        const clade_node *node = model->nodes[i];
        if (clade__gemm_calls(node, model->micro_batch, true, calls) <= CLADE__GEMM_WEIGHT_GRAD) continue;
        bool can = clade__gemm_can_update(model->device, &calls[CLADE__GEMM_WEIGHT_GRAD]);
        for (int p = 0; p < node->n_parameters; p++)
            model->parameters[node->parameters[p]].fused = can;
    }
}

static clade_status plan_layouts(clade_model *model)
{
    CLADE_TRY(check_batch(model, CLADE__INFER_BATCH));
    CLADE_TRY(clade__layout_create(&model->infer_layout, model, CLADE__INFER_BATCH, false));
    if (model->trainable) {
        CLADE_TRY(check_batch(model, model->micro_batch));
        choose_fused(model);
        CLADE_TRY(clade__layout_create(&model->train_layout, model, model->micro_batch, true));
    }
    CLADE_TRY(plan_memory(model));
    CLADE_TRY(clade__layout_check_gemms(model->infer_layout, model));
    return model->trainable ? clade__layout_check_gemms(model->train_layout, model) : CLADE_OK;
}

static clade_status compile(clade_model *model, clade_node *output)
{
    model->output = output;
    clade_status status = plan_layouts(model);
    if (status != CLADE_OK) {
        free(model->train_layout);
        free(model->infer_layout);
        model->train_layout = model->infer_layout = NULL;
        model->output = NULL;
        return status;
    }
    model->compiled = true;
    return CLADE_OK;
}

clade_status clade_compile(clade_model *model, clade_node *output,
                           const clade_compile_options *options)
{
    CLADE_TRY(check_graph(model, output));
    CLADE_TRY(check_training(model, output, options));
    model->optimizer = options->optimizer;
    CLADE_TRY(clade__optimizer_resolve(&model->optimizer));
    model->lr = model->optimizer.lr;
    CLADE_TRY(clade_gemm_select(model->device, options->gemm));
    model->loss = options->loss;
    model->batch = options->batch ? options->batch : DEFAULT_BATCH;
    int64_t parts = options->accumulate ? options->accumulate : 1;
    model->micro_batch = (model->batch + parts - 1) / parts;
    model->keep_gradients = options->keep_gradients;
    model->trainable = true;
    return compile(model, output);
}

clade_status clade__compile_for_inference(clade_model *model, clade_node *output, clade_loss loss)
{
    CLADE_TRY(check_graph(model, output));
    model->loss = loss;
    model->batch = model->micro_batch = CLADE__INFER_BATCH;
    return compile(model, output);
}

clade_status clade_model_memory(const clade_model *model, clade_memory *memory)
{
    if (!model->compiled) return clade__fail(CLADE_ESTATE, "the model is not compiled");
    *memory = model->memory;
    return CLADE_OK;
}

int clade_model_n_layers(const clade_model *model)
{
    return model->n_nodes > 0 ? model->n_nodes - 1 : 0;
}

clade_status clade_model_layer(const clade_model *model, int index, clade_layer_info *info)
{
    if (index < 0 || index >= clade_model_n_layers(model))
        return clade__fail(CLADE_EINVAL, "layer %d of %d", index, clade_model_n_layers(model));
    const clade_node *node = model->nodes[index + 1];
    *info = (clade_layer_info){.type = node->type->name, .name = node->name, .shape = node->shape};
    for (int i = 0; i < node->n_parameters; i++)
        info->parameters += clade_shape_elements(model->parameters[node->parameters[i]].shape);
    return CLADE_OK;
}

int64_t clade_model_n_parameters(const clade_model *model)
{
    int64_t n = 0;
    for (int i = 0; i < model->n_parameters; i++)
        n += clade_shape_elements(model->parameters[i].shape);
    return n;
}

clade_shape clade_model_input_shape(const clade_model *model)
{
    return model->n_nodes > 0 ? model->nodes[0]->shape : (clade_shape){0};
}

clade_shape clade_model_output_shape(const clade_model *model)
{
    return model->n_nodes > 0 ? model->nodes[model->n_nodes - 1]->shape : (clade_shape){0};
}

clade_loss clade_model_loss(const clade_model *model)
{
    return model->loss;
}

int64_t clade_model_batch(const clade_model *model)
{
    return model->batch;
}

int64_t clade_model_micro_batch(const clade_model *model)
{
    return model->micro_batch;
}

/* Compiling: what is asked of a model is checked, its memory planned, and refused if too much. */
#include <stdlib.h>

#include "device/owner.h"
#include "graph/plan.h"

#define DEFAULT_BATCH 128

static const char *const loss_names[] = {"cross_entropy", "mse", "bce_with_logits"};

const char *clade_loss_name(clade_loss loss)
{
    return (unsigned)loss < 3 ? loss_names[loss] : NULL;
}

static clade_status check_device(const clade_model *model, const char *what)
{
    if (model->device) return CLADE_OK;
    return clade__fail(CLADE_ESTATE, "%s: the model was made without a device: it can only be "
                       "described", what);
}

clade_status clade__check_compiled(const clade_model *model, const char *what, bool training)
{
    CLADE_TRY(check_device(model, what));
    if (training ? model->trainable : model->compiled) return CLADE_OK;
    return clade__fail(CLADE_ESTATE, "%s: the model is not compiled%s: call clade_compile before it",
                       what, training ? " for training" : "");
}

static clade_status check_graph(const clade_model *model, const clade_node *output)
{
    if (model->error != CLADE_OK)
        return clade__fail_again(model->error,
                                 model->error_text ? model->error_text : "out of memory");
    CLADE_TRY(check_device(model, "compile"));
    if (model->trainable) return clade__fail(CLADE_ESTATE, "compile: the model is compiled already");
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
    if ((options->accumulate < 0 && options->accumulate != CLADE_ACCUMULATE_AUTO) ||
        options->accumulate > batch)
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

static clade_status plan(clade_model *model, const clade__feeds *feeds, bool choose_parts)
{
    if (choose_parts) CLADE_TRY(clade__memory_choose_parts(model, feeds));
    CLADE_TRY(clade__memory_plan(model));
    CLADE_TRY(clade__memory_check(model, feeds));
    CLADE_TRY(clade__layout_check_gemms(model->infer_layout, model));
    return model->trainable ? clade__layout_check_gemms(model->train_layout, model) : CLADE_OK;
}

/* Plans what has been set in the model; when that cannot be, it becomes what it was before. */
static clade_status compile(clade_model *model, const clade_model *before, const clade__feeds *feeds,
                            bool choose_parts)
{
    clade_status status = plan(model, feeds, choose_parts);
    if (status != CLADE_OK) {
        free(model->train_layout);
        if (!before->infer_layout) free(model->infer_layout);
        *model = *before;
        return status;
    }
    model->compiled = true;
    return CLADE_OK;
}

static clade_status compile_for_training(clade_model *model, clade_node *output,
                                         const clade_compile_options *options)
{
    const clade_compile_options defaults = {.loss = model->loss};
    if (!options) options = &defaults;
    if (!output) output = model->output; /* of a model that was loaded */
    CLADE_TRY(check_graph(model, output));
    CLADE_TRY(check_training(model, output, options));
    clade_optimizer optimizer = options->optimizer;
    CLADE_TRY(clade__optimizer_resolve(&optimizer));
    const clade__gemm_provider *gemm;
    CLADE_TRY(clade__gemm_provider_named(&gemm, options->gemm));
    CLADE_TRY(clade__model_withdraw(model));
    const clade_model before = *model;
    model->output = output;
    model->optimizer = optimizer;
    model->lr = optimizer.lr;
    model->loss = options->loss;
    model->batch = options->batch ? options->batch : DEFAULT_BATCH;
    int64_t parts = options->accumulate > 0 ? options->accumulate : 1;
    model->micro_batch = (model->batch + parts - 1) / parts;
    model->keep_gradients = options->keep_gradients;
    model->gemm = gemm;
    model->trainable = true;
    const clade__feeds feeds = {options->train, options->valid};
    return compile(model, &before, &feeds, options->accumulate == CLADE_ACCUMULATE_AUTO);
}

clade_status clade_compile(clade_model *model, clade_node *output,
                           const clade_compile_options *options)
{
    CLADE_WANT(model);
    CLADE_TRY(clade__device_take(model->device, "compile"));
    return clade__device_give(model->device, compile_for_training(model, output, options));
}

clade_status clade__compile_for_inference(clade_model *model, clade_node *output, clade_loss loss)
{
    CLADE_TRY(check_graph(model, output));
    const clade_model before = *model;
    CLADE_TRY(clade__gemm_provider_of_device(&model->gemm, model->device));
    model->output = output;
    model->loss = loss;
    model->batch = model->micro_batch = CLADE__INFER_BATCH;
    return compile(model, &before, &(clade__feeds){0}, false);
}

clade_status clade_model_memory(const clade_model *model, clade_memory *memory)
{
    CLADE_WANT(model);
    CLADE_WANT(memory);
    CLADE_TRY(clade__check_compiled(model, "memory", false));
    *memory = model->memory;
    return CLADE_OK;
}

int clade_model_n_layers(const clade_model *model)
{
    return model->n_nodes > 0 ? model->n_nodes - 1 : 0;
}

clade_status clade_model_layer(const clade_model *model, int index, clade_layer_info *info)
{
    CLADE_WANT(model);
    CLADE_WANT(info);
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

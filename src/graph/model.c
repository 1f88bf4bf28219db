/* Models: made, compiled, asked about. */
#include "graph/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "device/owner.h"

#define DEFAULT_BATCH 128

clade_status clade_model_create(clade_model **out, clade_device *device, uint64_t seed)
{
    CLADE_WANT(out);
    *out = calloc(1, sizeof **out);
    if (!*out) return clade__fail(CLADE_ENOMEM, "no memory for a model");
    (*out)->device = device;
    (*out)->session.seed = seed;
    (*out)->input.scale = 1.0f;
    return CLADE_OK;
}

void clade__model_free_steps(clade_model *model)
{
    if (model->steps_free) model->steps_free(model->steps);
    model->steps = NULL;
    model->steps_free = NULL;
}

void clade_model_free(clade_model *model)
{
    if (!model) return;
    clade__model_free_steps(model);
    clade__session_release(&model->session, &model->exe);
    free(model->session.initial);
    clade__executable_free(&model->exe);
    clade__graph_free(&model->graph);
    clade__scaling_free(&model->input);
    clade__schema_release(model->schema);
    free(model->class_names);
    free(model);
}

/* ---- compile ----------------------------------------------------------------------------------- */

static clade_status check_device(const clade_model *model, const char *what)
{
    if (model->device) return CLADE_OK;
    return clade__fail(CLADE_ESTATE, "%s: the model was made without a device: it can only be "
                       "described", what);
}

clade_status clade__check_compiled(const clade_model *model, const char *what, bool training)
{
    CLADE_TRY(check_device(model, what));
    if (training ? model->exe.trains : model->compiled) return CLADE_OK;
    return clade__fail(CLADE_ESTATE, "%s: the model is not compiled%s: call clade_compile before it",
                       what, training ? " for training" : "");
}

static clade_status check_options(const clade_compile_options *options)
{
    CLADE_WANT_UNUSED("compile", options->reserved);
    CLADE_WANT_UNUSED("compile", options->optimizer.reserved);
    CLADE_WANT_UNUSED("compile", options->train.reserved);
    CLADE_WANT_UNUSED("compile", options->valid.reserved);
    if (options->batch < 0 || options->batch > INT32_MAX)
        return clade__fail(CLADE_EINVAL, "compile: batch is %lld, want at least 1",
                           (long long)options->batch);
    int64_t batch = options->batch ? options->batch : DEFAULT_BATCH;
    if ((options->accumulate < 0 && options->accumulate != CLADE_ACCUMULATE_AUTO) ||
        options->accumulate > batch)
        return clade__fail(CLADE_EINVAL, "compile: accumulate is %lld, want 1 to the batch, %lld",
                           (long long)options->accumulate, (long long)batch);
    if (options->n_groups < 0 || options->n_groups > 1000)
        return clade__fail(CLADE_EINVAL, "compile: n_groups is %d, want 0 to 1000", options->n_groups);
    return CLADE_OK;
}

/* The loss that the options name, where the network has none of its own yet. */
static clade_status add_loss(clade_model *model, clade_node *output, clade_loss kind)
{
    if (!clade_loss_name(kind)) return clade__fail(CLADE_EINVAL, "compile: unknown loss %d", (int)kind);
    return clade__graph_add_loss(&model->graph,
                                 &(clade__loss){.kind = kind, .prediction = output, .weight = 1.0f});
}

/* What the last compilation is taken back to when this one is refused. */
typedef struct before {
    int n_losses;
    const clade_node *output;
    clade_loss loss;
} before;

/* Plans; the model takes the executable over when all of it can be. */
static clade_status open_executable(clade_model *model, const clade__executable_options *options)
{
    clade__executable exe;
    clade_status status = clade__executable_open(&exe, &model->graph, options);
    if (status == CLADE_OK) status = clade__session_withdraw(&model->session, &model->exe);
    if (status != CLADE_OK) {
        clade__executable_free(&exe);
        return status;
    }
    clade__model_free_steps(model);
    clade__executable_free(&model->exe);
    model->exe = exe;
    model->session.numbers.lr = exe.optimizer.lr;
    model->compiled = model->graph.closed = true;
    return CLADE_OK;
}

static clade_node *default_output(const clade_model *model)
{
    const clade__graph *graph = &model->graph;
    if (model->output) return &model->output->layer->outputs[model->output->output];
    return graph->n_losses > 0 ? graph->losses[0].prediction : NULL;
}

/* Whether graph and options can be, and the loss. */
static clade_status prepare(clade_model *model, clade_node *output,
                            const clade_compile_options *options)
{
    CLADE_TRY(clade__graph_error(&model->graph));
    CLADE_TRY(check_device(model, "compile"));
    if (model->exe.trains) return clade__fail(CLADE_ESTATE, "compile: the model is compiled already");
    CLADE_TRY(check_options(options));
    CLADE_TRY(clade__graph_check(&model->graph, output));
    model->graph.closed = false; /* of a loaded model, whose loss may be another one now */
    if (model->graph.n_losses == 1 && !model->graph.losses[0].target) model->graph.n_losses = 0;
    if (model->graph.n_losses == 0) CLADE_TRY(add_loss(model, output, options->loss));
    model->output = output;
    model->loss = model->graph.losses[0].kind;
    if (model->graph.n_parameters > 0) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "compile: the model has no parameters to train");
}

static clade_status compile(clade_model *model, clade_node *output,
                            const clade_compile_options *options)
{
    CLADE_TRY(prepare(model, output, options));
    clade__executable_options made = {
        .device = model->device, .output = output, .trains = true,
        .keep_gradients = options->keep_gradients, .optimizer = options->optimizer,
        .groups = options->groups, .n_groups = options->n_groups,
        .batch = options->batch ? options->batch : DEFAULT_BATCH, .accumulate = options->accumulate,
        .infer_batch = model->infer_batch, .feeds = {options->train, options->valid}};
    CLADE_TRY(clade__optimizer_resolve(&made.optimizer));
    CLADE_TRY(clade__gemm_provider_named(&made.gemm, options->gemm));
    return open_executable(model, &made);
}

static clade_status compile_or_not(clade_model *model, clade_node *output,
                                   const clade_compile_options *options)
{
    const clade_compile_options defaults = {.loss = model->loss};
    bool was_closed = model->graph.closed;
    clade__loss first = model->graph.n_losses > 0 ? model->graph.losses[0] : (clade__loss){0};
    const before then = {model->graph.n_losses, model->output, model->loss};
    clade_status status = compile(model, output ? output : default_output(model),
                                  options ? options : &defaults);
    if (status == CLADE_OK) return CLADE_OK;
    model->graph.n_losses = then.n_losses;
    if (then.n_losses > 0) model->graph.losses[0] = first;
    model->graph.closed = was_closed;
    model->output = then.output;
    model->loss = then.loss;
    return status;
}

clade_status clade_compile(clade_model *model, clade_node *output,
                           const clade_compile_options *options)
{
    CLADE_WANT(model);
    CLADE_TRY(clade__device_take(model->device, "compile"));
    return clade__device_give(model->device, compile_or_not(model, output, options));
}

clade_status clade__compile_for_inference(clade_model *model)
{
    clade__executable_options made = {.device = model->device, .output = model->output,
                                      .batch = CLADE__INFER_BATCH, .infer_batch = model->infer_batch};
    CLADE_TRY(clade__gemm_provider_of_device(&made.gemm, model->device));
    return open_executable(model, &made);
}

/* ---- values ------------------------------------------------------------------------------------ */

clade_status clade__model_materialize(clade_model *model)
{
    return clade__session_materialize(&model->session, &model->exe);
}

size_t clade__model_parameter_bytes(const clade_model *model)
{
    return (size_t)clade__graph_n_values(&model->graph) * sizeof(float);
}

clade_status clade__model_read_parameters(clade_model *model, float *values)
{
    for (int i = 0; i < model->graph.n_parameters; i++) {
        CLADE_TRY(clade_tensor_read(model->session.parameters[i].value, values));
        values += clade_shape_elements(model->graph.parameters[i].shape);
    }
    return CLADE_OK;
}

size_t clade__model_trained_bytes(const clade_model *model)
{
    int64_t n = 0;
    for (int i = 0; i < model->graph.n_parameters; i++)
        if (model->exe.parameters[i].trains)
            n += clade_shape_elements(model->graph.parameters[i].shape);
    return clade__model_parameter_bytes(model) +
           (size_t)n * (size_t)clade__optimizer_n_states(&model->exe.optimizer) * sizeof(float);
}

/* The tensor of number k of all that training changes; NULL where a parameter has none. */
static clade_tensor *trained(const clade_model *model, int k, int parameter)
{
    const clade__parameter_tensors *t = &model->session.parameters[parameter];
    return k == 0 ? t->value : t->state[k - 1];
}

clade_status clade__model_read_trained(clade_model *model, float *values)
{
    for (int k = 0; k <= clade__optimizer_n_states(&model->exe.optimizer); k++)
        for (int i = 0; i < model->graph.n_parameters; i++) {
            clade_tensor *tensor = trained(model, k, i);
            if (!tensor) continue;
            CLADE_TRY(clade_tensor_read(tensor, values));
            values += clade_tensor_elements(tensor);
        }
    return CLADE_OK;
}

clade_status clade__model_write_trained(clade_model *model, const float *values)
{
    for (int k = 0; k <= clade__optimizer_n_states(&model->exe.optimizer); k++)
        for (int i = 0; i < model->graph.n_parameters; i++) {
            clade_tensor *tensor = trained(model, k, i);
            if (!tensor) continue;
            CLADE_TRY(clade_tensor_write(tensor, values));
            values += clade_tensor_elements(tensor);
        }
    return CLADE_OK;
}

/* ---- query ------------------------------------------------------------------------------------- */

clade_status clade__model_name_classes(clade_model *model, const char *const *names, int n)
{
    for (int i = 0; i < n && names; i++)
        if (!clade__is_utf8(names[i]))
            return clade__fail(CLADE_EDATA, "the name of class %d is not UTF-8, which a model file "
                               "must be", i);
    char **copy = names ? clade__names_copy(names, (size_t)n) : NULL;
    if (names && !copy) return clade__fail(CLADE_ENOMEM, "no memory for the names of %d classes", n);
    free(model->class_names);
    model->class_names = copy;
    model->n_classes = copy ? n : 0;
    return CLADE_OK;
}

int64_t clade__model_n_known(const clade_model *model)
{
    clade_shape shape = clade_model_output_shape(model);
    int64_t outputs = model->graph.n_losses > 0 && model->graph.losses[0].target
                          ? clade__shape_cols(shape) : clade_shape_elements(shape);
    return outputs > 1 ? outputs : 2;
}

float clade__model_threshold(const clade_model *model)
{
    return clade__loss_threshold(model->loss);
}

clade_model_scale clade_model_input_scale(const clade_model *model)
{
    const clade__scaling *input = &model->input;
    return (clade_model_scale){
        .scale = clade__decimal(input->scale), .shift = clade__decimal(input->shift),
        .feature_scale = input->columns,
        .feature_shift = input->columns ? input->columns + input->n_columns : NULL};
}

const clade_schema *clade_model_schema(const clade_model *model)
{
    return model->schema;
}

const char *clade_model_class_name(const clade_model *model, int label)
{
    return label >= 0 && label < model->n_classes ? model->class_names[label] : NULL;
}

clade_status clade_model_memory(const clade_model *model, clade_memory *memory)
{
    CLADE_WANT(model);
    CLADE_WANT(memory);
    CLADE_TRY(clade__check_compiled(model, "memory", false));
    *memory = model->exe.memory;
    return CLADE_OK;
}

int clade_model_n_layers(const clade_model *model)
{
    return model->graph.n_layers - model->graph.n_inputs;
}

/* Layer number `index` of those that are no inputs. */
static const clade__layer *layer_at(const clade_model *model, int index)
{
    for (int i = 0; i < model->graph.n_layers; i++)
        if (model->graph.layers[i]->type && index-- == 0) return model->graph.layers[i];
    return NULL;
}

clade_status clade_model_layer(const clade_model *model, int index, clade_layer_info *info)
{
    CLADE_WANT(model);
    CLADE_WANT(info);
    const clade__layer *layer = index < 0 ? NULL : layer_at(model, index);
    if (!layer)
        return clade__fail(CLADE_EINVAL, "layer %d of %d", index, clade_model_n_layers(model));
    *info = (clade_layer_info){.type = layer->type->name, .name = layer->name,
                               .shape = layer->outputs[0].shape};
    for (int i = 0; i < layer->n_parameters; i++) {
        const clade__parameter *p = clade__parameter_of(layer, i);
        if (p && p->layer == layer) info->parameters += clade_shape_elements(p->shape);
    }
    return CLADE_OK;
}

int64_t clade_model_n_parameters(const clade_model *model)
{
    return clade__graph_n_values(&model->graph);
}

clade_shape clade_model_output_shape(const clade_model *model)
{
    const clade__graph *graph = &model->graph;
    if (model->output) return model->output->shape;
    return graph->n_layers > 0 ? graph->layers[graph->n_layers - 1]->outputs[0].shape : (clade_shape){0};
}

clade_loss clade_model_loss(const clade_model *model)
{
    return model->loss;
}

int64_t clade_model_batch(const clade_model *model)
{
    return model->exe.batch;
}

int64_t clade_model_micro_batch(const clade_model *model)
{
    return model->exe.micro_batch;
}

int64_t clade_model_inference_batch(const clade_model *model)
{
    return model->exe.infer_batch;
}

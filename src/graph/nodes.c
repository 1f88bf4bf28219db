/* Building: models, nodes and parameters, with shapes inferred as each node is made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "graph/layer.h"

clade_status clade_model_create(clade_model **out, clade_device *device, uint64_t seed)
{
    CLADE_WANT(out);
    *out = calloc(1, sizeof **out);
    if (!*out) return clade__fail(CLADE_ENOMEM, "no memory for a model");
    (*out)->device = device;
    (*out)->seed = seed;
    (*out)->input.scale = 1.0f;
    return CLADE_OK;
}

void clade_model_free(clade_model *model)
{
    if (!model) return;
    clade__model_release(model);
    free(model->train_layout);
    free(model->infer_layout);
    free(model->initial);
    free(model->parameters);
    free(model->nodes);
    free(model->error_text);
    clade__scaling_free(&model->input);
    clade__schema_release(model->schema);
    free(model->class_names);
    clade__arena_free(&model->arena);
    free(model);
}

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
    int64_t outputs = clade_shape_elements(clade_model_output_shape(model));
    return outputs > 1 ? outputs : 2;
}

float clade__model_threshold(const clade_model *model)
{
    return model->loss == CLADE_LOSS_MSE ? 0.5f : 0.0f;
}

clade_model_scale clade_model_input_scale(const clade_model *model)
{
    const clade__scaling *input = &model->input;
    clade_model_scale made = {clade__decimal(input->scale), clade__decimal(input->shift), NULL, NULL};
    made.feature_scale = input->columns;
    made.feature_shift = input->columns ? input->columns + input->n_columns : NULL;
    return made;
}

const clade_schema *clade_model_schema(const clade_model *model)
{
    return model->schema;
}

const char *clade_model_class_name(const clade_model *model, int label)
{
    return label >= 0 && label < model->n_classes ? model->class_names[label] : NULL;
}

void clade__model_keep_error(clade_model *model, clade_status status)
{
    if (status == CLADE_OK || model->error != CLADE_OK) return;
    model->error = status;
    size_t bytes = strlen(clade_error()) + 1;
    model->error_text = malloc(bytes);
    if (model->error_text) memcpy(model->error_text, clade_error(), bytes);
}

static clade_status append_node(clade_model *model, clade_node *node)
{
    if (model->n_nodes == model->nodes_capacity) {
        int capacity = 2 * model->nodes_capacity + 16;
        clade_node **nodes = realloc(model->nodes, (size_t)capacity * sizeof *nodes);
        if (!nodes) return clade__fail(CLADE_ENOMEM, "no memory for nodes");
        model->nodes = nodes;
        model->nodes_capacity = capacity;
    }
    node->model = model;
    node->index = model->n_nodes;
    model->nodes[model->n_nodes++] = node;
    return CLADE_OK;
}

static clade_status check_sample(clade_shape shape, const char *what)
{
    CLADE_TRY(clade__shape_check_counted(shape, what));
    if (shape.rank < 1 || shape.rank > CLADE_MAX_RANK - 1)
        return clade__fail(CLADE_ESHAPE, "%s: a sample has rank %d, want 1 to %d", what, shape.rank,
                           CLADE_MAX_RANK - 1);
    return CLADE_OK;
}

static clade_status add_input(clade_model *model, clade_shape sample)
{
    if (model->n_nodes > 0) return clade__fail(CLADE_ESTATE, "input: the model has one already");
    CLADE_TRY(check_sample(sample, "input"));
    clade_node *node = clade__arena_alloc(&model->arena, sizeof *node);
    if (!node) return clade__fail(CLADE_ENOMEM, "no memory for a node");
    node->shape = sample;
    node->name = "input";
    return append_node(model, node);
}

clade_node *clade_input(clade_model *model, clade_shape sample)
{
    if (!model || model->error != CLADE_OK) return NULL;
    clade__model_keep_error(model, add_input(model, sample));
    return model->error == CLADE_OK ? model->nodes[0] : NULL;
}

/* A name is part of parameter names and descriptions: letters, digits, '_' and '-', and not that of
 * a layer's position. */
static clade_status check_name(const clade_model *model, const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    if (n == 0 || n > 60 || name[n] || (name[0] >= '0' && name[0] <= '9'))
        return clade__fail(CLADE_EINVAL, "name: '%.60s' is not a letter followed by letters, digits, "
                           "'_' or '-'", name);
    for (int i = 0; i < model->n_nodes; i++)
        if (strcmp(model->nodes[i]->name, name) == 0)
            return clade__fail(CLADE_EINVAL, "name: '%s' is taken", name);
    return CLADE_OK;
}

static clade_status add_node(clade_model *model, const clade__layer_type *type,
                             clade_node *const *inputs, const clade__layer_options *options,
                             const char *name)
{
    if (model->compiled) return clade__fail(CLADE_ESTATE, "%s: the model is compiled", type->name);
    if (name) CLADE_TRY(check_name(model, name));
    clade_node *node = clade__arena_alloc(&model->arena, sizeof *node);
    if (!node) return clade__fail(CLADE_ENOMEM, "no memory for a node");
    char position[16];
    snprintf(position, sizeof position, "%d", model->n_nodes - 1);
    *node = (clade_node){.model = model, .type = type, .n_inputs = type->n_inputs,
                         .named = name != NULL, .options = *options};
    node->name = clade__arena_copy_text(&model->arena, name ? name : position);
    if (!node->name) return clade__fail(CLADE_ENOMEM, "no memory for a node");
    char label[96];
    snprintf(label, sizeof label, "%s %s", node->name, type->name);
    node->label = clade__arena_copy_text(&model->arena, label);
    if (!node->label) return clade__fail(CLADE_ENOMEM, "no memory for a node");
    for (int i = 0; i < type->n_inputs; i++) {
        if (inputs[i]->model != model)
            return clade__fail(CLADE_EINVAL, "%s: inputs are of different models", type->name);
        if (inputs[i]->dtype != CLADE_FLOAT32)
            return clade__fail(CLADE_ESHAPE, "%s: cannot follow %s, whose values are int32",
                               type->name, inputs[i]->type->name);
        node->inputs[i] = inputs[i];
        node->needs_grad = node->needs_grad || inputs[i]->needs_grad;
    }
    CLADE_TRY(type->infer(node));
    CLADE_TRY(check_sample(node->shape, type->name));
    if (node->n_parameters > 0) node->needs_grad = true;
    for (int i = 0; i < type->n_inputs; i++) inputs[i]->n_users++;
    return append_node(model, node);
}

clade_node *clade__node_add(const clade__layer_type *type, clade_node *const *inputs,
                            const clade__layer_options *options, const char *name)
{
    for (int i = 0; i < type->n_inputs; i++)
        if (!inputs[i]) return NULL;
    clade_model *model = inputs[0]->model;
    if (model->error != CLADE_OK) return NULL;
    clade__model_keep_error(model, add_node(model, type, inputs, options, name));
    return model->error == CLADE_OK ? model->nodes[model->n_nodes - 1] : NULL;
}

clade_status clade__node_add_parameter(clade_node *node, const char *suffix, clade_shape shape,
                                       clade_init init, int64_t fan_in, int64_t fan_out,
                                       bool is_bias)
{
    clade_model *model = node->model;
    char name[96];
    snprintf(name, sizeof name, "%s.%s", node->name, suffix);
    CLADE_TRY(clade__shape_check_counted(shape, name));
    if (model->n_parameters == model->parameters_capacity) {
        int capacity = 2 * model->parameters_capacity + 16;
        clade__parameter *more = realloc(model->parameters, (size_t)capacity * sizeof *more);
        if (!more) return clade__fail(CLADE_ENOMEM, "no memory for parameters");
        model->parameters = more;
        model->parameters_capacity = capacity;
    }
    const char *kept = clade__arena_copy_text(&model->arena, name);
    if (!kept) return clade__fail(CLADE_ENOMEM, "no memory for parameters");
    model->parameters[model->n_parameters] =
        (clade__parameter){.name = kept, .shape = shape, .init = init, .is_bias = is_bias,
                           .fan_in = fan_in, .fan_out = fan_out};
    node->parameters[node->n_parameters++] = model->n_parameters++;
    return CLADE_OK;
}

/* ---- the public builders --------------------------------------------------------------------- */

static clade_node *add_simple(const char *type, clade_node *x, clade__layer_options options)
{
    return clade__node_add(clade__layer_type_of(type), &x, &options, NULL);
}

clade_node *clade_linear(clade_node *x, int64_t units)
{
    return add_simple("linear", x, (clade__layer_options){.linear = {.units = units}});
}

clade_node *clade_linear_with(clade_node *x, const clade_linear_options *options)
{
    if (!x) return NULL;
    if (!options) {
        clade__model_keep_error(x->model, clade__fail(CLADE_EINVAL,
                                                      "clade_linear_with: options is NULL"));
        return NULL;
    }
    return add_simple("linear", x, (clade__layer_options){.linear = *options});
}

clade_node *clade_sigmoid(clade_node *x)
{
    return add_simple("sigmoid", x, (clade__layer_options){0});
}

clade_node *clade_tanh(clade_node *x)
{
    return add_simple("tanh", x, (clade__layer_options){0});
}

clade_node *clade_relu(clade_node *x)
{
    return add_simple("relu", x, (clade__layer_options){0});
}

clade_node *clade_leaky_relu(clade_node *x, float slope)
{
    return add_simple("leaky_relu", x,
                      (clade__layer_options){.slope = slope == 0.0f ? 0.01f : slope});
}

clade_node *clade_gelu(clade_node *x)
{
    return add_simple("gelu", x, (clade__layer_options){0});
}

clade_node *clade_dropout(clade_node *x, float p)
{
    return add_simple("dropout", x, (clade__layer_options){.p = p});
}

clade_node *clade_softmax(clade_node *x)
{
    return add_simple("softmax", x, (clade__layer_options){0});
}

clade_node *clade_log_softmax(clade_node *x)
{
    return add_simple("log_softmax", x, (clade__layer_options){0});
}

clade_node *clade_add(clade_node *a, clade_node *b)
{
    clade_node *inputs[] = {a, b};
    return clade__node_add(clade__layer_type_of("add"), inputs, &(clade__layer_options){0}, NULL);
}

clade_node *clade_sum(clade_node *x, int dim)
{
    return add_simple("sum", x, (clade__layer_options){.dim = dim});
}

clade_node *clade_mean(clade_node *x, int dim)
{
    return add_simple("mean", x, (clade__layer_options){.dim = dim});
}

clade_node *clade_max(clade_node *x, int dim)
{
    return add_simple("max", x, (clade__layer_options){.dim = dim});
}

clade_node *clade_argmax(clade_node *x, int dim)
{
    return add_simple("argmax", x, (clade__layer_options){.dim = dim});
}

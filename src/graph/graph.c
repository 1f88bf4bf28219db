/* Building a graph: inputs, layers with shapes inferred as each is added, parameters, losses. */
#include "graph/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "graph/layer.h"

enum { MAX_NAME = 200 };

void clade__graph_free(clade__graph *graph)
{
    free(graph->layers);
    free(graph->parameters);
    free(graph->inputs);
    free(graph->losses);
    free(graph->error_text);
    clade__arena_free(&graph->arena);
    *graph = (clade__graph){0};
}

void clade__graph_keep_error(clade__graph *graph, clade_status status)
{
    if (status == CLADE_OK || graph->error != CLADE_OK) return;
    graph->error = status;
    size_t bytes = strlen(clade_error()) + 1;
    graph->error_text = malloc(bytes);
    if (graph->error_text) memcpy(graph->error_text, clade_error(), bytes);
}

clade_status clade__graph_error(const clade__graph *graph)
{
    if (graph->error == CLADE_OK) return CLADE_OK;
    return clade__fail_again(graph->error, graph->error_text ? graph->error_text : "out of memory");
}

/* Room for one more of n elements. */
static clade_status grow(void **list, int n, int *capacity, size_t element_bytes)
{
    if (n < *capacity) return CLADE_OK;
    int more = 2 * *capacity + 16;
    void *grown = realloc(*list, (size_t)more * element_bytes);
    if (!grown) return clade__fail(CLADE_ENOMEM, "no memory for a graph");
    *list = grown;
    *capacity = more;
    return CLADE_OK;
}

static void *take(clade__graph *graph, size_t n, size_t bytes)
{
    return clade__arena_alloc(&graph->arena, n * bytes + 1);
}

/* ---- names ------------------------------------------------------------------------------------- */

static clade__layer *layer_named(const clade__graph *graph, const char *name, size_t length)
{
    for (int i = graph->n_layers - 1; i >= 0; i--)
        if (strncmp(graph->layers[i]->name, name, length) == 0 && !graph->layers[i]->name[length])
            return graph->layers[i];
    return NULL;
}

clade_node *clade__graph_node(const clade__graph *graph, const char *name)
{
    const char *colon = strchr(name, ':');
    size_t length = colon ? (size_t)(colon - name) : strlen(name);
    clade__layer *layer = layer_named(graph, name, length);
    char *end = NULL;
    long output = colon ? strtol(colon + 1, &end, 10) : 0;
    if (!layer || (colon && (end == colon + 1 || *end))) return NULL;
    return output >= 0 && output < layer->n_outputs ? &layer->outputs[output] : NULL;
}

int clade__graph_parameter(const clade__graph *graph, const char *name)
{
    for (int i = 0; i < graph->n_parameters; i++)
        if (strcmp(graph->parameters[i].name, name) == 0) return i;
    return -1;
}

/* A name is part of parameter names and descriptions. It may have dots, as the names of PyTorch's modules
 * have. */
static clade_status check_name(const clade__graph *graph, const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");
    if (n == 0 || n > MAX_NAME || name[n] || name[0] == '.' || name[n - 1] == '.' ||
        strstr(name, ".."))
        return clade__fail(CLADE_EINVAL, "name: '%.60s' has not 1 to %d letters, digits, '_' and '-', "
                           "with single dots between them", name, (int)MAX_NAME);
    if (layer_named(graph, name, n))
        return clade__fail(CLADE_EINVAL, "name: '%.60s' is taken by another layer", name);
    return CLADE_OK;
}

/* ---- layers ------------------------------------------------------------------------------------ */

static clade_status check_sample(clade_shape shape, const char *what)
{
    CLADE_TRY(clade__shape_check_counted(shape, what));
    if (shape.rank < 1 || shape.rank > CLADE_MAX_RANK - 1)
        return clade__fail(CLADE_ESHAPE, "%s: a sample has rank %d, want 1 to %d", what, shape.rank,
                           CLADE_MAX_RANK - 1);
    return CLADE_OK;
}

static int count_of_rows(const clade__parameter_row *rows)
{
    int n = 0;
    while (rows && rows[n].suffix) n++;
    return n;
}

static clade_status open_layer(clade__layer **out, clade__graph *graph, const clade__layer_spec *spec,
                               int n_parameters)
{
    char position[16], label[MAX_NAME + 80];
    const char *name = spec->name, *type = spec->type ? spec->type->name : "input";
    clade__layer *layer = take(graph, 1, sizeof *layer);
    *out = layer;
    if (!layer) return clade__fail(CLADE_ENOMEM, "no memory for a layer");
    snprintf(position, sizeof position, "%d", graph->n_layers - graph->n_inputs);
    CLADE_TRY(check_name(graph, name ? name : position));
    *layer = (clade__layer){.graph = graph, .type = spec->type, .index = graph->n_layers,
                            .number = graph->n_computing + 1,
                            .named = name != NULL, .n_inputs = spec->n_inputs,
                            .n_parameters = n_parameters, .first_input = graph->n_layer_inputs};
    layer->name = clade__arena_copy_text(&graph->arena, name ? name : position);
    snprintf(label, sizeof label, "%s %s", layer->name ? layer->name : "", type);
    layer->label = clade__arena_copy_text(&graph->arena, label);
    layer->inputs = take(graph, (size_t)spec->n_inputs, sizeof *layer->inputs);
    layer->parameters = take(graph, (size_t)n_parameters, sizeof *layer->parameters);
    layer->options = spec->type && spec->type->options_bytes
                         ? take(graph, 1, spec->type->options_bytes) : NULL;
    if (!layer->name || !layer->label || !layer->inputs || !layer->parameters ||
        (spec->type && spec->type->options_bytes && !layer->options))
        return clade__fail(CLADE_ENOMEM, "no memory for a layer");
    for (int i = 0; i < n_parameters; i++) layer->parameters[i] = -1;
    return CLADE_OK;
}

clade_status clade__layer_output(clade__layer *layer, clade_dtype dtype, clade_shape sample)
{
    clade__graph *graph = layer->graph;
    size_t n = (size_t)layer->n_outputs;
    CLADE_TRY(check_sample(sample, layer->type ? layer->type->name : "input"));
    /* Values that are added while the layer is made have no users yet, so they may move. */
    clade_node *outputs = take(graph, n + 1, sizeof *outputs);
    if (!outputs) return clade__fail(CLADE_ENOMEM, "no memory for a layer");
    for (size_t i = 0; i < n; i++) outputs[i] = layer->outputs[i];
    outputs[n] = (clade_node){.layer = layer, .output = (int)n, .index = graph->n_nodes + (int)n,
                              .shape = sample, .dtype = dtype};
    layer->outputs = outputs;
    layer->n_outputs++;
    return CLADE_OK;
}

static clade_status append(clade__graph *graph, clade__layer *layer)
{
    CLADE_TRY(grow((void **)&graph->layers, graph->n_layers, &graph->layers_capacity,
                   sizeof *graph->layers));
    graph->layers[graph->n_layers++] = layer;
    graph->n_nodes += layer->n_outputs;
    graph->n_layer_inputs += layer->n_inputs;
    if (layer->type && !clade__layer_is_view(layer)) graph->n_computing++;
    return CLADE_OK;
}

static clade_status check_open(const clade__graph *graph, const char *what)
{
    if (!graph->closed) return CLADE_OK;
    return clade__fail(CLADE_ESTATE, "%s: the model is compiled", what);
}

static clade_status add_input(clade__graph *graph, const char *name, clade_dtype dtype,
                              clade_shape sample, clade__layer **out)
{
    const clade__layer_spec spec = {.name = name ? name : "input"};
    CLADE_TRY(check_open(graph, "input"));
    if ((unsigned)dtype > CLADE_INT32)
        return clade__fail(CLADE_EINVAL, "input: values are float32 or int32");
    CLADE_TRY(open_layer(out, graph, &spec, 0));
    (*out)->named = name != NULL;
    CLADE_TRY(clade__layer_output(*out, dtype, sample));
    CLADE_TRY(grow((void **)&graph->inputs, graph->n_inputs, &graph->inputs_capacity,
                   sizeof *graph->inputs));
    CLADE_TRY(append(graph, *out));
    graph->inputs[graph->n_inputs++] = *out;
    return CLADE_OK;
}

clade_node *clade__graph_add_input(clade__graph *graph, const char *name, clade_dtype dtype,
                                   clade_shape sample)
{
    clade__layer *layer = NULL;
    if (graph->error != CLADE_OK) return NULL;
    clade__graph_keep_error(graph, add_input(graph, name, dtype, sample, &layer));
    return graph->error == CLADE_OK ? &layer->outputs[0] : NULL;
}

static clade_status connect(clade__layer *layer, const clade__layer_spec *spec)
{
    const clade__layer_type *type = spec->type;
    for (int i = 0; i < spec->n_inputs; i++) {
        clade_node *input = spec->inputs[i];
        clade_dtype want = type->input_types ? type->input_types[i] : CLADE_FLOAT32;
        if (input->layer->graph != layer->graph)
            return clade__fail(CLADE_EINVAL, "%s: inputs are of different models", type->name);
        if (input->dtype != want && !(type->takes_int32 && input->dtype == CLADE_INT32))
            return clade__fail(CLADE_ESHAPE, "%s: cannot follow %s '%s', whose values are %s: want %s",
                               type->name, input->layer->type ? input->layer->type->name : "input",
                               input->layer->name, clade_dtype_name(input->dtype),
                               clade_dtype_name(want));
        layer->inputs[i] = input;
    }
    return CLADE_OK;
}

static int row_of(const clade__layer_type *type, const char *suffix)
{
    for (int i = 0; type->parameters && type->parameters[i].suffix; i++)
        if (strcmp(type->parameters[i].suffix, suffix) == 0) return i;
    return -1;
}

/* Before infer, which then finds the parameter of that row there. */
static clade_status share(clade__layer *layer, const clade__shared *shared)
{
    int row = row_of(layer->type, shared->suffix);
    int index = clade__graph_parameter(layer->graph, shared->name);
    if (row < 0)
        return clade__fail(CLADE_EINVAL, "%s: it has no parameter '%.60s' to share", layer->type->name,
                           shared->suffix);
    if (index < 0)
        return clade__fail(CLADE_EINVAL, "%s: there is no parameter '%.60s' before it to share",
                           layer->type->name, shared->name);
    layer->parameters[row] = index;
    return CLADE_OK;
}

static clade_status infer(clade__layer *layer, const clade__layer_spec *spec)
{
    const clade__layer_type *type = spec->type;
    if (layer->options && spec->options)
        memcpy(layer->options, spec->options, type->options_bytes);
    else if (layer->options)
        clade__options_default(type, layer->options);
    CLADE_TRY(clade__options_check(type, layer->options));
    for (int i = 0; i < spec->n_shared; i++) CLADE_TRY(share(layer, &spec->shared[i]));
    CLADE_TRY(type->infer(layer));
    if (layer->n_outputs == 0)
        return clade__fail(CLADE_EINVAL, "%s: a layer has at least one output", type->name);
    for (int i = 0; i < layer->n_parameters; i++)
        if (layer->parameters[i] >= 0) layer->graph->parameters[layer->parameters[i]].n_users++;
    return CLADE_OK;
}

static clade_status add_layer(clade__graph *graph, const clade__layer_spec *spec, clade__layer **out)
{
    const clade__layer_type *type = spec->type;
    CLADE_TRY(check_open(graph, type->name));
    if (type->n_inputs != CLADE__ANY_INPUTS && type->n_inputs != spec->n_inputs)
        return clade__fail(CLADE_EINVAL, "%s: %d inputs, want %d", type->name, spec->n_inputs,
                           type->n_inputs);
    CLADE_TRY(open_layer(out, graph, spec, count_of_rows(type->parameters)));
    CLADE_TRY(connect(*out, spec));
    CLADE_TRY(infer(*out, spec));
    CLADE_TRY(append(graph, *out));
    for (int i = 0; i < spec->n_inputs; i++) spec->inputs[i]->n_users++;
    return CLADE_OK;
}

clade_node *clade__graph_add(const clade__layer_spec *spec)
{
    clade__layer *layer = NULL;
    for (int i = 0; i < spec->n_inputs; i++)
        if (!spec->inputs[i]) return NULL;
    if (spec->n_inputs < 1) return NULL;
    clade__graph *graph = spec->inputs[0]->layer->graph;
    if (graph->error != CLADE_OK) return NULL;
    clade__graph_keep_error(graph, add_layer(graph, spec, &layer));
    return graph->error == CLADE_OK ? &layer->outputs[0] : NULL;
}

/* ---- parameters -------------------------------------------------------------------------------- */

static clade_status check_shared(const clade__layer *layer, const clade__parameter *p,
                                 const clade__parameter_row *row, clade_shape shape)
{
    char got[64], want[64];
    if (!clade__shape_equal(p->shape, shape))
        return clade__fail(CLADE_ESHAPE, "%s: the shared %s is '%s' of shape %s, want %s",
                           layer->type->name, row->suffix, p->name,
                           clade__shape_text(got, sizeof got, p->shape),
                           clade__shape_text(want, sizeof want, shape));
    if (p->trained != row->trained)
        return clade__fail(CLADE_EINVAL, "%s: the shared %s is '%s', which is %s", layer->type->name,
                           row->suffix, p->name, p->trained ? "trained" : "not trained");
    return CLADE_OK;
}

clade_status clade__layer_parameter(clade__layer *layer, int row, const clade__parameter_spec *spec)
{
    clade__graph *graph = layer->graph;
    const clade__parameter_row *r = &layer->type->parameters[row];
    char name[MAX_NAME + 80];
    if (layer->parameters[row] >= 0)
        return check_shared(layer, &graph->parameters[layer->parameters[row]], r, spec->shape);
    snprintf(name, sizeof name, "%s.%s", layer->name, r->suffix);
    CLADE_TRY(clade__shape_check_counted(spec->shape, name));
    if (clade__graph_parameter(graph, name) >= 0) /* "a.b" of layer "a.b" and of layer "a" */
        return clade__fail(CLADE_EINVAL, "name: two parameters would be '%.60s'", name);
    CLADE_TRY(grow((void **)&graph->parameters, graph->n_parameters, &graph->parameters_capacity,
                   sizeof *graph->parameters));
    const char *kept = clade__arena_copy_text(&graph->arena, name);
    if (!kept) return clade__fail(CLADE_ENOMEM, "no memory for parameters");
    graph->parameters[graph->n_parameters] =
        (clade__parameter){.name = kept, .shape = spec->shape, .init = spec->init,
                           .fan_in = spec->fan_in, .fan_out = spec->fan_out, .trained = r->trained,
                           .decays = r->decays, .layer = layer};
    layer->parameters[row] = graph->n_parameters++;
    return CLADE_OK;
}

const clade__parameter *clade__parameter_of(const clade__layer *layer, int row)
{
    return layer->parameters[row] < 0 ? NULL : &layer->graph->parameters[layer->parameters[row]];
}

int64_t clade__graph_n_values(const clade__graph *graph)
{
    int64_t n = 0;
    for (int i = 0; i < graph->n_parameters; i++)
        n += clade_shape_elements(graph->parameters[i].shape);
    return n;
}

/* ---- losses ------------------------------------------------------------------------------------ */

clade_status clade__graph_add_loss(clade__graph *graph, const clade__loss *loss)
{
    CLADE_TRY(check_open(graph, "loss"));
    CLADE_TRY(clade__loss_check(loss));
    CLADE_TRY(grow((void **)&graph->losses, graph->n_losses, &graph->losses_capacity,
                   sizeof *graph->losses));
    graph->losses[graph->n_losses++] = *loss;
    return CLADE_OK;
}

/* ---- the whole --------------------------------------------------------------------------------- */

bool clade__graph_in_loss(const clade__graph *graph, const clade_node *node)
{
    for (int i = 0; i < graph->n_losses; i++)
        if (graph->losses[i].prediction == node || graph->losses[i].target == node) return true;
    return false;
}

static clade_status check_users(const clade__graph *graph, const clade__layer *layer,
                                const clade_node *output)
{
    bool used = false;
    for (int i = 0; i < layer->n_outputs; i++) {
        const clade_node *node = &layer->outputs[i];
        used = used || node->n_users > 0 || node == output || clade__graph_in_loss(graph, node);
    }
    if (used) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "compile: layer '%s' (%s) leads nowhere", layer->name,
                       layer->type ? layer->type->name : "input");
}

clade_status clade__graph_check(const clade__graph *graph, const clade_node *output)
{
    if (!output || !output->layer->type || output->layer->graph != graph)
        return clade__fail(CLADE_EINVAL, "compile: the output is not a layer of this model");
    for (int i = 0; i < graph->n_layers; i++)
        CLADE_TRY(check_users(graph, graph->layers[i], output));
    return CLADE_OK;
}

/* Models as JSON: what graph/describe.c reads. */
#include <stdio.h>

#include "base/json.h"
#include "base/text.h"
#include "graph/model.h"

static void write_init(clade__json *json, const char *key, const clade_init *init)
{
    if (init->kind == CLADE_INIT_DEFAULT) return;
    if (init->kind != CLADE_INIT_NORMAL && init->kind != CLADE_INIT_CONSTANT) {
        clade__json_string(json, key, clade__init_name(init->kind));
        return;
    }
    clade__json_object(json, key);
    clade__json_string(json, "type", clade__init_name(init->kind));
    if (init->kind == CLADE_INIT_NORMAL) {
        clade__json_number(json, "mean", clade__decimal(init->mean));
        clade__json_number(json, "std", clade__decimal(init->std));
    } else {
        clade__json_number(json, "value", clade__decimal(init->value));
    }
    clade__json_object_end(json);
}

static void write_sizes(clade__json *json, const char *key, const clade__sizes *sizes)
{
    clade__json_list(json, key);
    for (int i = 0; i < sizes->n; i++) clade__json_number(json, NULL, (double)sizes->list[i]);
    clade__json_list_end(json);
}

static void write_pair(clade__json *json, const char *key, const int64_t pair[2])
{
    if (pair[0] == CLADE_PADDING_SAME) {
        clade__json_string(json, key, "same");
    } else if (pair[0] == pair[1]) {
        clade__json_number(json, key, (double)pair[0]);
    } else {
        clade__json_list(json, key);
        for (int i = 0; i < 2; i++) clade__json_number(json, NULL, (double)pair[i]);
        clade__json_list_end(json);
    }
}

/* A flag and an initialiser that are the default are left out. */
static void write_option(clade__json *json, const clade__option *o, const void *options)
{
    const void *value = (const char *)options + o->offset;
    bool flag;
    switch (o->kind) {
    case CLADE__OPTION_WHOLE:
        clade__json_number(json, o->key, (double)*(const int64_t *)value);
        break;
    case CLADE__OPTION_NUMBER:
        clade__json_number(json, o->key, clade__decimal(*(const float *)value));
        break;
    case CLADE__OPTION_FLAG:
    case CLADE__OPTION_NO_FLAG:
        flag = *(const bool *)value == (o->kind == CLADE__OPTION_FLAG);
        if (flag != (o->fallback != 0.0)) clade__json_bool(json, o->key, flag);
        break;
    case CLADE__OPTION_INIT: write_init(json, o->key, value); break;
    case CLADE__OPTION_SIZES: write_sizes(json, o->key, value); break;
    case CLADE__OPTION_PAIR:
    case CLADE__OPTION_PADDING: write_pair(json, o->key, value); break;
    }
}

/* "name" of a first output, "name:1" of a second. */
static void write_node_name(clade__json *json, const char *key, const clade_node *node)
{
    char name[280];
    if (node->output == 0)
        clade__json_string(json, key, node->layer->name);
    else if (snprintf(name, sizeof name, "%s:%d", node->layer->name, node->output) > 0)
        clade__json_string(json, key, name);
}

/* Whether the reader would take other inputs than these: it reads all inputs of the network first. */
static bool needs_inputs(const clade__layer *layer)
{
    const clade__graph *graph = layer->graph;
    const clade__layer *before = graph->inputs[graph->n_inputs - 1];
    for (int i = layer->index - 1; i >= 0; i--) {
        if (!graph->layers[i]->type) continue;
        before = graph->layers[i];
        break;
    }
    return layer->n_inputs != 1 || layer->inputs[0] != &before->outputs[0];
}

static void write_shared(clade__json *json, const clade__layer *layer)
{
    bool any = false;
    for (int i = 0; i < layer->n_parameters; i++) {
        const clade__parameter *p = clade__parameter_of(layer, i);
        if (!p || p->layer == layer) continue;
        if (!any) clade__json_object(json, "parameters");
        any = true;
        clade__json_string(json, layer->type->parameters[i].suffix, p->name);
    }
    if (any) clade__json_object_end(json);
}

static void write_layer(clade__json *json, const clade__layer *layer)
{
    clade__json_object(json, NULL);
    clade__json_string(json, "type", layer->type->name);
    if (layer->named) clade__json_string(json, "name", layer->name);
    if (needs_inputs(layer)) {
        clade__json_list(json, "inputs");
        for (int i = 0; i < layer->n_inputs; i++) write_node_name(json, NULL, layer->inputs[i]);
        clade__json_list_end(json);
    }
    for (const clade__option *o = layer->type->options; o && o->key; o++)
        write_option(json, o, layer->options);
    write_shared(json, layer);
    clade__json_object_end(json);
}

static void write_shape(clade__json *json, const char *key, const clade_shape *shape)
{
    clade__json_list(json, key);
    for (int i = 0; i < shape->rank; i++) clade__json_number(json, NULL, (double)shape->dim[i]);
    clade__json_list_end(json);
}

/* A lone input without a name of its own is written as its shape. */
static void write_inputs(clade__json *json, const clade__graph *graph)
{
    const clade_node *first = &graph->inputs[0]->outputs[0];
    if (graph->n_inputs == 1 && !graph->inputs[0]->named && first->dtype == CLADE_FLOAT32) {
        write_shape(json, "input", &first->shape);
        return;
    }
    clade__json_list(json, "inputs");
    for (int i = 0; i < graph->n_inputs; i++) {
        const clade_node *node = &graph->inputs[i]->outputs[0];
        clade__json_object(json, NULL);
        clade__json_string(json, "name", graph->inputs[i]->name);
        if (node->dtype != CLADE_FLOAT32) clade__json_string(json, "type", clade_dtype_name(node->dtype));
        write_shape(json, "shape", &node->shape);
        clade__json_object_end(json);
    }
    clade__json_list_end(json);
}

static void write_loss(clade__json *json, const clade__loss *loss)
{
    clade__json_object(json, NULL);
    clade__json_string(json, "type", clade_loss_name(loss->kind));
    write_node_name(json, "prediction", loss->prediction);
    write_node_name(json, "target", loss->target);
    if (loss->weight != 1.0f) clade__json_number(json, "weight", clade__decimal(loss->weight));
    if (loss->ignores) clade__json_number(json, "ignore_index", loss->ignore_index);
    if (loss->label_smoothing != 0.0f)
        clade__json_number(json, "label_smoothing", clade__decimal(loss->label_smoothing));
    clade__json_object_end(json);
}

/* Losses with a target of their own; that of the data is "loss". */
static void write_losses(clade__json *json, const clade__graph *graph)
{
    if (graph->n_losses == 0 || !graph->losses[0].target) return;
    clade__json_list(json, "losses");
    for (int i = 0; i < graph->n_losses; i++) write_loss(json, &graph->losses[i]);
    clade__json_list_end(json);
}

char *clade__model_describe(const clade_model *model)
{
    clade__json json = {0};
    const clade__graph *graph = &model->graph;
    const clade__layer *last = graph->layers[graph->n_layers - 1];
    clade__json_object(&json, NULL);
    write_inputs(&json, graph);
    clade__json_list(&json, "layers");
    for (int i = 0; i < graph->n_layers; i++)
        if (graph->layers[i]->type) write_layer(&json, graph->layers[i]);
    clade__json_list_end(&json);
    if (model->output && model->output != &last->outputs[0])
        write_node_name(&json, "output", model->output);
    write_losses(&json, graph);
    clade__json_string(&json, "loss", clade_loss_name(model->loss));
    clade__json_object_end(&json);
    return clade__json_finish(&json);
}

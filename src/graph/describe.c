/* Models as JSON, and back: the form of a config's `model:` entry. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/json.h"
#include "graph/layer.h"

#define MAX_LAYERS 10000

static const char *const init_names[] = {"default", "xavier", "he", "normal", "constant"};
#define N_INITS (sizeof init_names / sizeof init_names[0])

/* Where in a description the reader is: "model.layers[1].units". */
typedef struct place {
    char text[96];
} place;

static place below(const place *at, const char *key)
{
    place inner;
    snprintf(inner.text, sizeof inner.text, "%.60s.%.30s", at->text, key);
    return inner;
}

/* ---- reading values -------------------------------------------------------------------------- */

static clade_status read_number(const cJSON *object, const char *key, const place *at, double *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!item) return CLADE_OK;
    if (!cJSON_IsNumber(item) || !(fabs(item->valuedouble) <= FLT_MAX))
        return clade__fail(CLADE_ECONFIG, "%s: want a number", below(at, key).text);
    *out = item->valuedouble;
    return CLADE_OK;
}

static clade_status read_int(const cJSON *object, const char *key, const place *at, double least,
                             int64_t *out)
{
    double value = (double)*out;
    CLADE_TRY(read_number(object, key, at, &value));
    if (value != floor(value) || value < least || value > INT32_MAX)
        return clade__fail(CLADE_ECONFIG, "%s: %.17g, want a whole number of at least %g",
                           below(at, key).text, value, least);
    *out = (int64_t)value;
    return CLADE_OK;
}

static clade_status check_keys(const cJSON *object, const char *const *keys, size_t n_keys,
                               const place *at)
{
    char hint[256];
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        size_t i = 0;
        while (i < n_keys && strcmp(item->string, keys[i]) != 0) i++;
        if (i == n_keys)
            return clade__fail(CLADE_ECONFIG, "%s: unknown key%s", below(at, item->string).text,
                               clade__suggest(hint, sizeof hint, item->string, keys, n_keys));
    }
    return CLADE_OK;
}

static clade_status read_init_name(const cJSON *item, const place *at, clade_init *init)
{
    char hint[256];
    const char *name = cJSON_GetStringValue(item);
    if (!name) return clade__fail(CLADE_ECONFIG, "%s: want a name or a mapping", at->text);
    for (size_t i = 0; i < N_INITS; i++)
        if (strcmp(name, init_names[i]) == 0) {
            init->kind = (clade_init_kind)i;
            return CLADE_OK;
        }
    return clade__fail(CLADE_ECONFIG, "%s: unknown initialiser '%.40s'%s", at->text, name,
                       clade__suggest(hint, sizeof hint, name, init_names, N_INITS));
}

/* "he", or {type: normal, mean: 0, std: 0.01}, or {type: constant, value: 0}. */
static clade_status read_init(const cJSON *object, const char *key, const place *at,
                              clade_init *init)
{
    static const char *const keys[] = {"type", "mean", "std", "value"};
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!item) return CLADE_OK;
    place here = below(at, key);
    *init = (clade_init){.std = 1.0f};
    if (!cJSON_IsObject(item)) return read_init_name(item, &here, init);
    CLADE_TRY(check_keys(item, keys, 4, &here));
    CLADE_TRY(read_init_name(cJSON_GetObjectItemCaseSensitive(item, "type"), &here, init));
    double mean = 0.0, std = 1.0, value = 0.0;
    CLADE_TRY(read_number(item, "mean", &here, &mean));
    CLADE_TRY(read_number(item, "std", &here, &std));
    CLADE_TRY(read_number(item, "value", &here, &value));
    if (std < 0.0) return clade__fail(CLADE_ECONFIG, "%s.std: %g, want at least 0", here.text, std);
    init->mean = (float)mean;
    init->std = (float)std;
    init->value = (float)value;
    return CLADE_OK;
}

static clade_status read_options(const cJSON *layer, const clade__layer_type *type, const place *at,
                                 clade__layer_options *options)
{
    bool is_linear = type->keys[0] && strcmp(type->keys[0], "units") == 0;
    if (is_linear) {
        if (!cJSON_HasObjectItem(layer, "units"))
            return clade__fail(CLADE_ECONFIG, "%s: linear wants units", at->text);
        CLADE_TRY(read_int(layer, "units", at, 1, &options->linear.units));
        const cJSON *bias = cJSON_GetObjectItemCaseSensitive(layer, "bias");
        if (bias && !cJSON_IsBool(bias))
            return clade__fail(CLADE_ECONFIG, "%s: want true or false", below(at, "bias").text);
        options->linear.no_bias = cJSON_IsFalse(bias);
        CLADE_TRY(read_init(layer, "init", at, &options->linear.weight_init));
        return read_init(layer, "bias_init", at, &options->linear.bias_init);
    }
    double slope = 0.01, p = 0.5;
    int64_t dim = CLADE_ALL;
    CLADE_TRY(read_number(layer, "slope", at, &slope));
    CLADE_TRY(read_number(layer, "p", at, &p));
    CLADE_TRY(read_int(layer, "dim", at, -1, &dim));
    options->slope = (float)slope;
    options->p = (float)p;
    options->dim = (int)dim;
    return CLADE_OK;
}

/* ---- layers ---------------------------------------------------------------------------------- */

static clade_node *node_named(const clade_model *model, const char *name)
{
    for (int i = 0; i < model->n_nodes; i++)
        if (strcmp(model->nodes[i]->name, name) == 0) return model->nodes[i];
    return NULL;
}

static clade_status read_inputs(const clade_model *model, const cJSON *layer,
                                const clade__layer_type *type, const place *at,
                                clade_node **inputs)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(layer, "inputs");
    place here = below(at, "inputs");
    if (!list) {
        if (type->n_inputs > 1)
            return clade__fail(CLADE_ECONFIG, "%s: %s wants inputs, %d names", at->text, type->name,
                               type->n_inputs);
        inputs[0] = model->nodes[model->n_nodes - 1];
        return CLADE_OK;
    }
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != type->n_inputs)
        return clade__fail(CLADE_ECONFIG, "%s: want a list of %d name%s", here.text, type->n_inputs,
                           type->n_inputs == 1 ? "" : "s");
    for (int i = 0; i < type->n_inputs; i++) {
        const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(list, i));
        inputs[i] = name ? node_named(model, name) : NULL;
        if (!inputs[i])
            return clade__fail(CLADE_ECONFIG, "%s: no layer named '%.60s' before this one",
                               here.text, name ? name : "?");
    }
    return CLADE_OK;
}

static clade_status read_type(const cJSON *layer, const place *at, const clade__layer_type **out)
{
    const char *names[64], *keys[8] = {"type", "name", "inputs"};
    char hint[512];
    place here = below(at, "type");
    if (!cJSON_IsObject(layer))
        return clade__fail(CLADE_ECONFIG, "%s: want a mapping such as {type: linear, units: 10}",
                           at->text);
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(layer, "type"));
    if (!name) return clade__fail(CLADE_ECONFIG, "%s: a layer wants a type", at->text);
    const clade__layer_type *type = clade__layer_type_of(name);
    if (!type) {
        for (int i = 0; i < clade__n_layer_types; i++) names[i] = clade__layer_types[i].name;
        return clade__fail(
            CLADE_ECONFIG, "%s: unknown layer '%.40s'%s", here.text, name,
            clade__suggest(hint, sizeof hint, name, names, (size_t)clade__n_layer_types));
    }
    size_t n_keys = 3;
    for (int i = 0; i < 4 && type->keys[i]; i++) keys[n_keys++] = type->keys[i];
    *out = type;
    return check_keys(layer, keys, n_keys, at);
}

static clade_status add_layer(clade_model *model, const cJSON *layer, int index)
{
    place at;
    snprintf(at.text, sizeof at.text, "model.layers[%d]", index);
    const clade__layer_type *type = NULL;
    CLADE_TRY(read_type(layer, &at, &type));
    clade__layer_options options = {0};
    CLADE_TRY(read_options(layer, type, &at, &options));
    clade_node *inputs[CLADE__MAX_INPUTS] = {NULL};
    CLADE_TRY(read_inputs(model, layer, type, &at, inputs));
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(layer, "name");
    if (name && !cJSON_IsString(name))
        return clade__fail(CLADE_ECONFIG, "%s: want a text", below(&at, "name").text);
    if (clade__node_add(type, inputs, &options, name ? name->valuestring : NULL)) return CLADE_OK;
    clade__fail_again(model->error, model->error_text ? model->error_text : "out of memory");
    return clade__fail_in(model->error == CLADE_ENOMEM ? CLADE_ENOMEM : CLADE_ECONFIG, "%s",
                          at.text);
}

static clade_status read_input(clade_model *model, const cJSON *root)
{
    const cJSON *input = cJSON_GetObjectItemCaseSensitive(root, "input"), *item;
    if (!cJSON_IsArray(input) || cJSON_GetArraySize(input) < 1 ||
        cJSON_GetArraySize(input) > CLADE_MAX_RANK - 1)
        return clade__fail(CLADE_ECONFIG, "model.input: want the shape of a sample, a list of 1 to %d "
                           "whole numbers such as [784]", CLADE_MAX_RANK - 1);
    clade_shape shape = {0};
    cJSON_ArrayForEach(item, input)
    {
        double dim = cJSON_IsNumber(item) ? item->valuedouble : 0.0;
        if (dim != floor(dim) || dim < 1 || dim > INT32_MAX)
            return clade__fail(CLADE_ECONFIG, "model.input: want whole numbers of at least 1");
        shape.dim[shape.rank++] = (int64_t)dim;
    }
    if (clade_input(model, shape)) return CLADE_OK;
    clade__fail_again(model->error, model->error_text ? model->error_text : "out of memory");
    return clade__fail_in(model->error == CLADE_ENOMEM ? CLADE_ENOMEM : CLADE_ECONFIG, "model.input");
}

static clade_status read_model(clade_model *model, const cJSON *root)
{
    /* "loss" is there in model files; who reads one takes it from there. */
    static const char *const keys[] = {"input", "layers", "loss"};
    place at = {"model"};
    if (!cJSON_IsObject(root)) return clade__fail(CLADE_ECONFIG, "model: want a mapping");
    CLADE_TRY(check_keys(root, keys, 3, &at));
    CLADE_TRY(read_input(model, root));
    const cJSON *layers = cJSON_GetObjectItemCaseSensitive(root, "layers"), *layer;
    int n = cJSON_GetArraySize(layers), index = 0;
    if (!cJSON_IsArray(layers) || n < 1 || n > MAX_LAYERS)
        return clade__fail(CLADE_ECONFIG, "model.layers: want a list of 1 to %d layers", MAX_LAYERS);
    cJSON_ArrayForEach(layer, layers) CLADE_TRY(add_layer(model, layer, index++));
    return CLADE_OK;
}

clade_node *clade_model_layers(clade_model *model, const char *json)
{
    if (!model || model->error != CLADE_OK) return NULL;
    cJSON *root = cJSON_Parse(json);
    clade_status status =
        !json  ? clade__fail(CLADE_EINVAL, "clade_model_layers: json is NULL")
        : root ? read_model(model, root)
               : clade__fail(CLADE_ECONFIG, "model: not valid JSON");
    cJSON_Delete(root);
    if (status != CLADE_OK) {
        /* The place is better to know than what the builder said without it. */
        free(model->error_text);
        model->error_text = NULL;
        model->error = CLADE_OK;
        clade__model_keep_error(model, status);
        return NULL;
    }
    return model->nodes[model->n_nodes - 1];
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_init(clade__json *json, const char *key, const clade_init *init)
{
    if (init->kind == CLADE_INIT_DEFAULT) return;
    if (init->kind != CLADE_INIT_NORMAL && init->kind != CLADE_INIT_CONSTANT) {
        clade__json_string(json, key, init_names[init->kind]);
        return;
    }
    clade__json_object(json, key);
    clade__json_string(json, "type", init_names[init->kind]);
    if (init->kind == CLADE_INIT_NORMAL) {
        clade__json_number(json, "mean", clade__decimal(init->mean));
        clade__json_number(json, "std", clade__decimal(init->std));
    } else {
        clade__json_number(json, "value", clade__decimal(init->value));
    }
    clade__json_object_end(json);
}

static void write_options(clade__json *json, const clade_node *node)
{
    for (int i = 0; i < 4 && node->type->keys[i]; i++) {
        const char *key = node->type->keys[i];
        const clade__layer_options *options = &node->options;
        if (strcmp(key, "units") == 0)
            clade__json_number(json, key, (double)options->linear.units);
        else if (strcmp(key, "bias") == 0 && options->linear.no_bias)
            clade__json_bool(json, key, false);
        else if (strcmp(key, "init") == 0)
            write_init(json, key, &options->linear.weight_init);
        else if (strcmp(key, "bias_init") == 0)
            write_init(json, key, &options->linear.bias_init);
        else if (strcmp(key, "slope") == 0)
            clade__json_number(json, key, clade__decimal(options->slope));
        else if (strcmp(key, "p") == 0)
            clade__json_number(json, key, clade__decimal(options->p));
        else if (strcmp(key, "dim") == 0)
            clade__json_number(json, key, options->dim);
    }
}

static void write_node(clade__json *json, const clade_node *node)
{
    clade__json_object(json, NULL);
    clade__json_string(json, "type", node->type->name);
    if (node->named) clade__json_string(json, "name", node->name);
    if (node->n_inputs != 1 || node->inputs[0]->index != node->index - 1) {
        clade__json_list(json, "inputs");
        for (int i = 0; i < node->n_inputs; i++)
            clade__json_string(json, NULL, node->inputs[i]->name);
        clade__json_list_end(json);
    }
    write_options(json, node);
    clade__json_object_end(json);
}

char *clade__model_describe(const clade_model *model)
{
    clade__json json = {0};
    const clade_shape *shape = &model->nodes[0]->shape;
    clade__json_object(&json, NULL);
    clade__json_list(&json, "input");
    for (int i = 0; i < shape->rank; i++) clade__json_number(&json, NULL, (double)shape->dim[i]);
    clade__json_list_end(&json);
    clade__json_list(&json, "layers");
    for (int i = 1; i < model->n_nodes; i++) write_node(&json, model->nodes[i]);
    clade__json_list_end(&json);
    clade__json_string(&json, "loss", clade_loss_name(model->loss));
    clade__json_object_end(&json);
    return clade__json_finish(&json);
}

/* Models from JSON: the form of a config's `model:` entry. Inputs and losses are read here. */
#include "graph/describe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define MAX_LAYERS 10000

/* ---- inputs ------------------------------------------------------------------------------------ */

static clade_status read_shape(const cJSON *list, const clade__place *at, clade_shape *shape)
{
    int rank = cJSON_GetArraySize(list);
    if (!cJSON_IsArray(list) || rank < 1 || rank > CLADE_MAX_RANK - 1)
        return clade__fail(CLADE_ECONFIG,
                           "%s: want the shape of a sample, a list of 1 to %d whole numbers", at->text,
                           CLADE_MAX_RANK - 1);
    *shape = (clade_shape){.rank = rank};
    for (int i = 0; i < rank; i++) {
        const cJSON *item = cJSON_GetArrayItem(list, i);
        if (!cJSON_IsNumber(item) || item->valuedouble != floor(item->valuedouble) ||
            item->valuedouble < 1 || item->valuedouble > INT32_MAX)
            return clade__fail(CLADE_ECONFIG, "%s: want whole numbers of at least 1", at->text);
        shape->dim[i] = (int64_t)item->valuedouble;
    }
    return CLADE_OK;
}

static clade_status add_input(clade_model *model, const clade__place *at, const char *name,
                              clade_dtype dtype, clade_shape shape, clade_node **last)
{
    *last = clade__graph_add_input(&model->graph, name, dtype, shape);
    if (*last) return CLADE_OK;
    clade_status status = clade__graph_error(&model->graph);
    return clade__fail_in(status == CLADE_ENOMEM ? CLADE_ENOMEM : CLADE_ECONFIG, "%s", at->text);
}

static clade_status read_dtype(const cJSON *object, const clade__place *at, clade_dtype *dtype)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, "type");
    const char *name = cJSON_GetStringValue(item);
    *dtype = CLADE_FLOAT32;
    if (!item || (name && strcmp(name, clade_dtype_name(CLADE_FLOAT32)) == 0)) return CLADE_OK;
    *dtype = CLADE_INT32;
    if (name && strcmp(name, clade_dtype_name(CLADE_INT32)) == 0) return CLADE_OK;
    return clade__fail(CLADE_ECONFIG, "%s.type: want float32 or int32", at->text);
}

/* "inputs": [{"name": "left", "shape": [20]}, {"name": "tokens", "type": "int32", "shape": [64]}] */
static clade_status read_named(clade_model *model, const cJSON *list, clade_node **last)
{
    static const char *const keys[] = {"name", "type", "shape"};
    int n = cJSON_GetArraySize(list);
    if (!cJSON_IsArray(list) || n < 1)
        return clade__fail(CLADE_ECONFIG, "model.inputs: want a list of mappings such as {name: left, "
                           "shape: [20]}");
    for (int i = 0; i < n; i++) {
        const cJSON *item = cJSON_GetArrayItem(list, i);
        clade__place at, here;
        clade_shape shape;
        clade_dtype dtype;
        snprintf(at.text, sizeof at.text, "model.inputs[%d]", i);
        here = clade__place_below(&at, "shape");
        if (!cJSON_IsObject(item)) return clade__fail(CLADE_ECONFIG, "%s: want a mapping", at.text);
        CLADE_TRY(clade__check_keys(item, keys, 3, &at));
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "name"));
        if (!name) return clade__fail(CLADE_ECONFIG, "%s: an input wants a name", at.text);
        CLADE_TRY(read_dtype(item, &at, &dtype));
        CLADE_TRY(read_shape(cJSON_GetObjectItemCaseSensitive(item, "shape"), &here, &shape));
        CLADE_TRY(add_input(model, &at, name, dtype, shape, last));
    }
    return CLADE_OK;
}

static clade_status read_inputs_of_model(clade_model *model, const cJSON *root, clade_node **last)
{
    clade__place at = {"model.input"};
    clade_shape shape;
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "inputs");
    const cJSON *one = cJSON_GetObjectItemCaseSensitive(root, "input");
    if (list && one) return clade__fail(CLADE_ECONFIG, "model: want input or inputs, not both");
    if (list) return read_named(model, list, last);
    CLADE_TRY(read_shape(one, &at, &shape));
    return add_input(model, &at, NULL, CLADE_FLOAT32, shape, last);
}

/* ---- losses ------------------------------------------------------------------------------------ */

static clade_status read_loss_kind(const cJSON *object, const clade__place *at, clade_loss *kind)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "type"));
    const char *known[16];
    char hint[256];
    size_t n = 0;
    for (; n < 16 && clade_loss_name((clade_loss)n); n++) {
        known[n] = clade_loss_name((clade_loss)n);
        if (!name || strcmp(name, known[n]) != 0) continue;
        *kind = (clade_loss)n;
        return CLADE_OK;
    }
    return clade__fail(CLADE_ECONFIG, "%s.type: unknown loss '%.40s'%s", at->text, name ? name : "",
                       clade__suggest(hint, sizeof hint, name ? name : "", known, n));
}

static clade_status read_node(const clade_model *model, const cJSON *object, const char *key,
                              const clade__place *at, clade_node **node)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    *node = name ? clade__graph_node(&model->graph, name) : NULL;
    if (*node) return CLADE_OK;
    return clade__fail(CLADE_ECONFIG, "%s: want the name of a layer or an input%s%.60s%s",
                       clade__place_below(at, key).text, name ? ", and there is no '" : "", name ? name : "",
                       name ? "'" : "");
}

static clade_status read_one_loss(clade_model *model, const cJSON *item, const clade__place *at)
{
    static const char *const keys[] = {"type", "prediction", "target", "weight", "ignore_index",
                                       "label_smoothing"};
    clade_loss_options options = {0};
    clade_node *prediction, *target;
    double weight = 1.0, smoothing = 0.0, ignore = 0.0;
    if (!cJSON_IsObject(item)) return clade__fail(CLADE_ECONFIG, "%s: want a mapping", at->text);
    CLADE_TRY(clade__check_keys(item, keys, 6, at));
    CLADE_TRY(read_loss_kind(item, at, &options.kind));
    CLADE_TRY(read_node(model, item, "prediction", at, &prediction));
    CLADE_TRY(read_node(model, item, "target", at, &target));
    CLADE_TRY(clade__read_number(item, "weight", at, &weight));
    CLADE_TRY(clade__read_number(item, "label_smoothing", at, &smoothing));
    CLADE_TRY(clade__read_number(item, "ignore_index", at, &ignore));
    if (ignore != floor(ignore) || fabs(ignore) > INT32_MAX)
        return clade__fail(CLADE_ECONFIG, "%s.ignore_index: want a whole number", at->text);
    options.weight = (float)weight;
    options.label_smoothing = (float)smoothing;
    options.ignores = cJSON_HasObjectItem(item, "ignore_index");
    options.ignore_index = (int32_t)ignore;
    clade_status status = clade_add_loss(prediction, target, &options);
    return status == CLADE_OK ? CLADE_OK : clade__fail_in(CLADE_ECONFIG, "%s", at->text);
}

/* "losses": [{"type": "cross_entropy", "prediction": "4", "target": "labels", "ignore_index": -100}] */
static clade_status read_losses(clade_model *model, const cJSON *root)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "losses"), *item;
    int i = 0;
    if (!list) return CLADE_OK;
    if (!cJSON_IsArray(list)) return clade__fail(CLADE_ECONFIG, "model.losses: want a list");
    cJSON_ArrayForEach(item, list)
    {
        clade__place at;
        snprintf(at.text, sizeof at.text, "model.losses[%d]", i++);
        CLADE_TRY(read_one_loss(model, item, &at));
    }
    return CLADE_OK;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static clade_status read_output(clade_model *model, const cJSON *root, clade_node **last)
{
    clade__place at = {"model"};
    if (!cJSON_HasObjectItem(root, "output")) return CLADE_OK;
    return read_node(model, root, "output", &at, last);
}

static clade_status read_model(clade_model *model, const cJSON *root, int version, clade_node **last)
{
    /* "loss" is there in model files; who reads one takes it from there. */
    static const char *const keys[] = {"input", "inputs", "layers", "output", "losses", "loss"};
    clade__place at = {"model"};
    if (!cJSON_IsObject(root)) return clade__fail(CLADE_ECONFIG, "model: want a mapping");
    CLADE_TRY(clade__check_keys(root, keys, 6, &at));
    CLADE_TRY(read_inputs_of_model(model, root, last));
    const cJSON *layers = cJSON_GetObjectItemCaseSensitive(root, "layers"), *layer;
    int n = cJSON_GetArraySize(layers), index = 0;
    if (!cJSON_IsArray(layers) || n < 1 || n > MAX_LAYERS)
        return clade__fail(CLADE_ECONFIG, "model.layers: want a list of 1 to %d layers", MAX_LAYERS);
    cJSON_ArrayForEach(layer, layers) CLADE_TRY(clade__describe_layer(model, version, layer, index++, last));
    if (version < 2 && (*last)->shape.rank > 1) /* as its loss saw it */
        *last = clade_flatten(*last);
    if (!*last) return clade__graph_error(&model->graph);
    CLADE_TRY(read_output(model, root, last));
    return read_losses(model, root);
}

clade_status clade__model_read(clade_model *model, const char *json, int version, clade_node **output)
{
    CLADE_TRY(clade__graph_error(&model->graph));
    *output = NULL;
    cJSON *root = clade__json_parse(json, json ? strlen(json) : 0, false);
    clade_status status = !json ? clade__fail(CLADE_EINVAL, "clade_model_layers: json is NULL")
                          : root ? clade__blocks_expand(root)
                                 : clade__fail(CLADE_ECONFIG, "model: not valid JSON");
    if (status == CLADE_OK) status = read_model(model, root, version, output);
    cJSON_Delete(root);
    if (status == CLADE_OK) return CLADE_OK;
    /* The place is better to know than what the builder said without it. */
    free(model->graph.error_text);
    model->graph.error_text = NULL;
    model->graph.error = CLADE_OK;
    clade__graph_keep_error(&model->graph, status);
    return status;
}

clade_node *clade_model_layers(clade_model *model, const char *json)
{
    clade_node *output = NULL;
    if (!model || model->graph.error != CLADE_OK) return NULL;
    return clade__model_read(model, json, CLADE__MODEL_VERSION, &output) == CLADE_OK ? output : NULL;
}

/* Models from JSON: the form of a config's `model:` entry. Layers are read over the descriptors of their
 * types. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "graph/model.h"

#define MAX_LAYERS 10000

/* Where in a description the reader is: "model.layers[1].units". */
typedef struct place {
    char text[160];
} place;

static place below(const place *at, const char *key)
{
    place inner;
    snprintf(inner.text, sizeof inner.text, "%.100s.%.50s", at->text, key);
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
    const char *name = cJSON_GetStringValue(item), *known[16], *one;
    size_t n = 0;
    if (!name) return clade__fail(CLADE_ECONFIG, "%s: want a name or a mapping", at->text);
    for (; n < 16 && (one = clade__init_name((clade_init_kind)n)); n++) {
        known[n] = one;
        if (strcmp(name, one) != 0) continue;
        init->kind = (clade_init_kind)n;
        return CLADE_OK;
    }
    return clade__fail(CLADE_ECONFIG, "%s: unknown initialiser '%.40s'%s", at->text, name,
                       clade__suggest(hint, sizeof hint, name, known, n));
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

static clade_status read_flag(const cJSON *item, const place *at, bool *flag)
{
    if (!cJSON_IsBool(item)) return clade__fail(CLADE_ECONFIG, "%s: want true or false", at->text);
    *flag = cJSON_IsTrue(item);
    return CLADE_OK;
}

/* A number with a range of its own fails with its place. */
static clade_status read_option(const cJSON *layer, const clade__option *o, const place *at,
                                void *options)
{
    void *to = (char *)options + o->offset;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(layer, o->key);
    place here = below(at, o->key);
    double number = o->fallback;
    bool flag = false;
    if (!item) return CLADE_OK;
    switch (o->kind) {
    case CLADE__OPTION_WHOLE: return read_int(layer, o->key, at, o->least, to);
    case CLADE__OPTION_NUMBER:
        CLADE_TRY(read_number(layer, o->key, at, &number));
        *(float *)to = (float)number;
        return CLADE_OK;
    case CLADE__OPTION_FLAG:
    case CLADE__OPTION_NO_FLAG:
        CLADE_TRY(read_flag(item, &here, &flag));
        *(bool *)to = flag == (o->kind == CLADE__OPTION_FLAG);
        return CLADE_OK;
    case CLADE__OPTION_INIT: break;
    }
    return read_init(layer, o->key, at, to);
}

/* options has options_bytes. */
static clade_status read_options(const cJSON *layer, const clade__layer_type *type, const place *at,
                                 void *options)
{
    if (!type->options_bytes) return CLADE_OK;
    clade__options_default(type, options);
    for (const clade__option *o = type->options; o && o->key; o++) {
        if (o->required && !cJSON_HasObjectItem(layer, o->key))
            return clade__fail(CLADE_ECONFIG, "%s: %s wants %s", at->text, type->name, o->key);
        CLADE_TRY(read_option(layer, o, at, options));
    }
    return CLADE_OK;
}

/* ---- layers ---------------------------------------------------------------------------------- */

/* A layer while it is read. */
typedef struct reading {
    clade_model *model;
    int version; /* of the description */
    const cJSON *json;
    place at;
    clade__layer_spec spec;
    clade_node **inputs; /* the spec's */
    clade_node *before; /* the first output of the layer before it */
    clade__arena arena; /* of this layer's inputs and options */
} reading;

static clade_status no_memory(void)
{
    return clade__fail(CLADE_ENOMEM, "no memory for a layer");
}

static clade_status read_named_inputs(reading *r, const cJSON *list, clade_node **inputs)
{
    place here = below(&r->at, "inputs");
    for (int i = 0; i < r->spec.n_inputs; i++) {
        const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(list, i));
        inputs[i] = name ? clade__graph_node(&r->model->graph, name) : NULL;
        if (!inputs[i])
            return clade__fail(CLADE_ECONFIG, "%s: no layer named '%.60s' before this one", here.text,
                               name ? name : "?");
    }
    return CLADE_OK;
}

static clade_status read_inputs(reading *r)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(r->json, "inputs");
    place here = below(&r->at, "inputs");
    int want = r->spec.type->n_inputs, n = list ? cJSON_GetArraySize(list) : 1;
    if (!list && want > 1)
        return clade__fail(CLADE_ECONFIG, "%s: %s wants inputs, %d names", r->at.text,
                           r->spec.type->name, want);
    if (list && (!cJSON_IsArray(list) || n < 1 || (want != CLADE__ANY_INPUTS && n != want)))
        return clade__fail(CLADE_ECONFIG, "%s: want a list of %d name%s", here.text,
                           want == CLADE__ANY_INPUTS ? 1 : want,
                           want == 1 ? "" : want > 1 ? "s" : " or more");
    clade_node **inputs = clade__arena_alloc(&r->arena, (size_t)n * sizeof(clade_node *));
    if (!inputs) return no_memory();
    r->spec.inputs = r->inputs = inputs;
    r->spec.n_inputs = n;
    inputs[0] = r->before;
    return list ? read_named_inputs(r, list, inputs) : CLADE_OK;
}

/* "parameters": {"weight": "0.weight"} */
static clade_status read_shared(reading *r)
{
    const cJSON *map = cJSON_GetObjectItemCaseSensitive(r->json, "parameters"), *item;
    place here = below(&r->at, "parameters");
    int n = 0;
    if (!map) return CLADE_OK;
    if (!cJSON_IsObject(map))
        return clade__fail(CLADE_ECONFIG, "%s: want a mapping such as {weight: 0.weight}", here.text);
    clade__shared *shared =
        clade__arena_alloc(&r->arena, (size_t)cJSON_GetArraySize(map) * sizeof *shared + 1);
    if (!shared) return no_memory();
    cJSON_ArrayForEach(item, map)
    {
        shared[n] = (clade__shared){item->string, cJSON_GetStringValue(item)};
        if (!shared[n++].name)
            return clade__fail(CLADE_ECONFIG, "%s: want the name of a parameter before it", here.text);
    }
    r->spec.shared = shared;
    r->spec.n_shared = n;
    return CLADE_OK;
}

static clade_status check_layer_keys(const reading *r)
{
    const char *keys[64] = {"type", "name", "inputs", "parameters"};
    size_t n = r->spec.type->parameters ? 4 : 3;
    for (const clade__option *o = r->spec.type->options; o && o->key && n < 64; o++) keys[n++] = o->key;
    return check_keys(r->json, keys, n, &r->at);
}

static clade_status read_type(reading *r)
{
    const char *names[128], *name;
    char hint[1024];
    size_t n = 0;
    place here = below(&r->at, "type");
    if (!cJSON_IsObject(r->json))
        return clade__fail(CLADE_ECONFIG, "%s: want a mapping such as {type: linear, units: 10}",
                           r->at.text);
    name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(r->json, "type"));
    if (!name) return clade__fail(CLADE_ECONFIG, "%s: a layer wants a type", r->at.text);
    r->spec.type = clade__layer_type_of(name);
    if (r->spec.type) return check_layer_keys(r);
    for (; n < 128 && clade__layer_type_at((int)n); n++) names[n] = clade__layer_type_at((int)n)->name;
    return clade__fail(CLADE_ECONFIG, "%s: unknown layer '%.40s'%s", here.text, name,
                       clade__suggest(hint, sizeof hint, name, names, n));
}

/* Before version 2 a linear took a sample's elements flat, whatever its dimensions. */
static clade_status flatten_before(reading *r, const char *name)
{
    char own[80];
    snprintf(own, sizeof own, "%.60s_flat", name);
    clade_node *const inputs[] = {r->spec.inputs[0]};
    clade_node *flat = clade__graph_add(&(clade__layer_spec){
        .type = &clade__layer_flatten, .name = own, .inputs = inputs, .n_inputs = 1});
    if (!flat) return clade__graph_error(&r->model->graph);
    r->inputs[0] = flat;
    return CLADE_OK;
}

static clade_status read_layer(reading *r, int position)
{
    char number[16];
    CLADE_TRY(read_type(r));
    void *options = clade__arena_alloc(&r->arena, r->spec.type->options_bytes + 1);
    if (!options) return no_memory();
    CLADE_TRY(read_options(r->json, r->spec.type, &r->at, options));
    r->spec.options = r->spec.type->options_bytes ? options : NULL;
    CLADE_TRY(read_inputs(r));
    CLADE_TRY(read_shared(r));
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(r->json, "name");
    if (name && !cJSON_IsString(name))
        return clade__fail(CLADE_ECONFIG, "%s: want a text", below(&r->at, "name").text);
    r->spec.name = name ? name->valuestring : NULL;
    if (r->version < 2) { /* names are those of version 1, whatever is put between */
        snprintf(number, sizeof number, "%d", position);
        if (!r->spec.name) r->spec.name = number;
        if (r->spec.type == &clade__layer_linear && r->spec.inputs[0]->shape.rank > 1)
            CLADE_TRY(flatten_before(r, r->spec.name));
    }
    r->before = clade__graph_add(&r->spec);
    if (r->before) return CLADE_OK;
    CLADE_TRY(clade__graph_error(&r->model->graph));
    return no_memory();
}

static clade_status add_layer(clade_model *model, int version, const cJSON *layer, int index,
                              clade_node **last)
{
    reading r = {.model = model, .version = version, .json = layer, .before = *last};
    snprintf(r.at.text, sizeof r.at.text, "model.layers[%d]", index);
    clade_status status = read_layer(&r, index);
    if (status != CLADE_OK && strncmp(clade_error(), r.at.text, strlen(r.at.text)) != 0)
        status = clade__fail_in(status == CLADE_ENOMEM ? CLADE_ENOMEM : CLADE_ECONFIG, "%s", r.at.text);
    clade__arena_free(&r.arena);
    *last = r.before;
    return status;
}

/* ---- inputs ------------------------------------------------------------------------------------ */

static clade_status read_shape(const cJSON *list, const place *at, clade_shape *shape)
{
    int rank = cJSON_GetArraySize(list);
    if (!cJSON_IsArray(list) || rank < 1 || rank > CLADE_MAX_RANK - 1)
        return clade__fail(CLADE_ECONFIG, "%s: want the shape of a sample, a list of 1 to %d whole numbers", at->text,
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

static clade_status add_input(clade_model *model, const place *at, const char *name,
                              clade_dtype dtype, clade_shape shape, clade_node **last)
{
    *last = clade__graph_add_input(&model->graph, name, dtype, shape);
    if (*last) return CLADE_OK;
    clade_status status = clade__graph_error(&model->graph);
    return clade__fail_in(status == CLADE_ENOMEM ? CLADE_ENOMEM : CLADE_ECONFIG, "%s", at->text);
}

static clade_status read_dtype(const cJSON *object, const place *at, clade_dtype *dtype)
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
        place at, here;
        clade_shape shape;
        clade_dtype dtype;
        snprintf(at.text, sizeof at.text, "model.inputs[%d]", i);
        here = below(&at, "shape");
        if (!cJSON_IsObject(item)) return clade__fail(CLADE_ECONFIG, "%s: want a mapping", at.text);
        CLADE_TRY(check_keys(item, keys, 3, &at));
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
    place at = {"model.input"};
    clade_shape shape;
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "inputs");
    const cJSON *one = cJSON_GetObjectItemCaseSensitive(root, "input");
    if (list && one) return clade__fail(CLADE_ECONFIG, "model: want input or inputs, not both");
    if (list) return read_named(model, list, last);
    CLADE_TRY(read_shape(one, &at, &shape));
    return add_input(model, &at, NULL, CLADE_FLOAT32, shape, last);
}

/* ---- losses ------------------------------------------------------------------------------------ */

static clade_status read_loss_kind(const cJSON *object, const place *at, clade_loss *kind)
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
                              const place *at, clade_node **node)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    *node = name ? clade__graph_node(&model->graph, name) : NULL;
    if (*node) return CLADE_OK;
    return clade__fail(CLADE_ECONFIG, "%s: want the name of a layer or an input%s%.60s%s",
                       below(at, key).text, name ? ", and there is no '" : "", name ? name : "",
                       name ? "'" : "");
}

static clade_status read_one_loss(clade_model *model, const cJSON *item, const place *at)
{
    static const char *const keys[] = {"type", "prediction", "target", "weight", "ignore_index",
                                       "label_smoothing"};
    clade_loss_options options = {0};
    clade_node *prediction, *target;
    double weight = 1.0, smoothing = 0.0, ignore = 0.0;
    if (!cJSON_IsObject(item)) return clade__fail(CLADE_ECONFIG, "%s: want a mapping", at->text);
    CLADE_TRY(check_keys(item, keys, 6, at));
    CLADE_TRY(read_loss_kind(item, at, &options.kind));
    CLADE_TRY(read_node(model, item, "prediction", at, &prediction));
    CLADE_TRY(read_node(model, item, "target", at, &target));
    CLADE_TRY(read_number(item, "weight", at, &weight));
    CLADE_TRY(read_number(item, "label_smoothing", at, &smoothing));
    CLADE_TRY(read_number(item, "ignore_index", at, &ignore));
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
        place at;
        snprintf(at.text, sizeof at.text, "model.losses[%d]", i++);
        CLADE_TRY(read_one_loss(model, item, &at));
    }
    return CLADE_OK;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static clade_status read_output(clade_model *model, const cJSON *root, clade_node **last)
{
    place at = {"model"};
    if (!cJSON_HasObjectItem(root, "output")) return CLADE_OK;
    return read_node(model, root, "output", &at, last);
}

static clade_status read_model(clade_model *model, const cJSON *root, int version, clade_node **last)
{
    /* "loss" is there in model files; who reads one takes it from there. */
    static const char *const keys[] = {"input", "inputs", "layers", "output", "losses", "loss"};
    place at = {"model"};
    if (!cJSON_IsObject(root)) return clade__fail(CLADE_ECONFIG, "model: want a mapping");
    CLADE_TRY(check_keys(root, keys, 6, &at));
    CLADE_TRY(read_inputs_of_model(model, root, last));
    const cJSON *layers = cJSON_GetObjectItemCaseSensitive(root, "layers"), *layer;
    int n = cJSON_GetArraySize(layers), index = 0;
    if (!cJSON_IsArray(layers) || n < 1 || n > MAX_LAYERS)
        return clade__fail(CLADE_ECONFIG, "model.layers: want a list of 1 to %d layers", MAX_LAYERS);
    cJSON_ArrayForEach(layer, layers) CLADE_TRY(add_layer(model, version, layer, index++, last));
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
    clade_status status =
        !json  ? clade__fail(CLADE_EINVAL, "clade_model_layers: json is NULL")
        : root ? read_model(model, root, version, output)
               : clade__fail(CLADE_ECONFIG, "model: not valid JSON");
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

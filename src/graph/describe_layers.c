/* The layers of a description. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "graph/describe.h"

/* A layer while it is read. */
typedef struct reading {
    clade_model *model;
    int version; /* of the description */
    const cJSON *json;
    clade__place at;
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
    clade__place here = clade__place_below(&r->at, "inputs");
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
    clade__place here = clade__place_below(&r->at, "inputs");
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
    clade__place here = clade__place_below(&r->at, "parameters");
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
    return clade__check_keys(r->json, keys, n, &r->at);
}

static clade_status read_type(reading *r)
{
    const char *names[128], *name;
    char hint[1024];
    size_t n = 0;
    clade__place here = clade__place_below(&r->at, "type");
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
    CLADE_TRY(clade__read_options(r->json, r->spec.type, &r->at, options));
    r->spec.options = r->spec.type->options_bytes ? options : NULL;
    CLADE_TRY(read_inputs(r));
    CLADE_TRY(read_shared(r));
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(r->json, "name");
    if (name && !cJSON_IsString(name))
        return clade__fail(CLADE_ECONFIG, "%s: want a text", clade__place_below(&r->at, "name").text);
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

clade_status clade__describe_layer(clade_model *model, int version, const cJSON *layer, int index,
                              clade_node **last)
{
    reading r = {.model = model, .version = version, .json = layer, .before = *last};
    if (layer->string) /* where it stood before blocks were put in */
        snprintf(r.at.text, sizeof r.at.text, "%s", layer->string);
    else
        snprintf(r.at.text, sizeof r.at.text, "model.layers[%d]", index);
    clade_status status = read_layer(&r, index);
    if (status != CLADE_OK && strncmp(clade_error(), r.at.text, strlen(r.at.text)) != 0)
        status = clade__fail_in(status == CLADE_ENOMEM ? CLADE_ENOMEM : CLADE_ECONFIG, "%s", r.at.text);
    clade__arena_free(&r.arena);
    *last = r.before;
    return status;
}

/* Blocks of a description: groups of layers that are written once and used often.
 *
 *   "blocks": {"pair": [{"type": "linear", "units": "$width"}, {"type": "relu"}]},
 *   "layers": [{"block": "pair", "name": "body", "repeat": 3, "width": 64}, …]
 *
 * A use becomes the block's layers, so that nobody behind this file knows of blocks. "$width" takes the value
 * of the key "width" of the use. Layers are named after the use: "body.0.0", "body.0.1", "body.1.0" …,
 * with their own name, if they have one, in place of their position; without "repeat" "body.0", "body.1".
 * "first" is the number that repeats begin with, 0 unless given. In "inputs" "in" is what comes before the
 * block, then the names of its own layers, then those of the network's. Its last layer is its output. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/describe.h"

enum { NAME_BYTES = 128 };

static clade_status no_memory(void)
{
    return clade__fail(CLADE_ENOMEM, "no memory for the blocks of a network");
}

/* In memory that cJSON gives back. */
static char *copy_for_cjson(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = cJSON_malloc(bytes);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

/* One use of a block, while it is put in. */
typedef struct use {
    const cJSON *item, *block;
    const char *block_name;
    int index;             /* in model.layers */
    cJSON *out;            /* the list that is made */
    char name[NAME_BYTES]; /* of this repeat */
    char in[NAME_BYTES];   /* what comes before it */
    bool in_first;         /* its first layer has to say so, since it follows another one in the list */
} use;

/* ---- names ------------------------------------------------------------------------------------- */

static const char *own_name(const cJSON *layer)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(layer, "name"));
}

/* Of the last layer in the list, or of the input before it. */
static void name_before(const cJSON *root, const cJSON *out, char name[NAME_BYTES])
{
    int n = cJSON_GetArraySize(out);
    const cJSON *inputs = cJSON_GetObjectItemCaseSensitive(root, "inputs");
    const char *given = n > 0 ? own_name(cJSON_GetArrayItem(out, n - 1))
                              : own_name(cJSON_GetArrayItem(inputs, cJSON_GetArraySize(inputs) - 1));
    if (given)
        snprintf(name, NAME_BYTES, "%s", given);
    else if (n > 0)
        snprintf(name, NAME_BYTES, "%d", n - 1);
    else
        snprintf(name, NAME_BYTES, "input");
}

/* Whether a layer of the block has the name, without ":1" for an output. */
static bool is_inside(const use *u, const char *name)
{
    const cJSON *layer;
    char digits[16];
    int i = 0;
    size_t n = strcspn(name, ":");
    cJSON_ArrayForEach(layer, u->block)
    {
        snprintf(digits, sizeof digits, "%d", i++);
        const char *own = own_name(layer) ? own_name(layer) : digits;
        if (strlen(own) == n && strncmp(own, name, n) == 0) return true;
    }
    return false;
}

static clade_status set_text(cJSON *object, const char *key, const char *text)
{
    cJSON *item = cJSON_CreateString(text);
    bool there = cJSON_HasObjectItem(object, key);
    if (item && (there ? cJSON_ReplaceItemInObjectCaseSensitive(object, key, item)
                       : cJSON_AddItemToObject(object, key, item)))
        return CLADE_OK;
    cJSON_Delete(item);
    return no_memory();
}

/* What a name in a block's "inputs" is outside. */
static clade_status map_input(const use *u, cJSON *inputs, int i)
{
    const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(inputs, i));
    char whole[2 * NAME_BYTES];
    if (!name) return CLADE_OK; /* the reader of layers tells of it */
    if (strcmp(name, "in") == 0)
        snprintf(whole, sizeof whole, "%s", u->in);
    else if (is_inside(u, name))
        snprintf(whole, sizeof whole, "%s.%s", u->name, name);
    else
        return CLADE_OK;
    cJSON *item = cJSON_CreateString(whole);
    if (item && cJSON_ReplaceItemInArray(inputs, i, item)) return CLADE_OK;
    cJSON_Delete(item);
    return no_memory();
}

/* ---- values ------------------------------------------------------------------------------------ */

/* Gives an item another key; NULL for an item of a list. */
static bool rename_item(cJSON *item, const char *key)
{
    cJSON_free(item->string);
    item->string = key ? copy_for_cjson(key) : NULL;
    return item->string || !key;
}

/* Puts the values of the use in place of "$key", everywhere below. */
static clade_status substitute(const use *u, cJSON *at, int position)
{
    for (cJSON *item = at->child, *next; item; item = next) {
        const char *text = cJSON_GetStringValue(item);
        next = item->next;
        CLADE_TRY(substitute(u, item, position));
        if (!text || text[0] != '$') continue;
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(u->item, text + 1);
        if (!value)
            return clade__fail(
                CLADE_ECONFIG,
                "model.blocks.%s[%d]: model.layers[%d] uses it without a value for %s",
                u->block_name, position, u->index, text);
        cJSON *copy = cJSON_Duplicate(value, true); /* with the key of the use */
        bool keyed = copy && rename_item(copy, item->string);
        if (!keyed || !cJSON_ReplaceItemViaPointer(at, item, copy)) {
            cJSON_Delete(copy);
            return no_memory();
        }
    }
    return CLADE_OK;
}

static bool mentions(const cJSON *at, const char *key)
{
    const char *text = cJSON_GetStringValue(at);
    if (text && text[0] == '$' && strcmp(text + 1, key) == 0) return true;
    for (const cJSON *item = at->child; item; item = item->next)
        if (mentions(item, key)) return true;
    return false;
}

static clade_status check_keys(const use *u)
{
    static const char *const own[] = {"block", "name", "repeat", "first", "inputs"};
    const cJSON *item;
    cJSON_ArrayForEach(item, u->item)
    {
        bool known = false;
        for (int i = 0; i < 5; i++) known = known || strcmp(item->string, own[i]) == 0;
        if (known || mentions(u->block, item->string)) continue;
        return clade__fail(CLADE_ECONFIG, "model.layers[%d].%.60s: the block '%.60s' has no $%.60s",
                           u->index, item->string, u->block_name, item->string);
    }
    return CLADE_OK;
}

/* ---- a use ------------------------------------------------------------------------------------- */

/* Takes the layer over. */
static clade_status append(use *u, cJSON *layer, int position)
{
    char place[160];
    snprintf(place, sizeof place, "model.blocks.%.60s[%d]", u->block_name, position);
    layer->string = copy_for_cjson(place); /* for messages: items of a list have none of their own */
    if (layer->string && cJSON_AddItemToArray(u->out, layer)) return CLADE_OK;
    cJSON_Delete(layer);
    return no_memory();
}

static clade_status finish_layer(const use *u, cJSON *layer, int position)
{
    char name[2 * NAME_BYTES];
    CLADE_TRY(substitute(u, layer, position));
    cJSON *inputs = cJSON_GetObjectItemCaseSensitive(layer, "inputs");
    for (int i = 0; i < cJSON_GetArraySize(inputs); i++) CLADE_TRY(map_input(u, inputs, i));
    if (position == 0 && u->in_first && !inputs) {
        const char *in = u->in;
        inputs = cJSON_CreateStringArray(&in, 1);
        if (!inputs || !cJSON_AddItemToObject(layer, "inputs", inputs)) {
            cJSON_Delete(inputs);
            return no_memory();
        }
    }
    if (own_name(layer))
        snprintf(name, sizeof name, "%s.%s", u->name, own_name(layer));
    else
        snprintf(name, sizeof name, "%s.%d", u->name, position);
    return set_text(layer, "name", name);
}

static clade_status put_in(use *u)
{
    const cJSON *layer;
    int position = 0;
    cJSON_ArrayForEach(layer, u->block)
    {
        if (!cJSON_IsObject(layer) || cJSON_HasObjectItem(layer, "block"))
            return clade__fail(
                CLADE_ECONFIG,
                "model.blocks.%.60s[%d]: want a layer, a mapping with a type; a block "
                "has no blocks inside",
                u->block_name, position);
        cJSON *copy = cJSON_Duplicate(layer, true);
        if (!copy) return no_memory();
        clade_status status = finish_layer(u, copy, position);
        if (status != CLADE_OK) {
            cJSON_Delete(copy);
            return status;
        }
        CLADE_TRY(append(u, copy, position++));
    }
    return CLADE_OK;
}

static clade_status read_count(const use *u, const char *key, int least, int *count)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(u->item, key);
    double value = cJSON_GetNumberValue(item);
    if (!item) return CLADE_OK;
    if (!(value >= least && value <= 1000.0) || value != floor(value))
        return clade__fail(CLADE_ECONFIG,
                           "model.layers[%d].%s: want a whole number from %d to 1000", u->index,
                           key, least);
    *count = (int)value;
    return CLADE_OK;
}

/* The use of `blocks` that an item of model.layers is. */
static clade_status open_use(use *u, const cJSON *root, const cJSON *blocks)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(u->item, "block"));
    const cJSON *inputs = cJSON_GetObjectItemCaseSensitive(u->item, "inputs");
    u->block = name ? cJSON_GetObjectItemCaseSensitive(blocks, name) : NULL;
    u->block_name = name ? name : "";
    if (!u->block)
        return clade__fail(CLADE_ECONFIG,
                           "model.layers[%d].block: model.blocks has no block '%.60s'", u->index,
                           u->block_name);
    if (!cJSON_IsArray(u->block) || cJSON_GetArraySize(u->block) < 1)
        return clade__fail(CLADE_ECONFIG, "model.blocks.%.60s: want a list of layers", u->block_name);
    CLADE_TRY(check_keys(u));
    name_before(root, u->out, u->in);
    if (!inputs) return CLADE_OK;
    const char *in = cJSON_GetStringValue(cJSON_GetArrayItem(inputs, 0));
    if (cJSON_GetArraySize(inputs) != 1 || !in)
        return clade__fail(CLADE_ECONFIG,
                           "model.layers[%d].inputs: want the name of one layer in a list",
                           u->index);
    snprintf(u->in, sizeof u->in, "%s", in);
    u->in_first = true;
    return CLADE_OK;
}

static clade_status put_in_all(use *u, const cJSON *root, const cJSON *blocks)
{
    int n = 1, first = 0;
    CLADE_TRY(open_use(u, root, blocks));
    CLADE_TRY(read_count(u, "repeat", 1, &n));
    CLADE_TRY(read_count(u, "first", 0, &first));
    const char *name = own_name(u->item) ? own_name(u->item) : u->block_name;
    bool numbered = cJSON_HasObjectItem(u->item, "repeat") || cJSON_HasObjectItem(u->item, "first");
    for (int i = 0; i < n; i++) {
        if (numbered)
            snprintf(u->name, sizeof u->name, "%.100s.%d", name, first + i);
        else
            snprintf(u->name, sizeof u->name, "%.100s", name);
        CLADE_TRY(put_in(u));
        name_before(root, u->out, u->in);
        u->in_first = false;
    }
    return CLADE_OK;
}

/* ---- all of them ------------------------------------------------------------------------------- */

static clade_status expand(cJSON *root, cJSON *layers, const cJSON *blocks, cJSON *out)
{
    int index = 0;
    for (cJSON *item; (item = cJSON_DetachItemFromArray(layers, 0)); index++) {
        use u = {.item = item, .index = index, .out = out};
        char place[64];
        clade_status status = CLADE_OK;
        if (cJSON_HasObjectItem(item, "block")) {
            status = put_in_all(&u, root, blocks);
            cJSON_Delete(item);
            if (status != CLADE_OK) return status;
            continue;
        }
        snprintf(place, sizeof place, "model.layers[%d]", index);
        item->string = copy_for_cjson(place);
        if (item->string && cJSON_AddItemToArray(out, item)) continue;
        cJSON_Delete(item);
        return no_memory();
    }
    return CLADE_OK;
}

clade_status clade__blocks_expand(cJSON *root)
{
    cJSON *layers = cJSON_GetObjectItemCaseSensitive(root, "layers");
    cJSON *blocks = cJSON_GetObjectItemCaseSensitive(root, "blocks"), *item;
    bool used = blocks != NULL;
    if (!cJSON_IsArray(layers)) return CLADE_OK; /* the reader of the model tells of it */
    cJSON_ArrayForEach(item, layers) used = used || cJSON_HasObjectItem(item, "block");
    if (!used) return CLADE_OK;
    if (blocks && !cJSON_IsObject(blocks))
        return clade__fail(CLADE_ECONFIG, "model.blocks: want a mapping of names to lists of layers");
    cJSON *out = cJSON_CreateArray();
    clade_status status = out ? expand(root, layers, blocks, out) : no_memory();
    if (status == CLADE_OK && !cJSON_ReplaceItemInObjectCaseSensitive(root, "layers", out))
        status = no_memory();
    if (status != CLADE_OK) {
        cJSON_Delete(out);
        return status;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(root, "blocks");
    return CLADE_OK;
}

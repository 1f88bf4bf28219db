/* Values of a description: numbers, initialisers, and a layer's options over their descriptors. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "graph/describe.h"

clade__place clade__place_below(const clade__place *at, const char *key)
{
    clade__place inner;
    snprintf(inner.text, sizeof inner.text, "%.100s.%.50s", at->text, key);
    return inner;
}

clade_status clade__read_number(const cJSON *object, const char *key, const clade__place *at, double *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!item) return CLADE_OK;
    if (!cJSON_IsNumber(item) || !(fabs(item->valuedouble) <= FLT_MAX))
        return clade__fail(CLADE_ECONFIG, "%s: want a number", clade__place_below(at, key).text);
    *out = item->valuedouble;
    return CLADE_OK;
}

clade_status clade__read_int(const cJSON *object, const char *key, const clade__place *at, double least,
                             int64_t *out)
{
    double value = (double)*out;
    CLADE_TRY(clade__read_number(object, key, at, &value));
    if (value != floor(value) || value < least || value > INT32_MAX)
        return clade__fail(CLADE_ECONFIG, "%s: %.17g, want a whole number of at least %g",
                           clade__place_below(at, key).text, value, least);
    *out = (int64_t)value;
    return CLADE_OK;
}

clade_status clade__check_keys(const cJSON *object, const char *const *keys, size_t n_keys,
                               const clade__place *at)
{
    char hint[256];
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        size_t i = 0;
        while (i < n_keys && strcmp(item->string, keys[i]) != 0) i++;
        if (i == n_keys)
            return clade__fail(CLADE_ECONFIG, "%s: unknown key%s", clade__place_below(at, item->string).text,
                               clade__suggest(hint, sizeof hint, item->string, keys, n_keys));
    }
    return CLADE_OK;
}

static clade_status read_init_name(const cJSON *item, const clade__place *at, clade_init *init)
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
static clade_status read_init(const cJSON *object, const char *key, const clade__place *at,
                              clade_init *init)
{
    static const char *const keys[] = {"type", "mean", "std", "value"};
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!item) return CLADE_OK;
    clade__place here = clade__place_below(at, key);
    *init = (clade_init){.std = 1.0f};
    if (!cJSON_IsObject(item)) return read_init_name(item, &here, init);
    CLADE_TRY(clade__check_keys(item, keys, 4, &here));
    CLADE_TRY(read_init_name(cJSON_GetObjectItemCaseSensitive(item, "type"), &here, init));
    double mean = 0.0, std = 1.0, value = 0.0;
    CLADE_TRY(clade__read_number(item, "mean", &here, &mean));
    CLADE_TRY(clade__read_number(item, "std", &here, &std));
    CLADE_TRY(clade__read_number(item, "value", &here, &value));
    if (std < 0.0) return clade__fail(CLADE_ECONFIG, "%s.std: %g, want at least 0", here.text, std);
    init->mean = (float)mean;
    init->std = (float)std;
    init->value = (float)value;
    return CLADE_OK;
}

static clade_status read_flag(const cJSON *item, const clade__place *at, bool *flag)
{
    if (!cJSON_IsBool(item)) return clade__fail(CLADE_ECONFIG, "%s: want true or false", at->text);
    *flag = cJSON_IsTrue(item);
    return CLADE_OK;
}

/* As many as there is room for; the rest is checked with the layer. */
static clade_status read_sizes(const cJSON *item, const clade__place *at, clade__sizes *sizes)
{
    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) > CLADE__MAX_SIZES)
        return clade__fail(CLADE_ECONFIG, "%s: want a list of 1 to %d whole numbers", at->text,
                           CLADE__MAX_SIZES);
    sizes->n = cJSON_GetArraySize(item);
    for (int i = 0; i < sizes->n; i++) {
        double value = cJSON_GetNumberValue(cJSON_GetArrayItem(item, i));
        if (!(fabs(value) <= INT32_MAX) || value != floor(value))
            return clade__fail(CLADE_ECONFIG, "%s: want a list of 1 to %d whole numbers", at->text,
                               CLADE__MAX_SIZES);
        sizes->list[i] = (int64_t)value;
    }
    return CLADE_OK;
}

/* 3, or [3, 5], or "same" for a padding. */
static clade_status read_pair(const cJSON *item, const clade__option *o, const clade__place *at,
                              int64_t pair[2])
{
    const char *text = cJSON_GetStringValue(item), *more = "";
    if (o->kind == CLADE__OPTION_PADDING) {
        more = ", or same";
        if (text && strcmp(text, "same") == 0) {
            pair[0] = pair[1] = CLADE_PADDING_SAME;
            return CLADE_OK;
        }
    }
    for (int i = 0; i < 2; i++) {
        const cJSON *one = cJSON_IsArray(item) ? cJSON_GetArrayItem(item, i) : item;
        double value = cJSON_GetNumberValue(one);
        if (!(fabs(value) <= INT32_MAX) || value != floor(value) ||
            (cJSON_IsArray(item) && cJSON_GetArraySize(item) != 2))
            return clade__fail(CLADE_ECONFIG, "%s: want a whole number, or two for height and width%s",
                               at->text, more);
        pair[i] = (int64_t)value;
    }
    const int64_t *wrong = clade__pair_out_of_range(o, pair);
    return wrong ? clade__fail(CLADE_ECONFIG, "%s: %lld, want a whole number of at least %g", at->text,
                               (long long)*wrong, o->least)
                 : CLADE_OK;
}

/* A number with a range of its own fails with its place. */
static clade_status read_option(const cJSON *layer, const clade__option *o, const clade__place *at,
                                void *options)
{
    void *to = (char *)options + o->offset;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(layer, o->key);
    clade__place here = clade__place_below(at, o->key);
    double number = o->fallback;
    bool flag = false;
    if (!item) return CLADE_OK;
    switch (o->kind) {
    case CLADE__OPTION_WHOLE: return clade__read_int(layer, o->key, at, o->least, to);
    case CLADE__OPTION_NUMBER:
        CLADE_TRY(clade__read_number(layer, o->key, at, &number));
        *(float *)to = (float)number;
        return CLADE_OK;
    case CLADE__OPTION_FLAG:
    case CLADE__OPTION_NO_FLAG:
        CLADE_TRY(read_flag(item, &here, &flag));
        *(bool *)to = flag == (o->kind == CLADE__OPTION_FLAG);
        return CLADE_OK;
    case CLADE__OPTION_SIZES: return read_sizes(item, &here, to);
    case CLADE__OPTION_PAIR:
    case CLADE__OPTION_PADDING: return read_pair(item, o, &here, to);
    case CLADE__OPTION_INIT: break;
    }
    return read_init(layer, o->key, at, to);
}

/* options has options_bytes. */
clade_status clade__read_options(const cJSON *layer, const clade__layer_type *type, const clade__place *at,
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

/* The options of layers: defaults and ranges, over the descriptors of their types. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "graph/layer.h"

static const char *const init_names[] = {"default", "xavier", "he", "normal", "constant"};

const char *clade__init_name(clade_init_kind kind)
{
    return (unsigned)kind < sizeof init_names / sizeof init_names[0] ? init_names[kind] : NULL;
}

static void *at(void *options, const clade__option *option)
{
    return (char *)options + option->offset;
}

void clade__options_default(const clade__layer_type *type, void *options)
{
    memset(options, 0, type->options_bytes);
    for (const clade__option *o = type->options; o && o->key; o++) {
        switch (o->kind) {
        case CLADE__OPTION_WHOLE: *(int64_t *)at(options, o) = (int64_t)o->fallback; break;
        case CLADE__OPTION_NUMBER: *(float *)at(options, o) = (float)o->fallback; break;
        case CLADE__OPTION_FLAG: *(bool *)at(options, o) = o->fallback != 0.0; break;
        case CLADE__OPTION_NO_FLAG: *(bool *)at(options, o) = o->fallback == 0.0; break;
        case CLADE__OPTION_PAIR:
        case CLADE__OPTION_PADDING:
            for (int i = 0; i < 2; i++) ((int64_t *)at(options, o))[i] = (int64_t)o->fallback;
            break;
        case CLADE__OPTION_INIT:
        case CLADE__OPTION_SIZES: break; /* zeros */
        }
    }
}

static clade_status check_init(const char *type, const char *key, const clade_init *init)
{
    CLADE_WANT_UNUSED(type, init->reserved);
    if (!clade__init_name(init->kind))
        return clade__fail(CLADE_EINVAL, "%s: %s has unknown kind %d", type, key, (int)init->kind);
    if (!isfinite(init->mean) || !isfinite(init->value) || !(init->std >= 0.0f) ||
        !isfinite(init->std))
        return clade__fail(CLADE_EINVAL, "%s: %s has mean %g, std %g and value %g, want numbers, "
                           "and std at least 0", type, key, (double)init->mean, (double)init->std,
                           (double)init->value);
    return CLADE_OK;
}

/* "at least 1", "0 to 1", "a number above 0". */
static clade_status check_range(const char *type, const clade__option *o, double value)
{
    if (value >= o->least && value <= o->most) return CLADE_OK;
    if (o->least == (double)FLT_MIN)
        return clade__fail(CLADE_EINVAL, "%s: %s is %g, want a number above 0", type, o->key, value);
    if (o->most >= (double)INT32_MAX)
        return clade__fail(CLADE_EINVAL, "%s: %s is %.17g, want at least %g", type, o->key, value,
                           o->least);
    return clade__fail(CLADE_EINVAL, "%s: %s is %g, want %g to %g", type, o->key, value, o->least,
                       o->most);
}

bool clade__option_is_pair(const clade__option *option)
{
    return option->kind == CLADE__OPTION_PAIR || option->kind == CLADE__OPTION_PADDING;
}

const int64_t *clade__pair_out_of_range(const clade__option *option, const int64_t pair[2])
{
    for (int i = 0; i < 2; i++) {
        bool same = option->kind == CLADE__OPTION_PADDING && pair[i] == CLADE_PADDING_SAME;
        if (!same && ((double)pair[i] < option->least || (double)pair[i] > option->most))
            return &pair[i];
    }
    return NULL;
}

static clade_status check_sizes(const char *type, const clade__option *o, const clade__sizes *sizes)
{
    if (sizes->n < 1 || sizes->n > CLADE__MAX_SIZES)
        return clade__fail(CLADE_EINVAL, "%s: %s has %d numbers, want 1 to %d", type, o->key, sizes->n,
                           CLADE__MAX_SIZES);
    for (int i = 0; i < sizes->n; i++) CLADE_TRY(check_range(type, o, (double)sizes->list[i]));
    return CLADE_OK;
}

clade_status clade__options_check(const clade__layer_type *type, const void *options)
{
    for (const clade__option *o = type->options; o && o->key; o++) {
        const void *value = (const char *)options + o->offset;
        clade_status status = CLADE_OK;
        if (o->kind == CLADE__OPTION_WHOLE)
            status = check_range(type->name, o, (double)*(const int64_t *)value);
        else if (o->kind == CLADE__OPTION_NUMBER)
            status = check_range(type->name, o, (double)*(const float *)value);
        else if (o->kind == CLADE__OPTION_INIT)
            status = check_init(type->name, o->key, value);
        else if (o->kind == CLADE__OPTION_SIZES)
            status = check_sizes(type->name, o, value);
        else if (clade__option_is_pair(o)) {
            const int64_t *wrong = clade__pair_out_of_range(o, value);
            if (wrong) status = check_range(type->name, o, (double)*wrong);
        }
        CLADE_TRY(status);
    }
    return CLADE_OK;
}

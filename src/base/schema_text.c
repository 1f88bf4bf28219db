/* A schema as JSON, as it stands in a model file under clade.columns:
 *
 *   {"columns": [{"name": "age", "kind": "number", "center": 29.7, "scale": 0.07, "fill": 28},
 *                {"name": "sex", "kind": "category", "categories": ["female", "male"],
 *                 "unknown": "refuse", "missing": "zeros"}],
 *    "label": "survived", "targets": [{"name": "price", "center": 0, "scale": 1}],
 *    "unused": ["id"]}
 *
 * A name is null without a header; "fill" is there only where a missing number is filled; "unknown" and
 * "missing", which is of a category that has no text "", are "refuse" or "zeros". */
#include "base/schema.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/json.h"

static void write_column(clade__json *json, const clade__column *c)
{
    clade__json_object(json, NULL);
    clade__json_string(json, "name", c->name);
    clade__json_string(json, "kind", c->is_category ? "category" : "number");
    if (c->is_category) {
        clade__json_list(json, "categories");
        for (int i = 0; i < c->n_texts; i++) clade__json_string(json, NULL, c->texts[i]);
        clade__json_list_end(json);
        clade__json_string(json, "unknown", c->unknown_is_zeros ? "zeros" : "refuse");
        clade__json_string(json, "missing", c->fills ? "zeros" : "refuse");
    } else {
        clade__json_number(json, "center", c->center);
        clade__json_number(json, "scale", c->scale);
        if (c->fills) clade__json_number(json, "fill", c->fill);
    }
    clade__json_object_end(json);
}

clade_status clade__schema_seal(clade_schema *schema)
{
    clade__json json = {0};
    schema->n_features = 0;
    clade__json_object(&json, NULL);
    clade__json_list(&json, "columns");
    for (int i = 0; i < schema->n_columns; i++) {
        clade__column *c = &schema->columns[i];
        c->first_feature = schema->n_features;
        schema->n_features += c->is_category ? c->n_texts : 1;
        write_column(&json, c);
    }
    clade__json_list_end(&json);
    clade__json_string(&json, "label", schema->label);
    clade__json_list(&json, "targets");
    for (int64_t i = 0; i < schema->n_targets; i++) {
        clade__json_object(&json, NULL);
        clade__json_string(&json, "name", schema->targets[i].name);
        clade__json_number(&json, "center", schema->targets[i].center);
        clade__json_number(&json, "scale", schema->targets[i].scale);
        clade__json_object_end(&json);
    }
    clade__json_list_end(&json);
    clade__json_list(&json, "unused");
    for (int i = 0; i < schema->n_unused; i++) clade__json_string(&json, NULL, schema->unused[i]);
    clade__json_list_end(&json);
    clade__json_object_end(&json);
    schema->text = clade__json_finish(&json);
    return schema->text ? CLADE_OK : clade__fail(CLADE_ENOMEM, "no memory to describe a table");
}

/* ---- reading --------------------------------------------------------------------------------- */

static clade_status fail(const char *what)
{
    return clade__fail(CLADE_EDATA, "its columns have no right description: %s", what);
}

/* A copy of a text; *out is NULL where there is none, or null. */
static clade_status read_text(char **out, const cJSON *item)
{
    *out = NULL;
    if (!item || cJSON_IsNull(item)) return CLADE_OK;
    const char *text = cJSON_GetStringValue(item);
    if (!text || !clade__is_utf8(text)) return fail("a name is no text in UTF-8");
    *out = malloc(strlen(text) + 1);
    if (!*out) return clade__fail(CLADE_ENOMEM, "no memory to describe a table");
    strcpy(*out, text);
    return CLADE_OK;
}

static clade_status read_number(double *out, const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble)) return fail("a number is missing");
    *out = item->valuedouble;
    return CLADE_OK;
}

/* All of a list's texts, into memory that the schema owns from now on. */
static clade_status read_texts(char ***texts, int *n_texts, const cJSON *list)
{
    int n = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    *texts = calloc((size_t)n + 1, sizeof **texts);
    if (!*texts) return clade__fail(CLADE_ENOMEM, "no memory to describe a table");
    const cJSON *item = n > 0 ? list->child : NULL;
    for (; item; item = item->next) {
        CLADE_TRY(read_text(&(*texts)[*n_texts], item));
        if (!(*texts)[(*n_texts)++]) return fail("a list of names has no text");
    }
    return CLADE_OK;
}

static clade_status read_column(clade__column *c, const cJSON *item)
{
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "kind"));
    CLADE_TRY(read_text(&c->name, cJSON_GetObjectItemCaseSensitive(item, "name")));
    if (!kind) return fail("a column has no kind");
    c->is_category = strcmp(kind, "category") == 0;
    if (c->is_category) {
        const char *unknown =
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "unknown"));
        const char *missing =
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "missing"));
        c->unknown_is_zeros = unknown && strcmp(unknown, "zeros") == 0;
        c->fills = missing && strcmp(missing, "zeros") == 0;
        CLADE_TRY(read_texts(&c->texts, &c->n_texts,
                             cJSON_GetObjectItemCaseSensitive(item, "categories")));
        return c->n_texts > 0 ? CLADE_OK : fail("a category has no texts");
    }
    if (strcmp(kind, "number") != 0) return fail("a column is neither a number nor a category");
    CLADE_TRY(read_number(&c->center, item, "center"));
    CLADE_TRY(read_number(&c->scale, item, "scale"));
    c->fills = cJSON_GetObjectItemCaseSensitive(item, "fill") != NULL;
    return c->fills ? read_number(&c->fill, item, "fill") : CLADE_OK;
}

static clade_status read_target(clade__target *target, const cJSON *item)
{
    CLADE_TRY(read_text(&target->name, cJSON_GetObjectItemCaseSensitive(item, "name")));
    CLADE_TRY(read_number(&target->center, item, "center"));
    CLADE_TRY(read_number(&target->scale, item, "scale"));
    return target->scale != 0.0 ? CLADE_OK : fail("a target is scaled by 0");
}

static clade_status read_schema(clade_schema *schema, const cJSON *root)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, "columns")->child;
    for (int i = 0; i < schema->n_columns; i++, item = item->next)
        CLADE_TRY(read_column(&schema->columns[i], item));
    const cJSON *targets = cJSON_GetObjectItemCaseSensitive(root, "targets");
    item = targets ? targets->child : NULL;
    for (int64_t i = 0; i < schema->n_targets; i++, item = item->next)
        CLADE_TRY(read_target(&schema->targets[i], item));
    CLADE_TRY(read_text(&schema->label, cJSON_GetObjectItemCaseSensitive(root, "label")));
    CLADE_TRY(read_texts(&schema->unused, &schema->n_unused,
                         cJSON_GetObjectItemCaseSensitive(root, "unused")));
    return clade__schema_seal(schema);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A table's columns are found by these names: either all columns of features have one or none, and no two
 * columns have the same. */
static clade_status check_names(const clade_schema *schema)
{
    size_t n = 0;
    const char **names = malloc(((size_t)schema->n_columns + (size_t)schema->n_targets + 1) *
                                sizeof *names);
    if (!names) return clade__fail(CLADE_ENOMEM, "no memory to describe a table");
    for (int i = 0; i < schema->n_columns; i++)
        if (schema->columns[i].name) names[n++] = schema->columns[i].name;
    bool some = n > 0 && n < (size_t)schema->n_columns;
    for (int64_t i = 0; i < schema->n_targets; i++)
        if (schema->targets[i].name) names[n++] = schema->targets[i].name;
    if (schema->label) names[n++] = schema->label;
    qsort(names, n, sizeof *names, by_bytes);
    bool twice = false;
    for (size_t i = 1; i < n; i++) twice = twice || strcmp(names[i - 1], names[i]) == 0;
    free(names);
    if (some) return fail("some columns have a name, and others have none");
    return twice ? fail("two columns have the same name") : CLADE_OK;
}

clade_status clade__schema_parse(clade_schema **out, const char *text)
{
    *out = NULL;
    cJSON *root = clade__json_parse(text, strlen(text), false);
    const cJSON *columns = cJSON_GetObjectItemCaseSensitive(root, "columns");
    const cJSON *targets = cJSON_GetObjectItemCaseSensitive(root, "targets");
    clade_schema *schema = NULL;
    clade_status status = cJSON_IsArray(columns) && (!targets || cJSON_IsArray(targets))
                              ? CLADE_OK
                              : fail("want a list of columns");
    if (status == CLADE_OK)
        status = clade__schema_create(&schema, cJSON_GetArraySize(columns),
                                      targets ? cJSON_GetArraySize(targets) : 0);
    if (status == CLADE_OK) status = read_schema(schema, root);
    if (status == CLADE_OK) status = check_names(schema);
    cJSON_Delete(root);
    if (status != CLADE_OK) {
        clade__schema_release(schema);
        return status;
    }
    *out = schema;
    return CLADE_OK;
}

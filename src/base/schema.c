#include "base/schema.h"

#include <stdlib.h>
#include <string.h>

clade_status clade__schema_create(clade_schema **out, int n_columns, int64_t n_targets)
{
    *out = NULL;
    clade_schema *schema = calloc(1, sizeof *schema);
    if (!schema) return clade__fail(CLADE_ENOMEM, "no memory to describe a table");
    schema->n_users = 1;
    schema->columns = calloc((size_t)n_columns + 1, sizeof *schema->columns);
    schema->targets = calloc((size_t)n_targets + 1, sizeof *schema->targets);
    if (!schema->columns || !schema->targets) {
        clade__schema_release(schema);
        return clade__fail(CLADE_ENOMEM, "no memory to describe a table of %d columns", n_columns);
    }
    schema->n_columns = n_columns;
    schema->n_targets = n_targets;
    for (int i = 0; i < n_columns; i++) schema->columns[i].scale = 1.0;
    for (int64_t i = 0; i < n_targets; i++) schema->targets[i].scale = 1.0;
    *out = schema;
    return CLADE_OK;
}

static void free_texts(char **texts, int n)
{
    for (int i = 0; texts && i < n; i++) free(texts[i]);
    free(texts);
}

clade_schema *clade__schema_hold(const clade_schema *schema)
{
    clade_schema *held = (clade_schema *)schema; /* the count is no part of what it says */
    if (held) held->n_users++;
    return held;
}

void clade__schema_release(clade_schema *schema)
{
    if (!schema || --schema->n_users > 0) return;
    for (int i = 0; i < schema->n_columns; i++) {
        free(schema->columns[i].name);
        free_texts(schema->columns[i].texts, schema->columns[i].n_texts);
    }
    for (int64_t i = 0; i < schema->n_targets; i++) free(schema->targets[i].name);
    free(schema->columns);
    free(schema->targets);
    free(schema->label);
    free_texts(schema->unused, schema->n_unused);
    free(schema->text);
    free(schema);
}

bool clade__schema_equal(const clade_schema *a, const clade_schema *b)
{
    return a == b || (a && b && strcmp(a->text, b->text) == 0);
}

bool clade__schema_all_numbers(const clade_schema *schema)
{
    for (int i = 0; i < schema->n_columns; i++)
        if (schema->columns[i].is_category) return false;
    return true;
}

bool clade__schema_is_scaled(const clade_schema *schema)
{
    for (int i = 0; i < schema->n_columns; i++)
        if (schema->columns[i].center != 0.0 || schema->columns[i].scale != 1.0) return true;
    return false;
}

double clade__schema_target_value(const clade_schema *schema, int64_t target, double output)
{
    if (!schema || target >= schema->n_targets) return output;
    return output / schema->targets[target].scale + schema->targets[target].center;
}

/* ---- what a user asks ------------------------------------------------------------------------ */

int clade_schema_n_columns(const clade_schema *schema)
{
    return schema ? schema->n_columns : 0;
}

clade_status clade_schema_column(const clade_schema *schema, int index, clade_column_info *info)
{
    CLADE_WANT(schema);
    CLADE_WANT(info);
    if (index < 0 || index >= schema->n_columns)
        return clade__fail(CLADE_EINVAL, "schema: column %d of %d", index, schema->n_columns);
    const clade__column *c = &schema->columns[index];
    *info = (clade_column_info){.name = c->name,
                                .is_category = c->is_category,
                                .center = c->center,
                                .scale = c->scale,
                                .fills = c->fills,
                                .fill = c->fill,
                                .n_categories = c->n_texts,
                                .unknown_is_zeros = c->unknown_is_zeros,
                                .first_feature = c->first_feature,
                                .n_features = c->is_category ? c->n_texts : 1};
    return CLADE_OK;
}

const char *clade_schema_category(const clade_schema *schema, int column, int index)
{
    if (!schema || column < 0 || column >= schema->n_columns || index < 0 ||
        index >= schema->columns[column].n_texts)
        return NULL;
    return schema->columns[column].texts[index];
}

const char *clade_schema_label(const clade_schema *schema)
{
    return schema ? schema->label : NULL;
}

int64_t clade_schema_n_targets(const clade_schema *schema)
{
    return schema ? schema->n_targets : 0;
}

const char *clade_schema_target(const clade_schema *schema, int64_t index)
{
    if (!schema || index < 0 || index >= schema->n_targets) return NULL;
    return schema->targets[index].name;
}

const char *clade_schema_unused(const clade_schema *schema, int index)
{
    if (!schema || index < 0 || index >= schema->n_unused) return NULL;
    return schema->unused[index];
}

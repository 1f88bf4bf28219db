/* Roles by a schema: columns by name where both have names, else by position. */
#include "data/csv_roles.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static bool has_names(const clade_schema *schema)
{
    return schema->n_columns > 0 && schema->columns[0].name;
}

static void add_name(clade__text *list, const char *name)
{
    clade__text_append(list, "%s'%s'", list->length ? ", " : "", name);
}

/* Columns that are neither used nor known to be unused. */
static void list_extra(clade__text *list, const clade__csv_roles *roles,
                       const clade__csv_file *file, const clade_schema *schema)
{
    for (int i = 0; i < file->n_cols; i++) {
        bool known = roles->role[i] != CLADE__CSV_UNUSED || i == roles->group || i == roles->parts;
        for (int k = 0; k < schema->n_unused; k++)
            known = known || strcmp(file->names[i], schema->unused[k]) == 0;
        for (int k = 0; k < roles->n_kept; k++) known = known || roles->kept[k] == i;
        if (schema->label && strcmp(file->names[i], schema->label) == 0) known = true;
        for (int64_t k = 0; k < schema->n_targets; k++)
            known = known || (schema->targets[k].name &&
                              strcmp(file->names[i], schema->targets[k].name) == 0);
        if (!known) add_name(list, file->names[i]);
    }
}

static clade_status find_features(clade__csv_roles *roles, const clade__csv_file *file,
                                  const clade_schema *schema, clade__text *missing)
{
    for (int i = 0; i < schema->n_columns; i++) {
        int col;
        CLADE_TRY(clade__csv_find_name(file, schema->columns[i].name, &col));
        if (col < 0) {
            add_name(missing, schema->columns[i].name);
            continue;
        }
        roles->role[col] = CLADE__CSV_FEATURE;
        roles->features[roles->n_features++] = col;
    }
    return CLADE_OK;
}

static clade_status find_targets(clade__csv_roles *roles, const clade__csv_file *file,
                                 const clade_schema *schema, clade__text *missing)
{
    clade__text lacking = {0};
    for (int64_t i = 0; i < schema->n_targets; i++) {
        int col = -1;
        if (schema->targets[i].name)
            CLADE_TRY(clade__csv_find_name(file, schema->targets[i].name, &col));
        if (col < 0) {
            add_name(&lacking, schema->targets[i].name ? schema->targets[i].name : "");
            continue;
        }
        roles->role[col] = CLADE__CSV_TARGET;
        roles->targets[roles->n_targets++] = col;
    }
    /* Without any of them there are samples alone; without some, a mistake. */
    if (roles->n_targets > 0 && lacking.length)
        clade__text_append(missing, "%s%s", missing->length ? ", " : "", lacking.data);
    clade__text_free(&lacking);
    return CLADE_OK;
}

/* The answers: by the spec's options, else by the schema's names; without their columns there are none. */
static clade_status find_answers(clade__csv_roles *roles, const clade__csv_file *file,
                                 const clade__data_spec *spec, const clade_schema *schema,
                                 clade__text *missing)
{
    if (clade__csv_roles_without_answers(spec) || spec->how->samples_only) return CLADE_OK;
    if (clade__data_option(spec, "label") || clade__data_option(spec, "target")) {
        for (int i = 0; i < file->n_cols; i++) /* a name may be given to any column but a feature's */
            if (roles->role[i] == CLADE__CSV_UNUSED) roles->role[i] = CLADE__CSV_FEATURE;
            else roles->role[i] = CLADE__CSV_UNUSED;
        clade_status status = clade__csv_roles_answers(roles, file, spec);
        for (int i = 0; i < file->n_cols; i++)
            if (roles->role[i] == CLADE__CSV_FEATURE) roles->role[i] = CLADE__CSV_UNUSED;
        for (int i = 0; i < roles->n_features; i++)
            roles->role[roles->features[i]] = CLADE__CSV_FEATURE;
        return status;
    }
    if (!schema->label) return find_targets(roles, file, schema, missing);
    CLADE_TRY(clade__csv_find_name(file, schema->label, &roles->label));
    if (roles->label >= 0) roles->role[roles->label] = CLADE__CSV_LABEL;
    return CLADE_OK;
}

/* Rows are split by the texts of a column, and a feature or a target is read as numbers. */
static clade_status check_split_column(const clade__csv_roles *roles, const clade__csv_file *file,
                                       const char *key, int col)
{
    if (col < 0 || roles->role[col] == CLADE__CSV_UNUSED || roles->role[col] == CLADE__CSV_LABEL)
        return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "csv: %s= names column '%s', which is a %s of the model", key,
                       file->names[col],
                       roles->role[col] == CLADE__CSV_FEATURE ? "feature" : "target");
}

static clade_status fail_missing(const clade__csv_file *file, const char *missing,
                                 const char *extra)
{
    return clade__fail(CLADE_EDATA, "'%s' lacks columns that the model was trained on: %.400s%s%.400s",
                       file->path, missing, *extra ? "; it has others: " : "", extra);
}

static clade_status match_names(clade__csv_roles *roles, const clade__csv_file *file,
                                const clade__data_spec *spec, const clade__split_wants *split,
                                clade__text *missing, clade__text *extra)
{
    const clade_schema *schema = spec->how->schema;
    CLADE_TRY(clade__csv_roles_split(roles, file, split));
    CLADE_TRY(find_features(roles, file, schema, missing));
    CLADE_TRY(find_answers(roles, file, spec, schema, missing));
    CLADE_TRY(check_split_column(roles, file, "group", roles->group));
    CLADE_TRY(check_split_column(roles, file, "split", roles->parts));
    CLADE_TRY(clade__csv_roles_keep(roles, file, spec));
    list_extra(extra, roles, file, schema);
    if (missing->failed || extra->failed) return clade__fail(CLADE_ENOMEM, "csv: no memory");
    if (missing->length) return fail_missing(file, missing->data, extra->length ? extra->data : "");
    return CLADE_OK;
}

/* Without names on both sides the spec's options say which columns are features, and there must be as
 * many as the schema has. */
static clade_status match_positions(clade__csv_roles *roles, const clade__csv_file *file,
                                    const clade__data_spec *spec, const clade__split_wants *split)
{
    const clade_schema *schema = spec->how->schema;
    bool answers = clade__data_option(spec, "label") || clade__data_option(spec, "target");
    clade__data_spec alone = *spec; /* with as many columns as features, label=none goes without saying */
    if (!answers && (schema->n_targets > 0 || file->n_cols == schema->n_columns)) {
        alone.options[alone.n_options].key = "label";
        alone.options[alone.n_options++].value = "none";
    }
    CLADE_TRY(clade__csv_roles_choose(roles, file, &alone, split));
    if (roles->n_features == schema->n_columns) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "'%s' has %d columns for features and the model was trained on %d, and "
                       "there are no names to find them by; label=, target= and drop= say which of its %d "
                       "columns are none", file->path, roles->n_features, schema->n_columns, file->n_cols);
}

clade_status clade__csv_roles_match(clade__csv_roles *roles, const clade__csv_file *file,
                                    const clade__data_spec *spec, const clade__split_wants *split)
{
    if (!file->names || !has_names(spec->how->schema))
        return match_positions(roles, file, spec, split);
    clade__text missing = {0}, extra = {0};
    CLADE_TRY(clade__csv_roles_start(roles, file));
    clade_status status = match_names(roles, file, spec, split, &missing, &extra);
    clade__text_free(&missing);
    roles->extra = extra.data;
    return status;
}

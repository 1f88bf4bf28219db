#include "data/csv_roles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const char *option(const clade__data_spec *spec, const char *key)
{
    return clade__data_option(spec, key);
}

static bool samples_alone(const clade__data_spec *spec)
{
    const char *label = option(spec, "label");
    return label && strcmp(label, "none") == 0;
}

bool clade__csv_roles_name(const clade__data_spec *spec, const clade__split_wants *split)
{
    static const char *const keys[] = {"target", "drop", "id", "features", "categories"};
    const char *label = option(spec, "label");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (clade__csv_names_column(option(spec, keys[i]))) return true;
    return (label && strcmp(label, "none") != 0 && clade__csv_names_column(label)) ||
           clade__csv_names_column(split->group) || clade__csv_names_column(split->column) ||
           clade__csv_names_column(spec->how->keep);
}

/* ---- lists of columns ------------------------------------------------------------------------ */

typedef struct taking {
    clade__csv_roles *roles;
    const char *option;
    clade__csv_role role;
    const clade__csv_file *file;
} taking;

static clade_status take_role(void *context, int col, const char *text)
{
    taking *t = context;
    clade__csv_role was = t->roles->role[col];
    if (was != CLADE__CSV_FEATURE)
        return clade__fail(CLADE_EINVAL, "csv: %s=... names column '%s', which is named already",
                           t->option, text);
    t->roles->role[col] = t->role;
    if (t->role == CLADE__CSV_TARGET) t->roles->targets[t->roles->n_targets++] = col;
    return CLADE_OK;
}

static clade_status take_category(void *context, int col, const char *text)
{
    taking *t = context;
    if (t->roles->role[col] != CLADE__CSV_FEATURE)
        return clade__fail(CLADE_EINVAL, "csv: categories=... names column '%s', which is no feature",
                           text);
    t->roles->category[col] = true;
    return CLADE_OK;
}

static clade_status take_kept(void *context, int col, const char *text)
{
    taking *t = context;
    (void)text;
    for (int i = 0; i < t->roles->n_kept; i++)
        if (t->roles->kept[i] == col) return CLADE_OK;
    t->roles->kept[t->roles->n_kept++] = col;
    return CLADE_OK;
}

static clade_status take_all(clade__csv_roles *roles, const clade__csv_file *file,
                             const char *key, const char *list, clade__csv_role role)
{
    taking t = {roles, key, role, file};
    return clade__csv_each_column(file, key, list, take_role, &t);
}

static clade_status start(clade__csv_roles *roles, const clade__csv_file *file)
{
    size_t n = (size_t)file->n_cols;
    *roles = (clade__csv_roles){.label = -1, .group = -1, .parts = -1};
    roles->role = calloc(n, sizeof *roles->role);
    roles->category = calloc(n, sizeof *roles->category);
    roles->features = malloc(n * sizeof *roles->features);
    roles->targets = malloc(n * sizeof *roles->targets);
    roles->kept = malloc(n * sizeof *roles->kept);
    if (roles->role && roles->category && roles->features && roles->targets && roles->kept)
        return CLADE_OK;
    return clade__fail(CLADE_ENOMEM, "csv: no memory for %d columns", file->n_cols);
}

/* Columns that rows are split by are no features. */
static clade_status take_split(clade__csv_roles *roles, const clade__csv_file *file,
                               const clade__split_wants *split)
{
    if (split->group) CLADE_TRY(clade__csv_find_column(file, "group", split->group, &roles->group));
    if (split->column) CLADE_TRY(clade__csv_find_column(file, "split", split->column, &roles->parts));
    return CLADE_OK;
}

static clade_status take_kept_columns(clade__csv_roles *roles, const clade__csv_file *file,
                                      const clade__data_spec *spec)
{
    taking t = {.roles = roles};
    CLADE_TRY(clade__csv_each_column(file, "id", option(spec, "id"), take_kept, &t));
    return clade__csv_each_column(file, "keep", spec->how->keep, take_kept, &t);
}

/* ---- by the spec ----------------------------------------------------------------------------- */

/* pandas writes its row numbers as a first column without a name. */
static bool is_index(const clade__csv_file *file, const clade__csv_roles *roles)
{
    return file->names && file->n_cols > 1 && roles->role[0] == CLADE__CSV_FEATURE &&
           (!*file->names[0] || strcmp(file->names[0], "Unnamed: 0") == 0);
}

/* Each row ends in a separator: the last column has neither a name nor a value. */
static bool is_behind_separator(const clade__csv_file *file, const clade__csv_roles *roles)
{
    int last = file->n_cols - 1;
    return last > 0 && roles->role[last] == CLADE__CSV_FEATURE &&
           (!file->names || !*file->names[last]) && clade__csv_file_is_blank(file, last);
}

typedef struct named {
    const char *name;
    int col;
} named;

static int by_name(const void *a, const void *b)
{
    const named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->col > y->col) - (x->col < y->col);
}

/* A model finds its columns by their names. */
static clade_status check_names(const clade__csv_roles *roles, const clade__csv_file *file)
{
    if (!file->names) return CLADE_OK;
    named *names = malloc((size_t)file->n_cols * sizeof *names);
    if (!names) return clade__fail(CLADE_ENOMEM, "csv: no memory for %d names", file->n_cols);
    clade_status status = CLADE_OK;
    for (int i = 0; i < file->n_cols; i++) names[i] = (named){file->names[i], i};
    qsort(names, (size_t)file->n_cols, sizeof *names, by_name);
    for (int i = 1; i < file->n_cols && status == CLADE_OK; i++) {
        int a = names[i - 1].col, b = names[i].col;
        bool used = roles->role[a] != CLADE__CSV_UNUSED || roles->role[b] != CLADE__CSV_UNUSED;
        if (used && strcmp(names[i - 1].name, names[i].name) == 0)
            status = clade__fail(CLADE_EDATA, "'%s': columns %d and %d are both named '%s'; give them "
                                 "different names in the file, or leave out both with drop=%d,%d",
                                 file->path, a + 1, b + 1, names[i].name, a + 1, b + 1);
    }
    free(names);
    return status;
}

/* Their columns are no features, but are not read either. */
static void leave_answers(clade__csv_roles *roles)
{
    if (roles->label >= 0) roles->role[roles->label] = CLADE__CSV_UNUSED;
    for (int i = 0; i < roles->n_targets; i++) roles->role[roles->targets[i]] = CLADE__CSV_UNUSED;
    roles->label = -1;
    roles->n_targets = 0;
}

static clade_status choose_answers(clade__csv_roles *roles, const clade__csv_file *file,
                                   const clade__data_spec *spec)
{
    const char *label = option(spec, "label"), *targets = option(spec, "target");
    if (label && targets)
        return clade__fail(CLADE_EINVAL, "csv: both label= and target=; give one");
    if (targets) return take_all(roles, file, "target", targets, CLADE__CSV_TARGET);
    if (samples_alone(spec)) return CLADE_OK;
    int last = file->n_cols - 1;
    while (!label && last > 0 && roles->role[last] != CLADE__CSV_FEATURE) last--;
    if (!label)
        roles->label = last;
    else
        CLADE_TRY(clade__csv_find_column(file, "label", label, &roles->label));
    if (roles->role[roles->label] != CLADE__CSV_FEATURE)
        return clade__fail(CLADE_EINVAL, "csv: label=%s names a column that is named already",
                           label ? label : "-1");
    roles->role[roles->label] = CLADE__CSV_LABEL;
    return CLADE_OK;
}

/* A column that the file, not an option, has made unused may be chosen. */
static clade_status take_feature(void *context, int col, const char *text)
{
    taking *t = context;
    clade__csv_roles *roles = t->roles;
    bool unnamed = t->file->names && !*t->file->names[col];
    if (roles->role[col] == CLADE__CSV_LABEL)
        return clade__fail(CLADE_EINVAL, "csv: features=... names column '%s', which is the label; label= "
                           "names another column", text);
    if (roles->role[col] != CLADE__CSV_FEATURE && !unnamed)
        return clade__fail(CLADE_EINVAL, "csv: features=... names column '%s', which is named already",
                           text);
    for (int i = 0; i < roles->n_features; i++)
        if (roles->features[i] == col) return CLADE_OK;
    roles->features[roles->n_features++] = col;
    return CLADE_OK;
}

/* With features=, all that it does not name is unused. */
static clade_status choose_features(clade__csv_roles *roles, const clade__csv_file *file,
                                    const clade__data_spec *spec)
{
    const char *list = option(spec, "features");
    taking t = {.roles = roles, .file = file};
    if (!list) return CLADE_OK;
    CLADE_TRY(clade__csv_each_column(file, "features", list, take_feature, &t));
    for (int i = 0; i < file->n_cols; i++)
        if (roles->role[i] == CLADE__CSV_FEATURE) roles->role[i] = CLADE__CSV_UNUSED;
    for (int i = 0; i < roles->n_features; i++) roles->role[roles->features[i]] = CLADE__CSV_FEATURE;
    roles->n_features = 0; /* they are listed in the order of the file */
    return CLADE_OK;
}

static clade_status list_features(clade__csv_roles *roles, const clade__csv_file *file)
{
    for (int i = 0; i < file->n_cols; i++)
        if (roles->role[i] == CLADE__CSV_FEATURE) roles->features[roles->n_features++] = i;
    if (roles->n_features > 0) return CLADE_OK;
    char separator[8];
    snprintf(separator, sizeof separator, file->dialect.separator == '\t' ? "tab" : "'%c'",
             file->dialect.separator);
    return clade__fail(CLADE_EDATA, "'%s' has %d column%s, separated by %s: none is left for features; "
                       "separator= takes another, and label=none has samples alone", file->path,
                       file->n_cols, file->n_cols == 1 ? "" : "s", separator);
}

clade_status clade__csv_roles_choose(clade__csv_roles *roles, const clade__csv_file *file,
                                     const clade__data_spec *spec, const clade__split_wants *split)
{
    CLADE_TRY(start(roles, file));
    for (int i = 0; i < file->n_cols; i++) roles->role[i] = CLADE__CSV_FEATURE;
    CLADE_TRY(take_split(roles, file, split));
    if (roles->group >= 0) roles->role[roles->group] = CLADE__CSV_UNUSED;
    if (roles->parts >= 0) roles->role[roles->parts] = CLADE__CSV_UNUSED;
    CLADE_TRY(take_all(roles, file, "drop", option(spec, "drop"), CLADE__CSV_UNUSED));
    CLADE_TRY(take_all(roles, file, "id", option(spec, "id"), CLADE__CSV_UNUSED));
    if (is_behind_separator(file, roles)) roles->role[file->n_cols - 1] = CLADE__CSV_UNUSED;
    if (is_index(file, roles)) roles->role[0] = CLADE__CSV_UNUSED;
    CLADE_TRY(choose_answers(roles, file, spec));
    CLADE_TRY(choose_features(roles, file, spec));
    taking t = {.roles = roles};
    CLADE_TRY(clade__csv_each_column(file, "categories", option(spec, "categories"), take_category,
                                     &t));
    CLADE_TRY(list_features(roles, file));
    CLADE_TRY(check_names(roles, file));
    if (spec->how->samples_only) leave_answers(roles);
    return take_kept_columns(roles, file, spec);
}

void clade__csv_roles_free(clade__csv_roles *roles)
{
    free(roles->role);
    free(roles->category);
    free(roles->features);
    free(roles->targets);
    free(roles->kept);
    free(roles->extra);
    *roles = (clade__csv_roles){.label = -1, .group = -1, .parts = -1};
}

/* ---- by a schema ----------------------------------------------------------------------------- */

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
    if (samples_alone(spec) || spec->how->samples_only) return CLADE_OK;
    if (option(spec, "label") || option(spec, "target")) {
        for (int i = 0; i < file->n_cols; i++) /* a name may be given to any column but a feature's */
            if (roles->role[i] == CLADE__CSV_UNUSED) roles->role[i] = CLADE__CSV_FEATURE;
            else roles->role[i] = CLADE__CSV_UNUSED;
        clade_status status = choose_answers(roles, file, spec);
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
    CLADE_TRY(take_split(roles, file, split));
    CLADE_TRY(find_features(roles, file, schema, missing));
    CLADE_TRY(find_answers(roles, file, spec, schema, missing));
    CLADE_TRY(check_split_column(roles, file, "group", roles->group));
    CLADE_TRY(check_split_column(roles, file, "split", roles->parts));
    CLADE_TRY(take_kept_columns(roles, file, spec));
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
    bool answers = option(spec, "label") || option(spec, "target");
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
    CLADE_TRY(start(roles, file));
    clade_status status = match_names(roles, file, spec, split, &missing, &extra);
    clade__text_free(&missing);
    roles->extra = extra.data;
    return status;
}

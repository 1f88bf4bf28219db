#include "data/csv_roles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const char *option(const clade__data_spec *spec, const char *key)
{
    return clade__data_option(spec, key);
}

bool clade__csv_roles_without_answers(const clade__data_spec *spec)
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

clade_status clade__csv_roles_start(clade__csv_roles *roles, const clade__csv_file *file)
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
clade_status clade__csv_roles_split(clade__csv_roles *roles, const clade__csv_file *file,
                                    const clade__split_wants *split)
{
    if (split->group) CLADE_TRY(clade__csv_find_column(file, "group", split->group, &roles->group));
    if (split->column) CLADE_TRY(clade__csv_find_column(file, "split", split->column, &roles->parts));
    return CLADE_OK;
}

clade_status clade__csv_roles_keep(clade__csv_roles *roles, const clade__csv_file *file,
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

clade_status clade__csv_roles_answers(clade__csv_roles *roles, const clade__csv_file *file,
                                      const clade__data_spec *spec)
{
    const char *label = option(spec, "label"), *targets = option(spec, "target");
    if (label && targets)
        return clade__fail(CLADE_EINVAL, "csv: both label= and target=; give one");
    if (targets) return take_all(roles, file, "target", targets, CLADE__CSV_TARGET);
    if (clade__csv_roles_without_answers(spec)) return CLADE_OK;
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
    CLADE_TRY(clade__csv_roles_start(roles, file));
    for (int i = 0; i < file->n_cols; i++) roles->role[i] = CLADE__CSV_FEATURE;
    CLADE_TRY(clade__csv_roles_split(roles, file, split));
    if (roles->group >= 0) roles->role[roles->group] = CLADE__CSV_UNUSED;
    if (roles->parts >= 0) roles->role[roles->parts] = CLADE__CSV_UNUSED;
    CLADE_TRY(take_all(roles, file, "drop", option(spec, "drop"), CLADE__CSV_UNUSED));
    CLADE_TRY(take_all(roles, file, "id", option(spec, "id"), CLADE__CSV_UNUSED));
    if (is_behind_separator(file, roles)) roles->role[file->n_cols - 1] = CLADE__CSV_UNUSED;
    if (is_index(file, roles)) roles->role[0] = CLADE__CSV_UNUSED;
    CLADE_TRY(clade__csv_roles_answers(roles, file, spec));
    CLADE_TRY(choose_features(roles, file, spec));
    taking t = {.roles = roles};
    CLADE_TRY(clade__csv_each_column(file, "categories", option(spec, "categories"), take_category,
                                     &t));
    CLADE_TRY(list_features(roles, file));
    CLADE_TRY(check_names(roles, file));
    if (spec->how->samples_only) leave_answers(roles);
    return clade__csv_roles_keep(roles, file, spec);
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

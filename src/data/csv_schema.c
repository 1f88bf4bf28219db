/* What the options say of missing and unknown values, and the statistics of the train part:
 *
 *   missing=RULE[,COLUMN:RULE…]   refuse (unless given); mean or median of the train part, or a number,
 *                                 for numbers; with any of these a missing category is one of its own
 *   unknown=refuse|zeros          a category that the train part lacks
 *
 * Means and deviations are those of moments.h, after missing values are filled. */
#include "data/csv_schema.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/parallel.h"
#include "data/csv_classes.h"
#include "data/moments.h"

enum { MANY_CATEGORIES = 1000, FEW_ROWS = 20 };

typedef enum rule_kind { REFUSE, MEAN, MEDIAN, CONSTANT } rule_kind;
typedef struct fill_rule {
    rule_kind kind;
    double value;
} fill_rule;

void clade__csv_name_column(char *out, size_t out_bytes, const clade__csv_file *file, int col)
{
    if (file->names)
        snprintf(out, out_bytes, "column %d ('%.60s')", col + 1, file->names[col]);
    else
        snprintf(out, out_bytes, "column %d", col + 1);
}

/* ---- rules ----------------------------------------------------------------------------------- */

static clade_status read_rule(fill_rule *rule, const char *text)
{
    static const char *const words[] = {
        [REFUSE] = "refuse", [MEAN] = "mean", [MEDIAN] = "median"};
    for (int i = REFUSE; i <= MEDIAN; i++)
        if (strcmp(text, words[i]) == 0) {
            rule->kind = (rule_kind)i;
            return CLADE_OK;
        }
    rule->kind = CONSTANT;
    if (clade__number_double(text, &rule->value) == CLADE__NUMBER_FINITE) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "csv: missing=%s, want refuse, mean, median or a number; of one "
                       "column as COLUMN:RULE", text);
}

/* An item of the list: a rule of all columns, or COLUMN:RULE. */
static clade_status take_rule(fill_rule *rules, const clade__csv_file *file, char *item)
{
    char *colon = strrchr(item, ':');
    fill_rule read = {0};
    int col = 0, end = file->n_cols;
    if (colon) {
        *colon = '\0';
        CLADE_TRY(clade__csv_find_column(file, "missing", item, &col));
        end = col + 1;
    }
    CLADE_TRY(read_rule(&read, colon ? colon + 1 : item));
    for (; col < end; col++) rules[col] = read;
    return CLADE_OK;
}

static clade_status read_rules(fill_rule *rules, const clade__csv_reading *in)
{
    const char *text = clade__data_option(in->spec, "missing");
    if (!text) return CLADE_OK;
    char *copy = malloc(strlen(text) + 1);
    if (!copy) return clade__fail(CLADE_ENOMEM, "csv: no memory");
    strcpy(copy, text);
    clade_status status = CLADE_OK;
    for (char *item = copy, *next; item && status == CLADE_OK; item = next) {
        next = strchr(item, ',');
        if (next) *next++ = '\0';
        status = take_rule(rules, &in->file, item);
    }
    free(copy);
    return status;
}

static clade_status read_unknown(bool *zeros, const clade__data_spec *spec)
{
    const char *text = clade__data_option(spec, "unknown");
    *zeros = text && strcmp(text, "zeros") == 0;
    if (!text || *zeros || strcmp(text, "refuse") == 0) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "csv: unknown=%s, want refuse or zeros", text);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool trains(const clade__csv_reading *in, int64_t row)
{
    return clade__split_trains(&in->split, row);
}

/* The mean of two middle ones where they are even in number. */
static clade_status find_median(double *median, const clade__csv_reading *in, const double *x)
{
    int64_t n = 0;
    double *sorted = malloc((size_t)in->file.n_rows * sizeof *sorted);
    if (!sorted) return clade__fail(CLADE_ENOMEM, "csv: no memory for a median");
    for (int64_t i = 0; i < in->file.n_rows; i++)
        if (trains(in, i) && !isnan(x[i])) sorted[n++] = x[i];
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    *median = n % 2 ? sorted[n / 2] : sorted[n / 2 - 1] / 2.0 + sorted[n / 2] / 2.0;
    free(sorted);
    return CLADE_OK;
}

/* Of the train part; a missing value counts as `fill`, or not at all where that is NaN. */
static clade__moments measure(const clade__csv_reading *in, const double *x, double fill)
{
    clade__moments m = {0};
    for (int64_t i = 0; i < in->file.n_rows; i++) {
        double value = isnan(x[i]) ? fill : x[i];
        if (trains(in, i) && !isnan(value)) clade__moments_add(&m, value);
    }
    double mean = clade__moments_mean(&m);
    for (int64_t i = 0; i < in->file.n_rows; i++) {
        double value = isnan(x[i]) ? fill : x[i];
        if (trains(in, i) && !isnan(value)) clade__moments_add_square(&m, value, mean);
    }
    return m;
}

static clade_status fit_number(clade__csv_reading *in, clade__column *c, int col, const fill_rule *rule)
{
    char name[128];
    const double *x = in->columns[col].numbers;
    clade__moments m = measure(in, x, NAN);
    if (m.n == 0) {
        clade__csv_name_column(name, sizeof name, &in->file, col);
        return clade__fail(CLADE_EDATA, "'%s': %s has no value in any row to train on; leave it out with "
                           "drop=%d", in->file.path, name, col + 1);
    }
    c->fills = rule->kind != REFUSE;
    c->fill = rule->kind == MEAN ? clade__moments_mean(&m) : rule->value;
    if (rule->kind == MEDIAN) CLADE_TRY(find_median(&c->fill, in, x));
    if (!in->spec->how->standardize) return CLADE_OK;
    if (c->fills && in->columns[col].n_missing > 0) m = measure(in, x, c->fill);
    clade__moments_standard(&m, DBL_MAX, &c->center, &c->scale);
    return CLADE_OK;
}

/* ---- categories ------------------------------------------------------------------------------ */

static clade_status check_many(const clade__csv_reading *in, int col, int32_t n)
{
    char name[128];
    if (in->roles.category[col] ||
        (n <= MANY_CATEGORIES && (in->file.n_rows < FEW_ROWS || n <= in->file.n_rows / 2)))
        return CLADE_OK;
    clade__csv_name_column(name, sizeof name, &in->file, col);
    return clade__fail(CLADE_EDATA, "'%s': %s has %d different texts in %" PRId64 " rows; leave it out "
                       "with drop=%d, or take each as a category with categories=%d", in->file.path,
                       name, n, in->file.n_rows, col + 1, col + 1);
}

/* Whether the text is a number with the decimal mark that the file has not got. */
static bool has_comma(const char *text)
{
    double value;
    return strchr(text, ',') && clade__number_parse(text, strlen(text), ',', &value) != CLADE__NUMBER_NONE;
}

/* A column that is not numbers only because some cells are none, or have another mark: a slip, as a rule. */
static clade_status check_mixed(const clade__csv_reading *in, int col)
{
    const clade__csv_column *column = &in->columns[col];
    char number[512], want[200];
    int32_t n_numbers = 0, other = -1;
    if (in->roles.category[col]) return CLADE_OK;
    for (int32_t i = 0; i < column->n_texts; i++) {
        bool is_number = clade__number_canonical(column->texts[i], number, sizeof number);
        n_numbers += is_number || has_comma(column->texts[i]);
        if (!is_number && other < 0) other = i;
    }
    if (n_numbers == 0 || other < 0) return CLADE_OK;
    snprintf(want, sizeof want, "a number%s; categories=%d takes each text as a category",
             has_comma(column->texts[other]) ? ", which decimal=, reads with a comma" : ", as in other rows",
             col + 1);
    return clade__csv_fail(&in->file, clade__csv_first_row(&in->file, column, other), col, want);
}

static clade_status copy_categories(clade__column *c, const clade__csv_classes *classes, bool missing)
{
    c->texts = calloc((size_t)classes->n + 1, sizeof *c->texts);
    if (!c->texts) return clade__fail(CLADE_ENOMEM, "csv: no memory for categories");
    for (int32_t i = -(int32_t)missing; i < classes->n; i++) {
        const char *text = i < 0 ? "" : classes->names[i];
        char *copy = malloc(strlen(text) + 1);
        if (!copy) return clade__fail(CLADE_ENOMEM, "csv: no memory for categories");
        c->texts[c->n_texts++] = strcpy(copy, text);
    }
    return CLADE_OK;
}

static clade_status fit_category(clade__csv_reading *in, clade__column *c, int col,
                                 const fill_rule *rule, bool zeros)
{
    const clade__csv_column *column = &in->columns[col];
    clade__csv_classes classes = {0};
    CLADE_TRY(check_mixed(in, col));
    bool *used = calloc((size_t)column->n_texts + 1, sizeof *used), missing = false;
    if (!used) return clade__fail(CLADE_ENOMEM, "csv: no memory for categories");
    for (int64_t i = 0; i < in->file.n_rows; i++) {
        if (!trains(in, i)) continue;
        if (column->codes[i] >= 0)
            used[column->codes[i]] = true;
        else
            missing = true;
    }
    c->is_category = true;
    c->fills = rule->kind != REFUSE;
    c->unknown_is_zeros = zeros;
    clade_status status = clade__csv_classes_sort(&classes, column, used);
    if (status == CLADE_OK) status = check_many(in, col, classes.n);
    if (status == CLADE_OK) status = copy_categories(c, &classes, missing && rule->kind != REFUSE);
    if (status == CLADE_OK && c->n_texts == 0) {
        char name[128];
        clade__csv_name_column(name, sizeof name, &in->file, col);
        status = clade__fail(CLADE_EDATA, "'%s': %s has no value in any row to train on; leave it out "
                             "with drop=%d", in->file.path, name, col + 1);
    }
    clade__csv_classes_free(&classes);
    free(used);
    return status;
}

/* ---- the schema ------------------------------------------------------------------------------ */

static clade_status copy_name(char **to, const clade__csv_file *file, int col)
{
    *to = NULL;
    if (!file->names || col < 0) return CLADE_OK;
    *to = malloc(strlen(file->names[col]) + 1);
    if (!*to) return clade__fail(CLADE_ENOMEM, "csv: no memory");
    strcpy(*to, file->names[col]);
    return CLADE_OK;
}

static clade_status fit_target(clade__csv_reading *in, clade__target *target, int col)
{
    CLADE_TRY(copy_name(&target->name, &in->file, col));
    if (!in->spec->how->standardize_targets) return CLADE_OK;
    clade__moments m = measure(in, in->columns[col].numbers, NAN);
    clade__moments_standard(&m, DBL_MAX, &target->center, &target->scale);
    return CLADE_OK;
}

static clade_status list_unused(clade__csv_reading *in)
{
    clade_schema *schema = in->schema;
    int n_cols = in->file.n_cols;
    if (!in->file.names) return CLADE_OK;
    schema->unused = calloc((size_t)n_cols, sizeof *schema->unused);
    if (!schema->unused) return clade__fail(CLADE_ENOMEM, "csv: no memory");
    for (int i = 0; i < n_cols; i++)
        if (in->roles.role[i] == CLADE__CSV_UNUSED)
            CLADE_TRY(copy_name(&schema->unused[schema->n_unused++], &in->file, i));
    return CLADE_OK;
}

typedef struct fitting {
    clade__csv_reading *in;
    const fill_rule *rules; /* (n_cols) */
    bool zeros;
} fitting;

static clade_status fit_feature(void *context, int i)
{
    const fitting *f = context;
    int col = f->in->roles.features[i];
    clade__column *c = &f->in->schema->columns[i];
    CLADE_TRY(copy_name(&c->name, &f->in->file, col));
    return f->in->columns[col].codes ? fit_category(f->in, c, col, &f->rules[col], f->zeros)
                                     : fit_number(f->in, c, col, &f->rules[col]);
}

static clade_status fit_columns(clade__csv_reading *in, const fill_rule *rules)
{
    fitting f = {.in = in, .rules = rules};
    CLADE_TRY(read_unknown(&f.zeros, in->spec));
    CLADE_TRY(clade__parallel(in->roles.n_features, fit_feature, &f));
    for (int i = 0; i < in->roles.n_targets; i++)
        CLADE_TRY(fit_target(in, &in->schema->targets[i], in->roles.targets[i]));
    CLADE_TRY(copy_name(&in->schema->label, &in->file, in->roles.label));
    CLADE_TRY(list_unused(in));
    return clade__schema_seal(in->schema);
}

clade_status clade__csv_schema_fit(clade__csv_reading *in)
{
    fill_rule *rules = calloc((size_t)in->file.n_cols, sizeof *rules);
    if (!rules) return clade__fail(CLADE_ENOMEM, "csv: no memory for %d columns", in->file.n_cols);
    clade_status status = read_rules(rules, in);
    if (status == CLADE_OK)
        status = clade__schema_create(&in->schema, in->roles.n_features, in->roles.n_targets);
    if (status == CLADE_OK) status = fit_columns(in, rules);
    free(rules);
    return status;
}

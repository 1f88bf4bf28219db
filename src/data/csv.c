/* CSV files: what the columns are, then their numbers. All rows are checked, those of the other
 * part too, so that a damaged file is one whichever part is opened. */
#include "data/spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/csv_labels.h"
#include "data/csv_table.h"
#include "data/number.h"
#include "data/split.h"

/* What a column is: one of these, or the number of the target it is. */
#define FEATURE (-1)
#define LABEL   (-2)

typedef struct columns {
    int32_t *role; /* (n_cols) */
    int64_t label; /* a column, or -1: there are targets, or samples alone */
    int32_t n_targets;
    bool named; /* one was found by its name, so there is a header */
} columns;

/* A column number, from 1, or from -1 at the end; false for anything else. */
static bool parse_number(const char *text, int64_t *number)
{
    bool negative = *text == '-';
    const char *c = text + negative;
    if (*c == '\0') return false;
    *number = 0;
    for (; *c; c++) {
        if (*c < '0' || *c > '9') return false;
        if (*number < INT32_MAX) *number = *number * 10 + (*c - '0');
    }
    if (negative) *number = -*number;
    return true;
}

static bool is_text(const char *cell)
{
    float value;
    return *cell && clade__number_float(cell, &value) == CLADE__NUMBER_NONE;
}

static clade_status fail_name(const clade__csv_table *table, const char *name)
{
    bool any_text = false;
    const char **names = malloc((size_t)table->n_cols * sizeof *names);
    if (!names) return clade__fail(CLADE_ENOMEM, "csv: no memory");
    const char *cell = table->cells;
    for (int64_t i = 0; i < table->n_cols; i++, cell = clade__csv_next(cell)) {
        names[i] = cell;
        any_text = any_text || is_text(cell);
    }
    char hint[256] = ": the line holds numbers and names no columns; give the column's number";
    if (any_text) clade__suggest(hint, sizeof hint, name, names, (size_t)table->n_cols);
    free(names);
    return clade__fail(CLADE_EDATA, "%s:%d: no column '%s'%s", table->path, table->line[0], name,
                       hint);
}

static clade_status find_name(const clade__csv_table *table, const char *name, int64_t *col)
{
    const char *cell = table->cells;
    int64_t n_found = 0;
    for (int64_t i = 0; i < table->n_cols; i++, cell = clade__csv_next(cell)) {
        if (strcmp(cell, name) != 0) continue;
        n_found++;
        *col = i;
    }
    if (n_found == 0) return fail_name(table, name);
    if (n_found > 1)
        return clade__fail(CLADE_EDATA,
                           "%s:%d: %" PRId64 " columns are named '%s'; give the column's number",
                           table->path, table->line[0], n_found, name);
    return CLADE_OK;
}

static clade_status find_column(columns *cols, const clade__csv_table *table, const char *option,
                                const char *text, int64_t *col)
{
    int64_t number;
    if (*text == '\0') return clade__fail(CLADE_EINVAL, "csv: %s= has no column", option);
    if (!parse_number(text, &number)) {
        cols->named = true;
        return find_name(table, text, col);
    }
    if (number == 0)
        return clade__fail(CLADE_EINVAL,
                           "csv: %s=%s: columns are numbered from 1, or from -1 at the end", option,
                           text);
    if (number > table->n_cols || -number > table->n_cols)
        return clade__fail(CLADE_EDATA, "%s:%d: no column %s; there are %" PRId64, table->path,
                           table->line[0], text, table->n_cols);
    *col = number > 0 ? number - 1 : table->n_cols + number;
    return CLADE_OK;
}

static clade_status choose_targets(columns *cols, const clade__csv_table *table, const char *list)
{
    size_t bytes = strlen(list) + 1;
    char *copy = malloc(bytes);
    if (!copy) return clade__fail(CLADE_ENOMEM, "csv: no memory");
    memcpy(copy, list, bytes);
    clade_status status = CLADE_OK;
    for (char *name = copy, *next; name && status == CLADE_OK; name = next) {
        next = strchr(name, ',');
        if (next) *next++ = '\0';
        int64_t col = 0;
        status = find_column(cols, table, "target", name, &col);
        if (status != CLADE_OK) break;
        if (cols->role[col] != FEATURE)
            status = clade__fail(CLADE_EINVAL, "csv: target=%s names column %" PRId64 " twice",
                                 list, col + 1);
        cols->role[col] = cols->n_targets++;
    }
    free(copy);
    return status;
}

static bool samples_alone(const clade__data_spec *spec)
{
    const char *label = clade__data_option(spec, "label");
    return label && strcmp(label, "none") == 0;
}

static clade_status choose_columns(columns *cols, const clade__csv_table *table,
                                   const clade__data_spec *spec)
{
    const char *label = clade__data_option(spec, "label");
    const char *targets = clade__data_option(spec, "target");
    if (label && targets)
        return clade__fail(CLADE_EINVAL, "csv: both label= and target=; give one");
    cols->label = -1;
    cols->role = malloc((size_t)table->n_cols * sizeof *cols->role);
    if (!cols->role) return clade__fail(CLADE_ENOMEM, "csv: no memory");
    for (int64_t i = 0; i < table->n_cols; i++) cols->role[i] = FEATURE;
    if (targets) {
        CLADE_TRY(choose_targets(cols, table, targets));
    } else if (!samples_alone(spec)) {
        CLADE_TRY(find_column(cols, table, "label", label ? label : "-1", &cols->label));
        cols->role[cols->label] = LABEL;
    }
    if (table->n_cols > cols->n_targets + (cols->label >= 0)) return CLADE_OK;
    return clade__fail(CLADE_EDATA,
                       "%s:%d: %" PRId64 " column%s, separated by commas: none is left for "
                       "features",
                       table->path, table->line[0], table->n_cols, table->n_cols == 1 ? "" : "s");
}

/* An empty cell says nothing: a first row with a missing value is not to be lost as a header. */
static clade_status find_header(clade__csv_table *table, const columns *cols,
                                const clade__data_spec *spec)
{
    const char *option = clade__data_option(spec, "header");
    if (!option || strcmp(option, "auto") == 0) {
        table->header = cols->named;
        const char *cell = table->cells;
        for (int64_t i = 0; i < table->n_cols; i++, cell = clade__csv_next(cell))
            table->header = table->header || (cols->role[i] != LABEL && is_text(cell));
    } else if (strcmp(option, "yes") == 0) {
        table->header = true;
    } else if (strcmp(option, "no") != 0) {
        return clade__fail(CLADE_EINVAL, "csv: header=%s, want yes, no or auto", option);
    } else if (cols->named) {
        return clade__fail(CLADE_EINVAL, "csv: header=no, but a column is given by its name; "
                                         "give its number");
    }
    if (table->n_rows > table->header) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "'%s' has a header and no rows", table->path);
}

/* Checks all cells but the label's, and copies those of the split's rows. */
static clade_status fill(clade_data *data, const clade__csv_table *table, const columns *cols,
                         const clade__split *split)
{
    float *feature = data->values, *target = data->targets, value = 0.0f;
    const char *cell = table->cells;
    for (int64_t row = 0; row < table->n_rows; row++) {
        bool taken = row >= table->header && clade__split_takes(split, row - table->header);
        for (int64_t c = 0; c < table->n_cols; c++, cell = clade__csv_next(cell)) {
            if (cols->role[c] == LABEL || row < table->header) continue;
            clade__number kind = clade__number_float(cell, &value);
            if (kind != CLADE__NUMBER_FINITE)
                return clade__csv_fail_cell(table, row, c, cell,
                                            kind == CLADE__NUMBER_NONE
                                                ? "a number"
                                                : "a finite number that fits float32");
            if (!taken) continue;
            if (cols->role[c] == FEATURE)
                *feature++ = value;
            else
                target[cols->role[c]] = value;
        }
        if (taken && target) target += data->n_targets;
    }
    return CLADE_OK;
}

static void copy_labels(clade_data *data, const clade__csv_labels *labels, int64_t n_rows,
                        const clade__split *split)
{
    int32_t *label = data->labels;
    for (int64_t i = 0; i < n_rows; i++)
        if (clade__split_takes(split, i)) *label++ = labels->of_row[i];
}

static clade_status read_part(clade_data **data, const clade__csv_table *table, const columns *cols,
                              const clade__csv_labels *labels, const clade__split *split)
{
    int n_given = labels->of_row ? 1 : cols->n_targets; /* columns that are no features */
    CLADE_TRY(clade__data_create(data, split->n_rows, CLADE_SHAPE(table->n_cols - n_given),
                                 CLADE_FLOAT32, labels->n_classes, cols->n_targets));
    if (labels->names) CLADE_TRY(clade__data_name_classes(*data, labels->names));
    if (labels->of_row) copy_labels(*data, labels, table->n_rows - table->header, split);
    return fill(*data, table, cols, split);
}

clade_status clade__csv_open(clade_data **out, const clade__data_spec *spec)
{
    *out = NULL;
    clade__csv_table table = {0};
    columns cols = {0};
    clade__csv_labels labels = {0};
    clade__split split = {0};
    clade_data *data = NULL;
    double fraction;
    clade_status status = clade__split_fraction(spec, samples_alone(spec) ? 0.0 : 0.2, &fraction);
    if (status == CLADE_OK) status = clade__csv_table_read(&table, spec->path);
    if (status == CLADE_OK) status = choose_columns(&cols, &table, spec);
    if (status == CLADE_OK) status = find_header(&table, &cols, spec);
    if (status == CLADE_OK && cols.label >= 0)
        status = clade__csv_labels_read(&labels, &table, cols.label);
    if (status == CLADE_OK)
        status = clade__split_rows(&split, spec, fraction, table.n_rows - table.header, spec->path);
    if (status == CLADE_OK) status = read_part(&data, &table, &cols, &labels, &split);
    clade__split_free(&split);
    clade__csv_labels_free(&labels);
    free(cols.role);
    clade__csv_table_free(&table);
    if (status != CLADE_OK) {
        clade_data_free(data);
        return status;
    }
    *out = data;
    return CLADE_OK;
}

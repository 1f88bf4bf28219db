/* Tables in CSV files: what the columns are for, their texts and numbers, which rows are in the part that
 * is opened, and from these the samples. All rows are read, those of the other parts too, so that a
 * damaged file is one whichever part is opened. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "data/csv_classes.h"
#include "data/csv_schema.h"

enum {
    ENOUGH_ROWS = 10,    /* for a class in each row to be a mistake */
    MANY_CLASSES = 20,   /* for numbers to be a quantity, as a rule, */
    FEW_ROWS_A_CLASS = 10 /* where a class has less rows than these */
};

/* ---- the file -------------------------------------------------------------------------------- */

static clade_status read_character(char *out, const clade__data_spec *spec, const char *key,
                                   const char *allowed)
{
    const char *text = clade__data_option(spec, key);
    if (!text) return CLADE_OK;
    if (strcmp(text, "tab") == 0) text = "\t";
    if (strcmp(text, "none") == 0 && strchr(allowed, CLADE__CSV_NO_COMMENT)) text = "\n";
    if (!text[0] || text[1] || !strchr(allowed, text[0]))
        return clade__fail(CLADE_EINVAL, "csv: %s=%s, want %s", key, text,
                           strcmp(key, "separator") == 0 ? "one of ',', ';', tab and '|'"
                           : strcmp(key, "decimal") == 0 ? "'.' or ','"
                                                         : "one of # % ! ; | / *, or none");
    *out = text[0];
    return CLADE_OK;
}

static clade_status read_dialect(clade__csv_dialect *dialect, const clade__data_spec *spec)
{
    const char *header = clade__data_option(spec, "header");
    CLADE_TRY(read_character(&dialect->separator, spec, "separator", ",;\t|"));
    CLADE_TRY(read_character(&dialect->decimal, spec, "decimal", ".,"));
    CLADE_TRY(read_character(&dialect->comment, spec, "comment", "#%!;|/*\n"));
    if (!header || strcmp(header, "auto") == 0) return CLADE_OK;
    dialect->header =
        strcmp(header, "yes") == 0 ? CLADE__CSV_HEADER_YES : CLADE__CSV_HEADER_NO;
    if (dialect->header == CLADE__CSV_HEADER_YES || strcmp(header, "no") == 0) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "csv: header=%s, want yes, no or auto", header);
}

/* Whether the first row has the name of a column that the schema knows. */
static bool knows_names(const clade__csv_file *file, const clade_schema *schema)
{
    for (int i = 0; i < file->n_cols; i++)
        for (int k = 0; k < schema->n_columns; k++)
            if (schema->columns[k].name && strcmp(file->names[i], schema->columns[k].name) == 0)
                return true;
    return false;
}

/* Names in the options, or in the schema, speak for a header where it is to be found out. */
static clade_status open_file(clade__csv_reading *in)
{
    const clade_schema *schema = in->given;
    clade__csv_dialect dialect = {0};
    CLADE_TRY(read_dialect(&dialect, in->spec));
    bool named = clade__csv_roles_name(in->spec, &in->wants);
    if (named && dialect.header == CLADE__CSV_HEADER_NO)
        return clade__fail(CLADE_EINVAL, "csv: header=no, but a column is given by its name; "
                                         "give its number");
    bool known = schema && schema->columns[0].name;
    if (dialect.header == CLADE__CSV_HEADER_AUTO && (named || known)) {
        dialect.header = CLADE__CSV_HEADER_YES;
        clade_status status = clade__csv_file_open(&in->file, in->spec->path, &dialect);
        if (named || (status != CLADE_OK && status != CLADE_EDATA)) return status;
        if (status == CLADE_OK && knows_names(&in->file, schema)) return CLADE_OK;
        clade__csv_file_close(&in->file); /* no such header: it may be a lone row, for one */
        dialect.header = CLADE__CSV_HEADER_AUTO;
    }
    return clade__csv_file_open(&in->file, in->spec->path, &dialect);
}

/* ---- columns --------------------------------------------------------------------------------- */

static clade__csv_want want_feature(const clade__csv_reading *in, int feature, int col)
{
    const clade_schema *schema = in->given;
    if (!schema) return in->roles.category[col] ? CLADE__CSV_TEXT : CLADE__CSV_AUTO;
    return schema->columns[feature].is_category ? CLADE__CSV_TEXT : CLADE__CSV_NUMBER;
}

/* Texts that are numbers have decimal points, so that labels and categories are those of other files. */
static void point_numbers(clade__csv_column *column)
{
    double value;
    for (int32_t i = 0; i < column->n_texts; i++) {
        char *comma = strchr(column->texts[i], ',');
        if (comma && clade__number_parse(column->texts[i], strlen(column->texts[i]), ',', &value) !=
                         CLADE__NUMBER_NONE)
            *comma = '.';
    }
}

static clade_status read_columns(clade__csv_reading *in)
{
    const clade__csv_roles *roles = &in->roles;
    size_t n = (size_t)in->file.n_cols;
    clade__csv_want *wants = calloc(n, sizeof *wants); /* zero is to skip */
    in->columns = calloc(n, sizeof *in->columns);
    if (!wants || !in->columns) {
        free(wants);
        return clade__fail(CLADE_ENOMEM, "csv: no memory for %d columns", in->file.n_cols);
    }
    for (int i = 0; i < roles->n_features; i++)
        wants[roles->features[i]] = want_feature(in, i, roles->features[i]);
    for (int i = 0; i < roles->n_targets; i++) wants[roles->targets[i]] = CLADE__CSV_NUMBER;
    if (roles->label >= 0) wants[roles->label] = CLADE__CSV_TEXT;
    if (roles->group >= 0) wants[roles->group] = CLADE__CSV_TEXT;
    if (roles->parts >= 0) wants[roles->parts] = CLADE__CSV_TEXT;
    clade_status status = clade__csv_file_read(&in->file, wants, in->columns);
    free(wants);
    for (int i = 0; status == CLADE_OK && in->file.dialect.decimal == ',' && i < in->file.n_cols; i++)
        point_numbers(&in->columns[i]);
    return status;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* parts (n_rows) becomes the part that each row's text names. */
static clade_status read_parts(const clade__csv_reading *in, int32_t *parts)
{
    static const struct {
        const char *word;
        clade__part part;
    } words[] = {{"train", CLADE__TRAIN},      {"training", CLADE__TRAIN},
                 {"valid", CLADE__VALID},      {"validation", CLADE__VALID},
                 {"val", CLADE__VALID},        {"dev", CLADE__VALID},
                 {"test", CLADE__TEST}};
    const clade__csv_column *column = &in->columns[in->roles.parts];
    for (int64_t row = 0; row < in->file.n_rows; row++) {
        int32_t code = column->codes[row];
        parts[row] = -1;
        for (size_t i = 0; code >= 0 && i < sizeof words / sizeof words[0]; i++)
            if (strcmp(column->texts[code], words[i].word) == 0) parts[row] = words[i].part;
        if (parts[row] < 0)
            return clade__csv_fail(&in->file, row, in->roles.parts, "train, valid or test");
    }
    return CLADE_OK;
}

/* Samples alone are not split unless that is asked for: there is nothing to learn from them. */
static clade_status split_rows(clade__csv_reading *in, const int32_t *labels)
{
    if (!labels && in->roles.n_targets == 0 && !in->wants.asked) in->wants.parts = false;
    clade__split_keys keys = {.classes = labels};
    int32_t *parts = NULL;
    clade_status status = CLADE_OK;
    if (in->wants.stratify && !labels)
        return clade__fail(CLADE_EINVAL, "csv: stratify=yes goes by classes, and there are none");
    if (in->roles.group >= 0) keys.groups = in->columns[in->roles.group].codes;
    if (in->roles.parts >= 0) {
        parts = malloc((size_t)in->file.n_rows * sizeof *parts);
        status = parts ? read_parts(in, parts) : clade__fail(CLADE_ENOMEM, "csv: no memory");
        keys.parts = parts;
    }
    if (status == CLADE_OK)
        status = clade__split_rows(&in->split, &in->wants, in->spec, in->file.n_rows, &keys,
                                   in->file.path);
    free(parts);
    return status;
}

/* ---- classes --------------------------------------------------------------------------------- */

static clade_status check_classes(const clade__csv_reading *in, const clade__csv_classes *classes)
{
    char name[128];
    if (in->given || classes->n < in->file.n_rows || in->file.n_rows < ENOUGH_ROWS)
        return CLADE_OK;
    clade__csv_name_column(name, sizeof name, &in->file, in->roles.label);
    return clade__fail(CLADE_EDATA, "'%s': %s has another class in each of its %d rows; label= names the "
                       "column of the classes, target= one of numbers to predict", in->file.path, name,
                       classes->n);
}

static clade_status note_classes(const clade__csv_reading *in, clade_data *data,
                                 const clade__csv_classes *classes)
{
    char name[128];
    if (in->given || !classes->numbers || classes->n <= MANY_CLASSES ||
        in->file.n_rows >= (int64_t)FEW_ROWS_A_CLASS * classes->n)
        return CLADE_OK;
    clade__csv_name_column(name, sizeof name, &in->file, in->roles.label);
    return clade__data_note(data, "warning: %s has %d different numbers, which are classes; where they are "
                            "a quantity, target=%d predicts it", name, classes->n, in->roles.label + 1);
}

/* labels (n_rows) becomes the class of each row; NULL without a label's column. */
static clade_status read_labels(const clade__csv_reading *in, clade__csv_classes *classes,
                                int32_t **labels)
{
    int col = in->roles.label;
    *labels = NULL;
    if (col < 0) return CLADE_OK;
    const clade__csv_column *column = &in->columns[col];
    CLADE_TRY(clade__csv_classes_read(classes, &in->file, column, col));
    CLADE_TRY(check_classes(in, classes));
    *labels = malloc((size_t)in->file.n_rows * sizeof **labels);
    if (!*labels) return clade__fail(CLADE_ENOMEM, "csv: no memory for labels");
    for (int64_t i = 0; i < in->file.n_rows; i++)
        (*labels)[i] = classes->of_code[column->codes[i]];
    return CLADE_OK;
}

/* ---- columns that are carried along ----------------------------------------------------------- */

static clade_status keep_column(const clade__csv_reading *in, clade_data *data, int col,
                                const clade__csv_column *column)
{
    char number[32];
    clade__kept *kept = &data->kept[data->n_kept++];
    snprintf(number, sizeof number, "column%d", col + 1);
    const char *name = in->file.names ? in->file.names[col] : number;
    kept->name = malloc(strlen(name) + 1);
    kept->texts = clade__names_copy((const char *const *)column->texts, (size_t)column->n_texts);
    kept->of_sample = malloc((size_t)data->n_samples * sizeof *kept->of_sample);
    if (!kept->name || !kept->texts || !kept->of_sample)
        return clade__fail(CLADE_ENOMEM, "csv: no memory for %s", name);
    strcpy(kept->name, name);
    for (int64_t row = 0, at = 0; row < in->file.n_rows; row++)
        if (clade__split_takes(&in->split, row)) kept->of_sample[at++] = column->codes[row];
    return CLADE_OK;
}

static clade_status keep_columns(const clade__csv_reading *in, clade_data *data)
{
    const clade__csv_roles *roles = &in->roles;
    size_t n = (size_t)in->file.n_cols;
    if (roles->n_kept == 0) return CLADE_OK;
    clade__csv_want *wants = calloc(n, sizeof *wants);
    clade__csv_column *columns = calloc(n, sizeof *columns);
    data->kept = calloc((size_t)roles->n_kept, sizeof *data->kept);
    clade_status status = wants && columns && data->kept
                              ? CLADE_OK
                              : clade__fail(CLADE_ENOMEM, "csv: no memory for %d columns", (int)n);
    for (int i = 0; status == CLADE_OK && i < roles->n_kept; i++)
        wants[roles->kept[i]] = CLADE__CSV_EXACT;
    if (status == CLADE_OK) status = clade__csv_file_read(&in->file, wants, columns);
    for (int i = 0; status == CLADE_OK && i < roles->n_kept; i++)
        status = keep_column(in, data, roles->kept[i], &columns[roles->kept[i]]);
    if (columns) clade__csv_columns_free(columns, in->file.n_cols);
    free(columns);
    free(wants);
    return status;
}

/* ---- what the user should know ----------------------------------------------------------------- */

static void list_unused(clade__text *text, const clade__csv_reading *in)
{
    int n = 0;
    for (int i = 0; i < in->file.n_cols; i++) {
        if (in->roles.role[i] != CLADE__CSV_UNUSED) continue;
        clade__text_append(text, n++ ? ", " : "; not used: ");
        if (in->file.names)
            clade__text_append(text, "%s", *in->file.names[i] ? in->file.names[i] : "a column without "
                                                                                    "a name");
        else
            clade__text_append(text, "%d", i + 1);
    }
}

/* A schema has its own answer to these. */
static clade_status note_unused_options(const clade__csv_reading *in, clade_data *data)
{
    static const char *const keys[] = {"drop", "features", "categories", "missing", "unknown"};
    clade__text list = {0};
    for (size_t i = 0; in->given && i < sizeof keys / sizeof keys[0]; i++)
        if (clade__data_option(in->spec, keys[i]))
            clade__text_append(&list, "%s%s=", list.length ? ", " : "", keys[i]);
    clade_status status = list.failed ? clade__fail(CLADE_ENOMEM, "csv: no memory") : CLADE_OK;
    if (status == CLADE_OK && list.length)
        status = clade__data_note(data, "%s: not used, since the model has its own answer for each column",
                                  list.data);
    clade__text_free(&list);
    return status;
}

/* What was found out of the file, and what its columns are. */
static clade_status note_table(const clade__csv_reading *in, clade_data *data)
{
    const clade__csv_dialect *dialect = &in->file.dialect;
    int n_categories = 0;
    clade__text text = {0};
    for (int i = 0; i < in->schema->n_columns; i++)
        n_categories += in->schema->columns[i].is_category;
    clade__text_append(&text, "table of %" PRId64 " row%s, %s header, separator %s%s: %d number%s",
                       in->file.n_rows, in->file.n_rows == 1 ? "" : "s", in->file.names ? "a" : "no",
                       dialect->separator == '\t'  ? "tab"
                       : dialect->separator == ';' ? "';'"
                       : dialect->separator == '|' ? "'|'"
                                                   : "','",
                       dialect->decimal == ',' ? ", decimal comma" : "",
                       in->schema->n_columns - n_categories,
                       in->schema->n_columns - n_categories == 1 ? "" : "s");
    if (n_categories > 0)
        clade__text_append(&text, ", %d categor%s", n_categories, n_categories == 1 ? "y" : "ies");
    if (in->schema->n_features > in->schema->n_columns)
        clade__text_append(&text, " as %" PRId64 " features", in->schema->n_features);
    if (in->roles.label >= 0 && in->file.names)
        clade__text_append(&text, "; label %s", in->file.names[in->roles.label]);
    for (int i = 0; i < in->roles.n_targets && in->file.names; i++)
        clade__text_append(&text, "%s%s", i == 0 ? "; target " : ", ",
                           in->file.names[in->roles.targets[i]]);
    list_unused(&text, in);
    clade_status status = text.failed ? clade__fail(CLADE_ENOMEM, "csv: no memory")
                                      : clade__data_note(data, "%s", text.data);
    clade__text_free(&text);
    if (status == CLADE_OK && in->roles.extra)
        status = clade__data_note(data, "columns that the model does not know are not used: %s",
                                  in->roles.extra);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static clade_status make_data(clade__csv_reading *in, clade_data **out, const int32_t *labels,
                              const clade__csv_classes *classes)
{
    if (in->given)
        in->schema = clade__schema_hold(in->given);
    else
        CLADE_TRY(clade__csv_schema_fit(in));
    CLADE_TRY(clade__data_create(out, in->split.n_rows, CLADE_SHAPE(in->schema->n_features),
                                 CLADE_FLOAT32, classes->n, in->roles.n_targets));
    clade_data *data = *out;
    data->schema = clade__schema_hold(in->schema);
    if (labels) CLADE_TRY(clade__data_name_classes(data, (const char *const *)classes->names));
    for (int64_t row = 0, at = 0; labels && row < in->file.n_rows; row++)
        if (clade__split_takes(&in->split, row)) data->labels[at++] = labels[row];
    CLADE_TRY(note_table(in, data));
    CLADE_TRY(note_unused_options(in, data));
    CLADE_TRY(note_classes(in, data, classes));
    CLADE_TRY(clade__split_tell(&in->split, data));
    CLADE_TRY(clade__csv_encode(in, data));
    return keep_columns(in, data);
}

static clade_status read_table(clade__csv_reading *in, clade_data **out)
{
    clade__csv_classes classes = {0};
    int32_t *labels = NULL;
    const clade_schema *schema = in->spec->how->schema;
    if (schema && schema->n_columns > 0) in->given = schema; /* else of targets alone */
    CLADE_TRY(clade__split_read(&in->wants, in->spec));
    CLADE_TRY(open_file(in));
    CLADE_TRY(in->given ? clade__csv_roles_match(&in->roles, &in->file, in->spec, &in->wants)
                        : clade__csv_roles_choose(&in->roles, &in->file, in->spec, &in->wants));
    CLADE_TRY(read_columns(in));
    clade_status status = read_labels(in, &classes, &labels);
    if (status == CLADE_OK) status = split_rows(in, labels);
    if (status == CLADE_OK) status = make_data(in, out, labels, &classes);
    free(labels);
    clade__csv_classes_free(&classes);
    return status;
}

clade_status clade__csv_open(clade_data **out, const clade__data_spec *spec)
{
    *out = NULL;
    clade__csv_reading in = {.spec = spec, .roles = {.label = -1, .group = -1, .parts = -1}};
    clade_data *data = NULL;
    clade_status status = read_table(&in, &data);
    clade__split_free(&in.split);
    if (in.columns) clade__csv_columns_free(in.columns, in.file.n_cols);
    free(in.columns);
    clade__csv_roles_free(&in.roles);
    clade__csv_file_close(&in.file);
    clade__schema_release(in.schema);
    if (status != CLADE_OK) {
        clade_data_free(data);
        return status;
    }
    *out = data;
    return CLADE_OK;
}

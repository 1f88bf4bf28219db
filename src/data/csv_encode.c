/* The values of a table: from cells and schema to what a network sees, on all cores. */
#include "data/csv_schema.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "data/csv_classes.h"

enum {
    BLOCK = 128,
    PART_CELLS = 100000, /* of a thread's part, at least */
    SAMPLED_ROWS = 10000,
    COUNTED_ROWS = 20
};

/* Rows are cut in parts, and these in blocks that do not depend on the number of threads: the first block
 * with an error tells its first one. */
typedef struct encoding {
    const clade__csv_reading *in;
    clade_data *data;
    int32_t **of_code;   /* (n_columns) which category each text of a column is; NULL: it is numbers */
    int32_t *of_missing; /* (n_columns) which a missing cell is; -1: none */
    int n_parts;
    int64_t part_rows;   /* a multiple of BLOCK */
    int64_t *sample;     /* (n_parts) the first one of each */
} encoding;

/* Each value is computed in double precision and becomes a float once. One that is too large becomes an
 * infinity, which a model that is given such data tells of, row by row; it cannot be trained on. */
static bool to_float(float *out, double value, double center, double scale)
{
    double x = (value - center) * scale;
    bool fits = fabs(x) <= (double)FLT_MAX;
    *out = fits ? (float)x : copysignf(INFINITY, (float)(x > 0.0) - 0.5f);
    return fits && isfinite(*out);
}

/* Rows that are encoded at once: few enough for their values to stay in a cache, column by column. */
typedef struct block {
    int64_t begin;         /* the first row */
    int n_rows;
    float *values[BLOCK];  /* (n_rows) where a row's features go; NULL: the part has it not */
    float *targets[BLOCK]; /* the same */
} block;

static clade_status encode_numbers(const encoding *e, const block *b, int index)
{
    const clade__csv_reading *in = e->in;
    const clade__column *c = &in->schema->columns[index];
    int col = in->roles.features[index];
    const double *x = in->columns[col].numbers + b->begin;
    float encoded;
    for (int i = 0; i < b->n_rows; i++) {
        bool missing = isnan(x[i]);
        if (missing && !c->fills)
            return clade__csv_fail(&in->file, b->begin + i, col,
                                   in->given ? "a number: the model was trained without missing=, which "
                                               "fills what is missing"
                                             : "a number; missing=median fills what is missing");
        if (!to_float(&encoded, missing ? c->fill : x[i], c->center, c->scale) && !in->given)
            return clade__csv_fail(&in->file, b->begin + i, col, "a finite number that fits float32");
        if (b->values[i]) b->values[i][c->first_feature] = encoded;
    }
    return CLADE_OK;
}

/* "; it knows 'a', 'b'" */
static void list_known(char *out, size_t out_bytes, const clade__column *c)
{
    size_t used = 0;
    *out = '\0';
    for (int i = 0; i < c->n_texts && used + 80 < out_bytes; i++)
        used += (size_t)snprintf(out + used, out_bytes - used, *c->texts[i] ? "%s'%.60s'" : "%sa missing value",
                                 i ? ", " : "", c->texts[i]);
    if (used + 80 >= out_bytes) snprintf(out + used, out_bytes - used, ", ...");
}

static clade_status fail_category(const clade__csv_reading *in, const clade__column *c, int64_t row,
                                  int col)
{
    char known[400], want[600];
    if (in->columns[col].codes[row] < 0)
        return clade__csv_fail(&in->file, row, col,
                               in->given ? "a text: the model was trained without missing=, which accepts "
                                           "what is missing"
                                         : "a text; missing=median makes what is missing a category of "
                                           "its own");
    list_known(known, sizeof known, c);
    snprintf(want, sizeof want, "a category of the training data: %s; training with unknown=zeros "
             "accepts others", known);
    return clade__csv_fail(&in->file, row, col, want);
}

static clade_status encode_categories(const encoding *e, const block *b, int index)
{
    const clade__csv_reading *in = e->in;
    const clade__column *c = &in->schema->columns[index];
    int col = in->roles.features[index];
    const int32_t *codes = in->columns[col].codes + b->begin;
    for (int i = 0; i < b->n_rows; i++) {
        int32_t which = codes[i] < 0 ? e->of_missing[index] : e->of_code[index][codes[i]];
        if (which < 0 && !(codes[i] < 0 ? c->fills : c->unknown_is_zeros))
            return fail_category(in, c, b->begin + i, col);
        if (!b->values[i]) continue;
        float *to = b->values[i] + c->first_feature;
        memset(to, 0, (size_t)c->n_texts * sizeof *to);
        if (which >= 0) to[which] = 1.0f;
    }
    return CLADE_OK;
}

static clade_status encode_targets(const encoding *e, const block *b, int index)
{
    const clade__csv_reading *in = e->in;
    int col = in->roles.targets[index];
    const double *x = in->columns[col].numbers + b->begin;
    const clade__target *target = &in->schema->targets[index];
    float encoded;
    for (int i = 0; i < b->n_rows; i++) {
        if (isnan(x[i])) return clade__csv_fail(&in->file, b->begin + i, col, "a number to predict");
        if (!to_float(&encoded, x[i], target->center, target->scale))
            return clade__csv_fail(&in->file, b->begin + i, col, "a finite number that fits float32");
        if (b->targets[i]) b->targets[i][index] = encoded;
    }
    return CLADE_OK;
}

/* ---- all rows -------------------------------------------------------------------------------- */

static int64_t part_begin(const encoding *e, int part)
{
    int64_t row = part * e->part_rows;
    return row < e->in->file.n_rows ? row : e->in->file.n_rows;
}

static clade_status encode_block(const encoding *e, block *b, int64_t *sample)
{
    const clade__csv_reading *in = e->in;
    clade_data *data = e->data;
    for (int i = 0; i < b->n_rows; i++) {
        bool takes = clade__split_takes(&in->split, b->begin + i);
        b->values[i] = takes ? (float *)data->values + *sample * in->schema->n_features : NULL;
        b->targets[i] = takes && data->targets ? data->targets + *sample * data->n_targets : NULL;
        *sample += takes;
    }
    for (int i = 0; i < in->schema->n_columns; i++)
        CLADE_TRY(in->schema->columns[i].is_category ? encode_categories(e, b, i)
                                                     : encode_numbers(e, b, i));
    for (int i = 0; i < in->roles.n_targets; i++) CLADE_TRY(encode_targets(e, b, i));
    return CLADE_OK;
}

static clade_status encode_part(void *context, int part)
{
    const encoding *e = context;
    int64_t end = part_begin(e, part + 1), sample = e->sample[part];
    block b = {.begin = part_begin(e, part)};
    for (; b.begin < end; b.begin += BLOCK) {
        b.n_rows = end - b.begin < BLOCK ? (int)(end - b.begin) : BLOCK;
        CLADE_TRY(encode_block(e, &b, &sample));
    }
    return CLADE_OK;
}

/* Where each part's samples begin. */
static clade_status cut(encoding *e)
{
    const clade__csv_reading *in = e->in;
    int64_t n_rows = in->file.n_rows, sample = 0;
    e->n_parts = clade__parallel_parts(n_rows * in->file.n_cols, PART_CELLS);
    e->part_rows = (n_rows / e->n_parts / BLOCK + 1) * BLOCK;
    e->sample = malloc((size_t)e->n_parts * sizeof *e->sample);
    if (!e->sample) return clade__fail(CLADE_ENOMEM, "csv: no memory");
    for (int part = 0; part < e->n_parts; part++) {
        e->sample[part] = sample;
        for (int64_t row = part_begin(e, part); row < part_begin(e, part + 1); row++)
            sample += clade__split_takes(&in->split, row);
    }
    return CLADE_OK;
}

static clade_status match_categories(encoding *e)
{
    const clade_schema *schema = e->in->schema;
    e->of_code = calloc((size_t)schema->n_columns, sizeof *e->of_code);
    e->of_missing = malloc((size_t)schema->n_columns * sizeof *e->of_missing);
    if (!e->of_code || !e->of_missing) return clade__fail(CLADE_ENOMEM, "csv: no memory");
    for (int i = 0; i < schema->n_columns; i++) {
        const clade__column *c = &schema->columns[i];
        e->of_missing[i] = -1;
        for (int k = 0; k < c->n_texts; k++)
            if (!*c->texts[k]) e->of_missing[i] = k;
        if (c->is_category)
            CLADE_TRY(clade__csv_classes_match(&e->of_code[i], &e->in->columns[e->in->roles.features[i]],
                                               c->texts, c->n_texts));
    }
    return CLADE_OK;
}

/* What unknown=zeros lets pass is told all the same. */
static clade_status note_unknown(const encoding *e, int index)
{
    const clade__csv_reading *in = e->in;
    int col = in->roles.features[index];
    const clade__csv_column *column = &in->columns[col];
    int64_t n = 0, first = -1;
    char name[128];
    if (!in->schema->columns[index].is_category) return CLADE_OK;
    for (int64_t row = 0; row < in->file.n_rows; row++) {
        int32_t code = column->codes[row];
        if (code < 0 || e->of_code[index][code] >= 0 || !clade__split_takes(&in->split, row)) continue;
        if (n++ == 0) first = row;
    }
    if (n == 0) return CLADE_OK;
    clade__csv_name_column(name, sizeof name, &in->file, col);
    return clade__data_note(e->data, "warning: %s has categories that training lacks in %lld row%s, such as "
                            "'%.60s'; they are 0 in all of its features", name, (long long)n,
                            n == 1 ? "" : "s", column->texts[column->codes[first]]);
}

static clade_status encode_rows(const clade__csv_reading *in, clade_data *data)
{
    encoding e = {.in = in, .data = data};
    clade_status status = match_categories(&e);
    if (status == CLADE_OK) status = cut(&e);
    if (status == CLADE_OK) status = clade__parallel(e.n_parts, encode_part, &e);
    for (int i = 0; status == CLADE_OK && i < in->schema->n_columns; i++)
        status = note_unknown(&e, i);
    for (int i = 0; e.of_code && i < in->schema->n_columns; i++) free(e.of_code[i]);
    free(e.of_code);
    free(e.of_missing);
    free(e.sample);
    return status;
}

/* ---- what float32 cannot tell apart ---------------------------------------------------------- */

static int by_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* How many different values there are among a column's first rows, as they are and as float32. */
static void count_different(const clade__csv_reading *in, const clade__column *c, const double *x,
                            double *sorted, int64_t *n_doubles, int64_t *n_floats)
{
    int64_t n = 0;
    *n_doubles = *n_floats = 0;
    for (int64_t row = 0; row < in->file.n_rows && n < SAMPLED_ROWS; row++)
        if (clade__split_takes(&in->split, row) && !isnan(x[row])) sorted[n++] = x[row];
    qsort(sorted, (size_t)n, sizeof *sorted, by_double);
    float last = 0.0f;
    for (int64_t i = 0; i < n; i++) {
        float now = (float)((sorted[i] - c->center) * c->scale);
        *n_doubles += i == 0 || sorted[i] != sorted[i - 1];
        *n_floats += i == 0 || now != last;
        last = now;
    }
}

static clade_status note_collapse(const clade__csv_reading *in, clade_data *data,
                                  const clade__column *c, int col)
{
    int64_t n_rows = in->file.n_rows < SAMPLED_ROWS ? in->file.n_rows : SAMPLED_ROWS;
    double *sorted = malloc((size_t)n_rows * sizeof *sorted);
    int64_t n_doubles, n_floats;
    char name[128];
    if (!sorted) return clade__fail(CLADE_ENOMEM, "csv: no memory");
    count_different(in, c, in->columns[col].numbers, sorted, &n_doubles, &n_floats);
    free(sorted);
    if (n_floats * 10 >= n_doubles * 9) return CLADE_OK;
    clade__csv_name_column(name, sizeof name, &in->file, col);
    return clade__data_note(data, "warning: %s has %lld different values, of which float32 tells %lld "
                            "apart%s", name, (long long)n_doubles, (long long)n_floats,
                            c->scale == 1.0 && c->center == 0.0
                                ? "; --standardize keeps them apart"
                                : "; a few values are far from all others");
}

/* ---- what is no feature, as a rule ------------------------------------------------------------ */

/* A first column that counts the rows tells a network nothing of other rows. */
static clade_status note_count(const clade__csv_reading *in, clade_data *data, int col)
{
    const double *x = in->columns[col].numbers;
    char name[128];
    int64_t row = 1;
    if (in->given || col > 0 || in->file.n_rows < COUNTED_ROWS) return CLADE_OK;
    while (row < in->file.n_rows && x[row] == x[0] + (double)row) row++;
    if (row < in->file.n_rows) return CLADE_OK;
    clade__csv_name_column(name, sizeof name, &in->file, col);
    return clade__data_note(data, "warning: %s counts the rows: id=%d leaves it out, where it is no more "
                            "than a number of each row", name, col + 1);
}

/* ---- all of it ------------------------------------------------------------------------------- */

clade_status clade__csv_encode(clade__csv_reading *in, clade_data *data)
{
    CLADE_TRY(encode_rows(in, data));
    for (int i = 0; i < in->schema->n_columns; i++) {
        const clade__column *c = &in->schema->columns[i];
        if (c->is_category) continue;
        CLADE_TRY(note_collapse(in, data, c, in->roles.features[i]));
        CLADE_TRY(note_count(in, data, in->roles.features[i]));
    }
    clade__csv_columns_free(in->columns, in->file.n_cols);
    return CLADE_OK;
}

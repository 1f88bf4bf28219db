#include "data/csv_schema.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv_classes.h"

enum { SAMPLED_ROWS = 10000, COUNTED_ROWS = 20 };

/* Each value is computed in double precision and becomes a float once. One that is too large becomes an
 * infinity, which a model that is given such data tells of, row by row; it cannot be trained on. */
static bool to_float(float *out, double value, double center, double scale)
{
    double x = (value - center) * scale;
    bool fits = fabs(x) <= (double)FLT_MAX;
    *out = fits ? (float)x : copysignf(INFINITY, (float)(x > 0.0) - 0.5f);
    return fits && isfinite(*out);
}

static clade_status encode_number(clade__csv_reading *in, const clade__column *c, int col,
                                  float *values, int64_t stride)
{
    const double *x = in->columns[col].numbers;
    float encoded;
    for (int64_t row = 0; row < in->file.n_rows; row++) {
        double value = x[row];
        if (isnan(value) && !c->fills)
            return clade__csv_fail(&in->file, row, col,
                                   in->given ? "a number: the model was trained without missing=, which "
                                               "fills what is missing"
                                             : "a number; missing=median fills what is missing");
        if (!to_float(&encoded, isnan(value) ? c->fill : value, c->center, c->scale) && !in->given)
            return clade__csv_fail(&in->file, row, col, "a finite number that fits float32");
        if (!clade__split_takes(&in->split, row)) continue;
        *values = encoded;
        values += stride;
    }
    return CLADE_OK;
}

/* "; it knows 'a', 'b'" */
static void list_known(char *out, size_t out_bytes, const clade__column *c)
{
    size_t used = 0;
    *out = '\0';
    for (int i = 0; i < c->n_texts && used + 80 < out_bytes; i++)
        used += (size_t)snprintf(out + used, out_bytes - used, "%s'%.60s'", i ? ", " : "", c->texts[i]);
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

static clade_status encode_category(clade__csv_reading *in, const clade__column *c, int col,
                                    float *values, int64_t stride)
{
    const clade__csv_column *column = &in->columns[col];
    int32_t *of_code;
    int of_missing = -1;
    clade_status status = clade__csv_classes_match(&of_code, column, c->texts, c->n_texts);
    for (int i = 0; i < c->n_texts; i++)
        if (!*c->texts[i]) of_missing = i;
    for (int64_t row = 0; status == CLADE_OK && row < in->file.n_rows; row++) {
        int32_t code = column->codes[row], which = code < 0 ? of_missing : of_code[code];
        if (which < 0 && !(code < 0 ? c->fills : c->unknown_is_zeros))
            status = fail_category(in, c, row, col);
        if (!clade__split_takes(&in->split, row)) continue;
        for (int i = 0; i < c->n_texts; i++) values[i] = i == which ? 1.0f : 0.0f;
        values += stride;
    }
    free(of_code);
    return status;
}

static clade_status encode_targets(clade__csv_reading *in, clade_data *data)
{
    for (int i = 0; i < in->roles.n_targets; i++) {
        int col = in->roles.targets[i];
        const double *x = in->columns[col].numbers;
        const clade__target *target = &in->schema->targets[i];
        float *to = data->targets + i, encoded;
        for (int64_t row = 0; row < in->file.n_rows; row++) {
            if (isnan(x[row])) return clade__csv_fail(&in->file, row, col, "a number to predict");
            if (!to_float(&encoded, x[row], target->center, target->scale))
                return clade__csv_fail(&in->file, row, col, "a finite number that fits float32");
            if (!clade__split_takes(&in->split, row)) continue;
            *to = encoded;
            to += in->roles.n_targets;
        }
    }
    return CLADE_OK;
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
    const clade_schema *schema = in->schema;
    for (int i = 0; i < schema->n_columns; i++) {
        const clade__column *c = &schema->columns[i];
        int col = in->roles.features[i];
        float *values = (float *)data->values + c->first_feature;
        if (c->is_category) {
            CLADE_TRY(encode_category(in, c, col, values, schema->n_features));
        } else {
            CLADE_TRY(encode_number(in, c, col, values, schema->n_features));
            CLADE_TRY(note_collapse(in, data, c, col));
            CLADE_TRY(note_count(in, data, col));
        }
        clade__csv_columns_free(&in->columns[col], 1);
    }
    return encode_targets(in, data);
}

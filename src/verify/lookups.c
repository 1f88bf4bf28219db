/* Rows of a data set by index, and what a step leaves for the host. */
#include <math.h>

#include "ops/ops.h"
#include "verify/families.h"

/* ---- gather ---------------------------------------------------------------------------------- */

enum { DST, SRC };

#define SCALE 0.7f
#define SHIFT (-0.5f)

static const int32_t first = 1; /* the last rows asked for are past the end */

static clade_tensor *tensor_of(const clade__operand *operand)
{
    return operand ? operand->tensor : NULL;
}

static void prepare_index(clade__trial *t, int64_t rows)
{
    if (!(t->op->variant & CLADE__IN_ORDER)) /* -1 and rows are nowhere */
        clade__trial_in_integers(t, "index", CLADE_INT32, CLADE_SHAPE(rows), -1, (int)rows + 1);
}

/* The row of src for row r of dst; -1 for none. */
static int64_t source_row(const clade__operand *index, int64_t r, int64_t rows)
{
    int64_t at = first + r;
    if (at >= rows) return -1;
    if (index) at = index->before.ints[at];
    return at < rows ? at : -1;
}

static void prepare_gather(clade__trial *t)
{
    int64_t rows = clade__shape_rows(t->shape), cols = clade__shape_cols(t->shape);
    clade_shape shape = CLADE_SHAPE(rows, cols);
    clade__trial_out(t, "dst", CLADE_FLOAT32, shape, -1);
    if (t->op->variant & CLADE__FROM_BYTES)
        clade__trial_in_integers(t, "src", CLADE_UINT8, shape, 0, 256);
    else
        clade__trial_in(t, "src", shape, -4.0, 4.0);
    prepare_index(t, rows);
    if (t->op->variant & CLADE__BY_COLUMN)
        clade__trial_in_as(t, "columns", CLADE_SHAPE(3, cols), -1.0, 1.0, CLADE__ORDINARY);
}

static clade_status record_gather(clade__commands *commands, const clade__trial *t)
{
    return clade__gather(commands, clade__trial_tensor(t, DST), clade__trial_tensor(t, SRC),
                         tensor_of(clade__trial_find(t, "index")), &first, SCALE, SHIFT,
                         tensor_of(clade__trial_find(t, "columns")));
}

static void expect_gather(clade__trial *t)
{
    int64_t rows = clade__shape_rows(t->shape), cols = clade__shape_cols(t->shape);
    const clade__operand *src = &t->operands[SRC], *index = clade__trial_find(t, "index");
    const clade__operand *columns = clade__trial_find(t, "columns");
    for (int64_t i = 0; i < t->operands[DST].n; i++) {
        int64_t c = i % cols, row = source_row(index, i / cols, rows), at = row * cols + c;
        double x = row < 0                     ? (double)NAN
                   : src->dtype == CLADE_UINT8 ? (double)src->before.bytes[at]
                                               : (double)src->before.floats[at];
        const float *column = columns ? columns->before.floats + c : NULL;
        double high = column ? (double)column[cols] : 0.0, low = column ? (double)column[2 * cols] : 0.0;
        double scaled = column ? (x - high - low) * (double)column[0] : x * (double)SCALE;
        double want = scaled + (column ? 0.0 : (double)SHIFT), rest = fabs(high) + fabs(low);
        double bound = fabs(scaled) + fabs(want) + rest * (column ? fabs((double)column[0]) : 0.0);
        clade__expect(&t->operands[DST], i, want, column ? bound + fabs(x * (double)column[0]) : bound);
    }
}

const clade__family clade__gathers = {
    prepare_gather, record_gather, expect_gather,
    1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE | 1u << CLADE__DENORMAL, clade__matrices};
const clade__family clade__byte_gathers = {prepare_gather, record_gather, expect_gather,
                                           1u << CLADE__ORDINARY, clade__matrices};

/* One column, or as many as the shape has. */
static clade_shape label_shape(const clade__trial *t)
{
    int64_t rows = clade__shape_rows(t->shape), cols = clade__shape_cols(t->shape);
    return t->op->variant & CLADE__OF_COLUMNS ? CLADE_SHAPE(rows, cols) : CLADE_SHAPE(rows);
}

static void prepare_label_gather(clade__trial *t)
{
    clade__trial_out(t, "dst", CLADE_INT32, label_shape(t), -1);
    clade__trial_in_integers(t, "src", CLADE_INT32, label_shape(t), 0, 1000);
    prepare_index(t, clade__shape_rows(t->shape));
}

static clade_status record_label_gather(clade__commands *commands, const clade__trial *t)
{
    return clade__gather_labels(commands, clade__trial_tensor(t, DST), clade__trial_tensor(t, SRC),
                                tensor_of(clade__trial_find(t, "index")), &first);
}

static void expect_label_gather(clade__trial *t)
{
    const clade__operand *index = clade__trial_find(t, "index");
    int64_t rows = clade__shape_rows(t->shape), cols = t->operands[DST].n / rows;
    for (int64_t i = 0; i < t->operands[DST].n; i++) {
        int64_t row = source_row(index, i / cols, rows);
        int32_t want = row < 0 ? -1 : t->operands[SRC].before.ints[row * cols + i % cols];
        clade__expect(&t->operands[DST], i, want, 0.0);
    }
}

const clade__family clade__label_gathers = {prepare_label_gather, record_label_gather,
                                            expect_label_gather, 1u << CLADE__ORDINARY,
                                            clade__matrices};

/* ---- metrics --------------------------------------------------------------------------------- */

enum { HIT, VALUES, LABELS };

#define THRESHOLD 0.3f

/* The first largest of a row or, with one column, whether it is above the threshold; *finite: whether the
 * largest is, without which no label is hit. */
static int32_t answer(const float *y, int64_t cols, bool *finite)
{
    int64_t best = 0;
    for (int64_t c = 1; c < cols; c++)
        if (y[c] > y[best] || (isnan(y[c]) && !isnan(y[best]))) best = c;
    *finite = isfinite(y[best]);
    return cols == 1 ? y[0] > THRESHOLD : (int32_t)best;
}

static void prepare_hit_count(clade__trial *t)
{
    int64_t rows = clade__shape_rows(t->shape), cols = clade__shape_cols(t->shape);
    clade__trial_out(t, "hit", CLADE_FLOAT32, CLADE_SHAPE(rows), -1);
    clade__trial_in(t, "y", t->shape, -1.0, 1.0);
    clade__trial_in_integers(t, "labels", CLADE_INT32, CLADE_SHAPE(rows), 0,
                             cols == 1 ? 2 : (int)cols);
    bool finite;
    for (int64_t r = 1; !t->failed && r < rows; r += 2)
        t->operands[LABELS].before.ints[r] =
            answer(t->operands[VALUES].before.floats + r * cols, cols, &finite);
}

static clade_status record_hit_count(clade__commands *commands, const clade__trial *t)
{
    return clade__count_hits(commands, clade__trial_tensor(t, HIT), clade__trial_tensor(t, VALUES),
                             clade__trial_tensor(t, LABELS), THRESHOLD);
}

static void expect_hit_count(clade__trial *t)
{
    int64_t cols = clade__shape_cols(t->shape);
    for (int64_t r = 0; r < t->operands[HIT].n; r++) {
        bool finite;
        int32_t of_row = answer(t->operands[VALUES].before.floats + r * cols, cols, &finite);
        clade__expect(&t->operands[HIT], r, finite && of_row == t->operands[LABELS].before.ints[r],
                      0.0);
    }
}

const clade__family clade__hit_counts = {prepare_hit_count, record_hit_count, expect_hit_count,
                                         1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE,
                                         clade__matrices};

enum { LOSS, MARKED };

static void prepare_mark(clade__trial *t)
{
    int64_t rows = clade__shape_rows(t->shape), cols = clade__shape_cols(t->shape);
    clade__trial_inout(t, "loss", CLADE_SHAPE(rows), 0.0, 3.0);
    clade__trial_in(t, "y", t->shape, -1.0, 1.0);
    for (int64_t r = 0; !t->failed && t->values == CLADE__NONFINITE && r < rows; r += 2)
        for (int64_t c = 0; c < cols; c++) { /* every second row is finite, but for one value at most */
            float *y = &t->operands[MARKED].before.floats[r * cols + c];
            if (!isfinite(*y) && c != r % cols) *y = 1.0f;
        }
}

static clade_status record_mark(clade__commands *commands, const clade__trial *t)
{
    return clade__mark_rows(commands, clade__trial_tensor(t, LOSS), clade__trial_tensor(t, MARKED));
}

static void expect_mark(clade__trial *t)
{
    int64_t cols = clade__shape_cols(t->shape);
    for (int64_t r = 0; r < t->operands[LOSS].n; r++) {
        double want = (double)t->operands[LOSS].before.floats[r];
        for (int64_t c = 0; c < cols; c++)
            if (!isfinite(t->operands[MARKED].before.floats[r * cols + c])) want = (double)NAN;
        clade__expect(&t->operands[LOSS], r, want, 0.0);
    }
}

const clade__family clade__row_marks = {prepare_mark, record_mark, expect_mark,
                                        1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE,
                                        clade__matrices};

enum { STEPS, OF_LOSS };

static const int32_t slot = 1; /* of three: those around it stay as they are */

static void prepare_metric_store(clade__trial *t)
{
    int64_t rows = clade__shape_rows(t->shape);
    clade__trial_inout(t, "steps", CLADE_SHAPE(3, CLADE__N_SUMS), -1.0, 1.0);
    clade__trial_in(t, "loss", CLADE_SHAPE(rows), 0.0, 3.0);
    if (!(t->op->variant & CLADE__NO_HITS)) clade__trial_in(t, "hit", CLADE_SHAPE(rows), 0.0, 1.0);
}

static clade_status record_metric_store(clade__commands *commands, const clade__trial *t)
{
    return clade__metrics_store(commands, clade__trial_tensor(t, STEPS), &slot,
                                clade__trial_tensor(t, OF_LOSS),
                                tensor_of(clade__trial_find(t, "hit")),
                                t->op->variant & CLADE__ADDED);
}

static void expect_metric_store(clade__trial *t)
{
    int64_t rows = clade__shape_rows(t->shape);
    const float *losses = t->operands[OF_LOSS].before.floats;
    const clade__operand *hit = clade__trial_find(t, "hit");
    double sums[CLADE__N_SUMS] = {0.0};
    for (int64_t r = 0; r < rows; r++) {
        bool finite = isfinite(losses[r]);
        sums[CLADE__SUM_LOSS] += (double)losses[r];
        if (hit && finite) sums[CLADE__SUM_HITS] += (double)hit->before.floats[r];
        sums[CLADE__SUM_NOT_FINITE] += !finite;
    }
    for (int k = 0; k < CLADE__N_SUMS; k++) {
        int64_t at = CLADE__N_SUMS * slot + k;
        double before = 0.0;
        if (t->op->variant & CLADE__ADDED) before = (double)t->operands[STEPS].before.floats[at];
        /* 64 lanes, however few rows there are; nothing is below 0, or the sum is NaN. */
        double chain = (double)((rows + 63) / 64 + 14);
        clade__expect(&t->operands[STEPS], at, before + sums[k],
                      t->values == CLADE__EXACT ? 0.0 : chain * sums[k] + fabs(before + sums[k]));
    }
}

const clade__family clade__metric_stores = {
    prepare_metric_store, record_metric_store, expect_metric_store,
    1u << CLADE__ORDINARY | 1u << CLADE__EXACT | 1u << CLADE__NONFINITE, clade__matrices};

/* ---- peaks ----------------------------------------------------------------------------------- */

enum { PEAKS, OF, RUN = 256 };

static const int64_t first_peak = 1; /* what is before it stays as it is */

static void prepare_peaks(clade__trial *t)
{
    int64_t n = clade_shape_elements(t->shape);
    clade__trial_inout(t, "peaks", CLADE_SHAPE(first_peak + clade__n_peaks(n)), -1.0, 1.0);
    clade__trial_in(t, "x", t->shape, -1.0, 1.0);
    /* The largest has another place in each run: at first its end. */
    for (int64_t p = 0; !t->failed && t->values == CLADE__ORDINARY && p * RUN < n; p++) {
        int64_t at = p * RUN + (p + RUN - 1) % RUN;
        t->operands[OF].before.floats[at < n ? at : n - 1] = -2.0f;
    }
}

static clade_status record_peaks(clade__commands *commands, const clade__trial *t)
{
    return clade__peaks(commands, clade__trial_tensor(t, PEAKS), first_peak,
                        clade__trial_tensor(t, OF));
}

static void expect_peaks(clade__trial *t)
{
    const clade__operand *x = &t->operands[OF];
    for (int64_t p = 0; p < clade__n_peaks(x->n); p++) {
        double top = 0.0;
        for (int64_t i = p * RUN; i < x->n && i < (p + 1) * RUN; i++)
            top = clade__larger(top, fabs((double)x->before.floats[i]));
        clade__expect(&t->operands[PEAKS], first_peak + p, top, 0.0);
    }
}

const clade__family clade__peak_searches = {
    prepare_peaks, record_peaks, expect_peaks,
    1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE | 1u << CLADE__DENORMAL, clade__lengths};

/* What an evaluation sums: values of rows, and their sums. */
#include <math.h>

#include "ops/ops.h"
#include "verify/families.h"

enum { SUMS, VALUES, OF, MOST_ROWS = 4 };

static const int32_t slot = 1; /* of three: those around it stay as they are */

static unsigned set_of(const clade__trial *t)
{
    return CLADE__SUM_BIT(COUNTED) |
           (t->op->variant & CLADE__OF_NUMBERS ? CLADE__ERROR_SUMS : CLADE__SUM_BIT(TOP_5_HITS));
}

static bool of_numbers(const clade__trial *t)
{
    return t->op->variant & CLADE__OF_NUMBERS;
}

static bool has_labels(const clade__trial *t)
{
    return !of_numbers(t) || t->op->variant & CLADE__IGNORES;
}

static void prepare(clade__trial *t)
{
    int64_t rows = clade__shape_rows(t->shape), cols = clade__shape_cols(t->shape);
    int n = clade__n_sums(set_of(t));
    clade__trial_inout(t, "sums", CLADE_SHAPE(3, n), -1.0, 1.0);
    clade__trial_out(t, "values", CLADE_FLOAT32, CLADE_SHAPE(n, rows), -1);
    clade__trial_in(t, "y", t->shape, -1.0, 1.0);
    if (has_labels(t)) {
        clade__trial_in_integers(t, "labels", CLADE_INT32, CLADE_SHAPE(rows), 0, (int)cols);
        clade__spoil_labels(t, "labels", cols);
    }
    if (of_numbers(t)) {
        clade__trial_in(t, "target", t->shape, 99.0, 101.0);
        clade__trial_in_as(t, "center", CLADE_SHAPE(cols), 99.5, 100.5, CLADE__ORDINARY);
    } else {
        clade__trial_rule(t, cols);
        float *y = t->operands[OF].before.floats; /* so that some are equal */
        for (int64_t i = 0; y && i < t->operands[OF].n; i++) y[i] = roundf(y[i] * 8.0f) / 8.0f;
    }
}

static const clade_tensor *tensor_of(const clade__trial *t, const char *name)
{
    const clade__operand *o = clade__trial_find(t, name);
    return o ? o->tensor : NULL;
}

static clade_status record(clade__commands *commands, const clade__trial *t)
{
    const clade__metric_source source = {
        .y = clade__trial_tensor(t, OF),
        .labels = tensor_of(t, "labels"),
        .rule = clade__rule_of(t, clade__shape_cols(t->shape)),
        .target = tensor_of(t, "target"),
        .center = tensor_of(t, "center"),
    };
    return clade__metrics_sum(commands, clade__trial_tensor(t, SUMS), &slot,
                              clade__trial_tensor(t, VALUES), set_of(t), &source,
                              t->op->variant & CLADE__ADDS);
}

/* A value and its bound. */
typedef struct result {
    double value, bound;
} result;

static bool is_top_5(const float *y, int64_t cols, int32_t label)
{
    int n_before = 0;
    for (int64_t c = 0; c < cols; c++) {
        if (isnan(y[c]) || (double)y[c] == (double)INFINITY) return false;
        n_before += y[c] > y[label] || (y[c] == y[label] && c < label);
    }
    for (int64_t c = 0; c < cols; c++)
        if (isfinite(y[c])) return n_before < 5;
    return false; /* minus infinity is the largest */
}

/* All four sums of a row's errors; n past the roundings of each term and of their sum. */
static void errors_of(const clade__trial *t, int64_t row, result results[MOST_ROWS])
{
    int64_t cols = clade__shape_cols(t->shape), start = row * cols;
    const float *y = t->operands[OF].before.floats + start;
    const float *target = clade__trial_find(t, "target")->before.floats + start;
    const float *center = clade__trial_find(t, "center")->before.floats;
    double chain = clade__row_chain(cols);
    for (int k = 0; k < MOST_ROWS; k++) results[k] = (result){0.0, 0.0};
    for (int64_t c = 0; c < cols; c++) {
        double e = (double)y[c] - (double)target[c], d = (double)target[c] - (double)center[c];
        const double terms[MOST_ROWS] = {fabs(e), e * e, d, d * d};
        for (int k = 0; k < MOST_ROWS; k++) {
            results[k].value += terms[k];
            results[k].bound += (chain + 3.0) * fabs(terms[k]);
        }
    }
}

/* The values of a row, as many as there are sums. */
static void row_of(const clade__trial *t, int64_t row, result results[1 + MOST_ROWS])
{
    int64_t cols = clade__shape_cols(t->shape);
    const clade__operand *labels = clade__trial_find(t, "labels");
    int32_t label = labels ? labels->before.ints[row] : 0;
    double count = labels ? clade__count_of(t, label, cols) : 1.0;
    bool counts = count > 0.0;
    results[0] = (result){counts ? count : 0.0, 0.0};
    for (int k = 0; k < MOST_ROWS; k++) results[1 + k] = (result){0.0, 0.0};
    if (counts && of_numbers(t)) errors_of(t, row, results + 1);
    if (counts && !of_numbers(t))
        results[1].value = is_top_5(t->operands[OF].before.floats + row * cols, cols, label);
}

static void expect(clade__trial *t)
{
    int64_t rows = clade__shape_rows(t->shape);
    int n = clade__n_sums(set_of(t));
    result sums[1 + MOST_ROWS] = {{0.0, 0.0}}, values[1 + MOST_ROWS];
    double sizes[1 + MOST_ROWS] = {0.0};
    for (int64_t r = 0; r < rows; r++) {
        row_of(t, r, values);
        for (int k = 0; k < n; k++) {
            clade__expect(&t->operands[VALUES], k * rows + r, values[k].value, values[k].bound);
            sums[k].value += values[k].value;
            sums[k].bound += values[k].bound;
            sizes[k] += fabs(values[k].value);
        }
    }
    double chain = 64.0 + (double)rows / 4096.0 + 14.0;
    for (int k = 0; k < n; k++) {
        int64_t at = n * slot + k;
        double before = (double)t->operands[SUMS].before.floats[at];
        double want = sums[k].value + (t->op->variant & CLADE__ADDS ? before : 0.0);
        clade__expect(&t->operands[SUMS], at, want,
                      sums[k].bound + chain * sizes[k] + fabs(want));
    }
}

const clade__family clade__metric_sums = {prepare, record, expect,
                                          1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE,
                                          clade__matrices};

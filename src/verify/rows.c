/* Operations on rows: softmax and its logarithm. */
#include <math.h>

#include "ops/ops.h"
#include "verify/families.h"

#define WITH_DENORMALS (1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE | 1u << CLADE__DENORMAL)

/* exp(d), d itself rounded, is within so many units of itself. */
static double units_of_exp(double d)
{
    return CLADE__UNITS_EXP + fabs(d);
}

clade__exponentials clade__exponentials_of(const float *x, int64_t cols)
{
    clade__exponentials e = {.top = (double)x[0]};
    for (int64_t c = 1; c < cols; c++) e.top = clade__larger((double)x[c], e.top);
    for (int64_t c = 0; c < cols; c++) {
        double d = (double)x[c] - e.top, part = exp(d);
        e.sum += part;
        if (part > 0.0) e.units += part * units_of_exp(d);
    }
    e.units = e.units / e.sum + clade__row_chain(cols);
    return e;
}

double clade__share_of(const clade__exponentials *e, double x, double *bound)
{
    double d = x - e->top, share = exp(d) / e->sum;
    *bound = share > 0.0 ? share * (units_of_exp(d) + e->units + CLADE__UNITS_DIVIDE) : 0.0;
    return share;
}

/* ---- softmax --------------------------------------------------------------------------------- */

enum { X, Y };

static void prepare_softmax(clade__trial *t)
{
    clade__trial_in(t, "x", t->shape, -4.0, 4.0);
    clade__trial_out(t, "y", CLADE_FLOAT32, t->shape, X);
    clade__trial_make_large(t, X, 1e4f);
}

static clade_status record_softmax(clade__commands *commands, const clade__trial *t)
{
    return (t->op->variant ? clade__log_softmax_forward : clade__softmax_forward)(
        commands, clade__trial_tensor(t, Y), clade__trial_tensor(t, X));
}

static void expect_softmax(clade__trial *t)
{
    int64_t cols = clade__shape_cols(t->shape);
    for (int64_t start = 0; start < t->operands[Y].n; start += cols) {
        const float *x = t->operands[X].before.floats + start;
        clade__exponentials e = clade__exponentials_of(x, cols);
        for (int64_t c = 0; c < cols; c++) {
            double value, bound, log_sum = log(e.sum);
            if (t->op->variant) {
                value = (double)x[c] - e.top - log_sum;
                bound = fabs((double)x[c] - e.top) + CLADE__UNITS_LOG * log_sum + e.units +
                        fabs(value);
            } else {
                value = clade__share_of(&e, (double)x[c], &bound);
            }
            clade__expect(&t->operands[Y], start + c, value, bound);
        }
    }
}

enum { SAVED, DY, DX };

static void prepare_softmax_backward(clade__trial *t)
{
    bool is_log = t->op->variant & 1;
    clade__trial_in(t, "y", t->shape, is_log ? -6.0 : 0.0, is_log ? 0.0 : 1.0);
    clade__trial_in(t, "dy", t->shape, -1.0, 1.0);
    clade__trial_gradient(t, "dx", t->shape, DY, t->op->variant & CLADE__ADDS);
}

static clade_status record_softmax_backward(clade__commands *commands, const clade__trial *t)
{
    return (t->op->variant & 1 ? clade__log_softmax_backward : clade__softmax_backward)(
        commands, clade__trial_tensor(t, DX), clade__trial_tensor(t, SAVED),
        clade__trial_tensor(t, DY), t->op->variant & CLADE__ADDS);
}

static void expect_softmax_backward(clade__trial *t)
{
    int64_t cols = clade__shape_cols(t->shape);
    bool is_log = t->op->variant & 1;
    for (int64_t start = 0; start < t->operands[DX].n; start += cols) {
        const float *y = t->operands[SAVED].before.floats + start;
        const float *dy = t->operands[DY].before.floats + start;
        double sum = 0.0, size = 0.0;
        for (int64_t c = 0; c < cols; c++) {
            double term = is_log ? (double)dy[c] : (double)dy[c] * (double)y[c];
            sum += term;
            size += fabs(term);
        }
        double of_sum = (clade__row_chain(cols) + 1.0) * size;
        for (int64_t c = 0; c < cols; c++) {
            double at = (double)y[c], g = (double)dy[c];
            double factor = is_log ? exp(at) : fabs(at);
            double value = is_log ? g - factor * sum : at * (g - sum);
            double bound = is_log ? factor * (CLADE__UNITS_EXP + 1) * fabs(sum) + fabs(value)
                                  : 2.0 * fabs(value);
            clade__expect_given(&t->operands[DX], start + c, value, factor * of_sum + bound);
        }
    }
}

const clade__family clade__softmax_forwards = {prepare_softmax, record_softmax, expect_softmax,
                                               WITH_DENORMALS, clade__matrices};
const clade__family clade__softmax_backwards = {prepare_softmax_backward, record_softmax_backward,
                                                expect_softmax_backward, WITH_DENORMALS,
                                                clade__matrices};

/* Operations on rows: softmax, its logarithm, and the losses. */
#include <math.h>

#include "ops/ops.h"
#include "verify/families.h"

#define FINITE_AND_NOT (1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE)
#define WITH_DENORMALS (FINITE_AND_NOT | 1u << CLADE__DENORMAL)

/* What softmax needs of a row x: m = max(x), s = sum(exp(x - m)), and s's relative error in units. */
typedef struct exponentials {
    double top, sum, units;
} exponentials;

/* exp(d), d itself rounded, is within so many units of itself. */
static double units_of_exp(double d)
{
    return CLADE__UNITS_EXP + fabs(d);
}

static exponentials exponentials_of(const float *x, int64_t cols)
{
    exponentials e = {.top = (double)x[0]};
    for (int64_t c = 1; c < cols; c++) e.top = clade__larger((double)x[c], e.top);
    for (int64_t c = 0; c < cols; c++) {
        double d = (double)x[c] - e.top, part = exp(d);
        e.sum += part;
        if (part > 0.0) e.units += part * units_of_exp(d);
    }
    e.units = e.units / e.sum + clade__row_chain(cols);
    return e;
}

/* exp(x - m) / s, and its error. */
static double share_of(const exponentials *e, double x, double *bound)
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
        exponentials e = exponentials_of(x, cols);
        for (int64_t c = 0; c < cols; c++) {
            double value, bound, log_sum = log(e.sum);
            if (t->op->variant) {
                value = (double)x[c] - e.top - log_sum;
                bound = fabs((double)x[c] - e.top) + CLADE__UNITS_LOG * log_sum + e.units +
                        fabs(value);
            } else {
                value = share_of(&e, (double)x[c], &bound);
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

/* ---- cross_entropy --------------------------------------------------------------------------- */

enum { LOGITS, LABELS, LOSS, HIT, DLOGITS };

/* The first largest; a NaN is larger than all. */
static int64_t first_largest(const float *x, int64_t cols)
{
    int64_t first = 0;
    for (int64_t c = 1; c < cols; c++)
        if (x[c] > x[first] || (isnan(x[c]) && !isnan(x[first]))) first = c;
    return first;
}

static void prepare_cross_entropy(clade__trial *t)
{
    int64_t rows = clade__shape_rows(t->shape), cols = clade__shape_cols(t->shape);
    clade__trial_in(t, "logits", t->shape, -5.0, 5.0);
    clade__trial_in_integers(t, "labels", CLADE_INT32, CLADE_SHAPE(rows), 0, (int)cols);
    clade__trial_out(t, "loss", CLADE_FLOAT32, CLADE_SHAPE(rows), -1);
    clade__trial_out(t, "hit", CLADE_FLOAT32, CLADE_SHAPE(rows), -1);
    if (!t->op->variant) clade__trial_out(t, "dlogits", CLADE_FLOAT32, t->shape, LOGITS);
    clade__trial_make_large(t, LOGITS, 1e4f);
    for (int64_t r = 0; !t->failed && r < rows; r++) {
        float *x = t->operands[LOGITS].before.floats + r * cols;
        int32_t *label = &t->operands[LABELS].before.ints[r];
        if (r % 3 == 2) x[cols / 2] = x[0]; /* sometimes two are largest */
        if (r % 2 == 1) *label = (int32_t)first_largest(x, cols);
        if (r % 17 == 8) *label = r % 2 ? -1 : (int32_t)cols; /* none */
    }
}

static clade_status record_cross_entropy(clade__commands *commands, const clade__trial *t)
{
    return clade__cross_entropy(commands, clade__trial_tensor(t, LOSS), clade__trial_tensor(t, HIT),
                                t->op->variant ? NULL : clade__trial_tensor(t, DLOGITS),
                                clade__trial_tensor(t, LOGITS), clade__trial_tensor(t, LABELS),
                                CLADE__LOSS_SCALE);
}

static void expect_dlogits(clade__trial *t, const exponentials *e, int64_t row, int32_t label)
{
    int64_t cols = clade__shape_cols(t->shape), start = row * cols;
    const float *x = t->operands[LOGITS].before.floats + start;
    double scale = (double)CLADE__LOSS_SCALE, bound;
    for (int64_t c = 0; c < cols; c++) {
        double off = share_of(e, (double)x[c], &bound) - (c == label ? 1.0 : 0.0);
        bound = scale * (bound + 2.0 * fabs(off));
        if (label < 0 || label >= cols) off = bound = 0.0;
        clade__expect(&t->operands[DLOGITS], start + c, off * scale, bound);
    }
}

static void expect_cross_entropy(clade__trial *t)
{
    int64_t cols = clade__shape_cols(t->shape);
    for (int64_t r = 0; r < t->operands[LOSS].n; r++) {
        const float *x = t->operands[LOGITS].before.floats + r * cols;
        int32_t label = t->operands[LABELS].before.ints[r];
        exponentials e = exponentials_of(x, cols);
        double below = label < 0 || label >= cols ? NAN : e.top - (double)x[label];
        double log_sum = log(e.sum), loss = below + log_sum;
        clade__expect(&t->operands[LOSS], r, loss,
                      below + CLADE__UNITS_LOG * log_sum + e.units + loss);
        clade__expect(&t->operands[HIT], r, first_largest(x, cols) == label && isfinite(e.top), 0.0);
        if (!t->op->variant) expect_dlogits(t, &e, r, label);
    }
}

const clade__family clade__cross_entropies = {prepare_cross_entropy, record_cross_entropy,
                                              expect_cross_entropy, FINITE_AND_NOT,
                                              clade__matrices};

/* ---- losses that are a mean over the row ----------------------------------------------------- */

enum { VALUE, WANTED, MEAN, SLOPE };

static void prepare_mean_loss(clade__trial *t, const char *value, const char *slope, double low,
                              double high)
{
    clade__trial_in(t, value, t->shape, -4.0, 4.0);
    clade__trial_in(t, "target", t->shape, low, high);
    clade__trial_out(t, "loss", CLADE_FLOAT32, CLADE_SHAPE(clade__shape_rows(t->shape)), -1);
    if (!t->op->variant) clade__trial_out(t, slope, CLADE_FLOAT32, t->shape, VALUE);
}

/* One element's loss and slope, and the bounds of both. */
typedef struct element_loss {
    double loss, loss_bound, slope, slope_bound;
} element_loss;

static void expect_mean_loss(clade__trial *t, element_loss (*loss_of)(double value, double target))
{
    int64_t cols = clade__shape_cols(t->shape);
    double scale = (double)CLADE__LOSS_SCALE / (double)cols;
    for (int64_t r = 0; r < t->operands[MEAN].n; r++) {
        double sum = 0.0, bound = 0.0;
        for (int64_t i = r * cols; i < (r + 1) * cols; i++) {
            element_loss e = loss_of((double)t->operands[VALUE].before.floats[i],
                                     (double)t->operands[WANTED].before.floats[i]);
            sum += e.loss;
            bound += e.loss_bound;
            /* The factor is a quotient, and the product is rounded. */
            if (!t->op->variant)
                clade__expect(&t->operands[SLOPE], i, e.slope * scale,
                              scale * (e.slope_bound + (CLADE__UNITS_DIVIDE + 1) * fabs(e.slope)));
        }
        bound += (clade__row_chain(cols) + CLADE__UNITS_DIVIDE) * sum;
        clade__expect(&t->operands[MEAN], r, sum / (double)cols, bound / (double)cols);
    }
}

static void prepare_mse(clade__trial *t)
{
    prepare_mean_loss(t, "y", "dy", -3.0, 3.0);
}

static clade_status record_mse(clade__commands *commands, const clade__trial *t)
{
    return clade__mse(commands, clade__trial_tensor(t, MEAN),
                      t->op->variant ? NULL : clade__trial_tensor(t, SLOPE),
                      clade__trial_tensor(t, VALUE), clade__trial_tensor(t, WANTED),
                      CLADE__LOSS_SCALE);
}

static element_loss mse_of(double y, double target)
{
    double off = y - target;
    return (element_loss){off * off, 3.0 * off * off, 2.0 * off, 2.0 * fabs(off)};
}

static void expect_mse(clade__trial *t)
{
    expect_mean_loss(t, mse_of);
}

const clade__family clade__mses = {prepare_mse, record_mse, expect_mse, WITH_DENORMALS,
                                   clade__matrices};

static void prepare_bce(clade__trial *t)
{
    prepare_mean_loss(t, "logits", "dlogits", 0.0, 1.0);
    clade__trial_make_large(t, VALUE, 1e3f);
}

static clade_status record_bce(clade__commands *commands, const clade__trial *t)
{
    return clade__bce_with_logits(commands, clade__trial_tensor(t, MEAN),
                                  t->op->variant ? NULL : clade__trial_tensor(t, SLOPE),
                                  clade__trial_tensor(t, VALUE), clade__trial_tensor(t, WANTED),
                                  CLADE__LOSS_SCALE);
}

static element_loss bce_of(double x, double target)
{
    double e = exp(-fabs(x)), tail = log1p(e), sigmoid = (x < 0.0 ? e : 1.0) / (1.0 + e);
    element_loss l = {.loss = clade__larger(x, 0.0) - x * target + tail, .slope = sigmoid - target};
    l.loss_bound = fabs(x) + 2.0 * fabs(x * target) + CLADE__UNITS_LOG1P * tail +
                   CLADE__UNITS_EXP * e + fabs(l.loss);
    l.slope_bound = sigmoid * (2 * CLADE__UNITS_EXP + 1 + CLADE__UNITS_DIVIDE) + fabs(l.slope);
    return l;
}

static void expect_bce(clade__trial *t)
{
    expect_mean_loss(t, bce_of);
}

const clade__family clade__bces = {prepare_bce, record_bce, expect_bce, WITH_DENORMALS,
                                   clade__matrices};

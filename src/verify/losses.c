/* Losses of rows: cross_entropy, mse, bce_with_logits. */
#include <math.h>

#include "ops/ops.h"
#include "verify/families.h"

#define FINITE_AND_NOT (1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE)
#define WITH_DENORMALS (FINITE_AND_NOT | 1u << CLADE__DENORMAL)

/* ---- cross_entropy --------------------------------------------------------------------------- */

enum { LOGITS, LABELS, LOSS, HIT };

#define SMOOTHING 0.1f

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
    if (!(t->op->variant & CLADE__NO_GRADIENT))
        clade__trial_out(t, "dlogits", CLADE_FLOAT32, t->shape, LOGITS);
    clade__trial_rule(t, cols);
    clade__trial_make_large(t, LOGITS, 1e4f);
    for (int64_t r = 0; !t->failed && r < rows; r++) {
        float *x = t->operands[LOGITS].before.floats + r * cols;
        int32_t *label = &t->operands[LABELS].before.ints[r];
        if (r % 3 == 2) x[cols / 2] = x[0]; /* sometimes two are largest */
        if (r % 2 == 1) *label = (int32_t)first_largest(x, cols);
    }
    clade__spoil_labels(t, "labels", cols);
}

static clade_tensor *tensor_of(const clade__operand *operand)
{
    return operand ? operand->tensor : NULL;
}

static clade_status record_cross_entropy(clade__commands *commands, const clade__trial *t)
{
    const clade__cross_entropy_options options = {
        .rule = clade__rule_of(t, 0),
        .label_smoothing = t->op->variant & CLADE__SMOOTHS ? SMOOTHING : 0.0f,
        .total = clade__total_of(t),
    };
    return clade__cross_entropy(commands, clade__trial_tensor(t, LOSS), clade__trial_tensor(t, HIT),
                                tensor_of(clade__trial_find(t, "dlogits")),
                                clade__trial_tensor(t, LOGITS), clade__trial_tensor(t, LABELS),
                                CLADE__LOSS_SCALE, &options);
}

/* A row's target: `one` for the label, `even` times its weight for each class, `all` together. */
typedef struct row_target {
    double one, even, all, units; /* units: all's relative error */
} row_target;

static double weight_at(const clade__trial *t, int64_t c)
{
    const clade__operand *weights = clade__trial_find(t, "weights");
    return weights ? (double)weights->before.floats[c] : 1.0;
}

static row_target target_of(const clade__trial *t, double count)
{
    int64_t cols = clade__shape_cols(t->shape);
    row_target target = {.one = count, .all = count};
    if (!(t->op->variant & CLADE__SMOOTHS)) return target;
    double smoothing = (double)SMOOTHING, sum = 0.0;
    for (int64_t c = 0; c < cols; c++) sum += weight_at(t, c);
    target.one *= 1.0 - smoothing; /* two roundings */
    target.even = smoothing / (double)cols;
    target.all = target.one + target.even * sum;
    target.units = clade__row_chain(cols) + CLADE__UNITS_DIVIDE + 4.0;
    return target;
}

static void expect_loss(clade__trial *t, const clade__exponentials *e, int64_t row, int32_t label,
                        const row_target *target)
{
    int64_t cols = clade__shape_cols(t->shape);
    const float *x = t->operands[LOGITS].before.floats + row * cols;
    bool is_class = label >= 0 && label < cols;
    double below = is_class ? e->top - (double)x[label] : (double)NAN, log_sum = log(e->sum);
    double of_log = CLADE__UNITS_LOG * log_sum + e->units, loss = below + log_sum;
    double bound = below + of_log + loss;
    if (t->op->variant & (CLADE__WEIGHTED | CLADE__SMOOTHS)) {
        bound = target->one * (bound + 3.0 * loss);
        loss *= target->one;
    }
    if (t->op->variant & CLADE__SMOOTHS) {
        double spread = 0.0, sum = 0.0, chain = clade__row_chain(cols), even = target->even;
        for (int64_t c = 0; c < cols; c++) {
            spread += weight_at(t, c) * (e->top - (double)x[c]);
            sum += weight_at(t, c);
        }
        loss += even * (spread + sum * log_sum);
        bound += even * (spread + sum * log_sum) * (chain + CLADE__UNITS_DIVIDE + 4.0) +
                 even * sum * of_log + fabs(loss);
    }
    clade__expect(&t->operands[LOSS], row, loss, bound);
}

static void expect_dlogits(clade__trial *t, const clade__exponentials *e, int64_t row, int32_t label,
                           const row_target *target)
{
    int64_t cols = clade__shape_cols(t->shape), start = row * cols;
    clade__operand *dlogits = (clade__operand *)(uintptr_t)clade__trial_find(t, "dlogits");
    const float *x = t->operands[LOGITS].before.floats + start;
    double divisor = clade__divisor_of(t), scale = (double)CLADE__LOSS_SCALE / divisor, bound;
    bool plain = !(t->op->variant & (CLADE__WEIGHTED | CLADE__DIVIDED | CLADE__SMOOTHS));
    for (int64_t c = 0; c < cols; c++) {
        double even = target->even * weight_at(t, c), one = c == label ? target->one : 0.0;
        double share = clade__share_of(e, (double)x[c], &bound), off = share * target->all - even - one;
        bound = bound * target->all + 2.0 * fabs(off);
        if (!plain) bound += (CLADE__UNITS_DIVIDE + 2.0) * fabs(off);
        if (t->op->variant & CLADE__SMOOTHS) /* it is a difference of three */
            bound += share * target->all * (target->units + 2.0) +
                     even * (CLADE__UNITS_DIVIDE + 3.0) + 4.0 * one;
        clade__expect(dlogits, start + c, off * scale, scale * bound);
    }
}

static void expect_zeros(clade__operand *o, int64_t start, int64_t n)
{
    for (int64_t i = start; o && i < start + n; i++) clade__expect(o, i, 0.0, 0.0);
}

static void expect_cross_entropy(clade__trial *t)
{
    int64_t cols = clade__shape_cols(t->shape);
    clade__operand *dlogits = (clade__operand *)(uintptr_t)clade__trial_find(t, "dlogits");
    for (int64_t r = 0; r < t->operands[LOSS].n; r++) {
        const float *x = t->operands[LOGITS].before.floats + r * cols;
        int32_t label = t->operands[LABELS].before.ints[r];
        double count = clade__count_of(t, label, cols);
        bool ignored = clade__is_ignored(t, label, cols);
        clade__exponentials e = clade__exponentials_of(x, cols);
        row_target target = target_of(t, count);
        bool hits = !ignored && first_largest(x, cols) == label && isfinite(e.top);
        clade__expect(&t->operands[HIT], r, hits, 0.0);
        if (ignored)
            clade__expect(&t->operands[LOSS], r, 0.0, 0.0);
        else
            expect_loss(t, &e, r, label, &target);
        if (ignored || isnan(count))
            expect_zeros(dlogits, r * cols, cols);
        else if (dlogits)
            expect_dlogits(t, &e, r, label, &target);
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
    if (!(t->op->variant & CLADE__NO_GRADIENT))
        clade__trial_out(t, slope, CLADE_FLOAT32, t->shape, VALUE);
}

/* One element's loss and slope, and the bounds of both. */
typedef struct element_loss {
    double loss, loss_bound, slope, slope_bound;
} element_loss;

/* weight: pos_weight of the column, or 1. */
typedef element_loss loss_of_element(double value, double target, double weight);

static void expect_mean_loss(clade__trial *t, loss_of_element *loss_of)
{
    int64_t cols = clade__shape_cols(t->shape);
    double scale = (double)CLADE__LOSS_SCALE / (double)cols;
    const clade__operand *weights = clade__trial_find(t, "pos_weight");
    for (int64_t r = 0; r < t->operands[MEAN].n; r++) {
        double sum = 0.0, bound = 0.0;
        for (int64_t i = r * cols; i < (r + 1) * cols; i++) {
            element_loss e = loss_of((double)t->operands[VALUE].before.floats[i],
                                     (double)t->operands[WANTED].before.floats[i],
                                     weights ? (double)weights->before.floats[i - r * cols] : 1.0);
            sum += e.loss;
            bound += e.loss_bound;
            /* The factor is a quotient, and the product is rounded. */
            if (!(t->op->variant & CLADE__NO_GRADIENT))
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
                      tensor_of(clade__trial_find(t, "dy")), clade__trial_tensor(t, VALUE),
                      clade__trial_tensor(t, WANTED), CLADE__LOSS_SCALE);
}

static element_loss mse_of(double y, double target, double weight)
{
    (void)weight;
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
    if (t->op->variant & CLADE__WEIGHTED)
        clade__trial_in_as(t, "pos_weight", CLADE_SHAPE(clade__shape_cols(t->shape)), 0.25, 8.0,
                           CLADE__ORDINARY);
}

static clade_status record_bce(clade__commands *commands, const clade__trial *t)
{
    return clade__bce_with_logits(commands, clade__trial_tensor(t, MEAN),
                                  tensor_of(clade__trial_find(t, "dlogits")),
                                  clade__trial_tensor(t, VALUE), clade__trial_tensor(t, WANTED),
                                  tensor_of(clade__trial_find(t, "pos_weight")), CLADE__LOSS_SCALE);
}

static element_loss bce_of(double x, double target, double weight)
{
    double e = exp(-fabs(x)), tail = log1p(e), sigmoid = (x < 0.0 ? e : 1.0) / (1.0 + e);
    element_loss l = {.loss = clade__larger(x, 0.0) - x * target + tail, .slope = sigmoid - target};
    (void)weight;
    l.loss_bound = fabs(x) + 2.0 * fabs(x * target) + CLADE__UNITS_LOG1P * tail +
                   CLADE__UNITS_EXP * e + fabs(l.loss);
    l.slope_bound = sigmoid * (2 * CLADE__UNITS_EXP + 1 + CLADE__UNITS_DIVIDE) + fabs(l.slope);
    return l;
}

/* The part of the target counts `weight`; v = 1 - target + weight target is rounded three times. */
static element_loss weighted_bce_of(double x, double target, double weight)
{
    double e = exp(-fabs(x)), tail = log1p(e), sigmoid = (x < 0.0 ? e : 1.0) / (1.0 + e);
    double wt = weight * target, v = (1.0 - target) + wt;
    double head = x < 0.0 ? -wt * x : (1.0 - target) * x;
    element_loss l = {.loss = head + v * tail, .slope = v * sigmoid - wt};
    l.loss_bound = 2.0 * fabs(head) + v * ((CLADE__UNITS_LOG1P + 4.0) * tail + CLADE__UNITS_EXP * e) +
                   fabs(l.loss);
    l.slope_bound = v * sigmoid * (2 * CLADE__UNITS_EXP + 5 + CLADE__UNITS_DIVIDE) + fabs(wt) +
                    fabs(l.slope);
    return l;
}

static void expect_bce(clade__trial *t)
{
    expect_mean_loss(t, t->op->variant & CLADE__WEIGHTED ? weighted_bce_of : bce_of);
}

const clade__family clade__bces = {prepare_bce, record_bce, expect_bce, WITH_DENORMALS,
                                   clade__matrices};

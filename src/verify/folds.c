/* Parameters of a convolution with the batch norm behind it in them. */
#include "ops/ops.h"
#include "verify/families.h"

static const clade_shape shapes[] = {
    {4, {1, 1, 1, 1}}, {4, {5, 3, 3, 3}}, {4, {67, 1, 1, 1}}, {4, {16, 16, 3, 3}}, {4, {129, 7, 5, 2}}, {0}};

static bool is_affine(const clade__trial *t)
{
    return t->op->variant & CLADE__AFFINE;
}

/* Operands in this order; without AFFINE as many as come before BIAS. */
enum { FOLDED_WEIGHT, FOLDED_BIAS, CONV_WEIGHT, MEAN, VARIANCE, CONV_BIAS, WEIGHT, BIAS };

static void prepare(clade__trial *t)
{
    const clade_shape channels = CLADE_SHAPE(t->shape.dim[0]);
    clade__trial_out(t, "folded weight", CLADE_FLOAT32, t->shape, -1);
    clade__trial_out(t, "folded bias", CLADE_FLOAT32, channels, -1);
    clade__trial_in(t, "conv weight", t->shape, -1.0, 1.0);
    clade__trial_in(t, "mean", channels, -1.0, 1.0);
    clade__trial_in(t, "variance", channels, 0.1, 2.0);
    if (!is_affine(t)) return;
    clade__trial_in(t, "conv bias", channels, -1.0, 1.0);
    clade__trial_in(t, "weight", channels, -2.0, 2.0);
    clade__trial_in(t, "bias", channels, -1.0, 1.0);
}

static clade_status record(clade__commands *commands, const clade__trial *t)
{
    const bool affine = is_affine(t);
    const clade__folding folding = {clade__trial_tensor(t, FOLDED_WEIGHT), clade__trial_tensor(t, FOLDED_BIAS),
                                    clade__trial_tensor(t, CONV_WEIGHT),
                                    affine ? clade__trial_tensor(t, CONV_BIAS) : NULL};
    const clade__batch_norm bn = {.mean = clade__trial_tensor(t, MEAN),
                                  .variance = clade__trial_tensor(t, VARIANCE),
                                  .weight = affine ? clade__trial_tensor(t, WEIGHT) : NULL,
                                  .bias = affine ? clade__trial_tensor(t, BIAS) : NULL,
                                  .epsilon = CLADE__NORM_EPSILON};
    return clade__batch_norm_fold(commands, &folding, &bn);
}

static double value_of(const clade__trial *t, int operand, int64_t i)
{
    return (double)t->operands[operand].before.floats[i];
}

/* A product more than the scale has; a difference, a product and a sum. */
static void expect(clade__trial *t)
{
    const int64_t channels = t->shape.dim[0], n = clade_shape_elements(t->shape) / channels;
    for (int64_t c = 0; c < channels; c++) {
        double scale_off, weight = is_affine(t) ? value_of(t, WEIGHT, c) : 1.0;
        double scale = clade__norm_scale(weight, value_of(t, VARIANCE, c), 0.0, &scale_off);
        double units = scale_off / CLADE__UNIT + 1.0, bias = is_affine(t) ? value_of(t, BIAS, c) : 0.0;
        double moved = ((is_affine(t) ? value_of(t, CONV_BIAS, c) : 0.0) - value_of(t, MEAN, c)) * scale;
        for (int64_t k = c * n; k < (c + 1) * n; k++) {
            double want = value_of(t, CONV_WEIGHT, k) * scale;
            clade__expect(&t->operands[FOLDED_WEIGHT], k, want, units * fabs(want));
        }
        clade__expect(&t->operands[FOLDED_BIAS], c, moved + bias,
                      (units + 2.0) * fabs(moved) + fabs(moved + bias));
    }
}

const clade__family clade__batch_norm_folds = {
    prepare, record, expect, 1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE | 1u << CLADE__DENORMAL, shapes};

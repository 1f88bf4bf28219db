/* Group normalisation, and its gradients. */
#include <string.h>

#include "ops/ops.h"
#include "verify/families.h"

/* Rows of one element, of a few and of many, of one channel each and of several, shorter than a vector. */
static const clade_shape shapes[] = {
    {2, {2, 1}},       {2, {5, 3}},      {2, {65, 16}},     {3, {3, 6, 7}},      {4, {2, 3, 5, 6}},
    {4, {2, 4, 4, 8}}, {4, {3, 2, 7, 9}}, {3, {1, 2, 65}},   {3, {2, 3, 200}},    {2, {3, 2000}},
    {4, {1, 3, 70, 71}}, {4, {70, 6, 28, 28}}, {4, {33, 64, 8, 8}}, {0}};

static bool affine(const clade__trial *t)
{
    return t->op->variant & CLADE__AFFINE;
}

static int64_t groups_of(const clade__trial *t)
{
    int64_t channels = t->shape.dim[1];
    return channels % 3 == 0 && clade_shape_elements(t->shape) > channels * t->shape.dim[0] ? 3
           : channels % 2 == 0                                                             ? 2 : 1;
}

static int64_t inner_of(const clade__trial *t)
{
    return clade_shape_elements(t->shape) / (t->shape.dim[0] * t->shape.dim[1]);
}

static int64_t length_of(const clade__trial *t) /* of a row */
{
    return clade_shape_elements(t->shape) / (t->shape.dim[0] * groups_of(t));
}

static int64_t channel_of(const clade__trial *t, int64_t i)
{
    return i / inner_of(t) % t->shape.dim[1];
}

static int index_of(const clade__trial *t, const char *name)
{
    int i = 0;
    while (i < t->n_operands && strcmp(t->operands[i].name, name) != 0) i++;
    return i < t->n_operands ? i : -1;
}

static clade_tensor *tensor_named(const clade__trial *t, const char *name)
{
    int i = index_of(t, name);
    return i < 0 ? NULL : t->operands[i].tensor;
}

static double value_of(const clade__trial *t, const char *name, int64_t c, double missing)
{
    int i = index_of(t, name);
    return i < 0 ? missing : (double)t->operands[i].before.floats[c];
}

static void expect_off(clade__trial *t, const char *name, int64_t i, double want, double off)
{
    int k = index_of(t, name);
    if (k >= 0) clade__expect_given(&t->operands[k], i, want, off / CLADE__UNIT);
}

/* Additions that follow one another in a sum of n: 64 in a block, then the blocks of 256 or more, and lanes or
 * elements of a vector that meet. */
static double chain_of(int64_t n)
{
    return n <= 64 ? (double)n : 64.0 + (double)(n + 255) / 256.0 + 16.0;
}

/* ---- forward --------------------------------------------------------------------------------- */

static clade__group_norm norm_of(const clade__trial *t)
{
    return (clade__group_norm){.weight = tensor_named(t, "weight"), .bias = tensor_named(t, "bias"),
                               .groups = groups_of(t), .epsilon = CLADE__NORM_EPSILON};
}

static void prepare(clade__trial *t)
{
    clade_shape channels = CLADE_SHAPE(t->shape.dim[1]);
    clade__trial_in(t, "x", t->shape, -4.0, 4.0);
    clade__trial_out(t, "y", CLADE_FLOAT32, t->shape, -1);
    clade__trial_out(t, "statistics", CLADE_FLOAT32, CLADE_SHAPE(2, t->shape.dim[0], groups_of(t)), -1);
    if (!affine(t)) return;
    clade__trial_in(t, "weight", channels, -2.0, 2.0);
    clade__trial_in(t, "bias", channels, -1.0, 1.0);
}

static clade_status record(clade__commands *commands, const clade__trial *t)
{
    const clade__group_norm gn = norm_of(t);
    return clade__group_norm_forward(commands, tensor_named(t, "y"), tensor_named(t, "statistics"),
                                     tensor_named(t, "x"), &gn);
}

static void expect_row(clade__trial *t, int64_t row)
{
    int64_t n = length_of(t), rows = t->shape.dim[0] * groups_of(t);
    const float *x = t->operands[0].before.floats + row * n;
    double u = CLADE__UNIT, mean = 0.0, size = 0.0, variance = 0.0, scale_off;
    for (int64_t k = 0; k < n; k++) {
        mean += (double)x[k] / (double)n;
        size += fabs((double)x[k]) / (double)n;
    }
    for (int64_t k = 0; k < n; k++)
        variance += ((double)x[k] - mean) * ((double)x[k] - mean) / (double)n;
    double mean_off = u * (chain_of(n) * size + CLADE__UNITS_DIVIDE * fabs(mean));
    /* About another mean a variance is mean_off² larger. */
    double moved = mean_off * mean_off, variance_off = moved;
    variance_off += u * (chain_of(n) + 3.0 + CLADE__UNITS_DIVIDE) * (variance + moved);
    double unit = clade__norm_scale(1.0, variance, variance_off, &scale_off);
    expect_off(t, "statistics", row, mean, mean_off);
    expect_off(t, "statistics", rows + row, variance, variance_off);
    scale_off += u; /* times the weight */
    for (int64_t k = 0; k < n; k++) {
        int64_t c = channel_of(t, row * n + k);
        double d = (double)x[k] - mean, scale = unit * value_of(t, "weight", c, 1.0);
        double bias = value_of(t, "bias", c, 0.0), y = d * scale;
        double off = fabs(scale) * (1.0 + scale_off) * (mean_off + u * fabs(d)) + fabs(y) * scale_off;
        expect_off(t, "y", row * n + k, y + bias, off + u * (2.0 * (fabs(y) + off) + fabs(bias)));
    }
}

static void expect(clade__trial *t)
{
    for (int64_t row = 0; row < t->shape.dim[0] * groups_of(t); row++) expect_row(t, row);
}

#define ALL_BUT_EXACT (1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE | 1u << CLADE__DENORMAL)

const clade__family clade__group_norms = {prepare, record, expect, ALL_BUT_EXACT, shapes};

/* ---- backward -------------------------------------------------------------------------------- */

static void prepare_backward(clade__trial *t)
{
    bool add = t->op->variant & CLADE__ADDS;
    int64_t samples = t->shape.dim[0], channels = t->shape.dim[1];
    clade__trial_in(t, "x", t->shape, -4.0, 4.0);
    clade__trial_in(t, "dy", t->shape, -1.0, 1.0);
    clade__trial_in(t, "statistics", CLADE_SHAPE(2, samples, groups_of(t)), 0.1, 1.0);
    clade__trial_gradient(t, "dx", t->shape, -1, add);
    if (!affine(t)) return;
    clade__trial_in(t, "weight", CLADE_SHAPE(channels), -2.0, 2.0);
    clade__trial_gradient(t, "dweight", CLADE_SHAPE(channels), -1, add);
    clade__trial_gradient(t, "dbias", CLADE_SHAPE(channels), -1, add);
    clade__trial_scratch(t, "weight_parts", CLADE_SHAPE(samples, channels));
    clade__trial_scratch(t, "bias_parts", CLADE_SHAPE(samples, channels));
}

static clade_status record_backward(clade__commands *commands, const clade__trial *t)
{
    bool add = t->op->variant & CLADE__ADDS;
    const clade__group_norm gn = norm_of(t);
    const clade__group_norm_gradients gradients = {
        .dx = tensor_named(t, "dx"), .dweight = tensor_named(t, "dweight"), .dbias = tensor_named(t, "dbias"),
        .weight_parts = tensor_named(t, "weight_parts"), .bias_parts = tensor_named(t, "bias_parts"),
        .add = add, .add_weight = add, .add_bias = add};
    return clade__group_norm_backward(commands, &gradients, tensor_named(t, "x"), tensor_named(t, "dy"),
                                      tensor_named(t, "statistics"), &gn);
}

static void expect_back_row(clade__trial *t, int64_t row)
{
    int64_t n = length_of(t), inner = inner_of(t), rows = t->shape.dim[0] * groups_of(t);
    const float *x = t->operands[0].before.floats + row * n, *dy = t->operands[1].before.floats + row * n;
    double u = CLADE__UNIT, mean = value_of(t, "statistics", row, 0.0), unit_off;
    double variance = value_of(t, "statistics", rows + row, 0.0);
    double unit = clade__norm_scale(1.0, variance, 0.0, &unit_off), spread = variance + (double)CLADE__NORM_EPSILON;
    double sum = 0.0, size = 0.0, product = 0.0, products = 0.0;
    double chain = (double)(inner + 3) / 4.0 + (double)(n / inner) + 16.0;
    for (int64_t k = 0; k < n; k++) {
        double g = (double)dy[k] * value_of(t, "weight", channel_of(t, row * n + k), 1.0);
        sum += g / (double)n;
        size += fabs(g) / (double)n;
        product += g * ((double)x[k] - mean) / (double)n / spread;
        products += fabs(g * ((double)x[k] - mean)) / (double)n / spread;
    }
    double sum_off = u * ((chain + 1.0) * size + CLADE__UNITS_DIVIDE * fabs(sum));
    double slope_off = u * ((chain + 3.0) * products + (2 * CLADE__UNITS_DIVIDE + 1) * fabs(product));
    for (int64_t k = 0; k < n; k++) {
        double g = (double)dy[k] * value_of(t, "weight", channel_of(t, row * n + k), 1.0);
        double d = (double)x[k] - mean, left = g - sum, right = d * product, dx = (left - right) * unit;
        double off = sum_off + u * (fabs(g) + fabs(left)) + fabs(d) * slope_off + 2.0 * u * fabs(right);
        off += u * (fabs(left - right) + off);
        expect_off(t, "dx", row * n + k, dx, unit * (1.0 + unit_off) * off + fabs(dx) * (unit_off + u));
    }
}

static void expect_parameters(clade__trial *t, int64_t c)
{
    int64_t samples = t->shape.dim[0], channels = t->shape.dim[1], inner = inner_of(t), groups = groups_of(t);
    double u = CLADE__UNIT, sum = 0.0, size = 0.0, product = 0.0, products = 0.0, unit_off = 0.0;
    double chain = chain_of(inner) + (double)samples + 16.0;
    for (int64_t s = 0; s < samples; s++) {
        int64_t row = s * groups + c / (channels / groups);
        double mean = value_of(t, "statistics", row, 0.0);
        double variance = value_of(t, "statistics", samples * groups + row, 0.0);
        double unit = clade__norm_scale(1.0, variance, 0.0, &unit_off);
        for (int64_t k = 0; k < inner; k++) {
            int64_t i = (s * channels + c) * inner + k;
            double g = (double)t->operands[1].before.floats[i];
            double p = g * ((double)t->operands[0].before.floats[i] - mean) * unit;
            sum += g;
            size += fabs(g);
            product += p;
            products += fabs(p);
        }
    }
    expect_off(t, "dbias", c, sum, u * chain * size);
    expect_off(t, "dweight", c, product, (u * (chain + 3.0) + unit_off) * products);
}

static void expect_backward(clade__trial *t)
{
    for (int64_t row = 0; row < t->shape.dim[0] * groups_of(t); row++) expect_back_row(t, row);
    for (int64_t c = 0; affine(t) && c < t->shape.dim[1]; c++) expect_parameters(t, c);
}

const clade__family clade__group_norm_backwards = {prepare_backward, record_backward, expect_backward,
                                                   ALL_BUT_EXACT, shapes};

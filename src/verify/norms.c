/* Batch normalisation, and its gradients. */
#include "ops/batch_norm.h"
#include "ops/ops.h"
#include "verify/families.h"

/* One channel and more than a vector of them, one block and several, rows by columns and by lanes, shorter and
 * longer than a block; channels enough to be taken whole on any CPU. */
static const clade_shape shapes[] = {
    {2, {2, 1}},          {2, {5, 3}},         {2, {65, 16}},      {2, {131, 13}},     {3, {3, 5, 7}},
    {4, {2, 3, 5, 6}},    {4, {2, 3, 4, 8}},   {4, {3, 2, 7, 9}},  {3, {1, 2, 65}},    {3, {2, 3, 200}},
    {3, {150, 3, 33}},    {3, {1, 60, 33}},    {2, {1031, 67}},    {4, {1, 3, 70, 71}}, {4, {70, 6, 28, 28}},
    {4, {129, 16, 4, 4}}, {4, {66, 65, 8, 8}}, {0}};

#define MOMENTUM 0.3f
#define EPSILON  CLADE__NORM_EPSILON

static bool has(const clade__trial *t, int flag)
{
    return t->op->variant & flag;
}

static int64_t inner_of(const clade__trial *t)
{
    return clade_shape_elements(t->shape) / (t->shape.dim[0] * t->shape.dim[1]);
}

static int64_t count_of(const clade__trial *t)
{
    return t->shape.dim[0] * inner_of(t);
}

static clade_shape channels_of(const clade__trial *t)
{
    return CLADE_SHAPE(t->shape.dim[1]);
}

/* Element k of channel c. */
static int64_t element(const clade__trial *t, int64_t c, int64_t k)
{
    int64_t inner = inner_of(t);
    return (k / inner * t->shape.dim[1] + c) * inner + k % inner;
}

static clade_tensor *tensor_named(const clade__trial *t, const char *name)
{
    const clade__operand *o = clade__trial_find(t, name);
    return o ? o->tensor : NULL;
}

static float value_of(const clade__trial *t, const char *name, int64_t c, float missing)
{
    const clade__operand *o = clade__trial_find(t, name);
    return o ? o->before.floats[c] : missing;
}

/* ---- statistics ------------------------------------------------------------------------------ */

/* A mean and a variance, each with how far the device's may be from it, absolutely. */
typedef struct statistics {
    double mean, mean_off, variance, variance_off;
} statistics;

/* Additions that follow one another in the sum of a block: of the elements that a lane or an element of a
 * vector has, at least four of them side by side; of samples; and of at most 64 lanes by eights. */
static double chain_of(const clade__batch_norm_shape *s, int64_t samples)
{
    return (double)(s->by_columns ? samples : (s->inner + 3) / 4 + samples + 16);
}

/* A part: the samples of a block, of a channel or of one of its columns. */
typedef struct part {
    int64_t n;
    double mean, mean_off, squares, squares_off;
} part;

static part part_of(const clade__trial *t, const clade__batch_norm_shape *s, int64_t c, int64_t number)
{
    const float *x = t->operands[0].before.floats;
    int64_t per_channel = s->columns / s->channels, width = s->inner / per_channel;
    int64_t first = number / per_channel * s->per_block, last = first + s->per_block;
    int64_t column = number % per_channel;
    if (last > s->samples) last = s->samples;
    part p = {.n = (last - first) * width};
    double size = 0.0, chain = chain_of(s, last - first), u = CLADE__UNIT;
    for (int64_t k = 0; k < p.n; k++) {
        double value = (double)x[element(t, c, (first + k / width) * s->inner + column + k % width)];
        p.mean += value;
        size += fabs(value);
    }
    p.mean /= (double)p.n;
    for (int64_t k = 0; k < p.n; k++) {
        double value = (double)x[element(t, c, (first + k / width) * s->inner + column + k % width)];
        p.squares += (value - p.mean) * (value - p.mean);
    }
    if (t->values == CLADE__EXACT) chain = 0.0; /* the sum is exact, and its quotient is rounded */
    p.mean_off = u * (chain * size / (double)p.n + CLADE__UNITS_DIVIDE * fabs(p.mean));
    /* About another mean the squares are n mean_off² larger; a difference, a square and the sum round. */
    double moved = (double)p.n * p.mean_off * p.mean_off;
    p.squares_off = moved + u * (chain_of(s, last - first) + 3.0) * (p.squares + moved);
    return p;
}

/* As the device combines parts: mean = sum n mean / count, squares = sum squares + n (mean - all's)². */
static statistics statistics_of(const clade__trial *t, int64_t c)
{
    const clade__batch_norm_shape s = clade__batch_norm_shape_of(t->shape);
    int64_t n_parts = s.blocks * (s.columns / s.channels);
    double count = (double)count_of(t), u = CLADE__UNIT, size = 0.0, sum_off = 0.0, sum = 0.0;
    for (int64_t i = 0; i < n_parts; i++) {
        const part p = part_of(t, &s, c, i);
        sum += (double)p.n * p.mean;
        size += (double)p.n * fabs(p.mean);
        sum_off += (double)p.n * p.mean_off;
    }
    statistics all = {.mean = sum / count};
    double rounds = (double)n_parts + 1.0;
    all.mean_off = (sum_off + u * rounds * (size + sum_off)) / count + u * CLADE__UNITS_DIVIDE * fabs(all.mean);
    double squares = 0.0, off = 0.0, terms = 0.0;
    for (int64_t i = 0; i < n_parts; i++) {
        const part p = part_of(t, &s, c, i);
        double n = (double)p.n, d = fabs(p.mean - all.mean);
        double d_off = p.mean_off + all.mean_off + u * (d + p.mean_off + all.mean_off);
        squares += p.squares + n * d * d;
        off += p.squares_off + n * (2.0 * d * d_off + d_off * d_off);
        terms += p.squares + p.squares_off + n * (d + d_off) * (d + d_off);
    }
    off += u * (2.0 * rounds + 2.0) * terms;
    all.variance = squares / count;
    all.variance_off = off / count + u * CLADE__UNITS_DIVIDE * (all.variance + off / count);
    return all;
}

/* ---- forward --------------------------------------------------------------------------------- */

static void prepare(clade__trial *t)
{
    clade_shape channels = channels_of(t);
    clade__trial_in(t, "x", t->shape, -4.0, 4.0);
    clade__trial_out(t, "y", CLADE_FLOAT32, t->shape, -1);
    if (has(t, CLADE__EVALUATES)) {
        clade__trial_in(t, "mean", channels, -1.0, 1.0);
        clade__trial_in(t, "variance", channels, 0.1, 2.0);
    } else {
        clade__trial_out(t, "mean", CLADE_FLOAT32, channels, -1);
        clade__trial_out(t, "variance", CLADE_FLOAT32, channels, -1);
        clade__trial_scratch(t, "scratch", CLADE_SHAPE(clade__batch_norm_scratch(t->shape)));
    }
    if (has(t, CLADE__AFFINE)) {
        clade__trial_in(t, "weight", channels, -2.0, 2.0);
        clade__trial_in(t, "bias", channels, -1.0, 1.0);
    }
    if (has(t, CLADE__WITH_OTHER)) clade__trial_in(t, "other", t->shape, -2.0, 2.0);
    if (!has(t, CLADE__RUNS)) return;
    clade__trial_inout(t, "running_mean", channels, -1.0, 1.0);
    clade__trial_inout(t, "running_variance", channels, 0.1, 2.0);
}

static clade__batch_norm norm_of(const clade__trial *t)
{
    return (clade__batch_norm){
        .weight = tensor_named(t, "weight"), .bias = tensor_named(t, "bias"),
        .mean = tensor_named(t, "mean"), .variance = tensor_named(t, "variance"),
        .running_mean = tensor_named(t, "running_mean"),
        .running_variance = tensor_named(t, "running_variance"), .momentum = MOMENTUM,
        .epsilon = EPSILON, .training = !has(t, CLADE__EVALUATES), .other = tensor_named(t, "other"),
        .activation = has(t, CLADE__ENDS_IN_RELU) ? CLADE_RELU : CLADE_IDENTITY};
}

static clade_status record(clade__commands *commands, const clade__trial *t)
{
    const clade__batch_norm bn = norm_of(t);
    return clade__batch_norm_forward(commands, tensor_named(t, "y"), tensor_named(t, "x"), &bn,
                                     tensor_named(t, "scratch"));
}

/* Expects a value that is off by so much, absolutely. */
static void expect_off(clade__trial *t, const char *name, int64_t i, double want, double off)
{
    for (int k = 0; k < t->n_operands; k++)
        if (clade__trial_find(t, name) == &t->operands[k])
            clade__expect(&t->operands[k], i, want, off / CLADE__UNIT);
}

/* Without a bound where the variance could be as small as its error. */
double clade__norm_scale(double weight, double variance, double variance_off, double *off)
{
    double spread = variance + (double)EPSILON, least = spread - variance_off;
    *off = least > 0.0 ? 0.5 * variance_off / least : INFINITY;
    *off += CLADE__UNIT * (0.5 + CLADE__UNITS_SQRT + CLADE__UNITS_DIVIDE);
    return weight / sqrt(spread);
}

static void expect_running(clade__trial *t, int64_t c, const statistics *all)
{
    double m = (double)MOMENTUM, u = CLADE__UNIT, count = (double)count_of(t);
    double unbiased = all->variance * count / (count - 1.0);
    double off = all->variance_off * count / (count - 1.0) + u * CLADE__UNITS_DIVIDE * unbiased;
    double mean = (double)value_of(t, "running_mean", c, 0.0f);
    double variance = (double)value_of(t, "running_variance", c, 0.0f);
    expect_off(t, "running_mean", c, (1.0 - m) * mean + m * all->mean,
               m * all->mean_off + 3.0 * u * (fabs(mean) + m * fabs(all->mean)));
    expect_off(t, "running_variance", c, (1.0 - m) * variance + m * unbiased,
               m * off + 3.0 * u * (variance + m * unbiased));
}

/* (x - mean) * scale + bias of element i, of channel c. */
static double normal_of(const clade__trial *t, int64_t c, int64_t i, const statistics *all, double *off)
{
    double u = CLADE__UNIT, scale_off, bias = (double)value_of(t, "bias", c, 0.0f);
    double scale = clade__norm_scale((double)value_of(t, "weight", c, 1.0f), all->variance, all->variance_off,
                                     &scale_off);
    double d = (double)t->operands[0].before.floats[i] - all->mean, y = d * scale;
    double d_off = all->mean_off + u * fabs(d);
    *off = fabs(scale) * (1.0 + scale_off) * d_off + fabs(y) * scale_off;
    *off += u * (2.0 * (fabs(y) + *off) + fabs(bias));
    return y + bias;
}

static void expect_channel(clade__trial *t, int64_t c, const statistics *all)
{
    for (int64_t k = 0; k < count_of(t); k++) {
        int64_t i = element(t, c, k);
        double off, y = normal_of(t, c, i, all, &off);
        if (has(t, CLADE__WITH_OTHER)) y += (double)value_of(t, "other", i, 0.0f);
        if (has(t, CLADE__WITH_OTHER)) off += CLADE__UNIT * (fabs(y) + off);
        if (has(t, CLADE__ENDS_IN_RELU) && y < 0.0) y = 0.0;
        expect_off(t, "y", i, y, off);
    }
}

static void expect(clade__trial *t)
{
    for (int64_t c = 0; c < t->shape.dim[1]; c++) {
        statistics all = {0};
        if (has(t, CLADE__EVALUATES)) {
            all.mean = (double)value_of(t, "mean", c, 0.0f);
            all.variance = (double)value_of(t, "variance", c, 0.0f);
        } else {
            all = statistics_of(t, c);
            expect_off(t, "mean", c, all.mean, all.mean_off);
            expect_off(t, "variance", c, all.variance, all.variance_off);
        }
        if (has(t, CLADE__RUNS)) expect_running(t, c, &all);
        expect_channel(t, c, &all);
    }
}

#define ALL_VALUES                                                                                 \
    (1u << CLADE__ORDINARY | 1u << CLADE__EXACT | 1u << CLADE__NONFINITE | 1u << CLADE__DENORMAL)

const clade__family clade__batch_norms = {prepare, record, expect, ALL_VALUES, shapes};

/* ---- backward -------------------------------------------------------------------------------- */

static void prepare_backward(clade__trial *t)
{
    clade_shape channels = channels_of(t);
    bool add = has(t, CLADE__ADDS);
    clade__trial_in(t, "x", t->shape, -4.0, 4.0);
    clade__trial_in(t, "dy", t->shape, -1.0, 1.0);
    clade__trial_in(t, "mean", channels, -1.0, 1.0);
    clade__trial_in(t, "variance", channels, 0.1, 2.0);
    clade__trial_gradient(t, "dx", t->shape, has(t, CLADE__WITH_OTHER) ? -1 : 1, add);
    clade__trial_scratch(t, "scratch", CLADE_SHAPE(clade__batch_norm_scratch(t->shape)));
    clade__trial_scratch(t, "sums", CLADE_SHAPE(2 * t->shape.dim[1]));
    if (has(t, CLADE__WITH_OTHER)) {
        clade__trial_in(t, "y", t->shape, -1.0, 1.0);
        clade__trial_out(t, "masked", CLADE_FLOAT32, t->shape, 1);
    }
    if (!has(t, CLADE__AFFINE)) return;
    clade__trial_in(t, "weight", channels, -2.0, 2.0);
    clade__trial_in(t, "bias", channels, -1.0, 1.0);
    clade__trial_gradient(t, "dweight", channels, -1, add);
    clade__trial_gradient(t, "dbias", channels, -1, add);
}

static clade_status record_backward(clade__commands *commands, const clade__trial *t)
{
    const clade__batch_norm bn = norm_of(t);
    bool add = has(t, CLADE__ADDS);
    return clade__batch_norm_backward(
        commands,
        &(clade__batch_norm_gradients){.dx = tensor_named(t, "dx"), .dweight = tensor_named(t, "dweight"),
                                       .dbias = tensor_named(t, "dbias"), .sums = tensor_named(t, "sums"),
                                       .masked = tensor_named(t, "masked"), .y = tensor_named(t, "y"),
                                       .add = add, .add_weight = add, .add_bias = add},
        tensor_named(t, "x"), tensor_named(t, "dy"), &bn, tensor_named(t, "scratch"));
}

/* What of dy goes through relu at element i, off by all of it where the sign of what relu had is not certain. */
static double masked_of(const clade__trial *t, int64_t c, int64_t i, const statistics *all, double *off)
{
    double dy = (double)t->operands[1].before.floats[i], n_off = 0.0;
    *off = 0.0;
    if (!has(t, CLADE__ENDS_IN_RELU)) return dy;
    double n = has(t, CLADE__WITH_OTHER) ? (double)value_of(t, "y", i, 0.0f) : normal_of(t, c, i, all, &n_off);
    if (isfinite(n) && n_off > 0.0 && fabs(n) <= n_off) *off = fabs(dy);
    return n <= 0.0 ? 0.0 : dy;
}

/* The sums of dy behind relu and of that times (x - mean), each with its error. */
typedef struct sums {
    double all, all_off, product, product_off;
} sums;

static sums sums_of(const clade__trial *t, int64_t c, const statistics *all)
{
    const clade__batch_norm_shape s = clade__batch_norm_shape_of(t->shape);
    const float *x = t->operands[0].before.floats;
    double size = 0.0, products = 0.0, off = 0.0, off_products = 0.0, g_off;
    double rounds = chain_of(&s, s.per_block) + (double)(s.blocks * s.columns / s.channels);
    sums of = {0};
    for (int64_t k = 0; k < count_of(t); k++) {
        int64_t i = element(t, c, k);
        double d = (double)x[i] - all->mean, gradient = masked_of(t, c, i, all, &g_off), product = gradient * d;
        of.all += gradient;
        of.product += product;
        off += g_off;
        off_products += g_off * fabs(d);
        size += fabs(gradient);
        products += fabs(product);
    }
    of.all_off = off + CLADE__UNIT * rounds * (size + off);
    of.product_off = off_products + CLADE__UNIT * (rounds + 2.0) * (products + off_products);
    return of;
}

static void expect_gradient(clade__trial *t, const char *name, int64_t i, double want, double off)
{
    for (int k = 0; k < t->n_operands; k++)
        if (clade__trial_find(t, name) == &t->operands[k])
            clade__expect_given(&t->operands[k], i, want, off / CLADE__UNIT);
}

static void expect_back_channel(clade__trial *t, int64_t c, const statistics *all)
{
    const float *x = t->operands[0].before.floats;
    const sums of = sums_of(t, c, all);
    double u = CLADE__UNIT, count = (double)count_of(t), spread = all->variance + (double)EPSILON, unit_off;
    double unit = clade__norm_scale(1.0, all->variance, all->variance_off, &unit_off);
    double scale = unit * (double)value_of(t, "weight", c, 1.0f);
    double mean = of.all / count, mean_off = of.all_off / count + u * CLADE__UNITS_DIVIDE * fabs(mean);
    double slope = of.product / count / spread;
    double slope_off = of.product_off / count / spread + u * (2 * CLADE__UNITS_DIVIDE + 1) * fabs(slope);
    expect_gradient(t, "dbias", c, of.all, of.all_off);
    expect_gradient(t, "dweight", c, of.product * unit,
                    of.product_off * unit * (1.0 + unit_off) + fabs(of.product * unit) * unit_off);
    for (int64_t k = 0; k < count; k++) {
        int64_t i = element(t, c, k);
        double g_off, g = masked_of(t, c, i, all, &g_off);
        double d = (double)x[i] - all->mean, left = g - mean, right = d * slope;
        double left_off = g_off + mean_off + u * fabs(left), right_off = fabs(d) * slope_off + 2.0 * u * fabs(right);
        double off = left_off + right_off + u * (fabs(left - right) + left_off + right_off);
        double dx = (left - right) * scale;
        expect_off(t, "masked", i, g, g_off);
        expect_gradient(t, "dx", i, dx, fabs(scale) * (1.0 + unit_off) * off + fabs(dx) * (unit_off + u));
    }
}

static void expect_backward(clade__trial *t)
{
    for (int64_t c = 0; c < t->shape.dim[1]; c++) {
        const statistics all = {.mean = (double)value_of(t, "mean", c, 0.0f),
                                .variance = (double)value_of(t, "variance", c, 0.0f)};
        expect_back_channel(t, c, &all);
    }
}

const clade__family clade__batch_norm_backwards = {prepare_backward, record_backward, expect_backward,
                                                   ALL_VALUES, shapes};

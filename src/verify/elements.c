/* Operations element by element: activations, add, zero, one_hot. */
#include <math.h>

#include "base/philox.h"
#include "ops/ops.h"
#include "verify/families.h"

#define SLOPE 0.2f

/* ---- activations ----------------------------------------------------------------------------- */

#define UNITS_GELU_ERF 9 /* cl/activation_functions.cl: within 5e-7, and its argument's rounding */

/* gelu(x) = x P(x): P, and how far it may be off. */
static double normal_below(double x, double *bound)
{
    double below = 0.5 * (1.0 + erf(x / sqrt(2.0)));
    *bound = 0.5 * (UNITS_GELU_ERF + 1.0) + below;
    return below;
}

double clade__activation_formula(clade_activation kind, double slope, double x, double *bound)
{
    double y = x;
    *bound = 0.0;
    switch (kind) {
    case CLADE_IDENTITY: break;
    case CLADE_SIGMOID:
        y = 1.0 / (1.0 + exp(-x));
        *bound = y * (CLADE__UNITS_EXP + 1 + CLADE__UNITS_DIVIDE);
        break;
    case CLADE_TANH:
        y = tanh(x);
        *bound = CLADE__UNITS_TANH * fabs(y);
        break;
    case CLADE_RELU: y = x < 0.0 ? 0.0 : x; break;
    case CLADE_LEAKY_RELU:
        y = x > 0.0 ? x : slope * x;
        *bound = x > 0.0 ? 0.0 : fabs(y);
        break;
    case CLADE_GELU:
        y = x * normal_below(x, bound);
        *bound = fabs(x) * *bound + 2.0 * fabs(y);
        break;
    }
    return y;
}

/* saved: x for gelu, y for the others. */
static void expect_backward(clade__operand *dx, int64_t i, clade_activation kind, double saved,
                            double dy)
{
    double slope = (double)SLOPE, value = dy, bound = 0.0, below, density, of_below;
    switch (kind) {
    case CLADE_IDENTITY: break;
    case CLADE_SIGMOID:
        value = dy * saved * (1.0 - saved);
        bound = 3.0 * fabs(value);
        break;
    case CLADE_TANH:
        value = dy * (1.0 - saved * saved);
        bound = fabs(dy) + fabs(value);
        break;
    case CLADE_RELU: value = saved <= 0.0 ? 0.0 : dy; break;
    case CLADE_LEAKY_RELU:
        value = saved > 0.0 ? dy : slope * dy;
        bound = saved > 0.0 ? 0.0 : fabs(value);
        break;
    case CLADE_GELU:
        below = normal_below(saved, &of_below);
        density = saved * exp(-0.5 * saved * saved) / sqrt(2.0 * acos(-1.0));
        value = dy * (below + density);
        bound = fabs(dy) * (of_below + fabs(density) * (CLADE__UNITS_EXP + saved * saved + 3.0)) +
                2.0 * fabs(value);
        break;
    }
    clade__expect_given(dx, i, value, bound);
}

enum { X, Y };

static void prepare_forward(clade__trial *t)
{
    clade__trial_in(t, "x", t->shape, -6.0, 6.0);
    clade__trial_out(t, "y", CLADE_FLOAT32, t->shape, X);
    clade__trial_make_large(t, X, 20.0f); /* where sigmoid and tanh are flat */
    for (int64_t i = 0; !t->failed && i < t->operands[X].n; i++) {
        float *x = &t->operands[X].before.floats[i];
        if (i % 17 == 9) *x = 0.0f;
        /* There gelu is 0 times infinity; a device's erf decides what becomes of it. */
        if (t->op->variant == CLADE_GELU && isinf(*x)) *x = INFINITY;
    }
}

static clade_status record_forward(clade__commands *commands, const clade__trial *t)
{
    return clade__activation_forward(commands, (clade_activation)t->op->variant, SLOPE,
                                     clade__trial_tensor(t, Y), clade__trial_tensor(t, X));
}

static void expect_forwards(clade__trial *t)
{
    const float *x = t->operands[X].before.floats;
    for (int64_t i = 0; i < t->operands[Y].n; i++) {
        double bound, y = clade__activation_formula((clade_activation)t->op->variant, (double)SLOPE,
                                                    (double)x[i], &bound);
        clade__expect(&t->operands[Y], i, y, bound);
    }
}

enum { SAVED, DY, DX };

static clade_activation kind_of(const clade__trial *t)
{
    return (clade_activation)(t->op->variant & ~CLADE__ADDS);
}

static void prepare_backward(clade__trial *t)
{
    clade_activation kind = kind_of(t);
    double top = kind == CLADE_SIGMOID || kind == CLADE_TANH ? 1.0 : 6.0;
    /* Whether a denormal number is above 0 is the device's affair. */
    clade__trial_in_as(t, kind == CLADE_GELU ? "x" : "y", t->shape,
                       kind == CLADE_SIGMOID ? 0.0 : -top, top,
                       t->values == CLADE__DENORMAL ? CLADE__ORDINARY : t->values);
    clade__trial_in(t, "dy", t->shape, -2.0, 2.0);
    clade__trial_gradient(t, "dx", t->shape, DY, t->op->variant & CLADE__ADDS);
    for (int64_t i = 9; !t->failed && i < t->operands[SAVED].n; i += 17)
        t->operands[SAVED].before.floats[i] = 0.0f;
}

static clade_status record_backward(clade__commands *commands, const clade__trial *t)
{
    clade_tensor *saved = clade__trial_tensor(t, SAVED);
    bool by_x = kind_of(t) == CLADE_GELU;
    return clade__activation_backward(commands, kind_of(t), SLOPE,
                                      clade__trial_tensor(t, DX), by_x ? saved : NULL,
                                      by_x ? NULL : saved, clade__trial_tensor(t, DY),
                                      t->op->variant & CLADE__ADDS);
}

static void expect_backwards(clade__trial *t)
{
    const float *saved = t->operands[SAVED].before.floats, *dy = t->operands[DY].before.floats;
    for (int64_t i = 0; i < t->operands[DX].n; i++)
        expect_backward(&t->operands[DX], i, kind_of(t), (double)saved[i], (double)dy[i]);
}

#define ALL_BUT_EXACT (1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE | 1u << CLADE__DENORMAL)

const clade__family clade__activation_forwards = {prepare_forward, record_forward, expect_forwards,
                                                  ALL_BUT_EXACT, clade__lengths};
const clade__family clade__activation_backwards = {
    prepare_backward, record_backward, expect_backwards, ALL_BUT_EXACT, clade__lengths};

/* ---- add ------------------------------------------------------------------------------------- */

enum { A, B, SUM };

static void prepare_add(clade__trial *t)
{
    clade__trial_in(t, "a", t->shape, -1.0, 1.0);
    clade__trial_in(t, "b", t->shape, -1.0, 1.0);
    clade__trial_out(t, "y", CLADE_FLOAT32, t->shape, B);
}

static clade_status record_add(clade__commands *commands, const clade__trial *t)
{
    clade_tensor *y = clade__trial_tensor(t, SUM), *a = clade__trial_tensor(t, A), *b = clade__trial_tensor(t, B);
    if (t->op->variant == CLADE_IDENTITY) return clade__add_forward(commands, y, a, b);
    return clade__activation_of_sum(commands, (clade_activation)t->op->variant, 0.0f, y, a, b);
}

static void expect_add(clade__trial *t)
{
    const float *a = t->operands[A].before.floats, *b = t->operands[B].before.floats;
    for (int64_t i = 0; i < t->operands[SUM].n; i++) {
        double sum = (double)a[i] + (double)b[i];
        if (t->op->variant == CLADE_RELU && sum < 0.0) sum = 0.0;
        clade__expect(&t->operands[SUM], i, sum, fabs(sum));
    }
}

const clade__family clade__adds = {prepare_add, record_add, expect_add, ALL_BUT_EXACT,
                                   clade__lengths};

/* ---- multiply -------------------------------------------------------------------------------- */

static void prepare_multiply(clade__trial *t)
{
    clade__trial_in(t, "a", t->shape, -1.0, 1.0);
    clade__trial_in(t, "b", t->shape, -1.0, 1.0);
    clade__trial_gradient(t, "y", t->shape, B, t->op->variant & CLADE__ADDS);
}

static clade_status record_multiply(clade__commands *commands, const clade__trial *t)
{
    return clade__multiply_forward(commands, clade__trial_tensor(t, SUM), clade__trial_tensor(t, A),
                                   clade__trial_tensor(t, B), t->op->variant & CLADE__ADDS);
}

static void expect_multiply(clade__trial *t)
{
    const float *a = t->operands[A].before.floats, *b = t->operands[B].before.floats;
    for (int64_t i = 0; i < t->operands[SUM].n; i++) {
        double product = (double)a[i] * (double)b[i];
        clade__expect_given(&t->operands[SUM], i, product, fabs(product));
    }
}

const clade__family clade__multiplies = {prepare_multiply, record_multiply, expect_multiply,
                                         ALL_BUT_EXACT, clade__lengths};

/* ---- dropout --------------------------------------------------------------------------------- */

#define DROP_SEED UINT64_C(0x123456789abcdef1)

static const int32_t drop_step = 1000000007, drop_row = 2; /* the middle of four rows */

static void prepare_dropout(clade__trial *t)
{
    clade__trial_in(t, "x", t->shape, -1.0, 1.0);
    clade__trial_gradient(t, "y", t->shape, X, t->op->variant & CLADE__ADDS);
}

static clade_status record_dropout(clade__commands *commands, const clade__trial *t)
{
    return clade__dropout(commands, clade__trial_tensor(t, Y), clade__trial_tensor(t, X),
                          &(clade__dropout_mask){.p = 0.3f, .seed = DROP_SEED, .layer = 3,
                                                 .step = &drop_step, .first_row = &drop_row},
                          t->op->variant & CLADE__ADDS);
}

/* The words are those that cl/dropout.cl names. */
static void expect_dropout(clade__trial *t)
{
    uint64_t cols = (uint64_t)clade__shape_cols(t->shape);
    uint64_t stream = (uint64_t)drop_step << 32 | (uint64_t)(CLADE__STREAM_DROPOUT + 3);
    double p = (double)0.3f;
    for (int64_t i = 0; i < t->operands[Y].n; i++) {
        uint64_t row = (uint64_t)drop_row + (uint64_t)i / cols, col = (uint64_t)i % cols;
        uint32_t word = clade__philox(DROP_SEED, (row / 4) << 32 | col, stream).word[row % 4];
        double x = (double)t->operands[X].before.floats[i];
        double y = (word >= p * 0x1p32 ? 1.0 / (1.0 - p) : 0.0) * x; /* a NaN is never dropped */
        clade__expect_given(&t->operands[Y], i, y, 2.0 * fabs(y));
    }
}

const clade__family clade__dropouts = {prepare_dropout, record_dropout, expect_dropout,
                                       ALL_BUT_EXACT, clade__matrices};

/* ---- zero ------------------------------------------------------------------------------------ */

static void prepare_zero(clade__trial *t)
{
    clade__trial_out(t, "y", CLADE_FLOAT32, t->shape, -1);
}

static clade_status record_zero(clade__commands *commands, const clade__trial *t)
{
    return clade__commands_zero(commands, clade__trial_tensor(t, 0));
}

static void expect_zero(clade__trial *t)
{
    for (int64_t i = 0; i < t->operands[0].n; i++) clade__expect(&t->operands[0], i, 0.0, 0.0);
}

const clade__family clade__zeros = {prepare_zero, record_zero, expect_zero, 1u << CLADE__ORDINARY,
                                    clade__lengths};

/* ---- one_hot --------------------------------------------------------------------------------- */

enum { LABELS, TARGET };

static void prepare_one_hot(clade__trial *t)
{
    int cols = (int)clade__shape_cols(t->shape);
    clade__trial_in_integers(t, "labels", CLADE_INT32, CLADE_SHAPE(clade__shape_rows(t->shape)), -1,
                             cols + 1); /* -1 and cols are nowhere */
    clade__trial_out(t, "target", CLADE_FLOAT32, t->shape, -1);
}

static clade_status record_one_hot(clade__commands *commands, const clade__trial *t)
{
    return clade__one_hot(commands, clade__trial_tensor(t, TARGET), clade__trial_tensor(t, LABELS));
}

static void expect_one_hot(clade__trial *t)
{
    int64_t cols = clade__shape_cols(t->shape);
    for (int64_t i = 0; i < t->operands[TARGET].n; i++) {
        int32_t label = t->operands[LABELS].before.ints[i / cols];
        clade__expect(&t->operands[TARGET], i, cols == 1 ? label : label == i % cols, 0.0);
    }
}

const clade__family clade__one_hots = {prepare_one_hot, record_one_hot, expect_one_hot,
                                       1u << CLADE__ORDINARY, clade__matrices};

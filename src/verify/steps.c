/* A step of each optimizer, on parameters and state as they are in the middle of a training. */
#include <math.h>

#include "ops/ops.h"
#include "verify/families.h"

#define FLUSH (0x1p-126 / CLADE__UNIT) /* units of the smallest normal number: it may become 0 */
#define ALL_BUT_EXACT (1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE | 1u << CLADE__DENORMAL)

static const float rate = 0.1f;

/* ---- sgd ------------------------------------------------------------------------------------- */

clade__sgd_result clade__sgd_formula(const clade__sgd_rates *rates, double w, double velocity,
                                     double g, double g_bound)
{
    double lr = (double)*rates->lr, momentum = (double)rates->momentum;
    double decay = (double)rates->weight_decay * w;
    g += decay;
    g_bound += fabs(decay) + fabs(g);
    double v = momentum * velocity + g, step = momentum == 0.0 ? g : v;
    double v_bound = fabs(momentum * velocity) + g_bound + fabs(v);
    double bound = momentum == 0.0 ? g_bound : v_bound;
    if (rates->nesterov) {
        step = g + momentum * v;
        bound = g_bound + momentum * v_bound + fabs(momentum * v) + fabs(step);
    }
    double after = w - lr * step;
    return (clade__sgd_result){after, lr * bound + fabs(lr * step) + fabs(after), v, v_bound};
}

enum { W, GRAD };

static clade_tensor *tensor_of(const clade__trial *t, const char *name)
{
    const clade__operand *operand = clade__trial_find(t, name);
    return operand ? operand->tensor : NULL;
}

/* What the gradient is multiplied by; declared last. */
static void prepare_scale(clade__trial *t)
{
    if (t->op->variant & CLADE__SCALED)
        clade__trial_in_as(t, "scale", CLADE_SHAPE(1), 0.3, 0.4, CLADE__ORDINARY);
}

/* Gradient i as it is used, and the bound of that. */
static double scaled_gradient(const clade__trial *t, int64_t i, double *bound)
{
    const clade__operand *scale = clade__trial_find(t, "scale");
    double g = (double)t->operands[GRAD].before.floats[i];
    if (scale) g *= (double)scale->before.floats[0];
    *bound = scale ? fabs(g) : 0.0;
    return g;
}

static clade__sgd_rates sgd_rates(const clade__trial *t)
{
    int kind = t->op->variant & ~CLADE__SCALED;
    return (clade__sgd_rates){.lr = &rate, .momentum = kind ? 0.9f : 0.0f, .weight_decay = 0.01f,
                              .nesterov = kind == 2};
}

static void prepare_sgd(clade__trial *t)
{
    clade__trial_inout(t, "w", t->shape, -1.0, 1.0);
    clade__trial_in(t, "grad", t->shape, -1.0, 1.0);
    if (sgd_rates(t).momentum != 0.0f) clade__trial_inout(t, "velocity", t->shape, -1.0, 1.0);
    prepare_scale(t);
}

static clade_status record_sgd(clade__commands *commands, const clade__trial *t)
{
    clade__sgd_rates rates = sgd_rates(t);
    return clade__sgd_step(commands, clade__trial_tensor(t, W), tensor_of(t, "velocity"),
                           clade__trial_tensor(t, GRAD), tensor_of(t, "scale"), &rates);
}

static void expect_sgd(clade__trial *t)
{
    enum { V = GRAD + 1 };
    clade__sgd_rates rates = sgd_rates(t);
    bool moves = rates.momentum != 0.0f;
    for (int64_t i = 0; i < t->operands[W].n; i++) {
        double g_bound, g = scaled_gradient(t, i, &g_bound);
        double v = moves ? (double)t->operands[V].before.floats[i] : 0.0;
        clade__sgd_result r = clade__sgd_formula(
            &rates, (double)t->operands[W].before.floats[i], v, g, g_bound);
        clade__expect(&t->operands[W], i, r.w, r.w_bound);
        if (moves) clade__expect(&t->operands[V], i, r.velocity, r.velocity_bound);
    }
}

const clade__family clade__sgd_steps = {prepare_sgd, record_sgd, expect_sgd, ALL_BUT_EXACT,
                                        clade__lengths};

/* ---- adam ------------------------------------------------------------------------------------ */

enum { MEAN = 2, SQUARE = 3 };

static const float correction1 = 1.7f, correction2 = 11.3f; /* as after a few steps */

static clade__adam_rates adam_rates(const clade__trial *t)
{
    return (clade__adam_rates){.lr = &rate, .correction1 = &correction1,
                               .correction2 = &correction2, .beta1 = 0.9f, .beta2 = 0.999f,
                               .epsilon = 1e-8f, .weight_decay = 0.01f,
                               .decoupled = t->op->variant & 1};
}

static void prepare_adam(clade__trial *t)
{
    clade__trial_inout(t, "w", t->shape, -1.0, 1.0);
    clade__trial_in(t, "grad", t->shape, -1.0, 1.0);
    clade__trial_inout(t, "m", t->shape, -1.0, 1.0);
    clade__trial_inout(t, "v", t->shape, 0.0, 1.0);
    prepare_scale(t);
}

static clade_status record_adam(clade__commands *commands, const clade__trial *t)
{
    clade__adam_rates rates = adam_rates(t);
    return clade__adam_step(commands, clade__trial_tensor(t, W), clade__trial_tensor(t, MEAN),
                            clade__trial_tensor(t, SQUARE), clade__trial_tensor(t, GRAD),
                            tensor_of(t, "scale"), &rates);
}

static void expect_adam_at(clade__trial *t, const clade__adam_rates *rates, int64_t i)
{
    double lr = (double)*rates->lr, w = (double)t->operands[W].before.floats[i];
    double g_bound, g = scaled_gradient(t, i, &g_bound), w_bound = 0.0;
    double decay = (double)rates->weight_decay * w;
    if (rates->decoupled) {
        w -= lr * decay;
        w_bound = 2.0 * fabs(lr * decay) + fabs(w);
    } else {
        g += decay;
        g_bound += fabs(decay) + fabs(g);
    }
    double keep1 = (double)rates->beta1 * (double)t->operands[MEAN].before.floats[i];
    double take1 = 1.0 - (double)rates->beta1, mean = keep1 + take1 * g;
    double mean_bound = fabs(keep1) + take1 * (2.0 * fabs(g) + g_bound) + fabs(mean) + 3.0 * FLUSH;
    double keep2 = (double)rates->beta2 * (double)t->operands[SQUARE].before.floats[i];
    double take2 = 1.0 - (double)rates->beta2, square = keep2 + take2 * g * g;
    double square_bound =
        fabs(keep2) + take2 * (3.0 * g * g + 2.0 * fabs(g) * g_bound) + fabs(square);

    double step = lr * (double)*rates->correction1;
    double root = sqrt(square) * (double)*rates->correction2;
    double below = root + (double)rates->epsilon, quotient = step * mean / below;
    double root_bound = root * (CLADE__UNITS_SQRT + 1);
    if (square > 0.0) root_bound += root * square_bound / (2.0 * square);
    double quotient_bound = step * (mean_bound + 2.0 * fabs(mean)) / below +
                            fabs(quotient) * ((root_bound + below) / below + CLADE__UNITS_DIVIDE);
    if (isinf(below)) quotient_bound = 0.0; /* then the quotient is 0, or no number */
    double after = w - quotient;
    clade__expect(&t->operands[MEAN], i, mean, mean_bound);
    clade__expect(&t->operands[SQUARE], i, square, square_bound);
    clade__expect(&t->operands[W], i, after, w_bound + quotient_bound + fabs(after));
}

static void expect_adam(clade__trial *t)
{
    clade__adam_rates rates = adam_rates(t);
    for (int64_t i = 0; i < t->operands[W].n; i++) expect_adam_at(t, &rates, i);
}

const clade__family clade__adam_steps = {prepare_adam, record_adam, expect_adam, ALL_BUT_EXACT,
                                         clade__lengths};

/* ---- clipping -------------------------------------------------------------------------------- */

enum { FIRST, SECOND, SCALE, PARTIALS };

#define MAX_NORM 1.0f

/* Two gradients: the second is short. */
static void prepare_clip(clade__trial *t)
{
    const clade_shape second = CLADE_SHAPE(3);
    clade__trial_in(t, "first", t->shape, -1.0, 1.0);
    clade__trial_in(t, "second", second, -1.0, 1.0);
    clade__trial_out(t, "scale", CLADE_FLOAT32, CLADE_SHAPE(1), -1);
    int64_t n = clade__clip_norm_partials(t->device, t->operands[FIRST].n) +
                clade__clip_norm_partials(t->device, t->operands[SECOND].n);
    clade__trial_scratch(t, "partials", CLADE_SHAPE(n));
    if (t->failed || t->values != CLADE__EXACT) return;
    for (int k = FIRST; k <= SECOND; k++) /* 2^24 squares of 1 add up exactly, others do not */
        for (int64_t i = 0; i < t->operands[k].n; i++)
            t->operands[k].before.floats[i] = i % 2 ? 1.0f : -1.0f;
}

static clade_status record_clip(clade__commands *commands, const clade__trial *t)
{
    clade_tensor *grads[] = {clade__trial_tensor(t, FIRST), clade__trial_tensor(t, SECOND)};
    return clade__clip_norm(commands, clade__trial_tensor(t, SCALE),
                            clade__trial_tensor(t, PARTIALS), grads, 2, MAX_NORM);
}

static void expect_clip(clade__trial *t)
{
    double sum = 0.0, n = 0.0;
    for (int k = FIRST; k <= SECOND; k++)
        for (int64_t i = 0; i < t->operands[k].n; i++, n++) {
            double g = (double)t->operands[k].before.floats[i];
            sum += g * g;
        }
    double norm = sqrt(sum), clip = (double)MAX_NORM / (norm + 1e-6);
    /* Squares are rounded once and added; the root halves their relative error. */
    double units = (t->values == CLADE__EXACT ? 0.0 : n / 2.0) + CLADE__UNITS_SQRT + 1.0 +
                   CLADE__UNITS_DIVIDE;
    clade__expect(&t->operands[SCALE], 0, clip > 1.0 ? 1.0 : clip, units * clip);
}

const clade__family clade__norm_clips = {prepare_clip, record_clip, expect_clip,
                                         ALL_BUT_EXACT | 1u << CLADE__EXACT, clade__lengths};

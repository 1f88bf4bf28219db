/* Layers that work element by element: activations, add, multiply, dropout; and flatten and reshape, which do
 * nothing. */
#include <float.h>
#include <math.h>

#include "base/philox.h"
#include "graph/layer.h"

static clade_status infer_same(clade__layer *layer)
{
    return clade__layer_output(layer, CLADE_FLOAT32, layer->inputs[0]->shape);
}

static int64_t n_elements(const clade__formula *f)
{
    return f->n * clade_shape_elements(f->layer->outputs[0].shape);
}

/* ---- activations ------------------------------------------------------------------------------- */

typedef struct leaky_relu_options {
    float slope;
} leaky_relu_options;

float clade__activation_slope(const clade__layer *layer)
{
    const leaky_relu_options *options = layer->options;
    return layer->type == &clade__layer_leaky_relu ? options->slope : 0.0f;
}

static clade_status forward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__activation_forward(commands, io->layer->type->activation,
                                     clade__activation_slope(io->layer), &io->y[0], &io->x[0]);
}

static clade_status backward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__activation_backward(commands, io->layer->type->activation,
                                      clade__activation_slope(io->layer), &io->dx[0], &io->x[0],
                                      &io->y[0], &io->dy[0], io->add[0]);
}

static double activate(clade_activation kind, double slope, double x)
{
    switch (kind) {
    case CLADE_SIGMOID: return 1.0 / (1.0 + exp(-x));
    case CLADE_TANH: return tanh(x);
    case CLADE_RELU: return x < 0.0 ? 0.0 : x;
    case CLADE_LEAKY_RELU: return x < 0.0 ? slope * x : x;
    case CLADE_GELU: return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
    case CLADE_IDENTITY: break;
    }
    return x;
}

static void formula(const clade__formula *f)
{
    double slope = (double)clade__activation_slope(f->layer);
    for (int64_t i = 0; i < n_elements(f); i++)
        f->y[0][i] = activate(f->layer->type->activation, slope, f->x[0][i]);
}

/* Of y = activate(x). At the kink of relu and leaky_relu it is that of the left side, as PyTorch's. */
static double slope_of(clade_activation kind, double slope, double x, double y)
{
    const double pi = 3.14159265358979323846;
    switch (kind) {
    case CLADE_SIGMOID: return y * (1.0 - y);
    case CLADE_TANH: return 1.0 - y * y;
    case CLADE_RELU: return x > 0.0 ? 1.0 : 0.0;
    case CLADE_LEAKY_RELU: return x > 0.0 ? 1.0 : slope;
    case CLADE_GELU:
        return 0.5 * (1.0 + erf(x / sqrt(2.0))) + x * exp(-0.5 * x * x) / sqrt(2.0 * pi);
    case CLADE_IDENTITY: break;
    }
    return 1.0;
}

static void formula_backward(const clade__formula *f, const clade__formula_gradients *g)
{
    double slope = (double)clade__activation_slope(f->layer);
    for (int64_t i = 0; g->dx[0] && i < n_elements(f); i++)
        g->dx[0][i] += g->dy[0][i] *
                       slope_of(f->layer->type->activation, slope, f->x[0][i], f->y[0][i]);
}

#define ACTIVATION(text, kind, of_x)                                                               \
    .name = text, .n_inputs = 1, .activation = kind, .reads_x = of_x, .reads_y = !(of_x),          \
    .in_place = true, .adds = true, .infer = infer_same, .forward = forward, .backward = backward, \
    .formula = formula, .formula_backward = formula_backward

const clade__layer_type clade__layer_sigmoid = {ACTIVATION("sigmoid", CLADE_SIGMOID, false)};
const clade__layer_type clade__layer_tanh = {ACTIVATION("tanh", CLADE_TANH, false)};
const clade__layer_type clade__layer_relu = {ACTIVATION("relu", CLADE_RELU, false)};
const clade__layer_type clade__layer_gelu = {ACTIVATION("gelu", CLADE_GELU, true)};

static const clade__option leaky_relu_list[] = {
    {"slope", CLADE__OPTION_NUMBER, offsetof(leaky_relu_options, slope), .fallback = 0.01,
     .least = (double)FLT_MIN, .most = (double)FLT_MAX},
    {NULL}};
const clade__layer_type clade__layer_leaky_relu = {
    ACTIVATION("leaky_relu", CLADE_LEAKY_RELU, false),
    .options_bytes = sizeof(leaky_relu_options), .options = leaky_relu_list};

/* ---- add and multiply -------------------------------------------------------------------------- */

static clade_status infer_both(clade__layer *layer)
{
    char a[64], b[64];
    if (!clade__shape_equal(layer->inputs[0]->shape, layer->inputs[1]->shape))
        return clade__fail(CLADE_ESHAPE, "%s: inputs are %s and %s, want one shape", layer->type->name,
                           clade__shape_text(a, sizeof a, layer->inputs[0]->shape),
                           clade__shape_text(b, sizeof b, layer->inputs[1]->shape));
    return infer_same(layer);
}

static clade_status add_forward(clade__commands *commands, const clade__layer_io *io)
{
    if (io->fused == CLADE_IDENTITY) return clade__add_forward(commands, &io->y[0], &io->x[0], &io->x[1]);
    return clade__activation_of_sum(commands, io->fused, io->fused_slope, &io->y[0], &io->x[0], &io->x[1]);
}

static void add_formula(const clade__formula *f)
{
    for (int64_t i = 0; i < n_elements(f); i++) f->y[0][i] = f->x[0][i] + f->x[1][i];
}

const clade__layer_type clade__layer_add = {
    .name = "add", .n_inputs = 2, .takes_activation = true, .adds_up = true, .passes_gradient = true, .infer = infer_both,
    .forward = add_forward, .formula = add_formula};

static clade_status multiply_forward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__multiply_forward(commands, &io->y[0], &io->x[0], &io->x[1], false);
}

static clade_status multiply_backward(clade__commands *commands, const clade__layer_io *io)
{
    for (int k = 0; k < 2; k++)
        if (io->wanted[k])
            CLADE_TRY(clade__multiply_forward(commands, &io->dx[k], &io->dy[0], &io->x[1 - k],
                                              io->add[k]));
    return CLADE_OK;
}

static void multiply_formula(const clade__formula *f)
{
    for (int64_t i = 0; i < n_elements(f); i++) f->y[0][i] = f->x[0][i] * f->x[1][i];
}

static void multiply_gradient(const clade__formula *f, const clade__formula_gradients *g)
{
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; g->dx[k] && i < n_elements(f); i++)
            g->dx[k][i] += g->dy[0][i] * f->x[1 - k][i];
}

const clade__layer_type clade__layer_multiply = {
    .name = "multiply", .n_inputs = 2, .reads_x = true, .adds = true, .infer = infer_both,
    .forward = multiply_forward, .backward = multiply_backward, .formula = multiply_formula,
    .formula_backward = multiply_gradient};

/* ---- dropout ----------------------------------------------------------------------------------- */

typedef struct dropout_options {
    float p;
} dropout_options;

/* Forward from x, and backward, which draws the same mask, from dy. */
static clade_status dropout(clade__commands *commands, const clade__layer_io *io, clade_tensor *y,
                            const clade_tensor *x, bool add)
{
    const dropout_options *options = io->layer->options;
    clade_tensor from = clade__flat(x), to = clade__flat(y);
    return clade__dropout(commands, &to, &from,
                          &(clade__dropout_mask){.p = options->p, .seed = io->seed,
                                                 .layer = io->layer->number,
                                                 .step = &io->numbers->mask_step,
                                                 .first_row = &io->numbers->first_row}, add);
}

static clade_status dropout_forward(clade__commands *commands, const clade__layer_io *io)
{
    return dropout(commands, io, &io->y[0], &io->x[0], false);
}

static clade_status dropout_backward(clade__commands *commands, const clade__layer_io *io)
{
    return dropout(commands, io, &io->dx[0], &io->dy[0], io->add[0]);
}

/* Forward from x to y, and backward, which adds, from dy to dx: what to multiply by. An element's random word
 * decides, as cl/dropout.cl says. */
static double dropout_factor(const clade__formula *f, int64_t i)
{
    const dropout_options *options = f->layer->options;
    const double p = (double)options->p;
    if (f->step == 0) return 1.0;
    const uint64_t stream = CLADE__STREAM_DROPOUT + (uint64_t)f->layer->number;
    const int64_t cols = clade_shape_elements(f->layer->outputs[0].shape);
    uint64_t row = (uint64_t)(i / cols), col = (uint64_t)(i % cols);
    uint32_t word = clade__philox(f->seed, (row / 4) << 32 | col,
                                  (uint64_t)f->step << 32 | stream).word[row % 4];
    return word >= p * 0x1p32 ? 1.0 / (1.0 - p) : 0.0;
}

static void dropout_formula(const clade__formula *f)
{
    for (int64_t i = 0; i < n_elements(f); i++) {
        double factor = dropout_factor(f, i);
        f->y[0][i] = factor == 0.0 ? 0.0 : f->x[0][i] * factor;
    }
}

static void dropout_gradient(const clade__formula *f, const clade__formula_gradients *g)
{
    for (int64_t i = 0; g->dx[0] && i < n_elements(f); i++)
        g->dx[0][i] += g->dy[0][i] * dropout_factor(f, i);
}

static const clade__option dropout_list[] = {
    {"p", CLADE__OPTION_NUMBER, offsetof(dropout_options, p), .fallback = 0.5, .least = 0.0,
     .most = 1.0},
    {NULL}};
const clade__layer_type clade__layer_dropout = {
    .name = "dropout", .n_inputs = 1, .options_bytes = sizeof(dropout_options),
    .options = dropout_list, .in_place = true, .adds = true, .only_trains = true,
    .infer = infer_same, .forward = dropout_forward, .backward = dropout_backward,
    .formula = dropout_formula, .formula_backward = dropout_gradient};

/* ---- flatten and reshape ----------------------------------------------------------------------- */

static clade_status infer_flatten(clade__layer *layer)
{
    return clade__layer_output(layer, CLADE_FLOAT32,
                               CLADE_SHAPE(clade_shape_elements(layer->inputs[0]->shape)));
}

static void flatten_formula(const clade__formula *f)
{
    for (int64_t i = 0; i < n_elements(f); i++) f->y[0][i] = f->x[0][i];
}

const clade__layer_type clade__layer_flatten = {.name = "flatten", .n_inputs = 1, .is_view = true,
                                                .infer = infer_flatten, .formula = flatten_formula};

/* One -1 becomes what is left for it. */
static clade_status infer_reshape(clade__layer *layer)
{
    char want[CLADE__SHAPE_TEXT_BYTES], got[CLADE__SHAPE_TEXT_BYTES];
    const clade__sizes *sizes = layer->options;
    const clade_node *x = layer->inputs[0];
    clade_shape shape = {.rank = sizes->n};
    int64_t left = clade_shape_elements(x->shape);
    int open = -1;
    if (sizes->n > CLADE_MAX_RANK - 1)
        return clade__fail(CLADE_ESHAPE, "reshape: shape has %d dimensions, want 1 to %d", sizes->n,
                           CLADE_MAX_RANK - 1);
    for (int i = 0; i < sizes->n; i++) {
        int64_t n = shape.dim[i] = sizes->list[i];
        if (n == 0 || (n < 0 && open >= 0))
            return clade__fail(CLADE_EINVAL, "reshape: shape has %s, want sizes, and at most one -1",
                               n == 0 ? "a 0" : "two of -1");
        if (n < 0) open = i;
        left = n < 0 ? left : left % n == 0 ? left / n : 0; /* 0 stays 0 */
    }
    if (open >= 0) shape.dim[open] = left;
    if (left > 0 && (open >= 0 || left == 1)) return clade__layer_output(layer, x->dtype, shape);
    if (open >= 0) shape.dim[open] = -1;
    return clade__fail(CLADE_ESHAPE, "reshape: shape is %s, and a sample is %s",
                       clade__shape_text(want, sizeof want, shape),
                       clade__shape_text(got, sizeof got, x->shape));
}

static const clade__option reshape_list[] = {
    {"shape", CLADE__OPTION_SIZES, 0, .required = true, .least = -1, .most = INT32_MAX}, {NULL}};

const clade__layer_type clade__layer_reshape = {
    .name = "reshape", .n_inputs = 1, .takes_int32 = true, .options_bytes = sizeof(clade__sizes),
    .options = reshape_list, .is_view = true, .infer = infer_reshape, .formula = flatten_formula};

/* Layers that work element by element: activations, add, dropout; and flatten, which does nothing. */
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

/* ---- add --------------------------------------------------------------------------------------- */

static clade_status infer_add(clade__layer *layer)
{
    char a[64], b[64];
    if (!clade__shape_equal(layer->inputs[0]->shape, layer->inputs[1]->shape))
        return clade__fail(CLADE_ESHAPE, "add: inputs are %s and %s, want one shape",
                           clade__shape_text(a, sizeof a, layer->inputs[0]->shape),
                           clade__shape_text(b, sizeof b, layer->inputs[1]->shape));
    return infer_same(layer);
}

static clade_status add_forward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__add_forward(commands, &io->y[0], &io->x[0], &io->x[1]);
}

static void add_formula(const clade__formula *f)
{
    for (int64_t i = 0; i < n_elements(f); i++) f->y[0][i] = f->x[0][i] + f->x[1][i];
}

const clade__layer_type clade__layer_add = {
    .name = "add", .n_inputs = 2, .passes_gradient = true, .infer = infer_add,
    .forward = add_forward, .formula = add_formula};

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

/* ---- flatten ----------------------------------------------------------------------------------- */

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

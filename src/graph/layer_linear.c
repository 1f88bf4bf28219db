/* linear: y = x Wᵀ + b over the last dimension, as torch.nn.Linear. */
#include <math.h>

#include "graph/layer.h"

enum { WEIGHT, BIAS };

static clade_init bias_init_of(const clade_linear_options *options)
{
    clade_init init = options->bias_init;
    /* Glorot's and He's schemes are for weights: their biases start at 0, unless told otherwise. */
    bool weight_only = options->weight_init.kind == CLADE_INIT_XAVIER ||
                       options->weight_init.kind == CLADE_INIT_HE;
    if ((init.kind == CLADE_INIT_DEFAULT && weight_only) || init.kind == CLADE_INIT_XAVIER ||
        init.kind == CLADE_INIT_HE)
        init = (clade_init){.kind = CLADE_INIT_CONSTANT};
    return init;
}

static clade_status infer(clade__layer *layer)
{
    const clade_linear_options *options = layer->options;
    clade_shape shape = layer->inputs[0]->shape;
    int64_t out = options->units, in = shape.dim[shape.rank - 1];
    shape.dim[shape.rank - 1] = out;
    CLADE_TRY(clade__layer_parameter(layer, WEIGHT,
                                     &(clade__parameter_spec){CLADE_SHAPE(out, in),
                                                              options->weight_init, in, out}));
    if (!options->no_bias)
        CLADE_TRY(clade__layer_parameter(layer, BIAS,
                                         &(clade__parameter_spec){CLADE_SHAPE(out),
                                                                  bias_init_of(options), in, out}));
    return clade__layer_output(layer, CLADE_FLOAT32, shape);
}

/* (rows, the last dimension). */
static clade_tensor matrix(const clade_tensor *tensor)
{
    int64_t cols = clade__shape_cols(tensor->shape);
    return clade__tensor_reshaped(tensor,
                                  CLADE_SHAPE(clade_shape_elements(tensor->shape) / cols, cols));
}

static clade_status forward(clade__commands *commands, const clade__layer_io *io)
{
    clade_tensor x = matrix(&io->x[0]), y = matrix(&io->y[0]);
    return clade__linear_forward(commands, &y, &x, io->parameters[WEIGHT].value,
                                 io->parameters[BIAS].value, io->fused, io->fused_slope);
}

/* Where the provider can, sgd's step on a weight is part of the gemm that makes its gradient: on a
 * CPU a step of a large network is bound by memory, and a third of its traffic was the gradient's. */
static bool can_step(clade__commands *commands, const clade__layer_io *io, const clade_tensor *x,
                     const clade_tensor *dy)
{
    const clade__parameter_io *weight = &io->parameters[WEIGHT], *bias = &io->parameters[BIAS];
    if (!weight->rates || (bias->value && (!bias->rates || bias->rates->lr != weight->rates->lr)))
        return false;
    int64_t in = clade__shape_cols(x->shape), out = clade__shape_cols(dy->shape);
    const clade_gemm_args call = {.m = out, .n = in, .k = clade__shape_rows(dy->shape),
                                  .trans_a = true, .lda = out, .ldb = in, .ldc = in};
    return clade__gemm_can_update(clade__commands_device(commands), clade__commands_gemm(commands),
                                  &call);
}

static clade_status backward(clade__commands *commands, const clade__layer_io *io)
{
    clade_tensor x = matrix(&io->x[0]), dy = matrix(&io->dy[0]), dx = {0};
    if (io->wanted[0]) dx = matrix(&io->dx[0]);
    clade__parameter_io *weight = &io->parameters[WEIGHT], *bias = &io->parameters[BIAS];
    bool steps = can_step(commands, io, &x, &dy);
    const clade__linear_adds adds = {io->add[0], weight->add, bias->add};
    CLADE_TRY(clade__linear_backward(commands, io->wanted[0] ? &dx : NULL,
                                     steps ? NULL : weight->grad, steps ? NULL : bias->grad, &x,
                                     weight->value, &dy, adds));
    if (!steps) return CLADE_OK;
    weight->stepped = bias->stepped = true;
    const clade__sgd_state state = {.velocity = weight->velocity, .bias = bias->value,
                                    .bias_velocity = bias->velocity};
    clade__sgd_rates rates = *weight->rates;
    if (bias->rates) rates.bias_decay = bias->rates->weight_decay;
    return clade__linear_update(commands, weight->value, &state, &x, &dy, &rates);
}

/* Four sums, which a compiler can keep in vectors: nearly all the time of a reference goes here. */
static double dot(const double *a, const double *b, int64_t n)
{
    double sums[4] = {0.0};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++) sums[k] += a[i + k] * b[i + k];
    for (; i < n; i++) sums[0] += a[i] * b[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

static void formula(const clade__formula *f)
{
    int64_t in = clade__shape_cols(f->layer->inputs[0]->shape);
    int64_t out = clade__shape_cols(f->layer->outputs[0].shape);
    int64_t rows = f->n * clade__shape_rows(f->layer->outputs[0].shape);
    const double *weight = f->w[WEIGHT], *bias = f->w[BIAS];
    for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < rows; i++)
            f->y[0][i * out + o] = dot(weight + o * in, f->x[0] + i * in, in) + (bias ? bias[o] : 0.0);
}

/* to += factor * from. */
static void add_times(double *to, double factor, const double *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) to[i] += factor * from[i];
}

static void formula_backward(const clade__formula *f, const clade__formula_gradients *g)
{
    int64_t in = clade__shape_cols(f->layer->inputs[0]->shape);
    int64_t out = clade__shape_cols(f->layer->outputs[0].shape);
    int64_t rows = f->n * clade__shape_rows(f->layer->outputs[0].shape);
    for (int64_t o = 0; o < out; o++) {
        for (int64_t i = 0; i < rows; i++) {
            double dy = g->dy[0][i * out + o];
            if (g->dx[0]) add_times(g->dx[0] + i * in, dy, f->w[WEIGHT] + o * in, in);
            if (g->dw[WEIGHT]) add_times(g->dw[WEIGHT] + o * in, dy, f->x[0] + i * in, in);
            if (g->dw[BIAS]) g->dw[BIAS][o] += dy;
        }
    }
}

static int64_t products(const clade__layer *layer)
{
    return clade__shape_cols(layer->inputs[0]->shape) * clade_shape_elements(layer->outputs[0].shape);
}

static const clade__option options[] = {
    {"units", CLADE__OPTION_WHOLE, offsetof(clade_linear_options, units), true, 0, 1, INT32_MAX},
    {"bias", CLADE__OPTION_NO_FLAG, offsetof(clade_linear_options, no_bias), .fallback = 1},
    {.key = "init", CLADE__OPTION_INIT, offsetof(clade_linear_options, weight_init)},
    {.key = "bias_init", CLADE__OPTION_INIT, offsetof(clade_linear_options, bias_init)},
    {NULL}};

static const clade__parameter_row parameters[] = {
    [WEIGHT] = {"weight", .trained = true, .decays = true}, [BIAS] = {"bias", .trained = true}, {NULL}};

const clade__layer_type clade__layer_linear = {
    .name = "linear", .n_inputs = 1, .options_bytes = sizeof(clade_linear_options),
    .options = options, .parameters = parameters, .takes_activation = true, .reads_x = true,
    .adds = true, .infer = infer, .forward = forward, .backward = backward, .products = products,
    .formula = formula, .formula_backward = formula_backward};

/* conv2d: a convolution of samples (channels, height, width), as torch.nn.Conv2d. */
#include "graph/layer.h"

enum { WEIGHT, BIAS };
enum { FORWARD, BACKWARD, SUMS, PARTS }; /* values */

/* The sizes for n samples, which were checked when the layer was built. */
static clade_status sizes_of(const clade__layer *layer, int64_t n, clade__conv *conv)
{
    const clade_conv2d_options *o = layer->options;
    return clade__conv_of(conv, clade__batch_shape(n, layer->inputs[0]->shape), o->out_channels,
                          o->kernel_size, &o->window);
}

/* Glorot's and He's schemes are for weights: their biases start at 0, unless told otherwise. */
static bool is_of_weights(clade_init_kind kind)
{
    return kind == CLADE_INIT_XAVIER || kind == CLADE_INIT_HE;
}

static clade_init bias_init_of(const clade_conv2d_options *o)
{
    bool by_weight = o->bias_init.kind == CLADE_INIT_DEFAULT && is_of_weights(o->weight_init.kind);
    if (by_weight || is_of_weights(o->bias_init.kind))
        return (clade_init){.kind = CLADE_INIT_CONSTANT};
    return o->bias_init;
}

static clade_status infer(clade__layer *layer)
{
    char text[CLADE__SHAPE_TEXT_BYTES];
    const clade_conv2d_options *o = layer->options;
    clade_shape x = layer->inputs[0]->shape;
    clade__conv conv;
    if (x.rank != 3)
        return clade__fail(CLADE_ESHAPE, "conv2d: a sample is %s, want (channels, height, width)",
                           clade__shape_text(text, sizeof text, x));
    CLADE_TRY(sizes_of(layer, 1, &conv));
    clade_shape weight = clade__conv_weight_shape(&conv);
    int64_t taps = (int64_t)conv.kernel[0] * conv.kernel[1];
    const clade__parameter_spec of_weight = {weight, o->weight_init, weight.dim[1] * taps,
                                             conv.oc * taps};
    CLADE_TRY(clade__layer_parameter(layer, WEIGHT, &of_weight));
    if (!o->no_bias) {
        const clade__parameter_spec of_bias = {CLADE_SHAPE(conv.oc), bias_init_of(o), of_weight.fan_in,
                                               of_weight.fan_out};
        CLADE_TRY(clade__layer_parameter(layer, BIAS, &of_bias));
    }
    return clade__layer_output(layer, CLADE_FLOAT32, CLADE_SHAPE(conv.oc, conv.oh, conv.ow));
}

static clade_status values(const clade__layer *layer, int64_t batch, clade__layer_values *v)
{
    clade__conv conv;
    CLADE_TRY(sizes_of(layer, batch, &conv));
    const clade_conv2d_options *o = layer->options;
    clade__conv2d_needs needs = clade__conv2d_needs_of(&conv, !o->no_bias);
    CLADE_TRY(clade__layer_values_add(v, CLADE__FORWARD_SCRATCH, CLADE_FLOAT32,
                                      CLADE_SHAPE(needs.forward)));
    CLADE_TRY(clade__layer_values_add(v, CLADE__BACKWARD_SCRATCH, CLADE_FLOAT32,
                                      CLADE_SHAPE(needs.backward)));
    CLADE_TRY(clade__layer_values_add(v, CLADE__BACKWARD_SCRATCH, CLADE_FLOAT32, CLADE_SHAPE(needs.sums)));
    return clade__layer_values_add(v, CLADE__BACKWARD_SCRATCH, CLADE_FLOAT32, CLADE_SHAPE(needs.parts));
}

static clade_tensor *value_of(const clade__layer_io *io, int i)
{
    return io->values[i].shape.dim[0] > 0 ? &io->values[i] : NULL;
}

static clade_status forward(clade__commands *commands, const clade__layer_io *io)
{
    const clade_conv2d_options *o = io->layer->options;
    const clade__conv2d_work work = {.window = &o->window, .memory.scratch = value_of(io, FORWARD)};
    const clade__epilogue epilogue = {io->parameters[BIAS].value, io->fused, io->fused_slope};
    return clade__conv2d_forward(commands, &work, &io->y[0], &io->x[0], io->parameters[WEIGHT].value,
                                 &epilogue);
}

static clade_status backward(clade__commands *commands, const clade__layer_io *io)
{
    const clade_conv2d_options *o = io->layer->options;
    const clade__parameter_io *weight = &io->parameters[WEIGHT], *bias = &io->parameters[BIAS];
    const clade__conv2d_work work = {
        .window = &o->window,
        .memory = {value_of(io, BACKWARD), value_of(io, SUMS), value_of(io, PARTS)}};
    const clade__conv2d_gradients gradients = {
        io->wanted[0] ? &io->dx[0] : NULL, weight->grad, bias->grad, io->add[0], weight->add, bias->add};
    return clade__conv2d_backward(commands, &work, &gradients, &io->x[0], weight->value, &io->dy[0]);
}

/* ---- the formulas ------------------------------------------------------------------------------ */

/* Goes through all products of y, or of its gradient. */
static void for_products(const clade__formula *f, clade__conv_each *each, const void *user)
{
    clade__conv v;
    if (sizes_of(f->layer, f->n, &v) == CLADE_OK) /* it was built with them */
        clade__conv_products(&v, each, user);
}

static void add_product(const void *user, int64_t y, int64_t x, int64_t w)
{
    const clade__formula *f = user;
    f->y[0][y] += f->x[0][x] * f->w[WEIGHT][w];
}

/* The output channel of an element of y. */
static int64_t channel_of(const clade__formula *f, int64_t y)
{
    clade_shape shape = f->layer->outputs[0].shape;
    return y / (shape.dim[1] * shape.dim[2]) % shape.dim[0];
}

static void formula(const clade__formula *f)
{
    int64_t n = f->n * clade_shape_elements(f->layer->outputs[0].shape);
    for (int64_t y = 0; y < n; y++) f->y[0][y] = f->w[BIAS] ? f->w[BIAS][channel_of(f, y)] : 0.0;
    for_products(f, add_product, f);
}

typedef struct way_back {
    const clade__formula *f;
    const clade__formula_gradients *g;
} way_back;

static void add_gradients(const void *user, int64_t y, int64_t x, int64_t w)
{
    const way_back *b = user;
    double dy = b->g->dy[0][y];
    if (b->g->dx[0]) b->g->dx[0][x] += dy * b->f->w[WEIGHT][w];
    if (b->g->dw[WEIGHT]) b->g->dw[WEIGHT][w] += dy * b->f->x[0][x];
}

static void formula_backward(const clade__formula *f, const clade__formula_gradients *g)
{
    int64_t n = f->n * clade_shape_elements(f->layer->outputs[0].shape);
    for (int64_t y = 0; g->dw[BIAS] && y < n; y++) g->dw[BIAS][channel_of(f, y)] += g->dy[0][y];
    for_products(f, add_gradients, &(const way_back){f, g});
}

/* ---- the row ----------------------------------------------------------------------------------- */

#define AT(member) offsetof(clade_conv2d_options, member)

static const clade__option options[] = {
    {"out_channels", CLADE__OPTION_WHOLE, AT(out_channels), true, 0, 1, INT32_MAX},
    {"kernel_size", CLADE__OPTION_PAIR, AT(kernel_size), true, 0, 1, INT32_MAX},
    {"stride", CLADE__OPTION_PAIR, AT(window.stride), false, 1, 1, INT32_MAX},
    {"padding", CLADE__OPTION_PADDING, AT(window.padding), false, 0, 0, INT32_MAX},
    {"dilation", CLADE__OPTION_PAIR, AT(window.dilation), false, 1, 1, INT32_MAX},
    {"groups", CLADE__OPTION_WHOLE, AT(window.groups), false, 1, 1, INT32_MAX},
    {"bias", CLADE__OPTION_NO_FLAG, AT(no_bias), .fallback = 1},
    {.key = "init", CLADE__OPTION_INIT, AT(weight_init)},
    {.key = "bias_init", CLADE__OPTION_INIT, AT(bias_init)},
    {NULL}};

static const clade__parameter_row parameters[] = {
    [WEIGHT] = {"weight", .trained = true, .decays = true}, [BIAS] = {"bias", .trained = true}, {NULL}};

static int64_t products(const clade__layer *layer)
{
    const clade_shape *weight = &clade__parameter_of(layer, WEIGHT)->shape;
    return clade_shape_elements(*weight) / weight->dim[0] * clade_shape_elements(layer->outputs[0].shape);
}

const clade__layer_type clade__layer_conv2d = {
    .name = "conv2d", .n_inputs = 1, .options_bytes = sizeof(clade_conv2d_options), .options = options,
    .parameters = parameters, .takes_activation = true, .reads_x = true, .adds = true, .infer = infer,
    .values = values, .forward = forward, .backward = backward, .products = products,
    .formula = formula, .formula_backward = formula_backward};

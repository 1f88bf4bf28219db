/* conv2d and conv_transpose2d of samples (channels, height, width), as torch.nn.Conv2d and ConvTranspose2d. */
#include "graph/layer.h"

enum { WEIGHT, BIAS };
enum { FORWARD, BACKWARD, SUMS, PARTS }; /* values */

static bool is_transposed(const clade__layer *layer)
{
    return layer->type == &clade__layer_conv_transpose2d;
}

/* The sizes for n samples, which were checked when the layer was built; of a transposed one those of the
 * convolution that it is the way back of. */
static clade_status sizes_of(const clade__layer *layer, int64_t n, clade__conv *conv)
{
    clade_shape x = clade__batch_shape(n, layer->inputs[0]->shape);
    const clade_conv2d_options *o = layer->options;
    const clade_conv_transpose2d_options *t = layer->options;
    return is_transposed(layer)
               ? clade__conv_transposed_of(conv, x, t->out_channels, t->kernel_size, &t->window)
               : clade__conv_of(conv, x, o->out_channels, o->kernel_size, &o->window);
}

/* Glorot's and He's schemes are for weights: their biases start at 0, unless told otherwise. */
static bool is_of_weights(clade_init_kind kind)
{
    return kind == CLADE_INIT_XAVIER || kind == CLADE_INIT_HE;
}

static clade_init bias_init_of(const clade_init *bias, const clade_init *weight)
{
    bool by_weight = bias->kind == CLADE_INIT_DEFAULT && is_of_weights(weight->kind);
    if (by_weight || is_of_weights(bias->kind)) return (clade_init){.kind = CLADE_INIT_CONSTANT};
    return *bias;
}

static bool has_bias(const clade__layer *layer)
{
    const clade_conv2d_options *o = layer->options;
    const clade_conv_transpose2d_options *t = layer->options;
    return is_transposed(layer) ? !t->no_bias : !o->no_bias;
}

/* Sets parameters and output. fan_in and fan_out are PyTorch's, which goes by the weight's shape alone. */
static clade_status set_sizes(clade__layer *layer, const clade_init *of_weights, const clade_init *of_biases)
{
    char text[CLADE__SHAPE_TEXT_BYTES];
    clade__conv conv;
    if (layer->inputs[0]->shape.rank != 3)
        return clade__fail(CLADE_ESHAPE, "%s: a sample is %s, want (channels, height, width)",
                           layer->type->name,
                           clade__shape_text(text, sizeof text, layer->inputs[0]->shape));
    CLADE_TRY(sizes_of(layer, 1, &conv));
    clade_shape weight = clade__conv_weight_shape(&conv);
    clade_shape y = is_transposed(layer) ? CLADE_SHAPE(conv.c, conv.h, conv.w)
                                         : CLADE_SHAPE(conv.oc, conv.oh, conv.ow);
    int64_t taps = (int64_t)conv.kernel[0] * conv.kernel[1];
    const clade__parameter_spec of_weight = {weight, *of_weights, weight.dim[1] * taps, conv.oc * taps};
    CLADE_TRY(clade__layer_parameter(layer, WEIGHT, &of_weight));
    if (has_bias(layer)) {
        const clade__parameter_spec of_bias = {CLADE_SHAPE(y.dim[0]), bias_init_of(of_biases, of_weights),
                                               of_weight.fan_in, of_weight.fan_out};
        CLADE_TRY(clade__layer_parameter(layer, BIAS, &of_bias));
    }
    return clade__layer_output(layer, CLADE_FLOAT32, y);
}

static clade_status infer(clade__layer *layer)
{
    const clade_conv2d_options *o = layer->options;
    return set_sizes(layer, &o->weight_init, &o->bias_init);
}

static clade_status infer_transposed(clade__layer *layer)
{
    const clade_conv_transpose2d_options *o = layer->options;
    return set_sizes(layer, &o->weight_init, &o->bias_init);
}

static clade_status values(const clade__layer *layer, int64_t batch, clade__layer_values *v)
{
    clade__conv conv;
    CLADE_TRY(sizes_of(layer, batch, &conv));
    clade__conv2d_needs needs = is_transposed(layer)
                                    ? clade__conv_transpose2d_needs_of(&conv, has_bias(layer))
                                    : clade__conv2d_needs_of(&conv, has_bias(layer));
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

static clade__conv2d_memory backward_memory(const clade__layer_io *io)
{
    return (clade__conv2d_memory){value_of(io, BACKWARD), value_of(io, SUMS), value_of(io, PARTS)};
}

static clade__epilogue epilogue_of(const clade__layer_io *io)
{
    return (clade__epilogue){io->parameters[BIAS].value, io->fused, io->fused_slope};
}

static clade__conv2d_gradients gradients_of(const clade__layer_io *io)
{
    const clade__parameter_io *weight = &io->parameters[WEIGHT], *bias = &io->parameters[BIAS];
    return (clade__conv2d_gradients){io->wanted[0] ? &io->dx[0] : NULL, weight->grad, bias->grad,
                                     io->add[0], weight->add, bias->add};
}

static clade_status forward(clade__commands *commands, const clade__layer_io *io)
{
    const clade_conv2d_options *o = io->layer->options;
    const clade__conv2d_work work = {.window = &o->window, .memory.scratch = value_of(io, FORWARD)};
    const clade__epilogue epilogue = epilogue_of(io);
    return clade__conv2d_forward(commands, &work, &io->y[0], &io->x[0], io->parameters[WEIGHT].value,
                                 &epilogue);
}

static clade_status backward(clade__commands *commands, const clade__layer_io *io)
{
    const clade_conv2d_options *o = io->layer->options;
    const clade__conv2d_work work = {.window = &o->window, .memory = backward_memory(io)};
    const clade__conv2d_gradients gradients = gradients_of(io);
    return clade__conv2d_backward(commands, &work, &gradients, &io->x[0], io->parameters[WEIGHT].value,
                                  &io->dy[0]);
}

static clade_status forward_transposed(clade__commands *commands, const clade__layer_io *io)
{
    const clade_conv_transpose2d_options *o = io->layer->options;
    const clade__conv_transpose2d_work work = {.window = &o->window,
                                               .memory.scratch = value_of(io, FORWARD)};
    const clade__epilogue epilogue = epilogue_of(io);
    return clade__conv_transpose2d_forward(commands, &work, &io->y[0], &io->x[0],
                                           io->parameters[WEIGHT].value, &epilogue);
}

static clade_status backward_transposed(clade__commands *commands, const clade__layer_io *io)
{
    const clade_conv_transpose2d_options *o = io->layer->options;
    const clade__conv_transpose2d_work work = {.window = &o->window, .memory = backward_memory(io)};
    const clade__conv2d_gradients gradients = gradients_of(io);
    return clade__conv_transpose2d_backward(commands, &work, &gradients, &io->x[0],
                                            io->parameters[WEIGHT].value, &io->dy[0]);
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

/* A transposed convolution's output is the convolution's input. */
static void add_transposed(const void *user, int64_t x, int64_t y, int64_t w)
{
    add_product(user, y, x, w);
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
    for_products(f, is_transposed(f->layer) ? add_transposed : add_product, f);
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

static void add_transposed_gradients(const void *user, int64_t x, int64_t y, int64_t w)
{
    add_gradients(user, y, x, w);
}

static void formula_backward(const clade__formula *f, const clade__formula_gradients *g)
{
    int64_t n = f->n * clade_shape_elements(f->layer->outputs[0].shape);
    for (int64_t y = 0; g->dw[BIAS] && y < n; y++) g->dw[BIAS][channel_of(f, y)] += g->dy[0][y];
    for_products(f, is_transposed(f->layer) ? add_transposed_gradients : add_gradients,
                 &(const way_back){f, g});
}

/* ---- the rows ---------------------------------------------------------------------------------- */

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

#undef AT
#define AT(member) offsetof(clade_conv_transpose2d_options, member)

static const clade__option transposed_options[] = {
    {"out_channels", CLADE__OPTION_WHOLE, AT(out_channels), true, 0, 1, INT32_MAX},
    {"kernel_size", CLADE__OPTION_PAIR, AT(kernel_size), true, 0, 1, INT32_MAX},
    {"stride", CLADE__OPTION_PAIR, AT(window.stride), false, 1, 1, INT32_MAX},
    {"padding", CLADE__OPTION_PAIR, AT(window.padding), false, 0, 0, INT32_MAX},
    {"output_padding", CLADE__OPTION_PAIR, AT(window.output_padding), false, 0, 0, INT32_MAX},
    {"dilation", CLADE__OPTION_PAIR, AT(window.dilation), false, 1, 1, INT32_MAX},
    {"groups", CLADE__OPTION_WHOLE, AT(window.groups), false, 1, 1, INT32_MAX},
    {"bias", CLADE__OPTION_NO_FLAG, AT(no_bias), .fallback = 1},
    {.key = "init", CLADE__OPTION_INIT, AT(weight_init)},
    {.key = "bias_init", CLADE__OPTION_INIT, AT(bias_init)},
    {NULL}};

static const clade__parameter_row parameters[] = {
    [WEIGHT] = {"weight", .trained = true, .decays = true}, [BIAS] = {"bias", .trained = true}, {NULL}};

/* Each element of y is of one kernel of the weight; of a transposed one each element of x is. */
static int64_t products(const clade__layer *layer)
{
    const clade_shape *weight = &clade__parameter_of(layer, WEIGHT)->shape;
    clade_shape image = is_transposed(layer) ? layer->inputs[0]->shape : layer->outputs[0].shape;
    return clade_shape_elements(*weight) / weight->dim[0] * clade_shape_elements(image);
}

const clade__layer_type clade__layer_conv2d = {
    .name = "conv2d", .n_inputs = 1, .options_bytes = sizeof(clade_conv2d_options), .options = options,
    .parameters = parameters, .takes_activation = true, .takes_scale = true, .reads_x = true, .adds = true,
    .infer = infer, .values = values, .forward = forward, .backward = backward, .products = products,
    .formula = formula, .formula_backward = formula_backward};

const clade__layer_type clade__layer_conv_transpose2d = {
    .name = "conv_transpose2d", .n_inputs = 1, .options_bytes = sizeof(clade_conv_transpose2d_options),
    .options = transposed_options, .parameters = parameters, .takes_activation = true, .reads_x = true,
    .adds = true, .infer = infer_transposed, .values = values, .forward = forward_transposed,
    .backward = backward_transposed, .products = products, .formula = formula,
    .formula_backward = formula_backward};

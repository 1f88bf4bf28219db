/* The layer table. A new layer is an operation in ops/, and a row here. */
#include <math.h>
#include <string.h>

#include "graph/layer.h"

/* ---- linear ---------------------------------------------------------------------------------- */

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

static clade_status check_init(const char *key, const clade_init *init)
{
    if ((unsigned)init->kind > CLADE_INIT_CONSTANT)
        return clade__fail(CLADE_EINVAL, "linear: %s has unknown kind %d", key, (int)init->kind);
    if (!isfinite(init->mean) || !isfinite(init->value) || !(init->std >= 0.0f) ||
        !isfinite(init->std))
        return clade__fail(CLADE_EINVAL, "linear: %s has mean %g, std %g and value %g, want numbers, "
                           "and std at least 0", key, (double)init->mean, (double)init->std,
                           (double)init->value);
    return CLADE_OK;
}

static clade_status linear_infer(clade_node *node)
{
    const clade_linear_options *options = &node->options.linear;
    int64_t units = options->units, in = clade_shape_elements(node->inputs[0]->shape);
    if (units < 1 || units > INT32_MAX)
        return clade__fail(CLADE_EINVAL, "linear: units is %lld, want at least 1",
                           (long long)units);
    CLADE_TRY(check_init("weight_init", &options->weight_init));
    CLADE_TRY(check_init("bias_init", &options->bias_init));
    node->shape = CLADE_SHAPE(units);
    CLADE_TRY(clade__node_add_parameter(node, "weight", CLADE_SHAPE(units, in),
                                        options->weight_init, in, units, false));
    if (options->no_bias) return CLADE_OK;
    return clade__node_add_parameter(node, "bias", CLADE_SHAPE(units), bias_init_of(options), in,
                                     units, true);
}

static clade__parameter *parameter_of(const clade_node *node, int i)
{
    return i < node->n_parameters ? &node->model->parameters[node->parameters[i]] : NULL;
}

static clade_tensor flat(const clade_tensor *tensor)
{
    int64_t rows = tensor->shape.dim[0];
    return clade__tensor_reshaped(tensor,
                                  CLADE_SHAPE(rows, clade_shape_elements(tensor->shape) / rows));
}

static clade_status linear_forward(clade__commands *commands, const clade__layer_io *io)
{
    clade_tensor x = flat(io->x[0]);
    const clade__parameter *weight = parameter_of(io->node, 0), *bias = parameter_of(io->node, 1);
    return clade__linear_forward(commands, io->y, &x, weight->value, bias ? bias->value : NULL,
                                 io->fused, io->fused_slope);
}

static clade_status linear_backward(clade__commands *commands, const clade__layer_io *io)
{
    clade_tensor x = flat(io->x[0]), dx;
    if (io->dx[0]) dx = flat(io->dx[0]);
    const clade__parameter *weight = parameter_of(io->node, 0), *bias = parameter_of(io->node, 1);
    CLADE_TRY(clade__linear_backward(commands, io->dx[0] ? &dx : NULL, weight->grad,
                                     bias ? bias->grad : NULL, &x, weight->value, io->dy,
                                     io->add, false));
    if (!weight->fused) return CLADE_OK; /* else neither has a gradient to store */
    const clade__sgd_state state = {.velocity = weight->state[0],
                                    .bias = bias ? bias->value : NULL,
                                    .bias_velocity = bias ? bias->state[0] : NULL};
    clade__sgd_rates rates = clade__optimizer_sgd_rates(io->node->model);
    return clade__linear_update(commands, weight->value, &state, &x, io->dy, &rates);
}

static int linear_gemm_calls(const clade_node *node, int64_t batch, bool training,
                             clade_gemm_args calls[CLADE__MAX_GEMMS])
{
    int64_t out = node->options.linear.units, in = clade_shape_elements(node->inputs[0]->shape);
    calls[CLADE__GEMM_FORWARD] = (clade_gemm_args){
        .m = batch, .n = out, .k = in, .trans_b = true, .lda = in, .ldb = in, .ldc = out};
    calls[CLADE__GEMM_WEIGHT_GRAD] = (clade_gemm_args){
        .m = out, .n = in, .k = batch, .trans_a = true, .lda = out, .ldb = in, .ldc = in};
    calls[CLADE__GEMM_INPUT_GRAD] = (clade_gemm_args){
        .m = batch, .n = in, .k = out, .lda = out, .ldb = in, .ldc = in};
    return !training                    ? CLADE__GEMM_WEIGHT_GRAD
           : node->inputs[0]->needs_grad ? CLADE__MAX_GEMMS
                                         : CLADE__GEMM_INPUT_GRAD;
}

/* ---- element by element ---------------------------------------------------------------------- */

static clade_status same_infer(clade_node *node)
{
    node->shape = node->inputs[0]->shape;
    return CLADE_OK;
}

static clade_status leaky_relu_infer(clade_node *node)
{
    if (!(node->options.slope > 0.0f) || !isfinite(node->options.slope))
        return clade__fail(CLADE_EINVAL, "leaky_relu: slope is %g, want a number above 0",
                           (double)node->options.slope);
    return same_infer(node);
}

static clade_status activation_forward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__activation_forward(commands, io->node->type->activation, io->node->options.slope,
                                     io->y, io->x[0]);
}

static clade_status activation_backward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__activation_backward(commands, io->node->type->activation, io->node->options.slope,
                                      io->dx[0], io->x[0], io->y, io->dy, false);
}

static clade_status add_infer(clade_node *node)
{
    char a[64], b[64];
    if (!clade__shape_equal(node->inputs[0]->shape, node->inputs[1]->shape))
        return clade__fail(CLADE_ESHAPE, "add: inputs are %s and %s, want one shape",
                           clade__shape_text(a, sizeof a, node->inputs[0]->shape),
                           clade__shape_text(b, sizeof b, node->inputs[1]->shape));
    return same_infer(node);
}

static clade_status add_forward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__add_forward(commands, io->y, io->x[0], io->x[1]);
}

/* Each input's gradient is dy: where it is not dy itself, a copy by the identity. */
static clade_status add_backward(clade__commands *commands, const clade__layer_io *io)
{
    for (int i = 0; i < 2; i++)
        if (io->dx[i])
            CLADE_TRY(clade__activation_forward(commands, CLADE_IDENTITY, 0.0f, io->dx[i], io->dy));
    return CLADE_OK;
}

/* ---- dropout --------------------------------------------------------------------------------- */

static clade_status dropout_infer(clade_node *node)
{
    float p = node->options.p;
    if (!(p >= 0.0f && p <= 1.0f))
        return clade__fail(CLADE_EINVAL, "dropout: p is %g, want 0 to 1", (double)p);
    return same_infer(node);
}

/* Forward from x, and backward, which draws the same mask, from dy. */
static clade_status dropout(clade__commands *commands, const clade__layer_io *io, clade_tensor *y,
                            const clade_tensor *x)
{
    const clade_model *model = io->node->model;
    clade_tensor from = flat(x), to = flat(y);
    return clade__dropout(commands, &to, &from,
                          &(clade__dropout_mask){.p = io->node->options.p, .seed = model->seed,
                                                 .layer = io->node->index,
                                                 .step = &model->mask_step,
                                                 .first_row = &model->first_row},
                          false);
}

static clade_status dropout_forward(clade__commands *commands, const clade__layer_io *io)
{
    return dropout(commands, io, io->y, io->x[0]);
}

static clade_status dropout_backward(clade__commands *commands, const clade__layer_io *io)
{
    return dropout(commands, io, io->dx[0], io->dy);
}

/* ---- softmax --------------------------------------------------------------------------------- */

static clade_status softmax_forward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__softmax_forward(commands, io->y, io->x[0]);
}

static clade_status softmax_backward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__softmax_backward(commands, io->dx[0], io->y, io->dy, false);
}

static clade_status log_softmax_forward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__log_softmax_forward(commands, io->y, io->x[0]);
}

static clade_status log_softmax_backward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__log_softmax_backward(commands, io->dx[0], io->y, io->dy, false);
}

/* ---- reductions of a sample ------------------------------------------------------------------ */

static clade_status reduce_infer(clade_node *node)
{
    const clade_shape *x = &node->inputs[0]->shape;
    int dim = node->options.dim;
    if (dim != CLADE_ALL && (dim < 0 || dim >= x->rank))
        return clade__fail(CLADE_ESHAPE, "%s: dim is %d, and a sample has %d dimension%s",
                           node->type->name, dim, x->rank, x->rank == 1 ? "" : "s");
    if (dim == CLADE_ALL || x->rank == 1) {
        node->shape = CLADE_SHAPE(1);
    } else {
        for (int i = 0; i < x->rank; i++)
            if (i != dim) node->shape.dim[node->shape.rank++] = x->dim[i];
    }
    if (node->type->reduction == CLADE_ARGMAX) node->dtype = CLADE_INT32;
    return CLADE_OK;
}

/* Over all of a sample is over the columns of (batch, elements). */
static int reduce_view(const clade__layer_io *io, const clade_tensor *tensor, clade_tensor *view)
{
    bool all = io->node->options.dim == CLADE_ALL;
    *view = all ? flat(tensor) : *tensor;
    return all ? 1 : io->node->options.dim + 1;
}

static clade_status reduce_forward(clade__commands *commands, const clade__layer_io *io)
{
    clade_tensor x;
    int dim = reduce_view(io, io->x[0], &x);
    return clade__reduce_forward(commands, io->node->type->reduction, dim, io->y, &x, io->scratch);
}

static clade_status reduce_backward(clade__commands *commands, const clade__layer_io *io)
{
    clade_tensor x, dx;
    int dim = reduce_view(io, io->x[0], &x);
    reduce_view(io, io->dx[0], &dx);
    return clade__reduce_backward(commands, io->node->type->reduction, dim, &dx, &x, io->dy,
                                  false);
}

static int64_t reduce_scratch(const clade_node *node, int64_t batch)
{
    clade_shape x = node->inputs[0]->shape;
    if (node->options.dim == CLADE_ALL)
        return clade__reduce_scratch(1, CLADE_SHAPE(batch, clade_shape_elements(x)));
    return clade__reduce_scratch(node->options.dim + 1, clade__batch_shape(batch, x));
}

/* ---- the table ------------------------------------------------------------------------------- */

#define ACTIVATION(text, kind, reads_x, infer_function, key)                                       \
    {                                                                                              \
        .name = text, .n_inputs = 1, .keys = {key}, .activation = kind,                            \
        .backward_reads_x = reads_x, .backward_reads_y = !(reads_x), .backward_in_place = true,    \
        .infer = infer_function, .forward = activation_forward, .backward = activation_backward    \
    }

#define REDUCTION(text, kind, reads_x, backward_function)                                          \
    {                                                                                              \
        .name = text, .n_inputs = 1, .keys = {"dim"}, .reduction = kind,                           \
        .backward_reads_x = reads_x, .infer = reduce_infer, .forward = reduce_forward,             \
        .backward = backward_function, .scratch = reduce_scratch                                   \
    }

const clade__layer_type clade__layer_types[] = {
    {.name = "linear", .n_inputs = 1, .keys = {"units", "bias", "init", "bias_init"},
     .backward_reads_x = true, .infer = linear_infer, .forward = linear_forward,
     .backward = linear_backward, .gemm_calls = linear_gemm_calls},
    ACTIVATION("sigmoid", CLADE_SIGMOID, false, same_infer, NULL),
    ACTIVATION("tanh", CLADE_TANH, false, same_infer, NULL),
    ACTIVATION("relu", CLADE_RELU, false, same_infer, NULL),
    ACTIVATION("leaky_relu", CLADE_LEAKY_RELU, false, leaky_relu_infer, "slope"),
    ACTIVATION("gelu", CLADE_GELU, true, same_infer, NULL),
    {.name = "dropout", .n_inputs = 1, .keys = {"p"}, .backward_in_place = true,
     .only_trains = true, .infer = dropout_infer, .forward = dropout_forward,
     .backward = dropout_backward},
    {.name = "softmax", .n_inputs = 1, .backward_reads_y = true, .infer = same_infer,
     .forward = softmax_forward, .backward = softmax_backward},
    {.name = "log_softmax", .n_inputs = 1, .backward_reads_y = true, .infer = same_infer,
     .forward = log_softmax_forward, .backward = log_softmax_backward},
    {.name = "add", .n_inputs = 2, .infer = add_infer, .forward = add_forward,
     .backward = add_backward},
    REDUCTION("sum", CLADE_SUM, false, reduce_backward),
    REDUCTION("mean", CLADE_MEAN, false, reduce_backward),
    REDUCTION("max", CLADE_MAX, true, reduce_backward),
    REDUCTION("argmax", CLADE_ARGMAX, false, NULL),
};

const int clade__n_layer_types = (int)(sizeof clade__layer_types / sizeof clade__layer_types[0]);

const clade__layer_type *clade__layer_type_of(const char *name)
{
    for (int i = 0; i < clade__n_layer_types; i++)
        if (strcmp(clade__layer_types[i].name, name) == 0) return &clade__layer_types[i];
    return NULL;
}

int clade__gemm_calls(const clade_node *node, int64_t batch, bool training,
                      clade_gemm_args calls[CLADE__MAX_GEMMS])
{
    if (!node->type || !node->type->gemm_calls) return 0;
    return node->type->gemm_calls(node, batch, training, calls);
}

clade_shape clade__batch_shape(int64_t batch, clade_shape sample)
{
    clade_shape shape = {.rank = sample.rank + 1, .dim = {batch}};
    for (int i = 0; i < sample.rank; i++) shape.dim[i + 1] = sample.dim[i];
    return shape;
}

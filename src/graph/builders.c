/* The public builders of layers. */
#include "graph/layer.h"
#include "graph/model.h"

static clade_node *add_named(const clade__layer_type *type, const char *name, clade_node *x,
                             const void *options)
{
    if (!x) return NULL;
    return clade__graph_add(&(clade__layer_spec){.type = type, .name = name, .inputs = &x,
                                                 .n_inputs = 1, .options = options});
}

static clade_node *add_layer(const clade__layer_type *type, clade_node *x, const void *options)
{
    return add_named(type, NULL, x, options);
}

/* False where there is no x, or its graph now has the error. */
static bool keep_status(clade_node *x, clade_status status)
{
    if (x) clade__graph_keep_error(x->layer->graph, status);
    return x && status == CLADE_OK;
}

clade_node *clade_input(clade_model *model, clade_shape sample)
{
    return model ? clade__graph_add_input(&model->graph, NULL, CLADE_FLOAT32, sample) : NULL;
}

clade_node *clade_input_named(clade_model *model, const char *name, clade_dtype dtype,
                              clade_shape sample)
{
    return model ? clade__graph_add_input(&model->graph, name, dtype, sample) : NULL;
}

clade_node *clade_linear(clade_node *x, int64_t units)
{
    return clade_linear_with(x, &(clade_linear_options){.units = units});
}

static clade_status check_linear(const clade_linear_options *options)
{
    if (!options) return clade__fail(CLADE_EINVAL, "clade_linear_with: options is NULL");
    CLADE_WANT_UNUSED("linear", options->reserved);
    return CLADE_OK;
}

clade_node *clade_linear_with(clade_node *x, const clade_linear_options *options)
{
    clade__shared shared[2];
    int n_shared = 0;
    if (!x) return NULL;
    clade_status status = check_linear(options);
    if (status != CLADE_OK) {
        clade__graph_keep_error(x->layer->graph, status);
        return NULL;
    }
    if (options->shared_weight) shared[n_shared++] = (clade__shared){"weight", options->shared_weight};
    if (options->shared_bias) shared[n_shared++] = (clade__shared){"bias", options->shared_bias};
    return clade__graph_add(&(clade__layer_spec){.type = &clade__layer_linear, .name = options->name,
                                                 .inputs = &x, .n_inputs = 1, .options = options,
                                                 .shared = shared, .n_shared = n_shared});
}

clade_node *clade_conv2d(clade_node *x, int64_t out_channels, int64_t kernel_size, int64_t padding)
{
    return clade_conv2d_with(x, &(clade_conv2d_options){.out_channels = out_channels,
                                                        .kernel_size = {kernel_size},
                                                        .window.padding = {padding, padding}});
}

static clade_status check_conv2d(const clade_conv2d_options *options)
{
    if (!options) return clade__fail(CLADE_EINVAL, "clade_conv2d_with: options is NULL");
    CLADE_WANT_UNUSED("conv2d", options->reserved);
    CLADE_WANT_UNUSED("conv2d", options->window.reserved);
    return CLADE_OK;
}

/* The options as a description has them: with a number in the place of a 0 that stands for one. */
static clade_conv2d_options complete(const clade_conv2d_options *options)
{
    clade_conv2d_options o = *options;
    if (o.kernel_size[1] == 0) o.kernel_size[1] = o.kernel_size[0];
    if (o.window.groups == 0) o.window.groups = 1;
    for (int d = 0; d < 2; d++) {
        if (o.window.stride[d] == 0) o.window.stride[d] = 1;
        if (o.window.dilation[d] == 0) o.window.dilation[d] = 1;
    }
    return o;
}

clade_node *clade_conv2d_with(clade_node *x, const clade_conv2d_options *options)
{
    clade__shared shared[2];
    int n_shared = 0;
    if (!x) return NULL;
    clade_status status = check_conv2d(options);
    if (status != CLADE_OK) {
        clade__graph_keep_error(x->layer->graph, status);
        return NULL;
    }
    if (options->shared_weight) shared[n_shared++] = (clade__shared){"weight", options->shared_weight};
    if (options->shared_bias) shared[n_shared++] = (clade__shared){"bias", options->shared_bias};
    clade_conv2d_options whole = complete(options);
    return clade__graph_add(&(clade__layer_spec){.type = &clade__layer_conv2d, .name = options->name,
                                                 .inputs = &x, .n_inputs = 1, .options = &whole,
                                                 .shared = shared, .n_shared = n_shared});
}

clade_node *clade_conv_transpose2d(clade_node *x, int64_t out_channels, int64_t kernel_size, int64_t stride)
{
    return clade_conv_transpose2d_with(
        x, &(clade_conv_transpose2d_options){.out_channels = out_channels, .kernel_size = {kernel_size},
                                             .window.stride = {stride, stride}});
}

static clade_status check_conv_transpose2d(const clade_conv_transpose2d_options *options)
{
    if (!options) return clade__fail(CLADE_EINVAL, "clade_conv_transpose2d_with: options is NULL");
    CLADE_WANT_UNUSED("conv_transpose2d", options->reserved);
    CLADE_WANT_UNUSED("conv_transpose2d", options->window.reserved);
    return CLADE_OK;
}

clade_node *clade_conv_transpose2d_with(clade_node *x, const clade_conv_transpose2d_options *options)
{
    clade__shared shared[2];
    int n_shared = 0;
    if (!keep_status(x, check_conv_transpose2d(options))) return NULL;
    if (options->shared_weight) shared[n_shared++] = (clade__shared){"weight", options->shared_weight};
    if (options->shared_bias) shared[n_shared++] = (clade__shared){"bias", options->shared_bias};
    clade_conv_transpose2d_options whole = *options;
    if (whole.kernel_size[1] == 0) whole.kernel_size[1] = whole.kernel_size[0];
    if (whole.window.groups == 0) whole.window.groups = 1;
    for (int d = 0; d < 2; d++) {
        if (whole.window.stride[d] == 0) whole.window.stride[d] = 1;
        if (whole.window.dilation[d] == 0) whole.window.dilation[d] = 1;
    }
    return clade__graph_add(&(clade__layer_spec){.type = &clade__layer_conv_transpose2d,
                                                 .name = options->name, .inputs = &x, .n_inputs = 1,
                                                 .options = &whole, .shared = shared,
                                                 .n_shared = n_shared});
}

clade_node *clade_sigmoid(clade_node *x)
{
    return add_layer(&clade__layer_sigmoid, x, NULL);
}

clade_node *clade_tanh(clade_node *x)
{
    return add_layer(&clade__layer_tanh, x, NULL);
}

clade_node *clade_relu(clade_node *x)
{
    return add_layer(&clade__layer_relu, x, NULL);
}

clade_node *clade_leaky_relu(clade_node *x, float slope)
{
    return add_layer(&clade__layer_leaky_relu, x, slope == 0.0f ? NULL : &slope);
}

clade_node *clade_gelu(clade_node *x)
{
    return add_layer(&clade__layer_gelu, x, NULL);
}

clade_node *clade_dropout(clade_node *x, float p)
{
    return add_layer(&clade__layer_dropout, x, &p);
}

clade_node *clade_softmax(clade_node *x)
{
    return add_layer(&clade__layer_softmax, x, NULL);
}

clade_node *clade_log_softmax(clade_node *x)
{
    return add_layer(&clade__layer_log_softmax, x, NULL);
}

clade_node *clade_flatten(clade_node *x)
{
    return add_layer(&clade__layer_flatten, x, NULL);
}

clade_node *clade_add(clade_node *a, clade_node *b)
{
    clade_node *inputs[] = {a, b};
    return clade__graph_add(&(clade__layer_spec){.type = &clade__layer_add, .inputs = inputs,
                                                 .n_inputs = 2});
}

clade_node *clade_multiply(clade_node *a, clade_node *b)
{
    clade_node *inputs[] = {a, b};
    return clade__graph_add(&(clade__layer_spec){.type = &clade__layer_multiply, .inputs = inputs,
                                                 .n_inputs = 2});
}

clade_node *clade_reshape(clade_node *x, clade_shape sample)
{
    clade__sizes sizes = {.n = sample.rank}; /* out of range, it is refused with the layer's options */
    for (int i = 0; i < sample.rank && i < CLADE_MAX_RANK; i++) sizes.list[i] = sample.dim[i];
    return add_layer(&clade__layer_reshape, x, &sizes);
}

clade_node *clade_upsample(clade_node *x, int64_t scale_factor)
{
    return add_layer(&clade__layer_upsample, x, &(clade__upsample_options){{scale_factor, scale_factor}});
}

clade_node *clade_concat(clade_node *const *nodes, int n, int dim)
{
    int64_t option = dim;
    if (!nodes) return NULL;
    return clade__graph_add(&(clade__layer_spec){.type = &clade__layer_concat, .inputs = nodes,
                                                 .n_inputs = n, .options = &option});
}

clade_node *clade_slice(clade_node *x, int dim, int64_t start, int64_t length)
{
    return add_layer(&clade__layer_slice, x, &(clade__slice_options){dim, start, length});
}

clade_node *clade_split(clade_node *x, int dim, const int64_t *sizes, int n)
{
    clade__split_options options = {.dim = dim};
    if (!x) return NULL;
    if (!sizes) {
        clade__graph_keep_error(x->layer->graph,
                                clade__fail(CLADE_EINVAL, "clade_split: sizes is NULL"));
        return NULL;
    }
    options.sizes.n = n; /* out of range, it is refused with the layer's options */
    for (int i = 0; i < n && i < CLADE__MAX_SIZES; i++) options.sizes.list[i] = sizes[i];
    return add_layer(&clade__layer_split, x, &options);
}

clade_node *clade_batch_norm(clade_node *x)
{
    return clade_batch_norm_with(x, &(clade_batch_norm_options){0});
}

static clade_status check_batch_norm(const clade_batch_norm_options *options)
{
    if (!options) return clade__fail(CLADE_EINVAL, "clade_batch_norm_with: options is NULL");
    CLADE_WANT_UNUSED("batch_norm", options->reserved);
    return CLADE_OK;
}

clade_node *clade_batch_norm_with(clade_node *x, const clade_batch_norm_options *options)
{
    if (!keep_status(x, check_batch_norm(options))) return NULL;
    clade_batch_norm_options whole = *options;
    if (whole.momentum == 0.0f) whole.momentum = 0.1f;
    if (whole.epsilon == 0.0f) whole.epsilon = 1e-5f;
    return add_named(&clade__layer_batch_norm, options->name, x, &whole);
}

clade_node *clade_group_norm(clade_node *x, int64_t num_groups)
{
    return clade_group_norm_with(x, &(clade_group_norm_options){.num_groups = num_groups});
}

static clade_status check_group_norm(const clade_group_norm_options *options)
{
    if (!options) return clade__fail(CLADE_EINVAL, "clade_group_norm_with: options is NULL");
    CLADE_WANT_UNUSED("group_norm", options->reserved);
    return CLADE_OK;
}

clade_node *clade_group_norm_with(clade_node *x, const clade_group_norm_options *options)
{
    if (!keep_status(x, check_group_norm(options))) return NULL;
    clade_group_norm_options whole = *options;
    if (whole.epsilon == 0.0f) whole.epsilon = 1e-5f;
    return add_named(&clade__layer_group_norm, options->name, x, &whole);
}

clade_node *clade_max_pool2d(clade_node *x, int64_t kernel_size)
{
    return clade_max_pool2d_with(x, &(clade_max_pool2d_options){.kernel_size = {kernel_size}});
}

static clade_status check_max_pool2d(const clade_max_pool2d_options *options)
{
    if (!options) return clade__fail(CLADE_EINVAL, "clade_max_pool2d_with: options is NULL");
    CLADE_WANT_UNUSED("max_pool2d", options->reserved);
    return CLADE_OK;
}

clade_node *clade_max_pool2d_with(clade_node *x, const clade_max_pool2d_options *options)
{
    if (!keep_status(x, check_max_pool2d(options))) return NULL;
    clade_max_pool2d_options whole = *options;
    if (whole.kernel_size[1] == 0) whole.kernel_size[1] = whole.kernel_size[0];
    return add_named(&clade__layer_max_pool2d, options->name, x, &whole);
}

clade_node *clade_avg_pool2d(clade_node *x, int64_t kernel_size)
{
    return clade_avg_pool2d_with(x, &(clade_avg_pool2d_options){.kernel_size = {kernel_size}});
}

static clade_status check_avg_pool2d(const clade_avg_pool2d_options *options)
{
    if (!options) return clade__fail(CLADE_EINVAL, "clade_avg_pool2d_with: options is NULL");
    CLADE_WANT_UNUSED("avg_pool2d", options->reserved);
    return CLADE_OK;
}

clade_node *clade_avg_pool2d_with(clade_node *x, const clade_avg_pool2d_options *options)
{
    if (!keep_status(x, check_avg_pool2d(options))) return NULL;
    clade_avg_pool2d_options whole = *options;
    if (whole.kernel_size[1] == 0) whole.kernel_size[1] = whole.kernel_size[0];
    return add_named(&clade__layer_avg_pool2d, options->name, x, &whole);
}

clade_node *clade_adaptive_avg_pool2d(clade_node *x, int64_t height, int64_t width)
{
    return add_layer(&clade__layer_adaptive_avg_pool2d, x,
                     &(clade__adaptive_options){{height, width}});
}

static clade_node *add_reduction(const clade__layer_type *type, clade_node *x, int dim)
{
    int64_t option = dim;
    return add_layer(type, x, &option);
}

clade_node *clade_sum(clade_node *x, int dim)
{
    return add_reduction(&clade__layer_sum, x, dim);
}

clade_node *clade_mean(clade_node *x, int dim)
{
    return add_reduction(&clade__layer_mean, x, dim);
}

clade_node *clade_max(clade_node *x, int dim)
{
    return add_reduction(&clade__layer_max, x, dim);
}

clade_node *clade_argmax(clade_node *x, int dim)
{
    return add_reduction(&clade__layer_argmax, x, dim);
}

clade_node *clade_output(clade_node *node, int output)
{
    if (!node) return NULL;
    clade__layer *layer = node->layer;
    if (output >= 0 && output < layer->n_outputs) return &layer->outputs[output];
    clade__graph_keep_error(layer->graph, clade__fail(CLADE_EINVAL, "clade_output: output %d of layer "
                                                      "'%s', which has %d", output, layer->name,
                                                      layer->n_outputs));
    return NULL;
}

clade_status clade_add_loss(clade_node *prediction, clade_node *target, const clade_loss_options *options)
{
    CLADE_WANT(prediction);
    CLADE_WANT(target);
    CLADE_WANT(options);
    CLADE_WANT_UNUSED("loss", options->reserved);
    clade__loss loss = {.kind = options->kind, .prediction = prediction, .target = target,
                        .weight = options->weight == 0.0f ? 1.0f : options->weight,
                        .ignores = options->ignores, .ignore_index = options->ignore_index,
                        .label_smoothing = options->label_smoothing};
    clade__graph *graph = prediction->layer->graph;
    CLADE_TRY(clade__graph_error(graph));
    if (target->layer->graph != graph)
        return clade__fail(CLADE_EINVAL, "loss: prediction and target are of different models");
    if (target->layer->type)
        return clade__fail(CLADE_EINVAL, "loss: the target '%s' is not an input of the network",
                           target->layer->name);
    return clade__graph_add_loss(graph, &loss);
}

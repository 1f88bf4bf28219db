/* NULL, in every place of every public function that does not take it: refused, and named. That no
 * function is forgotten is check_null's business. */
#include "support.h"

#define REFUSED(call, part) assert_fails(call, CLADE_EINVAL, part)

static void devices_are_wanted(void **state)
{
    clade_device *open = *state;
    clade_device_info *list = NULL;
    const clade_profile_entry *entries = NULL;
    clade_profile_totals totals;
    int n = 0;
    size_t n_entries = 0;
    REFUSED(clade_devices(NULL, &n, NULL, 0), "clade_devices: list is NULL");
    REFUSED(clade_devices(&list, NULL, NULL, 0), "clade_devices: n_devices is NULL");
    clade_platform_info *platforms;
    REFUSED(clade_platforms(NULL, &n), "clade_platforms: list is NULL");
    REFUSED(clade_platforms(&platforms, NULL), "clade_platforms: n_platforms is NULL");
    REFUSED(clade_device_open(NULL, NULL), "clade_device_open: out is NULL");
    REFUSED(clade_device_open_units(NULL, NULL, 0), "clade_device_open_units: out is NULL");
    REFUSED(clade_device_finish(NULL), "clade_device_finish: device is NULL");
    REFUSED(clade_profile_begin(NULL), "clade_profile_begin: device is NULL");
    REFUSED(clade_profile_end(NULL, &entries, &n_entries), "clade_profile_end: device is NULL");
    REFUSED(clade_profile_end(open, NULL, &n_entries), "clade_profile_end: entries is NULL");
    REFUSED(clade_profile_end(open, &entries, NULL), "clade_profile_end: n_entries is NULL");
    REFUSED(clade_profile_describe(NULL, &totals), "clade_profile_describe: device is NULL");
    REFUSED(clade_profile_describe(open, NULL), "clade_profile_describe: totals is NULL");
    REFUSED(clade_profile_write_trace(NULL, "x"), "clade_profile_write_trace: device is NULL");
    REFUSED(clade_profile_write_trace(open, NULL), "clade_profile_write_trace: path is NULL");
}

static void tensors_are_wanted(void **state)
{
    float one = 1.0f;
    clade_tensor *made = NULL, *t = test_tensor(*state, CLADE_SHAPE(1), &one);
    REFUSED(clade_tensor_create(NULL, *state, CLADE_FLOAT32, CLADE_SHAPE(1), NULL),
            "clade_tensor_create: out is NULL");
    REFUSED(clade_tensor_create(&made, NULL, CLADE_FLOAT32, CLADE_SHAPE(1), NULL),
            "clade_tensor_create: device is NULL");
    REFUSED(clade_tensor_read(NULL, &one), "clade_tensor_read: tensor is NULL");
    REFUSED(clade_tensor_read(t, NULL), "clade_tensor_read: data is NULL");
    REFUSED(clade_tensor_write(NULL, &one), "clade_tensor_write: tensor is NULL");
    REFUSED(clade_tensor_write(t, NULL), "clade_tensor_write: data is NULL");
    REFUSED(clade_tensor_view(NULL, t, 0, CLADE_SHAPE(1)), "clade_tensor_view: out is NULL");
    REFUSED(clade_tensor_view(&made, NULL, 0, CLADE_SHAPE(1)), "clade_tensor_view: tensor is NULL");
    REFUSED(clade_tensor_fill(NULL, 1.0f), "clade_tensor_fill: tensor is NULL");
    clade_tensor_free(t);
}

static void gemm_wants_its_matrices(void **state)
{
    clade_tensor *t = test_tensor(*state, CLADE_SHAPE(1, 1), NULL);
    clade_gemm_args args = {.m = 1, .n = 1, .k = 1, .lda = 1, .ldb = 1, .ldc = 1};
    REFUSED(clade_gemm(NULL, t, t, false, false, 1.0f, 0.0f), "clade_gemm: c is NULL");
    REFUSED(clade_gemm(t, NULL, t, false, false, 1.0f, 0.0f), "clade_gemm: a is NULL");
    REFUSED(clade_gemm(t, t, NULL, false, false, 1.0f, 0.0f), "clade_gemm: b is NULL");
    REFUSED(clade_gemm_strided(NULL), "clade_gemm_strided: args is NULL");
    REFUSED(clade_gemm_strided(&args), "clade_gemm_strided: args->a is NULL");
    args.a = t;
    REFUSED(clade_gemm_strided(&args), "clade_gemm_strided: args->b is NULL");
    args.b = t;
    REFUSED(clade_gemm_strided(&args), "clade_gemm_strided: args->c is NULL");
    REFUSED(clade_gemm_select(NULL, "auto"), "clade_gemm_select: device is NULL");
    clade_tensor_free(t);
}

static void layers_want_their_tensors(void **state)
{
    clade_tensor *t = test_tensor(*state, CLADE_SHAPE(4, 4), NULL);
    clade_tensor *image = test_tensor(*state, CLADE_SHAPE(1, 1, 1, 1), NULL);
    clade_dropout_args dropout = {.p = 0.5f};
    REFUSED(clade_linear_forward(NULL, t, t, NULL), "linear: y is NULL");
    REFUSED(clade_linear_forward(t, NULL, t, NULL), "linear: x is NULL");
    REFUSED(clade_linear_forward(t, t, NULL, NULL), "linear: weight is NULL");
    REFUSED(clade_linear_backward(NULL, NULL, NULL, NULL, t, t), "linear: x is NULL");
    REFUSED(clade_linear_backward(NULL, NULL, NULL, t, NULL, t), "linear: weight is NULL");
    REFUSED(clade_linear_backward(NULL, NULL, NULL, t, t, NULL), "linear: dy is NULL");
    REFUSED(clade_activation_forward(CLADE_RELU, 0.0f, NULL, t), "relu: y is NULL");
    REFUSED(clade_activation_forward(CLADE_RELU, 0.0f, t, NULL), "relu: x is NULL");
    REFUSED(clade_activation_backward(CLADE_RELU, 0.0f, NULL, NULL, t, t), "relu: dx is NULL");
    REFUSED(clade_activation_backward(CLADE_GELU, 0.0f, t, NULL, t, t), "gelu: x is NULL");
    REFUSED(clade_activation_backward(CLADE_RELU, 0.0f, t, NULL, NULL, t), "relu: y is NULL");
    REFUSED(clade_activation_backward(CLADE_RELU, 0.0f, t, NULL, t, NULL), "relu: dy is NULL");
    REFUSED(clade_softmax_forward(NULL, t), "softmax: y is NULL");
    REFUSED(clade_softmax_forward(t, NULL), "softmax: x is NULL");
    REFUSED(clade_softmax_backward(NULL, t, t), "softmax: dx is NULL");
    REFUSED(clade_softmax_backward(t, NULL, t), "softmax: y is NULL");
    REFUSED(clade_softmax_backward(t, t, NULL), "softmax: dy is NULL");
    REFUSED(clade_log_softmax_forward(NULL, t), "log_softmax: y is NULL");
    REFUSED(clade_log_softmax_forward(t, NULL), "log_softmax: x is NULL");
    REFUSED(clade_log_softmax_backward(NULL, t, t), "log_softmax: dx is NULL");
    REFUSED(clade_log_softmax_backward(t, NULL, t), "log_softmax: y is NULL");
    REFUSED(clade_log_softmax_backward(t, t, NULL), "log_softmax: dy is NULL");
    REFUSED(clade_dropout_forward(NULL, t, &dropout), "dropout: y is NULL");
    REFUSED(clade_dropout_forward(t, NULL, &dropout), "dropout: x is NULL");
    REFUSED(clade_dropout_forward(t, t, NULL), "clade_dropout_forward: args is NULL");
    REFUSED(clade_dropout_backward(NULL, t, &dropout), "clade_dropout_backward: dx is NULL");
    REFUSED(clade_dropout_backward(t, NULL, &dropout), "clade_dropout_backward: dy is NULL");
    REFUSED(clade_dropout_backward(t, t, NULL), "clade_dropout_backward: args is NULL");
    const clade_tensor *const none[] = {NULL};
    REFUSED(clade_conv2d_forward(NULL, image, image, NULL, NULL), "conv2d: y is NULL");
    REFUSED(clade_conv2d_forward(image, NULL, image, NULL, NULL), "conv2d: x is NULL");
    REFUSED(clade_conv2d_forward(image, image, NULL, NULL, NULL), "conv2d: weight is NULL");
    REFUSED(clade_conv2d_backward(NULL, NULL, NULL, image, image, NULL, NULL), "conv2d: dy is NULL");
    REFUSED(clade_conv2d_backward(NULL, NULL, NULL, NULL, image, image, NULL), "conv2d: x is NULL");
    REFUSED(clade_conv_transpose2d_forward(NULL, image, image, NULL, NULL), "conv_transpose2d: y is NULL");
    REFUSED(clade_conv_transpose2d_forward(image, NULL, image, NULL, NULL), "conv_transpose2d: x is NULL");
    REFUSED(clade_conv_transpose2d_forward(image, image, NULL, NULL, NULL),
            "conv_transpose2d: weight is NULL");
    REFUSED(clade_conv_transpose2d_backward(NULL, NULL, NULL, image, image, NULL, NULL),
            "conv_transpose2d: dy is NULL");
    REFUSED(clade_conv_transpose2d_backward(NULL, NULL, NULL, NULL, image, image, NULL),
            "conv_transpose2d: x is NULL");
    REFUSED(clade_slice_forward(NULL, t, 0, 0), "slice: y is NULL");
    REFUSED(clade_slice_forward(t, NULL, 0, 0), "slice: x is NULL");
    REFUSED(clade_concat_forward(NULL, none, 1, 0), "concat: y is NULL");
    REFUSED(clade_concat_forward(t, none, 1, 0), "concat: an input is NULL");
    REFUSED(clade_concat_forward(t, NULL, 1, 0), "inputs");
    REFUSED(clade_multiply_forward(NULL, t, t), "multiply: y is NULL");
    REFUSED(clade_multiply_forward(t, NULL, t), "multiply: a is NULL");
    REFUSED(clade_multiply_forward(t, t, NULL), "multiply: b is NULL");
    REFUSED(clade_upsample_forward(NULL, t, 1, 1), "upsample: y is NULL");
    REFUSED(clade_upsample_forward(t, NULL, 1, 1), "upsample: x is NULL");
    REFUSED(clade_upsample_backward(NULL, t, 1, 1), "upsample: dx is NULL");
    REFUSED(clade_upsample_backward(t, NULL, 1, 1), "upsample: dy is NULL");
    clade_tensor *four = test_tensor(*state, CLADE_SHAPE(4), NULL);
    const clade_batch_norm_args norm = {.mean = four, .variance = four};
    const clade_batch_norm_args no_mean = {.variance = four}, no_variance = {.mean = four};
    const clade_norm_gradients gradients = {.dx = t};
    REFUSED(clade_batch_norm_forward(NULL, t, &norm), "batch_norm: y is NULL");
    REFUSED(clade_batch_norm_forward(t, NULL, &norm), "batch_norm: x is NULL");
    REFUSED(clade_batch_norm_forward(t, t, NULL), "clade_batch_norm_forward: args is NULL");
    REFUSED(clade_batch_norm_forward(t, t, &no_mean), "batch_norm: mean is NULL");
    REFUSED(clade_batch_norm_forward(t, t, &no_variance), "batch_norm: variance is NULL");
    REFUSED(clade_batch_norm_backward(NULL, t, t, &norm), "clade_batch_norm_backward: gradients is NULL");
    REFUSED(clade_batch_norm_backward(&gradients, NULL, t, &norm), "batch_norm: x is NULL");
    REFUSED(clade_batch_norm_backward(&gradients, t, NULL, &norm), "batch_norm: dy is NULL");
    REFUSED(clade_batch_norm_backward(&gradients, t, t, NULL), "clade_batch_norm_backward: args is NULL");
    clade_tensor *two = test_tensor(*state, CLADE_SHAPE(2, 4, 1), NULL);
    const clade_group_norm_args grouped = {.groups = 1};
    REFUSED(clade_group_norm_forward(NULL, two, t, &grouped), "group_norm: y is NULL");
    REFUSED(clade_group_norm_forward(t, NULL, t, &grouped), "group_norm: statistics is NULL");
    REFUSED(clade_group_norm_forward(t, two, NULL, &grouped), "group_norm: x is NULL");
    REFUSED(clade_group_norm_forward(t, two, t, NULL), "clade_group_norm_forward: args is NULL");
    REFUSED(clade_group_norm_backward(NULL, t, t, two, &grouped), "clade_group_norm_backward: gradients is NULL");
    REFUSED(clade_group_norm_backward(&gradients, NULL, t, two, &grouped), "group_norm: x is NULL");
    REFUSED(clade_group_norm_backward(&gradients, t, NULL, two, &grouped), "group_norm: dy is NULL");
    REFUSED(clade_group_norm_backward(&gradients, t, t, NULL, &grouped), "group_norm: statistics is NULL");
    REFUSED(clade_group_norm_backward(&gradients, t, t, two, NULL), "clade_group_norm_backward: args is NULL");
    clade_tensor_free(two);
    clade_tensor_free(four);
    const clade_pool2d_args all = {.kernel_size = {4, 4}};
    clade_tensor *ints = test_tensor_int(*state, CLADE_SHAPE(1, 1), NULL);
    clade_tensor *one = test_tensor(*state, CLADE_SHAPE(1, 1), NULL);
    REFUSED(clade_max_pool2d_forward(NULL, NULL, t, &all), "max_pool2d: y is NULL");
    REFUSED(clade_max_pool2d_forward(one, NULL, NULL, &all), "max_pool2d: x is NULL");
    REFUSED(clade_max_pool2d_forward(one, NULL, t, NULL), "clade_max_pool2d_forward: args is NULL");
    REFUSED(clade_max_pool2d_backward(NULL, one, ints, &all), "max_pool2d: dx is NULL");
    REFUSED(clade_max_pool2d_backward(t, NULL, ints, &all), "max_pool2d: dy is NULL");
    REFUSED(clade_max_pool2d_backward(t, one, NULL, &all), "max_pool2d: indices is NULL");
    REFUSED(clade_max_pool2d_backward(t, one, ints, NULL), "clade_max_pool2d_backward: args is NULL");
    REFUSED(clade_avg_pool2d_forward(NULL, t, &all), "avg_pool2d: y is NULL");
    REFUSED(clade_avg_pool2d_forward(one, NULL, &all), "avg_pool2d: x is NULL");
    REFUSED(clade_avg_pool2d_forward(one, t, NULL), "clade_avg_pool2d_forward: args is NULL");
    REFUSED(clade_avg_pool2d_backward(NULL, one, &all), "avg_pool2d: dx is NULL");
    REFUSED(clade_avg_pool2d_backward(t, NULL, &all), "avg_pool2d: dy is NULL");
    REFUSED(clade_avg_pool2d_backward(t, one, NULL), "clade_avg_pool2d_backward: args is NULL");
    REFUSED(clade_adaptive_avg_pool2d_forward(NULL, t), "adaptive_avg_pool2d: y is NULL");
    REFUSED(clade_adaptive_avg_pool2d_forward(one, NULL), "adaptive_avg_pool2d: x is NULL");
    REFUSED(clade_adaptive_avg_pool2d_backward(NULL, one), "adaptive_avg_pool2d: dx is NULL");
    REFUSED(clade_adaptive_avg_pool2d_backward(t, NULL), "adaptive_avg_pool2d: dy is NULL");
    clade_tensor_free(ints);
    clade_tensor_free(one);
    REFUSED(clade_add_forward(NULL, t, t), "add: y is NULL");
    REFUSED(clade_add_forward(t, NULL, t), "add: a is NULL");
    REFUSED(clade_add_forward(t, t, NULL), "add: b is NULL");
    clade_tensor_free(t);
    clade_tensor_free(image);
}

static void losses_want_their_tensors(void **state)
{
    clade_tensor *t = test_tensor(*state, CLADE_SHAPE(4, 4), NULL);
    clade_tensor *rows = test_tensor(*state, CLADE_SHAPE(4), NULL);
    clade_tensor *labels = test_tensor_int(*state, CLADE_SHAPE(4), (int32_t[]){0, 1, 2, 3});
    REFUSED(clade_cross_entropy(NULL, NULL, NULL, t, labels, 1.0f, NULL), "cross_entropy: loss is NULL");
    REFUSED(clade_cross_entropy(rows, NULL, NULL, NULL, labels, 1.0f, NULL),
            "cross_entropy: logits is NULL");
    REFUSED(clade_cross_entropy(rows, NULL, NULL, t, NULL, 1.0f, NULL), "cross_entropy: labels is NULL");
    REFUSED(clade_count_rows(NULL, labels, 4, NULL), "count_rows: total is NULL");
    REFUSED(clade_count_rows(rows, NULL, 4, NULL), "count_rows: labels is NULL");
    REFUSED(clade_mse(NULL, NULL, t, t, 1.0f), "mse: loss is NULL");
    REFUSED(clade_mse(rows, NULL, NULL, t, 1.0f), "mse: y is NULL");
    REFUSED(clade_mse(rows, NULL, t, NULL, 1.0f), "mse: target is NULL");
    REFUSED(clade_bce_with_logits(NULL, NULL, t, t, NULL, 1.0f), "bce_with_logits: loss is NULL");
    REFUSED(clade_bce_with_logits(rows, NULL, NULL, t, NULL, 1.0f), "bce_with_logits: logits is NULL");
    REFUSED(clade_bce_with_logits(rows, NULL, t, NULL, NULL, 1.0f), "bce_with_logits: target is NULL");
    REFUSED(clade_one_hot(NULL, labels), "one_hot: target is NULL");
    REFUSED(clade_one_hot(t, NULL), "one_hot: labels is NULL");
    clade_tensor_free(t);
    clade_tensor_free(rows);
    clade_tensor_free(labels);
}

static void reductions_and_steps_want_their_tensors(void **state)
{
    clade_tensor *t = test_tensor(*state, CLADE_SHAPE(4, 4), NULL);
    clade_tensor *rows = test_tensor(*state, CLADE_SHAPE(4), NULL);
    clade_tensor *one = test_tensor(*state, CLADE_SHAPE(1), NULL), *nothing = NULL;
    clade_sgd_args sgd = {.lr = 0.1f, .momentum = 0.9f};
    clade_adam_args adam = {.lr = 0.1f, .beta1 = 0.9f, .beta2 = 0.9f, .epsilon = 1e-8f, .step = 1};
    REFUSED(clade_reduce_forward(CLADE_SUM, 1, NULL, t), "sum: dst is NULL");
    REFUSED(clade_reduce_forward(CLADE_SUM, 1, rows, NULL), "sum: src is NULL");
    REFUSED(clade_reduce_backward(CLADE_SUM, 1, NULL, t, rows), "sum: dsrc is NULL");
    REFUSED(clade_reduce_backward(CLADE_MAX, 1, t, NULL, rows), "max: src is NULL");
    REFUSED(clade_reduce_backward(CLADE_SUM, 1, t, t, NULL), "sum: ddst is NULL");
    REFUSED(clade_sgd_step(NULL, t, t, &sgd), "sgd: w is NULL");
    REFUSED(clade_sgd_step(t, NULL, t, &sgd), "sgd: velocity is NULL");
    REFUSED(clade_sgd_step(t, t, NULL, &sgd), "sgd: grad is NULL");
    REFUSED(clade_sgd_step(t, t, t, NULL), "clade_sgd_step: args is NULL");
    REFUSED(clade_adam_step(NULL, t, t, t, &adam), "adam: w is NULL");
    REFUSED(clade_adam_step(t, NULL, t, t, &adam), "adam: m is NULL");
    REFUSED(clade_adam_step(t, t, NULL, t, &adam), "adam: v is NULL");
    REFUSED(clade_adam_step(t, t, t, NULL, &adam), "adam: grad is NULL");
    REFUSED(clade_adam_step(t, t, t, t, NULL), "clade_adam_step: args is NULL");
    REFUSED(clade_clip_norm(NULL, &t, 1, 1.0f), "clade_clip_norm: scale is NULL");
    REFUSED(clade_clip_norm(one, NULL, 1, 1.0f), "clade_clip_norm: grads is NULL");
    REFUSED(clade_clip_norm(one, &nothing, 1, 1.0f), "clip_norm: a gradient is NULL");
    clade_tensor_free(t);
    clade_tensor_free(rows);
    clade_tensor_free(one);
}

static clade_data *samples(void)
{
    clade_data *data;
    assert_ok(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = 4,
                                                                 .shape = CLADE_SHAPE(1),
                                                                 .features = (float[]){1, 2, 3, 4},
                                                                 .labels = (int32_t[]){0, 1, 0, 1},
                                                                 .n_classes = 2}));
    return data;
}

static void data_is_wanted(void **state)
{
    (void)state;
    clade_data *data = NULL;
    clade_data_arrays arrays = {.n_samples = 1, .shape = CLADE_SHAPE(1)};
    REFUSED(clade_data_open(NULL, "digits"), "clade_data_open: out is NULL");
    REFUSED(clade_data_open(&data, NULL), "clade_data_open: spec is NULL");
    REFUSED(clade_data_open_part(NULL, "digits", "test"), "clade_data_open_part: out is NULL");
    REFUSED(clade_data_open_part(&data, NULL, "test"), "clade_data_open_part: spec is NULL");
    REFUSED(clade_data_open_part(&data, "digits", NULL), "clade_data_open_part: part is NULL");
    REFUSED(clade_data_open_with(NULL, "digits", &(clade_data_options){0}),
            "clade_data_open_with: out is NULL");
    REFUSED(clade_data_open_with(&data, NULL, &(clade_data_options){0}),
            "clade_data_open_with: spec is NULL");
    REFUSED(clade_data_open_with(&data, "digits", NULL), "clade_data_open_with: options is NULL");
    REFUSED(clade_schema_column(NULL, 0, &(clade_column_info){0}),
            "clade_schema_column: schema is NULL");
    REFUSED(clade_data_from_arrays(NULL, &arrays), "clade_data_from_arrays: out is NULL");
    REFUSED(clade_data_from_arrays(&data, NULL), "clade_data_from_arrays: arrays is NULL");
    REFUSED(clade_data_from_arrays(&data, &arrays),
            "clade_data_from_arrays: arrays->features is NULL");
    clade_data_field field = {0};
    REFUSED(clade_data_from_fields(NULL, 1, &field, 1), "clade_data_from_fields: out is NULL");
    REFUSED(clade_data_from_fields(&data, 1, NULL, 1), "clade_data_from_fields: fields is NULL");
    REFUSED(clade_data_field_at(NULL, 0, &field), "clade_data_field_at: data is NULL");
    REFUSED(clade_data_set_scale(NULL, 1.0f, 0.0f), "clade_data_set_scale: data is NULL");
    REFUSED(clade_data_standardize_channels(NULL), "clade_data_standardize_channels: data is NULL");
    REFUSED(clade_data_standardize(NULL), "clade_data_standardize: data is NULL");
    assert_null(data);
}

static clade_model *model_on(clade_device *device, clade_node **output)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, device, 1));
    *output = clade_linear(clade_input(model, CLADE_SHAPE(1)), 2);
    assert_non_null(*output);
    return model;
}

static void builders_keep_what_is_missing(void **state)
{
    clade_node *output;
    clade_model *model = model_on(*state, &output);
    assert_null(clade_linear_with(NULL, NULL));
    assert_null(clade_conv2d(NULL, 1, 1, 0));
    assert_null(clade_conv2d_with(NULL, NULL));
    assert_null(clade_conv_transpose2d(NULL, 1, 1, 1));
    assert_null(clade_conv_transpose2d_with(NULL, NULL));
    REFUSED(clade_add_loss(NULL, output, NULL), "clade_add_loss: prediction is NULL");
    REFUSED(clade_add_loss(output, NULL, NULL), "clade_add_loss: target is NULL");
    REFUSED(clade_add_loss(output, output, NULL), "clade_add_loss: options is NULL");
    REFUSED(clade_load_weights(NULL, "x", NULL), "clade_load_weights: model is NULL");
    REFUSED(clade_load_weights(model, NULL, NULL), "clade_load_weights: path is NULL");
    assert_null(clade_flatten(NULL));
    assert_null(clade_output(NULL, 0));
    assert_null(clade_concat(NULL, 1, 0));
    assert_null(clade_concat((clade_node *const[]){output, NULL}, 2, 0));
    assert_null(clade_slice(NULL, 0, 0, 1));
    assert_null(clade_split(NULL, 0, NULL, 1));
    assert_null(clade_multiply(NULL, output));
    assert_null(clade_multiply(output, NULL));
    assert_null(clade_reshape(NULL, CLADE_SHAPE(1)));
    assert_null(clade_upsample(NULL, 2));
    assert_null(clade_group_norm(NULL, 1));
    assert_null(clade_group_norm_with(NULL, NULL));
    assert_null(clade_batch_norm(NULL));
    assert_null(clade_batch_norm_with(NULL, NULL));
    assert_null(clade_max_pool2d(NULL, 2));
    assert_null(clade_max_pool2d_with(NULL, NULL));
    assert_null(clade_avg_pool2d(NULL, 2));
    assert_null(clade_avg_pool2d_with(NULL, NULL));
    assert_null(clade_adaptive_avg_pool2d(NULL, 1, 1));
    assert_null(clade_input_named(NULL, "x", CLADE_FLOAT32, CLADE_SHAPE(1)));
    assert_null(clade_linear_with(output, NULL));
    REFUSED(clade_compile(model, output, NULL), "clade_linear_with: options is NULL");
    clade_model_free(model);
    model = model_on(*state, &output);
    assert_null(clade_split(output, 0, NULL, 1));
    REFUSED(clade_compile(model, output, NULL), "clade_split: sizes is NULL");
    clade_model_free(model);
    model = model_on(*state, &output);
    assert_null(clade_batch_norm_with(output, NULL));
    REFUSED(clade_compile(model, output, NULL), "clade_batch_norm_with: options is NULL");
    clade_model_free(model);
    model = model_on(*state, &output);
    assert_null(clade_group_norm_with(output, NULL));
    REFUSED(clade_compile(model, output, NULL), "clade_group_norm_with: options is NULL");
    clade_model_free(model);
    model = model_on(*state, &output);
    assert_null(clade_max_pool2d_with(output, NULL));
    REFUSED(clade_compile(model, output, NULL), "clade_max_pool2d_with: options is NULL");
    clade_model_free(model);
    model = model_on(*state, &output);
    assert_null(clade_avg_pool2d_with(output, NULL));
    REFUSED(clade_compile(model, output, NULL), "clade_avg_pool2d_with: options is NULL");
    clade_model_free(model);
    assert_ok(clade_model_create(&model, *state, 1));
    assert_null(clade_model_layers(NULL, "{}"));
    assert_null(clade_model_layers(model, NULL));
    REFUSED(clade_compile(model, NULL, NULL), "clade_model_layers: json is NULL");
    clade_model_free(model);
}

static void models_are_wanted(void **state)
{
    clade_node *output;
    clade_model *made = NULL, *model = model_on(*state, &output);
    clade_memory memory;
    clade_layer_info info;
    REFUSED(clade_model_create(NULL, *state, 1), "clade_model_create: out is NULL");
    REFUSED(clade_compile(NULL, output, NULL), "clade_compile: model is NULL");
    REFUSED(clade_compile(model, NULL, NULL), "compile: the output is not a layer of this model");
    REFUSED(clade_model_memory(NULL, &memory), "clade_model_memory: model is NULL");
    REFUSED(clade_model_memory(model, NULL), "clade_model_memory: memory is NULL");
    clade_input_info input;
    REFUSED(clade_model_input_at(NULL, 0, &input), "clade_model_input_at: model is NULL");
    REFUSED(clade_model_input_at(model, 0, NULL), "clade_model_input_at: info is NULL");
    REFUSED(clade_model_layer(NULL, 0, &info), "clade_model_layer: model is NULL");
    REFUSED(clade_model_layer(model, 0, NULL), "clade_model_layer: info is NULL");
    REFUSED(clade_save(NULL, "x"), "clade_save: model is NULL");
    REFUSED(clade_save(model, NULL), "clade_save: path is NULL");
    REFUSED(clade_load(NULL, *state, "x"), "clade_load: out is NULL");
    REFUSED(clade_load(&made, *state, NULL), "clade_load: path is NULL");
    assert_null(made);
    clade_model_free(model);
}

static void training_wants_model_and_data(void **state)
{
    clade_node *output;
    clade_model *model = model_on(*state, &output);
    clade_data *data = samples();
    clade_memory memory;
    clade_metrics metrics;
    clade_gradcheck_result result;
    float outputs[2];
    char *text;
    assert_ok(clade_compile(model, output, NULL));
    REFUSED(clade_fit_memory(NULL, data, NULL, &memory), "clade_fit_memory: model is NULL");
    REFUSED(clade_fit_memory(model, NULL, NULL, &memory), "clade_fit_memory: train is NULL");
    REFUSED(clade_fit_memory(model, data, NULL, NULL), "clade_fit_memory: memory is NULL");
    REFUSED(clade_fit(NULL, data, NULL, NULL), "clade_fit: model is NULL");
    REFUSED(clade_fit(model, NULL, NULL, NULL), "clade_fit: train is NULL");
    REFUSED(clade_evaluate(NULL, data, &metrics), "clade_evaluate: model is NULL");
    REFUSED(clade_evaluate(model, NULL, &metrics), "clade_evaluate: data is NULL");
    REFUSED(clade_evaluate(model, data, NULL), "clade_evaluate: metrics is NULL");
    REFUSED(clade_data_class_weights(NULL, outputs), "clade_data_class_weights: data is NULL");
    REFUSED(clade_data_class_weights(data, NULL), "clade_data_class_weights: weights is NULL");
    clade_report *report;
    REFUSED(clade_report_create(NULL, model, data, NULL), "clade_report_create: out is NULL");
    REFUSED(clade_report_create(&report, NULL, data, NULL), "clade_report_create: model is NULL");
    REFUSED(clade_report_create(&report, model, NULL, NULL), "clade_report_create: data is NULL");
    clade_report_free(NULL);
    clade_tuned_text_free(NULL);
    REFUSED(clade_warm(NULL, data, NULL), "clade_warm: model is NULL");
    REFUSED(clade_tune(NULL, NULL), "clade_tune: result is NULL");
    REFUSED(clade_tuned_export(NULL, &text), "clade_tuned_export: device is NULL");
    REFUSED(clade_tuned_export(*state, NULL), "clade_tuned_export: text is NULL");
    REFUSED(clade_tuned_import(NULL, "f", "", 0), "clade_tuned_import: device is NULL");
    REFUSED(clade_tuned_import(*state, NULL, "", 0), "clade_tuned_import: name is NULL");
    REFUSED(clade_tuned_import(*state, "f", NULL, 0), "clade_tuned_import: text is NULL");
    REFUSED(clade_tuned_forget(NULL), "clade_tuned_forget: device is NULL");
    REFUSED(clade_predict(NULL, data, 0, 1, false, outputs), "clade_predict: model is NULL");
    REFUSED(clade_predict(model, NULL, 0, 1, false, outputs), "clade_predict: data is NULL");
    REFUSED(clade_predict(model, data, 0, 1, false, NULL), "clade_predict: outputs is NULL");
    REFUSED(clade_model_probabilities(NULL, 1, outputs, outputs),
            "clade_model_probabilities: model is NULL");
    REFUSED(clade_model_probabilities(model, 1, NULL, outputs),
            "clade_model_probabilities: raw is NULL");
    REFUSED(clade_model_probabilities(model, 1, outputs, NULL),
            "clade_model_probabilities: probabilities is NULL");
    REFUSED(clade_gradcheck(NULL, data, NULL, &result), "clade_gradcheck: model is NULL");
    REFUSED(clade_gradcheck(model, NULL, NULL, &result), "clade_gradcheck: data is NULL");
    REFUSED(clade_gradcheck(model, data, NULL, NULL), "clade_gradcheck: result is NULL");
    clade_data_free(data);
    clade_model_free(model);
}

static void steps_want_a_batch(void **state)
{
    clade_node *output;
    clade_model *model = model_on(*state, &output);
    clade_tensor *t = test_tensor(*state, CLADE_SHAPE(1, 2), NULL), *none;
    clade_parameter_info info;
    clade_batch batch = {.n = 1, .n_inputs = 1};
    int32_t order[1];
    assert_ok(clade_compile(model, output, NULL));
    REFUSED(clade_model_parameter_info(NULL, 0, &info), "clade_model_parameter_info: model is NULL");
    REFUSED(clade_model_parameter_info(model, 0, NULL), "clade_model_parameter_info: info is NULL");
    REFUSED(clade_model_parameter(NULL, 0, &none), "clade_model_parameter: model is NULL");
    REFUSED(clade_model_parameter(model, 0, NULL), "clade_model_parameter: parameter is NULL");
    REFUSED(clade_model_gradient(NULL, 0, &none), "clade_model_gradient: model is NULL");
    REFUSED(clade_model_gradient(model, 0, NULL), "clade_model_gradient: gradient is NULL");
    REFUSED(clade_set_lr(NULL, 0.1f), "clade_set_lr: model is NULL");
    REFUSED(clade_shuffle(NULL, 1, 1, 0), "clade_shuffle: order is NULL");
    REFUSED(clade_model_shuffle(NULL, order, 1), "clade_model_shuffle: model is NULL");
    REFUSED(clade_model_shuffle(model, NULL, 1), "clade_shuffle: order is NULL");
    REFUSED(clade_forward(NULL, &batch, t), "clade_forward: model is NULL");
    REFUSED(clade_forward(model, NULL, t), "clade_forward: batch is NULL");
    REFUSED(clade_forward(model, &batch, NULL), "clade_forward: y is NULL");
    REFUSED(clade_forward(model, &batch, t), "forward: inputs is NULL");
    REFUSED(clade_gradients(NULL, &batch, NULL), "clade_gradients: model is NULL");
    REFUSED(clade_gradients(model, NULL, NULL), "clade_gradients: batch is NULL");
    REFUSED(clade_step(NULL, &batch, NULL), "clade_step: model is NULL");
    REFUSED(clade_step(model, NULL, NULL), "clade_step: batch is NULL");
    REFUSED(clade_update(NULL), "clade_update: model is NULL");
    clade_tensor_free(t);
    clade_model_free(model);
}

static void measuring_wants_a_suite(void **state)
{
    clade_suite *suite = NULL;
    REFUSED(clade_suite_open(NULL, *state, NULL), "clade_suite_open: out is NULL");
    REFUSED(clade_suite_open(&suite, NULL, NULL), "clade_suite_open: device is NULL");
    assert_ok(clade_suite_open(&suite, *state, NULL));
    REFUSED(clade_suite_check(NULL, 0), "clade_suite_check: suite is NULL");
    REFUSED(clade_suite_measure(NULL, 0), "clade_suite_measure: suite is NULL");
    REFUSED(clade_suite_add(NULL, 0, 1.0), "clade_suite_add: suite is NULL");
    REFUSED(clade_suite_fail(NULL, 0, "why"), "clade_suite_fail: suite is NULL");
    REFUSED(clade_suite_fail(suite, 0, NULL), "clade_suite_fail: why is NULL");
    REFUSED(clade_suite_first_step(NULL, "lenet"), "clade_suite_first_step: device is NULL");
    REFUSED(clade_suite_first_step(*state, NULL), "clade_suite_first_step: workload is NULL");
    clade_suite_free(suite);
}

static void measuring_wants_a_bench(void **state)
{
    clade_bench *bench = NULL;
    clade_bench_limits limits;
    clade_bench_shape shape = {.m = 1, .n = 1, .k = 1};
    clade_bench_gemm_result gemm[CLADE_BENCH_MAX_PROVIDERS];
    clade_bench_op_result op;
    clade_bench_train_result train;
    clade_bench_batching_result batching;
    clade_verify_result verified;
    int n = 0;
    REFUSED(clade_verify(NULL, NULL, &verified), "clade_verify: device is NULL");
    REFUSED(clade_verify(*state, NULL, NULL), "clade_verify: result is NULL");
    REFUSED(clade_bench_open(NULL, *state, NULL), "clade_bench_open: out is NULL");
    REFUSED(clade_bench_open(&bench, NULL, NULL), "clade_bench_open: device is NULL");
    assert_ok(clade_bench_open(&bench, *state, NULL));
    REFUSED(clade_bench_device(NULL, &limits), "clade_bench_device: bench is NULL");
    REFUSED(clade_bench_device(bench, NULL), "clade_bench_device: limits is NULL");
    REFUSED(clade_bench_gemm(NULL, &shape, gemm, &n), "clade_bench_gemm: bench is NULL");
    REFUSED(clade_bench_gemm(bench, NULL, gemm, &n), "clade_bench_gemm: shape is NULL");
    REFUSED(clade_bench_gemm(bench, &shape, NULL, &n), "clade_bench_gemm: results is NULL");
    REFUSED(clade_bench_gemm(bench, &shape, gemm, NULL), "clade_bench_gemm: n_results is NULL");
    REFUSED(clade_bench_op(NULL, 0, 4, 4, &op), "clade_bench_op: bench is NULL");
    REFUSED(clade_bench_op(bench, 0, 4, 4, NULL), "clade_bench_op: result is NULL");
    REFUSED(clade_bench_train(NULL, "x", 0, &train), "clade_bench_train: bench is NULL");
    REFUSED(clade_bench_train(bench, NULL, 0, &train), "clade_bench_train: workload is NULL");
    REFUSED(clade_bench_train(bench, "x", 0, NULL), "clade_bench_train: result is NULL");
    clade_bench_accuracy_result accuracy;
    REFUSED(clade_bench_model(NULL, NULL, NULL, &train), "clade_bench_model: bench is NULL");
    REFUSED(clade_bench_model(bench, NULL, NULL, &train), "clade_bench_model: model is NULL");
    REFUSED(clade_bench_model(bench, NULL, NULL, NULL), "clade_bench_model: result is NULL");
    REFUSED(clade_bench_accuracy(NULL, 0.5, 1, &accuracy), "clade_bench_accuracy: bench is NULL");
    REFUSED(clade_bench_accuracy(bench, 0.5, 1, NULL), "clade_bench_accuracy: result is NULL");
    REFUSED(clade_bench_batching(NULL, "x", 0, &batching), "clade_bench_batching: bench is NULL");
    REFUSED(clade_bench_batching(bench, NULL, 0, &batching),
            "clade_bench_batching: workload is NULL");
    REFUSED(clade_bench_batching(bench, "x", 0, NULL), "clade_bench_batching: result is NULL");
    clade_bench_free(bench);
}

static void a_job_is_measured_with_all_of_it(void **state)
{
    clade_bench *bench = NULL;
    clade_job *job = NULL;
    clade_bench_parallel_result result;
    clade_bench_scaling scaling;
    const clade_bench_to_loss_row *rows;
    int n_rows;
    assert_ok(clade_bench_open(&bench, *state, NULL));
    assert_ok(clade_job_open(&job));
    REFUSED(clade_bench_parallel(NULL, job, "x", 0, &result), "clade_bench_parallel: bench is NULL");
    REFUSED(clade_bench_parallel(bench, NULL, "x", 0, &result), "clade_bench_parallel: job is NULL");
    REFUSED(clade_bench_parallel(bench, job, NULL, 0, &result), "clade_bench_parallel: workload is NULL");
    REFUSED(clade_bench_parallel(bench, job, "x", 0, NULL), "clade_bench_parallel: result is NULL");
    REFUSED(clade_bench_scale(NULL, CLADE_BENCH_RING, 2, 0.9, &scaling), "clade_bench_scale: measured is NULL");
    REFUSED(clade_bench_scale(&result, CLADE_BENCH_RING, 2, 0.9, NULL), "clade_bench_scale: scaling is NULL");
    assert_fails(clade_bench_parallel(bench, job, "mnist-784-512-512-10", 0, &result), CLADE_EINVAL,
                 "a job of one rank has nothing to measure");
    REFUSED(clade_bench_to_loss(NULL, job, 1.0, &rows, &n_rows), "clade_bench_to_loss: bench is NULL");
    REFUSED(clade_bench_to_loss(bench, NULL, 1.0, &rows, &n_rows), "clade_bench_to_loss: job is NULL");
    REFUSED(clade_bench_to_loss(bench, job, 1.0, NULL, &n_rows), "clade_bench_to_loss: rows is NULL");
    REFUSED(clade_bench_to_loss(bench, job, 1.0, &rows, NULL), "clade_bench_to_loss: n_rows is NULL");
    assert_fails(clade_bench_to_loss(bench, job, 0.0, &rows, &n_rows), CLADE_EINVAL,
                 "the loss to train to is 0, want a number above 0");
    clade_job_free(job);
    clade_bench_free(bench);
}

static void jobs_are_wanted(void **state)
{
    (void)state;
    REFUSED(clade_job_open(NULL), "clade_job_open: out is NULL");
    REFUSED(clade_job_compare(NULL, NULL, "x"), "clade_job_compare: what is NULL");
    REFUSED(clade_job_compare(NULL, "x", NULL), "clade_job_compare: text is NULL");
    assert_ok(clade_job_agree(NULL, CLADE_OK));
    REFUSED(clade_job_device_open(NULL, NULL, NULL, 0), "clade_job_device_open: out is NULL");
}

static void nothing_can_be_freed(void **state)
{
    (void)state;
    clade_bench_free(NULL);
    clade_suite_free(NULL);
    clade_data_free(NULL);
    clade_device_free(NULL);
    clade_devices_free(NULL);
    clade_platforms_free(NULL);
    clade_gradcheck_free(NULL);
    clade_job_free(NULL);
    clade_model_free(NULL);
    clade_tensor_free(NULL);
    clade_verify_free(NULL);
}

/* What is optional is so: all defaults, and nobody who wants the result. */
static void options_may_be_missing(void **state)
{
    clade_node *output;
    clade_model *model = model_on(*state, &output);
    clade_data *data = samples();
    assert_ok(clade_compile(model, output, NULL));
    assert_int_equal(clade_model_loss(model), CLADE_LOSS_CROSS_ENTROPY);
    assert_int_equal(clade_model_batch(model), 128);
    assert_ok(clade_fit(model, data, NULL, NULL));
    clade_data_free(data);
    clade_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_are_wanted),
        cmocka_unit_test(tensors_are_wanted),
        cmocka_unit_test(gemm_wants_its_matrices),
        cmocka_unit_test(layers_want_their_tensors),
        cmocka_unit_test(losses_want_their_tensors),
        cmocka_unit_test(reductions_and_steps_want_their_tensors),
        cmocka_unit_test(data_is_wanted),
        cmocka_unit_test(builders_keep_what_is_missing),
        cmocka_unit_test(models_are_wanted),
        cmocka_unit_test(training_wants_model_and_data),
        cmocka_unit_test(steps_want_a_batch),
        cmocka_unit_test(measuring_wants_a_bench),
        cmocka_unit_test(measuring_wants_a_suite),
        cmocka_unit_test(a_job_is_measured_with_all_of_it),
        cmocka_unit_test(jobs_are_wanted),
        cmocka_unit_test(nothing_can_be_freed),
        cmocka_unit_test(options_may_be_missing),
    };
    return cmocka_run_group_tests_name("null", tests, test_open_device, test_close_device);
}

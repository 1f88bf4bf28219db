/* The reserved words of structs, by which these can grow (see clade/status.h): every function that is given
 * one refuses a word that is not 0, and what the library fills has zeros there. */
#include "support.h"

/* Sets the last of a struct's reserved words, makes the call, which must be refused, and clears it. */
#define REFUSED(object, call)                                                                      \
    do {                                                                                           \
        uint64_t *last = (object).reserved + sizeof (object).reserved / sizeof(uint64_t) - 1;      \
        *last = 1;                                                                                 \
        assert_fails(call, CLADE_EINVAL, "is not 0: the struct was not zeroed");                   \
        *last = 0;                                                                                 \
    } while (0)

#define N       12 /* samples */
#define CLASSES 3

static void operations_look_at_them(void **state)
{
    static const int32_t classes[] = {0, 2, 1, 0};
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(4, 4), NULL);
    clade_tensor *row = test_tensor(*state, CLADE_SHAPE(4), NULL);
    clade_tensor *one = test_tensor(*state, CLADE_SHAPE(1), NULL);
    clade_tensor *labels = test_tensor_int(*state, CLADE_SHAPE(4), classes);
    clade_gemm_args gemm = {.m = 4, .n = 4, .k = 4, .a = x, .b = x, .c = x, .lda = 4, .ldb = 4, .ldc = 4};
    clade_dropout_args dropout = {.p = 0.5f};
    clade_cross_entropy_options loss = {0};
    clade_sgd_args sgd = {.lr = 0.1f};
    clade_tensor *image = test_tensor(*state, CLADE_SHAPE(1, 1, 1, 1), NULL);
    clade_conv2d_window window = {.groups = 1};
    clade_conv_transpose2d_window transposed = {.groups = 1};
    clade_adam_args adam = {.lr = 0.1f, .step = 1};
    REFUSED(gemm, clade_gemm_strided(&gemm));
    REFUSED(dropout, clade_dropout_forward(x, x, &dropout));
    REFUSED(dropout, clade_dropout_backward(x, x, &dropout));
    REFUSED(loss, clade_cross_entropy(row, NULL, NULL, x, labels, 1.0f, &loss));
    REFUSED(loss, clade_count_rows(one, labels, 4, &loss));
    REFUSED(window, clade_conv2d_forward(image, image, image, NULL, &window));
    REFUSED(window, clade_conv2d_backward(NULL, NULL, NULL, image, image, image, &window));
    REFUSED(transposed, clade_conv_transpose2d_forward(image, image, image, NULL, &transposed));
    REFUSED(transposed, clade_conv_transpose2d_backward(NULL, NULL, NULL, image, image, image, &transposed));
    REFUSED(sgd, clade_sgd_step(x, NULL, x, &sgd));
    REFUSED(adam, clade_adam_step(x, x, x, x, &adam));
    clade_tensor_free(image);
    clade_tensor_free(labels);
    clade_tensor_free(one);
    clade_tensor_free(row);
    clade_tensor_free(x);
}

/* A builder's error is what compiling returns. */
static clade_status build(clade_device *device, const clade_linear_options *options)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, device, 1));
    clade_node *y = clade_linear_with(clade_input(model, CLADE_SHAPE(2)), options);
    clade_status status = clade_compile(model, y, NULL);
    clade_model_free(model);
    return status;
}

static clade_status build_conv2d(clade_device *device, const clade_conv2d_options *options)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, device, 1));
    clade_node *y = clade_flatten(clade_conv2d_with(clade_input(model, CLADE_SHAPE(1, 2, 2)), options));
    clade_status status = clade_compile(model, y, NULL);
    clade_model_free(model);
    return status;
}

static clade_status build_transposed(clade_device *device, const clade_conv_transpose2d_options *options)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, device, 1));
    clade_node *x = clade_input(model, CLADE_SHAPE(1, 2, 2));
    clade_status status = clade_compile(model, clade_flatten(clade_conv_transpose2d_with(x, options)), NULL);
    clade_model_free(model);
    return status;
}

static void building_looks_at_them(void **state)
{
    clade_conv_transpose2d_options transposed = {.out_channels = CLASSES, .kernel_size = {1}};
    REFUSED(transposed, build_transposed(*state, &transposed));
    REFUSED(transposed.window, build_transposed(*state, &transposed));
    REFUSED(transposed.weight_init, build_transposed(*state, &transposed));
    assert_ok(build_transposed(*state, &transposed));
    clade_conv2d_options conv = {.out_channels = CLASSES, .kernel_size = {1}};
    REFUSED(conv, build_conv2d(*state, &conv));
    REFUSED(conv.window, build_conv2d(*state, &conv));
    REFUSED(conv.weight_init, build_conv2d(*state, &conv));
    assert_ok(build_conv2d(*state, &conv));
    clade_linear_options options = {.units = CLASSES};
    clade_loss_options loss = {.kind = CLADE_LOSS_MSE};
    clade_model *model;
    REFUSED(options, build(*state, &options));
    REFUSED(options.weight_init, build(*state, &options));
    REFUSED(options.bias_init, build(*state, &options));
    assert_ok(build(*state, &options));
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *y = clade_linear(clade_input(model, CLADE_SHAPE(2)), 1);
    clade_node *target = clade_input_named(model, "target", CLADE_FLOAT32, CLADE_SHAPE(1));
    REFUSED(loss, clade_add_loss(y, target, &loss));
    assert_ok(clade_add_loss(y, target, &loss));
    clade_model_free(model);
}

static void compiling_looks_at_them(void **state)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *y = clade_linear(clade_input(model, CLADE_SHAPE(2)), CLASSES);
    clade_parameter_group groups[2] = {{.pattern = "*"}, {.pattern = "*"}};
    clade_weight_name names[2] = {{.parameter = "0.weight", .tensor = "a"},
                                  {.parameter = "0.bias", .tensor = "b"}};
    clade_compile_options options = {.batch = 4, .groups = groups, .n_groups = 2};
    clade_load_options load = {.names = names, .n_names = 2};
    REFUSED(options, clade_compile(model, y, &options));
    REFUSED(options.optimizer, clade_compile(model, y, &options));
    REFUSED(options.train, clade_compile(model, y, &options));
    REFUSED(options.valid, clade_compile(model, y, &options));
    REFUSED(groups[1], clade_compile(model, y, &options));
    assert_ok(clade_compile(model, y, &options));
    REFUSED(load, clade_load_weights(model, "none", &load));
    REFUSED(names[1], clade_load_weights(model, "none", &load));
    clade_model_free(model);
}

static clade_data *make_data(void)
{
    static const int32_t labels[N] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};
    clade_data *data;
    float *x = test_random(1, 2 * N, -1.0f, 1.0f);
    clade_data_arrays arrays = {.n_samples = N, .shape = CLADE_SHAPE(2), .features = x, .labels = labels,
                                .n_classes = CLASSES};
    clade_data_field field = {.name = "x", .shape = CLADE_SHAPE(2), .values = x};
    REFUSED(field, clade_data_from_fields(&data, N, &field, 1));
    REFUSED(arrays, clade_data_from_arrays(&data, &arrays));
    assert_ok(clade_data_from_arrays(&data, &arrays));
    free(x);
    return data;
}

static void training_looks_at_them(void **state)
{
    clade_model *model;
    clade_report *report;
    clade_memory memory;
    clade_gradcheck_result result;
    clade_data *data = make_data();
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *y = clade_linear(clade_input(model, CLADE_SHAPE(2)), CLASSES);
    assert_ok(clade_compile(model, y, &(clade_compile_options){.batch = 4, .keep_gradients = true}));
    clade_fit_options fit = {.epochs = 1};
    clade_tune_options tune = {.seconds = 1.0};
    clade_tune_result tuned;
    clade_gradcheck_options check = {.samples = 4};
    clade_report_options wanted = {.most_points = 0};
    REFUSED(fit, clade_fit(model, data, &fit, NULL));
    REFUSED(fit.schedule, clade_fit(model, data, &fit, NULL));
    REFUSED(fit, clade_warm(model, data, &fit));
    REFUSED(tune, clade_tune(&tune, &tuned));
    REFUSED(fit, clade_fit_memory(model, data, &fit, &memory));
    REFUSED(check, clade_gradcheck(model, data, &check, &result));
    REFUSED(wanted, clade_report_create(&report, model, data, &wanted));
    clade_model_free(model);
    clade_data_free(data);
}

static void steps_look_at_them(void **state)
{
    clade_model *model;
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(4, 2), NULL);
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(4, CLASSES), NULL);
    clade_tensor *labels = test_tensor_int(*state, CLADE_SHAPE(4), (int32_t[]){0, 1, 2, 0});
    const clade_tensor *inputs[] = {x};
    clade_batch batch = {.n = 4, .inputs = inputs, .n_inputs = 1, .answers = labels};
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *output = clade_linear(clade_input(model, CLADE_SHAPE(2)), CLASSES);
    assert_ok(clade_compile(model, output, &(clade_compile_options){.batch = 4, .keep_gradients = true}));
    REFUSED(batch, clade_forward(model, &batch, y));
    REFUSED(batch, clade_gradients(model, &batch, NULL));
    REFUSED(batch, clade_step(model, &batch, NULL));
    assert_ok(clade_step(model, &batch, NULL));
    clade_model_free(model);
    clade_tensor_free(x);
    clade_tensor_free(y);
    clade_tensor_free(labels);
}

static void others_look_at_them(void **state)
{
    clade_data *data;
    clade_bench *bench;
    clade_verify_result result;
    clade_bench_gemm_result results[CLADE_BENCH_MAX_PROVIDERS];
    int n_results;
    clade_data_options opened = {0};
    clade_verify_options verify = {0};
    clade_bench_options measured = {0};
    clade_suite_options suite_options = {0};
    clade_suite *suite;
    clade_bench_shape shape = {.m = 1, .n = 1, .k = 1};
    REFUSED(opened, clade_data_open_with(&data, "random", &opened));
    REFUSED(verify, clade_verify(*state, &verify, &result));
    REFUSED(measured, clade_bench_open(&bench, *state, &measured));
    assert_ok(clade_bench_open(&bench, *state, &measured));
    REFUSED(suite_options, clade_suite_open(&suite, *state, &suite_options));
    REFUSED(shape, clade_bench_gemm(bench, &shape, results, &n_results));
    clade_bench_free(bench);
}

/* What a caller hands in may hold anything; what comes back has zeros. */
static void results_have_zeros_there(void **state)
{
    static const uint64_t zeros[8];
    clade_fit_result result;
    clade_layer_info layer;
    clade_parameter_info parameter;
    clade_model *model;
    clade_data *data = make_data();
    memset(&parameter, 0xff, sizeof parameter);
    memset(&result, 0xff, sizeof result);
    memset(&layer, 0xff, sizeof layer);
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *y = clade_linear(clade_input(model, CLADE_SHAPE(2)), CLASSES);
    assert_ok(clade_compile(model, y, NULL));
    assert_ok(clade_fit(model, data, NULL, &result));
    assert_ok(clade_model_layer(model, 0, &layer));
    assert_memory_equal(result.reserved, zeros, sizeof result.reserved);
    assert_memory_equal(result.diverged.reserved, zeros, sizeof result.diverged.reserved);
    assert_ok(clade_model_parameter_info(model, 0, &parameter));
    assert_memory_equal(layer.reserved, zeros, sizeof layer.reserved);
    assert_memory_equal(parameter.reserved, zeros, sizeof parameter.reserved);
    clade_data_info info = clade_data_describe(data);
    assert_memory_equal(info.reserved, zeros, sizeof info.reserved);
    clade_model_free(model);
    clade_data_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_look_at_them), cmocka_unit_test(building_looks_at_them),
        cmocka_unit_test(compiling_looks_at_them), cmocka_unit_test(training_looks_at_them),
        cmocka_unit_test(steps_look_at_them),      cmocka_unit_test(others_look_at_them),
        cmocka_unit_test(results_have_zeros_there),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

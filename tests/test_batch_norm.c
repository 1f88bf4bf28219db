/* batch_norm: as an operation, and as a layer of a model. */
#include <stdio.h>

#include "network.h"
#include "reference.h"

static void test_cases(void **state)
{
    ref_verify(*state, "batch_norm");
}

/* ---- by hand ------------------------------------------------------------------------------------- */

/* torch.nn.functional.batch_norm of these, momentum 0.5. A mean that is far from 0 costs nothing: the values of
 * the second channel are 4096 larger than the first's. */
static void statistics_are_pytorch_s(void **state)
{
    static const float values[12] = {1, 2, 4097, 4098, 3, 6, 4099, 4102, 5, 1, 4101, 4097};
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(3, 2, 2), values);
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(3, 2, 2), NULL);
    clade_tensor *mean = test_tensor(*state, CLADE_SHAPE(2), NULL);
    clade_tensor *variance = test_tensor(*state, CLADE_SHAPE(2), NULL);
    clade_tensor *running_mean = test_tensor(*state, CLADE_SHAPE(2), (const float[]){1, 0});
    clade_tensor *running_variance = test_tensor(*state, CLADE_SHAPE(2), (const float[]){2, 1});
    clade_batch_norm_args args = {.mean = mean, .variance = variance, .running_mean = running_mean,
                                  .running_variance = running_variance, .momentum = 0.5f,
                                  .training = true};
    assert_ok(clade_batch_norm_forward(y, x, &args));
    float *got = test_read(mean);
    assert_true(got[0] == 3.0f && got[1] == 4099.0f);
    free(got);
    got = test_read(variance);
    assert_true(fabs((double)got[0] - 22.0 / 6.0) < 1e-6 && got[1] == got[0]);
    free(got);
    got = test_read(running_mean);
    assert_true(got[0] == 2.0f && got[1] == 2049.5f);
    free(got);
    got = test_read(running_variance);
    assert_true(fabs((double)got[0] - (1.0 + 2.2)) < 1e-6 && fabs((double)got[1] - (0.5 + 2.2)) < 1e-6);
    free(got);
    double *want = ref_doubles(12);
    for (int i = 0; i < 12; i++)
        want[i] = ((double)values[i] - (i / 2 % 2 ? 4099.0 : 3.0)) / sqrt(22.0 / 6.0);
    ref_check("y", y, want, 1e-6, 1e-6);
    args.training = false;
    args.running_mean = args.running_variance = NULL;
    args.epsilon = 0.25f;
    assert_ok(clade_tensor_write(mean, (const float[]){1, 4096}));
    assert_ok(clade_tensor_write(variance, (const float[]){3.75f, 0}));
    assert_ok(clade_batch_norm_forward(y, x, &args));
    want = ref_doubles(12);
    for (int i = 0; i < 12; i++)
        want[i] = i / 2 % 2 ? ((double)values[i] - 4096.0) / 0.5 : ((double)values[i] - 1.0) / 2.0;
    ref_check("y outside training", y, want, 1e-6, 1e-6);
    clade_tensor *all[] = {x, y, mean, variance, running_mean, running_variance};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) clade_tensor_free(all[i]);
}

/* Of a mean that is 10,000 times the deviation a float32 sum of squares would leave nothing. */
static void a_large_mean_leaves_the_variance(void **state)
{
    enum { N = 64 * 3 * 100 };
    float *values = test_random(9, N, -1, 1);
    for (int i = 0; i < N; i++) values[i] += 10000.0f;
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(64, 3, 100), values);
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(64, 3, 100), NULL);
    clade_tensor *mean = test_tensor(*state, CLADE_SHAPE(3), NULL);
    clade_tensor *variance = test_tensor(*state, CLADE_SHAPE(3), NULL);
    assert_ok(clade_batch_norm_forward(y, x, &(clade_batch_norm_args){.mean = mean, .variance = variance,
                                                                      .training = true}));
    double *middle = ref_doubles(3), *want = ref_doubles(3);
    for (int i = 0; i < N; i++) middle[i / 100 % 3] += (double)values[i] / 6400.0;
    for (int i = 0; i < N; i++)
        want[i / 100 % 3] += ((double)values[i] - middle[i / 100 % 3]) *
                             ((double)values[i] - middle[i / 100 % 3]) / 6400.0;
    ref_check("variance", variance, want, 0, 1e-4);
    free(middle);
    free(values);
    clade_tensor *all[] = {x, y, mean, variance};
    for (size_t i = 0; i < 4; i++) clade_tensor_free(all[i]);
}

static void test_errors(void **state)
{
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(3, 2, 2), NULL);
    clade_tensor *one = test_tensor(*state, CLADE_SHAPE(1, 2), NULL);
    clade_tensor *flat = test_tensor(*state, CLADE_SHAPE(12), NULL);
    clade_tensor *two = test_tensor(*state, CLADE_SHAPE(2), NULL);
    clade_tensor *more = test_tensor(*state, CLADE_SHAPE(2), NULL);
    const clade_batch_norm_args good = {.mean = two, .variance = more, .training = true};
    clade_batch_norm_args args = good;
    assert_fails(clade_batch_norm_forward(one, one, &good), CLADE_EINVAL,
                 "batch_norm: training wants more than one value for each channel, and x is (1, 2)");
    assert_fails(clade_batch_norm_forward(flat, flat, &good), CLADE_ESHAPE,
                 "batch_norm: x is (12), want (samples, channels, …)");
    assert_fails(clade_batch_norm_forward(flat, x, &good), CLADE_ESHAPE, "batch_norm: y is (12)");
    args.weight = flat;
    assert_fails(clade_batch_norm_forward(x, x, &args), CLADE_ESHAPE, "batch_norm: weight is (12), want (2)");
    args = good;
    args.bias = flat;
    assert_fails(clade_batch_norm_forward(x, x, &args), CLADE_ESHAPE, "batch_norm: bias is (12), want (2)");
    args = good;
    args.running_mean = more;
    assert_fails(clade_batch_norm_forward(x, x, &args), CLADE_EINVAL, "batch_norm: running_variance is NULL");
    args = good;
    args.momentum = 1.5f;
    assert_fails(clade_batch_norm_forward(x, x, &args), CLADE_EINVAL, "batch_norm: momentum is 1.5, want 0 to 1");
    args = good;
    args.epsilon = -1.0f;
    assert_fails(clade_batch_norm_forward(x, x, &args), CLADE_EINVAL, "batch_norm: epsilon is -1");
    args = good;
    args.reserved[1] = 1;
    assert_fails(clade_batch_norm_forward(x, x, &args), CLADE_EINVAL, "reserved");
    assert_fails(clade_batch_norm_backward(&(clade_norm_gradients){0}, x, x, &args), CLADE_EINVAL,
                 "reserved");
    assert_fails(clade_batch_norm_backward(&(clade_norm_gradients){.reserved = {1}}, x, x, &good),
                 CLADE_EINVAL, "reserved");
    assert_fails(clade_batch_norm_backward(&(clade_norm_gradients){.dx = flat}, x, x, &good),
                 CLADE_ESHAPE, "batch_norm: dx is (12)");
    assert_fails(clade_batch_norm_backward(&(clade_norm_gradients){.dweight = flat}, x, x, &good),
                 CLADE_ESHAPE, "batch_norm: dweight is (12)");
    assert_fails(clade_batch_norm_backward(&(clade_norm_gradients){.dbias = flat}, x, x, &good),
                 CLADE_ESHAPE, "batch_norm: dbias is (12)");
    clade_tensor *all[] = {x, one, flat, two, more};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) clade_tensor_free(all[i]);
}

/* ---- the layer ---------------------------------------------------------------------------------- */

#define BATCH_NORM "{\"type\":\"batch_norm\",\"eps\":0.001,\"momentum\":0.25}"
#define OF_ROWS    "{\"input\":[6],\"layers\":[" LINEAR(5) "," BATCH_NORM "," RELU "," LINEAR(3)         \
                   "],\"loss\":\"cross_entropy\"}"

static double *parameter(clade_model *model, const char *name, int64_t n)
{
    clade_tensor *tensor;
    assert_ok(clade_model_parameter(model, clade_model_parameter_index(model, name), &tensor));
    assert_int_equal(clade_tensor_elements(tensor), n);
    float *values = test_read(tensor);
    double *wide = ref_widen(values, n);
    free(values);
    return wide;
}

static void built_by_calls_it_is_the_same(void **state)
{
    (void)state;
    clade_model *model;
    assert_ok(clade_model_create(&model, NULL, 1));
    clade_node *x = clade_input(model, CLADE_SHAPE(3, 4, 5));
    clade_node *y = clade_batch_norm_with(clade_batch_norm(x), &(clade_batch_norm_options){
                                                                   .momentum = 0.5f, .no_affine = true,
                                                                   .name = "bn"});
    assert_non_null(y);
    assert_int_equal(y->shape.rank, 3);
    char *text = clade__model_describe(model);
    assert_non_null(strstr(text, "{\"type\":\"batch_norm\",\"eps\":1e-05,\"momentum\":0.1},"
                                 "{\"type\":\"batch_norm\",\"name\":\"bn\",\"eps\":1e-05,\"momentum\":0.5,"
                                 "\"affine\":false}"));
    free(text);
    static const char *const names[] = {"0.weight", "0.bias", "0.running_mean", "0.running_var",
                                        "bn.running_mean", "bn.running_var"};
    assert_int_equal(clade_model_n_tensors(model), 6);
    for (int i = 0; i < 6; i++) {
        clade_parameter_info info;
        assert_ok(clade_model_parameter_info(model, i, &info));
        assert_string_equal(info.name, names[i]);
        assert_int_equal(info.shape.dim[0], 3);
        assert_int_equal(info.trained, i < 2);
    }
    assert_null(clade_batch_norm_with(x, &(clade_batch_norm_options){.reserved = {1}}));
    assert_fails(clade__graph_error(&model->graph), CLADE_EINVAL, "batch_norm: options->reserved[0]");
    clade_model_free(model);
}

/* After a step without a rate: the running statistics have moved to the batch's, and outside training the
 * formula with them gives the outputs. */
static void running_statistics_move_and_are_used(void **state)
{
    enum { N = 24 };
    const clade_compile_options options = {.batch = N, .optimizer = clade_sgd(1e-30f, 0.0f)};
    clade_model *model = net_model(*state, 5, OF_ROWS, &options), *loaded;
    net_batch batch = net_random_batch(model, 7, N, 3);
    clade_data *data = net_data(model, &batch, 3);
    double *w = net_parameters(model), mean[5] = {0}, square[5] = {0};
    batch.step = 1;
    clade__reference *r = net_reference(model, w, &batch);
    const double *h = r->y[1]; /* what the linear makes */
    for (int i = 0; i < N * 5; i++) mean[i % 5] += h[i] / N;
    for (int i = 0; i < N * 5; i++) square[i % 5] += (h[i] - mean[i % 5]) * (h[i] - mean[i % 5]);
    assert_ok(clade_fit(model, data, NULL, NULL));
    double *got_mean = parameter(model, "1.running_mean", 5), *got_var = parameter(model, "1.running_var", 5);
    for (int c = 0; c < 5; c++) {
        assert_true(fabs(got_mean[c] - 0.25 * mean[c]) < 1e-6);
        assert_true(fabs(got_var[c] - (0.75 + 0.25 * square[c] / (N - 1))) < 1e-6);
    }
    batch.step = 0;
    double *now = net_parameters(model), *want = net_forward(model, now, &batch);
    float got[N * 3], again[N * 3];
    assert_ok(clade_predict(model, data, 0, N, true, got));
    test_assert_close("outside training", got, want, N * 3, 1e-5, 1e-5);
    const char *path = test_text("%s/norm.safetensors", test_folder());
    assert_ok(clade_save(model, path));
    assert_ok(clade_load(&loaded, *state, path));
    assert_ok(clade_predict(loaded, data, 0, N, true, again));
    assert_memory_equal(got, again, sizeof got);
    clade_model_free(loaded);
    double *arrays[] = {w, got_mean, got_var, now, want};
    for (int i = 0; i < 5; i++) free(arrays[i]);
    clade__reference_free(r);
    clade_model_free(model);
    clade_data_free(data);
    net_free_batch(&batch);
}

static void it_learns_with_images_too(void **state)
{
    const char *json = "{\"input\":[3,6,8],\"layers\":[{\"type\":\"batch_norm\",\"eps\":1e-05,\"momentum\":0.1,"
                       "\"affine\":false}," LINEAR(7) ",{\"type\":\"batch_norm\",\"eps\":1e-05,"
                       "\"momentum\":0.1},{\"type\":\"tanh\"},{\"type\":\"flatten\"}," LINEAR(3)
                       "],\"loss\":\"cross_entropy\"}";
    const clade_compile_options options = {.batch = 10, .optimizer = clade_sgd(0.05f, 0.9f),
                                           .keep_gradients = true};
    clade_model *model = net_model(*state, 5, json, &options);
    net_batch batch = net_random_batch(model, 7, 24, 3); /* the last batch has 4 */
    clade_data *data = net_data(model, &batch, 3);
    clade_gradcheck_result checked;
    double *w = net_parameters(model), *before = net_parameters(model);
    double loss = net_loss(model, w, &batch);
    assert_ok(clade_gradcheck(model, data, NULL, &checked)); /* and it changes nothing, nor the statistics */
    assert_true(checked.passed);
    clade_gradcheck_free(&checked);
    free(w);
    w = net_parameters(model);
    assert_memory_equal(w, before, (size_t)clade_model_n_parameters(model) * sizeof *w);
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 20}, NULL));
    free(w);
    w = net_parameters(model);
    assert_true(net_loss(model, w, &batch) < 0.5 * loss);
    char *text = clade__model_describe(model);
    assert_string_equal(text, json);
    free(text);
    free(w);
    free(before);
    clade_model_free(model);
    clade_data_free(data);
    net_free_batch(&batch);
}

/* Behind convolutions, with and without bias, weight and activation: what is predicted is the formula's. */
static void behind_a_convolution_it_is_folded(void **state)
{
    enum { N = 11, OUT = 4 };
    const char *json = "{\"input\":[2,5,4],\"layers\":[{\"type\":\"conv2d\",\"out_channels\":3,\"kernel_size\":3,"
                       "\"padding\":1}," BATCH_NORM "," RELU ",{\"type\":\"conv2d\",\"out_channels\":6,"
                       "\"kernel_size\":[1,3],\"groups\":3,\"bias\":false},{\"type\":\"batch_norm\",\"affine\":false},"
                       "{\"type\":\"tanh\"},{\"type\":\"flatten\"}," LINEAR(4) "],\"loss\":\"cross_entropy\"}";
    const clade_compile_options options = {.batch = N, .optimizer = clade_sgd(0.05f, 0.9f)};
    clade_model *model = net_model(*state, 5, json, &options);
    net_batch batch = net_random_batch(model, 7, N, OUT);
    clade_data *data = net_data(model, &batch, OUT);
    clade_fit_result result;
    clade_metrics metrics;
    float got[N * OUT];
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 20, .validate = data}, &result));
    double *w = net_parameters(model), *want = net_forward(model, w, &batch);
    assert_ok(clade_predict(model, data, 0, N, true, got));
    test_assert_close("folded", got, want, N * OUT, 1e-5, 1e-5);
    assert_ok(clade_evaluate(model, data, &metrics));
    assert_true(metrics.loss == result.valid.loss); /* training has seen the same */
    free(w);
    free(want);
    clade_model_free(model);
    clade_data_free(data);
    net_free_batch(&batch);
}

/* One value for each channel has no variance: as a batch, and as the last batch of an epoch. */
static void one_value_for_each_channel_is_refused(void **state)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *y = clade_model_layers(model, OF_ROWS);
    clade_compile_options options = {.batch = 1};
    assert_fails(clade_compile(model, y, &options), CLADE_EINVAL,
                 "layer '1' (batch_norm): training wants more than one value for each channel, so at least 2 "
                 "samples at a time; a batch, a part of it or the last batch of an epoch has 1");
    options.batch = 6;
    options.accumulate = 6;
    assert_fails(clade_compile(model, y, &options), CLADE_EINVAL, "layer '1' (batch_norm)");
    options.batch = 7;
    options.accumulate = 3; /* 3, 3, and 1 */
    assert_fails(clade_compile(model, y, &options), CLADE_EINVAL, "layer '1' (batch_norm)");
    options.batch = 6;
    options.accumulate = 0;
    assert_ok(clade_compile(model, y, &options));
    net_batch batch = net_random_batch(model, 7, 13, 3);
    clade_data *data = net_data(model, &batch, 3);
    assert_fails(clade_fit(model, data, NULL, NULL), CLADE_EINVAL, "layer '1' (batch_norm)");
    float got[3];
    assert_ok(clade_predict(model, data, 0, 1, true, got)); /* which needs no batch */
    clade_model_free(model);
    clade_data_free(data);
    net_free_batch(&batch);
}

/* A state_dict of PyTorch, saved as safetensors: running_mean, weight and so on, and the number of batches. */
static void pytorch_s_count_of_batches_is_ignored(void **state)
{
    char bytes[1024] = {0};
    const char *header =
        "{\"0.weight\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
        "\"0.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]},"
        "\"0.running_mean\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]},"
        "\"0.running_var\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]},"
        "\"0.num_batches_tracked\":{\"dtype\":\"%s\",\"shape\":[],\"data_offsets\":[32,40]}}";
    static const float values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    const char *path = test_text("%s/torch.safetensors", test_folder());
    clade_model *model;
    assert_ok(clade_model_create(&model, *state, 1));
    assert_ok(clade_compile(model, clade_batch_norm(clade_input(model, CLADE_SHAPE(2))),
                            &(clade_compile_options){.loss = CLADE_LOSS_MSE, .batch = 4}));
    for (int wrong = 0; wrong < 2; wrong++) {
        uint64_t n = (uint64_t)sprintf(bytes + 8, header, wrong ? "I32" : "I64");
        memcpy(bytes, &n, 8);
        memcpy(bytes + 8 + n, values, sizeof values);
        test_write_file(path, bytes, (size_t)n + 8 + 40);
        if (wrong) {
            assert_fails(clade_load_weights(model, path, NULL), CLADE_EDATA, "is of type I32, want F32");
            continue;
        }
        assert_ok(clade_load_weights(model, path, NULL));
        double *got = net_parameters(model);
        for (int i = 0; i < 8; i++) assert_true(got[i] == (double)values[i]);
        free(got);
    }
    clade_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(statistics_are_pytorch_s),
        cmocka_unit_test(a_large_mean_leaves_the_variance),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(built_by_calls_it_is_the_same),
        cmocka_unit_test(running_statistics_move_and_are_used),
        cmocka_unit_test(it_learns_with_images_too),
        cmocka_unit_test(behind_a_convolution_it_is_folded),
        cmocka_unit_test(one_value_for_each_channel_is_refused),
        cmocka_unit_test(pytorch_s_count_of_batches_is_ignored),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

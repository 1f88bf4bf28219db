/* max_pool2d, avg_pool2d, adaptive_avg_pool2d and upsample: as operations, and as layers of a model. */
#include "network.h"
#include "reference.h"

#include "ops/ops.h"

static void test_cases(void **state)
{
    ref_verify(*state, "max_pool2d");
    ref_verify(*state, "avg_pool2d");
    ref_verify(*state, "adaptive_avg_pool2d");
    ref_verify(*state, "upsample");
}

/* ---- by hand ------------------------------------------------------------------------------------- */

static void assert_floats(const clade_tensor *tensor, const float *want)
{
    float *got = test_read(tensor);
    for (int64_t i = 0; i < clade_tensor_elements(tensor); i++)
        if (!(got[i] == want[i] || (isnan(got[i]) && isnan(want[i]))))
            fail_msg("[%d] is %g, want %g", (int)i, (double)got[i], (double)want[i]);
    free(got);
}

static void assert_ints(const clade_tensor *tensor, const int32_t *want)
{
    int32_t *got = malloc(clade_tensor_bytes(tensor));
    assert_non_null(got);
    assert_ok(clade_tensor_read(tensor, got));
    for (int64_t i = 0; i < clade_tensor_elements(tensor); i++) assert_int_equal(got[i], want[i]);
    free(got);
}

/* What torch.nn.functional gives for these. */
static void windows_are_pytorch_s(void **state)
{
    static const float x_values[20] = {1, 5, 5, 2, NAN, 5, -1, 0, 5, 3, -9, NAN, -2, -7, NAN, -9, -8, -3, -7, -4};
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(1, 4, 5), x_values);
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(1, 2, 2), NULL);
    clade_tensor *at = test_tensor_int(*state, CLADE_SHAPE(1, 2, 2), NULL);
    clade_tensor *dx = test_tensor(*state, CLADE_SHAPE(1, 4, 5), NULL);
    assert_ok(clade_max_pool2d_forward(y, at, x, &(clade_pool2d_args){.kernel_size = {2, 2}}));
    assert_floats(y, (const float[]){5, 5, NAN, -2}); /* the last column has no window */
    assert_ints(at, (const int32_t[]){1, 2, 11, 12});
    assert_ok(clade_max_pool2d_forward(y, NULL, x, &(clade_pool2d_args){.kernel_size = {2, 2}}));
    assert_floats(y, (const float[]){5, 5, NAN, -2});
    const clade_pool2d_args wide = {.kernel_size = {3, 3}, .stride = {3, 2}, .padding = {1, 0}};
    assert_ok(clade_max_pool2d_forward(y, at, x, &wide));
    assert_floats(y, (const float[]){5, NAN, NAN, NAN});
    assert_ints(at, (const int32_t[]){1, 4, 11, 14}); /* of 5, 5 and 5 the first; of two NaN the last */
    assert_ok(clade_tensor_write(y, (const float[]){1, 2, 4, 8}));
    assert_ok(clade_max_pool2d_backward(dx, y, at, &wide));
    assert_floats(dx, (const float[20]){[1] = 1, [4] = 2, [11] = 4, [14] = 8});

    assert_ok(clade_tensor_write(x, (const float[20]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
                                                      17, 18, 19, 20}));
    const clade_pool2d_args padded = {.kernel_size = {2, 3}, .stride = {3, 2}, .padding = {1, 0}};
    assert_ok(clade_avg_pool2d_forward(y, x, &padded));
    assert_floats(y, (const float[]){1, 2, 14.5f, 16.5f});
    clade_pool2d_args without = padded;
    without.leaves_padding_out = true;
    assert_ok(clade_avg_pool2d_forward(y, x, &without));
    assert_floats(y, (const float[]){2, 4, 14.5f, 16.5f});
    assert_ok(clade_tensor_write(y, (const float[]){6, 12, 18, 24}));
    assert_ok(clade_avg_pool2d_backward(dx, y, &padded));
    assert_floats(dx, (const float[20]){1, 1, 3, 2, 2, 0, 0, 0, 0, 0, 3, 3, 7, 4, 4, 3, 3, 7, 4, 4});
    assert_ok(clade_adaptive_avg_pool2d_forward(y, x));
    assert_floats(y, (const float[]){4.5f, 6.5f, 14.5f, 16.5f}); /* both halves have the third column */
    clade_tensor *one = test_tensor(*state, CLADE_SHAPE(1, 1, 1), (const float[]){40});
    assert_ok(clade_adaptive_avg_pool2d_backward(dx, one));
    float *all = test_read(dx);
    for (int i = 0; i < 20; i++) assert_true(all[i] == 2.0f);
    assert_ok(clade_adaptive_avg_pool2d_forward(one, x));
    assert_floats(one, (const float[]){10.5f});
    free(all);
    clade_tensor *tensors[] = {x, y, at, dx, one};
    for (int i = 0; i < 5; i++) clade_tensor_free(tensors[i]);
}

/* One long row per channel wants scratch, which the call takes itself. */
static void the_mean_of_a_large_image(void **state)
{
    enum { N = 40000 };
    float *values = test_random(3, 2 * N, -1, 1);
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(2, 100, N / 100), values);
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(2, 1, 1), NULL);
    double *want = ref_doubles(2);
    for (int i = 0; i < 2 * N; i++) want[i / N] += (double)values[i] / N;
    assert_ok(clade_adaptive_avg_pool2d_forward(y, x));
    ref_check("the mean", y, want, 1e-6, 0);
    free(values);
    clade_tensor_free(x);
    clade_tensor_free(y);
}

/* ---- errors ------------------------------------------------------------------------------------- */

static void test_errors(void **state)
{
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(2, 3, 4, 5), NULL);
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(2, 3, 2, 2), NULL);
    clade_tensor *row = test_tensor(*state, CLADE_SHAPE(24), NULL);
    clade_tensor *ints = test_tensor_int(*state, CLADE_SHAPE(2, 3, 2, 2), NULL);
    const struct {
        clade_pool2d_args args;
        clade_status status;
        const char *message;
    } cases[] = {
        {{.kernel_size = {0, 2}}, CLADE_EINVAL, "kernel_size is 0, want 1 to 32767"},
        {{.kernel_size = {2, 40000}}, CLADE_EINVAL, "kernel_size is 40000, want 1 to 32767"},
        {{.kernel_size = {2, 2}, .stride = {-1, 1}}, CLADE_EINVAL, "stride is -1, want 0 to"},
        {{.kernel_size = {2, 2}, .padding = {0, -1}}, CLADE_EINVAL, "padding is -1, want 0 to"},
        {{.kernel_size = {3, 3}, .padding = {0, 2}}, CLADE_EINVAL,
         "padding is 2, want at most half of kernel_size, which is 3"},
        {{.kernel_size = {2, 2}, .dilation = {-1, 1}}, CLADE_EINVAL, "dilation is -1, want 0 to"},
        {{.kernel_size = {5, 5}}, CLADE_ESHAPE,
         "the window is 5 x 5, and the image with its padding 4 x 5"},
        {{.kernel_size = {2, 1}}, CLADE_ESHAPE, "y is (2, 3, 2, 2), want (2, 3, 2, 5)"},
        {{.kernel_size = {2, 2}, .reserved = {1}}, CLADE_EINVAL, "reserved"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const clade_pool2d_args *args = &cases[i].args;
        const char *max = test_text("max_pool2d: %s", cases[i].message);
        const char *avg = test_text("avg_pool2d: %s", cases[i].message);
        if (args->reserved[0]) max = avg = cases[i].message;
        assert_fails(clade_max_pool2d_forward(y, NULL, x, args), cases[i].status, max);
        assert_fails(clade_max_pool2d_backward(x, y, ints, args), cases[i].status, max);
        assert_fails(clade_avg_pool2d_forward(y, x, args), cases[i].status, avg);
        assert_fails(clade_avg_pool2d_backward(x, y, args), cases[i].status, avg);
    }
    const clade_pool2d_args two = {.kernel_size = {2, 2}}, dilated = {.kernel_size = {2, 2}, .stride = {2, 2},
                                                                      .dilation = {2, 1}};
    clade_tensor *tall = test_tensor(*state, CLADE_SHAPE(2, 3, 5, 5), NULL);
    assert_fails(clade_avg_pool2d_forward(y, tall, &dilated), CLADE_EINVAL,
                 "avg_pool2d: its windows have no dilation");
    assert_fails(clade_max_pool2d_forward(y, y, x, &two), CLADE_ESHAPE,
                 "max_pool2d: indices is float32, want int32");
    assert_fails(clade_max_pool2d_forward(ints, NULL, x, &two), CLADE_ESHAPE,
                 "max_pool2d: y is int32, want float32");
    assert_fails(clade_max_pool2d_forward(row, NULL, row, &two), CLADE_ESHAPE,
                 "max_pool2d: x is (24), want (…, height, width)");
    assert_fails(clade_adaptive_avg_pool2d_forward(row, x), CLADE_ESHAPE,
                 "adaptive_avg_pool2d: y is (24), want the shape of x, (2, 3, 4, 5), but for its height");
    assert_fails(clade_upsample_forward(y, x, 2, 0), CLADE_EINVAL, "upsample: scale_factor is 0, want 1 to 32767");
    assert_fails(clade_upsample_forward(x, y, 2, 2), CLADE_ESHAPE,
                 "upsample: (2, 3, 4, 5) out of (2, 3, 2, 2), want (…, height, width), each of them times");
    assert_fails(clade_upsample_backward(row, row, 1, 1), CLADE_ESHAPE, "upsample: (24) out of (24)");
    clade_tensor *all[] = {x, y, row, ints, tall};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) clade_tensor_free(all[i]);
}

/* ---- layers ------------------------------------------------------------------------------------- */

static void assert_shape(const clade_node *node, int64_t channels, int64_t height, int64_t width)
{
    assert_non_null(node);
    const int64_t want[] = {channels, height, width};
    assert_int_equal(node->shape.rank, 3);
    for (int i = 0; i < 3; i++) assert_int_equal(node->shape.dim[i], want[i]);
}

static void shapes_are_inferred(void **state)
{
    (void)state;
    clade_model *model;
    assert_ok(clade_model_create(&model, NULL, 1));
    clade_node *x = clade_input(model, CLADE_SHAPE(3, 9, 14));
    assert_shape(clade_max_pool2d(x, 2), 3, 4, 7);
    assert_shape(clade_max_pool2d_with(x, &(clade_max_pool2d_options){.kernel_size = {3},
                                                                      .stride = {2, 2},
                                                                      .padding = {1, 1}}), 3, 5, 7);
    assert_shape(clade_max_pool2d_with(x, &(clade_max_pool2d_options){.kernel_size = {3, 2},
                                                                      .stride = {1, 4},
                                                                      .dilation = {3, 2},
                                                                      .name = "pool"}), 3, 3, 3);
    assert_string_equal(model->graph.layers[model->graph.n_layers - 1]->name, "pool");
    assert_shape(clade_avg_pool2d(x, 4), 3, 2, 3);
    assert_shape(clade_avg_pool2d_with(x, &(clade_avg_pool2d_options){.kernel_size = {3},
                                                                      .stride = {1, 1}}), 3, 7, 12);
    assert_shape(clade_adaptive_avg_pool2d(x, 5, 1), 3, 5, 1);
    assert_shape(clade_adaptive_avg_pool2d(x, 20, 3), 3, 20, 3);
    assert_shape(clade_upsample(x, 3), 3, 27, 42);
    clade_model_free(model);
}

static clade_node *too_large(clade_node *x)
{
    return clade_max_pool2d(x, 6);
}
static clade_node *too_much_padding(clade_node *x)
{
    return clade_avg_pool2d_with(x, &(clade_avg_pool2d_options){.kernel_size = {2}, .padding = {0, 2}});
}
static clade_node *no_kernel(clade_node *x)
{
    return clade_max_pool2d(x, 0);
}
static clade_node *negative_stride(clade_node *x)
{
    return clade_avg_pool2d_with(x, &(clade_avg_pool2d_options){.kernel_size = {2}, .stride = {1, -2}});
}
static clade_node *flat(clade_node *x)
{
    return clade_max_pool2d(clade_flatten(x), 2);
}
static clade_node *flat_adaptive(clade_node *x)
{
    return clade_adaptive_avg_pool2d(clade_flatten(x), 1, 1);
}
static clade_node *no_scale(clade_node *x)
{
    return clade_upsample(x, 0);
}
static clade_node *flat_upsample(clade_node *x)
{
    return clade_upsample(clade_flatten(x), 2);
}
static clade_node *no_output(clade_node *x)
{
    return clade_adaptive_avg_pool2d(x, 1, 0);
}
static clade_node *reserved_words(clade_node *x)
{
    return clade_max_pool2d_with(x, &(clade_max_pool2d_options){.kernel_size = {2}, .reserved = {0, 1}});
}
static clade_node *reserved_words_of_avg(clade_node *x)
{
    return clade_avg_pool2d_with(x, &(clade_avg_pool2d_options){.kernel_size = {2}, .reserved = {0, 1}});
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const struct {
        clade_node *(*build)(clade_node *x);
        clade_status status;
        const char *message;
    } cases[] = {
        {too_large, CLADE_ESHAPE, "max_pool2d: the window is 6 x 6, and the image with its padding 4 x 5"},
        {too_much_padding, CLADE_EINVAL, "avg_pool2d: padding is 2, want at most half of kernel_size"},
        {no_kernel, CLADE_EINVAL, "max_pool2d: kernel_size is 0, want 1 to 32767"},
        {negative_stride, CLADE_EINVAL, "avg_pool2d: stride is -2, want 0 to 32767"},
        {flat, CLADE_ESHAPE, "max_pool2d: a sample is (60), want (channels, height, width)"},
        {flat_adaptive, CLADE_ESHAPE, "adaptive_avg_pool2d: a sample is (60), want (channels, height"},
        {no_scale, CLADE_EINVAL, "upsample: scale_factor is 0, want 1 to 32767"},
        {flat_upsample, CLADE_ESHAPE, "upsample: a sample is (60), want (channels, height, width)"},
        {no_output, CLADE_EINVAL, "adaptive_avg_pool2d: output_size is 0, want at least 1"},
        {reserved_words, CLADE_EINVAL, "max_pool2d: options->reserved[1]"},
        {reserved_words_of_avg, CLADE_EINVAL, "avg_pool2d: options->reserved[1]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_model *model;
        assert_ok(clade_model_create(&model, NULL, 1));
        assert_null(cases[i].build(clade_input(model, CLADE_SHAPE(3, 4, 5))));
        assert_fails(clade__graph_error(&model->graph), cases[i].status, cases[i].message);
        clade_model_free(model);
    }
}

/* All three in a model that learns and is loaded again. */
static void pools_are_trained_and_saved(void **state)
{
    const char *json =
        "{\"input\":[2,6,8],\"layers\":[{\"type\":\"avg_pool2d\",\"kernel_size\":[2,1],\"stride\":[2,1],"
        "\"padding\":[1,0],\"count_include_pad\":false}," LINEAR(9) ",{\"type\":\"max_pool2d\","
        "\"kernel_size\":3,\"stride\":2,\"padding\":1,\"dilation\":1},{\"type\":\"adaptive_avg_pool2d\","
        "\"output_size\":[1,2]},{\"type\":\"upsample\",\"scale_factor\":[2,1]},{\"type\":\"reshape\","
        "\"shape\":[8]}," LINEAR(3) "],\"loss\":\"cross_entropy\"}";
    const clade_compile_options options = {.batch = 8, .optimizer = clade_sgd(0.1f, 0.9f)};
    clade_model *model = net_model(*state, 5, json, &options), *loaded;
    net_batch batch = net_random_batch(model, 7, 20, 3);
    clade_data *data = net_data(model, &batch, 3);
    double *w = net_parameters(model);
    double before = net_loss(model, w, &batch);
    free(w);
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 30}, NULL));
    w = net_parameters(model);
    assert_true(net_loss(model, w, &batch) < 0.9 * before);
    double *want = net_forward(model, w, &batch);
    free(w);

    const char *path = test_text("%s/pools.safetensors", test_folder());
    float got[20 * 3], again[20 * 3];
    assert_ok(clade_save(model, path));
    assert_ok(clade_predict(model, data, 0, 20, true, got));
    test_assert_close("the outputs", got, want, 20 * 3, 1e-5, 1e-5);
    assert_ok(clade_load(&loaded, *state, path));
    char *text = clade__model_describe(loaded);
    assert_string_equal(text, json);
    assert_ok(clade_predict(loaded, data, 0, 20, true, again));
    assert_memory_equal(got, again, sizeof got);
    free(want);
    free(text);
    clade_model_free(loaded);
    clade_model_free(model);
    clade_data_free(data);
    net_free_batch(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(windows_are_pytorch_s),
        cmocka_unit_test(the_mean_of_a_large_image),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(shapes_are_inferred),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(pools_are_trained_and_saved),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

/* A saved model, read by another implementation: tests/read_model.py loads it with the safetensors
 * package, runs it with NumPy, and finds what clade_predict computes. Skipped without Python and
 * those packages; CLADE_TEST_PYTHON names the interpreter. */
#include "python.h"
#include "support.h"

#include <stdio.h>

#define SKIPPED 77

enum { N_INPUTS = 20, N_CLASSES = 5, N_SAMPLES = 200 };

/* One cloud of points for each class, features (N_SAMPLES, N_INPUTS). */
static float *make_blobs(int32_t *labels)
{
    float *centers = test_random(11, N_CLASSES * N_INPUTS, -2.0f, 2.0f);
    float *features = test_random(12, N_SAMPLES * N_INPUTS, -1.0f, 1.0f);
    for (int i = 0; i < N_SAMPLES; i++) {
        labels[i] = i % N_CLASSES;
        for (int j = 0; j < N_INPUTS; j++)
            features[i * N_INPUTS + j] += centers[labels[i] * N_INPUTS + j];
    }
    free(centers);
    return features;
}

/* Trains the network a little, saves it, and lets Python compare. With scale 0 the data is
 * standardised. */
static void check_model(clade_device *device, const char *layers, float scale, float shift)
{
    int32_t labels[N_SAMPLES];
    float *features = make_blobs(labels);
    clade_data *data = NULL;
    assert_ok(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = N_SAMPLES,
                                                                 .shape = CLADE_SHAPE(N_INPUTS),
                                                                 .features = features,
                                                                 .labels = labels,
                                                                 .n_classes = N_CLASSES}));
    assert_ok(scale == 0.0f ? clade_data_standardize(data)
                            : clade_data_set_scale(data, scale, shift));

    clade_model *model = NULL;
    assert_ok(clade_model_create(&model, device, 5));
    clade_node *output = clade_model_layers(model, layers);
    assert_ok(clade_compile(model, output, &(clade_compile_options){
                                               .loss = CLADE_LOSS_CROSS_ENTROPY,
                                               .optimizer = clade_sgd(0.1f, 0.9f),
                                               .batch = 32}));
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 3}, NULL));

    float logits[N_SAMPLES * N_CLASSES];
    assert_ok(clade_predict(model, data, 0, N_SAMPLES, true, logits));

    char model_path[256], features_path[256], logits_path[256], script[1024];
    const char *folder = test_folder();
    snprintf(model_path, sizeof model_path, "%s/model.safetensors", folder);
    snprintf(features_path, sizeof features_path, "%s/features.f32", folder);
    snprintf(logits_path, sizeof logits_path, "%s/logits.f32", folder);
    snprintf(script, sizeof script, "%s/tests/read_model.py", getenv("CLADE_TEST_SOURCE"));
    assert_ok(clade_save(model, model_path));
    test_write_file(features_path, features, (size_t)N_SAMPLES * N_INPUTS * sizeof *features);
    test_write_file(logits_path, logits, sizeof logits);

    const char *const args[] = {script, model_path, features_path, logits_path, NULL};
    assert_int_equal(python_run(args), 0);

    logits[N_CLASSES + 1] += 0.01f; /* the comparison can fail */
    test_write_file(logits_path, logits, sizeof logits);
    assert_int_equal(python_run(args), 1);

    clade_model_free(model);
    clade_data_free(data);
    free(features);
}

static void an_mlp(void **state)
{
    check_model(*state,
                "{\"input\": [20], \"layers\": ["
                "{\"type\": \"linear\", \"units\": 32}, {\"type\": \"relu\"},"
                "{\"type\": \"linear\", \"units\": 5}]}",
                1.0f, 0.0f);
}

static void every_activation(void **state)
{
    check_model(*state,
                "{\"input\": [20], \"layers\": ["
                "{\"type\": \"linear\", \"units\": 33}, {\"type\": \"leaky_relu\", \"slope\": 0.2},"
                "{\"type\": \"linear\", \"units\": 17}, {\"type\": \"gelu\"},"
                "{\"type\": \"linear\", \"units\": 16}, {\"type\": \"tanh\"},"
                "{\"type\": \"linear\", \"units\": 40}, {\"type\": \"sigmoid\"},"
                "{\"type\": \"linear\", \"units\": 5}]}",
                0.5f, 0.25f);
}

static void standardised_features(void **state)
{
    check_model(*state,
                "{\"input\": [20], \"layers\": ["
                "{\"type\": \"linear\", \"units\": 16}, {\"type\": \"tanh\"},"
                "{\"type\": \"linear\", \"units\": 5}]}",
                0.0f, 0.0f);
}

static void names_and_a_residual(void **state)
{
    check_model(*state,
                "{\"input\": [20], \"layers\": ["
                "{\"type\": \"linear\", \"units\": 24, \"name\": \"first\"},"
                "{\"type\": \"relu\", \"name\": \"hidden\"},"
                "{\"type\": \"linear\", \"units\": 24, \"name\": \"second\"},"
                "{\"type\": \"add\", \"inputs\": [\"hidden\", \"second\"]},"
                "{\"type\": \"linear\", \"units\": 5, \"bias\": false}]}",
                1.0f, 0.0f);
}

static void images(void **state)
{
    check_model(*state,
                "{\"input\": [20], \"layers\": ["
                "{\"type\": \"reshape\", \"shape\": [2, 2, -1]},"
                "{\"type\": \"upsample\", \"scale_factor\": [3, 2]},"
                "{\"type\": \"linear\", \"units\": 12}, {\"type\": \"batch_norm\"},"
                "{\"type\": \"relu\", \"name\": \"r\"},"
                "{\"type\": \"max_pool2d\", \"kernel_size\": 3, \"stride\": [1, 2], \"padding\": 1},"
                "{\"type\": \"group_norm\", \"num_groups\": 2, \"name\": \"g\"},"
                "{\"type\": \"avg_pool2d\", \"kernel_size\": [1, 2], \"inputs\": [\"r\"]},"
                "{\"type\": \"multiply\", \"inputs\": [\"g\", \"7\"]},"
                "{\"type\": \"avg_pool2d\", \"kernel_size\": 2, \"padding\": [1, 0],"
                " \"count_include_pad\": false},"
                "{\"type\": \"batch_norm\", \"affine\": false},"
                "{\"type\": \"adaptive_avg_pool2d\", \"output_size\": [3, 2]},"
                "{\"type\": \"flatten\"}, {\"type\": \"linear\", \"units\": 5}]}",
                1.0f, 0.0f);
}

static void convolutions(void **state)
{
    check_model(*state,
                "{\"input\": [20], \"layers\": ["
                "{\"type\": \"reshape\", \"shape\": [2, 2, -1]},"
                "{\"type\": \"conv2d\", \"out_channels\": 6, \"kernel_size\": [2, 3], \"padding\": \"same\"},"
                "{\"type\": \"relu\"},"
                "{\"type\": \"conv_transpose2d\", \"out_channels\": 4, \"kernel_size\": [3, 2],"
                " \"stride\": [2, 3], \"padding\": [1, 0], \"output_padding\": [1, 2], \"groups\": 2},"
                "{\"type\": \"tanh\"},"
                "{\"type\": \"conv2d\", \"out_channels\": 6, \"kernel_size\": 3, \"stride\": [1, 2],"
                " \"padding\": [0, 2], \"dilation\": [1, 2], \"groups\": 2, \"bias\": false},"
                "{\"type\": \"conv_transpose2d\", \"out_channels\": 3, \"kernel_size\": 2,"
                " \"dilation\": [3, 1], \"output_padding\": [2, 0], \"bias\": false},"
                "{\"type\": \"flatten\"}, {\"type\": \"linear\", \"units\": 5}]}",
                1.0f, 0.0f);
}

int main(void)
{
    if (!getenv("CLADE_TEST_SOURCE")) {
        fprintf(stderr, "SKIPPED: CLADE_TEST_SOURCE does not name the source folder\n");
        return SKIPPED;
    }
    if (!python_has("numpy, safetensors.numpy")) {
        fprintf(stderr, "SKIPPED: no %s with the packages of tools/python-packages.txt\n",
                python_name());
        return SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_mlp),
        cmocka_unit_test(every_activation),
        cmocka_unit_test(standardised_features),
        cmocka_unit_test(names_and_a_residual),
        cmocka_unit_test(images),
        cmocka_unit_test(convolutions),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

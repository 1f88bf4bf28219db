/* Images that are changed at random in training: the same bits however they are fed, and however often a
 * training is stopped; and channels that are standardized. What a change does is verify's to check. */
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "network.h"

static const char json[] = "{\"input\":[2,6,5],\"layers\":[{\"type\":\"flatten\"}," LINEAR(7) "," RELU "," LINEAR(3)
                           "]}";

enum { SAMPLES = 37, PIXELS = 2 * 6 * 5, BATCH = 8 };

static const clade_augment all = {.crop = 2, .flip = true, .cutout = 3};

static clade_data *images(void)
{
    float *values = test_random(3, SAMPLES * PIXELS, -1.0f, 1.0f);
    int32_t labels[SAMPLES];
    clade_data *data;
    for (int i = 0; i < SAMPLES; i++) labels[i] = i % 3;
    assert_ok(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = SAMPLES, .features = values,
                                                                 .shape = CLADE_SHAPE(2, 6, 5),
                                                                 .labels = labels, .n_classes = 3}));
    free(values);
    return data;
}

/* Parameters after a training, as many bytes as *n_bytes says. */
static float *train(clade_device *device, const clade_fit_options *options, int64_t accumulate, size_t *n_bytes)
{
    clade_data *data = images();
    clade_model *model = net_model(device, 5, json, &(clade_compile_options){.batch = BATCH,
                                                                             .accumulate = accumulate});
    assert_ok(clade_data_standardize_channels(data));
    assert_ok(clade_fit(model, data, options, NULL));
    *n_bytes = clade__model_parameter_bytes(model);
    float *values = malloc(*n_bytes);
    assert_non_null(values);
    assert_ok(clade__model_read_parameters(model, values));
    clade_model_free(model);
    clade_data_free(data);
    return values;
}

static void it_is_the_same_however_it_is_fed(void **state)
{
    size_t n;
    for (int64_t parts = 1; parts <= 3; parts += 2) {
        float *resident = train(*state, &(clade_fit_options){.epochs = 3, .augment = &all}, parts, &n);
        float *streamed =
            train(*state, &(clade_fit_options){.epochs = 3, .augment = &all, .stream = true}, parts, &n);
        float *plain = train(*state, &(clade_fit_options){.epochs = 3}, parts, &n);
        assert_memory_equal(resident, streamed, n);
        assert_memory_not_equal(resident, plain, n);
        free(resident);
        free(streamed);
        free(plain);
    }
}

static void nothing_asked_for_is_nothing_done(void **state)
{
    size_t n;
    const clade_augment none = {0};
    float *plain = train(*state, &(clade_fit_options){.epochs = 2}, 1, &n);
    float *zeroed = train(*state, &(clade_fit_options){.epochs = 2, .augment = &none}, 1, &n);
    assert_memory_equal(plain, zeroed, n);
    free(plain);
    free(zeroed);
}

static void a_stopped_training_goes_on_alike(void **state)
{
    size_t n;
    char folder[256];
    snprintf(folder, sizeof folder, "%s/run", test_folder());
    assert_int_equal(mkdir(folder, 0700), 0);
    float *whole = train(*state, &(clade_fit_options){.epochs = 3, .augment = &all}, 1, &n);
    clade_fit_options options = {.epochs = 3, .augment = &all, .run_dir = folder, .max_steps = 7};
    free(train(*state, &options, 1, &n));
    options.max_steps = 0;
    options.resume = true;
    float *resumed = train(*state, &options, 1, &n);
    assert_memory_equal(whole, resumed, n);
    free(whole);
    free(resumed);

    clade_augment other = all;
    clade_data *data = images();
    clade_model *model = net_model(*state, 5, json, &(clade_compile_options){.batch = BATCH});
    assert_ok(clade_data_standardize_channels(data));
    other.crop = 1;
    options.epochs = 4;
    options.augment = &other;
    assert_fails(clade_fit(model, data, &options, NULL), CLADE_EINVAL,
                 "resume: replacement is false, crop 1, flip, cutout 3, and the run began with false, crop 2, flip, "
                 "cutout 3");
    clade_model_free(model);
    clade_data_free(data);
}

static void channels_have_mean_0_and_deviation_1(void **state)
{
    (void)state;
    float *values = test_random(3, SAMPLES * PIXELS, -1.0f, 1.0f);
    clade_data *data = images();
    assert_ok(clade_data_standardize_channels(data));
    clade_data_info info = clade_data_describe(data);
    assert_true(info.standardized);
    for (int c = 0; c < 2; c++) {
        double mean = 0.0, squares = 0.0, n = SAMPLES * 30;
        for (int i = 0; i < SAMPLES * 30; i++) mean += (double)values[i / 30 * PIXELS + c * 30 + i % 30] / n;
        for (int i = 0; i < SAMPLES * 30; i++) {
            double off = (double)values[i / 30 * PIXELS + c * 30 + i % 30] - mean;
            squares += off * off / n;
        }
        for (int k = c * 30; k < (c + 1) * 30; k++) {
            assert_true(fabs(info.feature_scale[k] - 1.0 / sqrt(squares)) < 1e-9);
            assert_true(fabs(info.feature_shift[k] + mean / sqrt(squares)) < 1e-9);
        }
    }
    free(values);
    clade_data_free(data);
    assert_ok(clade_data_open(&data, "random?features=4"));
    assert_fails(clade_data_standardize_channels(data), CLADE_EINVAL,
                 "samples of 'random?features=4&part=train' have 1 dimensions, want images");
    clade_data_free(data);
}

static void what_is_no_image_is_refused(void **state)
{
    clade_data *data = images(), *flat;
    clade_model *model = net_model(*state, 5, json, &(clade_compile_options){.batch = BATCH});
    clade_model *of_flat = net_model(*state, 5, "{\"input\":[4],\"layers\":[" LINEAR(10) "]}",
                                     &(clade_compile_options){0});
    clade_augment bad = {.crop = 5};
    assert_fails(clade_fit(model, data, &(clade_fit_options){.augment = &bad}, NULL), CLADE_EINVAL,
                 "augment: crop and cutout are 5 and 0, want 0 to 4, less than the images of 'arrays'");
    bad = (clade_augment){.cutout = -1};
    assert_fails(clade_fit(model, data, &(clade_fit_options){.augment = &bad}, NULL), CLADE_EINVAL,
                 "augment: crop and cutout are 0 and -1");
    bad = (clade_augment){.reserved = {0, 0, 0, 1}};
    assert_fails(clade_fit(model, data, &(clade_fit_options){.augment = &bad}, NULL), CLADE_EINVAL,
                 "is not 0: the struct was not zeroed");
    assert_ok(clade_data_open(&flat, "random?features=4"));
    assert_fails(clade_fit(of_flat, flat, &(clade_fit_options){.augment = &all}, NULL), CLADE_EINVAL,
                 "augment: samples of 'random?features=4&part=train' are (4), want images");
    clade_data_free(flat);
    const float x[4] = {0};
    const clade_data_field field = {"input", CLADE_FLOAT32, CLADE_SHAPE(4), x, {0}};
    assert_ok(clade_data_from_fields(&flat, 1, &field, 1));
    assert_fails(clade_fit(of_flat, flat, &(clade_fit_options){.augment = &all}, NULL), CLADE_EINVAL,
                 "augment: 'fields' is data of named fields");
    clade_data_free(flat);
    clade_model_free(of_flat);
    clade_model_free(model);
    clade_data_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_same_however_it_is_fed),
        cmocka_unit_test(nothing_asked_for_is_nothing_done),
        cmocka_unit_test(a_stopped_training_goes_on_alike),
        cmocka_unit_test(channels_have_mean_0_and_deviation_1),
        cmocka_unit_test(what_is_no_image_is_refused),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

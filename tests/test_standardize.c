/* Standardised data: the factors against their definition, and that all that runs a model - training,
 * evaluation, prediction, the check of gradients, a saved file - sees the same numbers. */
#include "network.h"
#include "reference.h"

#include <clade/check.h>

#include "data/dataset.h"
#include "graph/model.h"

enum { N = 203, COLS = 5, CLASSES = 3 };

static const char json[] =
    "{\"input\":[5],\"layers\":[{\"type\":\"linear\",\"units\":7},{\"type\":\"tanh\"},"
    "{\"type\":\"linear\",\"units\":3}]}";

/* Features of very different mean and size, the third of them constant. */
static void make_features(float *x)
{
    static const double mean[] = {0.0, 1900.0, 0.1, -3e-6, 1e6};
    static const double size[] = {1.0, 30.0, 0.0, 1e-6, 1e3};
    float *random = test_random(3, N * COLS, -1.0f, 1.0f);
    for (int i = 0; i < N * COLS; i++)
        x[i] = (float)(mean[i % COLS] + size[i % COLS] * (double)random[i]);
    free(random);
}

static clade_data *make_data(void)
{
    float x[N * COLS];
    clade_data *data;
    int32_t *labels = ref_labels(4, N, CLASSES);
    make_features(x);
    assert_ok(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = N,
                                                                 .shape = CLADE_SHAPE(COLS),
                                                                 .features = x,
                                                                 .labels = labels,
                                                                 .n_classes = CLASSES}));
    free(labels);
    return data;
}

/* The same samples, standardised beforehand in double precision, by the definition. */
static net_batch standardized_batch(void)
{
    float x[N * COLS];
    net_batch batch = {.n = N, .x = ref_doubles(N * COLS), .labels = ref_labels(4, N, CLASSES)};
    make_features(x);
    for (int c = 0; c < COLS; c++) {
        double mean = 0.0, variance = 0.0;
        for (int i = 0; i < N; i++) mean += (double)x[i * COLS + c] / N;
        for (int i = 0; i < N; i++) variance += pow((double)x[i * COLS + c] - mean, 2.0) / N;
        double deviation = c == 2 ? 1.0 : sqrt(variance);
        for (int i = 0; i < N; i++)
            batch.x[i * COLS + c] = ((double)x[i * COLS + c] - mean) / deviation;
    }
    return batch;
}

/* ---- the factors ----------------------------------------------------------------------------- */

static void each_feature_has_mean_0_and_deviation_1(void **state)
{
    (void)state;
    clade_data *data = make_data();
    assert_null(clade_data_describe(data).feature_scale);
    assert_ok(clade_data_standardize(data));
    clade_data_info info = clade_data_describe(data);
    net_batch want = standardized_batch();
    for (int c = 0; c < COLS; c++)
        for (int i = 0; i < N; i++) {
            double x = ((const float *)data->values)[i * COLS + c];
            double got = x * info.feature_scale[c] + info.feature_shift[c];
            assert_true(fabs(got - want.x[i * COLS + c]) <= 1e-11);
            assert_true(got == clade__scaling_apply(&data->scaling, c, x));
        }
    assert_true(info.feature_scale[2] == 1.0 && info.feature_shift[2] == -(double)0.1f);
    net_free_batch(&want);

    assert_ok(clade_data_set_scale(data, 2.0f, 1.0f)); /* the later one stands */
    assert_null(clade_data_describe(data).feature_scale);
    assert_true(clade__scaling_apply(&data->scaling, 3, 5.0) == 11.0);
    clade_data_free(data);
    assert_fails(clade_data_standardize(NULL), CLADE_EINVAL, "data is NULL");
}

/* Deviations are of the samples themselves, not estimated from them: 1 for {-1, 1}. */
static void bytes_and_few_samples(void **state)
{
    (void)state;
    clade_data *data;
    assert_ok(clade__data_create(&data, 2, CLADE_SHAPE(1, 3), CLADE_UINT8, 2, 0));
    memcpy(data->values, (const unsigned char[]){0, 7, 255, 2, 7, 251}, 6);
    assert_ok(clade_data_standardize(data));
    const double *scale = clade_data_describe(data).feature_scale;
    const double *shift = clade_data_describe(data).feature_shift;
    assert_true(scale[0] == 1.0f && scale[1] == 1.0f && scale[2] == 0.5f);
    assert_true(shift[0] == -1.0f && shift[1] == -7.0f && shift[2] == -126.5f);
    clade_data_free(data);

    const float one[] = {3.5f, -1e30f}, tiny[] = {0.0f, 1e-45f};
    clade_data_arrays arrays = {
        .n_samples = 1, .shape = CLADE_SHAPE(2), .features = one, .targets = one, .n_targets = 1};
    assert_ok(clade_data_from_arrays(&data, &arrays));
    assert_ok(clade_data_standardize(data));
    scale = clade_data_describe(data).feature_scale;
    assert_true(scale[0] == 1.0 && scale[1] == 1.0 && scale[2] == -3.5 && scale[3] == (double)1e30f);
    assert_true(data->targets[0] == 3.5f); /* targets stay */
    clade_data_free(data);

    /* A deviation whose inverse is no float32 is none. */
    arrays = (clade_data_arrays){
        .n_samples = 2, .shape = CLADE_SHAPE(1), .features = tiny, .targets = one, .n_targets = 1};
    assert_ok(clade_data_from_arrays(&data, &arrays));
    assert_ok(clade_data_standardize(data));
    assert_true(clade_data_describe(data).feature_scale[0] == 1.0f);
    clade_data_free(data);
}

/* ---- what a model sees ----------------------------------------------------------------------- */

static clade_model *new_model(clade_device *device)
{
    return net_model(device, 5, json,
                     &(clade_compile_options){.optimizer = clade_sgd(0.1f, 0.9f),
                                              .batch = 16,
                                              .keep_gradients = true});
}

static clade_model *trained(clade_device *device, const clade_data *data, bool stream,
                            clade_fit_result *result)
{
    clade_model *model = new_model(device);
    assert_ok(clade_fit(
        model, (clade_data *)data,
        &(clade_fit_options){.epochs = 3, .validate = (clade_data *)data, .stream = stream},
        result));
    return model;
}

static void every_way_to_run_sees_the_same(void **state)
{
    clade_data *data = make_data(), *plain = make_data();
    assert_ok(clade_data_standardize(data));
    clade_fit_result result, streamed_result;
    clade_model *model = trained(*state, data, false, &result);
    clade_model *streamed = trained(*state, data, true, &streamed_result);
    double *w = net_parameters(model), *w_streamed = net_parameters(streamed);
    assert_memory_equal(w, w_streamed, (size_t)clade_model_n_parameters(model) * sizeof *w);
    assert_true(result.valid.loss == streamed_result.valid.loss);

    /* The model keeps what it saw: data that is not standardised is seen alike. */
    net_batch batch = standardized_batch();
    clade_metrics metrics;
    float got[N * CLASSES];
    double *y = net_forward(model, w, &batch);
    assert_ok(clade_evaluate(model, plain, &metrics));
    assert_true(metrics.loss == result.valid.loss);
    assert_true(metrics.accuracy == result.valid.accuracy);
    assert_true(fabs(metrics.loss - net_loss(model, w, &batch)) < 1e-4);
    assert_ok(clade_predict(model, plain, 0, N, true, got));
    test_assert_close("logits", got, y, N * CLASSES, 1e-3, 0.0);

    clade_model *loaded;
    const char *folder = test_folder(), *path = test_text("%s/net.safetensors", folder);
    const char *copy = test_text("%s/copy.safetensors", folder);
    float again[N * CLASSES];
    assert_ok(clade_save(model, path));
    assert_ok(clade_load(&loaded, *state, path));
    assert_int_equal(loaded->input.n_columns, COLS);
    assert_memory_equal(loaded->input.columns, data->scaling.columns, 2 * COLS * sizeof(double));
    assert_ok(clade_evaluate(loaded, plain, &metrics));
    assert_true(metrics.loss == result.valid.loss);
    assert_ok(clade_predict(loaded, plain, 0, N, true, again));
    assert_memory_equal(got, again, sizeof got);
    assert_ok(clade_save(loaded, copy));
    test_assert_same_files(path, copy);

    clade_model_free(model);
    clade_model_free(streamed);
    clade_model_free(loaded);
    clade_data_free(data);
    clade_data_free(plain);
    net_free_batch(&batch);
    free(w);
    free(w_streamed);
    free(y);
}

/* A model that is trained again on other data takes over how that is seen. */
static void the_last_training_data_decides(void **state)
{
    clade_data *data = make_data(), *scaled = make_data();
    clade_model *model = new_model(*state);
    assert_ok(clade_data_standardize(data));
    assert_ok(clade_data_set_scale(scaled, 1e-9f, 0.0f));
    assert_ok(clade_fit(model, data, NULL, NULL));
    assert_int_equal(model->input.n_columns, COLS);
    assert_ok(clade_fit(model, scaled, NULL, NULL));
    assert_null(model->input.columns);
    assert_true(model->input.scale == 1e-9f);
    clade_model_free(model);
    clade_data_free(data);
    clade_data_free(scaled);
}

static void gradients_are_those_of_standardized_data(void **state)
{
    clade_data *data = make_data();
    clade_model *model = new_model(*state);
    clade_gradcheck_result result;
    assert_ok(clade_data_standardize(data));
    assert_ok(clade_gradcheck(model, data, NULL, &result));
    assert_true(result.passed);
    clade_gradcheck_free(&result);
    clade_model_free(model);
    clade_data_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_feature_has_mean_0_and_deviation_1),
        cmocka_unit_test(bytes_and_few_samples),
        cmocka_unit_test(every_way_to_run_sees_the_same),
        cmocka_unit_test(the_last_training_data_decides),
        cmocka_unit_test(gradients_are_those_of_standardized_data),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

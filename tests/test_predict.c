/* Evaluating and predicting: against the double-precision reference, for numbers of samples around
 * the batch in which both are done. */
#include "network.h"
#include "reference.h"

#include <stdio.h>


static const char json[] =
    "{\"input\":[5],\"layers\":[" LINEAR(6) ",{\"type\":\"gelu\"}," LINEAR(3) "]}";

static const int sizes[] = {1, 2, 255, 256, 257, 513};
enum { N_SIZES = sizeof sizes / sizeof sizes[0], OUTPUTS = 3, MOST = 600 };

static const clade_loss losses[] = {CLADE_LOSS_CROSS_ENTROPY, CLADE_LOSS_MSE,
                                    CLADE_LOSS_BCE_WITH_LOGITS};

static int first_largest(const double *y)
{
    int best = 0;
    for (int c = 1; c < OUTPUTS; c++)
        if (y[c] > y[best]) best = c;
    return best;
}

static void check_evaluation(clade_model *model, int n)
{
    net_batch batch = net_random_batch(model, 50, n, OUTPUTS);
    clade_data *data = net_data(model, &batch, OUTPUTS);
    double *w = net_parameters(model), *y = net_forward(model, w, &batch);
    clade_metrics metrics, again;
    int hits = 0;
    for (int i = 0; i < n; i++) hits += first_largest(y + i * OUTPUTS) == batch.labels[i];
    assert_ok(clade_evaluate(model, data, &metrics));
    assert_ok(clade_evaluate(model, data, &again));
    assert_int_equal(metrics.n_samples, n);
    assert_true(fabs(metrics.loss - net_loss(model, w, &batch)) <= 1e-5);
    assert_true(fabs(metrics.accuracy * n - hits) < 1e-6);
    assert_true(metrics.loss == again.loss);
    free(w);
    free(y);
    net_free_batch(&batch);
    clade_data_free(data);
}

static void evaluation_is_the_mean_over_the_samples(void **state)
{
    for (int l = 0; l < 3; l++) {
        clade_model *model = net_model(*state, 7, json, &(clade_compile_options){.loss = losses[l],
                                                                                 .batch = 10});
        for (int i = 0; i < N_SIZES; i++) check_evaluation(model, sizes[i]);
        clade_model_free(model);
    }
}

/* With one output a label is 0 or 1: by a threshold of 0.5, or of logit 0. */
static void a_lone_output_is_right_by_a_threshold(void **state)
{
    static const double thresholds[] = {0.5, 0.0};
    for (int l = 0; l < 2; l++) {
        clade_model *model = net_model(*state, 7, "{\"input\":[5],\"layers\":[" LINEAR(1) "]}",
                                       &(clade_compile_options){.loss = losses[l + 1]});
        net_batch batch = net_random_batch(model, 51, 300, 2);
        clade_data *data = net_data(model, &batch, 2);
        double *w = net_parameters(model), *y = net_forward(model, w, &batch);
        clade_metrics metrics;
        int hits = 0;
        for (int i = 0; i < 300; i++) hits += (y[i] > thresholds[l]) == batch.labels[i];
        assert_ok(clade_evaluate(model, data, &metrics));
        assert_true(fabs(metrics.accuracy * 300 - hits) < 1e-6);
        assert_true(fabs(metrics.loss - net_loss(model, w, &batch)) <= 1e-5);
        free(w);
        free(y);
        net_free_batch(&batch);
        clade_data_free(data);
        clade_model_free(model);
    }
}

/* What the outputs become: softmax, unchanged, sigmoid. */
static void to_probabilities(clade_loss loss, double *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double *row = y + i * OUTPUTS, sum = 0.0;
        for (int c = 0; c < OUTPUTS; c++) sum += exp(row[c]);
        for (int c = 0; c < OUTPUTS; c++) {
            if (loss == CLADE_LOSS_CROSS_ENTROPY) row[c] = exp(row[c]) / sum;
            if (loss == CLADE_LOSS_BCE_WITH_LOGITS) row[c] = 1.0 / (1.0 + exp(-row[c]));
        }
    }
}

static void check_prediction(clade_model *model, int first, int n)
{
    float got[MOST * OUTPUTS + 1];
    net_batch batch = net_random_batch(model, 52, first + n + 3, OUTPUTS);
    clade_data *data = net_data(model, &batch, OUTPUTS);
    double *w = net_parameters(model), *y = net_forward(model, w, &batch);
    got[n * OUTPUTS] = 42.0f; /* nothing is written behind the outputs */
    assert_ok(clade_predict(model, data, first, n, true, got));
    test_assert_close("logits", got, y + first * OUTPUTS, n * OUTPUTS, 1e-5, 1e-5);
    assert_ok(clade_predict(model, data, first, n, false, got));
    to_probabilities(clade_model_loss(model), y, first + n);
    test_assert_close("probabilities", got, y + first * OUTPUTS, n * OUTPUTS, 1e-5, 1e-5);
    float again[MOST * OUTPUTS];
    assert_ok(clade_predict(model, data, first, n, true, again));
    assert_ok(clade_model_probabilities(model, n, again, again));
    test_assert_close("of raw", again, y + first * OUTPUTS, n * OUTPUTS, 1e-5, 1e-5);
    assert_true(got[n * OUTPUTS] == 42.0f);
    if (clade_model_loss(model) == CLADE_LOSS_CROSS_ENTROPY)
        for (int i = 0; i < n; i++) {
            const float *row = got + i * OUTPUTS;
            assert_true(fabsf(row[0] + row[1] + row[2] - 1.0f) <= 1e-6f);
        }
    free(w);
    free(y);
    net_free_batch(&batch);
    clade_data_free(data);
}

static void predictions_are_those_of_the_reference(void **state)
{
    for (int l = 0; l < 3; l++) {
        clade_model *model = net_model(*state, 7, json, &(clade_compile_options){.loss = losses[l],
                                                                                 .batch = 10});
        for (int i = 0; i < N_SIZES; i++) {
            check_prediction(model, 0, sizes[i]);
            check_prediction(model, 37, sizes[i]);
        }
        clade_model_free(model);
    }
}

/* An infinite logit would be a probability of 1, or of 0. */
static void what_is_not_finite_has_no_probabilities(void **state)
{
    for (int l = 0; l < 3; l++) {
        clade_model *model = net_model(*state, 7, json, &(clade_compile_options){.loss = losses[l]});
        const float raw[4 * OUTPUTS] = {1, 2, 3, INFINITY, 0, 0, 0, -INFINITY, 0, 0, NAN, 0};
        float p[4 * OUTPUTS];
        assert_ok(clade_model_probabilities(model, 4, raw, p));
        for (int i = 0; i < 4 * OUTPUTS; i++) assert_int_equal(isnan(p[i]) != 0, i >= OUTPUTS);
        assert_true(p[0] < p[1] && p[1] < p[2]);
        clade_model_free(model);
    }
}

/* The network sees value * scale + shift, and goes on to do so with other data. */
static void the_scale_of_training_holds(void **state)
{
    clade_model *model = net_model(*state, 7, json, &(clade_compile_options){.batch = 10});
    net_batch batch = net_random_batch(model, 53, 40, OUTPUTS);
    clade_data *scaled = net_data(model, &batch, OUTPUTS), *plain = net_data(model, &batch, OUTPUTS);
    float got[40 * OUTPUTS];
    assert_ok(clade_data_set_scale(scaled, 3.0f, -0.5f));
    assert_ok(clade_fit(model, scaled, NULL, NULL));
    for (int i = 0; i < 40 * 5; i++) batch.x[i] = batch.x[i] * 3.0 - 0.5;
    double *w = net_parameters(model), *y = net_forward(model, w, &batch);
    assert_ok(clade_predict(model, plain, 0, 40, true, got));
    test_assert_close("outputs", got, y, 40 * OUTPUTS, 1e-5, 1e-5);
    clade_metrics metrics;
    assert_ok(clade_evaluate(model, plain, &metrics));
    assert_true(fabs(metrics.loss - net_loss(model, w, &batch)) <= 1e-5);
    free(w);
    free(y);
    net_free_batch(&batch);
    clade_data_free(scaled);
    clade_data_free(plain);
    clade_model_free(model);
}

/* A model that ends in argmax has classes as its outputs, and no loss. */
static void argmax_gives_classes(void **state)
{
    enum { N = 300 };
    clade_model *model = net_model(*state, 7, json, &(clade_compile_options){0}), *classifier;
    net_batch batch = net_random_batch(model, 54, N, OUTPUTS);
    clade_data *data = net_data(model, &batch, OUTPUTS);
    double *w = net_parameters(model), *y = net_forward(model, w, &batch);
    float got[N];
    clade_metrics metrics;
    assert_ok(clade_model_create(&classifier, *state, 7)); /* the same seed: the same weights */
    clade_node *output = clade_argmax(clade_model_layers(classifier, json), CLADE_ALL);
    classifier->output = output;
    assert_ok(clade__compile_for_inference(classifier));
    assert_ok(clade_predict(classifier, data, 0, N, false, got));
    for (int i = 0; i < N; i++) assert_true(got[i] == (float)first_largest(y + i * OUTPUTS));
    assert_fails(clade_evaluate(classifier, data, &metrics), CLADE_EDATA,
                 "ends in argmax, which has no loss");
    free(w);
    free(y);
    net_free_batch(&batch);
    clade_data_free(data);
    clade_model_free(model);
    clade_model_free(classifier);
}

static void samples_that_are_not_there_are_refused(void **state)
{
    clade_model *model = net_model(*state, 7, json, &(clade_compile_options){0});
    net_batch batch = net_random_batch(model, 55, 4, OUTPUTS);
    clade_data *data = net_data(model, &batch, OUTPUTS), *other;
    float got[4 * OUTPUTS];
    static const int64_t wrong[][2] = {{-1, 1}, {0, 0}, {0, 5}, {4, 1}, {5, 1}, {1, INT64_MAX},
                                       {0, -1}, {INT64_MAX, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_fails(clade_predict(model, data, wrong[i][0], wrong[i][1], false, got), CLADE_EINVAL,
                     " samples from number ");
    assert_ok(clade_data_open(&other, "digits?n=5"));
    assert_fails(clade_predict(model, other, 0, 1, false, got), CLADE_EDATA, "samples of shape (5)");
    clade_model_free(model);
    assert_ok(clade_model_create(&model, *state, 1));
    assert_fails(clade_predict(model, data, 0, 1, false, got), CLADE_ESTATE, "not compiled");
    clade_model_free(model);
    clade_data_free(data);
    clade_data_free(other);
    net_free_batch(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluation_is_the_mean_over_the_samples),
        cmocka_unit_test(a_lone_output_is_right_by_a_threshold),
        cmocka_unit_test(predictions_are_those_of_the_reference),
        cmocka_unit_test(what_is_not_finite_has_no_probabilities),
        cmocka_unit_test(the_scale_of_training_holds),
        cmocka_unit_test(argmax_gives_classes),
        cmocka_unit_test(samples_that_are_not_there_are_refused),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

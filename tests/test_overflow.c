/* Samples on which a network overflows, in evaluation and in the validation of a training: they are
 * counted, no accuracy counts them as right, and no epoch is the best for them. */
#include "events.h"
#include "network.h"
#include "reference.h"

#include <stdio.h>

#include "data/dataset.h"

#define HUGE 3e38f

/* Each sample (2) and its label. What overflows would be right by its first largest output, or by its
 * lone one, whose weights are those of the second of two. */
static const struct {
    float x[2];
    int32_t label;
    bool finite, right;
} kinds[] = {
    {{1, 0}, 0, true, true},        {{0, 1}, 1, true, true},   {{1, 0}, 1, true, false},
    {{HUGE, 0}, 0, false, false},    /* inf, 0 */
    {{-HUGE, 1}, 1, false, false},   /* -inf, 4: the largest is finite */
    {{HUGE, HUGE}, 0, false, false}, /* inf, inf */
    {{0, -HUGE}, 0, false, false},   /* 0, -inf */
    {{0, 1}, 1, true, true},
};

enum { N_KINDS = sizeof kinds / sizeof kinds[0], N = 300 }; /* more than a batch of evaluation */

static clade_data *samples(int first_kind, int n_kinds)
{
    clade_data *data;
    float x[N][2];
    int32_t labels[N];
    for (int i = 0; i < N; i++) {
        int kind = first_kind + i % n_kinds;
        memcpy(x[i], kinds[kind].x, sizeof x[i]);
        labels[i] = kinds[kind].label;
    }
    assert_ok(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = N,
                                                                 .shape = CLADE_SHAPE(2),
                                                                 .features = x[0],
                                                                 .labels = labels,
                                                                 .n_classes = 2}));
    return data;
}

/* One layer, each of whose outputs is four times an input; without a bias. */
static clade_model *times_four(clade_device *device, int n_outputs,
                               const clade_compile_options *options)
{
    static const float two[] = {4, 0, 0, 4}, one[] = {0, 4}, zeros[] = {0, 0};
    clade_model *model = net_model(
        device, 1, n_outputs == 1 ? "{\"input\":[2],\"layers\":[" LINEAR(1) "]}"
                                  : "{\"input\":[2],\"layers\":[" LINEAR(2) "]}", options);
    assert_ok(clade__model_materialize(model));
    assert_ok(clade_tensor_write(model->session.parameters[0].value, n_outputs == 1 ? one : two));
    assert_ok(clade_tensor_write(model->session.parameters[1].value, zeros));
    return model;
}

static void samples_that_overflow_are_counted(void **state)
{
    static const struct {
        clade_loss loss;
        int n_outputs;
    } cases[] = {{CLADE_LOSS_CROSS_ENTROPY, 2}, {CLADE_LOSS_MSE, 2}, {CLADE_LOSS_MSE, 1},
                 {CLADE_LOSS_BCE_WITH_LOGITS, 2}, {CLADE_LOSS_BCE_WITH_LOGITS, 1}};
    clade_data *data = samples(0, N_KINDS), *finite = samples(0, 3);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool lone = cases[i].n_outputs == 1;
        clade_metrics metrics;
        int n_not_finite = 0, n_right = 0;
        for (int k = 0; k < N; k++) {
            int kind = k % N_KINDS;
            /* The lone output sees the second input alone. */
            bool overflows = !kinds[kind].finite && !(lone && fabsf(kinds[kind].x[1]) < HUGE);
            n_not_finite += overflows;
            n_right += lone ? !overflows && (kinds[kind].x[1] > 0) == kinds[kind].label
                            : kinds[kind].right;
        }
        clade_model *model = times_four(*state, cases[i].n_outputs,
                                        &(clade_compile_options){.loss = cases[i].loss});
        assert_ok(clade_evaluate(model, data, &metrics));
        assert_int_equal(metrics.n_samples, N);
        assert_int_equal(metrics.n_not_finite, n_not_finite);
        assert_false(isfinite(metrics.loss));
        test_assert_close("accuracy", &(float){(float)metrics.accuracy},
                          &(double){(double)n_right / N}, 1, 1e-7, 0);
        assert_ok(clade_evaluate(model, finite, &metrics));
        assert_int_equal(metrics.n_not_finite, 0);
        assert_true(isfinite(metrics.loss));
        clade_model_free(model);
    }
    clade_data_free(data);
    clade_data_free(finite);
}

/* A network whose outputs are finite, and their squares not. */
static void a_loss_that_overflows_counts(void **state)
{
    clade_data *data;
    clade_metrics metrics;
    const float x[] = {1, 0, 1e25f, 0, 0, 1}, targets[] = {4, 4, 4};
    assert_ok(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = 3,
                                                                 .shape = CLADE_SHAPE(2),
                                                                 .features = x,
                                                                 .targets = targets,
                                                                 .n_targets = 1}));
    clade_model *model = times_four(*state, 1, &(clade_compile_options){.loss = CLADE_LOSS_MSE});
    const float weights[] = {4, 4};
    assert_ok(clade_tensor_write(model->session.parameters[0].value, weights));
    assert_ok(clade_evaluate(model, data, &metrics));
    assert_true(isinf(metrics.loss) && isnan(metrics.accuracy));
    assert_int_equal(metrics.n_not_finite, 1);
    clade_model_free(model);
    clade_data_free(data);
}

/* ---- while it trains --------------------------------------------------------------------------- */

typedef struct watch {
    int n_epochs, n_best, n_messages;
    int64_t n_not_finite; /* of the last epoch */
    char message[400];    /* the first */
} watch;

static bool on_progress(const clade_progress *p, void *user)
{
    watch *w = user;
    if (!p->epoch_end) return true;
    w->n_epochs++;
    w->n_best += p->best;
    w->n_not_finite = p->valid.n_not_finite;
    return true;
}

static void on_message(const char *text, void *user)
{
    watch *w = user;
    if (w->n_messages++ == 0) snprintf(w->message, sizeof w->message, "%s", text);
}

/* The same weights to the end, or ones that shrink by a tenth in each epoch. */
static clade_fit_result train(clade_device *device, const clade_data *valid, float decay,
                              const char *folder, watch *w)
{
    clade_fit_result result;
    clade_data *data = samples(0, 2);
    clade_model *model = times_four(device, 2, &(clade_compile_options){
                                                   .optimizer = {.lr = 1e-3f, .weight_decay = decay},
                                                   .batch = N});
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 6,
                                                          .validate = (clade_data *)valid,
                                                          .run_dir = folder,
                                                          .on_progress = on_progress,
                                                          .on_message = on_message,
                                                          .user = w}, &result));
    clade_model_free(model);
    clade_data_free(data);
    return result;
}

static void a_validation_that_overflows_is_never_the_best(void **state)
{
    const char *folder = test_folder();
    clade_data *valid = samples(3, 3);
    watch w = {0};
    clade_fit_result result = train(*state, valid, 0.0f, folder, &w);
    assert_int_equal(result.end, CLADE_COMPLETED);
    assert_int_equal(result.valid.n_not_finite, N);
    assert_true(result.valid.accuracy == 0.0);
    assert_int_equal(result.best_epoch, 0);
    assert_int_equal(w.n_epochs, 6);
    assert_int_equal(w.n_best, 0);
    assert_int_equal(w.n_not_finite, N);
    assert_int_equal(w.n_messages, 6); /* one an epoch */
    assert_non_null(strstr(w.message, "the validation of epoch 1 is not finite: on 300 of 300 samples"));
    assert_non_null(strstr(w.message, "standardize the data"));
    assert_true(test_is_there(test_text("%s/model.safetensors", folder)));
    assert_false(test_is_there(test_text("%s/best.safetensors", folder)));
    events log = events_read(folder);
    assert_false(events_flag(events_last(&log, "epoch"), "best"));
    assert_true(events_number(events_last(&log, "epoch"), "valid_not_finite") == N);
    assert_non_null(strstr(events_text(events_last(&log, "message"), "text"),
                           "the validation of epoch 6 is not finite"));
    assert_false(cJSON_HasObjectItem(events_last(&log, "end"), "best_epoch"));
    events_free(&log);
    clade_data_free(valid);
}

/* An infinite loss came first, and must not stay the best. */
static void the_first_finite_validation_is_better_than_none(void **state)
{
    clade_data *valid;
    watch w = {0};
    const float x[] = {1e38f, 0, 0, 1};
    const int32_t labels[] = {0, 0}; /* the second is wrong */
    assert_ok(clade_data_from_arrays(&valid, &(clade_data_arrays){.n_samples = 2,
                                                                  .shape = CLADE_SHAPE(2),
                                                                  .features = x,
                                                                  .labels = labels,
                                                                  .n_classes = 2}));
    /* 4e38 overflows; after some tenths less it does not. */
    clade_fit_result result = train(*state, valid, 100.0f, NULL, &w);
    assert_int_equal(result.valid.n_not_finite, 0);
    assert_true(isfinite(result.best_valid.loss) && result.best_valid.accuracy == 0.5);
    assert_int_equal(w.n_messages, 1);
    assert_int_equal(w.n_best, 5); /* its loss goes down with the weights */
    assert_int_equal(result.best_epoch, 6);
    clade_data_free(valid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_that_overflow_are_counted),
        cmocka_unit_test(a_loss_that_overflows_counts),
        cmocka_unit_test(a_validation_that_overflows_is_never_the_best),
        cmocka_unit_test(the_first_finite_validation_is_better_than_none),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

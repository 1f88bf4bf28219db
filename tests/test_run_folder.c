/* What training leaves in its run folder: the log, the models, whatever the end; and what training
 * refuses to begin. */
#include "events.h"
#include "network.h"
#include "reference.h"

#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "data/dataset.h"


static const char small[] = "{\"input\":[4],\"layers\":[" LINEAR(3) "]}";
static const char deeper[] =
    "{\"input\":[4],\"layers\":[" LINEAR(8) "," LINEAR(8) "," LINEAR(3) "]}";

enum { SAMPLES = 60, BATCH = 16, EPOCH_STEPS = 4 };

static clade_model *new_model(clade_device *device, clade_optimizer optimizer, int64_t batch)
{
    return net_model(device, 3, deeper,
                     &(clade_compile_options){.optimizer = optimizer, .batch = batch});
}

static clade_data *new_data(const clade_model *model, uint64_t seed)
{
    net_batch batch = net_random_batch(model, seed, SAMPLES, 3);
    clade_data *data = net_data(model, &batch, 3);
    net_free_batch(&batch);
    return data;
}

/* ---- the log ----------------------------------------------------------------------------------- */

/* cJSON writes a number to within the last bit. */
static bool is_written(const cJSON *event, const char *key, double value)
{
    return fabs(events_number(event, key) - value) <= 4e-16 * fabs(value);
}

static void check_start(const cJSON *start, const clade_model *model, bool resident)
{
    clade_memory memory;
    assert_ok(clade_model_memory(model, &memory));
    assert_string_equal(events_text(start, "event"), "start");
    assert_string_equal(events_text(start, "device"), clade_device_describe(model->device)->name);
    assert_true(*events_text(start, "platform") && *events_text(start, "gemm"));
    assert_non_null(events_text(start, "driver"));
    assert_string_equal(events_text(start, "clade"), clade_version());
    assert_true(events_number(start, "parameters") == (double)clade_model_n_parameters(model));
    assert_true(events_number(start, "seed") == 3);
    assert_true(events_number(start, "batch") == BATCH);
    assert_true(events_number(start, "train_samples") == SAMPLES);
    assert_true(events_number(start, "valid_samples") == SAMPLES);
    /* Both data sets, or a part of each; the order; the sums of batches. */
    double data_bytes = events_number(start, "memory_bytes_planned") - (double)memory.total;
    int n_samples = resident ? 2 * SAMPLES : BATCH + SAMPLES;
    int n_sums = (SAMPLES + BATCH - 1) / BATCH + 1;
    assert_true(data_bytes == n_samples * (4 + 1) * 4 + (resident ? SAMPLES * 4 : 0) + n_sums * 12);
    assert_true(events_flag(start, "data_on_device") == resident);
    assert_false(events_flag(start, "valid_is_train"));
}

static void the_log_has_what_is_documented(void **state)
{
    for (int stream = 0; stream < 2; stream++) {
        clade_model *model = new_model(*state, clade_sgd(0.1f, 0.9f), BATCH);
        clade_data *train = new_data(model, 1), *valid = new_data(model, 5);
        const char *folder = test_folder();
        clade_fit_result result;
        assert_ok(clade_fit(model, train, &(clade_fit_options){.epochs = 3, .validate = valid,
                                                               .run_dir = folder,
                                                               .stream = stream}, &result));
        events log = events_read(folder);
        assert_int_equal(log.n, 5);
        check_start(log.event[0], model, !stream);
        for (int i = 1; i <= 3; i++) {
            const cJSON *epoch = log.event[i];
            assert_string_equal(events_text(epoch, "event"), "epoch");
            assert_true(events_number(epoch, "epoch") == i);
            assert_true(events_number(epoch, "step") == i * EPOCH_STEPS);
            assert_true(events_number(epoch, "train_loss") > 0);
            assert_true(events_number(epoch, "valid_loss") > 0);
            assert_in_range(1000 * events_number(epoch, "train_accuracy"), 0, 1000);
            assert_in_range(1000 * events_number(epoch, "valid_accuracy"), 0, 1000);
            assert_true(events_number(epoch, "seconds") > 0);
            assert_true(events_number(epoch, "samples_per_second") > 0);
            if (i == result.best_epoch) assert_true(events_flag(epoch, "best"));
            if (i > result.best_epoch) assert_false(events_flag(epoch, "best"));
        }
        assert_true(is_written(log.event[3], "train_loss", result.train.loss));
        assert_true(is_written(log.event[3], "valid_loss", result.valid.loss));
        assert_string_equal(events_text(log.event[4], "event"), "end");
        assert_string_equal(events_text(log.event[4], "status"), "completed");
        assert_true(events_number(log.event[4], "steps") == 3 * EPOCH_STEPS);
        assert_true(events_number(log.event[4], "epochs") == 3);
        assert_true(events_number(log.event[4], "seconds") > 0);
        assert_true(events_number(log.event[4], "best_epoch") == result.best_epoch);
        assert_true(is_written(log.event[4], "best_valid_loss", result.best_valid.loss));
        events_free(&log);
        clade_model_free(model);
        clade_data_free(train);
        clade_data_free(valid);
    }
}

static void check_end(const char *folder, const char *status, int64_t steps)
{
    events log = events_read(folder);
    assert_true(log.n >= 2);
    assert_string_equal(events_text(log.event[log.n - 1], "event"), "end");
    assert_string_equal(events_text(log.event[log.n - 1], "status"), status);
    assert_true(events_number(log.event[log.n - 1], "steps") == (double)steps);
    events_free(&log);
}

/* ---- the models -------------------------------------------------------------------------------- */

static void last_and_best_are_saved(void **state)
{
    /* So fast that the best is not the last. */
    clade_model *model = new_model(*state, clade_sgd(0.5f, 0.9f), BATCH), *best;
    clade_data *train = new_data(model, 1), *valid = new_data(model, 5);
    const char *folder = test_folder();
    clade_fit_result result;
    clade_metrics metrics;
    assert_ok(clade_fit(model, train, &(clade_fit_options){.epochs = 8, .validate = valid,
                                                           .run_dir = folder}, &result));
    net_assert_saved(model, test_text("%s/model.safetensors", folder));
    assert_ok(clade_load(&best, *state, test_text("%s/best.safetensors", folder)));
    assert_ok(clade_evaluate(best, valid, &metrics));
    assert_true(result.best_epoch < 8);
    assert_true(metrics.loss == result.best_valid.loss);
    assert_true(metrics.accuracy == result.best_valid.accuracy);
    clade_model_free(best);

    folder = test_folder(); /* without validation there is no best */
    assert_ok(clade_fit(model, train, &(clade_fit_options){.run_dir = folder}, NULL));
    net_assert_saved(model, test_text("%s/model.safetensors", folder));
    assert_int_equal(access(test_text("%s/best.safetensors", folder), F_OK), -1);
    clade_model_free(model);
    clade_data_free(train);
    clade_data_free(valid);
}

static bool stop_at_six(const clade_progress *progress, void *user)
{
    (void)user;
    return progress->step < 6;
}

static void a_stopped_training_is_saved(void **state)
{
    clade_model *model = new_model(*state, clade_sgd(0.1f, 0.9f), BATCH);
    clade_data *data = new_data(model, 1);
    const char *folder = test_folder();
    clade_fit_result result;
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 5, .log_every = 1,
                                                          .run_dir = folder,
                                                          .on_progress = stop_at_six}, &result));
    assert_int_equal(result.end, CLADE_STOPPED);
    assert_int_equal(result.steps, 6);
    check_end(folder, "stopped", 6);
    net_assert_saved(model, test_text("%s/model.safetensors", folder));
    clade_model_free(model);
    clade_data_free(data);
}

/* ---- divergence -------------------------------------------------------------------------------- */

/* Each leaves what a good training left in the folder. */
static void a_diverged_training_harms_no_model(void **state)
{
    static const struct {
        float lr;
        int64_t batch;
        clade_loss loss;
        const char *message;
    } cases[] = {
        {1e30f, BATCH, CLADE_LOSS_CROSS_ENTROPY, "training diverged: in step "},
        {1e30f, BATCH, CLADE_LOSS_MSE, "training diverged: in step 2 (epoch 1) the output of"},
        {3e38f, SAMPLES, CLADE_LOSS_MSE, "training diverged"}, /* the first step overflows */
        {3e38f, BATCH, CLADE_LOSS_BCE_WITH_LOGITS, "training diverged"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *folder = test_folder();
        clade_model *good = new_model(*state, clade_sgd(0.1f, 0.0f), BATCH);
        clade_data *data = new_data(good, 1);
        assert_ok(clade_fit(good, data, &(clade_fit_options){.run_dir = folder}, NULL));
        clade_model *bad = net_model(
            *state, 3, deeper, &(clade_compile_options){.loss = cases[i].loss,
                                                        .optimizer = clade_sgd(cases[i].lr, 0.0f),
                                                        .batch = cases[i].batch});
        float *large = test_random(9, SAMPLES * 4, -50.0f, 50.0f);
        memcpy(data->values, large, SAMPLES * 4 * sizeof *large);
        clade_fit_result result;
        assert_fails(clade_fit(bad, data, &(clade_fit_options){.epochs = 5, .log_every = 1,
                                                               .run_dir = folder}, &result),
                     CLADE_EDIVERGED, cases[i].message);
        assert_int_equal(result.end, CLADE_DIVERGED);
        assert_true(result.steps >= 1);
        check_end(folder, "diverged", result.steps);
        net_assert_saved(good, test_text("%s/model.safetensors", folder));
        free(large);
        clade_model_free(good);
        clade_model_free(bad);
        clade_data_free(data);
    }
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    clade_model *model = new_model(*state, clade_sgd(0.1f, 0.0f), BATCH);
    clade_data *data = new_data(model, 1);
    const char *missing = test_text("%s/missing", test_folder());
    assert_fails(clade_fit(model, data, &(clade_fit_options){.run_dir = missing}, NULL), CLADE_EIO,
                 test_text("cannot write '%s/run.lock'", missing));
    assert_int_equal(model->session.step, 0); /* before a step is made */
    clade_model_free(model);
    clade_data_free(data);
}

/* ---- what is refused --------------------------------------------------------------------------- */

static void a_wrong_call_is_refused(void **state)
{
    clade_data *data;
    clade_model *model;
    clade_metrics metrics;
    assert_ok(clade_data_open(&data, "digits?n=1"));
    assert_ok(clade_model_create(&model, *state, 1));
    assert_fails(clade_fit(model, data, NULL, NULL), CLADE_ESTATE, "not compiled");
    assert_fails(clade_evaluate(model, data, &metrics), CLADE_ESTATE, "not compiled");
    clade_model_free(model);
    model = new_model(*state, clade_sgd(0.1f, 0.0f), BATCH);
    assert_fails(clade_fit(model, data, &(clade_fit_options){.epochs = -1}, NULL), CLADE_EINVAL,
                 "epochs, max_steps and log_every are -1, 0 and 0");
    assert_fails(clade_fit(model, data, &(clade_fit_options){.max_steps = -2}, NULL), CLADE_EINVAL,
                 "-2");
    assert_fails(clade_fit(model, data, &(clade_fit_options){.log_every = -3}, NULL), CLADE_EINVAL,
                 "-3");
    clade_model_free(model);
    clade_data_free(data);
}

static void data_that_does_not_fit_is_refused(void **state)
{
    static const struct {
        int64_t in;
        int n_classes;
        int64_t n_targets;
        clade_loss loss;
        const char *message;
    } cases[] = {
        {5, 3, 0, CLADE_LOSS_CROSS_ENTROPY, "takes samples of shape (4), and"},
        {4, 4, 0, CLADE_LOSS_CROSS_ENTROPY, "has 4 classes, and the model tells 3 apart"},
        {4, 0, 3, CLADE_LOSS_CROSS_ENTROPY, "cross_entropy wants classes"},
        {4, 0, 2, CLADE_LOSS_MSE, "has 2 targets a sample, and the model gives 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_model *model = net_model(*state, 1, small,
                                       &(clade_compile_options){.loss = cases[i].loss});
        static const float zeros[100];
        static const int32_t labels[4];
        clade_data *data;
        clade_metrics metrics;
        assert_ok(clade_data_from_arrays(
            &data, &(clade_data_arrays){.n_samples = 4, .shape = CLADE_SHAPE(cases[i].in),
                                        .features = zeros, .n_classes = cases[i].n_classes,
                                        .labels = cases[i].n_classes ? labels : NULL,
                                        .targets = cases[i].n_classes ? NULL : zeros,
                                        .n_targets = cases[i].n_targets}));
        assert_fails(clade_fit(model, data, NULL, NULL), CLADE_EDATA, cases[i].message);
        assert_fails(clade_evaluate(model, data, &metrics), CLADE_EDATA, cases[i].message);
        clade_model_free(model);
        clade_data_free(data);
    }
}

/* With 0 and 1 themselves it trains. */
static void targets_must_be_in_the_range_of_the_loss(void **state)
{
    static const float wrong[] = {-1.0f, 255.0f, 1.0001f, -1e-6f};
    float x[3] = {0, 1, 2}, targets[3][2] = {{0, 1}, {0.5f, 1}, {1, 0}};
    const clade_data_arrays arrays = {.n_samples = 3, .shape = CLADE_SHAPE(1), .features = x,
                                      .targets = targets[0], .n_targets = 2};
    clade_model *model = net_model(*state, 1, "{\"input\":[1],\"layers\":[" LINEAR(2) "]}",
                                   &(clade_compile_options){.loss = CLADE_LOSS_BCE_WITH_LOGITS});
    clade_data *good, *data;
    clade_metrics metrics;
    clade_memory memory;
    assert_ok(clade_data_from_arrays(&good, &arrays));
    assert_ok(clade_fit(model, good, NULL, NULL));
    for (int i = 0; i < 4; i++) {
        char want[200];
        targets[2][1] = wrong[i];
        assert_ok(clade_data_from_arrays(&data, &arrays));
        snprintf(want, sizeof want, "bce_with_logits wants targets from 0 to 1, and target 1 of sample 2 of "
                 "'arrays' is %.6g: scale the targets", (double)wrong[i]);
        assert_fails(clade_fit(model, data, NULL, NULL), CLADE_EDATA, want);
        assert_fails(clade_fit(model, good, &(clade_fit_options){.validate = data}, NULL), CLADE_EDATA,
                     want);
        assert_fails(clade_fit_memory(model, data, NULL, &memory), CLADE_EDATA, want);
        assert_fails(clade_evaluate(model, data, &metrics), CLADE_EDATA, want);
        clade_data_free(data);
    }
    clade_model_free(model);
    clade_data_free(good);
}

static void validation_data_must_fit_too(void **state)
{
    clade_model *model = new_model(*state, clade_sgd(0.1f, 0.0f), BATCH);
    clade_data *train = new_data(model, 1), *valid;
    assert_ok(clade_data_open(&valid, "digits?n=10"));
    assert_fails(clade_fit(model, train, &(clade_fit_options){.validate = valid}, NULL),
                 CLADE_EDATA, "'digits");
    assert_ok(clade_fit(model, train, NULL, NULL)); /* the model is as good as before */
    clade_model_free(model);
    clade_data_free(train);
    clade_data_free(valid);
}

static void ends_have_names(void **state)
{
    (void)state;
    assert_string_equal(clade_fit_end_name(CLADE_COMPLETED), "completed");
    assert_string_equal(clade_fit_end_name(CLADE_STOPPED), "stopped");
    assert_string_equal(clade_fit_end_name(CLADE_DIVERGED), "diverged");
    assert_string_equal(clade_fit_end_name(CLADE_STOPPED_EARLY), "stopped_early");
    assert_string_equal(clade_fit_end_name((clade_fit_end)4), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_has_what_is_documented),
        cmocka_unit_test(last_and_best_are_saved),
        cmocka_unit_test(a_stopped_training_is_saved),
        cmocka_unit_test(a_diverged_training_harms_no_model),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
        cmocka_unit_test(a_wrong_call_is_refused),
        cmocka_unit_test(data_that_does_not_fit_is_refused),
        cmocka_unit_test(targets_must_be_in_the_range_of_the_loss),
        cmocka_unit_test(validation_data_must_fit_too),
        cmocka_unit_test(ends_have_names),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

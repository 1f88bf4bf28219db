/* Two devices in two threads know nothing of each other; one device is used by one thread at a time. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <pthread.h>
#include <stdio.h>

#include "base/error.h"

/* What one thread trains, and where to. */
typedef struct work {
    const char *provider;
    uint64_t seed;
    char path[512];
    clade_fit_result result;
    clade_metrics metrics;
    clade_status status;
    char message[512];
} work;

static clade_status train(clade_model *model, work *w)
{
    clade_data *data;
    CLADE_TRY(clade_data_open(&data, "digits?n=600"));
    clade_node *h = clade_relu(clade_linear(clade_flatten(clade_input(model, CLADE_SHAPE(28, 28))), 50));
    clade_status status = clade_compile(model, clade_linear(h, 10),
                                        &(clade_compile_options){.optimizer = clade_sgd(0.1f, 0.9f),
                                                                 .batch = 128, .gemm = w->provider});
    if (status == CLADE_OK)
        status = clade_fit(model, data, &(clade_fit_options){.epochs = 3, .validate = data}, &w->result);
    if (status == CLADE_OK) status = clade_evaluate(model, data, &w->metrics);
    if (status == CLADE_OK) status = clade_save(model, w->path);
    clade_data_free(data);
    return status;
}

/* All of it: from opening the device to freeing it. */
static void *do_work(void *context)
{
    work *w = context;
    clade_device *device;
    clade_model *model = NULL;
    w->status = clade_device_open(&device, NULL);
    if (w->status == CLADE_OK) {
        w->status = clade_model_create(&model, device, w->seed);
        if (w->status == CLADE_OK) w->status = train(model, w);
        clade_model_free(model);
        clade_device_free(device);
    }
    snprintf(w->message, sizeof w->message, "%s", clade_error());
    return NULL;
}

static void check_work(const work *w)
{
    if (w->status != CLADE_OK) fail_msg("%s", w->message);
}

static void expect_same(const work *a, const work *b)
{
    assert_true(a->result.train.loss == b->result.train.loss);
    assert_true(a->result.train.accuracy == b->result.train.accuracy);
    assert_true(a->result.valid.loss == b->result.valid.loss);
    assert_true(a->metrics.loss == b->metrics.loss);
    assert_true(test_assert_same_files(a->path, b->path) > 4 * 784 * 50);
}

static void devices_in_threads_train_as_alone(void **state)
{
    (void)state;
    static const char *const providers[][2] = {
        {"auto", "auto"}, {"auto", "clblast"}, {"clblast", "clblast"}};
    for (int p = 0; p < 3; p++) {
        work alone[2], beside[2];
        pthread_t threads[2];
        const char *folder = test_folder();
        for (int i = 0; i < 2; i++) {
            alone[i] = beside[i] = (work){.provider = providers[p][i], .seed = (uint64_t)i + 1};
            snprintf(alone[i].path, sizeof alone[i].path, "%s/alone-%d", folder, i);
            snprintf(beside[i].path, sizeof beside[i].path, "%s/beside-%d", folder, i);
            do_work(&alone[i]);
            check_work(&alone[i]);
        }
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, do_work, &beside[i]), 0);
        for (int i = 0; i < 2; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < 2; i++) {
            check_work(&beside[i]);
            expect_same(&alone[i], &beside[i]);
        }
    }
}

/* ---- one device ------------------------------------------------------------------------------ */

/* What another thread tries, while the first is in the middle of a training. */
typedef struct intruder {
    clade_device *device;
    clade_model *model;
    clade_data *data;
    clade_tensor *tensor;
    int n_tried, n_refused;
} intruder;

static void expect_refused(intruder *x, clade_status status)
{
    x->n_tried++;
    x->n_refused += status == CLADE_ESTATE && strstr(clade_error(), "another thread is using");
}

static void *intrude(void *context)
{
    intruder *x = context;
    clade_metrics metrics;
    clade_tensor *made;
    float value[8], outputs[10];
    expect_refused(x, clade_fit(x->model, x->data, NULL, NULL));
    expect_refused(x, clade_evaluate(x->model, x->data, &metrics));
    expect_refused(x, clade_predict(x->model, x->data, 0, 1, true, outputs));
    expect_refused(x, clade_tensor_create(&made, x->device, CLADE_FLOAT32, CLADE_SHAPE(8), NULL));
    expect_refused(x, clade_tensor_fill(x->tensor, 1));
    expect_refused(x, clade_tensor_read(x->tensor, value));
    expect_refused(x, clade_tensor_write(x->tensor, value));
    expect_refused(x, clade_add_forward(x->tensor, x->tensor, x->tensor));
    return NULL;
}

static bool on_progress(const clade_progress *progress, void *user)
{
    pthread_t thread;
    clade_metrics metrics;
    intruder *x = user;
    if (!progress->epoch_end) return true;
    assert_int_equal(pthread_create(&thread, NULL, intrude, x), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    /* The thread that trains may use the device meanwhile. */
    assert_ok(clade_evaluate(x->model, x->data, &metrics));
    assert_ok(clade_tensor_fill(x->tensor, 1));
    return true;
}

static void *take_a_turn(void *context)
{
    intruder *x = context;
    clade_metrics metrics;
    x->n_tried += clade_evaluate(x->model, x->data, &metrics) == CLADE_OK;
    return NULL;
}

static void a_second_thread_is_refused(void **state)
{
    pthread_t thread;
    intruder x = {.device = *state, .tensor = test_tensor(*state, CLADE_SHAPE(8), NULL)};
    assert_ok(clade_data_open(&x.data, "digits?n=200"));
    assert_ok(clade_model_create(&x.model, *state, 1));
    assert_ok(clade_compile(x.model, clade_linear(clade_flatten(clade_input(x.model, CLADE_SHAPE(28, 28))), 10), NULL));
    assert_ok(clade_fit(x.model, x.data,
                        &(clade_fit_options){.epochs = 2, .on_progress = on_progress, .user = &x}, NULL));
    assert_int_equal(x.n_tried, 16);
    assert_int_equal(x.n_refused, 16);

    x.n_tried = 0; /* after that it is anyone's turn, also where a call has failed */
    assert_fails(clade_predict(x.model, x.data, -1, 1, true, NULL), CLADE_EINVAL, "outputs is NULL");
    assert_fails(clade_predict(x.model, x.data, -1, 1, true, (float[10]){0}), CLADE_EINVAL, "number -1");
    assert_int_equal(pthread_create(&thread, NULL, take_a_turn, &x), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(x.n_tried, 1);
    clade_tensor_free(x.tensor);
    clade_model_free(x.model);
    clade_data_free(x.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_in_threads_train_as_alone),
        cmocka_unit_test(a_second_thread_is_refused),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

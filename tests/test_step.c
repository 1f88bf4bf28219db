/* Training loops of one's own: the bits of clade_fit, whatever the optimizer; gradients against double
 * precision; steps in parts; and what they may not do, to allocate and to wait. */
#include "data/dataset.h"
#include "network.h"
#include "reference.h"

/* ---- what the library asks of the system ------------------------------------------------------- */

/* Calls of the library's own; those of the driver are not seen. */
static int n_taken, n_waited;

#define COUNTED(type, name, counter, parameters, arguments) \
    type __real_##name parameters;                          \
    type __wrap_##name parameters;                          \
    type __wrap_##name parameters                           \
    {                                                       \
        counter++;                                          \
        return __real_##name arguments;                     \
    }

COUNTED(void *, malloc, n_taken, (size_t n), (n))
COUNTED(void *, calloc, n_taken, (size_t n, size_t bytes), (n, bytes))
COUNTED(void *, realloc, n_taken, (void *old, size_t n), (old, n))
COUNTED(void *, clCreateBuffer, n_taken, (void *a, uint64_t b, size_t c, void *d, int *e), (a, b, c, d, e))
COUNTED(void *, clCreateSubBuffer, n_taken, (void *a, uint64_t b, unsigned c, const void *d, int *e),
        (a, b, c, d, e))
COUNTED(void *, clCreateKernel, n_taken, (void *a, const char *b, int *c), (a, b, c))
COUNTED(int, clWaitForEvents, n_waited, (unsigned a, const void *b), (a, b))
COUNTED(int, clFinish, n_waited, (void *a), (a))

/* ---- a loop ------------------------------------------------------------------------------------ */

typedef struct step_case {
    const char *what;
    clade_optimizer optimizer;
    clade_loss loss;
    int n_classes; /* 0: numbers as targets */
    int64_t batch, accumulate;
    bool keep_gradients;
} step_case;

static const step_case cases[] = {
    {"sgd, its step inside gemm", {.lr = 0.1f}, CLADE_LOSS_CROSS_ENTROPY, 3, 10, 1, false},
    {"momentum inside gemm", {.lr = 0.1f, .momentum = 0.9f, .weight_decay = 0.01f},
     CLADE_LOSS_CROSS_ENTROPY, 3, 10, 1, false},
    {"sgd, gradients kept", {.lr = 0.1f}, CLADE_LOSS_CROSS_ENTROPY, 3, 10, 1, true},
    {"nesterov", {.lr = 0.1f, .momentum = 0.9f, .nesterov = true}, CLADE_LOSS_MSE, 3, 10, 1, true},
    {"adam", {.kind = CLADE_OPTIMIZER_ADAM, .lr = 0.01f}, CLADE_LOSS_CROSS_ENTROPY, 3, 10, 1, false},
    {"adamw, numbers", {.kind = CLADE_OPTIMIZER_ADAMW, .lr = 0.01f, .weight_decay = 0.1f}, CLADE_LOSS_MSE, 0,
     10, 1, false},
    {"clipping", {.lr = 0.5f, .momentum = 0.9f, .clip_norm = 0.05f}, CLADE_LOSS_BCE_WITH_LOGITS, 3, 10, 1,
     false},
    {"parts of 4, 4 and 2", {.lr = 0.1f, .momentum = 0.9f}, CLADE_LOSS_CROSS_ENTROPY, 3, 10, 3, false},
    {"more than there is", {.kind = CLADE_OPTIMIZER_ADAM, .lr = 0.01f}, CLADE_LOSS_BCE_WITH_LOGITS, 0, 50, 2,
     false},
};
enum { N_CASES = sizeof cases / sizeof cases[0], SAMPLES = 23, EPOCHS = 3 };

static const char dropped[] = "{\"input\":[4],\"layers\":[" LINEAR(7) ",{\"type\":\"tanh\"},"
                              "{\"type\":\"dropout\",\"p\":0.3}," LINEAR(3) "]}";

static clade_model *model_of(clade_device *device, const step_case *c)
{
    return net_model(device, 9, dropped, &(clade_compile_options){.loss = c->loss, .batch = c->batch,
                                                                  .optimizer = c->optimizer,
                                                                  .accumulate = c->accumulate,
                                                                  .keep_gradients = c->keep_gradients});
}

/* Samples on the device, some of an epoch's: x (n, 4), and labels (n) or targets (n, 3). */
typedef struct sent {
    clade_tensor *x, *answers;
    const clade_tensor *inputs[1];
    clade_batch batch;
} sent;

static sent *send(clade_model *model, const net_batch *all, const int32_t *order, int64_t n)
{
    sent *s = calloc(1, sizeof *s);
    assert_non_null(s);
    net_batch picked = net_pick(model, all, order, n);
    float x[SAMPLES * 4], targets[SAMPLES * 3];
    for (int64_t i = 0; i < n * 4; i++) x[i] = (float)picked.x[i];
    for (int64_t i = 0; picked.targets && i < n * 3; i++) targets[i] = (float)picked.targets[i];
    s->inputs[0] = s->x = test_tensor(model->device, CLADE_SHAPE(n, 4), x);
    s->answers = picked.labels ? test_tensor_int(model->device, CLADE_SHAPE(n), picked.labels)
                               : test_tensor(model->device, CLADE_SHAPE(n, 3), targets);
    s->batch = (clade_batch){.n = n, .inputs = s->inputs, .n_inputs = 1, .answers = s->answers};
    net_free_batch(&picked);
    return s;
}

static void drop(sent *s)
{
    clade_tensor_free(s->x);
    clade_tensor_free(s->answers);
    free(s);
}

typedef enum way { WHOLE, IN_TWO } way;

static void step(clade_model *model, const clade_batch *batch, way how, clade_tensor *loss)
{
    if (how == WHOLE) {
        assert_ok(clade_step(model, batch, loss));
        return;
    }
    assert_ok(clade_gradients(model, batch, NULL)); /* twice: it starts anew, and counts nothing */
    assert_ok(clade_gradients(model, batch, loss));
    assert_ok(clade_update(model));
}

/* Epochs as clade_fit makes them, and the rate halved after each. Returns the mean loss of the last. */
static double train(clade_model *model, const net_batch *all, int64_t batch, float lr, int n_epochs, way how)
{
    int32_t order[SAMPLES];
    double sum = 0.0;
    clade_tensor *loss = test_tensor(model->device, CLADE_SHAPE(1), NULL);
    for (int epoch = 0; epoch < n_epochs; epoch++) {
        sum = 0.0;
        assert_ok(clade_model_shuffle(model, order, all->n));
        assert_ok(clade_set_lr(model, ldexpf(lr, -epoch)));
        assert_true(clade_model_lr(model) == ldexpf(lr, -epoch));
        for (int64_t first = 0; first < all->n; first += batch) {
            int64_t n = all->n - first < batch ? all->n - first : batch;
            sent *s = send(model, all, order + first, n);
            step(model, &s->batch, how, loss);
            drop(s); /* at once: what is queued comes first */
            float *mean = test_read(loss);
            sum += (double)mean[0] * (double)n;
            free(mean);
        }
    }
    clade_tensor_free(loss);
    return sum / (double)all->n;
}

static double fit(clade_model *model, const net_batch *all, const step_case *c, int n_epochs)
{
    clade_fit_result result;
    clade_data *data = net_data(model, all, c->n_classes);
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = n_epochs,
                                                          .schedule = clade_schedule_step(1, 0.5)},
                        &result));
    clade_data_free(data);
    return result.train.loss;
}

static void assert_same(const char *what, clade_model *a, clade_model *b)
{
    double *x = net_parameters(a), *y = net_parameters(b);
    for (int64_t i = 0; i < clade_model_n_parameters(a); i++)
        if (x[i] != y[i]) fail_msg("%s: value %d is %.9g, and %.9g", what, (int)i, x[i], y[i]);
    free(x);
    free(y);
}

/* Two epochs and then another, by a training that knows of the first two: counters go on, and what an
 * optimizer has gathered. */
static void check_loop(clade_device *device, const step_case *c, way how)
{
    const char *path = test_text("%s/own.safetensors", test_folder());
    clade_model *fitted = model_of(device, c), *own = model_of(device, c);
    net_batch all = net_random_batch(fitted, 31, SAMPLES, c->n_classes);
    double want = fit(fitted, &all, c, EPOCHS);
    double loss = train(own, &all, c->batch, c->optimizer.lr, EPOCHS, how);
    assert_same(c->what, own, fitted);
    assert_true(fabs(loss - want) < 1e-6 * (1.0 + fabs(want)));
    assert_ok(clade_save(own, path)); /* which changes nothing */
    net_assert_saved(fitted, path);
    (void)fit(fitted, &all, c, 2);
    (void)fit(own, &all, c, 2);
    assert_same(c->what, own, fitted);
    net_free_batch(&all);
    clade_model_free(fitted);
    clade_model_free(own);
}

static void a_loop_has_the_bits_of_fit(void **state)
{
    for (int i = 0; i < N_CASES; i++) {
        clade_model *model = model_of(*state, &cases[i]);
        bool stored = !model->exe.parameters[0].stepped;
        clade_model_free(model);
        assert_true(stored || i < 2);
        check_loop(*state, &cases[i], WHOLE);
        if (stored) check_loop(*state, &cases[i], IN_TWO);
    }
}

/* Each alone, and then in turns. */
static void models_may_take_turns(void **state)
{
    clade_model *alone[2], *turns[2];
    int32_t order[SAMPLES];
    sent *s[2];
    for (int k = 0; k < 2; k++) {
        alone[k] = model_of(*state, &cases[4 * k]);
        turns[k] = model_of(*state, &cases[4 * k]);
    }
    net_batch all = net_random_batch(alone[0], 31, SAMPLES, 3);
    assert_ok(clade_shuffle(order, SAMPLES, 9, 0));
    for (int k = 0; k < 2; k++) s[k] = send(alone[0], &all, order + 10 * k, 10 - 3 * k);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 6; i++) assert_ok(clade_step(alone[k], &s[i % 2]->batch, NULL));
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < 2; k++) assert_ok(clade_step(turns[k], &s[i % 2]->batch, NULL));
    for (int k = 0; k < 2; k++) {
        assert_same("in turns", turns[k], alone[k]);
        clade_model_free(alone[k]);
        clade_model_free(turns[k]);
        drop(s[k]);
    }
    net_free_batch(&all);
}

/* ---- parts ------------------------------------------------------------------------------------- */

/* Two calls are the step that accumulate 2 makes, masks and all; a third way is one call in two parts. */
static void two_calls_are_a_step_in_two_parts(void **state)
{
    const step_case small = {"", {.lr = 0.1f, .momentum = 0.9f}, CLADE_LOSS_CROSS_ENTROPY, 3, 5, 1, true};
    step_case parts = small;
    parts.batch = 10;
    parts.accumulate = 2;
    clade_model *whole = model_of(*state, &parts), *calls = model_of(*state, &small);
    net_batch all = net_random_batch(whole, 31, SAMPLES, 3);
    int32_t order[SAMPLES];
    assert_ok(clade_shuffle(order, SAMPLES, 9, 0));
    sent *ten = send(whole, &all, order, 10), *half[2];
    for (int k = 0; k < 2; k++) half[k] = send(whole, &all, order + 5 * k, 5);
    for (int times = 0; times < 3; times++) {
        assert_ok(clade_step(whole, &ten->batch, NULL));
        for (int k = 0; k < 2; k++) {
            half[k]->batch.step_samples = 10;
            half[k]->batch.add = k > 0;
            assert_ok(clade_gradients(calls, &half[k]->batch, NULL));
        }
        assert_ok(clade_update(calls));
        assert_same("in two calls", calls, whole);
    }
    assert_fails(clade_gradients(calls, &half[1]->batch, NULL), CLADE_ESTATE,
                 "gradients: there are none to add to since the last update");
    half[0]->batch.step_samples = 7;
    half[1]->batch.step_samples = 7;
    assert_ok(clade_gradients(calls, &half[0]->batch, NULL));
    assert_fails(clade_gradients(calls, &half[1]->batch, NULL), CLADE_EINVAL,
                 "step_samples is 7, and the parts so far, with this one, have 10");

    /* Without step_samples the sums of means: twice the same without its masks is twice as much. */
    clade_model *plain = net_model(*state, 9, "{\"input\":[4],\"layers\":[" LINEAR(3) "]}",
                                   &(clade_compile_options){.batch = 5, .keep_gradients = true});
    clade_tensor *gradient;
    clade_batch batch = half[0]->batch;
    batch.step_samples = 0;
    assert_ok(clade_model_gradient(plain, 0, &gradient));
    assert_ok(clade_gradients(plain, &batch, NULL));
    float *once = test_read(gradient);
    batch.add = true;
    assert_ok(clade_gradients(plain, &batch, NULL));
    float *twice = test_read(gradient);
    for (int i = 0; i < 12; i++) assert_true(fabsf(twice[i] - 2.0f * once[i]) <= 1e-6f && once[i] != 0.0f);
    free(once);
    free(twice);
    drop(ten);
    for (int k = 0; k < 2; k++) drop(half[k]);
    net_free_batch(&all);
    clade_model_free(plain);
    clade_model_free(whole);
    clade_model_free(calls);
}

/* ---- memory and waiting ------------------------------------------------------------------------ */

static void use(clade_model *model, sent *const *s, clade_tensor *loss, clade_tensor *const *y)
{
    for (int k = 0; k < 2; k++) {
        if (!model->exe.parameters[0].stepped) {
            assert_ok(clade_gradients(model, &s[k]->batch, loss));
            assert_ok(clade_update(model));
        }
        assert_ok(clade_step(model, &s[k]->batch, loss));
        assert_ok(clade_forward(model, &s[k]->batch, y[k]));
        assert_ok(clade_set_lr(model, 0.25f));
    }
}

static void later_steps_only_enqueue(void **state)
{
    for (int i = 0; i < N_CASES; i++) {
        clade_model *model = model_of(*state, &cases[i]);
        net_batch all = net_random_batch(model, 31, SAMPLES, cases[i].n_classes);
        int32_t order[SAMPLES];
        assert_ok(clade_model_shuffle(model, order, SAMPLES));
        sent *s[2] = {send(model, &all, order, 10), send(model, &all, order + 10, 3)};
        clade_tensor *loss = test_tensor(*state, CLADE_SHAPE(1), NULL);
        clade_tensor *y[2] = {test_tensor(*state, CLADE_SHAPE(10, 3), NULL),
                              test_tensor(*state, CLADE_SHAPE(3, 3), NULL)};
        n_taken = n_waited = 0;
        use(model, s, loss, y);
        assert_true(n_taken > 0);
        uint64_t held = clade_device_bytes_held(*state);
        n_taken = n_waited = 0;
        for (int times = 0; times < 5; times++) use(model, s, loss, y);
        assert_int_equal(n_taken, 0);
        assert_int_equal(n_waited, 0);
        assert_true(clade_device_bytes_held(*state) == held);
        for (int k = 0; k < 2; k++) {
            drop(s[k]);
            clade_tensor_free(y[k]);
        }
        clade_tensor_free(loss);
        net_free_batch(&all);
        clade_model_free(model);
    }
}

/* More batch sizes than are kept: recorded anew, and right. */
static void many_sizes_take_turns(void **state)
{
    clade_model *model = model_of(*state, &cases[4]), *fresh = model_of(*state, &cases[4]);
    net_batch all = net_random_batch(model, 31, SAMPLES, 3);
    int32_t order[SAMPLES];
    assert_ok(clade_shuffle(order, SAMPLES, 9, 0));
    for (int times = 0; times < 2; times++)
        for (int n = 1; n <= 10; n++) {
            sent *s = send(model, &all, order + n, n);
            step(model, &s->batch, IN_TWO, NULL);
            assert_ok(clade_step(model, &s->batch, NULL));
            for (int k = 0; k < 2; k++) assert_ok(clade_step(fresh, &s->batch, NULL));
            drop(s);
        }
    assert_same("many sizes", model, fresh);
    net_free_batch(&all);
    clade_model_free(model);
    clade_model_free(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_has_the_bits_of_fit),
        cmocka_unit_test(models_may_take_turns),
        cmocka_unit_test(two_calls_are_a_step_in_two_parts),
        cmocka_unit_test(later_steps_only_enqueue),
        cmocka_unit_test(many_sizes_take_turns),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

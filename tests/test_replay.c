/* Trainings that diverge by themselves: that a replay of their steps has the same bits, whatever the
 * step is made of and wherever it begins, and that what diverges is noticed at once. With the argument
 * "long" it begins at a copy that time has made due. */
#define _POSIX_C_SOURCE 200809L
#include "events.h"
#include "network.h"

#include <stdio.h>
#include <time.h>


static const char one[] = "{\"input\":[4],\"layers\":[" LINEAR(3) "]}";
static const char deep[] = "{\"input\":[4],\"layers\":[" LINEAR(8) "," RELU "," LINEAR(5) "," RELU
                           "," LINEAR(3) "]}";
static const char dropping[] = "{\"input\":[4],\"layers\":[" LINEAR(64) ",{\"type\":\"tanh\"},"
                               "{\"type\":\"dropout\",\"p\":0.4}," LINEAR(3) "]}";

enum { SEED = 6, SAMPLES = 60, BATCH = 16, EPOCH_STEPS = 4 };

typedef struct course {
    const char *name, *json;
    clade_optimizer optimizer;
    int64_t accumulate;
    bool keep_gradients, stream, replacement;
    clade_schedule schedule;
} course;

static clade_status train(clade_device *device, const course *c, const clade_fit_options *options,
                          clade_fit_result *result)
{
    clade_model *model =
        net_model(device, SEED, c->json,
                  &(clade_compile_options){.loss = CLADE_LOSS_MSE, .optimizer = c->optimizer,
                                           .batch = BATCH, .accumulate = c->accumulate,
                                           .keep_gradients = c->keep_gradients});
    net_batch batch = net_random_batch(model, 1, SAMPLES, 0);
    clade_data *data = net_data(model, &batch, 0);
    net_free_batch(&batch);
    clade_fit_options o = *options;
    o.epochs = 100;
    o.stream = c->stream;
    o.replacement = c->replacement;
    o.schedule = c->schedule;
    clade_status status = clade_fit(model, data, &o, result);
    clade_data_free(data);
    clade_model_free(model);
    return status;
}

static void assert_same_place(const clade_divergence *a, const clade_divergence *b)
{
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->phase, b->phase);
    assert_string_equal(a->layer, b->layer);
}

/* The step is that up to which, and not further, all is well; and the place is the same wherever the
 * replay begins. */
static void a_replay_has_the_same_bits(void **state)
{
    static const course courses[] = {
        {"sgd", one, {.lr = 30.0f}, .stream = true},
        {"momentum", deep, {.lr = 20.0f, .momentum = 0.9f}, .replacement = true},
        {"nesterov", one, {.lr = 20.0f, .momentum = 0.5f, .nesterov = true}, .keep_gradients = true},
        {"parts", dropping, {.lr = 300.0f}, .accumulate = 3},
        {"dropout", dropping, .optimizer = {.lr = 300.0f}},
        {"warm-up", one, {.lr = 40.0f}, .schedule = {.warmup = {2, CLADE_EPOCHS}}},
        {"plateau", one, {.lr = 50.0f},
         .schedule = {.kind = CLADE_SCHEDULE_PLATEAU, .factor = 0.95, .threshold = 1e-4}},
        {"clipping", one, .optimizer = {.lr = 1e38f, .clip_norm = 2.0f}},
        {"adam", deep, .optimizer = {.kind = CLADE_OPTIMIZER_ADAM, .lr = 1e12f}},
    };
    for (size_t i = 0; i < sizeof courses / sizeof courses[0]; i++) {
        const course *c = &courses[i];
        char folder[256];
        clade_fit_result result, other;
        clade_status status = train(*state, c, &(clade_fit_options){0}, &result);
        int64_t step = result.diverged.step;
        if (step < 2)
            print_error("%s: %s\n", c->name, status == CLADE_OK ? "it did not diverge" : result.why);
        assert_int_equal(status, CLADE_EDIVERGED);
        assert_true(step >= 2 && step <= result.steps);
        assert_ok(train(*state, c, &(clade_fit_options){.max_steps = step - 1}, &other));
        assert_int_equal(train(*state, c, &(clade_fit_options){.max_steps = step}, &other),
                         CLADE_EDIVERGED);
        assert_same_place(&result.diverged, &other.diverged);
        assert_int_equal(other.steps, step);

        snprintf(folder, sizeof folder, "%s", test_folder());
        clade_fit_options kept = {.run_dir = folder, .max_steps = step - 1,
                                  .checkpoint_every = {5, CLADE_STEPS}};
        assert_ok(train(*state, c, &kept, &other));
        kept.resume = true;
        kept.max_steps = 0;
        assert_int_equal(train(*state, c, &kept, &other), CLADE_EDIVERGED);
        assert_same_place(&result.diverged, &other.diverged);
    }
}

static bool be_slow_once(const clade_progress *progress, void *user)
{
    (void)user;
    if (progress->step == 6) nanosleep(&(struct timespec){10, 100 * 1000 * 1000}, NULL);
    return true;
}

static void note(const char *text, void *user)
{
    snprintf(user, 512, "%s", text);
}

static void a_copy_is_made_after_ten_seconds(void **state)
{
    static const course slow = {"sgd", one, .optimizer = {.lr = 30.0f}};
    clade_fit_result result, other;
    char text[512];
    clade_fit_options options = {.on_message = note, .user = text};
    assert_int_equal(train(*state, &slow, &options, &result), CLADE_EDIVERGED);
    assert_non_null(strstr(text, "from step 0 on"));
    options.on_progress = be_slow_once;
    options.log_every = 1;
    assert_int_equal(train(*state, &slow, &options, &other), CLADE_EDIVERGED);
    assert_same_place(&result.diverged, &other.diverged);
    const char *from = strstr(text, "from step ");
    assert_non_null(from);
    assert_in_range(atoi(from + strlen("from step ")), 7, 2 * EPOCH_STEPS);
}

/* After the first epoch the model of the last epoch's end stays. */
static void the_last_epoch_stays(void **state)
{
    static const course slow = {"sgd", one, .optimizer = {.lr = 30.0f}};
    char whole[256], folder[256];
    clade_fit_result result;
    assert_int_equal(train(*state, &slow, &(clade_fit_options){0}, &result), CLADE_EDIVERGED);
    assert_true(result.epochs > 0);
    snprintf(whole, sizeof whole, "%s", test_folder());
    snprintf(folder, sizeof folder, "%s", test_folder());
    assert_ok(train(*state, &slow, &(clade_fit_options){.max_steps = result.epochs * EPOCH_STEPS,
                                                        .run_dir = whole}, &result));
    assert_int_equal(train(*state, &slow, &(clade_fit_options){.run_dir = folder}, &result),
                     CLADE_EDIVERGED);
    test_assert_same_files(test_text("%s/model.safetensors", folder),
                           test_text("%s/model.safetensors", whole));
}

/* A weight that is infinite behind a sigmoid, whose gradient is 0: the loss stays finite for as long
 * as an optimizer leaves it alone, which none does. */
static void an_infinite_parameter_is_noticed_by_the_loss(void **state)
{
    static const char json[] = "{\"input\":[1],\"layers\":[" LINEAR(3) ",{\"type\":\"sigmoid\"},"
                               LINEAR(2) "]}";
    static const clade_optimizer optimizers[] = {
        {.lr = 0.1f}, {.lr = 0.1f, .momentum = 0.9f},
        {.lr = 0.1f, .momentum = 0.9f, .nesterov = true},
        {.kind = CLADE_OPTIMIZER_ADAM}, {.kind = CLADE_OPTIMIZER_ADAMW}};
    enum { N = 100 };
    float ones[N];
    int32_t labels[N] = {0};
    for (int i = 0; i < N; i++) ones[i] = 1.0f;
    labels[N - 1] = 1; /* which is never come to */
    clade_data *data;
    assert_ok(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = N,
                                                                 .shape = CLADE_SHAPE(1),
                                                                 .features = ones,
                                                                 .labels = labels,
                                                                 .n_classes = 2}));
    for (size_t i = 0; i < 2 * sizeof optimizers / sizeof optimizers[0]; i++) {
        clade_model *model =
            net_model(*state, SEED, json,
                      &(clade_compile_options){.optimizer = optimizers[i / 2], .batch = 1,
                                               .keep_gradients = i % 2});
        clade_fit_result result;
        assert_ok(clade__model_materialize(model));
        assert_ok(clade_tensor_fill(model->session.parameters[0].value, INFINITY));
        assert_fails(clade_fit(model, data, &(clade_fit_options){.log_every = 1}, &result),
                     CLADE_EDIVERGED, "in step 1 (epoch 1) a parameter of layer '0' (linear, 1 to 3) "
                     "is first not finite, before the step; it was so when training began");
        assert_in_range(result.steps, 2, 4); /* up to two later than the step whose loss tells */
        clade_model_free(model);
    }
    clade_data_free(data);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest long_tests[] = {cmocka_unit_test(a_copy_is_made_after_ten_seconds)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replay_has_the_same_bits),
        cmocka_unit_test(the_last_epoch_stays),
        cmocka_unit_test(an_infinite_parameter_is_noticed_by_the_loss),
    };
    if (argc > 1 && strcmp(argv[1], "long") == 0)
        return cmocka_run_group_tests(long_tests, test_open_device, test_close_device);
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

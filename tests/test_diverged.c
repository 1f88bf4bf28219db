/* Trainings that go wrong at a known place: that it is noticed, that step and layer are named, and
 * what is left. Most go wrong by one sample, whose step follows from the shuffle: the learning rate is
 * so small that nothing else changes. Those that go wrong by themselves are in test_replay. */
#define _POSIX_C_SOURCE 200809L
#include "events.h"
#include "network.h"

#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "data/dataset.h"


static const char one[] = "{\"input\":[4],\"layers\":[" LINEAR(3) "]}";
static const char deep[] = "{\"input\":[4],\"layers\":[" LINEAR(8) "," RELU "," LINEAR(5) "," RELU
                           "," LINEAR(3) "]}";

#define CONV(more) "{\"type\":\"reshape\",\"shape\":[1,2,2]},{\"type\":\"conv2d\",\"out_channels\":3," \
                   "\"kernel_size\":2" more "}"
static const char conv[] = "{\"input\":[4],\"layers\":[" CONV("") ",{\"type\":\"flatten\"}]}";
static const char cnn[] = "{\"input\":[4],\"layers\":[" CONV(",\"padding\":1") "," RELU
                          ",{\"type\":\"flatten\"}," LINEAR(3) "]}";
static const char residual[] = "{\"input\":[4],\"layers\":[" LINEAR(8) ",{\"type\":\"batch_norm\"},"
                               "{\"type\":\"add\",\"inputs\":[\"0\",\"1\"]}," RELU "," LINEAR(3) "]}";

enum { SEED = 6, SAMPLES = 60, BATCH = 16, EPOCH_STEPS = 4, INPUTS = 4, OUTPUTS = 3 };
enum { WHICH = 17, FEATURE = 2, TARGET = 1 }; /* the sample that is at fault */

static clade_data *new_data(const clade_model *model, bool targets)
{
    int n_classes = targets ? 0 : OUTPUTS;
    net_batch batch = net_random_batch(model, 1, SAMPLES, n_classes);
    clade_data *data = net_data(model, &batch, n_classes);
    net_free_batch(&batch);
    return data;
}

static float *features_of(clade_data *data, int sample)
{
    return (float *)data->values + (ptrdiff_t)sample * INPUTS;
}

/* The step, counted from 1, that first has a sample; *epoch is its epoch, from 1. */
static int64_t step_of(int sample, bool replacement, int *epoch)
{
    int32_t order[SAMPLES];
    for (int e = 0;; e++) {
        (replacement ? clade__draw : clade__shuffle)(order, SAMPLES, SEED, e);
        for (int i = 0; i < SAMPLES; i++)
            if (order[i] == sample) {
                *epoch = e + 1;
                return e * EPOCH_STEPS + i / BATCH + 1;
            }
    }
}

/* ---- one sample at fault ----------------------------------------------------------------------- */

/* relu's gradient in the layer with 8 units is NaN where its value is large; or so is that of a norm, an add and
 * a relu, of what is added. */
static const struct breakage {
    const char *kernel, *right, *wrong;
} breakages[] = {{"activation", "GIVE(dx[i], activation", "GIVE(dx[i], n % 32 == 0 && saved[i] > 50.0f ? NAN : activation"},
                 {"batch_norm", "if (masked) put(g,",
                  "if (masked) put(fetch(y + at + c, s.n - c, 0.0f) > 50.0f ? (VEC)(NAN) : g,"}};
enum { NOTHING_BROKEN, RELU_BROKEN, NORM_BROKEN };

static const char *break_kernel(int broken)
{
    const struct breakage *b = &breakages[broken - 1];
    const char *source = getenv("CLADE_TEST_SOURCE"), *folder = test_folder();
    unsigned char *bytes;
    size_t n_bytes;
    assert_ok(clade__file_read(test_text("%s/cl/%s.cl", source, b->kernel), &bytes, &n_bytes));
    const char *text = (const char *)bytes, *at = strstr(text, b->right);
    assert_non_null(at);
    clade__text changed = {0};
    clade__text_append(&changed, "%.*s%s%s", (int)(at - text), text, b->wrong, at + strlen(b->right));
    test_write_file(test_text("%s/%s.cl", folder, b->kernel), changed.data, changed.length);
    clade__text_free(&changed);
    free(bytes);
    return folder;
}

typedef struct fault {
    const char *name, *json;
    clade_loss loss;
    clade_optimizer optimizer;
    int64_t accumulate;
    bool keep_gradients;
    int broken;
    int filled;   /* this parameter has one value everywhere, if it is not 0: */
    float with;
    float feature; /* of the sample that is at fault, all of them or, if it is NaN, one */
    float target;
    clade_phase phase;
    const char *layer, *message;
} fault;

#define TINY      {.lr = 1e-30f}
#define TINY_ADAM {.kind = CLADE_OPTIMIZER_ADAM, .lr = 1e-30f}

static const fault faults[] = {
    {"a feature", deep, 0, TINY, .feature = NAN, .phase = CLADE_PHASE_FEED, .layer = "",
     .message = "the network sees feature 2 of sample 17 of 'arrays' as no finite number; look at"},
    {"a feature, in parts", deep, 0, TINY, 3, .feature = NAN, .phase = CLADE_PHASE_FEED,
     .layer = "", .message = "the network sees feature 2 of sample 17"},
    {"a target", one, CLADE_LOSS_MSE, TINY, .target = INFINITY, .phase = CLADE_PHASE_FEED,
     .layer = "", .message = "the network sees target 1 of sample 17 of"},
    {"forward", deep, 0, TINY, .filled = 2, .with = 1e30f, .feature = 1e20f,
     .phase = CLADE_PHASE_FORWARD, .layer = "2",
     .message = "the output of layer '2' (linear, 8 to 5) is first not finite; try "},
    {"forward, adam in parts", deep, 0, TINY_ADAM, 2, .filled = 2, .with = 1e30f, .feature = 1e20f,
     .phase = CLADE_PHASE_FORWARD, .layer = "2", .message = "the output of layer '2'"},
    {"loss", one, CLADE_LOSS_MSE, TINY, .feature = 1e22f, .phase = CLADE_PHASE_LOSS, .layer = "",
     .message = "the loss is first not finite; try a smaller learning rate, or to clip"},
    {"backward", deep, 0, TINY, .broken = RELU_BROKEN, .feature = 1e3f,
     .phase = CLADE_PHASE_BACKWARD, .layer = "1",
     .message = "the gradient of layer '1' (relu, 8 to 8) is first not finite"},
    {"backward, adam", deep, 0, TINY_ADAM, .broken = RELU_BROKEN, .feature = 1e3f,
     .phase = CLADE_PHASE_BACKWARD, .layer = "1", .message = "the gradient of layer '1'"},
    {"backward of a norm, an add and relu", residual, 0, TINY, .broken = NORM_BROKEN, .feature = 1e3f,
     .phase = CLADE_PHASE_BACKWARD, .layer = "1",
     .message = "the gradient of layer '1' (batch_norm, 8 to 8) is first not finite"},
    /* The loss is 1e21, and its gradient times a feature overflows. */
    {"gradient of a weight", one, CLADE_LOSS_MSE, TINY, .keep_gradients = true, .with = 1e-20f,
     .feature = 1e30f, .phase = CLADE_PHASE_BACKWARD, .layer = "0",
     .message = "the gradient of layer '0' (linear, 4 to 3)"},
    {"gradient of a weight, in parts", one, CLADE_LOSS_MSE, TINY, 2, .with = 1e-20f,
     .feature = 1e30f, .phase = CLADE_PHASE_BACKWARD, .layer = "0",
     .message = "the gradient of layer '0'"},
    {"gradient of a weight, clipped", one, CLADE_LOSS_MSE, {.lr = 1e-30f, .clip_norm = 1.0f},
     .with = 1e-20f, .feature = 1e30f, .phase = CLADE_PHASE_BACKWARD, .layer = "0",
     .message = "the gradient of layer '0' (linear, 4 to 3) is first not finite; try a smaller "
                "learning rate"},
    {"gradient of a weight, adam", one, CLADE_LOSS_MSE, TINY_ADAM, .with = 1e-20f,
     .feature = 1e30f, .phase = CLADE_PHASE_BACKWARD, .layer = "0",
     .message = "the gradient of layer '0'"},
    {"forward of a convolution", cnn, 0, TINY, .with = 1e30f, .feature = 1e20f,
     .phase = CLADE_PHASE_FORWARD, .layer = "1",
     .message = "the output of layer '1' (conv2d, 4 to 27) is first not finite; try "},
    {"gradient of a convolution's weight", conv, CLADE_LOSS_MSE, TINY, .with = 1e-20f, .feature = 1e30f,
     .phase = CLADE_PHASE_BACKWARD, .layer = "1", .message = "the gradient of layer '1' (conv2d, "},
    {"gradient of a convolution's weight, adam in parts", conv, CLADE_LOSS_MSE, TINY_ADAM, 2, .with = 1e-20f,
     .feature = 1e30f, .phase = CLADE_PHASE_BACKWARD, .layer = "1",
     .message = "the gradient of layer '1' (conv2d, "},
};

/* Where a gemm does sgd's step, there is no gradient to see. */
static const fault fused = {
    "gradient in gemm", one, CLADE_LOSS_MSE, TINY, .with = 1e-20f, .feature = 1e30f,
    .phase = CLADE_PHASE_OPTIMIZER, .layer = "0",
    .message = "a parameter of layer '0' (linear, 4 to 3) is first not finite, after its update"};

static void fill(clade_model *model, int parameter, float value)
{
    clade_tensor *tensor;
    assert_ok(clade__model_materialize(model));
    tensor = model->session.parameters[parameter].value;
    assert_ok(clade_tensor_fill(tensor, value));
}

static clade_model *faulty_model(clade_device *device, const fault *c)
{
    clade_model *model =
        net_model(device, SEED, c->json,
                  &(clade_compile_options){.loss = c->loss, .optimizer = c->optimizer,
                                           .batch = BATCH, .accumulate = c->accumulate,
                                           .keep_gradients = c->keep_gradients});
    if (c->with != 0.0f) fill(model, c->filled, c->with);
    return model;
}

static clade_data *faulty_data(const clade_model *model, const fault *c, int sample)
{
    clade_data *data = new_data(model, c->loss == CLADE_LOSS_MSE);
    float *x = features_of(data, sample);
    for (int i = 0; i < INPUTS && !isnan(c->feature) && c->feature != 0.0f; i++) x[i] = c->feature;
    if (isnan(c->feature)) x[FEATURE] = NAN;
    if (c->target != 0.0f) data->targets[sample * OUTPUTS + TARGET] = c->target;
    return data;
}

static void check_end(const char *folder, const fault *c, int64_t step, const char *why)
{
    events log = events_read(folder);
    const cJSON *end = events_last(&log, "end"), *layer = cJSON_GetObjectItem(end, "layer");
    assert_string_equal(events_text(end, "status"), "diverged");
    assert_string_equal(events_text(end, "why"), why);
    assert_true(events_number(end, "step") == (double)step);
    assert_string_equal(events_text(end, "phase"), clade_phase_name(c->phase));
    assert_int_equal(layer != NULL, c->layer[0] != '\0');
    if (layer) assert_string_equal(cJSON_GetStringValue(layer), c->layer);
    events_free(&log);
}

static void check_fault(clade_device *device, const fault *c, const clade_fit_options *options)
{
    char folder[256];
    int epoch, sample = WHICH;
    int64_t step = step_of(sample, false, &epoch);
    clade_model *model = faulty_model(device, c);
    clade_data *data = faulty_data(model, c, sample);
    clade_fit_options o = *options;
    clade_fit_result result;
    snprintf(folder, sizeof folder, "%s", test_folder());
    o.run_dir = folder;
    clade_status status = clade_fit(model, data, &o, &result);
    if (status == CLADE_OK || result.diverged.step != step)
        print_error("%s: %s\n", c->name, status == CLADE_OK ? "no divergence" : clade_error());
    assert_int_equal(status, CLADE_EDIVERGED);
    assert_string_equal(clade_error(), result.why);
    const char *start = test_text("training diverged: in step %lld (epoch 1) %s", (long long)step,
                                  c->message);
    if (strncmp(result.why, start, strlen(start)) != 0)
        print_error("%s: %s, want %s\n", c->name, result.why, start);
    assert_memory_equal(result.why, start, strlen(start));
    assert_int_equal(result.end, CLADE_DIVERGED);
    assert_int_equal(result.diverged.step, step);
    assert_string_equal(clade_phase_name(result.diverged.phase), clade_phase_name(c->phase));
    assert_string_equal(result.diverged.layer, c->layer);
    check_end(folder, c, step, result.why);
    clade_data_free(data);
    clade_model_free(model);
}

static void the_place_is_named(void **state)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const fault *c = &faults[i];
        clade_device *device = *state;
        if (c->broken) {
            assert_int_equal(setenv("CLADE_KERNEL_DIR", break_kernel(c->broken), 1), 0);
            device = test_open_again(state);
        }
        check_fault(device, c, &(clade_fit_options){.epochs = 2});
        check_fault(device, c, &(clade_fit_options){.epochs = 2, .stream = true, .log_every = 1});
        check_fault(device, c, &(clade_fit_options){.checkpoint_every = {1, CLADE_STEPS}});
        if (c->broken) clade_device_free(device);
        unsetenv("CLADE_KERNEL_DIR");
    }
    clade_model *model = faulty_model(*state, &fused);
    bool in_gemm = model->exe.parameters[0].stepped;
    clade_model_free(model);
    if (in_gemm) check_fault(*state, &fused, &(clade_fit_options){.epochs = 1});
}

/* An update that overflows by itself: of finite numbers times a rate that is too large. */
static void an_update_is_named(void **state)
{
    static const fault plain = {.json = one, .optimizer = {.lr = 3e38f}, .keep_gradients = true};
    clade_model *model = faulty_model(*state, &plain);
    clade_data *data = faulty_data(model, &plain, 0);
    clade_fit_result result;
    for (int i = 0; i < SAMPLES * INPUTS; i++) features_of(data, 0)[i] *= 100.0f;
    assert_fails(clade_fit(model, data, &(clade_fit_options){.max_steps = 1}, &result),
                 CLADE_EDIVERGED, "in step 1 (epoch 1) a parameter of layer '0' (linear, 4 to 3) is "
                 "first not finite, after its update; try a smaller learning rate, or to clip");
    assert_int_equal(result.diverged.step, 1);
    assert_int_equal(result.diverged.phase, CLADE_PHASE_OPTIMIZER);
    clade_data_free(data);
    clade_model_free(model);
}

/* A sample that is not drawn in the first epoch, and is in the second. */
static void the_second_epoch_is_named(void **state)
{
    const fault *c = &faults[0];
    int sample = -1, epoch = 1;
    int64_t step = 0;
    while (epoch != 2) step = step_of(++sample, true, &epoch);
    clade_model *model = faulty_model(*state, c);
    clade_data *data = faulty_data(model, c, sample);
    clade_fit_result result;
    assert_fails(clade_fit(model, data, &(clade_fit_options){.epochs = 5, .replacement = true},
                           &result),
                 CLADE_EDIVERGED, test_text("in step %lld (epoch 2) the network sees feature 2 of "
                                            "sample %d ", (long long)step, sample));
    assert_int_equal(result.diverged.step, step);
    clade_data_free(data);
    clade_model_free(model);
}

/* ---- replays that find nothing ----------------------------------------------------------------- */

typedef struct listener {
    clade_data *data;
    volatile sig_atomic_t stop;
    bool mend, stops;
    char text[512];
} listener;

static void listen(const char *text, void *user)
{
    listener *l = user;
    snprintf(l->text, sizeof l->text, "%s", text);
    if (l->mend) features_of(l->data, WHICH)[FEATURE] = 0.5f;
    if (l->stops) l->stop = 1;
}

/* What a device that errs now and then would do: the sample is right when it comes again. And a
 * replay that the user stops. */
static void a_replay_that_finds_nothing_says_so(void **state)
{
    static const char *const messages[] = {
        "is not finite, but the same steps made again from step 0 on are: this device does not "
        "compute the same twice",
        "is not finite; try a smaller learning rate (looking for the layer was stopped)"};
    const fault *c = &faults[0];
    int epoch;
    int64_t step = step_of(WHICH, false, &epoch);
    for (int stops = 0; stops < 2; stops++) {
        clade_model *model = faulty_model(*state, c);
        listener l = {.data = faulty_data(model, c, WHICH), .mend = !stops, .stops = stops};
        clade_fit_result result;
        assert_fails(clade_fit(model, l.data,
                               &(clade_fit_options){.epochs = 2, .stream = true, .stop = &l.stop,
                                                    .on_message = listen, .user = &l}, &result),
                     CLADE_EDIVERGED, messages[stops]);
        const char *noticed = test_text("training diverged: the loss of step %lld (epoch 1) is not "
                                        "finite", (long long)step);
        assert_memory_equal(result.why, noticed, strlen(noticed));
        assert_string_equal(l.text, test_text("%s: finding out where, from step 0 on", noticed));
        assert_int_equal(result.diverged.step, 0);
        assert_int_equal(result.end, CLADE_DIVERGED);
        clade_data_free(l.data);
        clade_model_free(model);
    }
}

/* ---- what is left ------------------------------------------------------------------------------ */

/* In the first epoch the copy takes the model's place, if there is one beside that of the beginning.
 * The model goes on from the copy. */
static void the_model_from_before_is_kept(void **state)
{
    static const fault slow = {.json = deep, .optimizer = {.lr = 0.01f}, .feature = NAN};
    int epoch;
    int64_t step = step_of(WHICH, false, &epoch);
    assert_true(step > 1);
    for (int copied = 0; copied < 2; copied++) {
        char folder[256], path[300], checkpoint[300];
        snprintf(folder, sizeof folder, "%s", test_folder());
        snprintf(path, sizeof path, "%s/model.safetensors", folder);
        snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint-%lld.safetensors", folder,
                 (long long)step - 1);
        clade_model *model = faulty_model(*state, &slow);
        clade_data *data = faulty_data(model, &slow, WHICH);
        double *before = net_parameters(model);
        clade_fit_options options = {.run_dir = folder,
                                     .checkpoint_every = {copied, CLADE_STEPS}};
        assert_fails(clade_fit(model, data, &options, NULL), CLADE_EDIVERGED, "of sample 17");
        assert_int_equal(access(path, F_OK) == 0, copied);
        assert_int_equal(access(checkpoint, F_OK) == 0, copied);
        if (copied) {
            net_assert_saved(model, path);
            net_assert_saved(model, checkpoint);
        } else {
            double *after = net_parameters(model);
            assert_memory_equal(before, after,
                                (size_t)clade_model_n_parameters(model) * sizeof *after);
            free(after);
        }
        assert_int_equal(model->session.step, copied ? step - 1 : 0);
        features_of(data, WHICH)[FEATURE] = 0.5f;
        assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 2}, NULL));
        free(before);
        clade_data_free(data);
        clade_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_place_is_named),
        cmocka_unit_test(an_update_is_named),
        cmocka_unit_test(the_second_epoch_is_named),
        cmocka_unit_test(a_replay_that_finds_nothing_says_so),
        cmocka_unit_test(the_model_from_before_is_kept),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

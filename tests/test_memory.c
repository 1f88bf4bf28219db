/* The memory of a training: what is planned is what the device is asked for, no more is taken than
 * CLADE_MEMORY allows, and what does not fit is refused with what would. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>

#include <cjson/cJSON.h>

#include "base/file.h"
#include "network.h"


enum { IN = 100, CLASSES = 10 };

static const char *const networks[] = {
    "{\"input\":[100],\"layers\":[" LINEAR(10) "]}",
    "{\"input\":[100],\"layers\":[" LINEAR(200) ",{\"type\":\"relu\"}," LINEAR(10) "]}",
    "{\"input\":[100],\"layers\":[" LINEAR(200) ",{\"type\":\"gelu\"},{\"type\":\"dropout\"}," LINEAR(
        300) ",{\"type\":\"softmax\"}," LINEAR(10) "]}",
    "{\"input\":[100],\"layers\":[{\"type\":\"linear\",\"units\":200,\"name\":\"a\"},"
    "{\"type\":\"tanh\",\"name\":\"b\"},{\"type\":\"add\",\"inputs\":[\"a\",\"b\"]}," LINEAR(10) "]}",
    "{\"input\":[100],\"layers\":[{\"type\":\"reshape\",\"shape\":[4,5,5]},"
    "{\"type\":\"conv2d\",\"out_channels\":16,\"kernel_size\":3,\"padding\":1},{\"type\":\"batch_norm\"}," RELU
    ",{\"type\":\"max_pool2d\",\"kernel_size\":2},{\"type\":\"flatten\"}," LINEAR(10) "]}"};
enum { N_NETWORKS = sizeof networks / sizeof networks[0] };

/* A device with so much memory; NULL for all of it. */
static clade_device *device_with(const char *memory)
{
    clade_device *device;
    assert_int_equal(memory ? setenv("CLADE_MEMORY", memory, 1) : unsetenv("CLADE_MEMORY"), 0);
    assert_ok(clade_device_open(&device, NULL));
    unsetenv("CLADE_MEMORY");
    return device;
}

static clade_data *data_of(int64_t n)
{
    clade_data *data;
    assert_ok(clade_data_open(&data, test_text("random?features=%d&classes=%d&n=%lld", IN, CLASSES,
                                               (long long)n)));
    return data;
}

static clade_status compile(clade_model **model, clade_device *device, const char *json,
                            const clade_compile_options *options)
{
    assert_ok(clade_model_create(model, device, 1));
    return clade_compile(*model, clade_model_layers(*model, json), options);
}

/* ---- what is planned is what is taken -------------------------------------------------------- */

typedef struct watch {
    clade_device *device;
    uint64_t held;
} watch;

static bool see(const clade_progress *progress, void *user)
{
    (void)progress;
    watch *w = user;
    w->held = clade_device_bytes_held(w->device);
    return true;
}

/* memory_bytes_planned of a run's start. */
static double logged(const char *folder)
{
    unsigned char *text;
    size_t n_bytes;
    assert_ok(clade__file_read(test_text("%s/metrics.jsonl", folder), &text, &n_bytes));
    cJSON *start = cJSON_Parse((const char *)text);
    double bytes = cJSON_GetNumberValue(cJSON_GetObjectItem(start, "memory_bytes_planned"));
    cJSON_Delete(start);
    free(text);
    return bytes;
}

typedef struct training {
    clade_optimizer optimizer;
    int64_t batch, accumulate;
    bool valid, stream;
    const char *memory;
} training;

static void check_planned(const char *json, const training *t)
{
    clade_device *device = device_with(t->memory);
    clade_data *data = data_of(3000), *valid = t->valid ? data_of(700) : NULL;
    clade_model *model;
    clade_memory memory;
    char folder[256];
    snprintf(folder, sizeof folder, "%s", test_folder());
    assert_ok(compile(&model, device, json,
                      &(clade_compile_options){.optimizer = t->optimizer, .batch = t->batch,
                                               .accumulate = t->accumulate,
                                               .train = clade_data_size_of(data),
                                               .valid = clade_data_size_of(valid)}));
    watch w = {device, 0};
    clade_fit_options options = {.epochs = 2, .validate = valid, .stream = t->stream,
                                 .run_dir = folder, .on_progress = see, .user = &w};
    assert_ok(clade_fit_memory(model, data, &options, &memory));
    assert_int_equal(memory.total, memory.parameters + memory.gradients + memory.optimizer_state +
                                       memory.activations + memory.data);
    assert_ok(clade_fit(model, data, &options, NULL));
    if (w.held > memory.total || (double)w.held < 0.98 * (double)memory.total)
        fail_msg("%s: %llu bytes taken, %llu planned", json, (unsigned long long)w.held,
                 (unsigned long long)memory.total);
    assert_true(logged(folder) == (double)memory.total);
    assert_true(w.held <= clade_device_describe(device)->global_memory_bytes);
    clade_model_free(model);
    clade_data_free(data);
    clade_data_free(valid);
    clade_device_free(device);
}

static void what_is_planned_is_taken(void **state)
{
    (void)state;
    static const training trainings[] = {
        {{.lr = 0.1f, .momentum = 0.9f}, 128, 1, true, false, NULL},
        {{.kind = CLADE_OPTIMIZER_ADAM}, 300, 1, false, false, NULL},
        {{.lr = 0.1f, .clip_norm = 1.0f}, 1000, 4, true, true, NULL},
        {{.lr = 0.1f}, 37, 1, true, false, "3M"}, /* without room for all of the data */
    };
    for (int i = 0; i < N_NETWORKS; i++)
        for (size_t k = 0; k < sizeof trainings / sizeof trainings[0]; k++)
            check_planned(networks[i], &trainings[k]);
}

/* ---- the limit ------------------------------------------------------------------------------- */

static void a_device_has_no_more_than_it_is_given(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = {{"1000000", 1000000}, {"100K", 102400}, {"3M", 3 << 20}, {"1G", 1 << 30}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        clade_device *device = device_with(sizes[i].text);
        const clade_device_info *info = clade_device_describe(device);
        assert_int_equal(info->global_memory_bytes, sizes[i].bytes);
        assert_true(info->max_allocation_bytes <= sizes[i].bytes);
        assert_non_null(strstr(clade_device_reason(device), "of its memory (CLADE_MEMORY)"));
        clade_device_free(device);
    }

    clade_device *device = device_with("100K");
    clade_tensor *a, *b;
    assert_ok(clade_tensor_create(&a, device, CLADE_UINT8, CLADE_SHAPE(60000), NULL));
    assert_fails(clade_tensor_create(&b, device, CLADE_UINT8, CLADE_SHAPE(60000), NULL),
                 CLADE_EDEVICEMEM, "60000 of its 102400 bytes are held, and one buffer may have "
                                   "102400 (CLADE_MEMORY)");
    clade_tensor_free(a);
    assert_ok(clade_tensor_create(&b, device, CLADE_UINT8, CLADE_SHAPE(102400), NULL));
    clade_tensor_free(b);
    clade_device_free(device);

    /* More than there is changes nothing. */
    device = device_with(NULL);
    uint64_t all = clade_device_describe(device)->global_memory_bytes;
    clade_device_free(device);
    device = device_with("15000000G");
    assert_int_equal(clade_device_describe(device)->global_memory_bytes, all);
    assert_null(strstr(clade_device_reason(device), "CLADE_MEMORY"));
    clade_device_free(device);
}

static void a_limit_must_be_bytes(void **state)
{
    (void)state;
    static const char *const wrong[] = {"0", "M", "-1", "1.5G", "64MB", "64 M", "lots", "0K",
                                        "99999999999999999999", "99999999999999999G"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        clade_device *device;
        assert_int_equal(setenv("CLADE_MEMORY", wrong[i], 1), 0);
        assert_fails(clade_device_open(&device, NULL), CLADE_EINVAL,
                     test_text("CLADE_MEMORY is '%s', want bytes such as", wrong[i]));
    }
    clade_device_free(device_with("")); /* as if it were not there */
}

/* ---- what does not fit ----------------------------------------------------------------------- */

/* The number behind `what` in the message; 0 where it is not there. */
static int64_t said(const char *what)
{
    const char *at = strstr(clade_error(), what);
    return at ? atoll(at + strlen(what)) : 0;
}

static clade_status try_batch(clade_device *device, const char *json, const clade_data *data,
                              int64_t batch, int64_t accumulate, clade_model **model)
{
    return compile(model, device, json,
                   &(clade_compile_options){.optimizer = clade_sgd(0.1f, 0.9f), .batch = batch,
                                            .accumulate = accumulate,
                                            .train = clade_data_size_of(data)});
}

/* Trains what fits in truth. */
static void assert_trains(clade_device *device, clade_model *model, clade_data *data)
{
    watch w = {device, 0};
    assert_ok(clade_fit(model, data, &(clade_fit_options){.on_progress = see, .user = &w}, NULL));
    assert_true(w.held <= clade_device_describe(device)->global_memory_bytes);
    clade_model_free(model);
}

static void assert_refused(clade_device *device, const char *json, const clade_data *data,
                           int64_t batch, int64_t accumulate)
{
    clade_model *model;
    assert_fails(try_batch(device, json, data, batch, accumulate, &model), CLADE_EDEVICEMEM,
                 "the plan needs");
    clade_model_free(model);
}

static void a_batch_that_is_too_large_is_refused_with_one_that_fits(void **state)
{
    (void)state;
    clade_device *device = device_with("4M");
    clade_data *data = data_of(5000);
    for (int i = 1; i < N_NETWORKS; i++) {
        clade_model *model;
        assert_refused(device, networks[i], data, 4500, 1);
        assert_non_null(strstr(clade_error(), " is limited to 4096 KiB by CLADE_MEMORY (parameters "));
        assert_non_null(strstr(clade_error(), ", activations of 4500 samples "));
        int64_t largest = said("the largest batch that fits is ");
        int64_t parts = said("and accumulate ");
        assert_true(largest > CLADE__INFER_BATCH && parts > 1);
        assert_ok(try_batch(device, networks[i], data, largest, 1, &model));
        assert_trains(device, model, data);
        assert_refused(device, networks[i], data, largest + 1, 1);

        assert_ok(try_batch(device, networks[i], data, 4500, parts, &model));
        assert_trains(device, model, data);
        assert_refused(device, networks[i], data, 4500, parts - 1);

        /* And auto takes as many parts. */
        assert_ok(try_batch(device, networks[i], data, 4500, CLADE_ACCUMULATE_AUTO, &model));
        assert_int_equal(clade_model_batch(model), 4500);
        assert_int_equal(clade_model_micro_batch(model), (4500 + parts - 1) / parts);
        assert_trains(device, model, data);
    }
    clade_data_free(data);
    clade_device_free(device);
}

static void auto_takes_a_batch_whole_that_fits(void **state)
{
    (void)state;
    clade_device *device = device_with(NULL);
    clade_model *model;
    assert_ok(compile(&model, device, networks[1],
                      &(clade_compile_options){.accumulate = CLADE_ACCUMULATE_AUTO}));
    assert_int_equal(clade_model_micro_batch(model), 128);
    clade_model_free(model);
    clade_device_free(device);
}

static void a_network_that_is_too_large_is_refused(void **state)
{
    (void)state;
    clade_device *device = device_with("200K");
    clade_data *data = data_of(50);
    for (int64_t accumulate = CLADE_ACCUMULATE_AUTO; accumulate < 2; accumulate++) {
        clade_model *model;
        assert_fails(try_batch(device, networks[2], data, 8, accumulate, &model), CLADE_EDEVICEMEM,
                     "no batch fits: take a smaller network");
        clade_model_free(model);
    }
    clade_data_free(data);
    clade_device_free(device);
}

/* A trained one, where it is only used. */
static void a_model_that_cannot_be_used_is_refused(void **state)
{
    (void)state;
    clade_device *device = device_with(NULL);
    clade_data *data = data_of(50);
    clade_model *model;
    clade_metrics metrics;
    const char *path = test_text("%s/model.safetensors", test_folder());
    assert_ok(try_batch(device, networks[1], data, 8, 1, &model));
    assert_ok(clade_save(model, path));
    clade_model_free(model);
    clade_device_free(device);
    device = device_with("200K");
    clade_status status = clade_load(&model, device, path);
    if (status == CLADE_OK) status = clade_evaluate(model, data, &metrics);
    assert_fails(status, CLADE_EDEVICEMEM, " is limited to 200 KiB by CLADE_MEMORY (parameters ");
    assert_non_null(strstr(clade_error(), ", activations of 256 samples "));
    assert_non_null(strstr(clade_error(), ": raise CLADE_MEMORY or take another device"));
    clade_model_free(model);
    clade_data_free(data);
    clade_device_free(device);
}

/* Where the samples that are evaluated at a time are what does not fit, they become fewer, once for the
 * model: its file tells. And what is needed is never said to be what there is. */
static void fewer_samples_are_evaluated_at_a_time(void **state)
{
    (void)state;
    clade_device *device = device_with(NULL);
    clade_data *data = data_of(50);
    clade_model *model;
    clade_memory memory;
    const char *path = test_text("%s/few.safetensors", test_folder());
    assert_ok(try_batch(device, networks[1], data, 1, 1, &model));
    assert_int_equal(clade_model_inference_batch(model), CLADE__INFER_BATCH);
    assert_ok(clade_fit_memory(model, data, &(clade_fit_options){.stream = true}, &memory));
    clade_model_free(model);
    clade_device_free(device);
    device = device_with(test_text("%llu", (unsigned long long)memory.total - 1));
    assert_ok(try_batch(device, networks[1], data, 1, 1, &model));
    assert_int_equal(clade_model_inference_batch(model), CLADE__INFER_BATCH / 2);
    assert_ok(clade_save(model, path));
    assert_trains(device, model, data);
    clade_device_free(device);
    device = device_with(NULL);
    assert_ok(clade_load(&model, device, path));
    assert_int_equal(clade_model_inference_batch(model), CLADE__INFER_BATCH / 2);
    clade_model_free(model);
    clade_device_free(device);
    clade_data_free(data);
}

/* A model is compiled for data that nobody told of, which then do not fit beside it. */
static void fit_counts_the_data_too(void **state)
{
    (void)state;
    clade_device *device = device_with(NULL);
    clade_data *data = data_of(3000);
    clade_model *model;
    clade_memory memory;
    assert_ok(compile(&model, device, networks[1], &(clade_compile_options){.batch = 2000}));
    assert_ok(clade_model_memory(model, &memory));
    assert_int_equal(memory.data, 0);
    clade_model_free(model);
    clade_device_free(device);

    device = device_with(test_text("%llu", (unsigned long long)memory.total + 1000));
    assert_ok(compile(&model, device, networks[1], &(clade_compile_options){.batch = 2000}));
    assert_fails(clade_fit_memory(model, data, NULL, &memory), CLADE_EDEVICEMEM,
                 "the largest batch that fits is ");
    assert_fails(clade_fit(model, data, NULL, NULL), CLADE_EDEVICEMEM, "activations of 2000 samples");
    assert_int_equal(clade_model_batch(model), 2000); /* what was tried has changed nothing */
    assert_int_equal(clade_model_micro_batch(model), 2000);
    clade_model_free(model);

    assert_ok(clade_model_create(&model, device, 1));
    assert_fails(clade_fit_memory(model, data, NULL, &memory), CLADE_ESTATE, "not compiled");
    clade_model_free(model);
    clade_data_free(data);
    clade_device_free(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_planned_is_taken),
        cmocka_unit_test(a_device_has_no_more_than_it_is_given),
        cmocka_unit_test(a_limit_must_be_bytes),
        cmocka_unit_test(a_batch_that_is_too_large_is_refused_with_one_that_fits),
        cmocka_unit_test(auto_takes_a_batch_whole_that_fits),
        cmocka_unit_test(a_network_that_is_too_large_is_refused),
        cmocka_unit_test(a_model_that_cannot_be_used_is_refused),
        cmocka_unit_test(fewer_samples_are_evaluated_at_a_time),
        cmocka_unit_test(fit_counts_the_data_too),
    };
    return cmocka_run_group_tests(tests, test_find_device, NULL);
}

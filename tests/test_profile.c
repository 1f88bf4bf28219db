/* The profile of a training: its entries by phase and layer, its totals, its trace; and
 * `clade train --profile`. That entries count calls is in test_device. */
#define _POSIX_C_SOURCE 200809L
#include <cjson/cJSON.h>
#include <unistd.h>

#include "base/file.h"
#include "command.h"

/* 8 steps an epoch and none short; 2 batches of validation. */
enum { N_SAMPLES = 400, BATCH = 50, EPOCHS = 2, STEPS = EPOCHS * 8, VALID_STEPS = EPOCHS * 2 };

#define DATA "digits?n=400"

static cJSON *read_json(const char *path)
{
    unsigned char *text;
    size_t n_bytes;
    const char *end;
    assert_ok(clade__file_read(path, &text, &n_bytes));
    cJSON *document = cJSON_ParseWithOpts((const char *)text, &end, true);
    if (!document) print_error("not JSON near: %.60s\n", end);
    assert_non_null(document);
    free(text);
    return document;
}

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    if (!text) print_error("no text '%s'\n", key);
    assert_non_null(text);
    return text;
}

static double number_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item)) print_error("no number '%s'\n", key);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

/* ---- the library ----------------------------------------------------------------------------- */

/* Trains two layers with the profile on and validation after each epoch. The model is gone before
 * the profile ends. Returns the wall time. */
static double train(clade_device *device, const clade_profile_entry **entries, size_t *n)
{
    clade_data *data, *valid;
    clade_model *model;
    assert_ok(clade_data_open(&data, DATA));
    assert_ok(clade_data_open_part(&valid, DATA, "test"));
    assert_ok(clade_model_create(&model, device, 1));
    clade_node *x = clade_input(model, CLADE_SHAPE(784));
    clade_node *h = clade_relu(clade_linear(x, 33));
    clade_node *y = clade_linear(h, 10);
    assert_ok(clade_compile(model, y, &(clade_compile_options){.loss = CLADE_LOSS_CROSS_ENTROPY,
                                                               .optimizer = clade_adam(0.001f),
                                                               .batch = BATCH}));
    double begun = clade__seconds();
    assert_ok(clade_profile_begin(device));
    clade_fit_options options = {.epochs = EPOCHS, .validate = valid};
    assert_ok(clade_fit(model, data, &options, NULL));
    clade_model_free(model);
    clade_data_free(data);
    clade_data_free(valid);
    assert_ok(clade_profile_end(device, entries, n));
    return clade__seconds() - begun;
}

/* Calls of all entries of a phase; of one layer and label only, where these are given. */
static uint64_t calls_of(const clade_profile_entry *entries, size_t n, clade_phase phase,
                         const char *layer, const char *label)
{
    uint64_t calls = 0;
    for (size_t i = 0; i < n; i++)
        if (entries[i].phase == phase && (!layer || strcmp(entries[i].layer, layer) == 0) &&
            (!label || strcmp(entries[i].label, label) == 0))
            calls += entries[i].n_calls;
    return calls;
}

/* At least `least` launches in each of `steps` steps, the same number in each. */
static void assert_each_step(uint64_t calls, uint64_t steps, uint64_t least)
{
    assert_true(calls >= steps * least);
    assert_int_equal(calls % steps, 0);
}

static void a_training_is_told_by_phase_and_layer(void **state)
{
    const clade_profile_entry *e;
    size_t n;
    double sum = 0.0, wall = train(*state, &e, &n);
    uint64_t calls = 0;
    for (size_t i = 0; i < n; i++) {
        assert_true(e[i].n_calls > 0 && e[i].seconds > 0.0);
        assert_true(e[i].phase < CLADE_N_PHASES && e[i].label[0]);
        if (i > 0) assert_true(e[i].seconds <= e[i - 1].seconds);
        for (size_t j = 0; j < i; j++) /* no two are of the same */
            assert_true(e[i].phase != e[j].phase || strcmp(e[i].label, e[j].label) != 0 ||
                        strcmp(e[i].layer, e[j].layer) != 0);
        sum += e[i].seconds;
        calls += e[i].n_calls;
    }
    assert_true(sum <= wall);

    assert_int_equal(calls_of(e, n, CLADE_PHASE_FEED, "", "gather_bytes"), STEPS);
    assert_int_equal(calls_of(e, n, CLADE_PHASE_FEED, "", "gather_labels"), STEPS);
    assert_int_equal(calls_of(e, n, CLADE_PHASE_FEED, NULL, NULL), 2 * STEPS);
    assert_each_step(calls_of(e, n, CLADE_PHASE_FORWARD, "0 linear", NULL), STEPS, 1);
    assert_each_step(calls_of(e, n, CLADE_PHASE_FORWARD, "2 linear", NULL), STEPS, 1);
    assert_int_equal(calls_of(e, n, CLADE_PHASE_FORWARD, "", NULL), 0);
    assert_int_equal(calls_of(e, n, CLADE_PHASE_LOSS, "", "cross_entropy"), STEPS);
    assert_int_equal(calls_of(e, n, CLADE_PHASE_LOSS, NULL, NULL), STEPS);
    assert_each_step(calls_of(e, n, CLADE_PHASE_BACKWARD, "0 linear", NULL), STEPS, 1);
    assert_each_step(calls_of(e, n, CLADE_PHASE_BACKWARD, "2 linear", NULL), STEPS, 2);
    /* Weight and bias each. */
    assert_int_equal(calls_of(e, n, CLADE_PHASE_OPTIMIZER, "0 linear", "adam_step"), 2 * STEPS);
    assert_int_equal(calls_of(e, n, CLADE_PHASE_OPTIMIZER, "2 linear", "adam_step"), 2 * STEPS);
    assert_int_equal(calls_of(e, n, CLADE_PHASE_OPTIMIZER, NULL, NULL), 4 * STEPS);
    assert_int_equal(calls_of(e, n, CLADE_PHASE_METRICS, "", "metrics_store"), STEPS);
    assert_int_equal(calls_of(e, n, CLADE_PHASE_VALIDATION, "", "cross_entropy"), VALID_STEPS);
    assert_true(calls_of(e, n, CLADE_PHASE_VALIDATION, "0 linear", NULL) >= VALID_STEPS);
    assert_true(calls_of(e, n, CLADE_PHASE_TRANSFER, "", "read") >= 2 * EPOCHS);
    assert_true(calls_of(e, n, CLADE_PHASE_TRANSFER, "", "write") >= EPOCHS); /* shuffles */

    clade_profile_totals totals;
    assert_ok(clade_profile_describe(*state, &totals));
    assert_int_equal(totals.n_commands, calls);
    assert_int_equal(totals.n_traced, calls);
    assert_true(totals.busy_seconds > 0.0 && totals.busy_seconds <= sum + 1e-9);
    assert_true(totals.busy_seconds <= totals.wall_seconds && totals.wall_seconds <= wall);
}

/* A step of sgd that is part of a weight's gemm is of backward, and others are of optimizer. */
static void every_parameter_has_its_step(void **state)
{
    for (int keep = 0; keep < 2; keep++) {
        clade_data *data;
        clade_model *model;
        const clade_profile_entry *e;
        size_t n;
        assert_ok(clade_data_open(&data, DATA));
        assert_ok(clade_model_create(&model, *state, 1));
        clade_node *y = clade_linear(clade_input(model, CLADE_SHAPE(784)), 10);
        assert_ok(clade_compile(model, y, &(clade_compile_options){
                                              .loss = CLADE_LOSS_CROSS_ENTROPY,
                                              .optimizer = clade_sgd(0.1f, 0.0f),
                                              .keep_gradients = keep,
                                              .batch = BATCH}));
        assert_ok(clade_profile_begin(*state));
        assert_ok(clade_fit(model, data, &(clade_fit_options){.max_steps = 3}, NULL));
        assert_ok(clade_profile_end(*state, &e, &n));
        uint64_t steps = calls_of(e, n, CLADE_PHASE_OPTIMIZER, "0 linear", "sgd_step");
        if (keep) assert_int_equal(steps, 2 * 3);
        assert_true(steps == 0 || steps == 2 * 3);
        assert_each_step(calls_of(e, n, CLADE_PHASE_BACKWARD, "0 linear", NULL), 3, 1);
        assert_int_equal(calls_of(e, n, CLADE_PHASE_VALIDATION, NULL, NULL), 0);
        clade_model_free(model);
        clade_data_free(data);
    }
}

static void a_long_profile_has_a_short_trace(void **state)
{
    enum { N = 20100 }; /* more than a trace keeps */
    const clade_profile_entry *entries;
    clade_profile_totals totals;
    size_t n;
    clade_tensor *tensor = test_tensor(*state, CLADE_SHAPE(1), (float[]){1});
    assert_ok(clade_profile_begin(*state));
    for (int i = 0; i < N; i++) assert_ok(clade_tensor_fill(tensor, 1));
    assert_ok(clade_profile_end(*state, &entries, &n));
    assert_int_equal(n, 1);
    assert_int_equal(entries[0].n_calls, N);
    assert_ok(clade_profile_describe(*state, &totals));
    assert_int_equal(totals.n_commands, N);
    assert_int_equal(totals.n_traced, 20000);
    assert_true(fabs(totals.busy_seconds - entries[0].seconds) < 1e-6);

    const char *path = test_text("%s/trace.json", test_folder());
    assert_ok(clade_profile_write_trace(*state, path));
    cJSON *trace = read_json(path);
    const cJSON *other = cJSON_GetObjectItem(trace, "otherData");
    assert_string_equal(text_of(other, "cut"), "the first 20000 of 20100 commands");
    assert_true(number_of(other, "commands_in_trace") == 20000);
    const cJSON *events = cJSON_GetObjectItem(trace, "traceEvents");
    const cJSON *last = cJSON_GetArrayItem(events, cJSON_GetArraySize(events) - 1);
    assert_string_equal(text_of(last, "ph"), "i");
    assert_non_null(strstr(text_of(last, "name"), "cut: the first 20000"));
    cJSON_Delete(trace);
    clade_tensor_free(tensor);
}

static void there_is_no_trace_without_a_profile(void **state)
{
    const clade_device_info *info = clade_device_describe(*state);
    clade_profile_totals totals;
    clade_device *device;
    const clade_profile_entry *entries;
    size_t n;
    const char *path = test_text("%s/trace.json", test_folder());
    assert_ok(clade_device_open(&device, test_text("%d", info->index)));
    assert_fails(clade_profile_write_trace(device, path), CLADE_ESTATE, "nothing has been profiled");
    assert_fails(clade_profile_describe(device, &totals), CLADE_ESTATE, "nothing has been profiled");
    assert_ok(clade_profile_begin(device));
    assert_fails(clade_profile_write_trace(device, path), CLADE_ESTATE, "has not ended");
    assert_ok(clade_profile_end(device, &entries, &n));
    assert_ok(clade_profile_describe(device, &totals));
    assert_true(totals.n_commands == 0 && totals.wall_seconds == 0.0);
    assert_ok(clade_profile_write_trace(device, path)); /* of nothing, but a trace */
    cJSON_Delete(read_json(path));
    assert_fails(clade_profile_write_trace(device, test_text("%s/none/t.json", test_folder())),
                 CLADE_EIO, "none/t.json");
    clade_device_free(device);
    assert_string_equal(clade_phase_name(CLADE_PHASE_FORWARD), "forward");
    assert_string_equal(clade_phase_name(CLADE_N_PHASES), "unknown");
}

/* ---- the command ----------------------------------------------------------------------------- */

static command_result train_command(const char *run, const char *trace, const char *more)
{
    command_result result =
        COMMAND("train", "--model", "mlp:33", "--data", DATA, "--optimizer", "adam", "--epochs",
                "2", "--batch", "50", "--run", run, "--profile", trace, more);
    return result;
}

/* Events of a track are in order and no two overlap; to the nanosecond that the file has. */
static void check_order(const cJSON *event, double *end)
{
    double start = number_of(event, "ts"), taken = number_of(event, "dur");
    if (start < *end - 1e-4)
        print_error("%s starts at %.3f us, before the last event's end at %.3f\n",
                    text_of(event, "name"), start, *end);
    assert_true(start >= 0.0 && taken >= 0.0 && start >= *end - 1e-4);
    *end = start + taken;
}

static void check_trace(const char *path)
{
    cJSON *trace = read_json(path);
    const cJSON *event;
    int seen[CLADE_N_PHASES] = {0}, n_steps = 0, n_tracks = 0, n_transfers = 0;
    double device_end = 0.0, step_end = 0.0;
    cJSON_ArrayForEach(event, cJSON_GetObjectItem(trace, "traceEvents"))
    {
        const cJSON *args = cJSON_GetObjectItem(event, "args");
        assert_true(number_of(event, "pid") == 1);
        if (strcmp(text_of(event, "name"), "thread_name") == 0) {
            bool device = number_of(event, "tid") == 1;
            assert_int_equal(strncmp(text_of(args, "name"), device ? "device: " : "host", 4), 0);
            n_tracks++;
        }
        if (strcmp(text_of(event, "ph"), "M") == 0) continue;
        assert_string_equal(text_of(event, "ph"), "X");
        if (number_of(event, "tid") == 2) {
            assert_true(number_of(event, "ts") >= 0 && number_of(event, "dur") >= 0);
            if (strcmp(text_of(event, "name"), "step") != 0) continue;
            check_order(event, &step_end);
            assert_true(number_of(args, "index") == ++n_steps);
            continue;
        }
        check_order(event, &device_end);
        for (int phase = 0; phase < CLADE_N_PHASES; phase++)
            if (strcmp(text_of(args, "phase"), clade_phase_name((clade_phase)phase)) == 0)
                seen[phase]++;
        n_transfers += strcmp(text_of(event, "name"), "read") == 0;
        if (strcmp(text_of(args, "phase"), "optimizer") == 0)
            assert_non_null(strstr(text_of(args, "layer"), "linear"));
    }
    assert_int_equal(n_tracks, 2);
    assert_int_equal(n_steps, STEPS);
    assert_true(n_transfers > 0);
    for (int phase = 1; phase < CLADE_N_PHASES; phase++) {
        if (phase == CLADE_PHASE_COMMUNICATION) continue; /* of several ranks; see test_ranks */
        if (!seen[phase]) print_error("no event of %s\n", clade_phase_name((clade_phase)phase));
        assert_true(seen[phase] > 0);
    }
    /* Both tracks are on one axis: the last step was told to the device before it ended there. */
    assert_true(step_end < device_end + 1e3);
    cJSON_Delete(trace);
}

static void the_command_writes_table_and_trace(void **state)
{
    static const char *const parts[] = {"PHASE, KERNEL", "backward", "adam_step", "1 linear",
                                        "validation", "device busy", "gaps", "trace of "};
    (void)state;
    char folder[512];
    snprintf(folder, sizeof folder, "%s", test_folder());
    const char *path = test_text("%s/trace.json", folder);
    command_result result = train_command(test_text("%s/run", folder), path, NULL);
    if (result.status != 0) print_error("%s\n", result.err);
    assert_int_equal(result.status, 0);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!strstr(result.err, parts[i])) print_error("no '%s' in %s\n", parts[i], result.err);
        assert_non_null(strstr(result.err, parts[i]));
    }
    assert_null(strstr(result.out, "KERNEL"));
    command_free(&result);
    check_trace(path);

    path = test_text("%s/quiet.json", folder);
    result = train_command(test_text("%s/quiet", folder), path, "--quiet");
    assert_int_equal(result.status, 0);
    assert_string_equal(result.err, "");
    command_free(&result);
    check_trace(path);
}

static void expect_refused(command_result result, const char *path)
{
    assert_int_equal(result.status, 1);
    assert_string_equal(result.out, "");
    assert_string_equal(result.err, path);
    command_free(&result);
}

static void a_trace_that_cannot_be_written_is_told_first(void **state)
{
    (void)state;
    char folder[512], run[600], none[600];
    snprintf(folder, sizeof folder, "%s", test_folder());
    snprintf(run, sizeof run, "%s/run", folder);
    snprintf(none, sizeof none, "%s/none/trace.json", folder);
    const char *missing = test_text("clade: --profile: cannot write '%s': No such file or directory\n",
                                    none);
    expect_refused(train_command(run, none, "--quiet"), missing);
    expect_refused(train_command(run, folder, "--quiet"),
                   test_text("clade: --profile: cannot write '%s': it is a folder\n", folder));
    expect_refused(COMMAND("predict", run, "--data", DATA, "--profile", none), missing);
    assert_int_equal(access(run, F_OK), -1);
}

/* What is in the run's folder cannot be asked for before that is there. */
static void a_trace_in_the_run_folder(void **state)
{
    (void)state;
    char folder[512];
    snprintf(folder, sizeof folder, "%s", test_folder());
    const char *path = test_text("%s/run/trace.json", folder);
    command_result result = train_command(test_text("%s/run/", folder), path, "--quiet");
    assert_int_equal(result.status, 0);
    command_free(&result);
    check_trace(path);

    result = train_command(test_text("%s/run2", folder), test_text("%s/run2/none/trace.json", folder),
                           NULL);
    assert_int_equal(result.status, 1);
    assert_non_null(strstr(result.out, "model saved"));
    assert_non_null(strstr(result.err, "PHASE, KERNEL"));
    assert_non_null(strstr(result.err, "clade: --profile: "));
    assert_non_null(strstr(result.err, "none/trace.json"));
    assert_int_equal(access(test_text("%s/run2/model.safetensors", folder), R_OK), 0);
    command_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_training_is_told_by_phase_and_layer),
        cmocka_unit_test(every_parameter_has_its_step),
        cmocka_unit_test(a_long_profile_has_a_short_trace),
        cmocka_unit_test(there_is_no_trace_without_a_profile),
        cmocka_unit_test(the_command_writes_table_and_trace),
        cmocka_unit_test(a_trace_that_cannot_be_written_is_told_first),
        cmocka_unit_test(a_trace_in_the_run_folder),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

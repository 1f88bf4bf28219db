/* The clade command on a device: train, eval, predict, info and devices, as a user chains them. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "command.h"

#define DATA "digits?n=2000"

static char run[512]; /* the run that the tests share */

static const char *in_run(const char *file)
{
    return test_text("%s/%s", run, file);
}

/* ---- devices --------------------------------------------------------------------------------- */

static void test_devices(void **state)
{
    (void)state;
    command_result table = command_expect(COMMAND("devices"), 0),
                   json = command_expect(COMMAND("devices", "--json"), 0);
    assert_non_null(strstr(table.out, "PLATFORM"));
    cJSON *document = command_json(json.out);
    const cJSON *devices = cJSON_GetObjectItem(document, "devices"), *device;
    int n_default = 0;
    assert_true(cJSON_GetArraySize(devices) > 0);
    cJSON_ArrayForEach(device, devices)
    {
        assert_true(command_number(device, "compute_units") > 0);
        assert_true(command_number(device, "global_memory_bytes") > 0);
        assert_true(cJSON_IsString(cJSON_GetObjectItem(device, "name")));
        n_default += cJSON_IsTrue(cJSON_GetObjectItem(device, "default"));
    }
    assert_int_equal(n_default, 1);
    cJSON_Delete(document);
    command_free(&table);
    command_free(&json);

    json = command_expect(COMMAND("devices", "--json", "--device", "0"), 0);
    document = command_json(json.out);
    assert_true(command_number(document, "selected") == 0);
    cJSON_Delete(document);
    command_free(&json);
}

/* ---- one run, and what can be done with it --------------------------------------------------- */

static int train_once(void **state)
{
    if (test_open_device(state) != 0) return -1;
    test_close_device(state); /* the command opens its own */
    snprintf(run, sizeof run, "%s/run", test_folder());
    command_result result =
        command_expect(COMMAND("train", "--model", "mlp:32", "--data", DATA, "--epochs", "2",
                               "--batch", "64", "--run", run, "--json"),
                       0);
    cJSON *document = command_json(result.out);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(document, "status")), "completed");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(document, "model")),
                        in_run("model.safetensors"));
    assert_true(command_number(document, "epochs") == 2);
    assert_true(command_number(document, "steps") == 2 * ((2000 + 63) / 64));
    assert_true(command_number(cJSON_GetObjectItem(document, "valid"), "accuracy") > 0.2);
    assert_true(command_number(cJSON_GetObjectItem(document, "best"), "epoch") >= 1);
    assert_true(command_number(cJSON_GetObjectItem(document, "train"), "loss") > 0);
    assert_non_null(strstr(result.err, "epoch 2/2"));
    assert_non_null(strstr(result.err, "\nlast epoch at "));
    assert_non_null(strstr(result.err, " for a batch of 64\n"));
    assert_non_null(strstr(result.err, "parameters"));
    assert_non_null(strstr(result.err, "memory"));
    cJSON_Delete(document);
    command_free(&result);
    return 0;
}

static void test_eval(void **state)
{
    (void)state;
    command_result result = command_expect(COMMAND("eval", in_run("model.safetensors"), "--data",
                                                   DATA, "--json", "--quiet"),
                                           0);
    assert_string_equal(result.err, "");
    cJSON *got = command_json(result.out), *want = command_event(run, "epoch");
    assert_true(fabs(command_number(got, "loss") - command_number(want, "valid_loss")) <=
                1e-6 * command_number(want, "valid_loss"));
    assert_true(fabs(command_number(got, "accuracy") - command_number(want, "valid_accuracy")) <=
                1e-6);
    assert_true(command_number(got, "samples") > 0);
    cJSON_Delete(got);
    cJSON_Delete(want);
    command_free(&result);
}

static void test_predict(void **state)
{
    (void)state;
    command_result result = command_expect(COMMAND("predict", in_run("model.safetensors"), "--data",
                                                   DATA, "--limit", "1500"),
                                           0);
    assert_int_equal(strncmp(result.out, "index,class,p0,p1,p2,p3,p4,p5,p6,p7,p8,p9\n", 42), 0);
    assert_non_null(strstr(result.err, "1,500 samples predicted in "));
    int n_lines = 0;
    for (const char *c = result.out; *c; c++) n_lines += *c == '\n';
    command_result all =
        command_expect(COMMAND("eval", in_run("model.safetensors"), "--data", DATA, "--json"), 0);
    cJSON *document = command_json(all.out);
    int n_samples = (int)command_number(document, "samples");
    assert_int_equal(n_lines, 1 + (n_samples < 1500 ? n_samples : 1500));
    cJSON_Delete(document);
    command_free(&all);
    command_free(&result);

    result = command_expect(COMMAND("predict", in_run("model.safetensors"), "--data", DATA,
                                    "--limit", "3", "--json"),
                            0);
    document = command_json(result.out);
    const cJSON *rows = cJSON_GetObjectItem(document, "predictions"), *row, *p;
    assert_int_equal(cJSON_GetArraySize(rows), 3);
    cJSON_ArrayForEach(row, rows)
    {
        double sum = 0;
        cJSON_ArrayForEach(p, cJSON_GetObjectItem(row, "probabilities")) sum += p->valuedouble;
        assert_true(fabs(sum - 1) < 1e-5);
        assert_true(cJSON_IsString(cJSON_GetObjectItem(row, "class")));
    }
    cJSON_Delete(document);
    command_free(&result);
}

/* The profile of a prediction, and the same CSV with it. */
static void test_predict_profiled(void **state)
{
    (void)state;
    const char *trace = test_text("%s/trace.json", test_folder()), *model = in_run("model.safetensors");
    command_result plain = command_expect(
        COMMAND("predict", model, "--data", DATA, "--limit", "300", "--quiet"), 0);
    command_result profiled = command_expect(
        COMMAND("predict", model, "--data", DATA, "--limit", "300", "--profile", trace), 0);
    assert_string_equal(plain.err, "");
    assert_string_equal(profiled.out, plain.out);
    assert_non_null(strstr(profiled.err, "PHASE, KERNEL"));
    assert_int_equal(access(trace, F_OK), 0);
    command_free(&plain);
    command_free(&profiled);
}

static void test_info(void **state)
{
    (void)state;
    command_result result =
        command_expect(COMMAND("info", in_run("model.safetensors"), "--json"), 0);
    cJSON *document = command_json(result.out);
    const double n = 784 * 32 + 32 + 32 * 10 + 10;
    assert_true(command_number(document, "parameters") == n);
    assert_true(command_number(document, "bytes") == 4 * n);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(document, "layers")), 4);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(document, "loss")),
                        "cross_entropy");
    cJSON_Delete(document);
    command_free(&result);
    result = command_expect(COMMAND("info", in_run("model.safetensors")), 0);
    assert_non_null(strstr(result.out, "linear"));
    assert_non_null(strstr(result.out, "25,450 parameters"));
    command_free(&result);
}

/* What PyTorch does not apply by itself is shown. */
static void info_has_the_scale_of_the_input(void **state)
{
    (void)state;
    char config[600], scaled[600];
    snprintf(config, sizeof config, "%s/scaled.yaml", test_folder());
    snprintf(scaled, sizeof scaled, "%s/scaled", test_folder());
    for (int each = 0; each < 2; each++) {
        const char *text = test_text("model: linear\ndata: {train: random?features=3, %s}\ntrain: {epochs: 1}\n",
                                     each ? "standardize: true" : "scale: 0.1, shift: -2");
        test_write_file(config, text, strlen(text));
        command_result result = command_expect(COMMAND("train", config, "--run", scaled, "--overwrite"), 0);
        command_free(&result);
        const char *model = test_text("%s/model.safetensors", scaled);
        result = command_expect(COMMAND("info", model), 0);
        assert_non_null(strstr(result.out, each ? "\ninput: each value has a scale and a shift of its own"
                                                : "\ninput: the network sees value * 0.1 - 2\n"));
        command_free(&result);
        result = command_expect(COMMAND("info", model, "--json"), 0);
        cJSON *document = command_json(result.out);
        const cJSON *scale = cJSON_GetObjectItem(document, "input_scale");
        assert_int_equal(cJSON_GetArraySize(scale), each ? 3 : 0);
        if (each) {
            assert_true(fabs(cJSON_GetArrayItem(scale, 2)->valuedouble - 1) < 0.1); /* of normal noise */
        } else {
            assert_true(command_number(document, "input_scale") == 0.1);
            assert_true(command_number(document, "input_shift") == -2);
        }
        cJSON_Delete(document);
        command_free(&result);
    }
}

static void test_run_again(void **state)
{
    (void)state;
    char again[512];
    snprintf(again, sizeof again, "%s/again", test_folder());
    command_result result =
        command_expect(COMMAND("train", in_run("config.yaml"), "--run", again, "--quiet"), 0);
    assert_string_equal(result.err, "");
    test_assert_same_files(in_run("model.safetensors"), test_text("%s/model.safetensors", again));
    command_free(&result);
    /* And the resolved config resolves to itself. */
    test_assert_same_files(in_run("config.yaml"), test_text("%s/config.yaml", again));
}

static void test_overwrite(void **state)
{
    (void)state;
    const char *folder = test_folder();
    test_write_file(test_text("%s/best.safetensors", folder), "old", 3);
    command_result result =
        command_expect(COMMAND("train", "--model", "linear", "--data", "digits?n=200", "--valid",
                               "none", "--max-steps", "1", "--run", folder, "--overwrite",
                               "--quiet", "--json"),
                       0);
    cJSON *document = command_json(result.out);
    assert_true(command_number(document, "steps") == 1);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(document, "valid")));
    cJSON_Delete(document);
    command_free(&result);
    unsigned char *bytes = NULL;
    size_t n_bytes = 0;
    if (clade__file_read(test_text("%s/best.safetensors", folder), &bytes, &n_bytes) == CLADE_OK)
        assert_int_not_equal(n_bytes, 3);
    free(bytes);
}

/* Nothing is better than the first epoch by all of the accuracy there is. */
static void test_early_stopping(void **state)
{
    (void)state;
    const char *folder = test_text("%s/run", test_folder());
    command_result result =
        command_expect(COMMAND("train", "--model", "mlp:8", "--data", "digits?n=200", "--epochs",
                               "9", "--schedule", "cosine", "--warmup", "2epochs", "--patience",
                               "2", "--min-delta", "1", "--run", folder, "--json"),
                       0);
    cJSON *document = command_json(result.out), *epoch = command_event(folder, "epoch");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(document, "status")),
                        "stopped_early");
    assert_true(command_number(document, "epochs") == 3 && command_number(epoch, "epoch") == 3);
    assert_non_null(strstr(result.err, "epoch 2/9  lr 0.1  loss")); /* the warm-up's last step */
    assert_non_null(
        strstr(result.err, "stopped early: no better validation in the 2 epochs after epoch 1\n"));
    cJSON_Delete(document);
    cJSON_Delete(epoch);
    command_free(&result);
}

/* ---- failures -------------------------------------------------------------------------------- */

static void refused_model(int line, const char *part, const char *text)
{
    const char *path = test_text("%s/c.yaml", test_folder());
    char want[512];
    test_write_file(path, text, strlen(text));
    snprintf(want, sizeof want, "%s:%d: %s", path, line, part);
    command_expect_error(COMMAND("train", path, "--data", "digits?n=100", "--quiet"), 2, want);
}

static void test_bad_model(void **state)
{
    (void)state;
    refused_model(5, "model.layers[1].type: unknown layer 'rellu'; did you mean 'relu'?",
                  "model:\n  input: [784]\n  layers:\n    - {type: linear, units: 8}\n"
                  "    - {type: rellu}\n    - {type: linear, units: 10}\n");
    refused_model(4, "model.layers[0].unit",
                  "model:\n  input: [784]\n  layers:\n"
                  "    - {type: linear, unit: 8}\n");
    refused_model(2, "model.input",
                  "model:\n  input: [3072]\n  layers:\n"
                  "    - {type: linear, units: 10}\n");
    refused_model(3, "model.layers: the last layer gives 7 values",
                  "model:\n  input: [784]\n  layers: [{type: linear, units: 7}]\n");
}

static void test_unfit_data(void **state)
{
    (void)state;
    command_expect_error(COMMAND("train", "--model", "linear", "--data", "mnist:/no/such/folder"), 4,
                         "/no/such/folder");
    command_expect_error(COMMAND("train", "--model", "linear", "--data", "digit"), 2,
                         "did you mean 'digits'?");
    command_expect_error(COMMAND("eval", "none.safetensors", "--data", DATA), 4, "none.safetensors");

    /* A model that fits other samples than the data's. */
    clade_model *model;
    const char *path = test_text("%s/small.safetensors", test_folder());
    clade_device *device;
    assert_ok(clade_device_open(&device, NULL));
    assert_ok(clade_model_create(&model, device, 1));
    clade_compile_options options = {.loss = CLADE_LOSS_CROSS_ENTROPY};
    assert_ok(clade_compile(model, clade_linear(clade_input(model, CLADE_SHAPE(5)), 10), &options));
    assert_ok(clade_save(model, path));
    clade_model_free(model);
    clade_device_free(device);
    command_expect_error(COMMAND("eval", path, "--data", DATA), 4, "takes samples of shape (5)");
    command_expect_error(COMMAND("predict", path, "--data", DATA), 4, "takes samples of shape (5)");
}

/* A kernel that does not build is known when prediction begins: not even a head is printed. */
static void test_predict_failed(void **state)
{
    (void)state;
    const char *kernels = test_folder();
    test_write_file(test_text("%s/gather.cl", kernels), "broken", 6);
    setenv("CLADE_KERNEL_DIR", kernels, 1);
    for (int i = 0; i < 2; i++)
        command_expect_error(COMMAND("predict", in_run("model.safetensors"), "--data", DATA,
                                     i ? "--json" : NULL),
                             1, "gather");
    unsetenv("CLADE_KERNEL_DIR");
}

static void test_unwritable_run(void **state)
{
    (void)state;
    const char *file = test_text("%s/file", test_folder());
    test_write_file(file, "", 0);
    command_expect_error(COMMAND("train", "--model", "linear", "--data", "digits?n=100", "--run",
                                 test_text("%s/run", file)),
                         1, "file");
}

static void test_diverged(void **state)
{
    (void)state;
    command_result result =
        command_expect(COMMAND("train", "--model", "mlp:64,64", "--data", "digits?n=300", "--lr",
                               "9e5", "--epochs", "50", "--run",
                               test_text("%s/run", test_folder()), "--json", "--quiet"),
                       1);
    cJSON *document = command_json(result.out);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(document, "status")), "diverged");
    assert_true(command_number(document, "step") >= 2);
    assert_true(cJSON_IsString(cJSON_GetObjectItem(document, "phase")));
    const char *why = cJSON_GetStringValue(cJSON_GetObjectItem(document, "why"));
    const char *layer = cJSON_GetStringValue(cJSON_GetObjectItem(document, "layer"));
    assert_non_null(layer);
    assert_non_null(strstr(why, test_text(" layer '%s' (", layer)));
    assert_string_equal(result.err, test_text("clade: %s\n", why));
    cJSON_Delete(document);
    command_free(&result);
}

static void test_bad_scale(void **state)
{
    (void)state;
    const char *path = test_text("%s/c.yaml", test_folder());
    const char *text = "model: linear\ndata: {train: 'digits?n=100', scale: 0}\n";
    test_write_file(path, text, strlen(text));
    command_expect_error(COMMAND("train", path, "--quiet"), 2, test_text("%s:2: data.scale", path));
    command_expect_error(COMMAND("train", "--model", "linear", "--data", "digits?n=100", "--valid",
                                 "none", "--patience", "3", "--quiet"),
                         2, "--patience is 3, and there is no validation data to stop by");
}

static void test_full_disk(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0) skip();
    const char *build = getenv("CLADE_TEST_BUILD");
    const char *line = test_text("'%s/clade' predict '%s' --data '%s' > /dev/full 2> /dev/null",
                                 build, in_run("model.safetensors"), DATA);
    int status = system(line);
    assert_int_equal(status >> 8, 1);
}

static void test_stop(void **state)
{
    (void)state;
    char folder[512];
    snprintf(folder, sizeof folder, "%s", test_folder());
    static const int numbers[] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
        const char *const arguments[] = {"train",   "--model",     "mlp:32",   "--data",  DATA,
                                         "--valid", "none",        "--epochs", "1000000", "--run",
                                         folder,    "--overwrite", "--json",   NULL};
        command_result result =
            command_expect(command_run_and_signal(arguments, "epoch 2/", numbers[i]),
                           128 + numbers[i]);
        cJSON *document = command_json(result.out);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(document, "status")),
                            "stopped");
        assert_true(command_number(document, "steps") > 0);
        assert_non_null(strstr(result.err, "stopped by the user at step"));
        cJSON_Delete(document);
        command_free(&result);
        result = command_expect(COMMAND("eval", test_text("%s/model.safetensors", folder), "--data",
                                        DATA),
                                0);
        command_free(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_devices),        cmocka_unit_test(test_eval),
        cmocka_unit_test(test_predict),        cmocka_unit_test(test_info),
        cmocka_unit_test(info_has_the_scale_of_the_input),
        cmocka_unit_test(test_run_again),      cmocka_unit_test(test_overwrite),
        cmocka_unit_test(test_early_stopping), cmocka_unit_test(test_bad_model),
        cmocka_unit_test(test_unfit_data),     cmocka_unit_test(test_predict_failed),
        cmocka_unit_test(test_unwritable_run), cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_diverged),       cmocka_unit_test(test_bad_scale),
        cmocka_unit_test(test_stop),           cmocka_unit_test(test_predict_profiled),
    };
    return cmocka_run_group_tests_name("command_train", tests, train_once, NULL);
}

/* The clade command as users meet it: run as a process, with its streams and exit status looked at.
 *
 * What needs no device is here; tests/test_command_train.c trains. */
#include "command.h"

/* A command line that must be refused with an exit status and a message. */
static void refused(int status, const char *part, const char *const *arguments)
{
    command_result result = command_run(arguments);
    if (result.status != status || !strstr(result.err, part) || result.out[0] ||
        strncmp(result.err, "clade: ", 7) != 0 || strchr(result.err, '\n')[1]) {
        print_error(
            "clade %s: exit %d, stdout \"%s\", stderr \"%s\"; want exit %d and one line with "
            "\"%s\"\n",
            command_text(arguments), result.status, result.out, result.err, status, part);
        fail();
    }
    command_free(&result);
}

#define REFUSED(status, part, ...) refused(status, part, (const char *const[]){__VA_ARGS__, NULL})

/* A config with this text must be refused with FILE:LINE: and `part`. */
static void refused_config(int line, const char *part, const char *text, size_t n_bytes)
{
    const char *path = test_text("%s/c.yaml", test_folder());
    char want[512];
    test_write_file(path, text, n_bytes);
    if (line > 0)
        snprintf(want, sizeof want, "%s:%d: %s", path, line, part);
    else
        snprintf(want, sizeof want, "%s: %s", path, part);
    REFUSED(2, want, "train", path, "--data", "digits?n=100");
}

#define REFUSED_CONFIG(line, part, text) refused_config(line, part, text, strlen(text))

static void test_help(void **state)
{
    (void)state;
    static const char *const commands[] = {"devices", "train", "eval",
                                           "predict", "info",  "gradcheck"};
    static const char *const variables[] = {"DEVICE",    "COMPUTE_UNITS", "MEMORY",    "GEMM",
                                            "CACHE_DIR", "PROGRAM_CACHE", "KERNEL_DIR"};
    command_result result = COMMAND("--help");
    assert_int_equal(result.status, 0);
    assert_string_equal(result.err, "");
    assert_non_null(strstr(result.out, "Exit status:"));
    assert_non_null(strstr(result.out, "130"));
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        assert_non_null(strstr(result.out, test_text("  CLADE_%s ", variables[i])));
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        assert_non_null(strstr(result.out, commands[i]));
        command_result own = COMMAND(commands[i], "--help");
        assert_int_equal(own.status, 0);
        assert_non_null(strstr(own.out, test_text("Usage: clade %s", commands[i])));
        assert_non_null(strstr(own.out, "Examples:"));
        assert_non_null(strstr(own.out, "--json"));
        for (const char *line = own.out; *line; line += strcspn(line, "\n") + 1)
            assert_in_range(strcspn(line, "\n"), 0, 79);
        command_free(&own);
    }
    command_free(&result);
}

static void test_help_lists_data_options(void **state)
{
    (void)state;
    command_result result = command_expect(COMMAND("train", "--help"), 0);
    const clade_data_kind *kind;
    for (int i = 0; (kind = clade_data_kind_at(i)); i++) {
        const char *at = strstr(result.out, test_text("\n  %s%s", kind->name, kind->path ? ":" : " "));
        assert_non_null(at);
        for (const clade_data_kind_option *option = kind->options; option->key; option++)
            assert_non_null(strstr(at, test_text("\n    %s=%s", option->key, option->argument)));
    }
    command_free(&result);
}

static void test_version(void **state)
{
    (void)state;
    command_result result = COMMAND("--version");
    assert_int_equal(result.status, 0);
    assert_string_equal(result.out, test_text("clade %s\n", clade_version()));
    command_free(&result);
}

static void test_usage(void **state)
{
    (void)state;
    refused(2, "no command", (const char *const[]){NULL});
    REFUSED(2, "unknown command 'trian'; did you mean 'train'?", "trian");
    REFUSED(2, "did you mean '--version'?", "--versoin");
    REFUSED(2, "unknown option '--bacth'; did you mean '--batch'?", "train", "--bacth=3");
    REFUSED(2, "--batch needs a value", "train", "--batch");
    REFUSED(2, "--json takes no value", "train", "--json=1");
    REFUSED(2, "too few arguments", "info");
    REFUSED(2, "unexpected argument 'b'", "info", "a", "b");
    REFUSED(2, "--data SPEC is missing", "eval", "model.safetensors");
    REFUSED(2, "--limit is 0", "predict", "m", "--data", "digits", "--limit", "0");
    REFUSED(2, "unknown option '--seed'", "devices", "--seed", "1");
    REFUSED(2, "unknown option '--device'", "info", "model.safetensors", "--device", "cpu");
    REFUSED(2, "no network given", "train", "--data", "digits");
    REFUSED(2, "no data given", "train", "--model", "mlp:8");
}

#define TRAIN "train", "--model", "mlp:8", "--data", "digits?n=100"

static void test_bad_settings(void **state)
{
    (void)state;
    REFUSED(2, "--batch is 0, want at least 1", TRAIN, "--batch", "0");
    REFUSED(2, "--batch is '3x'", TRAIN, "--batch", "3x");
    REFUSED(2, "--batch is ''", TRAIN, "--batch", "");
    REFUSED(2, "--epochs is -1", TRAIN, "--epochs", "-1");
    REFUSED(2, "--seed is '99999999999999999999'", TRAIN, "--seed", "99999999999999999999");
    REFUSED(2, "--lr is 'nan'", TRAIN, "--lr", "nan");
    REFUSED(2, "--lr is '1e999'", TRAIN, "--lr", "1e999");
    REFUSED(2, "--lr is 1e-60, want more than 0", TRAIN, "--lr", "1e-60");
    REFUSED(2, "'adan'; did you mean 'adam'?", TRAIN, "--optimizer", "adan");
    REFUSED(2, "--momentum is for sgd", TRAIN, "--optimizer", "adam", "--momentum", "0.5");
    REFUSED(2, "--nesterov needs a momentum", TRAIN, "--nesterov", "--momentum", "0");
    REFUSED(2, "--run is empty", TRAIN, "--run", "");
    REFUSED(2, "--name is 'caf\xe9', which is not UTF-8 and cannot stand in the run's config.yaml",
            TRAIN, "--name", "caf\xe9");
    REFUSED(2, "--data is 'csv:x\xe9.csv', which is not UTF-8", "train", "--model", "mlp:8", "--data",
            "csv:x\xe9.csv");
    REFUSED(2, "'cosin'; did you mean 'cosine'?", TRAIN, "--schedule", "cosin");
    REFUSED(2, "--schedule is step, which needs --step-size", TRAIN, "--schedule", "step");
    REFUSED(2, "--gamma is for step, and the schedule is cosine", TRAIN, "--schedule", "cosine",
            "--gamma", "0.5");
    REFUSED(2, "--min-lr is for cosine and plateau", TRAIN, "--min-lr", "0.5");
    REFUSED(2, "--min-lr is 0.5, above the learning rate, 0.1", TRAIN, "--schedule", "cosine",
            "--min-lr", "0.5");
    REFUSED(2, "--warmup is '3s', want N[steps|epochs]", TRAIN, "--warmup", "3s");
    REFUSED(2, "--warmup is 'epochs', want N", TRAIN, "--warmup", "epochs");
    REFUSED(2, "--warmup is '1epochss', want N", TRAIN, "--warmup", "1epochss");
    REFUSED(2, "--warmup is '2e', want N", TRAIN, "--warmup", "2e");
    REFUSED(2, "--lr-factor is 1, want more than 0 and less than 1", TRAIN, "--schedule",
            "plateau", "--lr-factor", "1");
    REFUSED(2, "unknown network 'mlq'; did you mean 'mlp'?", "train", "--model", "mlq:8", "--data",
            "digits");
    REFUSED(2, "size '8x' is not a whole number", "train", "--model", "mlp:8x", "--data", "digits");
    REFUSED(2, "after the last comma", "train", "--model", "mlp:8,", "--data", "digits");
    REFUSED(2, "linear takes no sizes", "train", "--model", "linear:8", "--data", "digits");
}

static void test_config_keys(void **state)
{
    (void)state;
    REFUSED_CONFIG(2, "unknown key 'losss'; did you mean 'loss'?", "model: mlp:8\nlosss: mse\n");
    REFUSED_CONFIG(3, "unknown key 'epoch' in train; did you mean 'epochs'?",
                   "model: mlp:8\ntrain:\n  epoch: 3\n");
    REFUSED_CONFIG(1, "unknown key 'lr'; it belongs under 'optimizer:'", "lr: 3\n");
    REFUSED_CONFIG(1, "train.batch is 'many', want a whole number", "train: {batch: many}\n");
    REFUSED_CONFIG(1, "train.batch is a text in quotes", "train: {batch: '5'}\n");
    REFUSED_CONFIG(1, "train.batch is 0, want at least 1", "train: {batch: 0}\n");
    REFUSED_CONFIG(1, "train is a single value, want a mapping; one of epochs", "train: 5\n");
    REFUSED_CONFIG(1, "optimizer.nesterov is 'yes', want true or false",
                   "optimizer: {nesterov: yes}\n");
    REFUSED_CONFIG(2, "loss is empty", "model: mlp:8\nloss:\n");
    REFUSED_CONFIG(1, "loss is a list", "loss: [mse]\n");
    REFUSED_CONFIG(1, "loss: unknown value 'cross_entropi'; did you mean 'cross_entropy'?",
                   "loss: cross_entropi\n");
    REFUSED_CONFIG(2, "schedule.gamma is for step, and the schedule is constant",
                   "model: mlp:8\nschedule: {gamma: 0.5}\n");
    REFUSED_CONFIG(1, "unknown key 'patience'; it belongs under 'early_stopping:'", "patience: 3\n");
    REFUSED_CONFIG(2, "optimizer.beta1 is for adam", "model: mlp:8\noptimizer: {beta1: 0.5}\n");
}

static void test_config_text(void **state)
{
    (void)state;
    REFUSED_CONFIG(3, "loss is given twice, first in line 2",
                   "model: mlp:8\nloss: mse\nloss: mse\n");
    REFUSED_CONFIG(2, "train is given twice", "train: {epochs: 1}\ntrain: {batch: 1}\n");
    REFUSED_CONFIG(3, "model.input is given twice", "model:\n  input: [1]\n  input: [2]\n");
    REFUSED_CONFIG(1, "anchors", "model: &a mlp:8\nloss: *a\n");
    REFUSED_CONFIG(2, "aliases", "model: mlp:8\nloss: *a\n");
    REFUSED_CONFIG(1, "tags", "model: !!str mlp:8\n");
    REFUSED_CONFIG(2, "a second document", "model: mlp:8\n---\nmodel: mlp:8\n");
    REFUSED_CONFIG(3, "not valid YAML", "model: mlp:8\ntrain: {batch: 3\nloss: x\n");
    REFUSED_CONFIG(2, "not valid YAML", "model: mlp:8\nname: \"\xff\"\n");
    REFUSED_CONFIG(1, "the config is empty", "");
    REFUSED_CONFIG(1, "the config is a list", "- a\n");
    REFUSED_CONFIG(1, "a text contains a zero byte", "model: \"mlp\\0:8\"\n");

    static char large[(1 << 20) + 2];
    memset(large, '#', sizeof large);
    refused_config(0, "1048578 bytes are too many", large, sizeof large);
    memset(large, '[', sizeof large);
    memcpy(large, "model: ", 7);
    refused_config(1, "nested too deeply", large, 4096);

    const char *missing = test_text("%s/none.yaml", test_folder());
    REFUSED(2, missing, "train", missing);
    REFUSED(2, "not a regular file", "train", test_folder());
}

static void test_run_folder_in_use(void **state)
{
    (void)state;
    const char *folder = test_folder();
    test_write_file(test_text("%s/metrics.jsonl", folder), "{}\n", 3);
    REFUSED(2, "holds a run already", TRAIN, "--run", folder);
    folder = test_folder();
    test_write_file(test_text("%s/checkpoint-7.safetensors", folder), "", 0);
    REFUSED(2, "holds a run already", TRAIN, "--run", folder);
}

static void test_bad_model_file(void **state)
{
    (void)state;
    const char *path = test_text("%s/bad.safetensors", test_folder());
    REFUSED(4, "none.safetensors", "info", "none.safetensors");
    test_write_file(path, "not a model", 11);
    REFUSED(4, "bad.safetensors", "info", path);
}

static void test_no_device(void **state)
{
    (void)state;
    REFUSED(3, "device", TRAIN, "--device", "no-such-device");
    REFUSED(3, "device", "devices", "--device", "no-such-device");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_help_lists_data_options),           cmocka_unit_test(test_version),
        cmocka_unit_test(test_usage),          cmocka_unit_test(test_bad_settings),
        cmocka_unit_test(test_config_keys),    cmocka_unit_test(test_config_text),
        cmocka_unit_test(test_bad_model_file), cmocka_unit_test(test_run_folder_in_use),
        cmocka_unit_test(test_no_device),
    };
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}

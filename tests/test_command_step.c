/* What makes up a training step, by the command: dropout, clipping, accumulation, memory. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "command.h"

/* Fails with what the command said unless it exited with `status` and stderr contains `part`. */
static void expect(command_result result, int status, const char *part)
{
    if (result.status != status || !strstr(result.err, part)) {
        print_error("exit %d, want %d and \"%s\"; stdout \"%s\", stderr \"%s\"\n", result.status,
                    status, part, result.out, result.err);
        fail();
    }
    command_free(&result);
}

static void assert_file_has(const char *path, const char *part)
{
    unsigned char *text;
    size_t n_bytes;
    assert_ok(clade__file_read(path, &text, &n_bytes));
    if (!strstr((const char *)text, part)) fail_msg("no \"%s\" in \"%s\"", part, (char *)text);
    free(text);
}

/* ---- where it starts, and what stays ----------------------------------------------------------------- */

/* A training of the last layer alone, from the parameters of another. */
static void init_and_freeze(void **state)
{
    (void)state;
    char first[512], second[512];
    snprintf(first, sizeof first, "%s/first", test_folder());
    snprintf(second, sizeof second, "%s/second", test_folder());
    char model[600];
    snprintf(model, sizeof model, "%s/model.safetensors", first);
    expect(COMMAND("train", "--model", "mlp:8", "--data", "digits?n=200", "--epochs", "1", "--run", first,
                   "--quiet"), 0, "");
    expect(COMMAND("train", "--model", "mlp:8", "--data", "digits?n=200", "--epochs", "1", "--run", second,
                   "--init", model, "--freeze", "1.*", "--quiet"), 0, "");
    assert_file_has(test_text("%s/config.yaml", second), "freeze: \"1.*\"");
    unsigned char *a, *b;
    size_t n_a, n_b, frozen = (8 * 784 + 8) * sizeof(float), free_bytes = (10 * 8 + 10) * sizeof(float);
    assert_ok(clade__file_read(model, &a, &n_a));
    assert_ok(clade__file_read(test_text("%s/model.safetensors", second), &b, &n_b));
    /* The tensors end the file, in the order of the layers. */
    assert_memory_equal(a + n_a - free_bytes - frozen, b + n_b - free_bytes - frozen, frozen);
    assert_true(memcmp(a + n_a - free_bytes, b + n_b - free_bytes, free_bytes) != 0);
    free(a);
    free(b);
    expect(COMMAND("train", "--model", "mlp:8", "--data", "digits?n=200", "--freeze", "9.*", "--quiet"), 2,
           "no parameter's name matches the pattern '9.*'; the first is '1.weight'");
    expect(COMMAND("train", "--model", "mlp:8", "--data", "digits?n=200", "--freeze", "1.*,", "--quiet"), 2,
           "patterns of parameter names between commas");
    expect(COMMAND("train", "--model", "mlp:4", "--data", "digits?n=200", "--init", model, "--run",
                   test_text("%s/third", test_folder()), "--quiet"), 4,
           "its tensors are not the model's parameters: missing: none; of another shape: ");
}

/* ---- dropout --------------------------------------------------------------------------------- */

static void dropout_of_mlp(void **state)
{
    (void)state;
    char a[512], b[512];
    snprintf(a, sizeof a, "%s/run", test_folder());
    snprintf(b, sizeof b, "%s/run", test_folder());
    expect(COMMAND("train", "--model", "mlp:32,16", "--dropout", "0.25", "--data", "digits?n=500",
                   "--epochs", "2", "--batch", "33", "--run", a, "--quiet"), 0, "");
    assert_file_has(test_text("%s/config.yaml", a),
                    "- {type: relu}\n    - {type: dropout, p: 0.25}\n    - {type: linear");
    expect(COMMAND("train", test_text("%s/config.yaml", a), "--run", b, "--quiet"), 0, "");
    test_assert_same_files(test_text("%s/model.safetensors", a),
                           test_text("%s/model.safetensors", b));
    test_assert_same_files(test_text("%s/config.yaml", a), test_text("%s/config.yaml", b));
    expect(COMMAND("gradcheck", test_text("%s/config.yaml", a), "--quiet"), 0, "");

    command_result info = COMMAND("info", test_text("%s/model.safetensors", a));
    assert_non_null(strstr(info.out, "dropout"));
    command_free(&info);
}

static void dropout_that_cannot_be(void **state)
{
    (void)state;
    expect(COMMAND("train", "--dropout", "1.5"), 2, "--dropout is 1.5, want at least 0 and at most 1");
    const char *path = test_text("%s/c.yaml", test_folder());
    const char *text = "model:\n  input: [784]\n  layers:\n    - {type: linear, units: 8}\n"
                       "    - {type: dropout, p: 2}\n    - {type: linear, units: 10}\n"
                       "data: {train: 'digits?n=100'}\n";
    test_write_file(path, text, strlen(text));
    expect(COMMAND("train", path, "--quiet"), 2,
           test_text("%s:5: model.layers[1]: dropout: p is 2, want 0 to 1", path));
    expect(COMMAND("train", path, "--dropout", "0.5"), 2,
           "--dropout is for --model mlp:..., and the config lists its layers");
}

/* ---- clipping -------------------------------------------------------------------------------- */

/* Steps too small to see: nothing is learnt. */
static void clipping_by_norm(void **state)
{
    (void)state;
    char a[512], b[512];
    snprintf(a, sizeof a, "%s/run", test_folder());
    snprintf(b, sizeof b, "%s/run", test_folder());
    expect(COMMAND("train", "--model", "linear", "--data", "digits?n=500", "--max-steps", "5",
                   "--clip-norm", "1e-12", "--run", a, "--quiet"), 0, "");
    assert_file_has(test_text("%s/config.yaml", a), "  clip_norm: 1e-12\n");
    expect(COMMAND("train", "--model", "linear", "--data", "digits?n=500", "--max-steps", "2",
                   "--clip-norm", "1e-12", "--run", b, "--quiet"), 0, "");
    test_assert_same_files(test_text("%s/model.safetensors", a),
                           test_text("%s/model.safetensors", b));
    expect(COMMAND("train", test_text("%s/config.yaml", a), "--clip-norm", "0", "--run", b,
                   "--overwrite", "--quiet"), 0, "");
    assert_file_has(test_text("%s/config.yaml", b), "  clip_norm: 0\n");
    expect(COMMAND("train", "--clip-norm", "-1"), 2, "--clip-norm is -1, want at least 0");
}

/* ---- accumulation ---------------------------------------------------------------------------- */

static void steps_in_parts(void **state)
{
    (void)state;
    char a[512], b[512];
    snprintf(a, sizeof a, "%s/run", test_folder());
    snprintf(b, sizeof b, "%s/run", test_folder());
    expect(COMMAND("train", "--model", "mlp:16", "--data", "digits?n=500", "--epochs", "2",
                   "--batch", "50", "--accumulate", "4", "--run", a), 0,
           "batch 50 in parts of 13,");
    assert_file_has(test_text("%s/config.yaml", a), "  batch: 50\n  accumulate: 4\n");
    assert_file_has(test_text("%s/metrics.jsonl", a), "\"batch\":50,\"micro_batch\":13,");
    expect(COMMAND("train", test_text("%s/config.yaml", a), "--run", b, "--quiet"), 0, "");
    test_assert_same_files(test_text("%s/model.safetensors", a),
                           test_text("%s/model.safetensors", b));
    expect(COMMAND("gradcheck", test_text("%s/config.yaml", a), "--quiet"), 0, "");
}

static void parts_that_cannot_be(void **state)
{
    (void)state;
    expect(COMMAND("train", "--accumulate", "0"), 2, "--accumulate is 0, want at least 1");
    expect(COMMAND("train", "--model", "linear", "--data", "digits?n=100", "--batch", "8",
                   "--accumulate", "9"), 2, "accumulate is 9, want 1 to the batch, 8");
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int unlimited(void **state)
{
    (void)state;
    return unsetenv("CLADE_MEMORY");
}

/* A batch that is too large by far: refused with figures, then done in as many parts as that said. */
static void batches_that_fit(void **state)
{
    (void)state;
    char a[512], b[512], parts[64];
    snprintf(a, sizeof a, "%s/run", test_folder());
    snprintf(b, sizeof b, "%s/run", test_folder());
    setenv("CLADE_MEMORY", "6M", 1);
    command_result refused = COMMAND("train", "--model", "mlp:100", "--data", "digits?n=4000",
                                     "--batch", "2000", "--run", a);
    assert_int_equal(refused.status, 1);
    assert_non_null(strstr(refused.err, "with 6.0 MiB of its memory (CLADE_MEMORY)"));
    assert_non_null(strstr(refused.err, "clade: the plan needs "));
    assert_non_null(strstr(refused.err, "; the largest batch that fits is "));
    const char *advice = strstr(refused.err, "accumulate ");
    assert_non_null(advice);
    int n_parts = atoi(advice + strlen("accumulate "));
    assert_true(access(a, F_OK) != 0); /* before anything is made */
    command_free(&refused);

    const char *config = test_text("%s/c.yaml", test_folder());
    const char *text = "model: mlp:100\ndata: {train: 'digits?n=4000'}\ntrain: {batch: 2000}\n";
    test_write_file(config, text, strlen(text));
    snprintf(parts, sizeof parts, "batch 2000 in parts of %d (auto),", (1999 + n_parts) / n_parts);
    expect(COMMAND("train", config, "--batch", "auto", "--epochs", "1", "--run", a), 0, parts);
    assert_file_has(test_text("%s/config.yaml", a),
                    test_text("  batch: 2000\n  accumulate: %d\n", n_parts));
    expect(COMMAND("train", test_text("%s/config.yaml", a), "--run", b, "--quiet"), 0, "");
    test_assert_same_files(test_text("%s/model.safetensors", a),
                           test_text("%s/model.safetensors", b));

    /* What the file chose is chosen again, and without a limit there is nothing to choose. */
    unsetenv("CLADE_MEMORY");
    expect(COMMAND("train", test_text("%s/config.yaml", a), "--batch", "auto", "--run", b,
                   "--overwrite"), 0, "batch 2000 whole (auto),");
}

static void batches_that_cannot_be(void **state)
{
    (void)state;
    expect(COMMAND("train", "--batch", "automatic"), 2,
           "--batch is 'automatic', want a whole number up to 1000000000, or auto");
    expect(COMMAND("train", "--batch", "0"), 2, "--batch is 0, want at least 1");
    expect(COMMAND("train", "--model", "linear", "--data", "digits?n=100", "--batch", "auto",
                   "--accumulate", "2"), 2,
           "--accumulate is for a batch that is a number, and --batch is auto");
    setenv("CLADE_MEMORY", "much", 1);
    expect(COMMAND("train", "--model", "linear", "--data", "digits?n=100"), 2,
           "CLADE_MEMORY is 'much', want bytes such as 67108864, 65536K, 64M or 2G");
    setenv("CLADE_MEMORY", "10K", 1);
    expect(COMMAND("train", "--model", "linear", "--data", "digits?n=100"), 1,
           "no batch fits: take a smaller network");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(batches_that_fit, unlimited),
        cmocka_unit_test_teardown(batches_that_cannot_be, unlimited),
        cmocka_unit_test(steps_in_parts),
        cmocka_unit_test(parts_that_cannot_be),
        cmocka_unit_test(clipping_by_norm),
        cmocka_unit_test(init_and_freeze),
        cmocka_unit_test(dropout_of_mlp),
        cmocka_unit_test(dropout_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, test_find_device, NULL);
}

/* What makes up a training step, by the command: dropout, clipping, accumulation. */
#define _POSIX_C_SOURCE 200809L
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_in_parts),
        cmocka_unit_test(parts_that_cannot_be),
        cmocka_unit_test(clipping_by_norm),
        cmocka_unit_test(dropout_of_mlp),
        cmocka_unit_test(dropout_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, test_find_device, NULL);
}

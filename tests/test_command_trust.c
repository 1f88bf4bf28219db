/* Trainings that end and are not to be trusted: what clade train says of them, and its exit status. */
#include "command.h"

#include <stdio.h>
#include <unistd.h>

static char folder[256];

/* A file of rows "x, 1 - x, class" whose features are about as large as given. */
static const char *table(const char *name, int n, double size, double first)
{
    static char text[100000];
    size_t used = (size_t)snprintf(text, sizeof text, "a,b,kind\n");
    for (int i = 0; i < n; i++) {
        double x = i % 2 ? 0.2 + 0.001 * i : 0.8 - 0.001 * i;
        used += (size_t)snprintf(text + used, sizeof text - used, "%g,%g,%s\n",
                                 i == 0 && first != 0.0 ? first : size * x, size * (1.0 - x),
                                 i % 2 ? "low" : "high");
    }
    const char *path = test_text("%s/%s", folder, name);
    test_write_file(path, text, used);
    return path;
}

static const char *spec(const char *name, int n, double size, double first)
{
    return test_text("csv:%s?test=0", table(name, n, size, first));
}

static bool says(const char *text, const char *part)
{
    /* Lines are broken at blanks: a break counts as one. */
    static char one_line[100000];
    size_t n = 0;
    for (; *text && n + 1 < sizeof one_line; text++) {
        bool blank = *text == ' ' || *text == '\n';
        if (blank && n > 0 && one_line[n - 1] == ' ') continue;
        one_line[n++] = blank ? ' ' : *text;
    }
    one_line[n] = '\0';
    if (!strstr(one_line, part)) print_error("no \"%s\" in \"%s\"\n", part, one_line);
    return strstr(one_line, part) != NULL;
}

static void start(void)
{
    snprintf(folder, sizeof folder, "%s", test_folder());
}

/* ---- a validation that overflows ------------------------------------------------------------------ */

static void it_ends_in_failure(void **state)
{
    (void)state;
    start();
    char train[400], valid[400], run[300];
    snprintf(train, sizeof train, "%s", spec("train.csv", 40, 0.1, 0.0));
    snprintf(valid, sizeof valid, "%s", spec("valid.csv", 20, 0.1, 3e38));
    snprintf(run, sizeof run, "%s/run", folder);
    command_result result = command_expect(
        COMMAND("train", "--model", "linear", "--data", train, "--valid", valid, "--standardize",
                "--epochs", "2", "--run", run), 1);
    assert_true(says(result.out, "completed 2 epochs"));
    assert_true(says(result.out, ", 1 not finite"));
    assert_false(strstr(result.err, "(best)"));
    assert_true(says(result.err, "the validation of epoch 1 is not finite: on 1 of 20 samples"));
    assert_true(says(result.err, "clade: the last validation is not finite: on 1 of 20 samples"));
    assert_true(test_is_there(test_text("%s/model.safetensors", run)));
    assert_false(test_is_there(test_text("%s/best.safetensors", run)));
    command_free(&result);

    result = command_expect(COMMAND("train", "--model", "linear", "--data", train, "--valid", valid,
                                    "--standardize", "--run", run, "--overwrite", "--json", "--quiet"), 1);
    cJSON *document = command_json(result.out);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(document, "status")), "completed");
    assert_true(command_number(cJSON_GetObjectItem(document, "valid"), "not_finite") == 1);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetObjectItem(document, "valid"), "loss")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(document, "best")));
    cJSON_Delete(document);
    command_free(&result);
}

/* ---- targets that the loss is not made for --------------------------------------------------------- */

static void targets_out_of_range_are_refused(void **state)
{
    (void)state;
    start();
    static const char *const rows[] = {"x,yes\n1,-1\n2,1\n3,1\n", "x,yes\n1,0\n2,255\n3,0\n"};
    static const char *const wants[] = {" 0 of 'csv:", " 1 of 'csv:"};
    for (int i = 0; i < 2; i++) {
        const char *run = test_text("%s/run", folder), *path = test_text("%s/t.csv", folder);
        test_write_file(path, rows[i], strlen(rows[i]));
        command_result result = command_expect(
            COMMAND("train", "--model", "linear", "--data", test_text("csv:%s?target=yes&test=0", path),
                    "--valid", "none", "--loss", "bce_with_logits", "--run", run), 4);
        assert_true(says(result.err, "bce_with_logits wants targets from 0 to 1, and "));
        assert_true(says(result.err, wants[i]));
        assert_true(says(result.err, i ? " is 255: scale the targets" : " is -1: scale the targets"));
        assert_false(test_is_there(run));
        command_free(&result);
    }
}

/* ---- what is held out ----------------------------------------------------------------------------- */

static void held_out_is_what_was_held_out(void **state)
{
    (void)state;
    start();
    char train[400], copy[400], other[400];
    snprintf(train, sizeof train, "%s", spec("train.csv", 40, 1.0, 0.0));
    snprintf(copy, sizeof copy, "%s", spec("copy.csv", 40, 1.0, 0.0));
    snprintf(other, sizeof other, "%s", spec("other.csv", 40, 1.1, 0.0));
    const char *specs[] = {train, copy, other};
    for (int i = 0; i < 3; i++) {
        command_result result = command_expect(
            COMMAND("train", "--model", "linear", "--data", train, "--valid", specs[i], "--run",
                    test_text("%s/%d", folder, i)), 0);
        assert_true(says(result.out, i < 2 ? "; training data loss " : "; held-out loss "));
        assert_true(says(result.err, i < 2 ? " training data loss " : " held-out loss "));
        assert_true((strstr(result.out, "held-out") != NULL) == (i == 2));
        assert_true((strstr(result.err, "held-out") != NULL) == (i == 2));
        command_free(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ends_in_failure),
        cmocka_unit_test(targets_out_of_range_are_refused),
        cmocka_unit_test(held_out_is_what_was_held_out),
    };
    return cmocka_run_group_tests(tests, test_find_device, NULL);
}

/* The command on a terminal: no line is wider than it, at 80 columns and at 60, and nothing is lost that a
 * pipe gets. */
#include "command.h"

#include "base/file.h"

static const int widths[] = {80, 60};

#define ON_TERMINAL(columns, ...) \
    command_run_on_terminal((const char *const[]){__VA_ARGS__, NULL}, columns)

/* What it says on a terminal, none of whose lines is too long; free it. */
static command_result fitting(command_result result, int columns, int status)
{
    command_expect(result, status);
    int longest = command_longest_line(result.out);
    if (longest > columns) print_error("%d columns in \"%s\"\n", longest, result.out);
    assert_in_range(longest, 1, columns);
    return result;
}

static void assert_said(const command_result *result, const char *part)
{
    if (!strstr(result->out, part)) print_error("want \"%s\" in \"%s\"\n", part, result->out);
    assert_non_null(strstr(result->out, part));
}

/* The opening, warnings, epochs, the bar and the summary. */
static void training_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *run = test_text("%s/a run whose name has several words and is long", test_folder());
        command_result result = fitting(
            ON_TERMINAL(widths[i], "train", "--model", "mlp:300,300", "--data",
                        "digits?n=9000&part=train", "--valid", "digits?n=9000&part=train", "--epochs",
                        "3", "--schedule", "cosine", "--run", run),
            widths[i], 0);
        assert_said(&result, "device  ");
        assert_said(&result, "\nmemory  ");
        assert_said(&result, "\nwarning: ");
        assert_said(&result, "completed 3 epochs");
        assert_said(&result, "training data "); /* nothing is held out */
        /* The bar ends with the time left. */
        const char *bar = strstr(result.out, "[#");
        assert_non_null(bar);
        size_t n = strcspn(bar, "\r\n");
        assert_true(n > 5 && strncmp(bar + n - 5, " left", 5) == 0);
        command_free(&result);
    }
}

/* A learning rate, a held-out part and many epochs make an epoch's line longest. */
static void epoch_lines_are_not_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *run = test_text("%s/run", test_folder());
        command_result result =
            fitting(ON_TERMINAL(widths[i], "train", "--model", "mlp:8", "--data", "digits?n=300",
                                "--epochs", "12", "--run", run),
                    widths[i], 0);
        for (int epoch = 1; epoch <= 12; epoch++) {
            const char *line = strstr(result.out, test_text("%d/12  ", epoch));
            assert_non_null(line);
            size_t n = strcspn(line, "\n");
            const char *held_out = strstr(line, "held-out ");
            assert_true(held_out && held_out < line + n);
        }
        command_free(&result);
    }
}

static void help_fits(void **state)
{
    (void)state;
    static const char *const commands[] = {"devices", "train",     "eval", "predict", "info",
                                           "verify",  "gradcheck", "plot", "bench"};
    for (size_t i = 0; i < 2; i++) {
        command_result result = fitting(ON_TERMINAL(widths[i], "--help"), widths[i], 0);
        assert_said(&result, "CLADE_KERNEL_DIR");
        command_free(&result);
        for (size_t c = 0; c < sizeof commands / sizeof commands[0]; c++) {
            result = fitting(ON_TERMINAL(widths[i], commands[c], "--help"), widths[i], 0);
            command_result whole = command_expect(COMMAND(commands[c], "--help"), 0);
            assert_in_range(command_longest_line(whole.out), 40, 79);
            if (widths[i] == 80) assert_string_equal(result.out, whole.out);
            command_free(&whole);
            command_free(&result);
        }
    }
}

static void tables_fit(void **state)
{
    (void)state;
    char run[128], model[160]; /* a text of test_text does not last so long */
    snprintf(run, sizeof run, "%s/run", test_folder());
    snprintf(model, sizeof model, "%s/model.safetensors", run);
    command_result result = command_expect(
        COMMAND("train", "--quiet", "--model", "mlp:8", "--data", "digits?n=50", "--epochs", "1", "--run",
                run), 0);
    command_free(&result);
    for (size_t i = 0; i < 2; i++) {
        int columns = widths[i];
        result = fitting(ON_TERMINAL(columns, "devices"), columns, 0);
        assert_said(&result, "NAME");
        command_free(&result);
        result = fitting(ON_TERMINAL(columns, "info", model), columns, 0);
        assert_said(&result, "trained with cross_entropy");
        command_free(&result);
        result = fitting(ON_TERMINAL(columns, "bench", "device", "--seconds", "0.002"), columns, 0);
        assert_said(&result, "compute unit");
        command_free(&result);
        result = fitting(ON_TERMINAL(columns, "verify", "sum", "--small"), columns, 0);
        assert_said(&result, "sum_of_rows_backward");
        command_free(&result);
        result = fitting(ON_TERMINAL(columns, "gradcheck", "--model", "mlp:8", "--data", "digits?n=50"),
                         columns, 0);
        assert_said(&result, "3.weight");
        command_free(&result);
        result = fitting(ON_TERMINAL(columns, "train", "--model", "mlp:8", "--data", "digits?n=50",
                                     "--epochs", "1", "--run", test_text("%s/%d", run, columns),
                                     "--profile", test_text("%s/trace", run)),
                         columns, 0);
        assert_said(&result, "PHASE, KERNEL");
        assert_said(&result, "SHARE");
        command_free(&result);
    }
}

static void errors_fit(void **state)
{
    (void)state;
    command_result result = fitting(
        ON_TERMINAL(60, "train", "--model", "mlp:8", "--data", "csv:/none/such/folder/and/no/such/table.csv"),
        60, 4);
    assert_said(&result, "clade: ");
    command_free(&result);
    command_expect_error(COMMAND("info"), 2, "clade: info: too few arguments; usage: clade info MODEL");
}

/* In a pipe every line is whole. */
static void a_pipe_gets_whole_lines(void **state)
{
    (void)state;
    const char *run = test_text("%s/run", test_folder());
    command_result result = command_expect(
        COMMAND("train", "--model", "mlp:8", "--data", "digits?n=50", "--epochs", "1", "--run", run), 0);
    const char *memory = strstr(result.err, "memory  ");
    assert_non_null(memory);
    assert_in_range(strcspn(memory, "\n"), 100, 200);
    command_free(&result);
}

/* Lines of epochs in what a training said. */
static int count_epochs(const char *said)
{
    int n = 0;
    for (const char *at = said; (at = strstr(at, "epoch ")); at++)
        n += (at == said || at[-1] == '\n' || at[-1] == 'K') && at[6] >= '0' && at[6] <= '9' &&
             strchr(at, '\n') && !memchr(at, '[', strcspn(at, "\n"));
    return n;
}

/* Two thousand epochs of a millisecond have few lines, the first and the last among them, and one event
 * each in metrics.jsonl; a hundred have one each. */
static void many_epochs_have_few_lines(void **state)
{
    (void)state;
    char run[128];
    snprintf(run, sizeof run, "%s/run", test_folder());
    command_result result =
        command_expect(COMMAND("train", "--model", "mlp:2", "--data", "random?features=2&n=4&classes=2",
                               "--valid", "none", "--epochs", "2000", "--run", run), 0);
    assert_in_range(count_epochs(result.err), 11, 200);
    assert_non_null(strstr(result.err, "\nepoch 1/2000  loss "));
    assert_non_null(strstr(result.err, "\nepoch 10/2000  loss "));
    assert_non_null(strstr(result.err, "\nepoch 2000/2000  loss "));
    assert_non_null(strstr(result.err, "metrics.jsonl has them all"));
    command_free(&result);

    cJSON *event = command_event(run, "epoch");
    assert_true(command_number(event, "epoch") == 2000.0);
    cJSON_Delete(event);
    unsigned char *text;
    size_t n_bytes, n_lines = 0;
    assert_ok(clade__file_read(test_text("%s/metrics.jsonl", run), &text, &n_bytes));
    for (size_t i = 0; i < n_bytes; i++) n_lines += text[i] == '\n';
    free(text);
    assert_true(n_lines >= 2000);

    snprintf(run, sizeof run, "%s/run", test_folder());
    result = command_expect(COMMAND("train", "--model", "mlp:2", "--data", "random?features=2&n=4&classes=2",
                                    "--valid", "none", "--epochs", "100", "--run", run), 0);
    assert_int_equal(count_epochs(result.err), 100);
    command_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_fits),
        cmocka_unit_test(training_fits),
        cmocka_unit_test(epoch_lines_are_not_broken),
        cmocka_unit_test(tables_fit),
        cmocka_unit_test(errors_fit),
        cmocka_unit_test(a_pipe_gets_whole_lines),
        cmocka_unit_test(many_epochs_have_few_lines),
    };
    return cmocka_run_group_tests_name("terminal", tests, test_find_device, NULL);
}

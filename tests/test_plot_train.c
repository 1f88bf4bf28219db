/* clade train --plot on a device: the picture in the run's folder, and what is said. */
#include <cjson/cJSON.h>

#include "base/file.h"
#include "command.h"

#define TRAIN "train", "--model", "linear", "--data", "digits?n=200", "--quiet", "--plot"

static char run[512];

static int set_up(void **state)
{
    if (test_open_device(state) != 0) return -1;
    test_close_device(state); /* the command opens its own */
    snprintf(run, sizeof run, "%s/trained", test_folder());
    return 0;
}

/* Passes a result on that has this exit status; skips the test without gnuplot. */
static command_result expect(int status, command_result result)
{
    if (strstr(result.err, "gnuplot is not installed")) {
        print_message("SKIPPED: %s", result.err);
        command_free(&result);
        skip();
    }
    if (result.status != status) print_error("%s%s", result.out, result.err);
    assert_int_equal(result.status, status);
    return result;
}

static void test_picture(void **state)
{
    (void)state;
    command_result result = expect(0, COMMAND(TRAIN, "--epochs", "2", "--run", run));
    assert_non_null(strstr(result.out, test_text("\ncurves drawn in %s/curves.svg\n", run)));
    command_free(&result);
    unsigned char *svg;
    size_t n_bytes;
    assert_ok(clade__file_read(test_text("%s/curves.svg", run), &svg, &n_bytes));
    assert_non_null(strstr((char *)svg, ">trained<"));
    assert_non_null(strstr((char *)svg, ">validation<"));
    free(svg);
}

/* JSON stays one document. */
static void test_json(void **state)
{
    (void)state;
    command_result result = expect(0, COMMAND(TRAIN, "--overwrite", "--json", "--run", run));
    cJSON *document = cJSON_ParseWithOpts(result.out, NULL, true);
    assert_non_null(document);
    assert_string_equal(result.err, "");
    cJSON_Delete(document);
    command_free(&result);
}

/* A training that diverges says so, and nothing of its picture. */
static void test_diverged(void **state)
{
    (void)state;
    command_result result = expect(1, COMMAND(TRAIN, "--overwrite", "--loss", "mse", "--lr", "9e5",
                                              "--epochs", "50", "--run", run));
    assert_int_equal(strncmp(result.err, "clade: training diverged", 24), 0);
    command_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_picture),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_diverged),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

/* clade bench batching: its table, document and picture. How fast anything is, is not tested. */
#define _XOPEN_SOURCE 700
#include <unistd.h>

#include "base/file.h"
#include "command.h"

#define BATCHING "bench", "batching", "--seconds", "0.002", "--workload", "mnist-784-512-512-10"

static char folder[512];

/* The working directory is where the usual picture is left. */
static int set_up(void **state)
{
    snprintf(folder, sizeof folder, "%s", test_folder());
    return test_open_device(state) || chdir(folder);
}

static void steps_are_measured(void **state)
{
    clade_bench *bench;
    clade_bench_batching_result result;
    assert_ok(clade_bench_open(&bench, *state, &(clade_bench_options){.seconds = 0.002}));
    for (int64_t batch = 1; batch <= 2; batch++) {
        assert_ok(clade_bench_batching(bench, "mnist-784-512-512-10", batch, &result));
        assert_string_equal(result.workload, "mnist-784-512-512-10");
        assert_int_equal(result.batch, batch);
        assert_true(result.all.median > 0.0 && result.all.n_blocks >= 3);
        if (result.why_not_one)
            assert_int_equal(result.one.n_blocks, 0);
        else
            assert_true(result.one.median > 0.0 && result.one.n_blocks >= 3);
    }
    assert_fails(clade_bench_batching(bench, "mnist", 1, &result), CLADE_EINVAL,
                 "unknown workload 'mnist'");
    assert_fails(clade_bench_batching(bench, "mnist-784-512-512-10", -1, &result), CLADE_EINVAL,
                 "batch is -1");
    clade_bench_free(bench);
}

static void one_unit_is_all_there_is(void **state)
{
    clade_bench *bench;
    clade_bench_batching_result result;
    clade_device *device = test_open_again(state), *one = NULL;
    if (clade_device_open_units(&one, NULL, 1) != CLADE_OK) one = device;
    if (clade_device_describe(one)->compute_units != 1) {
        clade_device_free(device);
        skip();
    }
    assert_ok(clade_bench_open(&bench, one, &(clade_bench_options){.seconds = 0.002}));
    assert_ok(clade_bench_batching(bench, "mnist-784-512-512-10", 0, &result));
    assert_int_equal(result.batch, 128); /* the workload's */
    assert_non_null(strstr(result.why_not_one, "one compute unit is all"));
    assert_true(result.all.median > 0.0);
    clade_bench_free(bench);
    if (one != device) clade_device_free(one);
    clade_device_free(device);
}

static void the_table_and_its_picture(void **state)
{
    (void)state;
    command_result result = command_expect(COMMAND(BATCHING, "--batch", "4", "--quiet"), 0);
    static const char *const rows[] = {"\n    1  ", "\n    2  ", "\n    4  "};
    for (int i = 0; i < 3; i++) assert_non_null(strstr(result.out, rows[i]));
    assert_null(strstr(result.out, "\n    5  "));
    assert_non_null(strstr(result.out, "4 samples on "));
    assert_non_null(strstr(result.out, " one at a time, "));
    bool drawn = strstr(result.out, "picture drawn as batching.svg") != NULL;
    command_free(&result);
    assert_true(drawn == (access("batching.svg", F_OK) == 0));
    if (!drawn) skip(); /* there is no gnuplot */
    unsigned char *svg;
    size_t n_bytes;
    assert_ok(clade__file_read("batching.svg", &svg, &n_bytes));
    assert_non_null(strstr((char *)svg, ">samples in a batch<"));
    assert_non_null(strstr((char *)svg, ">time of a sample<"));
    assert_non_null(strstr((char *)svg, "mnist-784-512-512-10"));
    free(svg);

    result = command_expect(COMMAND(BATCHING, "--batch", "1", "--quiet", "--output", "one.png"),
                            0);
    assert_non_null(strstr(result.out, "picture drawn as one.png"));
    command_free(&result);
    assert_int_equal(access("one.png", F_OK), 0);

    result = command_expect(COMMAND(BATCHING, "--batch", "1", "--quiet", "--output", "none/1.png"),
                            1);
    assert_non_null(strstr(result.err, "none/1.png"));
    assert_non_null(strstr(result.out, "1 sample on ")); /* what was measured is not lost */
    command_free(&result);
}

static void the_document(void **state)
{
    const int batches[] = {1, 2, 4};
    int all = clade_device_describe(*state)->compute_units;
    command_result result =
        command_expect(COMMAND(BATCHING, "--batch", "4", "--json", "--quiet"), 0);
    cJSON *document = command_json(result.out);
    assert_true(command_number(cJSON_GetObjectItem(document, "device"), "compute_units") == all);
    const cJSON *results = cJSON_GetObjectItem(document, "results");
    assert_int_equal(cJSON_GetArraySize(results), 3);
    for (int i = 0; i < 3; i++) {
        const cJSON *row = cJSON_GetArrayItem(results, i);
        const cJSON *units = cJSON_GetObjectItem(row, "all_units");
        assert_true(command_number(row, "batch") == batches[i]);
        double seconds = command_number(units, "seconds_median");
        assert_true(seconds > 0.0 && command_number(units, "seconds_min") <= seconds);
        assert_true(fabs(command_number(units, "seconds_per_sample") * batches[i] - seconds) <
                    1e-9 * seconds);
        assert_true(cJSON_HasObjectItem(row, "one_unit"));
    }
    cJSON_Delete(document);
    command_free(&result);
}

static void without_gnuplot(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    assert_int_equal(setenv("PATH", folder, 1), 0);
    command_result usual = COMMAND(BATCHING, "--batch", "1");
    command_result wanted = COMMAND(BATCHING, "--batch", "1", "--output", "two.svg");
    assert_int_equal(setenv("PATH", path, 1), 0);
    assert_int_equal(usual.status, 0);
    assert_non_null(strstr(usual.out, "1 sample on "));
    assert_non_null(strstr(usual.err, "no picture: gnuplot is not installed"));
    assert_int_equal(wanted.status, 1); /* and nothing is measured in vain */
    assert_string_equal(wanted.out, "");
    assert_non_null(strstr(wanted.err, "clade: gnuplot is not installed"));
    command_free(&usual);
    command_free(&wanted);
}

static void usage(void **state)
{
    static const char *const cases[][4] = {
        {"want a name that ends in .svg or .png", "batching", "--output", "b.jpg"},
        {"--output is for batching", "train", "--output", "b.svg"},
        {"openblas runs beside the device", "batching", "--provider", "openblas"},
        {"--batch is 0, want", "batching", "--batch", "0"},
        {"batch is 1000000, want 1 to 65536", "batching", "--batch", "1000000"},
        {"--shape is for gemm", "batching", "--shape", "1,2,3"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        command_result result =
            command_expect(COMMAND("bench", cases[i][1], cases[i][2], cases[i][3]), 2);
        if (!strstr(result.err, cases[i][0])) print_error("%s\n", result.err);
        assert_non_null(strstr(result.err, cases[i][0]));
        assert_string_equal(result.out, "");
        command_free(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_measured),
        cmocka_unit_test(one_unit_is_all_there_is),
        cmocka_unit_test(the_table_and_its_picture),
        cmocka_unit_test(the_document),
        cmocka_unit_test(without_gnuplot),
        cmocka_unit_test(usage),
    };
    return cmocka_run_group_tests(tests, set_up, test_close_device);
}

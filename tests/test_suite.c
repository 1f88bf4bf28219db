/* The suite in the library: its rows, their rounds, and what is found wrong. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "support.h"

static int find(const clade_suite *suite, const char *kind, const char *name)
{
    const clade_suite_row *row;
    for (int i = 0; (row = clade_suite_row_at(suite, i)); i++)
        if (strcmp(row->kind, kind) == 0 && strcmp(row->name, name) == 0) return i;
    print_error("no row %s %s\n", kind, name);
    fail();
    return -1;
}

static clade_suite *open_small(clade_device *device)
{
    clade_suite *suite = NULL;
    assert_ok(clade_suite_open(&suite, device, &(clade_suite_options){.seconds = 0.002, .small = true}));
    return suite;
}

static void test_open(void **state)
{
    clade_suite *suite = NULL;
    assert_fails(clade_suite_open(&suite, *state, &(clade_suite_options){.seconds = -1.0}), CLADE_EINVAL,
                 "seconds is -1");
    assert_fails(clade_suite_open(&suite, *state, &(clade_suite_options){.seconds = (double)NAN}), CLADE_EINVAL,
                 "seconds is");
    assert_fails(clade_suite_open(&suite, *state, &(clade_suite_options){.workload = "lenett"}), CLADE_EINVAL,
                 "did you mean 'lenet'?");
    assert_null(suite);
    clade_suite_free(NULL);
    assert_string_equal(clade_suite_verdict_name(CLADE_SUITE_WRONG), "wrong");
    assert_fails(clade_suite_first_step(*state, "lenett"), CLADE_EINVAL, "did you mean 'lenet'?");
    assert_ok(clade_suite_first_step(*state, "lenet"));
}

/* Every row is there once, and nothing is known of it yet. */
static void test_rows(void **state)
{
    clade_suite *suite = open_small(*state);
    const clade_suite_row *row;
    int n = 0, n_trains = 0;
    for (; (row = clade_suite_row_at(suite, n)); n++) {
        assert_int_equal(find(suite, row->kind, row->name), n);
        assert_int_equal(row->verdict, CLADE_SUITE_NOT_MEASURED);
        assert_true(isnan(row->value) && row->n_rounds == 0);
        n_trains += strcmp(row->kind, "train") == 0;
    }
    assert_int_equal(n_trains, 8); /* seven workloads, one of them at two batches */
    assert_null(clade_suite_row_at(suite, -1));
    assert_null(clade_suite_limits(suite));
    assert_fails(clade_suite_check(suite, n), CLADE_EINVAL, "no row");
    assert_fails(clade_suite_measure(suite, -1), CLADE_EINVAL, "no row -1");
    const clade_suite_identity *identity = clade_suite_identify(suite);
    assert_string_equal(identity->clade, clade_version());
    assert_true(identity->n_processors >= 1 && identity->n_allowed >= 1 && identity->host_memory_bytes > 0);
    assert_int_equal(strlen(identity->date), 20);
    clade_suite_free(suite);
}

/* What is known of a row, by hand: three rounds of a second, two, and three. */
static void test_rounds(void **state)
{
    clade_suite *suite = open_small(*state);
    const int cold = find(suite, "start", "cold"), peak = find(suite, "peak", "float32");
    for (int i = 1; i <= 3; i++) assert_ok(clade_suite_add(suite, cold, i));
    const clade_suite_row *row = clade_suite_row_at(suite, cold);
    assert_true(row->value == 2.0 && row->spread == 1.0 && row->noise == 1.0 && row->less_is_better);
    assert_true(fabs(row->drift - (1.0 / 3.0 - 1.0)) < 1e-12);
    assert_int_equal(row->verdict, CLADE_SUITE_UNSTABLE_ROW);
    assert_true(isnan(row->share) && row->rounds[2] == 3.0);
    const int warm = find(suite, "start", "warm");
    assert_ok(clade_suite_add(suite, warm, 1.0));
    row = clade_suite_row_at(suite, warm);
    assert_true(row->spread == 0.0 && row->noise == 0.10); /* one round says little */
    assert_int_equal(row->verdict, CLADE_SUITE_STABLE);
    assert_fails(clade_suite_add(suite, peak, 1.0), CLADE_EINVAL, "is the library's to measure");
    assert_fails(clade_suite_add(suite, cold, 0.0), CLADE_EINVAL, "seconds is 0");
    assert_fails(clade_suite_fail(suite, peak, "why"), CLADE_EINVAL, "is the library's to measure");
    assert_ok(clade_suite_fail(suite, warm, "no process"));
    row = clade_suite_row_at(suite, warm);
    assert_int_equal(row->verdict, CLADE_SUITE_NOT_MEASURED);
    assert_string_equal(row->why, "no process");
    for (int i = 3; i < CLADE_SUITE_MAX_ROUNDS; i++) assert_ok(clade_suite_add(suite, cold, 1.0));
    assert_fails(clade_suite_add(suite, cold, 1.0), CLADE_EINVAL, "has had 16 rounds");
    clade_suite_free(suite);
}

static void test_measure(void **state)
{
    clade_suite *suite = open_small(*state);
    const int rows[] = {find(suite, "peak", "float32"), find(suite, "bandwidth", "copy"),
                        find(suite, "transfer", "device to host"), find(suite, "latency", "round trip"),
                        find(suite, "gemm", "256x256x256 nn"), find(suite, "op", "relu_forward"),
                        find(suite, "train", "mnist-784-512-512-10, batch 128")};
    for (int round = 1; round <= 2; round++)
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            assert_ok(clade_suite_measure(suite, rows[i]));
            const clade_suite_row *row = clade_suite_row_at(suite, rows[i]);
            assert_int_equal(row->n_rounds, round);
            assert_true(row->value > 0.0 && row->spread >= 0.0 && row->noise >= 0.10);
            assert_true(isnan(row->share) == (i < 4));
        }
    const clade_suite_row *train = clade_suite_row_at(suite, rows[6]);
    assert_int_equal(train->batch, 128);
    /* Forward and the weight's gradient everywhere, the input's gradient after the first layer. */
    assert_true(train->flops == 2.0 * 128 * (2.0 * 784 * 512 + 3.0 * 512 * 512 + 3.0 * 512 * 10));
    assert_true(clade_suite_limits(suite)->flops_per_second >= clade_suite_row_at(suite, rows[0])->value);
    clade_suite_free(suite);
}

/* ---- right before fast ------------------------------------------------------------------------- */

static void assert_right(clade_suite *suite, const char *kind, const char *name)
{
    const int i = find(suite, kind, name);
    assert_ok(clade_suite_check(suite, i));
    const clade_suite_row *row = clade_suite_row_at(suite, i);
    if (row->why[0]) print_error("%s: %s\n", name, row->why);
    assert_string_equal(row->why, "");
    if (strcmp(kind, "train") != 0) return;
    assert_int_equal(row->n_losses, CLADE_SUITE_LOSSES);
    for (int k = 0; k < row->n_losses; k++)
        assert_true(row->losses[k] > 0.0 &&
                    fabs(row->losses[k] - row->reference[k]) <= CLADE_SUITE_LOSS_BOUND * row->reference[k]);
    assert_true(row->losses[0] != row->losses[1]);
}

static void assert_wrong(clade_suite *suite, const char *kind, const char *name, const char *why)
{
    const int i = find(suite, kind, name);
    assert_ok(clade_suite_check(suite, i));
    assert_ok(clade_suite_measure(suite, i)); /* of no use */
    const clade_suite_row *row = clade_suite_row_at(suite, i);
    assert_int_equal(row->verdict, CLADE_SUITE_WRONG);
    if (!strstr(row->why, why)) print_error("\"%s\" has no \"%s\"\n", row->why, why);
    assert_non_null(strstr(row->why, why));
    assert_int_equal(row->n_rounds, 0);
}

#define SIGMOID "sigmoid-1000-900x3-10, batch 100"
#define LENET   "lenet, batch 128"

static void test_right(void **state)
{
    clade_suite *suite = open_small(*state);
    assert_right(suite, "op", "mse");
    assert_right(suite, "train", SIGMOID);
    assert_right(suite, "train", LENET);
    assert_right(suite, "train", "cifar10-3072-3072-10, batch 10");
    clade_suite_free(suite);
}

/* A folder with one kernel file in which `right` is `wrong`. */
static void break_kernel(const char *file, const char *right, const char *wrong)
{
    unsigned char *bytes;
    size_t n_bytes;
    clade__text broken = {0};
    const char *source = getenv("CLADE_TEST_SOURCE"), *folder = test_folder();
    assert_ok(clade__file_read(test_text("%s/cl/%s", source, file), &bytes, &n_bytes));
    const char *at = strstr((const char *)bytes, right);
    assert_non_null(at);
    clade__text_append(&broken, "%.*s%s%s", (int)(at - (const char *)bytes), (const char *)bytes, wrong,
                       at + strlen(right));
    test_write_file(test_text("%s/%s", folder, file), broken.data, broken.length);
    assert_int_equal(setenv("CLADE_KERNEL_DIR", folder, 1), 0);
    clade__text_free(&broken);
    free(bytes);
}

/* A wrong kernel makes what uses it wrong, and nothing else. */
static void test_wrong_kernel(void **state)
{
    break_kernel("mse.cl", "error * slope", "1.01f * error * slope");
    clade_device *device = test_open_again(state);
    clade_suite *suite = open_small(device);
    assert_wrong(suite, "op", "mse", "mse ");
    assert_wrong(suite, "train", SIGMOID, "mse ");
    assert_right(suite, "op", "relu_forward");
    assert_right(suite, "train", LENET);
    clade_suite_free(suite);
    clade_device_free(device);
    unsetenv("CLADE_KERNEL_DIR");
}

/* What does not build is told of by its row, and the others go on. */
static void test_no_build(void **state)
{
    break_kernel("mse.cl", "ROW_KERNEL mse", "no kernel");
    clade_device *device = test_open_again(state);
    clade_suite *suite = open_small(device);
    assert_wrong(suite, "op", "mse", "mse");
    const int i = find(suite, "train", SIGMOID);
    assert_ok(clade_suite_check(suite, i));
    assert_int_equal(clade_suite_row_at(suite, i)->n_rounds, 0);
    assert_true(clade_suite_row_at(suite, i)->why[0]);
    assert_right(suite, "op", "add");
    clade_suite_free(suite);
    clade_device_free(device);
    unsetenv("CLADE_KERNEL_DIR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),    cmocka_unit_test(test_rows),  cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_measure), cmocka_unit_test(test_right), cmocka_unit_test(test_wrong_kernel),
        cmocka_unit_test(test_no_build),
    };
    return cmocka_run_group_tests_name("suite", tests, test_open_device, test_close_device);
}

/* The clade command on files of a user's own. */
#include "command.h"

#include "base/philox.h"

static char folder[512];

static const char *in_folder(const char *name)
{
    return test_text("%s/%s", folder, name);
}

/* A table as a user has it: a header, features of very different size, species as text. */
static void write_flowers(const char *path, int n)
{
    static const char *const species[] = {"setosa", "versicolor", "virginica"};
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    clade__random random = clade__random_start(1, 1);
    fprintf(file, "width,altitude,petals,species\n");
    for (int i = 0; i < n; i++) {
        double at = i % 3;
        fprintf(file, "%.4f,%.1f,5,%s\n", 0.01 * (at + 0.4 * clade__random_normal(&random)),
                1500.0 + 200.0 * (at - 0.5 * at * at + 0.3 * clade__random_normal(&random)),
                species[i % 3]);
    }
    assert_int_equal(fclose(file), 0);
}

static int make_files(void **state)
{
    if (test_find_device(state) != 0) return -1;
    snprintf(folder, sizeof folder, "%s", test_folder());
    write_flowers(in_folder("flowers.csv"), 150);
    return 0;
}

/* ---- validation ------------------------------------------------------------------------------ */

/* Trains a step; whether the command warned, once, and the run's log knows of it. */
static bool warned(const char *data, const char *valid)
{
    const char *run = in_folder("warned");
    command_result result =
        command_expect(COMMAND("train", "--model", "linear", "--data", data, "--max-steps", "1",
                               "--run", run, "--overwrite", valid ? "--valid" : NULL, valid),
                       0);
    const char *warning = strstr(result.err, "warning: the validation data is the training data");
    if (warning) assert_null(strstr(warning + 1, "warning"));
    cJSON *start = command_event(run, "start");
    bool logged = cJSON_IsTrue(cJSON_GetObjectItem(start, "valid_is_train"));
    assert_int_equal(logged, warning != NULL);
    cJSON_Delete(start);
    command_free(&result);
    return logged;
}

static void training_data_as_validation_is_told(void **state)
{
    (void)state;
    char table[600], image[3073] = {0}, pictures[600];
    snprintf(table, sizeof table, "csv:%s", in_folder("flowers.csv"));
    test_write_file(in_folder("some.bin"), image, sizeof image);
    snprintf(pictures, sizeof pictures, "cifar10:%s?files=some.bin", folder);
    assert_true(warned(test_text("%s?test=0", table), NULL));
    assert_true(warned(pictures, NULL));
    assert_false(warned(table, NULL));
    assert_false(warned(test_text("%s?test=0", table), "none"));
    assert_false(warned(test_text("%s?part=train", table), test_text("%s?part=test", table)));
    assert_false(warned(test_text("%s?test=0", table), table));

    command_result result =
        command_expect(COMMAND("train", "--model", "linear", "--data", pictures, "--max-steps", "1",
                               "--run", in_folder("quiet"), "--quiet"),
                       0);
    assert_string_equal(result.err, "");
    command_free(&result);
}

/* ---- batches --------------------------------------------------------------------------------- */

static void replacement_is_repeated_from_the_run(void **state)
{
    (void)state;
    char runs[3][600], data[600];
    snprintf(data, sizeof data, "csv:%s", in_folder("flowers.csv"));
    for (int i = 0; i < 3; i++) snprintf(runs[i], sizeof runs[i], "%s/drawn-%d", folder, i);
    const char *const arguments[3][10] = {
        {"train", "--model", "linear", "--data", data, "--replacement", "--run", runs[0]},
        {"train", test_text("%s/config.yaml", runs[0]), "--run", runs[1]},
        {"train", "--model", "linear", "--data", data, "--run", runs[2]},
    };
    cJSON *end[3];
    for (int i = 0; i < 3; i++) {
        command_result result = command_expect(command_run(arguments[i]), 0);
        command_free(&result);
        end[i] = command_event(runs[i], "epoch");
    }
    assert_true(command_number(end[0], "train_loss") == command_number(end[1], "train_loss"));
    assert_true(command_number(end[0], "train_loss") != command_number(end[2], "train_loss"));
    for (int i = 0; i < 3; i++) cJSON_Delete(end[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_data_as_validation_is_told),
        cmocka_unit_test(replacement_is_repeated_from_the_run),
    };
    return cmocka_run_group_tests_name("command_data", tests, make_files, NULL);
}

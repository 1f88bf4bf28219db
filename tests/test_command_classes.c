/* The clade command on tables whose classes are not those of the training data. */
#include "command.h"

#include <unistd.h>

#include "base/philox.h"

static char folder[512];

static const char *in_folder(const char *name)
{
    return test_text("%s/%s", folder, name);
}

static int make_folder(void **state)
{
    if (test_find_device(state) != 0) return -1;
    snprintf(folder, sizeof folder, "%s", test_folder());
    return 0;
}

/* n rows of two features, around where their class is; all classes in turn, from `first` to 2. */
static void write_numbered(const char *path, int first, int n)
{
    static const double at[3][2] = {{2, 0}, {0, 2}, {-2, -2}};
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    clade__random random = clade__random_start(2, 1);
    for (int i = 0; i < n; i++) {
        int label = first + i % (3 - first);
        fprintf(file, "%.4f,%.4f,%d\n", at[label][0] + clade__random_normal(&random),
                at[label][1] + clade__random_normal(&random), label);
    }
    assert_int_equal(fclose(file), 0);
}

static bool is_label(const char *name, int first, int row)
{
    return strcmp(name, test_text("%d", first + row % (3 - first))) == 0;
}

/* The share of predictions that are the labels of write_numbered. */
static double share_of(const char *model, const char *data, int first, bool json)
{
    int n = 0, n_right = 0;
    command_result result =
        command_expect(COMMAND("predict", model, "--data", data, json ? "--json" : NULL), 0);
    if (json) {
        cJSON *document = command_json(result.out);
        const cJSON *row;
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(document, "predictions")) n_right +=
            is_label(cJSON_GetStringValue(cJSON_GetObjectItem(row, "class")), first, n++);
        cJSON_Delete(document);
    } else {
        char *line = strchr(result.out, '\n'), name[8];
        for (int index; line && sscanf(line, "\n%d,%7[^,]", &index, name) == 2;
             line = strchr(line + 1, '\n'))
            n_right += is_label(name, first, n++);
    }
    command_free(&result);
    assert_int_equal(n, 60);
    return (double)n_right / n;
}

static void assert_agreement(const char *model, const char *data, int first)
{
    command_result result = command_expect(COMMAND("eval", model, "--data", data, "--json"), 0);
    cJSON *document = command_json(result.out);
    double accuracy = command_number(document, "accuracy");
    assert_true(accuracy > 0.8);
    assert_true(fabs(share_of(model, data, first, false) - accuracy) < 1e-9);
    assert_true(fabs(share_of(model, data, first, true) - accuracy) < 1e-9);
    cJSON_Delete(document);
    command_free(&result);
}

/* A file's first class is 1, or its only one 2, and the model's 0: labels without names are those of
 * the model. There is nothing to learn from a single class. */
static void predicted_numbers_are_the_model_s(void **state)
{
    (void)state;
    char table[600], part[600], model[700];
    write_numbered(in_folder("numbered.csv"), 0, 90);
    snprintf(table, sizeof table, "csv:%s?test=0", in_folder("numbered.csv"));
    snprintf(part, sizeof part, "csv:%s?test=0", in_folder("part.csv"));
    snprintf(model, sizeof model, "%s/model.safetensors", in_folder("numbered"));
    command_result result =
        command_expect(COMMAND("train", "--model", "mlp:16", "--data", table, "--valid", "none",
                               "--epochs", "20", "--run", in_folder("numbered")),
                       0);
    command_free(&result);
    for (int first = 1; first < 3; first++) {
        write_numbered(in_folder("part.csv"), first, 60);
        assert_agreement(model, part, first);
    }

    char none[600];
    snprintf(none, sizeof none, "%s", in_folder("none"));
    result = command_expect(COMMAND("train", "--model", "linear", "--data", part, "--run", none), 4);
    assert_non_null(strstr(result.err, "has the label '2' in all rows; want at least two classes"));
    assert_int_not_equal(access(none, F_OK), 0);
    command_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predicted_numbers_are_the_model_s),
    };
    return cmocka_run_group_tests_name("command_classes", tests, make_folder, NULL);
}

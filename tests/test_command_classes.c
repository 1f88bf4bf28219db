/* The clade command on tables whose classes are not those of the training data. */
#include "command.h"

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

static bool is_label(const char *name, int label)
{
    return atoi(name) == label && strlen(name) == 1;
}

/* The share of predictions that are the rows' labels, which go 1, 2, 1, 2 and so on. */
static double share_of(const char *model, const char *data, bool json)
{
    int n = 0, n_right = 0;
    command_result result =
        command_expect(COMMAND("predict", model, "--data", data, json ? "--json" : NULL), 0);
    if (json) {
        cJSON *document = command_json(result.out);
        const cJSON *row;
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(document, "predictions"))
        {
            const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(row, "class"));
            n_right += is_label(name, 1 + n++ % 2);
        }
        cJSON_Delete(document);
    } else {
        char *line = strchr(result.out, '\n'), name[8];
        for (int index; line && sscanf(line, "\n%d,%7[^,]", &index, name) == 2;
             line = strchr(line + 1, '\n'))
            n_right += is_label(name, 1 + n++ % 2);
    }
    command_free(&result);
    assert_int_equal(n, 60);
    return (double)n_right / n;
}

/* The file's first class is 1, and the model's 0: labels without names are those of the model. */
static void predicted_numbers_are_the_model_s(void **state)
{
    (void)state;
    char table[600], lacks[600], model[700];
    write_numbered(in_folder("numbered.csv"), 0, 90);
    write_numbered(in_folder("two.csv"), 1, 60);
    snprintf(table, sizeof table, "csv:%s?test=0", in_folder("numbered.csv"));
    snprintf(lacks, sizeof lacks, "csv:%s?test=0", in_folder("two.csv"));
    snprintf(model, sizeof model, "%s/model.safetensors", in_folder("numbered"));
    command_result result =
        command_expect(COMMAND("train", "--model", "mlp:16", "--data", table, "--valid", "none",
                               "--epochs", "20", "--run", in_folder("numbered")),
                       0);
    command_free(&result);

    result = command_expect(COMMAND("eval", model, "--data", lacks, "--json"), 0);
    cJSON *document = command_json(result.out);
    double accuracy = command_number(document, "accuracy");
    assert_true(accuracy > 0.8);
    assert_true(fabs(share_of(model, lacks, false) - accuracy) < 1e-9);
    assert_true(fabs(share_of(model, lacks, true) - accuracy) < 1e-9);
    cJSON_Delete(document);
    command_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predicted_numbers_are_the_model_s),
    };
    return cmocka_run_group_tests_name("command_classes", tests, make_folder, NULL);
}

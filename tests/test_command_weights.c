/* clade train with classes that weigh unequally, or are drawn so: --class-weights, --sampling. */
#include "command.h"

#include "base/file.h"
#include "base/philox.h"

static char folder[512], table[600];

static const char *in_folder(const char *name)
{
    return test_text("%s/%s", folder, name);
}

/* 640 rows, of which one in ten is rare, around places that overlap; and a file of targets. */
static int make_tables(void **state)
{
    if (test_find_device(state) != 0) return -1;
    snprintf(folder, sizeof folder, "%s", test_folder());
    snprintf(table, sizeof table, "csv:%s?label=kind&test=0", in_folder("kinds.csv"));
    FILE *file = fopen(in_folder("kinds.csv"), "w");
    assert_non_null(file);
    clade__random random = clade__random_start(5, 1);
    fprintf(file, "a,b,kind\n");
    for (int i = 0; i < 640; i++) {
        bool rare = i % 10 == 3;
        fprintf(file, "%.4f,%.4f,%s\n", clade__random_normal(&random) + (rare ? 1 : -0.2),
                clade__random_normal(&random), rare ? "rare" : "usual");
    }
    assert_int_equal(fclose(file), 0);
    test_write_file(in_folder("numbers.csv"), "a,b,y\n1,2,0\n2,1,1\n", 18);
    return 0;
}

/* Trains and gives the recall of the rare class; option may be NULL. */
static double recall_of_rare(const char *run, const char *option, const char *value)
{
    char model[700];
    snprintf(model, sizeof model, "%s/%s/model.safetensors", folder, run);
    command_result result = command_expect(
        COMMAND("train", "--model", "linear", "--data", table, "--valid", "none", "--epochs", "40",
                "--batch", "32", "--lr", "0.1", "--run", in_folder(run), option, value),
        0);
    command_free(&result);
    result = command_expect(COMMAND("eval", model, "--data", table, "--json"), 0);
    cJSON *document = command_json(result.out);
    const cJSON *class = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "classes"), 0);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(class, "name")), "rare");
    double recall = command_number(class, "recall");
    cJSON_Delete(document);
    command_free(&result);
    return recall;
}

static void assert_same_model(const char *a, const char *b)
{
    test_assert_same_files(test_text("%s/%s/model.safetensors", folder, a),
                           test_text("%s/%s/model.safetensors", folder, b));
}

/* A rare class is hardly found, unless it counts, or comes, as much as the other. */
static void a_rare_class_is_found(void **state)
{
    (void)state;
    double plain = recall_of_rare("plain", NULL, NULL);
    double weighed = recall_of_rare("weighed", "--class-weights", "balanced");
    double drawn = recall_of_rare("drawn", "--sampling", "balanced");
    assert_true(plain < 0.3);
    assert_true(weighed > 0.6);
    assert_true(drawn > 0.6);
}

/* balanced is 640 / (2 * 64) and 640 / (2 * 576): 5 and 5/9. */
static void weights_are_given_by_name_or_in_order(void **state)
{
    (void)state;
    recall_of_rare("balanced", "--class-weights", "balanced");
    recall_of_rare("named", "--class-weights", "usual=0.5555555555555556,rare=5");
    recall_of_rare("listed", "--class-weights", "5,0.5555555555555556");
    assert_same_model("balanced", "named");
    assert_same_model("balanced", "listed");
    recall_of_rare("one", "--class-weights", "rare=5"); /* the other weighs 1 */
    recall_of_rare("both", "--class-weights", "5,1");
    assert_same_model("one", "both");
}

/* The run's config has them: it gives the same bits, and a run that goes on keeps them. */
static void a_run_s_config_has_its_weights(void **state)
{
    (void)state;
    recall_of_rare("first", "--class-weights", "rare=3");
    const char *config = in_folder("first/config.yaml");
    unsigned char *text;
    size_t n_bytes;
    assert_ok(clade__file_read(config, &text, &n_bytes));
    assert_non_null(strstr((char *)text, "  class_weights: \"rare=3\"\n"));
    assert_non_null(strstr((char *)text, "  sampling: uniform\n"));
    free(text);
    command_result result = command_expect(COMMAND("train", config, "--run", in_folder("again")), 0);
    assert_non_null(strstr(result.err, "rare 3, usual 1"));
    command_free(&result);
    assert_same_model("first", "again");
    command_expect_error(COMMAND("train", "--resume", "--run", in_folder("first"), "--epochs", "50",
                                 "--class-weights", "balanced"),
                         2, "class");
    command_expect_error(COMMAND("train", "--resume", "--run", in_folder("first"), "--epochs", "50",
                                 "--sampling", "balanced"),
                         2, "sampling");
}

static void refused(const char *data, const char *option, const char *value, const char *part)
{
    command_expect_error(COMMAND("train", "--model", "linear", "--data", data, "--valid", "none",
                                 "--run", in_folder("never"), option, value),
                         2, part);
    assert_false(test_is_there(in_folder("never")));
}

static void what_are_no_weights_is_refused(void **state)
{
    (void)state;
    char numbers[600];
    refused(table, "--class-weights", "rare=3,common=1", "the data has no class 'common'");
    refused(table, "--class-weights", "1,2,3", "has 3 weights, and the data has 2 classes");
    refused(table, "--class-weights", "1", "has 1 weights");
    refused(table, "--class-weights", "rare=x", "the weight 'x' is no number");
    refused(table, "--class-weights", "rare=-1", "the weight '-1' is no number");
    refused(table, "--class-weights", "rare=1,2", "'2' is no CLASS=WEIGHT");
    refused(table, "--class-weights", "0,0", "all weights are 0");
    refused(table, "--class-weights", "", "--class-weights is empty");
    refused(table, "--sampling", "weighted", "unknown value 'weighted'");
    snprintf(numbers, sizeof numbers, "csv:%s?target=y&test=0", in_folder("numbers.csv"));
    refused(numbers, "--class-weights", "balanced", "--class-weights is for classes, and '");
    refused(numbers, "--sampling", "balanced", "--sampling is for classes, and '");
}

static void gradients_are_checked_with_weights(void **state)
{
    (void)state;
    command_result result = command_expect(COMMAND("gradcheck", "--model", "mlp:4", "--data", table,
                                                   "--class-weights", "rare=7"),
                                           0);
    assert_non_null(strstr(result.out, "passed"));
    command_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rare_class_is_found),
        cmocka_unit_test(weights_are_given_by_name_or_in_order),
        cmocka_unit_test(a_run_s_config_has_its_weights),
        cmocka_unit_test(what_are_no_weights_is_refused),
        cmocka_unit_test(gradients_are_checked_with_weights),
    };
    return cmocka_run_group_tests_name("command_weights", tests, make_tables, NULL);
}

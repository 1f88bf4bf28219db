/* clade eval: what it prints of classes, labels and numbers; and, where Python has scikit-learn, that
 * it is what scikit-learn makes of the same predictions. */
#include "command.h"
#include "python.h"

#include "base/philox.h"

static char folder[512];

static const char *in_folder(const char *name)
{
    return test_text("%s/%s", folder, name);
}

/* A table of n rows: three features and what `answers` makes of them. */
static void write_table(const char *name, const char *head, int n,
                        void (*answers)(FILE *file, const double *x, double noise))
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    clade__random random = clade__random_start(7, 1);
    fprintf(file, "a,b,c,%s\n", head);
    for (int i = 0; i < n; i++) {
        double x[3];
        for (int k = 0; k < 3; k++) x[k] = clade__random_normal(&random);
        fprintf(file, "%.6f,%.6f,%.6f,", x[0], x[1], x[2]);
        answers(file, x, clade__random_normal(&random));
    }
    assert_int_equal(fclose(file), 0);
}

/* One of seven, the later the rarer. */
static void one_of_seven(FILE *file, const double *x, double noise)
{
    static const char *const names[] = {"ash", "beech", "cedar", "elm", "fir", "oak", "pine"};
    double at = 2 * fabs(x[0] + 0.5 * x[1] + 0.4 * noise);
    fprintf(file, "%s\n", names[at < 6 ? (int)at : 6]);
}

static void yes_or_no(FILE *file, const double *x, double noise)
{
    fprintf(file, "%s\n", x[0] - x[2] + noise > 1 ? "yes" : "no");
}

static void two_labels(FILE *file, const double *x, double noise)
{
    fprintf(file, "%d,%d\n", x[0] + noise > 0.5, x[1] - x[2] + noise > 0);
}

static void two_numbers(FILE *file, const double *x, double noise)
{
    fprintf(file, "%.4f,%.6f\n", 1500 + 200 * (x[0] + 0.5 * noise), 0.01 * (x[1] * x[2] + noise));
}

static int make_tables(void **state)
{
    if (test_find_device(state) != 0) return -1;
    snprintf(folder, sizeof folder, "%s", test_folder());
    write_table("trees.csv", "tree", 500, one_of_seven);
    write_table("answers.csv", "answer", 400, yes_or_no);
    write_table("labels.csv", "warm,wet", 400, two_labels);
    write_table("numbers.csv", "price,rate", 400, two_numbers);
    return 0;
}

typedef struct example {
    const char *name, *options, *answers, *loss;
} example;

static const example examples[] = {
    {"trees", "label=tree", "tree", "cross_entropy"},
    {"answers", "label=answer", "answer", "cross_entropy"},
    {"labels", "target=warm,wet", "warm,wet", "bce_with_logits"},
    {"numbers", "target=price,rate", "price,rate", "mse"},
};

enum { N_EXAMPLES = sizeof examples / sizeof examples[0] };

/* The spec of an example's table, and the model trained on it, once. */
static void train(const example *e, char data[700], char model[700])
{
    snprintf(data, 700, "csv:%s?%s&test=0", in_folder(test_text("%s.csv", e->name)), e->options);
    snprintf(model, 700, "%s/%s/model.safetensors", folder, e->name);
    if (test_is_there(model)) return;
    command_result result =
        command_expect(COMMAND("train", "--model", "mlp:8", "--data", data, "--valid", "none",
                               "--epochs", "12", "--batch", "32", "--optimizer", "adam", "--lr",
                               "0.02", "--loss", e->loss, "--run", in_folder(e->name)),
                       0);
    command_free(&result);
}

static cJSON *eval(const example *e)
{
    char data[700], model[700];
    train(e, data, model);
    command_result result =
        command_expect(COMMAND("eval", model, "--data", data, "--json", "--quiet"), 0);
    cJSON *document = command_json(result.out);
    command_free(&result);
    assert_true(command_number(document, "schema") == 1);
    assert_true(command_number(document, "loss") > 0);
    return document;
}

static const char *text_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItem(object, key));
}

/* The figures of a document agree with its own confusion matrix, and with the table for people. */
static void classes_have_their_confusions(void **state)
{
    (void)state;
    char data[700], model[700];
    cJSON *document = eval(&examples[0]);
    assert_string_equal(text_of(document, "kind"), "classes");
    const cJSON *classes = cJSON_GetObjectItem(document, "classes");
    const cJSON *confusion = cJSON_GetObjectItem(document, "confusion");
    assert_int_equal(cJSON_GetArraySize(classes), 7);
    double n_right = 0, n_all = 0;
    for (int i = 0; i < 7; i++) {
        const cJSON *class = cJSON_GetArrayItem(classes, i), *row = cJSON_GetArrayItem(confusion, i);
        double support = 0;
        for (int k = 0; k < 7; k++) support += cJSON_GetArrayItem(row, k)->valuedouble;
        assert_true(command_number(class, "support") == support);
        n_right += cJSON_GetArrayItem(row, i)->valuedouble;
        n_all += support;
    }
    assert_true(n_all == 500);
    assert_true(fabs(command_number(document, "accuracy") - n_right / n_all) < 1e-12);
    assert_string_equal(text_of(cJSON_GetArrayItem(classes, 2), "name"), "cedar");
    assert_true(command_number(document, "top5_accuracy") > command_number(document, "accuracy"));
    assert_null(cJSON_GetObjectItem(document, "auc"));

    train(&examples[0], data, model);
    command_result result = command_expect(COMMAND("eval", model, "--data", data), 0);
    assert_non_null(strstr(result.out, test_text("\nbalanced accuracy  %.2f%%\n",
                                                 100 * command_number(document, "balanced_accuracy"))));
    assert_non_null(strstr(result.out, "\ncedar "));
    assert_non_null(strstr(result.out, "\nTRUE \\ PREDICTED  ash  beech  cedar  elm  fir  oak  pine\n"));
    command_free(&result);
    cJSON_Delete(document);
}

static void labels_and_numbers_have_their_own(void **state)
{
    (void)state;
    cJSON *document = eval(&examples[2]);
    assert_string_equal(text_of(document, "kind"), "labels");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(document, "labels")), 2);
    assert_true(command_number(document, "accuracy") >= command_number(document, "row_accuracy"));
    assert_true(command_number(document, "row_accuracy") > 0.4);
    cJSON_Delete(document);

    document = eval(&examples[3]);
    assert_string_equal(text_of(document, "kind"), "numbers");
    const cJSON *targets = cJSON_GetObjectItem(document, "targets");
    assert_int_equal(cJSON_GetArraySize(targets), 2);
    const cJSON *points = cJSON_GetObjectItem(cJSON_GetArrayItem(targets, 1), "points");
    assert_int_equal(cJSON_GetArraySize(points), 400);
    assert_true(command_number(document, "rmse") >= command_number(document, "mae"));
    cJSON_Delete(document);
}

/* Of 30 classes a table has the largest confusions alone. */
static void many_classes_are_not_a_matrix(void **state)
{
    (void)state;
    const char *run = in_folder("noise"), *data = "random?n=600&features=4&classes=30";
    command_result result =
        command_expect(COMMAND("train", "--model", "linear", "--data", data, "--epochs", "1",
                               "--valid", "none", "--run", run),
                       0);
    command_free(&result);
    result = command_expect(COMMAND("eval", test_text("%s/model.safetensors", in_folder("noise")),
                                    "--data", data),
                            0);
    assert_null(strstr(result.out, "PREDICTED"));
    assert_non_null(strstr(result.out, "\nMOST CONFUSED  TAKEN FOR  SAMPLES\n"));
    command_free(&result);
}

/* Two of five rows overflow: they are wrong, the report is whole, and the status tells. */
static void rows_that_are_not_finite_are_wrong(void **state)
{
    (void)state;
    char data[700], model[700];
    static const char rows[] = "a,b,c,answer\n1,1,1,no\n3e38,3e38,-3e38,no\n-2,1,2,no\n"
                               "-3e38,3e38,3e38,no\n3,0,-3,yes\n";
    train(&examples[1], data, model);
    test_write_file(in_folder("wide.csv"), rows, sizeof rows - 1);
    snprintf(data, sizeof data, "csv:%s?test=0", in_folder("wide.csv"));
    command_result result =
        command_expect(COMMAND("eval", model, "--data", data, "--json", "--quiet"), 1);
    assert_non_null(strstr(result.err, "clade: 2 of 5 samples have an output or a loss that is not "
                                       "finite: they count as wrong"));
    cJSON *document = command_json(result.out);
    assert_true(command_number(document, "not_finite") == 2);
    assert_true(command_number(document, "accuracy") < 0.6001);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(document, "auc")));
    cJSON_Delete(document);
    command_free(&result);
    result = command_expect(COMMAND("eval", model, "--data", data), 1);
    assert_non_null(strstr(result.out, "\nnot finite         2\n"));
    assert_null(strstr(result.out, "-nan"));
    command_free(&result);
}

/* ---- scikit-learn ---------------------------------------------------------------------------- */

/* Writes what a command prints. */
static void keep(const char *path, command_result result)
{
    test_write_file(path, result.out, strlen(result.out));
    command_free(&result);
}

static int compared(const example *e, const char *eval_path)
{
    const char *const args[] = {test_text("%s/tests/check_report.py", getenv("CLADE_TEST_SOURCE")),
                                eval_path, in_folder("predictions.csv"),
                                test_text("%s/%s.csv", folder, e->name), e->answers, NULL};
    return python_run(args);
}

static void figures_are_those_of_scikit_learn(void **state)
{
    (void)state;
    char data[700], model[700], path[700];
    if (!getenv("CLADE_TEST_SOURCE") || !python_has("numpy, sklearn.metrics")) {
        print_message("SKIPPED: no %s with scikit-learn; see tools/python-packages.txt\n",
                      python_name());
        skip();
    }
    snprintf(path, sizeof path, "%s", in_folder("eval.json"));
    for (int i = 0; i < N_EXAMPLES; i++) {
        train(&examples[i], data, model);
        keep(path, command_expect(COMMAND("eval", model, "--data", data, "--json"), 0));
        keep(in_folder("predictions.csv"),
             command_expect(COMMAND("predict", model, "--data", data), 0));
        assert_int_equal(compared(&examples[i], path), 0);
    }
    cJSON *document = eval(&examples[3]); /* the comparison can fail */
    cJSON *r2 = cJSON_GetObjectItem(document, "r2");
    cJSON_SetNumberValue(r2, r2->valuedouble + 1e-4);
    char *text = cJSON_Print(document);
    test_write_file(path, text, strlen(text));
    assert_int_equal(compared(&examples[3], path), 1);
    free(text);
    cJSON_Delete(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_have_their_confusions),
        cmocka_unit_test(labels_and_numbers_have_their_own),
        cmocka_unit_test(many_classes_are_not_a_matrix),
        cmocka_unit_test(rows_that_are_not_finite_are_wrong),
        cmocka_unit_test(figures_are_those_of_scikit_learn),
    };
    return cmocka_run_group_tests_name("command_eval", tests, make_tables, NULL);
}

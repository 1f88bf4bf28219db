/* clade predict: what its columns are called, and what it says of rows that it cannot predict. */
#include "command.h"

#include <stdio.h>

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

/* n rows of two features, and of two columns that follow from them, a cell of which `cell` writes. */
static void write_table(const char *name, const char *head, int n,
                        void (*cells)(FILE *file, double x, double y))
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    float *x = test_random(4, 2 * n, -1.0f, 1.0f);
    fprintf(file, "%s\n", head);
    for (int i = 0; i < n; i++) {
        fprintf(file, "%.5f,%.5f,", (double)x[2 * i], (double)x[2 * i + 1]);
        cells(file, (double)x[2 * i], (double)x[2 * i + 1]);
    }
    free(x);
    assert_int_equal(fclose(file), 0);
}

static void kind(FILE *file, double x, double y)
{
    fprintf(file, "%s\n", x > 0.3 ? "high" : y > 0 ? "low" : "\"mid, rest\"");
}

static void two_labels(FILE *file, double x, double y)
{
    fprintf(file, "%d,%d\n", x > 0, y > 0.2);
}

/* Trains a linear model on a table; its path, as test_text. */
static const char *train(const char *run, const char *data, const char *loss)
{
    command_result result =
        command_expect(COMMAND("train", "--model", "linear", "--data", data, "--valid", "none",
                               "--epochs", "60", "--batch", "16", "--optimizer", "adam", "--lr",
                               "0.05", "--standardize", "--run", in_folder(run), "--loss", loss),
                       0);
    command_free(&result);
    return test_text("%s/%s/model.safetensors", folder, run);
}

/* The lines of a text, cut in place; NULL behind the last. */
static char *next_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');
    if (!*line) return NULL;
    assert_non_null(end);
    *end = '\0';
    *text = end + 1;
    return line;
}

static void columns_have_the_names_of_the_classes(void **state)
{
    (void)state;
    char table[600], model[600];
    write_table("kinds.csv", "x,y,kind", 120, kind);
    snprintf(table, sizeof table, "csv:%s?test=0", in_folder("kinds.csv"));
    snprintf(model, sizeof model, "%s", train("kinds", table, "cross_entropy"));
    command_result result = command_expect(COMMAND("predict", model, "--data", table), 0);
    char *rest = result.out;
    assert_string_equal(next_line(&rest), "index,class,p_high,p_low,\"p_mid, rest\"");
    static const char *const names[] = {"high", "low", "\"mid, rest\""};
    int n = 0;
    for (char *line; (line = next_line(&rest)); n++) {
        double p[3];
        int index, at = 0, best = 0;
        char *numbers = line;
        assert_int_equal(sscanf(line, "%d,%n", &index, &at), 1);
        assert_int_equal(index, n);
        while (strncmp(line + at, names[best], strlen(names[best])) != 0)
            assert_true(++best < 3);
        numbers = line + at + strlen(names[best]);
        assert_int_equal(sscanf(numbers, ",%lf,%lf,%lf", &p[0], &p[1], &p[2]), 3);
        assert_true(fabs(p[0] + p[1] + p[2] - 1) < 1e-6);
        for (int c = 0; c < 3; c++) assert_true(p[c] <= p[best]);
    }
    assert_int_equal(n, 120);
    command_free(&result);

    result = command_expect(COMMAND("predict", model, "--data", table, "--json", "--limit", "2"), 0);
    cJSON *document = command_json(result.out);
    const cJSON *list = cJSON_GetObjectItem(document, "names");
    assert_true(command_number(document, "schema") == 1);
    assert_int_equal(cJSON_GetArraySize(list), 3);
    assert_string_equal(cJSON_GetArrayItem(list, 2)->valuestring, "mid, rest");
    cJSON_Delete(document);
    command_free(&result);
    command_expect_error(COMMAND("predict", model, "--data", "digits"), 4, "takes samples of shape");
}

static void nothing_is_kept_of_what_is_no_table(void **state)
{
    (void)state;
    command_result result =
        command_expect(COMMAND("train", "--model", "linear", "--data", "random?n=8&features=4&classes=2", "--epochs", "1",
                               "--valid", "none", "--run", in_folder("noise")),
                       0);
    command_free(&result);
    command_expect_error(COMMAND("predict", in_folder("noise/model.safetensors"), "--data",
                                 "random?n=8&features=4&classes=2", "--keep", "id"),
                         2, "'random?n=8&features=4&classes=2' has no columns to carry along");
}

/* Several labels a row: each on its own, with no class over them. */
static void labels_are_decided_one_by_one(void **state)
{
    (void)state;
    char table[600], model[600];
    write_table("labels.csv", "x,y,warm,wet", 120, two_labels);
    snprintf(table, sizeof table, "csv:%s?target=warm,wet&test=0", in_folder("labels.csv"));
    snprintf(model, sizeof model, "%s", train("labels", table, "bce_with_logits"));
    command_result result = command_expect(COMMAND("predict", model, "--data", table, "--json"), 0);
    cJSON *document = command_json(result.out);
    const cJSON *row;
    int n_of[4] = {0};
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(document, "predictions"))
    {
        const cJSON *labels = cJSON_GetObjectItem(row, "labels");
        const cJSON *p = cJSON_GetObjectItem(row, "probabilities");
        assert_null(cJSON_GetObjectItem(row, "class"));
        assert_int_equal(cJSON_GetArraySize(labels), 2);
        int on[2];
        for (int i = 0; i < 2; i++) {
            on[i] = cJSON_GetArrayItem(labels, i)->valueint;
            assert_int_equal(on[i], cJSON_GetArrayItem(p, i)->valuedouble > 0.5);
        }
        n_of[2 * on[0] + on[1]]++;
    }
    for (int i = 0; i < 4; i++) assert_true(n_of[i] > 5); /* none, each alone, and both */
    cJSON_Delete(document);
    command_free(&result);
}

/* Rows 1 and 3 are too large for what the network sees of them. */
static void rows_that_are_not_finite_have_no_class(void **state)
{
    (void)state;
    static const char *const losses[] = {"cross_entropy", "mse"};
    char table[600], wide[600], model[600];
    write_table("narrow.csv", "x,y,kind", 60, kind);
    static const char rows[] = "x,y,kind\n0.5,0.5,high\n3e38,3e38,low\n0.25,0.5,low\n"
                               "-3e38,3e38,high\n-0.5,-0.5,\"mid, rest\"\n";
    test_write_file(in_folder("wide.csv"), rows, sizeof rows - 1);
    snprintf(table, sizeof table, "csv:%s?test=0", in_folder("narrow.csv"));
    snprintf(wide, sizeof wide, "csv:%s?test=0", in_folder("wide.csv"));
    for (int i = 0; i < 2; i++) {
        snprintf(model, sizeof model, "%s", train(losses[i], table, losses[i]));
        command_result result =
            command_expect(COMMAND("predict", model, "--data", wide, "--json", "--quiet"), 1);
        assert_non_null(strstr(result.err, "clade: 2 of 5 rows have outputs that are not finite, the "
                                           "first is row 1"));
        cJSON *document = command_json(result.out);
        const cJSON *predictions = cJSON_GetObjectItem(document, "predictions");
        assert_int_equal(cJSON_GetArraySize(predictions), 5);
        for (int k = 0; k < 5; k++) {
            const cJSON *class = cJSON_GetObjectItem(cJSON_GetArrayItem(predictions, k), "class");
            assert_true(k % 2 ? cJSON_IsNull(class) : cJSON_IsString(class));
        }
        cJSON_Delete(document);
        command_free(&result);

        result = command_expect(COMMAND("predict", model, "--data", wide), 1);
        assert_non_null(strstr(result.out, "\n1,,"));
        assert_non_null(strstr(result.out, "\n3,,"));
        assert_null(strstr(result.out, "-nan"));
        assert_non_null(strstr(result.out, "\n4,\"mid, rest\","));
        command_free(&result);
    }
}

/* ---- tables ------------------------------------------------------------------------------------ */

static void numbers_and_more(FILE *file, double x, double y)
{
    static int n;
    fprintf(file, "%.4f,%.6f,row %d,%s\n", 1500 + 200 * x, 0.01 * y, n, n % 3 ? "\"a, b\"" : "");
    n++;
}

/* Rows that are held out are called by their numbers in the file, and their columns come along; targets
 * have their names and their own units, though the network saw them standardized. */
static void rows_of_a_table_are_known_again(void **state)
{
    (void)state;
    char table[600], model[700];
    write_table("homes.csv", "x,y,price,rate,id,note", 80, numbers_and_more);
    snprintf(table, sizeof table, "csv:%s", in_folder("homes.csv"));
    snprintf(model, sizeof model, "%s/model.safetensors", in_folder("homes"));
    command_result result = command_expect(
        COMMAND("train", "--model", "linear", "--data",
                test_text("%s?target=price,rate&drop=id,note", table), "--standardize",
                "--standardize-targets", "--optimizer", "adam", "--lr", "0.1", "--batch", "16",
                "--epochs", "100", "--run", in_folder("homes")),
        0);
    assert_non_null(strstr(result.err, "64 samples of [2], 2 targets, "));
    assert_non_null(strstr(result.err, ": 2 numbers; target price, rate; not used: id, note\n"));
    command_free(&result);
    result = command_expect(COMMAND("predict", model, "--data", test_text("%s?part=test", table),
                                    "--keep", "id,note,price"),
                            0);
    char *rest = result.out, id[32];
    assert_string_equal(next_line(&rest), "index,id,note,price,y_price,y_rate");
    int n = 0, least = 0;
    for (char *line; (line = next_line(&rest)); n++) {
        int index, at = 0;
        double price, got[2];
        assert_int_equal(sscanf(line, "%d,%31[^,],%n", &index, id, &at), 2);
        assert_string_equal(id, test_text("row %d", index));
        assert_int_equal(strncmp(line + at, index % 3 ? "\"a, b\"," : ",", index % 3 ? 7 : 1), 0);
        assert_int_equal(sscanf(line + at + (index % 3 ? 7 : 1), "%lf,%lf,%lf", &price, &got[0],
                                &got[1]), 3);
        assert_true(fabs(got[0] - price) < 2 && fabs(got[1]) < 0.02);
        assert_true(n == 0 || index > least);
        least = index;
    }
    assert_int_equal(n, 16); /* a fifth of 80 */
    assert_true(least > 16);
    assert_non_null(strstr(result.err, "\ndata    its test part: 16 of its 80 rows\n"));
    command_free(&result);

    result = command_expect(COMMAND("predict", model, "--data", table, "--keep", "id", "--json",
                                    "--quiet"), 0);
    cJSON *document = command_json(result.out);
    const cJSON *rows = cJSON_GetObjectItem(document, "predictions");
    assert_int_equal(cJSON_GetArraySize(rows), 80); /* a file that is named is used whole */
    const cJSON *keep = cJSON_GetObjectItem(cJSON_GetArrayItem(rows, 70), "keep");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(keep, "id")), "row 70");
    assert_string_equal(cJSON_GetArrayItem(cJSON_GetObjectItem(document, "names"), 1)->valuestring,
                        "rate");
    cJSON_Delete(document);
    command_free(&result);

    result = command_expect(COMMAND("eval", model, "--data", table, "--json", "--quiet"), 0);
    document = command_json(result.out);
    const cJSON *price = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "targets"), 0);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(price, "name")), "price");
    assert_true(command_number(price, "rmse") < 2 && command_number(price, "r2") > 0.999);
    const cJSON *point = cJSON_GetArrayItem(cJSON_GetObjectItem(price, "points"), 0);
    assert_true(cJSON_GetArrayItem(point, 0)->valuedouble > 1200); /* a price, not a deviation */
    cJSON_Delete(document);
    command_free(&result);
    command_expect_error(COMMAND("predict", model, "--data", table, "--keep", "street"), 4,
                         "no column 'street'");
}

static void kind_and_class(FILE *file, double x, double y)
{
    fprintf(file, "%s,%d,%s,q\n", x > 0 ? "high" : "low", y > 0, x > 0.5 ? "p" : "o");
}

/* A kept column that has the name of one that predict writes is told apart from it. */
static void kept_columns_give_way_to_predicted_ones(void **state)
{
    (void)state;
    char table[600], model[600];
    write_table("taken.csv", "x,y,kind,index,class,class_2", 60, kind_and_class);
    snprintf(table, sizeof table, "csv:%s?label=kind&drop=index,class,class_2&test=0",
             in_folder("taken.csv"));
    snprintf(model, sizeof model, "%s", train("taken", table, "cross_entropy"));
    command_result result = command_expect(COMMAND("predict", model, "--data", table, "--keep",
                                                   "class,index,class_2,kind"), 0);
    char *rest = result.out;
    assert_string_equal(next_line(&rest), "index,class_3,index_2,class_2,kind,class,p_high,p_low");
    command_free(&result);
}

/* Samples alone: that there are several labels is in the model. */
static void labels_are_known_without_answers(void **state)
{
    (void)state;
    char table[600], model[600];
    write_table("signs.csv", "x,y,warm,wet", 60, two_labels);
    snprintf(table, sizeof table, "csv:%s?target=warm,wet&test=0", in_folder("signs.csv"));
    snprintf(model, sizeof model, "%s", train("signs", table, "bce_with_logits"));
    test_write_file(in_folder("alone.csv"), "y,x\n-0.9,0.9\n0.9,0.9\n", 21);
    command_result result =
        command_expect(COMMAND("predict", model, "--data",
                               test_text("csv:%s?label=none", in_folder("alone.csv"))), 0);
    char *rest = result.out;
    assert_string_equal(next_line(&rest), "index,y_warm,y_wet,p_warm,p_wet");
    assert_int_equal(strncmp(next_line(&rest), "0,1,0,0.", 8), 0);
    assert_int_equal(strncmp(next_line(&rest), "1,1,1,0.", 8), 0);
    command_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_have_the_names_of_the_classes),
        cmocka_unit_test(nothing_is_kept_of_what_is_no_table),
        cmocka_unit_test(labels_are_decided_one_by_one),
        cmocka_unit_test(rows_of_a_table_are_known_again),
        cmocka_unit_test(kept_columns_give_way_to_predicted_ones),
        cmocka_unit_test(labels_are_known_without_answers),
        cmocka_unit_test(rows_that_are_not_finite_have_no_class),
    };
    return cmocka_run_group_tests_name("command_predict", tests, make_folder, NULL);
}

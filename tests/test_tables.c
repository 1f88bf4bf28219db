/* Tables like the well-known ones, of passengers, incomes and house prices: each trains, evaluates and
 * predicts in one command, reaches what it should, and its model reads such tables in any form. */
#include "command.h"
#include "python.h"

#include <stdio.h>

typedef struct example {
    const char *kind;       /* of make_tables.py; the model's folder too */
    const char *options;    /* of the spec to train with */
    const char *answer;     /* the column to predict */
    const char *left_out;   /* those that are no features, and those that are categories, for */
    const char *categories; /* check_tables.py; "" for none */
    const char *epochs;
    int n_rows;
    const char *head;       /* of what is predicted */
    const char *missing;    /* a feature, to leave out */
    const char *separator;  /* another one */
} example;

static const example examples[] = {
    {.kind = "passengers",
     .options = "label=Survived&drop=Name,Ticket,Cabin&id=PassengerId&missing=median",
     .answer = "Survived", .left_out = "PassengerId,Name,Ticket,Cabin", .categories = "",
     .epochs = "20", .n_rows = 891, .head = "index,class,p_0,p_1",
     .missing = "Sex", .separator = "tab"},
    {.kind = "incomes",
     .options = "missing=median", /* the last column is the classes */
     .answer = "income", .left_out = "", .categories = "", .epochs = "10", .n_rows = 8000, .head = "index,class,p_<=50K,p_>50K", .missing = "hours-per-week",
     .separator = ";"},
    {.kind = "houses",
     .options = "target=SalePrice&drop=Id&missing=median&categories=MSSubClass",
     .answer = "SalePrice", .left_out = "Id", .categories = "MSSubClass", .epochs = "30",
     .n_rows = 1460, .head = "index,y_SalePrice", .missing = "OverallQual",
     .separator = "|"},
};
enum { N_EXAMPLES = sizeof examples / sizeof examples[0], PASSENGERS = 0, INCOMES, HOUSES };

static char folder[512];

static const char *in_folder(const char *name)
{
    return test_text("%s/%s", folder, name);
}

/* Writes FOLDER/NAME.csv by make_tables.py, with up to six words of options; its path, until the next. */
static const char *make_table(const char *name, const char *kind, const char *const *options)
{
    static char script[700], path[700];
    const char *args[10] = {script, kind, path};
    snprintf(script, sizeof script, "%s/tests/make_tables.py", getenv("CLADE_TEST_SOURCE"));
    snprintf(path, sizeof path, "%s/%s.csv", folder, name);
    for (int i = 0; options[i]; i++) {
        assert_true(i < 6);
        args[3 + i] = options[i];
    }
    assert_int_equal(python_run(args), 0);
    return path;
}

#define TABLE(kind, ...) make_table("other", (kind), (const char *const[]){__VA_ARGS__, NULL})

static command_result train(const example *e, const char *spec, const char *run)
{
    bool numbers = strstr(e->options, "target=") != NULL;
    return command_expect(COMMAND("train", "--model", "mlp:64,32", "--data", spec, "--epochs", e->epochs,
                                  "--optimizer", "adam", "--standardize", "--run", in_folder(run),
                                  "--seed", "1", numbers ? "--standardize-targets" : "--overwrite"),
                          0);
}

/* The table of an example, and the spec to train with. */
static char *spec_of(const example *e, char spec[700])
{
    snprintf(spec, 700, "csv:%s?%s", in_folder(test_text("%s.csv", e->kind)), e->options);
    return spec;
}

static const char *model_of(const example *e)
{
    return in_folder(test_text("%s/model.safetensors", e->kind));
}

/* What predict prints of a table; malloc'd. */
static char *predictions(const example *e, const char *path)
{
    command_result result =
        command_expect(COMMAND("predict", model_of(e), "--data", test_text("csv:%s", path)), 0);
    free(result.err);
    return result.out;
}

/* The usual table of each, and a model that is trained on it. */
static int make_models(void **state)
{
    char spec[700];
    if (!getenv("CLADE_TEST_SOURCE") || python_run((const char *const[]){"-c", "", NULL}) != 0) {
        fprintf(stderr, "SKIPPED: no %s\n", python_name());
        exit(77);
    }
    if (test_find_device(state) != 0) return -1;
    snprintf(folder, sizeof folder, "%s", test_folder());
    for (int i = 0; i < N_EXAMPLES; i++) {
        make_table(examples[i].kind, examples[i].kind, (const char *const[]){NULL});
        command_result result = train(&examples[i], spec_of(&examples[i], spec), examples[i].kind);
        command_free(&result);
    }
    return 0;
}

/* ---- what it reaches ------------------------------------------------------------------------- */

/* The report of the rows that training has held out. */
static cJSON *eval(const example *e)
{
    char spec[700];
    spec_of(e, spec);
    command_result result = command_expect(
        COMMAND("eval", model_of(e), "--data", test_text("%s&part=test", spec), "--json"), 0);
    cJSON *document = command_json(result.out);
    command_free(&result);
    assert_true(command_number(document, "samples") == e->n_rows / 5);
    return document;
}

static void classes_are_told_apart(void **state)
{
    (void)state;
    cJSON *document = eval(&examples[PASSENGERS]); /* 58 % are of the greater class */
    assert_true(command_number(document, "accuracy") > 0.88);
    assert_true(command_number(document, "balanced_accuracy") > 0.87);
    cJSON_Delete(document);
    document = eval(&examples[INCOMES]); /* 78 % */
    assert_true(command_number(document, "accuracy") > 0.90);
    assert_true(command_number(document, "balanced_accuracy") > 0.85);
    cJSON_Delete(document);
}

/* In the price's own units, though the network sees it standardised. */
static void prices_are_predicted(void **state)
{
    (void)state;
    cJSON *document = eval(&examples[HOUSES]);
    assert_true(command_number(document, "r2") > 0.88);
    assert_true(command_number(document, "mae") > 5e3 && command_number(document, "mae") < 2e4);
    cJSON_Delete(document);
}

static void a_row_a_prediction(void **state)
{
    (void)state;
    for (int i = 0; i < N_EXAMPLES; i++) {
        const example *e = &examples[i];
        char *out = predictions(e, in_folder(test_text("%s.csv", e->kind))), *line = out;
        size_t length = strlen(e->head);
        assert_memory_equal(out, e->head, length);
        assert_int_equal(out[length], '\n');
        for (int row = -1; row < e->n_rows; row++) {
            int index;
            if (row >= 0) assert_int_equal(sscanf(line, "%d,", &index), 1);
            if (row >= 0) assert_int_equal(index, row);
            line = strchr(line, '\n');
            assert_non_null(line);
            line++;
        }
        assert_string_equal(line, "");
        free(out);
    }
}

/* An id is no feature, and comes with each prediction. */
static void an_id_comes_along(void **state)
{
    (void)state;
    char spec[700];
    command_result result = command_expect(
        COMMAND("predict", model_of(&examples[PASSENGERS]), "--data",
                spec_of(&examples[PASSENGERS], spec)),
        0);
    static const char head[] = "index,PassengerId,class,p_0,p_1\n0,1,";
    assert_memory_equal(result.out, head, sizeof head - 1);
    assert_non_null(strstr(result.out, "\n890,891,"));
    command_free(&result);
}

/* ---- other forms of a table ------------------------------------------------------------------ */

static void the_form_of_a_table_does_not_matter(void **state)
{
    (void)state;
    for (int i = 0; i < N_EXAMPLES; i++) {
        const example *e = &examples[i];
        char *want = predictions(e, in_folder(test_text("%s.csv", e->kind)));
        for (int form = 0; form < 4; form++) {
            const char *path =
                form == 0   ? TABLE(e->kind, "--order", "reversed")
                : form == 1 ? TABLE(e->kind, "--order", "sorted", "--extra", "colour")
                : form == 2 ? TABLE(e->kind, "--order", "reversed", "--without", e->answer, "--separator",
                                    e->separator)
                            : TABLE(e->kind, "--without", e->answer, "--extra", "colour");
            char *got = predictions(e, path);
            assert_string_equal(got, want);
            free(got);
        }
        free(want);
    }
}

static void what_is_missing_is_listed(void **state)
{
    (void)state;
    for (int i = 0; i < N_EXAMPLES; i++) {
        const example *e = &examples[i];
        const char *path = TABLE(e->kind, "--without", e->missing, "--extra", "colour");
        command_expect_error(COMMAND("predict", model_of(e), "--data", test_text("csv:%s", path)), 4,
                             test_text("lacks columns that the model was trained on: '%s'; it has others: "
                                       "'colour'\n", e->missing));
    }
}

/* ---- scikit-learn ---------------------------------------------------------------------------- */

/* Both learn from the same rows and are asked for the same others, of which there are enough to tell
 * one point. */
static void as_good_as_scikit_learn(void **state)
{
    (void)state;
    char report[700], run[64], spec[900];
    if (!python_has("numpy, sklearn.neural_network")) {
        print_message("SKIPPED: no %s with scikit-learn; see tools/python-packages.txt\n",
                      python_name());
        skip();
    }
    snprintf(report, sizeof report, "%s", in_folder("report.json"));
    for (int i = 0; i < N_EXAMPLES; i++) {
        const example *e = &examples[i];
        const char *path = TABLE(e->kind, "--test-rows", "3000");
        snprintf(run, sizeof run, "%s-part", e->kind);
        snprintf(spec, sizeof spec, "csv:%s?%s&split=part", path, e->options);
        command_result result = train(e, spec, run);
        command_free(&result);
        result = command_expect(COMMAND("eval", in_folder(test_text("%s/model.safetensors", run)), "--data",
                                        test_text("%s&part=test", spec), "--json"),
                                0);
        test_write_file(report, result.out, strlen(result.out));
        command_free(&result);
        const char *const args[] = {test_text("%s/tests/check_tables.py", getenv("CLADE_TEST_SOURCE")),
                                    path, report, e->answer, "--drop", e->left_out, "--categories",
                                    e->categories, NULL};
        assert_int_equal(python_run(args), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_told_apart),
        cmocka_unit_test(prices_are_predicted),
        cmocka_unit_test(a_row_a_prediction),
        cmocka_unit_test(an_id_comes_along),
        cmocka_unit_test(the_form_of_a_table_does_not_matter),
        cmocka_unit_test(what_is_missing_is_listed),
        cmocka_unit_test(as_good_as_scikit_learn),
    };
    return cmocka_run_group_tests_name("tables", tests, make_models, NULL);
}

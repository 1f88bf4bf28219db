/* `clade bench`: the suite's document and tables, and what compare says of documents. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "bench_schema.h"
#include "command.h"
#include "pages.h"

static char here[512], here_page[512]; /* the document and page of one short run */

static cJSON *read_json(const char *path)
{
    unsigned char *bytes;
    size_t n_bytes;
    assert_ok(clade__file_read(path, &bytes, &n_bytes));
    cJSON *document = command_json((const char *)bytes);
    free(bytes);
    return document;
}

static cJSON *rows_of(const cJSON *document)
{
    return cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(document, "devices"), 0), "rows");
}

static cJSON *row_of(const cJSON *document, const char *kind, const char *name)
{
    cJSON *row;
    cJSON_ArrayForEach(row, rows_of(document))
        if (strcmp(cJSON_GetObjectItem(row, "kind")->valuestring, kind) == 0 &&
            strcmp(cJSON_GetObjectItem(row, "name")->valuestring, name) == 0)
            return row;
    print_error("no row %s %s\n", kind, name);
    fail();
    return NULL;
}

/* A copy of the document in another file, for which *copy is changed before it is saved. */
static const char *save(const cJSON *document, const char *name)
{
    const char *path = test_text("%s.%s.json", here, name);
    char *text = cJSON_Print(document);
    test_write_file(path, text, strlen(text));
    free(text);
    return path;
}

static void set_number(cJSON *row, const char *key, double value)
{
    cJSON_SetNumberValue(cJSON_GetObjectItem(row, key), value);
}

#define WORKLOAD "mnist-784-512-512-10"
#define TRAIN    WORKLOAD ", batch 128"

/* ---- a run ------------------------------------------------------------------------------------- */

/* Of all devices, where this is the only one: the others' tests want its document. */
static const char *which_devices(void)
{
    clade_device_info *list;
    int n, n_available = 0;
    assert_ok(clade_devices(&list, &n, NULL, 0));
    for (int i = 0; i < n; i++) n_available += list[i].available;
    clade_devices_free(list);
    return n_available == 1 ? "all" : getenv("CLADE_DEVICE");
}

static void test_run(void **state)
{
    (void)state;
    const char *devices = which_devices();
    const char *folder = test_folder();
    snprintf(here, sizeof here, "%s/here.json", folder);
    snprintf(here_page, sizeof here_page, "%s/here.html", folder);
    command_result result = command_expect(COMMAND("bench", "--quick", "--seconds", "0.002", "--workload", WORKLOAD,
                                                   "--json", here, "--html", here_page,
                                                   devices ? "--device" : NULL, devices), 0);
    assert_string_equal(result.err, "");
    const char *const wanted[] = {"Training steps", TRAIN, "float32", "round trip", "1024x1024x1024 nn",
                                  "conv2d_weight", "cold", "quick, not to be quoted", "There is no score"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (!strstr(result.out, wanted[i])) print_error("no '%s'\n", wanted[i]);
        assert_non_null(strstr(result.out, wanted[i]));
    }
    command_free(&result);
}

static void test_schema(void **state)
{
    (void)state;
    cJSON *schema = read_json(test_text("%s/data/bench.schema.json", getenv("CLADE_TEST_SOURCE")));
    cJSON *document = read_json(here);
    assert_true(bench_schema_holds(schema, document, "document"));
    const cJSON *train = row_of(document, "train", TRAIN), *cold = row_of(document, "start", "cold");
    assert_string_equal(cJSON_GetObjectItem(train, "why")->valuestring, "");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(train, "losses")), 3);
    assert_true(command_number(train, "value") > 0.0 && command_number(train, "batch") == 128.0);
    assert_true(command_number(cold, "value") > command_number(row_of(document, "start", "warm"), "value"));
    /* The validator notices what it is there for. */
    cJSON_AddNumberToObject(row_of(document, "train", TRAIN), "score", 1.0);
    assert_false(bench_schema_holds(schema, document, "expected"));
    cJSON_DeleteItemFromObject(row_of(document, "train", TRAIN), "score");
    cJSON_ReplaceItemInObject(row_of(document, "train", TRAIN), "verdict", cJSON_CreateString("good"));
    assert_false(bench_schema_holds(schema, document, "expected"));
    cJSON_Delete(document);
    cJSON_Delete(schema);
}

/* What ships is a whole document, and the page's comparison. */
static void test_shipped(void **state)
{
    (void)state;
    const char *source = getenv("CLADE_TEST_SOURCE");
    cJSON *schema = read_json(test_text("%s/data/bench.schema.json", source));
    const char *path = test_text("%s/data/results/xeon-2-cores-pocl.json", source);
    cJSON *document = read_json(path), *row;
    assert_true(bench_schema_holds(schema, document, "shipped"));
    cJSON_ArrayForEach(row, rows_of(document))
    {
        const char *verdict = cJSON_GetObjectItem(row, "verdict")->valuestring;
        assert_true(strcmp(verdict, "ok") == 0 || strcmp(verdict, "unstable") == 0);
    }
    cJSON_Delete(document);
    cJSON_Delete(schema);
    command_result result = command_expect(COMMAND("bench", "compare", path, here), 0);
    command_free(&result);
}

/* ---- one's own, and to an accuracy ------------------------------------------------------------- */

static void test_own(void **state)
{
    (void)state;
    const char *path = test_text("%s.net.yaml", here);
    static const char net[] = "model: {input: [4], layers: [{type: linear, units: 8}, {type: relu}, "
                              "{type: linear, units: 3}]}\n"
                              "data: {train: \"random?features=4&classes=3&n=100\"}\n"
                              "train: {batch: 10, epochs: 1}\n";
    test_write_file(path, net, sizeof net - 1);
    command_result result = command_expect(
        COMMAND("bench", "train", path, "--seconds", "0.002", "--quiet", "--json"), 0);
    cJSON *document = command_json(result.out);
    const cJSON *train = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "results"), 0);
    assert_string_equal(cJSON_GetObjectItem(train, "workload")->valuestring, path);
    assert_true(command_number(train, "batch") == 10.0);
    assert_true(command_number(train, "flops") == 2.0 * 10 * (2 * 4 * 8 + 3 * 8 * 3));
    assert_true(command_number(train, "samples_per_second") > 0.0);
    cJSON_Delete(document);
    command_free(&result);
    result = command_expect(COMMAND("bench", "train", path, "--batch", "20", "--seconds", "0.002", "--quiet"), 0);
    assert_non_null(strstr(result.out, path));
    command_free(&result);
    command_expect_error(COMMAND("bench", "train", path, "--workload", "lenet"), 2, "do not go together");
    command_expect_error(COMMAND("bench", "train", path, "--batch", "200", "--quiet"), 2, "less than a batch of 200");
    command_expect_error(COMMAND("bench", "train", "no.yaml"), 2, "no.yaml");
}

static void test_accuracy(void **state)
{
    (void)state;
    command_result result =
        command_expect(COMMAND("bench", "accuracy", "--accuracy", "0.5", "--seeds", "2", "--quiet", "--json"), 0);
    cJSON *document = command_json(result.out), *row;
    double least = command_number(document, "seconds_min"), most = command_number(document, "seconds_max");
    assert_true(command_number(document, "reached") == 2.0 && command_number(document, "accuracy") == 0.5);
    assert_true(fabs(command_number(document, "seconds_median") - 0.5 * (least + most)) < 1e-12);
    int seed = 0;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(document, "trainings"))
    {
        assert_true(command_number(row, "seed") == ++seed && command_number(row, "accuracy") >= 0.5);
        assert_true(command_number(row, "steps") == 32.0 * command_number(row, "epochs"));
        assert_true(command_number(row, "seconds") >= least && command_number(row, "seconds") <= most);
    }
    assert_int_equal(seed, 2);
    cJSON_Delete(document);
    command_free(&result);
    result = command_expect(COMMAND("bench", "accuracy", "--accuracy", "0.3", "--seeds", "1", "--quiet"), 0);
    assert_non_null(strstr(result.out, "1 of 1 trainings reached 30%"));
    command_free(&result);
    command_expect_error(COMMAND("bench", "accuracy", "--accuracy", "95"), 2, "--accuracy is 95, want");
    command_expect_error(COMMAND("bench", "accuracy", "--seeds", "0"), 2, "--seeds is 0, want");
    command_expect_error(COMMAND("bench", "accuracy", "--seconds", "1"), 2, "--seconds is for what is measured");
}

/* ---- comparing --------------------------------------------------------------------------------- */

static void test_same(void **state)
{
    (void)state;
    command_result result = command_expect(COMMAND("bench", "compare", here, here, "--fail-below", "1"), 0);
    assert_non_null(strstr(result.out, "B/A"));
    assert_non_null(strstr(result.out, "1.00 ±"));
    assert_null(strstr(result.out, " +\n"));
    assert_null(strstr(result.out, " -\n"));
    command_free(&result);
}

/* A loss beyond noise fails, one within it does not, nor does a gain. */
static void test_losses(void **state)
{
    (void)state;
    cJSON *document = read_json(here);
    cJSON *train = row_of(document, "train", TRAIN), *cold = row_of(document, "start", "cold");
    double value = command_number(train, "value");
    set_number(train, "noise", 0.03);
    set_number(cold, "noise", 0.03);
    const char *first = save(document, "a");
    set_number(train, "value", 0.5 * value);
    set_number(cold, "value", 0.25 * command_number(cold, "value")); /* of seconds: a gain */
    const char *half = save(document, "b");
    set_number(train, "value", 0.95 * value);
    const char *within = save(document, "c");
    command_result result = command_expect(
        COMMAND("bench", "compare", first, half, within, "--fail-below", "0.95", "--json"), 1);
    assert_non_null(strstr(result.err, "train " TRAIN ": 0.500 of A in B, below 0.95"));
    assert_null(strstr(result.err, "in C"));
    cJSON *compared = command_json(result.out), *row;
    assert_true(command_number(compared, "losses") == 1.0);
    int n = 0;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(compared, "rows"))
    {
        const cJSON *b = cJSON_GetArrayItem(cJSON_GetObjectItem(row, "columns"), 1);
        const char *order = cJSON_GetObjectItem(b, "order")->valuestring;
        const char *name = cJSON_GetObjectItem(row, "name")->valuestring;
        if (strcmp(name, "cold") == 0) {
            assert_true(fabs(command_number(b, "ratio") - 4.0) < 1e-9);
            assert_string_equal(order, "faster");
            n++;
        } else if (strcmp(name, TRAIN) == 0) {
            assert_true(fabs(command_number(b, "ratio") - 0.5) < 1e-9);
            assert_true(fabs(command_number(b, "noise") - 0.06) < 1e-9);
            assert_string_equal(order, "slower");
            n++;
        } else {
            assert_string_equal(order, "same");
        }
    }
    assert_int_equal(n, 2);
    cJSON_Delete(compared);
    command_free(&result);
    result = command_expect(COMMAND("bench", "compare", first, half, "--fail-below", "0.4"), 0);
    command_free(&result);
    cJSON_Delete(document);
}

/* What is wrong has no ratio, and fails whatever its speed. */
static void test_wrong(void **state)
{
    (void)state;
    cJSON *document = read_json(here), *train = row_of(document, "train", TRAIN);
    cJSON_ReplaceItemInObject(train, "verdict", cJSON_CreateString("wrong"));
    cJSON_ReplaceItemInObject(train, "why", cJSON_CreateString("mse (1): y is 2"));
    set_number(train, "value", 1e12);
    const char *wrong = save(document, "wrong");
    command_result result = command_expect(COMMAND("bench", "compare", here, wrong, "--fail-below", "0.5"), 1);
    assert_non_null(strstr(result.err, "train " TRAIN ": wrong in B: mse (1): y is 2"));
    command_free(&result);
    cJSON_Delete(document);
}

static void refused(int status, const char *part, const char *file)
{
    command_expect_error(COMMAND("bench", "compare", here, file), status, part);
}

static void test_refused(void **state)
{
    (void)state;
    cJSON *document = read_json(here);
    set_number(document, "version", 2);
    refused(4, "of another version of the document: \"version\" is not 1", save(document, "v"));
    set_number(document, "version", 1);
    set_number(document, "suite", 7);
    refused(4, "of another version of the suite", save(document, "s"));
    set_number(document, "suite", 1);
    cJSON *train = row_of(document, "train", TRAIN);
    set_number(train, "flops", 12345.0);
    refused(4, "cannot be compared: the workload train " TRAIN " is another", save(document, "f"));
    cJSON_DeleteItemFromObject(train, "unit");
    refused(4, "'unit' is not a text", save(document, "u"));
    cJSON_AddStringToObject(train, "unit", "tokens/s");
    refused(4, "is in samples/s and in tokens/s", save(document, "t"));
    cJSON_ReplaceItemInObject(train, "value", cJSON_CreateNumber(-1.0));
    refused(4, "'value' is not above 0", save(document, "n"));
    cJSON *device = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "devices"), 0);
    cJSON_ReplaceItemInObject(device, "rows", cJSON_CreateArray());
    refused(4, "they have no row in common", save(document, "e"));
    cJSON_ReplaceItemInObject(document, "devices", cJSON_CreateArray());
    refused(4, "'devices' is not a list of one device at least", save(document, "d"));
    cJSON_Delete(document);
}

static void test_foreign(void **state)
{
    (void)state;
    const char *path = test_text("%s.foreign.json", here);
    unsigned char *bytes;
    size_t n_bytes;
    assert_ok(clade__file_read(here, &bytes, &n_bytes));
    const size_t cuts[] = {0, 1, n_bytes / 2, n_bytes - 3};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        test_write_file(path, bytes, cuts[i]);
        refused(4, "no JSON, or only a part of a document", path);
    }
    free(bytes);
    test_write_file(path, "{\"schema\":\"mlperf\"}", 19);
    refused(4, "no result of `clade bench --json`", path);
    test_write_file(path, "[1, 2]", 6);
    refused(4, "no result of `clade bench --json`", path);
    refused(4, "No such file", test_text("%s.none", here));
}

/* ---- pages ------------------------------------------------------------------------------------- */

static char *read_page(const char *path)
{
    unsigned char *bytes;
    size_t n_bytes;
    assert_ok(clade__file_read(path, &bytes, &n_bytes));
    assert_true(page_is_whole((const char *)bytes));
    const char *const wanted[] = {"<html lang=\"en\">", "width=device-width", "prefers-color-scheme:dark",
                                  "<title>", "class=\"skip\"", "id=\"figures\"", "<caption>",
                                  "<th scope=\"col\">", "tabindex=\"0\""};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (!strstr((char *)bytes, wanted[i])) print_error("no '%s'\n", wanted[i]);
        assert_non_null(strstr((char *)bytes, wanted[i]));
    }
    return (char *)bytes;
}

static void assert_cell(const char *page, const char *row, int cell, const char *want)
{
    char *text = page_cell(page, row, cell);
    if (!text || strcmp(text, want) != 0) print_error("%s, cell %d: '%s', want '%s'\n", row, cell, text, want);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

/* The page has the document's figures, in its tables and as they are. */
static void test_page(void **state)
{
    (void)state;
    char *page = read_page(here_page);
    cJSON *document = read_json(here), *row;
    int n = 0;
    cJSON_ArrayForEach(row, rows_of(document))
    {
        const char *name = cJSON_GetObjectItem(row, "name")->valuestring;
        bool is_train = strcmp(name, TRAIN) == 0; /* that is a bar, too */
        assert_int_equal(page_count(page, test_text("<th scope=\"row\">%s</th>", name)), 1 + is_train);
        n++;
    }
    assert_true(n > 50);
    assert_cell(page, TRAIN, 0, test_text("%.0f", command_number(row_of(document, "train", TRAIN), "value")));
    assert_cell(page, "float32", 0,
                test_text("%.1f GFLOP/s", command_number(row_of(document, "peak", "float32"), "value") / 1e9));
    assert_cell(page, "cold", 5, cJSON_GetObjectItem(row_of(document, "start", "cold"), "verdict")->valuestring);
    const char *begin = strstr(page, "id=\"document\">"), *end = strstr(page, "</script>");
    assert_true(begin && end > begin);
    begin = strchr(begin, '>') + 1;
    cJSON *inside = cJSON_ParseWithLength(begin, (size_t)(end - begin));
    assert_true(cJSON_Compare(inside, document, true));
    assert_non_null(strstr(page, "<desc id=\"roof-desc-0\">"));
    assert_true(page_count(page, "<title>") > 40); /* of the roofline's points */
    cJSON_Delete(inside);
    cJSON_Delete(document);
    free(page);
}

/* Texts of a document are no markup; ratios are those of the terminal. */
static void test_comparison_page(void **state)
{
    (void)state;
    cJSON *document = read_json(here), *train = row_of(document, "train", TRAIN);
    cJSON *device = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "devices"), 0);
    cJSON *identity = cJSON_GetObjectItem(device, "identity");
    cJSON_ReplaceItemInObject(cJSON_GetObjectItem(identity, "device"), "name",
                              cJSON_CreateString("<b>\"A&B\"</b>"));
    set_number(train, "noise", 0.03);
    const char *first = save(document, "p");
    set_number(train, "value", 2.0 * command_number(train, "value"));
    const char *second = save(document, "q"), *path = test_text("%s.html", here);
    command_result result = command_expect(COMMAND("bench", "compare", first, second, "--html", path), 0);
    command_free(&result);
    char *page = read_page(path);
    assert_null(strstr(page, "<b>"));
    assert_non_null(strstr(page, "&lt;b&gt;&quot;A&amp;B&quot;&lt;/b&gt;"));
    assert_cell(page, TRAIN, 2, "2.00 ±0.06, faster");
    assert_cell(page, "float32", 2, "1.00 ±0.20, within noise");
    free(page);
    cJSON_Delete(document);
    command_expect_error(COMMAND("bench", "compare", here, here, "--html", "/nowhere/at/all.html"), 4,
                         "/nowhere/at/all.html");
}

static void test_usage(void **state)
{
    (void)state;
    command_expect_error(COMMAND("bench", "compare", here), 2, "want two files or more");
    command_expect_error(COMMAND("bench", "compare", here, here, "--fail-below", "2"), 2, "--fail-below is 2");
    command_expect_error(COMMAND("bench", "--fail-below", "0.9"), 2, "--fail-below is for compare");
    command_expect_error(COMMAND("bench", "--rounds", "0"), 2, "--rounds is 0, want");
    command_expect_error(COMMAND("bench", "train", "--quick"), 2, "--quick is for the suite");
    command_expect_error(COMMAND("bench", "device", "more"), 2, "unexpected argument 'more'");
    command_expect_error(COMMAND("bench", "here.json"), 2, "unknown measurement 'here.json'");
    command_expect_error(COMMAND("bench", "--workload", "lenett"), 2, "did you mean 'lenet'?");
    command_expect_error(COMMAND("bench", "--json", "/nowhere/at/all.json"), 4, "/nowhere/at/all.json");
    command_expect_error(COMMAND("bench", "start", "--workload", "lenett"), 2, "did you mean 'lenet'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run),    cmocka_unit_test(test_schema),  cmocka_unit_test(test_same),
        cmocka_unit_test(test_losses), cmocka_unit_test(test_wrong),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_foreign), cmocka_unit_test(test_page),   cmocka_unit_test(test_shipped), cmocka_unit_test(test_own),
        cmocka_unit_test(test_accuracy),
        cmocka_unit_test(test_comparison_page), cmocka_unit_test(test_usage),
    };
    return cmocka_run_group_tests_name("suite_command", tests, test_find_device, NULL);
}

/* clade plot EVAL.json: pictures of evaluations, and documents that are none. What draws is skipped
 * where there is no gnuplot. */
#include "command.h"

#include "base/file.h"
#include "base/text.h"

static char folder[512];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s", test_folder());
    return 0;
}

static const char *document(const char *text)
{
    const char *path = test_text("%s/e.json", folder);
    test_write_file(path, text, strlen(text));
    return path;
}

/* Draws a document beside it and gives the SVG. */
static char *drawn(const char *text)
{
    command_result result = COMMAND("plot", document(text));
    unsigned char *svg;
    size_t n_bytes;
    if (strstr(result.err, "gnuplot is not installed")) {
        command_free(&result);
        print_message("SKIPPED: no gnuplot; install the package gnuplot-nox\n");
        skip();
    }
    result = command_expect(result, 0);
    assert_string_equal(result.out, test_text("evaluation drawn in %s/e.svg\n", folder));
    assert_string_equal(result.err, "");
    command_free(&result);
    assert_ok(clade__file_read(test_text("%s/e.svg", folder), &svg, &n_bytes));
    assert_non_null(strstr((char *)svg, "</svg>"));
    return (char *)svg;
}

static bool has_text(const char *svg, const char *text)
{
    return strstr(svg, test_text(">%s<", text)) != NULL;
}

#define HEAD(kind) "{\"schema\":1,\"kind\":\"" kind "\",\"samples\":60,\"loss\":1,\"accuracy\":0.75,"
#define CLASSES "\"classes\":[{\"name\":\"ash\"},{\"name\":\"o'ak & <elm>\"},{\"name\":null}],"

static void a_matrix_has_names_and_counts(void **state)
{
    (void)state;
    char *svg = drawn(HEAD("classes") CLASSES "\"confusion\":[[11,2,3],[4,15,6],[0,8,19]]}");
    static const char *const texts[] = {"75.00% right of 60 samples", "true", "predicted", "ash",
                                        "o'ak &amp; &lt;elm>", "2", "11", "15", "19", "0"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) assert_true(has_text(svg, texts[i]));
    free(svg);
}

/* Too many for numbers and names: an image, whose first row alone is right. */
static void a_large_matrix_is_an_image(void **state)
{
    (void)state;
    enum { N = 120 };
    clade__text text = {0};
    clade__text_append(&text, HEAD("classes") "\"classes\":[");
    for (int i = 0; i < N; i++) clade__text_append(&text, "%s{\"name\":\"c%d\"}", i ? "," : "", i);
    clade__text_append(&text, "],\"confusion\":[");
    for (int i = 0; i < N; i++) {
        clade__text_append(&text, "%s[", i ? "," : "");
        for (int k = 0; k < N; k++) clade__text_append(&text, "%s%d", k ? "," : "", k == 0 ? 777 : 0);
        clade__text_append(&text, "]");
    }
    clade__text_append(&text, "]}");
    char *svg = drawn(text.data);
    assert_non_null(strstr(svg, "<image"));
    assert_false(has_text(svg, "777"));
    assert_false(has_text(svg, "c0"));
    free(svg);
    clade__text_free(&text);
}

static void labels_have_four_counts(void **state)
{
    (void)state;
    char *svg = drawn(HEAD("labels") "\"labels\":[{\"name\":\"wet\",\"support\":20,\"predicted\":24,"
                                     "\"right\":17}]}");
    static const char *const texts[] = {"wet", "33", "7", "3", "17", "0, called 1", "label"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) assert_true(has_text(svg, texts[i]));
    free(svg);
}

static void numbers_have_a_panel_a_target(void **state)
{
    (void)state;
    char *svg = drawn(HEAD("numbers")
                      "\"targets\":[{\"name\":\"price\",\"rmse\":12.5,\"r2\":0.5,\"points\":"
                      "[[1,2],[3,null],[30000,40000]]},{\"name\":null,\"rmse\":1,\"r2\":null,"
                      "\"points\":[[0.5,0.5]]}]}");
    assert_true(has_text(svg, "price: RMSE 12.5, R2 0.5000"));
    assert_true(has_text(svg, "target 1: RMSE 1, R2 nan"));
    assert_true(has_text(svg, " 20000"));
    free(svg);
}

static void refused(const char *text, const char *part)
{
    const char *path = document(text);
    command_expect_error(COMMAND("plot", path), 4, part);
}

static void what_is_no_evaluation_is_refused(void **state)
{
    (void)state;
    refused("", "is a file; give the folder of a run, or a document of `clade eval --json`");
    refused("{\"schema\":1,", "is a file; give");
    refused("[1]", "is a file; give");
    refused("{\"predictions\":[]}", "e.json: not a document of `clade eval --json`: its \"schema\"");
    refused("{\"schema\":1}", "no \"kind\"");
    refused(HEAD("else") "\"classes\":[]}", "its \"kind\" is unknown");
    refused(HEAD("classes") CLASSES "\"confusion\":[]}", "it has no \"confusion\"");
    refused(HEAD("classes") CLASSES "\"confusion\":[[1]]}", "\"classes\" are not as many as rows");
    refused(HEAD("classes") CLASSES "\"confusion\":[[1,2,3],[1,2],[1,2,3]]}", "is not square");
    refused(HEAD("classes") CLASSES "\"confusion\":[[1,2,3],[1,-2,3],[1,2,3]]}", "is no count");
    refused(HEAD("labels") "\"labels\":[]}", "it has no \"labels\"");
    refused(HEAD("labels") "\"labels\":[{\"support\":5,\"predicted\":3,\"right\":4}]}",
            "do not fit together");
    refused(HEAD("numbers") "\"targets\":[]}", "it has no \"targets\"");
    refused(HEAD("numbers") "\"targets\":[{\"points\":[[null,1]]}]}", "no points that could be drawn");
    command_expect_error(COMMAND("plot", document(HEAD("classes")), "--output", "x.pdf"), 2, "x.pdf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_matrix_has_names_and_counts),
        cmocka_unit_test(a_large_matrix_is_an_image),
        cmocka_unit_test(labels_have_four_counts),
        cmocka_unit_test(numbers_have_a_panel_a_target),
        cmocka_unit_test(what_is_no_evaluation_is_refused),
    };
    return cmocka_run_group_tests_name("plot_eval", tests, make_folder, NULL);
}

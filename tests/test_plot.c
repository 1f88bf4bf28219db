/* clade plot: pictures of runs as they come, and every way in which there can be none. What
 * draws is skipped where there is no gnuplot; what fails needs none, and has stand-ins. */
#define _XOPEN_SOURCE 700
#include <cjson/cJSON.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "command.h"

static char folder[512], path_before[8192];

/* A copy that outlasts test_text's; the oldest of many makes room. */
static const char *kept(const char *text)
{
    static char texts[64][640];
    static int next;
    char *copy = texts[next++ % 64];
    snprintf(copy, sizeof texts[0], "%s", text);
    return copy;
}

static const char *in_folder(const char *name)
{
    return kept(test_text("%s/%s", folder, name));
}

static int set_up(void **state)
{
    (void)state;
    const char *path = getenv("PATH"), *build = getenv("CLADE_TEST_BUILD");
    char *whole = realpath(build ? build : ".", NULL); /* the tests change the working directory */
    if (!whole || setenv("CLADE_TEST_BUILD", whole, 1) != 0) return -1;
    free(whole);
    snprintf(folder, sizeof folder, "%s", test_folder());
    snprintf(path_before, sizeof path_before, "%s", path ? path : "");
    return 0;
}

static int restore_path(void **state)
{
    (void)state;
    return setenv("PATH", path_before, 1);
}

static bool has_gnuplot(void)
{
    char paths[sizeof path_before];
    memcpy(paths, path_before, sizeof paths);
    for (char *path = strtok(paths, ":"); path; path = strtok(NULL, ":"))
        if (access(test_text("%s/gnuplot", path), X_OK) == 0) return true;
    return false;
}

static void needs_gnuplot(void)
{
    if (has_gnuplot()) return;
    print_message("SKIPPED: no gnuplot; install the package gnuplot-nox\n");
    skip();
}

/* ---- runs ------------------------------------------------------------------------------------ */

#define START "{\"event\":\"start\",\"seed\":1}\n"
#define EPOCH(n, loss, accuracy)                                                                   \
    "{\"event\":\"epoch\",\"epoch\":" #n ",\"step\":9,\"train_loss\":" #loss                       \
    ",\"train_accuracy\":" #accuracy "}\n"
#define VALID(n, loss, accuracy, valid_loss, valid_accuracy)                                       \
    "{\"event\":\"epoch\",\"epoch\":" #n ",\"step\":9,\"train_loss\":" #loss                       \
    ",\"train_accuracy\":" #accuracy ",\"valid_loss\":" #valid_loss                                \
    ",\"valid_accuracy\":" #valid_accuracy ",\"best\":true}\n"
#define TWO VALID(1, 0.75, 0.5, 0.875, 0.25) VALID(2, 0.5, 0.625, 0.75, 0.5)

/* Makes a run of this name in the folder. */
static const char *make_run(const char *name, const char *metrics)
{
    const char *run = in_folder(name);
    assert_ok(clade__make_folder(run));
    test_write_file(test_text("%s/metrics.jsonl", run), metrics, strlen(metrics));
    return run;
}

static char *read_text(const char *path)
{
    unsigned char *text;
    size_t n_bytes;
    assert_ok(clade__file_read(path, &text, &n_bytes));
    return (char *)text;
}

/* Draws and gives the SVG. */
static char *drawn(const char *const *arguments, const char *output)
{
    command_result result = command_run(arguments);
    if (result.status != 0 || result.err[0] ||
        strcmp(result.out, test_text("curves drawn in %s\n", output)) != 0) {
        print_error("clade %s: exit %d, stdout \"%s\", stderr \"%s\"\n", command_text(arguments),
                    result.status, result.out, result.err);
        fail();
    }
    command_free(&result);
    char *svg = read_text(output);
    assert_non_null(strstr(svg, "<svg"));
    assert_non_null(strstr(svg, "</svg>"));
    assert_non_null(strstr(svg, ">Loss<"));
    assert_non_null(strstr(svg, ">Accuracy<"));
    assert_non_null(strstr(svg, ">epoch<"));
    return svg;
}

#define DRAWN(output, ...) drawn((const char *const[]){__VA_ARGS__, NULL}, output)

/* Draws one run into its own folder. */
static char *drawn_run(const char *name, const char *metrics)
{
    const char *run = make_run(name, metrics);
    return DRAWN(kept(test_text("%s/curves.svg", run)), "plot", run, "--quiet");
}

static bool has(const char *svg, const char *text)
{
    return strstr(svg, text) != NULL;
}

/* ---- pictures -------------------------------------------------------------------------------- */

static void test_one_run(void **state)
{
    (void)state;
    needs_gnuplot();
    char *svg = drawn_run("plain", START TWO "{\"event\":\"end\",\"status\":\"completed\"}\n");
    assert_true(has(svg, ">plain<") && has(svg, ">training<") && has(svg, ">validation<"));
    assert_true(has(svg, ">mean loss per sample<") && has(svg, ">accuracy (%)<"));
    free(svg);
}

/* The numbers below a panel of 20,000 epochs stand apart: each takes eight pixels a digit. */
static void test_many_epochs(void **state)
{
    (void)state;
    needs_gnuplot();
    char *svg = drawn_run("many", START VALID(1, 0.75, 0.5, 0.875, 0.25)
                                      VALID(20000, 0.25, 0.75, 0.5, 0.625));
    int n = 0;
    double before = -1000.0;
    for (const char *at = svg; (at = strstr(at, "<text> ")); at++) {
        const char *where = at, *move = "translate(";
        int epoch = atoi(at + 7);
        if (epoch != 5000 && epoch != 10000 && epoch != 15000 && epoch != 20000) continue;
        while (where > svg && strncmp(where, move, strlen(move)) != 0) where--;
        double x = atof(where + strlen(move));
        if (x > before) assert_true(x - before >= 5 * 8 + 8);
        before = x;
        n++;
    }
    assert_int_equal(n, 8); /* of two panels */
    assert_false(has(svg, "<text> 2000<"));
    free(svg);
}

static void test_several_runs(void **state)
{
    (void)state;
    needs_gnuplot();
    const char *a = make_run("first", START TWO);
    const char *b = make_run("second", START TWO VALID(3, 0.25, 0.75, 0.5, 0.625));
    const char *output = in_folder("both.svg");
    char *svg = DRAWN(output, "plot", a, b, "--output", output);
    assert_true(has(svg, ">first<") && has(svg, ">second<"));
    free(svg);
    assert_int_not_equal(access(in_folder("first/curves.svg"), F_OK), 0);

    /* Names that are the same are told apart by their paths. */
    const char *c = make_run("x/same", TWO), *d = make_run("y/same", TWO);
    output = in_folder("same.svg");
    svg = DRAWN(output, "plot", c, d, "--output", output);
    assert_true(has(svg, "x/same<") && has(svg, "y/same<") && !has(svg, ">same<"));
    free(svg);
}

/* Several runs are drawn into the working directory: the child's is ours. */
static void test_working_directory(void **state)
{
    (void)state;
    needs_gnuplot();
    make_run("here", TWO);
    make_run("there", TWO);
    assert_int_equal(chdir(folder), 0);
    command_result result = COMMAND("plot", "here/", "there");
    assert_int_equal(result.status, 0);
    assert_string_equal(result.out, "curves drawn in curves.svg\n");
    assert_int_equal(access("curves.svg", F_OK), 0);
    command_free(&result);
}

static void test_png(void **state)
{
    (void)state;
    needs_gnuplot();
    const char *run = make_run("png", TWO), *output = in_folder("p.PNG");
    command_result result = COMMAND("plot", run, "--output", output);
    assert_int_equal(result.status, 0);
    unsigned char *bytes;
    size_t n_bytes;
    assert_ok(clade__file_read(output, &bytes, &n_bytes));
    assert_in_range(n_bytes, 1000, 10000000);
    assert_memory_equal(bytes, "\x89PNG\r\n\x1a\n", 8);
    free(bytes);
    command_free(&result);
}

static void test_json(void **state)
{
    (void)state;
    needs_gnuplot();
    const char *run = make_run("json", START TWO);
    command_result result = COMMAND("plot", run, "--json");
    assert_int_equal(result.status, 0);
    cJSON *document = cJSON_ParseWithOpts(result.out, NULL, true);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(document, "output")),
                        test_text("%s/curves.svg", run));
    const cJSON *runs = cJSON_GetObjectItem(document, "runs");
    assert_int_equal(cJSON_GetArraySize(runs), 1);
    const cJSON *item = cJSON_GetArrayItem(runs, 0);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(item, "run")), run);
    assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(item, "epochs")), 2);
    cJSON_Delete(document);
    command_free(&result);
}

/* Runs without validation, with one epoch, without accuracy, with NaN, or with nothing but NaN. */
static void test_odd_runs(void **state)
{
    (void)state;
    needs_gnuplot();
    char *svg = drawn_run("alone", START EPOCH(1, 0.75, 0.5) EPOCH(2, 0.5, 0.625));
    assert_true(has(svg, ">training<") && !has(svg, ">validation<"));
    free(svg);

    /* A point is a use of a marker that is defined once. */
    svg = drawn_run("single", VALID(1, 0.75, 0.5, 0.875, 0.25));
    assert_true(has(svg, "xlink:href='#gpPt6'") || has(svg, "xlink:href='#gpPt5'"));
    free(svg);

    svg = drawn_run("regression", EPOCH(1, 4, null) EPOCH(2, 2, null));
    assert_true(has(svg, ">no accuracy in this run<"));
    free(svg);

    svg = drawn_run("diverged",
                    EPOCH(1, 1, 0.5) EPOCH(2, null, null) EPOCH(3, 1e5, 0.5) EPOCH(4, 1e999, 0.5));
    assert_true(has(svg, "(log scale)<") && !has(svg, "nan") && !has(svg, "NaN"));
    free(svg);

    svg = drawn_run("nothing", EPOCH(1, null, null));
    assert_true(has(svg, ">no loss in this run<"));
    free(svg);

    svg = drawn_run("constant", EPOCH(1, 0, 0) EPOCH(2, 0, 0) EPOCH(3, 0, 0));
    free(svg);
    free(drawn_run("perfect", EPOCH(1, -2.5, 1) EPOCH(1000000000, -2.5, 1)));
}

static void test_still_written(void **state)
{
    (void)state;
    needs_gnuplot();
    const char *run = make_run("live", START TWO "{\"event\":\"epoch\",\"epoch\":3,\"tra");
    command_result result = COMMAND("plot", run, "--json");
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.err, "not whole yet"));
    assert_non_null(strstr(result.out, "\"epochs\":2"));
    command_free(&result);
    free(DRAWN(kept(test_text("%s/curves.svg", run)), "plot", run, "--quiet"));
}

/* More than the pipe to gnuplot holds, and as many runs as there may be. */
static void test_large(void **state)
{
    (void)state;
    needs_gnuplot();
    clade__text text = {0};
    for (int i = 1; i <= 20000; i++)
        clade__text_append(&text,
                           "{\"event\":\"epoch\",\"epoch\":%d,\"train_loss\":%.6f,"
                           "\"train_accuracy\":%.6f}\n",
                           i, 1.0 / i, 1 - 1.0 / (i + 1));
    free(drawn_run("large", text.data));
    clade__text_free(&text);

    const char *arguments[25] = {"plot"};
    for (int i = 0; i < 21; i++)
        arguments[i + 1] = make_run(test_text("many/digits-mlp-512-512-%02d", i), TWO);
    arguments[22] = "--output";
    arguments[23] = in_folder("many.svg");
    char *svg = drawn(arguments, arguments[23]);
    assert_true(has(svg, ">digits-mlp-512-512-00<") && has(svg, ">digits-mlp-512-512-20<"));
    free(svg);
}

/* What gnuplot, XML or a shell could take for more than a name. */
static void test_names(void **state)
{
    (void)state;
    needs_gnuplot();
    char *svg = drawn_run("it's <b> & {Bold x}_1^2 @y %d $z", TWO);
    assert_true(has(svg, "it's &lt;b> &amp; {") || has(svg, "it's &lt;b&gt; &amp; {"));
    free(svg);
    assert_int_equal(chdir(folder), 0);
    svg = drawn_run("`touch trap`'; system('touch trap') #", TWO);
    assert_true(has(svg, "`touch trap`'; system('touch trap') #<"));
    free(svg);
    svg = drawn_run("a\nsystem('touch trap')\n\\", TWO);
    assert_true(has(svg, ">a?system('touch trap')?\\<"));
    free(svg);
    /* No UTF-8, a control character, é, a surrogate, and one that XML does not have. */
    svg = drawn_run("a\xff\x01\xc3\xa9-\xed\xa0\x80-\xef\xbf\xbf", TWO);
    assert_true(has(svg, ">a?\?\xc3\xa9-?\?\?-?\?\?<"));
    free(svg);
    assert_int_not_equal(access("trap", F_OK), 0);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void refused(int status, const char *part, const char *const *arguments)
{
    command_result result = command_run(arguments);
    if (result.status != status || !strstr(result.err, part) || result.out[0] ||
        strncmp(result.err, "clade: ", 7) != 0 || strchr(result.err, '\n')[1]) {
        print_error("clade %s: exit %d, stdout \"%s\", stderr \"%s\"; want exit %d and \"%s\"\n",
                    command_text(arguments), result.status, result.out, result.err, status, part);
        fail();
    }
    command_free(&result);
}

#define REFUSED(status, part, ...) refused(status, part, (const char *const[]){__VA_ARGS__, NULL})

static void test_usage(void **state)
{
    (void)state;
    const char *run = make_run("usage", TWO);
    REFUSED(2, "too few arguments", "plot");
    REFUSED(2, "--output is 'x.pdf', want a name that ends in .svg or .png", "plot", run,
            "--output", "x.pdf");
    REFUSED(2, "--output is '.svg'", "plot", run, "--output", ".svg");
    REFUSED(2, "--output is ''", "plot", run, "--output", "");
    REFUSED(2, "did you mean '--output'?", "plot", run, "--ouput", "x.svg");
    const char *arguments[24] = {"plot"};
    for (int i = 1; i <= 22; i++) arguments[i] = run;
    refused(2, "unexpected argument", arguments);
}

static void test_no_run(void **state)
{
    (void)state;
    const char *absent = in_folder("absent");
    REFUSED(4, test_text("no run folder '%s': No such file or directory", absent), "plot", absent);
    const char *empty = in_folder("empty");
    assert_ok(clade__make_folder(empty));
    REFUSED(4, test_text("'%s' is not the folder of a run: it has no metrics.jsonl", empty), "plot",
            empty);
    const char *file = test_text("%s/metrics.jsonl", make_run("file", TWO));
    REFUSED(4, test_text("'%s' is a file; give the folder of a run", file), "plot", file);
    REFUSED(4, "no run folder ''", "plot", "");
}

static void damaged(int line, const char *part, const char *metrics)
{
    const char *run = make_run("damaged", metrics);
    REFUSED(4, test_text("%s/metrics.jsonl:%d: %s", run, line, part), "plot", run);
}

static void test_damaged(void **state)
{
    (void)state;
    damaged(2, "not a line of JSON", START "{\"event\":\n" TWO);
    damaged(4, "not a line of JSON", START TWO "{\"event\":\"epo\n");
    damaged(1, "not a line of JSON", "{\"event\":\"epoch\"} {}\n" TWO);
    damaged(2, "not a JSON object", START "3\n");
    damaged(2, "no \"event\" in it", START "{}\n");
    damaged(3, "\"epoch\" is not the number of an epoch", START "\n{\"event\":\"epoch\"}\n");
    damaged(1, "\"epoch\" is not the number of an epoch", EPOCH(1e30, 1, 1));
    damaged(1, "\"train_loss\" is not a number", EPOCH(1, "1", 1));
    damaged(1, "\"valid_accuracy\" is not a number", VALID(1, 1, 1, 1, true));
}

static void test_no_epoch(void **state)
{
    (void)state;
    const char *run = make_run("young", START);
    REFUSED(4, test_text("'%s' has no epoch yet", run), "plot", run);
    run = make_run("young", "");
    REFUSED(4, test_text("'%s' has no epoch yet", run), "plot", run);
    run = make_run("young", START "{\"event\":\"epoch\",\"epo");
    REFUSED(4, test_text("'%s' has no epoch yet", run), "plot", run);
}

/* Puts a script in gnuplot's place; NULL: there is none. */
static void stand_in(const char *script)
{
    const char *programs = in_folder("programs");
    assert_ok(clade__make_folder(programs));
    const char *path = test_text("%s/gnuplot", programs);
    unlink(path);
    if (script) {
        char text[1024];
        int n = snprintf(text, sizeof text, "#!/bin/sh\n%s\n", script);
        test_write_file(path, text, (size_t)n);
        assert_int_equal(chmod(path, 0755), 0);
    }
    assert_int_equal(setenv("PATH", programs, 1), 0);
}

#define READ_ALL "while read -r line; do :; done; "

static void test_gnuplot_fails(void **state)
{
    (void)state;
    const char *run = make_run("fails", TWO);
    const char *picture = kept(test_text("%s/curves.svg", run));
    test_write_file(picture, "old", 3);

    stand_in(NULL);
    REFUSED(1, "install the package gnuplot-nox (see tools/packages.txt)", "plot", run);
    stand_in(READ_ALL "echo >&2; echo 'gnuplot> set x' >&2; echo '   ^' >&2;"
                      "echo 'line 0: out of ink' >&2; echo more >&2; exit 3");
    REFUSED(1, "gnuplot failed: line 0: out of ink\n", "plot", run);
    stand_in("exit 7");
    REFUSED(1, "gnuplot failed with status 7", "plot", run);
    stand_in("kill -9 $$");
    REFUSED(1, "gnuplot was ended by signal 9", "plot", run);
    stand_in(READ_ALL "echo a warning >&2");
    REFUSED(1, "gnuplot drew nothing: a warning", "plot", run);
    /* It says more than a pipe holds before it reads, and then does not read at all. */
    stand_in(
        "i=0; while [ $i -lt 3000 ]; do echo 'a line of more than forty characters, many times'"
        " >&2; i=$((i + 1)); done; exit 1");
    REFUSED(1, "gnuplot failed: a line of more", "plot", run);

    /* What was there is there still, and nothing else. */
    char *text = read_text(picture);
    assert_string_equal(text, "old");
    free(text);
}

static void test_not_writable(void **state)
{
    (void)state;
    const char *run = make_run("full", TWO);
    stand_in(READ_ALL "echo a picture");
    REFUSED(1, "No such file or directory", "plot", run, "--output", in_folder("absent/x.svg"));
    const char *taken = in_folder("taken.svg");
    assert_ok(clade__make_folder(taken));
    REFUSED(1, test_text("cannot write '%s'", taken), "plot", run, "--output", taken);
    if (geteuid() == 0) return; /* root may write anywhere */
    assert_int_equal(chmod(run, 0555), 0);
    REFUSED(1, "Permission denied", "plot", run);
    assert_int_equal(chmod(run, 0755), 0);
}

/* ---- train --plot ---------------------------------------------------------------------------- */

/* That gnuplot is missing is told before anything is trained; tests/test_plot_train.c trains. */
static void test_train_needs_gnuplot(void **state)
{
    (void)state;
    const char *run = in_folder("untrained");
    stand_in(NULL);
    REFUSED(1, "gnuplot-nox", "train", "--model", "mlp:8", "--data", "digits?n=200", "--plot",
            "--run", run);
    assert_int_not_equal(access(run, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_run),
        cmocka_unit_test(test_many_epochs),
        cmocka_unit_test(test_several_runs),
        cmocka_unit_test(test_working_directory),
        cmocka_unit_test(test_png),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_odd_runs),
        cmocka_unit_test(test_still_written),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_no_run),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_no_epoch),
        cmocka_unit_test_teardown(test_gnuplot_fails, restore_path),
        cmocka_unit_test_teardown(test_not_writable, restore_path),
        cmocka_unit_test_teardown(test_train_needs_gnuplot, restore_path),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

/* What NumPy itself writes, read: tests/numpy_files.py makes arrays of every type, order and shape, and
 * archives, and says what is in them. And what a message advises, done by NumPy, is accepted. Skipped
 * without Python and NumPy. */
#include "support.h"

#include <stdio.h>

#include "base/file.h"
#include "data/dataset.h"
#include "python.h"

#define SKIPPED 77

static char folder[256], script[512];

static void run_script(const char *mode)
{
    assert_int_equal(python_run((const char *const[]){script, mode, folder, NULL}), 0);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s", test_folder());
    snprintf(script, sizeof script, "%s/tests/numpy_files.py", getenv("CLADE_TEST_SOURCE"));
    run_script("write");
    return 0;
}

/* A whole file, with a zero byte behind it; malloc'd. */
static void *read_file(const char *path, size_t *n_bytes)
{
    unsigned char *bytes;
    assert_ok(clade__file_read(path, &bytes, n_bytes));
    return bytes;
}

static void assert_case(const char *spec, const char *part, const char *x_path, const char *y_path)
{
    clade_data *data;
    size_t n;
    assert_ok(clade_data_open_part(&data, test_text("npy:%s", spec), part));
    int64_t n_values = data->n_samples * clade__data_cols(data);
    float *x = read_file(x_path, &n);
    assert_int_equal(n, (size_t)n_values * sizeof *x);
    for (int64_t i = 0; i < n_values; i++) {
        float got = data->dtype == CLADE_UINT8 ? (float)((uint8_t *)data->values)[i]
                                               : ((float *)data->values)[i];
        if (memcmp(&got, &x[i], sizeof got) == 0) continue;
        print_error("%s: value %d is %.9g, want %.9g\n", spec, (int)i, (double)got, (double)x[i]);
        fail();
    }
    free(x);
    if (strcmp(y_path, "-") == 0) {
        assert_null(data->labels);
    } else {
        int32_t *y = read_file(y_path, &n);
        assert_int_equal(n, (size_t)data->n_samples * sizeof *y);
        assert_memory_equal(data->labels, y, n);
        free(y);
    }
    clade_data_free(data);
}

static void reads_what_numpy_writes(void **state)
{
    (void)state;
    size_t n;
    int n_cases = 0;
    char *text = read_file(test_text("%s/cases.txt", folder), &n), *line = text;
    for (char *end; (end = strchr(line, '\n')); line = end + 1, n_cases++) {
        const char *words[4] = {line};
        *end = '\0';
        for (int i = 1; i < 4; i++) {
            char *tab = strchr(words[i - 1], '\t');
            assert_non_null(tab);
            *tab = '\0';
            words[i] = tab + 1;
        }
        assert_case(words[0], words[1], words[2], words[3]);
    }
    free(text);
    print_message("%d specs\n", n_cases);
    assert_true(n_cases > 200);
}

/* ---- advice ---------------------------------------------------------------------------------- */

/* Copies the next expression of NumPy's that a message advises, as "x.astype('<f4')": the first one behind
 * "save ", the others behind commas, each to where no parenthesis is open and it says for what. Where
 * it ends, or NULL. */
static const char *next_expression(const char *at, bool first, char *out, size_t room)
{
    const char *start = strstr(at, first ? "save " : ", ");
    if (!start) return NULL;
    start += first ? 5 : 2;
    int depth = 0;
    size_t n = 0;
    for (; start[n] && (depth > 0 || !strchr(",; ", start[n])); n++)
        depth += (start[n] == '(') - (start[n] == ')');
    assert_true(n + 1 < room);
    memcpy(out, start, n);
    out[n] = '\0';
    return start + n;
}

/* Opens one of the files that are refused; the message is clade_error(). */
static clade_status open_bad(const char *name, const char *file)
{
    clade_data *data;
    bool samples = name[0] == 'x';
    clade_status status = clade_data_open(
        &data, samples ? test_text("npy:%s,%s/good_y.npy", file, folder)
                       : test_text("npy:%s/good_x.npy,%s", folder, file));
    if (status == CLADE_OK) clade_data_free(data);
    return status;
}

static void advice_is_accepted(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int n_expressions;
    } cases[] = {{"x_objects", 1}, {"x_texts", 1},   {"x_complex", 1}, {"x_dates", 1}, {"x_long", 1},
                 {"x_structured", 1}, {"x_rank", 1}, {"y_objects", 3}, {"y_rank", 1},  {"y_one_hot", 2},
                 {"y_latin", 1},   {"y_numbers", 1}, {"y_structured", 1}};
    enum { N_CASES = sizeof cases / sizeof cases[0] };
    FILE *list = fopen(test_text("%s/advice.txt", folder), "w");
    assert_non_null(list);
    for (int i = 0; i < N_CASES; i++) {
        char source[512], expression[256];
        snprintf(source, sizeof source, "%s/bad_%s.npy", folder, cases[i].name);
        assert_int_equal(open_bad(cases[i].name, source), CLADE_EDATA);
        const char *at = clade_error();
        int n = 0;
        for (; (at = next_expression(at, n == 0, expression, sizeof expression)); n++)
            fprintf(list, "%s\t%s\t%s/%s%d.npy\n", source, expression, folder, cases[i].name, n);
        if (n != cases[i].n_expressions) print_error("%s: %s\n", cases[i].name, clade_error());
        assert_int_equal(n, cases[i].n_expressions);
    }
    fclose(list);
    run_script("advise");
    for (int i = 0; i < N_CASES; i++)
        for (int k = 0; k < cases[i].n_expressions; k++) {
            clade_status status =
                open_bad(cases[i].name, test_text("%s/%s%d.npy", folder, cases[i].name, k));
            if (status != CLADE_OK) print_error("%s, advice %d: %s\n", cases[i].name, k, clade_error());
            assert_int_equal(status, CLADE_OK);
        }
}

/* The column whose numbers float32 makes one has them apart afterwards. */
static void advice_of_a_note(void **state)
{
    (void)state;
    clade_data *data;
    char spec[512];
    snprintf(spec, sizeof spec, "npy:%s/bad_x_merged.npy", folder);
    assert_ok(clade_data_open(&data, spec));
    const char *note = clade_data_note(data, 0);
    assert_non_null(note);
    const char *expression = strstr(note, "save x - x.mean(axis=0)");
    assert_non_null(expression);
    const char *line = test_text("%s\t%s\t%s/apart.npy\n", spec + 4, expression + 5, folder);
    test_write_file(test_text("%s/advice.txt", folder), line, strlen(line));
    clade_data_free(data);
    run_script("advise");
    assert_ok(clade_data_open(&data, test_text("npy:%s/apart.npy", folder)));
    assert_null(clade_data_note(data, 0));
    for (int i = 0; i < 4; i++) assert_true(((float *)data->values)[2 * i] == (float)i - 1.5f);
    clade_data_free(data);
}

int main(void)
{
    if (!getenv("CLADE_TEST_SOURCE")) {
        fprintf(stderr, "SKIPPED: CLADE_TEST_SOURCE does not name the source folder\n");
        return SKIPPED;
    }
    if (!python_has("numpy.lib.recfunctions")) {
        fprintf(stderr, "SKIPPED: no %s with NumPy\n", python_name());
        return SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_numpy_writes),
        cmocka_unit_test(advice_is_accepted),
        cmocka_unit_test(advice_of_a_note),
    };
    return cmocka_run_group_tests_name("numpy", tests, set_up, NULL);
}

/* CSV files that are read in several parts, on several threads: the same tables and the same errors. */
#include "support.h"

#include <stdio.h>

#include "base/parallel.h"
#include "tables.h"

/* Rows whose quoted cells hold line breaks of all kinds, quotes and separators, of many lengths. */
static char *make_table(int n_rows)
{
    static const char *const pieces[] = {"\n", "\"\"", ",",         "\r",
                                         "a",  "\r\n", "\"\",\"\"", "1,2\n3,4\n"};
    char *text = malloc((size_t)n_rows * 400 + 64), *to = text;
    assert_non_null(text);
    to += sprintf(to, "n,\"te\n\"\"xt\",x,word\r\n");
    for (int i = 0; i < n_rows; i++) {
        to += sprintf(to, "%d,\"", i);
        for (int k = 0; k < i * 7 % 30; k++) to += sprintf(to, "%s", pieces[(i + k * k) % 8]);
        to += sprintf(to, "\",%.17g,w%d%s", (double)i / 7, i * i % 13,
                      i % 3 == 0   ? "\r\n"
                      : i % 3 == 1 ? "\n"
                                   : "\r");
    }
    return text;
}

static void same_with_any_threads(void **state)
{
    (void)state;
    enum { N = 150 };
    static const int n_threads[] = {1, 2, 7, 40};
    char *text = make_table(N), *first = NULL;
    (void)table_write(text);
    for (int i = 0; i < 4; i++) {
        clade__parallel_set(n_threads[i], n_threads[i]);
        clade__csv_file file = {0};
        assert_ok(clade__csv_file_open(&file, table_path(), &(clade__csv_dialect){0}));
        assert_int_equal(file.n_rows, N);
        int64_t line = clade__csv_file_line(&file, N - 1);
        const char *all = test_text("%d lines", (int)line);
        const char *got = table_show(&file, "a");
        if (i == 0) {
            first = malloc(strlen(got) + strlen(all) + 1);
            assert_non_null(first);
            strcpy(first, all);
            strcat(first, got);
            assert_true(strlen(got) > 6000 && strstr(got, "w1/"));
        } else {
            assert_memory_equal(first, all, strlen(all));
            assert_string_equal(first + strlen(all), got);
        }
        clade__csv_file_close(&file);
    }
    free(first);
    free(text);
}

/* The first error of a file is told, wherever it is, and whatever it makes of the quotes behind. */
static void same_errors_with_any_threads(void **state)
{
    (void)state;
    for (int bad = 0; bad < 400; bad += 57) {
        char text[8192], *to = text;
        for (int i = 0; i < 400; i++)
            to += sprintf(to,
                          i == bad                ? "1,2\"%d\n"
                          : i > bad && i % 5 == 0 ? "1,\"\n%d\n"
                                                  : "1,\"%d\"\n",
                          i);
        for (int n = 1; n < 9; n++) {
            clade__parallel_set(n, n);
            assert_no_table(text, "   n", "a",
                            test_text(TABLE_NAME ":%d: a quote inside a cell", bad + 1));
        }
    }
    for (int n = 1; n < 9; n++) { /* texts: of the first column that has such */
        clade__parallel_set(n, n);
        assert_no_table("1,\xff,a\n2,b,\xff\n3,\xff,\xff\n4,c,d\n5,\xfe,e\n", "   n", "t",
                        TABLE_NAME ":1: column 2 has '\xff', want text in UTF-8");
    }
    for (int n = 1; n < 9; n++) { /* numbers */
        clade__parallel_set(n, n);
        char text[8192], *to = text;
        for (int i = 0; i < 400; i++)
            to += sprintf(to, i == 301 || i == 250 ? "1,x\n" : "1,%d\n", i);
        assert_no_table(text, "   n", "n", TABLE_NAME ":251: column 2 has 'x', want a number");
    }
}

/* Comments may hold quotes, which are not counted then. */
static void comments_with_any_threads(void **state)
{
    (void)state;
    for (int n = 1; n < 9; n++) {
        clade__parallel_set(n, n);
        assert_table("#it's \"\n1,\"2\n\"\n# \"\n3,4\n#\"\n#\n5,6\n7,8\n", "  #n", "a",
                     "1|2\n/3|4/5|6/7|8");
        assert_table("#it's \"\n1,2\n# \"\n3,4\n#\"\n#\n5,6\n7,8\n# more text\n", "  #n", "a",
                     "1|2/3|4/5|6/7|8");
    }
}

/* Larger than a window and a part, with rows that are longer than a window. */
static void large(void **state)
{
    (void)state;
    enum { N = 60000, LONG = 700000 };
    char *text = malloc(N * 40 + LONG + 64), *to = text;
    assert_non_null(text);
    for (int i = 0; i < N; i++) {
        to += sprintf(to, "%d,t%d,%.3f\n", i, i * 31 % 20011, i / 8.0);
        if (i != N / 2) continue;
        to += sprintf(to, "-1,\"");
        memset(to, 'z', LONG);
        to += LONG;
        to += sprintf(to, "\n\",0\n");
    }
    (void)table_write(text);
    for (int n = 0; n < 4; n++) {
        clade__parallel_set(n, n);
        clade__csv_file file = {0};
        clade__csv_column c[3];
        clade__csv_dialect given = table_dialect("   n");
        assert_ok(clade__csv_file_open(&file, table_path(), &given));
        assert_int_equal(file.n_rows, N + 1);
        assert_ok(clade__csv_file_read(&file, (clade__csv_want[]){1, 1, 1}, c));
        assert_int_equal(c[1].n_texts, 20012);
        for (int i = 0, row = 0; i < N; i++, row++) {
            assert_true(c[0].numbers[row] == i && c[2].numbers[row] == i / 8.0);
            assert_string_equal(c[1].texts[c[1].codes[row]], test_text("t%d", i * 31 % 20011));
            if (i != N / 2) continue;
            row++;
            assert_true(c[0].numbers[row] == -1.0);
            assert_int_equal(strlen(c[1].texts[c[1].codes[row]]), LONG + 1);
        }
        clade__csv_columns_free(c, 3);
        clade__csv_file_close(&file);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(same_with_any_threads, table_usual_threads),
        cmocka_unit_test_teardown(same_errors_with_any_threads, table_usual_threads),
        cmocka_unit_test_teardown(comments_with_any_threads, table_usual_threads),
        cmocka_unit_test_teardown(large, table_usual_threads),
    };
    return cmocka_run_group_tests_name("csv_threads", tests, table_set_folder, NULL);
}

/* Whether the first row of a CSV file names its columns. */
#include "support.h"

#include <stdio.h>

#include "base/parallel.h"
#include "tables.h"

typedef enum decision { HEADER, DATA, UNCLEAR, NO_ROWS } decision;

typedef struct header_case {
    decision want;
    const char *text;
} header_case;

static decision decide(const char *text)
{
    clade__csv_file file = {0};
    (void)table_write(text);
    clade_status status = clade__csv_file_open(&file, table_path(), &(clade__csv_dialect){0});
    decision got = UNCLEAR;
    if (status == CLADE_OK) {
        got = file.names ? HEADER : DATA;
        assert_int_equal(file.dialect.header,
                         got == HEADER ? CLADE__CSV_HEADER_YES : CLADE__CSV_HEADER_NO);
    } else {
        assert_int_equal(status, CLADE_EDATA);
        if (strstr(clade_error(), "a header and no rows"))
            got = NO_ROWS;
        else if (!strstr(clade_error(), "header=yes or header=no"))
            fail_msg("'%s': %s", text, clade_error());
    }
    clade__csv_file_close(&file);
    return got;
}

static void check(const header_case *cases, size_t n)
{
    static const char *const names[] = {"a header", "data", "unclear", "a header without rows"};
    for (size_t i = 0; i < n; i++)
        for (int threads = 1; threads < 4; threads++) {
            clade__parallel_set(threads, threads);
            decision got = decide(cases[i].text);
            if (got != cases[i].want)
                fail_msg("'%s' begins with %s, want %s (%d threads)", cases[i].text, names[got],
                         names[cases[i].want], threads);
        }
    clade__parallel_set(0, 0);
}
#define CHECK(cases) check(cases, sizeof cases / sizeof *cases)

/* A text over numbers is a name. */
static void names_over_numbers(void **state)
{
    (void)state;
    static const header_case cases[] = {
        {HEADER, "a,b\n1,2\n"},
        {HEADER, "a,b,c\n1,,\n3,?,NA\n"},
        {HEADER, "a,0\n1,2\n"},
        {HEADER, "a,kind\n1,x\n2,y\n"}, /* one is enough, whatever the others are */
        {HEADER, "ok,n\ntrue,1\nfalse,2\n"},
        {HEADER, "true,pred\n3,1\n1,2\n"}, /* a name, over numbers */
        {HEADER, "a;b\n1,5;2\n"},
        {HEADER, "a,b,\n1,2,\n3,4,\n"},      /* lines that end in a separator */
        {HEADER, "\"1\",\"2\"\n5,6\n7,8\n"}, /* quoted, above what is not */
    };
    CHECK(cases);
}

static void values_on_top(void **state)
{
    (void)state;
    static const header_case cases[] = {
        {DATA, "1,2\n3,4\n"},
        {DATA, "?,1.5,0\n1,2,1\n3,4,0\n"},
        {DATA, ",2,1\n3,4,0\n"},
        {DATA, "NA,1\n3,4\n"},
        {DATA, "5.1,3.5,setosa\n4.9,3.0,virginica\n4,3,virginica\n"}, /* a number that is no name */
        {DATA, "-1,x\n1,y\n"},
        {DATA, "1e3,x\n1,y\n"},
        {DATA, "3,setosa\n4,virginica\n5,setosa\n"}, /* its text stands again */
        {DATA, "a,b\nc,d\na,e\n"},
        {DATA, "\"a\"\"b\",b\nc,d\n\"a\"\"b\",e\n"},
        {DATA, "true,1\nfalse,2\n"},
        {DATA, "1,5;3\n2,5;4\n"},
        {DATA, "1,5;3\n2;4\n1;7\n"}, /* the only decimal comma */
        {DATA, "\"1\",\"2\"\n\"5\",6\n\"7\",8\n"},
        {DATA, "1\n2\n"},
        {DATA, "?,0\n5,1\n"},
        {DATA, "1,0\n0,1\n"},
    };
    CHECK(cases);
}

/* The numbers of columns, as pandas writes them where there are no names. */
static void numbered(void **state)
{
    (void)state;
    static const header_case cases[] = {
        {UNCLEAR, "0,1,2\n5,6,7\n8,9,1\n"},
        {UNCLEAR, "0\n1\n2\n"},
        {DATA, "0,2,1\n5,6,7\n8,9,1\n"},
        {DATA, "1,2,3\n5,6,7\n8,9,1\n"},
        {HEADER, "0,1,label\n1.5,2,a\n3,4,b\n5,6,a\n"},
        {HEADER, "label,0,1\na,1.5,2\nb,3,4\na,5,6\n"},
        {UNCLEAR, "0,1,label\n1.5,2,a\n3,4,b\n5,6,c\n"}, /* no text repeats */
        {UNCLEAR, "0,1,bob\n0,0,ann\n1,1,ann\n"},        /* they stand again */
        {UNCLEAR, "0,spam\n1,ham\n2,ham\n"},             /* but one number */
        {UNCLEAR, "1,2,label\n5,2,a\n3,4,b\n5,6,a\n"},
        {UNCLEAR, "3,alice\n4,bob\n5,bob\n"},
        {UNCLEAR, "?,alice\n4,bob\n5,bob\n"},
        {HEADER, ",0,1\n0,5,6\n1,8,9\n"},  /* and numbers its rows */
        {UNCLEAR, ",0,1\n7,5,6\n3,8,9\n"}, /* or has other numbers for them */
        {UNCLEAR, ",0,1\nu,5,6\nv,8,9\n"},
        {HEADER, ",3,4\n1,5,6\n2,8,9\n3,1,1\n"},
        {HEADER, ",a\n0,x\n1,y\n"},
        {DATA, ",3,4\n1,5,6\n"}, /* one row counts nothing */
        {DATA, ",3,4\n2,5,6\n3,5,6\n"},
        {DATA, "?,3,4\n1,5,6\n2,8,9\n"}, /* not empty */
        {UNCLEAR, ",1.5\n0,5\n1,8\n"},   /* counts, but 1.5 is no name */
    };
    CHECK(cases);
}

static void texts_alone(void **state)
{
    (void)state;
    static const header_case cases[] = {
        {HEADER, "name,city\nann,rome\nbob,rome\n"},
        {UNCLEAR, "name,city\nann,rome\nbob,paris\n"},
        {UNCLEAR, "name\nann\nbob\n"},
        {HEADER, "name,city,\nann,rome,\nbob,rome,\n"},
        {UNCLEAR, "name,city\n?,rome\n?,paris\n"}, /* what is missing repeats nothing */
        {UNCLEAR, "a,1.5\nb,2\nx,u\n"},            /* 1.5 among texts says nothing */
        {UNCLEAR, "unknown,1.5\n3,2\n4,5\n"},      /* a text over numbers, and 1.5 */
    };
    CHECK(cases);
}

static void one_row(void **state)
{
    (void)state;
    static const header_case cases[] = {
        {DATA, "1,2\n"},       {DATA, "0,1\n"},
        {DATA, "1,?\n"},       {DATA, "5.1,3.5,setosa\n"},
        {DATA, "-1,x\n"},      {UNCLEAR, "3,alice\n"},
        {UNCLEAR, ",alice\n"}, {NO_ROWS, "a,b,c\n"},
        {DATA, "1,5;2,5\n"},
    };
    CHECK(cases);
    clade__csv_file file = {0};
    (void)table_write("a,b\n");
    assert_fails(clade__csv_file_open(&file, table_path(), &(clade__csv_dialect){0}), CLADE_EDATA,
                 "' has a header and no rows; where its only row is data, write header=no");
    clade__csv_file_close(&file);
    assert_ok(clade__csv_file_open(&file, table_path(),
                                   &(clade__csv_dialect){.header = CLADE__CSV_HEADER_NO}));
    assert_int_equal(file.n_rows, 1);
    assert_int_equal(clade__csv_file_kind(&file, 0), CLADE__CSV_TEXT);
    clade__csv_file_close(&file);
}

static void given(void **state)
{
    (void)state;
    clade__csv_file file = {0};
    const char *text = "\n# c\n0,1,label\n1,2,x\n";
    (void)table_write(text);
    assert_fails(clade__csv_file_open(&file, table_path(), &(clade__csv_dialect){0}), CLADE_EDATA,
                 "table.csv:3: cannot tell whether the first row names the columns ('0', '1', "
                 "'label'): write header=yes or header=no");
    clade__csv_file_close(&file);
    assert_ok(clade__csv_file_open(&file, table_path(),
                                   &(clade__csv_dialect){.header = CLADE__CSV_HEADER_YES}));
    assert_int_equal(file.n_rows, 1);
    assert_string_equal(file.names[2], "label");
    assert_int_equal(clade__csv_file_kind(&file, 0), CLADE__CSV_NUMBER);
    assert_int_equal(clade__csv_file_line(&file, 0), 4);
    clade__csv_file_close(&file);
    assert_ok(clade__csv_file_open(&file, table_path(),
                                   &(clade__csv_dialect){.header = CLADE__CSV_HEADER_NO}));
    assert_int_equal(file.n_rows, 2);
    assert_null(file.names);
    assert_int_equal(clade__csv_file_line(&file, 0), 3);
    clade__csv_file_close(&file);
    text = "0,1,2,3,4,long\n1,2,3,4,5,x\n";
    (void)table_write(text);
    assert_fails(clade__csv_file_open(&file, table_path(), &(clade__csv_dialect){0}), CLADE_EDATA,
                 "('0', '1', '2', '3', …)");
    clade__csv_file_close(&file);
}

/* A text far below the first rows counts as one near them. */
static void all_rows_count(void **state)
{
    (void)state;
    enum { N = 30000 };
    char *text = malloc(N * 8 + 64), *to = text;
    assert_non_null(text);
    to += sprintf(to, "none,3\n");
    for (int i = 0; i < N; i++) to += sprintf(to, "%d,4\n", i % 1000);
    assert_int_equal(decide(text), HEADER);
    sprintf(to, "none,3\n");
    assert_int_equal(decide(text), DATA);
    sprintf(to, "other,3\n");
    assert_int_equal(decide(text), UNCLEAR);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_over_numbers),
        cmocka_unit_test(values_on_top),
        cmocka_unit_test(numbered),
        cmocka_unit_test(texts_alone),
        cmocka_unit_test(one_row),
        cmocka_unit_test(given),
        cmocka_unit_test(all_rows_count),
    };
    return cmocka_run_group_tests_name("csv_header", tests, table_set_folder, NULL);
}

/* CSV files as text: dialects, rows, columns, damage, and from gzip. */
#include "support.h"

#include <stdio.h>

#include "tables.h"

/* ---- cells and rows ---------------------------------------------------------------------------- */

static void same_rows(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "1.5,x,3\n4,y,6\n",
        "1.5,x,3\n4,y,6",
        "1.5,x,3\r\n4,y,6\r\n",
        "1.5,x,3\r\n4,y,6\r",
        "1.5,x,3\r4,y,6\r",
        "1.5,x,3\r4,y,6",
        "\xef\xbb\xbf"
        "1.5,x,3\n4,y,6\n",
        "\"1.5\",\"x\",\"3\"\n4,\"y\",6\n",
        " 1.5 , x,\t3 \n4,y , \"6\" \n",
        "\n\n1.5,x,3\n \t\n\r\n4,y,6\n\n \n",
        "\r\r1.5,x,3\r\r4,y,6\r \r",
        "# of a program\n\n#! another, with, three\n1.5,x,3\n4,y,6\n",
        "# it's a \"quote\n1.5,x,3\n4,y,6\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_table(texts[i], "   n", "a", "1.5|x|3/4|y|6");
    assert_table("1,\n,2\n", "   n", "a", "1|~/~|2");
    assert_table("1,2,\n3,4,\n", "   n", "a", "1|2|~/3|4|~"); /* each line ends in a separator */
    assert_table("1,\"\"\n\"\",2\n", "   n", "a", "1|~/~|2");
    assert_table("x\ny\n\"\"\n", "   n", "a", "x/y/~");
    assert_table("5\n", "   n", "a", "5");
}

static void quotes(void **state)
{
    (void)state;
    assert_table("\"a,\"\"\n\",\"b\rc\"\n1,\"x \"\"y\"\"\"\n2,\"\"\"\"\n", "   y", "a",
                 "a,\"\n|b\rc:1|x \"y\"/2|\"");
    assert_table("1,\" a \"\n2,a\n", "   n", "a", "1| a /2|a"); /* blanks in quotes stay */
    assert_table("1,\"a\"\"b\"\n2,\"a\"\"b\"\n3,\"a\"\"c\"\n", "   n", "a", "1|a\"b/2|a\"b/3|a\"c");
}

static void comments(void **state)
{
    (void)state;
    assert_table("1,2\n# x\n3,4\n#\n", "  #n", "a", "1|2/3|4");
    assert_table("%% x\n1,2\n%\"\n3,4\n", "  %n", "a", "1|2/3|4");
    assert_table("#a,b\n1,2\n", "  #n", "a", "1|2");
    assert_table("#a,b\n1,2\n", "  \ny", "a", "#a|b:1|2");
    assert_table("a,b\n#1,2\n#2,3\n", "   y", "a", "a|b:#1|2/#2|3"); /* a row is no comment */
    assert_table("#note\n1\n2\n", "   n", "a", "1/2");
    assert_no_table("# x\n#a,b\n1,2\n", "", "a",
                    TABLE_NAME
                    ":2: the line begins with '#' and has as many cells as the rows: write "
                    "comment=# to pass over it, or comment=none where it is a row");
    assert_no_table("# a\n# b\n", "", "a", "' holds nothing but blanks and comments");
    assert_no_table("1,2\n# x\n3,4\n", "   n", "a", TABLE_NAME ":2: 1 cell, want 2");
    clade__csv_file file = {0};
    assert_ok(table_open(&file, "# of a program\n1,2\n3,4\n", ""));
    assert_int_equal(file.dialect.comment, '#');
    clade__csv_file_close(&file);
    assert_ok(table_open(&file, "1,2\n3,4\n", ""));
    assert_int_equal(file.dialect.comment, '\0');
    clade__csv_file_close(&file);
}

/* ---- separators and decimal marks -------------------------------------------------------------- */

static void assert_dialect(const char *text, char separator, char decimal, int n_cols)
{
    clade__csv_file file = {0};
    clade__csv_dialect given = {.header = CLADE__CSV_HEADER_NO};
    (void)table_write(text);
    assert_ok(clade__csv_file_open(&file, table_path(), &given));
    if (file.dialect.separator != separator || file.dialect.decimal != decimal ||
        file.n_cols != n_cols)
        fail_msg("'%s': separator '%c', decimal '%c', %d columns", text, file.dialect.separator,
                 file.dialect.decimal, file.n_cols);
    clade__csv_file_close(&file);
}

static void separators(void **state)
{
    (void)state;
    assert_dialect("1,2\n3,4\n", ',', '.', 2);
    assert_dialect("1;2\n3;4\n", ';', '.', 2);
    assert_dialect("1\t2\n\t4\n", '\t', '.', 2);
    assert_dialect("1|2\n3|4\n", '|', '.', 2);
    assert_dialect("1,5;2,5\n3,25;4,5\n", ';', ',', 2); /* commas cut both rows in three */
    assert_dialect("a;b\n1,5;2\n", ';', ',', 2);
    assert_dialect("1,5;b\n2;2\n", ';', ',', 2);
    assert_dialect("a;b\n1,5;2\nx;3\n", ';', '.', 2); /* a column of texts needs none */
    assert_dialect("1\t1,5\n2\t2,5\n", '\t', ',', 2);
    assert_dialect("Ann, B;Rome\nBob, C;Rome\n", ';', '.', 2);
    assert_dialect("x;y,2\nu;v,3\n", ',', '.', 2); /* 'x;y' and a number, not two texts */
    assert_dialect("\"a,b\";2\n\"c\";4\n", ';', '.', 2);
    assert_dialect("\"a;b\",\"2\"\n\"c;d\",4\n", ',', '.', 2);
    assert_dialect("1\n2\n", ',', '.', 1);
    assert_dialect("a b\nc d\n", ',', '.', 1);
    assert_dialect("\"1,5\",2\n\"2,5\",3\n", ',', '.', 2); /* only if it is given: */
    assert_table("\"1,5\",2\n\"2,5\",3\n", ",, n", "a", "1.5|2/2.5|3");
    assert_table("1,5;2\n2,5;3\n", " . n", "a", "1,5|2/2,5|3");
    assert_table("1.5;2\n2,5;3\n", " , n", "a", "1.5|2/2,5|3");
    assert_table("1,5;2\n2,5;3\n", ",  n", "a", "1|5;2/2|5;3");
    assert_table("1,5;2\n2,5;3\n", ";  n", "a", "1.5|2/2.5|3");
    assert_table("wert;name\n-1,5e-1;a\n,25;b\n1.000,5;a\n", ";  y", "ta",
                 "wert|name:-1,5e-1|a/,25|b/1.000,5|a");
    assert_table("a;1,5\n2,5;b\n", "   n", "a", "a|1,5/2,5|b"); /* no column needs it */
    assert_no_table(
        "1,5;2.5\n2;3\n", "", "a",
        "' has numbers with decimal commas in column 1 and with decimal points in column 2: "
        "write decimal=. or decimal=,");
    assert_no_table("1,2\n3\n", "", "a",
                    TABLE_NAME ":2: 1 cell, want 2 as in line 1; ',' separates cells");
    assert_no_table("1\n2;3\n", "", "a",
                    TABLE_NAME ":2: 2 cells, want 1 as in line 1; ';' separates");
    assert_no_table("1\t\n2\n", "", "a",
                    TABLE_NAME ":2: 1 cell, want 2 as in line 1; a tab separates");
}

static void bad_dialects(void **state)
{
    (void)state;
    static const struct {
        const char *options, *part;
    } cases[] = {
        {"x", "'x' separates no cells; want one of , ; | or a tab"},
        {" ;", "';' is no decimal mark; want . or ,"},
        {"; ;", "';' cannot begin a comment"},
        {"  \"", "'\"' cannot begin a comment"},
    };
    (void)table_write("1,2\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        clade__csv_file file = {0};
        clade__csv_dialect given = table_dialect(cases[i].options);
        assert_fails(clade__csv_file_open(&file, table_path(), &given), CLADE_EINVAL,
                     cases[i].part);
        clade__csv_file_close(&file);
    }
}

/* ---- columns ----------------------------------------------------------------------------------- */

static void kinds(void **state)
{
    (void)state;
    assert_table("1,1,true\n?,a,FALSE\n-1e-3,1.0,\n", "   n", "a", "1|1|1/~|a|0/-0.001|1.0|~");
    assert_table("1,1,true\n?,a,FALSE\n-1e-3,1.0,\n", "   n", "t",
                 "1|1|true/~|a|FALSE/-1e-3|1.0|~");
    assert_table("1,1,true\n?,a,FALSE\n-1e-3,1.0,\n", "   n", "sas", "|1|/|a|/|1.0|");
    assert_table("true\n0\n1\nFalse\n", "   n", "a", "1/0/1/0");
    assert_table("true\n2\n", "   n", "a", "true/2");
    assert_table("true\nx\n", "   n", "a", "true/x");
    assert_table("NA,NA\n,x\n", "   n", "a", "~|~/~|x"); /* nothing but missing: numbers */
    assert_table("9007199254740993,9007199254740993\n9007199254740992,9007199254740992\n", "   n",
                 "at", "9007199254740992|9007199254740993/9007199254740992|9007199254740992");
    assert_table("0.1\n0.30000000000000004\n123456789012345678\n5e-324\n1.7976931348623157e308\n",
                 "   n", "a",
                 "0.10000000000000001/0.30000000000000004/1.2345678901234568e+17/"
                 "4.9406564584124654e-324/1.7976931348623157e+308");
    clade__csv_file file = {0};
    clade__csv_column c[3];
    assert_ok(table_open(&file, "b,1,true\na,2,\nb,NaN,false\n,4,true\n", ""));
    assert_int_equal(clade__csv_file_kind(&file, 0), CLADE__CSV_TEXT);
    assert_int_equal(clade__csv_file_kind(&file, 1), CLADE__CSV_NUMBER);
    assert_ok(clade__csv_file_read(&file, (clade__csv_want[]){1, 1, 2}, c));
    assert_true(c[0].n_texts == 2 && c[0].n_missing == 1 && !c[0].numbers && !c[0].boolean);
    assert_string_equal(c[0].texts[0], "b"); /* as the file has them first */
    assert_string_equal(c[0].texts[1], "a");
    assert_memory_equal(c[0].codes, ((int32_t[]){0, 1, 0, -1}), 16);
    assert_true(c[1].n_missing == 1 && c[1].n_texts == 0 && !c[1].codes && !c[1].boolean);
    assert_true(c[2].n_missing == 1 && c[2].boolean && c[2].numbers[0] == 1.0);
    clade__csv_columns_free(c, 3);
    clade__csv_file_close(&file);
    assert_ok(
        table_open(&file,
                   "9007199254740992,1,9007199254740993.5\n9007199254740993,2,1e300\n"
                   "-9007199254740993,3,0\n\"9007199254740994\",4,1\n99999999999999999999,5,2\n",
                   ""));
    assert_ok(clade__csv_file_read(&file, (clade__csv_want[]){1, 1, 1}, c));
    assert_int_equal(c[0].n_beyond, 5);
    assert_true(c[1].n_beyond == 0 && c[2].n_beyond == 0);
    clade__csv_columns_free(c, 3);
    clade__csv_file_close(&file);
}

static void missing(void **state)
{
    (void)state;
    static const char *const yes[] = {"",    "NA",   "N/A",    "n/a",      "NaN",
                                      "nan", "NAN",  "null",   "NULL",     "None",
                                      "?",   "-",    "#N/A",   "<NA>",     "-nan",
                                      "#NA", "-NaN", "1.#IND", "-1.#QNAN", "#N/A N/A"};
    static const char *const no[] = {"none", "na",      "0", "--",   "??",
                                     "N",    "missing", " ", "NAN0", "Null"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        assert_true(clade__csv_is_missing(yes[i]));
        assert_table(test_text("1.5,\"%s\"\n2,3\n", yes[i]), "   n", "a", "1.5|~/2|3");
        assert_table(test_text("1.5,\"%s\"\n2,x\n", yes[i]), "   n", "a", "1.5|~/2|x");
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) assert_false(clade__csv_is_missing(no[i]));
}

static void cell_errors(void **state)
{
    (void)state;
    assert_no_table("a,b\n1,2\n1,x\n", "", "n",
                    TABLE_NAME ":3: column 2 ('b') has 'x', want a number");
    assert_no_table("1.5,2\n\n1,x\n", "   n", "n",
                    TABLE_NAME ":3: column 2 has 'x', want a number");
    assert_no_table("1.5,true\n1,2\n", "   n", "n",
                    TABLE_NAME ":1: column 2 has 'true', want a number");
    assert_no_table("1.5,2\n1,inf\n", "   n", "a",
                    TABLE_NAME ":2: column 2 has 'inf', want a finite number");
    assert_no_table("1.5,2\n1,1e999\n", "   n", "a", "has '1e999', want a finite number");
    assert_no_table("1.5,2\n-Infinity,1\n", "   n", "a",
                    ":2: column 1 has '-Infinity', want a finite");
    assert_no_table("1.5,0x1\n2,3\n", "   n", "n", "has '0x1', want a number");
    assert_no_table("1,\"x\"\"\ny\"\n", "   n", "n",
                    TABLE_NAME ":1: column 2 has 'x\" y', want a number");
    assert_no_table("x,tier\n1,Pferd\n1,K\xfche\n1,K\xfche\n", "   y", "a",
                    TABLE_NAME
                    ":3: column 2 ('tier') has 'K\xfche', want text in UTF-8; convert the file "
                    "to UTF-8, as by iconv -f latin1 -t utf-8");
    assert_no_table("x,K\xfche\n1,2\n", "   y", "a",
                    TABLE_NAME
                    ":1: the name of column 2, 'K\xfche', is not UTF-8; convert the file");
    clade__csv_file file = {0};
    (void)table_write("a,\"b\nc\"\r\n1,\r\n\r\n\"2\n\",NA\r\n3,4");
    clade__csv_dialect given = table_dialect("   y");
    assert_ok(clade__csv_file_open(&file, table_path(), &given));
    assert_int_equal(file.n_rows, 3);
    assert_int_equal(clade__csv_file_line(&file, 0), 3);
    assert_int_equal(clade__csv_file_line(&file, 1), 5);
    assert_int_equal(clade__csv_file_line(&file, 2), 7);
    assert_fails(clade__csv_fail(&file, 0, 1, "a label"), CLADE_EDATA,
                 TABLE_NAME ":3: column 2 ('b c') is empty: a value is missing");
    assert_fails(clade__csv_fail(&file, 1, 1, "a label"), CLADE_EDATA,
                 TABLE_NAME ":5: column 2 ('b c') has 'NA', want a label");
    assert_fails(clade__csv_fail(&file, 2, 0, "a label"), CLADE_EDATA,
                 TABLE_NAME ":7: column 1 ('a') has '3', want a label");
    clade__csv_file_close(&file);
}

/* ---- damage ------------------------------------------------------------------------------------ */

static void damaged(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "' is empty"},
        {"\n \r\n", "' holds nothing but blanks"},
        {"\xef\xbb\xbf", "' holds nothing but blanks"},
        {"\xff\xfe"
         "1",
         "' is text in UTF-16; convert the file to UTF-8, as by iconv -f utf-16 -t utf-8"},
        {"\xfe\xff", "' is text in UTF-16"},
        {"1,2\n3,4\n5,6,7\n", TABLE_NAME ":3: 3 cells, want 2 as in line 1"},
        {"# c\na,\"x\ny\"\n3,4\n5,6,7\n", TABLE_NAME ":5: 3 cells, want 2 as in line 2"},
        {"1,\"2\n3,4\n", TABLE_NAME ":1: a quote that is opened here is not closed"},
        {"1,2\n3,\"4", TABLE_NAME ":2: a quote that is opened here is not closed"},
        {"1,2\n3,\"4\"5\n",
         TABLE_NAME ":2: text after a closing quote; a quote inside is written \"\""},
        {"1,2\r3,4\"5\n", TABLE_NAME ":2: a quote inside a cell that does not begin with one"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_no_table(cases[i].text, "   n", "a", cases[i].part);
    assert_no_table("a,b\n", "   y", "a", "' has a header and no rows");
    static const char *const zeros[] = {"1,2\n3,\0", "1,2\n3\0,4\n", "1,2\n\"3\0\",4\n",
                                        "1,2\n\0\n"};
    static const size_t n_zeros[] = {7, 9, 11, 6};
    for (int i = 0; i < 4; i++) {
        clade__csv_file file = {0};
        test_write_file(table_path(), zeros[i], n_zeros[i]);
        assert_fails(clade__csv_file_open(&file, table_path(), &(clade__csv_dialect){0}),
                     CLADE_EDATA, TABLE_NAME ":2: a zero byte: this is not text, or not UTF-8");
        clade__csv_file_close(&file);
    }
    clade__csv_file file = {0};
    assert_fails(clade__csv_file_open(&file, "/nonexistent.csv", &(clade__csv_dialect){0}),
                 CLADE_EIO, "cannot open '/nonexistent.csv'");
    clade__csv_file_close(&file);
    assert_fails(clade__csv_file_open(&file, "/tmp", &(clade__csv_dialect){0}), CLADE_EIO,
                 "not a regular file");
    clade__csv_file_close(&file);
}

static void too_many_columns(void **state)
{
    (void)state;
    size_t n = 1000001;
    char *text = malloc(n + 1);
    assert_non_null(text);
    memset(text, ',', n);
    text[n] = '\0';
    assert_no_table(text, "   n", "a", "' has 1000002 columns, more than 1000000");
    free(text);
}

/* A file that is written anew behind the reader's back is an error, never a wrong table. */
static void changed(void **state)
{
    (void)state;
    static const char *const after[] = {"1,2\n3,4\n5,6\n9,9\n", "1,2\n3,4\n        ",
                                        "1,2\n3,4,5\n6", "1"};
    for (size_t i = 0; i < 4; i++) {
        clade__csv_file file = {0};
        clade__csv_column columns[2];
        (void)table_write("1,2\n3,44\n5,6\n");
        clade__csv_dialect given = table_dialect("   n");
        assert_ok(clade__csv_file_open(&file, table_path(), &given));
        FILE *f = fopen(table_path(), "w"); /* the same file, unlike test_write_file's */
        assert_non_null(f);
        fputs(after[i], f);
        fclose(f);
        clade_status status = clade__csv_file_read(&file, (clade__csv_want[]){2, 2}, columns);
        if (i == 0)
            assert_int_equal(status, CLADE_EDATA);
        else
            assert_true(status == CLADE_EDATA || status == CLADE_EIO);
        clade__csv_file_close(&file);
    }
}

/* ---- gzip -------------------------------------------------------------------------------------- */

static void gzipped(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf"
                               "a;b\n1,5;x\n2;y\n";
    unsigned char packed[512] = {0};
    size_t n = test_gzip(packed, 256, text, sizeof text - 1);
    test_write_file(table_path(), packed, n + 100); /* padded with zeros */
    clade__csv_file file = {0};
    assert_ok(clade__csv_file_open(&file, table_path(), &(clade__csv_dialect){0}));
    assert_string_equal(table_show(&file, "a"), "a|b:1.5|x/2|y");
    assert_int_equal(clade__csv_file_line(&file, 1), 3);
    clade__csv_file_close(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_rows),    cmocka_unit_test(quotes),
        cmocka_unit_test(comments),     cmocka_unit_test(separators),
        cmocka_unit_test(bad_dialects), cmocka_unit_test(kinds),
        cmocka_unit_test(missing),      cmocka_unit_test(cell_errors),
        cmocka_unit_test(damaged),      cmocka_unit_test(too_many_columns),
        cmocka_unit_test(changed),      cmocka_unit_test(gzipped),
    };
    return cmocka_run_group_tests_name("csv_file", tests, table_set_folder, NULL);
}

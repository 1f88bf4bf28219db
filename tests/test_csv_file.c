/* CSV files as text: dialects, rows, columns, damage; on several threads and from gzip. */
#include "support.h"

#include <pthread.h>
#include <stdio.h>

#include "base/parallel.h"
#include "data/csv_file.h"

#define FILE_NAME "table.csv"
static char path[300];

static int set_folder(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/" FILE_NAME, test_folder());
    return 0;
}

static int all_threads(void **state)
{
    (void)state;
    clade__parallel_set(0, 0);
    return 0;
}

/* A dialect of options, one character each: separator, decimal, comment, header (y, n); ' ': found. */
static clade__csv_dialect dialect(const char *options)
{
    char c[4] = {0};
    for (int i = 0; i < 4 && options[i]; i++) c[i] = options[i] == ' ' ? '\0' : options[i];
    return (clade__csv_dialect){c[0], c[1], c[2],
                                c[3] == 'y'   ? CLADE__CSV_HEADER_YES
                                : c[3] == 'n' ? CLADE__CSV_HEADER_NO
                                              : CLADE__CSV_HEADER_AUTO};
}

/* The cells of all columns as text, rows by '/', cells by '|': numbers as %.17g, '~' where missing;
 * the header, if there is one, before ':'. Reads with these wants, one character a column: a, n, t
 * or s for AUTO, NUMBER, TEXT, SKIP; the last one is for all others. Valid until the next call. */
static const char *show(const clade__csv_file *file, const char *wants)
{
    static char out[1 << 16];
    clade__csv_want want[64];
    clade__csv_column columns[64];
    assert_true(file->n_cols <= 64 && file->n_rows > 0);
    for (int i = 0; i < file->n_cols; i++) {
        want[i] = *wants == 'a'   ? CLADE__CSV_AUTO
                  : *wants == 'n' ? CLADE__CSV_NUMBER
                  : *wants == 't' ? CLADE__CSV_TEXT
                                  : CLADE__CSV_SKIP;
        if (wants[1]) wants++;
    }
    assert_ok(clade__csv_file_read(file, want, columns));
    size_t n = 0;
    out[0] = '\0';
    for (int i = 0; file->names && i < file->n_cols; i++)
        n += (size_t)sprintf(out + n, "%s%c", file->names[i], i == file->n_cols - 1 ? ':' : '|');
    for (int64_t row = 0; row < file->n_rows && n < sizeof out - 4096; row++) {
        for (int i = 0; i < file->n_cols; i++) {
            const clade__csv_column *c = &columns[i];
            if (i > 0) out[n++] = '|';
            if (c->numbers && isnan(c->numbers[row])) out[n++] = '~';
            else if (c->numbers) n += (size_t)sprintf(out + n, "%.17g", c->numbers[row]);
            else if (c->codes && c->codes[row] < 0) out[n++] = '~';
            else if (c->codes) n += (size_t)sprintf(out + n, "%s", c->texts[c->codes[row]]);
        }
        if (row < file->n_rows - 1) out[n++] = '/';
    }
    out[n] = '\0';
    clade__csv_columns_free(columns, file->n_cols);
    return out;
}

static void write_text(const char *text)
{
    test_write_file(path, text, strlen(text));
}

/* Asserts what a text with such a dialect is. */
#define assert_table(text, options, wants, want) assert_table_(__LINE__, text, options, wants, want)
static void assert_table_(int line, const char *text, const char *options, const char *wants,
                          const char *want)
{
    clade__csv_file file = {0};
    clade__csv_dialect given = dialect(options);
    write_text(text);
    clade_status status = clade__csv_file_open(&file, path, &given);
    const char *got = status == CLADE_OK ? show(&file, wants) : clade_error();
    if (strcmp(got, want) != 0) fail_msg("line %d: '%s' is\n%s\nwant\n%s", line, text, got, want);
    clade__csv_file_close(&file);
}

#define assert_bad(text, options, wants, part) assert_bad_(__LINE__, text, options, wants, part)
static void assert_bad_(int line, const char *text, const char *options, const char *wants,
                        const char *part)
{
    clade__csv_file file = {0};
    clade__csv_dialect given = dialect(options);
    write_text(text);
    clade_status status = clade__csv_file_open(&file, path, &given);
    if (status == CLADE_OK) {
        clade__csv_want want[16];
        clade__csv_column columns[16];
        for (int i = 0; i < file.n_cols; i++)
            want[i] = *wants == 'n' ? CLADE__CSV_NUMBER : *wants == 't' ? CLADE__CSV_TEXT
                                                                        : CLADE__CSV_AUTO;
        status = clade__csv_file_read(&file, want, columns);
        if (status == CLADE_OK) clade__csv_columns_free(columns, file.n_cols);
    }
    if (status != CLADE_EDATA || !strstr(clade_error(), part))
        fail_msg("line %d: '%s': status %d, \"%s\", want \"%s\"", line, text, (int)status,
                 clade_error(), part);
    clade__csv_file_close(&file);
}

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
    assert_bad("# x\n#a,b\n1,2\n", "", "a",
               FILE_NAME ":2: the line begins with '#' and has as many cells as the rows: write "
                         "comment=# to pass over it, or comment=none where it is a row");
    assert_bad("# a\n# b\n", "", "a", "' holds nothing but blanks and comments");
    assert_bad("1,2\n# x\n3,4\n", "   n", "a", FILE_NAME ":2: 1 cell, want 2");
    clade__csv_file file = {0};
    write_text("# of a program\n1,2\n3,4\n");
    assert_ok(clade__csv_file_open(&file, path, &(clade__csv_dialect){0}));
    assert_int_equal(file.dialect.comment, '#');
    clade__csv_file_close(&file);
    write_text("1,2\n3,4\n");
    assert_ok(clade__csv_file_open(&file, path, &(clade__csv_dialect){0}));
    assert_int_equal(file.dialect.comment, '\0');
    clade__csv_file_close(&file);
}

/* ---- separators and decimal marks -------------------------------------------------------------- */

static void assert_dialect(const char *text, char separator, char decimal, int n_cols)
{
    clade__csv_file file = {0};
    clade__csv_dialect given = {.header = CLADE__CSV_HEADER_NO};
    write_text(text);
    assert_ok(clade__csv_file_open(&file, path, &given));
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
    assert_table("wert;name\n-1,5e-1;a\n,25;b\n1.000,5;a\n", ";  y", "ta", "wert|name:-1,5e-1|a/,25|b/1.000,5|a");
    assert_table("a;1,5\n2,5;b\n", "   n", "a", "a|1,5/2,5|b"); /* no column needs it */
    assert_bad("1,5;2.5\n2;3\n", "", "a",
               "' has numbers with decimal commas in column 1 and with decimal points in column 2: "
               "write decimal=comma or decimal=point");
    assert_bad("1,2\n3\n", "", "a", FILE_NAME ":2: 1 cell, want 2 as in line 1; ',' separates cells");
    assert_bad("1\n2;3\n", "", "a", FILE_NAME ":2: 2 cells, want 1 as in line 1; ';' separates");
    assert_bad("1\t\n2\n", "", "a", FILE_NAME ":2: 1 cell, want 2 as in line 1; a tab separates");
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
    write_text("1,2\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        clade__csv_file file = {0};
        clade__csv_dialect given = dialect(cases[i].options);
        assert_fails(clade__csv_file_open(&file, path, &given), CLADE_EINVAL, cases[i].part);
        clade__csv_file_close(&file);
    }
}

/* ---- columns ----------------------------------------------------------------------------------- */

static void kinds(void **state)
{
    (void)state;
    assert_table("1,1,true\n?,a,FALSE\n-1e-3,1.0,\n", "   n", "a", "1|1|1/~|a|0/-0.001|1.0|~");
    assert_table("1,1,true\n?,a,FALSE\n-1e-3,1.0,\n", "   n", "t", "1|1|true/~|a|FALSE/-1e-3|1.0|~");
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
    write_text("b,1,true\na,2,\nb,NaN,false\n,4,true\n");
    assert_ok(clade__csv_file_open(&file, path, &(clade__csv_dialect){0}));
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
    write_text("9007199254740992,1,9007199254740993.5\n9007199254740993,2,1e300\n"
               "-9007199254740993,3,0\n\"9007199254740994\",4,1\n99999999999999999999,5,2\n");
    assert_ok(clade__csv_file_open(&file, path, &(clade__csv_dialect){0}));
    assert_ok(clade__csv_file_read(&file, (clade__csv_want[]){1, 1, 1}, c));
    assert_int_equal(c[0].n_beyond, 5);
    assert_true(c[1].n_beyond == 0 && c[2].n_beyond == 0);
    clade__csv_columns_free(c, 3);
    clade__csv_file_close(&file);
}

static void missing(void **state)
{
    (void)state;
    static const char *const yes[] = {"",     "NA",  "N/A", "n/a", "NaN",  "nan",  "NAN",
                                      "null", "NULL", "None", "?",   "-",    "#N/A", "<NA>",
                                      "-nan", "#NA", "-NaN", "1.#IND", "-1.#QNAN", "#N/A N/A"};
    static const char *const no[] = {"none", "na", "0", "--", "??", "N", "missing", " ", "NAN0", "Null"};
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
    assert_bad("a,b\n1,2\n1,x\n", "", "n", FILE_NAME ":3: column 2 ('b') has 'x', want a number");
    assert_bad("1.5,2\n\n1,x\n", "   n", "n", FILE_NAME ":3: column 2 has 'x', want a number");
    assert_bad("1.5,true\n1,2\n", "   n", "n", FILE_NAME ":1: column 2 has 'true', want a number");
    assert_bad("1.5,2\n1,inf\n", "   n", "a", FILE_NAME ":2: column 2 has 'inf', want a finite number");
    assert_bad("1.5,2\n1,1e999\n", "   n", "a", "has '1e999', want a finite number");
    assert_bad("1.5,2\n-Infinity,1\n", "   n", "a", ":2: column 1 has '-Infinity', want a finite");
    assert_bad("1.5,0x1\n2,3\n", "   n", "n", "has '0x1', want a number");
    assert_bad("1,\"x\"\"\ny\"\n", "   n", "n", FILE_NAME ":1: column 2 has 'x\" y', want a number");
    assert_bad("x,tier\n1,Pferd\n1,K\xfche\n1,K\xfche\n", "   y", "a",
               FILE_NAME ":3: column 2 ('tier') has 'K\xfche', want text in UTF-8; convert the file "
                         "to UTF-8, as by iconv -f latin1 -t utf-8");
    assert_bad("x,K\xfche\n1,2\n", "   y", "a",
               FILE_NAME ":1: the name of column 2, 'K\xfche', is not UTF-8; convert the file");
    clade__csv_file file = {0};
    write_text("a,\"b\nc\"\r\n1,\r\n\r\n\"2\n\",NA\r\n3,4");
    clade__csv_dialect given = dialect("   y");
    assert_ok(clade__csv_file_open(&file, path, &given));
    assert_int_equal(file.n_rows, 3);
    assert_int_equal(clade__csv_file_line(&file, 0), 3);
    assert_int_equal(clade__csv_file_line(&file, 1), 5);
    assert_int_equal(clade__csv_file_line(&file, 2), 7);
    assert_fails(clade__csv_fail(&file, 0, 1, "a label"), CLADE_EDATA,
                 FILE_NAME ":3: column 2 ('b c') is empty: a value is missing");
    assert_fails(clade__csv_fail(&file, 1, 1, "a label"), CLADE_EDATA,
                 FILE_NAME ":5: column 2 ('b c') has 'NA', want a label");
    assert_fails(clade__csv_fail(&file, 2, 0, "a label"), CLADE_EDATA,
                 FILE_NAME ":7: column 1 ('a') has '3', want a label");
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
        {"\xff\xfe" "1", "' is text in UTF-16; convert the file to UTF-8, as by iconv -f utf-16 -t utf-8"},
        {"\xfe\xff", "' is text in UTF-16"},
        {"1,2\n3,4\n5,6,7\n", FILE_NAME ":3: 3 cells, want 2 as in line 1"},
        {"# c\na,\"x\ny\"\n3,4\n5,6,7\n", FILE_NAME ":5: 3 cells, want 2 as in line 2"},
        {"1,\"2\n3,4\n", FILE_NAME ":1: a quote that is opened here is not closed"},
        {"1,2\n3,\"4", FILE_NAME ":2: a quote that is opened here is not closed"},
        {"1,2\n3,\"4\"5\n", FILE_NAME ":2: text after a closing quote; a quote inside is written \"\""},
        {"1,2\r3,4\"5\n", FILE_NAME ":2: a quote inside a cell that does not begin with one"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_bad(cases[i].text, "   n", "a", cases[i].part);
    assert_bad("a,b\n", "   y", "a", "' has a header and no rows");
    static const char *const zeros[] = {"1,2\n3,\0", "1,2\n3\0,4\n", "1,2\n\"3\0\",4\n", "1,2\n\0\n"};
    static const size_t n_zeros[] = {7, 9, 11, 6};
    for (int i = 0; i < 4; i++) {
        clade__csv_file file = {0};
        test_write_file(path, zeros[i], n_zeros[i]);
        assert_fails(clade__csv_file_open(&file, path, &(clade__csv_dialect){0}), CLADE_EDATA,
                     FILE_NAME ":2: a zero byte: this is not text, or not UTF-8");
        clade__csv_file_close(&file);
    }
    clade__csv_file file = {0};
    assert_fails(clade__csv_file_open(&file, "/nonexistent.csv", &(clade__csv_dialect){0}), CLADE_EIO,
                 "cannot open '/nonexistent.csv'");
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
    assert_bad(text, "   n", "a", "' has 1000002 columns, more than 1000000");
    free(text);
}

/* A file that is written anew behind the reader's back is an error, never a wrong table. */
static void changed(void **state)
{
    (void)state;
    static const char *const after[] = {"1,2\n3,4\n5,6\n9,9\n", "1,2\n3,4\n        ", "1,2\n3,4,5\n6", "1"};
    for (size_t i = 0; i < 4; i++) {
        clade__csv_file file = {0};
        clade__csv_column columns[2];
        write_text("1,2\n3,44\n5,6\n");
        clade__csv_dialect given = dialect("   n");
        assert_ok(clade__csv_file_open(&file, path, &given));
        FILE *f = fopen(path, "w"); /* the same file, unlike test_write_file's */
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
    test_write_file(path, packed, n + 100); /* padded with zeros */
    clade__csv_file file = {0};
    assert_ok(clade__csv_file_open(&file, path, &(clade__csv_dialect){0}));
    assert_string_equal(show(&file, "a"), "a|b:1.5|x/2|y");
    assert_int_equal(clade__csv_file_line(&file, 1), 3);
    clade__csv_file_close(&file);
}

/* ---- threads ----------------------------------------------------------------------------------- */

/* Rows whose quoted cells hold line breaks of all kinds, quotes and separators, of many lengths. */
static char *make_table(int n_rows)
{
    static const char *const pieces[] = {"\n", "\"\"", ",", "\r", "a", "\r\n", "\"\",\"\"", "1,2\n3,4\n"};
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
    write_text(text);
    for (int i = 0; i < 4; i++) {
        clade__parallel_set(n_threads[i], n_threads[i]);
        clade__csv_file file = {0};
        assert_ok(clade__csv_file_open(&file, path, &(clade__csv_dialect){0}));
        assert_int_equal(file.n_rows, N);
        int64_t line = clade__csv_file_line(&file, N - 1);
        const char *all = test_text("%d lines", (int)line);
        const char *got = show(&file, "a");
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
            to += sprintf(to, i == bad ? "1,2\"%d\n" : i > bad && i % 5 == 0 ? "1,\"\n%d\n" : "1,\"%d\"\n",
                          i);
        for (int n = 1; n < 9; n++) {
            clade__parallel_set(n, n);
            assert_bad(text, "   n", "a",
                       test_text(FILE_NAME ":%d: a quote inside a cell", bad + 1));
        }
    }
    for (int n = 1; n < 9; n++) { /* numbers */
        clade__parallel_set(n, n);
        char text[8192], *to = text;
        for (int i = 0; i < 400; i++) to += sprintf(to, i == 301 || i == 250 ? "1,x\n" : "1,%d\n", i);
        assert_bad(text, "   n", "n", FILE_NAME ":251: column 2 has 'x', want a number");
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
    write_text(text);
    for (int n = 0; n < 4; n++) {
        clade__parallel_set(n, n);
        clade__csv_file file = {0};
        clade__csv_column c[3];
        clade__csv_dialect given = dialect("   n");
        assert_ok(clade__csv_file_open(&file, path, &given));
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

/* ---- the loop over parts ----------------------------------------------------------------------- */

static bool no_threads;
static int n_asked;

/* pthread_create, which fails when it is told to. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *argument);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *argument)
{
    n_asked++;
    return no_threads ? 11 : __real_pthread_create(thread, attr, start, argument);
}

static clade_status run_part(void *context, int part)
{
    ((int *)context)[part]++;
    return part % 10 == 3 ? clade__fail(CLADE_EDATA, "part %d", part) : CLADE_OK;
}

static void parts(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        int calls[50] = {0};
        no_threads = round % 2 == 1;
        n_asked = 0;
        clade__parallel_set(1 + round % 7, 0);
        assert_int_equal(clade__parallel_threads(), 1 + round % 7);
        assert_fails(clade__parallel(50, run_part, calls), CLADE_EDATA, "part 3");
        for (int i = 0; i < 50; i++) assert_int_equal(calls[i], 1);
        assert_int_equal(n_asked, no_threads && round % 7 > 0 ? 1 : round % 7);
        assert_ok(clade__parallel(3, run_part, calls));
        assert_ok(clade__parallel(0, run_part, calls));
        assert_int_equal(calls[2], 2);
        assert_int_equal(calls[3], 1);
    }
    no_threads = true;
    assert_table("1,x\n2,y\n3,x\n", "   n", "a", "1|x/2|y/3|x");
    no_threads = false;
    clade__parallel_set(3, 0);
    assert_int_equal(clade__parallel_parts(0, 10), 1);
    assert_int_equal(clade__parallel_parts(29, 10), 2);
    assert_int_equal(clade__parallel_parts(INT64_MAX, 10), 12);
    clade__parallel_set(3, 5);
    assert_int_equal(clade__parallel_parts(0, 10), 5);
    clade__parallel_set(0, 0);
    assert_true(clade__parallel_threads() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_rows),
        cmocka_unit_test(quotes),
        cmocka_unit_test(comments),
        cmocka_unit_test(separators),
        cmocka_unit_test(bad_dialects),
        cmocka_unit_test(kinds),
        cmocka_unit_test(missing),
        cmocka_unit_test(cell_errors),
        cmocka_unit_test(damaged),
        cmocka_unit_test(too_many_columns),
        cmocka_unit_test(changed),
        cmocka_unit_test(gzipped),
        cmocka_unit_test_teardown(same_with_any_threads, all_threads),
        cmocka_unit_test_teardown(same_errors_with_any_threads, all_threads),
        cmocka_unit_test_teardown(comments_with_any_threads, all_threads),
        cmocka_unit_test_teardown(large, all_threads),
        cmocka_unit_test_teardown(parts, all_threads),
    };
    return cmocka_run_group_tests_name("csv_file", tests, set_folder, NULL);
}

/* The CSV reader: numbers, cells, headers, labels, targets, and every error. */
#include "support.h"

#include <locale.h>
#include <stdio.h>

#include "base/philox.h"
#include "data/dataset.h"
#include "base/number.h"

#define FILE_NAME "table.csv"

static char folder[256];

static int set_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s", test_folder());
    return 0;
}

static const char *write_bytes(const void *bytes, size_t n)
{
    test_write_file(test_text("%s/" FILE_NAME, folder), bytes, n);
    return test_text("csv:%s/" FILE_NAME, folder);
}

static const char *write_text(const char *text)
{
    return write_bytes(text, strlen(text));
}

static clade_data *open_text(const char *text, const char *options)
{
    clade_data *data;
    assert_ok(clade_data_open(&data, test_text("%s?%s", write_text(text), options)));
    return data;
}

static void open_bad(const char *text, const char *options, clade_status status, const char *part)
{
    clade_data *data = (clade_data *)&data;
    const char *spec = write_text(text);
    assert_fails(clade_data_open(&data, test_text("%s%s%s", spec, *options ? "?" : "", options)),
                 status, part);
    assert_null(data);
}

/* Checks and frees: values are (n, cols); of labels and targets one is NULL. */
static void assert_data(clade_data *data, int n, int cols, const float *values, const int *labels,
                        const float *targets)
{
    clade_data_info info = clade_data_describe(data);
    assert_int_equal(info.n_samples, n);
    assert_int_equal(info.shape.rank, 1);
    assert_int_equal(info.shape.dim[0], cols);
    assert_int_equal(info.dtype, CLADE_FLOAT32);
    assert_true(info.scale == 1.0f && info.shift == 0.0f);
    assert_memory_equal(data->values, values, (size_t)(n * cols) * sizeof(float));
    for (int i = 0; i < n && labels; i++) assert_int_equal(data->labels[i], labels[i]);
    if (targets)
        assert_memory_equal(data->targets, targets, (size_t)(n * info.n_targets) * sizeof(float));
    assert_true(!labels == (info.n_classes == 0) && !targets == (info.n_targets == 0));
    clade_data_free(data);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void number_syntax(void **state)
{
    (void)state;
    static const char *const good[] = {"0",
                                       "-0",
                                       "+1",
                                       "1.",
                                       ".5",
                                       "-.5e1",
                                       "1e5",
                                       "1E+5",
                                       "1e-5",
                                       "007",
                                       "1.5",
                                       "1e-999",
                                       "0e99999999999999",
                                       "123456789012345678901234567890"};
    static const char *const bad[] = {"",      " 1",    "1 ",   ".",    "+",     "-",  "e5",
                                      "1e",    "1e+",   "0x10", "1,5",  "1.2.3", "1f", "--1",
                                      "1_000", "nan()", "na",   "infi", "1e5.",  "½",  "."};
    static const char *const wild[] = {"nan", "-NaN", "inf", "+Infinity", "1e39", "-1e400", "4e38"};
    float x;
    double d;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(clade__number_float(good[i], &x), CLADE__NUMBER_FINITE);
        assert_true(x == strtof(good[i], NULL));
        assert_int_equal(clade__number_double(good[i], &d), CLADE__NUMBER_FINITE);
        assert_true(d == strtod(good[i], NULL));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(clade__number_float(bad[i], &x), CLADE__NUMBER_NONE);
    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++)
        assert_int_equal(clade__number_float(wild[i], &x), CLADE__NUMBER_NOT_FINITE);
    assert_int_equal(clade__number_double("1e39", &d), CLADE__NUMBER_FINITE);
    assert_int_equal(clade__number_float("-0", &x), CLADE__NUMBER_FINITE);
    assert_true(signbit(x));
}

static void same_as_strtof(const char *text)
{
    float x = NAN;
    double d = NAN;
    clade__number kind = clade__number_float(text, &x);
    float want = strtof(text, NULL);
    if (isinf(want))
        assert_int_equal(kind, CLADE__NUMBER_NOT_FINITE);
    else if (x != want)
        fail_msg("'%s' is %.9g, want %.9g", text, (double)x, (double)want);
    clade__number_double(text, &d);
    if (d != strtod(text, NULL)) fail_msg("'%s' is %.17g", text, d);
}

/* Every number is what strtof makes of it: random ones, and those next to where rounding turns. */
static void number_rounding(void **state)
{
    (void)state;
    static const char *const hard[] = {"16777217",
                                       "16777219",
                                       "16777217.0000000000000000000000000001",
                                       "16777216.9999999999999999999999999999",
                                       "1.000000059604644775390625",
                                       "1.00000005960464477539062500000000000001",
                                       "1.0000000596046448",
                                       "1.4e-45",
                                       "7.0e-46",
                                       "7.1e-46",
                                       "1.1754943508222875e-38",
                                       "3.4028235677973366e38",
                                       "3.4028235677973365e38",
                                       "9007199254740993",
                                       "9007199254740993.00000000000000000000001",
                                       "2.2250738585072011e-308",
                                       "4.9406564584124654e-324",
                                       "0.1",
                                       "0.30000001192092896",
                                       "1e22",
                                       "1e23",
                                       "8.5e22"};
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) same_as_strtof(hard[i]);
    clade__random random = clade__random_start(1, 1);
    for (int i = 0; i < 20000; i++) {
        uint32_t bits = clade__random_word(&random);
        float x;
        memcpy(&x, &bits, sizeof x);
        if (isfinite(x)) same_as_strtof(test_text("%.*g", i % 12, (double)x));
        uint64_t digits = (uint64_t)bits << 32 | clade__random_word(&random);
        same_as_strtof(test_text("%llu.%ue%d", (unsigned long long)(digits >> i % 60),
                                 clade__random_word(&random), (int)(digits % 90) - 50));
    }
}

/* Doubles as programs print them, and what lies half-way between two, with the mark given. */
static void number_double(void **state)
{
    (void)state;
    clade__random random = clade__random_start(6, 1);
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = (uint64_t)clade__random_word(&random) << 32 | clade__random_word(&random);
        int power = (int)(clade__random_word(&random) % 60) - 30, zeros = i % 64;
        const char *text = test_text("%s%llue%d", i % 3 ? "" : "-",
                                     (unsigned long long)(bits >> zeros), power);
        if (i % 4 == 1) /* 2^53 to 2^54 has only even doubles: an odd number is a midpoint */
            text = test_text("%llu%.*s", (unsigned long long)(bits >> 11 | UINT64_C(1) << 53 | 1),
                             i % 3, "00");
        if (i % 4 == 2) text = test_text("%.17g", ldexp((double)bits, -64) * (i % 1000 - 500));
        double want = strtod(text, NULL), got = NAN;
        assert_int_equal(clade__number_parse(text, strlen(text), '.', &got), CLADE__NUMBER_FINITE);
        if (got != want) fail_msg("'%s' is %.17g, want %.17g", text, got, want);
    }
    double x;
    bool marked;
    assert_int_equal(clade__number_parse("-1,5e1x", 6, ',', &x), CLADE__NUMBER_FINITE);
    assert_true(x == -15.0);
    assert_int_equal(clade__number_parse("1,00000000000000000000000001", 28, ',', &x),
                     CLADE__NUMBER_FINITE);
    assert_true(x == 1.0);
    assert_int_equal(clade__number_parse("1.5", 3, ',', &x), CLADE__NUMBER_NONE);
    assert_int_equal(clade__number_parse("1,5", 3, '.', &x), CLADE__NUMBER_NONE);
    assert_int_equal(clade__number_parse("", 0, '.', &x), CLADE__NUMBER_NONE);
    assert_int_equal(clade__number_scan("1e999", 5, '.', &marked), CLADE__NUMBER_FINITE);
    assert_false(marked);
    assert_int_equal(clade__number_scan("5,", 2, ',', &marked), CLADE__NUMBER_FINITE);
    assert_true(marked);
    assert_int_equal(clade__number_scan("inf", 3, ',', &marked), CLADE__NUMBER_NOT_FINITE);
}

/* A midpoint of two floats with a million zeros behind it, and then a 1: rounds up. */
static void number_long(void **state)
{
    (void)state;
    size_t n = 1000000;
    char *text = malloc(n + 16);
    assert_non_null(text);
    memset(text, '0', n);
    memcpy(text, "16777217.", 9);
    strcpy(text + n, "1");
    float x;
    assert_int_equal(clade__number_float(text, &x), CLADE__NUMBER_FINITE);
    assert_true(x == 16777218.0f);
    text[n] = '\0';
    assert_int_equal(clade__number_float(text, &x), CLADE__NUMBER_FINITE);
    assert_true(x == 16777216.0f);
    memcpy(text, "0.0000000", 9);
    strcpy(text + n, "25e999999"); /* 2.5, by way of n - 2 zeros and an exponent */
    assert_int_equal(clade__number_float(text, &x), CLADE__NUMBER_FINITE);
    assert_true(x == 2.5f);
    free(text);
}

static void number_locale(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "ru_RU.UTF-8"};
    for (size_t i = 0; i < 4; i++) {
        if (!setlocale(LC_ALL, names[i])) continue;
        float x, y;
        clade__number kind = clade__number_float("1.25", &x);
        clade__number slow = clade__number_float("1.25000000000000000000000000001", &y);
        setlocale(LC_ALL, "C");
        assert_true(kind == CLADE__NUMBER_FINITE && slow == CLADE__NUMBER_FINITE);
        assert_true(x == 1.25f && y == 1.25f);
        return;
    }
    print_message("no locale with a decimal comma is installed: not tried\n");
    skip();
}

/* ---- cells, headers, columns ----------------------------------------------------------------- */

static const float plain[] = {1, 2, 3.5f, -4, 1e-3f, 6};
static const int plain_labels[] = {0, 1, 0};

static void same_table(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "1,2,0\n3.5,-4,1\n1e-3,6,0\n",       /* plain */
        "1,2,0\n3.5,-4,1\n1e-3,6,0",         /* no newline at the end */
        "1,2,0\r\n3.5,-4,1\r\n1e-3,6,0\r\n", /* CRLF */
        "1,2,0\r\n3.5,-4,1\r\n1e-3,6,0\r",   /* cut in the last CRLF */
        "1,2,0\r3.5,-4,1\r1e-3,6,0\r",         /* CR alone */
        "1,2,0\n\n3.5,-4,1\n1e-3,6,0\n",       /* a blank line among them */
        "1;2;0\n3,5;-4;1\n1e-3;6;0\n",         /* decimal commas */
        "1\t2\t0\n3.5\t-4\t1\n1e-3\t6\t0\n",   /* tabs */
        "1|2|0\n3.5|-4|1\n1e-3|6|0\n",
        "\xef\xbb\xbf"
        "1,2,0\n3.5,-4,1\n1e-3,6,0\n",                       /* byte order mark */
        "\"1\",\"2\",\"0\"\n3.5,\"-4\",1\n1e-3,6,\"0\"",     /* quoted */
        " 1 , 2,\t0 \n3.5,-4 , \"1\" \n1e-3,6,0\n \n\r\n",   /* blanks; blank lines at the end */
        "a,b,c\n1,2,0\n3.5,-4,1\n1e-3,6,0\n",                /* header */
        "\"a,\"\"\n\",b,c\r\n1,2,0\r\n3.5,-4,1\r\n1e-3,6,0", /* header with all that quotes allow */
        "1,b,2\n1,2,0\n3.5,-4,1\n1e-3,6,0\n",                /* header: one cell is text */
        "a,b,0\n1,2,0.0\n3.5,-4,1.0\n1e-3,6,+0\n",           /* labels written as floats */
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_data(open_text(texts[i], "test=0"), 3, 2, plain, plain_labels, NULL);
}

static void headers(void **state)
{
    (void)state;
    const float with[] = {9, 8, 1, 2, 3.5f, -4, 1e-3f, 6};
    const char *numbers = "9,8,1\n1,2,0\n3.5,-4,1\n1e-3,6,0\n";
    assert_data(open_text(numbers, "test=0"), 4, 2, with, (int[]){1, 0, 1, 0}, NULL);
    assert_data(open_text(numbers, "test=0&header=auto"), 4, 2, with, (int[]){1, 0, 1, 0}, NULL);
    assert_data(open_text(numbers, "test=0&header=no"), 4, 2, with, (int[]){1, 0, 1, 0}, NULL);
    assert_data(open_text(numbers, "test=0&header=yes"), 3, 2, plain, plain_labels, NULL);
    /* a text above numbers is a name; and so is what an option names */
    const char *named = "1,2,kind\n1,2,0\n3.5,-4,1\n1e-3,6,0\n";
    assert_data(open_text(named, "test=0"), 3, 2, plain, plain_labels, NULL);
    assert_data(open_text(named, "test=0&label=kind"), 3, 2, plain, plain_labels, NULL);
    clade_data *data = open_text("1,2,a\n3,4,b\n5,6,a\n", "test=0");
    assert_int_equal(data->n_samples, 3); /* a class that stands below again is none */
    clade_data_free(data);
    assert_data(open_text("?,1.5,0\n2,3,1\n4,5,0\n", "missing=-7"), 3, 2,
                (float[]){-7, 1.5f, 2, 3, 4, 5}, (int[]){0, 1, 0}, NULL);
    assert_data(open_text("0,1,label\n1,2,0\n3,4,1\n", "test=0"), 2, 2, (float[]){1, 2, 3, 4},
                (int[]){0, 1}, NULL);
    open_bad("3,alice\n4,bob\n5,carol\n", "", CLADE_EDATA, "write header=yes or header=no");
    assert_data(open_text("1,2,y\n1,2,0\n3.5,-4,1\n1e-3,6,0\n", "test=0&target=3"), 3, 2, plain,
                NULL, (float[]){0, 1, 0});
    open_bad("a,b,c\n", "", CLADE_EDATA, "has a header and no rows");
    open_bad(numbers, "header=maybe", CLADE_EINVAL, "header=maybe, want yes, no or auto");
    open_bad(named, "header=no&label=kind", CLADE_EINVAL, "a column is given by its name");
    open_bad("a,b,c\n1,2,0\n1,2,1\n", "header=no", CLADE_EDATA,
             "1: column 1 has 'a', want a number");
    open_bad("1,,0\n1,2,1\n", "", CLADE_EDATA, FILE_NAME ":1: column 2 is empty");
}

static void columns(void **state)
{
    (void)state;
    const char *text = "a,kind,b\n1,0,2\n3.5,1,-4\n1e-3,0,6\n";
    static const char *const specs[] = {"label=2", "label=-2", "label=kind"};
    for (int i = 0; i < 3; i++)
        assert_data(open_text(text, test_text("test=0&%s", specs[i])), 3, 2, plain, plain_labels,
                    NULL);
}

static void column_errors(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        clade_status status;
        const char *part;
    } cases[] = {
        {"label=", CLADE_EINVAL, "label= has no column"},
        {"label=0", CLADE_EINVAL, "columns are numbered from 1"},
        {"label=4", CLADE_EDATA, FILE_NAME "': no column 4; there are 3"},
        {"label=-4", CLADE_EDATA, "no column -4; there are 3"},
        {"label=99999999999999999999", CLADE_EDATA, "there are 3"},
        {"label=knid", CLADE_EDATA, FILE_NAME "': no column 'knid'; did you mean 'kind'?"},
        {"label=+1", CLADE_EDATA, "no column '+1'; one of a, kind, kind b"},
        {"target=a,a", CLADE_EINVAL, "target=... names column 'a', which is named already"},
        {"target=a,", CLADE_EINVAL, "target= has no column"},
        {"target=1,2,3", CLADE_EDATA, "3 columns, separated by ',': none is left"},
        {"target=a,c", CLADE_EDATA, "no column 'c'"},
        {"label=a&target=b", CLADE_EINVAL, "both label= and target="},
        {"lable=a", CLADE_EINVAL, "did you mean 'label'?"},
        {"test=1", CLADE_EINVAL, "test=1, want the share"},
        {"test=-0.1", CLADE_EINVAL, "test=-0.1"},
        {"test=nan", CLADE_EINVAL, "test=nan"},
        {"test=x", CLADE_EINVAL, "test=x"},
        {"test=", CLADE_EINVAL, "test=,"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        open_bad("a,kind,kind b\n1,0,2\n3,1,4\n", cases[i].options, cases[i].status, cases[i].part);
    open_bad("1,2,0\n3,4,1\n", "label=kind", CLADE_EDATA, "no column 'kind'; one of 1, 2, 0");
    open_bad("a,a,b\n1,2,0\n3,4,1\n", "label=a", CLADE_EDATA, "2 columns are named 'a'");
}

/* ---- labels, targets ------------------------------------------------------------------------- */

static void assert_classes(const char *text, int n, const int *labels, int n_classes,
                           const char *const *names)
{
    clade_data *data = open_text(text, *text == 'x' ? "test=0" : "test=0&header=no");
    assert_int_equal(data->n_samples, n);
    assert_int_equal(data->n_classes, n_classes);
    for (int i = 0; i < n; i++) assert_int_equal(data->labels[i], labels[i]);
    if (!names) assert_null(clade_data_class_name(data, 0));
    for (int i = 0; names && i < n_classes; i++)
        assert_string_equal(clade_data_class_name(data, i), names[i]);
    clade_data_free(data);
}

static void labels(void **state)
{
    (void)state;
    assert_classes("1,2\n1,0\n1,1\n1,2\n", 4, (int[]){2, 0, 1, 2}, 3,
                   (const char *[]){"0", "1", "2"});
    assert_classes("1,10\n1,9\n1,-1\n1,10.0\n1,1e1\n", 5, (int[]){2, 1, 0, 2, 2}, 3,
                   (const char *[]){"-1", "9", "10"});
    assert_classes("1,1\n1,2\n", 2, (int[]){0, 1}, 2, (const char *[]){"1", "2"});
    assert_classes("1,0\n1,2\n", 2, (int[]){0, 1}, 2, (const char *[]){"0", "2"});
    assert_classes("1,virginica\n1,setosa\n1,\"veri, \"\"color\"\"\"\n1, setosa\n", 4,
                   (int[]){2, 0, 1, 0}, 3,
                   (const char *[]){"setosa", "veri, \"color\"", "virginica"});
    assert_classes("1,1\n1,10\n1,x\n1,2\n1,1.0\n", 5, (int[]){0, 2, 4, 3, 1}, 5,
                   (const char *[]){"1", "1.0", "10", "2", "x"});
    assert_classes("1,a\n1,a\n", 2, (int[]){0, 0}, 1, (const char *[]){"a"});
    assert_classes("x,y\n1,0\n1,0\n", 2, (int[]){0, 0}, 1, (const char *[]){"0"});
    /* whole numbers beyond what a double tells apart, and the same one written in two ways */
    assert_classes("1,9007199254740993\n1,9007199254740992\n1,9007199254740993.0\n1,-07\n", 4,
                   (int[]){2, 1, 2, 0}, 3,
                   (const char *[]){"-7", "9007199254740992", "9007199254740993"});
    assert_classes("1,1\n", 1, (int[]){0}, 1, (const char *[]){"1"});
    open_bad("x,y\n1,0\n1,1\n1,1.5\n", "", CLADE_EDATA,
             FILE_NAME ":4: column 2 ('y') has '1.5', want a whole number or a name as a label; "
                       "numbers to predict are chosen by ?target=COLUMN");
    open_bad("1,0\n1,nan\n", "", CLADE_EDATA, FILE_NAME ":2: column 2 has 'nan'");
    open_bad("1,0\n1,\n", "", CLADE_EDATA, FILE_NAME ":2: column 2 is empty: a value is missing");
    open_bad("x,tier\n1,Pferd\n1,K\xfche\n1,K\xfche\n", "", CLADE_EDATA,
             FILE_NAME ":3: column 2 ('tier') has 'K\xfche', want text in UTF-8; convert the file");
    assert_classes("1,K\xc3\xbche\n1,Pferd\n", 2, (int[]){0, 1}, 2,
                   (const char *[]){"K\xc3\xbche", "Pferd"});
}

/* More labels than the first hash table has room for. */
static void many_labels(void **state)
{
    (void)state;
    enum { N = 3000 };
    char *text = malloc(N * 32), *to = text;
    assert_non_null(text);
    for (int i = 0; i < N; i++)
        to += sprintf(to, "%d,n%04d\n%d,n%04d\n", i, i * 7 % N, i, i * 7 % N); /* 7 and N: coprime */
    clade_data *data = open_text(text, "header=no&label=2&part=train&test=0");
    assert_int_equal(data->n_classes, N);
    for (int i = 0; i < N; i++) assert_int_equal(data->labels[2 * i + 1], i * 7 % N);
    assert_string_equal(clade_data_class_name(data, 2999), "n2999");
    clade_data_free(data);
    free(text);
}

static void targets(void **state)
{
    (void)state;
    const char *text = "a,y,b,z\n1,0.5,2,7\n3.5,-1,-4,8\n1e-3,2e3,6,9\n";
    assert_data(open_text(text, "test=0&target=y,z"), 3, 2, plain, NULL,
                (float[]){0.5f, 7, -1, 8, 2e3f, 9});
    assert_data(open_text(text, "test=0&target=-1,2"), 3, 2, plain, NULL,
                (float[]){7, 0.5f, 8, -1, 9, 2e3f});
    assert_data(open_text("5,1\n", "test=0&target=2"), 1, 1, (float[]){5}, NULL, (float[]){1});
    open_bad("x,y\n1,0\n1,u\n", "target=y", CLADE_EDATA,
             FILE_NAME ":3: column 2 ('y') has 'u', want a number");
    open_bad("1,2\n3,inf\n", "target=2", CLADE_EDATA,
             FILE_NAME ":2: column 2 has 'inf', want a finite");
    open_bad("5,1\n", "target=2&part=test", CLADE_EDATA, "one row, which cannot be split into 2 parts");
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void damaged(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "' is empty"},
        {"\n \r\n", "holds nothing but blanks"},
        {"\xef\xbb\xbf", "holds nothing but blanks"},
        {"1,2\n3\n", FILE_NAME ":2: 1 cell, want 2 as in line 1"},
        {"1,2\n3,4\n5,6,7\n", FILE_NAME ":3: 3 cells, want 2 as in line 1"},
        {"a,\"x\ny\"\n3,4\n5,6,7\n", FILE_NAME ":4: 3 cells"},
        {"1\n2\n", FILE_NAME "' has 1 column, separated by ',': none is left for features"},
        {"a:b\n1:2\n1:2\n", "none is left for features; separator= takes another"},
        {"1,\"2\n3,4\n", FILE_NAME ":1: a quote that is opened here is not closed"},
        {"1,2\n3,\"4", FILE_NAME ":2: a quote that is opened here is not closed"},
        {"1,2\n3,\"4\"5\n", FILE_NAME ":2: text after a closing quote"},
        {"1,2\n3,4\"5\n", FILE_NAME ":2: a quote inside a cell"},
        {"1,2,0\n1,x,1\n", FILE_NAME ":2: column 2 has 'x', want a number"},
        {"1,2,0\n1,0x1,1\n", "has '0x1', want a number"},
        {"a,b,c\n1,nan,0\n1,2,1\n", FILE_NAME ":2: column 2 ('b') has 'nan', want a number; missing=median fills"},
        {"1,2,0\n1,-inf,1\n", "has '-inf', want a finite number"},
        {"1,2,0\n1,1e39,1\n", "has '1e39', want a finite number that fits float32"},
        {"1,2,0\n1,,1\n", FILE_NAME ":2: column 2 is empty: a value is missing"},
        {"1,2,0\n1,\"\",1\n", "column 2 is empty"},
        {"1,2,0\n1,2,1\n,2,1", FILE_NAME ":3: column 1 is empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        open_bad(cases[i].text, "", CLADE_EDATA, cases[i].part);
    open_bad("1,2,0\n1,x,1\n3,4,0\n5,6,1\n", "part=test", CLADE_EDATA, ":2: column 2 has 'x'");
    open_bad("1,2,0\n1,x,1\n3,4,0\n5,6,1\n", "part=train", CLADE_EDATA, ":2: column 2 has 'x'");
    clade_data *data;
    assert_fails(clade_data_open(&data, "csv:/nonexistent.csv"), CLADE_EIO, "'/nonexistent.csv'");
    assert_fails(clade_data_open(&data, test_text("csv:%s", folder)), CLADE_EIO, "regular");
    assert_fails(clade_data_open(&data, "csv:"), CLADE_EINVAL, "write csv:FILE");
}

/* A good file cut at any length, or with any byte replaced, is read or refused, and no more. */
static void mangled(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf"
                               "a,\"b \"\"x\"\"\",kind\r\n1,2,\"u\"\r\n-3.5e0 ,4,v\r\n5,6,u";
    static const char bytes[] = {'\0', '"', ',', '\n', '\r', ' ', 'e', '9', '\xff'};
    char copy[sizeof text];
    for (size_t length = 0; length < sizeof text; length++)
        for (size_t k = 0; k <= sizeof bytes; k++) {
            memcpy(copy, text, sizeof text);
            if (k < sizeof bytes) copy[length] = bytes[k]; /* else cut */
            size_t n = k < sizeof bytes ? sizeof text - 1 : length;
            clade_data *data;
            const char *spec = write_bytes(copy, n);
            clade_status status = clade_data_open(&data, spec);
            if (status != CLADE_OK) assert_int_equal(status, CLADE_EDATA);
            if (k == 0 && length < n) assert_int_equal(status, CLADE_EDATA); /* zeros are no text */
            clade_data_free(data);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_syntax), cmocka_unit_test(number_rounding),
        cmocka_unit_test(number_double), cmocka_unit_test(number_long),   cmocka_unit_test(number_locale),
        cmocka_unit_test(same_table),    cmocka_unit_test(headers),
        cmocka_unit_test(columns),       cmocka_unit_test(column_errors),
        cmocka_unit_test(labels),        cmocka_unit_test(many_labels),
        cmocka_unit_test(targets),       cmocka_unit_test(damaged),
        cmocka_unit_test(mangled),
    };
    return cmocka_run_group_tests_name("csv", tests, set_folder, NULL);
}

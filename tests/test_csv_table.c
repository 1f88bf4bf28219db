/* Tables as people have them: missing values, categories, columns that are left out or chosen, how rows are
 * split, and that other tables are read as the one that was trained on. */
#include "support.h"

#include <stdio.h>

#include <clade/model.h>

#include "base/parallel.h"
#include "data/dataset.h"

static char path[256];

static int set_up(void **state)
{
    if (test_open_device(state) != 0) return -1;
    snprintf(path, sizeof path, "%s/table.csv", test_folder());
    return 0;
}

static void write_text(const char *text)
{
    test_write_file(path, text, strlen(text));
}

static clade_data *open_with(const char *text, const char *options, clade_data_options how)
{
    clade_data *data;
    write_text(text);
    assert_ok(clade_data_open_with(&data, test_text("csv:%s%s%s", path, *options ? "?" : "", options), &how));
    return data;
}

#define OPEN(text, options, ...) open_with((text), (options), (clade_data_options){__VA_ARGS__})

static clade_data *open_text(const char *text, const char *options)
{
    return OPEN(text, options, .part = NULL);
}

static void open_bad(const char *text, const char *options, clade_status status, const char *part)
{
    clade_data *data = NULL;
    write_text(text);
    assert_fails(clade_data_open(&data, test_text("csv:%s?%s", path, options)), status, part);
    assert_null(data);
}

static void read_bad(const char *text, const clade_data *as, const char *part)
{
    clade_data *data = NULL;
    write_text(text);
    assert_fails(clade_data_open_with(&data, test_text("csv:%s", path),
                                      &(clade_data_options){.whole = true,
                                                            .schema = clade_data_schema(as)}),
                 CLADE_EDATA, part);
    assert_null(data);
}

/* Checks and frees: values (n, cols). */
static void assert_values(clade_data *data, int n, int cols, const float *values)
{
    assert_int_equal(data->n_samples, n);
    assert_int_equal(data->shape.dim[0], cols);
    for (int i = 0; i < n * cols; i++)
        if (fabsf(((const float *)data->values)[i] - values[i]) > 1e-6f)
            fail_msg("row %d, feature %d: got %.9g, want %.9g", i / cols, i % cols,
                     (double)((const float *)data->values)[i], (double)values[i]);
    clade_data_free(data);
}

static bool has_note(const clade_data *data, const char *part)
{
    for (int i = 0; clade_data_note(data, i); i++)
        if (strstr(clade_data_note(data, i), part)) return true;
    return false;
}

/* ---- missing values -------------------------------------------------------------------------- */

static const char holes[] = "a,b,y\n1,10,p\n,20,q\n6,NA,p\n2,40,q\nNaN,80,q\n";

static void numbers_are_filled(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        float a, b;
    } cases[] = {{"missing=mean", 3, 37.5f}, {"missing=median", 2, 30}, {"missing=-1.5", -1.5f, -1.5f},
                 {"missing=mean,b:0", 3, 0},    {"missing=a:median,2:mean", 2, 37.5f},
                 {"missing=b:7,median", 2, 30}}; /* the later one counts */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const float a = cases[i].a, b = cases[i].b;
        assert_values(open_text(holes, test_text("test=0&%s", cases[i].options)), 5, 2,
                      (float[]){1, 10, a, 20, 6, b, 2, 40, a, 80});
    }
    open_bad(holes, "test=0", CLADE_EDATA, ":3: column 1 ('a') is empty: a value is missing, want a number; "
                                           "missing=median fills what is missing");
    open_bad(holes, "test=0&missing=a:mean", CLADE_EDATA, ":4: column 2 ('b') has 'NA', want a number; "
                                                          "missing=median fills");
    open_bad(holes, "test=0&missing=mean,b:refuse", CLADE_EDATA, ":4: column 2 ('b') has 'NA'");
    open_bad(holes, "missing=average", CLADE_EINVAL, "want refuse, mean, median or a number");
    open_bad(holes, "missing=c:mean", CLADE_EDATA, "no column 'c'; did you mean");
    open_bad("a,b,y\n,1,p\nNA,2,q\n", "test=0&missing=mean", CLADE_EDATA,
             "column 1 ('a') has no value in any row to train on; leave it out with drop=1");
}

/* As scikit-learn's SimpleImputer and StandardScaler one after the other. */
static void what_is_filled_is_standardised(void **state)
{
    (void)state;
    const double mean = 3.0, deviation = sqrt((4 + 0 + 9 + 1 + 0) / 5.0); /* of 1 3 6 2 3 */
    float want[5];
    const double a[] = {1, 3, 6, 2, 3};
    for (int i = 0; i < 5; i++) want[i] = (float)((a[i] - mean) / deviation);
    assert_values(OPEN(holes, "test=0&missing=mean&drop=b", .standardize = true), 5, 1, want);
}

/* What fills is of the rows to train on alone. */
static void fills_are_of_the_train_part(void **state)
{
    (void)state;
    static const char text[] = "a,y,part\n1,p,train\n3,q,train\n100,p,test\n,q,test\n,p,train\n";
    assert_values(open_text(text, "split=part&missing=mean"), 3, 1, (float[]){1, 3, 2});
    clade_data *train = open_text(text, "split=part&missing=mean");
    assert_values(OPEN(text, "split=part", .part = "test", .schema = clade_data_schema(train)), 2, 1,
                  (float[]){100, 2});
    clade_data_free(train);
}

static void a_missing_text_is_a_category(void **state)
{
    (void)state;
    static const char text[] = "b,y,part\nred,p,train\n,q,train\nblue,p,train\n?,q,test\n";
    static const char without[] = "b,y,part\nred,p,train\nred,q,train\nblue,p,train\n?,q,test\n";
    assert_values(open_text(text, "split=part&missing=median"), 3, 3, (float[]){0, 0, 1, 1, 0, 0, 0, 1, 0});
    assert_values(OPEN(text, "split=part&missing=median", .part = "test"), 1, 3, (float[]){1, 0, 0});
    /* Not in the rows to train on: none of the categories. */
    assert_values(OPEN(without, "split=part&missing=0", .part = "test"), 1, 2, (float[]){0, 0});
    open_bad(without, "split=part", CLADE_EDATA, ":5: column 1 ('b') has '?', want a text; missing=median "
                                                 "makes what is missing a category of its own");
    open_bad(without, "split=part&unknown=zeros", CLADE_EDATA, ":5: column 1 ('b') has '?', want a text");
}

/* The rule is the model's, and a message says so. */
static void later_tables_are_filled_alike(void **state)
{
    (void)state;
    clade_data *train = open_text("a,b,y\n1,red,p\n3,blue,q\n", "test=0&missing=mean");
    static const char later[] = "b,a\n,\nblue,NA\n";
    assert_values(OPEN(later, "", .whole = true, .schema = clade_data_schema(train)), 2, 3,
                  (float[]){2, 0, 0, 2, 1, 0});
    clade_data_free(train);
    train = open_text("a,b,y\n1,red,p\n3,blue,q\n", "test=0");
    read_bad("b,a\nred,\n", train, ":2: column 2 ('a') is empty: a value is missing, want a number: the model "
                                   "was trained without missing=, which fills what is missing");
    read_bad("b,a\n,1\n", train, ":2: column 1 ('b') is empty: a value is missing, want a text: the model was "
                                 "trained without missing=, which accepts what is missing");
    clade_data_free(train);
}

/* ---- categories ------------------------------------------------------------------------------ */

static void unknown_categories_are_refused_or_zeros(void **state)
{
    (void)state;
    static const char text[] = "b,y,part\nred,p,train\nblue,q,train\ngreen,p,test\n";
    open_bad(text, "split=part", CLADE_EDATA, ":4: column 1 ('b') has 'green', want a category of the training "
                                              "data: 'blue', 'red'; training with unknown=zeros accepts others");
    assert_values(OPEN(text, "split=part&unknown=zeros", .part = "test"), 1, 2, (float[]){0, 0});
    clade_data *data = OPEN("b,y,part\nred,p,train\nblue,q,train\ngreen,p,test\nred,q,test\nlila,q,test\n",
                            "split=part&unknown=zeros", .part = "test");
    assert_string_equal(clade_data_note(data, 2), "warning: column 1 ('b') has categories that training "
                                                  "lacks in 2 rows, such as 'green'; they are 0 in all "
                                                  "of its features");
    clade_data_free(data);
    open_bad("b,y,part\nred,p,train\n,q,train\ngreen,p,test\n", "split=part&missing=0", CLADE_EDATA,
             "want a category of the training data: a missing value, 'red'; training");
    open_bad(text, "split=part&unknown=zero", CLADE_EINVAL, "unknown=zero, want refuse or zeros");
}

/* Numbers by their value, in its order; texts by their bytes. */
static void numbers_can_be_categories(void **state)
{
    (void)state;
    static const char text[] = "c,y\n20,p\n100,q\n020,p\n1e2,q\n20.0,q\n";
    assert_values(open_text(text, "test=0"), 5, 1, (float[]){20, 100, 20, 100, 20});
    assert_values(open_text(text, "test=0&categories=c"), 5, 2, (float[]){1, 0, 0, 1, 1, 0, 0, 1, 1, 0});
    clade_data *train = open_text(text, "test=0&categories=c");
    assert_string_equal(clade_schema_category(clade_data_schema(train), 0, 0), "20");
    assert_string_equal(clade_schema_category(clade_data_schema(train), 0, 1), "100");
    assert_values(OPEN("c\n100.00\n", "", .whole = true, .schema = clade_data_schema(train)), 1, 2,
                  (float[]){0, 1});
    clade_data_free(train);
    open_bad(text, "test=0&categories=y", CLADE_EINVAL, "names column 'y', which is no feature");
    open_bad("c,y\n1,p\n2,q\nthree,p\n", "test=0", CLADE_EDATA, ":4: column 1 ('c') has 'three', want a number, "
                                                               "as in other rows; categories=1 takes each");
}

/* Labels and categories that are numbers, whichever mark they have. */
static void decimal_commas_are_of_numbers_among_texts(void **state)
{
    (void)state;
    const char text[] = "a;b;y\n1,5;2,5;1,0\n3,50;4;2,0\n1,50;1;1\n3,5;2;02\n";
    clade_data *train = open_text(text, "test=0&categories=a"), *other;
    assert_int_equal(train->n_classes, 2);
    assert_string_equal(train->class_names[0], "1");
    assert_string_equal(train->class_names[1], "2");
    for (int i = 0; i < 4; i++) assert_int_equal(train->labels[i], i % 2);
    other = OPEN("a;b;y\n3,500;1,5;1\n", "", .schema = clade_data_schema(train), .whole = true);
    assert_values(other, 1, 3, (float[]){0, 1, 1.5f});
    other = OPEN("a,b,y\n1.50,1.5,1\n", "", .schema = clade_data_schema(train), .whole = true);
    assert_values(other, 1, 3, (float[]){1, 0, 1.5f});
    assert_values(train, 4, 3, (float[]){1, 0, 2.5f, 0, 1, 4, 1, 0, 1, 0, 1, 2});
    open_bad("a;b;y\n1,5;2,5;p\n1,5;4;q\nk.A.;1;p\n1,5;2;q\n", "test=0", CLADE_EDATA,
             ":4: column 1 ('a') has 'k.A.', want a number, as in other rows");
    const char comma[] = "want a number, which decimal=, reads with a comma; categories=1 takes";
    open_bad("a;b;y\n1,5;2;p\n1,5;4;q\nk.A.;1;p\n1,5;2;q\n", "test=0", CLADE_EDATA, comma);
    open_bad("a,b,y\n\"1,5\",2,p\n\"2,5\",4,q\n\"1,5\",1,p\n", "test=0", CLADE_EDATA, comma);
    other = open_text("a,b,y\n\"1,5\",2,p\n\"2,5\",4,q\n", "test=0&decimal=,");
    assert_values(other, 2, 2, (float[]){1.5f, 2, 2.5f, 4});
    other = OPEN("a;b;y\n1,50;2;p\n2,5;4;q\n", "test=0", .keep = "a");
    assert_string_equal(clade_data_kept(other, 0, 0), "1,50"); /* as it stands */
    clade_data_free(other);
}

static void true_and_false_are_numbers(void **state)
{
    (void)state;
    static const char text[] = "a,y\nTrue,p\nFALSE,q\ntrue,p\n0,q\n";
    assert_values(open_text(text, "test=0"), 4, 1, (float[]){1, 0, 1, 0});
    clade_data *train = open_text("a,y\nyes,p\nno,q\ntrue,p\n", "test=0"); /* three texts */
    assert_int_equal(train->shape.dim[0], 3);
    clade_data_free(train);
}

/* ---- columns --------------------------------------------------------------------------------- */

static const char four[] = "id,a,b,y\n7,1,2,p\n9,3,4,q\n8,5,6,p\n";

static void columns_are_left_out_or_chosen(void **state)
{
    (void)state;
    assert_values(open_text(four, "test=0"), 3, 3, (float[]){7, 1, 2, 9, 3, 4, 8, 5, 6});
    assert_values(open_text(four, "test=0&drop=id,3"), 3, 1, (float[]){1, 3, 5});
    assert_values(open_text(four, "test=0&features=b,a"), 3, 2, (float[]){1, 2, 3, 4, 5, 6});
    assert_values(open_text(four, "test=0&features=a,a"), 3, 1, (float[]){1, 3, 5});
    clade_data *data = open_text(four, "test=0&id=id");
    assert_string_equal(clade_data_kept_name(data, 0), "id");
    assert_string_equal(clade_data_kept(data, 0, 1), "9");
    assert_string_equal(clade_schema_unused(clade_data_schema(data), 0), "id");
    assert_values(data, 3, 2, (float[]){1, 2, 3, 4, 5, 6});
}

/* A column is not both, and above all not the answer and a feature. */
static void no_column_is_two_things(void **state)
{
    (void)state;
    open_bad(four, "features=a,y", CLADE_EINVAL, "features=... names column 'y', which is the label; label= "
                                                 "names another column");
    open_bad(four, "label=a&features=b,2", CLADE_EINVAL, "features=... names column '2', which is the label");
    open_bad(four, "target=b&features=a,b", CLADE_EINVAL, "features=... names column 'b', which is named "
                                                          "already");
    open_bad(four, "features=a,b&drop=b", CLADE_EINVAL, "features=... names column 'b', which is named already");
    open_bad(four, "drop=y&label=y", CLADE_EINVAL, "label=y names a column that is named already");
    open_bad(four, "id=a&drop=a", CLADE_EINVAL, "id=... names column 'a', which is named already");
    open_bad(four, "group=a&features=a,b", CLADE_EINVAL, "features=... names column 'a', which is named already");
}

/* A model finds columns by name, so that those that it uses have one each. */
static void names_are_unique(void **state)
{
    (void)state;
    static const char text[] = "a,b,b,y\n1,2,3,p\n4,5,6,q\n";
    open_bad(text, "test=0", CLADE_EDATA, "columns 2 and 3 are both named 'b'; give them different names in the "
                                          "file, or leave out both with drop=2,3");
    open_bad(text, "test=0&drop=3", CLADE_EDATA, "columns 2 and 3 are both named 'b'");
    assert_values(open_text(text, "test=0&drop=2,3"), 2, 1, (float[]){1, 4});
}

static void an_index_is_no_feature(void **state)
{
    (void)state;
    static const char *const heads[] = {",a,y", "Unnamed: 0,a,y"};
    for (int i = 0; i < 2; i++) {
        clade_data *data = open_text(test_text("%s\n0,5,p\n1,6,q\n2,7,p\n", heads[i]), "test=0");
        assert_true(has_note(data, i ? "not used: Unnamed: 0" : "not used: a column without a name"));
        assert_values(data, 3, 1, (float[]){5, 6, 7});
    }
    assert_values(open_text(",a,y\n0,5,p\n1,6,q\n", "test=0&features=1"), 2, 1, (float[]){0, 1});
}

/* A separator behind the last cell makes a column that has nothing. */
static void rows_may_end_in_a_separator(void **state)
{
    (void)state;
    static const char *const texts[] = {"a,y,\n1,p,\n2,q,\n", "1,p,\n2,q,\n", "1;p;\n2;q;\n"};
    for (int i = 0; i < 3; i++) {
        clade_data *data = open_text(texts[i], i ? "test=0&header=no" : "test=0");
        assert_int_equal(data->n_classes, 2);
        assert_values(data, 2, 1, (float[]){1, 2});
    }
    clade_data *data = open_text("a,b,\n1,2,p\n3,4,q\n", "test=0"); /* one without a name has values */
    assert_int_equal(data->n_classes, 2);
    assert_string_equal(clade_data_class_name(data, 0), "p");
    assert_values(data, 2, 2, (float[]){1, 2, 3, 4});
}

static void doubtful_columns_are_told(void **state)
{
    (void)state;
    char text[4000] = "Id,x,y\n", *to = text + strlen(text);
    for (int i = 0; i < 60; i++) to += sprintf(to, "%d,%d,%d\n", i + 1, i * i % 17, 1000 + 7 * (i / 2));
    clade_data *data = open_text(text, "test=0");
    assert_true(has_note(data, "warning: column 1 ('Id') counts the rows: id=1 leaves it out"));
    assert_true(has_note(data, "warning: column 3 ('y') has 30 different numbers, which are classes; where they "
                               "are a quantity, target=3 predicts it"));
    clade_data_free(data);
    data = open_text(text, "test=0&target=y&id=Id");
    assert_false(has_note(data, "warning"));
    clade_data_free(data);
}

/* ---- tables of a model ----------------------------------------------------------------------- */

static void columns_are_found_by_name(void **state)
{
    (void)state;
    clade_data *train = OPEN("a,b,c,y\n1,red,5,p\n2,blue,9,q\n4,red,7,q\n", "test=0", .standardize = true);
    clade_data *data = OPEN("y,c,new,b,a\nq,7,?,red,4\np,5,?,red,1\n", "test=0",
                            .schema = clade_data_schema(train));
    const float *want = train->values;
    assert_int_equal(data->labels[0], 1);
    assert_true(has_note(data, "columns that the model does not know are not used: 'new'"));
    assert_memory_equal(data->values, want + 8, 4 * sizeof(float));
    assert_memory_equal((float *)data->values + 4, want, 4 * sizeof(float));
    clade_data_free(data);
    read_bad("B,c,d\nred,1,2\n", train, "lacks columns that the model was trained on: 'a', 'b'; it has others: "
                                        "'B', 'd'");
    clade_data_free(train);
}

/* Without names on either side columns are counted. */
static void columns_without_names_are_counted(void **state)
{
    (void)state;
    clade_data *train = open_text("1,2,p\n3,4,q\n", "test=0&header=no");
    assert_values(OPEN("5,6\n", "header=no", .whole = true, .schema = clade_data_schema(train)), 1, 2,
                  (float[]){5, 6});
    assert_values(OPEN("5,6,q\n", "header=no", .whole = true, .schema = clade_data_schema(train)), 1, 2,
                  (float[]){5, 6});
    assert_values(OPEN("5,0,6,q\n", "header=no&drop=2", .whole = true, .schema = clade_data_schema(train)), 1,
                  2, (float[]){5, 6});
    clade_data *data = NULL;
    write_text("5,6,7,q\n8,9,10,p\n");
    assert_fails(clade_data_open_with(&data, test_text("csv:%s?header=no", path),
                                      &(clade_data_options){.whole = true,
                                                            .schema = clade_data_schema(train)}),
                 CLADE_EDATA,
                 "has 3 columns for features and the model was trained on 2, and there are no names to find "
                 "them by; label=, target= and drop= say which of its 4 columns are none");
    clade_data_free(train);
}

static void any_character_of_comments(void **state)
{
    (void)state;
    assert_values(open_text("|1x3 Cross validator\n1,p\n2,q\n", "test=0&header=no&comment=|"), 2, 1,
                  (float[]){1, 2});
    open_bad("1,p\n2,q\n", "comment=a", CLADE_EINVAL, "comment=a, want one of # % ! ; | / *, or none");
    open_bad("1,p\n2,q\n", "decimal=_", CLADE_EINVAL, "decimal=_, want '.' or ','");
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* n rows: their number, its group of three, one class in four rare, and a word for the part. */
static void write_rows(int n)
{
    static const char *const words[] = {"train", "train", "train", "valid", "test"};
    char *text = malloc((size_t)n * 40 + 40), *to = text;
    assert_non_null(text);
    to += sprintf(to, "x,group,part,y\n");
    for (int i = 0; i < n; i++)
        to += sprintf(to, "%d,g%d,%s,%s\n", i, i / 3, words[i % 5], i % 4 ? "usual" : "rare");
    test_write_file(path, text, strlen(text));
    free(text);
}

/* Which part has each row; n of them. */
static void find_parts(int n, const char *options, int *part_of, int n_in[3])
{
    static const char *const parts[] = {"train", "valid", "test"};
    for (int i = 0; i < n; i++) part_of[i] = -1;
    for (int part = 0; part < 3; part++) {
        clade_data *data;
        assert_ok(clade_data_open_part(&data, test_text("csv:%s?features=x&%s", path, options), parts[part]));
        n_in[part] = (int)data->n_samples;
        for (int i = 0; i < n_in[part]; i++) {
            int row = (int)((const float *)data->values)[i];
            assert_int_equal(part_of[row], -1);
            part_of[row] = part;
            assert_int_equal(clade_data_row(data, i), row);
        }
        clade_data_free(data);
    }
    for (int i = 0; i < n; i++) assert_true(part_of[i] >= 0);
}

static void three_shares(void **state)
{
    (void)state;
    int part_of[100], other[100], n_in[3];
    write_rows(100);
    find_parts(100, "split=0.7,0.2,0.1", part_of, n_in);
    assert_true(n_in[0] == 70 && n_in[1] == 20 && n_in[2] == 10);
    find_parts(100, "split=0.7,0.2,0.1", other, n_in);
    assert_memory_equal(part_of, other, sizeof other);
    find_parts(100, "split=0.7,0.2,0.1&seed=5", other, n_in);
    assert_true(memcmp(part_of, other, sizeof other) != 0);
    static const char *const bad[] = {"split=0.7,0.2", "split=70,30", "split=0.5,0.2,0.1,0.2", "split=0.8",
                                      "split=1.2,-0.2", "split=0.5,half"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        clade_data *data;
        assert_fails(clade_data_open(&data, test_text("csv:%s?%s", path, bad[i])), CLADE_EINVAL,
                     "want shares of rows that add up to 1: 0.8,0.2 to train and test");
    }
}

static void each_part_has_its_share_of_each_class(void **state)
{
    (void)state;
    int part_of[100], n_in[3], n_rare[3] = {0};
    write_rows(100);
    find_parts(100, "split=0.6,0.2,0.2&stratify=yes", part_of, n_in);
    for (int i = 0; i < 100; i += 4) n_rare[part_of[i]]++;
    assert_true(n_in[0] == 60 && n_in[1] == 20 && n_in[2] == 20);
    assert_true(n_rare[0] == 15 && n_rare[1] == 5 && n_rare[2] == 5);
}

static void groups_stay_together(void **state)
{
    (void)state;
    int part_of[99], n_in[3];
    write_rows(99);
    find_parts(99, "split=0.6,0.2,0.2&group=group", part_of, n_in);
    for (int i = 0; i < 99; i++) assert_int_equal(part_of[i], part_of[i / 3 * 3]);
    assert_in_range(n_in[1], 18, 24);
    assert_in_range(n_in[2], 18, 24);
}

static void a_column_says_the_part(void **state)
{
    (void)state;
    static const int want[] = {0, 0, 0, 1, 2};
    int part_of[50], n_in[3];
    write_rows(50);
    static const char *const columns[] = {"split=part", "split=3", "split=-2"};
    for (int k = 0; k < 3; k++) {
        find_parts(50, columns[k], part_of, n_in);
        for (int i = 0; i < 50; i++) assert_int_equal(part_of[i], want[i % 5]);
    }
    open_bad("x,part,y\n1,train,p\n2,later,q\n", "split=part", CLADE_EDATA,
             ":3: column 2 ('part') has 'later', want train, valid or test");
    open_bad("x,part,y\n1,test,p\n2,test,q\n", "split=part", CLADE_EDATA,
             "has no row for its train part, by the column that split= names");
    open_bad("x,part,y\n1,test,p\n2,test,q\n", "split=part&stratify=yes", CLADE_EINVAL,
             "rows are split by one of stratify=yes, group= and split=COLUMN");
}

/* ---- on all cores ---------------------------------------------------------------------------- */

/* Rows are encoded in parts; what comes of it, and which of two errors is told, does not depend on them. */
static void parts_of_the_work_do_not_matter(void **state)
{
    (void)state;
    enum { N = 3001 };
    char *text = malloc(N * 40), *to = text;
    assert_non_null(text);
    to += sprintf(to, "x,kind,price\n");
    for (int i = 0; i < N; i++)
        to += sprintf(to, "%s,%s,%d\n", i % 11 ? test_text("%d.5", i * i % 1009) : "",
                      i % 7 ? test_text("k%d", i % 5) : "NA", i);
    float *want = NULL, *targets = NULL;
    size_t n = 0;
    for (int n_parts = 1; n_parts < 40; n_parts += 6) {
        clade__parallel_set(3, n_parts);
        clade_data *data = OPEN(text, "target=price&missing=median&test=0.3", .standardize = true);
        if (!want) {
            n = (size_t)data->n_samples;
            assert_int_equal(data->shape.dim[0], 7);
            want = malloc(n * 7 * sizeof *want);
            targets = malloc(n * sizeof *targets);
            assert_true(want && targets);
            memcpy(want, data->values, n * 7 * sizeof *want);
            memcpy(targets, data->targets, n * sizeof *targets);
            for (size_t i = 0; i < n; i++) assert_true(targets[i] == (float)clade_data_row(data, (int64_t)i));
        }
        assert_memory_equal(data->values, want, n * 7 * sizeof *want);
        assert_memory_equal(data->targets, targets, n * sizeof *targets);
        clade_data_free(data);
        open_bad(text, "target=price&missing=x:0", CLADE_EDATA, ":2: column 2 ('kind') has 'NA'");
        open_bad(text, "target=price&missing=kind:0", CLADE_EDATA, ":2: column 1 ('x') is empty");
    }
    clade__parallel_set(0, 0);
    free(want);
    free(targets);
    free(text);
}

/* ---- double precision -------------------------------------------------------------------------- */

/* Sixty seconds of 2023, one apart: float32 has one number for all. Of the second thirty and of the first
 * every other one are classes that a line tells apart only where all are still different. */
static void seconds_stay_apart(void **state)
{
    char text[4000] = "time,y\n", *to = text + strlen(text);
    for (int i = 0; i < 60; i++) to += sprintf(to, "%d,%s\n", 1700000000 + i, i < 30 ? "before" : "after");
    clade_data *data = OPEN(text, "test=0", .standardize = true);
    const float *x = data->values;
    const double deviation = sqrt((60.0 * 60.0 - 1.0) / 12.0);
    for (int i = 0; i < 60; i++) assert_true(fabs((double)x[i] - (i - 29.5) / deviation) < 1e-6);
    assert_false(has_note(data, "warning: column 1 ('time') has"));

    clade_model *model = NULL;
    clade_metrics metrics;
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *output = clade_linear(clade_input(model, CLADE_SHAPE(1)), 2);
    assert_ok(clade_compile(model, output, &(clade_compile_options){.loss = CLADE_LOSS_CROSS_ENTROPY,
                                                                    .optimizer = clade_sgd(1.0f, 0.9f),
                                                                    .batch = 60}));
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 200}, NULL));
    assert_ok(clade_evaluate(model, data, &metrics));
    assert_true(metrics.accuracy == 1.0);
    clade_data_free(data);

    data = OPEN("time\n1700000030\n1700000029\n", "", .whole = true, .schema = clade_model_schema(model));
    float outputs[4];
    assert_ok(clade_predict(model, data, 0, 2, true, outputs)); /* after, before */
    assert_true(outputs[0] > outputs[1] && outputs[2] < outputs[3]);
    assert_fails(clade_evaluate(model, data, &metrics), CLADE_EDATA,
                 "neither labels nor targets: it can only be predicted on. Those of the training are in the "
                 "column 'y', which it lacks; label= names another");
    clade_data_free(data);
    clade_model_free(model);

    data = open_text(text, "test=0"); /* not standardised, and told */
    assert_true(has_note(data, "warning: column 1 ('time') has 60 different values, of which float32 tells 1 "
                               "apart; --standardize keeps them apart"));
    clade_data_free(data);
}

/* The network sees them standardised, and a model gives them back in their own units. */
static void targets_are_standardised(void **state)
{
    (void)state;
    clade_data *data = OPEN("x,price\n1,100000\n2,300000\n3,200000\n", "test=0&target=price",
                            .standardize_targets = true);
    const double deviation = sqrt(2.0 / 3.0);
    assert_true(fabs((double)data->targets[0] + 1 / deviation) < 1e-6);
    assert_true(fabs((double)data->targets[1] - 1 / deviation) < 1e-6);
    assert_true(fabs((double)data->targets[2]) < 1e-6);
    assert_true(fabs(clade__schema_target_value(data->schema, 0, 1 / deviation) - 3e5) < 1e-6);
    assert_string_equal(clade_schema_target(clade_data_schema(data), 0), "price");
    clade_data_free(data);
    open_bad("x,price\n1,\n2,3\n", "test=0&target=price&missing=mean", CLADE_EDATA,
             ":2: column 2 ('price') is empty: a value is missing, want a number to predict");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_filled),
        cmocka_unit_test(what_is_filled_is_standardised),
        cmocka_unit_test(fills_are_of_the_train_part),
        cmocka_unit_test(a_missing_text_is_a_category),
        cmocka_unit_test(later_tables_are_filled_alike),
        cmocka_unit_test(unknown_categories_are_refused_or_zeros),
        cmocka_unit_test(numbers_can_be_categories),
        cmocka_unit_test(decimal_commas_are_of_numbers_among_texts),
        cmocka_unit_test(true_and_false_are_numbers),
        cmocka_unit_test(columns_are_left_out_or_chosen),
        cmocka_unit_test(no_column_is_two_things),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(an_index_is_no_feature),
        cmocka_unit_test(rows_may_end_in_a_separator),
        cmocka_unit_test(doubtful_columns_are_told),
        cmocka_unit_test(columns_are_found_by_name),
        cmocka_unit_test(columns_without_names_are_counted),
        cmocka_unit_test(any_character_of_comments),
        cmocka_unit_test(three_shares),
        cmocka_unit_test(each_part_has_its_share_of_each_class),
        cmocka_unit_test(groups_stay_together),
        cmocka_unit_test(a_column_says_the_part),
        cmocka_unit_test(parts_of_the_work_do_not_matter),
        cmocka_unit_test(seconds_stay_apart),
        cmocka_unit_test(targets_are_standardised),
    };
    return cmocka_run_group_tests_name("csv_table", tests, set_up, test_close_device);
}

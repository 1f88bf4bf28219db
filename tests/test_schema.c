/* A schema that comes from a model file, and tables that are read by one. */
#include "support.h"

#include <stdio.h>

#include "base/schema.h"
#include "data/dataset.h"

static char path[256];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/table.csv", test_folder());
    return 0;
}

static clade_schema *parse(const char *text)
{
    clade_schema *schema;
    assert_ok(clade__schema_parse(&schema, text));
    return schema;
}

/* Opens a table by a schema. */
static clade_status open_by(clade_data **data, const char *text, const char *options,
                            const clade_schema *schema)
{
    test_write_file(path, text, strlen(text));
    return clade_data_open_with(data, test_text("csv:%s%s", path, options),
                                &(clade_data_options){.whole = true, .schema = schema});
}

#define NUMBER(name) "{\"name\":" name ",\"kind\":\"number\",\"center\":0,\"scale\":1}"
#define TARGET(name) "{\"name\":" name ",\"center\":0,\"scale\":1}"
#define X NUMBER("\"x\"")

/* Columns are found by name, one for each of the schema's. */
static void damaged_names_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *what;
    } cases[] = {
        {"{\"columns\":[" X "," X "],\"label\":null}", "two columns have the same name"},
        {"{\"columns\":[" X "],\"label\":\"x\"}", "two columns have the same name"},
        {"{\"columns\":[" X "],\"targets\":[" TARGET("\"x\"") "]}", "two columns have the same name"},
        {"{\"columns\":[],\"targets\":[" TARGET("\"t\"") "," TARGET("\"t\"") "]}",
         "two columns have the same name"},
        {"{\"columns\":[" X "," NUMBER("null") "]}", "some columns have a name, and others have none"},
        {"{\"columns\":[" NUMBER("null") "," X "]}", "some columns have a name, and others have none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_schema *schema;
        assert_fails(clade__schema_parse(&schema, cases[i].text), CLADE_EDATA, cases[i].what);
        assert_null(schema);
    }
    clade__schema_release(parse("{\"columns\":[" NUMBER("null") "," NUMBER("null") "]}"));
    clade__schema_release(parse("{\"columns\":[" X "],\"targets\":[" TARGET("null") "," TARGET("null") "]}"));
}

/* Features and targets are read as numbers, and what rows are split by as texts. */
static void rows_are_split_by_other_columns(void **state)
{
    (void)state;
    static const char text[] = "x,y,t,part\n1,2,3,train\n4,5,6,test\n7,8,9,test\n";
    clade_schema *schema =
        parse("{\"columns\":[" X "," NUMBER("\"y\"") "],\"targets\":[" TARGET("\"t\"") "]}");
    clade_data *data;
    assert_fails(open_by(&data, text, "?group=x", schema), CLADE_EINVAL,
                 "group= names column 'x', which is a feature of the model");
    assert_fails(open_by(&data, text, "?split=y", schema), CLADE_EINVAL,
                 "split= names column 'y', which is a feature of the model");
    assert_fails(open_by(&data, text, "?group=t", schema), CLADE_EINVAL,
                 "group= names column 't', which is a target of the model");
    assert_ok(open_by(&data, text, "?split=part&part=test", schema));
    assert_int_equal(data->n_samples, 2);
    const float want[] = {4, 5, 7, 8};
    assert_memory_equal(data->values, want, sizeof want);
    clade_data_free(data);
    clade__schema_release(schema);
}

/* A model that knows names may predict on rows without them, and on one row too. */
static void one_row_needs_no_header(void **state)
{
    (void)state;
    clade_schema *schema = parse("{\"columns\":[" X "," NUMBER("\"y\"") "]}");
    clade_data *data;
    assert_ok(open_by(&data, "0.5,0.25\n", "", schema));
    assert_int_equal(data->n_samples, 1);
    const float want[] = {0.5f, 0.25f};
    assert_memory_equal(data->values, want, sizeof want);
    clade_data_free(data);
    assert_fails(open_by(&data, "x,y\n", "", schema), CLADE_EDATA, "has a header and no rows");
    clade__schema_release(schema);
}

/* Squares of such numbers overflow: a scale of 0 would make one value of all. */
static void too_large_numbers_are_not_standardized(void **state)
{
    (void)state;
    clade_data *data;
    const clade_data_options features = {.standardize = true}, targets = {.standardize_targets = true};
    const char *text = "x,y\n1,1e200\n2,3e200\n3,-2e200\n";
    test_write_file(path, text, strlen(text));
    assert_fails(clade_data_open_with(&data, test_text("csv:%s?target=x&test=0", path), &features),
                 CLADE_EDATA, "column 2 ('y') has '1e200', want a finite number that fits float32");
    assert_fails(clade_data_open_with(&data, test_text("csv:%s?target=y&test=0", path), &targets),
                 CLADE_EDATA, "column 2 ('y') has '1e200', want a finite number that fits float32");
}

/* What is carried along is as it stands: NA may be Namibia. */
static void kept_texts_are_as_they_stand(void **state)
{
    (void)state;
    static const char *const want[] = {"NA", "?", "", "null", "a \"b\""};
    clade_data *data;
    const char *text = "x,country,y\n1,NA,p\n2,?,q\n3,,p\n4,\"null\",q\n5,\"a \"\"b\"\"\",p\n";
    test_write_file(path, text, strlen(text));
    assert_ok(clade_data_open(&data, test_text("csv:%s?id=country&test=0", path)));
    for (int i = 0; i < 5; i++) assert_string_equal(clade_data_kept(data, 0, i), want[i]);
    clade_data_free(data);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_names_are_refused),
        cmocka_unit_test(rows_are_split_by_other_columns),
        cmocka_unit_test(one_row_needs_no_header),
        cmocka_unit_test(too_large_numbers_are_not_standardized),
        cmocka_unit_test(kept_texts_are_as_they_stand),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

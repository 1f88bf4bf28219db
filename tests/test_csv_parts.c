/* Train and test parts of a CSV file, and their first samples. */
#include "support.h"

#include <stdio.h>

#include "data/dataset.h"

static char path[256];

static int set_path(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/table.csv", test_folder());
    return 0;
}

/* Writes rows 0 … n-1, whose only feature is their number; one of them has another label. */
static void write_rows(int n)
{
    char *text = malloc((size_t)n * 16 + 16), *to = text;
    assert_non_null(text);
    for (int i = 0; i < n; i++) to += sprintf(to, "%d,%s\n", i, i == n / 2 ? "rare" : "usual");
    test_write_file(path, text, strlen(text));
    free(text);
}

static clade_data *open_part(const char *options, const char *part)
{
    clade_data *data;
    assert_ok(clade_data_open_part(&data, test_text("csv:%s%sheader=no", path, options), part));
    return data;
}

static int row_of(const clade_data *data, int64_t i)
{
    return (int)((const float *)data->values)[i];
}

/* Opens both parts of n rows; returns how many are in the test part. */
static int64_t split(int n, const char *options)
{
    char *seen = calloc((size_t)n, 1);
    assert_non_null(seen);
    write_rows(n);
    int64_t n_part[2];
    for (int part = 0; part < 2; part++) {
        const char *name = part ? "test" : "train";
        clade_data *data = open_part(options, name), *again = open_part(options, name);
        n_part[part] = data->n_samples;
        assert_int_equal(data->n_classes, 2); /* though one part has but one */
        assert_string_equal(clade_data_class_name(data, 0), "rare");
        assert_memory_equal(data->values, again->values, (size_t)n_part[part] * sizeof(float));
        for (int64_t i = 0; i < n_part[part]; i++) {
            int row = row_of(data, i);
            assert_int_equal(data->labels[i], row != n / 2);
            assert_false(seen[row]);
            seen[row] = 1;
        }
        clade_data_free(data);
        clade_data_free(again);
    }
    assert_int_equal(n_part[0] + n_part[1], n); /* disjoint, and so together all */
    free(seen);
    return n_part[1];
}

static void parts_share_no_row(void **state)
{
    (void)state;
    assert_int_equal(split(1000, "?"), 200);
    assert_int_equal(split(1000, "?test=0.25&"), 250);
    assert_int_equal(split(7, "?test=0.5&"), 4);
    assert_int_equal(split(2, "?"), 1); /* at least one to either */
    assert_int_equal(split(2, "?test=0.999&"), 1);
    assert_int_equal(split(3, "?test=1e-9&"), 1);
}

static void without_a_split_both_are_all_rows(void **state)
{
    (void)state;
    write_rows(30);
    for (int part = 0; part < 2; part++) {
        clade_data *data = open_part("?test=0&", part ? "test" : "train");
        assert_int_equal(data->n_samples, 30);
        for (int i = 0; i < 30; i++) assert_int_equal(row_of(data, i), i);
        clade_data_free(data);
    }
}

/* n=N is the beginning of the part, and the classes are still those of all rows. */
static void fewer_are_the_first(void **state)
{
    (void)state;
    static const char *const options[] = {"test=0", "test=0.5"};
    write_rows(40);
    for (int o = 0; o < 2; o++)
        for (int part = 0; part < 2; part++) {
            const char *name = part ? "test" : "train";
            clade_data *all = open_part(test_text("?%s&", options[o]), name);
            for (int n = 1; n <= all->n_samples; n += 3) {
                clade_data *few = open_part(test_text("?%s&n=%d&", options[o], n), name);
                assert_int_equal(few->n_samples, n);
                assert_int_equal(few->n_classes, 2);
                assert_memory_equal(few->values, all->values, (size_t)n * sizeof(float));
                assert_memory_equal(few->labels, all->labels, (size_t)n * sizeof(int32_t));
                clade_data_free(few);
            }
            clade_data_free(all);
        }
}

static void more_than_there_are_is_an_error(void **state)
{
    (void)state;
    write_rows(40);
    clade_data *data;
    assert_fails(clade_data_open(&data, test_text("csv:%s?n=33&part=train", path)), CLADE_EDATA,
                 "table.csv' has 32 samples in its train part, and n=33 asks for more");
    assert_fails(clade_data_open(&data, test_text("csv:%s?n=9&part=test", path)), CLADE_EDATA,
                 "has 8 samples in its test part");
    assert_fails(clade_data_open(&data, test_text("csv:%s?n=0", path)), CLADE_EINVAL,
                 "csv: n=0, want a whole number from 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_share_no_row),
        cmocka_unit_test(without_a_split_both_are_all_rows),
        cmocka_unit_test(fewer_are_the_first),
        cmocka_unit_test(more_than_there_are_is_an_error),
    };
    return cmocka_run_group_tests_name("csv_parts", tests, set_path, NULL);
}

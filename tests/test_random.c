/* The random data: its moments, and what seed, part and number of samples change. */
#include "support.h"

#include "data/dataset.h"

enum { N = 400, FEATURES = 50 };

static clade_data *open_part(const char *spec, const char *part)
{
    clade_data *data;
    assert_ok(clade_data_open_part(&data, spec, part));
    return data;
}

static void described(void **state)
{
    (void)state;
    clade_data *data = open_part("random?features=7", "test");
    clade_data_info info = clade_data_describe(data);
    assert_string_equal(info.name, "random?features=7&part=test");
    assert_int_equal(info.n_samples, 1000);
    assert_int_equal(info.shape.rank, 1);
    assert_int_equal(info.shape.dim[0], 7);
    assert_int_equal(info.dtype, CLADE_FLOAT32);
    assert_int_equal(info.n_classes, 10);
    assert_true(info.scale == 1.0f && info.shift == 0.0f);
    clade_data_free(data);
    data = open_part("random?features=7&targets=3&n=20", "train");
    info = clade_data_describe(data);
    assert_int_equal(info.n_samples, 20);
    assert_int_equal(info.n_classes, 0);
    assert_int_equal(info.n_targets, 3);
    clade_data_free(data);
}

/* Mean, variance, and the shares that lie within one and two standard deviations. */
static void assert_normal(const float *x, int n)
{
    double mean = 0.0, square = 0.0, within[2] = {0};
    for (int i = 0; i < n; i++) {
        mean += x[i];
        square += (double)x[i] * x[i];
        for (int k = 0; k < 2; k++) within[k] += fabsf(x[i]) < (float)(k + 1);
    }
    double error = 5.0 / sqrt(n); /* five sigma of the mean; the others vary less or little more */
    assert_true(fabs(mean / n) < error);
    assert_true(fabs(square / n - 1.0) < 1.5 * error);
    assert_true(fabs(within[0] / n - 0.682689) < error);
    assert_true(fabs(within[1] / n - 0.954500) < error);
}

static void values_are_normal_and_labels_uniform(void **state)
{
    (void)state;
    clade_data *data = open_part("random?features=50&classes=4&n=400", "train");
    int count[4] = {0};
    assert_normal(data->values, N * FEATURES);
    for (int i = 0; i < N; i++) {
        assert_in_range(data->labels[i], 0, 3);
        count[data->labels[i]]++;
    }
    for (int c = 0; c < 4; c++) assert_in_range(count[c], 57, 143); /* five sigma */
    clade_data_free(data);
    data = open_part("random?features=1&targets=50&n=400", "train");
    assert_normal(data->targets, N * FEATURES);
    clade_data_free(data);
}

/* How many values of a are those of b, place by place or one place on. */
static int n_shared(const clade_data *a, const clade_data *b)
{
    const float *x = a->values, *y = b->values;
    int n = 0;
    for (int i = 0; i + 1 < N * FEATURES; i++) n += (x[i] == y[i]) + (x[i] == y[i + 1]);
    return n;
}

static void parts_and_seeds_differ(void **state)
{
    (void)state;
    const char *spec = "random?features=50&n=400";
    clade_data *train = open_part(spec, "train"), *again = open_part(spec, "train");
    clade_data *test = open_part(spec, "test");
    clade_data *other = open_part("random?features=50&n=400&seed=2", "train");
    assert_memory_equal(train->values, again->values, N * FEATURES * sizeof(float));
    assert_memory_equal(train->labels, again->labels, N * sizeof(int32_t));
    assert_in_range(n_shared(train, test), 0, 20); /* by chance alone */
    assert_in_range(n_shared(train, other), 0, 20);
    assert_in_range(n_shared(test, other), 0, 20);
    assert_memory_not_equal(train->labels, test->labels, N * sizeof(int32_t));
    assert_memory_not_equal(train->labels, other->labels, N * sizeof(int32_t));
    clade_data_free(train);
    clade_data_free(again);
    clade_data_free(test);
    clade_data_free(other);
}

static void fewer_are_the_first(void **state)
{
    (void)state;
    clade_data *few = open_part("random?features=50&n=20", "test");
    clade_data *more = open_part("random?features=50&n=400", "test");
    assert_memory_equal(few->values, more->values, 20 * FEATURES * sizeof(float));
    assert_memory_equal(few->labels, more->labels, 20 * sizeof(int32_t));
    clade_data_free(few);
    clade_data_free(more);
}

static void errors(void **state)
{
    (void)state;
    static const struct {
        const char *options, *part; /* of the message */
    } cases[] = {
        {"", "how many features? Write random?features=1000&classes=10"},
        {"?n=5", "how many features?"},
        {"?features=0", "features=0, want a whole number from 1 to 1000000"},
        {"?features=1000001", "features=1000001"},
        {"?features=5&classes=1", "classes=1, want a whole number from 2"},
        {"?features=5&targets=0", "targets=0, want a whole number from 1"},
        {"?features=5&classes=2&targets=1", "both classes= and targets=; give one"},
        {"?features=5&n=0", "n=0, want a whole number from 1"},
        {"?feature=5", "unknown option 'feature'; did you mean 'features'?"},
        {":5", "takes no path"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_data *data = (clade_data *)&data;
        assert_fails(clade_data_open(&data, test_text("random%s", cases[i].options)), CLADE_EINVAL,
                     cases[i].part);
        assert_null(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(described),
        cmocka_unit_test(values_are_normal_and_labels_uniform),
        cmocka_unit_test(parts_and_seeds_differ),
        cmocka_unit_test(fewer_are_the_first),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}

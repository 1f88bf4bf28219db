/* Data specs, arrays from memory, class names, and the orders of an epoch. */
#include <stdio.h>

#include "support.h"

#include "data/dataset.h"
#include "data/spec.h"

static void spec_errors(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *part; /* of the message */
    } cases[] = {
        {"", "empty"},
        {"digts", "did you mean 'digits'?"},
        {"mnits:DIR", "unknown kind of data 'mnits'; did you mean 'mnist'?"},
        {"xyz", "one of digits, mnist"},
        {":DIR", "unknown kind of data ''"},
        {"mnist", "write mnist:DIR"},
        {"mnist:", "write mnist:DIR"},
        {"mnist?part=test", "write mnist:DIR"},
        {"digits:DIR", "takes no path"},
        {"digits:", "takes no path"},
        {"digits?sed=3", "unknown option 'sed'; did you mean 'seed'?"},
        {"digits?", "unknown option ''; one of part, n, seed"},
        {"digits?n=5&", "unknown option ''"},
        {"mnist:DIR?width=5", "mnist: unknown option 'width'; one of part, n, set"},
        {"digits?n", "option 'n' has no value"},
        {"csv:a.csv?label=b&header", "option 'header' has no value"},
        {"csv:a.csv?header", "option 'header' has no value"},
        {"csv:a.csv?labl=b", "csv: unknown option 'labl'; did you mean 'label'?"},
        {"digits?n=5&n=6", "option 'n' is given twice"},
        {"digits?part=validation", "part 'validation', want train, valid or test"},
        {"digits?part=", "part '', want train, valid or test"},
        {"digits?n=", "n=, want a whole number from 1"},
        {"digits?n=0", "n=0, want a whole number from 1"},
        {"digits?n=1000001", "to 1000000"},
        {"digits?n=-5", "n=-5"},
        {"digits?n=+5", "n=+5"},
        {"digits?n=5x", "n=5x"},
        {"digits?n= 5", "n= 5"},
        {"digits?n=1e3", "n=1e3"},
        {"digits?n=18446744073709551617", "n=18446744073709551617"}, /* 2^64 + 1 */
        {"digits?seed=18446744073709551616", "seed=18446744073709551616"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_data *data = (clade_data *)&data;
        assert_fails(clade_data_open(&data, cases[i].spec), CLADE_EINVAL, cases[i].part);
        assert_null(data);
        assert_null(strchr(clade_error(), '\n'));
    }
    clade_data *data;
    assert_fails(clade_data_open(&data, NULL), CLADE_EINVAL, "spec is NULL");
    assert_fails(clade_data_open(NULL, "digits"), CLADE_EINVAL, "out is NULL");
    assert_fails(clade_data_open_part(&data, "digits?n=1", "Test"), CLADE_EINVAL, "part 'Test'");
}

/* A '?' that no word and '=' follow is of the path, and one behind these is of a value. */
static void paths_hold_question_marks(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *options;
    } cases[] = {
        {"csv:what?.csv", NULL},
        {"csv:what?.csv?label=a", "label=a"},
        {"csv:a.csv?label=sure?&test=0", "label=sure?&test=0"},
        {"csv:a.csv?label=a?test=0", "label=a?test=0"},
        {"mnist:why?/here", NULL},
        {"mnist:?n=5", "n=5"},
        {"csv:=?=?a=", "a="},
        {"digits", NULL},
        {"", NULL},
        {NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *options = clade_data_spec_options(cases[i].spec);
        assert_true(options ? cases[i].options && strcmp(options, cases[i].options) == 0
                            : !cases[i].options);
    }
    const char *folder = test_folder();
    const char *path = test_text("%s/what?.csv", folder);
    test_write_file(path, "a,b?\n1,2\n3,4\n", 13);
    clade_data *data;
    assert_ok(clade_data_open(&data, test_text("csv:%s?test=0&label=a", path)));
    assert_int_equal(clade_data_describe(data).n_samples, 2);
    clade_data_free(data);
    assert_ok(clade_data_open(&data, test_text("csv:%s?target=b?&test=0", path)));
    assert_int_equal(clade_data_describe(data).n_targets, 1);
    clade_data_free(data);
}

/* What `clade train --help` goes by: each kind and option has a line of help, and a spec has room for
 * all options of its kind. */
static void every_option_is_described(void **state)
{
    (void)state;
    int n_kinds = 0;
    const clade_data_kind *kind;
    for (; (kind = clade_data_kind_at(n_kinds)); n_kinds++) {
        assert_true(kind->name && kind->name[0] && kind->help && kind->help[0]);
        int n_options = 0;
        for (const clade_data_kind_option *option = kind->options; option->key; option++, n_options++) {
            if (!option->help || !option->help[0] || !option->argument)
                print_error("%s: option '%s' has no help\n", kind->name, option->key);
            assert_true(option->help && option->help[0] && option->argument && option->argument[0]);
            for (const clade_data_kind_option *other = kind->options; other < option; other++)
                assert_string_not_equal(other->key, option->key);
        }
        assert_in_range(n_options, 1, CLADE__DATA_MAX_OPTIONS);
    }
    assert_in_range(n_kinds, 6, 100);
    assert_null(clade_data_kind_at(-1));
    assert_null(clade_data_kind_at(n_kinds + 1));
}

/* A path alone: the kind that it looks like is offered. */
static void a_path_without_a_kind(void **state)
{
    (void)state;
    char mnist[128], cifar10[128];
    snprintf(mnist, sizeof mnist, "%s", test_folder());
    snprintf(cifar10, sizeof cifar10, "%s", test_folder());
    test_write_file(test_text("%s/t10k-images-idx3-ubyte.gz", mnist), "", 0);
    test_write_file(test_text("%s/data_batch_1.bin", cifar10), "", 0);
    const char *const offers[][2] = {
        {"iris.csv", "'csv:iris.csv'"},
        {"iris.csv?label=species", "'csv:iris.csv?label=species'"},
        {"data/x.npy,data/y.npy", "'npy:data/x.npy,data/y.npy'"},
        {"C:iris.tsv", "'csv:C:iris.tsv'"},
        {mnist, test_text("'mnist:%s'", mnist)},
        {cifar10, test_text("'cifar10:%s'", cifar10)},
        {"cvs:iris.csv", "unknown kind of data 'cvs'"}, /* which is a kind misspelt */
        {"iris", "one of digits, mnist"},
    };
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        clade_data *data;
        assert_fails(clade_data_open(&data, offers[i][0]), CLADE_EINVAL, offers[i][1]);
    }
}

static void assert_name(const char *spec, const char *part, const char *name)
{
    clade_data *data;
    if (part)
        assert_ok(clade_data_open_part(&data, spec, part));
    else
        assert_ok(clade_data_open(&data, spec));
    assert_string_equal(clade_data_describe(data).name, name);
    assert_true(clade_data_describe(data).seconds >= 0.0);
    clade_data_free(data);
}

static void spec_names_resolve_the_part(void **state)
{
    (void)state;
    assert_name("digits?n=3", NULL, "digits?n=3&part=train");
    assert_name("digits?n=3", "test", "digits?n=3&part=test");
    assert_name("digits?n=3&part=test", NULL, "digits?n=3&part=test");
    assert_name("digits?part=train&n=3&seed=18446744073709551615", "test",
                "digits?part=train&n=3&seed=18446744073709551615");
}

static const float features[] = {0.5f, -1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static const int32_t labels[] = {2, 0, 1};
static const float targets[] = {1, 2, 3, 4, 5, 6};

static clade_data_arrays good(void)
{
    return (clade_data_arrays){.n_samples = 3,
                               .shape = CLADE_SHAPE(2, 2),
                               .features = features,
                               .labels = labels,
                               .n_classes = 3};
}

static void arrays_with_labels(void **state)
{
    (void)state;
    clade_data *data;
    clade_data_arrays arrays = good();
    assert_ok(clade_data_from_arrays(&data, &arrays));
    clade_data_info info = clade_data_describe(data);
    assert_int_equal(info.n_samples, 3);
    assert_int_equal(info.shape.rank, 2);
    assert_int_equal(info.dtype, CLADE_FLOAT32);
    assert_int_equal(info.n_classes, 3);
    assert_int_equal(info.n_targets, 0);
    assert_int_equal(info.bytes, sizeof features + sizeof labels);
    assert_true(info.scale == 1.0f && info.shift == 0.0f);
    assert_non_null(info.name);
    assert_int_equal(clade__data_cols(data), 4);
    assert_ptr_not_equal(data->values, features);
    assert_memory_equal(data->values, features, sizeof features);
    assert_memory_equal(data->labels, labels, sizeof labels);
    assert_null(data->targets);
    assert_null(clade_data_class_name(data, 0));
    const char *const names[] = {"cat", "", "a longer name"};
    assert_ok(clade__data_name_classes(data, names));
    assert_string_equal(clade_data_class_name(data, 0), "cat");
    assert_string_equal(clade_data_class_name(data, 1), "");
    assert_string_equal(clade_data_class_name(data, 2), "a longer name");
    assert_null(clade_data_class_name(data, 3));
    assert_null(clade_data_class_name(data, -1));
    clade_data_free(data);
    clade_data_free(NULL);
}

static void arrays_with_targets(void **state)
{
    (void)state;
    clade_data *data;
    clade_data_arrays arrays = {.n_samples = 3,
                                .shape = {.rank = 0},
                                .features = features,
                                .targets = targets,
                                .n_targets = 2};
    assert_ok(clade_data_from_arrays(&data, &arrays));
    assert_int_equal(clade__data_cols(data), 1);
    assert_memory_equal(data->targets, targets, sizeof targets);
    assert_null(data->labels);
    assert_int_equal(clade_data_describe(data).bytes, 3 * sizeof(float) + sizeof targets);
    assert_null(clade_data_class_name(data, 0));
    clade_data_free(data);
}

#define BAD_ARRAYS(change, status, part)                                                           \
    do {                                                                                           \
        clade_data_arrays arrays = good();                                                         \
        change;                                                                                    \
        clade_data *data = (clade_data *)&data;                                                    \
        assert_fails(clade_data_from_arrays(&data, &arrays), status, part);                        \
        assert_null(data);                                                                         \
    } while (0)

static void arrays_errors(void **state)
{
    (void)state;
    clade_data *none;
    assert_fails(clade_data_from_arrays(&none, NULL), CLADE_EINVAL, "arrays is NULL");
    BAD_ARRAYS(arrays.features = NULL, CLADE_EINVAL, "features is NULL");
    BAD_ARRAYS(arrays.labels = NULL, CLADE_EINVAL, "no labels, but 3 classes");
    BAD_ARRAYS((arrays.labels = NULL, arrays.n_classes = 0, arrays.n_targets = 2), CLADE_EINVAL,
               "no targets, but 2 of a sample");
    BAD_ARRAYS((arrays.labels = NULL, arrays.n_classes = 0, arrays.n_targets = -1), CLADE_EINVAL,
               "-1 targets of a sample");
    BAD_ARRAYS(arrays.targets = targets, CLADE_EINVAL, "both labels and targets");
    BAD_ARRAYS(arrays.n_targets = 2, CLADE_EINVAL, "both classes and targets");
    BAD_ARRAYS(arrays.n_classes = 0, CLADE_EINVAL, "labels, but 0 classes");
    BAD_ARRAYS(arrays.n_classes = -1, CLADE_EINVAL, "-1 classes");
    BAD_ARRAYS(arrays.n_classes = INT32_MAX, CLADE_EINVAL, "2147483647 classes");
    BAD_ARRAYS(arrays.n_classes = 2, CLADE_EINVAL, "label 2 of sample 0 is not in 0 to 1");
    BAD_ARRAYS(arrays.n_samples = 0, CLADE_EINVAL, "0 samples");
    BAD_ARRAYS(arrays.n_samples = -1, CLADE_EINVAL, "-1 samples");
    BAD_ARRAYS(arrays.n_samples = INT64_C(1) << 31, CLADE_EINVAL, "2147483648 samples");
    BAD_ARRAYS(arrays.shape.rank = 7, CLADE_ESHAPE, "rank 7");
    BAD_ARRAYS(arrays.shape.rank = -1, CLADE_ESHAPE, "rank -1");
    BAD_ARRAYS(arrays.shape.dim[1] = 0, CLADE_ESHAPE, "dimension 1 of a sample is 0");
    BAD_ARRAYS(arrays.shape.dim[0] = INT64_MAX, CLADE_ESHAPE, "more elements");
    BAD_ARRAYS(arrays.shape = CLADE_SHAPE(INT64_C(1) << 61), CLADE_ENOMEM, "fit no memory");
    static const int32_t low[] = {0, -1, 0};
    BAD_ARRAYS(arrays.labels = low, CLADE_EINVAL, "label -1 of sample 1");
    float bad[12];
    memcpy(bad, features, sizeof bad);
    bad[6] = NAN;
    BAD_ARRAYS(arrays.features = bad, CLADE_EINVAL, "feature 2 of sample 1 is");
    bad[6] = -INFINITY;
    BAD_ARRAYS(arrays.features = bad, CLADE_EINVAL, "is -inf");
    BAD_ARRAYS((arrays.labels = NULL, arrays.targets = bad, arrays.n_targets = 3), CLADE_EINVAL,
               "targets, but 3 classes");
    BAD_ARRAYS((arrays.labels = NULL, arrays.n_classes = 0, arrays.targets = bad,
                arrays.n_targets = 3),
               CLADE_EINVAL, "target 0 of sample 2");
    BAD_ARRAYS((arrays.labels = NULL, arrays.n_classes = 0, arrays.targets = targets), CLADE_EINVAL,
               "targets, but 0 of a sample");
}

static void scale(void **state)
{
    (void)state;
    clade_data *data;
    clade_data_arrays arrays = good();
    assert_ok(clade_data_from_arrays(&data, &arrays));
    assert_ok(clade_data_set_scale(data, 2.0f, -1.0f));
    assert_fails(clade_data_set_scale(data, 0.0f, 0.0f), CLADE_EINVAL, "scale not 0");
    assert_fails(clade_data_set_scale(data, NAN, 0.0f), CLADE_EINVAL, "finite");
    assert_fails(clade_data_set_scale(data, 1.0f, INFINITY), CLADE_EINVAL, "finite");
    assert_fails(clade_data_set_scale(NULL, 1.0f, 0.0f), CLADE_EINVAL, "data is NULL");
    assert_true(clade_data_describe(data).scale == 2.0f);
    assert_true(clade_data_describe(data).shift == -1.0f);
    clade_data_free(data);
}

static void shuffle_permutes(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 3, 97, 10000};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        int64_t n = sizes[k];
        int32_t *order = malloc((size_t)n * sizeof *order);
        char *seen = calloc((size_t)n, 1);
        assert_true(order && seen);
        clade__shuffle(order, n, 5, 7);
        for (int64_t i = 0; i < n; i++) {
            assert_in_range(order[i], 0, n - 1);
            assert_false(seen[order[i]]);
            seen[order[i]] = 1;
        }
        free(order);
        free(seen);
    }
    clade__shuffle(NULL, 0, 1, 1);
}

typedef void order_of(int32_t *order, int64_t n, uint64_t seed, int64_t epoch);

static void depends_on_seed_and_epoch(order_of *make)
{
    int32_t first[500], again[500], epoch[500], seed[500];
    make(first, 500, 1, 0);
    make(again, 500, 1, 0);
    make(epoch, 500, 1, 1);
    make(seed, 500, 2, 0);
    assert_memory_equal(first, again, sizeof first);
    int same_epoch = 0, same_seed = 0, same_both = 0, fixed = 0;
    for (int i = 0; i < 500; i++) {
        same_epoch += first[i] == epoch[i];
        same_seed += first[i] == seed[i];
        same_both += epoch[i] == seed[i];
        fixed += first[i] == i;
    }
    /* each is about Poisson with mean 1; 10 has a chance of 1e-7 */
    assert_in_range(same_epoch, 0, 10);
    assert_in_range(same_seed, 0, 10);
    assert_in_range(same_both, 0, 10);
    assert_in_range(fixed, 0, 10);
}

static void orders_depend_on_seed_and_epoch(void **state)
{
    (void)state;
    depends_on_seed_and_epoch(clade__shuffle);
    depends_on_seed_and_epoch(clade__draw);
    int32_t shuffled[500], drawn[500], same = 0;
    clade__shuffle(shuffled, 500, 1, 0);
    clade__draw(drawn, 500, 1, 0);
    for (int i = 0; i < 500; i++) same += shuffled[i] == drawn[i];
    assert_in_range(same, 0, 10);
}

/* Each sample comes Poisson-distributed often, and is drawn in every place alike. */
static void draws_are_with_replacement(void **state)
{
    (void)state;
    enum { N = 10000 };
    static int32_t order[N], count[N];
    int times[3] = {0}, early = 0;
    clade__draw(order, N, 5, 7);
    for (int i = 0; i < N; i++) {
        assert_in_range(order[i], 0, N - 1);
        count[order[i]]++;
        early += i < N / 2 && order[i] < N / 2;
    }
    for (int i = 0; i < N; i++) times[count[i] > 1 ? 2 : count[i]]++;
    assert_in_range(times[0], 3679 - 160, 3679 + 160); /* N / e; five sigma */
    assert_in_range(times[1], 3679 - 160, 3679 + 160);
    assert_in_range(early, 2500 - 200, 2500 + 200);
    clade__draw(order, 1, 5, 7);
    assert_int_equal(order[0], 0);
    clade__draw(NULL, 0, 1, 1);
}

static void equal_is_of_samples_and_answers(void **state)
{
    (void)state;
    clade_data *data, *other;
    clade_data_arrays arrays = good();
    assert_ok(clade_data_from_arrays(&data, &arrays));
    assert_true(clade_data_equal(data, data));
    assert_ok(clade_data_from_arrays(&other, &arrays));
    assert_ok(clade_data_set_scale(other, 2.0f, 0.0f)); /* is no part of it */
    assert_true(clade_data_equal(data, other));
    clade_data_free(other);
    static const int32_t changed_labels[] = {2, 0, 0};
    float changed[12];
    memcpy(changed, features, sizeof changed);
    changed[11] = 12.0f;
    clade_data_arrays differ[] = {good(), good(), good(), good(), good()};
    differ[0].n_samples = 2;
    differ[1].shape = CLADE_SHAPE(3);
    differ[2].features = changed;
    differ[3].labels = changed_labels;
    differ[4] = (clade_data_arrays){.n_samples = 3,
                                    .shape = CLADE_SHAPE(2, 2),
                                    .features = features,
                                    .targets = (const float *)labels,
                                    .n_targets = 1};
    for (int i = 0; i < 5; i++) {
        assert_ok(clade_data_from_arrays(&other, &differ[i]));
        assert_false(clade_data_equal(data, other) || clade_data_equal(other, data));
        clade_data_free(other);
    }
    clade_data_free(data);
}

/* Every one of the six orders of three, about equally often. */
static void shuffle_is_fair(void **state)
{
    (void)state;
    int count[27] = {0};
    int32_t order[3];
    for (int64_t epoch = 0; epoch < 6000; epoch++) {
        clade__shuffle(order, 3, 3, epoch);
        count[9 * order[0] + 3 * order[1] + order[2]]++;
    }
    static const int orders[] = {5, 7, 11, 15, 19, 21};
    for (int i = 0; i < 6; i++) assert_in_range(count[orders[i]], 870, 1130); /* 4.5 sigma */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spec_errors),
        cmocka_unit_test(paths_hold_question_marks),
        cmocka_unit_test(every_option_is_described),
        cmocka_unit_test(a_path_without_a_kind),
        cmocka_unit_test(spec_names_resolve_the_part),
        cmocka_unit_test(arrays_with_labels),
        cmocka_unit_test(arrays_with_targets),
        cmocka_unit_test(arrays_errors),
        cmocka_unit_test(scale),
        cmocka_unit_test(equal_is_of_samples_and_answers),
        cmocka_unit_test(shuffle_permutes),
        cmocka_unit_test(orders_depend_on_seed_and_epoch),
        cmocka_unit_test(shuffle_is_fair),
        cmocka_unit_test(draws_are_with_replacement),
    };
    return cmocka_run_group_tests_name("dataset", tests, NULL, NULL);
}

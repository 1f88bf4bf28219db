/* The built-in digits: the same bytes everywhere, parts and prefixes, and what they look like. */
#include "support.h"

#include <inttypes.h>

#include "base/hash.h"
#include "data/dataset.h"

#define PIXELS 784

static clade_data *open_digits(const char *spec, const char *part)
{
    clade_data *data;
    assert_ok(clade_data_open_part(&data, spec, part));
    return data;
}

static const uint8_t *pixels_of(const clade_data *data)
{
    return data->values;
}

static uint64_t hash_of(const clade_data *data)
{
    uint64_t hash = CLADE__HASH_START;
    for (int64_t i = 0; i < data->n_samples; i++) {
        uint8_t label = (uint8_t)data->labels[i];
        hash = clade__hash(hash, pixels_of(data) + i * PIXELS, PIXELS);
        hash = clade__hash(hash, &label, 1);
    }
    return hash;
}

/* Results that people compare hang on these bytes: whoever changes them says so in the release. */
static void bytes_are_fixed(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *part;
        uint64_t hash;
    } cases[] = {
        {"digits?n=200", "train", UINT64_C(0x71ab43dfe7ac777c)},
        {"digits?n=200", "test", UINT64_C(0xc7f90634699bfdc0)},
        {"digits?n=200&seed=2", "train", UINT64_C(0x2b7f0c743e6ede96)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_data *data = open_digits(cases[i].spec, cases[i].part);
        uint64_t hash = hash_of(data);
        if (hash != cases[i].hash)
            print_error("%s, %s: got 0x%016" PRIx64 "\n", cases[i].spec, cases[i].part, hash);
        assert_true(hash == cases[i].hash);
        clade_data_free(data);
    }
}

static void described(void **state)
{
    (void)state;
    clade_data *data = open_digits("digits", "test");
    clade_data_info info = clade_data_describe(data);
    assert_string_equal(info.name, "digits?part=test");
    assert_int_equal(info.n_samples, 4000);
    assert_int_equal(info.shape.rank, 2);
    assert_int_equal(info.shape.dim[0], 28);
    assert_int_equal(info.shape.dim[1], 28);
    assert_int_equal(info.dtype, CLADE_UINT8);
    assert_int_equal(info.n_classes, 10);
    assert_true(info.scale == 1.0f / 255.0f && info.shift == 0.0f);
    assert_null(clade_data_class_name(data, 7));
    clade_data_free(data);
}

static void fewer_are_the_first(void **state)
{
    (void)state;
    clade_data *few = open_digits("digits?n=50&seed=9", "train");
    clade_data *more = open_digits("digits?n=120&seed=9", "train");
    assert_memory_equal(few->values, more->values, 50 * PIXELS);
    assert_memory_equal(few->labels, more->labels, 50 * sizeof(int32_t));
    clade_data_free(few);
    clade_data_free(more);
}

/* How many images of a occur in b. */
static int n_shared(const clade_data *a, const clade_data *b)
{
    int n = 0;
    for (int64_t i = 0; i < a->n_samples; i++)
        for (int64_t j = 0; j < b->n_samples; j++)
            n += memcmp(pixels_of(a) + i * PIXELS, pixels_of(b) + j * PIXELS, PIXELS) == 0;
    return n;
}

static void parts_and_seeds_are_disjoint(void **state)
{
    (void)state;
    clade_data *train = open_digits("digits?n=600", "train");
    clade_data *test = open_digits("digits?n=600", "test");
    clade_data *other = open_digits("digits?n=600&seed=2", "train");
    assert_int_equal(n_shared(train, train), 600);
    assert_int_equal(n_shared(train, test), 0);
    assert_int_equal(n_shared(train, other), 0);
    clade_data_free(train);
    clade_data_free(test);
    clade_data_free(other);
}

static void classes_are_balanced_and_mixed(void **state)
{
    (void)state;
    clade_data *data = open_digits("digits", "train");
    assert_int_equal(data->n_samples, 20000);
    int count[10] = {0}, n_equal = 0;
    for (int i = 0; i < 20000; i++) {
        assert_in_range(data->labels[i], 0, 9);
        count[data->labels[i]]++;
        n_equal += i > 0 && data->labels[i] == data->labels[i - 1];
    }
    for (int c = 0; c < 10; c++) assert_in_range(count[c], 1800, 2200);
    assert_in_range(n_equal, 1800, 2200);
    clade_data_free(data);
}

/* Every image has bright ink near its middle, a dark border on the whole, and uses the range. */
static void images_are_drawn(void **state)
{
    (void)state;
    clade_data *data = open_digits("digits?n=2000", "train");
    int brightest = 0;
    double border = 0.0, all = 0.0;
    for (int64_t i = 0; i < 2000; i++) {
        const uint8_t *image = pixels_of(data) + i * PIXELS;
        int most = 0, n_ink = 0;
        for (int p = 0; p < PIXELS; p++) {
            int x = p % 28, y = p / 28;
            if (image[p] > most) most = image[p];
            n_ink += image[p] > 100;
            all += image[p] / (2000.0 * PIXELS);
            if (x == 0 || x == 27 || y == 0 || y == 27) border += image[p] / (2000.0 * 108);
        }
        assert_in_range(most, 140, 255);
        assert_in_range(n_ink, 15, 350);
        if (most > brightest) brightest = most;
    }
    assert_int_equal(brightest, 255);
    assert_true(all > 20.0 && all < 50.0);
    assert_true(border < 8.0);
    clade_data_free(data);
}

/* The mean images of the classes tell unseen samples apart far better than chance: labels belong
 * to what is drawn. */
static void labels_fit_the_images(void **state)
{
    (void)state;
    clade_data *train = open_digits("digits?n=2000", "train");
    clade_data *test = open_digits("digits?n=500", "test");
    static double mean[10][PIXELS];
    int count[10] = {0}, n_right = 0;
    for (int i = 0; i < 2000; i++) {
        count[train->labels[i]]++;
        for (int p = 0; p < PIXELS; p++)
            mean[train->labels[i]][p] += pixels_of(train)[i * PIXELS + p];
    }
    for (int i = 0; i < 500; i++) {
        double nearest = INFINITY;
        int label = -1;
        for (int c = 0; c < 10; c++) {
            double distance = 0.0;
            for (int p = 0; p < PIXELS; p++) {
                double d = mean[c][p] / count[c] - pixels_of(test)[i * PIXELS + p];
                distance += d * d;
            }
            if (distance < nearest) {
                nearest = distance;
                label = c;
            }
        }
        n_right += label == test->labels[i];
    }
    assert_in_range(n_right, 300, 450); /* chance is 50, and too easy would be no test either */
    clade_data_free(train);
    clade_data_free(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_fixed),
        cmocka_unit_test(described),
        cmocka_unit_test(fewer_are_the_first),
        cmocka_unit_test(parts_and_seeds_are_disjoint),
        cmocka_unit_test(classes_are_balanced_and_mixed),
        cmocka_unit_test(images_are_drawn),
        cmocka_unit_test(labels_fit_the_images),
    };
    return cmocka_run_group_tests_name("digits", tests, NULL, NULL);
}

/* Sets of images in IDX files: the names of their files and where these lie, their classes, and every
 * type of elements. */
#include "support.h"

#include <stdio.h>
#include <sys/stat.h>

#include "data/dataset.h"

/* A new folder; those below it are made as they are named. */
static const char *make_folder(const char *const *below)
{
    static char folder[256];
    snprintf(folder, sizeof folder, "%s", test_folder());
    for (; below && *below; below++)
        assert_int_equal(mkdir(test_text("%s/%s", folder, *below), 0777), 0);
    return folder;
}

/* Writes an IDX file of n elements, given big-endian. */
static void write_idx(const char *path, int type, int rank, const int *sizes, const void *elements,
                      size_t n_bytes)
{
    unsigned char file[256] = {0, 0, (unsigned char)type, (unsigned char)rank};
    size_t n = 4;
    for (int i = 0; i < rank; i++, n += 4) file[n + 3] = (unsigned char)sizes[i];
    assert_true(n + n_bytes <= sizeof file);
    memcpy(file + n, elements, n_bytes);
    test_write_file(path, file, n + n_bytes);
}

/* One part of a set: three images of 1 × 2 and their labels. */
static void write_part(const char *path, const unsigned char *labels)
{
    static const unsigned char pixels[] = {0, 1, 127, 128, 254, 255};
    char stem[512];
    snprintf(stem, sizeof stem, "%s", path);
    write_idx(test_text("%s-images-idx3-ubyte", stem), 8, 3, (int[]){3, 1, 2}, pixels, 6);
    write_idx(test_text("%s-labels-idx1-ubyte", stem), 8, 1, (int[]){3}, labels, 3);
}

static void write_set(const char *path, const char *train, const char *test)
{
    char prefix[512];
    snprintf(prefix, sizeof prefix, "%s", path);
    write_part(test_text("%s%s", prefix, train), (const unsigned char[]){1, 2, 3});
    write_part(test_text("%s%s", prefix, test), (const unsigned char[]){3, 2, 1});
}

static clade_data *open_part(const char *folder, const char *options, const char *part)
{
    clade_data *data;
    assert_ok(clade_data_open_part(&data, test_text("mnist:%s%s", folder, options), part));
    return data;
}

static void assert_refused(const char *folder, const char *options, clade_status status,
                           const char *part)
{
    clade_data *data;
    assert_fails(clade_data_open(&data, test_text("mnist:%s%s", folder, options)), status, part);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void sets_by_their_files(void **state)
{
    (void)state;
    static const struct {
        const char *prefix, *train, *test, *set;
        int n_classes, first;
        const char *names; /* of the classes that labels 1, 2 and 3 are of; NULL: none */
    } sets[] = {
        {"", "train", "t10k", "mnist", 10, 0, NULL},
        {"emnist-balanced-", "train", "test", "balanced", 47, 0, "123"},
        {"emnist-bymerge-", "train", "test", "bymerge", 47, 0, "123"},
        {"emnist-byclass-", "train", "test", "byclass", 62, 0, "123"},
        {"emnist-letters-", "train", "test", "letters", 26, 1, "ABC"},
        {"emnist-digits-", "train", "test", "digits", 10, 0, NULL},
        {"emnist-mnist-", "train", "test", "emnist-mnist", 10, 0, NULL},
        {"qmnist-", "train", "test", "qmnist", 10, 0, NULL},
    };
    const int n_sets = sizeof sets / sizeof *sets;
    char all[256];
    snprintf(all, sizeof all, "%s", test_folder());
    for (int i = 0; i < n_sets; i++) {
        const char *folder = make_folder(NULL);
        write_set(test_text("%s/%s", folder, sets[i].prefix), sets[i].train, sets[i].test);
        write_set(test_text("%s/%s", all, sets[i].prefix), sets[i].train, sets[i].test);
        for (int k = 0; k < 4; k++) { /* alone, and among all by its name; both parts */
            clade_data *data = open_part(k & 2 ? all : folder,
                                         k & 2 ? test_text("?set=%s", sets[i].set) : "",
                                         k & 1 ? "test" : "train");
            assert_int_equal(data->n_classes, sets[i].n_classes);
            assert_int_equal(data->n_samples, 3);
            for (int s = 0; s < 3; s++) {
                int label = k & 1 ? 3 - s : 1 + s;
                assert_int_equal(data->labels[s], label - sets[i].first);
                const char *name = clade_data_class_name(data, data->labels[s]);
                if (sets[i].names)
                    assert_int_equal(name[0], sets[i].names[label - 1]);
                else
                    assert_null(name);
            }
            clade_data_free(data);
        }
    }
    assert_refused(all, "", CLADE_EINVAL,
                   "holds several sets: mnist, balanced, bymerge, byclass, letters, digits, "
                   "emnist-mnist, qmnist; choose one by ?set=mnist");
    assert_refused(all, "?set=leters", CLADE_EINVAL, "set=leters is unknown; did you mean 'letters'?");
    const char *folder = make_folder(NULL);
    assert_refused(folder, "?set=letters", CLADE_EIO,
                   "holds no set of images; it must hold emnist-letters-train-images-idx3-ubyte, "
                   "emnist-letters-train-labels-idx1-ubyte, emnist-letters-test-images-idx3-ubyte "
                   "and emnist-letters-test-labels-idx1-ubyte, with .gz or without");
    write_set(test_text("%s/", folder), "train", "t10k");
    assert_refused(folder, "?set=letters", CLADE_EIO, "it must hold emnist-letters-train-images");
}

static void names_of_classes(void **state)
{
    (void)state;
    static const struct {
        const char *set;
        unsigned char label;
        char name;
    } cases[] = {{"balanced", 10, 'A'}, {"balanced", 35, 'Z'}, {"balanced", 36, 'a'},
                 {"balanced", 46, 't'}, {"byclass", 36, 'a'},  {"byclass", 61, 'z'},
                 {"letters", 1, 'A'},   {"letters", 26, 'Z'}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *folder = make_folder(NULL);
        write_part(test_text("%s/emnist-%s-train", folder, cases[i].set),
                   (const unsigned char[]){cases[i].label, 1, 1});
        clade_data *data = open_part(folder, "", "train");
        assert_int_equal(clade_data_class_name(data, data->labels[0])[0], cases[i].name);
        clade_data_free(data);
    }
    const char *folder = make_folder(NULL);
    write_part(test_text("%s/emnist-letters-train", folder), (const unsigned char[]){1, 27, 2});
    assert_refused(folder, "", CLADE_EDATA, "has label 27 at byte 9, want 1 to 26");
    write_part(test_text("%s/emnist-letters-train", folder), (const unsigned char[]){1, 2, 0});
    assert_refused(folder, "", CLADE_EDATA, "has label 0 at byte 10, want 1 to 26");
}

/* As many as either part has, and ten at least. */
static void classes_of_both_parts(void **state)
{
    (void)state;
    const char *folder = make_folder(NULL);
    write_part(test_text("%s/train", folder), (const unsigned char[]){0, 11, 2});
    for (int both = 0; both < 2; both++) {
        if (both) write_part(test_text("%s/t10k", folder), (const unsigned char[]){0, 48, 2});
        clade_data *data = open_part(folder, "?n=1", "train");
        assert_int_equal(data->n_classes, both ? 49 : 12);
        clade_data_free(data);
    }
    clade_data *data = open_part(folder, "", "test");
    assert_int_equal(data->n_classes, 49);
    clade_data_free(data);
    test_write_file(test_text("%s/t10k-labels-idx1-ubyte", folder), "\0\0\10\1\0\0\0\4abc", 11);
    assert_refused(folder, "", CLADE_EDATA, "t10k-labels-idx1-ubyte' is truncated");
}

/* The labels of QMNIST have eight columns, of which the digit is the first. */
static void labels_in_columns(void **state)
{
    (void)state;
    unsigned char labels[3 * 8 * 4];
    const char *folder = make_folder(NULL);
    memset(labels, 1, sizeof labels);
    for (int i = 0; i < 3; i++) memcpy(labels + 32 * i, (unsigned char[]){0, 0, 0, (unsigned char)(7 - i)}, 4);
    write_part(test_text("%s/qmnist-train", folder), (const unsigned char[]){0, 0, 0});
    remove(test_text("%s/qmnist-train-labels-idx1-ubyte", folder));
    write_idx(test_text("%s/qmnist-train-labels-idx2-int", folder), 0x0c, 2, (int[]){3, 8}, labels,
              sizeof labels);
    clade_data *data = open_part(folder, "", "train");
    assert_int_equal(data->n_classes, 10);
    for (int i = 0; i < 3; i++) assert_int_equal(data->labels[i], 7 - i);
    clade_data_free(data);
    labels[64] = 0xff;
    write_idx(test_text("%s/qmnist-train-labels-idx2-int", folder), 0x0c, 2, (int[]){3, 8}, labels,
              sizeof labels);
    assert_refused(folder, "", CLADE_EDATA, "has label -16777211 at byte 76, want 0 to 1048575");
}

/* ---- folders --------------------------------------------------------------------------------- */

static void torchvision_folders(void **state)
{
    (void)state;
    static const char *const names[] = {"MNIST", "FashionMNIST", "KMNIST", "EMNIST", "QMNIST"};
    for (int i = 0; i < 5; i++) {
        char raw[32];
        snprintf(raw, sizeof raw, "%s/raw", names[i]);
        const char *folder = make_folder((const char *const[]){names[i], raw, NULL});
        const char *prefix = i == 3 ? "emnist-letters-" : i == 4 ? "qmnist-" : "";
        write_set(test_text("%s/%s/%s", folder, raw, prefix), "train", i < 3 ? "t10k" : "test");
        static const char *const given[] = {"", "/%s", "/%s/raw", "/%s/raw/", "/"};
        for (int k = 0; k < 5; k++) {
            char path[512];
            int n = snprintf(path, sizeof path, "%s", folder);
            snprintf(path + n, sizeof path - (size_t)n, given[k], names[i]);
            clade_data *data = open_part(path, "", "train");
            assert_int_equal(data->n_classes, i == 3 ? 26 : 10);
            clade_data_free(data);
        }
    }
}

static void several_folders(void **state)
{
    (void)state;
    const char *folder = make_folder((const char *const[]){"MNIST", "MNIST/raw", "EMNIST",
                                                           "EMNIST/raw", NULL});
    write_set(test_text("%s/EMNIST/raw/emnist-letters-", folder), "train", "test");
    write_set(test_text("%s/EMNIST/raw/emnist-digits-", folder), "train", "test");
    assert_refused(folder, "", CLADE_EINVAL,
                   "EMNIST/raw' holds several sets: letters, digits; choose one by ?set=letters");
    clade_data *data = open_part(folder, "?set=digits", "train");
    assert_int_equal(data->n_classes, 10);
    clade_data_free(data);
    write_set(test_text("%s/MNIST/raw/", folder), "train", "t10k");
    assert_refused(folder, "", CLADE_EINVAL,
                   test_text("holds sets in MNIST/raw, EMNIST/raw; give one of these folders, as "
                             "mnist:%s/MNIST/raw", folder));
    data = open_part(folder, "?set=letters", "train");
    assert_int_equal(data->n_classes, 26);
    clade_data_free(data);
    write_set(test_text("%s/", folder), "train", "t10k"); /* in the folder itself: that is meant */
    data = open_part(folder, "", "test");
    assert_int_equal(data->n_classes, 10);
    clade_data_free(data);
}

/* ---- types ----------------------------------------------------------------------------------- */

static void every_type(void **state)
{
    (void)state;
    static const struct {
        int type, bytes;
        uint64_t bits[6];
        float want[6];
        const char *name;
    } types[] = {
        {0x09, 1, {0, 1, 127, 0x80, 0xff, 7}, {0, 1, 127, -128, -1, 7}, "byte"},
        {0x0b, 2, {0, 1, 0x7fff, 0x8000, 0xffff, 258}, {0, 1, 32767, -32768, -1, 258}, "short"},
        {0x0c, 4, {0, 1, 16777219, 0x80000000, 0xffffffff, 16909060},
         {0, 1, 16777220, -2147483648.0f, -1, 16909060}, "int"},
        {0x0d, 4, {0x3f800000, 0xc0000000, 1, 0x7f7fffff, 0x80000000, 0x3eaaaaab},
         {1, -2, 1.40129846e-45f, 3.40282347e38f, -0.0f, 1.0f / 3}, "float"},
        {0x0e, 8, {0x3ff0000000000000, 0xc000000000000000, 0x3fd5555555555555, 0x41a0000000000000,
                   0x8000000000000000, 0x3ff0000010000001},
         {1, -2, 1.0f / 3, 134217728, -0.0f, 1.00000012f}, "double"},
        {0x08, 1, {0, 1, 127, 128, 255, 7}, {0, 1, 127, 128, 255, 7}, "ubyte"},
    };
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        unsigned char elements[48];
        int n = types[t].bytes;
        const char *folder = make_folder(NULL);
        for (int i = 0; i < 6; i++)
            for (int k = 0; k < n; k++)
                elements[i * n + k] = (unsigned char)(types[t].bits[i] >> 8 * (n - 1 - k));
        write_idx(test_text("%s/train-images-idx3-%s", folder, types[t].name), types[t].type, 3,
                  (int[]){3, 1, 2}, elements, 6 * (size_t)n);
        write_idx(test_text("%s/train-labels-idx1-ubyte", folder), 8, 1, (int[]){3}, "\1\2\3", 3);
        clade_data *data = open_part(folder, "", "train");
        bool bytes = types[t].type == 8;
        assert_int_equal(data->dtype, bytes ? CLADE_UINT8 : CLADE_FLOAT32);
        assert_true(data->scaling.scale == (bytes ? 1.0f / 255.0f : 1.0f));
        for (int i = 0; i < 6; i++) {
            float got = bytes ? (float)((uint8_t *)data->values)[i] : ((float *)data->values)[i];
            assert_memory_equal(&got, &types[t].want[i], sizeof got);
        }
        clade_data_free(data);
    }
}

static void labels_of_every_type(void **state)
{
    (void)state;
    static const struct {
        int type, bytes;
        const char *name;
    } types[] = {{0x08, 1, "ubyte"}, {0x09, 1, "byte"}, {0x0b, 2, "short"}, {0x0c, 4, "int"}};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        unsigned char elements[12] = {0};
        const char *folder = make_folder(NULL);
        int n = types[t].bytes;
        write_part(test_text("%s/train", folder), (const unsigned char[]){0, 0, 0});
        remove(test_text("%s/train-labels-idx1-ubyte", folder));
        for (int i = 0; i < 3; i++) elements[i * n + n - 1] = (unsigned char)(20 + i);
        write_idx(test_text("%s/train-labels-idx1-%s", folder, types[t].name), types[t].type, 1,
                  (int[]){3}, elements, 3 * (size_t)n);
        clade_data *data = open_part(folder, "", "train");
        assert_int_equal(data->n_classes, 23);
        for (int i = 0; i < 3; i++) assert_int_equal(data->labels[i], 20 + i);
        clade_data_free(data);
    }
}

static void values_that_are_no_numbers(void **state)
{
    (void)state;
    const char *folder = make_folder(NULL);
    write_part(test_text("%s/train", folder), (const unsigned char[]){0, 0, 0});
    const unsigned char floats[24] = {[8] = 0x7f, [9] = 0x80, [16] = 0x7f, [17] = 0xc0};
    write_idx(test_text("%s/train-images-idx3-ubyte", folder), 0x0d, 3, (int[]){3, 1, 2}, floats, 24);
    assert_refused(folder, "", CLADE_EDATA, "has an infinity at byte 24, want finite numbers");
    write_idx(test_text("%s/train-images-idx3-ubyte", folder), 0x0d, 3, (int[]){2, 1, 2}, floats + 8,
              16);
    write_idx(test_text("%s/train-labels-idx1-ubyte", folder), 8, 1, (int[]){2}, "\1\2", 2);
    assert_refused(folder, "", CLADE_EDATA, "has an infinity at byte 16");
    assert_refused(folder, "?n=1", CLADE_EDATA, "has an infinity at byte 16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_by_their_files),   cmocka_unit_test(names_of_classes),
        cmocka_unit_test(classes_of_both_parts), cmocka_unit_test(labels_in_columns),
        cmocka_unit_test(torchvision_folders),   cmocka_unit_test(several_folders),
        cmocka_unit_test(every_type),            cmocka_unit_test(labels_of_every_type),
        cmocka_unit_test(values_that_are_no_numbers),
    };
    return cmocka_run_group_tests_name("idx sets", tests, NULL, NULL);
}

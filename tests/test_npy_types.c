/* What the elements of a .npy file may be: every type of numbers in both byte orders and both orders
 * of elements, texts as labels, and what a network sees of bytes. */
#include "support.h"

#include <stdio.h>

#include "data/dataset.h"
#include "npy_pair.h"

static npy labels_of_3(void)
{
    return npy_array("|u1", "(3,)", "\2\0\1", 3);
}

/* The last n of a value's 8 little-endian bytes, or as they are on a machine of the other order. */
static void put_value(unsigned char *dst, const void *value, int n, bool big)
{
    for (int i = 0; i < n; i++) dst[big ? n - 1 - i : i] = ((const unsigned char *)value)[i];
}

/* Six numbers of each type, those at its ends among them, and what float32 makes of them. */
static const struct {
    char type[3];
    uint64_t bits[6];
    float want[6];
} numbers[] = {
    {"f2", {0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x3555},
     {1, -2, 5.9604644775390625e-8f, 65504, -0.0f, 0.333251953125f}},
    {"f4", {0x3f800000, 0xc0000000, 0x00000001, 0x7f7fffff, 0x80000000, 0x3eaaaaab},
     {1, -2, 1.40129846e-45f, 3.40282347e38f, -0.0f, 1.0f / 3}},
    {"f8", {0x3ff0000000000000, 0xc000000000000000, 0x3fd5555555555555, 0x41a0000000000000,
            0x8000000000000000, 0x3ff0000010000001},
     {1, -2, 1.0f / 3, 134217728, -0.0f, 1.00000012f}},
    {"u1", {0, 1, 127, 128, 255, 7}, {0, 1, 127, 128, 255, 7}},
    {"i1", {0, 1, 127, 0x80, 0xff, 7}, {0, 1, 127, -128, -1, 7}},
    {"u2", {0, 1, 0x7fff, 0x8000, 0xffff, 258}, {0, 1, 32767, 32768, 65535, 258}},
    {"i2", {0, 1, 0x7fff, 0x8000, 0xffff, 258}, {0, 1, 32767, -32768, -1, 258}},
    {"u4", {0, 1, 16777217, 0x80000000, 0xffffffff, 16909060},
     {0, 1, 16777216, 2147483648.0f, 4294967296.0f, 16909060}},
    {"i4", {0, 1, 16777219, 0x80000000, 0xffffffff, 16909060},
     {0, 1, 16777220, -2147483648.0f, -1, 16909060}},
    {"u8", {0, 1, 9007199254740993, 0x8000000000000000, UINT64_MAX, 0x100000100000001},
     {0, 1, 9007199254740992.0f, 9223372036854775808.0f, 18446744073709551616.0f,
      72057602627862528.0f}}, /* by way of a double the last would be 72057594037927936 */
    {"i8", {0, 1, 9007199254740993, 0x8000000000000000, UINT64_MAX, 0x100000100000001},
     {0, 1, 9007199254740992.0f, -9223372036854775808.0f, -1, 72057602627862528.0f}},
};

/* 3 rows of 2, in each byte order and each order of elements. */
static void every_type_and_order(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof numbers / sizeof *numbers; t++) {
        int n = numbers[t].type[1] - '0';
        static const char orders[] = "<>=|";
        for (int k = 0; k < 8; k++) {
            bool fortran = k & 4;
            unsigned char elements[48];
            for (int row = 0; row < 3; row++)
                for (int col = 0; col < 2; col++)
                    put_value(elements + (fortran ? col * 3 + row : row * 2 + col) * n,
                              &numbers[t].bits[row * 2 + col], n, orders[k % 4] == '>');
            clade_data *data = npy_open_pair(
                npy_make(1, test_text("{'descr': '%c%s', 'fortran_order': %s, 'shape': (3, 2), }",
                                      orders[k % 4], numbers[t].type, fortran ? "True" : "False"),
                         elements, 6 * (size_t)n),
                labels_of_3());
            bool bytes = strcmp(numbers[t].type, "u1") == 0;
            assert_int_equal(data->dtype, bytes ? CLADE_UINT8 : CLADE_FLOAT32);
            for (int i = 0; i < 6; i++) {
                float got = bytes ? (float)((uint8_t *)data->values)[i] : ((float *)data->values)[i];
                if (memcmp(&got, &numbers[t].want[i], sizeof got) == 0) continue;
                print_error("%c%s: element %d is %.9g, want %.9g\n", orders[k % 4], numbers[t].type,
                            i, (double)got, (double)numbers[t].want[i]);
                fail();
            }
            clade_data_free(data);
        }
    }
}

static void halves_that_are_no_numbers(void **state)
{
    (void)state;
    npy_open_bad(npy_array("<f2", "(3, 1)", "\0\x3c\0\x7c\0\x3c", 6), labels_of_3(),
             "x.npy' has an infinity at element 0 of row 1");
    npy_open_bad(npy_array(">f2", "(3, 1)", "\x3c\0\x3c\0\x7e\0", 6), labels_of_3(),
             "x.npy' has nan at element 0 of row 2");
}

/* 2 samples of 3 × 4: element (i, j, k) is 100 i + 10 j + k, laid the first index fastest. */
static void fortran_order(void **state)
{
    (void)state;
    int16_t elements[24];
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 4; k++)
                elements[i + 2 * j + 6 * k] = (int16_t)(100 * i + 10 * j + k);
    const char *header = "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3, 4), }";
    npy y = npy_make(1, "{'descr': '<i4', 'fortran_order': True, 'shape': (2, 1), }",
                     (int32_t[]){1, 0}, 8);
    clade_data *data = npy_open_pair(npy_make(1, header, elements, sizeof elements), y);
    assert_int_equal(data->shape.rank, 2);
    for (int i = 0; i < 24; i++)
        assert_true(((float *)data->values)[i] == (float)(100 * (i / 12) + 10 * (i / 4 % 3) + i % 4));
    assert_int_equal(data->labels[0], 1);
    clade_data_free(data);
    y = npy_make(1, "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 2), }",
                 (double[]){1, 3, 2, 4}, 32);
    data = npy_open_pair(npy_make(1, header, elements, sizeof elements), y);
    for (int i = 0; i < 4; i++) assert_true(data->targets[i] == (float)(i + 1));
    clade_data_free(data);
}

/* One dimension is n samples of one number. */
static void one_dimension(void **state)
{
    (void)state;
    const float x[] = {3, 1, 2};
    clade_data *data = npy_open_pair(npy_array("<f4", "(3,)", x, sizeof x), labels_of_3());
    assert_int_equal(data->n_samples, 3);
    assert_int_equal(data->shape.rank, 1);
    assert_int_equal(data->shape.dim[0], 1);
    assert_memory_equal(data->values, x, sizeof x);
    clade_data_free(data);
}

/* ---- labels ---------------------------------------------------------------------------------- */

static npy samples_of(int n)
{
    static const float zeros[8];
    return npy_array("<f4", test_text("(%d, 1)", n), zeros, (size_t)n * sizeof *zeros);
}

static void labels_of_64_bits(void **state)
{
    (void)state;
    const uint64_t good[] = {2, 0, 1}, bad[] = {2, UINT64_MAX, 1}, least[] = {0, 1, 1ull << 63};
    clade_data *data = npy_open_pair(samples_of(3), npy_array("<u8", "(3,)", good, sizeof good));
    assert_int_equal(data->n_classes, 3);
    assert_int_equal(data->labels[0], 2);
    clade_data_free(data);
    npy_open_bad(samples_of(3), npy_array("<u8", "(3,)", bad, sizeof bad),
             "y.npy' has label 18446744073709551615 in row 1, want 0 to 1048575");
    npy_open_bad(samples_of(3), npy_array("<i8", "(3,)", bad, sizeof bad), "has label -1 in row 1");
    npy_open_bad(samples_of(3), npy_array("<i8", "(3,)", least, sizeof least),
             "has label -9223372036854775808 in row 2");
}

static void assert_classes(clade_data *data, const char *const *names, int n, const int *labels)
{
    assert_int_equal(data->n_classes, n);
    for (int i = 0; i < n && names; i++)
        assert_string_equal(clade_data_class_name(data, i), names[i]);
    if (!names) assert_null(clade_data_class_name(data, 0));
    for (int i = 0; i < data->n_samples; i++) assert_int_equal(data->labels[i], labels[i]);
    clade_data_free(data);
}

static void texts_are_names(void **state)
{
    (void)state;
    static const char *const pets[] = {"cat", "dog", "emu"};
    static const int labels[] = {1, 0, 2, 1};
    assert_classes(npy_open_pair(samples_of(4), npy_array("|S3", "(4,)", "dogcatemudog", 12)), pets, 3,
                   labels);
    unsigned char wide[4 * 3 * 4] = {0};
    for (int order = 0; order < 2; order++) {
        memset(wide, 0, sizeof wide);
        for (int i = 0; i < 12; i++) wide[4 * i + (order ? 3 : 0)] = (unsigned char)"dogcatemudog"[i];
        assert_classes(npy_open_pair(samples_of(4), npy_array(order ? ">U3" : "<U3", "(4, 1)", wide, 48)),
                       pets, 3, labels);
    }
    /* The number of bytes in UTF-8 grows from 1 to 4; shorter texts have zeros behind them. */
    static const uint32_t letters[] = {0x1f600, 0, 0xe9, 'a', 0x20ac, 0, 'z', 0};
    static const char *const utf8[] = {"z", "\xc3\xa9" "a", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    assert_classes(npy_open_pair(samples_of(4), npy_array("<U2", "(4,)", letters, sizeof letters)), utf8,
                   4, (int[]){3, 1, 2, 0});
    assert_classes(npy_open_pair(samples_of(2), npy_array("|S2", "(2,)", "\xc3\xa9z", 4)),
                   (const char *const[]){"z", "\xc3\xa9"}, 2, (int[]){1, 0});
}

/* Numbers written as texts, as in the labels that fetch_openml gives. */
static void texts_of_numbers(void **state)
{
    (void)state;
    assert_classes(npy_open_pair(samples_of(3), npy_array("|S1", "(3,)", "201", 3)), NULL, 3,
                   (int[]){2, 0, 1});
    assert_classes(npy_open_pair(samples_of(3), npy_array("|S2", "(3,)", "109\0007\0", 6)),
                   (const char *const[]){"7", "9", "10"}, 3, (int[]){2, 1, 0});
    npy_open_bad(samples_of(3), npy_array("|S3", "(3,)", "0.51\0\0002\0\0", 9),
             "y.npy' has '0.5' in row 0, want a whole number or a name as a label; for numbers to "
             "predict, save y.astype('<f4')");
}

static void bad_texts(void **state)
{
    (void)state;
    npy_open_bad(samples_of(2), npy_array("|S1", "(2,)", "a\0", 2), "has an empty text in row 1");
    npy_open_bad(samples_of(2), npy_array("|S3", "(2,)", "a\0bcde", 6),
             "has a text in row 0 that is no UTF-8; save numpy.char.decode(y, 'latin1')");
    npy_open_bad(samples_of(2), npy_array("|S1", "(2,)", "a\xe9", 2), "in row 1 that is no UTF-8");
    npy_open_bad(samples_of(1), npy_array("<U1", "(1,)", "\0\xd8\0\0", 4), "in row 0 that is no UTF-8");
    npy_open_bad(samples_of(1), npy_array("<U1", "(1,)", "\0\0\x11\0", 4), "in row 0 that is no UTF-8");
    npy_open_bad(samples_of(1), npy_array("<U0", "(1,)", "", 0), "of type '<U0' (texts)");
    npy_open_bad(samples_of(1), npy_array("|S1", "(1, 2)", "ab", 2), "has 2 texts a row, want one label");
    npy_open_bad(samples_of(1), npy_array("<i4", "(1, 2)", "\0\0\0\0\1\0\0\0", 8),
             "has 2 whole numbers a row, want one label; save y.argmax(axis=1)");
    npy_open_bad(samples_of(1), npy_array("|O", "(1,)", "", 0),
             "(Python objects), want labels or numbers; save y.astype('<i4') for labels, "
             "y.astype('U') for names");
    clade_data *data;
    npy_write_pair(samples_of(2), npy_array("|S1", "(2,)", "ab", 2));
    assert_fails(clade_data_open(&data, test_text("npy:%s/x.npy,%s/y.npy?classes=2", npy_folder, npy_folder)),
                 CLADE_EINVAL, "classes= is for labels that are numbers");
}

/* ---- what a network sees of bytes ------------------------------------------------------------ */

static float scale_of(npy x, const char *options)
{
    clade_data *data;
    const char *spec = npy_write_pair(x, npy_array("|u1", "(2,)", "\0\1", 2));
    assert_ok(clade_data_open(&data, test_text("%s%s", spec, options)));
    float scale = clade_data_describe(data).scale;
    clade_data_free(data);
    return scale;
}

static void images_of_bytes(void **state)
{
    (void)state;
    static const unsigned char pixels[] = {0, 255, 3, 4, 9, 7, 2, 1}, flags[8] = {0, 1, 1, 0, 1},
                               counts[8] = {0, 127, 99};
    assert_true(scale_of(npy_array("|u1", "(2, 2, 2)", pixels, 8), "") == 1.0f / 255.0f);
    assert_true(scale_of(npy_array("|u1", "(2, 1, 2, 2)", pixels, 8), "") == 1.0f / 255.0f);
    assert_true(scale_of(npy_array("|u1", "(2, 4)", pixels, 8), "") == 1.0f / 255.0f); /* flat */
    assert_true(scale_of(npy_array("|u1", "(2, 4)", pixels, 8), "?scale=1") == 1.0f);
    assert_true(scale_of(npy_array("|u1", "(2, 4)", counts, 8), "") == 1.0f); /* a table */
    assert_true(scale_of(npy_array("|u1", "(2, 2, 2)", counts, 8), "") == 1.0f / 255.0f);
    assert_true(scale_of(npy_array("|u1", "(2, 2, 2)", flags, 8), "") == 1.0f);
    assert_true(scale_of(npy_array("|b1", "(2, 2, 2)", pixels, 8), "") == 1.0f);
    assert_true(scale_of(npy_array("|i1", "(2, 2, 2)", pixels, 8), "") == 1.0f);
    assert_true(scale_of(npy_array("<f4", "(2, 1, 1)", (float[]){0, 255}, 8), "") == 1.0f);
    assert_true(scale_of(npy_array("|u1", "(2, 2, 2)", pixels, 8), "?scale=1") == 1.0f);
    assert_true(scale_of(npy_array("|u1", "(2, 4)", pixels, 8), "?scale=1/255") == 1.0f / 255.0f);
    assert_true(scale_of(npy_array("<f4", "(2, 1)", (float[]){0, 255}, 8), "?scale=-0.5") == -0.5f);
    static const char *const bad[] = {"", "0", "1/0", "1/", "/2", "x", "1e39", "1/255/2", "nan"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        clade_data *data;
        const char *spec =
            npy_write_pair(npy_array("|u1", "(2, 4)", pixels, 8), npy_array("|u1", "(2,)", "\0\1", 2));
        assert_fails(clade_data_open(&data, test_text("%s?scale=%s", spec, bad[i])), CLADE_EINVAL,
                     test_text("npy: scale=%s, want a number or a fraction", bad[i]));
    }
}

/* The note on samples like these; NULL: there is none. Lasts until the next call. */
static const char *note_on(npy x, const char *options)
{
    static char note[512];
    clade_data *data;
    const char *spec = npy_write_pair(x, npy_array("|u1", "(2,)", "\0\1", 2));
    assert_ok(clade_data_open(&data, test_text("%s%s", spec, options)));
    const char *text = clade_data_note(data, 0);
    if (text) snprintf(note, sizeof note, "%s", text);
    assert_null(text ? clade_data_note(data, 1) : NULL);
    clade_data_free(data);
    return text ? note : NULL;
}

static void tables_of_bytes_have_a_note(void **state)
{
    (void)state;
    static const unsigned char pixels[] = {0, 254, 3, 4, 9, 7, 2, 1}, counts[8] = {0, 127, 1, 0, 1};
    const char *note = note_on(npy_array("|u1", "(2, 4)", pixels, 8), "");
    assert_non_null(note);
    assert_non_null(strstr(note, "x.npy' has bytes up to 254, which a network sees as 0 to 1, as those "
                                 "of images; add scale=1 to have them as they are"));
    assert_null(note_on(npy_array("|u1", "(2, 4)", pixels, 8), "?scale=1/255"));
    assert_null(note_on(npy_array("|u1", "(2, 4)", pixels, 8), "?scale=1"));
    assert_null(note_on(npy_array("|u1", "(2, 2, 2)", pixels, 8), ""));
    assert_null(note_on(npy_array("|u1", "(2, 4)", counts, 8), ""));
    assert_null(note_on(npy_array("|i1", "(2, 4)", pixels, 8), ""));
}

/* Seconds since 1970, and numbers beyond 2^53. */
static void numbers_that_float32_makes_one(void **state)
{
    (void)state;
    static const double times[] = {1, 1606435201, 2, 1606435202}, apart[] = {1606435201, 1606445202};
    const char *note = note_on(npy_array("<f8", "(2, 2)", times, 32), "");
    assert_non_null(note);
    assert_non_null(strstr(note, "x.npy' has different numbers in x[:, 1] that are all 1.6064352e+09 "
                                 "as float32, and so say nothing; save x - x.mean(axis=0)"));
    assert_null(note_on(npy_array("<f8", "(2, 1)", apart, 16), ""));
    assert_null(note_on(npy_array("<f8", "(2, 1)", (double[]){7, 7}, 16), "")); /* one before, too */
    const uint64_t large[] = {9007199254740992, 9007199254740993};
    assert_non_null(note_on(npy_array("<u8", "(2,)", large, 16), ""));
    assert_non_null(note_on(npy_array("<i8", "(2, 1)", large, 16), ""));
    assert_null(note_on(npy_array("<i4", "(2, 1)", (int32_t[]){16777216, 16777218}, 8), ""));
    assert_non_null(note_on(npy_array("<i4", "(2, 1)", (int32_t[]){16777216, 16777217}, 8), ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_and_order), cmocka_unit_test(halves_that_are_no_numbers),
        cmocka_unit_test(fortran_order),        cmocka_unit_test(one_dimension),
        cmocka_unit_test(labels_of_64_bits),    cmocka_unit_test(texts_are_names),
        cmocka_unit_test(texts_of_numbers),     cmocka_unit_test(bad_texts),
        cmocka_unit_test(images_of_bytes),      cmocka_unit_test(tables_of_bytes_have_a_note),
        cmocka_unit_test(numbers_that_float32_makes_one),
    };
    return cmocka_run_group_tests_name("npy types", tests, npy_set_folder, NULL);
}

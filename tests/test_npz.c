/* .npz archives: what they may be written like, which arrays are taken, and every kind of damage. */
#include "support.h"

#include <stdio.h>

#include "arrays.h"
#include "data/dataset.h"

static char path[256];

static int set_path(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/a.npz", test_folder());
    return 0;
}

static const float x_values[] = {1, -2, 0.5f, 4, 1e-3f, 6};
static const int32_t y_values[] = {2, 0, 1};

static void add(zip *archive, const char *name, npy array, zip_how how)
{
    zip_add(archive, test_text("%s.npy", name), array.bytes, array.n, how);
}

static npy good_x(void)
{
    return npy_array("<f4", "(3, 2)", x_values, sizeof x_values);
}

static npy good_y(void)
{
    return npy_array("<i4", "(3,)", y_values, sizeof y_values);
}

static zip good(zip_how how)
{
    zip archive = {0};
    add(&archive, "x", good_x(), how);
    add(&archive, "y", good_y(), how);
    zip_end(&archive);
    return archive;
}

static void write_zip(const zip *archive)
{
    test_write_file(path, archive->bytes, archive->n);
}

static clade_status open_part(clade_data **data, const char *options, const char *part)
{
    return clade_data_open_with(data, test_text("npy:%s%s", path, options),
                                &(clade_data_options){.part = part, .whole = true});
}

static void assert_bad(const zip *archive, const char *part)
{
    clade_data *data = (clade_data *)&data;
    write_zip(archive);
    assert_fails(open_part(&data, "", "train"), CLADE_EDATA, part);
    assert_null(data);
    assert_non_null(strstr(clade_error(), path));
}

static void assert_good(clade_data *data)
{
    assert_int_equal(data->n_samples, 3);
    assert_int_equal(data->n_classes, 3);
    assert_memory_equal(data->values, x_values, sizeof x_values);
    assert_memory_equal(data->labels, y_values, sizeof y_values);
    clade_data_free(data);
}

static void assert_opens_good(const zip *archive)
{
    clade_data *data;
    write_zip(archive);
    assert_ok(open_part(&data, "", "train"));
    assert_good(data);
}

/* Stored, deflated, streamed, with sizes of 64 bits here and there, with a comment. */
static void every_way_to_write(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++) {
        zip archive = {.zip64 = i & 8};
        zip_how how = {.deflated = i & 1, .streamed = i & 2, .directory64 = i & 4};
        add(&archive, "x", good_x(), how);
        zip_add(&archive, "notes.txt", "no array", 8, how);
        add(&archive, "y", good_y(), how);
        zip_end(&archive);
        assert_opens_good(&archive);
    }
    zip archive = good((zip_how){0});
    memcpy(archive.bytes + archive.n, "PK\5\6 is no end", 14);
    archive.bytes[archive.n - 2] = 14;
    archive.n += 14;
    assert_opens_good(&archive);
}

/* ---- which arrays ---------------------------------------------------------------------------- */

/* An archive of 2 samples an array, all with the number of their place in the list; names of answers
 * have labels. A name begins with '*' where it does. */
static void write_arrays(const char *const *names)
{
    zip archive = {0};
    for (int i = 0; names[i]; i++) {
        const float numbers[] = {(float)i, (float)i};
        const unsigned char labels[] = {(unsigned char)i, 0};
        if (names[i][0] == '*')
            add(&archive, names[i] + 1, npy_array("|u1", "(2,)", labels, 2), (zip_how){0});
        else
            add(&archive, names[i], npy_array("<f4", "(2, 1)", numbers, 8), (zip_how){0});
    }
    zip_end(&archive);
    write_zip(&archive);
}

/* Asserts which array is which, by their places; y -1: there are samples alone. */
static void assert_takes(const char *options, const char *part, int x, int y)
{
    clade_data *data;
    assert_ok(open_part(&data, options, part));
    assert_true(((float *)data->values)[0] == (float)x);
    if (y < 0)
        assert_int_equal(data->n_classes, 0);
    else
        assert_int_equal(data->labels[0], y);
    clade_data_free(data);
}

#define ARRAYS(...) write_arrays((const char *const[]){__VA_ARGS__, NULL})

static void usual_names(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"x", "*y"}, {"X", "*Y"}, {"data", "*labels"}, {"features", "*targets"}, {"images", "*label"},
        {"data", "*target"}, {"arr_0", "*arr_1"}, {"x_train", "*y_train"}, {"test_X", "*test_Y"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        ARRAYS(pairs[i][0], pairs[i][1]);
        assert_takes("", "train", 0, 1);
        assert_takes("", "test", 0, 1);
        ARRAYS(pairs[i][1], pairs[i][0]);
        assert_takes("", "train", 1, 0);
    }
    ARRAYS("anything");
    clade_data *data;
    assert_fails(open_part(&data, "", "train"), CLADE_EDATA,
                 "holds anything: which are the samples?; name the samples by ?x=NAME");
    ARRAYS("x");
    assert_takes("", "train", 0, -1);
    ARRAYS("feature_names", "x", "*y");
    assert_takes("", "train", 1, 2);
}

/* As Keras's mnist.npz, and others, have it; the classes are those of both parts. */
static void parts_of_its_own(void **state)
{
    (void)state;
    static const char *const sets[][4] = {{"x_train", "*y_train", "x_test", "*y_test"},
                                          {"train_images", "*train_labels", "test_images",
                                           "*test_labels"},
                                          {"Xtrain", "*Ytrain", "Xtest", "*Ytest"}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        ARRAYS(sets[i][0], sets[i][1], sets[i][2], sets[i][3]);
        for (int part = 0; part < 2; part++) {
            clade_data *data;
            assert_takes("", part ? "test" : "train", part ? 2 : 0, part ? 3 : 1);
            assert_ok(open_part(&data, "", part ? "test" : "train"));
            assert_int_equal(data->n_classes, 4);
            clade_data_free(data);
        }
    }
    clade_data *data;
    assert_fails(open_part(&data, "?test=0.5", "train"), CLADE_EINVAL,
                 "has a test part of its own; leave out test=");
    ARRAYS("x_train", "*y_train", "x_test", "*y_test", "x_val", "*y_val");
    assert_takes("", "valid", 4, 5);
    assert_ok(open_part(&data, "", "valid")); /* so that a config which names it reads it again */
    assert_string_equal(clade_data_describe(data).name, test_text("npy:%s?part=valid", path));
    clade_data_free(data);
    assert_takes("", "test", 2, 3);
    ARRAYS("x_train", "*y_train", "x_test", "*y_test");
    assert_takes("", "valid", 2, 3);
    ARRAYS("x_train", "*y_train", "x_test"); /* a competition's */
    assert_takes("", "train", 0, 1);
    assert_takes("", "test", 2, -1);
}

/* A name is the same class in both parts, though neither has all of them. */
static void parts_share_names(void **state)
{
    (void)state;
    static const int labels[2][2] = {{1, 0}, {2, 0}};
    const npy x = npy_array("<f4", "(2, 1)", (float[]){1, 2}, 8);
    zip archive = {0};
    add(&archive, "x_train", x, (zip_how){0});
    add(&archive, "y_train", npy_array("|S2", "(2,)", "b\0a", 4), (zip_how){0});
    add(&archive, "x_test", x, (zip_how){0});
    add(&archive, "y_test", npy_array("<U1", "(2,)", "c\0\0\0a\0\0", 8), (zip_how){0});
    zip_end(&archive);
    write_zip(&archive);
    for (int part = 0; part < 2; part++) {
        clade_data *data;
        assert_ok(open_part(&data, "", part ? "test" : "train"));
        assert_int_equal(data->n_classes, 3);
        for (int i = 0; i < 3; i++)
            assert_string_equal(clade_data_class_name(data, i), test_text("%c", 'a' + i));
        for (int i = 0; i < 2; i++) assert_int_equal(data->labels[i], labels[part][i]);
        clade_data_free(data);
    }
    archive = (zip){0};
    add(&archive, "x_train", x, (zip_how){0});
    add(&archive, "y_train", npy_array("|S1", "(2,)", "ba", 2), (zip_how){0});
    add(&archive, "x_test", x, (zip_how){0});
    add(&archive, "y_test", npy_array("|u1", "(2,)", "\0\1", 2), (zip_how){0});
    zip_end(&archive);
    assert_bad(&archive, "have labels of different types, want one type in both");
}

static void names_that_are_given(void **state)
{
    (void)state;
    ARRAYS("a", "*b", "c", "*d");
    assert_takes("?x=a&y=d", "train", 0, 3);
    assert_takes("?x=c&y=b", "test", 2, 1);
    assert_takes("?x=c&y=none", "test", 2, -1);
    assert_takes("?x=a,c&y=b,d", "train", 0, 1);
    assert_takes("?x=a,c&y=b,d", "test", 2, 3);
    static const struct {
        const char *options;
        clade_status status;
        const char *part;
    } bad[] = {
        {"", CLADE_EDATA, "holds a, b, c, d: which are the samples?"},
        {"?x=a", CLADE_EDATA, "holds a, b, c, d: which are the labels or targets?"},
        {"?x=e&y=b", CLADE_EDATA, "has no array 'e'; it holds a, b, c, d"},
        {"?x=&y=b", CLADE_EDATA, "has no array ''"},
        {"?x=a&y=b,d", CLADE_EINVAL, "y=b,d names two arrays, and the samples have no two parts"},
        {"?x=a,c&y=b", CLADE_EINVAL, "y=b names one array, and the samples have two parts"},
    };
    clade_data *data;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(open_part(&data, bad[i].options, "train"), bad[i].status, bad[i].part);
    ARRAYS("x", "data", "*y");
    assert_fails(open_part(&data, "", "train"), CLADE_EDATA,
                 "holds x, data, y: several could be the samples");
    ARRAYS("x", "*y", "*labels");
    assert_fails(open_part(&data, "", "train"), CLADE_EDATA, "several could be the labels");
    ARRAYS("x", "*y", "*y");
    assert_fails(open_part(&data, "?y=y", "train"), CLADE_EDATA, "holds two arrays 'y'");
    ARRAYS("arr_0", "*arr_1", "arr_2", "*arr_3");
    assert_fails(open_part(&data, "", "train"), CLADE_EDATA, "which are the samples?");
    zip archive = {0};
    zip_end(&archive);
    assert_bad(&archive, "holds no arrays: which are the samples?");
}

/* Two files, each a .npy or an archive of one array, as those of Kuzushiji-MNIST are. */
static void two_archives(void **state)
{
    (void)state;
    clade_data *data;
    char x[300], y[300];
    zip archive = {0};
    snprintf(x, sizeof x, "%s.x", path);
    snprintf(y, sizeof y, "%s.y", path);
    add(&archive, "arr_0", good_x(), (zip_how){.deflated = true});
    zip_end(&archive);
    test_write_file(x, archive.bytes, archive.n);
    npy labels = good_y();
    test_write_file(y, labels.bytes, labels.n);
    assert_ok(clade_data_open(&data, test_text("npy:%s,%s", x, y)));
    assert_good(data);
    archive = (zip){0};
    add(&archive, "arr_0", good_y(), (zip_how){.deflated = true});
    zip_end(&archive);
    test_write_file(y, archive.bytes, archive.n);
    assert_ok(clade_data_open(&data, test_text("npy:%s,%s", x, y)));
    assert_good(data);
    archive = good((zip_how){0});
    test_write_file(y, archive.bytes, archive.n);
    assert_fails(clade_data_open(&data, test_text("npy:%s,%s", x, y)), CLADE_EDATA,
                 "holds x, y, want one array; name it by ?y=NAME");
    assert_ok(clade_data_open(&data, test_text("npy:%s,%s?y=y", x, y)));
    assert_good(data);
    test_write_file(y, labels.bytes, labels.n);
    assert_fails(clade_data_open(&data, test_text("npy:%s,%s?y=y", x, y)), CLADE_EINVAL,
                 "y=y chooses an array of an .npz archive, and");
    assert_fails(clade_data_open(&data, test_text("npy:%s?y=y", y)), CLADE_EINVAL, "is none");
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void refused_members(void **state)
{
    (void)state;
    zip archive = good((zip_how){.flags = 1});
    assert_bad(&archive, "'x.npy' in it is encrypted; write it without a password");
    archive = good((zip_how){.method = 12});
    assert_bad(&archive, "'x.npy' in it is compressed by method 12, want 0 (stored) or 8 (deflated); "
                         "write it by numpy.savez or numpy.savez_compressed");
    archive = good((zip_how){.method = 8}); /* which it is not */
    assert_bad(&archive, "'x.npy' in it is damaged: ");
    archive = (zip){0};
    npy broken = good_x();
    broken.bytes[0] = 'N';
    add(&archive, "x", broken, (zip_how){0});
    zip_end(&archive);
    assert_bad(&archive, "a.npz:x' is no .npy file");
}

/* What the bytes say of themselves must agree. */
static void damaged_members(void **state)
{
    (void)state;
    zip archive = good((zip_how){0});
    archive.bytes[170] ^= 1; /* of x */
    assert_bad(&archive, "'x.npy' in it is damaged: its bytes are not those of its checksum");
    archive = good((zip_how){0});
    archive.bytes[1] = 'Q';
    clade_data *data;
    write_zip(&archive);
    assert_fails(open_part(&data, "", "train"), CLADE_EDATA, "is no .npy file");
    static const struct {
        size_t at; /* in the directory's first entry */
        uint32_t value;
        const char *part;
    } cases[] = {
        {0, 0, "its directory is wrong at byte"},
        {20, 0x7fffffff, "it goes beyond the end of the file"},
        {24, 100, "its two lengths do not go together"},
        {42, 1, "it does not begin where the directory says"},
        {42, 0x7fffffff, "it does not begin where the directory says"},
        {42, 0xffffffff, "its directory is wrong at byte"}, /* in zip64, where there is none */
        {28, 0xffff, "its directory is wrong at byte"},     /* the name's length */
        {46, 0x0a, "its directory is wrong at byte"},       /* the name */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        archive = good((zip_how){0});
        unsigned char *entry = archive.bytes + archive.n - 22 - archive.n_directory + cases[i].at;
        for (int k = 0; k < 4; k++) entry[k] = (unsigned char)(cases[i].value >> 8 * k);
        assert_bad(&archive, cases[i].part);
    }
    static const int lengths[] = {-1, 1, 0}; /* added: too short, too long, by 2^24 too long */
    for (int i = 0; i < 3; i++) {
        archive = good((zip_how){.deflated = true});
        unsigned char *length = archive.bytes + archive.n - 22 - archive.n_directory + 24;
        length[0] = (unsigned char)(length[0] + lengths[i]);
        length[3] = i == 2;
        assert_bad(&archive, i < 2 ? "it has not the length it should have"
                                   : "its two lengths do not go together");
    }
}

/* Cut at any length it is refused; with a bit of any byte changed it is refused, or means the same. */
static void cut_and_flipped(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        zip archive = good(way ? (zip_how){.deflated = true, .streamed = true, .directory64 = true}
                               : (zip_how){0});
        zip cut = archive;
        for (cut.n = 0; cut.n < archive.n; cut.n++)
            assert_bad(&cut, cut.n == 0 ? "is empty" : cut.n < 4 ? "is no .npy file" : "is truncated");
        int n_opened = 0;
        for (size_t at = 0; at < archive.n; at++) {
            clade_data *data;
            cut = archive;
            cut.bytes[at] ^= (unsigned char)(1 << at % 8);
            write_zip(&cut);
            clade_status status = open_part(&data, "", "train");
            if (status != CLADE_OK) {
                assert_int_equal(status, CLADE_EDATA);
                continue;
            }
            n_opened++;
            if (data->n_classes > 0) { /* the name of the labels may be another */
                assert_memory_equal(data->labels, y_values, sizeof y_values);
            }
            assert_memory_equal(data->values, x_values, sizeof x_values);
            clade_data_free(data);
        }
        assert_true(n_opened > 0);
    }
}

/* ---- fields -------------------------------------------------------------------------------------- */

static void assert_field(const clade_data *data, int index, const char *name, clade_dtype dtype, int rank)
{
    clade_data_field field;
    assert_ok(clade_data_field_at(data, index, &field));
    assert_string_equal(field.name, name);
    assert_int_equal(field.dtype, dtype);
    assert_int_equal(field.shape.rank, rank);
}

static void arrays_become_fields(void **state)
{
    (void)state;
    static const double halves[] = {0.5, -0.5, 1.5};
    static const uint8_t bytes[] = {1, 0, 255};
    static const int64_t whole[] = {7, -2147483647, 3};
    zip archive = {0};
    add(&archive, "x", good_x(), (zip_how){.deflated = true});
    add(&archive, "half", npy_array("<f8", "(3,)", halves, sizeof halves), (zip_how){0});
    add(&archive, "byte", npy_array("|u1", "(3, 1)", bytes, sizeof bytes), (zip_how){0});
    add(&archive, "whole", npy_array("<i8", "(3,)", whole, sizeof whole), (zip_how){0});
    add(&archive, "unused", good_y(), (zip_how){0});
    zip_end(&archive);
    write_zip(&archive);
    clade_data *data;
    clade_data_field field;
    assert_ok(open_part(&data, "?fields=whole,x,byte,half", "train"));
    assert_int_equal(clade_data_n_fields(data), 4);
    assert_int_equal(clade_data_describe(data).n_samples, 3);
    assert_int_equal(clade_data_describe(data).bytes, 3 * (4 + 8 + 1 + 4));
    assert_field(data, 0, "whole", CLADE_INT32, 1);
    assert_field(data, 1, "x", CLADE_FLOAT32, 1);
    assert_field(data, 2, "byte", CLADE_UINT8, 1);
    assert_field(data, 3, "half", CLADE_FLOAT32, 1);
    assert_ok(clade_data_field_at(data, 1, &field));
    assert_memory_equal(field.values, x_values, sizeof x_values);
    assert_ok(clade_data_field_at(data, 0, &field));
    for (int i = 0; i < 3; i++) assert_int_equal(((const int32_t *)field.values)[i], whole[i]);
    assert_ok(clade_data_field_at(data, 3, &field));
    assert_true(((const float *)field.values)[1] == -0.5f);
    clade_data_free(data);

    assert_ok(open_part(&data, "?fields=x,whole&test=0.34", "test")); /* rows stay together */
    assert_int_equal(clade_data_describe(data).n_samples, 1);
    int64_t row = clade_data_row(data, 0);
    assert_ok(clade_data_field_at(data, 0, &field));
    assert_memory_equal(field.values, x_values + 2 * row, 2 * sizeof *x_values);
    assert_ok(clade_data_field_at(data, 1, &field));
    assert_int_equal(*(const int32_t *)field.values, whole[row]);
    clade_data_free(data);
}

static void refuse_fields(const char *options, clade_status status, const char *part)
{
    clade_data *data = NULL;
    assert_fails(open_part(&data, options, "train"), status, part);
    assert_null(data);
}

static void fields_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const int64_t large[] = {1, INT64_C(3000000000), 3};
    static const float nan[] = {0.0f, NAN, 1.0f};
    zip archive = {0};
    add(&archive, "x", good_x(), (zip_how){0});
    add(&archive, "short", npy_array("<i4", "(2,)", y_values, 8), (zip_how){0});
    add(&archive, "large", npy_array("<i8", "(3,)", large, sizeof large), (zip_how){0});
    add(&archive, "nan", npy_array("<f4", "(3,)", nan, sizeof nan), (zip_how){0});
    zip_end(&archive);
    write_zip(&archive);
    refuse_fields("?fields=x,none", CLADE_EDATA, "has no array 'none'; it holds x, short, large, nan");
    refuse_fields("?fields=x,short", CLADE_EDATA, "a.npz:short' has 2 rows, and '");
    refuse_fields("?fields=x,large", CLADE_EDATA, "has a whole number of row 1 that 32 bits do not hold");
    refuse_fields("?fields=x,nan", CLADE_EDATA, "has nan in row 1, want finite numbers");
    refuse_fields("?fields=x,x", CLADE_EINVAL, "two fields are named 'x'");
    refuse_fields("?fields=x,", CLADE_EINVAL, "npy: fields= has '', want 1 to 100 names of arrays between commas");
    refuse_fields("?fields=x&y=none", CLADE_EINVAL, "npy: fields= goes with no y=");
    npy alone = good_x();
    test_write_file(path, alone.bytes, alone.n);
    refuse_fields("?fields=x", CLADE_EINVAL, "fields= names arrays of an .npz archive, and '");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_write),   cmocka_unit_test(usual_names),
        cmocka_unit_test(parts_of_its_own),     cmocka_unit_test(parts_share_names),
        cmocka_unit_test(names_that_are_given),
        cmocka_unit_test(two_archives),         cmocka_unit_test(refused_members),
        cmocka_unit_test(damaged_members),      cmocka_unit_test(cut_and_flipped),
        cmocka_unit_test(arrays_become_fields),
        cmocka_unit_test(fields_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests_name("npz", tests, set_path, NULL);
}

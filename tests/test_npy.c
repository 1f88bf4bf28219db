/* The .npy reader: element types, headers in all their forms, parts, and every error. */
#include "support.h"

#include <inttypes.h>
#include <stdio.h>

#include "data/dataset.h"
#include "npy_pair.h"

static const float x_values[] = {1, -2, 0.5f, 4, 1e-3f, 6};
static const int32_t y_values[] = {2, 0, 1};

static npy good_x(void)
{
    return npy_array("<f4", "(3, 2)", x_values, sizeof x_values);
}

static npy good_y(void)
{
    return npy_array("<i4", "(3,)", y_values, sizeof y_values);
}

/* Checks and frees what good_x and good_y are. */
static void assert_good(clade_data *data)
{
    clade_data_info info = clade_data_describe(data);
    assert_int_equal(info.n_samples, 3);
    assert_int_equal(info.shape.rank, 1);
    assert_int_equal(info.shape.dim[0], 2);
    assert_int_equal(info.dtype, CLADE_FLOAT32);
    assert_int_equal(info.n_classes, 3);
    assert_int_equal(info.n_targets, 0);
    assert_true(info.scale == 1.0f && info.shift == 0.0f);
    assert_memory_equal(data->values, x_values, sizeof x_values);
    assert_memory_equal(data->labels, y_values, sizeof y_values);
    assert_null(clade_data_class_name(data, 2));
    clade_data_free(data);
}

static void reads_headers(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)}",
        "{\"shape\":(3,2,),\"descr\":\"<f4\",\"fortran_order\":False}",
        " { 'fortran_order' : False , 'descr' : '<f4' , 'shape' : ( 3 , 2 , ) , } ",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        for (int major = 1; major <= 3; major++)
            assert_good(npy_open_pair(npy_make(major, headers[i], x_values, sizeof x_values), good_y()));
    assert_good(npy_open_pair(good_x(), npy_array("<i4", "(3, 1)", y_values, sizeof y_values)));
    clade_data *data = npy_open_pair(good_x(), good_y());
    assert_string_equal(clade_data_describe(data).name,
                        test_text("npy:%s/x.npy,%s/y.npy", npy_folder, npy_folder));
    clade_data_free(data);
}

static void label_types(void **state)
{
    (void)state;
    static const struct {
        const char *descr;
        int bytes;
    } types[] = {{"|u1", 1}, {"|i1", 1}, {"<i2", 2}, {"<u2", 2},
                 {"<i4", 4}, {"<u4", 4}, {"<i8", 8}};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        unsigned char y[24] = {0};
        for (int i = 0; i < 3; i++) y[i * types[t].bytes] = (unsigned char)y_values[i];
        assert_good(
            npy_open_pair(good_x(), npy_array(types[t].descr, "(3,)", y, 3 * (size_t)types[t].bytes)));
        if (types[t].descr[1] != 'i') continue;
        memset(y + 2 * types[t].bytes, 255, (size_t)types[t].bytes);
        npy_open_bad(good_x(), npy_array(types[t].descr, "(3,)", y, 3 * (size_t)types[t].bytes),
                 "y.npy' has label -1 in row 2, want 0 to 1048575");
    }
    const unsigned char flags[] = {0, 1, 1};
    clade_data *data = npy_open_pair(good_x(), npy_array("|b1", "(3,)", flags, sizeof flags));
    assert_int_equal(data->n_classes, 2);
    assert_int_equal(data->labels[1], 1);
    clade_data_free(data);
}

static void sample_types(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {0, 1, 2, 127, 128, 255, 9, 8, 7, 6, 5, 4};
    clade_data *data = npy_open_pair(npy_array("|u1", "(3, 1, 2, 2)", bytes, sizeof bytes), good_y());
    clade_data_info info = clade_data_describe(data);
    assert_int_equal(info.dtype, CLADE_UINT8);
    assert_true(info.scale == 1.0f / 255.0f && info.shift == 0.0f); /* see images_of_bytes */
    assert_int_equal(info.shape.rank, 3);
    assert_int_equal(info.shape.dim[0], 1);
    assert_int_equal(info.shape.dim[2], 2);
    assert_memory_equal(data->values, bytes, sizeof bytes);
    clade_data_free(data);

    const double doubles[] = {1, -2, 0.5, 4, 1e-3, 6};
    assert_good(npy_open_pair(npy_array("<f8", "(3, 2)", doubles, sizeof doubles), good_y()));
    const int64_t longs[] = {INT64_MIN, INT64_MAX, -1, 16777217, 0, -16777219};
    data = npy_open_pair(npy_array("<i8", "(3, 2)", longs, sizeof longs), good_y());
    for (int i = 0; i < 6; i++) assert_true(((float *)data->values)[i] == (float)longs[i]);
    clade_data_free(data);
    const uint32_t words[] = {UINT32_MAX, 0, 1, 2, 3, 4};
    data = npy_open_pair(npy_array("<u4", "(3, 2)", words, sizeof words), good_y());
    assert_true(((float *)data->values)[0] == 4294967296.0f);
    clade_data_free(data);
    const int16_t shorts[] = {-32768, 32767, -1, 0, 1, 2};
    data = npy_open_pair(npy_array("<i2", "(3, 2)", shorts, sizeof shorts), good_y());
    for (int i = 0; i < 6; i++) assert_true(((float *)data->values)[i] == shorts[i]);
    clade_data_free(data);
}

static void targets_and_one_row(void **state)
{
    (void)state;
    const float y[] = {0.5f, -1, 2, 3, 4, 5};
    clade_data *data = npy_open_pair(good_x(), npy_array("<f4", "(3, 2)", y, sizeof y));
    assert_int_equal(data->n_classes, 0);
    assert_int_equal(data->n_targets, 2);
    assert_memory_equal(data->targets, y, sizeof y);
    clade_data_free(data);
    const double wide[] = {0.5, -1, 2};
    data = npy_open_pair(good_x(), npy_array("<f8", "(3,)", wide, sizeof wide));
    assert_int_equal(data->n_targets, 1);
    assert_memory_equal(data->targets, y, 3 * sizeof *y);
    clade_data_free(data);
    data = npy_open_pair(npy_array("<f4", "(1, 6)", y, sizeof y), npy_array("|u1", "(1,)", "\0", 1));
    assert_int_equal(data->n_samples, 1);
    assert_int_equal(data->n_classes, 1);
    clade_data_free(data);
    npy_open_bad(npy_array("<f4", "(3, 2)", x_values, sizeof x_values),
             npy_array("<i4", "(3, 2)", x_values, sizeof x_values), "has 2 whole numbers a row");
}

/* Both parts of 100 rows; row i has features i and i + ½ and label i % 3. */
static void parts(void **state)
{
    (void)state;
    float x[200];
    unsigned char y[100];
    for (int i = 0; i < 100; i++) {
        x[2 * i] = (float)i;
        x[2 * i + 1] = (float)i + 0.5f;
        y[i] = (unsigned char)(i % 3);
    }
    char spec[600];
    snprintf(spec, sizeof spec, "%s",
             npy_write_pair(npy_array("<f4", "(100, 2)", x, sizeof x),
                        npy_array("|u1", "(100,)", y, 100)));
    char seen[100] = {0};
    for (int part = 0; part < 2; part++) {
        clade_data *data;
        assert_ok(
            clade_data_open_part(&data, test_text("%s?test=0.3", spec), part ? "test" : "train"));
        assert_int_equal(data->n_samples, part ? 30 : 70);
        const float *values = data->values;
        for (int64_t i = 0; i < data->n_samples; i++) {
            int row = (int)values[2 * i];
            assert_true(values[2 * i + 1] == values[2 * i] + 0.5f);
            assert_int_equal(data->labels[i], row % 3);
            assert_false(seen[row]);
            seen[row] = 1;
        }
        clade_data_free(data);
        assert_ok(clade_data_open_part(&data, test_text("%s?test=0", spec), part ? "test" : "train"));
        assert_int_equal(data->n_samples, 100); /* all in both */
        assert_memory_equal(data->values, x, sizeof x);
        clade_data_free(data);
        assert_ok(clade_data_open_part(&data, spec, part ? "test" : "train"));
        assert_int_equal(data->n_samples, part ? 20 : 80);
        clade_data_free(data);
    }
    clade_data *data;
    assert_ok(clade_data_open(&data, spec)); /* one whole */
    assert_int_equal(data->n_samples, 100);
    clade_data_free(data);
    assert_fails(clade_data_open(&data, test_text("%s?test=1", spec)), CLADE_EINVAL,
                 "npy: test=1,");
}

/* Opens what npy_write_pair wrote last. */
static clade_status open_with(clade_data **data, const char *options)
{
    return clade_data_open(data, test_text("npy:%s/x.npy,%s/y.npy?%s", npy_folder, npy_folder, options));
}

/* classes=N says how many there are, for a file that lacks the last of them. */
static void classes_and_first_rows(void **state)
{
    (void)state;
    npy_write_pair(good_x(), good_y());
    clade_data *data;
    assert_ok(open_with(&data, "classes=3"));
    assert_good(data);
    assert_ok(open_with(&data, "classes=7&n=2"));
    assert_int_equal(data->n_classes, 7);
    assert_null(clade_data_class_name(data, 6));
    assert_int_equal(data->n_samples, 2);
    assert_memory_equal(data->values, x_values, 4 * sizeof(float));
    assert_memory_equal(data->labels, y_values, 2 * sizeof(int32_t));
    clade_data_free(data);
    assert_ok(open_with(&data, "n=2"));
    assert_int_equal(data->n_classes, 3); /* of all rows */
    clade_data_free(data);
    assert_fails(open_with(&data, "classes=2"), CLADE_EDATA,
                 "y.npy' has label 2 in row 0, want 0 to 1, as classes= says");
    assert_fails(open_with(&data, "classes=0"), CLADE_EINVAL,
                 "npy: classes=0, want a whole number from 1 to 1048576");
    assert_fails(open_with(&data, "n=4"), CLADE_EDATA,
                 "x.npy' has 3 samples in its train part, and n=4 asks for more");
    const float floats[] = {0, 1, 2};
    npy_write_pair(good_x(), npy_array("<f4", "(3,)", floats, sizeof floats));
    assert_fails(open_with(&data, "classes=3"), CLADE_EDATA,
                 "y.npy' has floats, which are targets, but classes=3 wants labels");
}

static void bad_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header, *part;
    } cases[] = {
        {"{'descr': '|O', 'fortran_order': False, 'shape': (3, 2), }",
         "'|O' (Python objects), want numbers"},
        {"{'descr': '<f16', 'fortran_order': False, 'shape': (3, 2), }", "type '<f16', want"},
        {"{'descr': '<f3', 'fortran_order': False, 'shape': (3, 2), }", "type '<f3', want"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (3, 1), }", "'<c8' (complex numbers)"},
        {"{'descr': '<U1', 'fortran_order': False, 'shape': (3, 2), }", "'<U1' (texts)"},
        {"{'descr': '', 'fortran_order': False, 'shape': (3, 2), }", "type ''"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,), }",
         "structured elements"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (3, 2), }", "at byte 44, want False"},
        {"{'descr': '<f4', 'fortran_order': False}", "each once"},
        {"{'descr': '<f4', 'descr': '<f4', 'shape': (3, 2)}",
         "at byte 27, want descr, fortran_order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), 'more': 1}", "each once"},
        {"{}", "at byte 11, want descr, fortran_order and shape, each once"},
        {"", "want {"},
        {"('descr')", "at byte 10, want {"},
        {"{'descr' '<f4'}", "at byte 19, want :"},
        {"{'descr': '<f4' 'shape': (3, 2)}", "at byte 26, want ,"},
        {"{'descr': '<f4", "want a closing quote"},
        {"{'descr': '\\x3cf4'}", "want a closing quote"},
        {"{'descr': '0123456789abcdef'}", "want a closing quote"},
        {"{descr: '<f4'}", "at byte 11, want a text in quotes"},
        {"{'descr': dict(), 'fortran_order': False, 'shape': (3, 2)}", "want a text in quotes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)} + exit()", "want nothing more"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': [3, 2]}", "want ("},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6)}", "want ,"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 2)}", "want a size, or )"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 2)}", "want ,"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", "want a size, or )"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808, 2)}",
         "fits 64 bits"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()}", "has 0 dimensions, want 1 to 6"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1, 1, 1, 1, 1, 2)}", "has 7 dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2)}", "size 0 in dimension 0"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 0)}", "size 0 in dimension 1"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3)}", "too few for its shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "too few"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1)}",
         "has trailing bytes: by its header it ends at byte 140, but it has 152"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        npy_open_bad(npy_make(1, cases[i].header, x_values, sizeof x_values), good_y(), cases[i].part);
}

static void bad_values(void **state)
{
    (void)state;
    float x[6];
    memcpy(x, x_values, sizeof x);
    x[3] = NAN;
    npy_open_bad(npy_array("<f4", "(3, 2)", x, sizeof x), good_y(), "x.npy' has nan at element 1 of row 1");
    npy_open_bad(good_x(), npy_array("<f4", "(3, 2)", x, sizeof x), "y.npy' has nan at element 1 of row 1");
    const double wide[] = {1, 2, 3, 4, -1e39, 5};
    npy_open_bad(npy_array("<f8", "(3, 2)", wide, sizeof wide), good_y(),
             "has an infinity at element 0 of row 2, want finite numbers that fit float32");
    npy_open_bad(good_x(), npy_array("<i4", "(2,)", y_values, 8), "y.npy' has 2 rows, but");
    npy_open_bad(good_x(), npy_array("<i4", "(3, 1, 1)", y_values, 12), "has 3 dimensions, want 1 to 2");
    const int64_t labels[] = {0, 1048576, 1};
    npy_open_bad(good_x(), npy_array("<i8", "(3,)", labels, 24), "has label 1048576 in row 1");
}

static void bad_files(void **state)
{
    (void)state;
    npy x = good_x();
    x.bytes[0] = 'N';
    npy_open_bad(x, good_y(), "is no .npy file");
    x = good_x();
    x.bytes[6] = 4;
    npy_open_bad(x, good_y(), "has version 4.0 at byte 6, want 1.0, 2.0 or 3.0");
    x = good_x();
    x.bytes[7] = 1;
    npy_open_bad(x, good_y(), "has version 1.1");
    x = good_x();
    x.bytes[9] = 255;
    npy_open_bad(x, good_y(), "is truncated: it ends at byte 152, in its header");
    x = npy_make(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", x_values, 24);
    memset(x.bytes + 8, 255, 4);
    npy_open_bad(x, good_y(), "is truncated: it ends at byte 152, in its header");
    static const char *const paths[] = {",y.npy", "x.npy,", ","};
    clade_data *data;
    for (int i = 0; i < 3; i++)
        assert_fails(clade_data_open(&data, test_text("npy:%s", paths[i])), CLADE_EINVAL,
                     "write npy:X,Y");
    assert_fails(clade_data_open(&data, "npy:/nonexistent/x,y"), CLADE_EIO, "'/nonexistent/x'");
}

/* Either file cut at any length is refused; with any byte changed it is read or refused. */
static void mangled(void **state)
{
    (void)state;
    npy pair[2] = {npy_make(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", x_values,
                        24),
                   good_y()};
    static const unsigned char values[] = {0, '\'', '(', ')', ',', '9', '}', 255};
    for (int which = 0; which < 2; which++) {
        npy good = pair[which];
        for (size_t at = 0; at < good.n; at++) {
            pair[which].n = at;
            npy_open_bad(pair[0], pair[1], at == 0 ? "is empty" : "is truncated");
            pair[which].n = good.n;
            for (size_t k = 0; k < sizeof values; k++) {
                pair[which].bytes[at] = values[k];
                clade_data *data;
                clade_status status = clade_data_open(&data, npy_write_pair(pair[0], pair[1]));
                if (status != CLADE_OK) assert_int_equal(status, CLADE_EDATA);
                clade_data_free(data);
            }
            pair[which] = good;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_headers), cmocka_unit_test(label_types),
        cmocka_unit_test(sample_types),  cmocka_unit_test(targets_and_one_row),
        cmocka_unit_test(parts),         cmocka_unit_test(classes_and_first_rows),
        cmocka_unit_test(bad_headers),   cmocka_unit_test(bad_values),
        cmocka_unit_test(bad_files),     cmocka_unit_test(mangled),
    };
    return cmocka_run_group_tests_name("npy", tests, npy_set_folder, NULL);
}

/* The CIFAR-10 reader: parts, chosen files, every kind of damage, and the real files where they are. */
#include "support.h"

#include <stdio.h>
#include <sys/stat.h>

#include "data/dataset.h"

#define RECORD 3073
#define IMAGE  3072

static unsigned char file_bytes[4 * RECORD + 1]; /* what write_batch wrote last */

/* A new empty folder; the path lasts until the next one is made. */
static const char *new_folder(void)
{
    static char folder[256];
    snprintf(folder, sizeof folder, "%s", test_folder());
    return folder;
}

/* n records: labels count up from `first`, pixels are a function of record and place. */
static void write_batch(const char *folder, const char *name, int n, int first)
{
    for (int i = 0; i < n; i++) {
        file_bytes[i * RECORD] = (unsigned char)((first + i) % 10);
        for (int k = 0; k < IMAGE; k++)
            file_bytes[i * RECORD + 1 + k] = (unsigned char)(first * 31 + i * 7 + k * 13);
    }
    test_write_file(test_text("%s/%s", folder, name), file_bytes, (size_t)n * RECORD);
}

static clade_data *open_part(const char *folder, const char *options, const char *part)
{
    clade_data *data;
    assert_ok(clade_data_open_part(&data, test_text("cifar10:%s%s", folder, options), part));
    return data;
}

static void open_bad(const char *folder, const char *options, clade_status status, const char *part)
{
    clade_data *data = (clade_data *)&data;
    assert_fails(clade_data_open(&data, test_text("cifar10:%s%s", folder, options)), status, part);
    assert_null(data);
}

static void assert_labels(clade_data *data, int n, const int *labels)
{
    assert_int_equal(data->n_samples, n);
    for (int i = 0; i < n; i++) assert_int_equal(data->labels[i], labels[i]);
    clade_data_free(data);
}

static void reads_values(void **state)
{
    (void)state;
    const char *folder = new_folder();
    write_batch(folder, "test_batch.bin", 3, 8);
    clade_data *data = open_part(folder, "", "test");
    clade_data_info info = clade_data_describe(data);
    assert_string_equal(info.name, test_text("cifar10:%s?part=test", folder));
    assert_int_equal(info.n_samples, 3);
    assert_int_equal(info.shape.rank, 3);
    assert_int_equal(info.shape.dim[0], 3);
    assert_int_equal(info.shape.dim[1], 32);
    assert_int_equal(info.shape.dim[2], 32);
    assert_int_equal(info.dtype, CLADE_UINT8);
    assert_int_equal(info.n_classes, 10);
    assert_int_equal(info.bytes, 3 * (IMAGE + 4));
    assert_true(info.scale == 1.0f / 255.0f && info.shift == 0.0f);
    assert_null(clade_data_class_name(data, 3));
    for (int i = 0; i < 3; i++)
        assert_memory_equal((unsigned char *)data->values + i * IMAGE, file_bytes + i * RECORD + 1,
                            IMAGE);
    assert_labels(data, 3, (int[]){8, 9, 0});
}

static void parts_and_files(void **state)
{
    (void)state;
    const char *folder = new_folder();
    write_batch(folder, "data_batch_4.bin", 1, 6); /* one record is enough */
    assert_labels(open_part(folder, "", "train"), 1, (int[]){6});
    open_bad(folder, "?part=test", CLADE_EIO, "no test_batch.bin in");
    write_batch(folder, "data_batch_2.bin", 2, 1);
    write_batch(folder, "test_batch.bin", 2, 4);
    write_batch(folder, "other.bin", 1, 9);
    assert_labels(open_part(folder, "", "train"), 3, (int[]){1, 2, 6});
    assert_labels(open_part(folder, "", "test"), 2, (int[]){4, 5});
    assert_labels(open_part(folder, "?files=data_batch_4.bin", "train"), 1, (int[]){6});
    assert_labels(open_part(folder, "?files=data_batch_4.bin,other.bin,data_batch_2.bin", "train"),
                  4, (int[]){6, 9, 1, 2});
    assert_labels(open_part(folder, "?files=other.bin", "test"), 1, (int[]){9});
}

/* n=N is the beginning of the files, one after another; later ones are not read. */
static void fewer_are_the_first(void **state)
{
    (void)state;
    const char *folder = new_folder();
    write_batch(folder, "data_batch_1.bin", 2, 1);
    write_batch(folder, "data_batch_2.bin", 2, 7);
    assert_labels(open_part(folder, "?n=1", "train"), 1, (int[]){1});
    assert_labels(open_part(folder, "?n=2", "train"), 2, (int[]){1, 2});
    assert_labels(open_part(folder, "?n=4", "train"), 4, (int[]){1, 2, 7, 8});
    assert_labels(open_part(folder, "?files=data_batch_2.bin&n=1", "train"), 1, (int[]){7});
    clade_data *data = open_part(folder, "?n=3", "train");
    assert_memory_equal((unsigned char *)data->values + 2 * IMAGE, file_bytes + 1, IMAGE);
    assert_labels(data, 3, (int[]){1, 2, 7});
    open_bad(folder, "?n=5", CLADE_EDATA, "has 4 samples in its train part, and n=5 asks for more");
    file_bytes[RECORD] = 99;
    test_write_file(test_text("%s/data_batch_2.bin", folder), file_bytes, 2 * RECORD);
    assert_labels(open_part(folder, "?n=3", "train"), 3, (int[]){1, 2, 7});
    open_bad(folder, "?n=4", CLADE_EDATA, "has label 99 at byte 3073");
}

static void class_names(void **state)
{
    (void)state;
    const char *folder = new_folder();
    write_batch(folder, "data_batch_1.bin", 1, 0);
    const char text[] =
        "airplane\r\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    const char *meta = "batches.meta.txt";
    test_write_file(test_text("%s/%s", folder, meta), text, sizeof text - 1);
    clade_data *data = open_part(folder, "", "train");
    assert_string_equal(clade_data_class_name(data, 0), "airplane");
    assert_string_equal(clade_data_class_name(data, 9), "truck");
    clade_data_free(data);
    test_write_file(test_text("%s/%s", folder, meta), text, sizeof text - 3); /* no newline */
    data = open_part(folder, "", "train");
    assert_string_equal(clade_data_class_name(data, 9), "truck");
    clade_data_free(data);
    test_write_file(test_text("%s/%s", folder, meta), text, 9);
    open_bad(folder, "", CLADE_EDATA, "names 1 classes, want 10");
    test_write_file(test_text("%s/%s", folder, meta), test_text("%s%s", text, "van\n"),
                    sizeof text + 3);
    open_bad(folder, "", CLADE_EDATA, "names 11 classes, want 10");
    test_write_file(test_text("%s/%s", folder, meta), "K\xfche", 5);
    open_bad(folder, "", CLADE_EDATA, "batches.meta.txt' is not UTF-8; convert it");
}

static void missing(void **state)
{
    (void)state;
    const char *folder = new_folder();
    open_bad(folder, "", CLADE_EIO, "no data_batch_1.bin … data_batch_5.bin in");
    open_bad(folder, "", CLADE_EIO, "data_batch_1.bin to data_batch_5.bin, or some of them, "
                                    "test_batch.bin, and batches.meta.txt for the names");
    open_bad(folder, "?files=data_batch_1.bin", CLADE_EIO, "data_batch_1.bin': No such file");
    open_bad("/nonexistent/folder", "", CLADE_EIO, "in '/nonexistent/folder'; give the folder");
    write_batch(folder, "data_batch_1.bin", 1, 0);
    open_bad(folder, "?files=data_batch_1.bin,data_batch_2.bin", CLADE_EIO, "data_batch_2.bin'");
    open_bad(test_text("%s/data_batch_1.bin", folder), "", CLADE_EIO, "is a file; give the folder");
    assert_int_equal(mkdir(test_text("%s/data_batch_3.bin", folder), 0777), 0);
    open_bad(folder, "", CLADE_EIO, "data_batch_3.bin': not a regular file");
}

static void bad_names(void **state)
{
    (void)state;
    static const struct {
        const char *files, *part;
    } cases[] = {
        {"", "files= has an empty name"},
        {"data_batch_1.bin,", "has an empty name"},
        {",data_batch_1.bin", "has an empty name"},
        {"../data_batch_1.bin", "write it without a path"},
        {"sub/data_batch_1.bin", "write it without a path"},
        {"sub\\data_batch_1.bin", "write it without a path"},
        {"/etc/passwd", "'/etc/passwd' is not the name"},
        {"..", "write it without a path"},
        {".", "write it without a path"},
        {"data_batch_1.bin,data_batch_1.bin", "names 'data_batch_1.bin' twice"},
    };
    const char *folder = new_folder();
    write_batch(folder, "data_batch_1.bin", 1, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        open_bad(folder, test_text("?files=%s", cases[i].files), CLADE_EINVAL, cases[i].part);
    open_bad(folder, "?file=a", CLADE_EINVAL, "did you mean 'files'?");
}

static void damaged(void **state)
{
    (void)state;
    const char *folder = new_folder();
    const char *first = "data_batch_1.bin", *second = "data_batch_2.bin";
    write_batch(folder, second, 1, 0);
    write_batch(folder, first, 3, 0);
    file_bytes[2 * RECORD] = 10;
    test_write_file(test_text("%s/%s", folder, first), file_bytes, 3 * RECORD);
    open_bad(folder, "", CLADE_EDATA, "data_batch_1.bin' has label 10 at byte 6146, want 0 to 9");
    file_bytes[2 * RECORD] = 255;
    test_write_file(test_text("%s/%s", folder, second), file_bytes + 2 * RECORD, RECORD);
    open_bad(folder, "?files=data_batch_2.bin", CLADE_EDATA, "has label 255 at byte 0");
    write_batch(folder, second, 1, 0);
    test_write_file(test_text("%s/%s", folder, second), file_bytes, 0);
    open_bad(folder, "", CLADE_EDATA, "data_batch_2.bin' is empty");
}

/* Cut at any length but whole records, a file is refused, and by its length alone. */
static void cut(void **state)
{
    (void)state;
    const char *folder = new_folder();
    write_batch(folder, "data_batch_1.bin", 2, 0);
    for (size_t length = 1; length < 2 * RECORD; length += length % 1000 < 20 ? 1 : 37) {
        if (length == RECORD) continue;
        test_write_file(test_text("%s/data_batch_1.bin", folder), file_bytes, length);
        open_bad(folder, "", CLADE_EDATA, "is truncated, or no CIFAR-10 batch");
        assert_non_null(strstr(clade_error(), folder));
    }
    test_write_file(test_text("%s/data_batch_1.bin", folder), file_bytes, RECORD + 5);
    open_bad(folder, "", CLADE_EDATA, "its last record, at byte 3073, has 5 bytes, want 3073");
}

static void real_cifar10(void **state)
{
    (void)state;
    const char *source = getenv("CLADE_TEST_SOURCE");
    const char *folder = test_text("%s/../shared/data/cifar-10-batches-bin", source ? source : ".");
    struct stat about;
    if (stat(folder, &about) != 0) {
        print_message("no '%s': the real CIFAR-10 is not read\n", folder);
        skip();
    }
    for (int part = 0; part < 2; part++) {
        clade_data *data;
        assert_ok(clade_data_open_part(&data,
                                       test_text("cifar10:%s?files=%s", folder,
                                                 part ? "test_batch.bin" : "data_batch_1.bin"),
                                       "train"));
        assert_true(data->n_samples >= (part ? 3000 : 10000));
        assert_string_equal(clade_data_class_name(data, 0), "airplane");
        assert_string_equal(clade_data_class_name(data, 9), "truck");
        int count[10] = {0};
        for (int64_t i = 0; i < data->n_samples; i++) count[data->labels[i]]++;
        for (int i = 0; i < 10; i++)
            assert_in_range(count[i], data->n_samples / 20, data->n_samples);
        const unsigned char *values = data->values; /* photographs: each plane about half bright */
        for (int plane = 0; plane < 3; plane++) {
            double sum = 0.0;
            for (int64_t i = 0; i < data->n_samples; i++)
                for (int k = 0; k < 1024; k++) sum += values[i * IMAGE + plane * 1024 + k];
            assert_in_range((int)(sum / (double)data->n_samples / 1024.0), 100, 140);
        }
        clade_data_free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values), cmocka_unit_test(parts_and_files),
        cmocka_unit_test(fewer_are_the_first),
        cmocka_unit_test(class_names),  cmocka_unit_test(missing),
        cmocka_unit_test(bad_names),    cmocka_unit_test(damaged),
        cmocka_unit_test(cut),          cmocka_unit_test(real_cifar10),
    };
    return cmocka_run_group_tests_name("cifar10", tests, NULL, NULL);
}

/* The CIFAR-100 reader: both labels, names, damage, and files of CIFAR-10 in its place and the other way
 * round. What it shares with CIFAR-10 is in test_cifar10.c. */
#include "support.h"

#include <stdio.h>
#include <sys/stat.h>

#include "data/dataset.h"

#define RECORD 3074
#define IMAGE  3072

static unsigned char file_bytes[4 * RECORD]; /* what write_file wrote last */

/* A new empty folder; the path lasts until the next one is made. */
static const char *new_folder(void)
{
    static char folder[256];
    snprintf(folder, sizeof folder, "%s", test_folder());
    return folder;
}

/* n records: fine labels count down from `last`, coarse ones are a fifth of them, pixels are a function
 * of record and place. */
static void write_file(const char *folder, const char *name, int n, int last)
{
    for (int i = 0; i < n; i++) {
        file_bytes[i * RECORD] = (unsigned char)((last - i) / 5);
        file_bytes[i * RECORD + 1] = (unsigned char)(last - i);
        for (int k = 0; k < IMAGE; k++)
            file_bytes[i * RECORD + 2 + k] = (unsigned char)(last * 31 + i * 7 + k * 13);
    }
    test_write_file(test_text("%s/%s", folder, name), file_bytes, (size_t)n * RECORD);
}

/* n lines a0, a1, … */
static void write_names(const char *folder, const char *name, char letter, int n)
{
    char text[1024];
    int length = 0;
    for (int i = 0; i < n; i++)
        length += snprintf(text + length, sizeof text - (size_t)length, "%c%d\n", letter, i);
    test_write_file(test_text("%s/%s", folder, name), text, (size_t)length);
}

static clade_data *open_part(const char *folder, const char *options, const char *part)
{
    clade_data *data;
    assert_ok(clade_data_open_part(&data, test_text("cifar100:%s%s", folder, options), part));
    return data;
}

static void open_bad(const char *spec, clade_status status, const char *part)
{
    clade_data *data = (clade_data *)&data;
    assert_fails(clade_data_open(&data, spec), status, part);
    assert_null(data);
}

static void reads_values(void **state)
{
    (void)state;
    const char *folder = new_folder();
    write_file(folder, "train.bin", 1, 3);
    write_file(folder, "test.bin", 3, 99);
    for (int coarse = 0; coarse < 2; coarse++) {
        clade_data *data = open_part(folder, coarse ? "?labels=coarse" : "", "test");
        clade_data_info info = clade_data_describe(data);
        assert_string_equal(info.name, test_text("cifar100:%s?%spart=test", folder,
                                                 coarse ? "labels=coarse&" : ""));
        assert_int_equal(info.n_samples, 3);
        assert_int_equal(info.shape.rank, 3);
        assert_int_equal(info.shape.dim[0], 3);
        assert_int_equal(info.shape.dim[1], 32);
        assert_int_equal(info.shape.dim[2], 32);
        assert_int_equal(info.dtype, CLADE_UINT8);
        assert_int_equal(info.n_classes, coarse ? 20 : 100);
        assert_true(info.scale == 1.0f / 255.0f && info.shift == 0.0f);
        assert_null(clade_data_class_name(data, 3));
        for (int i = 0; i < 3; i++) {
            assert_int_equal(data->labels[i], coarse ? 19 : 99 - i);
            assert_memory_equal((unsigned char *)data->values + i * IMAGE,
                                file_bytes + i * RECORD + 2, IMAGE);
        }
        clade_data_free(data);
    }
    clade_data *data = open_part(folder, "?labels=fine", "train");
    assert_int_equal(data->n_samples, 1);
    assert_int_equal(data->labels[0], 3);
    clade_data_free(data);
    open_bad(test_text("cifar100:%s?part=test&n=4", folder), CLADE_EDATA,
             "has 3 samples in its test part, and n=4 asks for more");
}

static void class_names(void **state)
{
    (void)state;
    const char *folder = new_folder();
    write_file(folder, "train.bin", 1, 3);
    write_names(folder, "fine_label_names.txt", 'f', 100);
    write_names(folder, "coarse_label_names.txt", 'c', 20);
    clade_data *data = open_part(folder, "", "train");
    assert_string_equal(clade_data_class_name(data, 99), "f99");
    clade_data_free(data);
    data = open_part(folder, "?labels=coarse", "train");
    assert_string_equal(clade_data_class_name(data, 19), "c19");
    assert_null(clade_data_class_name(data, 20));
    clade_data_free(data);
    write_names(folder, "coarse_label_names.txt", 'c', 21);
    open_bad(test_text("cifar100:%s?labels=coarse", folder), CLADE_EDATA,
             "coarse_label_names.txt' names 21 classes, want 20");
    write_names(folder, "fine_label_names.txt", 'f', 99);
    open_bad(test_text("cifar100:%s", folder), CLADE_EDATA,
             "fine_label_names.txt' names 99 classes, want 100");
}

static void damaged(void **state)
{
    (void)state;
    const char *folder = new_folder();
    open_bad(test_text("cifar100:%s", folder), CLADE_EIO,
             "no train.bin in '");
    open_bad(test_text("cifar100:%s?part=test", folder), CLADE_EIO,
             "test.bin, and fine_label_names.txt and coarse_label_names.txt for the names");
    write_file(folder, "train.bin", 2, 50);
    open_bad(test_text("cifar100:%s?labels=both", folder), CLADE_EINVAL,
             "labels=both, want fine or coarse");
    open_bad(test_text("cifar100:%s/train.bin", folder), CLADE_EIO,
             "cifar100: '");
    file_bytes[RECORD] = 20;
    test_write_file(test_text("%s/train.bin", folder), file_bytes, 2 * RECORD);
    open_bad(test_text("cifar100:%s", folder), CLADE_EDATA,
             "train.bin' has coarse label 20 at byte 3074, want 0 to 19: damaged, or no CIFAR-100");
    file_bytes[RECORD] = 0;
    file_bytes[RECORD + 1] = 100;
    test_write_file(test_text("%s/train.bin", folder), file_bytes, 2 * RECORD);
    open_bad(test_text("cifar100:%s?labels=coarse", folder), CLADE_EDATA,
             "train.bin' has fine label 100 at byte 3075, want 0 to 99");
    test_write_file(test_text("%s/train.bin", folder), file_bytes, RECORD + 7);
    open_bad(test_text("cifar100:%s", folder), CLADE_EDATA,
             "is truncated, or no CIFAR-100 batch: its last record, at byte 3074, has 7 bytes, want 3074");
    test_write_file(test_text("%s/train.bin", folder), file_bytes, 0);
    open_bad(test_text("cifar100:%s", folder), CLADE_EDATA, "train.bin' is empty");
}

/* Files of one set where the other is wanted: by their names, and renamed. */
static void other_set(void **state)
{
    (void)state;
    static unsigned char small[2 * 3073];
    const char *folder = new_folder();
    write_file(folder, "train.bin", 2, 50);
    open_bad(test_text("cifar10:%s", folder), CLADE_EIO,
             test_text("which holds files of CIFAR-100; write cifar100:%s", folder));
    open_bad(test_text("cifar10:%s?files=train.bin", folder), CLADE_EDATA,
             "train.bin' is a file of CIFAR-100, by its length, where one of CIFAR-10 is wanted: its records "
             "have 3074 bytes, not 3073; open its folder as cifar100:DIR");
    write_file(folder, "data_batch_1.bin", 1, 50);
    open_bad(test_text("cifar10:%s", folder), CLADE_EDATA, "data_batch_1.bin' is a file of CIFAR-100");
    test_write_file(test_text("%s/test.bin", folder), small, sizeof small);
    open_bad(test_text("cifar100:%s?part=test", folder), CLADE_EDATA,
             "test.bin' is a file of CIFAR-10, by its length, where one of CIFAR-100 is wanted: its records "
             "have 3073 bytes, not 3074; open its folder as cifar10:DIR");
    folder = new_folder();
    test_write_file(test_text("%s/test_batch.bin", folder), small, sizeof small);
    open_bad(test_text("cifar100:%s", folder), CLADE_EIO,
             test_text("no train.bin in '%s', which holds files of CIFAR-10; write cifar10:%s", folder,
                       folder));
}

/* A folder without a kind is offered one. */
static void guessed(void **state)
{
    (void)state;
    const char *folder = new_folder();
    write_file(folder, "train.bin", 1, 50);
    open_bad(folder, CLADE_EINVAL, test_text("did you mean 'cifar100:%s'?", folder));
    folder = new_folder();
    write_names(folder, "coarse_label_names.txt", 'c', 20);
    open_bad(folder, CLADE_EINVAL, test_text("did you mean 'cifar100:%s'?", folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values), cmocka_unit_test(class_names), cmocka_unit_test(damaged),
        cmocka_unit_test(other_set),    cmocka_unit_test(guessed),
    };
    return cmocka_run_group_tests_name("cifar100", tests, NULL, NULL);
}

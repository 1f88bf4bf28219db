/* Folders of images: classes, parts, sizes and channels, what is passed over, and every error. What is in a
 * file is tested in test_image.c, scaling in test_image_scale.c. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <png.h>

#include "base/parallel.h"
#include "data/dataset.h"
#include "pictures.h"

static char folder[256];

/* A new empty folder. */
static void new_folder(void)
{
    snprintf(folder, sizeof folder, "%s", test_folder());
}

static const char *in(const char *name)
{
    return test_text("%s/%s", folder, name);
}

static void make(const char *name)
{
    assert_int_equal(mkdir(in(name), 0777), 0);
}

/* A PNG whose pixels are all (red, red + 1, red + 2). */
static void put(const char *name, int red, int height, int width)
{
    static picture made;
    unsigned char pixels[32 * 32 * 3];
    for (int i = 0; i < height * width * 3; i++) pixels[i] = (unsigned char)(red + i % 3);
    picture_png(&made, pixels, height, width, &(png_how){.type = PNG_COLOR_TYPE_RGB});
    test_write_file(in(name), made.bytes, made.n);
}

static clade_data *open_with(const char *options, clade_data_options how)
{
    clade_data *data;
    assert_ok(clade_data_open_with(&data, test_text("images:%s%s", folder, options), &how));
    return data;
}

static clade_data *open_all(const char *options)
{
    return open_with(options, (clade_data_options){.whole = true});
}

static void refuse_with(const char *options, clade_data_options how, clade_status status, const char *part)
{
    clade_data *data = (clade_data *)&data;
    assert_fails(clade_data_open_with(&data, test_text("images:%s%s", folder, options), &how), status, part);
    assert_null(data);
}

static void refuse(const char *options, clade_status status, const char *part)
{
    refuse_with(options, (clade_data_options){.whole = true}, status, part);
}

/* Frees the data, whose samples have these first values, labels and files. */
static void assert_samples(clade_data *data, int n, const int *reds, const int *labels,
                           const char *const *files)
{
    assert_int_equal(data->n_samples, n);
    int64_t cols = clade__data_cols(data);
    assert_string_equal(clade_data_kept_name(data, 0), "file");
    assert_null(clade_data_kept_name(data, 1));
    for (int i = 0; i < n; i++) {
        assert_int_equal(((unsigned char *)data->values)[i * cols], reds[i]);
        if (labels)
            assert_int_equal(data->labels[i], labels[i]);
        else
            assert_null(data->labels);
        if (files) assert_string_equal(clade_data_kept(data, 0, i), files[i]);
    }
    clade_data_free(data);
}

/* Two classes whose names are in the order of their bytes; the first of each, then the second. */
static void put_classes(void)
{
    new_folder();
    make("ant");
    make("Bee");
    put("ant/1.png", 10, 2, 3);
    put("ant/10.png", 20, 2, 3);
    put("ant/2.PNG", 30, 2, 3);
    put("Bee/b.png", 40, 2, 3);
    put("Bee/a.jpeg", 50, 2, 3); /* which is PNG all the same */
}

static void classes(void **state)
{
    (void)state;
    put_classes();
    clade_data *data = open_all("");
    clade_data_info info = clade_data_describe(data);
    assert_string_equal(info.name, test_text("images:%s", folder));
    assert_int_equal(info.shape.rank, 3);
    assert_int_equal(info.shape.dim[0], 3);
    assert_int_equal(info.shape.dim[1], 2);
    assert_int_equal(info.shape.dim[2], 3);
    assert_int_equal(info.dtype, CLADE_UINT8);
    assert_int_equal(info.n_classes, 2);
    assert_true(info.scale == 1.0f / 255.0f && info.shift == 0.0f);
    assert_string_equal(clade_data_class_name(data, 0), "Bee");
    assert_string_equal(clade_data_class_name(data, 1), "ant");
    assert_false(data->numbered);
    assert_null(clade_data_note(data, 0));
    for (int k = 0; k < 18; k++) assert_int_equal(((unsigned char *)data->values)[k], 50 + k / 6);
    assert_samples(data, 5, (int[]){50, 10, 40, 20, 30}, (int[]){0, 1, 0, 1, 1},
                   (const char *[]){"Bee/a.jpeg", "ant/1.png", "Bee/b.png", "ant/10.png", "ant/2.PNG"});
    assert_samples(open_all("?n=3"), 3, (int[]){50, 10, 40}, (int[]){0, 1, 0}, NULL);
}

static void channels(void **state)
{
    (void)state;
    static picture made;
    new_folder();
    make("a");
    picture_png(&made, (const unsigned char[]){1, 2, 3, 4}, 2, 2, &(png_how){0});
    test_write_file(in("a/grey.png"), made.bytes, made.n);
    put("a/x.png", 100, 2, 2);
    clade_data *data = open_all("");
    assert_memory_equal(data->values, ((unsigned char[]){1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 100}), 13);
    clade_data_free(data);
    data = open_all("?channels=1");
    assert_int_equal(data->shape.dim[0], 1);
    assert_memory_equal(data->values, ((unsigned char[]){1, 2, 3, 4, 101, 101, 101, 101}), 8);
    clade_data_free(data);
    clade_data_free(open_all("?channels=3"));
    refuse("?channels=2", CLADE_EINVAL, "images: channels=2, want 3 (colour) or 1 (grey)");
}

static void sizes(void **state)
{
    (void)state;
    new_folder();
    make("a");
    put("a/1.png", 10, 4, 6);
    put("a/2.png", 20, 4, 6);
    clade_data_free(open_all(""));
    put("a/3.png", 30, 6, 4);
    refuse("", CLADE_EDATA, test_text("'%s/a/3.png' has 6x4 pixels, but '%s/a/1.png' 4x6; add size=N", folder,
                                      folder));
    assert_samples(open_all("?n=2"), 2, (int[]){10, 20}, (int[]){0, 0}, NULL);
    clade_data *data = open_all("?size=3x5");
    assert_int_equal(data->shape.dim[1], 3);
    assert_int_equal(data->shape.dim[2], 5);
    for (int i = 0; i < 3 * 45; i++)
        assert_int_equal(((unsigned char *)data->values)[i], 10 * (i / 45 + 1) + i % 45 / 15);
    clade_data_free(data);
    data = open_all("?size=8");
    assert_int_equal(data->shape.dim[1], 8);
    assert_int_equal(data->shape.dim[2], 8);
    clade_data_free(data);
    static const char *const bad[] = {"", "0", "x", "8x", "x8", "8x0", "8193", "8x8193", "8x8x8", "-1", "8 ",
                                      "8X8", "1e2", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuse(test_text("?size=%s", bad[i]), CLADE_EINVAL,
               test_text("images: size=%s, want pixels, as size=64, or height and width", bad[i]));
}

/* Of rows: as those of csv and npy. */
static void split(void **state)
{
    (void)state;
    new_folder();
    make("a");
    make("b");
    for (int i = 0; i < 20; i++) put(test_text("%s/%02d.png", i % 2 ? "b" : "a", i), i, 1, 1);
    bool seen[20] = {false};
    for (int test = 0; test < 2; test++) {
        clade_data *data = open_with("?stratify=yes&test=0.3&seed=4",
                                     (clade_data_options){.part = test ? "test" : "train"});
        assert_int_equal(data->n_samples, test ? 6 : 14);
        assert_non_null(clade_data_note(data, 0));
        int n_b = 0;
        for (int64_t i = 0; i < data->n_samples; i++) {
            int red = ((unsigned char *)data->values)[3 * i];
            assert_true(red < 20 && !seen[red] && data->labels[i] == red % 2);
            assert_int_equal(clade_data_row(data, i), red);
            assert_string_equal(clade_data_kept(data, 0, i),
                                test_text("%s/%02d.png", red % 2 ? "b" : "a", red));
            seen[red] = true;
            n_b += red % 2;
        }
        assert_int_equal(n_b, test ? 3 : 7);
        clade_data_free(data);
    }
    clade_data *data = open_with("", (clade_data_options){.part = "test"});
    assert_int_equal(data->n_samples, 4);
    clade_data_free(data);
    data = open_with("?split=0.6,0.2,0.2", (clade_data_options){.part = "valid"});
    assert_int_equal(data->n_samples, 4);
    clade_data_free(data);
    data = open_with("?test=0", (clade_data_options){.part = "test"});
    assert_int_equal(data->n_samples, 20);
    clade_data_free(data);
    refuse("?test=2", CLADE_EINVAL, "images: test=2, want the share");
    refuse("?split=part", CLADE_EINVAL, "images: split=part, want shares");
    refuse("?n=21", CLADE_EDATA, "has 20 samples in its train part, and n=21 asks for more");
}

/* Folders of parts, whose classes are those of all of them. */
static void parts(void **state)
{
    (void)state;
    static const char *const names[] = {"train", "train/cat", "train/dog", "val", "val/cat", "val/ape"};
    new_folder();
    for (int i = 0; i < 6; i++) make(names[i]);
    put("train/cat/1.png", 10, 1, 1);
    put("train/dog/1.png", 20, 1, 1);
    put("val/cat/1.png", 30, 1, 1);
    put("val/ape/1.png", 40, 1, 1);
    clade_data *data = open_with("", (clade_data_options){.part = "train"});
    assert_string_equal(clade_data_describe(data).name, test_text("images:%s?part=train", folder));
    assert_int_equal(data->n_classes, 3);
    assert_string_equal(clade_data_class_name(data, 0), "ape");
    assert_samples(data, 2, (int[]){10, 20}, (int[]){1, 2},
                   (const char *[]){"train/cat/1.png", "train/dog/1.png"});
    assert_samples(open_all(""), 2, (int[]){10, 20}, (int[]){1, 2}, NULL);
    data = open_with("", (clade_data_options){.part = "valid"});
    assert_null(clade_data_note(data, 0));
    assert_samples(data, 2, (int[]){40, 30}, (int[]){0, 1}, NULL);
    data = open_with("", (clade_data_options){.part = "test"});
    assert_string_equal(clade_data_describe(data).name, test_text("images:%s?part=valid", folder));
    assert_string_equal(clade_data_note(data, 0),
                        test_text("'%s' has no test part; this is its valid part", folder));
    assert_samples(data, 2, (int[]){40, 30}, (int[]){0, 1}, NULL);
    make("test");
    make("test/dog");
    put("test/dog/1.png", 50, 1, 1);
    assert_samples(open_all("?part=test"), 1, (int[]){50}, (int[]){2}, NULL);
    refuse("?test=0.5", CLADE_EINVAL, "has parts of its own; leave out test=, split=, stratify= and seed=");
    refuse("?seed=3", CLADE_EINVAL, "has parts of its own");
    make("valid");
    make("valid/dog");
    refuse("", CLADE_EDATA, "has both 'valid' and 'val'; leave one");
}

/* A part that is not there; and a class that is called train. */
static void one_part(void **state)
{
    (void)state;
    new_folder();
    make("train");
    make("bus");
    put("train/1.png", 10, 1, 1);
    put("bus/1.png", 20, 1, 1);
    clade_data *data = open_all("");
    assert_string_equal(clade_data_class_name(data, 1), "train");
    assert_samples(data, 2, (int[]){20, 10}, (int[]){0, 1}, NULL);
    new_folder();
    make("train");
    make("train/cat");
    put("train/cat/1.png", 10, 1, 1);
    assert_samples(open_all(""), 1, (int[]){10}, (int[]){0}, NULL);
    refuse_with("", (clade_data_options){.part = "test"}, CLADE_EIO,
                test_text("'%s' has no test part: no folder 'test', 'valid' or 'val' with a folder for each class "
                          "in it, beside 'train'; images:%s/train is", folder, folder));
    new_folder();
    make("test");
    make("test/cat");
    put("test/cat/1.png", 10, 1, 1);
    refuse("", CLADE_EIO, "has no train part: no folder 'train' with");
}

static void without_classes(void **state)
{
    (void)state;
    new_folder();
    put("b.png", 20, 1, 1);
    put("a.png", 10, 1, 1);
    make("more");
    static const char *const files[] = {"a.png", "b.png"};
    clade_data *data = open_all("?labels=none");
    assert_string_equal(clade_data_note(data, 0),
                        test_text("passed over in '%s', since no image (.png, .jpg, .jpeg): 'more'",
                                  folder));
    clade_data_info info = clade_data_describe(data);
    assert_true(info.n_classes == 0 && info.n_targets == 0);
    assert_samples(data, 2, (int[]){10, 20}, NULL, files);
    assert_samples(open_with("?labels=none", (clade_data_options){.part = "test", .keep = "file"}), 2,
                   (int[]){10, 20}, NULL, files);
    assert_samples(open_all("?labels=none&part=train&test=0.5"), 1, (int[]){10}, NULL, NULL);
    refuse("?labels=none&stratify=yes", CLADE_EINVAL, "stratify=yes goes by classes, and there are none");
    refuse("?labels=all", CLADE_EINVAL, "images: labels=all, want none");
    refuse_with("?labels=none", (clade_data_options){.keep = "name"}, CLADE_EINVAL,
                "images: 'name' cannot be carried along; only the name of each image can, as 'file'");
    assert_int_equal(rmdir(in("more")), 0);
    refuse("", CLADE_EIO,
           test_text("has images, but no folder for each class; images:%s?labels=none is", folder));
    assert_samples(open_with("", (clade_data_options){.whole = true, .samples_only = true}), 2,
                   (int[]){10, 20}, NULL, files);
    new_folder();
    refuse("?labels=none", CLADE_EDATA, "has no images: no file whose name ends in .png, .jpg or .jpeg");
}

/* What is no image is passed over, what is hidden unseen, and links are followed. */
static void other_files(void **state)
{
    (void)state;
    put_classes();
    test_write_file(in("ant/notes.txt"), "x", 1);
    clade_data *data = open_all("");
    assert_string_equal(clade_data_note(data, 0),
                        test_text("passed over in '%s', since no image (.png, .jpg, .jpeg): 'ant/notes.txt'",
                                  folder));
    assert_null(clade_data_note(data, 1));
    clade_data_free(data);
    test_write_file(in("README"), "x", 1);
    put("top.png", 1, 1, 1);
    make(".hidden");
    put(".hidden/1.png", 1, 9, 9);
    put("ant/.1.png", 1, 9, 9);
    assert_int_equal(symlink("../Bee/b.png", in("ant/link.png")), 0);
    assert_int_equal(symlink("ant", in("linked")), 0);
    data = open_all("");
    assert_non_null(strstr(clade_data_note(data, 0), ": 'README' and others"));
    assert_int_equal(data->n_classes, 3);
    assert_string_equal(clade_data_class_name(data, 2), "linked");
    assert_samples(data, 10, (int[]){50, 10, 10, 40, 20, 20, 30, 30, 40, 40},
                   (int[]){0, 1, 2, 0, 1, 2, 1, 2, 1, 2}, NULL);
}

static void bad_folders(void **state)
{
    (void)state;
    new_folder();
    refuse("", CLADE_EIO, "has no folders; it must hold one for each class, with PNG and JPEG files in it, or "
                          "train and test with such folders");
    make("ant");
    put("ant/1.png", 10, 1, 1);
    refuse("/none", CLADE_EIO, "/none': No such file");
    refuse("/ant/1.png", CLADE_EIO, "1.png' is a file; give the folder it is in");
    make("bee");
    refuse("", CLADE_EDATA, test_text("'%s/bee', a class, has no images", folder));
    test_write_file(in("bee/a.gif"), "GIF89a", 6);
    refuse("", CLADE_EDATA, test_text("'%s/bee', a class, has no images", folder));
    make("ant/young");
    refuse("", CLADE_EDATA, test_text("'%s/ant/young' is a folder within a class; put its images into '%s/ant'",
                                      folder, folder));
    assert_int_equal(rmdir(in("ant/young")), 0);
    assert_int_equal(symlink("nowhere", in("bee/a.png")), 0);
    refuse("", CLADE_EIO, test_text("cannot open '%s/bee/a.png': No such file", folder));
    assert_int_equal(unlink(in("bee/a.png")), 0);
    assert_int_equal(mkfifo(in("bee/a.png"), 0666), 0);
    refuse("", CLADE_EIO, test_text("cannot read '%s/bee/a.png': not a regular file", folder));
    assert_int_equal(unlink(in("bee/a.png")), 0);
    put("bee/a.png", 10, 1, 1);
    clade_data_free(open_all(""));
    make("K\xfche");
    refuse("", CLADE_EDATA, "is a class whose name is not UTF-8; rename it");
}

/* Each file that cannot be decoded is named, the first one in the order of samples, whoever reads it. */
static void bad_files(void **state)
{
    (void)state;
    new_folder();
    make("a");
    for (int i = 0; i < 40; i++) put(test_text("a/%02d.png", i), i, 2, 2);
    test_write_file(in("a/33.png"), "", 0);
    test_write_file(in("a/20.png"), "GIF89a", 6);
    for (int n = 1; n <= 8; n *= 2) {
        clade__parallel_set(n, 2 * n);
        refuse("", CLADE_EDATA, test_text("'%s/a/20.png' is neither PNG nor JPEG", folder));
    }
    clade__parallel_set(0, 0);
    put("a/20.png", 20, 2, 2);
    refuse("", CLADE_EDATA, test_text("'%s/a/33.png' is empty", folder));
    clade_data_free(open_all("?n=33"));
    assert_int_equal(truncate(in("a/00.png"), 50), 0);
    refuse("", CLADE_EDATA, test_text("'%s/a/00.png' is truncated: its PNG data has no end", folder));
    refuse("?size=1", CLADE_EDATA, test_text("'%s/a/00.png' is truncated", folder));
}

/* The same bytes, however many threads there are. */
static void threads(void **state)
{
    (void)state;
    new_folder();
    make("a");
    for (int i = 0; i < 50; i++) put(test_text("a/%02d.png", i), i, 3 + i % 20, 5 + i % 7);
    clade_data *one, *many;
    clade__parallel_set(1, 1);
    one = open_all("?size=9x8");
    clade__parallel_set(4, 13);
    many = open_all("?size=9x8");
    clade__parallel_set(0, 0);
    assert_true(clade_data_equal(one, many));
    assert_string_equal(clade_data_kept(one, 0, 49), clade_data_kept(many, 0, 49));
    clade_data_free(one);
    clade_data_free(many);
}

/* A folder without a kind is offered this one. */
static void guessed(void **state)
{
    (void)state;
    clade_data *data;
    static const char part[] = "did you mean 'images:";
    put_classes();
    assert_fails(clade_data_open(&data, folder), CLADE_EINVAL, part);
    new_folder();
    make("val");
    make("val/cat");
    assert_fails(clade_data_open(&data, folder), CLADE_EINVAL, "unknown kind of data");
    put("val/cat/a.png", 1, 1, 1);
    assert_fails(clade_data_open(&data, folder), CLADE_EINVAL, part);
    new_folder();
    put("a.jpg", 1, 1, 1);
    assert_fails(clade_data_open(&data, folder), CLADE_EINVAL, part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes),         cmocka_unit_test(channels),    cmocka_unit_test(sizes),
        cmocka_unit_test(split),           cmocka_unit_test(parts),       cmocka_unit_test(one_part),
        cmocka_unit_test(without_classes), cmocka_unit_test(other_files), cmocka_unit_test(bad_folders),
        cmocka_unit_test(bad_files),       cmocka_unit_test(threads),     cmocka_unit_test(guessed),
    };
    return cmocka_run_group_tests_name("images", tests, NULL, NULL);
}

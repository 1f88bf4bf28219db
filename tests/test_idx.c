/* The IDX reader: plain and gzipped files, every kind of damage, and the real MNIST where it is. */
#include "support.h"

#include <stdio.h>
#include <sys/stat.h>

#include "data/dataset.h"

#define N_IMAGES    5
#define ROWS        3
#define COLS        4
#define IMAGE_BYTES (16 + N_IMAGES * ROWS * COLS)
#define LABEL_BYTES (8 + N_IMAGES)

/* The contents of a pair of files; a test damages one before they are written. */
typedef struct pair {
    unsigned char images[IMAGE_BYTES + 8], labels[LABEL_BYTES + 8]; /* room for trailing bytes */
    size_t n_images, n_labels;                                      /* bytes */
} pair;

static pair good(void)
{
    pair p = {.images = {0, 0, 8, 3, 0, 0, 0, N_IMAGES, 0, 0, 0, ROWS, 0, 0, 0, COLS},
              .labels = {0, 0, 8, 1, 0, 0, 0, N_IMAGES, 5, 0, 9, 1, 5},
              .n_images = IMAGE_BYTES,
              .n_labels = LABEL_BYTES};
    for (int i = 16; i < IMAGE_BYTES; i++) p.images[i] = (unsigned char)(i * 37);
    return p;
}

static void write_gzip(const char *path, const unsigned char *data, size_t n)
{
    unsigned char packed[512];
    test_write_file(path, packed, test_gzip(packed, sizeof packed, data, n));
}

/* A new empty folder; the path lasts until the next one is made. */
static const char *new_folder(void)
{
    static char folder[256];
    snprintf(folder, sizeof folder, "%s", test_folder());
    return folder;
}

/* A new folder with the pair as its train part. */
static const char *write_pair(const pair *p, bool zipped)
{
    const char *folder = new_folder();
    const char *images = test_text("%s/train-images-idx3-ubyte%s", folder, zipped ? ".gz" : "");
    const char *labels = test_text("%s/train-labels-idx1-ubyte%s", folder, zipped ? ".gz" : "");
    if (zipped) {
        write_gzip(images, p->images, p->n_images);
        write_gzip(labels, p->labels, p->n_labels);
    } else {
        test_write_file(images, p->images, p->n_images);
        test_write_file(labels, p->labels, p->n_labels);
    }
    return folder;
}

static void assert_good(clade_data *data)
{
    pair p = good();
    clade_data_info info = clade_data_describe(data);
    assert_int_equal(info.n_samples, N_IMAGES);
    assert_int_equal(info.shape.rank, 2);
    assert_int_equal(info.shape.dim[0], ROWS);
    assert_int_equal(info.shape.dim[1], COLS);
    assert_int_equal(info.dtype, CLADE_UINT8);
    assert_int_equal(info.n_classes, 10);
    assert_true(info.scale == 1.0f / 255.0f && info.shift == 0.0f);
    assert_memory_equal(data->values, p.images + 16, IMAGE_BYTES - 16);
    for (int i = 0; i < N_IMAGES; i++) assert_int_equal(data->labels[i], p.labels[8 + i]);
    assert_null(clade_data_class_name(data, 9));
    clade_data_free(data);
}

static void open_good(const char *folder, const char *part)
{
    clade_data *data;
    assert_ok(clade_data_open_part(&data, test_text("mnist:%s", folder), part));
    assert_string_equal(clade_data_describe(data).name,
                        test_text("mnist:%s?part=%s", folder, part));
    assert_good(data);
}

static void open_bad(const char *folder, clade_status status, const char *part)
{
    clade_data *data = (clade_data *)&data;
    assert_fails(clade_data_open(&data, test_text("mnist:%s", folder)), status, part);
    assert_null(data);
}

static void reads_plain_and_gzip(void **state)
{
    (void)state;
    pair p = good();
    open_good(write_pair(&p, false), "train");
    open_good(write_pair(&p, true), "train");
}

static void reads_other_names(void **state)
{
    (void)state;
    pair p = good();
    const char *folder = new_folder(); /* the test part, with points, one file zipped */
    test_write_file(test_text("%s/t10k-images.idx3-ubyte", folder), p.images, p.n_images);
    write_gzip(test_text("%s/t10k-labels.idx1-ubyte.gz", folder), p.labels, p.n_labels);
    open_good(folder, "test");
    open_bad(folder, CLADE_EIO, "no train-images-idx3-ubyte in");

    folder = new_folder(); /* unpacked, but still named .gz */
    test_write_file(test_text("%s/t10k-images-idx3-ubyte.gz", folder), p.images, p.n_images);
    test_write_file(test_text("%s/t10k-labels-idx1-ubyte.gz", folder), p.labels, p.n_labels);
    open_good(folder, "test");
}

/* n=N is the beginning of the images; the classes are those of all labels. */
static void fewer_are_the_first(void **state)
{
    (void)state;
    for (int zipped = 0; zipped < 2; zipped++) {
        pair p = good();
        clade_data *data;
        p.labels[8 + 3] = 77;
        const char *folder = write_pair(&p, zipped);
        assert_ok(clade_data_open(&data, test_text("mnist:%s?n=3", folder)));
        assert_int_equal(data->n_samples, 3);
        assert_int_equal(data->n_classes, 78);
        assert_memory_equal(data->values, p.images + 16, 3 * ROWS * COLS);
        for (int i = 0; i < 3; i++) assert_int_equal(data->labels[i], p.labels[8 + i]);
        clade_data_free(data);
        assert_fails(clade_data_open(&data, test_text("mnist:%s?n=6", folder)), CLADE_EDATA,
                     "has 5 samples in its train part, and n=6 asks for more");
    }
}

/* A gzip file may be several, one after another. */
static void reads_gzip_members(void **state)
{
    (void)state;
    pair p = good();
    const char *folder = write_pair(&p, true);
    unsigned char packed[512];
    size_t n = test_gzip(packed, sizeof packed, p.images, 20);
    n += test_gzip(packed + n, sizeof packed - n, p.images + 20, p.n_images - 20);
    test_write_file(test_text("%s/train-images-idx3-ubyte.gz", folder), packed, n);
    open_good(folder, "train");
}

static void missing(void **state)
{
    (void)state;
    open_bad("/nonexistent/folder", CLADE_EIO, "cannot open '/nonexistent/folder': No such file");
    open_bad(new_folder(), CLADE_EIO,
             "holds no set of images; it must hold train-images-idx3-ubyte, "
             "train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, with .gz "
             "or without, or those of EMNIST or QMNIST under their own names, or torchvision's "
             "MNIST/raw");
    pair p = good();
    const char *folder = write_pair(&p, false);
    open_bad(test_text("%s/train-images-idx3-ubyte", folder), CLADE_EIO,
             "is a file; give the folder");
    remove(test_text("%s/train-labels-idx1-ubyte", folder));
    open_bad(folder, CLADE_EIO, "no train-labels-idx1-ubyte in");
    assert_int_equal(mkdir(test_text("%s/train-labels-idx1-ubyte", folder), 0777), 0);
    open_bad(folder, CLADE_EIO, "not a regular file");
}

/* One byte of a good pair changed, or its length. */
static const struct {
    bool labels; /* which file */
    size_t at;   /* this byte */
    int value;   /* becomes this; -1: none does */
    int more;    /* bytes added, or taken away when negative */
    const char *part;
} damages[] = {
    {false, 0, 1, 0, "begins with 01 00 08 03, want 00 00, the type and 03"},
    {true, 1, 'x', 0, "begins with 00 78 08 01, want 00 00, the type and 01"},
    {false, 2, 0x0A, 0, "element type 0x0a at byte 2, want 0x08 (uint8)"},
    {true, 2, 0x0D, 0, "has floats (0x0d at byte 2), want whole numbers as labels"},
    {false, 2, 0x0B, 0, "is truncated"},
    {false, 3, 1, 0, "1 dimensions at byte 3, want 3 (images)"},
    {true, 3, 3, 0, "3 dimensions at byte 3, want 1 or 2 (labels)"},
    {false, 7, 0, 0, "size 0 in dimension 0, at byte 4: it holds no samples"},
    {true, 7, 0, 0, "labels-idx1-ubyte"},
    {false, 11, 0, 0, "size 0 in dimension 1, at byte 8"},
    {false, 15, 0, 0, "size 0 in dimension 2, at byte 12"},
    {false, 4, 0x80, 0, "claims 2147483653 samples at byte 4"},
    {false, 7, 4, 0, "has 5 labels, but"},
    {true, 7, 4, 0, "has 4 labels, but"},
    {false, 0, -1, 1, "has trailing bytes: by its header it ends at byte 76"},
    {true, 0, -1, 3, "has trailing bytes: by its header it ends at byte 13"},
};

static void damaged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++)
        for (int zipped = 0; zipped < 2; zipped++) {
            pair p = good();
            if (damages[i].value >= 0)
                (damages[i].labels ? p.labels : p.images)[damages[i].at] =
                    (unsigned char)damages[i].value;
            *(damages[i].labels ? &p.n_labels : &p.n_images) += (size_t)damages[i].more;
            const char *folder = write_pair(&p, zipped);
            open_bad(folder, CLADE_EDATA, damages[i].part);
            assert_non_null(strstr(clade_error(), folder));
        }
}

/* Sizes that no file holds are refused before memory is taken for them. */
static void huge_sizes(void **state)
{
    (void)state;
    static const unsigned char headers[][12] = {
        {0x7f, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, /* overflows 64 bits */
        {0, 0, 0xea, 0x60, 0, 0, 0, 28, 0, 0, 0, 28},                  /* the true MNIST's */
        {0, 0, 0, N_IMAGES, 0x80, 0, 0, 0, 0x40, 0, 0, 0},
    };
    for (int i = 0; i < 3; i++)
        for (int zipped = 0; zipped < 2; zipped++) {
            pair p = good();
            memcpy(p.images + 4, headers[i], sizeof headers[i]);
            open_bad(write_pair(&p, zipped), CLADE_EDATA, "bytes cannot hold");
        }
    pair p = good(); /* more than a plain file holds, but less than gzip might */
    p.images[7] = N_IMAGES + 1;
    p.labels[7] = N_IMAGES + 1;
    open_bad(write_pair(&p, false), CLADE_EDATA, "cannot hold");
    open_bad(write_pair(&p, true), CLADE_EDATA,
             "is truncated: its labels need bytes 8 to 13, but it ends at byte 13");
    p.labels[LABEL_BYTES] = 1;
    p.n_labels++;
    open_bad(write_pair(&p, true), CLADE_EDATA,
             "is truncated: its images need bytes 16 to 87, but it ends at byte 76");
    p = good();
    p.labels[7] = N_IMAGES + 1;
    p.n_labels--;
    open_bad(write_pair(&p, true), CLADE_EDATA, "has 6 labels, but");
}

/* Either file cut at any length is refused, plain or gzipped. */
static void cut(void **state)
{
    (void)state;
    pair p = good();
    for (int k = 0; k < 4; k++) {
        bool zipped = k & 1, labels = k & 2;
        const unsigned char *bytes = labels ? p.labels : p.images;
        unsigned char packed[512];
        size_t n = labels ? p.n_labels : p.n_images;
        if (zipped) n = test_gzip(packed, sizeof packed, bytes, n);
        const char *folder = write_pair(&p, zipped);
        for (size_t length = 0; length < n; length++) {
            test_write_file(test_text("%s/train-%s-ubyte%s", folder,
                                      labels ? "labels-idx1" : "images-idx3", zipped ? ".gz" : ""),
                            zipped ? packed : bytes, length);
            open_bad(folder, CLADE_EDATA, length == 0 ? "is empty" : "is truncated");
        }
    }
}

/* Any bit of the gzipped images flipped: refused, unless it is one of the few that mean nothing;
 * never taken for other data. Those are flags, time, level and system, bytes 3 to 9, and what
 * fills up the last byte of deflate, before the 8 of checksum and length. */
static void flipped(void **state)
{
    (void)state;
    pair p = good();
    unsigned char packed[512];
    size_t n = test_gzip(packed, sizeof packed, p.images, p.n_images);
    const char *folder = write_pair(&p, true);
    int n_refused = 0;
    for (size_t bit = 0; bit < 8 * n; bit++) {
        packed[bit / 8] ^= (unsigned char)(1 << bit % 8);
        test_write_file(test_text("%s/train-images-idx3-ubyte.gz", folder), packed, n);
        clade_data *data;
        clade_status status = clade_data_open(&data, test_text("mnist:%s", folder));
        if (status == CLADE_OK) {
            if (bit / 8 != n - 9) assert_in_range(bit / 8, 3, 9);
            assert_good(data);
        } else {
            assert_int_equal(status, CLADE_EDATA);
            n_refused++;
        }
        packed[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_true(n_refused >= 8 * ((int)n - 8));
}

static void damaged_gzip_messages(void **state)
{
    (void)state;
    pair p = good();
    unsigned char packed[512];
    size_t n = test_gzip(packed, sizeof packed, p.images, p.n_images);
    const char *folder = write_pair(&p, true);
    const char *path = test_text("%s/train-images-idx3-ubyte.gz", folder);
    packed[n - 6] ^= 1;
    test_write_file(path, packed, n);
    open_bad(folder, CLADE_EDATA, "is a damaged gzip file: incorrect data check");
    packed[n - 6] ^= 1;
    memcpy(packed + n, "rest", 4);
    path = test_text("%s/train-images-idx3-ubyte.gz", folder);
    test_write_file(path, packed, n + 4);
    open_bad(folder, CLADE_EDATA, "has 4 trailing bytes after its gzip data");
}

static void real_mnist(void **state)
{
    (void)state;
    static const int first[2][10] = {{5, 0, 4, 1, 9, 2, 1, 3, 1, 4},
                                     {7, 2, 1, 0, 4, 1, 4, 9, 5, 9}};
    const char *source = getenv("CLADE_TEST_SOURCE");
    const char *folder = test_text("%s/../shared/data/mnist", source ? source : ".");
    struct stat about;
    if (stat(folder, &about) != 0) {
        print_message("no '%s': the real MNIST is not read\n", folder);
        skip();
    }
    for (int part = 0; part < 2; part++) {
        clade_data *data;
        assert_ok(
            clade_data_open_part(&data, test_text("mnist:%s", folder), part ? "test" : "train"));
        assert_int_equal(data->n_samples, part ? 10000 : 60000);
        assert_int_equal(data->shape.dim[0], 28);
        assert_int_equal(data->shape.dim[1], 28);
        for (int i = 0; i < 10; i++) assert_int_equal(data->labels[i], first[part][i]);
        double sum = 0.0;
        int64_t n = data->n_samples * 784;
        for (int64_t i = 0; i < n; i++) sum += ((const uint8_t *)data->values)[i];
        if (part == 0) assert_true(fabs(sum / (double)n / 255.0 - 0.1307) < 5e-5); /* well known */
        clade_data_free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_plain_and_gzip),
        cmocka_unit_test(reads_other_names),
        cmocka_unit_test(fewer_are_the_first),
        cmocka_unit_test(reads_gzip_members),
        cmocka_unit_test(missing),
        cmocka_unit_test(damaged),
        cmocka_unit_test(huge_sizes),
        cmocka_unit_test(cut),
        cmocka_unit_test(flipped),
        cmocka_unit_test(damaged_gzip_messages),
        cmocka_unit_test(real_mnist),
    };
    return cmocka_run_group_tests_name("idx", tests, NULL, NULL);
}

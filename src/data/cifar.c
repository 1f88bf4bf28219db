/* CIFAR-10 and CIFAR-100, the binary versions: files of records, each one label byte, or a coarse and a
 * fine one, and then the 1024 red, 1024 green and 1024 blue bytes of a 32×32 image, row by row.
 * Reference: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009,
 * https://www.cs.toronto.edu/~kriz/cifar.html
 *
 * The official files hold 10,000 or 50,000 records, but a file has no header to say so: any whole number
 * is taken. Sizes are compared before memory is, and again with what was then read. A record of one set
 * is a byte longer than one of the other, which tells their files apart.
 */
#define _POSIX_C_SOURCE 200809L
#include "data/spec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define IMAGE_BYTES  3072
#define MOST_CLASSES 100
#define MOST_FILES   5 /* of a part */

/* A label byte of a record, and what names its classes. */
typedef struct label_byte {
    const char *name; /* of labels=; NULL: there is one kind of label */
    int n_classes;
    const char *names_file;
} label_byte;

typedef struct format {
    const char *kind, *set;
    int n_labels; /* bytes before the image */
    label_byte labels[2]; /* (n_labels) */
    const char *train[MOST_FILES + 1], *test[2]; /* names of files, then NULL */
    const char *train_text, *more_text;         /* those of the train part, and what else belongs there */
} format;

static const format cifar10 = {
    .kind = "cifar10",
    .set = "CIFAR-10",
    .n_labels = 1,
    .labels = {{NULL, 10, "batches.meta.txt"}},
    .train = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
              "data_batch_5.bin"},
    .test = {"test_batch.bin"},
    .train_text = "data_batch_1.bin … data_batch_5.bin",
    .more_text = "data_batch_1.bin to data_batch_5.bin, or some of them, test_batch.bin, and "
                 "batches.meta.txt for the names",
};

static const format cifar100 = {
    .kind = "cifar100",
    .set = "CIFAR-100",
    .n_labels = 2,
    .labels = {{"coarse", 20, "coarse_label_names.txt"}, {"fine", 100, "fine_label_names.txt"}},
    .train = {"train.bin"},
    .test = {"test.bin"},
    .train_text = "train.bin",
    .more_text = "train.bin, test.bin, and fine_label_names.txt and coarse_label_names.txt for the names",
};

static int record_bytes(const format *its)
{
    return its->n_labels + IMAGE_BYTES;
}

static const format *other_format(const format *its)
{
    return its == &cifar10 ? &cifar100 : &cifar10;
}

typedef struct batch {
    char *path;
    int64_t n_records;
} batch;

typedef struct batches {
    const format *its;
    size_t n;
    batch *file; /* (n) */
    int64_t n_records;
} batches;

static clade_status join(char **path, const format *its, const char *folder, const char *name,
                         size_t name_length)
{
    clade__text text = {0};
    clade__text_append(&text, "%s/%.*s", folder, (int)name_length, name);
    if (text.failed) return clade__fail(CLADE_ENOMEM, "%s: no memory", its->kind);
    *path = text.data;
    return CLADE_OK;
}

/* Notes how many records a file has, by its length. *there is false, and nothing noted, when there
 * is no such file and `must` does not ask for one. */
static clade_status measure(batch *file, const format *its, bool must, bool *there)
{
    struct stat about;
    *there = stat(file->path, &about) == 0;
    if (!*there && errno == ENOENT && !must) return CLADE_OK;
    if (!*there)
        return clade__fail(CLADE_EIO, "%s: cannot open '%s': %s", its->kind, file->path,
                           clade__errno_text(errno));
    if (!S_ISREG(about.st_mode))
        return clade__fail(CLADE_EIO, "%s: cannot read '%s': not a regular file", its->kind,
                           file->path);
    const format *other = other_format(its);
    int64_t n_bytes = (int64_t)about.st_size, extra = n_bytes % record_bytes(its);
    if (n_bytes == 0) return clade__fail(CLADE_EDATA, "'%s' is empty", file->path);
    if (extra != 0 && n_bytes % record_bytes(other) == 0)
        return clade__fail(CLADE_EDATA,
                           "'%s' is a file of %s, by its length, where one of %s is wanted: its records "
                           "have %d bytes, not %d; open its folder as %s:DIR",
                           file->path, other->set, its->set, record_bytes(other), record_bytes(its),
                           other->kind);
    if (extra != 0)
        return clade__fail(CLADE_EDATA,
                           "'%s' is truncated, or no %s batch: its last record, at byte "
                           "%" PRId64 ", has %" PRId64 " bytes, want %d",
                           file->path, its->set, n_bytes - extra, extra, record_bytes(its));
    file->n_records = n_bytes / record_bytes(its);
    return CLADE_OK;
}

static clade_status add_batch(batches *list, const char *folder, const char *name, size_t length,
                              bool must)
{
    batch *file = &list->file[list->n];
    bool there;
    CLADE_TRY(join(&file->path, list->its, folder, name, length));
    clade_status status = measure(file, list->its, must, &there);
    if (status == CLADE_OK && there && file->n_records > INT32_MAX - list->n_records)
        status = clade__fail(CLADE_EDATA, "'%s': with it there are more than %d images", file->path,
                             INT32_MAX);
    if (status != CLADE_OK || !there) {
        free(file->path);
        file->path = NULL;
        return status;
    }
    list->n_records += file->n_records;
    list->n++;
    return CLADE_OK;
}

static clade_status check_name(const char *names, const char *name, size_t length)
{
    if (length == 0) return clade__fail(CLADE_EINVAL, "cifar10: files=%s has an empty name", names);
    bool parent = (length == 1 && name[0] == '.') || strcspn(name, "/\\") < length;
    for (size_t i = 0; i + 1 < length; i++) parent = parent || memcmp(name + i, "..", 2) == 0;
    if (parent)
        return clade__fail(CLADE_EINVAL,
                           "cifar10: files=%s: '%.*s' is not the name of a file in the folder; "
                           "write it without a path",
                           names, (int)length, name);
    for (const char *other = names; other < name; other += strcspn(other, ",") + 1)
        if (strcspn(other, ",") == length && memcmp(other, name, length) == 0)
            return clade__fail(CLADE_EINVAL, "cifar10: files=%s names '%.*s' twice", names,
                               (int)length, name);
    return CLADE_OK;
}

/* The files that files= names; all must be there. */
static clade_status list_named(batches *list, const char *folder, const char *names)
{
    const char *name = names;
    for (;;) {
        size_t length = strcspn(name, ",");
        CLADE_TRY(check_name(names, name, length));
        CLADE_TRY(add_batch(list, folder, name, length, true));
        if (name[length] == '\0') return CLADE_OK;
        name += length + 1;
    }
}

/* Whether a folder has any file of a set. */
static clade_status holds(bool *there, const format *its, const char *folder)
{
    *there = false;
    for (int test = 0; test < 2; test++)
        for (const char *const *name = test ? its->test : its->train; *name && !*there; name++) {
            char *path;
            CLADE_TRY(join(&path, its, folder, *name, strlen(*name)));
            *there = access(path, F_OK) == 0;
            free(path);
        }
    return CLADE_OK;
}

/* The part's files, those that are there. */
static clade_status list_usual(batches *list, const char *folder, bool test)
{
    const format *its = list->its, *other = other_format(its);
    bool of_other;
    for (const char *const *name = test ? its->test : its->train; *name; name++)
        CLADE_TRY(add_batch(list, folder, *name, strlen(*name), false));
    if (list->n > 0) return CLADE_OK;
    CLADE_TRY(holds(&of_other, other, folder));
    if (of_other)
        return clade__fail(CLADE_EIO, "%s: no %s in '%s', which holds files of %s; write %s:%s", its->kind,
                           test ? its->test[0] : its->train_text, folder, other->set, other->kind, folder);
    return clade__fail(CLADE_EIO,
                       "%s: no %s in '%s'; give the folder that holds the files of the "
                       "binary version of %s (%s; from www.cs.toronto.edu/~kriz/cifar.html)",
                       its->kind, test ? its->test[0] : its->train_text, folder, its->set, its->more_text);
}

static clade_status list_batches(batches *list, const clade__data_spec *spec)
{
    struct stat about;
    if (stat(spec->path, &about) == 0 && !S_ISDIR(about.st_mode))
        return clade__fail(CLADE_EIO, "%s: '%s' is a file; give the folder it is in", spec->kind,
                           spec->path);
    const char *names = clade__data_option(spec, "files");
    size_t most = MOST_FILES;
    if (names) {
        most = 1;
        for (const char *c = names; *c; c++) most += *c == ',';
    }
    list->file = calloc(most, sizeof *list->file);
    if (!list->file) return clade__fail(CLADE_ENOMEM, "%s: no memory", spec->kind);
    return names ? list_named(list, spec->path, names)
                 : list_usual(list, spec->path, spec->part != CLADE__TRAIN);
}

/* All labels of a record, those that are not asked for too: a sign of damage. `at` is its place. */
static clade_status check_labels(const unsigned char *record, const format *its, const char *path,
                                 int64_t at)
{
    for (int i = 0; i < its->n_labels; i++)
        if (record[i] >= its->labels[i].n_classes)
            return clade__fail(CLADE_EDATA,
                               "'%s' has %s%slabel %d at byte %" PRId64 ", want 0 to %d: damaged, "
                               "or no %s batch",
                               path, its->labels[i].name ? its->labels[i].name : "",
                               its->labels[i].name ? " " : "", record[i], at + i,
                               its->labels[i].n_classes - 1, its->set);
    return CLADE_OK;
}

/* Reads a file into the samples from `first` on, as far as there are; label number `which`. */
static clade_status read_batch(clade_data *data, const format *its, int which, const batch *file,
                               int64_t first)
{
    int64_t left = data->n_samples - first, n = left < file->n_records ? left : file->n_records;
    unsigned char *bytes, *values = data->values;
    size_t n_bytes;
    CLADE_TRY(clade__file_read(file->path, &bytes, &n_bytes));
    clade_status status = CLADE_OK;
    if (n_bytes != (size_t)file->n_records * (size_t)record_bytes(its))
        status = clade__fail(CLADE_EDATA, "'%s' changed while it was read", file->path);
    for (int64_t i = 0; i < n && status == CLADE_OK; i++) {
        const unsigned char *record = bytes + i * record_bytes(its);
        status = check_labels(record, its, file->path, i * record_bytes(its));
        data->labels[first + i] = record[which];
        memcpy(values + (first + i) * IMAGE_BYTES, record + its->n_labels, IMAGE_BYTES);
    }
    free(bytes);
    return status;
}

/* Names the classes by the lines of a file, where it is. */
static clade_status read_names(clade_data *data, const format *its, int which, const char *folder)
{
    const char *file = its->labels[which].names_file;
    char *path = NULL, *names[MOST_CLASSES];
    struct stat about;
    CLADE_TRY(join(&path, its, folder, file, strlen(file)));
    unsigned char *text = NULL;
    size_t n_bytes, n = 0, n_wanted = (size_t)data->n_classes;
    clade_status status = CLADE_OK;
    if (stat(path, &about) == 0) status = clade__file_read(path, &text, &n_bytes);
    if (text && !clade__is_utf8((char *)text))
        status = clade__fail(CLADE_EDATA, "'%s' is not UTF-8; convert it to UTF-8", path);
    if (status != CLADE_OK || !text) goto out;
    for (char *line = (char *)text; *line;) {
        size_t length = strcspn(line, "\r\n");
        bool last = line[length] == '\0';
        line[length] = '\0';
        if (length > 0 && n < n_wanted) names[n] = line;
        n += length > 0;
        line += length + (last ? 0 : 1);
    }
    status = n == n_wanted
                 ? clade__data_name_classes(data, (const char *const *)names)
                 : clade__fail(CLADE_EDATA, "'%s' names %zu classes, want %zu", path, n, n_wanted);
    data->numbered = true;
out:
    free(text);
    free(path);
    return status;
}

/* Which label labels= asks for; the last one, unless given. */
static clade_status choose_label(int *which, const format *its, const clade__data_spec *spec)
{
    const char *wanted = clade__data_option(spec, "labels");
    *which = its->n_labels - 1;
    if (!wanted) return CLADE_OK;
    for (int i = 0; i < its->n_labels; i++)
        if (strcmp(wanted, its->labels[i].name) == 0) {
            *which = i;
            return CLADE_OK;
        }
    return clade__fail(CLADE_EINVAL, "%s: labels=%s, want fine or coarse", spec->kind, wanted);
}

static clade_status open_set(clade_data **out, const clade__data_spec *spec, const format *its)
{
    *out = NULL;
    batches list = {.its = its};
    clade_data *data = NULL;
    int64_t first = 0, n = 0;
    int which;
    CLADE_TRY(choose_label(&which, its, spec));
    clade_status status = list_batches(&list, spec);
    if (status == CLADE_OK) status = clade__data_option_first(spec, spec->path, list.n_records, &n);
    if (status == CLADE_OK)
        status = clade__data_create(&data, n, CLADE_SHAPE(3, 32, 32), CLADE_UINT8,
                                    its->labels[which].n_classes, 0);
    if (status == CLADE_OK) {
        data->scaling.scale = 1.0f / 255.0f;
        status = read_names(data, its, which, spec->path);
    }
    for (size_t i = 0; i < list.n && first < n && status == CLADE_OK; i++) {
        status = read_batch(data, its, which, &list.file[i], first);
        first += list.file[i].n_records;
    }
    for (size_t i = 0; i < list.n; i++) free(list.file[i].path);
    free(list.file);
    if (status != CLADE_OK) {
        clade_data_free(data);
        return status;
    }
    *out = data;
    return CLADE_OK;
}

clade_status clade__cifar10_open(clade_data **out, const clade__data_spec *spec)
{
    return open_set(out, spec, &cifar10);
}

clade_status clade__cifar100_open(clade_data **out, const clade__data_spec *spec)
{
    return open_set(out, spec, &cifar100);
}

/* CIFAR-10, the binary version: files of records, each a label byte and then the 1024 red, 1024
 * green and 1024 blue bytes of a 32×32 image, row by row. Reference: A. Krizhevsky, "Learning
 * multiple layers of features from tiny images", 2009, https://www.cs.toronto.edu/~kriz/cifar.html
 *
 * The official files hold 10,000 records each, but a file has no header to say so: any whole number
 * is taken. Sizes are compared before memory is, and again with what was then read.
 */
#define _POSIX_C_SOURCE 200809L
#include "data/spec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"

#define N_CLASSES    10
#define IMAGE_BYTES  3072
#define RECORD_BYTES (1 + IMAGE_BYTES)

typedef struct batch {
    char *path;
    int64_t n_records;
} batch;

typedef struct batches {
    size_t n;
    batch *file; /* (n) */
    int64_t n_records;
} batches;

static clade_status join(char **path, const char *folder, const char *name, size_t name_length)
{
    clade__text text = {0};
    clade__text_append(&text, "%s/%.*s", folder, (int)name_length, name);
    if (text.failed) return clade__fail(CLADE_ENOMEM, "cifar10: no memory");
    *path = text.data;
    return CLADE_OK;
}

/* Notes how many records a file has, by its length. *there is false, and nothing noted, when there
 * is no such file and `must` does not ask for one. */
static clade_status measure(batch *file, bool must, bool *there)
{
    struct stat about;
    *there = stat(file->path, &about) == 0;
    if (!*there && errno == ENOENT && !must) return CLADE_OK;
    if (!*there)
        return clade__fail(CLADE_EIO, "cifar10: cannot open '%s': %s", file->path, clade__errno_text(errno));
    if (!S_ISREG(about.st_mode))
        return clade__fail(CLADE_EIO, "cifar10: cannot read '%s': not a regular file", file->path);
    int64_t n_bytes = (int64_t)about.st_size, extra = n_bytes % RECORD_BYTES;
    if (n_bytes == 0) return clade__fail(CLADE_EDATA, "'%s' is empty", file->path);
    if (extra != 0)
        return clade__fail(CLADE_EDATA,
                           "'%s' is truncated, or no CIFAR-10 batch: its last record, at byte "
                           "%" PRId64 ", has %" PRId64 " bytes, want %d",
                           file->path, n_bytes - extra, extra, RECORD_BYTES);
    file->n_records = n_bytes / RECORD_BYTES;
    return CLADE_OK;
}

static clade_status add_batch(batches *list, const char *folder, const char *name, size_t length,
                              bool must)
{
    batch *file = &list->file[list->n];
    bool there;
    CLADE_TRY(join(&file->path, folder, name, length));
    clade_status status = measure(file, must, &there);
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

/* The part's files, those that are there. */
static clade_status list_usual(batches *list, const char *folder, bool test)
{
    static const char *const train_names[] = {"data_batch_1.bin", "data_batch_2.bin",
                                              "data_batch_3.bin", "data_batch_4.bin",
                                              "data_batch_5.bin"};
    static const char *const test_names[] = {"test_batch.bin"};
    for (size_t i = 0; i < (test ? 1 : 5); i++) {
        const char *name = (test ? test_names : train_names)[i];
        CLADE_TRY(add_batch(list, folder, name, strlen(name), false));
    }
    if (list->n > 0) return CLADE_OK;
    return clade__fail(CLADE_EIO,
                       "cifar10: no %s in '%s'; give the folder that holds the files of the "
                       "binary version of CIFAR-10 (data_batch_1.bin to data_batch_5.bin, or some of "
                       "them, test_batch.bin, and batches.meta.txt for the names; from "
                       "www.cs.toronto.edu/~kriz/cifar.html)",
                       test ? test_names[0] : "data_batch_1.bin … data_batch_5.bin", folder);
}

static clade_status list_batches(batches *list, const clade__data_spec *spec)
{
    struct stat about;
    if (stat(spec->path, &about) == 0 && !S_ISDIR(about.st_mode))
        return clade__fail(CLADE_EIO, "cifar10: '%s' is a file; give the folder it is in",
                           spec->path);
    const char *names = clade__data_option(spec, "files");
    size_t most = 5;
    if (names) {
        most = 1;
        for (const char *c = names; *c; c++) most += *c == ',';
    }
    list->file = calloc(most, sizeof *list->file);
    if (!list->file) return clade__fail(CLADE_ENOMEM, "cifar10: no memory");
    return names ? list_named(list, spec->path, names) : list_usual(list, spec->path, spec->part != CLADE__TRAIN);
}

/* Reads a file into the samples from `first` on, as far as there are. */
static clade_status read_batch(clade_data *data, const batch *file, int64_t first)
{
    int64_t left = data->n_samples - first, n = left < file->n_records ? left : file->n_records;
    unsigned char *bytes, *values = data->values;
    size_t n_bytes;
    CLADE_TRY(clade__file_read(file->path, &bytes, &n_bytes));
    clade_status status = CLADE_OK;
    if (n_bytes != (size_t)file->n_records * RECORD_BYTES)
        status = clade__fail(CLADE_EDATA, "'%s' changed while it was read", file->path);
    for (int64_t i = 0; i < n && status == CLADE_OK; i++) {
        const unsigned char *record = bytes + i * RECORD_BYTES;
        if (record[0] >= N_CLASSES)
            status = clade__fail(CLADE_EDATA,
                                 "'%s' has label %d at byte %" PRId64 ", want 0 to %d: damaged, "
                                 "or no CIFAR-10 batch",
                                 file->path, record[0], i * RECORD_BYTES, N_CLASSES - 1);
        data->labels[first + i] = record[0];
        memcpy(values + (first + i) * IMAGE_BYTES, record + 1, IMAGE_BYTES);
    }
    free(bytes);
    return status;
}

/* Names the classes by the lines of batches.meta.txt, where that file is. */
static clade_status read_names(clade_data *data, const char *folder)
{
    static const char meta[] = "batches.meta.txt";
    char *path = NULL, *names[N_CLASSES];
    struct stat about;
    CLADE_TRY(join(&path, folder, meta, sizeof meta - 1));
    unsigned char *text = NULL;
    size_t n_bytes, n = 0;
    clade_status status = CLADE_OK;
    if (stat(path, &about) == 0) status = clade__file_read(path, &text, &n_bytes);
    if (text && !clade__is_utf8((char *)text))
        status = clade__fail(CLADE_EDATA, "'%s' is not UTF-8; convert it to UTF-8", path);
    if (status != CLADE_OK || !text) goto out;
    for (char *line = (char *)text; *line;) {
        size_t length = strcspn(line, "\r\n");
        bool last = line[length] == '\0';
        line[length] = '\0';
        if (length > 0 && n < N_CLASSES) names[n] = line;
        n += length > 0;
        line += length + (last ? 0 : 1);
    }
    status = n == N_CLASSES
                 ? clade__data_name_classes(data, (const char *const *)names)
                 : clade__fail(CLADE_EDATA, "'%s' names %zu classes, want %d", path, n, N_CLASSES);
    data->numbered = true;
out:
    free(text);
    free(path);
    return status;
}

clade_status clade__cifar10_open(clade_data **out, const clade__data_spec *spec)
{
    *out = NULL;
    batches list = {0};
    clade_data *data = NULL;
    int64_t first = 0, n = 0;
    clade_status status = list_batches(&list, spec);
    if (status == CLADE_OK) status = clade__data_option_first(spec, spec->path, list.n_records, &n);
    if (status == CLADE_OK)
        status = clade__data_create(&data, n, CLADE_SHAPE(3, 32, 32), CLADE_UINT8, N_CLASSES, 0);
    if (status == CLADE_OK) {
        data->scaling.scale = 1.0f / 255.0f;
        status = read_names(data, spec->path);
    }
    for (size_t i = 0; i < list.n && first < n && status == CLADE_OK; i++) {
        status = read_batch(data, &list.file[i], first);
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

/* MNIST and Fashion-MNIST: the four IDX files of a folder, gzipped or plain.
 *
 * An IDX file is big-endian: two zero bytes, the element type (0x08: unsigned byte), the number of
 * dimensions, that many 32-bit sizes, then the elements. Reference: Y. LeCun, C. Cortes,
 * C. Burges, "The MNIST database of handwritten digits", http://yann.lecun.com/exdb/mnist/
 *
 * Nothing in a header is believed before it is compared with the bytes that are there: a plain
 * file with its length, a gzipped one with what deflate can make of its length at most.
 */
#define _POSIX_C_SOURCE 200809L
#include "data/spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "data/gzip.h"

#define N_CLASSES 10

/* A file being read from its first byte to its last. */
typedef struct idx_file {
    char *path;
    clade__gzip gzip;
} idx_file;

static void close_file(idx_file *file)
{
    clade__gzip_close(&file->gzip);
    free(file->path);
    *file = (idx_file){0};
}

static clade_status read_all(idx_file *file, void *dst, size_t n, const char *what)
{
    size_t got;
    uint64_t start = file->gzip.offset;
    CLADE_TRY(clade__gzip_read(&file->gzip, dst, n, &got));
    if (got == n) return CLADE_OK;
    return clade__fail(CLADE_EDATA,
                       "'%s' is truncated: its %s need bytes %" PRIu64 " to %" PRIu64
                       ", but it ends at byte %" PRIu64,
                       file->path, what, start, start + n - 1, file->gzip.offset);
}

static clade_status read_end(idx_file *file)
{
    unsigned char byte;
    size_t got;
    uint64_t end = file->gzip.offset;
    CLADE_TRY(clade__gzip_read(&file->gzip, &byte, 1, &got));
    if (got == 0) return CLADE_OK;
    return clade__fail(CLADE_EDATA,
                       "'%s' has trailing bytes: by its header it ends at byte "
                       "%" PRIu64,
                       file->path, end);
}

static clade_status start_file(idx_file *file)
{
    CLADE_TRY(clade__gzip_open(&file->gzip, file->path));
    if (file->gzip.n_bytes == 0) return clade__fail(CLADE_EDATA, "'%s' is empty", file->path);
    return CLADE_OK;
}

/* Opens `stem` in a folder under the names it is found by. */
static clade_status open_file(idx_file *file, const char *folder, const char *stem, int rank)
{
    static const char *const separators[] = {"-", "."}, *const endings[] = {"", ".gz"};
    for (int i = 0; i < 4; i++) {
        clade__text path = {0};
        clade__text_append(&path, "%s/%s%sidx%d-ubyte%s", folder, stem, separators[i / 2], rank,
                           endings[i % 2]);
        if (path.failed) return clade__fail(CLADE_ENOMEM, "mnist: no memory");
        if (access(path.data, F_OK) != 0) {
            clade__text_free(&path);
            continue;
        }
        file->path = path.data;
        return start_file(file);
    }
    return clade__fail(CLADE_EIO,
                       "mnist: no %s-idx%d-ubyte, %s.idx%d-ubyte, or either with .gz, "
                       "in '%s'; give the folder that holds the four files of MNIST or "
                       "Fashion-MNIST",
                       stem, rank, stem, rank, folder);
}

/* Reads the header: the sizes, each at least 1, whose product may be in the file. */
static clade_status read_header(idx_file *file, int rank, int64_t *sizes)
{
    unsigned char magic[4], size[4];
    CLADE_TRY(read_all(file, magic, sizeof magic, "magic bytes"));
    if (magic[0] != 0 || magic[1] != 0)
        return clade__fail(CLADE_EDATA,
                           "'%s' is no IDX file: it begins with %02x %02x %02x %02x, "
                           "want 00 00 08 %02x",
                           file->path, magic[0], magic[1], magic[2], magic[3], (unsigned)rank);
    if (magic[2] != 0x08)
        return clade__fail(CLADE_EDATA,
                           "'%s' has element type 0x%02x at byte 2, want 0x08 "
                           "(unsigned byte)",
                           file->path, magic[2]);
    if (magic[3] != rank)
        return clade__fail(CLADE_EDATA, "'%s' has %d dimensions at byte 3, want %d (%s)",
                           file->path, magic[3], rank, rank == 3 ? "images" : "labels");
    uint64_t elements = 1;
    bool overflow = false;
    for (int i = 0; i < rank; i++) {
        CLADE_TRY(read_all(file, size, sizeof size, "sizes"));
        uint32_t n =
            (uint32_t)size[0] << 24 | (uint32_t)size[1] << 16 | (uint32_t)size[2] << 8 | size[3];
        if (n == 0)
            return clade__fail(CLADE_EDATA, "'%s' has size 0 in dimension %d, at byte %d%s",
                               file->path, i, 4 + 4 * i, i == 0 ? ": it holds no samples" : "");
        if (i == 0 && n > INT32_MAX)
            return clade__fail(CLADE_EDATA,
                               "'%s' claims %" PRIu32 " samples at byte 4, more than "
                               "%d",
                               file->path, n, INT32_MAX);
        overflow = overflow || elements > UINT64_MAX / n;
        elements *= n;
        sizes[i] = n;
    }
    if (overflow || elements > clade__gzip_most_left(&file->gzip))
        return clade__fail(CLADE_EDATA,
                           "'%s' is truncated, or its header is damaged: it claims "
                           "%" PRId64 " samples%s, which its %zu bytes cannot hold",
                           file->path, sizes[0], rank == 3 ? " of its size" : "", file->gzip.n_bytes);
    return CLADE_OK;
}

/* all: they are to be the whole file. */
static clade_status read_labels(idx_file *file, clade_data *data, bool all)
{
    size_t n = (size_t)data->n_samples;
    unsigned char *labels = malloc(n);
    if (!labels) return clade__fail(CLADE_ENOMEM, "mnist: no memory for %zu labels", n);
    clade_status status = read_all(file, labels, n, "labels");
    if (status == CLADE_OK && all) status = read_end(file);
    for (size_t i = 0; i < n && status == CLADE_OK; i++) {
        if (labels[i] >= N_CLASSES)
            status = clade__fail(CLADE_EDATA, "'%s' has label %d at byte %zu, want 0 to %d",
                                 file->path, labels[i], 8 + i, N_CLASSES - 1);
        data->labels[i] = labels[i];
    }
    free(labels);
    return status;
}

static clade_status read_pair(clade_data **data, idx_file *images, idx_file *labels,
                              const clade__data_spec *spec)
{
    int64_t sizes[3] = {0}, n_labels = 0, n;
    CLADE_TRY(read_header(images, 3, sizes));
    CLADE_TRY(read_header(labels, 1, &n_labels));
    if (n_labels != sizes[0])
        return clade__fail(CLADE_EDATA,
                           "'%s' has %" PRId64 " labels, but '%s' has %" PRId64 " images",
                           labels->path, n_labels, images->path, sizes[0]);
    CLADE_TRY(clade__data_option_first(spec, images->path, sizes[0], &n));
    CLADE_TRY(
        clade__data_create(data, n, CLADE_SHAPE(sizes[1], sizes[2]), CLADE_UINT8, N_CLASSES, 0));
    (*data)->scaling.scale = 1.0f / 255.0f;
    size_t image_bytes = (size_t)n * (size_t)clade__data_cols(*data);
    CLADE_TRY(read_all(images, (*data)->values, image_bytes, "images"));
    if (n == sizes[0]) CLADE_TRY(read_end(images));
    return read_labels(labels, *data, n == sizes[0]);
}

clade_status clade__mnist_open(clade_data **out, const clade__data_spec *spec)
{
    *out = NULL;
    struct stat about;
    if (stat(spec->path, &about) == 0 && !S_ISDIR(about.st_mode))
        return clade__fail(CLADE_EIO, "mnist: '%s' is a file; give the folder it is in",
                           spec->path);
    idx_file images = {0}, labels = {0};
    clade_data *data = NULL;
    clade_status status =
        open_file(&images, spec->path, spec->part != CLADE__TRAIN ? "t10k-images" : "train-images", 3);
    if (status == CLADE_OK)
        status = open_file(&labels, spec->path, spec->part != CLADE__TRAIN ? "t10k-labels" : "train-labels", 1);
    if (status == CLADE_OK) status = read_pair(&data, &images, &labels, spec);
    close_file(&images);
    close_file(&labels);
    if (status != CLADE_OK) {
        clade_data_free(data);
        return status;
    }
    *out = data;
    return CLADE_OK;
}

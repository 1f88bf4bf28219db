/* An IDX file is big-endian: two zero bytes, the element type, the number of dimensions, that many
 * 32-bit sizes, then the elements, the last index fastest. Reference: Y. LeCun, C. Cortes, C. Burges,
 * "The MNIST database of handwritten digits", http://yann.lecun.com/exdb/mnist/
 *
 * Nothing in a header is believed before it is compared with the bytes that are there: a plain
 * file with its length, a gzipped one with what deflate can make of its length at most.
 */
#include "data/idx_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 512 /* elements that are converted at a time */

static const struct {
    int type, bytes;
} types[] = {{CLADE__IDX_UINT8, 1}, {CLADE__IDX_INT8, 1},    {CLADE__IDX_INT16, 2},
             {CLADE__IDX_INT32, 4}, {CLADE__IDX_FLOAT32, 4}, {CLADE__IDX_FLOAT64, 8}};

void clade__idx_close(clade__idx *file)
{
    clade__gzip_close(&file->gzip);
    free(file->path);
    *file = (clade__idx){0};
}

uint64_t clade__idx_offset(const clade__idx *file, int64_t i)
{
    return 4 + 4 * (uint64_t)file->rank + (uint64_t)i * (uint64_t)(file->n_each * file->element_bytes);
}

static clade_status read_all(clade__idx *file, void *dst, size_t n, const char *what)
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

clade_status clade__idx_read_end(clade__idx *file)
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

/* ---- the header ------------------------------------------------------------------------------ */

static clade_status read_type(clade__idx *file, bool images)
{
    unsigned char magic[4];
    CLADE_TRY(read_all(file, magic, sizeof magic, "magic bytes"));
    if (magic[0] != 0 || magic[1] != 0)
        return clade__fail(CLADE_EDATA,
                           "'%s' is no IDX file: it begins with %02x %02x %02x %02x, "
                           "want 00 00, the type and %02x",
                           file->path, magic[0], magic[1], magic[2], magic[3], images ? 3u : 1u);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (magic[2] == types[i].type) file->element_bytes = types[i].bytes;
    file->type = magic[2];
    file->rank = magic[3];
    if (file->element_bytes == 0)
        return clade__fail(CLADE_EDATA,
                           "'%s' has element type 0x%02x at byte 2, want 0x08 (uint8), 0x09 (int8), "
                           "0x0b (int16), 0x0c (int32), 0x0d (float32) or 0x0e (float64)",
                           file->path, magic[2]);
    if (!images && file->type >= CLADE__IDX_FLOAT32)
        return clade__fail(CLADE_EDATA, "'%s' has floats (0x%02x at byte 2), want whole numbers as "
                           "labels", file->path, magic[2]);
    if (images ? file->rank != 3 : file->rank != 1 && file->rank != 2)
        return clade__fail(CLADE_EDATA, "'%s' has %d dimensions at byte 3, want %s", file->path,
                           file->rank, images ? "3 (images)" : "1 or 2 (labels)");
    return CLADE_OK;
}

/* Reads the sizes, each at least 1, whose product may be in the file. */
static clade_status read_sizes(clade__idx *file, bool images)
{
    uint64_t elements = 1;
    bool overflow = false;
    file->n_each = 1;
    for (int i = 0; i < file->rank; i++) {
        unsigned char size[4];
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
        file->dim[i] = n;
    }
    if (overflow || elements > clade__gzip_most_left(&file->gzip) / (uint64_t)file->element_bytes)
        return clade__fail(CLADE_EDATA,
                           "'%s' is truncated, or its header is damaged: it claims "
                           "%" PRId64 " samples%s, which its %zu bytes cannot hold",
                           file->path, file->dim[0], images ? " of its size" : "",
                           file->gzip.n_bytes);
    file->n_each = (int64_t)elements / file->dim[0];
    return CLADE_OK;
}

clade_status clade__idx_open(clade__idx *file, bool images)
{
    CLADE_TRY(clade__gzip_open(&file->gzip, file->path));
    if (file->gzip.n_bytes == 0) return clade__fail(CLADE_EDATA, "'%s' is empty", file->path);
    CLADE_TRY(read_type(file, images));
    return read_sizes(file, images);
}

/* ---- the elements ---------------------------------------------------------------------------- */

static double value_at(const clade__idx *file, const unsigned char *at)
{
    uint64_t bits = 0;
    for (int i = 0; i < file->element_bytes; i++) bits = bits << 8 | at[i];
    if (file->type == CLADE__IDX_INT8) return (int8_t)bits;
    if (file->type == CLADE__IDX_INT16) return (int16_t)bits;
    if (file->type == CLADE__IDX_INT32) return (int32_t)bits;
    if (file->type == CLADE__IDX_FLOAT32) {
        uint32_t word = (uint32_t)bits;
        float value;
        memcpy(&value, &word, sizeof value);
        return (double)value;
    }
    if (file->type == CLADE__IDX_UINT8) return (double)bits;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

clade_status clade__idx_read_bytes(clade__idx *file, uint8_t *dst, int64_t n)
{
    return read_all(file, dst, (size_t)(n * file->n_each), "images");
}

clade_status clade__idx_read_floats(clade__idx *file, float *dst, int64_t n)
{
    unsigned char piece[PIECE * 8];
    int64_t n_left = n * file->n_each;
    while (n_left > 0) {
        int n_now = n_left < PIECE ? (int)n_left : PIECE;
        uint64_t start = file->gzip.offset;
        CLADE_TRY(read_all(file, piece, (size_t)(n_now * file->element_bytes), "images"));
        for (int i = 0; i < n_now; i++) {
            int at = i * file->element_bytes;
            *dst = (float)value_at(file, piece + at);
            if (!isfinite(*dst))
                return clade__fail(CLADE_EDATA,
                                   "'%s' has %s at byte %" PRIu64
                                   ", want finite numbers that fit float32",
                                   file->path, isnan(*dst) ? "nan" : "an infinity",
                                   start + (uint64_t)at);
            dst++;
        }
        n_left -= n_now;
    }
    return CLADE_OK;
}

clade_status clade__idx_read_first(clade__idx *file, int32_t *dst, int64_t n)
{
    unsigned char piece[PIECE * 8];
    int64_t column = 0; /* of the next element */
    for (int64_t n_left = n * file->n_each; n_left > 0;) {
        int n_now = n_left < PIECE ? (int)n_left : PIECE;
        CLADE_TRY(read_all(file, piece, (size_t)(n_now * file->element_bytes), "labels"));
        for (int i = 0; i < n_now; i++) {
            if (column == 0) *dst++ = (int32_t)value_at(file, piece + i * file->element_bytes);
            column = column + 1 < file->n_each ? column + 1 : 0;
        }
        n_left -= n_now;
    }
    return CLADE_OK;
}

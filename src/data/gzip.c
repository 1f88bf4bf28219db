#include "data/gzip.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define DEFLATE_MOST 1032 /* bytes that one byte of deflate can become: 258 from two bits */
#define ZLIB_CHUNK   (1u << 30)

static size_t packed_left(const clade__gzip *file)
{
    return (size_t)(file->bytes + file->n_bytes - file->z.next_in);
}

uint64_t clade__gzip_most_left(const clade__gzip *file)
{
    if (!file->packed) return file->n_bytes - file->offset;
    uint64_t most = (uint64_t)file->n_bytes * DEFLATE_MOST;
    return most > file->offset ? most - file->offset : 0;
}

static clade_status fail_inflate(const clade__gzip *file, int code)
{
    return clade__fail(code == Z_MEM_ERROR ? CLADE_ENOMEM : CLADE_EDATA,
                       "'%s' is a damaged gzip file: %s at byte %zu of %zu; copy it anew",
                       file->path, file->z.msg ? file->z.msg : zError(code),
                       file->n_bytes - packed_left(file), file->n_bytes);
}

/* Starts the next member, or notes the end. */
static clade_status next_member(clade__gzip *file)
{
    const unsigned char *next = file->z.next_in;
    size_t left = packed_left(file), n_zeros = 0;
    while (n_zeros < left && next[n_zeros] == 0) n_zeros++;
    if (n_zeros == left) {
        file->z_ended = true;
        return CLADE_OK;
    }
    if (left < 2 || next[0] != 0x1f || next[1] != 0x8b)
        return clade__fail(CLADE_EDATA,
                           "'%s' has %zu trailing bytes after its gzip data, which "
                           "ends at byte %zu",
                           file->path, left, file->n_bytes - left);
    inflateReset(&file->z);
    return CLADE_OK;
}

static clade_status unpack(clade__gzip *file, unsigned char *dst, size_t n, size_t *got)
{
    while (*got < n && !file->z_ended) {
        size_t in = packed_left(file), room = n - *got;
        file->z.avail_in = in < ZLIB_CHUNK ? (uInt)in : ZLIB_CHUNK;
        uInt out = room < ZLIB_CHUNK ? (uInt)room : ZLIB_CHUNK;
        file->z.avail_out = out;
        file->z.next_out = dst + *got;
        int code = inflate(&file->z, Z_NO_FLUSH);
        *got += out - file->z.avail_out;
        if (code == Z_STREAM_END)
            CLADE_TRY(next_member(file));
        else if (code == Z_BUF_ERROR || (code == Z_OK && packed_left(file) == 0 && *got < n))
            return clade__fail(CLADE_EDATA,
                               "'%s' is truncated: its gzip data stops at byte %zu "
                               "without an end",
                               file->path, file->n_bytes);
        else if (code != Z_OK)
            return fail_inflate(file, code);
    }
    return CLADE_OK;
}

clade_status clade__gzip_open(clade__gzip *file, const char *path)
{
    file->path = path;
    CLADE_TRY(clade__file_read(path, &file->bytes, &file->n_bytes));
    file->packed = file->n_bytes >= 2 && file->bytes[0] == 0x1f && file->bytes[1] == 0x8b;
    if (!file->packed) return CLADE_OK;
    file->z.next_in = file->bytes;
    int code = inflateInit2(&file->z, 15 + 16); /* the largest window; gzip only */
    if (code != Z_OK) return fail_inflate(file, code);
    file->z_ready = true;
    return CLADE_OK;
}

clade_status clade__gzip_read(clade__gzip *file, void *dst, size_t n, size_t *got)
{
    *got = 0;
    if (file->packed) {
        CLADE_TRY(unpack(file, dst, n, got));
    } else {
        size_t left = file->n_bytes - (size_t)file->offset;
        *got = n < left ? n : left;
        memcpy(dst, file->bytes + file->offset, *got);
    }
    file->offset += *got;
    return CLADE_OK;
}

void clade__gzip_close(clade__gzip *file)
{
    if (file->z_ready) inflateEnd(&file->z);
    free(file->bytes);
    *file = (clade__gzip){0};
}

/* Reads to the end into a block that grows. */
static clade_status read_rest(clade__gzip *file, unsigned char **bytes, size_t *n_bytes)
{
    uint64_t most = clade__gzip_most_left(file), room = 4 * (uint64_t)file->n_bytes;
    if (most > SIZE_MAX - 1) most = SIZE_MAX - 1;
    for (;; room *= 2) {
        if (room > most) room = most;
        unsigned char *grown = realloc(*bytes, (size_t)room + 1);
        if (!grown)
            return clade__fail(CLADE_ENOMEM, "cannot unpack '%s': no memory for %zu bytes",
                               file->path, (size_t)room);
        *bytes = grown;
        size_t got;
        CLADE_TRY(clade__gzip_read(file, *bytes + *n_bytes, (size_t)room - *n_bytes, &got));
        *n_bytes += got;
        if (*n_bytes < room || room == most) break;
    }
    (*bytes)[*n_bytes] = 0;
    return CLADE_OK;
}

clade_status clade__gzip_read_file(const char *path, unsigned char **bytes, size_t *n_bytes)
{
    *bytes = NULL;
    *n_bytes = 0;
    clade__gzip file = {0};
    clade_status status = clade__gzip_open(&file, path);
    if (status == CLADE_OK && !file.packed) {
        *bytes = file.bytes;
        *n_bytes = file.n_bytes;
        file.bytes = NULL;
    } else if (status == CLADE_OK) {
        status = read_rest(&file, bytes, n_bytes);
    }
    clade__gzip_close(&file);
    if (status != CLADE_OK) {
        free(*bytes);
        *bytes = NULL;
        *n_bytes = 0;
    }
    return status;
}

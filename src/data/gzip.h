/* A file that may be gzipped (RFC 1952), read from its first byte to its last.
 *
 * What the bytes look like decides, not the name: downloads are often unpacked but still named .gz.
 * A gzip file may be several members, one after another, and zero bytes behind the last one mean
 * nothing, as for gzip(1): tapes and downloads are padded with them. Anything else behind it is an
 * error, as are damage and a missing end; gzread of zlib passes over the first and is why it is not
 * used. */
#ifndef CLADE_DATA_GZIP_H
#define CLADE_DATA_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zlib.h>

#include "base/error.h"

typedef struct clade__gzip {
    const char *path;     /* borrowed */
    unsigned char *bytes; /* as on disk */
    size_t n_bytes;
    bool packed;
    z_stream z;      /* packed: what is left of bytes is z.next_in to their end */
    bool z_ready;    /* z needs inflateEnd */
    bool z_ended;    /* the last member's checksum was read and agreed */
    uint64_t offset; /* of the next byte, after unpacking */
} clade__gzip;

/* CLADE_EIO where the file cannot be read. *file starts zeroed, and wants clade__gzip_close also
 * after a failure; the path must last until then. */
CLADE_MUST_CHECK clade_status clade__gzip_open(clade__gzip *file, const char *path);

/* The next n unpacked bytes, never more, whatever the file would unpack to; *got is less only at the
 * end of sound data. CLADE_EDATA for damage. */
CLADE_MUST_CHECK clade_status clade__gzip_read(clade__gzip *file, void *dst, size_t n, size_t *got);

/* Bytes that may follow at most, by the length of the file: a header that claims more is wrong. */
uint64_t clade__gzip_most_left(const clade__gzip *file);

void clade__gzip_close(clade__gzip *file);

/* The whole content, unpacked if need be: malloc'd, with a zero byte after its n_bytes, as
 * clade__file_read has it. For readers that cannot know how much they want; memory is taken as the
 * content comes, at most 1032 times the file's length. */
CLADE_MUST_CHECK clade_status clade__gzip_read_file(const char *path, unsigned char **bytes,
                                                    size_t *n_bytes);

#endif

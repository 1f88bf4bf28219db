/* A zip archive in memory: what is in it, and any one of its members unpacked.
 *
 * As much of the format as NumPy and the usual programs write: members stored or deflated, zip64,
 * one file that ends with its directory. Reference: PKWARE, "APPNOTE.TXT, .ZIP File Format
 * Specification" 6.3. The directory at the end is believed, the headers before the members say
 * where these begin and no more, since a program that streams knows the rest only afterwards. Every
 * size is compared with the bytes that are there before memory is taken for it, and what was
 * unpacked with its length and its CRC. */
#ifndef CLADE_DATA_ZIP_H
#define CLADE_DATA_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct clade__zip_member {
    const char *name; /* of name_length bytes, not a string */
    int name_length;
    unsigned flags, method;
    uint32_t crc;
    uint64_t packed_bytes, bytes, offset; /* offset: of its own header */
} clade__zip_member;

/* Starts zeroed. */
typedef struct clade__zip {
    const char *path; /* for messages; borrowed, as are the bytes */
    const unsigned char *bytes;
    size_t n_bytes;
    clade__zip_member *members; /* (n_members) */
    size_t n_members;
} clade__zip;

/* Whether bytes begin as an archive does. */
bool clade__is_zip(const unsigned char *bytes, size_t n_bytes);

/* Reads the directory. CLADE_EDATA for damage. Wants clade__zip_close also after a failure. */
CLADE_MUST_CHECK clade_status clade__zip_open(clade__zip *zip, const char *path,
                                              const unsigned char *bytes, size_t n_bytes);

/* A member's content, malloc'd. CLADE_EDATA for damage, and for what is encrypted or compressed in
 * another way. */
CLADE_MUST_CHECK clade_status clade__zip_read(const clade__zip *zip,
                                              const clade__zip_member *member,
                                              unsigned char **bytes, size_t *n_bytes);

void clade__zip_close(clade__zip *zip);

#endif

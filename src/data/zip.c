#include "data/zip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#define END_BYTES    22 /* the end of the directory, without its comment */
#define END64_BYTES  56 /* the same of zip64, and what says where that is */
#define FIND64_BYTES 20
#define ENTRY_BYTES  46 /* of the directory, without name, extra fields and comment */
#define LOCAL_BYTES  30 /* before a member, without name and extra fields */
#define MOST_COMMENT 65535
#define IN_ZIP64     0xffffffffu /* a size or offset: it is in a field of 64 bits */
#define DEFLATE_MOST 1032        /* see gzip.c */
#define ENCRYPTED    1u

static uint64_t little(const unsigned char *at, int n)
{
    uint64_t value = 0;
    for (int i = 0; i < n; i++) value |= (uint64_t)at[i] << 8 * i;
    return value;
}

static bool is(const unsigned char *at, const char *signature)
{
    return memcmp(at, signature, 4) == 0;
}

bool clade__is_zip(const unsigned char *bytes, size_t n_bytes)
{
    return n_bytes >= 4 && (is(bytes, "PK\3\4") || is(bytes, "PK\5\6"));
}

static clade_status fail_directory(const clade__zip *zip, uint64_t at)
{
    return clade__fail(CLADE_EDATA,
                       "'%s' is a damaged zip archive: its directory is wrong at byte %" PRIu64
                       " of %zu; copy it anew",
                       zip->path, at, zip->n_bytes);
}

/* Where the directory is, and how many members it has. */
typedef struct directory {
    uint64_t offset, bytes, n_members;
} directory;

/* Looks for the end of the directory, before which there is all of the archive, and behind which
 * there is a comment and nothing else. */
static const unsigned char *find_end(const clade__zip *zip)
{
    for (size_t comment = 0; comment <= MOST_COMMENT && zip->n_bytes >= END_BYTES + comment;
         comment++) {
        const unsigned char *end = zip->bytes + zip->n_bytes - END_BYTES - comment;
        if (is(end, "PK\5\6") && little(end + 20, 2) == comment) return end;
    }
    return NULL;
}

static clade_status find_directory(const clade__zip *zip, directory *found)
{
    const unsigned char *end = find_end(zip);
    if (!end)
        return clade__fail(CLADE_EDATA,
                           "'%s' is truncated: it is a zip archive without the directory that "
                           "ends one, in %zu bytes; copy it anew",
                           zip->path, zip->n_bytes);
    size_t at = (size_t)(end - zip->bytes);
    *found = (directory){.n_members = little(end + 10, 2), .bytes = little(end + 12, 4),
                         .offset = little(end + 16, 4)};
    bool large = found->n_members == 0xffff || found->bytes == IN_ZIP64 || found->offset == IN_ZIP64;
    if (large && at >= FIND64_BYTES && is(end - FIND64_BYTES, "PK\6\7")) {
        uint64_t at64 = little(end - FIND64_BYTES + 8, 8);
        if (at < FIND64_BYTES + END64_BYTES || at64 > at - FIND64_BYTES - END64_BYTES ||
            !is(zip->bytes + at64, "PK\6\6"))
            return fail_directory(zip, at - FIND64_BYTES);
        const unsigned char *end64 = zip->bytes + at64;
        *found = (directory){.n_members = little(end64 + 32, 8), .bytes = little(end64 + 40, 8),
                             .offset = little(end64 + 48, 8)};
        at = (size_t)at64;
    }
    if (found->offset > at || found->bytes != at - found->offset ||
        found->n_members > found->bytes / ENTRY_BYTES)
        return fail_directory(zip, at);
    return CLADE_OK;
}

/* Takes from the zip64 field what does not fit the 32 bits of its own: in this order, each only if
 * it is asked for. False where it is not there. */
static bool read_extra(clade__zip_member *member, const unsigned char *extra, size_t n)
{
    uint64_t *const values[] = {&member->bytes, &member->packed_bytes, &member->offset};
    bool wanted = false;
    for (int i = 0; i < 3; i++) wanted = wanted || *values[i] == IN_ZIP64;
    while (wanted && n >= 4) {
        size_t id = little(extra, 2), length = little(extra + 2, 2);
        extra += 4;
        n -= 4;
        if (length > n) return false;
        for (int i = 0; id == 1 && i < 3; i++) {
            if (*values[i] != IN_ZIP64) continue;
            if (length < 8) return false;
            *values[i] = little(extra, 8);
            extra += 8;
            length -= 8;
            n -= 8;
        }
        if (id == 1) return true;
        extra += length;
        n -= length;
    }
    return !wanted;
}

/* Reads the entry at `at`; how long it is, 0 for what is none. */
static size_t read_entry(clade__zip_member *member, const unsigned char *at, size_t n)
{
    if (n < ENTRY_BYTES || !is(at, "PK\1\2")) return 0;
    size_t name = little(at + 28, 2), extra = little(at + 30, 2), comment = little(at + 32, 2);
    if (name + extra + comment > n - ENTRY_BYTES) return 0;
    *member = (clade__zip_member){
        .name = (const char *)at + ENTRY_BYTES, .name_length = (int)name,
        .flags = (unsigned)little(at + 8, 2), .method = (unsigned)little(at + 10, 2),
        .crc = (uint32_t)little(at + 16, 4), .packed_bytes = little(at + 20, 4),
        .bytes = little(at + 24, 4), .offset = little(at + 42, 4)};
    for (size_t i = 0; i < name; i++)
        if ((unsigned char)member->name[i] < ' ' || member->name[i] == 0x7f) return 0;
    if (!read_extra(member, at + ENTRY_BYTES + name, extra)) return 0;
    return ENTRY_BYTES + name + extra + comment;
}

clade_status clade__zip_open(clade__zip *zip, const char *path, const unsigned char *bytes,
                             size_t n_bytes)
{
    *zip = (clade__zip){.path = path, .bytes = bytes, .n_bytes = n_bytes};
    directory found;
    CLADE_TRY(find_directory(zip, &found));
    zip->members = malloc((size_t)(found.n_members + !found.n_members) * sizeof *zip->members);
    if (!zip->members)
        return clade__fail(CLADE_ENOMEM, "'%s': no memory for a directory of %" PRIu64 " files",
                           path, found.n_members);
    const unsigned char *at = bytes + found.offset, *end = at + found.bytes;
    while (zip->n_members < found.n_members) {
        size_t length = read_entry(&zip->members[zip->n_members], at, (size_t)(end - at));
        if (length == 0) return fail_directory(zip, (uint64_t)(at - bytes));
        at += length;
        zip->n_members++;
    }
    return at == end ? CLADE_OK : fail_directory(zip, (uint64_t)(at - bytes));
}

void clade__zip_close(clade__zip *zip)
{
    free(zip->members);
    *zip = (clade__zip){0};
}

/* ---- a member -------------------------------------------------------------------------------- */

static clade_status fail_member(const clade__zip *zip, const clade__zip_member *member,
                                const char *what)
{
    return clade__fail(CLADE_EDATA, "'%s': '%.*s' in it is damaged: %s; copy the file anew",
                       zip->path, member->name_length, member->name, what);
}

/* Finds the member's packed bytes, which are all there, and may become as many as it says. */
static clade_status find_packed(const clade__zip *zip, const clade__zip_member *member,
                                const unsigned char **packed)
{
    if (member->flags & ENCRYPTED)
        return clade__fail(CLADE_EDATA,
                           "'%s': '%.*s' in it is encrypted; write it without a password",
                           zip->path, member->name_length, member->name);
    if (member->method != 0 && member->method != 8)
        return clade__fail(CLADE_EDATA,
                           "'%s': '%.*s' in it is compressed by method %u, want 0 (stored) or 8 "
                           "(deflated); write it by numpy.savez or numpy.savez_compressed",
                           zip->path, member->name_length, member->name, member->method);
    uint64_t at = member->offset;
    if (zip->n_bytes < LOCAL_BYTES || at > zip->n_bytes - LOCAL_BYTES ||
        !is(zip->bytes + at, "PK\3\4"))
        return fail_member(zip, member, "it does not begin where the directory says");
    at += LOCAL_BYTES + little(zip->bytes + at + 26, 2) + little(zip->bytes + at + 28, 2);
    if (at > zip->n_bytes || member->packed_bytes > zip->n_bytes - at)
        return fail_member(zip, member, "it goes beyond the end of the file");
    bool deflated = member->method == 8;
    if (deflated ? member->bytes / DEFLATE_MOST > member->packed_bytes
                 : member->bytes != member->packed_bytes)
        return fail_member(zip, member, "its two lengths do not go together");
    *packed = zip->bytes + at;
    return CLADE_OK;
}

static uInt chunk(uint64_t n)
{
    return n < (1u << 30) ? (uInt)n : 1u << 30;
}

/* Inflates n_src bytes to just n_dst. NULL, or what is wrong. */
static const char *inflate_all(unsigned char *dst, uint64_t n_dst, const unsigned char *src,
                               uint64_t n_src)
{
    z_stream z = {0};
    int code = inflateInit2(&z, -15); /* the largest window; bare deflate */
    if (code != Z_OK) return zError(code);
    z.next_in = (Bytef *)(uintptr_t)src;
    z.next_out = dst;
    while (code == Z_OK) {
        z.avail_in = chunk(n_src - (uint64_t)(z.next_in - src));
        z.avail_out = chunk(n_dst - (uint64_t)(z.next_out - dst));
        code = inflate(&z, Z_NO_FLUSH);
    }
    bool whole = (uint64_t)(z.next_in - src) == n_src && (uint64_t)(z.next_out - dst) == n_dst;
    const char *wrong = code == Z_STREAM_END || code == Z_BUF_ERROR ? NULL : z.msg;
    if (!wrong && code != Z_STREAM_END && code != Z_BUF_ERROR) wrong = zError(code);
    if (!wrong && (code == Z_BUF_ERROR || !whole)) wrong = "it has not the length it should have";
    inflateEnd(&z);
    return wrong;
}

static uint32_t crc_of(const unsigned char *bytes, uint64_t n)
{
    uLong crc = crc32(0, NULL, 0);
    for (uInt part; n > 0; bytes += part, n -= part) {
        part = chunk(n);
        crc = crc32(crc, bytes, part);
    }
    return (uint32_t)crc;
}

clade_status clade__zip_read(const clade__zip *zip, const clade__zip_member *member,
                             unsigned char **bytes, size_t *n_bytes)
{
    const unsigned char *packed;
    CLADE_TRY(find_packed(zip, member, &packed));
    unsigned char *content = malloc((size_t)member->bytes + 1);
    if (!content)
        return clade__fail(CLADE_ENOMEM, "'%s': no memory for the %" PRIu64 " bytes of '%.*s'",
                           zip->path, member->bytes, member->name_length, member->name);
    const char *wrong = NULL;
    if (member->method == 0)
        memcpy(content, packed, (size_t)member->bytes);
    else
        wrong = inflate_all(content, member->bytes, packed, member->packed_bytes);
    if (!wrong && crc_of(content, member->bytes) != member->crc)
        wrong = "its bytes are not those of its checksum";
    if (wrong) {
        free(content);
        return fail_member(zip, member, wrong);
    }
    *bytes = content;
    *n_bytes = (size_t)member->bytes;
    return CLADE_OK;
}

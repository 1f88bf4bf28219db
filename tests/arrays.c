#include "arrays.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

/* The fuzz targets have these too, which have no cmocka. */
static void must(bool holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "arrays.c: %s\n", what);
    abort();
}

npy npy_make(int major, const char *header, const void *elements, size_t n_bytes)
{
    npy file = {.header = major == 1 ? 10 : 12};
    size_t length = strlen(header);
    size_t end = (file.header + length + 1 + 63) / 64 * 64;
    memcpy(file.bytes, "\x93NUMPY", 6);
    file.bytes[6] = (unsigned char)major;
    file.bytes[8] = (unsigned char)((end - file.header) & 255);
    file.bytes[9] = (unsigned char)((end - file.header) >> 8);
    memset(file.bytes + file.header, ' ', end - file.header);
    memcpy(file.bytes + file.header, header, length);
    file.bytes[end - 1] = '\n';
    must(end + n_bytes <= sizeof file.bytes, "no room for the array");
    memcpy(file.bytes + end, elements, n_bytes);
    file.n = end + n_bytes;
    return file;
}

npy npy_array(const char *descr, const char *shape, const void *elements, size_t n_bytes)
{
    char header[256];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr,
             shape);
    return npy_make(1, header, elements, n_bytes);
}

/* Appends a value of n bytes, little-endian. */
static void put(unsigned char *bytes, size_t *at, uint64_t value, int n)
{
    for (int i = 0; i < n; i++) bytes[(*at)++] = (unsigned char)(value >> 8 * i);
}

static void put_bytes(unsigned char *bytes, size_t *at, const void *content, size_t n)
{
    memcpy(bytes + *at, content, n);
    *at += n;
}

/* Deflates without a header; how many bytes there are then. */
static size_t deflate_bare(unsigned char *dst, size_t room, const void *src, size_t n)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)src, .avail_in = (uInt)n, .next_out = dst,
                  .avail_out = (uInt)room};
    must(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) == Z_OK, "deflateInit2");
    must(deflate(&z, Z_FINISH) == Z_STREAM_END, "no room for what is deflated");
    deflateEnd(&z);
    return room - z.avail_out;
}

/* The header of a member, or its entry in the directory, which has 16 bytes more. */
static void put_header(unsigned char *bytes, size_t *at, const char *name, const uint64_t sizes[2],
                       uint32_t crc, zip_how how, const size_t *offset)
{
    bool in64 = offset ? how.directory64 : how.streamed;
    put(bytes, at, offset ? 0x02014b50 : 0x04034b50, 4);
    if (offset) put(bytes, at, 45, 2); /* made by */
    put(bytes, at, 45, 2);             /* version needed */
    put(bytes, at, how.flags | (how.streamed ? 8u : 0), 2);
    put(bytes, at, how.method ? how.method : how.deflated ? 8 : 0, 2);
    put(bytes, at, 0x00210000, 4); /* the first of January 1980 */
    put(bytes, at, how.streamed && !offset ? 0 : crc, 4);
    put(bytes, at, in64 ? 0xffffffff : sizes[1], 4);
    put(bytes, at, in64 ? 0xffffffff : sizes[0], 4);
    put(bytes, at, strlen(name), 2);
    put(bytes, at, in64 ? 20 + 6 : 0, 2); /* behind a field that is none of ours */
    if (offset) {
        put(bytes, at, 0, 6); /* comment, disk, attributes: 2, 2, 2 and 4 */
        put(bytes, at, 0, 4);
        put(bytes, at, *offset, 4);
    }
    put_bytes(bytes, at, name, strlen(name));
    if (!in64) return;
    put(bytes, at, 0x7075, 2);
    put(bytes, at, 2, 2);
    put(bytes, at, 0, 2);
    put(bytes, at, 1, 2);
    put(bytes, at, 16, 2);
    put(bytes, at, how.streamed && !offset ? 0 : sizes[0], 8);
    put(bytes, at, how.streamed && !offset ? 0 : sizes[1], 8);
}

void zip_add(zip *archive, const char *name, const void *content, size_t n_bytes, zip_how how)
{
    static unsigned char packed[16384];
    size_t start = archive->n;
    uint64_t sizes[2] = {n_bytes, n_bytes}; /* as it is, as it lies here */
    uint32_t crc = (uint32_t)crc32(0, content, (uInt)n_bytes);
    if (how.deflated) sizes[1] = deflate_bare(packed, sizeof packed, content, n_bytes);
    must(start + sizes[1] + strlen(name) + 128 < sizeof archive->bytes, "no room for the member");
    must(archive->n_directory + strlen(name) + 128 < sizeof archive->directory, "nor for its entry");
    put_header(archive->bytes, &archive->n, name, sizes, crc, how, NULL);
    put_bytes(archive->bytes, &archive->n, how.deflated ? packed : content, (size_t)sizes[1]);
    if (how.streamed) {
        put(archive->bytes, &archive->n, 0x08074b50, 4);
        put(archive->bytes, &archive->n, crc, 4);
        put(archive->bytes, &archive->n, sizes[1], 8);
        put(archive->bytes, &archive->n, sizes[0], 8);
    }
    put_header(archive->directory, &archive->n_directory, name, sizes, crc, how, &start);
    archive->n_members++;
}

void zip_end(zip *archive)
{
    unsigned char *bytes = archive->bytes;
    size_t *at = &archive->n, start = archive->n, end;
    must(start + archive->n_directory + 128 < sizeof archive->bytes, "no room for the directory");
    put_bytes(bytes, at, archive->directory, archive->n_directory);
    end = *at;
    if (archive->zip64) {
        put(bytes, at, 0x06064b50, 4);
        put(bytes, at, 44, 8);
        put(bytes, at, 45, 2);
        put(bytes, at, 45, 2);
        put(bytes, at, 0, 8); /* disks */
        put(bytes, at, archive->n_members, 8);
        put(bytes, at, archive->n_members, 8);
        put(bytes, at, archive->n_directory, 8);
        put(bytes, at, start, 8);
        put(bytes, at, 0x07064b50, 4);
        put(bytes, at, 0, 4);
        put(bytes, at, end, 8);
        put(bytes, at, 1, 4);
    }
    put(bytes, at, 0x06054b50, 4);
    put(bytes, at, 0, 4); /* disks */
    put(bytes, at, archive->zip64 ? 0xffff : archive->n_members, 2);
    put(bytes, at, archive->zip64 ? 0xffff : archive->n_members, 2);
    put(bytes, at, archive->zip64 ? 0xffffffff : archive->n_directory, 4);
    put(bytes, at, archive->zip64 ? 0xffffffff : start, 4);
    put(bytes, at, 0, 2);
}

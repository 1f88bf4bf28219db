/* NumPy files and zip archives made in memory, byte for byte, for tests to damage and write. */
#ifndef CLADE_TESTS_ARRAYS_H
#define CLADE_TESTS_ARRAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct npy {
    unsigned char bytes[1024];
    size_t n, header; /* bytes; where the header's text begins */
} npy;

/* A file of a version with this header, padded as NumPy does, and these elements. */
npy npy_make(int major, const char *header, const void *elements, size_t n_bytes);

/* The same of version 1, in C order. */
npy npy_array(const char *descr, const char *shape, const void *elements, size_t n_bytes);

/* Starts zeroed. Members are added, then the archive is ended. */
typedef struct zip {
    unsigned char bytes[16384];
    size_t n;
    unsigned char directory[4096];
    size_t n_directory, n_members;
    bool zip64;      /* the end as an archive of many or of large members has it */
} zip;

/* How a member is written. */
typedef struct zip_how {
    bool deflated;
    bool streamed;   /* sizes and CRC behind it, and only zip64 in front, as NumPy writes to a pipe */
    bool directory64; /* the sizes in a zip64 field of the directory */
    unsigned flags, method; /* written as they are; method 0: the true one */
} zip_how;

void zip_add(zip *archive, const char *name, const void *content, size_t n_bytes, zip_how how);
void zip_end(zip *archive);

#endif

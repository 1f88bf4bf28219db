/* A NumPy array as a .npy file has it: its header, checked, and its elements as numbers or texts. */
#ifndef CLADE_DATA_NPY_FILE_H
#define CLADE_DATA_NPY_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "data/dataset.h"

typedef enum clade__npy_kind {
    CLADE__NPY_BOOL, /* 0 or 1 */
    CLADE__NPY_UNSIGNED,
    CLADE__NPY_SIGNED,
    CLADE__NPY_FLOAT,
    CLADE__NPY_BYTES, /* a text, a byte for each character, zeros behind it */
    CLADE__NPY_TEXT   /* the same of 32-bit characters */
} clade__npy_kind;

/* What an array is for, which decides the shape and the types that it may have. */
typedef enum clade__npy_use {
    CLADE__NPY_SAMPLES, /* numbers, (n) or (n, …) */
    CLADE__NPY_ANSWERS  /* numbers or texts, (n) or (n, t) */
} clade__npy_use;

/* Starts zeroed. */
typedef struct clade__npy {
    char *path;              /* owned; of an array in an archive: ARCHIVE:NAME */
    unsigned char *bytes;    /* owned */
    size_t n_bytes;
    unsigned char *elements; /* in them: in C order, numbers little-endian */
    clade__npy_kind kind;
    int element_bytes;
    int rank;
    int64_t dim[CLADE_MAX_RANK];
    int64_t n_elements;
} clade__npy;

/* Takes file->bytes apart. Afterwards each size is at least 1, dim[0] fits 32 bits, and the elements
 * are all there and nothing else. */
CLADE_MUST_CHECK clade_status clade__npy_parse(clade__npy *file, clade__npy_use use);

void clade__npy_free(clade__npy *file);

static inline bool clade__npy_is_text(const clade__npy *file)
{
    return file->kind >= CLADE__NPY_BYTES;
}

/* Element i, a whole number: its magnitude, and whether it is negative. */
uint64_t clade__npy_whole(const clade__npy *file, int64_t i, bool *negative);

/* Element i, a number, as the nearest float32; infinite when it is too large for one. */
float clade__npy_float(const clade__npy *file, int64_t i);

/* Element i, a text, as a string of UTF-8: into out, which has room for clade__npy_text_room(file)
 * bytes. CLADE_EDATA for what is none, or is empty. */
size_t clade__npy_text_room(const clade__npy *file);
CLADE_MUST_CHECK clade_status clade__npy_text(const clade__npy *file, int64_t i, char *out);

#endif

/* A NumPy .npy file: its header, checked, and its elements as numbers. */
#ifndef CLADE_DATA_NPY_FILE_H
#define CLADE_DATA_NPY_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "data/dataset.h"

typedef enum clade__npy_kind { CLADE__NPY_UNSIGNED, CLADE__NPY_SIGNED, CLADE__NPY_FLOAT }
    clade__npy_kind;

/* Starts zeroed. */
typedef struct clade__npy {
    char *path; /* owned */
    unsigned char *bytes;
    size_t n_bytes;
    const unsigned char *elements; /* in C order, little-endian */
    clade__npy_kind kind;
    int element_bytes;
    int rank;                      /* as in the file; only so many sizes as fit are kept */
    int64_t dim[CLADE_MAX_RANK];
    int64_t n_elements;
} clade__npy;

/* Reads file->path. Afterwards each size is at least 1, dim[0] fits 32 bits, and the elements are
 * all there and nothing else. `want` says what shape is right: for the message when the rank is
 * not in [least_rank, most_rank]. */
CLADE_MUST_CHECK clade_status clade__npy_read(clade__npy *file, int least_rank, int most_rank,
                                              const char *want);

void clade__npy_free(clade__npy *file);

/* Element i as a whole number; not of a float file. */
int64_t clade__npy_whole(const clade__npy *file, int64_t i);

/* Element i as a float32; infinite when it is too large for one. */
float clade__npy_float(const clade__npy *file, int64_t i);

#endif

/* An IDX file, gzipped or plain: its header, checked, and its elements as they come. */
#ifndef CLADE_DATA_IDX_FILE_H
#define CLADE_DATA_IDX_FILE_H

#include <stdint.h>

#include "data/gzip.h"

/* Starts zeroed. */
typedef struct clade__idx {
    char *path; /* owned */
    clade__gzip gzip;
    int type;          /* of the elements, CLADE__IDX_… */
    int element_bytes;
    int rank;
    int64_t dim[3];    /* each at least 1, dim[0] at most INT32_MAX */
    int64_t n_each;    /* elements for each index of the first dimension */
} clade__idx;

enum {
    CLADE__IDX_UINT8 = 0x08, CLADE__IDX_INT8 = 0x09, CLADE__IDX_INT16 = 0x0b,
    CLADE__IDX_INT32 = 0x0c, CLADE__IDX_FLOAT32 = 0x0d, CLADE__IDX_FLOAT64 = 0x0e
};

/* Opens file->path and reads its header. images: elements of any type in 3 dimensions; else labels:
 * whole numbers in 1 or 2. There may be as many elements as the header says. CLADE_EDATA for damage,
 * CLADE_EIO where it cannot be read. Wants clade__idx_close also after a failure. */
CLADE_MUST_CHECK clade_status clade__idx_open(clade__idx *file, bool images);
void clade__idx_close(clade__idx *file);

/* The next n × n_each elements: as they are, of a file of uint8; as float32, of any; the first of each
 * n_each, as whole numbers. CLADE_EDATA where the file ends before, and for a float that is not
 * finite. */
CLADE_MUST_CHECK clade_status clade__idx_read_bytes(clade__idx *file, uint8_t *dst, int64_t n);
CLADE_MUST_CHECK clade_status clade__idx_read_floats(clade__idx *file, float *dst, int64_t n);
CLADE_MUST_CHECK clade_status clade__idx_read_first(clade__idx *file, int32_t *dst, int64_t n);

/* Asserts that nothing follows. */
CLADE_MUST_CHECK clade_status clade__idx_read_end(clade__idx *file);

/* Where element group i begins, for messages. */
uint64_t clade__idx_offset(const clade__idx *file, int64_t i);

#endif

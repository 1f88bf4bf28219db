/* Labels in NumPy arrays: which classes there are, and which one each is of. */
#ifndef CLADE_DATA_NPY_LABELS_H
#define CLADE_DATA_NPY_LABELS_H

#include "data/npy_file.h"
#include "data/spec.h"

/* Starts zeroed. */
typedef struct clade__npy_labels {
    int n_classes;
    int32_t *of_row;    /* (rows) of the first array, where labels are texts; else NULL */
    const char **names; /* (n_classes), or NULL: named by their numbers */
    char *texts;        /* what names point into */
} clade__npy_labels;

/* Whether whole numbers or texts, n arrays of one kind have the classes of all their rows. Whole
 * numbers are 0 … classes-1, with classes as the spec says or the greatest + 1. Texts are names, in
 * the order of their bytes; but where all are whole numbers they are in the order of these, and
 * just 0 … n-1 are labels as they are. */
CLADE_MUST_CHECK clade_status clade__npy_labels_read(clade__npy_labels *labels,
                                                     const clade__npy *arrays, int n,
                                                     const clade__data_spec *spec);

/* Of row i of the first array. */
int32_t clade__npy_label(const clade__npy_labels *labels, const clade__npy *array, int64_t i);

void clade__npy_labels_free(clade__npy_labels *labels);

#endif

/* Samples by their classes: for classes that are not alike in number. */
#ifndef CLADE_DATA_BALANCE_H
#define CLADE_DATA_BALANCE_H

#include "data/dataset.h"

typedef struct clade__class_lists {
    int n_classes;    /* that have samples */
    int64_t *starts;  /* (n_classes + 1) of each in the samples */
    int32_t *samples; /* (n_samples) class by class */
} clade__class_lists;

/* labels (n), each in [0, n_classes). */
clade_status clade__class_lists_open(clade__class_lists *lists, const int32_t *labels, int64_t n,
                                     int n_classes);
void clade__class_lists_close(clade__class_lists *lists);

/* order (n) becomes n draws with replacement, a function of seed and epoch alone, in which each class
 * that has samples is as likely as another, and each of its samples as another of them. */
void clade__draw_balanced(int32_t *order, int64_t n, const clade__class_lists *lists, uint64_t seed,
                          int64_t epoch);

#endif

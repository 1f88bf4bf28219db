/* The label column of a CSV file: which classes there are, and which one a row is of. */
#ifndef CLADE_DATA_CSV_LABELS_H
#define CLADE_DATA_CSV_LABELS_H

#include "data/csv_table.h"

/* Starts zeroed. */
typedef struct clade__csv_labels {
    int32_t *of_row; /* (rows without the header) */
    int n_classes;
    const char **names; /* (n_classes) cells of the table; NULL: named by their numbers */
} clade__csv_labels;

/* From all rows, so that both parts of a file have the same classes. Whole numbers that are just
 * 0 … n-1 are labels as they are. Other whole numbers are names of classes, in their order; and
 * where any cell is no number, all are names, in the order of their bytes. */
CLADE_MUST_CHECK clade_status clade__csv_labels_read(clade__csv_labels *labels,
                                                     const clade__csv_table *table, int64_t col);

void clade__csv_labels_free(clade__csv_labels *labels);

#endif

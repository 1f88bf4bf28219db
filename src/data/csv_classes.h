/* The different texts of a column in one order and form: classes, or the categories of a feature.
 *
 * Where all are numbers they are in their canonical form, equal ones are one, and they are in the order
 * of their values; else they are as they stand, in the order of their bytes. */
#ifndef CLADE_DATA_CSV_CLASSES_H
#define CLADE_DATA_CSV_CLASSES_H

#include "data/csv_file.h"

/* Starts zeroed. */
typedef struct clade__csv_classes {
    char **names;     /* (n) one block, the texts behind the pointers */
    int32_t n;
    int32_t *of_code; /* (n_texts of the column) which each text is; -1 where it was left out */
    bool numbers;
} clade__csv_classes;

/* Sorts the texts of a column; with `used` (n_texts), those that it has set alone. */
CLADE_MUST_CHECK clade_status clade__csv_classes_sort(clade__csv_classes *classes,
                                                      const clade__csv_column *column,
                                                      const bool *used);

/* The same for a column of labels, none of which may be missing or a number that is not whole. */
CLADE_MUST_CHECK clade_status clade__csv_classes_read(clade__csv_classes *classes,
                                                      const clade__csv_file *file,
                                                      const clade__csv_column *column, int col);

/* of_code (column->n_texts, malloc'd) becomes which of `texts` (n_texts) each text of the column is, by
 * its bytes, else by its value; -1 for none. */
CLADE_MUST_CHECK clade_status clade__csv_classes_match(int32_t **of_code,
                                                       const clade__csv_column *column,
                                                       char *const *texts, int n_texts);

void clade__csv_classes_free(clade__csv_classes *classes);

/* The first row of the column with this code. */
int64_t clade__csv_first_row(const clade__csv_file *file, const clade__csv_column *column,
                             int32_t code);

#endif

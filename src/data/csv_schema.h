/* From the columns of a table to the schema of its features, and from both to the values of a network. */
#ifndef CLADE_DATA_CSV_SCHEMA_H
#define CLADE_DATA_CSV_SCHEMA_H

#include "data/csv_roles.h"

/* A table that is being read. */
typedef struct clade__csv_reading {
    const clade__data_spec *spec;
    const clade_schema *given; /* to read it by; NULL: one is made of it */
    clade__csv_file file;
    clade__split_wants wants; /* how its rows are split */
    clade__csv_roles roles;
    clade__csv_column *columns; /* (n_cols) */
    clade__split split;
    clade_schema *schema;
} clade__csv_reading;

/* Makes the schema of what the rows of the train part have: means and deviations where it is to be
 * standardized, what missing values become, categories. */
CLADE_MUST_CHECK clade_status clade__csv_schema_fit(clade__csv_reading *in);

/* All rows are checked, so that a damaged table is one whichever part is opened. The values of the rows
 * that the split takes: features (n_rows, n_features) as the schema has them, and
 * targets (n_rows, n_targets). The columns' memory is given back. */
CLADE_MUST_CHECK clade_status clade__csv_encode(clade__csv_reading *in, clade_data *data);

/* "column 3 ('age')" */
void clade__csv_name_column(char *out, size_t out_bytes, const clade__csv_file *file, int col);

#endif

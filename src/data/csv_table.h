/* A CSV file as rows of cells, before it is known what the cells mean. */
#ifndef CLADE_DATA_CSV_TABLE_H
#define CLADE_DATA_CSV_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Starts zeroed. Cells are strings, one right behind the other, row by row: the file's own bytes,
 * unquoted in place. They are read from the first to the last, so nothing points at each. */
typedef struct clade__csv_table {
    const char *path;
    unsigned char *bytes; /* the file */
    const char *cells;    /* the first cell; no cell is missing, but it may be "" */
    int64_t n_rows;       /* the header's included */
    int64_t n_cols;
    int32_t *line;        /* (n_rows) where a row begins, from 1 */
    int64_t room;         /* of line */
    bool header;          /* the first row names the columns; for the caller to find out */
} clade__csv_table;

/* Cells are separated by commas and may be quoted (RFC 4180); blanks around them do not count. Rows
 * end in a newline, with a carriage return or without. A byte order mark of UTF-8 and blank lines
 * at the end are passed over. All rows have as many cells as the first; there is at least one. */
CLADE_MUST_CHECK clade_status clade__csv_table_read(clade__csv_table *table, const char *path);

void clade__csv_table_free(clade__csv_table *table);

/* The cell after this one. */
const char *clade__csv_next(const char *cell);

/* CLADE_EDATA, "FILE:LINE: column 3 ('width') has 'x', want …". */
clade_status clade__csv_fail_cell(const clade__csv_table *table, int64_t row, int64_t col,
                                  const char *cell, const char *want);

#endif

/* Tables for people. */
#ifndef CLADE_CLI_TABLE_H
#define CLADE_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <clade/status.h>

#include "base/error.h"

enum { CLI_TABLE_COLUMNS = 32 }; /* at most */

/* Cells are added row by row, the first row the headings, then printed in columns as wide as they need.
 * On a terminal that is narrower, text in columns that are aligned to the left is broken at blanks; where
 * that is not enough the columns in `drop` go, the first named first; and where that is not enough
 * either, the columns that do not fit follow in another block, each row again with its first cell. */
typedef struct cli_table {
    int n_columns;
    unsigned right; /* bit i: column i is aligned to the right */
    const char *drop; /* columns by their digits, "85"; NULL: none */
    char **cells;     /* (n_cells), row by row; (capacity) */
    size_t n_cells, capacity;
    bool failed;      /* there was no memory for a cell */
} cli_table;

void cli_table_add(cli_table *table, const char *format, ...) CLADE_PRINTF(2, 3);
void cli_table_row(cli_table *table, const char *const *cells);
clade_status cli_table_print(const cli_table *table); /* to stdout */
clade_status cli_table_finish(cli_table *table);      /* the same, and frees it */
clade_status cli_table_print_to(const cli_table *table, FILE *to);
void cli_table_free(cli_table *table);

#endif

/* CSV files in tests: a text is written to a file and read, and its table is compared as text. */
#ifndef CLADE_TESTS_TABLES_H
#define CLADE_TESTS_TABLES_H

#include "data/csv_file.h"

#define TABLE_NAME "table.csv"

/* Group set-up: a folder for the file. Teardown: threads and parts as usual again. */
int table_set_folder(void **state);
int table_usual_threads(void **state);

/* The file. */
const char *table_path(void);
const char *table_write(const char *text);

/* A dialect of four characters: separator, decimal mark, comment, header (y, n); ' ' or none: found. */
clade__csv_dialect table_dialect(const char *options);

/* Opens a text, written to the file. */
clade_status table_open(clade__csv_file *file, const char *text, const char *options);

/* The header before ':', if there is one, and the cells: rows by '/', cells by '|', numbers as %.17g,
 * '~' where missing. Columns are read as `wants` says, one character each: a, n, t, s for AUTO, NUMBER,
 * TEXT, SKIP; the last one is for all others. Up to 64 columns. Valid until the next call. */
const char *table_show(const clade__csv_file *file, const char *wants);

/* Asserts what a text in such a dialect is, as table_show has it; or with which words of CLADE_EDATA it
 * cannot be opened or read. */
#define assert_table(text, options, wants, want) table_assert(__LINE__, text, options, wants, want)
#define assert_no_table(text, options, wants, part)                                                \
    table_assert_not(__LINE__, text, options, wants, part)
void table_assert(int line, const char *text, const char *options, const char *wants,
                  const char *want);
void table_assert_not(int line, const char *text, const char *options, const char *wants,
                      const char *part);

#endif

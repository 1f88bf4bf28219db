/* The different texts of a column, numbered by their first occurrence. */
#ifndef CLADE_DATA_CSV_WORDS_H
#define CLADE_DATA_CSV_WORDS_H

#include "data/csv_inside.h"

/* Starts zeroed. */
typedef struct clade__csv_words {
    struct clade__csv_word *list; /* (n), room for half as many as there are slots */
    int32_t n;
    int32_t *slots; /* (n_slots) a number, or -1 */
    size_t n_slots; /* a power of two, or 0 */
    char *bytes;    /* the texts, each with a zero behind it */
    size_t n_bytes, room;
} clade__csv_words;

/* The number of a cell's text, added if it is not there; `row` is kept as the first that has it. */
CLADE_MUST_CHECK clade_status clade__csv_words_number(clade__csv_words *words,
                                                      const clade__csv_cell *cell, int64_t row,
                                                      int32_t *number);

/* A text as a cell; a zero ends it. */
clade__csv_cell clade__csv_words_cell(const clade__csv_words *words, int32_t number);
int64_t clade__csv_words_row(const clade__csv_words *words, int32_t number);

/* All texts, in one block: free() it. NULL without memory. */
char **clade__csv_words_copy(const clade__csv_words *words);

void clade__csv_words_free(clade__csv_words *words);

#endif

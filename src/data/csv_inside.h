/* What the files csv_*.c share: the bytes of a file, its rows as cells, and what is known of it. */
#ifndef CLADE_DATA_CSV_INSIDE_H
#define CLADE_DATA_CSV_INSIDE_H

#include <stddef.h>

#include "data/csv_file.h"

#define CLADE__CSV_MAX_COLUMNS 1000000

/* ---- bytes ----------------------------------------------------------------------------------- */

/* The content is read piece by piece, on several threads: a plain file from the disk each time, so
 * that it need not fit memory; a gzipped one is unpacked at once. */
typedef struct clade__csv_source {
    const char *path;
    int fd;               /* -1: in memory */
    unsigned char *bytes; /* (n_bytes), or NULL */
    int64_t n_bytes;
} clade__csv_source;

CLADE_MUST_CHECK clade_status clade__csv_source_open(clade__csv_source *source, const char *path);
void clade__csv_source_close(clade__csv_source *source);

/* Copies n bytes from `offset` on; CLADE_EIO when the file has no longer that many. */
CLADE_MUST_CHECK clade_status clade__csv_source_copy(const clade__csv_source *source, int64_t offset,
                                                     char *to, size_t n);

/* The line, from 1, of the byte at `offset`; 0 when the file cannot be read. */
int64_t clade__csv_source_line(const clade__csv_source *source, int64_t offset);

/* CLADE_EDATA, "FILE:LINE: what". */
clade_status clade__csv_fail_at(const clade__csv_source *source, int64_t offset, const char *what);

/* ---- rows ------------------------------------------------------------------------------------ */

/* A cell of a row, in a reader's window: valid until the next row. */
typedef struct clade__csv_cell {
    const char *text; /* (length), without the quotes around it, and not ended by a zero */
    uint64_t digits;  /* of a simple number, see below */
    uint32_t length;
    bool quoted;
    bool escaped; /* has quotes inside, written "" */

    /* A number without quotes, exponent and plus sign, of 19 digits at most, is seen on the way. */
    bool simple;
    bool negative;
    char mark;            /* its decimal mark, or 0 */
    unsigned char places; /* digits behind that */
} clade__csv_cell;

typedef struct clade__csv_format {
    char separator;
    char comment;             /* 0: none */
    int64_t begin;            /* behind a byte order mark and the comments at the beginning */
    int64_t first;            /* where the first row begins */
    int n_cols;               /* 0: any number */
    char marks[2];            /* decimal marks of simple numbers; the same, or . and , */
    unsigned char stops[256]; /* 1 for what ends the text of a cell that is not quoted */
} clade__csv_format;

void clade__csv_format_set(clade__csv_format *format, char separator, char comment);
void clade__csv_format_decimal(clade__csv_format *format, char decimal); /* 0: either */

/* Rows of the bytes from one offset to another, each the beginning or end of a row. */
typedef struct clade__csv_reader {
    const clade__csv_source *source;
    const clade__csv_format *format;
    int64_t stop;           /* where the bytes end */
    char *window;           /* (room), `used` bytes of the file from `offset` on, and a zero */
    size_t room, used, at;  /* at: behind the last row */
    int64_t offset;
    clade__csv_cell *cells; /* (n_cells) of the last row; (n_room) */
    int n_cells, n_room;
    int64_t row;            /* the offset of the last row */
    bool quotes;            /* there was one, so far */
} clade__csv_reader;

CLADE_MUST_CHECK clade_status clade__csv_reader_begin(clade__csv_reader *reader,
                                                      const clade__csv_source *source,
                                                      const clade__csv_format *format,
                                                      int64_t begin, int64_t end);

/* *more: there was another row. */
CLADE_MUST_CHECK clade_status clade__csv_reader_next(clade__csv_reader *reader, bool *more);
void clade__csv_reader_end(clade__csv_reader *reader);

/* Writes the text of a cell, "" inside as ", and a zero: `to` has room for length + 1 bytes. How many
 * bytes the text has. */
size_t clade__csv_cell_copy(const clade__csv_cell *cell, char *to);

/* Whether the cell's text is this one. */
bool clade__csv_cell_is(const clade__csv_cell *cell, const char *text);

/* The texts of n cells, as strings in one block: free() it. NULL without memory. */
char **clade__csv_cells_copy(const clade__csv_cell *cells, int n);

/* ---- what cells are -------------------------------------------------------------------------- */

typedef enum clade__csv_kind {
    CLADE__CSV_MISSING,
    CLADE__CSV_BIT,      /* 0 or 1, as such */
    CLADE__CSV_NATURAL,  /* digits alone, otherwise */
    CLADE__CSV_SIGNED,   /* another number without a decimal mark: -3, 1e5, inf */
    CLADE__CSV_POINTED,  /* a number with a decimal point */
    CLADE__CSV_COMMAED,  /* a number with a decimal comma */
    CLADE__CSV_TRUTH,    /* true or false */
    CLADE__CSV_WORDS,    /* anything else */
    CLADE__CSV_N_KINDS
} clade__csv_kind;

/* decimal: '.' or ','; 0 for either. */
clade__csv_kind clade__csv_cell_kind(const clade__csv_cell *cell, char decimal);

bool clade__csv_cell_missing(const clade__csv_cell *cell);

/* Whether the cell is "true" or "false" in any case, and which. */
bool clade__csv_cell_truth(const clade__csv_cell *cell, bool *truth);

/* What a column has below the first row. */
typedef struct clade__csv_facts {
    int64_t n_of[CLADE__CSV_N_KINDS];
    int64_t n_quoted;
    bool again; /* the text of the first row stands again below it */
} clade__csv_facts;

/* A run of whole rows, which one thread reads. */
typedef struct clade__csv_part {
    int64_t begin, end; /* offsets */
    int64_t n_rows;     /* the first row of the file included */
    bool counts;        /* its first column counts its rows, but for the first row of the file, */
    int64_t count_from; /* from this number on */
} clade__csv_part;

struct clade__csv_inside {
    clade__csv_source source;
    clade__csv_format format;
    clade__csv_part *parts; /* (n_parts) */
    int n_parts;
    char **top;               /* (n_cols) the first row */
    clade__csv_kind *top_kind; /* (n_cols) */
    bool *top_quoted;         /* (n_cols) */
    clade__csv_facts *facts;  /* (n_cols) */
    bool skips_comments;      /* some at the beginning, not asked for */
};

/* Finds separator, comments, number of columns; sets the format (csv_dialect.c). */
CLADE_MUST_CHECK clade_status clade__csv_find_dialect(clade__csv_inside *in,
                                                      const clade__csv_dialect *given);

/* Cuts the file in parts, reads all of it, and sets top and facts (csv_survey.c). */
CLADE_MUST_CHECK clade_status clade__csv_survey(clade__csv_inside *in, char decimal);

/* The decimal mark that the cells need (csv_header.c). */
CLADE_MUST_CHECK clade_status clade__csv_find_decimal(const clade__csv_inside *in, char *decimal);

/* Whether the first row names the columns (csv_header.c). */
CLADE_MUST_CHECK clade_status clade__csv_find_header(const clade__csv_inside *in, char decimal,
                                                     clade__csv_header *header);

/* As clade__csv_fail, of the cell in a row that begins at `offset` (csv_file.c). */
clade_status clade__csv_fail_here(const clade__csv_file *file, int64_t offset,
                                  const clade__csv_cell *cell, int col, const char *want);

/* Numbers of a column, true and false left out; and what is neither number nor truth. */
int64_t clade__csv_n_numbers(const clade__csv_facts *facts, char decimal);
int64_t clade__csv_n_words(const clade__csv_facts *facts, char decimal);

/* Whether a column has true and false, and nothing else but 0 and 1. */
bool clade__csv_is_boolean(const clade__csv_facts *facts, char decimal);

#endif

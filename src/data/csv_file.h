/* A CSV file as text: which character separates its cells, whether its first row names the columns,
 * and its columns as numbers or as texts. What columns mean is for others to say.
 *
 * Reference: Y. Shafranovich, "Common format and MIME type for comma-separated values (CSV) files",
 * RFC 4180. Unlike there, blanks around a cell do not belong to it, blank lines are passed over, and
 * rows end in LF, CRLF or CR. All rows have as many cells as the first. A byte order mark of UTF-8
 * is passed over; the content may be gzipped. */
#ifndef CLADE_DATA_CSV_FILE_H
#define CLADE_DATA_CSV_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define CLADE__CSV_NO_COMMENT '\n' /* as comment: every line is a row */

typedef enum clade__csv_header {
    CLADE__CSV_HEADER_AUTO, /* decided by the rows below the first, see csv_header.c */
    CLADE__CSV_HEADER_YES,
    CLADE__CSV_HEADER_NO,
} clade__csv_header;

/* What is 0 is found out. */
typedef struct clade__csv_dialect {
    char separator; /* ',', ';', a tab or '|' */
    char decimal;   /* '.' or ','; found as ',' only where the separator is no comma */
    char comment;   /* lines that begin with it are passed over. 0: those of '#' before the first row,
                       which must not look like rows themselves */
    clade__csv_header header;
} clade__csv_dialect;

typedef struct clade__csv_inside clade__csv_inside; /* csv_inside.h */

/* Starts zeroed. */
typedef struct clade__csv_file {
    const char *path;           /* borrowed */
    clade__csv_dialect dialect; /* all decided; comment 0: no line was passed over as one */
    int64_t n_rows;             /* without the header; at least 1 */
    int n_cols;                 /* at least 1 */
    char **names;               /* (n_cols) the header, "" where a cell is empty; NULL without one */
    clade__csv_inside *inside;
} clade__csv_file;

/* Reads the file once to count rows and to see what its cells are; every row is checked.
 * CLADE_EIO for what cannot be read; CLADE_EINVAL for a dialect that there is not; CLADE_EDATA, with
 * FILE:LINE, for what is no table of text: a zero byte, UTF-16, a row with more or fewer cells, a
 * quote that is not closed, text behind a closing one, a first row that may be a header or not.
 * Close it in any case. */
CLADE_MUST_CHECK clade_status clade__csv_file_open(clade__csv_file *file, const char *path,
                                                   const clade__csv_dialect *given);
void clade__csv_file_close(clade__csv_file *file);

typedef enum clade__csv_want {
    CLADE__CSV_SKIP,
    CLADE__CSV_AUTO,   /* numbers where every cell that is not missing is one, else texts */
    CLADE__CSV_NUMBER, /* a text is CLADE_EDATA */
    CLADE__CSV_TEXT,   /* the texts as they stand, even where they are numbers */
    CLADE__CSV_EXACT,  /* the same, and "NA" and its like are texts: an empty cell alone is missing */
} clade__csv_want;

/* A number is finite: inf and what is too large for a double are CLADE_EDATA where numbers are read.
 * true and false in any case are 1 and 0 in a column that has nothing else but 0 and 1. */
typedef struct clade__csv_column {
    double *numbers;   /* (n_rows), NaN where missing; NULL for texts */
    int32_t *codes;    /* (n_rows) index into texts, -1 where missing; NULL for numbers */
    char **texts;      /* (n_texts) the different ones, in the order in which the file has them */
    int32_t n_texts;
    int64_t n_missing;
    int64_t n_beyond;  /* whole numbers of 2^53 and beyond, whose neighbours may be the same double */
    bool boolean;      /* numbers made of true and false */
} clade__csv_column;

/* What AUTO makes of a column: CLADE__CSV_NUMBER or CLADE__CSV_TEXT. */
clade__csv_want clade__csv_file_kind(const clade__csv_file *file, int col);

/* Whether no row has a value in this column. */
bool clade__csv_file_is_blank(const clade__csv_file *file, int col);

/* Reads columns (n_cols) as wants (n_cols) says; may be called again. One that is skipped is zeroed.
 * On failure nothing is left to free. CLADE_EDATA too when the file has changed since it was opened,
 * and for texts that are not UTF-8. */
CLADE_MUST_CHECK clade_status clade__csv_file_read(const clade__csv_file *file,
                                                   const clade__csv_want *wants,
                                                   clade__csv_column *columns);
void clade__csv_columns_free(clade__csv_column *columns, int n_cols);

/* The line, from 1, where a row begins, from 0 behind the header; 0 when it cannot be read again.
 * Slow, as it reads up to there: for messages. */
int64_t clade__csv_file_line(const clade__csv_file *file, int64_t row);

/* CLADE_EDATA, "FILE:LINE: column 3 ('width') has 'x', want …", or "… is empty: a value is missing, want
 * …".
 * Slow, as above. */
clade_status clade__csv_fail(const clade__csv_file *file, int64_t row, int col, const char *want);

/* Whether a cell stands for a missing value: "", NA, N/A, NaN, NULL, None, and what else pandas
 * takes so, as well as ? and -. */
bool clade__csv_is_missing(const char *text);

#endif

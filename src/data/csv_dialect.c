/* What separates cells, and which lines at the beginning are no rows.
 *
 * A separator is one that cuts the first rows into equally many cells, two or more. Where several do,
 * as commas and semicolons in "1,5;2,5", it is the one whose cells are numbers more often. Where none
 * does, the one that is there most often is taken, for a message about the row that is different:
 * to read such a file as one column of text would hide that. A file without any is one column. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/csv_inside.h"

#define SAMPLE_ROWS  200
#define SAMPLE_BYTES (1 << 20)
#define SEPARATORS   "\t;|,"

typedef struct trial {
    int n_cols;    /* of the first row */
    bool even;     /* so have all rows */
    int64_t n_cells, n_rows, n_values; /* values: numbers or missing */
} trial;

/* Looks at the first rows as this separator would cut them. What is no row ends it. */
static clade_status try_separator(const clade__csv_inside *in, char separator, char comment, trial *t)
{
    clade__csv_reader reader = {0};
    clade__csv_format format = {0};
    bool more = true;
    *t = (trial){.even = true};
    clade__csv_format_set(&format, separator, comment);
    clade_status status = clade__csv_reader_begin(&reader, &in->source, &format, in->format.first,
                                                  in->source.n_bytes);
    reader.cells = malloc(SAMPLE_ROWS * sizeof *reader.cells);
    if (!reader.cells) status = clade__fail(CLADE_ENOMEM, "csv: no memory to find a separator");
    reader.n_room = SAMPLE_ROWS; /* so many cells of a row are looked at, too */
    while (status == CLADE_OK && t->n_rows < SAMPLE_ROWS &&
           reader.offset + (int64_t)reader.at - in->format.first < SAMPLE_BYTES) {
        status = clade__csv_reader_next(&reader, &more);
        if (status != CLADE_OK || !more) break;
        if (t->n_rows++ == 0) t->n_cols = reader.n_cells;
        t->even = t->even && reader.n_cells == t->n_cols;
        t->n_cells += reader.n_cells;
        for (int i = 0; i < reader.n_cells && i < reader.n_room; i++) {
            char decimal = separator == ',' ? '.' : '\0';
            t->n_values += clade__csv_cell_kind(&reader.cells[i], decimal) < CLADE__CSV_TRUTH;
        }
    }
    clade__csv_reader_end(&reader);
    if (status != CLADE_EDATA) return status;
    t->even = false; /* told later, if it is wrong with the right separator too */
    return CLADE_OK;
}

/* Whether a is the better one. */
static bool is_better(const trial *a, const trial *b)
{
    bool a_fits = a->even && a->n_cols > 1, b_fits = b->even && b->n_cols > 1;
    if (a_fits != b_fits) return a_fits;
    if (a_fits)
        return (double)a->n_values / (double)a->n_cells > (double)b->n_values / (double)b->n_cells;
    if ((a->n_cols > 1) != (b->n_cols > 1)) return a->n_cols > 1;
    return a->n_cells - a->n_rows > b->n_cells - b->n_rows;
}

static clade_status find_separator(clade__csv_inside *in, char comment, char *separator)
{
    trial best = {0}, other;
    *separator = ',';
    for (const char *c = SEPARATORS; *c; c++) {
        if (*c == comment) continue;
        CLADE_TRY(try_separator(in, *c, comment, &other));
        if (!is_better(&other, &best)) continue;
        best = other;
        *separator = *c;
    }
    return CLADE_OK;
}

static clade_status check_given(const clade__csv_dialect *given)
{
    char c = given->comment;
    if (given->separator && !strchr(SEPARATORS, given->separator))
        return clade__fail(CLADE_EINVAL, "csv: '%c' separates no cells; want one of , ; | or a tab",
                           given->separator);
    if (given->decimal && given->decimal != '.' && given->decimal != ',')
        return clade__fail(CLADE_EINVAL, "csv: '%c' is no decimal mark; want . or ,",
                           given->decimal);
    if (c && c != CLADE__CSV_NO_COMMENT && (strchr("\" \t\r", c) || c == given->separator))
        return clade__fail(CLADE_EINVAL, "csv: '%c' cannot begin a comment", c);
    return CLADE_OK;
}

static clade_status check_encoding(clade__csv_inside *in)
{
    char mark[3] = {0};
    int64_t n = in->source.n_bytes < 3 ? in->source.n_bytes : 3;
    CLADE_TRY(clade__csv_source_copy(&in->source, 0, mark, (size_t)n));
    if (memcmp(mark, "\xff\xfe", 2) == 0 || memcmp(mark, "\xfe\xff", 2) == 0)
        return clade__fail(CLADE_EDATA,
                           "'%s' is text in UTF-16; convert the file to UTF-8, as by iconv -f utf-16 "
                           "-t utf-8",
                           in->source.path);
    in->format.begin = memcmp(mark, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    return CLADE_OK;
}

/* Sets where the first row begins, with these comments passed over. A file without rows is refused. */
static clade_status find_first(clade__csv_inside *in, char comment)
{
    clade__csv_reader reader;
    clade__csv_format format = {0};
    bool more;
    clade__csv_format_set(&format, '\t', comment); /* lines of tabs may be rows */
    CLADE_TRY(clade__csv_reader_begin(&reader, &in->source, &format, in->format.begin,
                                      in->source.n_bytes));
    clade_status status = clade__csv_reader_next(&reader, &more);
    in->format.first = reader.row; /* set before the row is read, which may be no row of tabs */
    clade__csv_reader_end(&reader);
    if (status == CLADE_EDATA) return CLADE_OK;
    if (status != CLADE_OK || more) return status;
    return clade__fail(CLADE_EDATA, "'%s' holds nothing but blanks%s", in->source.path,
                       comment ? " and comments" : "");
}

/* Where nothing was said of comments, lines at the beginning with '#' are some. One with as many
 * cells as the first row, and a letter or digit right behind the '#', may be a row itself. */
static clade_status check_comments(const clade__csv_inside *in)
{
    clade__csv_reader reader;
    clade__csv_format format = in->format;
    bool more = true;
    char behind[2] = {0};
    format.comment = '\0';
    format.n_cols = 0;
    CLADE_TRY(clade__csv_reader_begin(&reader, &in->source, &format, in->format.begin,
                                      in->format.first));
    clade_status status = CLADE_OK;
    while (status == CLADE_OK) {
        status = clade__csv_reader_next(&reader, &more);
        if (status == CLADE_EDATA) status = CLADE_OK, more = false; /* no row, then */
        if (status != CLADE_OK || !more) break;
        if (reader.n_cells != in->format.n_cols || reader.n_cells < 2) continue;
        status = clade__csv_source_copy(&in->source, reader.row, behind, 2);
        if (status == CLADE_OK && (clade__is_letter(behind[1]) || (behind[1] >= '0' && behind[1] <= '9')))
            status = clade__csv_fail_at(&in->source, reader.row,
                                        "the line begins with '#' and has as many cells as the rows: "
                                        "write comment=# to pass over it, or comment=none where it "
                                        "is a row");
    }
    clade__csv_reader_end(&reader);
    return status;
}

static clade_status count_columns(clade__csv_inside *in)
{
    clade__csv_reader reader;
    bool more;
    CLADE_TRY(clade__csv_reader_begin(&reader, &in->source, &in->format, in->format.first,
                                      in->source.n_bytes));
    clade_status status = clade__csv_reader_next(&reader, &more);
    in->format.first = reader.row;
    in->format.n_cols = reader.n_cells;
    clade__csv_reader_end(&reader);
    CLADE_TRY(status);
    if (!more) return clade__fail(CLADE_EDATA, "'%s' holds nothing but blanks", in->source.path);
    if (in->format.n_cols <= CLADE__CSV_MAX_COLUMNS) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "'%s' has %d columns, more than %d", in->source.path,
                       in->format.n_cols, CLADE__CSV_MAX_COLUMNS);
}

clade_status clade__csv_find_dialect(clade__csv_inside *in, const clade__csv_dialect *given)
{
    char separator = given->separator, comment = given->comment;
    CLADE_TRY(check_given(given));
    CLADE_TRY(check_encoding(in));
    if (comment == CLADE__CSV_NO_COMMENT) comment = '\0';
    CLADE_TRY(find_first(in, comment));
    int64_t first = in->format.first;
    if (!given->comment) CLADE_TRY(find_first(in, '#'));
    in->skips_comments = in->format.first > first;
    if (!separator) CLADE_TRY(find_separator(in, comment, &separator));
    clade__csv_format_set(&in->format, separator, comment);
    CLADE_TRY(count_columns(in));
    return in->skips_comments ? check_comments(in) : CLADE_OK;
}

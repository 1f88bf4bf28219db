/* Rows as cells. A window slides over the file; a row that it does not hold whole is looked at again
 * when more has been read. Behind the window's bytes is a zero, which stops every loop. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv_inside.h"

#define WINDOW_BYTES (256 * 1024)
#define MOST_BYTES   (1 << 28) /* of a row */

typedef enum scanned { ROW, NO_ROW, PARTIAL, BAD } scanned;

/* What is wrong, and where in the window. */
typedef struct fault {
    const char *what, *at;
} fault;

void clade__csv_format_set(clade__csv_format *format, char separator, char comment)
{
    format->separator = separator;
    format->comment = comment;
    memset(format->stops, 0, sizeof format->stops);
    for (const char *c = "\n\r\""; *c; c++) format->stops[(unsigned char)*c] = 1;
    format->stops[(unsigned char)separator] = 1;
    format->stops[0] = 1;
}

clade_status clade__csv_reader_begin(clade__csv_reader *reader, const clade__csv_source *source,
                                     const clade__csv_format *format, int64_t begin, int64_t end)
{
    *reader = (clade__csv_reader){
        .source = source, .format = format, .offset = begin, .stop = end, .row = begin};
    if (format->n_cols == 0) return CLADE_OK;
    reader->cells = malloc((size_t)format->n_cols * sizeof *reader->cells);
    if (!reader->cells)
        return clade__fail(CLADE_ENOMEM, "csv: no memory for a row of %d cells", format->n_cols);
    reader->n_room = format->n_cols;
    return CLADE_OK;
}

void clade__csv_reader_end(clade__csv_reader *reader)
{
    free(reader->window);
    free(reader->cells);
    *reader = (clade__csv_reader){0};
}

static bool is_last(const clade__csv_reader *in)
{
    return in->offset + (int64_t)in->used == in->stop;
}

/* Moves the window to begin at the row that it does not hold whole, and reads on; a window that has
 * that row from its beginning becomes twice as large. */
static clade_status fill(clade__csv_reader *in)
{
    int64_t left = in->stop - in->offset - (int64_t)in->used;
    if (in->at == 0 && in->used == in->room) {
        size_t room = in->room ? 2 * in->room : WINDOW_BYTES;
        if ((int64_t)(room - in->used) > left) room = in->used + (size_t)left;
        if (room > MOST_BYTES)
            return clade__csv_fail_at(in->source, in->offset,
                                      "a row of more than 256 MiB; is a quote not closed?");
        char *window = realloc(in->window, room + 1);
        if (!window) return clade__fail(CLADE_ENOMEM, "csv: no memory for a row of %zu bytes", room);
        in->window = window;
        in->room = room;
    }
    memmove(in->window, in->window + in->at, in->used - in->at);
    in->offset += (int64_t)in->at;
    in->used -= in->at;
    in->at = 0;
    size_t n = in->room - in->used;
    if ((int64_t)n > left) n = (size_t)left;
    CLADE_TRY(clade__csv_source_copy(in->source, in->offset + (int64_t)in->used,
                                     in->window + in->used, n));
    in->used += n;
    in->window[in->used] = '\0';
    return CLADE_OK;
}

static bool is_blank(char c, char separator)
{
    return c == ' ' || (c == '\t' && separator != '\t');
}

/* Passes over a line break, at its first byte; false when its second may not be read yet. */
static bool pass_break(const char **at, const char *end, bool last)
{
    if (**at == '\n') {
        ++*at;
        return true;
    }
    if (*at + 1 == end && !last) return false;
    *at += (*at)[1] == '\n' ? 2 : 1;
    return true;
}

/* Passes over blank lines and comments, and ends at the beginning of a row. */
static scanned find_row(clade__csv_reader *in)
{
    const clade__csv_format *f = in->format;
    const char *end = in->window + in->used;
    bool last = is_last(in);
    for (;;) {
        const char *at = in->window + in->at;
        if (f->comment && *at == f->comment && at < end)
            while (at < end && *at != '\n' && *at != '\r') at++;
        else
            while (is_blank(*at, f->separator)) at++;
        if (at == end) return last ? NO_ROW : PARTIAL;
        if (*at != '\n' && *at != '\r') return ROW;
        if (!pass_break(&at, end, last)) return PARTIAL;
        in->at = (size_t)(at - in->window);
    }
}

/* The text of a cell in quotes; *at is at the first quote, and then behind the last one and what is
 * blank behind it. */
static scanned scan_quoted(const clade__csv_reader *in, const char **at, clade__csv_cell *cell,
                           fault *bad)
{
    const char *open = *at, *end = in->window + in->used, *c = open + 1;
    bool last = is_last(in);
    *cell = (clade__csv_cell){.text = c, .quoted = true};
    for (;; c += 2) {
        while (*c != '"' && *c) c++;
        if (*c == '\0') {
            if (c == end && !last) return PARTIAL;
            *bad = c < end ? (fault){"a zero byte: this is not text, or not UTF-8", c}
                           : (fault){"a quote that is opened here is not closed", open};
            return BAD;
        }
        if (c[1] != '"') break;
        cell->escaped = true;
    }
    cell->length = (uint32_t)(c - cell->text);
    c++;
    while (is_blank(*c, in->format->separator)) c++;
    if (c == end && !last) return PARTIAL;
    *at = c;
    if (*c == in->format->separator || *c == '\n' || *c == '\r' || *c == '\0') return ROW;
    *bad = (fault){"text after a closing quote; a quote inside is written \"\"", c};
    return BAD;
}

static scanned scan_plain(const clade__csv_reader *in, const char **at, clade__csv_cell *cell,
                          fault *bad)
{
    const unsigned char *stops = in->format->stops;
    const char *start = *at, *c = start;
    while (!stops[(unsigned char)*c]) c++;
    *at = c;
    if (*c == '"') {
        *bad = (fault){"a quote inside a cell that does not begin with one", c};
        return BAD;
    }
    while (c > start && is_blank(c[-1], in->format->separator)) c--;
    *cell = (clade__csv_cell){.text = start, .length = (uint32_t)(c - start)};
    return ROW;
}

/* The cells of the row that begins at in->at, which then is behind it. */
static scanned scan_row(clade__csv_reader *in, fault *bad)
{
    const char *at = in->window + in->at, *end = in->window + in->used;
    char separator = in->format->separator;
    bool last = is_last(in);
    for (int n = 0;; at++) {
        clade__csv_cell cell;
        while (is_blank(*at, separator)) at++;
        scanned got = *at == '"' ? scan_quoted(in, &at, &cell, bad)
                                 : scan_plain(in, &at, &cell, bad);
        if (got != ROW) return got;
        if (n < in->n_room) in->cells[n] = cell;
        in->n_cells = ++n;
        if (*at == separator) continue;
        if (*at == '\0' && at < end) {
            *bad = (fault){"a zero byte: this is not text, or not UTF-8", at};
            return BAD;
        }
        if (at == end && !last) return PARTIAL;
        if (at < end && !pass_break(&at, end, last)) return PARTIAL;
        in->at = (size_t)(at - in->window);
        return ROW;
    }
}

static clade_status fail_ragged(const clade__csv_reader *in)
{
    const clade__csv_format *f = in->format;
    char separator[8] = "a tab", what[128];
    if (f->separator != '\t') snprintf(separator, sizeof separator, "'%c'", f->separator);
    snprintf(what, sizeof what, "%d cell%s, want %d as in line %" PRId64 "; %s separates cells",
             in->n_cells, in->n_cells == 1 ? "" : "s", f->n_cols,
             clade__csv_source_line(in->source, f->first), separator);
    return clade__csv_fail_at(in->source, in->row, what);
}

clade_status clade__csv_reader_next(clade__csv_reader *in, bool *more)
{
    fault bad;
    scanned got;
    *more = false;
    if (!in->window) CLADE_TRY(fill(in));
    while ((got = find_row(in)) == PARTIAL) CLADE_TRY(fill(in));
    if (got == NO_ROW) return CLADE_OK;
    in->row = in->offset + (int64_t)in->at;
    while ((got = scan_row(in, &bad)) == PARTIAL) CLADE_TRY(fill(in));
    if (got == BAD)
        return clade__csv_fail_at(in->source, in->offset + (bad.at - in->window), bad.what);
    if (in->format->n_cols && in->n_cells != in->format->n_cols) return fail_ragged(in);
    *more = true;
    return CLADE_OK;
}

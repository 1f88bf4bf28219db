/* Rows as cells. A window slides over the file; a row that it does not hold whole is looked at again
 * when more has been read. Behind the window's bytes are zeros, which stop every loop. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv_inside.h"

#define WINDOW_BYTES (256 * 1024)
#define MOST_BYTES   (1 << 28) /* of a row */
#define ZEROS        8         /* behind the window, so that eight digits can be looked at at once */
#define MOST_DIGITS  19        /* that surely fit 64 bits */

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
    clade__csv_format_decimal(format, '\0');
}

void clade__csv_format_decimal(clade__csv_format *format, char decimal)
{
    for (int i = 0; i < 2; i++) {
        char mark = decimal ? decimal : ".,"[i];
        format->marks[i] = mark == format->separator ? '.' : mark;
    }
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
        char *window = realloc(in->window, room + ZEROS);
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
    memset(in->window + in->used, 0, ZEROS);
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

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* Adds the digits at c to a number; where they end. Eight at once where eight are there, in a machine
 * that has the first byte lowest: D. Lemire, "Number parsing at a gigabyte per second", 2021. */
static const char *read_digits(const char *c, uint64_t *digits)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (uint64_t v;; c += 8) {
        memcpy(&v, c, 8);
        if (((v & (v + 0x0606060606060606)) & 0xf0f0f0f0f0f0f0f0) != 0x3030303030303030) break;
        v -= 0x3030303030303030;
        v = v * 10 + (v >> 8);
        v = ((v & 0x000000ff000000ff) * 0x000f424000000064 +
             (v >> 16 & 0x000000ff000000ff) * 0x0000271000000001) >> 32;
        *digits = *digits * 100000000 + (uint32_t)v;
    }
#endif
    for (; is_digit(*c); c++) *digits = *digits * 10 + (uint64_t)(*c - '0');
    return c;
}

/* A cell without quotes; where it ends. */
static const char *scan_plain(const clade__csv_format *f, const char *start, clade__csv_cell *cell)
{
    bool negative = *start == '-';
    const char *first = start + negative;
    uint64_t digits = 0;
    const char *c = read_digits(first, &digits), *point = c;
    if (*c == f->marks[0] || *c == f->marks[1]) c = read_digits(c + 1, &digits);
    bool marked = c > point;
    int64_t n = c - first - marked;
    bool simple = f->stops[(unsigned char)*c] && n > 0 && n <= MOST_DIGITS;
    *cell = (clade__csv_cell){.text = start,
                              .digits = digits,
                              .simple = simple,
                              .negative = negative,
                              .mark = marked ? *point : '\0',
                              .places = marked ? (unsigned char)(c - point - 1) : 0};
    while (!f->stops[(unsigned char)*c]) c++;
    const char *end = c;
    while (end > start && is_blank(end[-1], f->separator)) end--;
    cell->length = (uint32_t)(end - start);
    return c;
}

/* The cells of the row that begins at in->at, which then is behind it. */
static scanned scan_row(clade__csv_reader *in, fault *bad)
{
    const char *at = in->window + in->at, *end = in->window + in->used;
    char separator = in->format->separator;
    bool last = is_last(in);
    clade__csv_cell spare;
    for (int n = 0;; at++) {
        clade__csv_cell *cell = n < in->n_room ? &in->cells[n] : &spare;
        while (is_blank(*at, separator)) at++;
        if (*at == '"') {
            in->quotes = true;
            scanned got = scan_quoted(in, &at, cell, bad);
            if (got != ROW) return got;
        } else {
            at = scan_plain(in->format, at, cell);
        }
        in->n_cells = ++n;
        if (*at == separator) continue;
        if (*at == '"') {
            in->quotes = true;
            *bad = (fault){"a quote inside a cell that does not begin with one", at};
            return BAD;
        }
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

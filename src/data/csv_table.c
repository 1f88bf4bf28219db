/* Reference: Y. Shafranovich, "Common format and MIME type for comma-separated values (CSV) files",
 * RFC 4180. Unlike there, blanks around a cell do not belong to it. */
#include "data/csv_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* Where reading is. A cell's text is moved down to `to`, which never passes `at`: a cell takes at
 * least as many bytes in the file, its separator included, as its text and a zero. */
typedef struct reader {
    const char *path;
    unsigned char *at, *end, *to;
    int64_t line;
} reader;

static clade_status fail_at(const reader *in, int64_t line, const char *what)
{
    return clade__fail(CLADE_EDATA, "%s:%" PRId64 ": %s", in->path, line, what);
}

static clade_status fail_zero(const reader *in)
{
    return fail_at(in, in->line, "a zero byte: this is not text, or not UTF-8");
}

static void skip_blanks(reader *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t')) in->at++;
}

static clade_status read_quoted(reader *in)
{
    int64_t start = in->line;
    for (in->at++; in->at < in->end; in->at++) {
        if (*in->at == '"') {
            if (in->at + 1 == in->end || in->at[1] != '"') break;
            in->at++;
        }
        if (*in->at == '\0') return fail_zero(in);
        if (*in->at == '\n') in->line++;
        *in->to++ = *in->at;
    }
    if (in->at == in->end) return fail_at(in, start, "a quote that is opened here is not closed");
    in->at++;
    skip_blanks(in);
    if (in->at < in->end && !strchr(",\r\n", *in->at)) /* strchr also finds the zero */
        return fail_at(in, in->line, "text after a closing quote; a quote inside is written \"\"");
    return CLADE_OK;
}

static clade_status read_plain(reader *in)
{
    unsigned char *start = in->to;
    while (in->at < in->end && *in->at != ',' && *in->at != '\n' && *in->at != '\r') {
        if (*in->at == '\0') return fail_zero(in);
        if (*in->at == '"')
            return fail_at(in, in->line, "a quote inside a cell that does not begin with one");
        *in->to++ = *in->at++;
    }
    while (in->to > start && (in->to[-1] == ' ' || in->to[-1] == '\t')) in->to--;
    return CLADE_OK;
}

/* Reads a cell and what ends it; *last when that is the end of the row. */
static clade_status read_cell(reader *in, bool *last)
{
    skip_blanks(in);
    CLADE_TRY(in->at < in->end && *in->at == '"' ? read_quoted(in) : read_plain(in));
    *last = in->at == in->end || *in->at != ',';
    if (in->at < in->end) {
        if (*in->at == '\0') return fail_zero(in);
        if (*in->at == '\r' && in->at + 1 < in->end && *++in->at != '\n')
            return fail_at(in, in->line, "a carriage return without a newline");
        in->line += *in->at == '\n';
        in->at++;
    }
    *in->to++ = '\0'; /* only now: it may go where the separator was */
    return CLADE_OK;
}

static bool only_blanks_left(const reader *in)
{
    const unsigned char *c = in->at;
    while (c < in->end && (*c == ' ' || *c == '\t' || *c == '\r' || *c == '\n')) c++;
    return c == in->end;
}

static clade_status add_line(clade__csv_table *table, int64_t line)
{
    if (line > INT32_MAX || table->n_rows >= INT32_MAX)
        return clade__fail(CLADE_EDATA, "'%s' has more than %d lines", table->path, INT32_MAX);
    if (table->n_rows == table->room) {
        int64_t room = table->room ? 2 * table->room : 64;
        int32_t *grown = realloc(table->line, (size_t)room * sizeof *grown);
        if (!grown) return clade__fail(CLADE_ENOMEM, "csv: no memory for %" PRId64 " rows", room);
        table->line = grown;
        table->room = room;
    }
    table->line[table->n_rows++] = (int32_t)line;
    return CLADE_OK;
}

static clade_status read_row(clade__csv_table *table, reader *in)
{
    int64_t n_cells = 0, line = in->line;
    if (*in->at == '\n' || *in->at == '\r') return fail_at(in, line, "a blank line among the rows");
    CLADE_TRY(add_line(table, line));
    for (bool last = false; !last; n_cells++) CLADE_TRY(read_cell(in, &last));
    if (table->n_rows == 1) table->n_cols = n_cells;
    if (n_cells != table->n_cols)
        return clade__fail(CLADE_EDATA,
                           "%s:%" PRId64 ": %" PRId64 " cell%s, want %" PRId64 " as in line %d",
                           in->path, line, n_cells, n_cells == 1 ? "" : "s", table->n_cols,
                           table->line[0]);
    return CLADE_OK;
}

clade_status clade__csv_table_read(clade__csv_table *table, const char *path)
{
    size_t n_bytes;
    table->path = path;
    CLADE_TRY(clade__file_read(path, &table->bytes, &n_bytes));
    if (n_bytes == 0) return clade__fail(CLADE_EDATA, "'%s' is empty", path);
    reader in = {.path = path, .at = table->bytes, .end = table->bytes + n_bytes, .line = 1};
    if (n_bytes >= 3 && memcmp(in.at, "\xef\xbb\xbf", 3) == 0) in.at += 3;
    in.to = in.at;
    table->cells = (const char *)in.at;
    while (!only_blanks_left(&in)) CLADE_TRY(read_row(table, &in));
    if (table->n_rows == 0) return clade__fail(CLADE_EDATA, "'%s' holds nothing but blanks", path);
    return CLADE_OK;
}

void clade__csv_table_free(clade__csv_table *table)
{
    free(table->bytes);
    free(table->line);
    *table = (clade__csv_table){0};
}

const char *clade__csv_next(const char *cell)
{
    return cell + strlen(cell) + 1;
}

/* "column 3 ('width')", or "column 3" without a header. */
static void name_column(char *out, size_t out_bytes, const clade__csv_table *table, int64_t col)
{
    const char *name = table->cells;
    if (table->header) {
        for (int64_t i = 0; i < col; i++) name = clade__csv_next(name);
        snprintf(out, out_bytes, "column %" PRId64 " ('%.60s')", col + 1, name);
    } else {
        snprintf(out, out_bytes, "column %" PRId64, col + 1);
    }
}

clade_status clade__csv_fail_cell(const clade__csv_table *table, int64_t row, int64_t col,
                                  const char *cell, const char *want)
{
    char name[128];
    name_column(name, sizeof name, table, col);
    if (*cell == '\0')
        return clade__fail(CLADE_EDATA, "%s:%d: %s is empty: a value is missing", table->path,
                           table->line[row], name);
    return clade__fail(CLADE_EDATA, "%s:%d: %s has '%.60s', want %s", table->path, table->line[row],
                       name, cell, want);
}

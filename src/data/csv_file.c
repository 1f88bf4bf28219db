/* A CSV file from opening to closing, and what messages need of it. */
#include "data/csv_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "data/csv_inside.h"

static bool has_header(const clade__csv_file *file)
{
    return file->dialect.header == CLADE__CSV_HEADER_YES;
}

static clade_status fail_rows(const clade__csv_file *file, bool asked)
{
    return clade__fail(CLADE_EDATA, "'%s' has a header and no rows%s", file->path,
                       asked ? "" : "; where its only row is data, write header=no");
}

static clade_status take_names(clade__csv_file *file)
{
    clade__csv_inside *in = file->inside;
    file->names = in->top;
    in->top = NULL;
    for (int i = 0; i < file->n_cols; i++)
        if (!clade__is_utf8(file->names[i]))
            return clade__fail(CLADE_EDATA,
                               "%s:%" PRId64 ": the name of column %d, '%.60s', is not UTF-8; "
                               "convert the file to UTF-8, as by iconv -f latin1 -t utf-8",
                               file->path, clade__csv_source_line(&in->source, in->format.first),
                               i + 1, file->names[i]);
    return CLADE_OK;
}

/* Without a header the first row is one like the others. */
static void count_top(clade__csv_inside *in)
{
    for (int i = 0; i < in->format.n_cols; i++) {
        in->facts[i].n_of[in->top_kind[i]]++;
        in->facts[i].n_quoted += in->top_quoted[i];
    }
}

clade_status clade__csv_file_open(clade__csv_file *file, const char *path,
                                  const clade__csv_dialect *given)
{
    clade__csv_inside *in = calloc(1, sizeof *in);
    *file = (clade__csv_file){.path = path, .dialect = *given, .inside = in};
    if (!in) return clade__fail(CLADE_ENOMEM, "csv: no memory");
    in->source.fd = -1;
    clade__csv_dialect *dialect = &file->dialect;
    CLADE_TRY(clade__csv_source_open(&in->source, path));
    CLADE_TRY(clade__csv_find_dialect(in, given));
    dialect->separator = in->format.separator;
    dialect->comment = in->format.comment ? in->format.comment : in->skips_comments ? '#' : '\0';
    file->n_cols = in->format.n_cols;
    /* A comma that is no decimal mark in the cells of a file is a separator, or text. */
    char decimal = dialect->decimal ? dialect->decimal : dialect->separator == ',' ? '.' : '\0';
    clade__csv_format_decimal(&in->format, decimal);
    CLADE_TRY(clade__csv_survey(in, decimal));
    for (int i = 0; i < in->n_parts; i++) file->n_rows += in->parts[i].n_rows;
    bool alone = file->n_rows == 1;
    if (alone && dialect->header == CLADE__CSV_HEADER_YES) return fail_rows(file, true);
    if (alone) count_top(in); /* the decimal mark is that of the only row */
    if (!decimal) CLADE_TRY(clade__csv_find_decimal(in, &decimal));
    dialect->decimal = decimal;
    clade__csv_format_decimal(&in->format, decimal);
    if (dialect->header == CLADE__CSV_HEADER_AUTO)
        CLADE_TRY(clade__csv_find_header(in, decimal, &dialect->header));
    if (alone && has_header(file)) return fail_rows(file, false);
    if (!has_header(file) && !alone) count_top(in);
    if (!has_header(file)) return CLADE_OK;
    file->n_rows--;
    return take_names(file);
}

void clade__csv_file_close(clade__csv_file *file)
{
    clade__csv_inside *in = file->inside;
    if (in) {
        clade__csv_source_close(&in->source);
        free(in->parts);
        free(in->top);
        free(in->top_kind);
        free(in->top_quoted);
        free(in->facts);
        free(in);
    }
    free(file->names);
    *file = (clade__csv_file){0};
}

clade__csv_want clade__csv_file_kind(const clade__csv_file *file, int col)
{
    const clade__csv_facts *facts = &file->inside->facts[col];
    char decimal = file->dialect.decimal;
    if (facts->n_of[CLADE__CSV_TRUTH] > 0)
        return clade__csv_is_boolean(facts, decimal) ? CLADE__CSV_NUMBER : CLADE__CSV_TEXT;
    return clade__csv_n_words(facts, decimal) > 0 ? CLADE__CSV_TEXT : CLADE__CSV_NUMBER;
}

bool clade__csv_file_is_blank(const clade__csv_file *file, int col)
{
    const clade__csv_facts *facts = &file->inside->facts[col];
    for (int kind = 0; kind < CLADE__CSV_N_KINDS; kind++)
        if (kind != CLADE__CSV_MISSING && facts->n_of[kind] > 0) return false;
    return true;
}

/* ---- for messages ------------------------------------------------------------------------------ */

/* Leaves the reader at a row; it is to be ended also after a failure. */
static clade_status find_row(const clade__csv_file *file, int64_t row, clade__csv_reader *reader)
{
    const clade__csv_inside *in = file->inside;
    int part = 0;
    bool more = true;
    row += has_header(file);
    while (part < in->n_parts - 1 && row >= in->parts[part].n_rows) row -= in->parts[part++].n_rows;
    CLADE_TRY(clade__csv_reader_begin(reader, &in->source, &in->format, in->parts[part].begin,
                                      in->parts[part].end));
    for (; row >= 0 && more; row--) CLADE_TRY(clade__csv_reader_next(reader, &more));
    if (more) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "'%s' has changed while it was read", file->path);
}

int64_t clade__csv_file_line(const clade__csv_file *file, int64_t row)
{
    clade__csv_reader reader = {0};
    clade_status status = find_row(file, row, &reader);
    int64_t at = reader.row;
    clade__csv_reader_end(&reader);
    return status == CLADE_OK ? clade__csv_source_line(&file->inside->source, at) : 0;
}

clade_status clade__csv_fail_here(const clade__csv_file *file, int64_t offset,
                                  const clade__csv_cell *cell, int col, const char *want)
{
    char name[128] = "", text[256];
    int64_t line = clade__csv_source_line(&file->inside->source, offset);
    if (file->names) snprintf(name, sizeof name, " ('%.60s')", file->names[col]);
    if (cell->length == 0)
        return clade__fail(CLADE_EDATA, "%s:%" PRId64 ": column %d%s is empty: a value is missing, "
                           "want %s", file->path, line, col + 1, name, want);
    clade__csv_cell begin = *cell;
    if (begin.length >= sizeof text) begin.length = sizeof text - 1;
    (void)clade__csv_cell_copy(&begin, text);
    return clade__fail(CLADE_EDATA, "%s:%" PRId64 ": column %d%s has '%.60s', want %s", file->path,
                       line, col + 1, name, text, want);
}

clade_status clade__csv_fail(const clade__csv_file *file, int64_t row, int col, const char *want)
{
    clade__csv_reader reader = {0};
    clade_status status = find_row(file, row, &reader);
    if (status == CLADE_OK)
        status = clade__csv_fail_here(file, reader.row, &reader.cells[col], col, want);
    clade__csv_reader_end(&reader);
    return status;
}

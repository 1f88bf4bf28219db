/* Cells to columns. Each part is read on a thread of its own, straight into its rows of the columns.
 * Texts are numbered part by part first; then the parts' texts are joined in the order of the file,
 * so that numbers do not depend on how it was cut. */
#include <math.h>
#include <stdlib.h>

#include "base/number.h"
#include "base/parallel.h"
#include "base/text.h"
#include "data/csv_inside.h"
#include "data/csv_words.h"

typedef struct count {
    int64_t n_missing, n_beyond;
} count;

typedef struct task {
    const clade__csv_file *file;
    const clade__csv_want *wants; /* (n_cols) */
    clade__csv_column *columns; /* (n_cols) */
    int64_t *row;               /* (n_parts) the first one of a part, of those in the columns */
    count *counts;              /* (n_parts, n_cols) */
    clade__csv_words *words;    /* (n_parts, n_cols); those of part 0 become the whole file's */
    int32_t **codes;            /* (n_parts, n_cols) what a part's numbers become; NULL: they stay */
} task;

/* ---- cells ------------------------------------------------------------------------------------- */

static size_t index_of(const task *t, int part, int col)
{
    return (size_t)part * (size_t)t->file->n_cols + (size_t)col;
}

#define BEYOND 9007199254740992.0 /* 2^53 */

static bool is_whole(const clade__csv_cell *cell)
{
    uint32_t i = cell->length > 0 && (*cell->text == '-' || *cell->text == '+');
    while (i < cell->length && cell->text[i] >= '0' && cell->text[i] <= '9') i++;
    return i == cell->length;
}

/* What is no number as most are. */
static clade_status read_other(const task *t, const clade__csv_reader *reader, int col, double *value,
                               count *counts)
{
    const clade__csv_cell *cell = &reader->cells[col];
    bool truth;
    clade__number kind =
        clade__number_parse(cell->text, cell->length, t->file->dialect.decimal, value);
    if (kind == CLADE__NUMBER_FINITE) {
        counts->n_beyond += fabs(*value) >= BEYOND && is_whole(cell);
    } else if (clade__csv_cell_missing(cell)) {
        *value = (double)NAN;
        counts->n_missing++;
    } else if (t->columns[col].boolean && clade__csv_cell_truth(cell, &truth)) {
        *value = truth;
    } else {
        return clade__csv_fail_here(t->file, reader->row, cell, col,
                                    kind == CLADE__NUMBER_NONE ? "a number" : "a finite number");
    }
    return CLADE_OK;
}

static clade_status read_number(const task *t, const clade__csv_reader *reader, int col, int64_t row,
                                count *counts)
{
    const clade__csv_cell *cell = &reader->cells[col];
    double *value = &t->columns[col].numbers[row];
    if (!cell->simple || (cell->mark && cell->mark != t->file->dialect.decimal) ||
        !clade__number_make(cell->digits, -(int64_t)cell->places, value))
        return read_other(t, reader, col, value, counts);
    if (cell->negative) *value = -*value;
    counts->n_beyond += !cell->mark && cell->digits >= UINT64_C(1) << 53;
    return CLADE_OK;
}

static clade_status read_text(const task *t, const clade__csv_reader *reader, int col, int part,
                              int64_t row, count *counts)
{
    const clade__csv_cell *cell = &reader->cells[col];
    int32_t *code = &t->columns[col].codes[row];
    bool missing = t->wants[col] == CLADE__CSV_EXACT ? cell->length == 0 : clade__csv_cell_missing(cell);
    if (!missing)
        return clade__csv_words_number(&t->words[index_of(t, part, col)], cell, row, code);
    *code = -1;
    counts->n_missing++;
    return CLADE_OK;
}

static clade_status read_rows(const task *t, clade__csv_reader *reader, int part)
{
    int n_cols = t->file->n_cols;
    int64_t n_rows = t->file->inside->parts[part].n_rows, row = t->row[part];
    count *counts = &t->counts[index_of(t, part, 0)];
    bool more = true;
    for (int64_t i = 0; i <= n_rows && more; i++) {
        CLADE_TRY(clade__csv_reader_next(reader, &more));
        if (more != (i < n_rows))
            return clade__fail(CLADE_EDATA, "'%s' has changed while it was read", t->file->path);
        if (!more || row + i < 0) continue; /* the header */
        for (int col = 0; col < n_cols; col++) {
            if (t->columns[col].numbers)
                CLADE_TRY(read_number(t, reader, col, row + i, &counts[col]));
            else if (t->columns[col].codes)
                CLADE_TRY(read_text(t, reader, col, part, row + i, &counts[col]));
        }
    }
    return CLADE_OK;
}

static clade_status read_part(void *context, int part)
{
    const task *t = context;
    const clade__csv_inside *in = t->file->inside;
    clade__csv_reader reader;
    clade_status status = clade__csv_reader_begin(&reader, &in->source, &in->format,
                                                  in->parts[part].begin, in->parts[part].end);
    if (status == CLADE_OK) status = read_rows(t, &reader, part);
    clade__csv_reader_end(&reader);
    return status;
}

/* ---- texts of all parts ------------------------------------------------------------------------ */

/* Adds the texts of a part to those of part 0, and keeps what their numbers become. */
static clade_status join_words(const task *t, int part, int col)
{
    clade__csv_words *all = &t->words[index_of(t, 0, col)];
    clade__csv_words *words = &t->words[index_of(t, part, col)];
    if (words->n == 0) return CLADE_OK;
    int32_t *codes = malloc((size_t)words->n * sizeof *codes);
    if (!codes) return clade__fail(CLADE_ENOMEM, "csv: no memory for %d texts", words->n);
    t->codes[index_of(t, part, col)] = codes;
    for (int32_t i = 0; i < words->n; i++) {
        const clade__csv_cell cell = clade__csv_words_cell(words, i);
        CLADE_TRY(clade__csv_words_number(all, &cell, clade__csv_words_row(words, i), &codes[i]));
    }
    clade__csv_words_free(words);
    return CLADE_OK;
}

static clade_status finish_texts(const task *t, int col)
{
    clade__csv_column *column = &t->columns[col];
    if (!column->codes) return CLADE_OK;
    for (int part = 1; part < t->file->inside->n_parts; part++)
        CLADE_TRY(join_words(t, part, col));
    clade__csv_words *all = &t->words[index_of(t, 0, col)];
    for (int32_t i = 0; i < all->n; i++) {
        const clade__csv_cell cell = clade__csv_words_cell(all, i);
        if (!clade__is_utf8(cell.text))
            return clade__csv_fail(t->file, clade__csv_words_row(all, i), col,
                                   "text in UTF-8; convert the file to UTF-8, as by iconv -f latin1 "
                                   "-t utf-8");
    }
    column->texts = clade__csv_words_copy(all);
    column->n_texts = all->n;
    clade__csv_words_free(all);
    if (column->texts) return CLADE_OK;
    return clade__fail(CLADE_ENOMEM, "csv: no memory for %d texts", column->n_texts);
}

/* A share of the columns; a small file is one part, and worth no threads. */
static clade_status finish_columns(void *context, int part)
{
    const task *t = context;
    int64_t n_cols = t->file->n_cols, n_parts = t->file->inside->n_parts;
    for (int64_t col = part * n_cols / n_parts; col < (part + 1) * n_cols / n_parts; col++)
        CLADE_TRY(finish_texts(t, (int)col));
    return CLADE_OK;
}

static clade_status renumber(void *context, int part)
{
    const task *t = context;
    int64_t n_rows = t->file->inside->parts[part].n_rows;
    for (int col = 0; col < t->file->n_cols; col++) {
        const int32_t *codes = t->codes[index_of(t, part, col)];
        if (!codes) continue;
        int32_t *code = t->columns[col].codes + t->row[part];
        for (int64_t i = 0; i < n_rows; i++)
            if (code[i] >= 0) code[i] = codes[code[i]];
    }
    return CLADE_OK;
}

/* ---- columns ------------------------------------------------------------------------------------ */

static clade_status make_columns(const task *t)
{
    const clade__csv_file *file = t->file;
    size_t n_rows = (size_t)file->n_rows;
    for (int i = 0; i < file->n_cols; i++) {
        clade__csv_want want = t->wants[i];
        clade__csv_column *column = &t->columns[i];
        if (want == CLADE__CSV_SKIP) continue;
        if (want == CLADE__CSV_AUTO) want = clade__csv_file_kind(file, i);
        if (want == CLADE__CSV_NUMBER)
            column->numbers = malloc(n_rows * sizeof *column->numbers);
        else
            column->codes = malloc(n_rows * sizeof *column->codes);
        if (!column->numbers && !column->codes)
            return clade__fail(CLADE_ENOMEM, "csv: no memory for %zu rows", n_rows);
        column->boolean = column->numbers && clade__csv_is_boolean(&file->inside->facts[i],
                                                                   file->dialect.decimal);
    }
    return CLADE_OK;
}

static clade_status run(task *t)
{
    const clade__csv_inside *in = t->file->inside;
    size_t n_parts = (size_t)in->n_parts, n = n_parts * (size_t)in->format.n_cols;
    CLADE_TRY(make_columns(t));
    t->row = malloc(n_parts * sizeof *t->row);
    t->counts = calloc(n, sizeof *t->counts);
    t->words = calloc(n, sizeof *t->words);
    t->codes = calloc(n, sizeof *t->codes);
    if (!t->row || !t->counts || !t->words || !t->codes)
        return clade__fail(CLADE_ENOMEM, "csv: no memory for %d columns", in->format.n_cols);
    int64_t row = t->file->n_rows;
    for (int i = in->n_parts - 1; i >= 0; i--) t->row[i] = row -= in->parts[i].n_rows;
    CLADE_TRY(clade__parallel(in->n_parts, read_part, t));
    CLADE_TRY(clade__parallel(in->n_parts, finish_columns, t));
    CLADE_TRY(clade__parallel(in->n_parts, renumber, t));
    for (size_t i = 0; i < n; i++) {
        clade__csv_column *column = &t->columns[i % (size_t)in->format.n_cols];
        column->n_missing += t->counts[i].n_missing;
        column->n_beyond += t->counts[i].n_beyond;
    }
    return CLADE_OK;
}

clade_status clade__csv_file_read(const clade__csv_file *file, const clade__csv_want *wants,
                                  clade__csv_column *columns)
{
    task t = {.file = file, .wants = wants, .columns = columns};
    size_t n = (size_t)file->inside->n_parts * (size_t)file->n_cols;
    for (int i = 0; i < file->n_cols; i++) columns[i] = (clade__csv_column){0};
    clade_status status = run(&t);
    for (size_t i = 0; i < n && t.words; i++) clade__csv_words_free(&t.words[i]);
    for (size_t i = 0; i < n && t.codes; i++) free(t.codes[i]);
    free(t.row);
    free(t.counts);
    free(t.words);
    free(t.codes);
    if (status != CLADE_OK) clade__csv_columns_free(columns, file->n_cols);
    return status;
}

void clade__csv_columns_free(clade__csv_column *columns, int n_cols)
{
    for (int i = 0; i < n_cols; i++) {
        free(columns[i].numbers);
        free(columns[i].codes);
        free(columns[i].texts);
        columns[i] = (clade__csv_column){0};
    }
}

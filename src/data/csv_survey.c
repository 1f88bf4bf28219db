/* The first look at all of a file, on all cores: where its parts begin, how many rows they have, and
 * what the columns are made of.
 *
 * A part begins behind the first line break, at or after its share of the bytes, that stands in no
 * quotes. At first the file is taken to have no quotes. When a row turns out to have one, all begins
 * anew: quotes are counted, and their number before a line break says whether it stands in quotes. In a
 * file with errors it may be wrong, but then a part before it has an error, and the first one is told.
 * Quotes in comments would be counted too: a file with comments and quoted cells is one part. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/parallel.h"
#include "data/csv_inside.h"

#define PART_BYTES  (1 << 20) /* at least */
#define BLOCK_BYTES (64 * 1024)

typedef struct survey {
    clade__csv_inside *in;
    char decimal;
    int64_t *n_quotes;       /* (n_parts) */
    int64_t *share;          /* (n_parts + 1) offsets */
    clade__csv_facts *facts; /* (n_parts, n_cols) */
    bool count;              /* quotes are counted; else the survey ends at the first one: */
    atomic_bool quotes;      /* a row had one */
} survey;

/* ---- parts ------------------------------------------------------------------------------------- */

static clade_status count_quotes(void *context, int part)
{
    const survey *s = context;
    char block[BLOCK_BYTES];
    int64_t n_quotes = 0;
    for (int64_t at = s->share[part], end = s->share[part + 1]; at < end;) {
        size_t n = end - at < BLOCK_BYTES ? (size_t)(end - at) : BLOCK_BYTES;
        CLADE_TRY(clade__csv_source_copy(&s->in->source, at, block, n));
        for (size_t i = 0; i < n; i++) n_quotes += block[i] == '"';
        at += (int64_t)n;
    }
    s->n_quotes[part] = n_quotes;
    return CLADE_OK;
}

/* Moves *at behind the first line break from there on that is in no quotes; `quoted`: it is in some.
 * Without a count, a quote is none: it may stand in a comment. */
static clade_status find_break(const survey *s, bool quoted, int64_t *at)
{
    const clade__csv_source *source = &s->in->source;
    char block[4096];
    bool cr = false;
    while (*at < source->n_bytes) {
        size_t n = source->n_bytes - *at < (int64_t)sizeof block ? (size_t)(source->n_bytes - *at)
                                                                 : sizeof block;
        CLADE_TRY(clade__csv_source_copy(source, *at, block, n));
        for (size_t i = 0; i < n; i++, ++*at) {
            if (cr && block[i] != '\n') return CLADE_OK;
            if (block[i] == '"' && s->count) quoted = !quoted;
            cr = block[i] == '\r' && !quoted;
            if (block[i] != '\n' || quoted) continue;
            ++*at;
            return CLADE_OK;
        }
    }
    return CLADE_OK;
}

static clade_status cut(survey *s)
{
    clade__csv_inside *in = s->in;
    int64_t n_quotes = 0, begin = in->format.first, bytes = in->source.n_bytes - begin;
    for (int i = 0; i <= in->n_parts; i++)
        s->share[i] = begin + (int64_t)((double)bytes * i / in->n_parts);
    s->share[in->n_parts] = in->source.n_bytes;
    if (s->count) CLADE_TRY(clade__parallel(in->n_parts, count_quotes, s));
    for (int i = 0; i < in->n_parts; i++) {
        int64_t at = s->share[i];
        if (i > 0) CLADE_TRY(find_break(s, n_quotes % 2 == 1, &at));
        in->parts[i].begin = at;
        if (i > 0) in->parts[i - 1].end = at;
        n_quotes += s->n_quotes[i];
    }
    in->parts[in->n_parts - 1].end = in->source.n_bytes;
    return CLADE_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Of a column that has texts, it does not matter what else it has, but for the text on top. */
static void note(clade__csv_facts *facts, const clade__csv_cell *cell, const char *top, char decimal)
{
    if (facts->n_of[CLADE__CSV_WORDS] == 0) {
        facts->n_of[clade__csv_cell_kind(cell, decimal)]++;
        facts->n_quoted += cell->quoted;
    }
    if (!facts->again && (cell->length == 0 || *cell->text == *top))
        facts->again = clade__csv_cell_is(cell, top);
}

/* Whether the first column goes on counting: 0, 1, 2 …. */
static void note_count(clade__csv_part *part, int64_t i, const clade__csv_cell *cell)
{
    double value;
    if (!part->counts) return;
    part->counts = clade__number_parse(cell->text, cell->length, '.', &value) ==
                       CLADE__NUMBER_FINITE &&
                   value >= 0.0 && value <= 2.0 * INT32_MAX && value == (double)(int64_t)value;
    if (!part->counts) return;
    if (i == 0) part->count_from = (int64_t)value;
    part->counts = (int64_t)value == part->count_from + i;
}

/* Whether this survey is in vain. */
static bool is_over(survey *s, const clade__csv_reader *reader)
{
    if (s->count) return false;
    if (reader->quotes) atomic_store(&s->quotes, true);
    return atomic_load_explicit(&s->quotes, memory_order_relaxed);
}

static clade_status survey_part(void *context, int number)
{
    survey *s = context;
    clade__csv_inside *in = s->in;
    clade__csv_part *part = &in->parts[number];
    clade__csv_facts *facts = s->facts + (size_t)number * (size_t)in->format.n_cols;
    clade__csv_reader reader;
    bool more = true;
    clade_status status =
        clade__csv_reader_begin(&reader, &in->source, &in->format, part->begin, part->end);
    part->counts = true;
    if (status == CLADE_OK && number == 0) status = clade__csv_reader_next(&reader, &more);
    if (is_over(s, &reader)) more = false;
    int64_t n = 0; /* without the first row of the file */
    for (; status == CLADE_OK && more; n++) {
        status = clade__csv_reader_next(&reader, &more);
        if (is_over(s, &reader) || status != CLADE_OK || !more) break;
        note_count(part, n, &reader.cells[0]);
        for (int i = 0; i < in->format.n_cols; i++)
            note(&facts[i], &reader.cells[i], in->top[i], s->decimal);
    }
    part->n_rows = n + (number == 0);
    clade__csv_reader_end(&reader);
    return status;
}

static clade_status read_top(clade__csv_inside *in, char decimal)
{
    clade__csv_reader reader;
    bool more;
    clade_status status = clade__csv_reader_begin(&reader, &in->source, &in->format,
                                                  in->format.first, in->source.n_bytes);
    if (status == CLADE_OK) status = clade__csv_reader_next(&reader, &more);
    if (status == CLADE_OK && !more)
        status = clade__fail(CLADE_EDATA, "'%s' has changed while it was read", in->source.path);
    size_t n_cols = (size_t)in->format.n_cols;
    if (status == CLADE_OK) {
        in->top = clade__csv_cells_copy(reader.cells, in->format.n_cols);
        in->top_kind = malloc(n_cols * sizeof *in->top_kind);
        in->top_quoted = malloc(n_cols * sizeof *in->top_quoted);
        if (!in->top || !in->top_kind || !in->top_quoted)
            status = clade__fail(CLADE_ENOMEM, "csv: no memory for %zu columns", n_cols);
    }
    for (size_t i = 0; i < n_cols && status == CLADE_OK; i++) {
        in->top_kind[i] = clade__csv_cell_kind(&reader.cells[i], decimal);
        in->top_quoted[i] = reader.cells[i].quoted;
    }
    clade__csv_reader_end(&reader);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Parts are few where rows are long, so that facts of all parts take less than the file. */
static int choose_parts(const clade__csv_inside *in)
{
    int64_t least = 128 * (int64_t)in->format.n_cols;
    if (least < PART_BYTES) least = PART_BYTES;
    return clade__parallel_parts(in->source.n_bytes - in->format.first, least);
}

static void join_facts(survey *s)
{
    int n_cols = s->in->format.n_cols;
    for (int part = 1; part < s->in->n_parts; part++)
        for (int i = 0; i < n_cols; i++) {
            clade__csv_facts *sum = &s->facts[i];
            const clade__csv_facts *more = &s->facts[(size_t)part * (size_t)n_cols + (size_t)i];
            for (int k = 0; k < CLADE__CSV_N_KINDS; k++) sum->n_of[k] += more->n_of[k];
            sum->n_quoted += more->n_quoted;
            sum->again = sum->again || more->again;
        }
}

static clade_status run(survey *s)
{
    clade__csv_inside *in = s->in;
    size_t n_parts = (size_t)in->n_parts, n_cols = (size_t)in->format.n_cols;
    in->parts = calloc(n_parts, sizeof *in->parts);
    s->n_quotes = calloc(2 * n_parts + 1, sizeof *s->n_quotes);
    s->facts = calloc(n_parts * n_cols, sizeof *s->facts);
    if (!in->parts || !s->n_quotes || !s->facts)
        return clade__fail(CLADE_ENOMEM, "csv: no memory for %zu columns", n_cols);
    s->share = s->n_quotes + n_parts;
    CLADE_TRY(cut(s));
    clade_status status = clade__parallel(in->n_parts, survey_part, s);
    if (atomic_load(&s->quotes)) {
        s->count = true;
        if (in->format.comment) in->n_parts = 1;
        memset(s->facts, 0, n_parts * n_cols * sizeof *s->facts);
        CLADE_TRY(cut(s));
        status = clade__parallel(in->n_parts, survey_part, s);
    }
    CLADE_TRY(status);
    join_facts(s);
    int64_t n_rows = 0;
    for (int i = 0; i < in->n_parts; i++) n_rows += in->parts[i].n_rows;
    if (n_rows <= INT32_MAX) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "'%s' has more than %d rows", in->source.path, INT32_MAX);
}

clade_status clade__csv_survey(clade__csv_inside *in, char decimal)
{
    survey s = {.in = in, .decimal = decimal};
    CLADE_TRY(read_top(in, decimal));
    in->n_parts = choose_parts(in);
    s.count = in->n_parts == 1; /* nothing depends on them then */
    clade_status status = run(&s);
    in->facts = s.facts;
    free(s.n_quotes);
    return status;
}

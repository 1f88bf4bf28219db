/* What the cells of all rows decide: the decimal mark, and whether the first row names the columns.
 *
 * A name is a text, or a whole number that is not negative, or nothing. The first row is a header when
 * it has a text above a column of numbers, or nothing above a first column that counts rows, as
 * programs write it. It is none when its text stands again in the same column, or when it has a
 * number that is no name above a column of numbers, or when it has no text at all. Where both are so,
 * or neither, the row may be either, and that is an error: a guess would lose a row, or learn from
 * names, and nobody would see it. Of neither, these are decided all the same: numbers alone are data,
 * unless they are 0, 1, 2 …; texts above columns of texts that repeat themselves are a header when
 * there are no other columns, or those have 0, 1, 2 … on top, as programs call columns without names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv_inside.h"
#include "data/csv_words.h"

#define SAMPLE_BYTES (4 << 20) /* looked at for texts that repeat */

int64_t clade__csv_n_numbers(const clade__csv_facts *facts, char decimal)
{
    const int64_t *n = facts->n_of;
    return n[CLADE__CSV_BIT] + n[CLADE__CSV_NATURAL] + n[CLADE__CSV_SIGNED] +
           n[decimal == ',' ? CLADE__CSV_COMMAED : CLADE__CSV_POINTED];
}

int64_t clade__csv_n_words(const clade__csv_facts *facts, char decimal)
{
    return facts->n_of[CLADE__CSV_WORDS] +
           facts->n_of[decimal == ',' ? CLADE__CSV_POINTED : CLADE__CSV_COMMAED];
}

bool clade__csv_is_boolean(const clade__csv_facts *facts, char decimal)
{
    return facts->n_of[CLADE__CSV_TRUTH] > 0 && clade__csv_n_words(facts, decimal) == 0 &&
           clade__csv_n_numbers(facts, decimal) == facts->n_of[CLADE__CSV_BIT];
}

/* Whether all of a column are numbers, or true and false, or missing, and some are there. */
static bool is_numeric(const clade__csv_facts *facts, char decimal)
{
    if (facts->n_of[CLADE__CSV_TRUTH] > 0) return clade__csv_is_boolean(facts, decimal);
    return clade__csv_n_words(facts, decimal) == 0 && clade__csv_n_numbers(facts, decimal) > 0;
}

clade_status clade__csv_find_decimal(const clade__csv_inside *in, char *decimal)
{
    int points = -1, commas = -1; /* columns of numbers with these */
    for (int i = 0; i < in->format.n_cols; i++) {
        const int64_t *n = in->facts[i].n_of;
        clade__csv_kind top = in->top_kind[i]; /* a number, if the column is one */
        bool pointed = n[CLADE__CSV_POINTED] > 0 || top == CLADE__CSV_POINTED;
        bool commaed = n[CLADE__CSV_COMMAED] > 0 || top == CLADE__CSV_COMMAED;
        if (pointed && is_numeric(&in->facts[i], '.')) points = i;
        if (commaed && is_numeric(&in->facts[i], ',')) commas = i;
    }
    *decimal = commas >= 0 ? ',' : '.';
    if (commas < 0 || points < 0) return CLADE_OK;
    return clade__fail(CLADE_EDATA,
                       "'%s' has numbers with decimal commas in column %d and with decimal points in "
                       "column %d: write decimal=. or decimal=,",
                       in->source.path, commas + 1, points + 1);
}

/* ---- evidence -------------------------------------------------------------------------------- */

typedef enum top_kind { TOP_MISSING, TOP_NAME, TOP_WHOLE, TOP_VALUE } top_kind;

/* What a column says. */
typedef struct evidence {
    const clade__csv_inside *in;
    char decimal;
    int n_names;       /* texts on top */
    int n_missing;     /* nothing on top */
    int n_unnamed;     /* … of columns of numbers */
    int n_wholes;      /* whole numbers on top of columns of numbers, */
    int n_in_order;    /* and how many of them are 0, 1, 2 … as they come */
    bool stands_again; /* one of them stands again below */
    bool quoted;       /* above columns of numbers, all is in quotes, and below nothing is */
    bool header, data; /* a reason for either */
} evidence;

static top_kind kind_on_top(const evidence *e, int i)
{
    const clade__csv_facts *below = &e->in->facts[i];
    bool numeric = is_numeric(below, e->decimal);
    switch (e->in->top_kind[i]) {
    case CLADE__CSV_MISSING: return TOP_MISSING;
    case CLADE__CSV_TRUTH:
        return clade__csv_is_boolean(below, e->decimal) ? TOP_VALUE : TOP_NAME;
    case CLADE__CSV_WORDS: return TOP_NAME;
    case CLADE__CSV_POINTED: return e->decimal == '.' ? TOP_VALUE : TOP_NAME;
    case CLADE__CSV_COMMAED: return e->decimal == ',' ? TOP_VALUE : TOP_NAME;
    case CLADE__CSV_SIGNED: return TOP_VALUE;
    default: break;
    }
    /* Programs that quote texts and no numbers quote a number that is a name. */
    return numeric && e->quoted ? TOP_NAME : TOP_WHOLE;
}

static void weigh_column(evidence *e, int i)
{
    const clade__csv_facts *below = &e->in->facts[i];
    bool numeric = is_numeric(below, e->decimal);
    top_kind top = kind_on_top(e, i);
    e->n_names += top == TOP_NAME;
    e->n_missing += top == TOP_MISSING;
    e->n_unnamed += top == TOP_MISSING && numeric;
    if (top == TOP_NAME && numeric) e->header = true;
    if (top == TOP_NAME && !numeric && below->again) e->data = true;
    if (top == TOP_VALUE && numeric) e->data = true;
    if (top != TOP_WHOLE || !numeric) return;
    e->n_in_order += strlen(e->in->top[i]) < 9 && atoi(e->in->top[i]) == e->n_wholes;
    e->stands_again = e->stands_again || below->again;
    e->n_wholes++;
}

/* Whether the first column counts the rows below the first from 0 or 1 on. */
static bool counts_rows(const clade__csv_inside *in)
{
    int64_t n = 0, from = -1;
    for (int i = 0; i < in->n_parts; i++) {
        const clade__csv_part *part = &in->parts[i];
        int64_t n_below = part->n_rows - (i == 0);
        if (n_below == 0) continue;
        if (from < 0) from = part->count_from;
        if (!part->counts || part->count_from != from + n) return false;
        n += n_below;
    }
    return n >= 2 && (from == 0 || from == 1);
}

/* Whether a text stands twice below the first row in any column of texts. */
static clade_status find_repeats(const evidence *e, bool *repeats)
{
    const clade__csv_inside *in = e->in;
    clade__csv_reader reader;
    int n_cols = in->format.n_cols;
    bool more = true;
    *repeats = false;
    clade__csv_words *words = calloc((size_t)n_cols, sizeof *words);
    if (!words) return clade__fail(CLADE_ENOMEM, "csv: no memory for %d columns", n_cols);
    clade_status status = clade__csv_reader_begin(&reader, &in->source, &in->format,
                                                  in->format.first, in->source.n_bytes);
    for (int row = 0; status == CLADE_OK && more && !*repeats; row++) {
        status = clade__csv_reader_next(&reader, &more);
        if (row == 0 || !more) continue;
        if (reader.row - in->format.first > SAMPLE_BYTES) break;
        for (int col = 0; col < n_cols && status == CLADE_OK; col++) {
            int32_t number, n = words[col].n;
            if (is_numeric(&in->facts[col], e->decimal) ||
                clade__csv_cell_missing(&reader.cells[col]))
                continue;
            status = clade__csv_words_number(&words[col], &reader.cells[col], row, &number);
            *repeats = *repeats || (status == CLADE_OK && number < n);
        }
    }
    clade__csv_reader_end(&reader);
    for (int col = 0; col < n_cols; col++) clade__csv_words_free(&words[col]);
    free(words);
    return status;
}

/* ---- the decision ---------------------------------------------------------------------------- */

static clade_status refuse(const clade__csv_inside *in)
{
    char cells[160] = "";
    size_t n = 0;
    int n_shown = in->format.n_cols < 4 ? in->format.n_cols : 4;
    for (int i = 0; i < n_shown; i++)
        n += (size_t)snprintf(cells + n, sizeof cells - n, "%s'%.20s'", i ? ", " : "", in->top[i]);
    if (n_shown < in->format.n_cols) snprintf(cells + n, sizeof cells - n, ", …");
    char what[320];
    snprintf(what, sizeof what,
             "cannot tell whether the first row names the columns (%s): write header=yes or "
             "header=no",
             cells);
    return clade__csv_fail_at(&in->source, in->format.first, what);
}

/* With nothing below it, a row of texts alone is a header without rows, and one without texts, or
 * with a number that is no name, is data. */
static clade_status decide_alone(const evidence *e, clade__csv_header *header)
{
    int n_names = 0, n_values = 0;
    for (int i = 0; i < e->in->format.n_cols; i++) {
        top_kind kind = kind_on_top(e, i);
        n_names += kind == TOP_NAME;
        n_values += kind == TOP_VALUE;
    }
    *header = CLADE__CSV_HEADER_NO;
    if (n_values > 0 || n_names == 0) return CLADE_OK;
    if (n_names < e->in->format.n_cols) return refuse(e->in);
    *header = CLADE__CSV_HEADER_YES;
    return CLADE_OK;
}

/* Texts on top, none of them above numbers, and none that stands again. */
static clade_status decide_texts(const evidence *e, clade__csv_header *header)
{
    bool repeats, numbered = e->n_wholes >= 2 && e->n_in_order == e->n_wholes && !e->stands_again;
    if (e->n_unnamed > 0 || (e->n_wholes > 0 && !numbered)) return refuse(e->in);
    CLADE_TRY(find_repeats(e, &repeats));
    if (!repeats) return refuse(e->in);
    *header = CLADE__CSV_HEADER_YES;
    return CLADE_OK;
}

/* No text on top: a row of numbers, unless they may number the columns. */
static clade_status decide_numbers(const evidence *e)
{
    int n_cols = e->in->format.n_cols;
    bool all = e->n_wholes == n_cols || (e->n_wholes > 1 && e->n_wholes + e->n_missing == n_cols);
    return all && e->n_in_order == e->n_wholes ? refuse(e->in) : CLADE_OK;
}

clade_status clade__csv_find_header(const clade__csv_inside *in, char decimal,
                                    clade__csv_header *header)
{
    evidence e = {.in = in, .decimal = decimal};
    int64_t n_rows = 0;
    for (int i = 0; i < in->n_parts; i++) n_rows += in->parts[i].n_rows;
    if (n_rows == 1) return decide_alone(&e, header);
    e.quoted = true;
    for (int i = 0; i < in->format.n_cols; i++)
        if (is_numeric(&in->facts[i], decimal))
            e.quoted = e.quoted && in->top_quoted[i] && in->facts[i].n_quoted == 0;
    for (int i = 0; i < in->format.n_cols; i++) weigh_column(&e, i);
    if (in->top[0][0] == '\0' && counts_rows(in)) e.header = true;
    *header = e.header ? CLADE__CSV_HEADER_YES : CLADE__CSV_HEADER_NO;
    if (e.header != e.data) return CLADE_OK;
    if (e.header) return refuse(in);
    return e.n_names > 0 ? decide_texts(&e, header) : decide_numbers(&e);
}

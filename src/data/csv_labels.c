/* Labels are first numbered as they come, by a hash table of the different texts; then those are
 * sorted, and the numbers replaced. */
#include "data/csv_labels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/number.h"

/* One of the texts in the column. */
typedef struct word {
    const char *text;
    double value;   /* 0 in a column of names, so that texts alone decide the order */
    int32_t number; /* by first occurrence */
} word;

typedef struct words {
    word *list; /* (n), room for half as many as there are slots */
    int32_t n;
    int32_t *slots; /* (n_slots) a number, or -1 */
    size_t n_slots; /* a power of two */
} words;

static size_t find_slot(const words *w, const char *text)
{
    uint64_t hash = clade__hash_text(CLADE__HASH_START, text);
    size_t slot = (size_t)(hash ^ hash >> 32) & (w->n_slots - 1);
    while (w->slots[slot] >= 0 && strcmp(w->list[w->slots[slot]].text, text) != 0)
        slot = (slot + 1) & (w->n_slots - 1);
    return slot;
}

static clade_status grow(words *w)
{
    size_t n_slots = w->n_slots ? 2 * w->n_slots : 64;
    int32_t *slots = malloc(n_slots * sizeof *slots);
    word *list = realloc(w->list, n_slots / 2 * sizeof *list);
    if (list) w->list = list;
    if (!slots || !list) {
        free(slots);
        return clade__fail(CLADE_ENOMEM, "csv: no memory for %zu labels", n_slots / 2);
    }
    free(w->slots);
    w->slots = slots;
    w->n_slots = n_slots;
    for (size_t i = 0; i < n_slots; i++) slots[i] = -1;
    for (int32_t i = 0; i < w->n; i++) slots[find_slot(w, w->list[i].text)] = i;
    return CLADE_OK;
}

static clade_status number_word(words *w, const char *text, int32_t *number)
{
    if ((size_t)w->n >= w->n_slots / 2) CLADE_TRY(grow(w));
    size_t slot = find_slot(w, text);
    if (w->slots[slot] < 0) {
        w->slots[slot] = w->n;
        w->list[w->n] = (word){.text = text, .number = w->n};
        w->n++;
    }
    *number = w->slots[slot];
    return CLADE_OK;
}

/* Numbers the words of the column; of_row (rows without the header) becomes those numbers. */
static clade_status collect(words *w, int32_t *of_row, const clade__csv_table *table, int64_t col)
{
    const char *cell = table->cells;
    for (int64_t row = 0; row < table->n_rows; row++)
        for (int64_t c = 0; c < table->n_cols; c++, cell = clade__csv_next(cell)) {
            if (c != col || (row == 0 && table->header)) continue;
            if (*cell == '\0') return clade__csv_fail_cell(table, row, col, cell, "a label");
            int32_t n_known = w->n;
            CLADE_TRY(number_word(w, cell, &of_row[row - table->header]));
            if (w->n > n_known && !clade__is_utf8(cell))
                return clade__csv_fail_cell(table, row, col, cell,
                                            "a label in UTF-8; convert the file to UTF-8, as by "
                                            "iconv -f latin1 -t utf-8");
            if (w->n > CLADE__DATA_MAX_CLASSES)
                return clade__fail(CLADE_EDATA, "%s:%d: column %d has more than %d labels",
                                   table->path, table->line[row], (int)col + 1,
                                   CLADE__DATA_MAX_CLASSES);
        }
    return CLADE_OK;
}

/* A column of numbers must be of whole ones. */
static clade_status fail_number(const clade__csv_table *table, int64_t col, const int32_t *of_row,
                                const word *bad)
{
    int64_t row = 0;
    while (of_row[row] != bad->number) row++;
    return clade__csv_fail_cell(table, row + table->header, col, bad->text,
                                "a whole number or a name as a label; numbers to predict are "
                                "chosen by ?target=COLUMN");
}

/* Sets the values of the words where all are numbers. */
static clade_status value_words(words *w, bool *numbers, const clade__csv_table *table, int64_t col,
                                const int32_t *of_row)
{
    const word *bad = NULL;
    *numbers = true;
    for (int32_t i = 0; i < w->n && *numbers; i++) {
        word *at = &w->list[i];
        clade__number kind = clade__number_double(at->text, &at->value);
        *numbers = kind != CLADE__NUMBER_NONE;
        bool whole =
            kind == CLADE__NUMBER_FINITE && floor(at->value) == at->value &&
            fabs(at->value) <= 9007199254740992.0; /* 2^53: above, doubles leave some out */
        if (!whole && !bad) bad = at;
    }
    if (*numbers) return bad ? fail_number(table, col, of_row, bad) : CLADE_OK;
    for (int32_t i = 0; i < w->n; i++) w->list[i].value = 0.0;
    return CLADE_OK;
}

static int compare_words(const void *a, const void *b)
{
    const word *left = a, *right = b;
    if (left->value != right->value) return left->value < right->value ? -1 : 1;
    return strcmp(left->text, right->text);
}

/* Sorts the words and makes classes of them: 1 and 1.0 are one. */
static clade_status make_classes(clade__csv_labels *labels, words *w, bool numbers, int64_t n_rows)
{
    int32_t *class_of = malloc((size_t)w->n * sizeof *class_of);
    labels->names = malloc((size_t)w->n * sizeof *labels->names);
    if (!class_of || !labels->names) {
        free(class_of);
        return clade__fail(CLADE_ENOMEM, "csv: no memory for %d labels", w->n);
    }
    qsort(w->list, (size_t)w->n, sizeof *w->list, compare_words);
    int n = 0;
    for (int32_t i = 0; i < w->n; i++) {
        bool same = numbers && i > 0 && w->list[i].value == w->list[i - 1].value;
        if (!same) labels->names[n++] = w->list[i].text;
        class_of[w->list[i].number] = n - 1;
    }
    for (int64_t i = 0; i < n_rows; i++) labels->of_row[i] = class_of[labels->of_row[i]];
    labels->n_classes = n;
    if (numbers && w->list[0].value == 0.0 && w->list[w->n - 1].value == n - 1) {
        free(labels->names);
        labels->names = NULL;
    }
    free(class_of);
    return CLADE_OK;
}

clade_status clade__csv_labels_read(clade__csv_labels *labels, const clade__csv_table *table,
                                    int64_t col)
{
    int64_t n_rows = table->n_rows - table->header;
    words w = {0};
    bool numbers;
    labels->of_row = malloc((size_t)n_rows * sizeof *labels->of_row);
    clade_status status = labels->of_row ? collect(&w, labels->of_row, table, col)
                                         : clade__fail(CLADE_ENOMEM, "csv: no memory for labels");
    if (status == CLADE_OK) status = value_words(&w, &numbers, table, col, labels->of_row);
    if (status == CLADE_OK) status = make_classes(labels, &w, numbers, n_rows);
    free(w.list);
    free(w.slots);
    return status;
}

void clade__csv_labels_free(clade__csv_labels *labels)
{
    free(labels->of_row);
    free(labels->names);
    *labels = (clade__csv_labels){0};
}

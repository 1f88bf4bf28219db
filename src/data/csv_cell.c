/* Cells: their text, and what kind of value it is. */
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "data/csv_inside.h"

size_t clade__csv_cell_copy(const clade__csv_cell *cell, char *to)
{
    size_t n = 0;
    if (!cell->escaped) {
        memcpy(to, cell->text, cell->length);
        n = cell->length;
    } else {
        for (uint32_t i = 0; i < cell->length; i++) {
            to[n++] = cell->text[i];
            i += cell->text[i] == '"'; /* the second one */
        }
    }
    to[n] = '\0';
    return n;
}

bool clade__csv_cell_is(const clade__csv_cell *cell, const char *text)
{
    uint32_t i = 0;
    for (; i < cell->length && *text == cell->text[i]; i++, text++)
        i += cell->escaped && *text == '"';
    return i >= cell->length && *text == '\0';
}

char **clade__csv_cells_copy(const clade__csv_cell *cells, int n)
{
    size_t bytes = (size_t)n * sizeof(char *);
    for (int i = 0; i < n; i++) bytes += cells[i].length + (size_t)1;
    char **copies = malloc(bytes);
    if (!copies) return NULL;
    char *to = (char *)(copies + n);
    for (int i = 0; i < n; i++) {
        copies[i] = to;
        to += clade__csv_cell_copy(&cells[i], to) + 1;
    }
    return copies;
}

static bool same_word(const char *text, uint32_t length, const char *lower)
{
    for (uint32_t i = 0; i < length; i++)
        if (lower[i] == '\0' || clade__lower(text[i]) != lower[i]) return false;
    return lower[length] == '\0';
}

/* https://pandas.pydata.org/docs/reference/api/pandas.read_csv.html, na_values; and "?" and "-". */
static bool is_missing(const char *text, size_t length)
{
    static const char words[][10] = {
        "?",    "-",   "NA",   "N/A",  "n/a",      "NULL",     "null",    "None",   "<NA>",
        "#N/A", "#NA", "-NaN", "-nan", "#N/A N/A", "-1.#IND",  "-1.#QNAN", "1.#IND", "1.#QNAN",
    };
    if (length == 0) return true;
    if (length > 8 || !strchr("?-Nn<#1", *text)) return false;
    if (length == 3 && same_word(text, 3, "nan")) return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i][0] == *text && strlen(words[i]) == length &&
            memcmp(words[i], text, length) == 0)
            return true;
    return false;
}

bool clade__csv_is_missing(const char *text)
{
    return is_missing(text, strlen(text));
}

bool clade__csv_cell_missing(const clade__csv_cell *cell)
{
    return is_missing(cell->text, cell->length);
}

bool clade__csv_cell_truth(const clade__csv_cell *cell, bool *truth)
{
    *truth = same_word(cell->text, cell->length, "true");
    return *truth || same_word(cell->text, cell->length, "false");
}

/* A number with this decimal mark; WORDS: it is none. */
static clade__csv_kind number_kind(const clade__csv_cell *cell, char mark)
{
    bool marked;
    clade__number number = clade__number_scan(cell->text, cell->length, mark, &marked);
    if (number == CLADE__NUMBER_NONE) return CLADE__CSV_WORDS;
    if (marked) return mark == ',' ? CLADE__CSV_COMMAED : CLADE__CSV_POINTED;
    for (uint32_t i = 0; i < cell->length; i++)
        if (cell->text[i] < '0' || cell->text[i] > '9') return CLADE__CSV_SIGNED;
    return CLADE__CSV_NATURAL;
}

clade__csv_kind clade__csv_cell_kind(const clade__csv_cell *cell, char decimal)
{
    bool truth;
    clade__csv_kind kind = CLADE__CSV_WORDS;
    if (cell->length == 0) return CLADE__CSV_MISSING;
    if (cell->length == 1 && (*cell->text == '0' || *cell->text == '1')) return CLADE__CSV_BIT;
    if (cell->simple && !cell->mark) return cell->negative ? CLADE__CSV_SIGNED : CLADE__CSV_NATURAL;
    if (cell->simple && cell->mark == '.' && decimal != ',') return CLADE__CSV_POINTED;
    if (cell->simple && cell->mark == ',' && decimal != '.') return CLADE__CSV_COMMAED;
    if (clade__is_letter(*cell->text) || *cell->text == '-') {
        if (clade__csv_cell_missing(cell)) return CLADE__CSV_MISSING; /* before nan as a number */
        if (clade__csv_cell_truth(cell, &truth)) return CLADE__CSV_TRUTH;
    }
    if (decimal != ',') kind = number_kind(cell, '.');
    if (decimal != '.' && kind == CLADE__CSV_WORDS) kind = number_kind(cell, ',');
    if (kind == CLADE__CSV_WORDS && clade__csv_cell_missing(cell)) return CLADE__CSV_MISSING;
    return kind;
}

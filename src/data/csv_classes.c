#include "data/csv_classes.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/names.h"

typedef struct word {
    const char *text; /* in its canonical form, where all are numbers */
    int32_t code;
} word;

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const word *)a)->text, ((const word *)b)->text);
}

static int by_value(const void *a, const void *b)
{
    return clade__number_compare(((const word *)a)->text, ((const word *)b)->text);
}

/* The canonical forms of n words, in one block; *all is false, and nothing is made, where one is no
 * number. */
static clade_status canonical_forms(char **block, bool *all, word *words, int32_t n)
{
    *block = malloc((size_t)n * CLADE__NAME_NUMBER_BYTES + 1);
    if (!*block) return clade__fail(CLADE_ENOMEM, "csv: no memory for %d texts", n);
    *all = n > 0;
    for (int32_t i = 0; i < n && *all; i++)
        *all = clade__number_canonical(words[i].text, *block + (size_t)i * CLADE__NAME_NUMBER_BYTES, CLADE__NAME_NUMBER_BYTES);
    for (int32_t i = 0; i < n && *all; i++) words[i].text = *block + (size_t)i * CLADE__NAME_NUMBER_BYTES;
    return CLADE_OK;
}

/* Numbers sorted words, equal ones alike, and copies their names. */
static clade_status number_words(clade__csv_classes *classes, const word *words, int32_t n)
{
    const char **names = malloc(((size_t)n + 1) * sizeof *names);
    if (!names) return clade__fail(CLADE_ENOMEM, "csv: no memory for %d texts", n);
    for (int32_t i = 0; i < n; i++) {
        if (classes->n == 0 || strcmp(names[classes->n - 1], words[i].text) != 0)
            names[classes->n++] = words[i].text;
        classes->of_code[words[i].code] = classes->n - 1;
    }
    classes->names = clade__names_copy(names, (size_t)classes->n);
    free(names);
    return classes->names ? CLADE_OK : clade__fail(CLADE_ENOMEM, "csv: no memory for %d texts", n);
}

clade_status clade__csv_classes_sort(clade__csv_classes *classes, const clade__csv_column *column,
                                     const bool *used)
{
    size_t room = (size_t)column->n_texts + 1;
    word *words = malloc(room * sizeof *words);
    char *block = NULL;
    int32_t n = 0;
    classes->of_code = malloc(room * sizeof *classes->of_code);
    clade_status status = words && classes->of_code
                              ? CLADE_OK
                              : clade__fail(CLADE_ENOMEM, "csv: no memory for %d texts",
                                            column->n_texts);
    for (int32_t i = 0; status == CLADE_OK && i < column->n_texts; i++) {
        classes->of_code[i] = -1;
        if (!used || used[i]) words[n++] = (word){column->texts[i], i};
    }
    if (status == CLADE_OK) status = canonical_forms(&block, &classes->numbers, words, n);
    if (status == CLADE_OK) {
        qsort(words, (size_t)n, sizeof *words, classes->numbers ? by_value : by_bytes);
        status = number_words(classes, words, n);
    }
    free(words);
    free(block);
    return status;
}

int64_t clade__csv_first_row(const clade__csv_file *file, const clade__csv_column *column,
                             int32_t code)
{
    int64_t row = 0;
    while (row < file->n_rows - 1 && column->codes[row] != code) row++;
    return row;
}

clade_status clade__csv_classes_read(clade__csv_classes *classes, const clade__csv_file *file,
                                     const clade__csv_column *column, int col)
{
    if (column->n_missing > 0)
        return clade__csv_fail(file, clade__csv_first_row(file, column, -1), col,
                               "a label, as a missing one is no class; label= names another column");
    CLADE_TRY(clade__csv_classes_sort(classes, column, NULL));
    if (classes->n > CLADE__DATA_MAX_CLASSES)
        return clade__fail(CLADE_EDATA, "'%s': column %d has %d different labels, more than %d",
                           file->path, col + 1, classes->n, CLADE__DATA_MAX_CLASSES);
    for (int32_t i = 0; classes->numbers && i < column->n_texts; i++)
        if (strchr(classes->names[classes->of_code[i]], '.'))
            return clade__csv_fail(file, clade__csv_first_row(file, column, i), col,
                                   "a whole number or a name as a label; numbers to predict are "
                                   "chosen by ?target=COLUMN");
    return CLADE_OK;
}

clade_status clade__csv_classes_match(int32_t **of_code, const clade__csv_column *column,
                                      char *const *texts, int n_texts)
{
    *of_code = malloc(((size_t)column->n_texts + 1) * sizeof **of_code);
    if (!*of_code) return clade__fail(CLADE_ENOMEM, "csv: no memory for %d texts", column->n_texts);
    return clade__names_match(*of_code, (const char *const *)column->texts, column->n_texts,
                              (const char *const *)texts, n_texts);
}

void clade__csv_classes_free(clade__csv_classes *classes)
{
    free(classes->names);
    free(classes->of_code);
    *classes = (clade__csv_classes){0};
}

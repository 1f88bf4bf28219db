#include "data/npy_labels.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

/* ---- numbers --------------------------------------------------------------------------------- */

/* Raises *n_classes to what the array wants; most: how many there may be. */
static clade_status count_classes(int *n_classes, const clade__npy *array, uint64_t most, bool given)
{
    for (int64_t i = 0; i < array->n_elements; i++) {
        bool negative;
        uint64_t label = clade__npy_whole(array, i, &negative);
        if (negative || label >= most)
            return clade__fail(CLADE_EDATA,
                               "'%s' has label %s%" PRIu64 " in row %" PRId64 ", want 0 to %" PRIu64
                               "%s",
                               array->path, negative ? "-" : "", label, i, most - 1,
                               given ? ", as classes= says" : "");
        if (label >= (uint64_t)*n_classes) *n_classes = (int)label + 1;
    }
    return CLADE_OK;
}

/* ---- texts ----------------------------------------------------------------------------------- */

typedef struct word {
    const char *text;
    double value; /* 0 in a column of names, so that texts alone decide the order */
    int64_t row;  /* of all arrays, one after another */
} word;

static int compare_words(const void *a, const void *b)
{
    const word *left = a, *right = b;
    if (left->value != right->value) return left->value < right->value ? -1 : 1;
    return strcmp(left->text, right->text);
}

/* Takes all texts, one behind the other, into labels->texts and words. */
static clade_status take_texts(clade__npy_labels *labels, word *words, const clade__npy *arrays, int n)
{
    char *at = labels->texts;
    int64_t row = 0;
    for (int k = 0; k < n; k++)
        for (int64_t i = 0; i < arrays[k].n_elements; i++, row++) {
            CLADE_TRY(clade__npy_text(&arrays[k], i, at));
            words[row] = (word){.text = at, .row = row};
            at += strlen(at) + 1;
        }
    return CLADE_OK;
}

static clade_status fail_word(const clade__npy *arrays, const word *bad)
{
    int64_t row = bad->row;
    for (; row >= arrays->n_elements; arrays++) row -= arrays->n_elements;
    return clade__fail(CLADE_EDATA,
                       "'%s' has '%.40s' in row %" PRId64 ", want a whole number or a name as a "
                       "label; for numbers to predict, save y.astype('<f4')",
                       arrays->path, bad->text, row);
}

/* Sets the values of the words where all are numbers, which must be whole then. */
static clade_status value_words(word *words, int64_t n, const clade__npy *arrays, bool *numbers)
{
    const word *bad = NULL;
    *numbers = true;
    for (int64_t i = 0; i < n && *numbers; i++) {
        clade__number kind = clade__number_double(words[i].text, &words[i].value);
        bool whole = kind == CLADE__NUMBER_FINITE && floor(words[i].value) == words[i].value &&
                     fabs(words[i].value) <= 9007199254740992.0; /* 2^53 */
        *numbers = kind != CLADE__NUMBER_NONE;
        if (!whole && !bad) bad = &words[i];
    }
    if (*numbers && bad) return fail_word(arrays, bad);
    for (int64_t i = 0; i < n && !*numbers; i++) words[i].value = 0.0;
    return CLADE_OK;
}

/* Sorts the words and makes classes of them: '1' and '01' are one. */
static clade_status number_words(clade__npy_labels *labels, word *words, int64_t n, int64_t n_first,
                                 bool numbers, const char *path)
{
    qsort(words, (size_t)n, sizeof *words, compare_words);
    int32_t n_classes = 0;
    for (int64_t i = 0; i < n; i++) {
        bool same = i > 0 && (numbers ? words[i].value == words[i - 1].value
                                      : strcmp(words[i].text, words[i - 1].text) == 0);
        if (!same && n_classes == CLADE__DATA_MAX_CLASSES)
            return clade__fail(CLADE_EDATA, "'%s' has more than %d different labels", path,
                               CLADE__DATA_MAX_CLASSES);
        if (!same) labels->names[n_classes++] = words[i].text;
        if (words[i].row < n_first) labels->of_row[words[i].row] = n_classes - 1;
    }
    labels->n_classes = n_classes;
    if (numbers && words[0].value == 0.0 && words[n - 1].value == n_classes - 1) {
        free(labels->names);
        labels->names = NULL;
    }
    return CLADE_OK;
}

static clade_status read_texts(clade__npy_labels *labels, const clade__npy *arrays, int n)
{
    int64_t n_rows = 0;
    size_t n_bytes = 0;
    for (int k = 0; k < n; k++) {
        n_rows += arrays[k].n_elements;
        n_bytes += (size_t)arrays[k].n_elements * clade__npy_text_room(&arrays[k]);
    }
    bool numbers;
    word *words = malloc((size_t)n_rows * sizeof *words);
    labels->texts = malloc(n_bytes);
    labels->names = malloc((size_t)n_rows * sizeof *labels->names);
    labels->of_row = malloc((size_t)arrays[0].n_elements * sizeof *labels->of_row);
    clade_status status = CLADE_OK;
    if (!words || !labels->texts || !labels->names || !labels->of_row)
        status = clade__fail(CLADE_ENOMEM, "npy: no memory for %" PRId64 " labels", n_rows);
    if (status == CLADE_OK) status = take_texts(labels, words, arrays, n);
    if (status == CLADE_OK) status = value_words(words, n_rows, arrays, &numbers);
    if (status == CLADE_OK)
        status = number_words(labels, words, n_rows, arrays[0].n_elements, numbers, arrays[0].path);
    free(words);
    return status;
}

/* ---- both ------------------------------------------------------------------------------------ */

clade_status clade__npy_labels_read(clade__npy_labels *labels, const clade__npy *arrays, int n,
                                    const clade__data_spec *spec)
{
    uint64_t most = 0;
    CLADE_TRY(clade__data_option_number(spec, "classes", 1, CLADE__DATA_MAX_CLASSES, &most));
    bool given = most > 0, texts = clade__npy_is_text(&arrays[0]);
    for (int k = 1; k < n; k++)
        if (clade__npy_is_text(&arrays[k]) != texts || arrays[k].kind == CLADE__NPY_FLOAT)
            return clade__fail(CLADE_EDATA,
                               "'%s' and '%s' have labels of different types, want one type in both",
                               arrays[0].path, arrays[k].path);
    if (given && texts)
        return clade__fail(CLADE_EINVAL,
                           "npy: classes= is for labels that are numbers, and '%s' has texts",
                           arrays[0].path);
    if (texts) return read_texts(labels, arrays, n);
    if (!given) most = CLADE__DATA_MAX_CLASSES;
    for (int k = 0; k < n; k++)
        CLADE_TRY(count_classes(&labels->n_classes, &arrays[k], most, given));
    if (given) labels->n_classes = (int)most;
    return CLADE_OK;
}

int32_t clade__npy_label(const clade__npy_labels *labels, const clade__npy *array, int64_t i)
{
    bool negative;
    return labels->of_row ? labels->of_row[i] : (int32_t)clade__npy_whole(array, i, &negative);
}

void clade__npy_labels_free(clade__npy_labels *labels)
{
    free(labels->of_row);
    free(labels->names);
    free(labels->texts);
    *labels = (clade__npy_labels){0};
}

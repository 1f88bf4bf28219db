#include "data/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"

/* A name under which one of the known is found. */
typedef struct entry {
    const char *text;
    int32_t which;
} entry;

/* Of equal texts, the known one that comes first. */
static int by_bytes(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order ? order : (x->which > y->which) - (x->which < y->which);
}

/* The first entry of the text; -1 where there is none. */
static int32_t find(const entry *entries, int32_t n, const char *text)
{
    int32_t low = 0, high = n;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (strcmp(entries[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && strcmp(entries[low].text, text) == 0 ? entries[low].which : -1;
}

/* Fills entries with the known that are numbers, in their canonical form in `block`; how many are. */
static int32_t list_numbers(entry *entries, char *block, const char *const *known, int32_t n_known)
{
    int32_t n = 0;
    for (int32_t i = 0; i < n_known; i++) {
        char *to = block + (size_t)n * CLADE__NAME_NUMBER_BYTES;
        if (clade__number_canonical(known[i], to, CLADE__NAME_NUMBER_BYTES))
            entries[n++] = (entry){to, i};
    }
    return n;
}

clade_status clade__names_match(int32_t *of_name, const char *const *names, int32_t n,
                                const char *const *known, int32_t n_known)
{
    entry *words = malloc(((size_t)n_known + 1) * sizeof *words);
    entry *numbers = malloc(((size_t)n_known + 1) * sizeof *numbers);
    char *block = malloc((size_t)n_known * CLADE__NAME_NUMBER_BYTES + 1);
    clade_status status = words && numbers && block
                              ? CLADE_OK
                              : clade__fail(CLADE_ENOMEM, "no memory for %d names", n_known);
    if (status == CLADE_OK) {
        for (int32_t i = 0; i < n_known; i++) words[i] = (entry){known[i], i};
        int32_t n_numbers = list_numbers(numbers, block, known, n_known);
        qsort(words, (size_t)n_known, sizeof *words, by_bytes);
        qsort(numbers, (size_t)n_numbers, sizeof *numbers, by_bytes);
        for (int32_t i = 0; i < n; i++) {
            char digits[CLADE__NAME_NUMBER_BYTES];
            of_name[i] = find(words, n_known, names[i]);
            if (of_name[i] < 0 && n_numbers > 0 &&
                clade__number_canonical(names[i], digits, sizeof digits))
                of_name[i] = find(numbers, n_numbers, digits);
        }
    }
    free(words);
    free(numbers);
    free(block);
    return status;
}

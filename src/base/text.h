/* Text: a growing string, and the nearest word for "did you mean". */
#ifndef CLADE_BASE_TEXT_H
#define CLADE_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* snprintf and vsnprintf, but with a point in numbers under every locale. */
int clade__format(char *out, size_t out_bytes, const char *format, ...) CLADE_PRINTF(3, 4);
int clade__vformat(char *out, size_t out_bytes, const char *format, va_list args) CLADE_PRINTF(3, 0);

/* Starts zeroed. After an allocation failed, `failed` is set and appending does nothing. */
typedef struct clade__text {
    char *data; /* always ends in a zero once something was appended */
    size_t length, capacity;
    bool failed;
} clade__text;

/* Appends as clade__format writes. */
void clade__text_append(clade__text *text, const char *format, ...) CLADE_PRINTF(2, 3);
void clade__text_free(clade__text *text);

/* The word among `words` that is most like `word` (edit distance, at most a third of its length,
 * rounded up), or NULL. */
const char *clade__nearest_word(const char *word, const char *const *words, size_t n_words);

/* "; did you mean 'x'?" in `out`, or "; one of a, b, c" when no word is near. Returns out. */
char *clade__suggest(char *out, size_t out_bytes, const char *word, const char *const *words,
                     size_t n_words);

/* A copy: free() it. NULL without memory. */
char *clade__copy_text(const char *text);

/* A copy of n names in one block: free() it. NULL without memory. */
char **clade__names_copy(const char *const *names, size_t n);

/* The character that a text begins with, and how many bytes it has: 0 where it is not UTF-8. */
int clade__utf8_read(const char *text, uint32_t *character);

bool clade__is_utf8(const char *text);

/* The shortest decimal that reads back as this float: 0.1 for 0.1f. */
double clade__decimal(float value);

/* A letter in lower case, and whether it is one: of ASCII, under every locale. */
char clade__lower(char c);
bool clade__is_letter(char c);

/* Whether `part` occurs in `text`, letters' case aside. */
bool clade__contains_nocase(const char *text, const char *part);

#endif

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/c_locale.h"
#include "base/number.h"

int clade__vformat(char *out, size_t out_bytes, const char *format, va_list args)
{
    void *before = clade__c_locale_begin();
    int n = vsnprintf(out, out_bytes, format, args);
    clade__c_locale_end(before);
    return n;
}

int clade__format(char *out, size_t out_bytes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = clade__vformat(out, out_bytes, format, args);
    va_end(args);
    return n;
}

void clade__text_append(clade__text *text, const char *format, ...)
{
    if (text->failed) return;
    va_list args;
    va_start(args, format);
    int more = clade__vformat(NULL, 0, format, args);
    va_end(args);
    size_t need = text->length + (more < 0 ? 0 : (size_t)more) + 1;
    if (need > text->capacity) {
        size_t capacity = need > 2 * text->capacity ? need : 2 * text->capacity;
        char *data = realloc(text->data, capacity);
        if (!data) {
            text->failed = true;
            return;
        }
        text->data = data;
        text->capacity = capacity;
    }
    va_start(args, format);
    clade__vformat(text->data + text->length, text->capacity - text->length, format, args);
    va_end(args);
    text->length = need - 1;
}

void clade__text_free(clade__text *text)
{
    free(text->data);
    *text = (clade__text){0};
}

char *clade__copy_text(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = malloc(bytes);
    if (copy) memcpy(copy, text, bytes);
    return copy;
}

char clade__lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool clade__is_letter(char c)
{
    return clade__lower(c) >= 'a' && clade__lower(c) <= 'z';
}

#define WORD_MAX 63

/* Levenshtein distance of two words of at most WORD_MAX characters. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t n_a = strlen(a), n_b = strlen(b);
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= n_b; j++) row[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t change = diagonal + (clade__lower(a[i - 1]) != clade__lower(b[j - 1]));
            diagonal = row[j];
            size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < shorter ? change : shorter;
        }
    }
    return row[n_b];
}

const char *clade__nearest_word(const char *word, const char *const *words, size_t n_words)
{
    size_t length = strlen(word);
    if (length == 0 || length > WORD_MAX) return NULL;
    const char *nearest = NULL;
    size_t least = (length + 2) / 3 + 1;
    for (size_t i = 0; i < n_words; i++) {
        if (strlen(words[i]) > WORD_MAX) continue;
        size_t distance = edit_distance(word, words[i]);
        if (distance < least) {
            least = distance;
            nearest = words[i];
        }
    }
    return nearest;
}

char *clade__suggest(char *out, size_t out_bytes, const char *word, const char *const *words,
                     size_t n_words)
{
    const char *nearest = clade__nearest_word(word, words, n_words);
    if (nearest) {
        snprintf(out, out_bytes, "; did you mean '%s'?", nearest);
        return out;
    }
    size_t used = (size_t)snprintf(out, out_bytes, "; one of ");
    for (size_t i = 0; i < n_words && used < out_bytes; i++)
        used += (size_t)snprintf(out + used, out_bytes - used, "%s%s", i ? ", " : "", words[i]);
    return out;
}

char **clade__names_copy(const char *const *names, size_t n)
{
    size_t text_bytes = 0;
    for (size_t i = 0; i < n; i++) text_bytes += strlen(names[i]) + 1;
    char **block = malloc(n * sizeof *block + text_bytes);
    if (!block) return NULL;
    char *text = (char *)(block + n);
    for (size_t i = 0; i < n; i++) {
        size_t bytes = strlen(names[i]) + 1;
        block[i] = memcpy(text, names[i], bytes);
        text += bytes;
    }
    return block;
}

int clade__utf8_read(const char *text, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* less would be too long */
    uint32_t c = (unsigned char)text[0];
    int n = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;
    if (n > 1) c &= 0x7fu >> n;
    for (int i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (text[i] & 0x3fu);
    }
    bool half_of_a_pair = c >= 0xd800 && c < 0xe000;
    if (n == 0 || c < least[n] || half_of_a_pair || c > 0x10ffff) return 0;
    *character = c;
    return n;
}

bool clade__is_utf8(const char *text)
{
    uint32_t character;
    for (int n; *text; text += n) {
        n = clade__utf8_read(text, &character);
        if (n == 0) return false;
    }
    return true;
}

double clade__decimal(float value)
{
    char text[32];
    double decimal = (double)value;
    for (int digits = 1; digits <= 9; digits++) {
        clade__format(text, sizeof text, "%.*g", digits, (double)value);
        if (!clade__number_read(text, &decimal) || (float)decimal == value) break;
    }
    return decimal;
}

bool clade__contains_nocase(const char *text, const char *part)
{
    size_t n = strlen(part);
    for (; strlen(text) >= n; text++) {
        size_t i = 0;
        while (i < n && clade__lower(text[i]) == clade__lower(part[i])) i++;
        if (i == n) return true;
    }
    return false;
}

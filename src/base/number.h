/* Reads numbers from text, the same under every locale and strict about the whole of it. They are written
 * by clade__format and clade__text_append (text.h). */
#ifndef CLADE_BASE_NUMBER_H
#define CLADE_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum clade__number {
    CLADE__NUMBER_FINITE,
    CLADE__NUMBER_NOT_FINITE, /* nan, inf, infinity in any case, or too large for the type */
    CLADE__NUMBER_NONE,       /* no number */
} clade__number;

/* [+-] digits [. digits] [e [+-] digits], with at least one digit before the e; no blanks, no
 * hexadecimal. Rounded to nearest, so that what %.9g or %.17g printed comes back. *value is set
 * when the number is finite. */
clade__number clade__number_float(const char *text, float *value);
clade__number clade__number_double(const char *text, double *value);

/* Any double as printf writes it: also nan, inf and infinity, with a sign. False where text holds anything
 * else, or a number that is too large. */
bool clade__number_read(const char *text, double *value);

/* As clade__number_double, of a text that no zero ends, with `mark` as the decimal point. */
clade__number clade__number_parse(const char *text, size_t length, char mark, double *value);

/* What such a text is by its syntax alone: too large a number is finite here. *marked: there is a
 * decimal mark in it, if it is a number. */
clade__number clade__number_scan(const char *text, size_t length, char mark, bool *marked);

/* digits * 10^power, rounded to nearest; false where that takes more than a few operations. */
bool clade__number_make(uint64_t digits, int64_t power, double *value);

/* The one form that equal numbers have: an optional '-', digits without leading zeros and, where it is
 * not whole, a point and digits without trailing zeros: "1.50" is "1.5", "+01" is "1", "1e2" is "100",
 * "-0" is "0". All digits count, however many. False where the text is no finite number, or the form does
 * not fit out_bytes. */
bool clade__number_canonical(const char *text, char *out, size_t out_bytes);

/* Below, at or above 0 as a is below, equal to or above b; both canonical. */
int clade__number_compare(const char *a, const char *b);

#endif

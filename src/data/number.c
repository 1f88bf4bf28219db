/* Most numbers in tables have few digits, and a double holds both the digits and the power of ten
 * exactly: one multiplication or division then rounds as it should (W. Clinger, "How to read
 * floating point numbers accurately", PLDI 1990). For the rest strtod and strtof do it; the point,
 * the one character that a locale changes for them, is taken out first: 1.25 becomes 125e-2. */
#include "data/number.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_DIGITS 19                 /* what always fits 64 bits */
#define MOST_DIGITS 780                /* the midpoint of two doubles has at most 767 */
#define MOST_POWER  (INT64_C(1) << 40) /* beyond any exponent that digits could make up for */

typedef struct decimal {
    bool negative;
    uint64_t head;     /* the first digits, after leading zeros */
    int64_t n_digits;  /* after leading zeros, those not in head included */
    int64_t power;     /* the value is digits * 10^power */
    const char *start; /* of the digits, for a second look */
} decimal;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool same_word(const char *text, const char *word)
{
    for (; *text && *word; text++, word++)
        if ((*text | 0x20) != *word) return false;
    return *text == *word;
}

/* Takes the exponent at `text` in; false when it is malformed or anything follows. */
static bool scan_exponent(const char *text, int64_t *power)
{
    if (*text == '\0') return true;
    if (*text != 'e' && *text != 'E') return false;
    text++;
    bool negative = *text == '-';
    if (*text == '-' || *text == '+') text++;
    if (!is_digit(*text)) return false;
    int64_t exponent = 0;
    for (; is_digit(*text); text++)
        if (exponent < MOST_POWER) exponent = exponent * 10 + (*text - '0');
    *power += negative ? -exponent : exponent;
    return *text == '\0';
}

static clade__number scan(const char *text, decimal *d)
{
    *d = (decimal){.negative = *text == '-'};
    if (*text == '-' || *text == '+') text++;
    if (same_word(text, "nan") || same_word(text, "inf") || same_word(text, "infinity"))
        return CLADE__NUMBER_NOT_FINITE;
    d->start = text;
    bool any = false, point = false;
    for (; is_digit(*text) || (*text == '.' && !point); text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        any = true;
        if (point) d->power--;
        if (d->n_digits == 0 && *text == '0') continue;
        if (d->n_digits++ < HEAD_DIGITS) d->head = d->head * 10 + (uint64_t)(*text - '0');
    }
    return any && scan_exponent(text, &d->power) ? CLADE__NUMBER_FINITE : CLADE__NUMBER_NONE;
}

/* The exact result or its nearest double, when one operation on exact operands makes it. */
static bool convert_small(const decimal *d, double *value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (FLT_EVAL_METHOD != 0 || d->n_digits > HEAD_DIGITS || d->head > UINT64_C(1) << 53 ||
        d->power < -22 || d->power > 22)
        return false;
    double head = (double)d->head;
    *value = d->power < 0 ? head / powers[-d->power] : head * powers[d->power];
    return true;
}

/* Writes digits, 'e' and power. Digits that are too many to matter leave a 1 if any was not 0: it
 * keeps the value on its side of a midpoint. */
static void write_integral(const decimal *d, char *out, size_t out_bytes)
{
    size_t used = 0;
    int64_t power = d->power;
    bool leading = true, rest = false;
    for (const char *c = d->start; is_digit(*c) || *c == '.'; c++) {
        if (*c == '.' || (leading && *c == '0')) continue;
        leading = false;
        if (used < MOST_DIGITS) {
            out[used++] = *c;
        } else {
            power++;
            rest = rest || *c != '0';
        }
    }
    if (used == 0) out[used++] = '0';
    if (rest) {
        out[used++] = '1';
        power--;
    }
    if (power > 99999) power = 99999; /* overflows or vanishes all the same */
    if (power < -99999) power = -99999;
    snprintf(out + used, out_bytes - used, "e%d", (int)power);
}

clade__number clade__number_double(const char *text, double *value)
{
    decimal d;
    clade__number kind = scan(text, &d);
    if (kind != CLADE__NUMBER_FINITE) return kind;
    double x;
    if (!convert_small(&d, &x)) {
        char digits[MOST_DIGITS + 16];
        write_integral(&d, digits, sizeof digits);
        x = strtod(digits, NULL);
    }
    if (!isfinite(x)) return CLADE__NUMBER_NOT_FINITE;
    *value = d.negative ? -x : x;
    return CLADE__NUMBER_FINITE;
}

/* Whether rounding x, itself rounded, to a float is rounding what it was made of: yes, unless x is
 * half-way between two floats (the bits that go are 1000…) or too small to be a normal one. */
static bool rounds_once(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return x == 0.0 || (x >= FLT_MIN && (bits & 0x1fffffff) != 0x10000000);
}

clade__number clade__number_float(const char *text, float *value)
{
    decimal d;
    clade__number kind = scan(text, &d);
    if (kind != CLADE__NUMBER_FINITE) return kind;
    double small;
    float x;
    if (convert_small(&d, &small) && rounds_once(small)) {
        x = (float)small;
    } else {
        char digits[MOST_DIGITS + 16];
        write_integral(&d, digits, sizeof digits);
        x = strtof(digits, NULL);
    }
    if (!isfinite(x)) return CLADE__NUMBER_NOT_FINITE;
    *value = d.negative ? -x : x;
    return CLADE__NUMBER_FINITE;
}

/* Most numbers in tables have few digits, and a double holds both the digits and the power of ten
 * exactly: one multiplication or division then rounds as it should (W. Clinger, "How to read
 * floating point numbers accurately", PLDI 1990). Up to 19 digits and 27 powers, as programs print
 * doubles, integers of 128 bits are as exact and ten times as fast as strtod. For the rest strtod and
 * strtof do it; the point, the one character that a locale changes for them, is taken out first:
 * 1.25 becomes 125e-2. */
#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_DIGITS 19                 /* what always fits 64 bits */
#define MOST_DIGITS 780                /* the midpoint of two doubles has at most 767 */
#define MOST_POWER  (INT64_C(1) << 40) /* beyond any exponent that digits could make up for */

typedef struct decimal {
    bool negative;
    bool marked;       /* there is a decimal mark */
    char mark;         /* which one */
    uint64_t head;     /* the first digits, after leading zeros */
    int64_t n_digits;  /* after leading zeros, those not in head included */
    int64_t power;     /* the value is digits * 10^power */
    const char *start; /* of the digits, for a second look */
    const char *end;   /* of the text */
} decimal;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool same_word(const char *text, const char *end, const char *word)
{
    for (; text < end && *word; text++, word++)
        if ((*text | 0x20) != *word) return false;
    return text == end && *word == '\0';
}

/* Takes the exponent at `text` in; false when it is malformed or anything follows. */
static bool scan_exponent(const char *text, const char *end, int64_t *power)
{
    if (text == end) return true;
    if (*text != 'e' && *text != 'E') return false;
    text++;
    bool negative = text < end && *text == '-';
    if (text < end && (*text == '-' || *text == '+')) text++;
    if (text == end || !is_digit(*text)) return false;
    int64_t exponent = 0;
    for (; text < end && is_digit(*text); text++)
        if (exponent < MOST_POWER) exponent = exponent * 10 + (*text - '0');
    *power += negative ? -exponent : exponent;
    return text == end;
}

/* Sets head and n_digits of more digits than fit a head, or of fewer with zeros before them. */
static void scan_many(decimal *d, const char *stop)
{
    d->head = 0;
    d->n_digits = 0;
    for (const char *c = d->start; c < stop; c++) {
        if (*c == d->mark || (d->n_digits == 0 && *c == '0')) continue;
        if (d->n_digits++ < HEAD_DIGITS) d->head = d->head * 10 + (uint64_t)(*c - '0');
    }
}

static clade__number scan(const char *text, size_t length, char mark, decimal *d)
{
    const char *end = text + length;
    *d = (decimal){.mark = mark, .negative = length > 0 && *text == '-', .end = end};
    if (text < end && (*text == '-' || *text == '+')) text++;
    uint64_t head = 0;
    const char *c = text;
    for (; c < end && is_digit(*c); c++) head = head * 10 + (uint64_t)(*c - '0');
    d->n_digits = c - text;
    if (c < end && *c == mark) {
        const char *fraction = ++c;
        for (; c < end && is_digit(*c); c++) head = head * 10 + (uint64_t)(*c - '0');
        d->marked = true;
        d->power = fraction - c;
        d->n_digits += c - fraction;
    }
    d->head = head;
    d->start = text;
    if (d->n_digits > HEAD_DIGITS) scan_many(d, c);
    if (c > text + d->marked && scan_exponent(c, end, &d->power)) return CLADE__NUMBER_FINITE;
    if (same_word(text, end, "nan") || same_word(text, end, "inf") ||
        same_word(text, end, "infinity"))
        return CLADE__NUMBER_NOT_FINITE;
    return CLADE__NUMBER_NONE;
}

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 wide;

static int n_bits(uint64_t x)
{
    return 64 - __builtin_clzll(x);
}

/* The double nearest to x * 2^power, ties to even; `more`: x is a little more. x has more than 53
 * bits, and the result is a normal double. */
static double round_wide(wide x, int power, bool more)
{
    int shift = (x >> 64 ? 64 + n_bits((uint64_t)(x >> 64)) : n_bits((uint64_t)x)) - 53;
    uint64_t top = (uint64_t)(x >> shift), bits;
    wide half = (wide)1 << (shift - 1), rest = x & (2 * half - 1);
    top += rest > half || (rest == half && (more || (top & 1)));
    /* top is 2^52 to 2^53: its leading bit adds 1 to the exponent, or 2 at the end */
    bits = ((uint64_t)(power + shift + 1074) << 52) + top;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Digits that fit 64 bits by a power of ten whose power of five does: integers do it exactly. */
static bool convert_medium(uint64_t digits, int64_t power, double *value)
{
    static const uint64_t fives[] = {
        1, 5, 25, 125, 625, 3125, 15625, 78125, 390625, 1953125, 9765625, 48828125, 244140625,
        1220703125, 6103515625, 30517578125, 152587890625, 762939453125, 3814697265625,
        19073486328125, 95367431640625, 476837158203125, 2384185791015625, 11920928955078125,
        59604644775390625, 298023223876953125, 1490116119384765625, 7450580596923828125};
    if (power < -27 || power > 27 || digits == 0) return false;
    uint64_t five = fives[power < 0 ? -power : power];
    int zeros = 64 - n_bits(digits), two = (int)power - zeros;
    digits <<= zeros;
    if (power >= 0) {
        *value = round_wide((wide)digits * five, two, false);
    } else {
        int shift = n_bits(five) - 1; /* so that the quotient has 62 to 64 bits */
        wide numerator = (wide)digits << shift;
        wide quotient = numerator / five;
        *value = round_wide(quotient, two - shift, quotient * five != numerator);
    }
    return true;
}
#else
static bool convert_medium(uint64_t digits, int64_t power, double *value)
{
    (void)digits, (void)power, (void)value;
    return false;
}
#endif

bool clade__number_make(uint64_t digits, int64_t power, double *value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (FLT_EVAL_METHOD != 0 || digits > UINT64_C(1) << 53 || power < -22 || power > 22)
        return convert_medium(digits, power, value);
    *value = power < 0 ? (double)digits / powers[-power] : (double)digits * powers[power];
    return true;
}

/* The exact result or its nearest double, when few operations make it. */
static bool convert_small(const decimal *d, double *value)
{
    return d->n_digits <= HEAD_DIGITS && clade__number_make(d->head, d->power, value);
}

/* Writes digits, 'e' and power. Digits that are too many to matter leave a 1 if any was not 0: it
 * keeps the value on its side of a midpoint. */
static void write_integral(const decimal *d, char *out, size_t out_bytes)
{
    size_t used = 0;
    int64_t power = d->power;
    bool leading = true, rest = false;
    for (const char *c = d->start; c < d->end && (is_digit(*c) || *c == d->mark); c++) {
        if (*c == d->mark || (leading && *c == '0')) continue;
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

clade__number clade__number_scan(const char *text, size_t length, char mark, bool *marked)
{
    decimal d;
    clade__number kind = scan(text, length, mark, &d);
    *marked = d.marked;
    return kind;
}

clade__number clade__number_double(const char *text, double *value)
{
    return clade__number_parse(text, strlen(text), '.', value);
}

clade__number clade__number_parse(const char *text, size_t length, char mark, double *value)
{
    decimal d;
    clade__number kind = scan(text, length, mark, &d);
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

bool clade__number_read(const char *text, double *value)
{
    clade__number kind = clade__number_double(text, value);
    if (kind != CLADE__NUMBER_NOT_FINITE) return kind == CLADE__NUMBER_FINITE;
    bool negative = *text == '-';
    const char *word = text + (*text == '-' || *text == '+');
    if (is_digit(*word) || *word == '.') return false;
    double x = (*word | 0x20) == 'n' ? (double)NAN : (double)INFINITY;
    *value = negative ? -x : x;
    return true;
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
    clade__number kind = scan(text, strlen(text), '.', &d);
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

/* ---- the canonical form ---------------------------------------------------------------------- */

enum { CANONICAL_MOST = 400 }; /* characters; more digits than a double has a use for */

bool clade__number_canonical(const char *text, char *out, size_t out_bytes)
{
    decimal d;
    char digits[CANONICAL_MOST + 1];
    int64_t n = 0, power;
    if (scan(text, strlen(text), '.', &d) != CLADE__NUMBER_FINITE || d.n_digits > CANONICAL_MOST)
        return false;
    for (const char *c = d.start; is_digit(*c) || *c == '.'; c++)
        if (*c != '.' && (n > 0 || *c != '0')) digits[n++] = *c;
    for (power = d.power; n > 0 && digits[n - 1] == '0'; power++) n--;
    if (n == 0) power = 0;
    int64_t whole = n + power; /* digits before the point */
    int64_t length = (d.negative && n > 0) + (whole > 0 ? whole : 1) + (power < 0 ? 1 - power : 0);
    if (length >= (int64_t)out_bytes || length > CANONICAL_MOST) return false;
    if (d.negative && n > 0) *out++ = '-';
    if (whole <= 0) *out++ = '0';
    for (int64_t i = 0; i < whole; i++) *out++ = i < n ? digits[i] : '0';
    if (power < 0) *out++ = '.';
    for (int64_t i = whole; power < 0 && i < n; i++) *out++ = i < 0 ? '0' : digits[i];
    *out = '\0';
    return true;
}

static int compare_magnitudes(const char *a, const char *b)
{
    size_t n_a = strcspn(a, "."), n_b = strcspn(b, ".");
    if (n_a != n_b) return n_a < n_b ? -1 : 1;
    return strcmp(a, b); /* of equally many whole digits; '.' comes before all digits */
}

int clade__number_compare(const char *a, const char *b)
{
    bool below_a = *a == '-', below_b = *b == '-';
    if (below_a != below_b) return below_a ? -1 : 1;
    return below_a ? compare_magnitudes(b + 1, a + 1) : compare_magnitudes(a, b);
}

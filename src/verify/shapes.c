/* Shapes that provoke trouble: one element, primes, one less and one more than a work-group of 64 or
 * 128, rows around and far over the 64 columns from which work-items share a row, and large. */
#include "ops/mapping.h"
#include "verify/families.h"

#define LENGTH(n)          {1, {n}}
#define MATRIX(rows, cols) {2, {rows, cols}}

const clade_shape clade__lengths[] = {LENGTH(1),   LENGTH(7),    LENGTH(127),     LENGTH(128),
                                      LENGTH(129), LENGTH(1009), LENGTH(1000003), {0}};

const clade_shape clade__matrices[] = {
    MATRIX(1, 1),   MATRIX(1, 7),    MATRIX(7, 1),    MATRIX(3, 5),    MATRIX(63, 10),
    MATRIX(64, 10), MATRIX(65, 10),  MATRIX(131, 13), MATRIX(5, 63),   MATRIX(5, 64),
    MATRIX(5, 65),  MATRIX(1, 128),  MATRIX(67, 129), MATRIX(3, 1000), MATRIX(2, 4099),
    {3, {2, 3, 7}},
    MATRIX(8191, 10), MATRIX(1021, 1031), MATRIX(3, 100003), {0}};

double clade__row_chain(int64_t cols)
{
    /* Lanes that have every 64th element each, and meet by eights. */
    return cols <= CLADE__NARROW_COLS ? (double)cols : (double)((cols + 63) / 64 + 14);
}

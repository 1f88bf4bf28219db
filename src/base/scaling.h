/* What a network sees of its data: value * scale + shift, with one scale and shift for all values of
 * a sample, or with its own for each. */
#ifndef CLADE_BASE_SCALING_H
#define CLADE_BASE_SCALING_H

#include <stdint.h>

#include "base/error.h"

typedef struct clade__scaling {
    float scale, shift;
    double *columns; /* (2, n_columns): the scales, then the shifts, in place of those; or NULL */
    int64_t n_columns;
} clade__scaling;

/* Puts a copy of `from` in place of what `to` was. */
clade_status clade__scaling_copy(clade__scaling *to, const clade__scaling *from);

/* Frees the columns: scale and shift hold for all values. */
void clade__scaling_free(clade__scaling *scaling);

/* The columns as the device has them, floats (3, n_columns): scale, then high and low half of the center,
 * -shift / scale. value * scale + shift is ((value - high) - low) * scale there: with a value near the
 * center the difference is exact, where value * scale would lose its last digits to rounding. */
void clade__scaling_split(const clade__scaling *scaling, float *columns);

/* A value of a column as the network sees it, in double precision. */
double clade__scaling_apply(const clade__scaling *scaling, int64_t column, double value);

#endif

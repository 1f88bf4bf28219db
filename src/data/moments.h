/* Mean and variance of numbers, and from these how they are standardized: as scikit-learn's StandardScaler,
 * in double precision, with the variance of the numbers themselves (of n, not n - 1).
 *
 * The numbers come twice, in any order: each to clade__moments_add, then each to clade__moments_add_square.
 * The first one is subtracted from all before they are summed up, so that the mean of equal numbers is
 * exact, and their variance 0. */
#ifndef CLADE_DATA_MOMENTS_H
#define CLADE_DATA_MOMENTS_H

#include <stdint.h>

/* Starts zeroed. */
typedef struct clade__moments {
    int64_t n;
    double first, sum; /* the first number; the sum of all less that one each */
    double squares;    /* the sum of the squared differences from the mean */
} clade__moments;

static inline void clade__moments_add(clade__moments *m, double value)
{
    if (m->n++ == 0) m->first = value;
    m->sum += value - m->first;
}

/* 0 of no numbers. */
static inline double clade__moments_mean(const clade__moments *m)
{
    return m->n > 0 ? m->first + m->sum / (double)m->n : 0.0;
}

/* `mean` is clade__moments_mean, once all numbers were added. */
static inline void clade__moments_add_square(clade__moments *m, double value, double mean)
{
    m->squares += (value - mean) * (value - mean);
}

/* (value - center) * scale has mean 0 and variance 1. Equal numbers, whose scale would be above `most`, are
 * only centered. Numbers whose squares overflow a double stay as they are, with center 0 and scale 1. */
void clade__moments_standard(const clade__moments *m, double most, double *center, double *scale);

#endif

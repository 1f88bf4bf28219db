/* Sums of products in double precision, and how far floats may be from them.
 *
 * A float sum of k products, in any order and with or without fused operations, is within k units of the
 * sum of |a| |b| (Higham, 3.1), and one more for each thing that is added to it. Winograd's are sums of more
 * terms: see winograd_sums.c. */
#ifndef CLADE_VERIFY_SUMS_H
#define CLADE_VERIFY_SUMS_H

#include "conv/conv.h"
#include "verify/trial.h"

/* Of each element of an output: the sum, that of the sizes, and the number of products. */
typedef struct clade__sums {
    const float *a, *b;
    double *sum, *size, *count;
    bool rounds; /* sums of exact products too: some factors have roots */
} clade__sums;

/* n sums of 0, in the trial's memory; false without memory. */
bool clade__sums_make(clade__trial *trial, clade__sums *sums, int64_t n);

/* Adds element a times element b to sum number `at`. `sums` is a clade__sums. */
void clade__sums_add(const void *sums, int64_t at, int64_t a, int64_t b);

/* In units, with two more things added. A sum of exact products is exact, in whatever order, unless it rounds. */
double clade__sums_bound(const clade__trial *trial, const clade__sums *sums, int64_t i);

/* Where the provider winograd suits a pass: the sizes and counts are those of its terms, for `a` as the input
 * and `b` as the weight, or, of the weight's gradient, dy and x. */
void clade__sums_of_winograd(clade__sums *sums, const clade__conv *conv, clade__conv_pass pass);

/* Expects the sums in y (n, channels, height, width), with a bias (channels) and, where the variant says so,
 * relu behind it. */
void clade__sums_expect_outputs(const clade__trial *trial, clade__operand *y, clade__sums *sums,
                                const float *bias);

/* Expects the sums in a gradient, added to what was there where it is that kind of operand. */
void clade__sums_expect_gradient(const clade__trial *trial, clade__operand *gradient,
                                 const clade__sums *sums);

/* Expects in dbias (channels) the sums of dy (n, channels, height, width). */
void clade__sums_of_channels(const clade__trial *trial, clade__operand *dbias, const clade__operand *dy);

#endif

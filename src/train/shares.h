/* Shares: which rows of each batch a rank of a job does. */
#ifndef CLADE_TRAIN_SHARES_H
#define CLADE_TRAIN_SHARES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct clade__shares {
    int n, rank;
    double *parts; /* (n) above 0: how much each rank does, of their sum */
    int64_t least; /* rows that a rank does which does any */
    int64_t *rows, *before; /* (n) scratch */
} clade__shares;

/* Equal ones where `parts` is NULL. CLADE_EINVAL where one of them is not above 0. */
clade_status clade__shares_open(clade__shares *shares, int n, int rank, const float *parts, int64_t least);
void clade__shares_close(clade__shares *shares);

typedef struct clade__span_of_rows {
    int64_t first, n;
} clade__span_of_rows;

/* This rank's rows of a batch of n. Every rank has some where n is at least shares->n times shares->least. */
clade__span_of_rows clade__shares_of(const clade__shares *shares, int64_t n);

/* So many samples each rank has in a batch of n; the array is the shares' own. */
const int64_t *clade__shares_rows(const clade__shares *shares, int64_t n);

/* Shares by speed: each rank has taken so many seconds (n) for its rows of a batch of n. False where that leaves all
 * rows as they were. */
bool clade__shares_renew(clade__shares *shares, int64_t n, const double *seconds);

#endif

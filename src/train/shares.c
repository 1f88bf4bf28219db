#include "train/shares.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

clade_status clade__shares_open(clade__shares *shares, int n, int rank, const float *parts, int64_t least)
{
    *shares = (clade__shares){.n = n, .rank = rank, .least = least,
                              .parts = malloc((size_t)n * sizeof *shares->parts),
                              .rows = malloc((size_t)n * sizeof *shares->rows),
                              .before = malloc((size_t)n * sizeof *shares->before)};
    if (!shares->parts || !shares->rows || !shares->before) return clade__fail(CLADE_ENOMEM, "no memory for %d ranks", n);
    for (int i = 0; i < n; i++) {
        shares->parts[i] = parts ? (double)parts[i] : 1.0;
        if (!(shares->parts[i] > 0.0) || isinf(shares->parts[i]))
            return clade__fail(CLADE_EINVAL, "fit: the share of rank %d is %g, want a number above 0", i,
                               shares->parts[i]);
    }
    return CLADE_OK;
}

void clade__shares_close(clade__shares *shares)
{
    free(shares->parts);
    free(shares->rows);
    free(shares->before);
    *shares = (clade__shares){0};
}

static int largest(const int64_t *rows, int n)
{
    int at = 0;
    for (int i = 1; i < n; i++)
        if (rows[i] > rows[at]) at = i;
    return at;
}

/* Who has too few gets some from those that have most, where there are enough for all; else leaves its own to
 * the one that has most. */
static void mend(const clade__shares *shares, int64_t *rows, bool enough)
{
    for (int i = 0; i < shares->n; i++) {
        while (enough && rows[i] < shares->least) {
            rows[largest(rows, shares->n)]--;
            rows[i]++;
        }
        int to = largest(rows, shares->n);
        if (rows[i] >= shares->least || to == i) continue;
        rows[to] += rows[i];
        rows[i] = 0;
    }
}

const int64_t *clade__shares_rows(const clade__shares *shares, int64_t n)
{
    double all = 0.0, before = 0.0;
    int64_t begin = 0;
    for (int i = 0; i < shares->n; i++) all += shares->parts[i];
    for (int i = 0; i < shares->n; i++) {
        before += shares->parts[i];
        int64_t end = i == shares->n - 1 ? n : (int64_t)floor((double)n * before / all + 0.5);
        shares->rows[i] = end - begin;
        begin = end;
    }
    mend(shares, shares->rows, n >= shares->n * shares->least);
    return shares->rows;
}

clade__span_of_rows clade__shares_of(const clade__shares *shares, int64_t n)
{
    const int64_t *rows = clade__shares_rows(shares, n);
    clade__span_of_rows mine = {.n = rows[shares->rank]};
    for (int i = 0; i < shares->rank; i++) mine.first += rows[i];
    return mine;
}

bool clade__shares_renew(clade__shares *shares, int64_t n, const double *seconds)
{
    size_t bytes = (size_t)shares->n * sizeof *shares->rows;
    memcpy(shares->before, clade__shares_rows(shares, n), bytes);
    for (int i = 0; i < shares->n; i++) shares->parts[i] = (double)shares->before[i] / seconds[i];
    return memcmp(shares->before, clade__shares_rows(shares, n), bytes) != 0;
}

/* The area under a ROC curve by ranks: (R - P (P + 1) / 2) / (P N), with R the sum of the ranks of the P
 * positive scores among all, the ranks of equal ones averaged, and N the number of the others. */
#include <math.h>
#include <stdlib.h>

#include "train/report.h"

static int compare(const void *a, const void *b)
{
    float x = ((const clade__score *)a)->score, y = ((const clade__score *)b)->score;
    return (x > y) - (x < y);
}

double clade__auc(clade__score *scores, int64_t n)
{
    double ranks = 0.0, n_positive = 0.0;
    for (int64_t i = 0; i < n; i++)
        if (isnan(scores[i].score)) return (double)NAN;
    qsort(scores, (size_t)n, sizeof *scores, compare);
    for (int64_t i = 0, end; i < n; i = end) {
        double positive = 0.0;
        for (end = i; end < n && scores[end].score == scores[i].score; end++)
            positive += scores[end].positive;
        ranks += positive * 0.5 * ((double)i + 1.0 + (double)end);
        n_positive += positive;
    }
    double pairs = n_positive * ((double)n - n_positive);
    return pairs > 0.0 ? (ranks - 0.5 * n_positive * (n_positive + 1.0)) / pairs : (double)NAN;
}

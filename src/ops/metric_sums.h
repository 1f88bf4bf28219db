/* What is summed over a batch, and what the sums come to: one table of sums, and one of metrics.
 *
 * A training step stores the first CLADE__N_SUMS of them (clade__metrics_store). An evaluation stores others
 * beside them, a set that it chooses (clade__metrics_sum); a set has a bit for each, and its columns are in
 * the table's order.
 *
 * An R2 is 1 - squared errors / squared deviations of the targets from their mean. A float's sum of squares
 * of large targets would have nothing left of what they differ by, so deviations are taken from `center`, a
 * number for each column near its targets, such as their mean or the first of them; what is left of the mean
 * of all deviations is taken out in double precision. For several columns center must be their means: then
 * R2 is that of scikit-learn's r2_score with multioutput "variance_weighted".
 */
#ifndef CLADE_OPS_METRIC_SUMS_H
#define CLADE_OPS_METRIC_SUMS_H

#include <stdbool.h>
#include <stdint.h>

/* id, name, meaning */
#define CLADE__SUM_TABLE(X)                                                                        \
    X(LOSS, "loss", "the losses of rows")                                                          \
    X(HITS, "hits", "rows whose answer is right")                                                  \
    X(NOT_FINITE, "not_finite", "rows whose loss is not finite")                                   \
    X(COUNTED, "counted", "what rows count: 1, or the weight of their class; 0 for ignored ones")  \
    X(TOP_5_HITS, "top_5_hits", "counted rows whose label is among the five largest")              \
    X(ABSOLUTE_ERROR, "absolute_error", "|y - target| over the elements of counted rows")          \
    X(SQUARED_ERROR, "squared_error", "(y - target)^2 over the same")                              \
    X(DEVIATION, "deviation", "target - center over the same")                                     \
    X(SQUARED_DEVIATION, "squared_deviation", "(target - center)^2 over the same")

typedef enum clade__sum {
#define CLADE__SUM_ID(id, name, meaning) CLADE__SUM_##id,
    CLADE__SUM_TABLE(CLADE__SUM_ID)
#undef CLADE__SUM_ID
    CLADE__N_ALL_SUMS
} clade__sum;

enum { CLADE__N_SUMS = CLADE__SUM_NOT_FINITE + 1 }; /* a step's */

/* What clade__metrics_sum can store; the four of errors come together. */
#define CLADE__SUM_BIT(id) (1u << CLADE__SUM_##id)
#define CLADE__ERROR_SUMS                                                                          \
    (CLADE__SUM_BIT(ABSOLUTE_ERROR) | CLADE__SUM_BIT(SQUARED_ERROR) | CLADE__SUM_BIT(DEVIATION) |  \
     CLADE__SUM_BIT(SQUARED_DEVIATION))
#define CLADE__EVALUATION_SUMS                                                                     \
    (CLADE__SUM_BIT(COUNTED) | CLADE__SUM_BIT(TOP_5_HITS) | CLADE__ERROR_SUMS)

const char *clade__sum_name(clade__sum sum);

/* How many a set has. */
int clade__n_sums(unsigned set);

/* Adds a batch's row, a column for each of the set, to the sums of all batches. */
void clade__sums_take(double sums[CLADE__N_ALL_SUMS], unsigned set, const float *row);

/* id, name, the sums of an evaluation that it needs beside a step's */
#define CLADE__METRIC_TABLE(X)                                                                     \
    X(LOSS, "loss", CLADE__SUM_BIT(COUNTED))                                                       \
    X(ACCURACY, "accuracy", CLADE__SUM_BIT(COUNTED))                                               \
    X(TOP_5, "top_5", CLADE__SUM_BIT(COUNTED) | CLADE__SUM_BIT(TOP_5_HITS))                        \
    X(PERPLEXITY, "perplexity", CLADE__SUM_BIT(COUNTED))                                           \
    X(MEAN_ABSOLUTE_ERROR, "mae", CLADE__SUM_BIT(COUNTED) | CLADE__ERROR_SUMS)                     \
    X(R2, "r2", CLADE__SUM_BIT(COUNTED) | CLADE__ERROR_SUMS)

typedef enum clade__metric {
#define CLADE__METRIC_ID(id, name, needs) CLADE__METRIC_##id,
    CLADE__METRIC_TABLE(CLADE__METRIC_ID)
#undef CLADE__METRIC_ID
    CLADE__N_METRICS
} clade__metric;

const char *clade__metric_name(clade__metric metric);
unsigned clade__metric_needs(clade__metric metric);

/* The value from the sums over all batches: means over what rows count (CLADE__SUM_COUNTED, which the
 * caller may know without having it summed), perplexity = exp(loss), errors by element, of which a row has
 * `cols`. NaN where nothing counts and, for R2, of fewer than two elements. As scikit-learn has it, R2 of
 * targets that are all the same is 1 without an error and else 0. */
double clade__metrics_value(clade__metric metric, const double sums[CLADE__N_ALL_SUMS],
                            int64_t cols);

#endif

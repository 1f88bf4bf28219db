/* The families of operations, for the table: how each is prepared, recorded and computed. */
#ifndef CLADE_VERIFY_FAMILIES_H
#define CLADE_VERIFY_FAMILIES_H

#include "blas/gemm.h"
#include "verify/trial.h"

/* In the variant of what gives a gradient: it is added to what is there. */
enum { CLADE__ADDS = 64 };

/* elements.c; the variant is a clade_activation, of adds what follows, or nothing; CLADE__ADDS. */
extern const clade__family clade__activation_forwards, clade__activation_backwards, clade__adds, clade__multiplies,
    clade__dropouts, clade__zeros, clade__one_hots;

/* f(x), and the units that it may be off for an exact x. */
double clade__activation_formula(clade_activation kind, double slope, double x, double *bound);

/* rows.c; the variant is 1 for log_softmax, and CLADE__ADDS. */
extern const clade__family clade__softmax_forwards, clade__softmax_backwards;

/* What softmax needs of a row x: m = max(x), s = sum(exp(x - m)), and s's relative error in units. */
typedef struct clade__exponentials {
    double top, sum, units;
} clade__exponentials;

clade__exponentials clade__exponentials_of(const float *x, int64_t cols);

/* exp(x - m) / s, and its error. */
double clade__share_of(const clade__exponentials *e, double x, double *bound);

/* losses.c, and row_counts.c for what rows count: whether a loss is without its gradient, and what it has
 * beside logits and labels. */
enum {
    CLADE__NO_GRADIENT = 1,
    CLADE__WEIGHTED = 2,
    CLADE__IGNORES = 4,
    CLADE__SMOOTHS = 8,
    CLADE__DIVIDED = 16 /* by a total on the device */
};

extern const clade__family clade__cross_entropies, clade__mses, clade__bces, clade__row_counts,
    clade__row_weights, clade__loss_means;

/* The scale of the losses' gradients. */
#define CLADE__LOSS_SCALE 0.37f

/* Operands of the variant's rule, "weights" (n_classes) and "totals" (3), as they are recorded; and labels
 * among which some are ignored, and some no class. */
void clade__trial_rule(clade__trial *trial, int64_t n_classes);
void clade__spoil_labels(clade__trial *trial, const char *labels, int64_t n_classes);
struct clade__row_rule clade__rule_of(const clade__trial *trial, int64_t n_classes);
struct clade__rows_total clade__total_of(const clade__trial *trial);

/* What a row counts; NaN where its label is no class. And what the gradient is divided by. */
double clade__count_of(const clade__trial *trial, int32_t label, int64_t n_classes);
bool clade__is_ignored(const clade__trial *trial, int32_t label, int64_t n_classes);
double clade__divisor_of(const clade__trial *trial);

/* reductions.c; the variant is CLADE__WAY of a clade_reduction and which dimension goes; and 1 for row
 * sums that are added to what is there; CLADE__ADDS. */
extern const clade__family clade__reduce_forwards, clade__argmaxes, clade__reduce_backwards,
    clade__max_backwards, clade__row_sums;

enum { CLADE__OF_ROWS, CLADE__OF_COLS, CLADE__OF_ALL };
#define CLADE__WAY(reduction, way) (3 * (reduction) + (way))

/* steps.c; the variant is 0 plain, 1 momentum, 2 Nesterov; and 0 adam, 1 adamw; and whether the
 * gradient is scaled. */
enum { CLADE__SCALED = 4 };

extern const clade__family clade__sgd_steps, clade__adam_steps, clade__norm_clips;

/* What sgd makes of a parameter, and how far each may be off, for a gradient within g_bound units. */
typedef struct clade__sgd_result {
    double w, w_bound, velocity, velocity_bound;
} clade__sgd_result;

clade__sgd_result clade__sgd_formula(const clade__sgd_rates *rates, double w, double velocity,
                                     double g, double g_bound);

/* lookups.c; gather's variant says from what, whether without an index, and whether with a scale for
 * each column; that of labels whether they have columns; that of the metrics whether there are no hits, and whether they are added. */
enum { CLADE__FROM_FLOATS = 0, CLADE__FROM_BYTES = 1, CLADE__IN_ORDER = 2, CLADE__BY_COLUMN = 4 };
enum { CLADE__OF_COLUMNS = 8 };
enum { CLADE__NO_HITS = 1, CLADE__ADDED = 2 };

extern const clade__family clade__gathers, clade__byte_gathers, clade__label_gathers,
    clade__augments, clade__byte_augments,
    clade__hit_counts, clade__row_marks, clade__metric_stores, clade__peak_searches;

/* evaluations.c; the variant says whether of numbers, else of classes, whether rows are weighted or ignored,
 * and CLADE__ADDS. */
enum { CLADE__OF_NUMBERS = 1 };

extern const clade__family clade__metric_sums;

/* slices.c; the variant says along which dimension, whether into a larger tensor, and CLADE__ADDS. */
enum {
    CLADE__ALONG_FIRST = 0,
    CLADE__ALONG_LAST = 1,
    CLADE__ALONG_MIDDLE = 2,
    CLADE__ALONG = 3,
    CLADE__INTO = 4,
    CLADE__OF_INTS = 8
};

extern const clade__family clade__slices, clade__int_slices, clade__concats;

/* norms.c; the variant says whether with weight and bias, whether training moves running statistics, whether
 * it is no training, whether a relu is the last step, whether another tensor is added before that, and
 * CLADE__ADDS. */
enum { CLADE__AFFINE = 1, CLADE__RUNS = 2, CLADE__EVALUATES = 4, CLADE__ENDS_IN_RELU = 8, CLADE__WITH_OTHER = 16 };

extern const clade__family clade__batch_norms, clade__batch_norm_backwards; /* norms.c */
extern const clade__family clade__batch_norm_folds; /* folds.c; the variant is CLADE__AFFINE */
extern const clade__family clade__group_norms, clade__group_norm_backwards; /* group_norms.c */

/* weight / sqrt(variance + epsilon) and its relative error, where the variance is off by variance_off. */
double clade__norm_scale(double weight, double variance, double variance_off, double *off);

/* What those of norms.c and group_norms.c are computed with. */
#define CLADE__NORM_EPSILON 1e-3f

/* pools.c; the variant says which windows, or for an adaptive one which shares of the image, what the mean is
 * over, whether forward is without indices, whether a gradient is that of a relu's input, and CLADE__ADDS. */
enum {
    CLADE__WINDOWS_OF_2 = 0,    /* stride 2 */
    CLADE__WINDOWS_OF_3 = 1,    /* stride 2, padding 1 */
    CLADE__WINDOWS_MEET = 2,    /* 3 x 5, stride 1 */
    CLADE__WINDOWS_DILATED = 3, /* 2 x 3, stride 3 x 1 */
    CLADE__SHARES_ONE = 4,
    CLADE__SHARES_EVEN = 5,
    CLADE__SHARES_UNEVEN = 6,
    CLADE__WINDOWS = 7,
    CLADE__WINDOWS_LEAVE_PADDING_OUT = 8,
    CLADE__NO_INDICES = 16,
    CLADE__BEHIND_RELU = 32
};

extern const clade__family clade__max_pools, clade__max_pool_backwards, clade__avg_pools,
    clade__avg_pool_backwards, clade__upsamples, clade__upsample_backwards;

/* convolutions.c and conv_transposes.c; the variant says by which provider, else the first that takes it,
 * whether relu follows, whose gradient it is if not the input's, and CLADE__ADDS. */
enum { CLADE__BY_COLUMNS = 1, CLADE__WITH_RELU = 2, CLADE__OF_WEIGHT = 4, CLADE__BY_TILED = 8 };

extern const clade__family clade__conv_forwards, clade__conv_backwards, clade__conv_biases;
extern const clade__family clade__transpose_forwards, clade__transpose_backwards,
    clade__transpose_biases;

/* products.c: gemm by a provider, and the step of sgd inside it; the trial's detail is a case. */
typedef struct clade__product {
    const struct clade__gemm_provider *provider;
    int m, n, k;
    bool trans_a, trans_b;
    float alpha, beta;
    int offset, padding; /* where A starts, and its ld beyond the columns; for B and C more */
    bool with_bias;
    clade_activation activation;
    float momentum, weight_decay, bias_decay; /* of an update */
    bool nesterov;
    unsigned values; /* 1 << each kind that it is tried with */
} clade__product;

extern const clade__family clade__products, clade__product_updates;

/* Case number i; false after the last. */
bool clade__product_at(int i, clade__product *product);
bool clade__product_update_at(int i, clade__product *product);

/* shapes.c: lists that end in a shape of rank 0. */
extern const clade_shape clade__lengths[], clade__matrices[];

/* The most additions that follow one another in the sum of a row: see cl/row_reduce.cl. */
double clade__row_chain(int64_t cols);

#endif

/* Operations as they are recorded: the functions of clade/ops.h, told where to put their launches.
 *
 * Each checks its tensors, then appends launches to `commands`; the public function of the same
 * name does so with the immediate commands of the device. Shapes, formulas and what may be NULL are
 * said in clade/ops.h. What follows each group here has no public form. With `add`, a backward function
 * adds its gradient to what dx holds, which then is no other of its tensors.
 */
#ifndef CLADE_OPS_OPS_H
#define CLADE_OPS_OPS_H

#include <clade/ops.h>

#include "blas/gemm.h"
#include "conv/conv.h"
#include "ops/metric_sums.h"

/* linear.c: gemm with the bias, and where asked an activation, as its epilogue. */
clade_status clade__linear_forward(clade__commands *commands, clade_tensor *y,
                                   const clade_tensor *x, const clade_tensor *weight,
                                   const clade_tensor *bias, clade_activation activation,
                                   float slope);

/* What is added to what is there, and not written over it. */
typedef struct clade__linear_adds {
    bool dx, dweight, dbias;
} clade__linear_adds;

clade_status clade__linear_backward(clade__commands *commands, clade_tensor *dx,
                                    clade_tensor *dweight, clade_tensor *dbias,
                                    const clade_tensor *x, const clade_tensor *weight,
                                    const clade_tensor *dy, clade__linear_adds adds);

/* The step of sgd on weight and (in state, may be NULL) bias, from gradients that are never stored:
 * for a device where clade__gemm_can_update. After whatever reads the old weight. */
clade_status clade__linear_update(clade__commands *commands, clade_tensor *weight,
                                  const clade__sgd_state *state, const clade_tensor *x,
                                  const clade_tensor *dy, const clade__sgd_rates *rates);

/* conv2d.c. The memory for it, NULL or float32 of clade__conv2d_needs' elements: 0 of them are none. */
typedef struct clade__conv2d_memory {
    clade_tensor *scratch;      /* of forward, or of backward */
    clade_tensor *sums, *parts; /* of a bias's gradient */
} clade__conv2d_memory;

typedef struct clade__conv2d_needs {
    int64_t forward, backward, sums, parts;
} clade__conv2d_needs;

typedef struct clade__conv2d_work {
    const clade_conv2d_window *window;
    const clade__conv_provider *provider; /* NULL: the first that takes it */
    clade__conv2d_memory memory;
} clade__conv2d_work;

clade__conv2d_needs clade__conv2d_needs_of(const clade__conv *conv, bool has_bias);

/* The epilogue's bias and activation may be missing. */
clade_status clade__conv2d_forward(clade__commands *commands, const clade__conv2d_work *work,
                                   clade_tensor *y, const clade_tensor *x, const clade_tensor *weight,
                                   const clade__epilogue *epilogue);

/* The gradients that are wanted, not NULL, and whether each is added to what is there. */
typedef struct clade__conv2d_gradients {
    clade_tensor *dx, *dweight, *dbias;
    bool add_dx, add_dweight, add_dbias;
} clade__conv2d_gradients;

clade_status clade__conv2d_backward(clade__commands *commands, const clade__conv2d_work *work,
                                    const clade__conv2d_gradients *gradients, const clade_tensor *x,
                                    const clade_tensor *weight, const clade_tensor *dy);

/* conv_transpose2d.c, with conv2d's needs, memory and gradients. clade__conv_transposed_of has made conv. */
typedef struct clade__conv_transpose2d_work {
    const clade_conv_transpose2d_window *window;
    const clade__conv_provider *provider;
    clade__conv2d_memory memory;
} clade__conv_transpose2d_work;

clade__conv2d_needs clade__conv_transpose2d_needs_of(const clade__conv *conv, bool has_bias);

clade_status clade__conv_transpose2d_forward(clade__commands *commands,
                                             const clade__conv_transpose2d_work *work,
                                             clade_tensor *y, const clade_tensor *x,
                                             const clade_tensor *weight,
                                             const clade__epilogue *epilogue);

clade_status clade__conv_transpose2d_backward(clade__commands *commands,
                                              const clade__conv_transpose2d_work *work,
                                              const clade__conv2d_gradients *gradients,
                                              const clade_tensor *x, const clade_tensor *weight,
                                              const clade_tensor *dy);

/* activation.c */
clade_status clade__activation_forward(clade__commands *commands, clade_activation kind,
                                       float slope, clade_tensor *y, const clade_tensor *x);
/* Of a + b; y may be either. */
clade_status clade__activation_of_sum(clade__commands *commands, clade_activation kind, float slope,
                                      clade_tensor *y, const clade_tensor *a, const clade_tensor *b);
clade_status clade__activation_backward(clade__commands *commands, clade_activation kind,
                                        float slope, clade_tensor *dx, const clade_tensor *x,
                                        const clade_tensor *y, const clade_tensor *dy, bool add);

/* softmax.c */
clade_status clade__softmax_forward(clade__commands *commands, clade_tensor *y,
                                    const clade_tensor *x);
clade_status clade__softmax_backward(clade__commands *commands, clade_tensor *dx,
                                     const clade_tensor *y, const clade_tensor *dy, bool add);
clade_status clade__log_softmax_forward(clade__commands *commands, clade_tensor *y,
                                        const clade_tensor *x);
clade_status clade__log_softmax_backward(clade__commands *commands, clade_tensor *dx,
                                         const clade_tensor *y, const clade_tensor *dy, bool add);

/* dropout.c: of part of a batch, the rows from *first_row on; forward with x, backward with dy for x.
 * step and first_row are read at each run. */
typedef struct clade__dropout_mask {
    float p;
    uint64_t seed;
    int layer;
    const int32_t *step, *first_row;
} clade__dropout_mask;

clade_status clade__dropout(clade__commands *commands, clade_tensor *y, const clade_tensor *x,
                            const clade__dropout_mask *mask, bool add);

/* add.c; y may be a or b. */
clade_status clade__add_forward(clade__commands *commands, clade_tensor *y, const clade_tensor *a,
                                const clade_tensor *b);

/* multiply.c; y may be a or b, unless it is added to. */
clade_status clade__multiply_forward(clade__commands *commands, clade_tensor *y,
                                     const clade_tensor *a, const clade_tensor *b, bool add);

/* upsample.c: scale is the height's and the width's. */
clade_status clade__upsample_forward(clade__commands *commands, clade_tensor *y,
                                     const clade_tensor *x, const int64_t scale[2]);
clade_status clade__upsample_backward(clade__commands *commands, clade_tensor *dx,
                                      const clade_tensor *dy, const int64_t scale[2]);

/* slice.c. slice_into is slice's way back: x goes into the part of y from `start` on, and the rest of y stays
 * as it is. So each is the other's gradient, and a concat's gradients are slices. */
clade_status clade__slice_forward(clade__commands *commands, clade_tensor *y,
                                  const clade_tensor *x, int dim, int64_t start, bool add);
clade_status clade__slice_into(clade__commands *commands, clade_tensor *y, const clade_tensor *x,
                               int dim, int64_t start, bool add);
clade_status clade__concat_forward(clade__commands *commands, clade_tensor *y,
                                   const clade_tensor *const *inputs, int n_inputs, int dim,
                                   bool add);

/* batch_norm.c: forward may add another tensor of x's shape, and ends with an activation. Backward begins with
 * that activation's, which is the identity, relu or leaky_relu: its slope follows from y, what forward gave, where
 * something was added, else from x. scratch: float32 of clade__batch_norm_scratch() elements, of x with the batch;
 * only training's forward needs it, and backward. sums: 2 * channels. */
typedef struct clade__batch_norm {
    const clade_tensor *weight, *bias; /* (channels) each, as all of these; NULL: 1 and 0 */
    clade_tensor *mean, *variance;     /* training writes what the batch has; else they are read */
    clade_tensor *running_mean, *running_variance; /* moved by training, or NULL */
    float momentum, epsilon;
    bool training;
    const clade_tensor *other; /* what forward adds; NULL: nothing */
    clade_activation activation;
    float slope;
} clade__batch_norm;

typedef struct clade__batch_norm_gradients {
    clade_tensor *dx, *dweight, *dbias; /* NULL: not wanted; dx may be dy, unless masked is */
    clade_tensor *masked; /* dy times the activation's slope, the gradient of what was added; may be dy; or NULL */
    clade_tensor *sums;
    const clade_tensor *y; /* where something was added; else NULL */
    bool add, add_weight, add_bias;
} clade__batch_norm_gradients;

clade_status clade__batch_norm_forward(clade__commands *commands, clade_tensor *y,
                                       const clade_tensor *x, const clade__batch_norm *bn,
                                       clade_tensor *scratch);
clade_status clade__batch_norm_backward(clade__commands *commands,
                                        const clade__batch_norm_gradients *gradients,
                                        const clade_tensor *x, const clade_tensor *dy,
                                        const clade__batch_norm *bn, clade_tensor *scratch);

/* Of a convolution whose output bn normalises, outside training: its weight (channels, …) and bias (channels), or
 * NULL, and those of one that gives what bn gives. */
typedef struct clade__folding {
    clade_tensor *folded_weight, *folded_bias;
    const clade_tensor *weight, *bias;
} clade__folding;

clade_status clade__batch_norm_fold(clade__commands *commands, const clade__folding *folding,
                                    const clade__batch_norm *bn);

/* group_norm.c: statistics (2, samples, groups); weight_parts and bias_parts (samples, channels) are scratch, for
 * dweight and dbias. */
typedef struct clade__group_norm {
    const clade_tensor *weight, *bias; /* (channels), or NULL */
    int64_t groups;
    float epsilon;
} clade__group_norm;

typedef struct clade__group_norm_gradients {
    clade_tensor *dx, *dweight, *dbias; /* NULL: not wanted */
    clade_tensor *weight_parts, *bias_parts;
    bool add, add_weight, add_bias;
} clade__group_norm_gradients;

clade_status clade__group_norm_forward(clade__commands *commands, clade_tensor *y,
                                       clade_tensor *statistics, const clade_tensor *x,
                                       const clade__group_norm *gn);
clade_status clade__group_norm_backward(clade__commands *commands,
                                        const clade__group_norm_gradients *gradients,
                                        const clade_tensor *x, const clade_tensor *dy,
                                        const clade_tensor *statistics, const clade__group_norm *gn);

/* max_pool2d.c, avg_pool2d.c. scratch: float32 of clade__adaptive_avg_pool2d_scratch() elements, or NULL
 * when that is 0; x with the batch. */
clade_status clade__max_pool2d_forward(clade__commands *commands, clade_tensor *y,
                                       clade_tensor *indices, const clade_tensor *x,
                                       const clade_pool2d_args *args);
/* relu_y: forward's y, where dx is to be the gradient of the input of a relu whose output x is; or NULL. */
clade_status clade__max_pool2d_backward(clade__commands *commands, clade_tensor *dx,
                                        const clade_tensor *dy, const clade_tensor *indices,
                                        const clade_tensor *relu_y, const clade_pool2d_args *args,
                                        bool add);
clade_status clade__avg_pool2d_forward(clade__commands *commands, clade_tensor *y,
                                       const clade_tensor *x, const clade_pool2d_args *args);
clade_status clade__avg_pool2d_backward(clade__commands *commands, clade_tensor *dx,
                                        const clade_tensor *dy, const clade_pool2d_args *args,
                                        bool add);
clade_status clade__adaptive_avg_pool2d_forward(clade__commands *commands, clade_tensor *y,
                                                const clade_tensor *x, clade_tensor *scratch);
clade_status clade__adaptive_avg_pool2d_backward(clade__commands *commands, clade_tensor *dx,
                                                 const clade_tensor *dy, bool add);
int64_t clade__adaptive_avg_pool2d_scratch(clade_shape x, const int64_t out[2]);

/* Which rows of a loss count, by their labels. A row counts the weight of its class, or 1; one whose label
 * is ignore_index counts for nothing, and one whose label is no class otherwise is an error, of which a
 * NaN loss tells. All zero but n_classes: each row of a class counts 1. */
typedef struct clade__row_rule {
    int64_t n_classes;           /* labels are in [0, n_classes) */
    const clade_tensor *weights; /* (n_classes) float32, or NULL */
    bool has_ignore;
    int32_t ignore_index;
} clade__row_rule;

/* What the gradient of a mean is divided by, on the device: totals (n) float32 [*index], which is read
 * at each run. 0 stands for a gradient of 0. totals NULL: by 1. */
typedef struct clade__rows_total {
    const clade_tensor *totals;
    const int32_t *index;
} clade__rows_total;

/* count_rows.c: totals (n)[*index] = what the rows of labels (rows) count together. */
clade_status clade__count_rows(clade__commands *commands, const clade__rows_total *total,
                               const clade_tensor *labels, const clade__row_rule *rule);

/* cross_entropy.c, mse.c, bce_with_logits.c, one_hot.c. The losses of rows are not divided by the total.
 * rule.n_classes is not read: it is the number of columns. pos_weight may be NULL. */
typedef struct clade__cross_entropy_options {
    clade__row_rule rule;
    float label_smoothing;
    clade__rows_total total;
} clade__cross_entropy_options;

clade_status clade__cross_entropy(clade__commands *commands, clade_tensor *loss, clade_tensor *hit,
                                  clade_tensor *dlogits, const clade_tensor *logits,
                                  const clade_tensor *labels, float scale,
                                  const clade__cross_entropy_options *options);
clade_status clade__mse(clade__commands *commands, clade_tensor *loss, clade_tensor *dy,
                        const clade_tensor *y, const clade_tensor *target, float scale);
clade_status clade__bce_with_logits(clade__commands *commands, clade_tensor *loss,
                                    clade_tensor *dlogits, const clade_tensor *logits,
                                    const clade_tensor *target,
                                    const clade_tensor *pos_weight, float scale);
clade_status clade__one_hot(clade__commands *commands, clade_tensor *target,
                            const clade_tensor *labels);

/* weigh_rows.c: behind a loss that knows nothing of labels, whose scale was 1. loss (rows) is multiplied by
 * what its row counts, dy (rows, cols) by that divided by the total. An ignored row has loss, hit (rows)
 * and dy 0, one whose label is no class a NaN loss and the others 0. hit and dy may be NULL. */
clade_status clade__weigh_rows(clade__commands *commands, clade_tensor *loss, clade_tensor *hit,
                               clade_tensor *dy, const clade_tensor *labels,
                               const clade__row_rule *rule, const clade__rows_total *total);

/* reduce.c. scratch: float32 of clade__reduce_scratch() elements, or NULL when that is 0. */
clade_status clade__reduce_forward(clade__commands *commands, clade_reduction kind, int dim,
                                   clade_tensor *dst, const clade_tensor *src,
                                   clade_tensor *scratch);
clade_status clade__reduce_backward(clade__commands *commands, clade_reduction kind, int dim,
                                    clade_tensor *dsrc, const clade_tensor *src,
                                    const clade_tensor *ddst, bool add);

/* How many float32 of scratch a reduction of this shape needs; depends on nothing else. */
int64_t clade__reduce_scratch(int dim, clade_shape src);

/* metrics.c: what is right, and a step's sums, for the host to read later.
 * hit (rows) is 1 where a row's answer is its label: the first largest of its cols values or, with
 * one column, whether the value exceeds `threshold`. A row whose largest value is not finite has no
 * answer.
 * mark_rows: loss (rows) becomes NaN where a value of y (rows, cols) is not finite.
 * steps (n_slots, CLADE__N_SUMS): row *slot receives the sum of loss (rows), that of hit (rows), and how
 * many losses are not finite, whose hits do not count; with `add` to what it holds. hit may be NULL
 * (0 is taken). */
clade_status clade__count_hits(clade__commands *commands, clade_tensor *hit, const clade_tensor *y,
                               const clade_tensor *labels, float threshold);
clade_status clade__mark_rows(clade__commands *commands, clade_tensor *loss, const clade_tensor *y);
clade_status clade__metrics_store(clade__commands *commands, clade_tensor *steps,
                                  const int32_t *slot, const clade_tensor *loss,
                                  const clade_tensor *hit, bool add);

/* loss_mean: the loss of row *total->index of steps (n, CLADE__N_SUMS), times scale and divided by that
 * element of totals (n), goes to means (1 + n) behind the first, which receives the sum of this loss and
 * those before it. Without totals it is not divided; to be called for each index from 0 on. */
clade_status clade__loss_mean(clade__commands *commands, clade_tensor *means,
                              const clade_tensor *steps, const clade__rows_total *total, float scale);

/* metric_sums.c: what an evaluation sums beside these. set: which, of CLADE__EVALUATION_SUMS; n of them.
 * sums (n_slots, n): row *slot receives the sums over the batch; with `add`, to what it holds. values
 * (n, rows): scratch, the same of each row. TOP_5_HITS needs y and labels, and says something where there
 * are more than five columns; errors need y and target. */
typedef struct clade__metric_source {
    const clade_tensor *y;      /* (rows, cols) */
    const clade_tensor *labels; /* (rows) int32, or NULL: each row counts 1 */
    clade__row_rule rule;       /* of the labels */
    const clade_tensor *target; /* (rows, cols) */
    const clade_tensor *center; /* (cols): near the targets, see metric_sums.h; NULL: 0 */
} clade__metric_source;

clade_status clade__metrics_sum(clade__commands *commands, clade_tensor *sums, const int32_t *slot,
                                clade_tensor *values, unsigned set,
                                const clade__metric_source *source, bool add);

/* metrics.c too: how large numbers are. The largest |x| of each 256 elements, NaN where one is, goes to
 * peaks[first] and on; a tensor of n elements has clade__n_peaks(n). */
int64_t clade__n_peaks(int64_t n);
clade_status clade__peaks(clade__commands *commands, clade_tensor *peaks, int64_t first,
                          const clade_tensor *x);

/* gather.c: dst[r] = src[index[*first + r]] * scale + shift for the rows of dst (rows, cols)
 * float32; src (n, cols) is uint8 or float32; index int32. With index NULL, src[*first + r].
 * columns (2, cols) float32, unless NULL, has a scale and a shift for each column in their place.
 * Labels: the same for int32, (rows) or (rows, cols), as they are. */
clade_status clade__gather(clade__commands *commands, clade_tensor *dst, const clade_tensor *src,
                           const clade_tensor *index, const int32_t *first, float scale,
                           float shift, const clade_tensor *columns);
clade_status clade__gather_labels(clade__commands *commands, clade_tensor *dst,
                                  const clade_tensor *src, const clade_tensor *index,
                                  const int32_t *first);

/* The same of images, each changed at random; see cl/augment.cl for what is drawn, and from what. */
typedef struct clade__rows_by {
    const clade_tensor *index; /* as clade__gather's, and so the rest */
    const int32_t *first;
    float scale, shift;
    const clade_tensor *columns;
} clade__rows_by;

typedef struct clade__augmentation {
    int64_t image[3]; /* channels, height, width */
    int32_t crop;     /* pixels that it may be moved by, each way */
    bool flip;        /* mirror half of the images */
    int32_t cutout;   /* the side of a square that is blanked; 0: none */
    uint64_t seed;
    const int32_t *epoch;    /* read at each run */
    const clade_tensor *ids; /* int32: the number of image *first + r in its data set */
} clade__augmentation;

clade_status clade__gather_augmented(clade__commands *commands, clade_tensor *dst,
                                     const clade_tensor *src, const clade__rows_by *by,
                                     const clade__augmentation *how);

/* clip_norm.c: scale (1) from all gradients, with float32 partials, as many as those of each gradient
 * of n elements together. */
int64_t clade__clip_norm_partials(const clade_device *device, int64_t n);
clade_status clade__clip_norm(clade__commands *commands, clade_tensor *scale,
                              clade_tensor *partials, clade_tensor *const *grads, int n_grads,
                              float max_norm);

/* sgd.c, adam.c: what changes from step to step is read through the pointers at each run. scale, what
 * the gradient is multiplied by, may be NULL. */

clade_status clade__sgd_step(clade__commands *commands, clade_tensor *w, clade_tensor *velocity,
                             const clade_tensor *grad, const clade_tensor *scale,
                             const clade__sgd_rates *rates);

typedef struct clade__adam_rates {
    const float *lr;
    const float *correction1; /* 1 / (1 - beta1^step) */
    const float *correction2; /* 1 / sqrt(1 - beta2^step) */
    float beta1, beta2, epsilon, weight_decay;
    bool decoupled;
} clade__adam_rates;

/* The corrections at a step counted from 1. */
void clade__adam_corrections(float beta1, float beta2, int64_t step, float *correction1,
                             float *correction2);

clade_status clade__adam_step(clade__commands *commands, clade_tensor *w, clade_tensor *m,
                              clade_tensor *v, const clade_tensor *grad,
                              const clade_tensor *scale, const clade__adam_rates *rates);

#endif

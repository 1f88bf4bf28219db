/* Operations on tensors: what a model is made of, to call without a model.
 *
 * Every function enqueues on the tensors' device and returns; clade_tensor_read waits. All tensors
 * of a call belong to one device, and outputs come first. A backward function computes the gradient
 * of a scalar with respect to its input (dx) from the gradient with respect to its output (dy).
 * "(rows, cols)" is any shape with cols as its last dimension. Errors: CLADE_ESHAPE for shapes or
 * element types that do not fit, CLADE_EINVAL for a parameter out of range, CLADE_EBUILD and
 * CLADE_EOPENCL for what the driver refuses.
 */
#ifndef CLADE_OPS_H
#define CLADE_OPS_H

#include <clade/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- gemm ------------------------------------------------------------------------------------ */

/* C = alpha * op(A) * op(B) + beta * C for matrices of rank 2: op(A) is (m, k), op(B) is (k, n),
 * C is (m, n); op transposes where its flag is set. With beta 0, C is written, never read. */
CLADE_API CLADE_MUST_CHECK clade_status clade_gemm(clade_tensor *c, const clade_tensor *a,
                                                   const clade_tensor *b, bool trans_a,
                                                   bool trans_b, float alpha, float beta);

/* The same on parts of tensors. Matrices are row-major; ld is the distance between the starts of
 * two rows and offset the position of the first element, both counted in elements. */
typedef struct clade_gemm_args {
    int64_t m, n, k;
    bool trans_a, trans_b;
    float alpha, beta;
    const clade_tensor *a; /* (m, k), or (k, m) when trans_a */
    const clade_tensor *b; /* (k, n), or (n, k) when trans_b */
    clade_tensor *c;       /* (m, n) */
    int64_t a_offset, b_offset, c_offset;
    int64_t lda, ldb, ldc;
    uint64_t reserved[4];
} clade_gemm_args;

CLADE_API CLADE_MUST_CHECK clade_status clade_gemm_strided(const clade_gemm_args *args);

/* Chooses who does the gemms of the operations that are called on a device, and of models that are
 * loaded from then on: "auto", "tiled", "local", "clblast". NULL means the environment's CLADE_GEMM, and without that
 * "auto". A model that is compiled has the provider of its clade_compile_options, whatever is chosen
 * here. CLADE_EINVAL lists the providers when the name is unknown. */
CLADE_API CLADE_MUST_CHECK clade_status clade_gemm_select(clade_device *device,
                                                          const char *provider);

/* ---- layers ---------------------------------------------------------------------------------- */

/* y = x Wᵀ + b, as torch.nn.Linear. y (rows, out), x (rows, in), weight (out, in), bias (out) or
 * NULL. */
CLADE_API CLADE_MUST_CHECK clade_status clade_linear_forward(clade_tensor *y,
                                                             const clade_tensor *x,
                                                             const clade_tensor *weight,
                                                             const clade_tensor *bias);

/* dx = dy W, dweight = dyᵀ x, dbias = column sums of dy; an output that is NULL is not computed. */
CLADE_API CLADE_MUST_CHECK clade_status clade_linear_backward(clade_tensor *dx,
                                                              clade_tensor *dweight,
                                                              clade_tensor *dbias,
                                                              const clade_tensor *x,
                                                              const clade_tensor *weight,
                                                              const clade_tensor *dy);

/* How a kernel moves over an image, with torch.nn.Conv2d's meaning; what has two is of height and width.
 * A stride, a dilation or groups of 0 means 1. */
typedef struct clade_conv2d_window {
    int64_t stride[2];
    int64_t padding[2]; /* zeros at both ends, or CLADE_PADDING_SAME */
    int64_t dilation[2];
    int64_t groups; /* channels and output channels are divided among so many convolutions */
    uint64_t reserved[4];
} clade_conv2d_window;

/* So many zeros that the output is as large as the input, the one that is over below or on the right; with
 * a stride of 1 alone. */
#define CLADE_PADDING_SAME INT64_MIN

/* y (n, out, oh, ow) = the convolution of x (n, channels, h, w) with weight (out, channels / groups, kh,
 * kw), and bias (out) or NULL, as torch.nn.functional.conv2d: oh = (h + 2 padding - dilation (kh - 1) - 1)
 * / stride + 1. window NULL: a stride of 1 and nothing else. CLADE_ESHAPE where the kernel is larger than
 * the padded input, or groups do not divide the channels. */
CLADE_API CLADE_MUST_CHECK clade_status clade_conv2d_forward(clade_tensor *y, const clade_tensor *x,
                                                             const clade_tensor *weight,
                                                             const clade_tensor *bias,
                                                             const clade_conv2d_window *window);

/* The gradients of x, weight and bias from dy; an output that is NULL is not computed. */
CLADE_API CLADE_MUST_CHECK clade_status clade_conv2d_backward(clade_tensor *dx, clade_tensor *dweight,
                                                              clade_tensor *dbias,
                                                              const clade_tensor *x,
                                                              const clade_tensor *weight,
                                                              const clade_tensor *dy,
                                                              const clade_conv2d_window *window);

/* The same for a transposed convolution, with torch.nn.ConvTranspose2d's meaning. A stride, a dilation or groups
 * of 0 means 1. */
typedef struct clade_conv_transpose2d_window {
    int64_t stride[2];
    int64_t padding[2];        /* rows and columns of the output that are left out at both ends */
    int64_t output_padding[2]; /* more of them below and on the right; less than the stride or the dilation */
    int64_t dilation[2];
    int64_t groups; /* channels and output channels are divided among so many convolutions */
    uint64_t reserved[4];
} clade_conv_transpose2d_window;

/* y (n, out, oh, ow) = the transposed convolution of x (n, channels, h, w) with weight (channels, out / groups,
 * kh, kw), and bias (out) or NULL, as torch.nn.functional.conv_transpose2d: what the gradient of a convolution's
 * input is of that of its output. oh = (h - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1.
 * window NULL: a stride of 1 and nothing else. CLADE_ESHAPE where padding leaves nothing of the output, or
 * groups do not divide the channels; CLADE_EINVAL where output_padding is too large. */
CLADE_API CLADE_MUST_CHECK clade_status
clade_conv_transpose2d_forward(clade_tensor *y, const clade_tensor *x, const clade_tensor *weight,
                               const clade_tensor *bias, const clade_conv_transpose2d_window *window);

/* The gradients of x, weight and bias from dy; an output that is NULL is not computed. */
CLADE_API CLADE_MUST_CHECK clade_status
clade_conv_transpose2d_backward(clade_tensor *dx, clade_tensor *dweight, clade_tensor *dbias,
                                const clade_tensor *x, const clade_tensor *weight,
                                const clade_tensor *dy, const clade_conv_transpose2d_window *window);

/* Element by element, with torch.nn.functional's definitions; gelu is the exact one, by erf. */
typedef enum clade_activation {
    CLADE_IDENTITY,
    CLADE_SIGMOID,
    CLADE_TANH,
    CLADE_RELU,
    CLADE_LEAKY_RELU,
    CLADE_GELU
} clade_activation;

/* y = f(x); slope is leaky_relu's negative slope and ignored by the others. x and y may be one. */
CLADE_API CLADE_MUST_CHECK clade_status clade_activation_forward(clade_activation kind,
                                                                 float slope, clade_tensor *y,
                                                                 const clade_tensor *x);

/* dx = dy f'(x). gelu needs x; the others need y = f(x) and ignore x (it may be NULL). dx may be
 * dy. The derivative of relu at 0 is 0, of leaky_relu its slope, as in PyTorch; leaky_relu needs
 * slope > 0. */
CLADE_API CLADE_MUST_CHECK clade_status clade_activation_backward(clade_activation kind,
                                                                  float slope, clade_tensor *dx,
                                                                  const clade_tensor *x,
                                                                  const clade_tensor *y,
                                                                  const clade_tensor *dy);

/* Over the last dimension: y = exp(x - max) / sum(exp(x - max)), finite for any finite x. */
CLADE_API CLADE_MUST_CHECK clade_status clade_softmax_forward(clade_tensor *y,
                                                              const clade_tensor *x);
CLADE_API CLADE_MUST_CHECK clade_status clade_softmax_backward(clade_tensor *dx,
                                                               const clade_tensor *y,
                                                               const clade_tensor *dy);

/* y = x - max - log(sum(exp(x - max))). */
CLADE_API CLADE_MUST_CHECK clade_status clade_log_softmax_forward(clade_tensor *y,
                                                                  const clade_tensor *x);
CLADE_API CLADE_MUST_CHECK clade_status clade_log_softmax_backward(clade_tensor *dx,
                                                                   const clade_tensor *y,
                                                                   const clade_tensor *dy);

/* torch.nn.functional.dropout, in training: y = x / (1 - p) for elements that are kept, 0 for those
 * that are dropped, each with probability p, in [0, 1]. Which ones is a function of seed, layer, step
 * and the element's row and column alone (bits of Philox 4x32-10): the same on every device, and the
 * same in backward, which keeps nothing of forward. y may be x, and dx dy. */
typedef struct clade_dropout_args {
    float p;
    uint64_t seed;
    int layer;    /* tells the uses of one seed apart */
    int64_t step; /* its low 32 bits count */
    uint64_t reserved[4];
} clade_dropout_args;

CLADE_API CLADE_MUST_CHECK clade_status clade_dropout_forward(clade_tensor *y,
                                                              const clade_tensor *x,
                                                              const clade_dropout_args *args);
CLADE_API CLADE_MUST_CHECK clade_status clade_dropout_backward(clade_tensor *dx,
                                                               const clade_tensor *dy,
                                                               const clade_dropout_args *args);

/* y = a + b, one shape. */
CLADE_API CLADE_MUST_CHECK clade_status clade_add_forward(clade_tensor *y, const clade_tensor *a,
                                                          const clade_tensor *b);

/* y = a * b, element by element, one shape; each one's gradient is dy times the other. y may be a or b. */
CLADE_API CLADE_MUST_CHECK clade_status clade_multiply_forward(clade_tensor *y,
                                                               const clade_tensor *a,
                                                               const clade_tensor *b);

/* y = the part of x from `start` on along dimension dim, of y's length there. float32 or int32.
 * CLADE_EINVAL where x has no such part. */
CLADE_API CLADE_MUST_CHECK clade_status clade_slice_forward(clade_tensor *y, const clade_tensor *x,
                                                            int dim, int64_t start);

/* y = the inputs, one behind another along dimension dim, in which alone their shapes may differ. */
CLADE_API CLADE_MUST_CHECK clade_status clade_concat_forward(clade_tensor *y,
                                                             const clade_tensor *const *inputs,
                                                             int n_inputs, int dim);

/* ---- normalisation --------------------------------------------------------------------------- */

/* torch.nn.functional.batch_norm: x (samples, channels, …); tensors of (channels). */
typedef struct clade_batch_norm_args {
    const clade_tensor *weight, *bias; /* NULL: 1 and 0 */
    clade_tensor *mean, *variance;     /* training: forward writes what the batch has, the variance divided by
                                        * the number of values, and backward reads it; else forward reads it */
    clade_tensor *running_mean, *running_variance; /* training moves them; both NULL: there are none */
    float momentum; /* in [0, 1]: running = (1 - momentum) running + momentum the batch's, whose variance is
                     * divided by one value less */
    float epsilon;  /* at least 0; PyTorch's default is 1e-5, and 0.1 for momentum: a 0 here is a 0 */
    bool training;
    uint64_t reserved[4];
} clade_batch_norm_args;

/* y = (x - mean) / sqrt(variance + epsilon) * weight + bias, of each channel. In training the mean and the
 * variance are the batch's, over its samples and all further dimensions; CLADE_EINVAL where these are one
 * value for each channel. Sums run in a fixed order. */
CLADE_API CLADE_MUST_CHECK clade_status clade_batch_norm_forward(clade_tensor *y,
                                                                 const clade_tensor *x,
                                                                 const clade_batch_norm_args *args);

/* What the backward function of a normalisation writes; a NULL is not wanted. */
typedef struct clade_norm_gradients {
    clade_tensor *dx;              /* as x */
    clade_tensor *dweight, *dbias; /* (channels) */
    uint64_t reserved[4];
} clade_norm_gradients;

/* The gradients of training's forward, with what it has left in the args' mean and variance. */
CLADE_API CLADE_MUST_CHECK clade_status
clade_batch_norm_backward(const clade_norm_gradients *gradients, const clade_tensor *x,
                          const clade_tensor *dy, const clade_batch_norm_args *args);

/* torch.nn.functional.group_norm: x (samples, channels, …), in `groups` of neighbouring channels. */
typedef struct clade_group_norm_args {
    const clade_tensor *weight, *bias; /* (channels), or NULL: 1 and 0 */
    int64_t groups; /* a divisor of the channels */
    float epsilon;  /* at least 0; PyTorch's default is 1e-5: a 0 here is a 0 */
    uint64_t reserved[4];
} clade_group_norm_args;

/* y = (x - mean) / sqrt(variance + epsilon) * weight + bias, with the mean and the variance of each group of each
 * sample, which statistics (2, samples, groups) receives for backward. */
CLADE_API CLADE_MUST_CHECK clade_status clade_group_norm_forward(clade_tensor *y,
                                                                 clade_tensor *statistics,
                                                                 const clade_tensor *x,
                                                                 const clade_group_norm_args *args);
CLADE_API CLADE_MUST_CHECK clade_status
clade_group_norm_backward(const clade_norm_gradients *gradients, const clade_tensor *x,
                          const clade_tensor *dy, const clade_tensor *statistics,
                          const clade_group_norm_args *args);

/* ---- pooling ---------------------------------------------------------------------------------- */

/* The windows of a pooling; of each pair the height's before the width's. */
typedef struct clade_pool2d_args {
    int64_t kernel_size[2];  /* at least 1 */
    int64_t stride[2];       /* 0: the kernel_size */
    int64_t padding[2];      /* on each side, at most half the kernel_size */
    int64_t dilation[2];     /* of max_pool2d; 0: 1 */
    bool leaves_padding_out; /* avg_pool2d divides by how many elements lie in the image, and not by the
                              * size of the window: PyTorch's count_include_pad, false */
    uint64_t reserved[4];
} clade_pool2d_args;

/* torch.nn.functional.max_pool2d: x (…, height, width), y and indices (…, out height, out width), out being
 * (size + 2 padding - dilation (kernel_size - 1) - 1) / stride + 1, rounded down. indices int32, unless it is
 * NULL, receives where in its plane the largest of each window is: the first of equals, the last of several
 * NaN, which count as larger than all; -1 of a dilated window without an element. CLADE_ESHAPE where a window
 * does not fit the padded image. */
CLADE_API CLADE_MUST_CHECK clade_status clade_max_pool2d_forward(clade_tensor *y,
                                                                 clade_tensor *indices,
                                                                 const clade_tensor *x,
                                                                 const clade_pool2d_args *args);

/* dx (…, height, width) = for each element the sum of dy over the windows whose largest it is, by the indices
 * of forward. */
CLADE_API CLADE_MUST_CHECK clade_status clade_max_pool2d_backward(clade_tensor *dx,
                                                                  const clade_tensor *dy,
                                                                  const clade_tensor *indices,
                                                                  const clade_pool2d_args *args);

/* torch.nn.functional.avg_pool2d: the mean of each window, the padding counted as zeros. Shapes as those of
 * max_pool2d. */
CLADE_API CLADE_MUST_CHECK clade_status clade_avg_pool2d_forward(clade_tensor *y,
                                                                 const clade_tensor *x,
                                                                 const clade_pool2d_args *args);
CLADE_API CLADE_MUST_CHECK clade_status clade_avg_pool2d_backward(clade_tensor *dx,
                                                                  const clade_tensor *dy,
                                                                  const clade_pool2d_args *args);

/* torch.nn.functional.adaptive_avg_pool2d: y (…, out height, out width) of any out sizes; output o along a
 * dimension is the mean of the elements from o size / out, rounded down, to (o + 1) size / out, rounded up. */
CLADE_API CLADE_MUST_CHECK clade_status clade_adaptive_avg_pool2d_forward(clade_tensor *y,
                                                                          const clade_tensor *x);
CLADE_API CLADE_MUST_CHECK clade_status clade_adaptive_avg_pool2d_backward(clade_tensor *dx,
                                                                           const clade_tensor *dy);

/* torch.nn.functional.interpolate, nearest: y (…, scale_height height, scale_width width) has each element of
 * x (…, height, width) so often. backward sums dy over what an element became. CLADE_EINVAL for a scale below 1. */
CLADE_API CLADE_MUST_CHECK clade_status clade_upsample_forward(clade_tensor *y, const clade_tensor *x,
                                                               int64_t scale_height,
                                                               int64_t scale_width);
CLADE_API CLADE_MUST_CHECK clade_status clade_upsample_backward(clade_tensor *dx,
                                                                const clade_tensor *dy,
                                                                int64_t scale_height,
                                                                int64_t scale_width);

/* ---- losses ---------------------------------------------------------------------------------- */

/* What torch.nn.CrossEntropyLoss has beside the logits and labels. All zero: nothing. */
typedef struct clade_cross_entropy_options {
    const clade_tensor *weight; /* (classes) float32: what a row of each class counts; NULL: 1 */
    float label_smoothing;      /* in [0, 1]: this share of the target goes to all classes alike */
    bool has_ignore_index;      /* rows of label ignore_index count for nothing: loss, hit and gradient 0 */
    int32_t ignore_index;
    const clade_tensor *total;  /* (1) float32: dlogits is divided by it, or 0 where it is 0; NULL: by 1 */
    uint64_t reserved[4];
} clade_cross_entropy_options;

/* Softmax and cross-entropy in one pass. logits (rows, classes); labels int32 (rows), each in
 * [0, classes); loss (rows) = -log softmax(logits)[label]. dlogits (rows, classes), when not NULL,
 * receives (softmax - one_hot) * scale: scale 1/rows gives the gradient of the mean. hit (rows,
 * float32), when not NULL, receives 1 where the largest logit (the first, of equals) is the
 * label's and finite. A label out of range gives a NaN loss. options may be NULL; with them, e the
 * smoothing and p the softmax, loss = (1 - e) weight[label] (-log p[label]) + e / classes * the sum of
 * weight (-log p) over all classes. clade_count_rows gives the total for the gradient of PyTorch's mean. */
CLADE_API CLADE_MUST_CHECK clade_status
clade_cross_entropy(clade_tensor *loss, clade_tensor *hit, clade_tensor *dlogits,
                    const clade_tensor *logits, const clade_tensor *labels, float scale,
                    const clade_cross_entropy_options *options);

/* total (1) float32 = the sum over the rows of labels int32 (rows) of weight[label], or of 1, without those
 * that are ignored or out of [0, n_classes). Of the options weight and ignore_index are read; NULL: none. */
CLADE_API CLADE_MUST_CHECK clade_status
clade_count_rows(clade_tensor *total, const clade_tensor *labels, int64_t n_classes,
                 const clade_cross_entropy_options *options);

/* loss (rows) = mean over cols of (y - target)²; dy, when not NULL, (rows, cols) receives
 * 2 (y - target) / cols * scale. */
CLADE_API CLADE_MUST_CHECK clade_status clade_mse(clade_tensor *loss, clade_tensor *dy,
                                                  const clade_tensor *y,
                                                  const clade_tensor *target, float scale);

/* Binary cross-entropy of sigmoid(logits) against targets in [0, 1], mean over cols:
 * max(x, 0) - x t + log(1 + exp(-|x|)); dlogits, when not NULL, receives
 * (sigmoid(x) - t) / cols * scale. pos_weight (cols), unless it is NULL, multiplies the part of t, as in
 * torch.nn.BCEWithLogitsLoss: -pos_weight t log sigmoid(x) - (1 - t) log(1 - sigmoid(x)). */
CLADE_API CLADE_MUST_CHECK clade_status clade_bce_with_logits(clade_tensor *loss,
                                                              clade_tensor *dlogits,
                                                              const clade_tensor *logits,
                                                              const clade_tensor *target,
                                                              const clade_tensor *pos_weight,
                                                              float scale);

/* target (rows, cols) float32 from labels int32 (rows): row r is 1 at column labels[r], else 0.
 * With one column it is the label itself. */
CLADE_API CLADE_MUST_CHECK clade_status clade_one_hot(clade_tensor *target,
                                                      const clade_tensor *labels);

/* ---- reductions ------------------------------------------------------------------------------ */

typedef enum clade_reduction { CLADE_SUM, CLADE_MEAN, CLADE_MAX, CLADE_ARGMAX } clade_reduction;

#define CLADE_ALL (-1) /* reduce over every dimension */

/* dst = reduction of src over dimension dim, or over all of it. dst has src's elements without
 * that dimension (any shape with so many). Sums run in a fixed tree order. max passes NaN on;
 * argmax gives int32, the first of equals; over all, a flat index. */
CLADE_API CLADE_MUST_CHECK clade_status clade_reduce_forward(clade_reduction kind, int dim,
                                                             clade_tensor *dst,
                                                             const clade_tensor *src);

/* dsrc from ddst; max sends its gradient to the first largest element. src is needed by max only.
 * argmax has no gradient: CLADE_EINVAL. */
CLADE_API CLADE_MUST_CHECK clade_status clade_reduce_backward(clade_reduction kind, int dim,
                                                              clade_tensor *dsrc,
                                                              const clade_tensor *src,
                                                              const clade_tensor *ddst);

/* ---- optimizers ------------------------------------------------------------------------------ */

/* torch.optim.SGD: g += weight_decay * w; v = momentum * v + g;
 * w -= lr * (nesterov ? g + momentum * v : v). velocity starts as zeros; it may be NULL when
 * momentum is 0. */
typedef struct clade_sgd_args {
    float lr, momentum, weight_decay;
    bool nesterov;
    const clade_tensor *scale; /* (1): the gradient is multiplied by it; NULL: by 1 */
    uint64_t reserved[4];
} clade_sgd_args;

CLADE_API CLADE_MUST_CHECK clade_status clade_sgd_step(clade_tensor *w, clade_tensor *velocity,
                                                       const clade_tensor *grad,
                                                       const clade_sgd_args *args);

/* torch.optim.Adam, or AdamW when decoupled: m and v are the running moments, all zero at first;
 * the weight decay joins the gradient (Adam) or shrinks w by lr * weight_decay (AdamW). */
typedef struct clade_adam_args {
    float lr, beta1, beta2, epsilon, weight_decay;
    bool decoupled;
    int64_t step; /* counted from 1 */
    const clade_tensor *scale; /* as sgd's */
    uint64_t reserved[4];
} clade_adam_args;

CLADE_API CLADE_MUST_CHECK clade_status clade_adam_step(clade_tensor *w, clade_tensor *m,
                                                        clade_tensor *v, const clade_tensor *grad,
                                                        const clade_adam_args *args);

/* torch.nn.utils.clip_grad_norm_, for an optimizer's scale: scale (1) receives
 * min(1, max_norm / (norm + 1e-6)), norm being the 2-norm of all gradients together. Sums run in a
 * fixed order. CLADE_EINVAL unless max_norm is a number of at least 0, and there is a gradient. */
CLADE_API CLADE_MUST_CHECK clade_status clade_clip_norm(clade_tensor *scale,
                                                        clade_tensor *const *grads, int n_grads,
                                                        float max_norm);

#ifdef __cplusplus
}
#endif

#endif

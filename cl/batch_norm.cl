/* Batch normalisation of x (samples, channels, inner), each channel over its samples and its inner elements,
 * `count` of them, as torch.nn.BatchNorm1d and 2d:
 *
 *   batch_norm_parts       parts = the mean of each block of a channel, and the sum of (x - mean)^2 there
 *   batch_norm_statistics  mean, variance (channels) of the parts together, the variance divided by count; the
 *                          running ones, unless null, move by momentum, to a variance divided by count - 1
 *   batch_norm_forward     y = f(n + other), with n = (x - mean) * scale + bias and scale = weight
 *                          / sqrt(variance + epsilon); without other (null) y = f(n)
 *   batch_norm_fold        the weight (channels, per_channel) and bias (channels) of a convolution that gives n from what
 *                          one with the given ones gives x from; without a bias (null) that is 0
 *   batch_norm_back_parts  parts = the sum of g = dy f' in each block, and that of g (x - mean); g is stored in
 *                          masked, unless null
 *   batch_norm_sums        dbias is the first of the parts together, dweight the second
 *                          / sqrt(variance + epsilon), with add they are added; of them sums (2, channels) for:
 *   batch_norm_backward    dx = ((g - sum g / count) - (x - mean) * (sum g (x - mean) / count)
 *                          / (variance + epsilon)) * scale; with -DADD=1 that is added to dx
 *
 * Without weight and bias (null) they are 1 and 0. On the way back f is y > 0 ? y : slope * y: 1 is of the
 * identity, and 0 of relu. f' follows from y's sign or, with y null, from that of n, which is computed once more
 * and not read. A variance is a sum of squares of differences from a mean,
 * never a difference of two sums, which would lose it where it is small beside the mean. A channel is cut into
 * blocks of per_block samples, so that every sum's order depends on the shapes alone:
 *
 *   channel     0            1            ...        parts (2, blocks, columns); a column is a channel, or
 *   block 0     row 0        row 0 ...               with -DCOLUMNS=1 an inner element of one
 *   block 1     row 1        row 1 ...
 *
 * Work-items share the rows of inner elements of a channel's block: see row_reduce.cl. Where inner is small
 * that leaves most without one: with COLUMNS neighbouring work-items, and the elements of vectors, have
 * neighbouring columns of (samples, channels x inner), and each goes through the samples of a block alone.
 *
 * -DACTIVATION chooses f: see activation_functions.cl. shape is (samples, channels, inner, per_block, blocks,
 * columns, 0, 0): LLVM makes of a product of two elements of a vector what Oclgrind 21.10 does not know.
 */
#ifndef COLUMNS
#define COLUMNS 0
#endif
#include "element.cl"
#include "row_reduce.cl"
#define FLOAT VEC
#include "activation_functions.cl"

#define SAMPLES   shape.s0
#define CHANNELS  shape.s1
#define INNER     shape.s2
#define PER_BLOCK shape.s3
#define BLOCKS    shape.s4
#define ALL       shape.s5 /* columns */

/* What a work-item has of each sample in [first, last): of its channel, or VW columns from `column` on. One
 * that is too many has no samples, and a block past the last. */
typedef struct share {
    int column, block, first, last;
    int n; /* elements of a sample */
} share;

static inline share share_of(const int8 shape)
{
    share s;
    const int width = COLUMNS ? (ALL - 1) / VW + 1 : ALL;
    s.block = ROW / width;
    s.column = (ROW - s.block * width) * (COLUMNS ? VW : 1);
    s.first = s.block * PER_BLOCK;
    s.last = min(s.first + PER_BLOCK, SAMPLES);
    s.n = COLUMNS ? ALL - s.column : INNER;
    return s;
}

/* Where they begin. */
static inline size_t part_of(const share s, const int sample, const int8 shape)
{
    return COLUMNS ? (size_t)sample * ALL + s.column
                   : ((size_t)sample * CHANNELS + s.column) * INNER;
}

/* Their vectors; and a column's sum, or a channel's, of all who have part in it. */
#if COLUMNS
#define EACH_PART(c, n)          (int c = 0; c < 1; c++)
#define TOGETHER(x, meeting)     (x)
#define PUT_RESULT(x, at, s)     put(x, at, (s).n)
#define FILL(mean)               0.0f
typedef VEC result;
#else
#define EACH_PART(c, n)          EACH_VECTOR(c, n)
#define TOGETHER(x, meeting)     row_sum(sum_of(x), meeting)
#define PUT_RESULT(x, at, s)     if (LANE == 0) *(at) = (x)
#define FILL(mean)               (mean)
typedef float result;
#endif

/* value (channels), or if it is null what is given in its place, of each column. */
static inline result of_channel(const global float *value, const float missing, const share s,
                                const int8 shape)
{
#if COLUMNS && VW > 1
    float part[VW];
    for (int k = 0; k < VW; k++) {
        const int column = min(s.column + k, ALL - 1);
        part[k] = value ? value[column / INNER] : missing;
    }
    return LOAD(part);
#else
    return value ? value[COLUMNS ? s.column / INNER : s.column] : missing;
#endif
}

/* ---- forward ----------------------------------------------------------------------------------- */

ROW_KERNEL batch_norm_parts(global float *restrict parts, const global float *restrict x,
                            const int8 shape)
{
    MEETING(float, meeting);
    const share s = share_of(shape);
    const float count = (float)((s.last - s.first) * (COLUMNS ? 1 : INNER));
    VEC total = 0.0f;
    for (int sample = s.first; sample < s.last; sample++) {
        const size_t at = part_of(s, sample, shape);
        VEC part = 0.0f;
        for EACH_PART(c, s.n) part += fetch(x + at + c, s.n - c, 0.0f);
        total += part;
    }
    const result mean = TOGETHER(total, meeting) / count;
    total = 0.0f;
    for (int sample = s.first; sample < s.last; sample++) {
        const size_t at = part_of(s, sample, shape);
        VEC part = 0.0f;
        for EACH_PART(c, s.n) {
            const VEC d = fetch(x + at + c, s.n - c, FILL(mean)) - mean;
            part += d * d;
        }
        total += part;
    }
    const result squares = TOGETHER(total, meeting);
    if (s.block >= BLOCKS) return;
    global float *at = parts + (size_t)s.block * ALL + s.column;
    PUT_RESULT(mean, at, s);
    at += (size_t)BLOCKS * ALL;
    PUT_RESULT(squares, at, s);
}

/* The elements that each of a block's parts is of. */
static inline float count_of(const int block, const int per_channel, const int8 shape)
{
    const int samples = min(PER_BLOCK, SAMPLES - block * PER_BLOCK);
    return (float)(per_channel > 1 ? samples : samples * INNER);
}

ELEMENT_KERNEL batch_norm_statistics(global float *restrict mean, global float *restrict variance,
                                     global float *restrict running_mean,
                                     global float *restrict running_variance,
                                     const global float *restrict parts, const int8 shape,
                                     const float count, const float momentum)
{
    if (!HAS_ELEMENT(CHANNELS)) return;
    const int channel = (int)ELEMENT, per_channel = ALL / CHANNELS;
    parts += channel * per_channel;
    float total = 0.0f, squares = 0.0f;
    for (int b = 0; b < BLOCKS; b++) {
        const float n = count_of(b, per_channel, shape);
        for (int k = 0; k < per_channel; k++) total += n * parts[(size_t)b * ALL + k];
    }
    const float middle = total / count;
    for (int b = 0; b < BLOCKS; b++) {
        const float n = count_of(b, per_channel, shape);
        for (int k = 0; k < per_channel; k++) {
            const float d = parts[(size_t)b * ALL + k] - middle;
            squares += parts[((size_t)BLOCKS + b) * ALL + k] + n * (d * d);
        }
    }
    mean[channel] = middle;
    variance[channel] = squares / count;
    if (!running_mean) return;
    running_mean[channel] = (1.0f - momentum) * running_mean[channel] + momentum * middle;
    running_variance[channel] =
        (1.0f - momentum) * running_variance[channel] + momentum * (squares / (count - 1.0f));
}

ROW_KERNEL batch_norm_forward(global float *restrict y, const global float *restrict x,
                              const global float *restrict other,
                              const global float *restrict mean,
                              const global float *restrict variance,
                              const global float *restrict weight,
                              const global float *restrict bias, const int8 shape,
                              const float epsilon, const float slope)
{
    const share s = share_of(shape);
    const result middle = of_channel(mean, 0.0f, s, shape);
    const result scale = of_channel(weight, 1.0f, s, shape) /
                         sqrt(of_channel(variance, 0.0f, s, shape) + epsilon);
    const result shift = of_channel(bias, 0.0f, s, shape);
    for (int sample = s.first; sample < s.last; sample++) {
        const size_t at = part_of(s, sample, shape);
        for EACH_PART(c, s.n) {
            VEC normal = (fetch(x + at + c, s.n - c, 0.0f) - middle) * scale + shift;
            if (other) normal += fetch(other + at + c, s.n - c, 0.0f);
            put(activation_forward(normal, slope), y + at + c, s.n - c);
        }
    }
}

ELEMENT_KERNEL batch_norm_fold(global float *restrict folded_weight,
                               global float *restrict folded_bias,
                               const global float *restrict conv_weight,
                               const global float *restrict conv_bias,
                               const global float *restrict mean,
                               const global float *restrict variance,
                               const global float *restrict weight,
                               const global float *restrict bias, const int channels,
                               const int per_channel, const float epsilon)
{
    const int i = (int)ELEMENT;
    if (HAS_ELEMENT((size_t)channels * per_channel)) {
        const int channel = i / per_channel;
        const float scale = (weight ? weight[channel] : 1.0f) / sqrt(variance[channel] + epsilon);
        folded_weight[i] = conv_weight[i] * scale;
        if (i == channel * per_channel)
            folded_bias[channel] = ((conv_bias ? conv_bias[channel] : 0.0f) - mean[channel]) * scale +
                                   (bias ? bias[channel] : 0.0f);
    }
}

/* ---- backward ---------------------------------------------------------------------------------- */

/* dy f', where f has a value of this sign. */
static inline VEC masked_of(const VEC dy, const VEC value, const float slope)
{
    const VEC low = slope == 0.0f ? (VEC)(0.0f) : slope * dy; /* 0, also of an infinity */
    return value <= 0.0f ? low : dy;
}

/* masked may be dy. */
ROW_KERNEL batch_norm_back_parts(global float *restrict parts, global float *masked,
                                 const global float *restrict x, const global float *dy,
                                 const global float *restrict y, const global float *restrict mean,
                                 const global float *restrict variance,
                                 const global float *restrict weight,
                                 const global float *restrict bias, const int8 shape,
                                 const float epsilon, const float slope)
{
    MEETING(float, meeting);
    const share s = share_of(shape);
    const result middle = of_channel(mean, 0.0f, s, shape);
    const result scale = of_channel(weight, 1.0f, s, shape) /
                         sqrt(of_channel(variance, 0.0f, s, shape) + epsilon);
    const result shift = of_channel(bias, 0.0f, s, shape);
    VEC total = 0.0f, product = 0.0f;
    for (int sample = s.first; sample < s.last; sample++) {
        const size_t at = part_of(s, sample, shape);
        VEC part = 0.0f, products = 0.0f;
        for EACH_PART(c, s.n) {
            const VEC d = fetch(x + at + c, s.n - c, FILL(middle)) - middle;
            const VEC value = y ? fetch(y + at + c, s.n - c, 0.0f) : d * scale + shift;
            const VEC g = masked_of(fetch(dy + at + c, s.n - c, 0.0f), value, slope);
            if (masked) put(g, masked + at + c, s.n - c);
            part += g;
            products += g * d;
        }
        total += part;
        product += products;
    }
    const result sum = TOGETHER(total, meeting);
    const result of_products = TOGETHER(product, meeting);
    if (s.block >= BLOCKS) return;
    global float *at = parts + (size_t)s.block * ALL + s.column;
    PUT_RESULT(sum, at, s);
    at += (size_t)BLOCKS * ALL;
    PUT_RESULT(of_products, at, s);
}

ELEMENT_KERNEL batch_norm_sums(global float *restrict sums, global float *restrict dweight,
                               global float *restrict dbias, const global float *restrict parts,
                               const global float *restrict variance, const int8 shape,
                               const float count, const float epsilon, const int add_weight,
                               const int add_bias)
{
    if (!HAS_ELEMENT(CHANNELS)) return;
    const int channel = (int)ELEMENT, per_channel = ALL / CHANNELS;
    parts += channel * per_channel;
    float total = 0.0f, product = 0.0f;
    for (int b = 0; b < BLOCKS; b++)
        for (int k = 0; k < per_channel; k++) {
            total += parts[(size_t)b * ALL + k];
            product += parts[((size_t)BLOCKS + b) * ALL + k];
        }
    const float spread = variance[channel] + epsilon, of_weight = product / sqrt(spread);
    sums[channel] = total / count;
    sums[CHANNELS + channel] = product / count / spread;
    if (dweight) dweight[channel] = add_weight ? dweight[channel] + of_weight : of_weight;
    if (dbias) dbias[channel] = add_bias ? dbias[channel] + total : total;
}

/* dx may be dy. */
ROW_KERNEL batch_norm_backward(global float *dx, const global float *restrict x,
                               const global float *dy, const global float *restrict y,
                               const global float *restrict mean,
                               const global float *restrict variance,
                               const global float *restrict weight,
                               const global float *restrict bias, const global float *restrict sums,
                               const int8 shape, const float epsilon, const float slope)
{
    const share s = share_of(shape);
    const result middle = of_channel(mean, 0.0f, s, shape);
    const result scale = of_channel(weight, 1.0f, s, shape) /
                         sqrt(of_channel(variance, 0.0f, s, shape) + epsilon);
    const result shift = of_channel(bias, 0.0f, s, shape);
    const result of_all = of_channel(sums, 0.0f, s, shape);
    const result of_products = of_channel(sums + CHANNELS, 0.0f, s, shape);
    for (int sample = s.first; sample < s.last; sample++) {
        const size_t at = part_of(s, sample, shape);
        for EACH_PART(c, s.n) {
            const VEC d = fetch(x + at + c, s.n - c, 0.0f) - middle;
            const VEC value = y ? fetch(y + at + c, s.n - c, 0.0f) : d * scale + shift;
            const VEC g = masked_of(fetch(dy + at + c, s.n - c, 0.0f), value, slope);
            give(((g - of_all) - d * of_products) * scale, dx + at + c, s.n - c);
        }
    }
}

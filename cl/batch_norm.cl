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
 *   batch_norm_channel, batch_norm_channel_backward
 *                          all of this at once, forward and back, in training: a work-item has a channel. numbers
 *                          is (count, momentum, epsilon, slope). The last block is the first to be gone over
 *                          again, since a cache still has it
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
#include "element.cl"
#include "batch_norm_rows.cl"
#define FLOAT VEC
#include "activation_functions.cl"

/* ---- forward ----------------------------------------------------------------------------------- */

/* The parts of a block: its mean, and the sum of squares about that. */
INLINED void put_parts(global float *parts, const global float *x, const share s,
                       const int8 shape, local float *meeting)
{
    const float count = (float)((s.last - s.first) * (COLUMNS ? 1 : INNER));
    VEC total = 0.0f;
    for (int sample = s.first; sample < s.last; sample++) {
        const size_t at = part_of(s, sample, shape);
        VEC part = 0.0f;
        for EACH_PART(c, s.n) {
            ASK_FOR(x + at + c, s.soon, 0);
            part += fetch(x + at + c, s.n - c, 0.0f);
        }
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

ROW_KERNEL batch_norm_parts(global float *restrict parts, const global float *restrict x,
                            const int8 shape)
{
    MEETING(float, meeting);
    put_parts(parts, x, share_of(shape), shape, meeting);
}

/* The elements that each of a block's parts is of. */
static inline float count_of(const int block, const int per_channel, const int8 shape)
{
    const int samples = min(PER_BLOCK, SAMPLES - block * PER_BLOCK);
    return (float)(per_channel > 1 ? samples : samples * INNER);
}

static inline void put_statistics(global float *mean, global float *variance,
                                  global float *running_mean, global float *running_variance,
                                  const global float *parts, const int channel, const int8 shape,
                                  const float count, const float momentum)
{
    const int per_channel = ALL / CHANNELS;
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

ELEMENT_KERNEL batch_norm_statistics(global float *restrict mean, global float *restrict variance,
                                     global float *restrict running_mean,
                                     global float *restrict running_variance,
                                     const global float *restrict parts, const int8 shape,
                                     const float count, const float momentum)
{
    if (HAS_ELEMENT(CHANNELS))
        put_statistics(mean, variance, running_mean, running_variance, parts, (int)ELEMENT, shape, count,
                       momentum);
}

static inline void normalise(global float *y, const global float *x, const global float *other,
                             const norm by, const share s, const int8 shape, const float slope)
{
    for (int sample = s.first; sample < s.last; sample++) {
        const size_t at = part_of(s, sample, shape);
        for EACH_PART(c, s.n) {
            ASK_FOR(y + at + c, s.soon, 1);
            VEC normal = (fetch(x + at + c, s.n - c, 0.0f) - by.middle) * by.scale + by.shift;
            if (other) normal += fetch(other + at + c, s.n - c, 0.0f);
            put(activation_forward(normal, slope), y + at + c, s.n - c);
        }
    }
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
    normalise(y, x, other, norm_of(mean, variance, weight, bias, epsilon, s, shape), s, shape, slope);
}

#if WHOLE_CHANNELS
ROW_KERNEL batch_norm_channel(global float *restrict y, const global float *restrict x,
                              const global float *restrict other, global float *restrict mean,
                              global float *restrict variance, global float *restrict running_mean,
                              global float *restrict running_variance,
                              const global float *restrict weight,
                              const global float *restrict bias, global float *restrict parts,
                              const int8 shape, const float4 numbers)
{
    MEETING(float, meeting);
    const int channel = ROW;
    if (channel >= CHANNELS) return;
    for (int b = 0; b < BLOCKS; b++)
        put_parts(parts, x, share_in_turn(b, channel, shape), shape, meeting);
    put_statistics(mean, variance, running_mean, running_variance, parts, channel, shape, numbers.s0,
                   numbers.s1);
    for (int b = BLOCKS - 1; b >= 0; b--) {
        const share s = share_in_turn(b, channel, shape);
        normalise(y, x, other, norm_of(mean, variance, weight, bias, numbers.s2, s, shape), s, shape,
                  numbers.s3);
    }
}
#endif

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

/* The parts of a block: the sum of what is masked, and that of its products. masked may be dy. */
INLINED void put_back_parts(global float *parts, global float *masked, const global float *x,
                            const global float *dy, const global float *y, const norm by,
                            const share s, const int8 shape, const float slope,
                            local float *meeting)
{
    VEC total = 0.0f, product = 0.0f;
    for (int sample = s.first; sample < s.last; sample++) {
        const size_t at = part_of(s, sample, shape);
        VEC part = 0.0f, products = 0.0f;
        for EACH_PART(c, s.n) {
            ASK_FOR(x + at + c, s.soon, 0);
            ASK_FOR(dy + at + c, s.soon, 0);
            const VEC d = fetch(x + at + c, s.n - c, FILL(by.middle)) - by.middle;
            const VEC value = y ? fetch(y + at + c, s.n - c, 0.0f) : d * by.scale + by.shift;
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
    put_back_parts(parts, masked, x, dy, y, norm_of(mean, variance, weight, bias, epsilon, s, shape), s,
                   shape, slope, meeting);
}

static inline void put_sums(global float *sums, global float *dweight, global float *dbias,
                            const global float *parts, const global float *variance, const int channel,
                            const int8 shape, const float count, const float epsilon,
                            const int add_weight, const int add_bias)
{
    const int per_channel = ALL / CHANNELS;
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

ELEMENT_KERNEL batch_norm_sums(global float *restrict sums, global float *restrict dweight,
                               global float *restrict dbias, const global float *restrict parts,
                               const global float *restrict variance, const int8 shape,
                               const float count, const float epsilon, const int add_weight,
                               const int add_bias)
{
    if (HAS_ELEMENT(CHANNELS))
        put_sums(sums, dweight, dbias, parts, variance, (int)ELEMENT, shape, count, epsilon, add_weight,
                 add_bias);
}

/* dx may be dy. */
static inline void give_gradient(global float *dx, const global float *x, const global float *dy,
                                 const global float *y, const global float *sums, const norm by,
                                 const share s, const int8 shape, const float slope)
{
    const result of_all = of_channel(sums, 0.0f, s, shape);
    const result of_products = of_channel(sums + CHANNELS, 0.0f, s, shape);
    for (int sample = s.first; sample < s.last; sample++) {
        const size_t at = part_of(s, sample, shape);
        for EACH_PART(c, s.n) {
            ASK_FOR(dx + at + c, s.soon, 1);
            const VEC d = fetch(x + at + c, s.n - c, 0.0f) - by.middle;
            const VEC value = y ? fetch(y + at + c, s.n - c, 0.0f) : d * by.scale + by.shift;
            const VEC g = masked_of(fetch(dy + at + c, s.n - c, 0.0f), value, slope);
            give(((g - of_all) - d * of_products) * by.scale, dx + at + c, s.n - c);
        }
    }
}

ROW_KERNEL batch_norm_backward(global float *dx, const global float *restrict x,
                               const global float *dy, const global float *restrict y,
                               const global float *restrict mean,
                               const global float *restrict variance,
                               const global float *restrict weight,
                               const global float *restrict bias, const global float *restrict sums,
                               const int8 shape, const float epsilon, const float slope)
{
    const share s = share_of(shape);
    give_gradient(dx, x, dy, y, sums, norm_of(mean, variance, weight, bias, epsilon, s, shape), s, shape,
                  slope);
}

#if WHOLE_CHANNELS
/* dx, masked and dy may be one. */
ROW_KERNEL batch_norm_channel_backward(global float *dx, global float *masked, global float *restrict sums,
                                       global float *restrict dweight, global float *restrict dbias,
                                       const global float *restrict x, const global float *dy,
                                       const global float *restrict y,
                                       const global float *restrict mean,
                                       const global float *restrict variance,
                                       const global float *restrict weight,
                                       const global float *restrict bias,
                                       global float *restrict parts, const int8 shape,
                                       const float4 numbers, const int add_weight, const int add_bias)
{
    MEETING(float, meeting);
    const int channel = ROW;
    if (channel >= CHANNELS) return;
    const float epsilon = numbers.s2, slope = numbers.s3;
    const norm by = norm_of(mean, variance, weight, bias, epsilon, share_at(0, channel, shape), shape);
    for (int b = 0; b < BLOCKS; b++)
        put_back_parts(parts, masked, x, dy, y, by, share_in_turn(b, channel, shape), shape, slope, meeting);
    put_sums(sums, dweight, dbias, parts, variance, channel, shape, numbers.s0, epsilon, add_weight, add_bias);
    for (int b = BLOCKS - 1; b >= 0; b--)
        give_gradient(dx, x, masked ? masked : dy, masked ? 0 : y, sums, by, share_in_turn(b, channel, shape),
                      shape, masked ? 1.0f : slope);
}
#endif

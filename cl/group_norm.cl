/* Group normalisation of x (samples, channels, inner), each sample's `groups` of neighbouring channels by
 * themselves, as torch.nn.GroupNorm; a group has `width` channels and is a row of width * inner elements:
 *
 *   group_norm_forward     y = (x - mean) / sqrt(variance + epsilon) * weight + bias, with the mean and the
 *                          variance of the row, which statistics (2, samples, groups) receives
 *   group_norm_backward    dx, of g = dy weight: ((g - sum g / n) - (x - mean) (sum g (x - mean) / n)
 *                          / (variance + epsilon)) / sqrt(variance + epsilon); with -DADD=1 added to dx
 *   group_norm_parts       bias_parts (samples, channels) = the sums of dy over inner, and weight_parts those of
 *                          dy (x - mean) / sqrt(variance + epsilon): sum_rows makes the gradients of them
 *
 * weight and bias (channels) are 1 and 0 where they are null. The variance is a sum of squares about the mean.
 * Work-items share a row, or in group_norm_parts a channel's part of one: see row_reduce.cl. shape is (samples,
 * groups, width, inner, samples x groups, 0, elements of a row, samples x channels): LLVM makes of a
 * product of two elements of a vector what Oclgrind 21.10 does not know.
 */
#include "row_reduce.cl"

#define GROUPS   shape.s1
#define WIDTH    shape.s2
#define INNER    shape.s3
#define ROWS     shape.s4
#define LENGTH   shape.s6
#define PARTS    shape.s7

static inline float value_or(const global float *value, const int i, const float missing)
{
    return value ? value[i] : missing;
}

ROW_KERNEL group_norm_forward(global float *restrict y, global float *restrict statistics,
                              const global float *restrict x, const global float *restrict weight,
                              const global float *restrict bias, const int8 shape,
                              const float epsilon)
{
    MEETING(float, meeting);
    const int row = ROW, n = row < ROWS ? LENGTH : 0;
    const int first = (row - row / GROUPS * GROUPS) * WIDTH;
    x += (size_t)row * LENGTH;
    y += (size_t)row * LENGTH;
    VEC total = 0.0f;
    for EACH_BLOCK(b, n) {
        VEC part = 0.0f;
        for EACH_OF(c, b, n) part += fetch(x + c, n - c, 0.0f);
        total += part;
    }
    const float mean = row_sum(sum_of(total), meeting) / (float)LENGTH;
    total = 0.0f;
    for EACH_BLOCK(b, n) {
        VEC part = 0.0f;
        for EACH_OF(c, b, n) {
            const VEC d = fetch(x + c, n - c, mean) - mean;
            part += d * d;
        }
        total += part;
    }
    const float variance = row_sum(sum_of(total), meeting) / (float)LENGTH;
    if (LANE == 0 && n > 0) {
        statistics[row] = mean;
        statistics[ROWS + row] = variance;
    }
    const float unit = 1.0f / sqrt(variance + epsilon);
    for (int k = 0; k < WIDTH && n > 0; k++) {
        const float scale = value_or(weight, first + k, 1.0f) * unit;
        const float shift = value_or(bias, first + k, 0.0f);
        const int at = k * INNER;
        for EACH_VECTOR(c, INNER)
            put((fetch(x + at + c, INNER - c, 0.0f) - mean) * scale + shift, y + at + c, INNER - c);
    }
}

ROW_KERNEL group_norm_backward(global float *restrict dx, const global float *restrict x,
                               const global float *restrict dy,
                               const global float *restrict statistics,
                               const global float *restrict weight, const int8 shape,
                               const float epsilon)
{
    MEETING(float, meeting);
    const int row = ROW, n = row < ROWS ? LENGTH : 0;
    const int first = (row - row / GROUPS * GROUPS) * WIDTH;
    const float mean = n > 0 ? statistics[row] : 0.0f;
    const float spread = (n > 0 ? statistics[ROWS + row] : 0.0f) + epsilon;
    x += (size_t)row * LENGTH;
    dy += (size_t)row * LENGTH;
    dx += (size_t)row * LENGTH;
    VEC total = 0.0f, product = 0.0f;
    for (int k = 0; k < WIDTH && n > 0; k++) {
        const float scale = value_or(weight, first + k, 1.0f);
        const int at = k * INNER;
        VEC part = 0.0f, products = 0.0f;
        for EACH_VECTOR(c, INNER) {
            const VEC gradient = fetch(dy + at + c, INNER - c, 0.0f) * scale;
            part += gradient;
            products += gradient * (fetch(x + at + c, INNER - c, mean) - mean);
        }
        total += part;
        product += products;
    }
    const float of_all = row_sum(sum_of(total), meeting) / (float)LENGTH;
    const float slope = row_sum(sum_of(product), meeting) / (float)LENGTH / spread;
    const float unit = 1.0f / sqrt(spread);
    for (int k = 0; k < WIDTH && n > 0; k++) {
        const float scale = value_or(weight, first + k, 1.0f);
        const int at = k * INNER;
        for EACH_VECTOR(c, INNER) {
            const VEC d = fetch(x + at + c, INNER - c, 0.0f) - mean;
            const VEC gradient = fetch(dy + at + c, INNER - c, 0.0f) * scale - of_all;
            give((gradient - d * slope) * unit, dx + at + c, INNER - c);
        }
    }
}

ROW_KERNEL group_norm_parts(global float *restrict bias_parts, global float *restrict weight_parts,
                            const global float *restrict x, const global float *restrict dy,
                            const global float *restrict statistics, const int8 shape,
                            const float epsilon)
{
    MEETING(float, meeting);
    const int part_of = ROW, n = part_of < PARTS ? INNER : 0;
    const int row = n > 0 ? part_of / WIDTH : 0; /* a sample's groups follow one another, as its channels do */
    const float mean = statistics[row];
    const float unit = 1.0f / sqrt(statistics[ROWS + row] + epsilon);
    x += (size_t)part_of * INNER;
    dy += (size_t)part_of * INNER;
    VEC total = 0.0f, product = 0.0f;
    for EACH_BLOCK(b, n) {
        VEC part = 0.0f, products = 0.0f;
        for EACH_OF(c, b, n) {
            const VEC gradient = fetch(dy + c, n - c, 0.0f);
            part += gradient;
            products += gradient * (fetch(x + c, n - c, mean) - mean);
        }
        total += part;
        product += products;
    }
    const float sum = row_sum(sum_of(total), meeting);
    const float of_products = row_sum(sum_of(product), meeting) * unit;
    if (LANE > 0 || n == 0) return;
    bias_parts[part_of] = sum;
    weight_parts[part_of] = of_products;
}

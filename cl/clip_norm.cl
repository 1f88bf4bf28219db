/* Clipping by the norm of all gradients together, as torch.nn.utils.clip_grad_norm_:
 *
 *   norm   = sqrt(sum of g^2 over all gradients)
 *   scale  = min(1, max_norm / (norm + 1e-6))
 *
 * The optimizers multiply by the scale what they read of a gradient: no gradient is written again.
 *
 *   clip_norm_squares  partials[first + p] = the sum of the squares of chunk p of one gradient (n)
 *   clip_norm_scale    scale, from all n partials
 *
 * A group has a chunk, as if it were a row: see row_reduce.cl.
 */
#include "row_reduce.cl"

ROW_KERNEL clip_norm_squares(global float *restrict partials, const global float *restrict grad,
                             const int n, const int chunk, const int first)
{
    MEETING(float, meeting);
    const int start = (int)get_group_id(0) * chunk;
    const int count = min(chunk, n - start);
    const global float *g = grad + start;
    VEC squares = 0.0f;
    for EACH_BLOCK(b, count) {
        VEC part = 0.0f;
        for EACH_OF(i, b, count) {
            const VEC x = fetch(g + i, count - i, 0.0f);
            part += x * x;
        }
        squares += part;
    }
    const float sum = row_sum(sum_of(squares), meeting);
    if (LANE == 0) partials[first + (int)get_group_id(0)] = sum;
}

/* One group. */
ROW_KERNEL clip_norm_scale(global float *restrict scale, const global float *restrict partials,
                           const int n, const float max_norm)
{
    MEETING(float, meeting);
    VEC sums = 0.0f;
    for EACH_BLOCK(b, n) {
        VEC part = 0.0f;
        for EACH_OF(i, b, n) part += fetch(partials + i, n - i, 0.0f);
        sums += part;
    }
    const float sum = row_sum(sum_of(sums), meeting);
    const float clip = max_norm / (sqrt(sum) + 1e-6f);
    if (LANE == 0) scale[0] = clip > 1.0f ? 1.0f : clip; /* NaN stays NaN */
}

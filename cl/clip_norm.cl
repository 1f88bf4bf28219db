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
 * A group has a chunk. Its LANES work-items take vectors of VW floats in turn, and their sums meet in
 * a fixed tree: see row_reduce.cl. On a CPU one work-item is a group, and VW its vectors' width;
 * elsewhere VW is 1, and neighbouring work-items read neighbouring elements.
 */
#ifndef VW
#define VW 1
#endif
#include "row_reduce.cl"
#include "vector.cl"

static inline float sum_of(const VEC x)
{
#if VW == 1
    return x;
#else
#if VW == 16
    const float8 y = x.lo + x.hi;
    const float4 z = y.lo + y.hi;
#elif VW == 8
    const float4 z = x.lo + x.hi;
#else
    const float4 z = x;
#endif
    return (z.x + z.z) + (z.y + z.w);
#endif
}

ROW_KERNEL clip_norm_squares(global float *restrict partials, const global float *restrict grad,
                             const int n, const int chunk, const int first)
{
    MEETING(float, meeting);
    const int start = (int)get_group_id(0) * chunk;
    const int count = min(chunk, n - start);
    const global float *g = grad + start;
    VEC squares = (VEC)(0.0f);
    for (int i = LANE * VW; i + VW <= count; i += LANES * VW) {
        const VEC x = LOAD(g + i);
        squares += x * x;
    }
    float sum = sum_of(squares);
    for (int i = count / VW * VW + LANE; i < count; i += LANES) sum += g[i] * g[i];
    sum = row_sum(sum, meeting);
    if (LANE == 0) partials[first + (int)get_group_id(0)] = sum;
}

/* One group. */
ROW_KERNEL clip_norm_scale(global float *restrict scale, const global float *restrict partials,
                           const int n, const float max_norm)
{
    MEETING(float, meeting);
    float sum = 0.0f;
    for (int i = LANE; i < n; i += LANES) sum += partials[i];
    sum = row_sum(sum, meeting);
    const float clip = max_norm / (sqrt(sum) + 1e-6f);
    if (LANE == 0) scale[0] = clip > 1.0f ? 1.0f : clip; /* NaN stays NaN */
}

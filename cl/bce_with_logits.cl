/* Binary cross-entropy of sigmoid(x) against targets t in [0, 1], for logits x (rows, cols).
 *
 *   loss (rows)           = sum(max(x, 0) - x t + log(1 + exp(-|x|))) / cols
 *   dlogits (rows, cols)  = (sigmoid(x) - t) / cols * scale          may be null, or logits
 *
 * With -DPOS_WEIGHT=1 and w = pos_weight (cols), v = 1 - t + w t:
 *
 *   loss (rows)           = sum((x < 0 ? -w t x : (1 - t) x) + v log(1 + exp(-|x|))) / cols
 *   dlogits (rows, cols)  = (v sigmoid(x) - w t) / cols * scale
 *
 * exp is only ever taken of -|x|, so nothing overflows. LANES work-items share a row: see
 * row_reduce.cl.
 */
#include "row_reduce.cl"

#ifndef POS_WEIGHT
#define POS_WEIGHT 0
#endif
#if POS_WEIGHT
#define REST const float scale, const global float *pos_weight
#else
#define REST const float scale
#endif

/* log(1 + e) for e in [0, 1], right where 1 + e is rounded too: log(u) e / (u - 1) with u the rounded
 * 1 + e (Goldberg 1991, theorem 4). The built-in log1p is not vectorised by PoCL 3.1. */
static inline VEC log_of_1_and(const VEC e)
{
    const VEC u = 1.0f + e;
    return u == 1.0f ? e : log(u) * e / (u - 1.0f);
}

ROW_KERNEL bce_with_logits(global float *loss, global float *dlogits, const global float *logits,
                           const global float *target, const int rows, const int cols,
                           REST)
{
    MEETING(float, meeting);
    const int row = ROW;
    const int n = row < rows ? cols : 0;
    const size_t start = (size_t)row * cols;
    const float slope = scale / (float)cols;

    const VEC zero = 0.0f, one = 1.0f;
    VEC sums = 0.0f;
    for EACH_BLOCK(b, n) {
        VEC part = 0.0f;
        for EACH_OF(c, b, n) {
            const VEC x = fetch(logits + start + c, n - c, -FLT_MAX); /* past the end: no loss */
            const VEC t = fetch(target + start + c, n - c, 0.0f);
            const VEC e = exp(-fabs(x));
#if POS_WEIGHT
            const VEC wt = fetch(pos_weight + c, n - c, 0.0f) * t, v = (1.0f - t) + wt;
            part += (x < 0.0f ? -wt * x : (1.0f - t) * x) + v * log_of_1_and(e);
            if (dlogits)
                put(((x < 0.0f ? e : one) / (1.0f + e) * v - wt) * slope, dlogits + start + c, n - c);
#else
            part += (larger_of(x, zero) - x * t) + log_of_1_and(e);
            if (dlogits)
                put(((x < 0.0f ? e : one) / (1.0f + e) - t) * slope, dlogits + start + c, n - c);
#endif
        }
        sums += part;
    }
    const float sum = row_sum(sum_of(sums), meeting);
    if (LANE == 0 && n > 0) loss[row] = sum / (float)cols;
}

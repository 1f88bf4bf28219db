/* Softmax and cross-entropy of logits x (rows, cols) against labels t (rows), in one kernel.
 *
 *   loss (rows)           = (m - x[t]) + log(s)            m = max(x), s = sum(exp(x - m))
 *   dlogits (rows, cols)  = (exp(x - m) / s - one_hot(t)) * scale
 *   hit (rows)            = 1 where the first largest x is x[t] and finite, else 0
 *
 * hit and dlogits may be null. A label outside [0, cols) has loss NaN, hit 0 and gradient 0: the
 * loss tells of it, and the weights stay what they were. LANES work-items share a row: see
 * row_reduce.cl. dlogits may be logits: x[t] is read before the first barrier, and dlogits
 * written after it. exp has a loop of its own where it can: see softmax.cl.
 *
 * With -DCOUNTED=1 rows count by row_rule.cl, of which the ignored have loss, hit and gradient 0, and
 * the gradient is divided by the total. With w the weights of classes, or 1, and p = exp(x - m) / s:
 *
 *   loss                  = w[t] (-log p[t])
 *   dlogits               = w[t] (p - one_hot(t)) * scale / total
 *
 * With -DSMOOTHED=1 beside it, e = smoothing, as torch.nn.CrossEntropyLoss (Szegedy et al. 2016):
 *
 *   loss                  = (1 - e) w[t] (-log p[t]) + e / cols sum(w (-log p))
 *   dlogits               = (a p - e / cols w - (1 - e) w[t] one_hot(t)) * scale / total
 *                           with a = (1 - e) w[t] + e / cols sum(w)
 */
#include "row_reduce.cl"
#include "row_rule.cl"

#ifndef COUNTED
#define COUNTED 0
#endif
#ifndef SMOOTHED
#define SMOOTHED 0
#endif

#if COUNTED
#define REST                                                                                       \
    const global float *weights, const global float *totals, const int rows, const int4 rule,      \
        const int index, const float scale, const float smoothing
#else
#define REST const int rows, const int cols, const float scale
#endif

#if SMOOTHED
/* The weights of classes from c on, 0 past the end. */
static inline VEC weights_at(const global float *weights, const int c, const int n)
{
    if (weights) return fetch(weights + c, n - c, 0.0f);
#if VW > 1
    float ones[VW];
    for (int k = 0; k < VW; k++) ones[k] = c + k < n ? 1.0f : 0.0f;
    return LOAD(ones);
#else
    return 1.0f;
#endif
}

/* The sum of w (m - x) over the row; *all_weights is that of w. */
INLINED float spread_of_row(const global float *x, const global float *weights, const int n,
                            const float top, float *all_weights, local float *meeting)
{
    VEC spreads = 0.0f, sums = 0.0f;
    for EACH_BLOCK(b, n) {
        VEC spread = 0.0f, sum = 0.0f;
        for EACH_OF(c, b, n) {
            const VEC w = weights_at(weights, c, n);
            spread += w * (top - fetch(x + c, n - c, top));
            sum += w;
        }
        spreads += spread;
        sums += sum;
    }
    *all_weights = row_sum(sum_of(sums), meeting);
    return row_sum(sum_of(spreads), meeting);
}
#endif

ROW_KERNEL cross_entropy(global float *loss, global float *hit, global float *dlogits,
                         const global float *logits, const global int *labels, REST)
{
    MEETING(float, meeting);
    MEETING(int, indices);
#if SMOOTHED
    /* Not `meeting` a third time: with that PoCL 3.1 (LLVM 15) finds other sums at each run, on rows of 64
     * lanes, where Oclgrind sees no race and Rusticl is right. */
    MEETING(float, spread_meeting);
#endif
#if COUNTED
    const int cols = rule.s0;
#endif
    const int row = ROW;
    const int n = row < rows ? cols : 0;
    const size_t start = (size_t)row * cols;

    const int label = n > 0 ? labels[row] : -1;
#if COUNTED
    const bool ignored = is_ignored(label, rule);
    const bool valid = !ignored && label >= 0 && label < n;
#else
    const bool valid = label >= 0 && label < n;
#endif
    const float of_label = valid ? logits[start + label] : NAN;

    float top;
    int first = lane_first_largest(&top, logits + start, n, 1);
    first = row_first_largest(&top, first, meeting, indices);

#if SMOOTHED
    float all_weights;
    const float spread =
        spread_of_row(logits + start, weights, n, top, &all_weights, spread_meeting);
#endif

    VEC sums = 0.0f;
    if (dlogits) {
        for EACH_VECTOR(c, n)
            put(exp(fetch(logits + start + c, n - c, 0.0f) - top), dlogits + start + c, n - c);
    }
    for EACH_BLOCK(b, n) {
        VEC part = 0.0f;
        if (dlogits) {
            for EACH_OF(c, b, n) part += fetch(dlogits + start + c, n - c, 0.0f);
        } else {
            for EACH_OF(c, b, n) part += exp(fetch(logits + start + c, n - c, -INFINITY) - top);
        }
        sums += part;
    }
    const float sum = row_sum(sum_of(sums), meeting);

#if COUNTED
    const float weight = count_of(label, weights, rule);
    const float slope = scale_by_total(scale, totals, index, rule), factor = weight * slope;
#else
    const float factor = scale;
#endif
#if SMOOTHED
    const float even = smoothing / (float)cols, one = (1.0f - smoothing) * weight;
    const float all = one + even * all_weights;
#endif
    if (LANE == 0 && n > 0) {
#if SMOOTHED
        const float log_sum = log(sum);
        const float of_row =
            one * ((top - of_label) + log_sum) + even * (spread + all_weights * log_sum);
        loss[row] = ignored ? 0.0f : of_row;
#elif COUNTED
        loss[row] = ignored ? 0.0f : valid ? ((top - of_label) + log(sum)) * weight : NAN;
#else
        loss[row] = (top - of_label) + log(sum);
#endif
        if (hit) hit[row] = valid && first == label && fabs(top) <= FLT_MAX ? 1.0f : 0.0f;
    }
    if (!dlogits) return;
    const bool has_label = valid && label / VW % LANES == LANE;
#if SMOOTHED
    const float p_of_label = has_label ? dlogits[start + label] / sum : 0.0f;
    const float w_of_label = weights ? weight : 1.0f;
    const float of_one = ((p_of_label * all - even * w_of_label) - one) * slope;
    for EACH_VECTOR(c, n) {
        const VEC p = fetch(dlogits + start + c, n - c, 0.0f) / sum;
        const VEC x = (p * all - even * weights_at(weights, c, n)) * slope;
        put(valid ? x : (VEC)(0.0f), dlogits + start + c, n - c);
    }
#else
    const float of_one = has_label ? (dlogits[start + label] / sum - 1.0f) * factor : 0.0f;
    for EACH_VECTOR(c, n) {
        const VEC p = fetch(dlogits + start + c, n - c, 0.0f) / sum;
        put(valid ? p * factor : (VEC)(0.0f), dlogits + start + c, n - c);
    }
#endif
    if (has_label) dlogits[start + label] = of_one;
}

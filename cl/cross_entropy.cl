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
 */
#include "row_reduce.cl"

ROW_KERNEL cross_entropy(global float *loss, global float *hit, global float *dlogits,
                         const global float *logits, const global int *labels, const int rows,
                         const int cols, const float scale)
{
    MEETING(float, meeting);
    MEETING(int, indices);
    const int row = ROW;
    const int n = row < rows ? cols : 0;
    const size_t start = (size_t)row * cols;

    const int label = n > 0 ? labels[row] : -1;
    const bool valid = label >= 0 && label < n;
    const float of_label = valid ? logits[start + label] : NAN;

    float top;
    int first = lane_first_largest(&top, logits + start, n, 1);
    first = row_first_largest(&top, first, meeting, indices);

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

    if (LANE == 0 && n > 0) {
        loss[row] = (top - of_label) + log(sum);
        if (hit) hit[row] = first == label && fabs(top) <= FLT_MAX ? 1.0f : 0.0f;
    }
    if (!dlogits) return;
    const bool has_label = valid && label / VW % LANES == LANE;
    const float of_one = has_label ? (dlogits[start + label] / sum - 1.0f) * scale : 0.0f;
    for EACH_VECTOR(c, n) {
        const VEC p = fetch(dlogits + start + c, n - c, 0.0f) / sum;
        put(valid ? p * scale : (VEC)(0.0f), dlogits + start + c, n - c);
    }
    if (has_label) dlogits[start + label] = of_one;
}

/* Binary cross-entropy of sigmoid(x) against targets t in [0, 1], for logits x (rows, cols).
 *
 *   loss (rows)           = sum(max(x, 0) - x t + log(1 + exp(-|x|))) / cols
 *   dlogits (rows, cols)  = (sigmoid(x) - t) / cols * scale          may be null, or logits
 *
 * exp is only ever taken of -|x|, so nothing overflows. LANES work-items share a row: see
 * row_reduce.cl.
 */
#include "row_reduce.cl"

ROW_KERNEL bce_with_logits(global float *loss, global float *dlogits, const global float *logits,
                           const global float *target, const int rows, const int cols,
                           const float scale)
{
    MEETING(float, meeting);
    const int row = ROW;
    const int n = row < rows ? cols : 0;
    const size_t start = (size_t)row * cols;
    const float slope = scale / (float)cols;

    float sum = 0.0f;
    for (int c = LANE; c < n; c += LANES) {
        const float x = logits[start + c];
        const float t = target[start + c];
        const float e = exp(-fabs(x));
        sum += (larger(x, 0.0f) - x * t) + log1p(e);
        if (dlogits) dlogits[start + c] = ((x < 0.0f ? e : 1.0f) / (1.0f + e) - t) * slope;
    }
    sum = row_sum(sum, meeting);
    if (LANE == 0 && n > 0) loss[row] = sum / (float)cols;
}

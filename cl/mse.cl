/* Mean squared error of y against target t, both (rows, cols).
 *
 *   loss (rows)      = sum((y - t)^2) / cols
 *   dy (rows, cols)  = 2 (y - t) / cols * scale          may be null, or y
 *
 * LANES work-items share a row: see row_reduce.cl.
 */
#include "row_reduce.cl"

ROW_KERNEL mse(global float *loss, global float *dy, const global float *y,
               const global float *target, const int rows, const int cols, const float scale)
{
    MEETING(float, meeting);
    const int row = ROW;
    const int n = row < rows ? cols : 0;
    const size_t start = (size_t)row * cols;
    const float slope = 2.0f * scale / (float)cols;

    VEC sums = 0.0f;
    for EACH_BLOCK(b, n) {
        VEC part = 0.0f;
        for EACH_OF(c, b, n) {
            const VEC error =
                fetch(y + start + c, n - c, 0.0f) - fetch(target + start + c, n - c, 0.0f);
            part += error * error;
            if (dy) put(error * slope, dy + start + c, n - c);
        }
        sums += part;
    }
    const float sum = row_sum(sum_of(sums), meeting);
    if (LANE == 0 && n > 0) loss[row] = sum / (float)cols;
}

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

    float sum = 0.0f;
    for (int c = LANE; c < n; c += LANES) {
        const float error = y[start + c] - target[start + c];
        sum += error * error;
        if (dy) dy[start + c] = error * slope;
    }
    sum = row_sum(sum, meeting);
    if (LANE == 0 && n > 0) loss[row] = sum / (float)cols;
}

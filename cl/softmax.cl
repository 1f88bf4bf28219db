/* Softmax and its logarithm over the rows of x (rows, cols).
 *
 *   softmax        y = exp(x - m) / s         dx = y (dy - sum(dy y))
 *   log_softmax    y = x - m - log(s)         dx = dy - exp(y) sum(dy)        all (rows, cols)
 *
 * with m the row's largest element and s = sum(exp(x - m)), so that exp never overflows and s is at
 * least 1. LANES work-items share a row: see row_reduce.cl. A work-item reads and writes the same
 * elements, so an output may be an input: no restrict. exp has a loop of its own because a compiler
 * does not vectorise a loop that also sums in order: measured on PoCL, rows of 64 take 1.0 ms
 * instead of 4.4 ms for 16384 of them.
 */
#include "row_reduce.cl"

ROW_KERNEL softmax_forward(global float *y, const global float *x, const int rows, const int cols)
{
    MEETING(float, meeting);
    const int n = ROW < rows ? cols : 0;
    const size_t start = (size_t)ROW * cols;

    float top = -INFINITY;
    for (int c = LANE; c < n; c += LANES) top = larger(top, x[start + c]);
    top = row_max(top, meeting);

    float sum = 0.0f;
    for (int c = LANE; c < n; c += LANES) y[start + c] = exp(x[start + c] - top);
    for (int c = LANE; c < n; c += LANES) sum += y[start + c];
    sum = row_sum(sum, meeting);
    for (int c = LANE; c < n; c += LANES) y[start + c] /= sum;
}

ROW_KERNEL softmax_backward(global float *dx, const global float *y, const global float *dy,
                            const int rows, const int cols)
{
    MEETING(float, meeting);
    const int n = ROW < rows ? cols : 0;
    const size_t start = (size_t)ROW * cols;

    float sum = 0.0f;
    for (int c = LANE; c < n; c += LANES) sum += dy[start + c] * y[start + c];
    sum = row_sum(sum, meeting);
    for (int c = LANE; c < n; c += LANES) dx[start + c] = y[start + c] * (dy[start + c] - sum);
}

ROW_KERNEL log_softmax_forward(global float *y, const global float *x, const int rows,
                               const int cols)
{
    MEETING(float, meeting);
    const int n = ROW < rows ? cols : 0;
    const size_t start = (size_t)ROW * cols;

    float top = -INFINITY;
    for (int c = LANE; c < n; c += LANES) top = larger(top, x[start + c]);
    top = row_max(top, meeting);

    float sum = 0.0f;
    for (int c = LANE; c < n; c += LANES) sum += exp(x[start + c] - top);
    sum = row_sum(sum, meeting);
    const float log_sum = log(sum);
    for (int c = LANE; c < n; c += LANES) y[start + c] = (x[start + c] - top) - log_sum;
}

ROW_KERNEL log_softmax_backward(global float *dx, const global float *y, const global float *dy,
                                const int rows, const int cols)
{
    MEETING(float, meeting);
    const int n = ROW < rows ? cols : 0;
    const size_t start = (size_t)ROW * cols;

    float sum = 0.0f;
    for (int c = LANE; c < n; c += LANES) sum += dy[start + c];
    sum = row_sum(sum, meeting);
    for (int c = LANE; c < n; c += LANES)
        dx[start + c] = dy[start + c] - exp(y[start + c]) * sum;
}

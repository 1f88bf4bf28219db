/* Softmax and its logarithm over the rows of x (rows, cols).
 *
 *   softmax        y = exp(x - m) / s         dx = y (dy - sum(dy y))
 *   log_softmax    y = x - m - log(s)         dx = dy - exp(y) sum(dy)        all (rows, cols)
 *
 * with m the row's largest element and s = sum(exp(x - m)), so that exp never overflows and s is at
 * least 1. LANES work-items share a row: see row_reduce.cl. A work-item reads and writes the same
 * elements, so an output may be an input: no restrict. With -DADD=1 a gradient is added to dx. exp has a loop of its own because a compiler
 * does not vectorise a loop that also sums in order: measured on PoCL, rows of 64 take 1.0 ms
 * instead of 4.4 ms for 16384 of them.
 */
#include "row_reduce.cl"

INLINED float top_of_row(const global float *x, const int n, local float *meeting)
{
    VEC tops = -INFINITY;
    for EACH_VECTOR(c, n) tops = larger_of(tops, fetch(x + c, n - c, -INFINITY));
    return row_max(top_of(tops), meeting);
}

INLINED float sum_of_row(const global float *x, const int n, local float *meeting)
{
    VEC sums = 0.0f;
    for EACH_BLOCK(b, n) {
        VEC part = 0.0f;
        for EACH_OF(c, b, n) part += fetch(x + c, n - c, 0.0f);
        sums += part;
    }
    return row_sum(sum_of(sums), meeting);
}

ROW_KERNEL softmax_forward(global float *y, const global float *x, const int rows, const int cols)
{
    MEETING(float, meeting);
    const int n = ROW < rows ? cols : 0;
    x += (size_t)ROW * cols;
    y += (size_t)ROW * cols;
    const float top = top_of_row(x, n, meeting);
    for EACH_VECTOR(c, n) put(exp(fetch(x + c, n - c, 0.0f) - top), y + c, n - c);
    const float sum = sum_of_row(y, n, meeting);
    for EACH_VECTOR(c, n) put(fetch(y + c, n - c, 0.0f) / sum, y + c, n - c);
}

ROW_KERNEL softmax_backward(global float *dx, const global float *y, const global float *dy,
                            const int rows, const int cols)
{
    MEETING(float, meeting);
    const int n = ROW < rows ? cols : 0;
    dx += (size_t)ROW * cols;
    y += (size_t)ROW * cols;
    dy += (size_t)ROW * cols;
    VEC sums = 0.0f;
    for EACH_BLOCK(b, n) {
        VEC part = 0.0f;
        for EACH_OF(c, b, n) part += fetch(dy + c, n - c, 0.0f) * fetch(y + c, n - c, 0.0f);
        sums += part;
    }
    const float sum = row_sum(sum_of(sums), meeting);
    for EACH_VECTOR(c, n)
        give(fetch(y + c, n - c, 0.0f) * (fetch(dy + c, n - c, 0.0f) - sum), dx + c, n - c);
}

ROW_KERNEL log_softmax_forward(global float *y, const global float *x, const int rows,
                               const int cols)
{
    MEETING(float, meeting);
    const int n = ROW < rows ? cols : 0;
    x += (size_t)ROW * cols;
    y += (size_t)ROW * cols;
    const float top = top_of_row(x, n, meeting);
    VEC sums = 0.0f;
    for EACH_BLOCK(b, n) {
        VEC part = 0.0f;
        for EACH_OF(c, b, n) part += exp(fetch(x + c, n - c, -INFINITY) - top);
        sums += part;
    }
    const float log_sum = log(row_sum(sum_of(sums), meeting));
    for EACH_VECTOR(c, n) put((fetch(x + c, n - c, 0.0f) - top) - log_sum, y + c, n - c);
}

ROW_KERNEL log_softmax_backward(global float *dx, const global float *y, const global float *dy,
                                const int rows, const int cols)
{
    MEETING(float, meeting);
    const int n = ROW < rows ? cols : 0;
    dx += (size_t)ROW * cols;
    y += (size_t)ROW * cols;
    dy += (size_t)ROW * cols;
    const float sum = sum_of_row(dy, n, meeting);
    for EACH_VECTOR(c, n)
        give(fetch(dy + c, n - c, 0.0f) - exp(fetch(y + c, n - c, 0.0f)) * sum, dx + c, n - c);
}

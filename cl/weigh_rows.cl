/* Rows by the weight of their class: with w = weights (n_weights)[label] * scale,
 *
 *   loss (rows)    = loss * w
 *   dy (rows, cols) = dy * w
 *
 * A row whose label has no weight stays as it is. LANES work-items share a row: see
 * row_reduce.cl. */
#include "row_reduce.cl"

ROW_KERNEL weigh_rows(global float *restrict loss, global float *restrict dy,
                      const global float *restrict weights, const global int *restrict labels,
                      const int rows, const int cols, const int n_weights, const float scale)
{
    const int row = ROW;
    const int n = row < rows ? cols : 0;
    const size_t start = (size_t)row * cols;
    const int label = n > 0 ? labels[row] : -1;
    if (label < 0 || label >= n_weights) return;
    const float weight = weights[label] * scale;
    for EACH_VECTOR(c, n) put(fetch(dy + start + c, n - c, 0.0f) * weight, dy + start + c, n - c);
    if (LANE == 0) loss[row] *= weight;
}

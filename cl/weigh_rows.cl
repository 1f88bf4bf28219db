/* Rows by what they count, behind a loss that knows nothing of it: with w the count of a row's label
 * (row_rule.cl),
 *
 *   loss (rows)     = loss * w             0 where the row is ignored, NaN where its label is no class
 *   hit (rows)      = hit                  0 where the row is ignored or its label no class
 *   dy (rows, cols) = dy * w / total       0 the same
 *
 * hit and dy may be null. LANES work-items share a row: see row_reduce.cl. */
#include "row_reduce.cl"
#include "row_rule.cl"

ROW_KERNEL weigh_rows(global float *restrict loss, global float *restrict hit,
                      global float *restrict dy, const global int *restrict labels,
                      const global float *restrict weights, const global float *restrict totals,
                      const int rows, const int cols, const int4 rule, const int index)
{
    const int row = ROW;
    const int n = row < rows ? cols : 0;
    if (n == 0) return;
    const size_t start = (size_t)row * cols;
    const int label = labels[row];
    const bool ignored = is_ignored(label, rule), counts = !ignored && is_class(label, rule);
    const float weight = count_of(label, weights, rule);
    if (LANE == 0) loss[row] = counts ? loss[row] * weight : ignored ? 0.0f : NAN;
    if (LANE == 0 && hit && !counts) hit[row] = 0.0f;
    if (!dy) return;
    const float factor = weight * scale_by_total(1.0f, totals, index, rule);
    for EACH_VECTOR(c, n) {
        const VEC x = fetch(dy + start + c, n - c, 0.0f) * factor;
        put(counts ? x : (VEC)(0.0f), dy + start + c, n - c);
    }
}

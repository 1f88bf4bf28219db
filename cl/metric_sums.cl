/* What an evaluation sums beside losses and hits: values of rows, and their sum over a batch.
 *
 *   row_counts   values[r] = what row r counts by its label, 1 without labels: see row_rule.cl
 *   top_hits     values[r] = 1 where fewer than k columns of y (rows, cols) rank before the label's,
 *                else 0: the larger first and, of equals, the first; 0 too where the row does not count
 *                or its largest is not finite, as count_hits has it
 *   row_errors   values (4, rows)[.][r] = sums over the columns of |e|, e^2, d and d^2 with
 *                e = y - target and d = target - center (cols), 0 where the row does not count; center
 *                may be null (0)
 *   sum_values   sums (n_slots, n)[slot][g] = the sum of values (n, rows)[g], or with add what is there
 *                and it; a slot outside sums stores nothing
 *
 * values is of (n, rows) and starts at value `first`. LANES work-items share a row: see row_reduce.cl.
 * sum_values has a group with LANES 64 for each value, for which its rows are one row.
 */
#include "row_reduce.cl"
#include "row_rule.cl"

static inline float row_count(const global int *labels, const global float *weights, const int row,
                              const int4 rule)
{
    return labels ? count_of(labels[row], weights, rule) : 1.0f;
}

ROW_KERNEL row_counts(global float *restrict values, const global int *restrict labels,
                      const global float *restrict weights, const int rows, const int first,
                      const int4 rule)
{
    const int row = ROW;
    if (LANE == 0 && row < rows)
        values[(size_t)first * rows + row] = row_count(labels, weights, row, rule);
}

ROW_KERNEL top_hits(global float *restrict values, const global float *restrict y,
                    const global int *restrict labels, const int rows, const int cols,
                    const int first, const int4 rule, const int k)
{
    MEETING(float, meeting);
    const int row = ROW;
    const int n = row < rows ? cols : 0;
    const size_t start = (size_t)row * cols;
    const int label = n > 0 ? labels[row] : -1;
    const bool counts = n > 0 && count_of(label, 0, rule) > 0.0f && label < n;
    const float of_label = counts ? y[start + label] : 0.0f;

    float top = -INFINITY, n_before = 0.0f;
    for (int c = LANE; c < n; c += LANES) {
        const float x = y[start + c];
        top = larger(x, top);
        n_before += ranks_first(x, c, of_label, label) ? 1.0f : 0.0f;
    }
    top = row_max(top, meeting);
    n_before = row_sum(n_before, meeting);
    if (LANE == 0 && n > 0)
        values[(size_t)first * rows + row] =
            counts && n_before < (float)k && fabs(top) <= FLT_MAX ? 1.0f : 0.0f;
}

ROW_KERNEL row_errors(global float *restrict values, const global float *restrict y,
                      const global float *restrict target, const global float *restrict center,
                      const global int *restrict labels, const int rows, const int cols,
                      const int first, const int4 rule)
{
    MEETING(float, meeting);
    const int row = ROW;
    const int n = row < rows && row_count(labels, 0, row, rule) > 0.0f ? cols : 0;
    const size_t start = (size_t)row * cols;

    VEC sums[4];
    for (int s = 0; s < 4; s++) sums[s] = 0.0f;
    for EACH_BLOCK(b, n) {
        VEC part[4];
        for (int s = 0; s < 4; s++) part[s] = 0.0f;
        for EACH_OF(c, b, n) {
            const VEC t = fetch(target + start + c, n - c, 0.0f);
            const VEC error = fetch(y + start + c, n - c, 0.0f) - t;
            const VEC away = center ? t - fetch(center + c, n - c, 0.0f) : t;
            part[0] += fabs(error);
            part[1] += error * error;
            part[2] += away;
            part[3] += away * away;
        }
        for (int s = 0; s < 4; s++) sums[s] += part[s];
    }
    for (int s = 0; s < 4; s++) {
        const float sum = row_sum(sum_of(sums[s]), meeting);
        if (LANE == 0 && row < rows) values[((size_t)first + s) * rows + row] = sum;
    }
}

ROW_KERNEL sum_values(global float *restrict sums, const global float *restrict values,
                      const int rows, const int n, const int n_slots, const int slot,
                      const int add)
{
    MEETING(float, meeting);
    const int g = (int)get_group_id(0);
    float sum = 0.0f;
    for (int b = 0; b < rows; b += BLOCK * LANES) {
        float part = 0.0f;
        for (int r = b + LANE; r < min(b + BLOCK * LANES, rows); r += LANES)
            part += values[(size_t)g * rows + r];
        sum += part;
    }
    sum = row_sum(sum, meeting);
    if (LANE == 0 && slot >= 0 && slot < n_slots) {
        global float *at = sums + (size_t)slot * n + g;
        *at = add ? *at + sum : sum;
    }
}

/* What steps leave for the host to read later.
 *
 *   count_hits     hit (rows) = 1 where the answer of y (rows, cols) is the label, else 0; the
 *                  answer is the first largest column or, with one column, y > threshold; a row whose
 *                  largest is not finite has none
 *   mark_rows      loss (rows) = NaN where a value of y (rows, cols) is not finite, else as it is
 *   metrics_store  steps (n_slots, 3)[slot] = (sum of loss (rows), sum of hit (rows), number of losses
 *                  that are not finite), or with add what is there and these; the hit of a row whose
 *                  loss is not finite does not count
 *   loss_mean      x = steps[index][0] * scale / totals[index] is the mean loss number index; 0 where
 *                  nothing counts, and not divided where totals is null: means (1 + n)[1 + index] = x, and
 *                  means[0] = x for index 0, else what is there and x: the sum of them, in their order
 *   peaks          peaks[first + p] = the largest |x| of run p of x (n), and NaN where one is
 *
 * count_hits, mark_rows: LANES work-items share a row, see row_reduce.cl. metrics_store: one group with
 * LANES 64, for which loss and hit are one row each. loss_mean: one work-item. peaks: one work-item a run, of RUN elements side
 * by side, which a CPU reads by vectors.
 */
#include "row_reduce.cl"
#include "row_rule.cl"

#define RUN 256

/* False of NaN too. */
#define IS_FINITE(x) (fabs(x) <= FLT_MAX)

ROW_KERNEL count_hits(global float *restrict hit, const global float *restrict y,
                      const global int *restrict labels, const int rows, const int cols,
                      const float threshold)
{
    MEETING(float, values);
    MEETING(int, indices);
    const int row = ROW;
    const int n = row < rows ? cols : 0;

    float top;
    int first = lane_first_largest(&top, y + (size_t)row * cols, n, 1);
    first = row_first_largest(&top, first, values, indices);
    if (LANE != 0 || n == 0) return;
    const int answer = cols == 1 ? top > threshold : first;
    hit[row] = answer == labels[row] && IS_FINITE(top) ? 1.0f : 0.0f;
}

ROW_KERNEL mark_rows(global float *restrict loss, const global float *restrict y, const int rows,
                     const int cols)
{
    MEETING(float, meeting);
    const int row = ROW;
    const int n = row < rows ? cols : 0;

    VEC tops = 0.0f;
    for EACH_VECTOR(c, n) tops = larger_of(tops, fabs(fetch(y + (size_t)row * cols + c, n - c, 0.0f)));
    const float top = row_max(top_of(tops), meeting);
    if (LANE == 0 && n > 0 && !IS_FINITE(top)) loss[row] = NAN;
}

/* hit may be null: 0 is stored. A slot outside steps stores nothing. */
ROW_KERNEL metrics_store(global float *restrict steps, const global float *restrict loss,
                         const global float *restrict hit, const int rows, const int n_slots,
                         const int slot, const int add)
{
    MEETING(float, meeting);
    float losses = 0.0f, hits = 0.0f, n_bad = 0.0f;
    for (int r = LANE; r < rows; r += LANES) {
        const bool finite = IS_FINITE(loss[r]);
        losses += loss[r];
        if (hit && finite) hits += hit[r];
        if (!finite) n_bad += 1.0f;
    }
    losses = row_sum(losses, meeting);
    hits = row_sum(hits, meeting);
    n_bad = row_sum(n_bad, meeting);
    if (LANE == 0 && slot >= 0 && slot < n_slots) {
        global float *step = steps + (size_t)slot * 3;
        step[0] = add ? step[0] + losses : losses;
        step[1] = add ? step[1] + hits : hits;
        step[2] = add ? step[2] + n_bad : n_bad;
    }
}

/* An index outside steps stores nothing. */
kernel void loss_mean(global float *restrict means, const global float *restrict steps,
                      const global float *restrict totals, const int n, const int4 rule,
                      const int index, const float scale)
{
    if (get_global_id(0) > 0 || index < 0 || index >= n) return;
    const float x = steps[(size_t)index * 3] * scale_by_total(scale, totals, index, rule);
    means[1 + index] = x;
    means[0] = index > 0 ? means[0] + x : x;
}

/* Without its sign a float is the larger the larger its bits are as an integer: infinity is larger
 * than all finite numbers, and NaN than infinity. */
kernel void peaks(global float *restrict peaks, const global float *restrict x, const int n,
                  const int first)
{
    const int p = (int)get_global_id(0);
    const global float *run = x + (size_t)p * RUN;
    const int count = p <= n / RUN ? min(RUN, n - p * RUN) : 0;
    int top = 0;
    for (int i = 0; i < count; i++) top = max(top, as_int(run[i]) & INT_MAX);
    if (count > 0) peaks[first + p] = as_float(top);
}

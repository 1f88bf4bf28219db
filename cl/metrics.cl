/* What steps leave for the host to read later.
 *
 *   count_hits     hit (rows) = 1 where the answer of y (rows, cols) is the label, else 0; the
 *                  answer is the first largest column or, with one column, y > threshold
 *   metrics_store  steps (n_slots, 2)[slot] = (sum of loss (rows), sum of hit (rows)), or with add
 *                  what is there and these
 *   peaks          peaks[first + p] = the largest |x| of run p of x (n), and NaN where one is
 *
 * count_hits: LANES work-items share a row, see row_reduce.cl. metrics_store: one group with
 * LANES 64, for which loss and hit are one row each. peaks: one work-item a run, of RUN elements side
 * by side, which a CPU reads by vectors.
 */
#include "row_reduce.cl"

#define RUN 256

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
    hit[row] = answer == labels[row] ? 1.0f : 0.0f;
}

/* hit may be null: 0 is stored. A slot outside steps stores nothing. */
ROW_KERNEL metrics_store(global float *restrict steps, const global float *restrict loss,
                         const global float *restrict hit, const int rows, const int n_slots,
                         const int slot, const int add)
{
    MEETING(float, meeting);
    float losses = 0.0f, hits = 0.0f;
    for (int r = LANE; r < rows; r += LANES) {
        losses += loss[r];
        if (hit) hits += hit[r];
    }
    losses = row_sum(losses, meeting);
    hits = row_sum(hits, meeting);
    if (LANE == 0 && slot >= 0 && slot < n_slots) {
        global float *step = steps + (size_t)slot * 2;
        step[0] = add ? step[0] + losses : losses;
        step[1] = add ? step[1] + hits : hits;
    }
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

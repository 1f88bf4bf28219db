/* totals[index] = the sum over the rows of what each counts, by labels (rows): see row_rule.cl.
 *
 * One group with LANES 64, for which the labels are one row: lane l adds those of rows l, l + 64, ... in
 * order, and the lanes meet as row_reduce.cl says. An index outside totals stores nothing.
 */
#include "row_reduce.cl"
#include "row_rule.cl"

ROW_KERNEL count_rows(global float *restrict totals, const global int *restrict labels,
                      const global float *restrict weights, const int rows, const int4 rule,
                      const int index)
{
    MEETING(float, meeting);
    float sum = 0.0f;
    for (int b = 0; b < rows; b += BLOCK * LANES) {
        float part = 0.0f;
        for (int r = b + LANE; r < min(b + BLOCK * LANES, rows); r += LANES)
            part += count_of(labels[r], weights, rule);
        sum += part;
    }
    sum = row_sum(sum, meeting);
    if (LANE == 0 && index >= 0 && index < rule.s3) totals[index] = sum;
}

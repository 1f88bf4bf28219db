/* dst (cols) = the sum of the rows of src (rows, cols), or with add dst and it: a bias's gradient.
 *
 *                four columns   four columns   ...
 *   row 0        lane 0 slot 0  lane 0 slot 1
 *   row 1        lane 1 slot 0  lane 1 slot 1
 *   ...
 *   row LANES    lane 0 slot 0  lane 0 slot 1
 *
 * A group has SLOTS x LANES = 64 work-items. A work-item sums four neighbouring columns of the rows
 * lane, lane + LANES, ...; lane 0 then adds the lanes' sums in order. So a group reads whole cache
 * lines, and a batch is spread over LANES. Measured on PoCL, two cores, for 128 x 3072: 52 us; with
 * one column a work-item and 4 lanes, as reduce.cl does it, 249 us.
 */
#ifndef LANES
#define LANES 16
#endif
#define SLOTS (64 / LANES)

kernel __attribute__((reqd_work_group_size(64, 1, 1))) void
sum_rows(global float *restrict dst, const global float *restrict src, const int rows,
         const int cols, const int add)
{
    local float4 sums[64];
    const int item = (int)get_local_id(0);
    const int lane = item / SLOTS;
    const int slot = item - lane * SLOTS;
    const int c = ((int)get_group_id(0) * SLOTS + slot) * 4;
    const int n = cols - c; /* columns from here on */

    float4 sum = 0.0f;
    if (n >= 4) {
        for (int r = lane; r < rows; r += LANES) sum += vload4(0, src + (size_t)r * cols + c);
    } else if (n > 0) {
        for (int r = lane; r < rows; r += LANES) {
            const global float *row = src + (size_t)r * cols + c;
            sum.x += row[0];
            if (n > 1) sum.y += row[1];
            if (n > 2) sum.z += row[2];
        }
    }
    sums[item] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane > 0 || n <= 0) return;
    for (int k = 1; k < LANES; k++) sum += sums[item + k * SLOTS];
    if (n >= 4) {
        if (add) sum += vload4(0, dst + c);
        vstore4(sum, 0, dst + c);
        return;
    }
    dst[c] = add ? dst[c] + sum.x : sum.x;
    if (n > 1) dst[c + 1] = add ? dst[c + 1] + sum.y : sum.y;
    if (n > 2) dst[c + 2] = add ? dst[c + 2] + sum.z : sum.z;
}

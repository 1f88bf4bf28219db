/* dst (cols) = the sum of the rows of src (rows, cols), or with add dst and it: a bias's gradient.
 *
 *                VW columns     VW columns     ...
 *   row 0        lane 0 slot 0  lane 0 slot 1
 *   row 1        lane 1 slot 0  lane 1 slot 1
 *   ...
 *   row LANES    lane 0 slot 0  lane 0 slot 1
 *
 * A group has SLOTS x LANES work-items. A work-item sums NV vectors of neighbouring columns of the
 * rows lane, lane + LANES, ...; lane 0 then adds the lanes' sums in order. So a group reads whole cache
 * lines, and a batch is spread over LANES. On a CPU a work-item is a group, with LANES 1 and NV 4, so
 * that it reads a few lines in a row of each row, and it sums BLOCK rows at a time.
 */
#ifndef LANES
#define LANES 16
#endif
#ifndef SLOTS
#define SLOTS (64 / LANES)
#endif
#ifndef NV
#define NV 1
#endif
#ifndef VW
#define VW 4
#endif
#include "vector.cl"

kernel __attribute__((reqd_work_group_size(SLOTS * LANES, 1, 1))) void
sum_rows(global float *restrict dst, const global float *restrict src, const int rows,
         const int cols, const int add)
{
    const int item = (int)get_local_id(0);
    const int lane = item / SLOTS;
    const int slot = item - lane * SLOTS;
    const int c = ((int)get_group_id(0) * SLOTS + slot) * NV * VW;
    const int n = cols - c; /* columns from here on */
    VEC sum[NV];
    for (int v = 0; v < NV; v++) sum[v] = 0.0f;
    src += c;
    for (int begin = lane, end; begin < rows && n > 0; begin = end) {
        end = LANES > 1 ? rows : min(begin + BLOCK, rows);
        VEC part[NV];
        for (int v = 0; v < NV; v++) part[v] = 0.0f;
        if (n >= NV * VW) {
            for (int r = begin; r < end; r += LANES)
                for (int v = 0; v < NV; v++) part[v] += LOAD(src + (size_t)r * cols + v * VW);
        } else {
            for (int r = begin; r < end; r += LANES)
                for (int v = 0; v < NV; v++)
                    part[v] += fetch(src + (size_t)r * cols + v * VW, n - v * VW, 0.0f);
        }
        for (int v = 0; v < NV; v++) sum[v] += part[v];
    }
#if LANES > 1
    local VEC sums[SLOTS * LANES];
    sums[item] = sum[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane > 0 || n <= 0) return;
    for (int k = 1; k < LANES; k++) sum[0] += sums[item + k * SLOTS];
#endif
    for (int v = 0; v < NV; v++) {
        if (add) sum[v] += fetch(dst + c + v * VW, n - v * VW, 0.0f);
        put(sum[v], dst + c + v * VW, n - v * VW);
    }
}

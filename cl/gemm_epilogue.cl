/* C = act(C + bias), in place, for gemm providers without an epilogue of their own.
 *
 *   c (m, n) row-major, ldc between rows, from c_offset; bias (n), or no buffer.
 *
 *            columns: global id 0
 *          +-----+-----+-----+
 *   rows:  | grp | grp | ... |     a group is COLS neighbouring columns of one row
 *   group  +-----+-----+-----+
 *   id 1   | ... |
 *
 * ACTIVATION: a clade_activation, see activation_functions.cl.
 */
#ifndef ACTIVATION
#define ACTIVATION 0
#endif
#ifndef COLS
#define COLS 64
#endif

#include "activation_functions.cl"

__kernel __attribute__((reqd_work_group_size(COLS, 1, 1)))
void gemm_epilogue(__global float *restrict c, __global const float *restrict bias, int m, int n,
                   int c_offset, int ldc, float slope)
{
    int col = (int)get_global_id(0), row = (int)get_global_id(1);
    if (col >= n || row >= m) return;
    size_t at = (size_t)c_offset + (size_t)row * ldc + col;
    float x = c[at] + (bias ? bias[col] : 0.0f);
    c[at] = activation_forward(x, slope);
}

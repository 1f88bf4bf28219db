/* C = act(sum of parts + beta C + bias): the end of a gemm whose k was split, see gemm_tile.cl.
 *
 *   c (m, n) row-major, ldc between rows, from c_offset; parts (n_parts, m, n); bias (n), or no
 *   buffer. A work-item is one element, and adds its parts in order.
 *
 * ACTIVATION: a clade_activation, see activation_functions.cl.
 */
#ifndef ACTIVATION
#define ACTIVATION 0
#endif

#include "activation_functions.cl"
#include "element.cl"

ELEMENT_KERNEL gemm_join(global float *restrict c, const global float *restrict parts,
                         const global float *restrict bias, const int4 shape, const int c_offset,
                         const float beta, const float slope)
{
    const int m = shape.s0, n = shape.s1, ldc = shape.s2, n_parts = shape.s3;
    const size_t e = ELEMENT, n_elements = (size_t)m * n;
    if (e >= n_elements) return;
    const int i = (int)e / n, j = (int)e - i * n;
    global float *out = c + c_offset + (size_t)i * ldc + j;
    float x = parts[e];
    if (beta != 0.0f) x += beta * *out;
    for (int s = 1; s < n_parts; s++) x += parts[s * n_elements + e];
    if (bias) x += bias[j];
    *out = activation_forward(x, slope);
}

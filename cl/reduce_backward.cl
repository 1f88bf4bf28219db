/* The gradient of sum and mean: dsrc (outer, axis, inner) = ddst (outer, inner) / divisor, the same
 * for every element of axis; with -DADD=1, dsrc += it. One work-item an element of dsrc: see
 * element.cl.
 */
#include "element.cl"

ELEMENT_KERNEL reduce_backward(global float *restrict dsrc, const global float *restrict ddst,
                               const int n, const int axis, const int inner, const float divisor)
{
    const size_t at = ELEMENT;
    if (!HAS_ELEMENT(n)) return;
    const int row = (int)at / inner;
    GIVE(dsrc[at], ddst[row / axis * inner + ((int)at - row * inner)] / divisor);
}

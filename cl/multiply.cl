/* y = a * b, n elements; with -DADD=1 that is added to y, for a gradient. One work-item an element: see
 * element.cl. y may be a or b, unless it is added to. */
#include "element.cl"

ELEMENT_KERNEL multiply_forward(global float *y, const global float *a, const global float *b,
                                const int n)
{
    const size_t i = ELEMENT;
    if (HAS_ELEMENT(n)) GIVE(y[i], a[i] * b[i]);
}

/* y = a + b, n elements; y may be a or b. One work-item an element: see element.cl. */
#include "element.cl"

ELEMENT_KERNEL add_forward(global float *y, const global float *a, const global float *b,
                           const int n)
{
    const size_t i = ELEMENT;
    if (HAS_ELEMENT(n)) y[i] = a[i] + b[i];
}

/* y = f(x), y = f(a + b) and dx = dy f'(x), element by element; n elements. With -DADD=1, dx += dy f'(x). One work-item an element: see
 * element.cl, and activation_functions.cl for f.
 *
 * -DACTIVATION chooses f. Output and input may be one buffer: no restrict.
 */
#include "element.cl"
#include "activation_functions.cl"

ELEMENT_KERNEL activation_forward_all(global float *y, const global float *x, const int n,
                                      const float slope)
{
    const size_t i = ELEMENT;
    if (HAS_ELEMENT(n)) y[i] = activation_forward(x[i], slope);
}

ELEMENT_KERNEL activation_forward_sum(global float *y, const global float *a,
                                      const global float *b, const int n, const float slope)
{
    const size_t i = ELEMENT;
    if (HAS_ELEMENT(n)) y[i] = activation_forward(a[i] + b[i], slope);
}

/* saved: x for gelu, else y. */
ELEMENT_KERNEL activation_backward_all(global float *dx, const global float *saved,
                                       const global float *dy, const int n, const float slope)
{
    const size_t i = ELEMENT;
    if (HAS_ELEMENT(n)) GIVE(dx[i], activation_backward(saved[i], dy[i], slope));
}

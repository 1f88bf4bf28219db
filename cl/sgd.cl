/* Stochastic gradient descent, in place, over n parameters: torch.optim.SGD without
 * dampening.
 *
 *   g = grad + weight_decay w
 *   -DVARIANT=0  plain      w -= lr g
 *   -DVARIANT=1  momentum   v = momentum v + g,  w -= lr v
 *   -DVARIANT=2  nesterov   v = momentum v + g,  w -= lr (g + momentum v)
 *
 * Nesterov's form is that of Sutskever et al. 2013. Where scale (1) is not null, grad is what is read
 * times that: see clip_norm.cl.
 * One work-item a parameter: see element.cl. The kernel is bound by memory: it reads grad, w and v
 * once and writes w and v once.
 */
#include "element.cl"

#ifndef VARIANT
#define VARIANT 0
#endif

ELEMENT_KERNEL sgd_step(global float *restrict w, global float *restrict velocity,
                        const global float *restrict grad, const int n,
                        const global float *restrict scale, const float lr, const float momentum,
                        const float weight_decay)
{
    const float by = scale ? scale[0] : 1.0f;
    const size_t i = ELEMENT;
    if (!HAS_ELEMENT(n)) return;
    float g = grad[i] * by;
    g += weight_decay * w[i];
#if VARIANT == 0
    w[i] -= lr * g;
#else
    const float v = momentum * velocity[i] + g;
    velocity[i] = v;
    w[i] -= lr * (VARIANT == 2 ? g + momentum * v : v);
#endif
}

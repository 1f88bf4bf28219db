/* Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019), in place, over n parameters, as
 * torch.optim.Adam and AdamW.
 *
 *   -DDECOUPLED=0 (Adam)    g = grad + weight_decay w
 *   -DDECOUPLED=1 (AdamW)   g = grad,  w -= lr weight_decay w
 *   m = beta1 m + (1 - beta1) g
 *   v = beta2 v + (1 - beta2) g^2
 *   w -= lr correction1 m / (sqrt(v) correction2 + epsilon)
 *
 * with correction1 = 1 / (1 - beta1^step) and correction2 = 1 / sqrt(1 - beta2^step) from the host,
 * and rates = (beta1, beta2, epsilon, weight_decay). Where scale (1) is not null, grad is what is read
 * times that: see clip_norm.cl.
 * One work-item a parameter: see element.cl. Bound by memory: seven passes of n floats.
 */
#include "element.cl"

#ifndef DECOUPLED
#define DECOUPLED 0
#endif

ELEMENT_KERNEL adam_step(global float *restrict w, global float *restrict m,
                         global float *restrict v, const global float *restrict grad, const int n,
                         const global float *restrict scale, const float lr,
                         const float correction1, const float correction2, const float4 rates)
{
    const float by = scale ? scale[0] : 1.0f;
    const float beta1 = rates.s0, beta2 = rates.s1, epsilon = rates.s2, weight_decay = rates.s3;
    const size_t i = ELEMENT;
    if (!HAS_ELEMENT(n)) return;
    float x = w[i], g = grad[i] * by;
#if DECOUPLED
    x -= lr * weight_decay * x;
#else
    g += weight_decay * x;
#endif
    const float mean = beta1 * m[i] + (1.0f - beta1) * g;
    const float square = beta2 * v[i] + (1.0f - beta2) * g * g;
    m[i] = mean;
    v[i] = square;
    w[i] = x - lr * correction1 * mean / (sqrt(square) * correction2 + epsilon);
}

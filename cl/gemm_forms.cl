/* What gemm's kernels are built for; included by those that can do sgd's step too.
 *
 *   -DTRANS_A=1   a is (k, m), not (m, k)
 *   -DTRANS_B=1   b is (n, k), not (k, n)
 *   -DUPDATE      the product is the gradient of c, and c is changed by a step of sgd.cl: 1 plain, 2 with momentum,
 *                 3 Nesterov's
 */
#ifndef TRANS_A
#define TRANS_A 0
#endif
#ifndef TRANS_B
#define TRANS_B 0
#endif
#ifndef UPDATE
#define UPDATE 0
#endif

#if UPDATE
/* A parameter w after its step with gradient g; *v is not used without momentum. */
static inline float step(const float w, global float *v, float g, const float lr, const float momentum,
                         const float decay)
{
    g += decay * w;
#if UPDATE > 1
    const float moved = momentum * *v + g;
    *v = moved;
    g = UPDATE == 2 ? moved : g + momentum * moved;
#endif
    return w - lr * g;
}
#endif

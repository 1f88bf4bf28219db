/* Kernels that measure a device and compute nothing of use.
 *
 *   bench_fma    x = x a + b, n_rounds * UNROLL times, in ACCUMULATORS independent vectors of
 *                VW numbers of type REAL a work-item: floating-point operations, and no memory
 *   bench_copy   a = b           one vector of VW floats a work-item
 *   bench_triad  a = b + s c     the same (McCalpin's STREAM)
 *   bench_update a = s a + 1     in place, as an optimizer. A CPU's cache reads a line before it
 *                writes a part of it, which copy and triad do not count; here it is read anyway
 *   bench_empty  nothing: the cost of a launch
 *
 * With a in (0, 1) x stays finite and never denormal. The sum that is written keeps the compiler
 * from dropping the work.
 */
#ifndef VW
#define VW 1
#endif
#ifndef ACCUMULATORS
#define ACCUMULATORS 8
#endif
#define UNROLL 4

/* Of bench_fma: -DREAL=double -DREAL_IS_double=1, or the same of half. */
#ifndef REAL
#define REAL float
#endif
#ifdef REAL_IS_double
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif
#ifdef REAL_IS_half
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#endif

#define JOINED(type, n)    type##n
#define VECTOR_OF(type, n) JOINED(type, n)
#define REAL4              VECTOR_OF(REAL, 4)

#if VW == 1
#define vec float
#define real_vec REAL
#define SUM(x) (x)
#else
#define vec VECTOR_OF(float, VW)
#define real_vec VECTOR_OF(REAL, VW)
#if VW == 4
#define SUM(x) dot((x), (REAL4)(1.0f))
#elif VW == 8
#define SUM(x) (dot((x).lo, (REAL4)(1.0f)) + dot((x).hi, (REAL4)(1.0f)))
#else
#define SUM(x)                                                                                     \
    (dot((x).lo.lo + (x).lo.hi, (REAL4)(1.0f)) + dot((x).hi.lo + (x).hi.hi, (REAL4)(1.0f)))
#endif
#endif

kernel void bench_fma(global float *dst, const int n_rounds, const float a, const float b)
{
    const real_vec va = (real_vec)((REAL)a), vb = (real_vec)((REAL)b);
    real_vec x[ACCUMULATORS];
#pragma unroll
    for (int i = 0; i < ACCUMULATORS; i++) x[i] = (real_vec)((REAL)(get_local_id(0) + i + 1));
    for (int r = 0; r < n_rounds; r++) {
#pragma unroll
        for (int u = 0; u < UNROLL; u++) {
#pragma unroll
            for (int i = 0; i < ACCUMULATORS; i++) x[i] = fma(x[i], va, vb);
        }
    }
    real_vec sum = x[0];
#pragma unroll
    for (int i = 1; i < ACCUMULATORS; i++) sum += x[i];
    dst[get_global_id(0)] = (float)SUM(sum);
}

/* Arrays are whole groups long. */
kernel void bench_copy(global vec *restrict a, const global vec *restrict b)
{
    a[get_global_id(0)] = b[get_global_id(0)];
}

kernel void bench_triad(global vec *restrict a, const global vec *restrict b,
                        const global vec *restrict c, const float s)
{
    const size_t i = get_global_id(0);
    a[i] = b[i] + s * c[i];
}

kernel void bench_update(global vec *restrict a, const float s)
{
    const size_t i = get_global_id(0);
    a[i] = s * a[i] + 1.0f;
}

kernel void bench_empty(global float *dst)
{
    (void)dst; /* a kernel of a step has arguments */
}

/* Vectors of VW floats, 1, 4, 8 or 16, for kernels that use a CPU's vector units by vectors and not
 * by neighbouring work-items; included by them. */
#ifndef VW
#define VW 16
#endif

#if VW == 16
#define VEC float16
#define LOAD(p) vload16(0, p)
#define STORE(x, p) vstore16(x, 0, p)
#elif VW == 8
#define VEC float8
#define LOAD(p) vload8(0, p)
#define STORE(x, p) vstore8(x, 0, p)
#elif VW == 4
#define VEC float4
#define LOAD(p) vload4(0, p)
#define STORE(x, p) vstore4(x, 0, p)
#else
#define VEC float
#define LOAD(p) (*(p))
#define STORE(x, p) (*(p) = (x))
#endif

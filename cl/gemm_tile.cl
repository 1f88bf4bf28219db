/* What the tiled gemm kernels share: vectors of VW floats, the arguments, the end of a tile.
 *
 * A work-group is one work-item: on a CPU that is one thread's piece of work, and the vector units
 * are used by vectors, not by neighbouring work-items.
 *
 *   shape   m, n, k, lda, ldb, ldc, tiles of a group (see the kernels)
 *   offset  first elements of a, b, c
 *   scalar  alpha, beta, the activation's slope
 *
 * VW: floats in a vector, 1, 4, 8 or 16.
 * MR: rows of a tile. KC: how much of k is summed at a time; between two such blocks the sums wait
 * in c, so only the last block has the epilogue.
 * PREFETCH: 1 to ask for memory ahead of its use, with the compiler's builtin: OpenCL's own prefetch
 * does nothing on PoCL 3.1.
 */
#ifndef VW
#define VW 16
#endif
#ifndef MR
#define MR 4
#endif
#ifndef KC
#define KC 1024
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

#define UNROLL _Pragma("unroll")

#ifndef PREFETCH
#define PREFETCH 0
#endif
#if PREFETCH
/* Through an integer: the builtin knows no address spaces, and a CPU has but one. */
#define FETCH(p) __builtin_prefetch((const void *)(size_t)(p))
#else
#define FETCH(p)
#endif

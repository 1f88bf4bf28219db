/* What the tiled gemm kernels share: vectors of VW floats, the arguments, the end of a tile.
 *
 * A work-group is one work-item: on a CPU that is one thread's piece of work, and the vector units
 * are used by vectors, not by neighbouring work-items.
 *
 *   shape   m, n, k, lda, ldb, ldc, tiles of a group (see the kernels)
 *   offset  first elements of a, b, c; and, when k is split, groups along n
 *   scalar  alpha, beta, the activation's slope
 *
 * VW: floats in a vector, see vector.cl.
 * MR: rows of a tile. KC: how much of k is summed at a time; between two such blocks the sums wait
 * in c, so only the last block has the epilogue.
 * PREFETCH: 1 to ask for memory ahead of its use, with the compiler's builtin: OpenCL's own prefetch
 * does nothing on PoCL 3.1.
 *
 * When k is split, each block has groups of its own: those from s * offset.s3 along n do block s, and
 * leave its sums in the s-th of as many matrices (m, n) at c. gemm_join.cl adds them up, in the order
 * in which one group would have: the bits are the same.
 */
#ifndef MR
#define MR 4
#endif
#ifndef KC
#define KC 1024
#endif

#include "vector.cl"

#define UNROLL _Pragma("unroll")
/* For a loop that is rare: its compilation is seconds, all kernels together. */
#define ROLLED _Pragma("clang loop vectorize(disable) unroll(disable)")

/* When k is split: this group's block, and its place along n. Else 0, and its place. */
static inline int2 place(const int4 offset)
{
    const int y = (int)get_global_id(1), groups_n = offset.s3 ? offset.s3 : INT_MAX;
    const int block = y / groups_n;
    return (int2)(block, y - block * groups_n);
}

#ifndef PREFETCH
#define PREFETCH 0
#endif
#if PREFETCH
/* Through an integer: the builtin knows no address spaces, and a CPU has but one. */
#define FETCH(p) __builtin_prefetch((const void *)(size_t)(p))
#else
#define FETCH(p)
#endif

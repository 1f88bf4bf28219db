/* Vectors of VW floats, 1, 4, 8 or 16, for kernels that use a CPU's vector units by vectors and not
 * by neighbouring work-items; included by them. */
#ifndef VW
#define VW 16
#endif

#if VW == 16
#define VEC float16
#define INTS int16
#define LANE_NUMBERS (INTS)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define LOAD(p) vload16(0, p)
#define STORE(x, p) store(x, p)
#elif VW == 8
#define VEC float8
#define INTS int8
#define LANE_NUMBERS (INTS)(0, 1, 2, 3, 4, 5, 6, 7)
#define LOAD(p) vload8(0, p)
#define STORE(x, p) store(x, p)
#elif VW == 4
#define VEC float4
#define INTS int4
#define LANE_NUMBERS (INTS)(0, 1, 2, 3)
#define LOAD(p) vload4(0, p)
#define STORE(x, p) store(x, p)
#else
#define VEC float
#define INTS int
#define LOAD(p) (*(p))
#define STORE(x, p) (*(p) = (x))
#endif

#if VW > 1
/* A vector to wherever it belongs. PoCL's vstore stores it in parts, of which LLVM makes no whole again. */
typedef VEC __attribute__((aligned(4))) unaligned_floats;
typedef INTS __attribute__((aligned(4))) unaligned_ints;
#define STORE_IN(space)                                                                            \
    static inline __attribute__((overloadable)) void store(const VEC x, space float *p)            \
    {                                                                                              \
        *(space unaligned_floats *)p = x;                                                          \
    }                                                                                              \
    static inline __attribute__((overloadable)) void store(const INTS x, space int *p)             \
    {                                                                                              \
        *(space unaligned_ints *)p = x;                                                            \
    }
STORE_IN(global)
STORE_IN(local)
STORE_IN(private)
#endif

/* Elements of two halves in turns: a0, b0, a1, b1, ... Oclgrind 21.10 crashes at what sets them by .even and .odd, when
 * it looks for uninitialised reads. */
#if VW == 16
#define BESIDE(a, b)                                                                               \
    ((VEC)((a).s0, (b).s0, (a).s1, (b).s1, (a).s2, (b).s2, (a).s3, (b).s3, (a).s4, (b).s4, (a).s5, \
           (b).s5, (a).s6, (b).s6, (a).s7, (b).s7))
#elif VW == 8
#define BESIDE(a, b) ((VEC)((a).s0, (b).s0, (a).s1, (b).s1, (a).s2, (b).s2, (a).s3, (b).s3))
#elif VW == 4
#define BESIDE(a, b) ((VEC)((a).s0, (b).s0, (a).s1, (b).s1))
#endif

/* For a function that is given a kernel's local memory. Where LLVM compiles one by itself, it may put the memory's
 * name in place of the argument, and PoCL 3.1 then has one such memory for all groups that run at the same time. */
#define INLINED static inline __attribute__((always_inline))

/* Terms that a work-item adds in order. A longer sum is made of blocks of as many, and loses less. */
#define BLOCK 64

/* The vector at p, where `count` elements are left; those past the end are `fill`. */
static inline VEC fetch(const global float *p, const int count, const float fill)
{
#if VW > 1
    if (count < VW) {
        float part[VW];
        for (int k = 0; k < VW; k++) part[k] = k < count ? p[k] : fill;
        return LOAD(part);
    }
#endif
    return LOAD(p);
}

/* Stores a vector, but for what is past the end. */
static inline void put(const VEC x, global float *p, const int count)
{
#if VW > 1
    if (count < VW) {
        float part[VW];
        STORE(x, part);
        for (int k = 0; k < count; k++) p[k] = part[k];
        return;
    }
#endif
    STORE(x, p);
}

/* Stores a gradient or, with -DADD=1, adds it to what is there. */
#ifndef ADD
#define ADD 0
#endif
static inline void give(const VEC x, global float *p, const int count)
{
#if ADD
    put(fetch(p, count, 0.0f) + x, p, count);
#else
    put(x, p, count);
#endif
}

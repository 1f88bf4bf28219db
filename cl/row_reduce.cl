/* Rows, and how work-items share them; included by every kernel that reduces.
 *
 * A group has SLOTS rows, and LANES work-items for each. A lane takes the elements lane,
 * lane + LANES, ... of its row, in order; then the lanes' results meet in a fixed tree. Who is who:
 *
 *   narrow rows: LANES 1     wide rows: LANES 64      strided rows (columns): LANES 4, ACROSS
 *   item  0  1  2 ... 63     item  0  1  2 ... 63     item   0  1 ... 63 | 64 65 ... 127 | ... 255
 *   slot  0  1  2 ... 63     slot  0  0  0 ...  0     slot   0  1 ... 63 |  0  1 ...  63 | ...  63
 *   lane  0  0  0 ...  0     lane  0  1  2 ... 63     lane   0  0 ...  0 |  1  1 ...   1 | ...   3
 *
 * so that neighbouring work-items read neighbouring elements, but for narrow rows, which a cache
 * line or two hold. On a CPU a wide row has one work-item, a group of its own, which takes VW elements
 * at a time: LANES 1, SLOTS 1, VW 4, 8 or 16. There a sum in order keeps a loop over elements from the
 * vector units, and a barrier one over work-items: softmax of 1024 x 1024 takes 2.0 ms on PoCL by 64
 * lanes, and 0.27 by vectors. Else VW is 1, and a vector below is a float. Which of these is used
 * depends on the shape and the device's vectors alone, and so does every sum's order. src/ops/mapping.c
 * has the same numbers.
 *
 * Every work-item of a group must call row_sum, row_max or row_first_largest: a slot past the last
 * row takes part with no elements.
 * A remainder is taken as x - x / n * n: of x / n beside x % n LLVM makes an instruction that Oclgrind
 * 21.10 does not know when it looks for uninitialised reads.
 */
#ifndef LANES
#define LANES 1
#endif
#ifndef ACROSS
#define ACROSS 0
#endif

#ifndef SLOTS
#define SLOTS (ACROSS ? 64 : 64 / LANES)
#endif
#define GROUP (LANES * SLOTS)
#ifndef VW
#define VW 1
#endif
#include "vector.cl"

#define ROW_KERNEL kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void

#define ITEM ((int)get_local_id(0))
#if LANES == 1
#define LANE 0
#define SLOT ITEM
#elif ACROSS
#define LANE (ITEM / SLOTS)
#define SLOT (ITEM & (SLOTS - 1))
#define LANE_STEP SLOTS
#else
#define LANE ITEM
#define SLOT 0
#define LANE_STEP 1
#endif

/* The row of this work-item; the last group's may be past the end. */
#define ROW ((int)get_group_id(0) * SLOTS + SLOT)

/* Local memory of a kernel for the lanes to meet in; nothing where a row has one lane. */
#if LANES == 1
#define MEETING(type, name) local type *const name = 0
#else
#define MEETING(type, name) local type name[GROUP]
#endif

/* isnan() is a call that PoCL 3.1 does not vectorise: with it the max of a long row takes three
 * times as long. */
#define IS_NAN(x) ((x) != (x))

/* The larger of two; NaN when either is. */
static inline float larger(const float a, const float b)
{
    return a > b || IS_NAN(a) ? a : b;
}

static inline VEC larger_of(const VEC a, const VEC b)
{
    return ((a > b) | (a != a)) ? a : b;
}

static inline float plus(const float a, const float b)
{
    return a + b;
}

/* The first elements of a lane's vectors, in a row of n. */
#define EACH_VECTOR(c, n) (int c = LANE * VW; c < (n); c += LANES * VW)

/* The same in two loops, for sums: over a row's blocks, and over the vectors of the block at b. Narrow
 * and strided rows are one block: a second loop costs the small ones, which are most, a tenth. */
#if VW == 1 && LANES < 64
#define EACH_BLOCK(b, n) (int b = 0; b < 1; b++)
#define EACH_OF(c, b, n) EACH_VECTOR(c, n)
#else
#define ROW_BLOCK        (BLOCK * LANES * VW)
#define EACH_BLOCK(b, n) (int b = 0; b < (n); b += ROW_BLOCK)
#define EACH_OF(c, b, n)                                                                           \
    (int c = (b) + LANE * VW, end = min((b) + ROW_BLOCK, (n)); c < end; c += LANES * VW)
#endif

/* A vector's elements meet by halves. */
#define VECTOR_MEET(name, combine)                                                                 \
    static inline float name(const VEC x)                                                          \
    {                                                                                              \
        float part[VW];                                                                            \
        STORE(x, part);                                                                            \
        for (int w = VW / 2; w > 0; w /= 2)                                                        \
            for (int k = 0; k < w; k++) part[k] = combine(part[k], part[k + w]);                   \
        return part[0];                                                                            \
    }

VECTOR_MEET(sum_of, plus)
VECTOR_MEET(top_of, larger)

/* Whether element i of value a is the first largest beside element j of value b. As in PyTorch, NaN
 * counts as the largest. */
static inline bool ranks_first(const float a, const int i, const float b, const int j)
{
    if (a > b) return true;
    if (a < b) return false;
    if (IS_NAN(a) != IS_NAN(b)) return IS_NAN(a);
    return i < j;
}

#if LANES == 1

INLINED float row_sum(const float x, local float *meeting)
{
    return x;
}

INLINED float row_max(const float x, local float *meeting)
{
    return x;
}

INLINED int row_first_largest(float *value, const int index, local float *values,
                              local int *indices)
{
    return index;
}

#else

/* The tree: 64 lanes meet by eights, and then their eight results; 4 lanes meet at once. Two levels
 * of eight take half the time of six levels of two on PoCL, where every barrier ends a loop over
 * the work-items. The last barrier lets the meeting place be used again. With the sum by eights in
 * a variable of its own, PoCL 3.1 (LLVM 15) crashes when a kernel meets twice. */
#define ROW_MEET(name, combine)                                                                    \
    INLINED float name(const float x, local float *meeting)                                        \
    {                                                                                              \
        meeting[ITEM] = x;                                                                         \
        barrier(CLK_LOCAL_MEM_FENCE);                                                              \
        if (!ACROSS && ITEM < 8)                                                                   \
            for (int k = 8; k < 64; k += 8)                                                        \
                meeting[ITEM] = combine(meeting[ITEM], meeting[ITEM + k]);                         \
        if (!ACROSS) barrier(CLK_LOCAL_MEM_FENCE);                                                 \
        float all = meeting[SLOT];                                                                \
        for (int k = 1; k < LAST_COUNT; k++)                                                       \
            all = combine(all, meeting[SLOT + k * LANE_STEP]);                                    \
        barrier(CLK_LOCAL_MEM_FENCE);                                                              \
        return all;                                                                                \
    }

#define LAST_COUNT (ACROSS ? LANES : 8)

ROW_MEET(row_sum, plus)
ROW_MEET(row_max, larger)

/* Puts the better of two candidates of a meeting in the first one's place. */
INLINED void keep_first_largest(local float *values, local int *indices, const int a,
                                const int b)
{
    if (!ranks_first(values[b], indices[b], values[a], indices[a])) return;
    values[a] = values[b];
    indices[a] = indices[b];
}

/* The index of the row's first largest element from each lane's; *value becomes its value. The
 * tree's shape does not matter to the result. */
INLINED int row_first_largest(float *value, const int index, local float *values,
                              local int *indices)
{
    values[ITEM] = *value;
    indices[ITEM] = index;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (!ACROSS && ITEM < 8)
        for (int k = 8; k < 64; k += 8) keep_first_largest(values, indices, ITEM, ITEM + k);
    if (!ACROSS) barrier(CLK_LOCAL_MEM_FENCE);
    if (LANE == 0)
        for (int k = 1; k < LAST_COUNT; k++)
            keep_first_largest(values, indices, ITEM, ITEM + k * LANE_STEP);
    barrier(CLK_LOCAL_MEM_FENCE);
    *value = values[SLOT];
    const int first = indices[SLOT];
    /* Global too: in cross_entropy one lane has read what another may overwrite from here on. */
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
    return first;
}

#endif

/* This lane's first largest among the n elements x[0], x[step], ...; INT_MAX when it has none. Vectors
 * want a step of 1. */
static inline int lane_first_largest(float *value, const global float *x, const int n,
                                     const size_t step)
{
#if VW == 1
    int first = INT_MAX;
    float top = -INFINITY;
    for (int c = LANE; c < n; c += LANES) {
        const float other = x[c * step];
        if (ranks_first(other, c, top, first)) {
            top = other;
            first = c;
        }
    }
    *value = top;
    return first;
#else
    float top[VW];
    int first[VW];
    for (int k = 0; k < VW; k++) first[k] = k;
    const INTS start = LOAD(first);
    INTS firsts = start;
    VEC tops = fetch(x, n, -INFINITY); /* what is past the end has the larger index, if the same value */
    for (int c = VW; c < n; c += VW) {
        const VEC other = fetch(x + c, n - c, -INFINITY);
        const INTS takes = ~(other <= tops) & (tops == tops);
        tops = takes ? other : tops;
        firsts = takes ? start + c : firsts;
    }
    STORE(tops, top);
    STORE(firsts, first);
    for (int k = 1; k < VW; k++)
        if (ranks_first(top[k], first[k], top[0], first[0])) {
            top[0] = top[k];
            first[0] = first[k];
        }
    *value = top[0];
    return first[0];
#endif
}

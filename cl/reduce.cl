/* Sum, mean or largest of src (outer, axis, inner) over axis.
 *
 *   dst (outer, chunks, inner) = reduction of chunk elements of axis, / divisor
 *
 * With chunk = axis there is one chunk, and dst is the result. A long axis with few outputs goes in
 * two launches: the second reduces the (outer, chunks, inner) of the first. src/ops/reduce.c
 * decides, from the shape alone.
 *
 *            axis                 slot = (o * chunks + p) * inner + i: one output, shared by LANES
 *        +----+----+----+         work-items. With inner 1 a slot's elements are neighbours, and so
 *   o    | p0 | p1 | p2 |  inner  are its lanes; with a larger inner neighbouring slots are
 *        +----+----+----+         neighbouring columns (ACROSS). See row_reduce.cl. On a CPU a slot is
 *                                 VW neighbouring columns then, one work-item's.
 *
 * -DREDUCTION: 0 sum (mean is a sum with divisor axis), 1 max, on which a NaN passes.
 */
#include "row_reduce.cl"

#ifndef REDUCTION
#define REDUCTION 0
#endif

#if REDUCTION == 0
#define NEUTRAL 0.0f
#define COMBINE(a, b) ((a) + (b))
#define VECTOR_COMBINE sum_of
#define ROW_COMBINE row_sum
#else
#define NEUTRAL (-INFINITY)
#define COMBINE(a, b) larger_of(a, b)
#define VECTOR_COMBINE top_of
#define ROW_COMBINE row_max
#endif

ROW_KERNEL reduce_forward(global float *restrict dst, const global float *restrict src,
                          const int outer, const int axis, const int inner, const int chunk,
                          const float divisor)
{
    MEETING(float, meeting);
    const int chunks = (axis - 1) / chunk + 1;
#if ACROSS && VW > 1
    const int blocks = (inner - 1) / VW + 1, row = ROW / blocks; /* row of dst (outer, chunks) */
    const int i = (ROW - row * blocks) * VW, o = row / chunks, begin = (row - o * chunks) * chunk;
    const global float *x = src + ((size_t)o * axis + begin) * inner + i;
    const int n = min(chunk, axis - begin);
    VEC results = NEUTRAL;
    for (int b = 0; b < n; b += BLOCK) {
        VEC part = NEUTRAL;
        for (int a = b; a < min(b + BLOCK, n); a++)
            part = COMBINE(part, fetch(x + (size_t)a * inner, inner - i, NEUTRAL));
        results = COMBINE(results, part);
    }
    put(results / divisor, dst + (size_t)row * inner + i, inner - i);
#else
    const int slot = ROW;
    const bool inside = slot < outer * chunks * inner;
    const int of_inner = slot / inner, i = slot - of_inner * inner;
    const int o = of_inner / chunks, p = of_inner - o * chunks;
    const int begin = p * chunk;
    const int n = inside ? min(chunk, axis - begin) : 0;
    const size_t start = ((size_t)o * axis + begin) * inner + i;

    VEC results = NEUTRAL;
    for EACH_BLOCK(b, n) {
        VEC part = NEUTRAL;
        for EACH_OF(a, b, n)
            part = COMBINE(part, fetch(src + start + (size_t)a * inner, n - a, NEUTRAL));
        results = COMBINE(results, part);
    }
    const float result = ROW_COMBINE(VECTOR_COMBINE(results), meeting);
    if (LANE == 0 && inside) dst[slot] = result / divisor;
#endif
}

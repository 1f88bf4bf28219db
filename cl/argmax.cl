/* The first largest element of src (outer, axis, inner) along axis, NaN counting as the largest;
 * and the gradient of max, which goes to that element alone.
 *
 *   argmax_forward   dst (outer, chunks, inner) = position in axis, among chunk candidates
 *   max_backward     dsrc (outer, axis, inner)  = ddst (outer, inner) at it, 0 elsewhere; with -DADD=1
 *                    that is added to dsrc
 *
 * The mapping of work-items, and the two launches for a long axis, are those of reduce.cl. In the
 * second launch the candidates are the first's answers: chosen (outer, n, inner), null in the first
 * launch, where the candidates are 0 ... n-1 themselves.
 */
#include "row_reduce.cl"

ROW_KERNEL argmax_forward(global int *restrict dst, const global float *restrict src,
                          const global int *restrict chosen, const int outer, const int axis,
                          const int inner, const int n, const int chunk)
{
    MEETING(float, values);
    MEETING(int, indices);
    const int slot = ROW;
    const int chunks = (n - 1) / chunk + 1;
    const bool inside = slot < outer * chunks * inner;
    const int of_inner = slot / inner, i = slot - of_inner * inner;
    const int o = of_inner / chunks, p = of_inner - o * chunks;
    const int begin = p * chunk;
    const int count = inside ? min(chunk, n - begin) : 0;

    float top = -INFINITY;
    int first = INT_MAX;
    if (chosen || inner > 1) {
        for (int k = begin + LANE; k < begin + count; k += LANES) {
            const int a = chosen ? chosen[((size_t)o * n + k) * inner + i] : k;
            const float x = src[((size_t)o * axis + a) * inner + i];
            if (ranks_first(x, a, top, first)) {
                top = x;
                first = a;
            }
        }
    } else {
        first = lane_first_largest(&top, src + (size_t)o * axis + begin, count, 1);
        if (first < count) first += begin;
    }
    first = row_first_largest(&top, first, values, indices);
    if (LANE == 0 && inside) dst[slot] = first;
}

ROW_KERNEL max_backward(global float *restrict dsrc, const global float *restrict src,
                        const global float *restrict ddst, const int outer, const int axis,
                        const int inner)
{
    MEETING(float, values);
    MEETING(int, indices);
    const int slot = ROW;
    const int n = slot < outer * inner ? axis : 0;
    const int o = slot / inner;
    const size_t start = (size_t)o * axis * inner + (slot - o * inner);

    float top;
    int first = lane_first_largest(&top, src + start, n, inner);
    first = row_first_largest(&top, first, values, indices);
    const float gradient = n > 0 ? ddst[slot] : 0.0f;
#if !ADD
    for EACH_VECTOR(a, n) put((VEC)(0.0f), dsrc + start + (size_t)a * inner, n - a);
#endif
    if (n > 0 && first / VW % LANES == LANE) {
        global float *at = dsrc + start + (size_t)first * inner;
        *at = ADD ? *at + gradient : gradient;
    }
}

/* C = act(alpha op(A) op(B) + beta C + bias), by tiles in local memory: for GPUs.
 *
 *   c (m, n), a (m, k) or with -DTRANS_A=1 (k, m), b (k, n) or with -DTRANS_B=1 (n, k), bias (n) or no
 *   buffer; offset has the first elements of a, b and c, scalar has alpha, beta and the slope.
 *
 *                         b   +--------+             A group of 256 work-items makes TM x TN of c. In each
 *                       DEPTH +--------+             round it copies DEPTH columns of op(A) and as many
 *            a           c       TN                  rows of op(B) to local memory, and multiplies them.
 *           +------+   +--------+                    A work-item keeps 4 x 4 sums. Where the tile has less
 *        TM |      |   |        |                    for each than that, SLICES of the items share it:
 *           +------+   +--------+                    each does EACH of a round's DEPTH, and at the end
 *            DEPTH                                   their sums are added in order.
 *
 *   TM, TN   64   64, 16 and 64   16        What the next round needs is read into registers while this
 *   SLICES    1    4              16        one is multiplied. A copy has zeros past the edges of a
 *   DEPTH    16   16              64        matrix, and rows of 4 floats more, so that columns of it do
 *   EACH     16    4               4        not fall into one bank.
 *
 * Group (x, y) has the tile x along n. Along m there are shape.s7 tiles, and y goes through them for each
 * block of k, which has shape.s6 of it: block s leaves its sums in the s-th of as many matrices (m, n) at c,
 * and gemm_join.cl adds them up. With one block, shape.s6 is k or more.
 *
 * Products are added by * and +, which a compiler may fuse: on AMD's GFX8 fma() takes four times as long.
 *
 * With -DUPDATE=1 the product is the gradient of c, and sgd's step is done on it (see sgd.cl); -DUPDATE=2: with
 * momentum; -DUPDATE=3: Nesterov's. Alpha and beta are not used then, and there is one block. bias (m) is
 * then a parameter too, whose gradient is the sums of the rows of op(A): so op(B) has a column n of ones.
 */
#define VW 4
#include "vector.cl"

#include "activation_functions.cl"
#include "gemm_forms.cl"

#ifndef TM
#define TM 64
#endif
#ifndef TN
#define TN 64
#endif

#define GROUP  256
#define SLICES (GROUP * 16 / (TM * TN))
#define DEPTH  (1024 / (TM > TN ? TM : TN))
#define EACH   (DEPTH / SLICES)
#define PAD    4
#define PAST   (UPDATE ? 1.0f : 0.0f) /* in op(B) behind its last column */
#define UNROLL _Pragma("unroll")

/* A copy of `side` rows by DEPTH of k is 256 elements, or 1024, of which a work-item has every 256th: where number
 * e of its own is. by_k: the matrix has rows that are contiguous along k. */
INLINED uint2 place(const uint e, const uint side, const bool by_k)
{
    const uint at = e * GROUP + (uint)get_local_id(0);
    return by_k ? (uint2)(at / DEPTH, at % DEPTH) : (uint2)(at % side, at / side);
}

/* Element (row, p) of a matrix. What is past k_to is 0, and what is behind the last row is `past`. */
INLINED float element(const global float *src, const uint2 at, const bool by_k, const int ld, const uint rows,
                      const uint k_to, const float past)
{
    if (at.s1 >= k_to) return 0.0f;
    if (at.s0 >= rows) return past;
    return src[by_k ? (size_t)at.s0 * ld + at.s1 : (size_t)at.s1 * ld + at.s0];
}

/* What a work-item copies: from the place `from`. No array: NVIDIA's compiler put one of 4 into memory. */
INLINED float4 take(const global float *src, const uint side, const bool by_k, const int ld, const uint2 from,
                    const uint rows, const uint k_to, const float past)
{
    float4 x = 0.0f;
    x.s0 = element(src, from + place(0, side, by_k), by_k, ld, rows, k_to, past);
    if (side * DEPTH == GROUP) return x;
    x.s1 = element(src, from + place(1, side, by_k), by_k, ld, rows, k_to, past);
    x.s2 = element(src, from + place(2, side, by_k), by_k, ld, rows, k_to, past);
    x.s3 = element(src, from + place(3, side, by_k), by_k, ld, rows, k_to, past);
    return x;
}

INLINED void lay_one(local float *copy, const float x, const uint2 at, const uint side)
{
    copy[at.s1 * (side + PAD) + at.s0] = x;
}

/* Puts it into the copy (DEPTH, side + PAD). */
INLINED void lay(local float *copy, const float4 x, const uint side, const bool by_k)
{
    lay_one(copy, x.s0, place(0, side, by_k), side);
    if (side * DEPTH == GROUP) return;
    lay_one(copy, x.s1, place(1, side, by_k), side);
    lay_one(copy, x.s2, place(2, side, by_k), side);
    lay_one(copy, x.s3, place(3, side, by_k), side);
}

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
gemm_local(global float *c, const global float *restrict a, const global float *restrict b,
#if UPDATE
           global float *restrict bias, const int8 shape, const int4 offset, const float4 scalar,
           global float *restrict velocity, global float *restrict bias_velocity, const float lr,
           const float4 rates)
#else
           const global float *restrict bias, const int8 shape, const int4 offset, const float4 scalar)
#endif
{
    local float4 copies[DEPTH * (TM + TN + 2 * PAD) / 4];
    local float *of_a = (local float *)copies, *of_b = of_a + DEPTH * (TM + PAD);
    const uint m = shape.s0, n = shape.s1, k = shape.s2, tiles_m = shape.s7;
    const uint item = get_local_id(0), slice = item / (GROUP / SLICES), in_slice = item % (GROUP / SLICES);
    const uint block = (uint)get_group_id(1) / tiles_m;
    const uint i_tile = ((uint)get_group_id(1) - block * tiles_m) * TM, j_tile = (uint)get_group_id(0) * TN;
    const uint k_from = block * (uint)shape.s6, k_to = min(k, k_from + (uint)shape.s6);
    const local float4 *x = copies + in_slice / (TN / 4) + slice * EACH * ((TM + PAD) / 4);
    const local float4 *y = copies + DEPTH * (TM + PAD) / 4 + in_slice % (TN / 4) + slice * EACH * ((TN + PAD) / 4);
    float4 sum0 = 0.0f, sum1 = 0.0f, sum2 = 0.0f, sum3 = 0.0f;
    a += offset.s0;
    b += offset.s1;

    float4 next_a = take(a, TM, !TRANS_A, shape.s3, (uint2)(i_tile, k_from), m, k_to, 0.0f);
    float4 next_b = take(b, TN, TRANS_B, shape.s4, (uint2)(j_tile, k_from), n, k_to, PAST);
    for (uint l = k_from; l < k_to; l += DEPTH) {
        lay(of_a, next_a, TM, !TRANS_A);
        lay(of_b, next_b, TN, TRANS_B);
        barrier(CLK_LOCAL_MEM_FENCE);
        next_a = take(a, TM, !TRANS_A, shape.s3, (uint2)(i_tile, l + DEPTH), m, k_to, 0.0f);
        next_b = take(b, TN, TRANS_B, shape.s4, (uint2)(j_tile, l + DEPTH), n, k_to, PAST);
        UNROLL for (uint p = 0; p < EACH; p++) {
            const float4 row = y[p * ((TN + PAD) / 4)], column = x[p * ((TM + PAD) / 4)];
            sum0 += column.s0 * row;
            sum1 += column.s1 * row;
            sum2 += column.s2 * row;
            sum3 += column.s3 * row;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    /* Row r of every work-item's sums at a time: slices meet, and neighbours store neighbours. */
    for (uint r = 0; r < 4; r++) {
        copies[item] = r == 0 ? sum0 : r == 1 ? sum1 : r == 2 ? sum2 : sum3;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint e = item; e < TM / 4 * TN; e += GROUP) {
            const uint i = i_tile + e / TN * 4 + r, j = j_tile + e % TN;
            float z = of_a[e];
            for (uint s = 1; s < SLICES; s++) z += of_a[s * (TM / 4 * TN) + e];
            const size_t at = (size_t)(uint)offset.s2 + (size_t)block * m * n + (size_t)i * shape.s5 + j;
#if UPDATE
            if (i < m && j < n) c[at] = step(c[at], velocity + at, z, lr, rates.s0, rates.s1);
            if (i < m && j == n && bias)
                bias[i] = step(bias[i], bias_velocity + i, z, lr, rates.s0, rates.s2);
#else
            if (i < m && j < n) {
                z *= scalar.s0;
                if (scalar.s1 != 0.0f) z += scalar.s1 * c[at];
                if (bias) z += bias[j];
                c[at] = activation_forward(z, scalar.s2);
            }
#endif
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

/* C = act(alpha A B^T + beta C + bias), every element a dot product along k: for CPUs.
 *
 *   c (m, n), a (m, k), b (n, k), bias (n) or no buffer; the arguments are in gemm_tile.cl. This is
 *   y = x W^T + b: rows of both matrices are contiguous along k, and nothing has to be transposed.
 *
 *                 b   +--------+--------+..      A tile of MR x 4 sums, each a vector along k, stays
 *              4      +--------+--------+..      in registers while k runs. At its end the lanes of
 *                      VW        VW              each vector are added, four vectors at a time.
 *       a              c
 *      +--------+..   +----+
 *   MR |        |     |    |                     A group (x, y) does the rows of tiles from
 *      +--------+..   +----+                     x * tiles_m, and in each the tiles from
 *                      4                         y * tiles_n; shape.s6 and s7 are those numbers.
 *
 * In the last tile of a row, b's rows are clamped and only what is in c is stored; the last tile of
 * a column is moved back and stores only what is new. The lanes past k are set to zero. The host
 * chooses VW <= k and MR <= m.
 */
#include "gemm_tile.cl"
#include "lanes.cl"

#define FLOAT float4
#include "activation_functions.cl"

#define NR 4

/* It helps where few rows of a leave b to come from memory, a fifth at m = 10; not elsewhere. */
#define FETCH_AHEAD (16 * VW)

/* A vector whose first `skip` lanes are zero. */
static inline VEC load_after(const global float *p, const int skip)
{
#if VW > 1
    return LANE_NUMBERS < skip ? (VEC)(0.0f) : LOAD(p);
#else
    return *p;
#endif
}

static inline float4 load_n(const global float *p, const int n)
{
    if (n >= 4) return vload4(0, p);
    return (float4)(p[0], n > 1 ? p[1] : 0.0f, n > 2 ? p[2] : 0.0f, 0.0f);
}

static inline void store_n(const float4 x, global float *p, const int n)
{
    if (n >= 4) {
        vstore4(x, 0, p);
        return;
    }
    p[0] = x.s0;
    if (n > 1) p[1] = x.s1;
    if (n > 2) p[2] = x.s2;
}

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
gemm_dots(global float *c, const global float *restrict a, const global float *restrict b,
          const global float *restrict bias, const int8 shape, const int4 offset,
          const float4 scalar)
{
    const int m = shape.s0, n = shape.s1, k = shape.s2;
    const int lda = shape.s3, ldb = shape.s4, ldc = shape.s5;
    const int tiles_m = shape.s6, tiles_n = shape.s7;
    const int block = place(offset).s0, group_n = place(offset).s1;
    const size_t c_from = offset.s2 + (size_t)block * m * n;
    const int k_from = block * KC, k_to = offset.s3 ? min(k, k_from + KC) : k;
    for (int k0 = k_from; k0 < k_to; k0 += KC) {
        /* A block too short for a vector joins the one before. */
        const int kc = k - k0 < KC + VW ? k - k0 : KC;
        const int whole = kc / VW * VW;
        for (int s = 0; s < tiles_m; s++) {
            const int i_new = ((int)get_global_id(0) * tiles_m + s) * MR;
            if (i_new >= m) break;
            const int i = min(i_new, m - MR);
            const global float *pa = a + offset.s0 + (size_t)i * lda + k0;
            for (int t = 0; t < tiles_n; t++) {
                const int j = (group_n * tiles_n + t) * NR;
                if (j >= n) break;
                const global float *pb[NR];
                UNROLL for (int q = 0; q < NR; q++)
                    pb[q] = b + offset.s1 + (size_t)min(j + q, n - 1) * ldb + k0;
                VEC sum[MR][NR];
                UNROLL for (int r = 0; r < MR; r++)
                    UNROLL for (int q = 0; q < NR; q++) sum[r][q] = (VEC)(0.0f);
                for (int p = 0; p < whole; p += VW) {
                    VEC y[NR];
                    UNROLL for (int q = 0; q < NR; q++) {
                        y[q] = LOAD(pb[q] + p);
                        FETCH(pb[q] + p + FETCH_AHEAD);
                    }
                    UNROLL for (int r = 0; r < MR; r++) {
                        const VEC x = LOAD(pa + r * lda + p);
                        UNROLL for (int q = 0; q < NR; q++) sum[r][q] = fma(x, y[q], sum[r][q]);
                    }
                }
                if (whole < kc) {
                    const int skip = VW - (kc - whole);
                    VEC y[NR];
                    UNROLL for (int q = 0; q < NR; q++) y[q] = load_after(pb[q] + kc - VW, skip);
                    UNROLL for (int r = 0; r < MR; r++) {
                        const VEC x = load_after(pa + r * lda + kc - VW, skip);
                        UNROLL for (int q = 0; q < NR; q++) sum[r][q] = fma(x, y[q], sum[r][q]);
                    }
                }
                float4 tile[MR];
                UNROLL for (int r = 0; r < MR; r++)
                    tile[r] = add_lanes(sum[r][0], sum[r][1], sum[r][2], sum[r][3]);
                for (int r = i_new - i; r < MR; r++) {
                    global float *out = c + c_from + (size_t)(i + r) * ldc + j;
                    float4 x = scalar.s0 * tile[r];
                    const float before = k0 == k_from ? scalar.s1 : 1.0f;
                    if (before != 0.0f) x += before * load_n(out, n - j);
                    if (k0 + kc == k) {
                        if (bias) x += load_n(bias + j, n - j);
                        x = activation_forward(x, scalar.s2);
                    }
                    store_n(x, out, n - j);
                }
            }
        }
        if (kc > KC) break;
    }
}

/* C = act(alpha op(A) B + beta C + bias), the rows of B taken as vectors: for CPUs.
 *
 *   c (m, n), a (m, k) or with -DTRANS_A=1 (k, m), b (k, n) or with -DTRANS_B=1 (n, k), bias (n) or
 *   no buffer; the arguments are in gemm_tile.cl.
 *
 *                    NV vectors of VW                 A tile of MR x NV vectors of c stays in
 *              b   +----+----+  k = 0                 registers while k runs: a vector of b is
 *                  +----+----+  k = 1                 loaded once and multiplied with MR elements
 *                   ...                               of a, each spread over a vector.
 *       a          c
 *      +-+-+..    +----+----+
 *   MR | | |      |    |    |                         A group (x, y) does `tiles` tiles below each
 *      +-+-+..    +----+----+                         other, from tile x * tiles, in strip y.
 *
 * The last strip and the last tile are moved back to end at the matrix's edge and store only what
 * is new, so nothing outside a matrix is ever touched. The host chooses VW NV <= n and MR <= m.
 *
 * With -DPACK=1 a group first copies its strip of b, KC rows at a time, to where it is contiguous:
 * rows of b that lie a power of two apart fall into one set of the cache. It pays from about 16
 * tiles. TRANS_B needs it, and pays from about 5: gemm_dots, which needs no packing, loads ten
 * vectors for 24 sums, and half as many again where rows do not start on a cache line.
 *
 * With -DUPDATE=1 the product is the gradient of c, and the optimizer's step (sgd.cl) is done on the
 * tile: the gradient is never stored. -DUPDATE=2: with momentum; -DUPDATE=3: Nesterov's.
 * Neither alpha nor beta is used then, nothing is packed, and all of k is one block. bias (m) is then
 * a parameter too, whose gradient is the sums of the rows of op(A): the first tile of each row of
 * tiles does its step.
 */
#include "gemm_forms.cl"
#include "gemm_tile.cl"

#define FLOAT VEC
#include "activation_functions.cl"

#ifndef NV
#define NV 2
#endif
#ifndef PACK
#define PACK 0
#endif
#define NR (VW * NV)
/* Activations that are worth having once for each vector of a tile. */
#define CHEAP (ACTIVATION == 0 || ACTIVATION == 6)

/* A vector of c without its first `skip` lanes, which belong to the strip before. */
static inline VEC load_from(const global float *p, const int skip)
{
    if (skip <= 0) return LOAD(p);
    float lanes[VW];
    ROLLED for (int l = 0; l < VW; l++) lanes[l] = l < skip ? 0.0f : p[l];
    return LOAD(lanes);
}

static inline void store_from(const VEC x, global float *p, const int skip)
{
    if (skip <= 0) {
        STORE(x, p);
        return;
    }
    float lanes[VW];
    STORE(x, lanes);
    ROLLED for (int l = skip; l < VW; l++) p[l] = lanes[l];
}

#if PACK
#if TRANS_B && VW == 16
/* Sixteen columns of the panel from sixteen rows of b, by a transpose in registers: four rounds of
 * shuffles, each joining twice as many rows. */
#define LOW1(a, b)                                                                                 \
    (float16)(a.s0, b.s0, a.s1, b.s1, a.s4, b.s4, a.s5, b.s5, a.s8, b.s8, a.s9, b.s9, a.sc, b.sc,  \
              a.sd, b.sd)
#define HIGH1(a, b)                                                                                \
    (float16)(a.s2, b.s2, a.s3, b.s3, a.s6, b.s6, a.s7, b.s7, a.sa, b.sa, a.sb, b.sb, a.se, b.se,  \
              a.sf, b.sf)
#define LOW2(a, b) (float16)(a.s01, b.s01, a.s45, b.s45, a.s89, b.s89, a.scd, b.scd)
#define HIGH2(a, b) (float16)(a.s23, b.s23, a.s67, b.s67, a.sab, b.sab, a.sef, b.sef)
#define EVEN(a, b) (float16)(a.s0123, a.s89ab, b.s0123, b.s89ab)
#define ODD(a, b) (float16)(a.s4567, a.scdef, b.s4567, b.scdef)

static inline void pack_square(local float *panel, const global float *b, const int ldb)
{
    float16 x[16], y[16];
    UNROLL for (int r = 0; r < 16; r++) x[r] = vload16(0, b + (size_t)r * ldb);
    UNROLL for (int r = 0; r < 16; r += 2) {
        y[r] = LOW1(x[r], x[r + 1]);
        y[r + 1] = HIGH1(x[r], x[r + 1]);
    }
    UNROLL for (int g = 0; g < 16; g += 4) { /* lane l of x[g + q]: column q + 4 l, rows g to g + 3 */
        x[g] = LOW2(y[g], y[g + 2]);
        x[g + 1] = HIGH2(y[g], y[g + 2]);
        x[g + 2] = LOW2(y[g + 1], y[g + 3]);
        x[g + 3] = HIGH2(y[g + 1], y[g + 3]);
    }
    UNROLL for (int q = 0; q < 4; q++) {
        const float16 e0 = EVEN(x[q], x[q + 4]), o0 = ODD(x[q], x[q + 4]);
        const float16 e1 = EVEN(x[q + 8], x[q + 12]), o1 = ODD(x[q + 8], x[q + 12]);
        vstore16(EVEN(e0, e1), 0, panel + q * NR);
        vstore16(EVEN(o0, o1), 0, panel + (q + 4) * NR);
        vstore16(ODD(e0, e1), 0, panel + (q + 8) * NR);
        vstore16(ODD(o0, o1), 0, panel + (q + 12) * NR);
    }
}
#endif

/* panel (kc, NR) = the strip of b from row k0. */
static inline void pack(local float *panel, const global float *b, const int kc, const int ldb)
{
    int p = 0;
#if TRANS_B
#if VW == 16
    for (; p + 16 <= kc; p += 16)
        for (int v = 0; v < NV; v++)
            pack_square(panel + p * NR + v * VW, b + (size_t)v * VW * ldb + p, ldb);
#endif
    for (; p < kc; p++)
        for (int j = 0; j < NR; j++) panel[p * NR + j] = b[(size_t)j * ldb + p];
#else
    for (; p < kc; p++)
        UNROLL for (int v = 0; v < NV; v++)
            STORE(LOAD(b + (size_t)p * ldb + v * VW), panel + p * NR + v * VW);
#endif
}
#define B_SPACE local
#else
#define B_SPACE global
#endif

#if UPDATE
/* The step of MR elements of bias, but for the first `skip`, from the columns of a (k, MR), or its
 * rows (MR, k). */
static inline void step_bias(global float *bias, global float *v, const global float *a, const int k,
                             const int lda, const int skip, const float lr, const float4 rates)
{
    float sum[MR];
    UNROLL for (int r = 0; r < MR; r++) sum[r] = 0.0f;
    for (int p = 0; p < k; p++)
        UNROLL for (int r = 0; r < MR; r++)
            sum[r] += TRANS_A ? a[(size_t)p * lda + r] : a[(size_t)r * lda + p];
    UNROLL for (int r = 0; r < MR; r++)
        if (r >= skip) bias[r] = step(bias[r], v + r, sum[r], lr, rates.s0, rates.s2);
}
#endif

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
gemm_rows(global float *c, const global float *restrict a, const global float *restrict b,
#if UPDATE
          global float *restrict bias, const int8 shape, const int4 offset, const float4 scalar,
          global float *restrict velocity, global float *restrict bias_velocity, const float lr,
          const float4 rates)
#else
          const global float *restrict bias, const int8 shape, const int4 offset,
          const float4 scalar)
#endif
{
    const int m = shape.s0, n = shape.s1, k = shape.s2;
    const int lda = shape.s3, ldb = shape.s4, ldc = shape.s5;
    const int tiles_m = shape.s6, tiles_n = PACK ? 1 : shape.s7;
    const int block = place(offset).s0, group_n = place(offset).s1;
    const size_t c_from = offset.s2 + (size_t)block * m * n;
    const int k_from = block * KC, k_to = offset.s3 ? min(k, k_from + KC) : k;
    /* The common case has a short way out: worth a fifth where k is 10. */
    const bool simple = k_to - k_from <= KC && scalar.s0 == 1.0f && scalar.s1 == 0.0f;
#if PACK
    local float panel[KC * NR];
#endif
#if UPDATE
    {
        const int k0 = 0, kc = k;
#else
    for (int k0 = k_from; k0 < k_to; k0 += KC) {
        const int kc = min(KC, k - k0);
#endif
#if PACK
        const int j_pack = min(group_n * NR, n - NR);
        pack(panel, b + offset.s1 + (TRANS_B ? (size_t)j_pack * ldb + k0 : (size_t)k0 * ldb + j_pack),
             kc, ldb);
#endif
        for (int t = 0; t < tiles_m * tiles_n; t++) {
            const int s = t / tiles_n;
            const int i_new = ((int)get_global_id(0) * tiles_m + s) * MR;
            const int j_new = (group_n * tiles_n + t - s * tiles_n) * NR;
            if (i_new >= m || j_new >= n) continue;
            const int i = min(i_new, m - MR), j = min(j_new, n - NR);
            const global float *pa =
                a + offset.s0 + (TRANS_A ? (size_t)k0 * lda + i : (size_t)i * lda + k0);
#if PACK
            const local float *pb = panel;
            const int step = NR;
#else
            const global float *pb = b + offset.s1 + (size_t)k0 * ldb + j;
            const int step = ldb;
#endif
#if UPDATE && PREFETCH
            /* What the step will read comes while the sums are made: 4.3 ms instead of 8.7 for a
             * weight of 3072 x 3072 at batch 100, on two cores. */
            UNROLL for (int r = 0; r < MR; r++) {
                const size_t at = (size_t)offset.s2 + (size_t)(i + r) * ldc + j;
                UNROLL for (int v = 0; v < NR; v += 16) {
                    FETCH(c + at + v);
                    if (UPDATE > 1) FETCH(velocity + at + v);
                }
            }
#endif
#if UPDATE
            if (bias && j_new == 0)
                step_bias(bias + i, bias_velocity + i, pa, k, lda, i_new - i, lr, rates);
#endif
            VEC sum[MR][NV];
            UNROLL for (int r = 0; r < MR; r++)
                UNROLL for (int v = 0; v < NV; v++) sum[r][v] = (VEC)(0.0f);
            for (int p = 0; p < kc; p++) {
                VEC row[NV];
                UNROLL for (int v = 0; v < NV; v++) row[v] = LOAD(pb + v * VW);
                UNROLL for (int r = 0; r < MR; r++) {
                    const VEC x = (VEC)(TRANS_A ? pa[r] : pa[r * lda]);
                    UNROLL for (int v = 0; v < NV; v++) sum[r][v] = fma(x, row[v], sum[r][v]);
                }
                pa += TRANS_A ? lda : 1;
                pb += step;
            }
#if !UPDATE && CHEAP
            if (simple && i == i_new && j == j_new) {
                global float *out = c + c_from + (size_t)i * ldc + j;
                UNROLL for (int v = 0; v < NV; v++) {
                    const VEC add = bias ? LOAD(bias + j + v * VW) : (VEC)(0.0f);
                    UNROLL for (int r = 0; r < MR; r++)
                        STORE(activation_forward(sum[r][v] + add, scalar.s2),
                              out + (size_t)r * ldc + v * VW);
                }
                continue;
            }
#endif
            /* The rest is a rolled loop over memory: unrolled, it took most of the compilation. */
            float tile[MR * NR];
            UNROLL for (int r = 0; r < MR; r++)
                UNROLL for (int v = 0; v < NV; v++) STORE(sum[r][v], tile + r * NR + v * VW);
            ROLLED for (int r = i_new - i; r < MR; r++) {
                const size_t at = c_from + (size_t)(i + r) * ldc + j;
                ROLLED for (int v = (j_new - j) / VW; v < NV; v++) {
                    const int skip = j_new - j - v * VW;
                    global float *out = c + at + v * VW;
                    VEC x = LOAD(tile + r * NR + v * VW);
#if UPDATE
                    const VEC w = load_from(out, skip);
                    x += rates.s1 * w;
#if UPDATE > 1
                    const VEC moved = rates.s0 * load_from(velocity + at + v * VW, skip) + x;
                    store_from(moved, velocity + at + v * VW, skip);
                    x = UPDATE == 2 ? moved : x + rates.s0 * moved;
#endif
                    x = w - lr * x;
#else
                    x *= scalar.s0;
                    const float before = k0 == k_from ? scalar.s1 : 1.0f;
                    if (before != 0.0f) x += before * load_from(out, skip);
                    if (k0 + kc == k) {
                        if (bias) x += LOAD(bias + j + v * VW);
                        x = activation_forward(x, scalar.s2);
                    }
#endif
                    store_from(x, out, skip);
                }
            }
        }
    }
}

/* The gradient of a convolution's weight, every element a sum over pixels: for CPUs.
 *
 *   parts (chunks, groups, co, ci, kh, kw) of dweight; x (n, ci, h, w), dy (n, co, oh, ow), of each group
 *
 *                 x   +--------+--------+..      A tile of MR output channels x NR taps of input channels
 *              NR     +--------+--------+..      has sums that are vectors along the pixels. Planes of x
 *                      VW        VW              have zeros around, as in conv_rows; those of dy have the
 *       dy             dweight                   same pitch, and zeros where x has what is between two
 *      +--------+..   +----+                     rows. The lanes of a sum are added when all of what is
 *   MR |        |     |    |                     in local memory is done: then the sum of a block's tiles
 *      +--------+..   +----+                     are few enough to wait there for the next images.
 *                      NR
 *
 * A group (x, y) does chunk x of the images, and block y of group, output and input channels. What a chunk
 * is depends on the shapes alone, and so does the order of every sum; conv_join.cl adds up the chunks.
 *
 *   size     h, w of x, h, w of dy, ci, co, pitch and floats of a plane of x
 *   kernel   kh, kw, stride, pad, dilation
 *   part     least reach y and x, rows of a strip, strips, rows of a plane of x, columns of it, channels of
 *            a block: of dy, of x
 *   images   n, of a chunk, at a time, floats of a plane of dy
 *
 * The last block and the last tile are moved back to end at the last channel; a block stores only what is
 * new. MR and NR are at most what a block has.
 */
#include "conv_planes.cl"
#include "lanes.cl"

#ifndef MR
#define MR 4
#endif
#ifndef NR
#define NR 6
#endif
#ifndef SUMS
#define SUMS 4096 /* floats */
#endif
#define MAX_ROWS 2048 /* channels and taps of x in a block */

#define TILE ((MR * NR + 3) / 4 * 4) /* floats of a tile, in whole float4 */
#define PART(e) sum[min(e, MR * NR - 1)]

/* Adds the products over n vectors to the MR x NR sums at `to`: dy's planes are `dy_pitch` apart, and the
 * rows of x where `at` says. */
static inline void add_products(local float *to, const local float *dy, const int dy_pitch,
                                const local float *x, const local int *at, const int n)
{
    VEC sum[MR * NR];
    const local float *row[NR];
    UNROLL for (int j = 0; j < NR; j++) row[j] = x + at[j];
    UNROLL for (int e = 0; e < MR * NR; e++) sum[e] = (VEC)(0.0f);
    for (int v = 0; v < n * VW; v += VW) {
        VEC d[MR];
        UNROLL for (int r = 0; r < MR; r++) d[r] = LOAD(dy + r * dy_pitch + v);
        UNROLL for (int j = 0; j < NR; j++) {
            const VEC e = LOAD(row[j] + v);
            UNROLL for (int r = 0; r < MR; r++) sum[r * NR + j] = fma(d[r], e, sum[r * NR + j]);
        }
    }
    UNROLL for (int e = 0; e < TILE; e += 4)
        vstore4(vload4(0, to + e) + add_lanes(PART(e), PART(e + 1), PART(e + 2), PART(e + 3)), 0, to + e);
}

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_dots(global float *restrict parts, const global float *restrict x, const global float *restrict dy,
          const int8 size, const int8 kernel_size, const int8 part, const int4 images)
{
    local float memory[PLANES + VW] __attribute__((aligned(64)));
    local float sums[SUMS + VW] __attribute__((aligned(64)));
    local int at[MAX_ROWS];
    const window k = {kernel_size.s0, kernel_size.s1, kernel_size.s2, kernel_size.s3, kernel_size.s4,
                      kernel_size.s5, kernel_size.s6, kernel_size.s7, part.s0,        part.s1};
    const planes p = {size.s0,   size.s1,     k.stride_y, k.stride_x, size.s6, size.s7,
                      -k.least_x, part.s4, part.s5, size.s6 * images.s2,
                      phases_of(k.kh, k.pad_y, k.dilation_y, k.stride_y),
                      phases_of(k.kw, k.pad_x, k.dilation_x, k.stride_x)};
    const planes q = {size.s2, size.s3, 1, 1, size.s6, images.s3, 0, part.s2, size.s3, p.wide, 1, 1};
    const int ci = size.s4, co = size.s5, taps = k.kh * k.kw;
    const int block_o = part.s6, block_c = part.s7;
    const int blocks_o = (co + block_o - 1) / block_o, blocks_c = (ci + block_c - 1) / block_c;
    const int groups = (int)get_global_size(1) / (blocks_o * blocks_c);
    const int block = (int)get_global_id(1) / blocks_c;
    const int c_new = ((int)get_global_id(1) - block * blocks_c) * block_c, c0 = min(c_new, ci - block_c);
    const int g = block / blocks_o;
    const int o_new = (block - g * blocks_o) * block_o, o0 = min(o_new, co - block_o);

    const int in_pitch = p.floats * p.step_y * p.step_x; /* of a channel */
    const int rows = block_c * taps;                     /* of x, for as many columns of dweight */
    for (int c = 0; c < block_c; c++)
        for (int ky = 0; ky < k.kh; ky++)
            for (int kx = 0; kx < k.kw; kx++) {
                const int2 y = reach(ky, k.pad_y, k.dilation_y, k.stride_y);
                const int2 z = reach(kx, k.pad_x, k.dilation_x, k.stride_x);
                at[(c * k.kh + ky) * k.kw + kx] = c * in_pitch + (y.s1 * p.step_x + z.s1) * p.floats +
                                                  (y.s0 - k.least_y) * p.wide + z.s0 - k.least_x;
            }

    const int tiles_o = (block_o + MR - 1) / MR, tiles_k = (rows + NR - 1) / NR;
    zero(sums, sums + tiles_o * tiles_k * TILE);
    const int first = (int)get_global_id(0) * images.s1, end = min(images.s0, first + images.s1);
    local float *of_x = memory + block_o * q.floats;
    for (int strip = 0; strip < part.s3; strip++)
        for (int i = first; i < end; i += images.s2) {
            const int many = min(images.s2, end - i), row = strip * part.s2;
            const int n = (min(part.s2, q.h - row) * p.wide + VW - 1) / VW;
            const size_t image = (size_t)i * groups + g;
            fill(q, memory, dy + (image * co + o0) * q.h * q.w, block_o, many,
                 (size_t)groups * co * q.h * q.w, row);
            fill(p, of_x, x + (image * ci + c0) * p.h * p.w, block_c, many,
                 (size_t)groups * ci * p.h * p.w, row + k.least_y);
            for (int t = 0; t < tiles_o; t++)
                for (int u = 0; u < tiles_k; u++) {
                    const int o = min(t * MR, block_o - MR), j = min(u * NR, rows - NR);
                    add_products(sums + (t * tiles_k + u) * TILE, memory + o * q.floats, q.floats, of_x,
                                 at + j, n);
                }
        }

    global float *to =
        parts + (((size_t)get_global_id(0) * groups + g) * co + o0) * ci * taps + (size_t)c0 * taps;
    for (int t = 0; t < tiles_o; t++)
        for (int u = 0; u < tiles_k; u++)
            for (int r = 0; r < MR; r++) {
                const int o = min(t * MR, block_o - MR) + r, j = min(u * NR, rows - NR);
                const int skip = (c_new - c0) * taps - j;
                const local float *from = sums + (t * tiles_k + u) * TILE + r * NR;
                global float *row = to + (size_t)o * ci * taps + j;
                if (o0 + o < o_new) continue;
                if (skip <= 0)
                    UNROLL for (int s = 0; s < NR; s++) row[s] = from[s];
                else
                    for (int s = skip; s < NR; s++) row[s] = from[s];
            }
}

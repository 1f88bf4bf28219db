/* The gradient of a convolution's weight, as sums of outer products over pixels: for CPUs.
 *
 *   parts (chunks, groups, co, ci, kh, kw) of dweight; x (n, ci, h, w), dy (n, co, oh, ow), of each group
 *
 *                 x   +--+--+--+--+--+--+        For each pixel, NV vectors of VW output channels are
 *       one pixel     |  |  |  |  |  |  |        multiplied with NP rows of NX neighbours of x, each spread
 *                     +--+--+--+--+--+--+        over a vector. A row is an input channel under a row of
 *      dy   NV VW  +-+                           the kernel, whose taps are those neighbours: NX is the
 *      of one      | |  sums of dweight          width of the kernel. All sums stay in registers.
 *      pixel       | |
 *                  +-+
 *
 * A group (x, y) does chunk x of the images and block y of group, output and input channels. It takes planes
 * of x into a core's cache, with zeros around, as conv_planes.cl says, and dy turned, so that the channels of
 * a pixel are neighbours. What a chunk is follows from the shapes alone; conv_join.cl adds up the chunks.
 *
 *   size     h, w of x, h, w of dy, ci, co, pitch and floats of a plane of x
 *   kernel   kh, kw, stride, pad, dilation, of which that along a row is 1
 *   part     rows of a strip, strips, rows of a plane of x, columns of it, channels of a block: of dy, of x,
 *            channels of a turned pixel, a whole number of NV VW
 *   images   n, of a chunk, at a time
 *
 * The last block of channels, and the last tile of rows, are moved back to end at the last; what they share
 * with the one before is stored once. NP is at most what a block has.
 */
#include "conv_planes.cl"
#include "conv_turn.cl"

#ifndef NV
#define NV 2
#endif
#ifndef NP
#define NP 4
#endif
#ifndef NX
#define NX 3
#endif
#ifndef SUMS
#define SUMS 4096 /* floats */
#endif
#define MAX_ROWS 2048 /* channels of x and rows of the kernel in a block */

/* ---- sums -------------------------------------------------------------------------------------- */

/* What the sums of a tile go over: images of `rows` rows of `cols` pixels. */
typedef struct pixels {
    const local float *x, *dy;
    int images, rows, cols;
    int image_pitch, row_pitch, step; /* in x; from one pixel to the next */
    int pitch;                        /* of a pixel of dy */
} pixels;

/* sums (NP NX, NV VW), rows `pitch` apart, and more: at says where each of NP rows is in x. */
SHARED void add_products(local float *sums, const pixels p, const local int *at)
{
    VEC sum[NP][NX][NV];
    UNROLL for (int j = 0; j < NP; j++)
        UNROLL for (int k = 0; k < NX; k++)
            UNROLL for (int v = 0; v < NV; v++) sum[j][k][v] = (VEC)(0.0f);
    const local float *dy = p.dy;
    for (int i = 0; i < p.images; i++)
        for (int y = 0; y < p.rows; y++) {
            const local float *row[NP], *first = p.x + i * p.image_pitch + y * p.row_pitch;
            UNROLL for (int j = 0; j < NP; j++) row[j] = first + at[j];
            for (int q = 0, end = p.cols * p.step; q < end; q += p.step) {
                VEC d[NV];
                UNROLL for (int v = 0; v < NV; v++) d[v] = LOAD(dy + v * VW);
                dy += p.pitch;
                UNROLL for (int j = 0; j < NP; j++)
                    UNROLL for (int k = 0; k < NX; k++) {
                        const VEC e = (VEC)(row[j][q + k]);
                        UNROLL for (int v = 0; v < NV; v++)
                            sum[j][k][v] = fma(d[v], e, sum[j][k][v]);
                    }
            }
        }
    UNROLL for (int j = 0; j < NP; j++)
        UNROLL for (int k = 0; k < NX; k++)
            UNROLL for (int v = 0; v < NV; v++) {
                local float *to = sums + (j * NX + k) * p.pitch + v * VW;
                STORE(LOAD(to) + sum[j][k][v], to);
            }
}

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_outer(global float *restrict parts, const global float *restrict x, const global float *restrict dy,
           const int8 size, const int8 kernel_size, const int8 part, const int4 images)
{
    local float memory[PLANES + VW] __attribute__((aligned(64)));
    local float sums[SUMS + VW] __attribute__((aligned(64)));
    local int at[MAX_ROWS];
    const int kh = kernel_size.s0, stride_y = kernel_size.s2, stride_x = kernel_size.s3;
    const int pad_y = kernel_size.s4, dilation_y = kernel_size.s6;
    const int ci = size.s4, co = size.s5, oh = size.s2, ow = size.s3, area = oh * ow;
    const int block_o = part.s4, block_c = part.s5, pitch = part.s6;
    const planes p = {size.s0, size.s1, 1, 1, size.s6, size.s7, kernel_size.s5, part.s2, part.s3,
                      size.s6 * images.s2, 1, 1};
    const int blocks_o = (co + block_o - 1) / block_o, blocks_c = (ci + block_c - 1) / block_c;
    const int groups = (int)get_global_size(1) / (blocks_o * blocks_c);
    const int block = (int)get_global_id(1) / blocks_c;
    const int c_new = ((int)get_global_id(1) - block * blocks_c) * block_c, c0 = min(c_new, ci - block_c);
    const int g = block / blocks_o;
    const int o_new = (block - g * blocks_o) * block_o, o0 = min(o_new, co - block_o);

    const int rows = block_c * kh, tiles = (rows + NP - 1) / NP;
    for (int c = 0; c < block_c; c++)
        for (int k = 0; k < kh; k++) at[c * kh + k] = c * p.floats + k * dilation_y * p.wide;
    zero(sums, sums + tiles * NP * NX * pitch);
    const int first = (int)get_global_id(0) * images.s1, end = min(images.s0, first + images.s1);
    local float *turned = memory + (block_c * p.floats + VW - 1) / VW * VW;
    for (int strip = 0; strip < part.s1; strip++)
        for (int i = first; i < end; i += images.s2) {
            const int many = min(images.s2, end - i), top = strip * part.s0;
            const int strip_rows = min(part.s0, oh - top), n = strip_rows * ow;
            const size_t image = (size_t)i * groups + g;
            fill(p, memory, x + (image * ci + c0) * p.h * p.w, block_c, many,
                 (size_t)groups * ci * p.h * p.w, top * stride_y - pad_y);
            for (int m = 0; m < many; m++)
                turn(turned + m * n * pitch, pitch,
                     dy + ((image + (size_t)m * groups) * co + o0) * area + top * ow, area, block_o, n);
            const pixels all = {memory,       turned,     many, strip_rows, ow, p.pitch, stride_y * p.wide,
                                stride_x, pitch};
            for (int t = 0; t < tiles; t++) {
                const int j = min(t * NP, rows - NP);
                for (int o = 0; o < pitch; o += NV * VW) {
                    pixels some = all;
                    some.dy += o;
                    add_products(sums + t * NP * NX * pitch + o, some, at + j);
                }
            }
        }

    for (int o = max(o_new - o0, 0); o < block_o; o++) {
        global float *to =
            parts + (((size_t)get_global_id(0) * groups + g) * co + o0 + o) * ci * kh * NX + (size_t)c0 * kh * NX;
        for (int j = (c_new - c0) * kh; j < rows; j++) {
            const int row = j < (tiles - 1) * NP ? j : j + tiles * NP - rows;
            for (int k = 0; k < NX; k++) to[j * NX + k] = sums[(row * NX + k) * pitch + o];
        }
    }
}

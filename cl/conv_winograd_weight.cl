/* The gradient of the weight of a convolution by 3 x 3 in steps of 1, by Winograd's F(3 x 3, OUT x OUT): for CPUs.
 *
 *   dg = G' [ sum over tiles of (A e A') * (B' d B) ] G
 *
 * where d is a tile of TILE x TILE inputs of a channel and e the OUT x OUT gradients of the outputs that come of
 * it; the matrices are those of winograd.cl, of whose sum this is the derivative.
 *
 *   parts (chunks, groups, co, ci, 3, 3) of dweight; x (n, ci, h, w), dy (n, co, oh, ow), of each group
 *
 * A group (x, y) does chunk x of the images and block y of group, output and input channels:
 *
 *   1. Rows of x and of dy are turned (conv_turn.cl): a pixel is a vector of channels. Before the first pixel
 *      is one of zeros, which stands for all that is outside.
 *   2. B' d B goes to v (TILE_ELEMENTS, tiles, channels of x), A e A' to e (TILE_ELEMENTS, tiles, channels of dy).
 *   3. s (TILE_ELEMENTS, channels of x, channels of dy) grows by the sums over tiles of their outer products: NV vectors
 *      of dy by NP elements of x in registers.
 *   4. When the chunk is done, G' s G goes to parts. conv_join.cl adds up the chunks.
 *
 *   size     h, w of x, h, w of dy, ci, co, pad y, pad x
 *   part     rows of tiles at a time, channels of a block: of dy, of x, and so many with what fills the last
 *            vectors, tiles at the most
 *   images   n, of a chunk, at a time, blocks of channels of x
 *
 * The last block of channels is moved back to end at the last, and stores only what is new.
 */
#include "conv_planes.cl"
#include "conv_turn.cl"
#include "winograd.cl"

#ifndef NV
#define NV 2
#endif
#ifndef NP
#define NP 4 /* divides VW or is a multiple that the channels are filled up to */
#endif
#ifndef SUMS
#define SUMS 4096 /* floats of s */
#endif
#define SKEW 16 /* floats */

/* Where the pixels of a tile are, in floats from the one of zeros: row r's from 8 r on. */
typedef struct place {
    int at[8 * TILE];
} place;

/* Those of n rows from y on, and of columns from x on, of an image that begins behind `before` rows, of which rows
 * `top` to `bottom` are there. */
static inline void find(place *p, const int y, const int x, const int n, const int before, const int top,
                        const int bottom, const int w, const int pitch)
{
    const int8 cols = x + (int8)(0, 1, 2, 3, 4, 5, 6, 7), inside = (cols >= 0) & (cols < w);
    for (int r = 0; r < n; r++) {
        const int row = y + r;
        const int8 at = (1 + (before + row - top) * w + cols) * pitch;
        vstore8(row >= top && row < bottom ? inside & at : (int8)(0), r, p->at);
    }
}

/* B' d B of a tile, for all channels; its elements lie `apart`. */
static inline void transform_inputs(local float *v, const int apart, const local float *x, const place *p,
                                    const int pitch)
{
    for (int c = 0; c < pitch; c += VW) {
        VEC t[TILE][TILE];
        UNROLL for (int r = 0; r < TILE; r++) {
            VEC d[TILE];
            UNROLL for (int s = 0; s < TILE; s++) d[s] = LOAD(x + p->at[8 * r + s] + c);
            winograd_inputs(t[r], d);
        }
        winograd_columns(v + c, apart, t);
    }
}

/* A e A', in the same way. */
static inline void transform_gradients(local float *e, const int apart, const local float *dy, const place *p,
                                       const int pitch)
{
    for (int o = 0; o < pitch; o += VW) {
        VEC t[OUT][TILE];
        UNROLL for (int r = 0; r < OUT; r++) {
            VEC y[OUT];
            UNROLL for (int s = 0; s < OUT; s++) y[s] = LOAD(dy + p->at[8 * r + s] + o);
            winograd_gradients(t[r], y);
        }
        UNROLL for (int s = 0; s < TILE; s++) {
            VEC y[OUT], column[TILE];
            UNROLL for (int r = 0; r < OUT; r++) y[r] = t[r][s];
            winograd_gradients(column, y);
            UNROLL for (int r = 0; r < TILE; r++) STORE(column[r], e + (TILE * r + s) * apart + o);
        }
    }
}

/* Rows of x or of dy that are turned next: images of so many channels. */
typedef struct ahead {
    const global float *from;
    size_t plane, image;      /* from one to the next */
    int channels, all, lines; /* channels of an image, of all, lines of a channel */
} ahead;

static inline ahead ahead_of(const global float *from, const int images, const int channels, const int rows,
                             const int w, const size_t plane, const size_t image)
{
    ahead a;
    a.from = from;
    a.plane = plane;
    a.image = image;
    a.channels = channels;
    a.all = images * channels;
    a.lines = rows * w / LINE;
    return a;
}

/* Where those of channel c of all begin. */
static inline const global float *channel_of(const ahead a, const int c)
{
    const int image = c / a.channels;
    return c < a.all ? a.from + image * a.image + (c - image * a.channels) * a.plane : a.from;
}

/* s (NP, NV VW), rows so_pitch apart, and the sum over n tiles of v (n, v_pitch) times e (n, e_pitch). Meanwhile
 * so many lines of x and dy are asked for. */
SHARED void add_products(local float *s, const local float *v, const int v_pitch, const local float *e,
                         const int e_pitch, const int n, const global float *x, const int x_lines,
                         const global float *dy, const int dy_lines)
{
    VEC sum[NP][NV];
    UNROLL for (int j = 0; j < NP; j++)
        UNROLL for (int i = 0; i < NV; i++) sum[j][i] = (VEC)(0.0f);
    for (int t = 0; t < n; t++) {
        if (t < x_lines) SOON(x + t * LINE);
        if (t < dy_lines) SOON(dy + t * LINE);
        VEC d[NV];
        UNROLL for (int i = 0; i < NV; i++) d[i] = LOAD(e + i * VW);
        UNROLL for (int j = 0; j < NP; j++) {
            const VEC f = (VEC)(v[j]);
            UNROLL for (int i = 0; i < NV; i++) sum[j][i] = fma(d[i], f, sum[j][i]);
        }
        v += v_pitch;
        e += e_pitch;
    }
    UNROLL for (int j = 0; j < NP; j++)
        UNROLL for (int i = 0; i < NV; i++) {
            local float *to = s + j * e_pitch + i * VW;
            STORE(LOAD(to) + sum[j][i], to);
        }
}

/* G' s G of one pair of channels, whose elements lie `apart`. */
static inline void store_gradient(global float *to, const local float *s, const int apart)
{
    float t[TILE][3];
    for (int k = 0; k < TILE; k++) {
        float column[TILE];
        for (int r = 0; r < TILE; r++) column[r] = s[(TILE * r + k) * apart];
        winograd_kernel_back(t[k], column);
    }
    for (int r = 0; r < 3; r++) {
        float row[TILE], gradient[3];
        for (int k = 0; k < TILE; k++) row[k] = t[k][r];
        winograd_kernel_back(gradient, row);
        for (int k = 0; k < 3; k++) to[3 * r + k] = gradient[k];
    }
}

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_winograd_weight(global float *restrict parts, const global float *restrict x,
                     const global float *restrict dy, const int8 size, const int8 part, const int4 images)
{
    local float memory[PLANES + VW] __attribute__((aligned(64)));
    local float s[SUMS] __attribute__((aligned(64)));
    const int h = size.s0, w = size.s1, oh = size.s2, ow = size.s3, ci = size.s4, co = size.s5;
    const int pad_y = size.s6, pad_x = size.s7, block_o = part.s1, block_c = part.s2;
    const int o_pitch = part.s3, c_pitch = part.s4;
    const int blocks_o = (co + block_o - 1) / block_o, blocks_c = images.s3;
    const int block = (int)get_global_id(1) / blocks_c, g = block / blocks_o;
    const int c_new = ((int)get_global_id(1) - block * blocks_c) * block_c, c0 = min(c_new, ci - block_c);
    const int o_new = (block - g * blocks_o) * block_o, o0 = min(o_new, co - block_o);
    const int groups = (int)get_global_size(1) / (blocks_o * blocks_c);
    const int tile_rows = (oh + OUT - 1) / OUT, tile_cols = (ow + OUT - 1) / OUT;
    const int v_apart = part.s5 * c_pitch + SKEW, e_apart = part.s5 * o_pitch + SKEW;
    const int s_apart = c_pitch * o_pitch + SKEW;
    local float *v = memory, *e = v + TILE_ELEMENTS * v_apart, *of_x = e + TILE_ELEMENTS * e_apart;
    zero(s, s + TILE_ELEMENTS * s_apart - VW + 1);

    const int first = (int)get_global_id(0) * images.s1, end = min(images.s0, first + images.s1);
    for (int i = first; i < end; i += images.s2)
        for (int row = 0; row < tile_rows; row += part.s0) {
            const int many = min(images.s2, end - i), rows = min(part.s0, tile_rows - row);
            const int top = max(OUT * row - pad_y, 0);
            const int bottom = min(OUT * (row + rows) + 2 - pad_y, h);
            const int o_top = OUT * row, o_bottom = min(OUT * (row + rows), oh);
            const int x_rows = max(bottom - top, 0), dy_rows = o_bottom - o_top;
            local float *of_dy = of_x + (1 + many * x_rows * w) * c_pitch;
            zero(of_x, of_x + c_pitch - VW + 1);
            zero(of_dy, of_dy + o_pitch - VW + 1);
            for (int m = 0; m < many; m++) {
                const size_t image = (size_t)(i + m) * groups + g;
                turn(of_x + (1 + m * x_rows * w) * c_pitch, c_pitch,
                     x + ((image * ci + c0) * h + top) * w, (size_t)h * w, block_c, x_rows * w);
                turn(of_dy + (1 + m * dy_rows * ow) * o_pitch, o_pitch,
                     dy + ((image * co + o0) * oh + o_top) * ow, (size_t)oh * ow, block_o, dy_rows * ow);
            }
            int t = 0;
            for (int m = 0; m < many; m++)
                for (int a = row; a < row + rows; a++)
                    for (int b = 0; b < tile_cols; b++, t++) {
                        place p;
                        find(&p, OUT * a - pad_y, OUT * b - pad_x, TILE, m * x_rows, top, bottom, w, c_pitch);
                        transform_inputs(v + t * c_pitch, v_apart, of_x, &p, c_pitch);
                        find(&p, OUT * a, OUT * b, OUT, m * dy_rows, o_top, o_bottom, ow, o_pitch);
                        transform_gradients(e + t * o_pitch, e_apart, of_dy, &p, o_pitch);
                    }
            /* The next rows, or the first of the next images. */
            const bool more = row + rows < tile_rows;
            const int next = more ? i : i + many, n_next = clamp(end - next, 0, images.s2);
            const int next_row = more ? OUT * (row + rows) : 0;
            const int some = OUT * min(part.s0, tile_rows - next_row / OUT);
            const size_t image = (size_t)next * groups + g, plane = (size_t)h * w, o_plane = (size_t)oh * ow;
            const ahead x_next = ahead_of(x + (image * ci + c0) * plane + next_row * w, n_next, block_c, some, w,
                                          plane, groups * ci * plane);
            const ahead dy_next = ahead_of(dy + (image * co + o0) * o_plane + next_row * ow, n_next, block_o,
                                           some, ow, o_plane, groups * co * o_plane);
            int call = 0;
            for (int k = 0; k < TILE_ELEMENTS; k++)
                for (int c = 0; c < c_pitch; c += NP)
                    for (int o = 0; o < o_pitch; o += NV * VW, call++)
                        add_products(s + k * s_apart + c * o_pitch + o, v + k * v_apart + c, c_pitch,
                                     e + k * e_apart + o, o_pitch, t, channel_of(x_next, call),
                                     call < x_next.all ? x_next.lines : 0, channel_of(dy_next, call),
                                     call < dy_next.all ? dy_next.lines : 0);
        }

    for (int o = max(o_new - o0, 0); o < block_o; o++) {
        global float *to = parts + ((((size_t)get_global_id(0) * groups + g) * co + o0 + o) * ci + c0) * 9;
        for (int c = c_new - c0; c < block_c; c++)
            store_gradient(to + c * 9, s + c * o_pitch + o, s_apart);
    }
}

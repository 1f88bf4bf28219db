/* Convolution by a kernel of 3 x 3 in steps of 1, by Winograd's F(OUT x OUT, 3 x 3), see winograd.cl: for CPUs.
 *
 * The gradient of the input is the same of dy, with the kernels turned and channels exchanged: the host says
 * so in sizes and strides. A group (x, y) does some rows of tiles, of an image or of some beside each other,
 * and some of the output channels:
 *
 *   1. A plane of the input at a time is copied into OUT x OUT, of every OUT-th row and column (conv_planes.cl).
 *      In these the tiles' elements lie side by side, so that a vector is VW tiles. B' d B goes to
 *      v (TILE_ELEMENTS, ci, run of tiles).
 *   2. For MR output channels and NV vectors of tiles, TILE_ELEMENTS products of matrices:
 *      m (TILE_ELEMENTS, MR, NV VW) is the sum over c of weights u (TILE_ELEMENTS, ci, MR), each spread over a
 *      vector, and v. It lies behind v.
 *   3. A' m A, bias and activation, to OUT `rows` (OUT, OUT run), and from there to the rows of the output.
 *
 * With a padding of 1, a row of tiles ends where the next one begins, and what a tile at an end would read
 * over it is taken as 0: `left` and `right` are 0 there, and -1 elsewhere. With others, a zero or what no tile
 * starts at is between them.
 *
 *   size     h, w of in, h, w of out, ci, co, pitch of a row of tiles, floats of a plane
 *   part     pad y, pad x, rows of tiles, strips of an image, tiles of a group, of all, at a time
 *   images   n, those beside each other, and whether out is added to
 *
 * The last tile of channels is moved back to end at the last, and stores only what is new; MR <= co.
 */
#include "conv_planes.cl"
#include "winograd.cl"

#ifndef MR
#define MR 4
#endif
#ifndef RUN
#define RUN 96 /* tiles at the most, a multiple of VW */
#endif
#ifndef INPUTS
#define INPUTS 4096 /* floats for v and m */
#endif

#define FLOAT VEC
#include "activation_functions.cl"

#define SKEW 16 /* floats */
#define MOST_AHEAD 32 /* channels: of more, products take much longer than reading */

/* The elements of OUT vectors in turn. */
static inline void store_in_turn(const VEC *y, local float *to)
{
    VEC in_turn[OUT];
#if VW == 1
    UNROLL for (int i = 0; i < OUT; i++) in_turn[i] = y[i];
#elif OUT == 2
    interleave(in_turn, y[0], y[1]);
#else
    VEC even[2], odd[2];
    interleave(even, y[0], y[2]);
    interleave(odd, y[1], y[3]);
    interleave(in_turn, even[0], odd[0]);
    interleave(in_turn + 2, even[1], odd[1]);
#endif
    UNROLL for (int i = 0; i < OUT; i++) STORE(in_turn[i], to + i * VW);
}

/* ---- 1: tiles of inputs ------------------------------------------------------------------------ */

/* Every OUT-th element of a row of n, each of its phases to a plane; these lie `apart`. */
static inline void split_row(local float *to, const int apart, const global float *x, const int n)
{
    int i = 0;
#if VW > 8
    for (; i + 32 <= n; i += 32) {
        const float16 a = vload16(0, x + i), b = vload16(0, x + i + 16);
        float16 even, odd;
        even.lo = a.even;
        even.hi = b.even;
        odd.lo = a.odd;
        odd.hi = b.odd;
#if OUT == 2
        vstore16(even, 0, to + i / OUT);
        vstore16(odd, 0, to + apart + i / OUT);
#else
        vstore8(even.even, 0, to + i / OUT);
        vstore8(odd.even, 0, to + apart + i / OUT);
        vstore8(even.odd, 0, to + 2 * apart + i / OUT);
        vstore8(odd.odd, 0, to + 3 * apart + i / OUT);
#endif
    }
#endif
#if VW > 1
    for (; i + 16 <= n; i += 16) {
        const float16 a = vload16(0, x + i);
        const float8 even = a.even, odd = a.odd;
#if OUT == 2
        vstore8(even, 0, to + i / OUT);
        vstore8(odd, 0, to + apart + i / OUT);
#else
        vstore4(even.even, 0, to + i / OUT);
        vstore4(odd.even, 0, to + apart + i / OUT);
        vstore4(even.odd, 0, to + 2 * apart + i / OUT);
        vstore4(odd.odd, 0, to + 3 * apart + i / OUT);
#endif
    }
    if (i + 8 <= n) {
        const float8 a = vload8(0, x + i);
        const float4 even = a.even, odd = a.odd;
#if OUT == 2
        vstore4(even, 0, to + i / OUT);
        vstore4(odd, 0, to + apart + i / OUT);
#else
        vstore2(even.even, 0, to + i / OUT);
        vstore2(odd.even, 0, to + apart + i / OUT);
        vstore2(even.odd, 0, to + 2 * apart + i / OUT);
        vstore2(odd.odd, 0, to + 3 * apart + i / OUT);
#endif
        i += 8;
    }
#endif
    for (; i < n; i++) to[i % OUT * apart + i / OUT] = x[i];
}

/* Fills the planes of a channel with n images, the first of them `from`; the others lie `apart`. Row 0
 * is row `first` of the planes. There is room for VW floats behind each plane. */
static inline void split_planes(const planes p, local float *to, const global float *from, const int n,
                                const size_t apart, const int first)
{
    const int top = min(max(-first, 0), p.rows);
    for (int py = 0; py < OUT; py++, to += OUT * p.floats) {
        const int end = min(p.rows, (p.h - py + OUT - 1) / OUT - first);
        local float *row = to + p.lead + top * p.wide;
        UNROLL for (int px = 0; px < OUT; px++) zero(to + px * p.floats, row + px * p.floats);
        for (int r = top; r < end; r++) {
            const global float *x = from + (size_t)(OUT * (first + r) + py) * p.w;
            local float *image = row;
            for (int i = 0; i < n; i++) {
                split_row(image, p.floats, x, p.w);
                if (p.w < OUT * p.pitch)
                    for (int px = 0; px < OUT; px++)
                        for (int j = (p.w - px + OUT - 1) / OUT; j < p.pitch; j++)
                            image[px * p.floats + j] = 0.0f;
                image += p.pitch;
                x += apart;
            }
            row += p.wide;
        }
        UNROLL for (int px = 0; px < OUT; px++)
            zero(row + px * p.floats, to + (px + 1) * p.floats - VW);
    }
}

/* v of a channel, whose elements lie `apart`; at[r] and at[TILE + s] are where row r and column s of a
 * tile are, from its first. */
static inline void transform_inputs(local float *v, const int apart, const local float *planes,
                                    const local int *at, const local int *left, const local int *right,
                                    const int n)
{
    for (int q = 0; q < n * VW; q += VW) {
        const INTS has_left = LOAD(left + q), has_right = LOAD(right + q);
        VEC t[TILE][TILE];
        UNROLL for (int r = 0; r < TILE; r++) {
            const local float *row = planes + at[r] + q;
            VEC d[TILE];
            UNROLL for (int s = 0; s < TILE; s++) d[s] = LOAD(row + at[TILE + s]);
            d[0] = has_left ? d[0] : (VEC)(0.0f);
            d[TILE - 1] = has_right ? d[TILE - 1] : (VEC)(0.0f);
            winograd_inputs(t[r], d);
        }
        winograd_columns(v + q, apart, t);
    }
}

/* ---- 2: products ------------------------------------------------------------------------------- */

/* m (MR, run) = sum over c of u (ci, MR) and v (ci, run), for N vectors of a run. Meanwhile a line is asked for
 * of each channel that the next group reads, from `soon` on. */
#define PRODUCT(N)                                                                                 \
    SHARED void product_##N(local float *m, const local float *v, const global float *u,           \
                            const int ci, const int run)                                           \
    {                                                                                              \
        VEC sum[MR][N];                                                                            \
        UNROLL for (int r = 0; r < MR; r++)                                                        \
            UNROLL for (int i = 0; i < N; i++) sum[r][i] = (VEC)(0.0f);                            \
        for (int c = 0; c < ci; c++) {                                                             \
            VEC x[N];                                                                              \
            UNROLL for (int i = 0; i < N; i++) x[i] = LOAD(v + i * VW);                            \
            UNROLL for (int r = 0; r < MR; r++) {                                                  \
                const VEC f = (VEC)(u[r]);                                                         \
                UNROLL for (int i = 0; i < N; i++) sum[r][i] = fma(f, x[i], sum[r][i]);            \
            }                                                                                      \
            v += run;                                                                              \
            u += MR;                                                                               \
        }                                                                                          \
        UNROLL for (int r = 0; r < MR; r++)                                                        \
            UNROLL for (int i = 0; i < N; i++) STORE(sum[r][i], m + r * run + i * VW);             \
    }

PRODUCT(3)
PRODUCT(2)
PRODUCT(1)

/* What the next group reads: images of channels, of each so many lines in a row. */
typedef struct ahead {
    const global float *from;
    size_t plane, image; /* from one to the next */
    int channels;
    int lines, all; /* of a channel: in an image, and in all of them */
} ahead;

static inline ahead ahead_of(const global float *in, const planes p, const int channels, const size_t image,
                             const int images, const int first)
{
    const int row = min(max(OUT * first, 0), p.h), end = min(OUT * (first + p.rows), p.h);
    ahead a;
    a.plane = (size_t)p.h * p.w;
    a.image = image;
    a.channels = channels;
    a.from = in + (size_t)row * p.w;
    a.lines = max((end - row) * p.w / LINE, 1);
    a.all = channels > MOST_AHEAD ? 0 : images * a.lines;
    return a;
}

/* Line l of each channel of what is ahead. */
static inline void ask_for(const ahead next, const int l)
{
    if (l >= next.all) return;
    const int image = l / next.lines;
    const global float *line = next.from + image * next.image + (l - image * next.lines) * LINE;
    for (int c = 0; c < next.channels; c++) SOON(line + c * next.plane);
}

/* The products of one tile of channels over n vectors. Meanwhile so many lines of what is ahead are asked for, a
 * few at a time. */
static inline void multiply(local float *m, const local float *v, const global float *u, const int ci,
                            const int run, const int n, const ahead next, const int line, const int lines)
{
    for (int i = 0, l = line; i < n; l++) {
        const int left = n - i;
        if (l < line + lines) ask_for(next, l);
        if (left == 3 || left > 4) {
            product_3(m + i * VW, v + i * VW, u, ci, run);
            i += 3;
        } else if (left > 1) {
            product_2(m + i * VW, v + i * VW, u, ci, run);
            i += 2;
        } else {
            product_1(m + i * VW, v + i * VW, u, ci, run);
            i++;
        }
    }
}

/* ---- 3: outputs -------------------------------------------------------------------------------- */

/* OUT rows of outputs, `row` apart, of n vectors of tiles of a channel, whose elements lie `apart`. */
static inline void transform_outputs(local float *rows, const int row, const local float *m,
                                     const int apart, const int n, const float bias, const float slope)
{
    for (int q = 0; q < n * VW; q += VW) {
        VEC s[OUT][TILE];
        UNROLL for (int j = 0; j < TILE; j++) {
            VEC column[TILE], y[OUT];
            UNROLL for (int r = 0; r < TILE; r++) column[r] = LOAD(m + (TILE * r + j) * apart + q);
            winograd_outputs(y, column);
            UNROLL for (int a = 0; a < OUT; a++) s[a][j] = y[a];
        }
        UNROLL for (int a = 0; a < OUT; a++) {
            VEC y[OUT];
            winograd_outputs(y, s[a]);
            UNROLL for (int b = 0; b < OUT; b++) y[b] = activation_forward(y[b] + bias, slope);
            store_in_turn(y, rows + a * row + OUT * q);
        }
    }
}

/* n neighbours to the output, or added to it. */
static inline void store_row(global float *to, const local float *from, const int n, const bool add)
{
    int i = 0;
    for (; i + VW <= n; i += VW) STORE(add ? LOAD(to + i) + LOAD(from + i) : LOAD(from + i), to + i);
    for (; i < n; i++) to[i] = add ? to[i] + from[i] : from[i];
}

/* packed (tiles of all groups, TILE_ELEMENTS, ci, MR) of u = G g G'. A work-item is an input channel of a tile.
 *   size    co, ci, from one output channel to the next, from one input channel to the next, turned */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_winograd_pack(global float *restrict packed, const global float *restrict weight, const int8 size)
{
    const int co = size.s0, ci = size.s1, tiles = (co + MR - 1) / MR;
    const int c = (int)get_global_id(0), u = (int)get_global_id(1), g = u / tiles;
    const int o = min((u - g * tiles) * MR, co - MR);
    const global float *from =
        weight + (size_t)g * co * ci * 9 + (size_t)o * size.s2 + (size_t)c * size.s3;
    global float *to = packed + ((size_t)u * TILE_ELEMENTS * ci + c) * MR;
    for (int r = 0; r < MR; r++) {
        const global float *w = from + (size_t)r * size.s2;
        float columns[3][TILE];
        for (int x = 0; x < 3; x++) {
            const int first = size.s4 ? 8 - x : x, step = size.s4 ? -3 : 3;
            const float g[3] = {w[first], w[first + step], w[first + 2 * step]};
            winograd_kernel(columns[x], g);
        }
        for (int y = 0; y < TILE; y++) {
            const float g[3] = {columns[0][y], columns[1][y], columns[2][y]};
            float row[TILE];
            winograd_kernel(row, g);
            for (int x = 0; x < TILE; x++) to[(size_t)(TILE * y + x) * ci * MR + r] = row[x];
        }
    }
}

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_winograd(global float *restrict out, const global float *restrict in,
              const global float *restrict packed, const global float *restrict bias, const int8 size,
              const int8 part, const int4 images, const float slope)
{
    local float memory[PLANES + VW] __attribute__((aligned(64)));
    local float v[INPUTS] __attribute__((aligned(64)));
    local float rows[OUT * (OUT * RUN + SKEW)] __attribute__((aligned(64)));
    local int left[RUN] __attribute__((aligned(64))), right[RUN] __attribute__((aligned(64)));
    local int at[2 * TILE];
    const int h = size.s2, w = size.s3, ci = size.s4, co = size.s5, pitch = size.s6;
    const int wide = pitch * images.s1;
    const int2 up = reach(0, part.s0, 1, OUT), back = reach(0, part.s1, 1, OUT);
    const int2 down = reach(TILE - 1, part.s0, 1, OUT);
    const planes p = {size.s0, size.s1, OUT, OUT, pitch, size.s7, max(-back.s0, 0), part.s2 + down.s0 - up.s0, 0,
                      wide, 0, 0};
    const int block = (int)get_global_id(0) / part.s3, image = block * images.s1;
    const int first = ((int)get_global_id(0) - block * part.s3) * part.s2;
    const int many = min(images.s1, images.s0 - image);
    const int tiles = (co + MR - 1) / MR, groups = part.s5 / tiles;
    const int end = min(((int)get_global_id(1) + 1) * part.s4, part.s5);
    const int tile_rows = min(part.s2, (h + OUT - 1) / OUT - first);
    const int n = ((tile_rows - 1) * wide + many * pitch + VW - 1) / VW, run = n * VW;
    /* Not a multiple of a page apart, where a first cache would find no place for them at once. */
    const int apart = ci * run + SKEW, m_apart = part.s6 * MR * run + SKEW, row = OUT * run + SKEW;
    local float *m = v + TILE_ELEMENTS * apart;
    for (int r = 0; r < TILE; r++) {
        const int2 y = reach(r, part.s0, 1, OUT), x = reach(r, part.s1, 1, OUT);
        at[r] = OUT * y.s1 * p.floats + (y.s0 - up.s0) * wide + p.lead;
        at[TILE + r] = x.s1 * p.floats + x.s0;
    }
    for (int q = 0; q < run; q++) {
        const int j = q % pitch;
        left[q] = part.s1 == 1 && j == 0 ? 0 : -1;
        right[q] = part.s1 == 1 && j == pitch - 1 ? 0 : -1;
    }
    const int next_block = ((int)get_global_id(0) + 1) / part.s3, next_image = next_block * images.s1;
    const int next_first = ((int)get_global_id(0) + 1 - next_block * part.s3) * part.s2;
    int filled = -1;
    for (int u = (int)get_global_id(1) * part.s4, some; u < end; u += some) {
        const int g = u / tiles;
        some = min(min(part.s6, end - u), (g + 1) * tiles - u);
        const size_t plane = (size_t)p.h * p.w;
        for (int c = 0; g != filled && c < ci; c++) {
            split_planes(p, memory, in + (((size_t)image * groups + g) * ci + c) * plane, many,
                         groups * ci * plane, first + up.s0);
            transform_inputs(v + c * run, apart, memory, at, left, right, n);
        }
        filled = g;
        const ahead next = ahead_of(in + ((size_t)next_image * groups + g) * ci * plane, p, ci,
                                    groups * ci * plane, clamp(images.s0 - next_image, 0, images.s1),
                                    next_first + up.s0);
        const int lines = (next.all + TILE_ELEMENTS * some - 1) / (TILE_ELEMENTS * some);
        for (int k = 0; k < TILE_ELEMENTS; k++)
            for (int t = 0; t < some; t++)
                multiply(m + k * m_apart + t * MR * run, v + k * apart,
                         packed + ((size_t)(u + t) * TILE_ELEMENTS + k) * ci * MR, ci, run, n, next,
                         (k * some + t) * lines, lines);
        for (int t = 0; t < some * MR; t++) {
            const int new = (u - g * tiles) * MR + t / MR * MR, o = min(new, co - MR) + t % MR;
            if (o < new) continue;
            transform_outputs(rows, row, m + t * run, m_apart, n, bias ? bias[g * co + o] : 0.0f, slope);
            for (int i = 0; i < many; i++) {
                const size_t channel = ((size_t)(image + i) * groups + g) * co + o;
                for (int y = 0; y < OUT * tile_rows && OUT * first + y < h; y++)
                    store_row(out + (channel * h + OUT * first + y) * w,
                              rows + y % OUT * row + OUT * (y / OUT * wide + i * pitch), w, images.s2 != 0);
            }
        }
    }
}

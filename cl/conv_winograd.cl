/* Convolution by a kernel of 3 x 3 in steps of 1, by Winograd's F(2 x 2, 3 x 3): for CPUs.
 *
 *   y = A' [ sum over c of (G g G') * (B' d B) ] A          Lavin & Gray 2016, section 4.1
 *
 *   where d is a tile of 4 x 4 inputs of channel c, g its kernel and y the 2 x 2 outputs that the tile gives;
 *   * is element by element. That is 16 products of each channel for 4 outputs, where the sum itself has 36.
 *
 *        [1  0 -1  0]        [ 1    0    0 ]       [1 1  1  0]
 *   B' = [0  1  1  0]    G = [1/2  1/2  1/2]  A' = [0 1 -1 -1]
 *        [0 -1  1  0]        [1/2 -1/2  1/2]
 *        [0  1  0 -1]        [ 0    0    1 ]
 *
 * The gradient of the input is the same of dy, with the kernels turned and channels exchanged: the host says
 * so in sizes and strides. A group (x, y) does some rows of tiles, of an image or of some beside each other,
 * and some of the output channels:
 *
 *   1. A plane of the input at a time is copied into four, of every second row and column (conv_planes.cl).
 *      In these the tiles' elements lie side by side, so that a vector is VW tiles. B' d B goes to
 *      v (16, ci, run of tiles).
 *   2. For MR output channels and NV vectors of tiles, 16 products of matrices: m (16, MR, NV VW) is the sum
 *      over c of weights u (16, ci, MR), each spread over a vector, and v. It lies behind v.
 *   3. A' m A, bias and activation, to two `rows` (2, 2 run), and from there to the rows of the output.
 *
 * With a padding of 1, a row of tiles ends where the next one begins, and what a tile at an end would read
 * over it is taken as 0: `left` and `right` are 0 there, and -1 elsewhere. With others, a zero or what no tile
 * starts at is between them.
 *
 *   size     h, w of in, h, w of out, ci, co, pitch of a row of tiles, floats of a plane
 *   part     pad y, pad x, rows of tiles, strips of an image, columns of a plane, tiles of a group, of all,
 *            at a time
 *   images   n, those beside each other, and whether out is added to
 *
 * The last tile of channels is moved back to end at the last, and stores only what is new; MR <= co.
 */
#include "conv_planes.cl"

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

/* a0 b0 a1 b1 ... of the first halves, and of the second ones */
#if VW == 1
#define STORE_BOTH(a, b, p) ((p)[0] = (a), (p)[1] = (b))
#else
#define STORE_BOTH(a, b, p)                                                                        \
    do {                                                                                           \
        VEC first, second;                                                                         \
        first.even = (a).lo;                                                                       \
        first.odd = (b).lo;                                                                        \
        second.even = (a).hi;                                                                      \
        second.odd = (b).hi;                                                                       \
        STORE(first, p);                                                                           \
        STORE(second, (p) + VW);                                                                   \
    } while (0)
#endif

/* ---- 1: tiles of inputs ------------------------------------------------------------------------ */

/* The even elements of a row of n to one place, and the odd ones to another. */
static inline void split_row(local float *even, local float *odd, const global float *x, const int n)
{
    int i = 0;
#if VW > 1
    for (; i + 2 * VW <= n; i += 2 * VW) {
        const VEC a = LOAD(x + i), b = LOAD(x + i + VW);
        VEC e, o;
        e.lo = a.even;
        e.hi = b.even;
        o.lo = a.odd;
        o.hi = b.odd;
        STORE(e, even + i / 2);
        STORE(o, odd + i / 2);
    }
#endif
#if VW > 8
    if (i + 16 <= n) {
        const float16 a = vload16(0, x + i);
        vstore8(a.even, 0, even + i / 2);
        vstore8(a.odd, 0, odd + i / 2);
        i += 16;
    }
#endif
#if VW > 4
    if (i + 8 <= n) {
        const float8 a = vload8(0, x + i);
        vstore4(a.even, 0, even + i / 2);
        vstore4(a.odd, 0, odd + i / 2);
        i += 8;
    }
#endif
    for (; i + 2 <= n; i += 2) {
        even[i / 2] = x[i];
        odd[i / 2] = x[i + 1];
    }
    if (i < n) even[i / 2] = x[i];
}

/* Fills the four planes of a channel with n images, the first of them `from`; the others lie `apart`. Row 0
 * is row `first` of the planes. There is room for VW floats behind each plane. */
static inline void split_planes(const planes p, local float *to, const global float *from, const int n,
                                const size_t apart, const int first)
{
    const int top = min(max(-first, 0), p.rows);
    for (int py = 0; py < 2; py++, to += 2 * p.floats) {
        const int end = min(p.rows, (p.h - py + 1) / 2 - first);
        local float *even = to + p.lead + top * p.wide, *odd = even + p.floats;
        zero(to, even);
        zero(to + p.floats, odd);
        for (int r = top; r < end; r++) {
            const global float *x = from + (size_t)(2 * (first + r) + py) * p.w;
            for (int i = 0; i < n; i++) {
                split_row(even, odd, x, p.w);
                for (int j = p.w / 2; j < p.pitch; j++) {
                    if (j >= p.cols) even[j] = 0.0f;
                    odd[j] = 0.0f;
                }
                even += p.pitch;
                odd += p.pitch;
                x += apart;
            }
            even += p.wide - n * p.pitch;
            odd += p.wide - n * p.pitch;
        }
        zero(even, to + p.floats - VW);
        zero(odd, to + 2 * p.floats - VW);
    }
}

/* v of a channel, whose 16 elements lie `apart`; at[r] and at[4 + s] are where row r and column s of a
 * tile are, from its first. */
static inline void transform_inputs(local float *v, const int apart, const local float *planes,
                                    const local int *at, const local int *left, const local int *right,
                                    const int n)
{
    for (int q = 0; q < n * VW; q += VW) {
        const INTS has_left = LOAD(left + q), has_right = LOAD(right + q);
        VEC t[4][4];
        UNROLL for (int r = 0; r < 4; r++) {
            const local float *row = planes + at[r] + q;
            const VEC d0 = LOAD(row + at[4]), d1 = LOAD(row + at[5]);
            const VEC d2 = LOAD(row + at[6]), d3 = LOAD(row + at[7]);
            t[r][0] = (has_left ? d0 : (VEC)(0.0f)) - d2;
            t[r][1] = d1 + d2;
            t[r][2] = d2 - d1;
            t[r][3] = d1 - (has_right ? d3 : (VEC)(0.0f));
        }
        UNROLL for (int s = 0; s < 4; s++) {
            STORE(t[0][s] - t[2][s], v + s * apart + q);
            STORE(t[1][s] + t[2][s], v + (4 + s) * apart + q);
            STORE(t[2][s] - t[1][s], v + (8 + s) * apart + q);
            STORE(t[1][s] - t[3][s], v + (12 + s) * apart + q);
        }
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
    const int row = min(max(2 * first, 0), p.h), end = min(2 * (first + p.rows), p.h);
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

/* Two rows of outputs, `row` apart, of n vectors of tiles of a channel, whose 16 elements lie `apart`. */
static inline void transform_outputs(local float *rows, const int row, const local float *m,
                                     const int apart, const int n, const float bias, const float slope)
{
    for (int q = 0; q < n * VW; q += VW) {
        VEC s[2][4];
        UNROLL for (int j = 0; j < 4; j++) {
            const VEC m0 = LOAD(m + j * apart + q), m1 = LOAD(m + (4 + j) * apart + q);
            const VEC m2 = LOAD(m + (8 + j) * apart + q), m3 = LOAD(m + (12 + j) * apart + q);
            s[0][j] = m0 + m1 + m2;
            s[1][j] = m1 - m2 - m3;
        }
        UNROLL for (int a = 0; a < 2; a++) {
            const VEC y0 = activation_forward(s[a][0] + s[a][1] + s[a][2] + bias, slope);
            const VEC y1 = activation_forward(s[a][1] - s[a][2] - s[a][3] + bias, slope);
            STORE_BOTH(y0, y1, rows + a * row + 2 * q);
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

/* packed (tiles of all groups, 16, ci, MR) of u = G g G'. A work-item is an input channel of a tile.
 *   size    co, ci, from one output channel to the next, from one input channel to the next, turned */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_winograd_pack(global float *restrict packed, const global float *restrict weight, const int8 size)
{
    const int co = size.s0, ci = size.s1, tiles = (co + MR - 1) / MR;
    const int c = (int)get_global_id(0), u = (int)get_global_id(1), g = u / tiles;
    const int o = min((u - g * tiles) * MR, co - MR);
    const global float *from =
        weight + (size_t)g * co * ci * 9 + (size_t)o * size.s2 + (size_t)c * size.s3;
    global float *to = packed + ((size_t)u * 16 * ci + c) * MR;
    for (int r = 0; r < MR; r++) {
        const global float *w = from + (size_t)r * size.s2;
        float row[4][3];
        for (int x = 0; x < 3; x++) {
            const int first = size.s4 ? 8 - x : x, step = size.s4 ? -3 : 3;
            const float a = w[first], b = w[first + step], d = w[first + 2 * step];
            row[0][x] = a;
            row[1][x] = 0.5f * (a + d + b);
            row[2][x] = 0.5f * (a + d - b);
            row[3][x] = d;
        }
        for (int y = 0; y < 4; y++) {
            const float a = row[y][0], b = row[y][1], d = row[y][2];
            global float *at = to + (size_t)(4 * y) * ci * MR + r;
            at[0] = a;
            at[(size_t)ci * MR] = 0.5f * (a + d + b);
            at[(size_t)2 * ci * MR] = 0.5f * (a + d - b);
            at[(size_t)3 * ci * MR] = d;
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
    local float rows[2 * (2 * RUN + SKEW)] __attribute__((aligned(64)));
    local int left[RUN] __attribute__((aligned(64))), right[RUN] __attribute__((aligned(64)));
    local int at[8];
    const int h = size.s2, w = size.s3, ci = size.s4, co = size.s5, pitch = size.s6;
    const int wide = pitch * images.s1;
    const int2 up = reach(0, part.s0, 1, 2), back = reach(0, part.s1, 1, 2);
    const int2 down = reach(3, part.s0, 1, 2);
    const planes p = {size.s0, size.s1, 2, 2, pitch, size.s7, max(-back.s0, 0), part.s2 + down.s0 - up.s0, part.s4,
                      wide, 3, 3};
    const int block = (int)get_global_id(0) / part.s3, image = block * images.s1;
    const int first = ((int)get_global_id(0) - block * part.s3) * part.s2;
    const int many = min(images.s1, images.s0 - image);
    const int tiles = (co + MR - 1) / MR, groups = part.s6 / tiles;
    const int end = min(((int)get_global_id(1) + 1) * part.s5, part.s6);
    const int tile_rows = min(part.s2, (h + 1) / 2 - first);
    const int n = ((tile_rows - 1) * wide + many * pitch + VW - 1) / VW, run = n * VW;
    /* Not a multiple of a page apart, where a first cache would find no place for them at once. */
    const int apart = ci * run + SKEW, m_apart = part.s7 * MR * run + SKEW, row = 2 * run + SKEW;
    local float *m = v + 16 * apart;
    for (int r = 0; r < 4; r++) {
        const int2 y = reach(r, part.s0, 1, 2), x = reach(r, part.s1, 1, 2);
        at[r] = 2 * y.s1 * p.floats + (y.s0 - up.s0) * wide + p.lead;
        at[4 + r] = x.s1 * p.floats + x.s0;
    }
    for (int q = 0; q < run; q++) {
        const int j = q % pitch;
        left[q] = part.s1 == 1 && j == 0 ? 0 : -1;
        right[q] = part.s1 == 1 && j == pitch - 1 ? 0 : -1;
    }
    const int next_block = ((int)get_global_id(0) + 1) / part.s3, next_image = next_block * images.s1;
    const int next_first = ((int)get_global_id(0) + 1 - next_block * part.s3) * part.s2;
    int filled = -1;
    for (int u = (int)get_global_id(1) * part.s5, some; u < end; u += some) {
        const int g = u / tiles;
        some = min(min(part.s7, end - u), (g + 1) * tiles - u);
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
        const int lines = (next.all + 16 * some - 1) / (16 * some);
        for (int k = 0; k < 16; k++)
            for (int t = 0; t < some; t++)
                multiply(m + k * m_apart + t * MR * run, v + k * apart,
                         packed + ((size_t)(u + t) * 16 + k) * ci * MR, ci, run, n, next,
                         (k * some + t) * lines, lines);
        for (int t = 0; t < some * MR; t++) {
            const int new = (u - g * tiles) * MR + t / MR * MR, o = min(new, co - MR) + t % MR;
            if (o < new) continue;
            transform_outputs(rows, row, m + t * run, m_apart, n, bias ? bias[g * co + o] : 0.0f, slope);
            for (int i = 0; i < many; i++) {
                const size_t channel = ((size_t)(image + i) * groups + g) * co + o;
                for (int y = 0; y < 2 * tile_rows && 2 * first + y < h; y++)
                    store_row(out + (channel * h + 2 * first + y) * w,
                              rows + y % 2 * row + 2 * (y / 2 * wide + i * pitch), w, images.s2 != 0);
            }
        }
    }
}

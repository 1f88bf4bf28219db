/* Convolution, and the gradient of its input, by vectors of pixels: for CPUs.
 *
 *   forward      out = y (n, co, oh, ow), in = x (n, ci, h, w)
 *   -DDATA=1     out = dx, in = dy: the same with the kernel turned, where each row and column of dx in
 *                steps of the stride (a phase) has taps of its own
 *
 *                   NV vectors of VW pixels           A tile of MR output channels x NV vectors stays in
 *       in plane c  +----+----+----+  tap 0           registers while channels and taps run: a vector of
 *                   +----+----+----+  tap 1           pixels is loaded once and multiplied with MR weights,
 *                    ...                              each spread over a vector.
 *     packed        out
 *    +-+-+..        +----+----+----+
 * MR | | |          |    |    |    |
 *    +-+-+..        +----+----+----+
 *
 * A group (x, y) does a strip of rows of an image, or of some beside each other, and some of the tiles of
 * channels. Tiles of one strip lie in `sums` until all of it is there, then rows are copied out.
 *
 *   size     h, w of in, h, w of out, ci, co, pitch and floats of a plane
 *   kernel   kh, kw, stride, pad, dilation
 *   part     least reach y and x, rows of a strip, strips, rows of a plane, columns of it, tiles of a
 *            group, tiles of all groups of channels
 *   images   n, those beside each other, and whether out is added to
 *
 * The last tile of channels is moved back to end at the last and stores only what is new; MR <= co.
 */
#include "conv_planes.cl"

#ifndef MR
#define MR 4
#endif
#ifndef DATA
#define DATA 0
#endif
#define NV 3
#ifndef SUMS
#define SUMS 256 /* floats of a channel */
#endif

#define FLOAT VEC
#include "activation_functions.cl"

/* What a tile goes over. */
typedef struct operands {
    const local float *in;
    const global float *weight;
    const local int *places, *taps;
    int n_taps, channels, in_pitch, weight_pitch;
} operands;

/* sums (MR, N VW), SUMS apart. */
#define TILE(N)                                                                                    \
    SHARED void tile_##N(local float *sums, const operands o)                               \
    {                                                                                              \
        VEC sum[MR][N];                                                                            \
        const local float *in = o.in;                                                              \
        const global float *weight = o.weight;                                                     \
        UNROLL for (int r = 0; r < MR; r++)                                                        \
            UNROLL for (int v = 0; v < N; v++) sum[r][v] = (VEC)(0.0f);                            \
        for (int c = 0; c < o.channels; c++) {                                                     \
            for (int t = 0; t < o.n_taps; t++) {                                                   \
                const local float *p = in + o.places[t];                                          \
                const global float *w = weight + o.taps[t];                                     \
                VEC x[N];                                                                          \
                UNROLL for (int v = 0; v < N; v++) x[v] = LOAD(p + v * VW);                        \
                UNROLL for (int r = 0; r < MR; r++) {                                              \
                    const VEC f = (VEC)(w[r]);                                                     \
                    UNROLL for (int v = 0; v < N; v++) sum[r][v] = fma(f, x[v], sum[r][v]);        \
                }                                                                                  \
            }                                                                                      \
            in += o.in_pitch;                                                                      \
            weight += o.weight_pitch;                                                              \
        }                                                                                          \
        UNROLL for (int r = 0; r < MR; r++)                                                        \
            UNROLL for (int v = 0; v < N; v++) STORE(sum[r][v], sums + r * SUMS + v * VW);         \
    }

TILE(3)
TILE(2)
TILE(1)

/* The taps of outputs in phase (fy, fx): where each reads in the planes, and its weight. */
static inline int find_taps(local int *places, local int *taps, const window k, const planes p, const int fy,
                            const int fx)
{
    int n = 0;
    for (int ky = 0; ky < k.kh; ky++)
        for (int kx = 0; kx < k.kw; kx++) {
#if DATA
            const int2 y = reach_back(ky, fy, k.pad_y, k.dilation_y, k.stride_y);
            const int2 x = reach_back(kx, fx, k.pad_x, k.dilation_x, k.stride_x);
            if (y.s1 != 0 || x.s1 != 0) continue;
            const int phase = 0;
#else
            const int2 y = reach(ky, k.pad_y, k.dilation_y, k.stride_y);
            const int2 x = reach(kx, k.pad_x, k.dilation_x, k.stride_x);
            const int phase = y.s1 * p.step_x + x.s1;
#endif
            const int at = (y.s0 - k.least_y) * p.wide + x.s0 - k.least_x;
            places[n] = phase * p.floats + at;
            taps[n++] = (ky * k.kw + kx) * MR;
        }
    return n;
}

/* The bias and the activation of n vectors of a channel. A function of its own: what it holds in registers
 * would be missing in the loops over tiles, which took a tenth longer. */
SHARED void activate(local float *sums, const int n, const float bias, const float slope)
{
    for (int v = 0; v < n * VW; v += VW)
        STORE(activation_forward(LOAD(sums + v) + bias, slope), sums + v);
}

/* n floats to every step-th element of a row, or added to what is there. */
static inline void store_row(global float *to, const local float *from, const int n, const int step,
                             const bool add)
{
    int i = 0;
    if (step == 1) {
        for (; i + VW <= n; i += VW) STORE(add ? LOAD(to + i) + LOAD(from + i) : LOAD(from + i), to + i);
#if VW > 8
        if (i + 8 <= n) {
            float8 x = vload8(0, from + i);
            if (add) x += vload8(0, to + i);
            vstore8(x, 0, to + i);
            i += 8;
        }
#endif
    }
    for (; i < n; i++) to[i * step] = add ? to[i * step] + from[i] : from[i];
}

/* packed (tiles of all groups, ci, kh kw, MR): the weights in the order in which tiles read them. A work-item
 * is a tile.
 *   size    co, ci, taps, from one output channel to the next, from one input channel to the next */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_pack(global float *restrict packed, const global float *restrict weight, const int8 size)
{
    const int co = size.s0, ci = size.s1, taps = size.s2, tiles = (co + MR - 1) / MR;
    const int u = (int)get_global_id(0), g = u / tiles, o = min((u - g * tiles) * MR, co - MR);
    const global float *from = weight + (size_t)g * co * ci * taps + (size_t)o * size.s3;
    global float *to = packed + (size_t)u * ci * taps * MR;
    for (int c = 0; c < ci; c++)
        for (int t = 0; t < taps; t++) {
            for (int r = 0; r < MR; r++) to[r] = from[(size_t)r * size.s3 + (size_t)c * size.s4 + t];
            to += MR;
        }
}

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_rows(global float *restrict out, const global float *restrict in,
          const global float *restrict packed, const global float *restrict bias, const int8 size,
          const int8 kernel_size, const int8 part, const int4 images, const float slope)
{
    local float memory[PLANES + VW] __attribute__((aligned(64)));
    local float sums[MR * SUMS] __attribute__((aligned(64)));
    local int places[MAX_TAPS], taps[MAX_TAPS];
    const window k = {kernel_size.s0, kernel_size.s1, kernel_size.s2, kernel_size.s3, kernel_size.s4,
                      kernel_size.s5, kernel_size.s6, kernel_size.s7, part.s0,        part.s1};
    const planes p = {size.s0, size.s1, DATA ? 1 : k.stride_y, DATA ? 1 : k.stride_x, size.s6, size.s7,
                      -k.least_x, part.s4, part.s5, size.s6 * images.s1,
                      DATA ? 1 : phases_of(k.kh, k.pad_y, k.dilation_y, k.stride_y),
                      DATA ? 1 : phases_of(k.kw, k.pad_x, k.dilation_x, k.stride_x)};
    const int h = size.s2, w = size.s3, ci = size.s4, co = size.s5;
    const int step_y = DATA ? k.stride_y : 1, step_x = DATA ? k.stride_x : 1;
    const int block = (int)get_global_id(0) / part.s3, image = block * images.s1;
    const int first = ((int)get_global_id(0) - block * part.s3) * part.s2;
    const int many = min(images.s1, images.s0 - image);
    const int tiles = (co + MR - 1) / MR, groups = part.s7 / tiles;
    const int end = min(((int)get_global_id(1) + 1) * part.s6, part.s7);
    int filled = -1, found = -1, n_taps = 0;
    for (int u = (int)get_global_id(1) * part.s6; u < end; u++) {
        const int g = u / tiles, new = (u - g * tiles) * MR, o = min(new, co - MR);
        if (g != filled)
            fill(p, memory, in + ((size_t)image * groups + g) * ci * p.h * p.w, ci, many,
                 (size_t)groups * ci * p.h * p.w, first + k.least_y);
        filled = g;
        for (int f = 0; f < step_y * step_x; f++) {
            const int fy = f / step_x, fx = f - fy * step_x;
            const int rows = min(part.s2, (h - fy + step_y - 1) / step_y - first);
            const int cols = (w - fx + step_x - 1) / step_x;
            if (rows <= 0 || h <= fy || w <= fx) continue;
            const int n = ((rows - 1) * p.wide + (many - 1) * p.pitch + cols + VW - 1) / VW;
            if (f != found) n_taps = find_taps(places, taps, k, p, fy, fx);
            found = f;
            operands a = {memory,
                          packed + (size_t)u * ci * k.kh * k.kw * MR,
                          places,
                          taps,
                          n_taps,
                          ci,
                          p.floats * p.step_y * p.step_x,
                          k.kh * k.kw * MR};
            for (int v = 0; v < n; v += NV) {
                if (n - v >= 3)
                    tile_3(sums + v * VW, a);
                else if (n - v == 2)
                    tile_2(sums + v * VW, a);
                else
                    tile_1(sums + v * VW, a);
                a.in += NV * VW;
            }
            for (int r = new - o; r < MR; r++) {
                const int channel = g * co + o + r;
                if (!DATA) activate(sums + r * SUMS, n, bias ? bias[channel] : 0.0f, slope);
                for (int i = 0; i < many; i++) {
                    const size_t plane = (size_t)(image + i) * groups * co + channel;
                    global float *to = out + (plane * h + first * step_y + fy) * w + fx;
                    for (int y = 0; y < rows; y++)
                        store_row(to + (size_t)y * step_y * w,
                                  sums + r * SUMS + y * p.wide + i * p.pitch, cols, step_x, images.s2 != 0);
                }
            }
        }
    }
}

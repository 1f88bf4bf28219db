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
 * channels: as many at a time as have room in `sums`, so that what they read of the planes is still in a first
 * cache. When all of a strip is there, rows are copied out; those of two phases along a row together.
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
#define SUMS 256 /* floats of each of MR channels, or of more channels that have less */
#endif

#define FLOAT VEC
#include "activation_functions.cl"

/* What a tile goes over. */
typedef struct operands {
    const local float *in; /* its first pixel */
    const global float *weight;
    const local int *places, *taps;
    int n_taps, channels, in_pitch, weight_pitch, run; /* from a channel of sums to the next */
} operands;

/* sums (MR, N VW), a run apart. */
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
            UNROLL for (int v = 0; v < N; v++) STORE(sum[r][v], sums + r * o.run + v * VW);        \
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

/* n vectors of `some` tiles of channels, whose weights follow each other. Meanwhile `lines` of what the next
 * group reads are asked for, from `next` on. */
static inline void multiply(local float *sums, operands o, const int n, const int some, const global float *next,
                            const int lines)
{
    const global float *weight = o.weight;
    const int calls = (n + NV - 1) / NV * some, each = (lines + calls - 1) / calls;
    for (int v = 0, line = 0; v < n; v += NV) {
        for (int u = 0; u < some; u++) {
            local float *to = sums + u * MR * o.run + v * VW;
            o.weight = weight + u * o.channels * o.weight_pitch;
            for (int end = min(line + each, lines); line < end; line++) SOON(next + line * LINE);
            if (n - v >= 3)
                tile_3(to, o);
            else if (n - v == 2)
                tile_2(to, o);
            else
                tile_1(to, o);
        }
        o.in += NV * VW;
    }
}

/* Stores n neighbours, or adds them to what is there: outputs of their sums, or gradients. A whole vector is read at
 * the end too. */
static inline void store_row(global float *to, const local float *from, const int n, const bool add,
                             const float bias, const float slope)
{
    for (int i = 0; i < n; i += VW) {
        VEC x = LOAD(from + i);
#if !DATA
        x = activation_forward(x + bias, slope);
#endif
        if (add) x = fetch(to + i, n - i, 0.0f) + x;
        put(x, to + i, n - i);
    }
}

#if DATA
/* Whether rows of a phase have any tap. */
static inline bool has_taps(const window k, const int fy)
{
    for (int ky = 0; ky < k.kh; ky++)
        if (reach_back(ky, fy, k.pad_y, k.dilation_y, k.stride_y).s1 == 0) return true;
    return false;
}

/* Stores n elements of a row, every step-th: those of a phase. */
static inline void store_phase(global float *to, const local float *from, const int n, const int step,
                               const bool add)
{
    for (int i = 0; i < n; i++) to[i * step] = add ? to[i * step] + from[i] : from[i];
}

/* Stores n elements of a row, of two phases in turn. */
static inline void store_phases(global float *to, const local float *even, const local float *odd, const int n,
                                const bool add)
{
    int i = 0;
#if VW > 1
    for (; i + 2 * VW <= n; i += 2 * VW) {
        VEC both[2];
        interleave(both, LOAD(even + i / 2), LOAD(odd + i / 2));
        STORE(add ? LOAD(to + i) + both[0] : both[0], to + i);
        STORE(add ? LOAD(to + i + VW) + both[1] : both[1], to + i + VW);
    }
    if (i + VW <= n) {
        const VEC both = BESIDE(LOAD_HALF(even + i / 2), LOAD_HALF(odd + i / 2));
        STORE(add ? LOAD(to + i) + both : both, to + i);
        i += VW;
    }
#endif
    for (; i < n; i++) {
        const float x = i % 2 ? odd[i / 2] : even[i / 2];
        to[i] = add ? to[i] + x : x;
    }
}
#endif

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
    local float sums[MR * SUMS + VW] __attribute__((aligned(64)));
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
    const bool add = images.s2 != 0;
    /* The images behind these, where groups do whole images. */
    const int more = groups == 1 && part.s3 == 1 ? clamp(images.s0 - image - many, 0, many) : 0;
    const global float *next = in + (size_t)(image + many) * ci * p.h * p.w;
    const int lines = more * ci * p.h * p.w / LINE;
    /* A run of a channel has one phase along a row, or two. */
    const int phases = step_x == 2 ? 2 : 1, cols = (w + step_x - 1) / step_x;
    const int longest = ((part.s2 - 1) * p.wide + (images.s1 - 1) * p.pitch + cols + VW - 1) / VW * VW;
    int filled = -1, found = -1, n_taps = 0, some;
    for (int u = (int)get_global_id(1) * part.s6; u < end; u += some) {
        const int g = u / tiles;
        some = min(min(max(SUMS / (phases * longest), 1), end - u), (g + 1) * tiles - u);
        if (g != filled)
            fill(p, memory, in + ((size_t)image * groups + g) * ci * p.h * p.w, ci, many,
                 (size_t)groups * ci * p.h * p.w, first + k.least_y);
        for (int fy = 0; fy < step_y; fy++) {
            const int rows = min(part.s2, (h - fy + step_y - 1) / step_y - first);
            if (rows <= 0 || h <= fy) continue;
#if DATA
            if (add && !has_taps(k, fy)) continue;
#endif
            const int n = ((rows - 1) * p.wide + (many - 1) * p.pitch + cols + VW - 1) / VW, run = n * VW;
            for (int fx = 0; fx < step_x && fx < w; fx++) {
                local float *to = sums + fx % phases * some * MR * run;
                const int f = fy * step_x + fx;
                if (f != found) n_taps = find_taps(places, taps, k, p, fy, fx);
                found = f;
                const operands a = {memory,
                                    packed + (size_t)u * ci * k.kh * k.kw * MR,
                                    places,
                                    taps,
                                    n_taps,
                                    ci,
                                    p.floats * p.step_y * p.step_x,
                                    k.kh * k.kw * MR,
                                    run};
                STORE((VEC)(0.0f), to + some * MR * run); /* where the last row's last vector may reach */
                multiply(to, a, n, some, next, g != filled && f == 0 ? lines : 0);
                if (fx % phases < phases - 1 && fx + 1 < w) continue;
                for (int t = 0; t < some * MR; t++) {
                    const int new = (u - g * tiles + t / MR) * MR, o = min(new, co - MR) + t % MR;
                    if (o < new) continue;
                    for (int i = 0; i < many; i++) {
                        const size_t plane = ((size_t)(image + i) * groups + g) * co + o;
                        global float *row = out + (plane * h + first * step_y + fy) * w;
                        const local float *from = sums + t * run + i * p.pitch;
                        for (int y = 0; y < rows; y++, row += step_y * w, from += p.wide) {
#if DATA
                            if (phases == 2)
                                store_phases(row, from, from + some * MR * run, w, add);
                            else if (step_x > 1)
                                store_phase(row + fx, from, (w - fx + step_x - 1) / step_x, step_x, add);
                            else
#endif
                                store_row(row, from, w, add, bias ? bias[g * co + o] : 0.0f, slope);
                        }
                    }
                }
            }
        }
        filled = g;
    }
}

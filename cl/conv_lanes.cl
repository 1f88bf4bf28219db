/* Convolution in steps of 1, and the gradient of its input, with images in a vector's lanes: for CPUs.
 *
 *   forward      out = y (n, co, oh, ow), in = x (n, ci, h, w)
 *   -DDATA=1     out = dx, in = dy, and a tap reads as far before a pixel as it was behind it
 *
 *                NP pixels, each a vector of VW images
 *       in       +----+----+----+----+    A tile of MR output channels x NP pixels stays in registers while
 *     packed     out                      channels and taps run. Each pixel is a vector whatever its place:
 *    +-+-+..     +----+----+----+----+    no lane is wasted where rows are short, and rows of taps that are
 * MR | | |       |    |    |    |    |    outside the image are left out. The price is that images are
 *    +-+-+..     +----+----+----+----+    turned on their way in and out: it is small where an output is a
 *                                         long sum.
 *
 * A group (x, y) does images x VW ... and rows y of outputs. It takes the rows of all channels that these read
 * into a core's cache, with columns of zeros at both ends, and packs the weights. `sums` holds a tile of
 * channels of some rows until they are turned back.
 *
 *   size     h, w of in, h, w of out, ci, co, from one output channel of the weight to the next, from one
 *            input channel
 *   kernel   kh, kw, the least reach of a tap from an output, y and x, columns of a plane's row, its rows
 *   part     n, rows of a group, rows at a time, whether out is added to
 *
 * The last tile is moved back to end at the last channel and pixel; MR <= co, NP <= w of out. The order of a
 * sum, over channels and taps, is that of conv_rows.cl.
 */
#include "conv_planes.cl"
#include "conv_turn.cl"

#ifndef MR
#define MR 2
#endif
#ifndef NP
#define NP 2
#endif
#ifndef DATA
#define DATA 0
#endif
#ifndef SUMS
#define SUMS 4096 /* floats */
#endif
#ifndef WEIGHTS
#define WEIGHTS 4096 /* floats */
#endif

#define FLOAT VEC
#include "activation_functions.cl"

/* What a tile goes over: from input `in` of its first pixel at tap (0, 0). */
typedef struct operands {
    const local float *in, *weight;
    int channels, in_pitch, row_pitch, kh, kw;
    int begin_y, end_y, begin_x, end_x; /* the taps that have something to add */
} operands;

/* sums (MR, pitch, VW), from a pixel on. */
SHARED void add_taps(local float *sums, const int pitch, const operands o)
{
    VEC sum[MR][NP];
    UNROLL for (int r = 0; r < MR; r++)
        UNROLL for (int q = 0; q < NP; q++) sum[r][q] = (VEC)(0.0f);
    for (int c = 0; c < o.channels; c++)
        for (int y = o.begin_y; y < o.end_y; y++) {
            const local float *in = o.in + c * o.in_pitch + (DATA ? -y : y) * o.row_pitch;
            const local float *w = o.weight + ((c * o.kh + y) * o.kw + o.begin_x) * MR;
            for (int x = o.begin_x; x < o.end_x; x++) {
                const local float *p = in + (DATA ? -x : x) * VW;
                VEC e[NP];
                UNROLL for (int q = 0; q < NP; q++) e[q] = LOAD(p + q * VW);
                UNROLL for (int r = 0; r < MR; r++) {
                    const VEC f = (VEC)(w[r]);
                    UNROLL for (int q = 0; q < NP; q++) sum[r][q] = fma(f, e[q], sum[r][q]);
                }
                w += MR;
            }
        }
    UNROLL for (int r = 0; r < MR; r++)
        UNROLL for (int q = 0; q < NP; q++) STORE(sum[r][q], sums + (r * pitch + q) * VW);
}

/* Rows of `w` pixels of n images, VW at most, that lie `apart`, as rows of `wide` vectors whose first `lead`
 * and last are zeros. */
SHARED void turn_in(local float *to, const global float *from, const size_t apart, const int n, const int rows,
                    const int w, const int lead, const int wide)
{
    const int pixels = rows * w;
    local float *at = to + lead * VW;
    int i = 0, left = w;
    for (int r = 0; r < rows; r++) {
        zero(to + r * wide * VW, to + (r * wide + lead) * VW);
        zero(to + (r * wide + lead + w) * VW, to + (r + 1) * wide * VW);
    }
#if VW > 1
    for (; i + VW <= pixels; i += VW) {
        VEC a[VW];
        UNROLL for (int m = 0; m < VW; m++) a[m] = m < n ? LOAD(from + m * apart + i) : (VEC)(0.0f);
        transpose(a);
        UNROLL for (int m = 0; m < VW; m++) {
            STORE(a[m], at);
            at += VW;
            if (--left > 0) continue;
            left = w;
            at += (wide - w) * VW;
        }
    }
#endif
    for (; i < pixels; i++) {
        for (int m = 0; m < VW; m++) at[m] = m < n ? from[m * apart + i] : 0.0f;
        at += VW;
        if (--left > 0) continue;
        left = w;
        at += (wide - w) * VW;
    }
}

/* The way back: a run of pixels of a channel, with bias and activation, or added to what is there. */
SHARED void turn_out(global float *to, const local float *from, const size_t apart, const int n,
                     const int pixels, const float bias, const float slope, const bool add)
{
    int i = 0;
#if VW > 1
    for (; i + VW <= pixels; i += VW) {
        VEC a[VW];
        UNROLL for (int m = 0; m < VW; m++) {
            a[m] = LOAD(from + (i + m) * VW);
#if !DATA
            a[m] = activation_forward(a[m] + bias, slope);
#endif
        }
        transpose(a);
        UNROLL for (int m = 0; m < VW; m++) {
            global float *p = to + m * apart + i;
            if (m < n) STORE(add ? LOAD(p) + a[m] : a[m], p);
        }
    }
#endif
    for (; i < pixels; i++) {
        VEC a = LOAD(from + i * VW);
        float lanes[VW];
#if !DATA
        a = activation_forward(a + bias, slope);
#endif
        STORE(a, lanes);
        for (int m = 0; m < n; m++) to[m * apart + i] = add ? to[m * apart + i] + lanes[m] : lanes[m];
    }
}

/* packed (tiles, ci, taps, MR) */
static inline void pack(local float *packed, const global float *weight, const int8 size, const int taps)
{
    for (int new = 0; new < size.s5; new += MR)
        for (int c = 0; c < size.s4; c++)
            for (int t = 0; t < taps; t++, packed += MR)
                for (int r = 0; r < MR; r++)
                    packed[r] = weight[(size_t)(min(new, size.s5 - MR) + r) * size.s6 + (size_t)c * size.s7 + t];
}

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_lanes(global float *restrict out, const global float *restrict in, const global float *restrict weight,
           const global float *restrict bias, const int8 size, const int8 kernel_size, const int4 part,
           const float slope)
{
    local float memory[PLANES + VW] __attribute__((aligned(64)));
    local float sums[SUMS] __attribute__((aligned(64)));
    local float packed[WEIGHTS] __attribute__((aligned(64)));
    const int in_h = size.s0, in_w = size.s1, h = size.s2, w = size.s3, ci = size.s4, co = size.s5;
    const int kh = kernel_size.s0, kw = kernel_size.s1, wide = kernel_size.s4, rows = kernel_size.s5;
    const int least_y = kernel_size.s2, least_x = kernel_size.s3; /* 0 or below */
    const int image = (int)get_global_id(0) * VW, n = min(VW, part.s0 - image);
    const int first = (int)get_global_id(1) * part.s1, end = min(first + part.s1, h);
    /* The rows of `in` that are read, of which the first may be behind that of a tap. */
    const int top = max(first + least_y, 0), bottom = min(end + least_y + kh - 1, in_h);
    const int area = h * w, in_area = in_h * in_w;

    pack(packed, weight, size, kh * kw);
    for (int c = 0; c < ci; c++)
        turn_in(memory + c * rows * wide * VW, in + ((size_t)image * ci + c) * in_area + top * in_w,
                (size_t)ci * in_area, n, bottom - top, in_w, -least_x, wide);
    for (int y0 = first; y0 < end; y0 += part.s2)
        for (int new = 0; new < co; new += MR) {
            const int o = min(new, co - MR), y1 = min(y0 + part.s2, end), pitch = (y1 - y0) * w;
            for (int y = y0; y < y1; y++) {
                const int row = y + least_y, skip = max(-row, 0), last = min(kh, in_h - row);
                for (int q = 0; q < w; q += NP) {
                    const int x = min(q, w - NP), col = x + least_x;
                    const int skip_x = max(-(col + NP - 1), 0), last_x = min(kw, in_w - col);
                    const operands a = {
                        memory + ((row - top + (DATA ? kh - 1 : 0)) * wide + x + (DATA ? kw - 1 : 0)) * VW,
                        packed + new * ci * kh * kw,
                        ci,
                        rows * wide * VW,
                        wide * VW,
                        kh,
                        kw,
                        DATA ? kh - last : skip,
                        DATA ? kh - skip : last,
                        DATA ? kw - last_x : skip_x,
                        DATA ? kw - skip_x : last_x};
                    add_taps(sums + ((y - y0) * w + x) * VW, pitch, a);
                }
            }
            for (int r = new - o; r < MR; r++)
                turn_out(out + ((size_t)image * co + o + r) * area + y0 * w, sums + r * pitch * VW,
                         (size_t)co * area, n, pitch, bias ? bias[o + r] : 0.0f, slope, part.s3 != 0);
        }
}

/* What the kernels of convolution for CPUs share: planes of images in local memory, with zeros around.
 *
 * A work-group is one work-item, and local memory is a core's own cache. A plane of an image is copied
 * there once, in rows that lie `pitch` floats apart, with as many zeros between them as the kernel reaches
 * over the edge; the zeros behind a row are those before the next. Then element (row, col) of an output
 * has all its inputs at fixed distances, and a run over whole rows of outputs is a run of vectors, without
 * a look at the edges: what lies between two rows of outputs is computed in vain, and never stored.
 *
 *            pitch
 *    +-------------------+--+             With a stride of s, a plane is split into s s planes of every
 *    | row 0             |00|             s-th row and column: in them the stride is 1.
 *    | row 1             |00|
 *    |      ...          |00|
 *    +-------------------+--+
 *
 * PLANES: floats of local memory for planes.
 */
#ifndef PLANES
#define PLANES 4096
#endif
#define MAX_TAPS 128

#include "vector.cl"

#define UNROLL _Pragma("unroll")

/* The quotient rounded down, for a divisor above 0. */
static inline int floor_div(const int a, const int b)
{
    return a >= 0 ? a / b : -((b - 1 - a) / b);
}

static inline void zero(local float *to, const int n)
{
    int i = 0;
    for (; i + VW <= n; i += VW) STORE((VEC)(0.0f), to + i);
    for (; i < n; i++) to[i] = 0.0f;
}

/* Every step-th of n elements from `from` on. */
static inline void copy(local float *to, const global float *from, const int n, const int step)
{
    int i = 0;
    if (step == 1) {
        for (; i + VW <= n; i += VW) STORE(LOAD(from + i), to + i);
#if VW > 8
        if (i + 8 <= n) {
            vstore8(vload8(0, from + i), 0, to + i);
            i += 8;
        }
#endif
#if VW > 4
        if (i + 4 <= n) {
            vstore4(vload4(0, from + i), 0, to + i);
            i += 4;
        }
#endif
    }
#if VW > 8
    if (step == 2) /* not to the very end: the last element of a vector is one too many */
        for (; i + 8 < n; i += 8) vstore8(vload16(0, from + 2 * i).even, 0, to + i);
#endif
    for (; i < n; i++) to[i] = from[i * step];
}

/* Planes of one kind: of images (h, w), in steps of such a stride; each has so many floats, of which the
 * first `lead` are zeros, then rows at the pitch, of which the first cols may be elements. */
typedef struct planes {
    int h, w, step_y, step_x, pitch, floats, lead, rows, cols;
} planes;

/* Fills those of some channels, whose images begin at `from`; row 0 is row `first` of the steps. */
static inline void fill(const planes p, local float *to, const global float *from, const int channels,
                        const int first)
{
    for (int c = 0; c < channels; c++)
        for (int py = 0; py < p.step_y; py++)
            for (int px = 0; px < p.step_x; px++) {
                const int cols = min(p.cols, (p.w - px + p.step_x - 1) / p.step_x);
                local float *row = to + p.lead;
                zero(to, p.lead);
                for (int r = 0; r < p.rows; r++) {
                    const int y = (first + r) * p.step_y + py;
                    const int n = y >= 0 && y < p.h ? max(cols, 0) : 0;
                    copy(row, from + ((size_t)c * p.h + y) * p.w + px, n, p.step_x);
                    zero(row + n, p.pitch - n);
                    row += p.pitch;
                }
                zero(row, (int)(to + p.floats - row));
                to += p.floats;
            }
}

/* How a kernel lies over planes. */
typedef struct window {
    int kh, kw, stride_y, stride_x, pad_y, pad_x, dilation_y, dilation_x, least_y, least_x;
} window;

/* Where tap k of a kernel reads, along one dimension: so many steps from the output, in such a phase of
 * the stride. */
static inline int2 reach(const int k, const int pad, const int dilation, const int stride)
{
    const int a = k * dilation - pad, steps = floor_div(a, stride);
    return (int2)(steps, a - steps * stride);
}

/* The same of the gradient of an input in phase f; a phase of 0 where the tap is one of its. */
static inline int2 reach_back(const int k, const int f, const int pad, const int dilation,
                              const int stride)
{
    const int a = f + pad - k * dilation, steps = floor_div(a, stride);
    return (int2)(steps, a - steps * stride);
}

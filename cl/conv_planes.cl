/* What the kernels of convolution for CPUs share: planes of images in local memory, with zeros around.
 *
 * A work-group is one work-item, and local memory is a core's own cache. A plane of an image is copied
 * there once, in rows that lie `pitch` floats apart, with as many zeros between them as the kernel reaches
 * over the edge; the zeros behind a row are those before the next. Then element (row, col) of an output
 * has all its inputs at fixed distances, and a run over whole rows of outputs is a run of vectors, without
 * a look at the edges: what lies between two rows of outputs is computed in vain, and never stored.
 *
 *            pitch
 *    +-------------------+--+             Small images lie beside each other, so that a run is long. With
 *    | row 0             |00|             a stride of s, a plane is split into s s planes of every s-th row
 *    | row 1             |00|             and column: in them the stride is 1.
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

/* What is long is compiled once, and not into each of the three copies that PoCL makes of a kernel. Not for
 * all: LLVM 15 crashes on some; and see INLINED of those to which every call gives the same local memory. */
#define SHARED static __attribute__((noinline))

#if VW == 16
#define LOAD_HALF(p) vload8(0, p)
#define STORE_HALF(x, p) vstore8(x, 0, p)
#elif VW == 8
#define LOAD_HALF(p) vload4(0, p)
#define STORE_HALF(x, p) vstore4(x, 0, p)
#else
#define LOAD_HALF(p) vload2(0, p)
#endif

/* Asks for the LINE floats around p, which are read soon, to be fetched meanwhile. What is past the end of a buffer
 * does no harm. OpenCL's own prefetch does nothing in PoCL. */
#define LINE 16
#if defined(__x86_64__) || defined(__aarch64__)
#define SOON(p) __builtin_prefetch((const void *)(size_t)(p), 0, 2)
#else
#define SOON(p) ((void)(p))
#endif

/* The quotient rounded down, for a divisor above 0; the common one is told apart, since a division takes
 * longer than all else there. */
static inline int floor_div(const int a, const int b)
{
    if (b == 1) return a;
    return a >= 0 ? a / b : -((b - 1 - a) / b);
}

#if VW > 1
/* a0 b0 a1 b1 ... of the first halves, and of the second ones. */
static inline void interleave(VEC *to, const VEC a, const VEC b)
{
    to[0] = BESIDE(a.lo, b.lo);
    to[1] = BESIDE(a.hi, b.hi);
}
#endif

/* Zeros from `to` up to `end`, or a few more. */
static inline void zero(local float *to, const local float *end)
{
    for (; to < end; to += VW) STORE((VEC)(0.0f), to);
}

/* The n neighbours at `from`. */
static inline void copy(local float *to, const global float *from, const int n)
{
    int i = 0;
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
    for (; i < n; i++) to[i] = from[i];
}

/* Every step-th element from column x on of a row of w, n of them. */
static inline void pick(local float *to, const global float *row, const int x, const int w, const int n,
                        const int step)
{
    const global float *from = row + x;
    int i = 0;
#if VW > 4
    if (step == 2) /* a vector with one before its first, or else one behind its last, if there is one */
        for (; i + VW / 2 <= n; i += VW / 2) {
            if (x + i > 0)
                STORE_HALF(LOAD(from + 2 * i - 1).odd, to + i);
            else if (VW <= w)
                STORE_HALF(LOAD(from).even, to);
            else
                break;
        }
#endif
    for (; i < n; i++) to[i] = from[i * step];
}

/* Planes of one kind: of images (h, w), in steps of such a stride. A plane has so many floats, of which the
 * first `lead` are zeros, then so many rows, `wide` apart. A row has images beside each other, at the
 * pitch, and of each at most cols elements. Of the steps' phases, those are filled whose bit is set in
 * phases_y and phases_x, and those from 32 on. */
typedef struct planes {
    int h, w, step_y, step_x, pitch, floats, lead, rows, cols, wide;
    uint phases_y, phases_x;
} planes;

static inline bool is_used(const uint phases, const int phase)
{
    return phase >= 32 || (phases >> phase & 1) != 0;
}

/* Fills those of some channels with n images; `from` is the first channel of the first image, and images
 * lie `apart`. Row 0 is row `first` of the steps. Writes up to VW floats behind the last plane. */
static inline void fill(const planes p, local float *to, const global float *from, const int channels,
                        const int n, const size_t apart, const int first)
{
    const int top = min(max(-first, 0), p.rows);
    for (int c = 0; c < channels; c++)
        for (int py = 0; py < p.step_y; py++)
            for (int px = 0; px < p.step_x; px++, to += p.floats) {
                if (!is_used(p.phases_y, py) || !is_used(p.phases_x, px)) continue;
                const int cols = max(min(p.cols, (p.w - px + p.step_x - 1) / p.step_x), 0);
                const int end = min(p.rows, (p.h - py + p.step_y - 1) / p.step_y - first);
                local float *row = to + p.lead + top * p.wide;
                zero(to, row);
                for (int r = top; r < end; r++) {
                    const global float *x = from + ((size_t)c * p.h + (first + r) * p.step_y + py) * p.w;
                    local float *image = row;
                    for (int i = 0; i < n; i++) {
                        if (p.step_x == 1)
                            copy(image, x, cols);
                        else
                            pick(image, x, px, p.w, cols, p.step_x);
                        zero(image + cols, image + p.pitch);
                        image += p.pitch;
                        x += apart;
                    }
                    row += p.wide;
                    zero(image, row);
                }
                zero(row, to + p.floats);
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

/* The phases of the stride that taps read. */
static inline uint phases_of(const int taps, const int pad, const int dilation, const int stride)
{
    uint phases = 0;
    for (int k = 0; k < taps; k++) phases |= 1u << (reach(k, pad, dilation, stride).s1 & 31);
    return phases;
}

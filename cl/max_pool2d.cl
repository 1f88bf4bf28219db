/* The largest element of each window of x (planes, height, width), and its gradient; see pool2d.cl.
 *
 *   max_pool2d_forward            y (planes, out height, out width) = max over the window, and indices of
 *                                 that shape = where in its plane it is
 *   max_pool2d_backward           dx (planes, height, width) = the sum of dy (as y) over the windows whose
 *                                 largest it is; with -DADD=1 that is added to dx, with -DRELU=1 x is the
 *                                 output of a relu, and dx the gradient of its input: there is none where y,
 *                                 the largest, is 0. y may be null without that
 *
 * As in PyTorch: of equals the first is the largest; a NaN is larger than all, and of several the last.
 * indices may be null. A window without elements, between those of a dilated one, has -infinity and -1.
 */
#include "pool2d.cl"

#ifndef RELU
#define RELU 0
#endif
/* Of a gradient dy (VEC or float) of largest elements y. */
#if RELU
#define OF_INPUT(dy, y, zero) ((y) <= 0.0f ? (zero) : (dy))
#else
#define OF_INPUT(dy, y, zero) (dy)
#endif

/* Output (oy, ox) of the plane x. */
static inline float largest(const global float *x, const int oy, const int ox, const int8 image,
                            const int8 window, int *index)
{
    const int y = oy * STRIDE_H - PADDING_H, left = ox * STRIDE_W - PADDING_W;
    const int first_y = y + quotient_up(-y, DILATION_H) * DILATION_H;
    const int first_x = left + quotient_up(-left, DILATION_W) * DILATION_W;
    const int end_y = min(y + (KERNEL_H - 1) * DILATION_H + 1, HEIGHT);
    const int end_x = min(left + (KERNEL_W - 1) * DILATION_W + 1, WIDTH);
    float top = -INFINITY;
    int first = first_y < end_y && first_x < end_x ? first_y * WIDTH + first_x : -1;
    for (int h = first_y; h < end_y; h += DILATION_H)
        for (int w = first_x; w < end_x; w += DILATION_W) {
            const float value = x[h * WIDTH + w];
            if (value > top || value != value) {
                top = value;
                first = h * WIDTH + w;
            }
        }
    *index = first;
    return top;
}

#if LONE

/* Of lanes. A list in memory that a loop fills is read back each time: twice as long for small planes. */
#if VW == 16
#define NUMBERS (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#elif VW == 8
#define NUMBERS (int8)(0, 1, 2, 3, 4, 5, 6, 7)
#elif VW == 4
#define NUMBERS (int4)(0, 1, 2, 3)
#else
#define NUMBERS 0
#endif

static inline void take(VEC *top, INTS *first, const VEC x, const INTS at)
{
    const INTS better = (x > *top) | (x != x);
    *top = better ? x : *top;
    *first = better ? at : *first;
}

/* Outputs ox ... ox + VW - 1 of a row, all of whose columns lie in the image. */
static inline VEC largest_of(const global float *x, const int oy, const int ox, const int8 image,
                             const int8 window, INTS *index)
{
    const int y = oy * STRIDE_H - PADDING_H, left = ox * STEP - PADDING_W;
    const int first_y = y + quotient_up(-y, DILATION_H) * DILATION_H;
    const int end_y = min(y + (KERNEL_H - 1) * DILATION_H + 1, HEIGHT);
    const INTS lefts = NUMBERS * STEP + left;
    VEC top = -INFINITY;
    INTS first = first_y < end_y ? lefts + first_y * WIDTH : (INTS)(-1);
    for (int h = first_y; h < end_y; h += DILATION_H)
        for (int k = 0; k < KERNEL_W; k++)
            take(&top, &first, of_windows(x + h * WIDTH + left, k, KERNEL_W, DILATION_W),
                 lefts + (h * WIDTH + k * DILATION_W));
    *index = first;
    return top;
}

#if HALVES

/* The largest of VW windows side by side, the first of which begins at x and is number `at` of its plane. */
static inline VEC largest_halves(const global float *x, const int width, const int at, INTS *index)
{
    const VEC a = LOAD(x), b = LOAD(x + VW), c = LOAD(x + width), d = LOAD(x + width + VW);
    const INTS first = 2 * NUMBERS + at;
    VEC top = (VEC)(a.even, b.even);
    *index = first;
    take(&top, index, (VEC)(a.odd, b.odd), first + 1);
    take(&top, index, (VEC)(c.even, d.even), first + width);
    take(&top, index, (VEC)(c.odd, d.odd), first + width + 1);
    return top;
}

LONE_KERNEL max_pool2d_forward(global float *restrict y, global int *restrict indices,
                               const global float *restrict x, const int8 image,
                               const int8 window, const int per_item, const int begin,
                               const int end)
{
    const int first = (int)get_group_id(0) * per_item, last = min(first + per_item, OUT_ROWS);
    const size_t end_in = (size_t)PLANES * IN_PLANE, end_out = (size_t)last * OUT_WIDTH;
    for (int row = first; row < last; row++) {
        const int plane = row / OUT_HEIGHT, oy = row - plane * OUT_HEIGHT, at = 2 * oy * WIDTH;
        const size_t from = (size_t)plane * IN_PLANE + at, to = (size_t)row * OUT_WIDTH;
        const bool whole = OUT_WIDTH >= VW ||
                           (to + VW <= end_out && from + WIDTH + 2 * VW <= end_in);
        for (int c = 0; whole && c < OUT_WIDTH; c += VW) {
            const int ox = max(min(c, OUT_WIDTH - VW), 0);
            INTS index;
            STORE(largest_halves(x + from + 2 * ox, WIDTH, at + 2 * ox, &index), y + to + ox);
            if (indices) STORE(index, indices + to + ox);
        }
        for (int ox = 0; !whole && ox < OUT_WIDTH; ox++) {
            int index;
            y[to + ox] = largest(x + from - at, oy, ox, image, window, &index);
            if (indices) indices[to + ox] = index;
        }
    }
}

/* The gradient of VW windows, of such a row of them, to two rows of dx. */
static inline void give_halves(global float *dx, const int width, const VEC g, const INTS at)
{
    const VEC zero = 0.0f;
    for (int row = 0; row < 2; row++) {
        const VEC even = at == row * width ? g : zero, odd = at == row * width + 1 ? g : zero;
        STORE(BESIDE(even.lo, odd.lo), dx + row * width);
        STORE(BESIDE(even.hi, odd.hi), dx + row * width + VW);
    }
}

LONE_KERNEL max_pool2d_backward(global float *restrict dx, const global float *restrict dy,
                                const global int *restrict indices, const global float *restrict y,
                                const int8 image, const int per_item)
{
    const int first = (int)get_group_id(0) * per_item, last = min(first + per_item, PLANES);
    const size_t end = (size_t)last * OUT_PLANE;
    for (int plane = first; plane < last; plane++)
        for (int oy = 0; oy < OUT_HEIGHT; oy++) {
            const int at = 2 * oy * WIDTH;
            const size_t from = (size_t)plane * OUT_PLANE + oy * OUT_WIDTH;
            global float *to = dx + (size_t)plane * IN_PLANE + at;
            const bool whole = OUT_WIDTH >= VW || from + VW <= end;
            for (int c = 0; whole && c < OUT_WIDTH; c += VW) {
                const int ox = max(min(c, OUT_WIDTH - VW), 0);
                const size_t o = from + ox;
                const VEC g = 0.0f + OF_INPUT(LOAD(dy + o), LOAD(y + o), (VEC)(0.0f));
                give_halves(to + 2 * ox, WIDTH, g, LOAD(indices + o) - (at + 2 * ox) - 2 * NUMBERS);
            }
            for (int ox = 0; !whole && ox < OUT_WIDTH; ox++) {
                const float g = 0.0f + OF_INPUT(dy[from + ox], y[from + ox], 0.0f);
                for (int k = 0; k < 4; k++) {
                    const int i = (k >> 1) * WIDTH + 2 * ox + (k & 1);
                    to[i] = indices[from + ox] == at + i ? g : 0.0f;
                }
            }
        }
}

#else

LONE_KERNEL max_pool2d_forward(global float *restrict y, global int *restrict indices,
                               const global float *restrict x, const int8 image,
                               const int8 window, const int per_item, const int begin,
                               const int end)
{
    const int first = (int)get_group_id(0) * per_item;
    const int last = min(first + per_item, OUT_ROWS);
    for (int row = first; row < last; row++) {
        const int plane = row / OUT_HEIGHT, oy = row - plane * OUT_HEIGHT;
        const global float *from = x + (size_t)plane * IN_PLANE;
        const size_t to = (size_t)row * OUT_WIDTH;
        for (int c = begin; c < end; c += VW) {
            const int ox = min(c, end - VW);
            INTS index;
            STORE(largest_of(from, oy, ox, image, window, &index), y + to + ox);
            if (indices) STORE(index, indices + to + ox);
        }
        for (int ox = begin > 0 ? 0 : end; ox < OUT_WIDTH; ox = ox + 1 == begin ? end : ox + 1) {
            int index;
            y[to + ox] = largest(from, oy, ox, image, window, &index);
            if (indices) indices[to + ox] = index;
        }
    }
}

LONE_KERNEL max_pool2d_backward(global float *restrict dx, const global float *restrict dy,
                                const global int *restrict indices, const global float *restrict y,
                                const int8 image, const int per_item)
{
    const int n = IN_PLANE, n_out = OUT_PLANE;
    const int first = (int)get_group_id(0) * per_item;
    const int last = min(first + per_item, PLANES);
    for (int plane = first; plane < last; plane++) {
        global float *to = dx + (size_t)plane * n;
        const size_t from = (size_t)plane * n_out;
#if !ADD
        for (int i = 0; i < n; i++) to[i] = 0.0f;
#endif
        for (int o = 0; o < n_out; o++) {
            const int i = indices[from + o];
            if ((uint)i < (uint)n) to[i] += OF_INPUT(dy[from + o], y[from + o], 0.0f);
        }
    }
}

#endif

#else

ELEMENT_KERNEL max_pool2d_forward(global float *restrict y, global int *restrict indices,
                                  const global float *restrict x, const int n, const int8 image,
                                  const int8 window)
{
    if (!HAS_ELEMENT(n)) return;
    const int at = (int)ELEMENT, row = at / OUT_WIDTH, plane = row / OUT_HEIGHT;
    int index;
    y[at] = largest(x + (size_t)plane * IN_PLANE, row - plane * OUT_HEIGHT,
                    at - row * OUT_WIDTH, image, window, &index);
    if (indices) indices[at] = index;
}

ELEMENT_KERNEL max_pool2d_backward(global float *restrict dx, const global float *restrict dy,
                                   const global int *restrict indices,
                                   const global float *restrict y, const int n, const int8 image,
                                   const int8 window)
{
    if (!HAS_ELEMENT(n)) return;
    const int at = (int)ELEMENT, row = at / WIDTH, plane = row / HEIGHT;
    const int h = row - plane * HEIGHT, w = at - row * WIDTH;
    const int first_y = quotient_up(h + PADDING_H - (KERNEL_H - 1) * DILATION_H, STRIDE_H);
    const int first_x = quotient_up(w + PADDING_W - (KERNEL_W - 1) * DILATION_W, STRIDE_W);
    const int last_y = min((h + PADDING_H) / STRIDE_H, OUT_HEIGHT - 1);
    const int last_x = min((w + PADDING_W) / STRIDE_W, OUT_WIDTH - 1);
    float sum = ADD ? dx[at] : 0.0f;
    for (int oy = first_y; oy <= last_y; oy++)
        for (int ox = first_x; ox <= last_x; ox++) {
            const size_t o = ((size_t)plane * OUT_HEIGHT + oy) * OUT_WIDTH + ox;
            if (indices[o] == h * WIDTH + w) sum += OF_INPUT(dy[o], y[o], 0.0f);
        }
    dx[at] = sum;
}

#endif

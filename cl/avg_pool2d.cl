/* The mean of each window of x (planes, height, width), and its gradient; see pool2d.cl.
 *
 *   avg_pool2d_forward     y (planes, out height, out width) = the sum of the window / its divisor
 *   avg_pool2d_backward    dx (planes, height, width) = the sum of dy / divisor over the windows that have
 *                          it; with -DADD=1 that is added to dx
 *
 * Windows are not dilated. In place of the dilation stands the divisor, or 0 where it is the number of
 * elements that lie in the image. With -DADAPTIVE=1 the windows share the image:
 * output o of OUT has the elements from o SIZE / OUT, rounded down, to (o + 1) SIZE / OUT, rounded up.
 *
 * Each row of a window is summed, and then its rows.
 */
#include "pool2d.cl"

#ifndef ADAPTIVE
#define ADAPTIVE 0
#endif
#define DIVISOR window.s6

typedef struct span {
    int begin, end;
} span;

/* The elements of output o, of `size` along a dimension. */
static inline span range_of(const int o, const int size, const int out, const int kernel_size,
                            const int stride, const int padding)
{
#if ADAPTIVE
    const span all = {(int)((long)o * size / out), (int)(((long)(o + 1) * size - 1) / out) + 1};
    return all;
#else
    const int start = o * stride - padding;
    const span all = {max(start, 0), min(start + kernel_size, size)};
    return all;
#endif
}

#define ROWS_OF(oy) range_of(oy, HEIGHT, OUT_HEIGHT, KERNEL_H, STRIDE_H, PADDING_H)
#define COLS_OF(ox) range_of(ox, WIDTH, OUT_WIDTH, KERNEL_W, STRIDE_W, PADDING_W)

static inline float divisor_of(const span rows, const span cols, const int8 window)
{
    return (float)(DIVISOR > 0 ? DIVISOR : (rows.end - rows.begin) * (cols.end - cols.begin));
}

/* Output (oy, ox) of the plane x. */
static inline float mean_of(const global float *x, const int oy, const int ox, const int8 image,
                            const int8 window)
{
    const span rows = ROWS_OF(oy), cols = COLS_OF(ox);
    float sum = 0.0f;
    for (int h = rows.begin; h < rows.end; h++) {
        float part = 0.0f;
        for (int w = cols.begin; w < cols.end; w++) part += x[h * WIDTH + w];
        sum += part;
    }
    return sum / divisor_of(rows, cols, window);
}

#if LONE

/* Outputs ox ... ox + VW - 1 of a row, all of whose columns lie in the image. */
static inline VEC means_of(const global float *x, const int oy, const int ox, const int8 image,
                           const int8 window)
{
    const span rows = ROWS_OF(oy);
    const int left = ox * STEP - PADDING_W;
    VEC sum = 0.0f;
    for (int h = rows.begin; h < rows.end; h++) {
        VEC part = 0.0f;
        for (int k = 0; k < KERNEL_W; k++) part += of_windows(x + h * WIDTH + left, k, KERNEL_W, 1);
        sum += part;
    }
    const span cols = {0, KERNEL_W};
    return sum / divisor_of(rows, cols, window);
}

LONE_KERNEL avg_pool2d_forward(global float *restrict y, const global float *restrict x,
                               const int8 image, const int8 window, const int per_item,
                               const int begin, const int end)
{
    const int first = (int)get_group_id(0) * per_item;
    const int last = min(first + per_item, OUT_ROWS);
    for (int row = first; row < last; row++) {
        const int plane = row / OUT_HEIGHT, oy = row - plane * OUT_HEIGHT;
        const global float *from = x + (size_t)plane * IN_PLANE;
        global float *to = y + (size_t)row * OUT_WIDTH;
        for (int c = begin; c < end; c += VW) {
            const int ox = min(c, end - VW);
            STORE(means_of(from, oy, ox, image, window), to + ox);
        }
        for (int ox = begin > 0 ? 0 : end; ox < OUT_WIDTH; ox = ox + 1 == begin ? end : ox + 1)
            to[ox] = mean_of(from, oy, ox, image, window);
    }
}

LONE_KERNEL avg_pool2d_backward(global float *restrict dx, const global float *restrict dy,
                                const int8 image, const int8 window, const int per_item)
{
    const int n = IN_PLANE;
    const int first = (int)get_group_id(0) * per_item;
    const int last = min(first + per_item, PLANES);
    for (int plane = first; plane < last; plane++) {
        global float *to = dx + (size_t)plane * n;
        const global float *from = dy + (size_t)plane * OUT_PLANE;
#if !ADD
        for (int i = 0; i < n; i++) to[i] = 0.0f;
#endif
        for (int oy = 0; oy < OUT_HEIGHT; oy++)
            for (int ox = 0; ox < OUT_WIDTH; ox++) {
                const span rows = ROWS_OF(oy), cols = COLS_OF(ox);
                const float part = from[oy * OUT_WIDTH + ox] / divisor_of(rows, cols, window);
                for (int h = rows.begin; h < rows.end; h++)
                    for (int w = cols.begin; w < cols.end; w++) to[h * WIDTH + w] += part;
            }
    }
}

#else

/* The outputs that have element i. */
static inline span outputs_of(const int i, const int size, const int out, const int kernel_size,
                              const int stride, const int padding)
{
#if ADAPTIVE
    const span all = {(int)((long)i * out / size), (int)(((long)(i + 1) * out - 1) / size) + 1};
    return all;
#else
    const span all = {quotient_up(i + padding - kernel_size + 1, stride),
                  min((i + padding) / stride + 1, out)};
    return all;
#endif
}

ELEMENT_KERNEL avg_pool2d_forward(global float *restrict y, const global float *restrict x,
                                  const int n, const int8 image, const int8 window)
{
    if (!HAS_ELEMENT(n)) return;
    const int at = (int)ELEMENT, row = at / OUT_WIDTH, plane = row / OUT_HEIGHT;
    y[at] = mean_of(x + (size_t)plane * IN_PLANE, row - plane * OUT_HEIGHT,
                    at - row * OUT_WIDTH, image, window);
}

ELEMENT_KERNEL avg_pool2d_backward(global float *restrict dx, const global float *restrict dy,
                                   const int n, const int8 image, const int8 window)
{
    if (!HAS_ELEMENT(n)) return;
    const int at = (int)ELEMENT, row = at / WIDTH, plane = row / HEIGHT;
    const span of_h = outputs_of(row - plane * HEIGHT, HEIGHT, OUT_HEIGHT, KERNEL_H, STRIDE_H,
                                 PADDING_H);
    const span of_w = outputs_of(at - row * WIDTH, WIDTH, OUT_WIDTH, KERNEL_W, STRIDE_W, PADDING_W);
    float sum = ADD ? dx[at] : 0.0f;
    for (int oy = of_h.begin; oy < of_h.end; oy++)
        for (int ox = of_w.begin; ox < of_w.end; ox++)
            sum += dy[((size_t)plane * OUT_HEIGHT + oy) * OUT_WIDTH + ox] /
                   divisor_of(ROWS_OF(oy), COLS_OF(ox), window);
    dx[at] = sum;
}

#endif

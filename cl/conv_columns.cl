/* Images as matrices, for a convolution that is left to gemm.
 *
 *   x (n, c, h, w)                 columns (c kh kw, pixels)           rows (oc, pixels)
 *   +-----------+                  +--+--+--+--+--+                    +--+--+--+--+--+
 *   | +--+      |  one window is   |  |##|  |  |  | (c, ky, kx)   o    |  |  |  |  |  |
 *   | |##| kh   |  one column      |  |##|  |  |  |                    +--+--+--+--+--+
 *   | +--+      |                  +--+--+--+--+--+                    an output channel's pixels of all
 *   +--kw-------+                   pixel (image, oy, ox)              images behind one another
 *
 * Global id 0 is an element of a plane, or of a row, over all images that are taken at a time; id 1 is the
 * plane or row.
 *
 *   shape    c, h, w, oh, ow, kh, kw, images
 *   window   stride, pad, dilation, each of height and width; the first image
 *   rows     oc, oh ow, images, the first image
 */
#include "element.cl"

#define FLOAT float
#include "activation_functions.cl"

/* columns[(c, ky, kx)][(image, oy, ox)] = x[image][c][oy stride + ky dilation - pad][...], or 0 outside. */
ELEMENT_KERNEL columns_from_images(global float *restrict columns, const global float *restrict x,
                                   const int8 shape, const int8 window)
{
    const int area = shape.s3 * shape.s4, taps = shape.s5 * shape.s6;
    const int n = area * shape.s7;
    if (!HAS_ELEMENT(n)) return;
    const int at = (int)ELEMENT, row = (int)get_group_id(1);
    const int image = at / area, p = at - image * area;
    const int oy = p / shape.s4, ox = p - oy * shape.s4;
    const int c = row / taps, tap = row - c * taps;
    const int ky = tap / shape.s6, kx = tap - ky * shape.s6;
    const int iy = oy * window.s0 + ky * window.s4 - window.s2;
    const int ix = ox * window.s1 + kx * window.s5 - window.s3;
    const bool inside = iy >= 0 && iy < shape.s1 && ix >= 0 && ix < shape.s2;
    const size_t plane = (size_t)(window.s6 + image) * shape.s0 + c;
    columns[(size_t)row * n + at] = inside ? x[(plane * shape.s1 + iy) * shape.s2 + ix] : 0.0f;
}

/* dx[image][c][iy][ix] = the sum of what stands in the columns for that element: of one tap at most once. */
ELEMENT_KERNEL images_from_columns(global float *restrict dx, const global float *restrict columns,
                                   const int8 shape, const int8 window)
{
    const int area = shape.s1 * shape.s2;
    if (!HAS_ELEMENT(area * shape.s7)) return;
    const int at = (int)ELEMENT, c = (int)get_group_id(1);
    const int image = at / area, p = at - image * area;
    const int iy = p / shape.s2, ix = p - iy * shape.s2;
    const int out = shape.s3 * shape.s4, n = out * shape.s7;
    float sum = 0.0f;
    for (int ky = 0; ky < shape.s5; ky++) {
        const int y = iy + window.s2 - ky * window.s4, oy = y / window.s0;
        if (y < 0 || oy >= shape.s3 || oy * window.s0 != y) continue;
        for (int kx = 0; kx < shape.s6; kx++) {
            const int x = ix + window.s3 - kx * window.s5, ox = x / window.s1;
            if (x < 0 || ox >= shape.s4 || ox * window.s1 != x) continue;
            const int row = (c * shape.s5 + ky) * shape.s6 + kx;
            sum += columns[(size_t)row * n + (size_t)image * out + oy * shape.s4 + ox];
        }
    }
    GIVE(dx[((size_t)(window.s6 + image) * shape.s0 + c) * area + p], sum);
}

/* The rows, which begin at element `first`, from the planes of images. */
ELEMENT_KERNEL rows_from_images(global float *restrict to, const global float *restrict images,
                                const int4 rows, const int first)
{
    const int n = rows.s1 * rows.s2;
    if (!HAS_ELEMENT(n)) return;
    const int at = (int)ELEMENT, o = (int)get_group_id(1);
    const int image = at / rows.s1, p = at - image * rows.s1;
    to[(size_t)first + (size_t)o * n + at] =
        images[((size_t)(rows.s3 + image) * rows.s0 + o) * rows.s1 + p];
}

/* And back, with the bias and the activation of the layer; with -DADD=1 added to what is there. */
ELEMENT_KERNEL images_from_rows(global float *restrict images, const global float *restrict from,
                                const int4 rows, const int first, const global float *restrict bias,
                                const float slope)
{
    const int n = rows.s1 * rows.s2;
    if (!HAS_ELEMENT(n)) return;
    const int at = (int)ELEMENT, o = (int)get_group_id(1);
    const int image = at / rows.s1, p = at - image * rows.s1;
    const float x = from[(size_t)first + (size_t)o * n + at] + (bias ? bias[o] : 0.0f);
    GIVE(images[((size_t)(rows.s3 + image) * rows.s0 + o) * rows.s1 + p], activation_forward(x, slope));
}

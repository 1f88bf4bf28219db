/* An image brought to a wanted size: scaled until it covers that, and cut out of the middle.
 *
 * Where the source is H × W and h × w is wanted, a pixel of the result is a × a pixels of the source, with
 * a = min(H/h, W/w). The scaled image, H/a × W/a, begins at the source's upper left corner, and the result at
 * its pixel (floor((H/a - h) / 2), floor((W/a - w) / 2)), of which one is 0.
 *
 *   a = 1    the source is cut, and its pixels are copied
 *   a > 1    a pixel is the mean of the source over its area, where it covers a part of a pixel by that part
 *   a < 1    it lies between the centres of four pixels of the source, and is weighed by how near they are
 *            (bilinear); those beyond an edge are as the edge
 *
 * Weights are whole numbers and nothing is rounded before the end, to the nearest, a half upwards: the bytes
 * are the same on every machine. Sums fit their types for sources of at most 2^27 pixels and results whose
 * sides are at most 2^13; where a = 1 there is no such bound.
 */
#ifndef CLADE_DATA_IMAGE_SCALE_H
#define CLADE_DATA_IMAGE_SCALE_H

#include "data/image.h"

enum { CLADE__IMAGE_MOST_SIDE = 1 << 13 };

/* dst (n_channels, height, width) from src, whose grey becomes that many equal channels; n_channels is 1 or
 * 3, and 1 for an image that is grey. CLADE_ENOMEM, with the image's path. */
CLADE_MUST_CHECK clade_status clade__image_scale(unsigned char *dst, int n_channels, int64_t height,
                                                 int64_t width, const clade__image *src,
                                                 const char *path);

#endif

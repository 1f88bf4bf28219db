/* Images of a data set, by index, each changed at random, as the network sees them.
 *
 *   dst (rows, channels, height, width)[r][c][y][x] = scaled(src[i][c][y'][x']),  i = index[first + r]
 *   y' = y + dy,  x' = (mirrored ? width - 1 - x : x) + dx
 *   dy, dx in [-crop, crop]; mirrored in half of all cases where flip is 1; src is 0 outside the image
 *   dst is 0 in a square of cutout x cutout about a place in the image, as far as it lies there
 *
 * which is torchvision's RandomCrop with padding and its RandomHorizontalFlip, then the normalisation, then
 * Cutout (DeVries & Taylor 2017). scaled is x * scale + shift, or ((x - high) - low) * scale by columns
 * (3, channels height width) of the place in dst, as in gather.cl; a row that src lacks becomes NaN.
 *
 * What is drawn is a function of seed, epoch and the image's number in its data set, ids[first + r]:
 * philox(seed; id, epoch, stream, 0) has dy, dx and the mirror, word 3 set to 1 the square's place.
 *
 *   image r    | line 0 | line 1 | ...  |     a line is one or more groups: ELEMENT_GROUP of its pixels,
 *   next image | line 0 | ...                 one work-item each
 */
#include "element.cl"
#include "philox.cl"
#include "source_row.cl"

/* In [0, n): off from uniform by less than n / 2^32. */
static inline int below(const uint word, const int n)
{
    return (int)mul_hi(word, (uint)n);
}

/* image: channels, height, width, and how many src has; change: crop, flip, cutout, and how many index has;
 * draw: seed low, seed high, stream. */
#define AUGMENT_ROWS(NAME, SOURCE, FACTORS, SCALED)                                                 \
    ELEMENT_KERNEL NAME(global float *restrict dst, const global SOURCE *restrict src,             \
                        const global int *restrict index, const global int *restrict ids,          \
                        const int first, const int4 image, const int4 change, const int4 draw,     \
                        const int epoch, FACTORS)                                                  \
    {                                                                                              \
        const int height = image.s1, width = image.s2, lines = image.s0 * height;                  \
        const int pieces = (width - 1) / ELEMENT_GROUP + 1, all = lines * pieces;                   \
        const int r = (int)get_group_id(0) / all, piece = (int)get_group_id(0) - r * all;          \
        const int line = piece / pieces, y = line % height;                                        \
        const int x = (piece - line * pieces) * ELEMENT_GROUP + (int)get_local_id(0);              \
        const int row = source_row(index, change.s3, image.s3, first, r);                          \
        const int id = row < 0 ? 0 : ids[first + r];                                               \
        const philox_words a = philox((philox_words){id, epoch, draw.s2, 0}, draw.s0, draw.s1);    \
        const philox_words b = philox((philox_words){id, epoch, draw.s2, 1}, draw.s0, draw.s1);    \
        const int span = 2 * change.s0 + 1, cut = change.s2;                                       \
        const bool mirrored = change.s1 && a.s2 >> 31;                                             \
        const int from_y = y + below(a.s0, span) - change.s0;                                      \
        const int from_x = (mirrored ? width - 1 - x : x) + below(a.s1, span) - change.s0;         \
        const int cut_y = y - below(b.s0, height) + cut / 2;                                       \
        const int cut_x = x - below(b.s1, width) + cut / 2;                                        \
        if (x >= width) return;                                                                    \
        const bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;       \
        const bool is_cut = cut_y >= 0 && cut_y < cut && cut_x >= 0 && cut_x < cut;                \
        const int c = line * width + x, cols = lines * width;                                      \
        float v = 0.0f;                                                                            \
        if (row >= 0 && inside)                                                                    \
            v = convert_float(src[(size_t)row * cols + (line - y + from_y) * width + from_x]);     \
        if (row < 0) v = NAN;                                                                      \
        dst[(size_t)r * cols + c] = is_cut && row >= 0 ? 0.0f : SCALED;                            \
    }

#define ONE_SCALE const float scale, const float shift
#define COLUMNS   const global float *restrict columns

#define BY_ONE    v * scale + shift
#define BY_COLUMN (v - columns[cols + c] - columns[(size_t)2 * cols + c]) * columns[c]

AUGMENT_ROWS(augment_bytes, uchar, ONE_SCALE, BY_ONE)
AUGMENT_ROWS(augment_floats, float, ONE_SCALE, BY_ONE)
AUGMENT_ROWS(augment_bytes_by_column, uchar, COLUMNS, BY_COLUMN)
AUGMENT_ROWS(augment_floats_by_column, float, COLUMNS, BY_COLUMN)

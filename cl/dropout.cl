/* Dropout (Srivastava et al. 2014) of x (rows, cols), as torch.nn.functional.dropout in training:
 *
 *   y = m x        m = scale = 1 / (1 - p) where the element's random word is at least threshold
 *   dx = m dy          0 else                                              threshold = p 2^32
 *
 * Backward is forward of dy: the mask is drawn again, and kept nowhere. y may be x. With -DADD=1 this
 * is added to y.
 *
 * The word of row r and column c is word r % 4 of philox(seed; c, r / 4, stream, step), r counted
 * from the row `first_row` of a batch of which x may be a part. So a work-item draws once for four
 * rows of a column; a group has ELEMENT_GROUP columns:
 *
 *   rows 0 1 2 3   | block 0 | block 1 | ... |
 *   rows 4 5 6 7   | block 0 | block 1 | ... |
 *
 * draw: (seed low, seed high, stream, threshold).
 */
#include "element.cl"
#include "philox.cl"

ELEMENT_KERNEL dropout(global float *y, const global float *x, const int rows, const int cols,
                       const int first_row, const int step, const int4 draw, const float scale)
{
    const int blocks = (cols - 1) / ELEMENT_GROUP + 1;
    const int fours = (int)get_group_id(0) / blocks, four = first_row / 4 + fours;
    const int block = (int)get_group_id(0) - fours * blocks;
    const int c = block * ELEMENT_GROUP + (int)get_local_id(0);
    const philox_words words = philox((philox_words){c, four, draw.s2, step}, draw.s0, draw.s1);
    const uint word[4] = {words.s0, words.s1, words.s2, words.s3};
    const uint threshold = draw.s3;
    if (c >= cols) return; /* after the draw: before it, PoCL 3.1 takes twice as long */
    _Pragma("unroll") for (int k = 0; k < 4; k++)
    {
        const int r = four * 4 + k - first_row; /* alike in all of a group */
        const size_t i = (size_t)r * cols + c;
        if (r >= 0 && r < rows) GIVE(y[i], (word[k] >= threshold ? scale : 0.0f) * x[i]);
    }
}

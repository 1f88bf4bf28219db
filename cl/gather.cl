/* Rows of a data set, by index, as the network sees them.
 *
 *   dst (rows, cols)[r] = src (n, cols)[index[first + r]] * scale + shift
 *   by column           = ((src - high) - low) * scale, with these of each: columns (3, cols), the
 *                         scales, then the centers in two halves, so that the difference is exact
 *   labels              = the same for int (rows), as they are
 *   ints                = the same for int (rows, cols)
 *
 * index (n_index) may be null: then the row is first + r. A row that src does not have becomes NaN,
 * and its labels and ints -1, so that the loss tells of it.
 *
 *   row of dst   | block 0 | block 1 | ... |     a block is one group: ELEMENT_GROUP columns,
 *   next row     | block 0 | block 1 | ... |     one work-item each
 *
 * A division for each group, not for each element: integer division is not vectorised on CPUs.
 * The order of the statements matters on PoCL 3.1: with eight columns a work-item by vload8, or with
 * source_row after the return, the same work takes a hundred times as long.
 */
#include "element.cl"
#include "source_row.cl"

#define GATHER_ROWS(NAME, SOURCE, FACTORS, SCALED)                                                  \
    ELEMENT_KERNEL NAME(global float *restrict dst, const global SOURCE *restrict src,             \
                        const global int *restrict index, const int first, const int n_index,      \
                        const int n, const int cols, FACTORS)                                      \
    {                                                                                              \
        const int blocks = (cols - 1) / ELEMENT_GROUP + 1;                                         \
        const int r = (int)get_group_id(0) / blocks;                                               \
        const int block = (int)get_group_id(0) - r * blocks;                                       \
        const int c = block * ELEMENT_GROUP + (int)get_local_id(0);                                \
        const int row = source_row(index, n_index, n, first, r); /* one for the group */           \
        if (c >= cols) return;                                                                     \
        const float x = row < 0 ? NAN : convert_float(src[(size_t)row * cols + c]);                \
        dst[(size_t)r * cols + c] = SCALED;                                                        \
    }

#define ONE_SCALE const float scale, const float shift
#define COLUMNS   const global float *restrict columns

#define BY_ONE    x * scale + shift
#define BY_COLUMN (x - columns[cols + c] - columns[(size_t)2 * cols + c]) * columns[c]

GATHER_ROWS(gather_bytes, uchar, ONE_SCALE, BY_ONE)
GATHER_ROWS(gather_floats, float, ONE_SCALE, BY_ONE)
GATHER_ROWS(gather_bytes_by_column, uchar, COLUMNS, BY_COLUMN)
GATHER_ROWS(gather_floats_by_column, float, COLUMNS, BY_COLUMN)

ELEMENT_KERNEL gather_labels(global int *restrict dst, const global int *restrict src,
                             const global int *restrict index, const int first, const int n_index,
                             const int n, const int rows)
{
    const size_t r = ELEMENT;
    if (r >= (size_t)rows) return;
    const int row = source_row(index, n_index, n, first, (int)r);
    dst[r] = row < 0 ? -1 : src[row];
}

ELEMENT_KERNEL gather_ints(global int *restrict dst, const global int *restrict src,
                           const global int *restrict index, const int first, const int n_index,
                           const int n, const int cols)
{
    const int blocks = (cols - 1) / ELEMENT_GROUP + 1;
    const int r = (int)get_group_id(0) / blocks;
    const int block = (int)get_group_id(0) - r * blocks;
    const int c = block * ELEMENT_GROUP + (int)get_local_id(0);
    const int row = source_row(index, n_index, n, first, r); /* one for the group */
    if (c >= cols) return;
    dst[(size_t)r * cols + c] = row < 0 ? -1 : src[(size_t)row * cols + c];
}

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
 * The order of the statements matters on PoCL 3.1: with source_row after the return, the same work takes a
 * hundred times as long.
 *
 * With -DVW=4, 8 or 16, for CPUs, a group is one work-item and has per_item whole rows, which it goes through
 * by vectors; the last vector of a row is moved back to end at the last column.
 */
#ifndef VW
#define VW 1
#endif
#include "element.cl"
#include "source_row.cl"
#include "vector.cl"

#if VW == 16
#define FLOATS(x) convert_float16(x)
#elif VW == 8
#define FLOATS(x) convert_float8(x)
#elif VW == 4
#define FLOATS(x) convert_float4(x)
#else
#define FLOATS(x) convert_float(x)
#endif

#if VW > 1
#define GATHER_ROWS(NAME, SOURCE, FACTORS, SCALED)                                                  \
    kernel __attribute__((reqd_work_group_size(1, 1, 1))) void                                     \
    NAME(global float *restrict dst, const global SOURCE *restrict src,                            \
         const global int *restrict index, const int first, const int n_index, const int n,         \
         const int cols, FACTORS, const int rows, const int per_item)                              \
    {                                                                                              \
        const int begin = (int)get_group_id(0) * per_item, end = min(begin + per_item, rows);      \
        for (int r = begin; r < end; r++) {                                                        \
            const int row = source_row(index, n_index, n, first, r);                               \
            const global SOURCE *from = src + (size_t)max(row, 0) * cols;                          \
            for (int k = 0; k < cols; k += VW) {                                                   \
                const int c = min(k, cols - VW);                                                   \
                const VEC x = row < 0 ? (VEC)(NAN) : FLOATS(LOAD(from + c));                       \
                STORE(SCALED, dst + (size_t)r * cols + c);                                         \
            }                                                                                      \
        }                                                                                          \
    }
#else
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
        const float x = row < 0 ? NAN : FLOATS(src[(size_t)row * cols + c]);                       \
        dst[(size_t)r * cols + c] = SCALED;                                                        \
    }
#endif

#define ONE_SCALE const float scale, const float shift
#define COLUMNS   const global float *restrict columns

#define BY_ONE    x * scale + shift
#define BY_COLUMN                                                                                  \
    (x - LOAD(columns + cols + c) - LOAD(columns + (size_t)2 * cols + c)) * LOAD(columns + c)

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

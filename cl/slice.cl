/* Copies rows into a part of longer rows, out of one, or both: what slice, split and concat are made of.
 *
 *   dst (outer, dst_pitch)[o][dst_start + i] = src (outer, src_pitch)[o][src_start + i], i < width
 *
 *                 src_pitch                     dst_pitch           A tensor (outer, axis, inner) that is
 *         +------+=======+---+             +---+=======+-----+      cut along axis has rows of axis inner
 *   outer |      | width |   |    ==>      |   | width |     |      elements, and a part of it starts at
 *         +------+=======+---+             +---+=======+-----+      first inner.
 *             src_start                    dst_start
 *
 * Elements are 32 bits, of whatever type. With -DADD=1 they are floats, which are added to dst's.
 *   slice_wide     a group has ELEMENT_GROUP neighbouring elements of one row: no division an element,
 *                  which CPUs do not vectorise
 *   slice_narrow   for rows shorter than a group: one work-item an element of all rows
 */
#include "element.cl"

#if ADD
#define TYPE float
#else
#define TYPE uint
#endif

ELEMENT_KERNEL slice_wide(global TYPE *restrict dst, const global TYPE *restrict src,
                          const int width, const int dst_pitch, const int dst_start,
                          const int src_pitch, const int src_start)
{
    const int blocks = (width - 1) / ELEMENT_GROUP + 1;
    const int o = (int)get_group_id(0) / blocks;
    const int block = (int)get_group_id(0) - o * blocks;
    const int i = block * ELEMENT_GROUP + (int)get_local_id(0);
    if (i >= width) return;
    GIVE(dst[(size_t)o * dst_pitch + dst_start + i], src[(size_t)o * src_pitch + src_start + i]);
}

ELEMENT_KERNEL slice_narrow(global TYPE *restrict dst, const global TYPE *restrict src, const int n,
                            const int width, const int dst_pitch, const int dst_start,
                            const int src_pitch, const int src_start)
{
    if (!HAS_ELEMENT(n)) return;
    const int at = (int)ELEMENT, o = at / width, i = at - o * width;
    GIVE(dst[(size_t)o * dst_pitch + dst_start + i], src[(size_t)o * src_pitch + src_start + i]);
}

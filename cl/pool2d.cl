/* Where the windows of a pooling lie; included by max_pool2d.cl and avg_pool2d.cl.
 *
 *   image    (planes, height, width, out height, out width, height x width, out height x out width,
 *            planes x out height): of products of a vector's elements LLVM makes an instruction that
 *            Oclgrind 21.10 does not know when it looks for uninitialised reads
 *   window   (kernel, stride, padding, dilation), of each the height's before the width's
 *
 * A plane is one channel of one sample. Output o along a dimension has the elements
 * o stride - padding + k dilation of it, k = 0 ... kernel - 1, but for those outside:
 *
 *   padding 1, kernel 3, stride 2      . 0 1 2 3 4 .        output 0: 0 1    output 1: 1 2 3
 *                                      |---| |---|          output 2: 3 4
 *                                          |---|
 *
 * Each kernel has two forms. One work-item an element, where a gradient looks which windows have it, so that
 * no two write to one place. And with -DLONE=1 one work-item a group, for CPUs, where the first form does
 * not become vectors: forward has per_item rows of outputs, and takes VW neighbours at a time in the columns
 * [begin, end), all of whose windows lie in the image; the last vector may begin before the end of the one
 * before it. Backward has per_item planes, and adds each dy to its places. Both forms give the same bits:
 * each adds in the order of the windows.
 *
 * -DSTEP=2 where the stride of the width is 2, and VW more than 1.
 * -DHALVES=1 with LONE: windows of 2 x 2 in steps of 2, without padding; of backward, each element in one. A row
 * of outputs is one or more vectors, the last moved back to end at the last; one that is shorter than a vector
 * is a vector that reaches into the next row, which comes after it, and the last of an item goes one by one.
 */
#ifndef HALVES
#define HALVES 0
#endif
#ifndef LONE
#define LONE 0
#endif
#ifndef VW
#define VW 1
#endif
#ifndef STEP
#define STEP 1
#endif
#include "element.cl"
#include "vector.cl"

#define PLANES     image.s0
#define HEIGHT     image.s1
#define WIDTH      image.s2
#define OUT_HEIGHT image.s3
#define OUT_WIDTH  image.s4
#define IN_PLANE   image.s5
#define OUT_PLANE  image.s6
#define OUT_ROWS   image.s7
#define KERNEL_H   window.s0
#define KERNEL_W   window.s1
#define STRIDE_H   window.s2
#define STRIDE_W   window.s3
#define PADDING_H  window.s4
#define PADDING_W  window.s5
#define DILATION_H window.s6
#define DILATION_W window.s7

#define LONE_KERNEL kernel __attribute__((reqd_work_group_size(1, 1, 1))) void

/* The quotient, rounded up; 0 for what is negative. b is positive. */
static inline int quotient_up(const int a, const int b)
{
    return a > 0 ? (a - 1) / b + 1 : 0;
}

/* Element k of each of the VW windows that are STEP apart, of `kernel` elements, the first of which is at
 * p. With STEP 2 the vectors read cover no more than all windows together, if the kernel is 2 or more. */
static inline VEC of_windows(const global float *p, const int k, const int kernel_size, const int dilation)
{
#if VW > 1 && STEP == 2
    const bool is_odd = k & 1 || k + 1 == kernel_size;
    const global float *from = p + k - (is_odd ? 1 : 0);
    const VEC low = LOAD(from), high = LOAD(from + VW);
    return is_odd ? (VEC)(low.odd, high.odd) : (VEC)(low.even, high.even);
#else
    return LOAD(p + k * dilation);
#endif
}

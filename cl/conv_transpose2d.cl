/* The last step of a transposed convolution, whose sums are the data pass of a convolution: each channel's bias
 * (unless it is null), and the activation.
 *
 *   y (planes, area) = act(y + bias (channels)[plane % channels])
 *
 *   plane      0                  1                ...       (n, channels) of them
 *   group      0 | 1 | .. | last   parts | ..                 a group has ELEMENT_GROUP elements of one plane,
 *   work-item  an element                                    so that one division finds its channel
 */
#include "element.cl"

#define FLOAT float
#include "activation_functions.cl"

ELEMENT_KERNEL conv_transpose2d_finish(global float *restrict y, const global float *restrict bias,
                                       const int channels, const int area, const float slope)
{
    const int parts = (area - 1) / ELEMENT_GROUP + 1;
    const int group = (int)get_group_id(0), plane = group / parts;
    const int first = (group - plane * parts) * ELEMENT_GROUP, at = first + (int)get_local_id(0);
    /* The group's common answer first, as HAS_ELEMENT's. */
    if (first > area - ELEMENT_GROUP && at >= area) return;
    const int channel = plane - plane / channels * channels;
    global float *to = y + (size_t)plane * area + at;
    *to = activation_forward(*to + (bias ? bias[channel] : 0.0f), slope);
}

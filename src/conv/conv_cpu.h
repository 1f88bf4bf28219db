/* What the providers of convolution for CPUs share. */
#ifndef CLADE_CONV_CONV_CPU_H
#define CLADE_CONV_CONV_CPU_H

#include "conv/conv.h"

#define CLADE__CONV_MAX_TILE 8 /* output channels of a tile */

static inline int clade__ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

#define CLADE__CONV_MAX_TAPS 128 /* of a kernel */

/* Whether products of sizes fit the kernels' int, with room to spare, and the taps the kernels' lists. */
bool clade__conv_is_countable(const clade__conv *conv);

/* The largest part of n, at most `most`, so that all parts are of about one size. */
static inline int clade__conv_even_part(int n, int most)
{
    return clade__ceil_div(n, clade__ceil_div(n, most < 1 ? 1 : most));
}

/* How a kernel lies: height and width, stride, padding and dilation. */
clade__arg clade__conv_window_arg(const clade__conv *conv);

/* The chunks of images of a weight's gradient, by the shapes alone: each has a sum of its own in the call's
 * scratch, and conv_join records what adds them up. */
void clade__conv_set_chunks(const clade__conv *conv, int *images, int *chunks);
clade_status clade__conv_join(clade__commands *commands, const clade__conv_call *call, int chunks);

/* Output channels of a tile, at most as many as there are, with the least work in tiles that reach over
 * the last one. */
int clade__conv_tile_rows(int channels, int vw);

/* Groups to cut a pass into at least: enough that no compute unit waits long for the last. */
int clade__conv_wanted_groups(const clade_device *device);

#endif

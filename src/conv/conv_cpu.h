/* What the providers of convolution for CPUs share. */
#ifndef CLADE_CONV_CONV_CPU_H
#define CLADE_CONV_CONV_CPU_H

#include "conv/conv.h"

#define CLADE__CONV_MAX_TILE 8 /* output channels of a tile */
#define CLADE__BY_SLOPE      6 /* cl/activation_functions.cl's: relu, leaky_relu and identity in one */

static inline int clade__ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

/* Output channels of a tile, at most as many as there are, with the least work in tiles that reach over
 * the last one. */
int clade__conv_tile_rows(int channels, int vw);

/* The number by which kernels choose an activation, and its slope. */
int clade__conv_activation(const clade__epilogue *epilogue, float *slope);

/* Groups to cut a pass into at least: enough that no compute unit waits long for the last. */
int clade__conv_wanted_groups(const clade_device *device);

#endif

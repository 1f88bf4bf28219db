/* What a convolution is, without a device: which products each output is the sum of. The formulas in double
 * precision, of the layer and of verify, go by it; no kernel does. */
#include "conv/conv.h"

/* Those of one output element. */
static void for_window(const clade__conv *v, const int at[4], int64_t y, clade__conv_each *each,
                       const void *user)
{
    int c = v->c / v->groups, first = at[1] / (v->oc / v->groups) * c;
    for (int k = 0; k < c; k++)
        for (int ky = 0; ky < v->kernel[0]; ky++)
            for (int kx = 0; kx < v->kernel[1]; kx++) {
                int iy = at[2] * v->stride[0] + ky * v->dilation[0] - v->pad[0];
                int ix = at[3] * v->stride[1] + kx * v->dilation[1] - v->pad[1];
                if (iy < 0 || iy >= v->h || ix < 0 || ix >= v->w) continue;
                int64_t x = (((int64_t)at[0] * v->c + first + k) * v->h + iy) * v->w + ix;
                int64_t w = (((int64_t)at[1] * c + k) * v->kernel[0] + ky) * v->kernel[1] + kx;
                each(user, y, x, w);
            }
}

void clade__conv_products(const clade__conv *conv, clade__conv_each *each, const void *user)
{
    int64_t y = 0;
    for (int i = 0; i < conv->n; i++)
        for (int o = 0; o < conv->oc; o++)
            for (int p = 0; p < conv->oh; p++)
                for (int q = 0; q < conv->ow; q++)
                    for_window(conv, (const int[]){i, o, p, q}, y++, each, user);
}

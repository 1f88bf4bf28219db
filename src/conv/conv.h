/* Convolution of images, with providers, as gemm has them.
 *
 *   y (n, oc, oh, ow)[i][o][p][q] = act(bias[o] + sum over c, ky, kx of weight (oc, c / groups, kh, kw)
 *       [o][c][ky][kx] * x (n, c, h, w)[i][first(o) + c][p stride + ky dilation - pad][q ...])
 *
 * where x is 0 outside the image, and first(o) is the first channel of o's group, as in torch.nn.Conv2d.
 * Three passes: y from x, dx from dy, and dweight from x and dy. Every provider sums in an order that
 * follows from the shapes alone. */
#ifndef CLADE_CONV_CONV_H
#define CLADE_CONV_CONV_H

#include <clade/ops.h>

#include "blas/gemm.h"

/* The sizes of a convolution; what has two is of height and width. */
typedef struct clade__conv {
    int n, c, h, w, oc, oh, ow, groups;
    int kernel[2], stride[2], dilation[2];
    int pad[2]; /* above and left of the image */
} clade__conv;

/* From x (n, c, h, w), the number of output channels, the kernel and a window, whose zeros are read as its
 * comment says; NULL: all of them. CLADE_ESHAPE where they do not go together, CLADE_EINVAL for a number
 * out of range. */
clade_status clade__conv_of(clade__conv *out, clade_shape x, int64_t oc, const int64_t kernel[2],
                            const clade_conv2d_window *window);

/* The convolution whose passes a transposed one runs backwards: from its own input x (n, oc, oh, ow), to c
 * channels, and a window. Its output is the convolution's x (n, c, h, w), so that the data pass is its forward,
 * the forward pass the gradient of its input, and the weight pass, with dy for x and x for dy, that of the
 * weight. With an output_padding h and w may be larger than a convolution's oh and ow ask for. Errors as above. */
clade_status clade__conv_transposed_of(clade__conv *out, clade_shape x, int64_t channels,
                                       const int64_t kernel[2],
                                       const clade_conv_transpose2d_window *window);

/* (n, c, h, w), (n, oc, oh, ow) and (oc, c / groups, kh, kw). */
clade_shape clade__conv_x_shape(const clade__conv *conv);
clade_shape clade__conv_y_shape(const clade__conv *conv);
clade_shape clade__conv_weight_shape(const clade__conv *conv);

/* conv_products.c: calls `each` for every product of the convolution: element y is the sum of elements x
 * times elements w of the weight. In a fixed order, one output element after another. */
typedef void clade__conv_each(const void *user, int64_t y, int64_t x, int64_t w);
void clade__conv_products(const clade__conv *conv, clade__conv_each *each, const void *user);

typedef enum clade__conv_pass {
    CLADE__CONV_FORWARD, /* y from x and weight, with an epilogue: also a gradient of a transposed one */
    CLADE__CONV_DATA,    /* dx from dy and weight */
    CLADE__CONV_WEIGHT   /* dweight from x and dy */
} clade__conv_pass;

/* A call, whose tensors have the shapes of conv; the pass says which of them it has. */
typedef struct clade__conv_call {
    clade__conv conv;
    clade__conv_pass pass;
    const clade_tensor *x, *weight, *dy;
    clade_tensor *out;        /* y, dx or dweight */
    bool add;                 /* out is added to what it holds */
    clade__epilogue epilogue; /* of forward: bias (oc) */
    clade_tensor *scratch;    /* at least clade__conv_scratch floats; NULL where that is 0 */
} clade__conv_call;

typedef struct clade__conv_provider {
    const char *name;

    /* Why the provider does not take a pass, or NULL when it does. */
    const char *(*refuses)(const clade_device *device, const clade__conv *conv, clade__conv_pass pass);

    clade_status (*record)(clade__commands *commands, const clade__conv_call *call);
} clade__conv_provider;

extern const clade__conv_provider clade__conv_winograd, clade__conv_winograd_weight, clade__conv_lanes,
    clade__conv_outer, clade__conv_tiled, clade__conv_columns;

/* Records the call; provider NULL: the first that takes it. */
clade_status clade__conv_record(clade__commands *commands, const clade__conv_provider *provider,
                                const clade__conv_call *call);

/* Floats of scratch that a pass needs, with any provider. */
int64_t clade__conv_scratch(const clade__conv *conv, clade__conv_pass pass);

/* The same of conv_columns.c, for every pass, of conv_tiled.c and of conv_winograd.c, which is for kernels of
 * 3 x 3 in steps of 1. */
int64_t clade__conv_columns_scratch(const clade__conv *conv);
int64_t clade__conv_tiled_scratch(const clade__conv *conv, clade__conv_pass pass);
int64_t clade__conv_winograd_scratch(const clade__conv *conv, clade__conv_pass pass);
bool clade__conv_winograd_suits(const clade__conv *conv, clade__conv_pass pass);
bool clade__conv_winograd_weight_suits(const clade__conv *conv);

/* Outputs along one side of a tile, 2 or 4: for planes of such a size, of so many input channels; and for the
 * weight's gradient. */
int clade__conv_winograd_side(int channels, int height, int width);
int clade__conv_winograd_weight_side(const clade__conv *conv);

#endif

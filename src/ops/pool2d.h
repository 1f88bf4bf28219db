/* What max_pool2d and avg_pool2d share: the windows, and how work-items are laid over planes. */
#ifndef CLADE_OPS_POOL2D_H
#define CLADE_OPS_POOL2D_H

#include <clade/ops.h>

#include "ops/check.h"

/* The longest kernel, stride, padding and dilation. */
#define CLADE__MAX_WINDOW 32767

/* With the defaults in the place of zeros. CLADE_EINVAL for what is out of range, told as `op`'s. */
clade_status clade__pool2d_resolve(const char *op, const clade_pool2d_args *args,
                                   clade_pool2d_args *resolved);

/* The height and width of what comes out of an image; CLADE_ESHAPE where a window does not fit it. */
clade_status clade__pool2d_output(const char *op, const clade_pool2d_args *resolved,
                                  const int64_t image[2], int64_t out[2]);

/* A pooling of x to y, (…, height, width) each, on a device. */
typedef struct clade__pooling {
    clade_pool2d_args window; /* resolved; zeros of an adaptive one */
    int64_t planes, image[2], out[2];
    bool sums; /* of avg_pool2d's kernels: not divided by anything */
} clade__pooling;

/* Checks both shapes. With args NULL, y may have any height and width. */
clade_status clade__pooling_open(clade__pooling *pooling, const clade__check *check,
                                 const clade_pool2d_args *args, clade_shape x, clade_shape y);

/* The kernel's image and window; see cl/pool2d.cl. */
clade__arg clade__pooling_image(const clade__pooling *pooling);
clade__arg clade__pooling_window(const clade__pooling *pooling);

/* Outputs by rows, on a CPU: the columns [begin, end) that have vectors, and the -D for them. */
typedef struct clade__pooling_rows {
    int per_item;
    int64_t n_items, begin, end;
    char options[48];
} clade__pooling_rows;

/* Whether windows are 2 x 2 in steps of 2 without padding, for which a CPU has kernels by vectors; with `all`,
 * whether also each element of the image is in one. */
bool clade__pooling_halves(const clade__commands *commands, const clade__pooling *pooling, bool all);

/* False where the device has a work-item for each output. */
bool clade__pooling_by_rows(const clade__commands *commands, const clade__pooling *pooling,
                            clade__pooling_rows *rows);

/* How many planes a work-item of a CPU has of a gradient; 0 where each element has one. */
int64_t clade__pooling_planes(const clade__commands *commands, const clade__pooling *pooling);

/* avg_pool2d.c's launches; a pooling that is adaptive has no window. */
clade_status clade__pool_means_forward(clade__commands *commands, const clade__pooling *pooling,
                                       clade_tensor *y, const clade_tensor *x, bool adaptive);
clade_status clade__pool_means_backward(clade__commands *commands, const clade__pooling *pooling,
                                        clade_tensor *dx, const clade_tensor *dy, bool adaptive,
                                        bool add);

#endif

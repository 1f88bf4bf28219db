/* The nearest neighbour of an image that is `scale` times as high and wide: each element has a window of the
 * larger image. So it is the gradient of a pooling that sums, and its own gradient is that pooling. */
#include "ops/check.h"
#include "ops/ops.h"
#include "ops/pool2d.h"

/* The pooling from the larger image to the smaller. */
static clade_status open_windows(clade__pooling *p, const clade__check *check, clade_shape large,
                                 clade_shape small, const int64_t scale[2])
{
    char text[CLADE__SHAPE_TEXT_BYTES], other[CLADE__SHAPE_TEXT_BYTES];
    clade_shape want = small;
    for (int i = 0; i < 2; i++)
        if (scale[i] < 1 || scale[i] > CLADE__MAX_WINDOW)
            return clade__fail(CLADE_EINVAL, "upsample: scale_factor is %lld, want 1 to %d",
                               (long long)scale[i], CLADE__MAX_WINDOW);
    for (int i = 0; small.rank >= 2 && i < 2; i++) want.dim[small.rank - 2 + i] *= scale[i];
    if (small.rank < 2 || !clade__shape_equal(large, want))
        return clade__fail(CLADE_ESHAPE, "upsample: %s out of %s, want (…, height, width), each of them "
                           "times its scale_factor, %lld and %lld",
                           clade__shape_text(text, sizeof text, large),
                           clade__shape_text(other, sizeof other, small), (long long)scale[0],
                           (long long)scale[1]);
    const clade_pool2d_args args = {.kernel_size = {scale[0], scale[1]}};
    CLADE_TRY(clade__pooling_open(p, check, &args, large, small));
    p->sums = true;
    return CLADE_OK;
}

clade_status clade__upsample_forward(clade__commands *commands, clade_tensor *y,
                                     const clade_tensor *x, const int64_t scale[2])
{
    const clade__check check = {commands, "upsample"};
    clade__pooling p;
    CLADE_TRY(clade__check_tensor(&check, "x", x, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(&check, "y", y, CLADE_FLOAT32));
    CLADE_TRY(open_windows(&p, &check, y->shape, x->shape, scale));
    return clade__pool_means_backward(commands, &p, y, x, false, false);
}

clade_status clade__upsample_backward(clade__commands *commands, clade_tensor *dx,
                                      const clade_tensor *dy, const int64_t scale[2])
{
    const clade__check check = {commands, "upsample"};
    clade__pooling p;
    CLADE_TRY(clade__check_tensor(&check, "dx", dx, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(&check, "dy", dy, CLADE_FLOAT32));
    CLADE_TRY(open_windows(&p, &check, dy->shape, dx->shape, scale));
    return clade__pool_means_forward(commands, &p, dx, dy, false);
}

clade_status clade_upsample_forward(clade_tensor *y, const clade_tensor *x, int64_t scale_height,
                                    int64_t scale_width)
{
    return clade__upsample_forward(clade__immediate_of(x), y, x,
                                   (const int64_t[]){scale_height, scale_width});
}

clade_status clade_upsample_backward(clade_tensor *dx, const clade_tensor *dy, int64_t scale_height,
                                     int64_t scale_width)
{
    return clade__upsample_backward(clade__immediate_of(dx), dx, dy,
                                    (const int64_t[]){scale_height, scale_width});
}

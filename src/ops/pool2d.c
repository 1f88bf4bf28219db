#include "ops/pool2d.h"

#include <stdio.h>

static clade_status check_range(const char *op, const char *name, const int64_t size[2],
                                int64_t least)
{
    for (int i = 0; i < 2; i++)
        if (size[i] < least || size[i] > CLADE__MAX_WINDOW)
            return clade__fail(CLADE_EINVAL, "%s: %s is %lld, want %lld to %d", op, name,
                               (long long)size[i], (long long)least, CLADE__MAX_WINDOW);
    return CLADE_OK;
}

clade_status clade__pool2d_resolve(const char *op, const clade_pool2d_args *args,
                                   clade_pool2d_args *resolved)
{
    CLADE_WANT_UNUSED(op, args->reserved);
    CLADE_TRY(check_range(op, "kernel_size", args->kernel_size, 1));
    CLADE_TRY(check_range(op, "stride", args->stride, 0));
    CLADE_TRY(check_range(op, "padding", args->padding, 0));
    CLADE_TRY(check_range(op, "dilation", args->dilation, 0));
    *resolved = *args;
    for (int i = 0; i < 2; i++) {
        if (!resolved->stride[i]) resolved->stride[i] = args->kernel_size[i];
        if (!resolved->dilation[i]) resolved->dilation[i] = 1;
        if (args->padding[i] > args->kernel_size[i] / 2)
            return clade__fail(CLADE_EINVAL, "%s: padding is %lld, want at most half of kernel_size, "
                               "which is %lld", op, (long long)args->padding[i],
                               (long long)args->kernel_size[i]);
    }
    return CLADE_OK;
}

clade_status clade__pool2d_output(const char *op, const clade_pool2d_args *resolved,
                                  const int64_t image[2], int64_t out[2])
{
    int64_t padded[2], span[2];
    for (int i = 0; i < 2; i++) {
        padded[i] = image[i] + 2 * resolved->padding[i];
        span[i] = (resolved->kernel_size[i] - 1) * resolved->dilation[i] + 1;
        out[i] = (padded[i] - span[i]) / resolved->stride[i] + 1;
        if (image[i] > INT32_MAX / 2) /* a window's end is an int too */
            return clade__fail(CLADE_ESHAPE, "%s: the image is %lld x %lld, want at most %d", op,
                               (long long)image[0], (long long)image[1], INT32_MAX / 2);
    }
    if (span[0] <= padded[0] && span[1] <= padded[1]) return CLADE_OK;
    return clade__fail(CLADE_ESHAPE, "%s: the window is %lld x %lld, and the image with its padding "
                       "%lld x %lld", op, (long long)span[0], (long long)span[1],
                       (long long)padded[0], (long long)padded[1]);
}

clade_status clade__pooling_open(clade__pooling *p, const clade__check *check,
                                 const clade_pool2d_args *args, clade_shape x, clade_shape y)
{
    char text[CLADE__SHAPE_TEXT_BYTES], other[CLADE__SHAPE_TEXT_BYTES];
    if (x.rank < 2)
        return clade__fail(CLADE_ESHAPE, "%s: x is %s, want (…, height, width)", check->op,
                           clade__shape_text(text, sizeof text, x));
    *p = (clade__pooling){.image = {x.dim[x.rank - 2], x.dim[x.rank - 1]}};
    p->planes = clade_shape_elements(x) / (p->image[0] * p->image[1]);
    clade_shape want = x;
    if (args) {
        CLADE_TRY(clade__pool2d_resolve(check->op, args, &p->window));
        CLADE_TRY(clade__pool2d_output(check->op, &p->window, p->image, p->out));
    } else if (y.rank == x.rank) {
        p->out[0] = y.dim[y.rank - 2];
        p->out[1] = y.dim[y.rank - 1];
    }
    want.dim[x.rank - 2] = p->out[0];
    want.dim[x.rank - 1] = p->out[1];
    if (clade__shape_equal(y, want)) return CLADE_OK;
    if (!args)
        return clade__fail(CLADE_ESHAPE, "%s: y is %s, want the shape of x, %s, but for its height and "
                           "width", check->op, clade__shape_text(text, sizeof text, y),
                           clade__shape_text(other, sizeof other, x));
    return clade__fail(CLADE_ESHAPE, "%s: y is %s, want %s", check->op,
                       clade__shape_text(text, sizeof text, y),
                       clade__shape_text(other, sizeof other, want));
}

clade__arg clade__pooling_image(const clade__pooling *p)
{
    return (clade__arg){CLADE__ARG_INT8,
                        {.ints = {(int32_t)p->planes, (int32_t)p->image[0], (int32_t)p->image[1],
                                  (int32_t)p->out[0], (int32_t)p->out[1],
                                  (int32_t)(p->image[0] * p->image[1]),
                                  (int32_t)(p->out[0] * p->out[1]),
                                  (int32_t)(p->planes * p->out[0])}}};
}

clade__arg clade__pooling_window(const clade__pooling *p)
{
    clade__arg arg = {.kind = CLADE__ARG_INT8};
    for (int i = 0; i < 2; i++) {
        arg.as.ints[i] = (int32_t)p->window.kernel_size[i];
        arg.as.ints[2 + i] = (int32_t)p->window.stride[i];
        arg.as.ints[4 + i] = (int32_t)p->window.padding[i];
        arg.as.ints[6 + i] = (int32_t)p->window.dilation[i];
    }
    return arg;
}

/* Elements that a work-item of a CPU should have, where there are enough of them. */
#define ITEM_ELEMENTS 4096

/* So many parts of `size` elements each. */
static int64_t parts_of_item(int64_t size)
{
    return size >= ITEM_ELEMENTS ? 1 : ITEM_ELEMENTS / size;
}

#define LEAST_HALVES 4 /* outputs of a row for which a vector of them pays */

bool clade__pooling_halves(const clade__commands *commands, const clade__pooling *p, bool all)
{
    const clade_pool2d_args *w = &p->window;
    if (clade__item_vector(clade__commands_device(commands)) == 1 || p->out[1] < LEAST_HALVES) return false;
    for (int i = 0; i < 2; i++)
        if (w->kernel_size[i] != 2 || w->stride[i] != 2 || w->padding[i] != 0 || w->dilation[i] != 1 ||
            (all && p->image[i] % 2 != 0))
            return false;
    return true;
}

bool clade__pooling_by_rows(const clade__commands *commands, const clade__pooling *p,
                            clade__pooling_rows *rows)
{
    const int64_t step = p->window.stride[1], kernel = p->window.kernel_size[1];
    const int64_t span = (kernel - 1) * p->window.dilation[1] + 1;
    int vector = clade__item_vector(clade__commands_device(commands));
    *rows = (clade__pooling_rows){0};
    if (vector == 1) return false;
    if (step == 1 || (step == 2 && kernel > 1 && p->window.dilation[1] == 1)) {
        rows->begin = (p->window.padding[1] + step - 1) / step;
        rows->end = p->image[1] + p->window.padding[1] - span;
        rows->end = rows->end < 0 ? 0 : rows->end / step + 1;
    }
    while (vector > 1 && rows->end - rows->begin < vector) vector = vector > 4 ? vector / 2 : 1;
    if (vector == 1) rows->begin = rows->end = 0;
    snprintf(rows->options, sizeof rows->options, "-DLONE=1 -DVW=%d -DSTEP=%d", vector,
             vector > 1 && step == 2 ? 2 : 1);
    rows->per_item = (int)parts_of_item(p->window.stride[0] * p->image[1]);
    rows->n_items = (p->planes * p->out[0] - 1) / rows->per_item + 1;
    return true;
}

/* With fewer planes some of a CPU's cores would have none. */
#define FEW_PLANES 32

int64_t clade__pooling_planes(const clade__commands *commands, const clade__pooling *p)
{
    if (clade__item_vector(clade__commands_device(commands)) == 1 || p->planes < FEW_PLANES) return 0;
    int64_t most = p->planes / FEW_PLANES, fit = parts_of_item(p->image[0] * p->image[1]);
    return fit < most ? fit : most;
}

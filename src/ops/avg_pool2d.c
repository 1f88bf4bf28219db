#include <stdio.h>

#include "ops/mapping.h"
#include "ops/ops.h"
#include "ops/pool2d.h"

/* The window as avg_pool2d's kernels have it: in the place of the dilation is what divides. The window of an
 * adaptive pooling is all zeros. */
static clade__arg window_of(const clade__pooling *p)
{
    clade__arg arg = clade__pooling_window(p);
    arg.as.ints[6] = p->sums ? 1 : p->window.leaves_padding_out ? 0 : arg.as.ints[0] * arg.as.ints[1];
    return arg;
}

static const char *options_of(char text[64], bool lone, bool adaptive, bool add)
{
    static const char *const forms[2][2] = {{NULL, "-DADAPTIVE=1"},
                                            {"-DLONE=1", "-DLONE=1 -DADAPTIVE=1"}};
    return clade__options_adding(text, forms[lone][adaptive], add);
}

clade_status clade__pool_means_forward(clade__commands *commands, const clade__pooling *p,
                                       clade_tensor *y, const clade_tensor *x, bool adaptive)
{
    clade__pooling_rows rows;
    char options[64];
    const int64_t n = clade_tensor_elements(y);
    if (!adaptive && clade__pooling_by_rows(commands, p, &rows))
        return clade__commands_launch(
            commands, &(clade__launch){
                          .program = "avg_pool2d",
                          .kernel = "avg_pool2d_forward",
                          .options = rows.options,
                          .groups = {(size_t)rows.n_items},
                          .local = {1},
                          CLADE__ARGS(clade__arg_tensor(y), clade__arg_tensor(x),
                                      clade__pooling_image(p), window_of(p),
                                      clade__arg_int(rows.per_item), clade__arg_int(rows.begin),
                                      clade__arg_int(rows.end)),
                      });
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "avg_pool2d",
                      .kernel = "avg_pool2d_forward",
                      .options = options_of(options, false, adaptive, false),
                      CLADE__ELEMENTS(n),
                      CLADE__ARGS(clade__arg_tensor(y), clade__arg_tensor(x), clade__arg_int(n),
                                  clade__pooling_image(p), window_of(p)),
                  });
}

clade_status clade__pool_means_backward(clade__commands *commands, const clade__pooling *p,
                                        clade_tensor *dx, const clade_tensor *dy, bool adaptive,
                                        bool add)
{
    char options[64];
    const int64_t n = clade_tensor_elements(dx), per_item = clade__pooling_planes(commands, p);
    if (per_item == 0)
        return clade__commands_launch(
            commands, &(clade__launch){
                          .program = "avg_pool2d",
                          .kernel = "avg_pool2d_backward",
                          .options = options_of(options, false, adaptive, add),
                          CLADE__ELEMENTS(n),
                          CLADE__ARGS(clade__arg_tensor(dx), clade__arg_tensor(dy),
                                      clade__arg_int(n), clade__pooling_image(p), window_of(p)),
                      });
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "avg_pool2d",
                      .kernel = "avg_pool2d_backward",
                      .options = options_of(options, true, adaptive, add),
                      .groups = {clade__groups(p->planes, (size_t)per_item)},
                      .local = {1},
                      CLADE__ARGS(clade__arg_tensor(dx), clade__arg_tensor(dy),
                                  clade__pooling_image(p), window_of(p), clade__arg_int(per_item)),
                  });
}

/* ---- windows of one size ----------------------------------------------------------------------- */

static clade_status open_plain(clade__pooling *p, const clade__check *check,
                               const clade_pool2d_args *args, clade_shape x, clade_shape y)
{
    CLADE_TRY(clade__pooling_open(p, check, args, x, y));
    if (p->window.dilation[0] == 1 && p->window.dilation[1] == 1) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "%s: its windows have no dilation", check->op);
}

clade_status clade__avg_pool2d_forward(clade__commands *commands, clade_tensor *y,
                                       const clade_tensor *x, const clade_pool2d_args *args)
{
    const clade__check check = {commands, "avg_pool2d"};
    clade__pooling p;
    CLADE_TRY(clade__check_tensor(&check, "x", x, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(&check, "y", y, CLADE_FLOAT32));
    CLADE_TRY(open_plain(&p, &check, args, x->shape, y->shape));
    return clade__pool_means_forward(commands, &p, y, x, false);
}

clade_status clade__avg_pool2d_backward(clade__commands *commands, clade_tensor *dx,
                                        const clade_tensor *dy, const clade_pool2d_args *args,
                                        bool add)
{
    const clade__check check = {commands, "avg_pool2d"};
    clade__pooling p;
    CLADE_TRY(clade__check_tensor(&check, "dx", dx, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(&check, "dy", dy, CLADE_FLOAT32));
    CLADE_TRY(open_plain(&p, &check, args, dx->shape, dy->shape));
    return clade__pool_means_backward(commands, &p, dx, dy, false, add);
}

/* ---- windows that share the image -------------------------------------------------------------- */

/* Where they are all alike they are those of a kernel. */
static bool is_even(const clade__pooling *p)
{
    return p->image[0] % p->out[0] == 0 && p->image[1] % p->out[1] == 0;
}

static void set_even(clade__pooling *p)
{
    for (int i = 0; i < 2; i++)
        p->window.kernel_size[i] = p->window.stride[i] = p->image[i] / p->out[i];
    p->window.dilation[0] = p->window.dilation[1] = 1;
}

int64_t clade__adaptive_avg_pool2d_scratch(clade_shape x, const int64_t out[2])
{
    const int64_t plane = x.rank < 2 ? 1 : x.dim[x.rank - 2] * x.dim[x.rank - 1];
    if (out[0] != 1 || out[1] != 1) return 0;
    return clade__reduce_scratch(1, CLADE_SHAPE(clade_shape_elements(x) / plane, plane));
}

clade_status clade__adaptive_avg_pool2d_forward(clade__commands *commands, clade_tensor *y,
                                                const clade_tensor *x, clade_tensor *scratch)
{
    const clade__check check = {commands, "adaptive_avg_pool2d"};
    clade__pooling p;
    CLADE_TRY(clade__check_tensor(&check, "x", x, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(&check, "y", y, CLADE_FLOAT32));
    CLADE_TRY(clade__pooling_open(&p, &check, NULL, x->shape, y->shape));
    if (p.out[0] == 1 && p.out[1] == 1) { /* the means of planes as rows */
        const clade_shape rows = CLADE_SHAPE(p.planes, p.image[0] * p.image[1]);
        const clade_tensor planes = clade__tensor_reshaped(x, rows);
        return clade__reduce_forward(commands, CLADE_MEAN, 1, y, &planes, scratch);
    }
    if (is_even(&p)) set_even(&p);
    return clade__pool_means_forward(commands, &p, y, x, !is_even(&p));
}

clade_status clade__adaptive_avg_pool2d_backward(clade__commands *commands, clade_tensor *dx,
                                                 const clade_tensor *dy, bool add)
{
    const clade__check check = {commands, "adaptive_avg_pool2d"};
    clade__pooling p;
    CLADE_TRY(clade__check_tensor(&check, "dx", dx, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(&check, "dy", dy, CLADE_FLOAT32));
    CLADE_TRY(clade__pooling_open(&p, &check, NULL, dx->shape, dy->shape));
    if (is_even(&p)) set_even(&p);
    return clade__pool_means_backward(commands, &p, dx, dy, !is_even(&p), add);
}

/* ---- at once ------------------------------------------------------------------------------------ */

clade_status clade_avg_pool2d_forward(clade_tensor *y, const clade_tensor *x,
                                      const clade_pool2d_args *args)
{
    CLADE_WANT(args);
    return clade__avg_pool2d_forward(clade__immediate_of(x), y, x, args);
}

clade_status clade_avg_pool2d_backward(clade_tensor *dx, const clade_tensor *dy,
                                       const clade_pool2d_args *args)
{
    CLADE_WANT(args);
    return clade__avg_pool2d_backward(clade__immediate_of(dx), dx, dy, args, false);
}

clade_status clade_adaptive_avg_pool2d_forward(clade_tensor *y, const clade_tensor *x)
{
    /* Freed at once: the pool hands a buffer on only to work that is queued after this. */
    clade_tensor *scratch = NULL;
    const bool is_one = x && y && clade_tensor_elements(y) > 0 && y->shape.rank >= 2 &&
                        y->shape.dim[y->shape.rank - 2] == 1 && clade__shape_cols(y->shape) == 1;
    const int64_t n =
        is_one ? clade__adaptive_avg_pool2d_scratch(x->shape, (const int64_t[]){1, 1}) : 0;
    if (n > 0)
        CLADE_TRY(clade_tensor_create(&scratch, x->device, CLADE_FLOAT32, CLADE_SHAPE(n), NULL));
    clade_status status =
        clade__adaptive_avg_pool2d_forward(clade__immediate_of(x), y, x, scratch);
    clade_tensor_free(scratch);
    return status;
}

clade_status clade_adaptive_avg_pool2d_backward(clade_tensor *dx, const clade_tensor *dy)
{
    return clade__adaptive_avg_pool2d_backward(clade__immediate_of(dx), dx, dy, false);
}

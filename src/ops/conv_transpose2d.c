/* The passes of a convolution with its two images exchanged: see clade__conv_transposed_of. */
#include <stdio.h>

#include "ops/conv2d.h"
#include "ops/mapping.h"

clade__conv2d_needs clade__conv_transpose2d_needs_of(const clade__conv *conv, bool has_bias)
{
    int64_t data = clade__conv_scratch(conv, CLADE__CONV_FORWARD); /* that of its gradient */
    int64_t weight = clade__conv_scratch(conv, CLADE__CONV_WEIGHT);
    clade__conv2d_needs needs = {.forward = clade__conv_scratch(conv, CLADE__CONV_DATA),
                                 .backward = data > weight ? data : weight};
    if (has_bias) clade__conv2d_add_bias_needs(&needs, clade__conv_x_shape(conv));
    return needs;
}

/* Checks x and weight, and reads the sizes off them. */
static clade_status read_sizes(const clade__check *check, clade__conv *conv, const clade_tensor *x,
                               const clade_tensor *weight,
                               const clade_conv_transpose2d_window *window)
{
    CLADE_TRY(clade__check_tensor(check, "x", x, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(check, "weight", weight, CLADE_FLOAT32));
    if (x->shape.rank != 4 || weight->shape.rank != 4)
        return clade__fail(CLADE_ESHAPE, "conv_transpose2d: ranks of x and weight are %d and %d, want 4",
                           x->shape.rank, weight->shape.rank);
    const int64_t *dim = weight->shape.dim;
    int64_t groups = window && window->groups > 0 && window->groups <= INT32_MAX ? window->groups : 1;
    CLADE_TRY(clade__conv_transposed_of(conv, x->shape, dim[1] * groups, dim + 2, window));
    return clade__check_shape(check, "weight", weight, CLADE_FLOAT32, clade__conv_weight_shape(conv));
}

/* The bias and the activation of y (n, channels, height, width), which the data pass has none of. */
static clade_status finish(clade__commands *commands, clade_tensor *y, const clade__epilogue *epilogue)
{
    const int64_t *dim = y->shape.dim, area = dim[2] * dim[3];
    char options[32];
    if (!epilogue->bias && epilogue->activation == CLADE_IDENTITY) return CLADE_OK;
    snprintf(options, sizeof options, "-DACTIVATION=%d", (int)epilogue->activation);
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "conv_transpose2d",
                      .kernel = "conv_transpose2d_finish",
                      .options = options,
                      .groups = {clade__groups(area, CLADE__ELEMENT_GROUP) * (size_t)(dim[0] * dim[1])},
                      .local = {CLADE__ELEMENT_GROUP},
                      CLADE__ARGS(clade__arg_tensor(y), clade__arg_tensor(epilogue->bias),
                                  clade__arg_int(dim[1]), clade__arg_int(area),
                                  clade__arg_float(epilogue->slope)),
                  });
}

clade_status clade__conv_transpose2d_forward(clade__commands *commands,
                                             const clade__conv_transpose2d_work *work,
                                             clade_tensor *y, const clade_tensor *x,
                                             const clade_tensor *weight,
                                             const clade__epilogue *epilogue)
{
    const clade__check check = {commands, "conv_transpose2d"};
    clade__conv_call call = {.pass = CLADE__CONV_DATA, .dy = x, .weight = weight, .out = y,
                             .scratch = work->memory.scratch};
    CLADE_TRY(read_sizes(&check, &call.conv, x, weight, work->window));
    CLADE_TRY(clade__check_shape(&check, "y", y, CLADE_FLOAT32, clade__conv_x_shape(&call.conv)));
    if (epilogue->bias)
        CLADE_TRY(clade__check_count(&check, "bias", epilogue->bias, CLADE_FLOAT32, call.conv.c));
    CLADE_TRY(clade__conv_record(commands, work->provider, &call));
    return finish(commands, y, epilogue);
}

clade_status clade__conv_transpose2d_backward(clade__commands *commands,
                                              const clade__conv_transpose2d_work *work,
                                              const clade__conv2d_gradients *gradients,
                                              const clade_tensor *x, const clade_tensor *weight,
                                              const clade_tensor *dy)
{
    const clade__check check = {commands, "conv_transpose2d"};
    clade__conv_call call = {.x = dy, .weight = weight, .dy = x, .scratch = work->memory.scratch};
    CLADE_TRY(clade__check_tensor(&check, "dy", dy, CLADE_FLOAT32));
    CLADE_TRY(read_sizes(&check, &call.conv, x, weight, work->window));
    CLADE_TRY(clade__check_shape(&check, "dy", dy, CLADE_FLOAT32, clade__conv_x_shape(&call.conv)));
    CLADE_TRY(clade__conv2d_check_gradients(&check, gradients, x, weight, call.conv.c));
    return clade__conv2d_record_gradients(commands, work->provider, &call, CLADE__CONV_FORWARD, gradients,
                                          &work->memory, dy);
}

/* ---- public ------------------------------------------------------------------------------------ */

/* The call, and what it needs memory for. */
static clade_status prepare(clade__conv_transpose2d_work *work, clade__conv2d_needs *needs,
                            const clade_tensor *x, const clade_tensor *weight,
                            const clade_conv_transpose2d_window *window, bool has_bias)
{
    clade__conv conv;
    *work = (clade__conv_transpose2d_work){.window = window};
    if (window) CLADE_WANT_UNUSED("conv_transpose2d", window->reserved);
    const clade__check check = {clade__immediate_of(x), "conv_transpose2d"};
    CLADE_TRY(read_sizes(&check, &conv, x, weight, window));
    *needs = clade__conv_transpose2d_needs_of(&conv, has_bias);
    return CLADE_OK;
}

clade_status clade_conv_transpose2d_forward(clade_tensor *y, const clade_tensor *x,
                                            const clade_tensor *weight, const clade_tensor *bias,
                                            const clade_conv_transpose2d_window *window)
{
    clade__conv_transpose2d_work work;
    clade__conv2d_needs needs;
    CLADE_TRY(prepare(&work, &needs, x, weight, window, false));
    clade_status status = clade__conv2d_make(&work.memory, x->device, &needs, false);
    if (status == CLADE_OK)
        status = clade__conv_transpose2d_forward(clade__immediate_of(x), &work, y, x, weight,
                                                 &(clade__epilogue){.bias = bias});
    clade__conv2d_free(&work.memory);
    return status;
}

clade_status clade_conv_transpose2d_backward(clade_tensor *dx, clade_tensor *dweight,
                                             clade_tensor *dbias, const clade_tensor *x,
                                             const clade_tensor *weight, const clade_tensor *dy,
                                             const clade_conv_transpose2d_window *window)
{
    clade__conv_transpose2d_work work;
    clade__conv2d_needs needs;
    CLADE_TRY(prepare(&work, &needs, x, weight, window, dbias != NULL));
    clade_status status = clade__conv2d_make(&work.memory, x->device, &needs, true);
    if (status == CLADE_OK)
        status = clade__conv_transpose2d_backward(
            clade__immediate_of(x), &work,
            &(clade__conv2d_gradients){dx, dweight, dbias, 0, 0, 0}, x, weight, dy);
    clade__conv2d_free(&work.memory);
    return status;
}

#include "ops/conv2d.h"

clade__conv2d_needs clade__conv2d_needs_of(const clade__conv *conv, bool has_bias)
{
    int64_t data = clade__conv_scratch(conv, CLADE__CONV_DATA);
    int64_t weight = clade__conv_scratch(conv, CLADE__CONV_WEIGHT);
    clade__conv2d_needs needs = {.forward = clade__conv_scratch(conv, CLADE__CONV_FORWARD),
                                 .backward = data > weight ? data : weight};
    if (has_bias) clade__conv2d_add_bias_needs(&needs, clade__conv_y_shape(conv));
    return needs;
}

/* Checks x and weight, and reads the sizes off them. */
static clade_status read_sizes(const clade__check *check, clade__conv *conv, const clade_tensor *x,
                               const clade_tensor *weight, const clade_conv2d_window *window)
{
    CLADE_TRY(clade__check_tensor(check, "x", x, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(check, "weight", weight, CLADE_FLOAT32));
    if (x->shape.rank != 4 || weight->shape.rank != 4)
        return clade__fail(CLADE_ESHAPE, "conv2d: ranks of x and weight are %d and %d, want 4",
                           x->shape.rank, weight->shape.rank);
    const int64_t *dim = weight->shape.dim;
    CLADE_TRY(clade__conv_of(conv, x->shape, dim[0], dim + 2, window));
    return clade__check_shape(check, "weight", weight, CLADE_FLOAT32, clade__conv_weight_shape(conv));
}

clade_status clade__conv2d_forward(clade__commands *commands, const clade__conv2d_work *work,
                                   clade_tensor *y, const clade_tensor *x, const clade_tensor *weight,
                                   const clade__epilogue *epilogue)
{
    const clade__check check = {commands, "conv2d"};
    clade__conv_call call = {.pass = CLADE__CONV_FORWARD, .x = x, .weight = weight, .out = y,
                             .epilogue = *epilogue, .scratch = work->memory.scratch};
    CLADE_TRY(read_sizes(&check, &call.conv, x, weight, work->window));
    CLADE_TRY(clade__check_shape(&check, "y", y, CLADE_FLOAT32, clade__conv_y_shape(&call.conv)));
    if (epilogue->bias)
        CLADE_TRY(clade__check_count(&check, "bias", epilogue->bias, CLADE_FLOAT32, call.conv.oc));
    return clade__conv_record(commands, work->provider, &call);
}

clade_status clade__conv2d_backward(clade__commands *commands, const clade__conv2d_work *work,
                                    const clade__conv2d_gradients *gradients, const clade_tensor *x,
                                    const clade_tensor *weight, const clade_tensor *dy)
{
    const clade__check check = {commands, "conv2d"};
    clade__conv_call call = {.x = x, .weight = weight, .dy = dy, .scratch = work->memory.scratch};
    const clade__conv *conv = &call.conv;
    CLADE_TRY(clade__check_tensor(&check, "dy", dy, CLADE_FLOAT32));
    CLADE_TRY(read_sizes(&check, &call.conv, x, weight, work->window));
    CLADE_TRY(clade__check_shape(&check, "dy", dy, CLADE_FLOAT32, clade__conv_y_shape(conv)));
    CLADE_TRY(clade__conv2d_check_gradients(&check, gradients, x, weight, conv->oc));
    return clade__conv2d_record_gradients(commands, work->provider, &call, CLADE__CONV_DATA, gradients,
                                          &work->memory, dy);
}

/* ---- public ------------------------------------------------------------------------------------ */

/* The call, and what it needs memory for. */
static clade_status prepare(clade__conv2d_work *work, clade__conv2d_needs *needs, const clade_tensor *x,
                            const clade_tensor *weight, const clade_conv2d_window *window, bool has_bias)
{
    clade__conv conv;
    *work = (clade__conv2d_work){.window = window};
    if (window) CLADE_WANT_UNUSED("conv2d", window->reserved);
    const clade__check check = {clade__immediate_of(x), "conv2d"};
    CLADE_TRY(read_sizes(&check, &conv, x, weight, window));
    *needs = clade__conv2d_needs_of(&conv, has_bias);
    return CLADE_OK;
}

clade_status clade_conv2d_forward(clade_tensor *y, const clade_tensor *x, const clade_tensor *weight,
                                  const clade_tensor *bias, const clade_conv2d_window *window)
{
    clade__conv2d_work work;
    clade__conv2d_needs needs;
    CLADE_TRY(prepare(&work, &needs, x, weight, window, false));
    clade_status status = clade__conv2d_make(&work.memory, x->device, &needs, false);
    if (status == CLADE_OK)
        status = clade__conv2d_forward(clade__immediate_of(x), &work, y, x, weight,
                                       &(clade__epilogue){.bias = bias});
    clade__conv2d_free(&work.memory);
    return status;
}

clade_status clade_conv2d_backward(clade_tensor *dx, clade_tensor *dweight, clade_tensor *dbias,
                                   const clade_tensor *x, const clade_tensor *weight,
                                   const clade_tensor *dy, const clade_conv2d_window *window)
{
    clade__conv2d_work work;
    clade__conv2d_needs needs;
    CLADE_TRY(prepare(&work, &needs, x, weight, window, dbias != NULL));
    clade_status status = clade__conv2d_make(&work.memory, x->device, &needs, true);
    if (status == CLADE_OK)
        status = clade__conv2d_backward(clade__immediate_of(x), &work,
                                        &(clade__conv2d_gradients){dx, dweight, dbias, 0, 0, 0}, x,
                                        weight, dy);
    clade__conv2d_free(&work.memory);
    return status;
}

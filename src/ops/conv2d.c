#include "conv/conv.h"
#include "ops/check.h"
#include "ops/ops.h"
#include "ops/reduce.h"

clade__conv2d_needs clade__conv2d_needs_of(const clade__conv *conv, bool has_bias)
{
    int64_t data = clade__conv_scratch(conv, CLADE__CONV_DATA);
    int64_t weight = clade__conv_scratch(conv, CLADE__CONV_WEIGHT);
    int64_t planes = (int64_t)conv->n * conv->oc, area = (int64_t)conv->oh * conv->ow;
    return (clade__conv2d_needs){
        .forward = clade__conv_scratch(conv, CLADE__CONV_FORWARD),
        .backward = data > weight ? data : weight,
        .sums = has_bias ? planes : 0,
        .parts = has_bias ? clade__reduce_scratch(1, CLADE_SHAPE(planes, area)) : 0};
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
                             .epilogue = *epilogue, .scratch = work->scratch};
    CLADE_TRY(read_sizes(&check, &call.conv, x, weight, work->window));
    CLADE_TRY(clade__check_shape(&check, "y", y, CLADE_FLOAT32, clade__conv_y_shape(&call.conv)));
    if (epilogue->bias)
        CLADE_TRY(clade__check_count(&check, "bias", epilogue->bias, CLADE_FLOAT32, call.conv.oc));
    return clade__conv_record(commands, work->provider, &call);
}

/* The sums over each plane of dy, then over images. */
static clade_status sum_bias(clade__commands *commands, const clade__conv2d_work *work,
                             const clade__conv *conv, clade_tensor *dbias, const clade_tensor *dy,
                             bool add)
{
    int64_t planes = (int64_t)conv->n * conv->oc, area = (int64_t)conv->oh * conv->ow;
    if (!work->sums) return clade__fail(CLADE_EINVAL, "conv2d: no memory for a bias's sums");
    clade_tensor of_planes = clade__tensor_reshaped(work->sums, CLADE_SHAPE(planes));
    clade_tensor of_images = clade__tensor_reshaped(work->sums, CLADE_SHAPE(conv->n, conv->oc));
    clade_tensor flat = clade__tensor_reshaped(dy, CLADE_SHAPE(planes, area));
    CLADE_TRY(clade__reduce_forward(commands, CLADE_SUM, 1, &of_planes, &flat, work->parts));
    return clade__sum_rows(commands, dbias, &of_images, add);
}

clade_status clade__conv2d_backward(clade__commands *commands, const clade__conv2d_work *work,
                                    const clade__conv2d_gradients *gradients, const clade_tensor *x,
                                    const clade_tensor *weight, const clade_tensor *dy)
{
    const clade__check check = {commands, "conv2d"};
    clade__conv_call call = {.x = x, .weight = weight, .dy = dy, .scratch = work->scratch};
    const clade__conv *conv = &call.conv;
    CLADE_TRY(clade__check_tensor(&check, "dy", dy, CLADE_FLOAT32));
    CLADE_TRY(read_sizes(&check, &call.conv, x, weight, work->window));
    CLADE_TRY(clade__check_shape(&check, "dy", dy, CLADE_FLOAT32, clade__conv_y_shape(conv)));
    if (gradients->dx)
        CLADE_TRY(clade__check_shape(&check, "dx", gradients->dx, CLADE_FLOAT32, x->shape));
    if (gradients->dweight)
        CLADE_TRY(clade__check_shape(&check, "dweight", gradients->dweight, CLADE_FLOAT32,
                                     weight->shape));
    if (gradients->dbias)
        CLADE_TRY(clade__check_count(&check, "dbias", gradients->dbias, CLADE_FLOAT32, conv->oc));

    if (gradients->dx) {
        call.pass = CLADE__CONV_DATA;
        call.out = gradients->dx;
        call.add = gradients->add_dx;
        CLADE_TRY(clade__conv_record(commands, work->provider, &call));
    }
    if (gradients->dweight) {
        call.pass = CLADE__CONV_WEIGHT;
        call.out = gradients->dweight;
        call.add = gradients->add_dweight;
        CLADE_TRY(clade__conv_record(commands, work->provider, &call));
    }
    return gradients->dbias
               ? sum_bias(commands, work, conv, gradients->dbias, dy, gradients->add_dbias)
               : CLADE_OK;
}

/* ---- public ------------------------------------------------------------------------------------ */

static clade_status make(clade_tensor **out, clade_device *device, int64_t n)
{
    return n > 0 ? clade_tensor_create(out, device, CLADE_FLOAT32, CLADE_SHAPE(n), NULL) : CLADE_OK;
}

/* The memory of a call, made for it: freed at once, since the pool hands a buffer on only to work that is
 * queued after this. */
typedef struct own_work {
    clade__conv2d_work work;
    clade__conv2d_needs needs;
} own_work;

static void free_work(own_work *own)
{
    clade_tensor_free(own->work.scratch);
    clade_tensor_free(own->work.sums);
    clade_tensor_free(own->work.parts);
}

static clade_status prepare(own_work *own, const clade_tensor *x, const clade_tensor *weight,
                            const clade_conv2d_window *window, bool has_bias)
{
    clade__conv conv;
    *own = (own_work){.work.window = window};
    if (window) CLADE_WANT_UNUSED("conv2d", window->reserved);
    const clade__check check = {clade__immediate_of(x), "conv2d"};
    CLADE_TRY(read_sizes(&check, &conv, x, weight, window));
    own->needs = clade__conv2d_needs_of(&conv, has_bias);
    return CLADE_OK;
}

clade_status clade_conv2d_forward(clade_tensor *y, const clade_tensor *x, const clade_tensor *weight,
                                  const clade_tensor *bias, const clade_conv2d_window *window)
{
    own_work own;
    CLADE_TRY(prepare(&own, x, weight, window, false));
    clade_status status = make(&own.work.scratch, x->device, own.needs.forward);
    if (status == CLADE_OK)
        status = clade__conv2d_forward(clade__immediate_of(x), &own.work, y, x, weight,
                                       &(clade__epilogue){.bias = bias});
    free_work(&own);
    return status;
}

clade_status clade_conv2d_backward(clade_tensor *dx, clade_tensor *dweight, clade_tensor *dbias,
                                   const clade_tensor *x, const clade_tensor *weight,
                                   const clade_tensor *dy, const clade_conv2d_window *window)
{
    own_work own;
    CLADE_TRY(prepare(&own, x, weight, window, dbias != NULL));
    clade_status status = make(&own.work.scratch, x->device, own.needs.backward);
    if (status == CLADE_OK) status = make(&own.work.sums, x->device, own.needs.sums);
    if (status == CLADE_OK) status = make(&own.work.parts, x->device, own.needs.parts);
    if (status == CLADE_OK)
        status = clade__conv2d_backward(clade__immediate_of(x), &own.work,
                                        &(clade__conv2d_gradients){dx, dweight, dbias, 0, 0, 0}, x,
                                        weight, dy);
    free_work(&own);
    return status;
}

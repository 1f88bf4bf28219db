#include "ops/conv2d.h"

#include "ops/reduce.h"

/* dy as its planes, and the elements of each. */
static clade_shape planes_of(clade_shape dy)
{
    return CLADE_SHAPE(dy.dim[0] * dy.dim[1], dy.dim[2] * dy.dim[3]);
}

void clade__conv2d_add_bias_needs(clade__conv2d_needs *needs, clade_shape dy)
{
    clade_shape planes = planes_of(dy);
    needs->sums = planes.dim[0];
    needs->parts = clade__reduce_scratch(1, planes);
}

/* The sums over each plane of dy, then over images. */
clade_status clade__conv2d_sum_bias(clade__commands *commands, const clade__conv2d_memory *memory,
                                    clade_tensor *dbias, const clade_tensor *dy, bool add)
{
    clade_shape planes = planes_of(dy->shape);
    if (!memory->sums)
        return clade__fail(CLADE_EINVAL, "convolution: no memory for a bias's sums");
    clade_tensor of_planes = clade__tensor_reshaped(memory->sums, CLADE_SHAPE(planes.dim[0]));
    clade_tensor of_images =
        clade__tensor_reshaped(memory->sums, CLADE_SHAPE(dy->shape.dim[0], dy->shape.dim[1]));
    clade_tensor flat = clade__tensor_reshaped(dy, planes);
    CLADE_TRY(clade__reduce_forward(commands, CLADE_SUM, 1, &of_planes, &flat, memory->parts));
    return clade__sum_rows(commands, dbias, &of_images, add);
}

clade_status clade__conv2d_check_gradients(const clade__check *check,
                                           const clade__conv2d_gradients *gradients,
                                           const clade_tensor *x, const clade_tensor *weight,
                                           int64_t channels)
{
    if (gradients->dx)
        CLADE_TRY(clade__check_shape(check, "dx", gradients->dx, CLADE_FLOAT32, x->shape));
    if (gradients->dweight)
        CLADE_TRY(clade__check_shape(check, "dweight", gradients->dweight, CLADE_FLOAT32, weight->shape));
    return gradients->dbias
               ? clade__check_count(check, "dbias", gradients->dbias, CLADE_FLOAT32, channels)
               : CLADE_OK;
}

clade_status clade__conv2d_record_gradients(clade__commands *commands,
                                            const clade__conv_provider *provider,
                                            clade__conv_call *call, clade__conv_pass of_dx,
                                            const clade__conv2d_gradients *gradients,
                                            const clade__conv2d_memory *memory,
                                            const clade_tensor *dy)
{
    if (gradients->dx) {
        call->pass = of_dx;
        call->out = gradients->dx;
        call->add = gradients->add_dx;
        CLADE_TRY(clade__conv_record(commands, provider, call));
    }
    if (gradients->dweight) {
        call->pass = CLADE__CONV_WEIGHT;
        call->out = gradients->dweight;
        call->add = gradients->add_dweight;
        CLADE_TRY(clade__conv_record(commands, provider, call));
    }
    return gradients->dbias ? clade__conv2d_sum_bias(commands, memory, gradients->dbias, dy,
                                                     gradients->add_dbias)
                            : CLADE_OK;
}

static clade_status make(clade_tensor **out, clade_device *device, int64_t n)
{
    return n > 0 ? clade_tensor_create(out, device, CLADE_FLOAT32, CLADE_SHAPE(n), NULL) : CLADE_OK;
}

clade_status clade__conv2d_make(clade__conv2d_memory *out, clade_device *device,
                                const clade__conv2d_needs *needs, bool backward)
{
    *out = (clade__conv2d_memory){NULL, NULL, NULL};
    CLADE_TRY(make(&out->scratch, device, backward ? needs->backward : needs->forward));
    if (!backward) return CLADE_OK;
    CLADE_TRY(make(&out->sums, device, needs->sums));
    return make(&out->parts, device, needs->parts);
}

void clade__conv2d_free(clade__conv2d_memory *memory)
{
    clade_tensor_free(memory->scratch);
    clade_tensor_free(memory->sums);
    clade_tensor_free(memory->parts);
}

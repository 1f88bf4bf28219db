/* Tensors over buffers. */
#include <stdlib.h>

#include "device/dtype.h"
#include "device/opencl.h"

clade_status clade_tensor_create(clade_tensor **out, clade_device *device, clade_dtype dtype,
                                 clade_shape shape, const void *data)
{
    CLADE_WANT(out);
    *out = NULL;
    CLADE_WANT(device);
    if (!clade__dtype_is_known(dtype))
        return clade__fail(CLADE_EINVAL, "tensor: there is no element type %d", (int)dtype);
    CLADE_TRY(clade__shape_check(shape, "tensor"));
    clade_tensor *tensor = calloc(1, sizeof *tensor);
    if (!tensor) return clade__fail(CLADE_ENOMEM, "no memory for a tensor");
    *tensor = (clade_tensor){
        .device = device, .dtype = dtype, .shape = shape, .owns_buffer = true};
    clade_status status =
        clade__buffer_create(&tensor->buffer, device, clade_tensor_bytes(tensor));
    if (status == CLADE_OK && data) status = clade_tensor_write(tensor, data);
    if (status == CLADE_OK)
        *out = tensor;
    else
        clade_tensor_free(tensor);
    return status;
}

void clade_tensor_free(clade_tensor *tensor)
{
    if (!tensor) return;
    if (tensor->owns_buffer) clade__buffer_free(tensor->buffer);
    free(tensor);
}

clade_tensor clade__tensor_view(clade_device *device, clade__buffer *buffer, clade_dtype dtype,
                                clade_shape shape)
{
    return (clade_tensor){.device = device, .dtype = dtype, .shape = shape, .buffer = buffer};
}

clade_tensor clade__tensor_part(const clade_tensor *tensor, int64_t offset, clade_shape shape)
{
    clade_tensor part =
        clade__tensor_view(tensor->device, tensor->buffer, tensor->dtype, shape);
    part.offset = tensor->offset + offset;
    return part;
}

clade_tensor clade__tensor_reshaped(const clade_tensor *tensor, clade_shape shape)
{
    return clade__tensor_part(tensor, 0, shape);
}

clade_status clade_tensor_view(clade_tensor **out, clade_tensor *tensor, int64_t offset,
                               clade_shape shape)
{
    CLADE_WANT(out);
    *out = NULL;
    CLADE_WANT(tensor);
    CLADE_TRY(clade__shape_check(shape, "view"));
    const int64_t n = clade_shape_elements(shape), of = clade_tensor_elements(tensor);
    if (offset < 0 || offset > of || n > of - offset)
        return clade__fail(CLADE_ESHAPE, "view: %lld elements from number %lld on leave a tensor of %lld",
                           (long long)n, (long long)offset, (long long)of);
    *out = malloc(sizeof **out);
    if (!*out) return clade__fail(CLADE_ENOMEM, "no memory for a tensor");
    **out = clade__tensor_part(tensor, offset, shape);
    return CLADE_OK;
}

size_t clade__tensor_offset_bytes(const clade_tensor *tensor)
{
    return (size_t)tensor->offset * clade_dtype_bytes(tensor->dtype);
}

clade_tensor clade__tensor_whole(const clade_tensor *tensor)
{
    return clade__tensor_part(tensor, -tensor->offset,
                              CLADE_SHAPE(tensor->offset + clade_tensor_elements(tensor)));
}

clade_shape clade_tensor_shape(const clade_tensor *tensor)
{
    return tensor->shape;
}

clade_dtype clade_tensor_dtype(const clade_tensor *tensor)
{
    return tensor->dtype;
}

clade_device *clade_tensor_device(const clade_tensor *tensor)
{
    return tensor->device;
}

int64_t clade_tensor_elements(const clade_tensor *tensor)
{
    return clade_shape_elements(tensor->shape);
}

size_t clade_tensor_bytes(const clade_tensor *tensor)
{
    const size_t each = clade_dtype_bytes(tensor->dtype);
    const uint64_t n = (uint64_t)clade_tensor_elements(tensor);
    return n <= SIZE_MAX / each ? (size_t)n * each : SIZE_MAX; /* which no device has */
}

cl_mem clade_opencl_buffer(const clade_tensor *tensor)
{
    return clade__buffer_mem(tensor->buffer);
}

size_t clade_opencl_offset(const clade_tensor *tensor)
{
    return clade__tensor_offset_bytes(tensor);
}

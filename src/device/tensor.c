/* Tensors over buffers, and copies between them and the host. */
#include <stdio.h>
#include <stdlib.h>

#include "device/opencl.h"

int64_t clade_shape_elements(clade_shape shape)
{
    int64_t n = 1;
    for (int i = 0; i < shape.rank; i++) n *= shape.dim[i];
    return n;
}

size_t clade_dtype_bytes(clade_dtype dtype)
{
    return dtype == CLADE_UINT8 ? 1 : 4;
}

clade_status clade__shape_check(clade_shape shape, const char *what)
{
    if (shape.rank < 0 || shape.rank > CLADE_MAX_RANK)
        return clade__fail(CLADE_ESHAPE, "%s: rank %d, want 0 to %d", what, shape.rank,
                           CLADE_MAX_RANK);
    int64_t n = 1;
    for (int i = 0; i < shape.rank; i++) {
        int64_t dim = shape.dim[i];
        if (dim < 1)
            return clade__fail(CLADE_ESHAPE, "%s: dimension %d is %lld, want at least 1", what, i,
                               (long long)dim);
        if (dim > INT32_MAX / n)
            return clade__fail(CLADE_ESHAPE, "%s: more than %d elements", what, INT32_MAX);
        n *= dim;
    }
    return CLADE_OK;
}

bool clade__shape_equal(clade_shape a, clade_shape b)
{
    if (a.rank != b.rank) return false;
    for (int i = 0; i < a.rank; i++)
        if (a.dim[i] != b.dim[i]) return false;
    return true;
}

char *clade__shape_text(char *out, size_t out_bytes, clade_shape shape)
{
    size_t used = (size_t)snprintf(out, out_bytes, "(");
    for (int i = 0; i < shape.rank && i < CLADE_MAX_RANK && used < out_bytes; i++)
        used += (size_t)snprintf(out + used, out_bytes - used, "%s%lld", i ? ", " : "",
                                 (long long)shape.dim[i]);
    if (used < out_bytes) snprintf(out + used, out_bytes - used, ")");
    return out;
}

int64_t clade__shape_cols(clade_shape shape)
{
    return shape.rank ? shape.dim[shape.rank - 1] : 1;
}

int64_t clade__shape_rows(clade_shape shape)
{
    return clade_shape_elements(shape) / clade__shape_cols(shape);
}

clade_status clade_tensor_create(clade_tensor **out, clade_device *device, clade_dtype dtype,
                                 clade_shape shape, const void *data)
{
    CLADE_WANT(out);
    *out = NULL;
    CLADE_WANT(device);
    if ((unsigned)dtype > CLADE_UINT8)
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

clade_tensor clade__tensor_reshaped(const clade_tensor *tensor, clade_shape shape)
{
    return clade__tensor_view(tensor->device, tensor->buffer, tensor->dtype, shape);
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
    return (size_t)clade_tensor_elements(tensor) * clade_dtype_bytes(tensor->dtype);
}

cl_mem clade_opencl_buffer(const clade_tensor *tensor)
{
    return clade__buffer_mem(tensor->buffer);
}

clade_status clade_tensor_read(const clade_tensor *tensor, void *data)
{
    CLADE_WANT(tensor);
    CLADE_WANT(data);
    clade__transfer transfer = {0};
    CLADE_TRY(clade__tensor_read_begin(tensor, 0, data, clade_tensor_bytes(tensor), &transfer));
    return clade__transfer_wait(&transfer);
}

clade_status clade_tensor_write(clade_tensor *tensor, const void *data)
{
    CLADE_WANT(tensor);
    CLADE_WANT(data);
    clade__transfer transfer = {0};
    CLADE_TRY(clade__tensor_write_begin(tensor, 0, data, clade_tensor_bytes(tensor), &transfer));
    return clade__transfer_wait(&transfer);
}

static int64_t before(const clade_device *device)
{
    return device->profile ? clade__profile_before(device) : 0;
}

/* Shows what has been enqueued here to the profile; the event stays the caller's. */
static void profile(clade_device *device, const char *label, clade_phase phase, int64_t began,
                    cl_event event)
{
    if (!device->profile || clRetainEvent(event) != CL_SUCCESS) return;
    clade__profiled profiled = {.label = label, .scope = {.phase = phase}, .before = began};
    clade__profile_add(device, &profiled, event);
}

clade_status clade_tensor_fill(clade_tensor *tensor, float value)
{
    CLADE_WANT(tensor);
    if (tensor->dtype != CLADE_FLOAT32)
        return clade__fail(CLADE_ESHAPE, "clade_tensor_fill: the tensor is not float32");
    int64_t began = before(tensor->device);
    cl_event event = NULL, *wanted = tensor->device->profile ? &event : NULL;
    cl_int error = clEnqueueFillBuffer(tensor->device->queue, clade_opencl_buffer(tensor), &value,
                                       sizeof value, 0, clade_tensor_bytes(tensor), 0, NULL, wanted);
    if (error != CL_SUCCESS) return clade__fail_cl("clEnqueueFillBuffer", error, NULL);
    if (event) {
        profile(tensor->device, "fill", CLADE_PHASE_OTHER, began, event);
        clReleaseEvent(event);
    }
    return CLADE_OK;
}

static clade_status check_extent(const clade_tensor *tensor, size_t offset, size_t n_bytes)
{
    size_t bytes = clade_tensor_bytes(tensor);
    if (offset > bytes || n_bytes > bytes - offset)
        return clade__fail(CLADE_EINVAL, "copy of %zu bytes at %zu leaves a tensor of %zu bytes",
                           n_bytes, offset, bytes);
    return CLADE_OK;
}

clade_status clade__tensor_write_begin(clade_tensor *tensor, size_t offset_bytes, const void *data,
                                       size_t n_bytes, clade__transfer *transfer)
{
    CLADE_TRY(check_extent(tensor, offset_bytes, n_bytes));
    cl_event event = NULL;
    int64_t began = before(tensor->device);
    cl_int error = clEnqueueWriteBuffer(tensor->device->queue, clade_opencl_buffer(tensor), CL_FALSE,
                                        offset_bytes, n_bytes, data, 0, NULL, &event);
    if (error != CL_SUCCESS) return clade__fail_cl("clEnqueueWriteBuffer", error, NULL);
    profile(tensor->device, "write", CLADE_PHASE_TRANSFER, began, event);
    *transfer = (clade__transfer){tensor->device, event};
    return CLADE_OK;
}

clade_status clade__tensor_read_begin(const clade_tensor *tensor, size_t offset_bytes, void *data,
                                      size_t n_bytes, clade__transfer *transfer)
{
    CLADE_TRY(check_extent(tensor, offset_bytes, n_bytes));
    cl_event event = NULL;
    int64_t began = before(tensor->device);
    cl_int error = clEnqueueReadBuffer(tensor->device->queue, clade_opencl_buffer(tensor), CL_FALSE,
                                       offset_bytes, n_bytes, data, 0, NULL, &event);
    if (error != CL_SUCCESS) return clade__fail_cl("clEnqueueReadBuffer", error, NULL);
    profile(tensor->device, "read", CLADE_PHASE_TRANSFER, began, event);
    *transfer = (clade__transfer){tensor->device, event};
    return CLADE_OK;
}

clade_status clade__transfer_wait(clade__transfer *transfer)
{
    cl_event event = transfer->event;
    if (!event) return CLADE_OK;
    transfer->event = NULL;
    cl_int result = CL_COMPLETE, error = clWaitForEvents(1, &event), no_result = CL_SUCCESS;
    if (error == CL_SUCCESS)
        no_result = clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof result, &result,
                                   NULL);
    else /* the host's memory is freed next, and must not be read or written then */
        clFinish(transfer->device->queue);
    clReleaseEvent(event);
    if (error != CL_SUCCESS) return clade__fail_cl("clWaitForEvents", error, NULL);
    if (no_result != CL_SUCCESS) return clade__fail_cl("clGetEventInfo", no_result, NULL);
    if (result < 0) return clade__fail_cl("copy between host and device", result, NULL);
    return CLADE_OK;
}

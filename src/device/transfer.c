/* Copies between tensors and the host, and constants into them. */
#include "device/opencl.h"
#include "device/owner.h"

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

static clade_status fill(clade_tensor *tensor, float value)
{
    int64_t began = before(tensor->device);
    cl_event event = NULL, *wanted = tensor->device->profile ? &event : NULL;
    cl_int error = clEnqueueFillBuffer(tensor->device->queue, clade_opencl_buffer(tensor), &value,
                                       sizeof value, clade__tensor_offset_bytes(tensor),
                                       clade_tensor_bytes(tensor), 0, NULL, wanted);
    if (error != CL_SUCCESS) return clade__fail_cl("clEnqueueFillBuffer", error, NULL);
    if (event) {
        profile(tensor->device, "fill", CLADE_PHASE_OTHER, began, event);
        clReleaseEvent(event);
    }
    return CLADE_OK;
}

clade_status clade_tensor_fill(clade_tensor *tensor, float value)
{
    CLADE_WANT(tensor);
    if (tensor->dtype != CLADE_FLOAT32)
        return clade__fail(CLADE_ESHAPE, "clade_tensor_fill: the tensor is not float32");
    CLADE_TRY(clade__device_take(tensor->device, "fill"));
    return clade__device_give(tensor->device, fill(tensor, value));
}

static clade_status copy(clade_tensor *dst, const clade_tensor *src, clade_phase phase)
{
    int64_t began = before(dst->device);
    cl_event event = NULL, *wanted = dst->device->profile ? &event : NULL;
    cl_int error = clEnqueueCopyBuffer(dst->device->queue, clade_opencl_buffer(src),
                                       clade_opencl_buffer(dst), clade__tensor_offset_bytes(src),
                                       clade__tensor_offset_bytes(dst), clade_tensor_bytes(dst), 0,
                                       NULL, wanted);
    if (error != CL_SUCCESS) return clade__fail_cl("clEnqueueCopyBuffer", error, NULL);
    if (event) {
        profile(dst->device, "copy", phase, began, event);
        clReleaseEvent(event);
    }
    return CLADE_OK;
}

clade_status clade__tensor_copy(clade_tensor *dst, const clade_tensor *src, clade_phase phase)
{
    if (clade_tensor_bytes(dst) != clade_tensor_bytes(src))
        return clade__fail(CLADE_ESHAPE, "copy: %zu bytes into %zu", clade_tensor_bytes(src),
                           clade_tensor_bytes(dst));
    CLADE_TRY(clade__device_take(dst->device, "copy"));
    return clade__device_give(dst->device, copy(dst, src, phase));
}

static clade_status check_extent(const clade_tensor *tensor, size_t offset, size_t n_bytes)
{
    size_t bytes = clade_tensor_bytes(tensor);
    if (offset > bytes || n_bytes > bytes - offset)
        return clade__fail(CLADE_EINVAL, "copy of %zu bytes at %zu leaves a tensor of %zu bytes",
                           n_bytes, offset, bytes);
    return CLADE_OK;
}

static clade_status enqueue_write(clade_tensor *tensor, size_t offset_bytes, const void *data,
                                  size_t n_bytes, clade__transfer *transfer)
{
    cl_event event = NULL;
    int64_t began = before(tensor->device);
    cl_int error = clEnqueueWriteBuffer(tensor->device->queue, clade_opencl_buffer(tensor), CL_FALSE,
                                        clade__tensor_offset_bytes(tensor) + offset_bytes, n_bytes,
                                        data, 0, NULL, &event);
    if (error != CL_SUCCESS) return clade__fail_cl("clEnqueueWriteBuffer", error, NULL);
    profile(tensor->device, "write", CLADE_PHASE_TRANSFER, began, event);
    *transfer = (clade__transfer){tensor->device, event};
    return CLADE_OK;
}

clade_status clade__tensor_write_begin(clade_tensor *tensor, size_t offset_bytes, const void *data,
                                       size_t n_bytes, clade__transfer *transfer)
{
    CLADE_TRY(check_extent(tensor, offset_bytes, n_bytes));
    CLADE_TRY(clade__device_take(tensor->device, "write"));
    return clade__device_give(tensor->device,
                              enqueue_write(tensor, offset_bytes, data, n_bytes, transfer));
}

static clade_status enqueue_read(const clade_tensor *tensor, size_t offset_bytes, void *data,
                                 size_t n_bytes, clade__transfer *transfer)
{
    cl_event event = NULL;
    int64_t began = before(tensor->device);
    cl_int error = clEnqueueReadBuffer(tensor->device->queue, clade_opencl_buffer(tensor), CL_FALSE,
                                       clade__tensor_offset_bytes(tensor) + offset_bytes, n_bytes,
                                       data, 0, NULL, &event);
    if (error != CL_SUCCESS) return clade__fail_cl("clEnqueueReadBuffer", error, NULL);
    profile(tensor->device, "read", CLADE_PHASE_TRANSFER, began, event);
    *transfer = (clade__transfer){tensor->device, event};
    return CLADE_OK;
}

clade_status clade__tensor_read_begin(const clade_tensor *tensor, size_t offset_bytes, void *data,
                                      size_t n_bytes, clade__transfer *transfer)
{
    CLADE_TRY(check_extent(tensor, offset_bytes, n_bytes));
    CLADE_TRY(clade__device_take(tensor->device, "read"));
    return clade__device_give(tensor->device,
                              enqueue_read(tensor, offset_bytes, data, n_bytes, transfer));
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

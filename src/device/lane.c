#include "device/lane.h"

#include <stdlib.h>

#include "device/opencl.h"

struct clade__lane {
    clade_device *device;
    cl_command_queue queue;
    bool maps;
};

clade_status clade__lane_open(clade__lane **out, clade_device *device, bool maps)
{
    cl_int error;
    clade__lane *lane = calloc(1, sizeof *lane);
    if (!lane) return clade__fail(CLADE_ENOMEM, "no memory for a second queue");
    *lane = (clade__lane){.device = device, .maps = maps};
    lane->queue = clCreateCommandQueue(device->context, device->id, 0, &error);
    if (error != CL_SUCCESS) {
        free(lane);
        return clade__fail_cl("clCreateCommandQueue", error, device->info.name);
    }
    *out = lane;
    return CLADE_OK;
}

void clade__lane_free(clade__lane *lane)
{
    if (!lane) return;
    clReleaseCommandQueue(lane->queue);
    free(lane);
}

clade_status clade__mark_here(clade_device *device, clade__mark *mark, clade__mark *twin)
{
    cl_event event;
    const char *call = "clEnqueueMarkerWithWaitList";
    cl_int error = clEnqueueMarkerWithWaitList(device->queue, 0, NULL, &event);
    if (error != CL_SUCCESS) return clade__fail_cl(call, error, NULL);
    error = clFlush(device->queue);
    call = "clFlush";
    if (error == CL_SUCCESS && twin) {
        error = clRetainEvent(event);
        call = "clRetainEvent";
    }
    if (error != CL_SUCCESS) {
        clReleaseEvent(event);
        return clade__fail_cl(call, error, NULL);
    }
    mark->event = event;
    if (twin) twin->event = event;
    return CLADE_OK;
}

clade_status clade__mark_wait(clade__mark *mark)
{
    cl_event event = mark->event;
    if (!event) return CLADE_OK;
    mark->event = NULL;
    cl_int error = clWaitForEvents(1, &event);
    clReleaseEvent(event);
    return error == CL_SUCCESS ? CLADE_OK : clade__fail_cl("clWaitForEvents", error, NULL);
}

static clade_status map(clade__lane *lane, clade_tensor *tensor, float **values)
{
    cl_int error;
    *values = clEnqueueMapBuffer(lane->queue, clade_opencl_buffer(tensor), CL_TRUE,
                                 CL_MAP_READ | CL_MAP_WRITE, clade__tensor_offset_bytes(tensor),
                                 clade_tensor_bytes(tensor), 0, NULL, NULL, &error);
    return error == CL_SUCCESS ? CLADE_OK : clade__fail_cl("clEnqueueMapBuffer", error, NULL);
}

static clade_status unmap(clade__lane *lane, clade_tensor *tensor, float *values)
{
    cl_int error = clEnqueueUnmapMemObject(lane->queue, clade_opencl_buffer(tensor), values, 0, NULL,
                                           NULL);
    if (error != CL_SUCCESS) return clade__fail_cl("clEnqueueUnmapMemObject", error, NULL);
    error = clFinish(lane->queue);
    return error == CL_SUCCESS ? CLADE_OK : clade__fail_cl("clFinish", error, NULL);
}

clade_status clade__lane_fetch(clade__lane *lane, clade_tensor *tensor, float *room, float **values)
{
    if (lane->maps) return map(lane, tensor, values);
    *values = room;
    cl_int error = clEnqueueReadBuffer(lane->queue, clade_opencl_buffer(tensor), CL_TRUE,
                                       clade__tensor_offset_bytes(tensor), clade_tensor_bytes(tensor),
                                       room, 0, NULL, NULL);
    return error == CL_SUCCESS ? CLADE_OK : clade__fail_cl("clEnqueueReadBuffer", error, NULL);
}

clade_status clade__lane_put(clade__lane *lane, clade_tensor *tensor, float *values)
{
    if (lane->maps) return unmap(lane, tensor, values);
    cl_int error = clEnqueueWriteBuffer(lane->queue, clade_opencl_buffer(tensor), CL_TRUE,
                                        clade__tensor_offset_bytes(tensor), clade_tensor_bytes(tensor),
                                        values, 0, NULL, NULL);
    return error == CL_SUCCESS ? CLADE_OK : clade__fail_cl("clEnqueueWriteBuffer", error, NULL);
}

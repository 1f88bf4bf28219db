/* Buffers and their pool. */
#include <stdlib.h>

#include "device/opencl.h"
#include "device/owner.h"

struct clade__buffer {
    clade_device *device;
    cl_mem mem;
    size_t bytes;
    clade__buffer *next; /* in the pool */
};

/* A pooled buffer may be larger than what is asked by an eighth and one page. */
static bool fits(size_t bytes, size_t want)
{
    return bytes >= want && bytes - want <= want / 8 + 4096;
}

static clade__buffer *take_from_pool(clade_device *device, size_t want)
{
    clade__buffer **best = NULL;
    for (clade__buffer **at = &device->pool; *at; at = &(*at)->next)
        if (fits((*at)->bytes, want) && (!best || (*at)->bytes < (*best)->bytes)) best = at;
    if (!best) return NULL;
    clade__buffer *buffer = *best;
    *best = buffer->next;
    buffer->next = NULL;
    return buffer;
}

static void release(clade__buffer *buffer)
{
    buffer->device->bytes_held -= buffer->bytes;
    clReleaseMemObject(buffer->mem);
    free(buffer);
}

void clade__pool_trim(clade_device *device)
{
    while (device->pool) {
        clade__buffer *next = device->pool->next;
        release(device->pool);
        device->pool = next;
    }
}

bool clade__memory_is_limited(const clade_device *device)
{
    return device->memory_is_limited;
}

static clade_status fail_memory(const clade_device *device, size_t bytes)
{
    const clade_device_info *info = &device->info;
    return clade__fail(CLADE_EDEVICEMEM,
                       "%s has no room for a buffer of %zu bytes: %llu of its %llu bytes are held, "
                       "and one buffer may have %llu%s", info->name, bytes,
                       (unsigned long long)device->bytes_held,
                       (unsigned long long)info->global_memory_bytes,
                       (unsigned long long)info->max_allocation_bytes,
                       device->memory_is_limited ? " (CLADE_MEMORY)" : "");
}

static bool over_limit(const clade_device *device, size_t bytes)
{
    const clade_device_info *info = &device->info;
    return bytes > info->max_allocation_bytes ||
           device->bytes_held + bytes > info->global_memory_bytes;
}

static clade_status create(clade__buffer **out, clade_device *device, size_t bytes)
{
    *out = take_from_pool(device, bytes);
    if (*out) return CLADE_OK;

    if (over_limit(device, bytes)) clade__pool_trim(device);
    if (over_limit(device, bytes)) return fail_memory(device, bytes);
    clade__buffer *buffer = calloc(1, sizeof *buffer);
    if (!buffer) return clade__fail(CLADE_ENOMEM, "no memory for a buffer");
    cl_int error;
    cl_mem mem = clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes, NULL, &error);
    if (error != CL_SUCCESS && device->pool) {
        clade__pool_trim(device);
        mem = clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes, NULL, &error);
    }
    if (error != CL_SUCCESS) {
        free(buffer);
        return error == CL_MEM_OBJECT_ALLOCATION_FAILURE || error == CL_OUT_OF_RESOURCES
                   ? fail_memory(device, bytes)
                   : clade__fail_cl("clCreateBuffer", error, NULL);
    }
    *buffer = (clade__buffer){.device = device, .mem = mem, .bytes = bytes};
    device->bytes_held += bytes;
    if (device->bytes_held > device->bytes_peak) device->bytes_peak = device->bytes_held;
    *out = buffer;
    return CLADE_OK;
}

clade_status clade__buffer_create(clade__buffer **out, clade_device *device, size_t bytes)
{
    *out = NULL;
    CLADE_TRY(clade__device_take(device, "buffer"));
    return clade__device_give(device, create(out, device, bytes));
}

void clade__buffer_free(clade__buffer *buffer)
{
    if (!buffer) return;
    buffer->next = buffer->device->pool;
    buffer->device->pool = buffer;
}

cl_mem clade__buffer_mem(const clade__buffer *buffer)
{
    return buffer->mem;
}

size_t clade__buffer_bytes(const clade__buffer *buffer)
{
    return buffer->bytes;
}

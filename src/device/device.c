/* Devices: the public list, opening and closing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "device/descriptions.h"
#include "device/discovery.h"
#include "device/opencl.h"
#include "device/program.h"
#include "device/program_cache.h"
#include "device/tuned.h"

clade_status clade_devices(clade_device_info **list, int *n_devices, char *why, size_t why_bytes)
{
    CLADE_WANT(list);
    CLADE_WANT(n_devices);
    *list = NULL;
    *n_devices = 0;
    clade__found *found;
    int n_found;
    CLADE_TRY(clade__discover(&found, &n_found));

    char reason[512] = "";
    int chosen = -1;
    /* CLADE_DEVICE may name nothing: then the list still helps, and the reason says what is wrong. */
    if (clade__select(found, n_found, NULL, &chosen, reason, sizeof reason) != CLADE_OK) {
        chosen = -1;
        snprintf(reason, sizeof reason, "no default: %s", clade_error());
    }
    clade_device_info *infos = calloc((size_t)n_found, sizeof *infos);
    if (infos) {
        for (int i = 0; i < n_found; i++) {
            infos[i] = found[i].info;
            infos[i].is_default = i == chosen;
        }
        *list = infos;
        *n_devices = n_found;
        clade__description_note(reason, sizeof reason);
        clade__cache_note(reason, sizeof reason);
        if (why && why_bytes) snprintf(why, why_bytes, "%s", reason);
    }
    free(found);
    return infos ? CLADE_OK : clade__fail(CLADE_ENOMEM, "no memory for the list of devices");
}

void clade_devices_free(clade_device_info *list)
{
    free(list);
}

static clade_status create_queue(clade_device *device, cl_command_queue_properties properties)
{
    cl_int error;
    cl_command_queue queue = clCreateCommandQueue(device->context, device->id, properties, &error);
    if (error != CL_SUCCESS)
        return clade__fail_cl("clCreateCommandQueue", error, device->info.name);
    if (device->queue) clReleaseCommandQueue(device->queue);
    device->queue = queue;
    return CLADE_OK;
}

/* The number given, or the environment's; 0 where there is neither. */
static clade_status wanted_units(int given, int *units)
{
    const char *text = getenv("CLADE_COMPUTE_UNITS");
    *units = given;
    if (given < 0)
        return clade__fail(CLADE_EINVAL, "compute units are %d, want at least 1, or 0 for all",
                           given);
    if (given > 0 || !text || !*text) return CLADE_OK;
    size_t n_digits = strspn(text, "0123456789");
    *units = n_digits < 8 && !text[n_digits] ? atoi(text) : 0;
    return *units > 0 ? CLADE_OK
                      : clade__fail(CLADE_EINVAL, "CLADE_COMPUTE_UNITS is '%s', want a whole number, "
                                    "at least 1", text);
}

static bool divides_by_counts(cl_device_id id)
{
    cl_device_partition_property ways[16] = {0};
    size_t bytes = 0;
    if (clGetDeviceInfo(id, CL_DEVICE_PARTITION_PROPERTIES, sizeof ways, ways, &bytes) != CL_SUCCESS)
        return false;
    for (size_t i = 0; i < bytes / sizeof ways[0]; i++)
        if (ways[i] == CL_DEVICE_PARTITION_BY_COUNTS) return true;
    return false;
}

/* Puts a part of the device, of so many compute units, in its place. */
static clade_status take_units(clade_device *device, int units)
{
    clade_device_info *info = &device->info;
    int all = info->compute_units;
    if (units == 0 || units == all) return CLADE_OK;
    if (units > all)
        return clade__fail(CLADE_ENODEVICE, "%s has %d compute unit%s, not %d", info->name, all,
                           all == 1 ? "" : "s", units);
    if (!divides_by_counts(device->id))
        return clade__fail(CLADE_ENODEVICE, "%s cannot be divided: its driver offers no sub-devices "
                           "by counts; it works with all of its %d compute units only", info->name,
                           all);
    const cl_device_partition_property how[] = {CL_DEVICE_PARTITION_BY_COUNTS, units,
                                                CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
    cl_device_id part;
    cl_int error = clCreateSubDevices(device->id, how, 1, &part, NULL);
    if (error != CL_SUCCESS) return clade__fail_cl("clCreateSubDevices", error, info->name);
    device->id = part;
    device->is_part = true;
    info->compute_units = units;
    size_t used = strlen(device->reason);
    snprintf(device->reason + used, sizeof device->reason - used,
             ", with %d of its %d compute units", units, all);
    return CLADE_OK;
}

/* CLADE_MEMORY in bytes; 0 where it is not set. */
static clade_status wanted_memory(uint64_t *bytes)
{
    const char *text = getenv("CLADE_MEMORY");
    *bytes = 0;
    if (!text || !*text) return CLADE_OK;
    size_t n_digits = strspn(text, "0123456789");
    const char *unit = text + n_digits;
    const char *units = "KMG", *found = *unit ? strchr(units, *unit) : NULL;
    int shift = found ? 10 * (int)(found - units + 1) : 0;
    if (n_digits > 0 && n_digits < 18 && (!*unit || (found && !unit[1])))
        *bytes = strtoull(text, NULL, 10);
    *bytes = *bytes <= UINT64_MAX >> shift ? *bytes << shift : 0;
    return *bytes > 0 ? CLADE_OK
                      : clade__fail(CLADE_EINVAL, "CLADE_MEMORY is '%s', want bytes such as 67108864, "
                                    "65536K, 64M or 2G", text);
}

/* Lets the device have no more memory than that. */
static clade_status limit_memory(clade_device *device)
{
    clade_device_info *info = &device->info;
    uint64_t bytes;
    CLADE_TRY(wanted_memory(&bytes));
    if (bytes == 0 || bytes >= info->global_memory_bytes) return CLADE_OK;
    device->memory_is_limited = true;
    info->global_memory_bytes = bytes;
    if (info->max_allocation_bytes > bytes) info->max_allocation_bytes = bytes;
    size_t used = strlen(device->reason);
    clade__format(device->reason + used, sizeof device->reason - used,
                  ", with %.1f MiB of its memory (CLADE_MEMORY)", (double)bytes / (1 << 20));
    return CLADE_OK;
}

static clade_status open_found(clade_device *device, const clade__found *found, int units)
{
    device->info = found->info;
    device->id = found->id;
    CLADE_TRY(clade__check_usable(&device->info));
    CLADE_TRY(take_units(device, units));
    CLADE_TRY(limit_memory(device));
    clade__description_note(device->reason, sizeof device->reason);
    clade__cache_note(device->reason, sizeof device->reason);
    device->quirks = clade__quirks_of(&device->info);
    clade__tuned_load(device);
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                          (cl_context_properties)found->platform, 0};
    cl_int error;
    clade__quirks_before_driver();
    device->context = clCreateContext(properties, 1, &device->id, NULL, NULL, &error);
    clade__quirks_after_driver();
    if (error != CL_SUCCESS) {
        device->context = NULL;
        return clade__fail(CLADE_ENODEVICE,
                           "%s refuses a context: clCreateContext: %s (%d); another program may "
                           "hold it, or its driver may not match the kernel's: choose another with "
                           "--device or CLADE_DEVICE", device->info.name, clade__cl_name(error),
                           (int)error);
    }
    CLADE_TRY(create_queue(device, 0));
    return clade__commands_create_immediate(&device->immediate, device);
}

clade_status clade_device_open(clade_device **out, const char *selector)
{
    CLADE_WANT(out);
    return clade_device_open_units(out, selector, 0);
}

clade_status clade_device_open_units(clade_device **out, const char *selector, int compute_units)
{
    CLADE_WANT(out);
    *out = NULL;
    clade__found *found;
    int n_found, index = 0, units;
    CLADE_TRY(wanted_units(compute_units, &units));
    CLADE_TRY(clade__discover(&found, &n_found));
    clade_device *device = calloc(1, sizeof *device);
    clade_status status =
        device ? clade__select(found, n_found, selector, &index, device->reason,
                               sizeof device->reason)
               : clade__fail(CLADE_ENOMEM, "no memory to open a device");
    if (status == CLADE_OK) status = open_found(device, &found[index], units);
    free(found);
    if (status == CLADE_OK)
        *out = device;
    else
        clade_device_free(device);
    return status;
}

/* Waits for all that was enqueued; *call is what failed. Not by clFinish: that of Rusticl (Mesa 22.3.6) waits for what
 * has not been flushed yet, and for nothing else. */
static cl_int finish(const clade_device *device, const char **call)
{
    cl_event last;
    *call = "clEnqueueMarkerWithWaitList";
    cl_int error = clEnqueueMarkerWithWaitList(device->queue, 0, NULL, &last);
    if (error != CL_SUCCESS) return error;
    *call = "clWaitForEvents";
    error = clWaitForEvents(1, &last);
    clReleaseEvent(last);
    return error;
}

void clade_device_free(clade_device *device)
{
    const char *call;
    if (!device) return;
    if (device->queue) (void)finish(device, &call);
    if (device->blas_free) device->blas_free(device->blas);
    clade__commands_free(device->immediate);
    clade__programs_free(device);
    clade__pool_trim(device);
    if (device->profile != device->last_profile) clade__profile_free(device->last_profile);
    clade__profile_free(device->profile);
    if (device->queue) clReleaseCommandQueue(device->queue);
    if (device->context) clReleaseContext(device->context);
    if (device->is_part) clReleaseDevice(device->id);
    free(device->tuned);
    free(device);
}

const clade_device_info *clade_device_describe(const clade_device *device)
{
    return &device->info;
}

const char *clade_device_reason(const clade_device *device)
{
    return device->reason;
}

clade_status clade_device_finish(clade_device *device)
{
    CLADE_WANT(device);
    const char *call;
    cl_int error = finish(device, &call);
    return error == CL_SUCCESS ? CLADE_OK : clade__fail_cl(call, error, device->info.name);
}

uint64_t clade_device_bytes_held(const clade_device *device)
{
    return device->bytes_held;
}

uint64_t clade_device_bytes_peak(const clade_device *device)
{
    return device->bytes_peak;
}

cl_device_id clade_opencl_device(const clade_device *device)
{
    return device->id;
}

cl_context clade_opencl_context(const clade_device *device)
{
    return device->context;
}

cl_command_queue clade_opencl_queue(const clade_device *device)
{
    return device->queue;
}

clade_status clade__queue_with(clade_device *device, bool profiling)
{
    CLADE_TRY(clade_device_finish(device));
    return create_queue(device, profiling ? CL_QUEUE_PROFILING_ENABLE : 0);
}

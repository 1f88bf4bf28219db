#include "device/discovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "device/descriptions.h"
#include "device/opencl.h"
#include "device/platforms.h"

#define USUAL_ALIGNMENT 512

/* From CL/cl_ext.h of newer headers; the names vary between versions. */
#define DEVICE_PCI_BUS_INFO_KHR 0x410F

static void read_text(cl_device_id id, cl_device_info what, char *out, size_t out_bytes)
{
    char text[8192] = "";
    if (clGetDeviceInfo(id, what, sizeof text - 1, text, NULL) != CL_SUCCESS) text[0] = '\0';
    const char *start = text + strspn(text, " ");
    size_t n = strlen(start);
    while (n > 0 && start[n - 1] == ' ') n--;
    if (n >= out_bytes) n = out_bytes - 1;
    memcpy(out, start, n);
    out[n] = '\0';
}

static cl_uint read_uint(cl_device_id id, cl_device_info what)
{
    cl_uint value = 0;
    if (clGetDeviceInfo(id, what, sizeof value, &value, NULL) != CL_SUCCESS) value = 0;
    return value;
}

static uint64_t read_ulong(cl_device_id id, cl_device_info what)
{
    cl_ulong value = 0;
    if (clGetDeviceInfo(id, what, sizeof value, &value, NULL) != CL_SUCCESS) value = 0;
    return value;
}

static bool read_bool(cl_device_id id, cl_device_info what)
{
    cl_bool value = CL_FALSE;
    return clGetDeviceInfo(id, what, sizeof value, &value, NULL) == CL_SUCCESS && value;
}

static void read_type(clade__found *found)
{
    cl_device_type type = 0;
    if (clGetDeviceInfo(found->id, CL_DEVICE_TYPE, sizeof type, &type, NULL) != CL_SUCCESS) type = 0;
    if (type & CL_DEVICE_TYPE_CPU) found->types |= 1u << CLADE_DEVICE_CPU;
    if (type & CL_DEVICE_TYPE_GPU) found->types |= 1u << CLADE_DEVICE_GPU;
    if (type & CL_DEVICE_TYPE_ACCELERATOR) found->types |= 1u << CLADE_DEVICE_ACCELERATOR;
    /* Only a simulator is several at once, and it runs on the CPU, the first. */
    int first = CLADE_DEVICE_CPU;
    while (first != CLADE_DEVICE_OTHER && !(found->types & 1u << first)) first++;
    found->info.type = (clade_device_type)first;
}

static void describe(clade__found *found)
{
    cl_device_id id = found->id;
    clade_device_info *info = &found->info;
    read_text(id, CL_DEVICE_NAME, info->name, sizeof info->name);
    read_text(id, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor);
    read_text(id, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
    read_text(id, CL_DEVICE_VERSION, info->version, sizeof info->version);
    read_type(found);
    info->compute_units = (int)read_uint(id, CL_DEVICE_MAX_COMPUTE_UNITS);
    if (info->compute_units < 1) info->compute_units = 1; /* the driver did not say */
    info->clock_mhz = (int)read_uint(id, CL_DEVICE_MAX_CLOCK_FREQUENCY);
    info->float_vector_width = (int)read_uint(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    info->global_memory_bytes = read_ulong(id, CL_DEVICE_GLOBAL_MEM_SIZE);
    info->max_allocation_bytes = read_ulong(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    info->local_memory_bytes = read_ulong(id, CL_DEVICE_LOCAL_MEM_SIZE);
    info->local_memory_dedicated = read_uint(id, CL_DEVICE_LOCAL_MEM_TYPE) == CL_LOCAL;
    if (clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof info->work_group_limit,
                        &info->work_group_limit, NULL) != CL_SUCCESS)
        info->work_group_limit = 0;
    /* In bits. A driver that does not say gets what suits every other one. */
    info->view_alignment_bytes = read_uint(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8;
    if (info->view_alignment_bytes == 0) info->view_alignment_bytes = USUAL_ALIGNMENT;
    info->available =
        read_bool(id, CL_DEVICE_AVAILABLE) && read_bool(id, CL_DEVICE_COMPILER_AVAILABLE);
    found->unified_memory = read_bool(id, CL_DEVICE_HOST_UNIFIED_MEMORY);
    found->vendor_id = read_uint(id, CL_DEVICE_VENDOR_ID);
    char extensions[8192];
    read_text(id, CL_DEVICE_EXTENSIONS, extensions, sizeof extensions);
    info->has_double = strstr(extensions, "cl_khr_fp64") != NULL;
    info->has_half = strstr(extensions, "cl_khr_fp16") != NULL;
    cl_uint pci[4];
    if (strstr(extensions, "cl_khr_pci_bus_info") &&
        clGetDeviceInfo(id, DEVICE_PCI_BUS_INFO_KHR, sizeof pci, pci, NULL) == CL_SUCCESS) {
        found->has_pci = true;
        for (int i = 0; i < 4; i++) found->pci[i] = pci[i];
    }
}

static bool same_hardware(const clade__found *a, const clade__found *b)
{
    if (a->info.platform_index == b->info.platform_index || a->info.type != b->info.type)
        return false;
    /* A machine's OpenCL CPU device is all of its CPU, whatever the platform calls it. */
    if (a->info.type == CLADE_DEVICE_CPU) return true;
    if (a->has_pci && b->has_pci) return memcmp(a->pci, b->pci, sizeof a->pci) == 0;
    return a->vendor_id == b->vendor_id && a->info.device_index == b->info.device_index &&
           (clade__contains_nocase(a->info.name, b->info.name) ||
            clade__contains_nocase(b->info.name, a->info.name));
}

void clade__mark_same(clade__found *found, int n_found)
{
    for (int i = 0; i < n_found; i++) {
        found[i].info.same_as = -1;
        for (int j = 0; j < i && found[i].info.same_as < 0; j++)
            if (found[j].info.same_as < 0 && same_hardware(&found[i], &found[j]))
                found[i].info.same_as = j;
    }
}

static clade_status add_devices_of(cl_platform_id platform, int platform_index,
                                   const clade__description *as, clade__found **found, int *n_found)
{
    cl_uint n;
    CLADE_TRY(clade__platform_devices(platform, &n));
    if (n == 0) return CLADE_OK;

    cl_device_id *ids = calloc(n, sizeof *ids);
    clade__found *more = realloc(*found, (size_t)(*n_found + (int)n) * sizeof **found);
    if (more) *found = more;
    if (!ids || !more) {
        free(ids);
        return clade__fail(CLADE_ENOMEM, "no memory for the list of devices");
    }
    cl_int error = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, n, ids, NULL);
    for (cl_uint i = 0; error == CL_SUCCESS && i < n; i++) {
        clade__found *one = &more[*n_found];
        *one = (clade__found){.platform = platform, .id = ids[i]};
        one->info.index = (*n_found)++;
        one->info.platform_index = platform_index;
        one->info.device_index = (int)i;
        clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof one->info.platform - 1,
                          one->info.platform, NULL);
        clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof one->info.platform_version - 1,
                          one->info.platform_version, NULL);
        describe(one);
        clade__description_apply(as, one);
    }
    free(ids);
    return error == CL_SUCCESS ? CLADE_OK : clade__fail_cl("clGetDeviceIDs", error, NULL);
}

/* There are platforms, none with a device. */
static clade_status fail_empty(const cl_platform_id *platforms, cl_uint n_platforms)
{
    clade__text text = {0};
    for (cl_uint i = 0; i < n_platforms; i++) {
        char name[128] = "";
        clGetPlatformInfo(platforms[i], CL_PLATFORM_NAME, sizeof name - 1, name, NULL);
        clade__text_append(&text, "%s%s: %s", i ? "; " : "", name, clade__platform_hint(name));
    }
    clade_status status = clade__fail(
        CLADE_ENODEVICE, "no OpenCL device: %u platform%s found, none with a device (%s); or install "
        "pocl-opencl-icd to run on the CPU", n_platforms, n_platforms == 1 ? "" : "s",
        text.data ? text.data : "");
    clade__text_free(&text);
    return status;
}

clade_status clade__discover(clade__found **found, int *n_found)
{
    *found = NULL;
    *n_found = 0;
    cl_platform_id *platforms = NULL;
    cl_uint n_platforms = 0;
    const clade__description *as;
    CLADE_TRY(clade__description_wanted(&as));
    clade_status status = clade__platforms_list(&platforms, &n_platforms);
    for (cl_uint i = 0; status == CLADE_OK && i < n_platforms; i++)
        status = add_devices_of(platforms[i], (int)i, as, found, n_found);
    if (status == CLADE_OK && *n_found == 0) status = fail_empty(platforms, n_platforms);
    free(platforms);
    if (status == CLADE_OK) {
        clade__mark_same(*found, *n_found);
    } else {
        free(*found);
        *found = NULL;
        *n_found = 0;
    }
    return status;
}

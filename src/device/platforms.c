#define _POSIX_C_SOURCE 200809L
#include "device/platforms.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "device/cores.h"

#define VENDORS "/etc/OpenCL/vendors"
#define ANY_HINT                                                                                   \
    "check that the driver supports this hardware and that you may use it (on Linux: the groups "  \
    "render and video)"

/* CL_PLATFORM_NAME, its short name, and what would show a device. */
static const struct {
    const char *name, *word, *hint;
} known[] = {
    {"Portable Computing Language", "pocl",
     "PoCL has no device where it cannot write its cache folder: see POCL_CACHE_DIR and HOME"},
    {"rusticl", "rusticl",
     "RUSTICL_ENABLE=llvmpipe shows the CPU, RUSTICL_ENABLE=radeonsi, iris or nouveau a GPU of that "
     "driver"},
    {"Clover", "clover", "it is the predecessor of Rusticl, which supports more hardware"},
    {"Intel(R) OpenCL", "intel", ANY_HINT},
    {"AMD Accelerated Parallel Processing", "amd", ANY_HINT},
    {"NVIDIA CUDA", "nvidia", ANY_HINT},
    {"NVIDIA CUDA", "cuda", ANY_HINT},
    {"Oclgrind", "oclgrind", ANY_HINT},
};

bool clade__platform_is(const char *name, const char *word)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strlen(known[i].word) == strlen(word) && clade__contains_nocase(word, known[i].word) &&
            clade__contains_nocase(name, known[i].name))
            return true;
    return false;
}

const char *clade__platform_hint(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (clade__contains_nocase(name, known[i].name)) return known[i].hint;
    return ANY_HINT;
}

/* ---- drivers that cannot be loaded ------------------------------------------------------------ */

/* Whether the driver that a file of the vendors' folder names can be loaded; if not, why. */
static bool loads(const char *path, char *why, size_t why_bytes)
{
    unsigned char *text;
    size_t n_bytes;
    if (clade__file_read(path, &text, &n_bytes) != CLADE_OK) return true; /* the loader's affair */
    char library[256];
    snprintf(library, sizeof library, "%.*s", (int)strcspn((char *)text, "\r\n"), (char *)text);
    free(text);
    void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
    const char *problem = handle ? NULL : dlerror();
    snprintf(why, why_bytes, "%s", problem ? problem : library);
    if (handle) dlclose(handle);
    return handle != NULL;
}

/* The loader passes over a driver that it cannot load, and says no more than that there is no platform.
 * Whether there is such a one; then the message is set. */
static bool driver_fails(clade_status *status)
{
    const char *folder = getenv("OCL_ICD_VENDORS");
    if (!folder || !*folder) folder = VENDORS;
    DIR *entries = opendir(folder);
    bool failed = false;
    char path[1024], why[512];
    for (struct dirent *entry; entries && !failed && (entry = readdir(entries));) {
        size_t n = strlen(entry->d_name);
        if (n < 4 || strcmp(entry->d_name + n - 4, ".icd") != 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        failed = !loads(path, why, sizeof why);
    }
    if (entries) closedir(entries);
    if (!failed) return false;
    /* What glibc says when mmap or malloc fail. */
    bool memory = strstr(why, "failed to map segment") || strstr(why, "allocate") ||
                  strstr(why, "out of memory");
    *status = memory ? clade__fail(CLADE_ENOMEM, "no memory to load the OpenCL driver of '%s': %s; "
                                                 "leave it more (see `ulimit -v`)", path, why)
                     : clade__fail(CLADE_ENODEVICE, "no OpenCL platform: the driver of '%s' cannot be "
                                                    "loaded: %s", path, why);
    return true;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static clade_status fail_list(cl_int error, cl_uint n_platforms)
{
    clade_status status;
    if (driver_fails(&status)) return status;
    if (error == -1001 || (error == CL_SUCCESS && n_platforms == 0))
        return clade__fail(CLADE_ENODEVICE,
                           "no OpenCL platform: the loader is there, but no driver is registered in "
                           VENDORS "; install your GPU vendor's OpenCL package, or pocl-opencl-icd to "
                           "run on the CPU (and check OCL_ICD_VENDORS, if set)");
    return clade__fail_cl("clGetPlatformIDs", error, NULL);
}

clade_status clade__platforms_list(cl_platform_id **platforms, cl_uint *n_platforms)
{
    clade__quirks_before_opencl();
    *platforms = NULL;
    *n_platforms = 0;
    clade__quirks_before_driver();
    cl_int error = clGetPlatformIDs(0, NULL, n_platforms);
    clade__quirks_after_driver();
    if (error != CL_SUCCESS || *n_platforms == 0) return fail_list(error, *n_platforms);
    *platforms = calloc(*n_platforms, sizeof **platforms);
    if (!*platforms) return clade__fail(CLADE_ENOMEM, "no memory for the list of platforms");
    error = clGetPlatformIDs(*n_platforms, *platforms, NULL);
    if (error == CL_SUCCESS) return CLADE_OK;
    free(*platforms);
    *platforms = NULL;
    return clade__fail_cl("clGetPlatformIDs", error, NULL);
}

clade_status clade__platform_devices(cl_platform_id platform, cl_uint *n_devices)
{
    *n_devices = 0;
    clade__cores_before_workers();
    clade__quirks_before_driver();
    cl_int error = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, n_devices);
    clade__quirks_after_driver();
    clade__cores_after_workers();
    if (error == CL_OUT_OF_HOST_MEMORY) return clade__fail_cl("clGetDeviceIDs", error, NULL);
    if (error != CL_SUCCESS) *n_devices = 0; /* CL_DEVICE_NOT_FOUND, or what a driver makes of it */
    return CLADE_OK;
}

clade_status clade_platforms(clade_platform_info **list, int *n_platforms)
{
    CLADE_WANT(list);
    CLADE_WANT(n_platforms);
    *list = NULL;
    *n_platforms = 0;
    cl_platform_id *ids;
    cl_uint n;
    CLADE_TRY(clade__platforms_list(&ids, &n));
    clade_platform_info *infos = calloc(n, sizeof *infos);
    clade_status status =
        infos ? CLADE_OK : clade__fail(CLADE_ENOMEM, "no memory for the list of platforms");
    for (cl_uint i = 0; status == CLADE_OK && i < n; i++) {
        cl_uint n_devices;
        status = clade__platform_devices(ids[i], &n_devices);
        infos[i].index = (int)i;
        infos[i].n_devices = (int)n_devices;
        clGetPlatformInfo(ids[i], CL_PLATFORM_NAME, sizeof infos[i].name - 1, infos[i].name, NULL);
        clGetPlatformInfo(ids[i], CL_PLATFORM_VERSION, sizeof infos[i].version - 1, infos[i].version,
                          NULL);
        infos[i].hint = n_devices == 0 ? clade__platform_hint(infos[i].name) : NULL;
    }
    free(ids);
    if (status != CLADE_OK) {
        free(infos);
        return status;
    }
    *list = infos;
    *n_platforms = (int)n;
    return CLADE_OK;
}

void clade_platforms_free(clade_platform_info *list)
{
    free(list);
}

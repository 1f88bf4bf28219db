/* Device time by label, from the timestamps of events. */
#include <stdlib.h>
#include <string.h>

#include "device/opencl.h"

/* Events are read in batches, so that a long run does not hold millions of them. */
#define MAX_PENDING 4096

struct clade__profile {
    clade_profile_entry *entries;
    size_t n_entries, entries_capacity;
    struct {
        const char *label;
        cl_event event;
    } pending[MAX_PENDING];
    size_t n_pending;
};

static clade_profile_entry *entry_of(clade__profile *profile, const char *label)
{
    for (size_t i = 0; i < profile->n_entries; i++)
        if (strcmp(profile->entries[i].label, label) == 0) return &profile->entries[i];
    if (profile->n_entries == profile->entries_capacity) {
        size_t capacity = 2 * profile->entries_capacity + 16;
        clade_profile_entry *entries = realloc(profile->entries, capacity * sizeof *entries);
        if (!entries) return NULL;
        profile->entries = entries;
        profile->entries_capacity = capacity;
    }
    clade_profile_entry *entry = &profile->entries[profile->n_entries++];
    *entry = (clade_profile_entry){.label = label};
    return entry;
}

static void release_pending(clade__profile *profile)
{
    for (size_t i = 0; i < profile->n_pending; i++) clReleaseEvent(profile->pending[i].event);
    profile->n_pending = 0;
}

static clade_status drain(clade_device *device)
{
    clade__profile *profile = device->profile;
    clade_status status = clade_device_finish(device);
    for (size_t i = 0; status == CLADE_OK && i < profile->n_pending; i++) {
        cl_ulong start = 0, end = 0;
        cl_event event = profile->pending[i].event;
        cl_int error = clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start,
                                               &start, NULL);
        if (error == CL_SUCCESS)
            error = clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
        clade_profile_entry *entry = entry_of(profile, profile->pending[i].label);
        if (error != CL_SUCCESS)
            status = clade__fail_cl("clGetEventProfilingInfo", error, profile->pending[i].label);
        else if (!entry)
            status = clade__fail(CLADE_ENOMEM, "no memory for the profile");
        else {
            entry->n_calls++;
            entry->seconds += end > start ? 1e-9 * (double)(end - start) : 0.0;
        }
    }
    release_pending(profile);
    return status;
}

clade_status clade__profile_add(clade_device *device, const char *label, cl_event event)
{
    clade__profile *profile = device->profile;
    profile->pending[profile->n_pending].label = label;
    profile->pending[profile->n_pending++].event = event;
    return profile->n_pending == MAX_PENDING ? drain(device) : CLADE_OK;
}

void clade__profile_free(clade__profile *profile)
{
    if (!profile) return;
    release_pending(profile);
    free(profile->entries);
    free(profile);
}

clade_status clade_profile_begin(clade_device *device)
{
    if (device->profile) return clade__fail(CLADE_ESTATE, "profiling is already on");
    clade__profile *profile = calloc(1, sizeof *profile);
    if (!profile) return clade__fail(CLADE_ENOMEM, "no memory for the profile");
    clade_status status = clade__queue_with(device, true);
    if (status != CLADE_OK) {
        free(profile);
        return status;
    }
    clade__profile_free(device->last_profile);
    device->last_profile = NULL;
    device->profile = profile;
    return CLADE_OK;
}

static int longest_first(const void *a, const void *b)
{
    double x = ((const clade_profile_entry *)a)->seconds;
    double y = ((const clade_profile_entry *)b)->seconds;
    return x < y ? 1 : x > y ? -1 : 0;
}

clade_status clade_profile_end(clade_device *device, const clade_profile_entry **entries,
                               size_t *n_entries)
{
    *entries = NULL;
    *n_entries = 0;
    clade__profile *profile = device->profile;
    if (!profile) return clade__fail(CLADE_ESTATE, "profiling is not on");
    clade_status status = drain(device);
    device->profile = NULL;
    device->last_profile = profile;
    if (status == CLADE_OK) status = clade__queue_with(device, false);
    if (status != CLADE_OK) return status;
    if (profile->n_entries)
        qsort(profile->entries, profile->n_entries, sizeof *profile->entries, longest_first);
    *entries = profile->entries;
    *n_entries = profile->n_entries;
    return CLADE_OK;
}

/* Device time by command, phase and layer, from the timestamps of events.
 *
 * Commands are added as they are enqueued and read when they have run. Reading waits for half of
 * those that are kept, so that the device has the other half to do; and nothing here fails a
 * command: the first trouble is kept and told when the profile ends. */
#include "device/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "device/opencl.h"

#define MAX_PENDING 4096

typedef struct pending {
    size_t entry;
    int64_t before, after; /* the host's time around the enqueue; 0 after the trace is full */
    bool of_call;
    cl_event event;
} pending;

struct clade__profile {
    clade_profile_entry *entries; /* as they came first; a step's stand in its order */
    clade_profile_entry *sorted;
    size_t n_entries, entries_capacity, next; /* next: the one that is likely to come */
    clade__arena arena;                       /* layers' names: a model may go before its profile */
    pending pending[MAX_PENDING];
    size_t n_pending;
    uint64_t n_added, n_read; /* commands */
    bool begun;               /* the host said where its work begins */
    uint64_t from;            /* the first command that the totals count */
    uint64_t first_start, busy; /* of those; nanoseconds of the device's clock */
    uint64_t last_end;          /* of the command that was read last */
    double communication, exposed; /* seconds */
    clade_status status;
    char error[512];
    clade__trace trace;
};

static const char *const phase_names[CLADE_N_PHASES] = {
#define NAME(id, name) name,
    CLADE_PHASES(NAME)
#undef NAME
};

const char *clade_phase_name(clade_phase phase)
{
    return (unsigned)phase < CLADE_N_PHASES ? phase_names[phase] : "unknown";
}

static int64_t host_now(void)
{
    return (int64_t)(1e9 * clade__seconds());
}

static void keep_trouble(clade__profile *profile, clade_status status)
{
    if (profile->status != CLADE_OK) return;
    profile->status = status;
    snprintf(profile->error, sizeof profile->error, "%s", clade_error());
}

/* ---- entries --------------------------------------------------------------------------------- */

static bool is_entry(const clade_profile_entry *entry, const char *label, const clade__scope *scope)
{
    return entry->phase == scope->phase && strcmp(entry->label, label) == 0 &&
           strcmp(entry->layer, scope->layer ? scope->layer : "") == 0;
}

static clade_status add_entry(clade__profile *profile, const char *label, const clade__scope *scope)
{
    if (profile->n_entries == profile->entries_capacity) {
        size_t capacity = 2 * profile->entries_capacity + 64;
        clade_profile_entry *entries = realloc(profile->entries, capacity * sizeof *entries);
        if (!entries) return clade__fail(CLADE_ENOMEM, "no memory for the profile");
        profile->entries = entries;
        profile->entries_capacity = capacity;
    }
    const char *layer = "";
    if (scope->layer) layer = clade__arena_copy_text(&profile->arena, scope->layer);
    if (!layer) return clade__fail(CLADE_ENOMEM, "no memory for the profile");
    profile->entries[profile->n_entries++] =
        (clade_profile_entry){.label = label, .phase = scope->phase, .layer = layer};
    return CLADE_OK;
}

/* Steps repeat, so the entry after the last one is tried first. */
static clade_status entry_of(clade__profile *profile, const char *label, const clade__scope *scope,
                             size_t *entry)
{
    size_t n = profile->n_entries;
    for (size_t i = 0; i < n; i++) {
        *entry = (profile->next + i) % n;
        if (is_entry(&profile->entries[*entry], label, scope)) {
            profile->next = *entry + 1;
            return CLADE_OK;
        }
    }
    *entry = n;
    profile->next = n + 1;
    return add_entry(profile, label, scope);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void correlate(clade__trace *trace, const pending *command, uint64_t queued)
{
    int64_t within = command->after - command->before;
    if (queued == 0 || (trace->has_offset && within >= trace->offset_within)) return;
    trace->has_offset = true;
    trace->offset_within = within;
    trace->offset = (uint64_t)(command->before + within / 2) - queued;
}

static clade_status read_event(clade__profile *profile, const pending *command)
{
    static const cl_profiling_info wanted[] = {
        CL_PROFILING_COMMAND_QUEUED, CL_PROFILING_COMMAND_START, CL_PROFILING_COMMAND_END};
    cl_ulong times[3] = {0};
    clade_profile_entry *entry = &profile->entries[command->entry];
    for (int i = command->before || command->of_call ? 0 : 1; i < 3; i++) {
        cl_int error = clGetEventProfilingInfo(command->event, wanted[i], sizeof times[i],
                                               &times[i], NULL);
        if (error != CL_SUCCESS)
            return clade__fail_cl("clGetEventProfilingInfo", error, entry->label);
    }
    uint64_t start = times[1], end = times[2] > start ? times[2] : start;
    /* Of a library's kernels only the last one has an event. Where all of them were queued before the
     * device came to the first, they began with the end of the command before; else the last one's
     * time is all that is known. */
    if (command->of_call && profile->last_end >= times[0] && profile->last_end < start)
        start = profile->last_end;
    entry->n_calls++;
    entry->seconds += 1e-9 * (double)(end - start);
    if (profile->n_read >= profile->from) {
        if (profile->n_read == profile->from) profile->first_start = start;
        profile->busy += end - start;
    }
    profile->last_end = end;
    clade__trace *trace = &profile->trace;
    if (command->before && trace->n_commands < CLADE__TRACE_COMMANDS) {
        correlate(trace, command, times[0]);
        trace->commands[trace->n_commands++] =
            (clade__trace_command){entry->label, entry->layer, entry->phase, start, end};
    }
    return CLADE_OK;
}

/* Reads the first n of the commands that are kept; they have run, or will be waited for. */
static void read_pending(clade__profile *profile, size_t n)
{
    if (n == 0) return;
    cl_int error = clWaitForEvents(1, &profile->pending[n - 1].event); /* commands run in order */
    if (error != CL_SUCCESS)
        keep_trouble(profile, clade__fail_cl("clWaitForEvents", error, "profile"));
    for (size_t i = 0; i < n; i++) {
        if (profile->status == CLADE_OK) {
            clade_status status = read_event(profile, &profile->pending[i]);
            if (status != CLADE_OK) keep_trouble(profile, status);
        }
        profile->n_read++;
        clReleaseEvent(profile->pending[i].event);
    }
    profile->n_pending -= n;
    memmove(profile->pending, profile->pending + n, profile->n_pending * sizeof(pending));
}

int64_t clade__profile_before(const clade_device *device)
{
    return device->profile->n_added < CLADE__TRACE_COMMANDS ? host_now() : 0;
}

void clade__profile_add(clade_device *device, const clade__profiled *profiled, cl_event event)
{
    clade__profile *profile = device->profile;
    pending command = {.before = profiled->before, .after = profiled->before ? host_now() : 0,
                       .of_call = profiled->of_call, .event = event};
    clade_status status = entry_of(profile, profiled->label, &profiled->scope, &command.entry);
    if (status != CLADE_OK) {
        keep_trouble(profile, status);
        clReleaseEvent(event);
        return;
    }
    profile->n_added++;
    profile->pending[profile->n_pending++] = command;
    if (profile->n_pending == MAX_PENDING) read_pending(profile, MAX_PENDING / 2);
}

/* ---- the host -------------------------------------------------------------------------------- */

int64_t clade__profile_host_begin(clade_device *device)
{
    clade__profile *profile = device->profile;
    if (!profile) return 0;
    if (!profile->begun) {
        profile->begun = true;
        profile->from = profile->n_added;
        profile->first_start = profile->busy = 0;
    }
    return host_now();
}

void clade__profile_host_end(clade_device *device, const char *name, int64_t index, int64_t begun)
{
    clade__profile *profile = device->profile;
    if (!profile || begun == 0) return;
    clade__trace *trace = &profile->trace;
    if (trace->n_spans == CLADE__TRACE_SPANS || profile->n_added > CLADE__TRACE_COMMANDS) return;
    trace->spans[trace->n_spans++] = (clade__trace_span){name, index, begun, host_now()};
}

void clade__profile_add_communication(clade_device *device, uint64_t n_calls, double seconds, double exposed)
{
    clade__profile *profile = device->profile;
    size_t entry;
    if (!profile) return;
    profile->communication += seconds;
    profile->exposed += exposed;
    clade_status status = entry_of(profile, "sum over ranks", &(clade__scope){CLADE_PHASE_COMMUNICATION, NULL},
                                   &entry);
    if (status != CLADE_OK) {
        keep_trouble(profile, status);
        return;
    }
    profile->entries[entry].n_calls += n_calls;
    profile->entries[entry].seconds += seconds;
}

/* ---- begin and end --------------------------------------------------------------------------- */

void clade__profile_free(clade__profile *profile)
{
    if (!profile) return;
    for (size_t i = 0; i < profile->n_pending; i++) clReleaseEvent(profile->pending[i].event);
    free(profile->entries);
    free(profile->sorted);
    clade__arena_free(&profile->arena);
    free(profile);
}

clade_status clade_profile_begin(clade_device *device)
{
    CLADE_WANT(device);
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

/* The order of `entries` is that of a step, for whoever looks them up; sorted is for people. */
static clade_status sort_entries(clade__profile *profile)
{
    size_t n_bytes = profile->n_entries * sizeof *profile->entries;
    if (n_bytes == 0) return CLADE_OK;
    profile->sorted = malloc(n_bytes);
    if (!profile->sorted) return clade__fail(CLADE_ENOMEM, "no memory for the profile");
    memcpy(profile->sorted, profile->entries, n_bytes);
    qsort(profile->sorted, profile->n_entries, sizeof *profile->sorted, longest_first);
    return CLADE_OK;
}

clade_status clade_profile_end(clade_device *device, const clade_profile_entry **entries,
                               size_t *n_entries)
{
    CLADE_WANT(device);
    CLADE_WANT(entries);
    CLADE_WANT(n_entries);
    *entries = NULL;
    *n_entries = 0;
    clade__profile *profile = device->profile;
    if (!profile) return clade__fail(CLADE_ESTATE, "profiling is not on");
    read_pending(profile, profile->n_pending);
    profile->trace.n_ran = profile->n_added;
    device->profile = NULL;
    device->last_profile = profile;
    CLADE_TRY(clade__queue_with(device, false));
    if (profile->status != CLADE_OK) return clade__fail_again(profile->status, profile->error);
    CLADE_TRY(sort_entries(profile));
    *entries = profile->sorted;
    *n_entries = profile->n_entries;
    return CLADE_OK;
}

static clade_status ended_profile(const clade_device *device, const clade__profile **profile)
{
    *profile = device->last_profile;
    if (device->profile) return clade__fail(CLADE_ESTATE, "profiling has not ended");
    return *profile ? CLADE_OK : clade__fail(CLADE_ESTATE, "nothing has been profiled");
}

clade_status clade_profile_describe(const clade_device *device, clade_profile_totals *totals)
{
    CLADE_WANT(device);
    CLADE_WANT(totals);
    const clade__profile *profile;
    *totals = (clade_profile_totals){0};
    CLADE_TRY(ended_profile(device, &profile));
    totals->n_commands = profile->n_added;
    totals->n_traced = profile->trace.n_commands;
    totals->communication_seconds = profile->communication;
    totals->exposed_seconds = profile->exposed;
    totals->busy_seconds = 1e-9 * (double)profile->busy;
    if (profile->n_read > profile->from)
        totals->wall_seconds = 1e-9 * (double)(profile->last_end - profile->first_start);
    return CLADE_OK;
}

clade_status clade_profile_write_trace(const clade_device *device, const char *path)
{
    CLADE_WANT(device);
    CLADE_WANT(path);
    const clade__profile *profile;
    CLADE_TRY(ended_profile(device, &profile));
    return clade__trace_write(&profile->trace, device->info.name, path);
}

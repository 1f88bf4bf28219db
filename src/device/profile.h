/* What is gathered while a device is profiled, beside opencl.h's clade__profile_add: where the host
 * is, and the trace that a timeline shows.
 *
 * Every command has an event with timestamps of the device's clock. The host's steps are on the
 * host's clock. One moment is known on both: a command is queued (CL_PROFILING_COMMAND_QUEUED)
 * between the two host times read before and after its enqueue. Of all commands of the trace the one
 * with the shortest enqueue gives the offset of the clocks, wrong by half of that at most, some
 * microseconds; the clocks' drift over a trace is taken for nothing.
 *
 * A trace keeps the first commands alone, so that a long run has a small one.
 */
#ifndef CLADE_DEVICE_PROFILE_H
#define CLADE_DEVICE_PROFILE_H

#include "base/error.h"
#include "device/buffer.h"

enum { CLADE__TRACE_COMMANDS = 20000, CLADE__TRACE_SPANS = 20000 };

/* A command as it ran; nanoseconds of the device's clock. */
typedef struct clade__trace_command {
    const char *label, *layer;
    clade_phase phase;
    uint64_t start, end;
} clade__trace_command;

/* What the host did meanwhile; nanoseconds of its own clock. */
typedef struct clade__trace_span {
    const char *name;
    int64_t index, start, end;
} clade__trace_span;

typedef struct clade__trace {
    clade__trace_command commands[CLADE__TRACE_COMMANDS];
    clade__trace_span spans[CLADE__TRACE_SPANS];
    size_t n_commands, n_spans;
    uint64_t n_ran;        /* commands, the trace's and those after them */
    bool has_offset;
    uint64_t offset;       /* host's clock minus device's, modulo 2^64 */
    int64_t offset_within; /* how long the enqueue took that gave it */
} clade__trace;

/* The host's time when its work begins, and 0 while profiling is off. The first one of a profile is
 * where its totals begin. */
int64_t clade__profile_host_begin(clade_device *device);

/* Keeps what the host did since `begun`: `name`, which must outlive the device, for the index-th
 * time. Nothing while profiling is off. */
void clade__profile_host_end(clade_device *device, const char *name, int64_t index, int64_t begun);

/* Counts a step's communication: n calls that took so long in all, and how long the device waited for them. */
void clade__profile_add_communication(clade_device *device, uint64_t n_calls, double seconds, double exposed);

/* Writes the trace as a file of the Trace Event Format. */
clade_status clade__trace_write(const clade__trace *trace, const char *device_name,
                                const char *path);

#endif

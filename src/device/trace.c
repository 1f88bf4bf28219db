/* A trace as JSON in the Trace Event Format, which chrome://tracing and Perfetto open: complete
 * events ("X") with times in microseconds, on one track for the device and one for the host. */
#include "device/profile.h"

#include <stdio.h>

#include "base/file.h"
#include "base/json.h"

enum { DEVICE_TRACK = 1, HOST_TRACK = 2 };

static void append_track(clade__text *out, int track, const char *prefix, const char *name)
{
    clade__text_append(out, "{\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"name\":\"thread_sort_index\","
                            "\"args\":{\"sort_index\":%d}},\n"
                            "{\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"name\":\"thread_name\","
                            "\"args\":{\"name\":", track, track, track);
    clade__text label = {0};
    clade__text_append(&label, "%s%s", prefix, name);
    clade__json_quote(out, label.data ? label.data : prefix);
    clade__text_free(&label);
    clade__text_append(out, "}}");
}

/* Nanoseconds as microseconds, exactly. */
static void append_times(clade__text *out, uint64_t start, uint64_t end)
{
    uint64_t taken = end > start ? end - start : 0;
    clade__text_append(out, "\"ts\":%llu.%03u,\"dur\":%llu.%03u", (unsigned long long)start / 1000,
                       (unsigned)(start % 1000), (unsigned long long)taken / 1000,
                       (unsigned)(taken % 1000));
}

/* The trace's time 0 on the host's clock: where its first event starts. */
static uint64_t origin_of(const clade__trace *trace)
{
    uint64_t first_span = trace->n_spans ? (uint64_t)trace->spans[0].start : 0;
    if (trace->n_commands == 0) return first_span;
    uint64_t first_command = trace->commands[0].start + trace->offset;
    return trace->has_offset && trace->n_spans && first_span < first_command ? first_span
                                                                             : first_command;
}

static void append_commands(clade__text *out, const clade__trace *trace, uint64_t origin)
{
    for (size_t i = 0; i < trace->n_commands; i++) {
        const clade__trace_command *command = &trace->commands[i];
        uint64_t shift = trace->offset - origin;
        clade__text_append(out, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%d,\"name\":", DEVICE_TRACK);
        clade__json_quote(out, command->label);
        clade__text_append(out, ",\"cat\":\"%s\",", clade_phase_name(command->phase));
        append_times(out, command->start + shift, command->end + shift);
        clade__text_append(out, ",\"args\":{\"phase\":\"%s\",\"layer\":",
                           clade_phase_name(command->phase));
        clade__json_quote(out, command->layer);
        clade__text_append(out, "}}");
    }
}

static void append_spans(clade__text *out, const clade__trace *trace, uint64_t origin)
{
    /* Without a moment known on both clocks the host's track would stand anywhere. */
    if (!trace->has_offset && trace->n_commands > 0) return;
    for (size_t i = 0; i < trace->n_spans; i++) {
        const clade__trace_span *span = &trace->spans[i];
        clade__text_append(out, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%d,\"name\":\"%s\","
                                "\"cat\":\"host\",", HOST_TRACK, span->name);
        append_times(out, (uint64_t)span->start - origin, (uint64_t)span->end - origin);
        clade__text_append(out, ",\"args\":{\"index\":%lld}}", (long long)span->index);
    }
}

/* The end of a trace that was cut is marked on the timeline, and told in the file. */
static void append_end(clade__text *out, const clade__trace *trace, uint64_t origin)
{
    char text[96];
    bool cut = trace->n_ran > trace->n_commands;
    if (cut) {
        uint64_t end = trace->commands[trace->n_commands - 1].end + trace->offset - origin;
        snprintf(text, sizeof text, "the first %zu of %llu commands", trace->n_commands,
                 (unsigned long long)trace->n_ran);
        clade__text_append(out, ",\n{\"ph\":\"i\",\"s\":\"g\",\"pid\":1,\"tid\":%d,"
                                "\"name\":\"cut: %s\",",
                           DEVICE_TRACK, text);
        clade__text_append(out, "\"ts\":%llu.%03u}", (unsigned long long)end / 1000,
                           (unsigned)(end % 1000));
    }
    clade__text_append(out, "\n],\n\"displayTimeUnit\":\"ms\",\n\"otherData\":{\"commands\":%llu,"
                            "\"commands_in_trace\":%zu", (unsigned long long)trace->n_ran,
                       trace->n_commands);
    if (cut) clade__text_append(out, ",\"cut\":\"%s\"", text);
    clade__text_append(out, "}}\n");
}

clade_status clade__trace_write(const clade__trace *trace, const char *device_name,
                                const char *path)
{
    clade__text out = {0};
    uint64_t origin = origin_of(trace);
    clade__text_append(&out, "{\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\","
                             "\"args\":{\"name\":\"clade\"}},\n");
    append_track(&out, DEVICE_TRACK, "device: ", device_name);
    clade__text_append(&out, ",\n");
    append_track(&out, HOST_TRACK, "host", "");
    append_commands(&out, trace, origin);
    append_spans(&out, trace, origin);
    append_end(&out, trace, origin);
    clade_status status = out.failed ? clade__fail(CLADE_ENOMEM, "no memory for the trace")
                                     : clade__file_write(path, &(clade__piece){out.data, out.length},
                                                         1);
    clade__text_free(&out);
    return status;
}

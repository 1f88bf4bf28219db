/* The memory of a model: planned from shapes before any is taken, for any size of its batch, so that
 * what does not fit is refused with figures, and with what would fit. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "graph/buckets.h"
#include "graph/dry_run.h"

typedef struct size_text {
    char text[32];
} size_text;

/* Rounded up or down: what is needed and what there is are never the same text where the one is more
 * than the other. */
static size_text text_of(uint64_t bytes, double (*rounded)(double))
{
    size_text size;
    if (bytes < 10 << 20)
        clade__format(size.text, sizeof size.text, "%.0f KiB", rounded((double)bytes / (1 << 10)));
    else
        clade__format(size.text, sizeof size.text, "%.1f MiB",
                      rounded((double)bytes / (1 << 20) * 10.0) / 10.0);
    return size;
}

/* ---- planning -------------------------------------------------------------------------------- */

/* Which parameters' steps are part of backward, and the scratch of a training step's gemms. */
static clade_status read_training(clade__executable *exe)
{
    clade__commands *dry = NULL;
    size_t scratch = 0;
    bool *stepped = calloc((size_t)exe->graph->n_parameters + 1, sizeof *stepped);
    if (!stepped) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    clade_status status = clade__dry_run(&dry, exe, true, exe->micro_batch, stepped);
    if (status == CLADE_OK) status = clade__gemm_dry_scratch_bytes(dry, &scratch);
    for (int i = 0; i < exe->graph->n_parameters; i++) exe->parameters[i].stepped = stepped[i];
    if (scratch > exe->gemm_scratch_bytes) exe->gemm_scratch_bytes = scratch;
    clade__commands_free(dry);
    free(stepped);
    return status;
}

static clade_status read_inference(clade__executable *exe)
{
    clade__commands *dry = NULL;
    CLADE_TRY(clade__dry_run(&dry, exe, false, exe->infer_batch, NULL));
    clade_status status = clade__gemm_dry_scratch_bytes(dry, &exe->gemm_scratch_bytes);
    clade__commands_free(dry);
    return status;
}

int clade__executable_n_slots(const clade__executable *exe)
{
    const clade__layout *a = exe->infer_layout, *b = exe->train_layout;
    return b && b->n_slots > a->n_slots ? b->n_slots : a->n_slots;
}

size_t clade__executable_slot_bytes(const clade__executable *exe, int slot)
{
    const clade__layout *a = exe->infer_layout, *b = exe->train_layout;
    size_t in_a = slot < a->n_slots ? a->slot_bytes[slot] : 0;
    size_t in_b = b && slot < b->n_slots ? b->slot_bytes[slot] : 0;
    return in_a > in_b ? in_a : in_b;
}

static uint64_t workspace_bytes(clade__executable *exe)
{
    uint64_t total = 0;
    for (int i = 0; i < clade__executable_n_slots(exe); i++) {
        size_t bytes = clade__executable_slot_bytes(exe, i);
        if (bytes > exe->largest_buffer) exe->largest_buffer = bytes;
        total += bytes;
    }
    if (exe->gemm_scratch_bytes > exe->largest_buffer) exe->largest_buffer = exe->gemm_scratch_bytes;
    return total + exe->gemm_scratch_bytes;
}

/* Of gradients that are all kept. */
static clade_status sum_up_buckets(clade__executable *exe)
{
    clade__bucket_plan buckets;
    clade_status status = clade__bucket_plan_open(&buckets, exe);
    for (int i = 0; status == CLADE_OK && i < buckets.n; i++) {
        size_t bytes = (size_t)buckets.sizes[i] * sizeof(float);
        exe->memory.gradients += bytes;
        if (bytes > exe->largest_buffer) exe->largest_buffer = bytes;
    }
    clade__bucket_plan_free(&buckets);
    return status;
}

static clade_status sum_up(clade__executable *exe)
{
    clade_memory *memory = &exe->memory;
    uint64_t n_states = (uint64_t)clade__optimizer_n_states(&exe->optimizer);
    *memory = (clade_memory){0};
    exe->largest_buffer = 0;
    for (int i = 0; i < exe->graph->n_parameters; i++) {
        size_t bytes = (size_t)clade_shape_elements(exe->graph->parameters[i].shape) * sizeof(float);
        memory->parameters += bytes;
        if (bytes > exe->largest_buffer) exe->largest_buffer = bytes;
        if (!exe->parameters[i].trains) continue;
        if (!exe->parameters[i].stepped && !exe->keep_gradients) memory->gradients += bytes;
        memory->optimizer_state += n_states * bytes;
    }
    if (exe->trains) {
        int64_t n_partials = clade__optimizer_partials(exe);
        if (n_partials > 0) memory->optimizer_state += (uint64_t)(n_partials + 1) * sizeof(float);
        memory->optimizer_state += (uint64_t)clade__n_parameter_peaks(exe->graph) * sizeof(float);
    }
    CLADE_TRY(sum_up_buckets(exe));
    memory->activations = workspace_bytes(exe);
    memory->total = memory->parameters + memory->gradients + memory->optimizer_state +
                    memory->activations;
    return CLADE_OK;
}

static clade_status plan_inference(clade__executable *exe)
{
    if (!exe->infer_layout)
        CLADE_TRY(clade__layout_create(&exe->infer_layout, exe->graph, exe->output, exe->infer_batch,
                                       NULL));
    return read_inference(exe);
}

clade_status clade__memory_plan(clade__executable *exe)
{
    CLADE_TRY(plan_inference(exe));
    if (exe->trains) {
        clade__layout_free(exe->train_layout);
        exe->train_layout = NULL;
        CLADE_TRY(clade__layout_create(&exe->train_layout, exe->graph, exe->output, exe->micro_batch,
                                       exe->needs_grad));
        CLADE_TRY(read_training(exe));
    }
    return sum_up(exe);
}

clade_status clade__executable_check(const clade__executable *exe)
{
    CLADE_TRY(clade__dry_run_check(exe, false, exe->infer_batch));
    return exe->trains ? clade__dry_run_check(exe, true, exe->micro_batch) : CLADE_OK;
}

/* ---- what feeds it --------------------------------------------------------------------------- */

uint64_t clade__memory_of_parts(const clade_data_size *data, int64_t part)
{
    return (uint64_t)(part < data->n_samples ? part : data->n_samples) * data->sample_bytes;
}

/* With the sums of its batches. */
static uint64_t feed_bytes(const clade__executable *exe, const clade_data_size *data, int64_t part,
                           int64_t batch)
{
    uint64_t n_sums = (uint64_t)((data->n_samples + batch - 1) / batch) * (uint64_t)exe->graph->n_losses;
    return clade__memory_of_parts(data, part) + data->fixed_bytes + n_sums * CLADE__N_SUMS * sizeof(float);
}

uint64_t clade__memory_of_feeds(const clade__executable *exe, const clade__feeds *feeds)
{
    return feed_bytes(exe, &feeds->train, exe->micro_batch, exe->batch) +
           feed_bytes(exe, &feeds->valid, exe->infer_batch, exe->infer_batch);
}

/* ---- what fits ------------------------------------------------------------------------------- */

static bool fits(const clade__executable *exe, const clade__feeds *feeds)
{
    const clade_device_info *info = clade_device_describe(exe->device);
    return exe->memory.total + clade__memory_of_feeds(exe, feeds) <= info->global_memory_bytes &&
           exe->largest_buffer <= info->max_allocation_bytes;
}

/* A copy to plan other batches with, in place of an executable that may be in use. */
typedef struct trial {
    clade__executable exe;
    const clade__feeds *feeds;
} trial;

static clade_status open_trial(trial *t, const clade__executable *exe, const clade__feeds *feeds)
{
    size_t bytes = (size_t)exe->graph->n_parameters * sizeof *exe->parameters;
    *t = (trial){.exe = *exe, .feeds = feeds};
    t->exe.train_layout = t->exe.infer_layout = NULL;
    t->exe.parameters = malloc(bytes + 1);
    if (!t->exe.parameters) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    memcpy(t->exe.parameters, exe->parameters, bytes);
    return CLADE_OK;
}

static void close_trial(trial *t)
{
    clade__layout_free(t->exe.train_layout);
    clade__layout_free(t->exe.infer_layout);
    free(t->exe.parameters);
}

static clade_status try_batch(trial *t, int64_t batch, int64_t part, bool *good)
{
    t->exe.batch = batch;
    t->exe.micro_batch = part;
    clade_status status = clade__memory_plan(&t->exe);
    *good = status == CLADE_OK && fits(&t->exe, t->feeds);
    return status == CLADE_ESHAPE ? CLADE_OK : status; /* more than can be counted */
}

/* The largest batch that fits whole or, of a batch that is given, the largest part: below `high`; 0
 * where none does. */
static clade_status find_largest(trial *t, int64_t batch, int64_t high, bool whole, int64_t *largest)
{
    int64_t least = t->exe.trains ? clade__graph_least_batch(t->exe.graph) : 1;
    *largest = least - 1;
    while (high - *largest > 1) {
        int64_t middle = *largest + (high - *largest) / 2;
        bool good;
        CLADE_TRY(try_batch(t, whole ? middle : batch, middle, &good));
        if (good)
            *largest = middle;
        else
            high = middle;
    }
    if (*largest < least) *largest = 0;
    return CLADE_OK;
}

/* "; the largest batch that fits is 24, and accumulate 6 does one of 128 in parts that fit" */
static clade_status advise(const clade__executable *exe, const clade__feeds *feeds, char *text,
                           size_t text_bytes)
{
    trial t;
    int64_t whole = 0, part = 0, batch = exe->batch;
    if (!exe->trains) {
        snprintf(text, text_bytes, ": %stake another device",
                 clade__memory_is_limited(exe->device) ? "raise CLADE_MEMORY or " : "");
        return CLADE_OK;
    }
    clade_status status = open_trial(&t, exe, feeds);
    if (status == CLADE_OK) status = find_largest(&t, batch, batch, true, &whole);
    if (status == CLADE_OK)
        status = find_largest(&t, batch, exe->micro_batch, false, &part);
    close_trial(&t);
    CLADE_TRY(status);
    int used = whole > 0 ? snprintf(text, text_bytes, "; the largest batch that fits is %lld",
                                    (long long)whole)
                         : snprintf(text, text_bytes, "; no batch fits: take a smaller network");
    if (part > 0)
        snprintf(text + used, text_bytes - (size_t)used,
                 ", and accumulate %lld does one of %lld in parts that fit",
                 (long long)((batch + part - 1) / part), (long long)batch);
    return CLADE_OK;
}

/* "activations of 128 samples 300 KiB": of a step's, unless evaluation has more. */
static void tell_activations(const clade__executable *exe, char *text, size_t text_bytes)
{
    size_text size = text_of(exe->memory.activations, ceil);
    if (exe->trains && clade__layout_bytes(exe->train_layout) < clade__layout_bytes(exe->infer_layout))
        snprintf(text, text_bytes, "activations of the %lld samples that are evaluated at a time, "
                 "whatever the batch, %s", (long long)exe->infer_batch, size.text);
    else
        snprintf(text, text_bytes, "activations of %lld samples %s", (long long)exe->micro_batch,
                 size.text);
}

static clade_status fail_total(const clade__executable *exe, uint64_t data, const char *advice)
{
    const clade_memory *memory = &exe->memory;
    const clade_device_info *info = clade_device_describe(exe->device);
    char activations[128];
    bool limited = clade__memory_is_limited(exe->device);
    tell_activations(exe, activations, sizeof activations);
    return clade__fail(CLADE_EDEVICEMEM,
                       "the plan needs %s and %s %s %s%s (parameters %s, gradients %s, optimizer %s, "
                       "%s, data %s)%s", text_of(memory->total + data, ceil).text, info->name,
                       limited ? "is limited to" : "has",
                       text_of(info->global_memory_bytes, floor).text,
                       limited ? " by CLADE_MEMORY" : "", text_of(memory->parameters, ceil).text,
                       text_of(memory->gradients, ceil).text,
                       text_of(memory->optimizer_state, ceil).text, activations,
                       text_of(data, ceil).text, advice);
}

clade_status clade__memory_check(const clade__executable *exe, const clade__feeds *feeds)
{
    if (fits(exe, feeds)) return CLADE_OK;
    char advice[160];
    const clade_device_info *info = clade_device_describe(exe->device);
    uint64_t data = clade__memory_of_feeds(exe, feeds);
    CLADE_TRY(advise(exe, feeds, advice, sizeof advice));
    if (exe->memory.total + data > info->global_memory_bytes)
        return fail_total(exe, data, advice);
    return clade__fail(CLADE_EDEVICEMEM,
                       "the plan needs one buffer of %s and %s allows at most %s in one%s",
                       text_of(exe->largest_buffer, ceil).text, info->name,
                       text_of(info->max_allocation_bytes, floor).text, advice);
}

clade_status clade__memory_choose_parts(clade__executable *exe, const clade__feeds *feeds)
{
    trial t;
    int64_t part = 0, batch = exe->batch;
    clade_status status = open_trial(&t, exe, feeds);
    bool good = false;
    if (status == CLADE_OK) status = try_batch(&t, batch, batch, &good);
    if (status == CLADE_OK && !good) status = find_largest(&t, batch, batch, false, &part);
    close_trial(&t);
    CLADE_TRY(status);
    if (part > 0) {
        int64_t n_parts = (batch + part - 1) / part;
        exe->micro_batch = (batch + n_parts - 1) / n_parts;
    }
    return CLADE_OK;
}

/* With training, of a step that does one sample at a time, or as few as its layers allow: what a batch needs is chosen after it. */
clade_status clade__memory_choose_inference(clade__executable *exe, const clade__feeds *feeds)
{
    bool good = false;
    for (exe->infer_batch = CLADE__INFER_BATCH; !good; exe->infer_batch /= 2) {
        trial t;
        clade_status status = open_trial(&t, exe, feeds);
        if (status == CLADE_OK)
            status = try_batch(&t, exe->batch,
                               exe->trains ? clade__graph_least_batch(exe->graph) : exe->micro_batch,
                               &good);
        close_trial(&t);
        CLADE_TRY(status);
        if (good || exe->infer_batch == 1) break;
    }
    if (!good) exe->infer_batch = CLADE__INFER_BATCH; /* what is refused then, and why, is told */
    return CLADE_OK;
}

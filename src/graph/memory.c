/* The memory of a model: planned from shapes before any is taken, for any size of its batch, so that
 * what does not fit is refused with figures, and with what would fit. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/plan.h"

typedef struct size_text {
    char text[32];
} size_text;

/* Rounded up or down: what is needed and what there is are never the same text where the one is more
 * than the other. */
static size_text text_of(uint64_t bytes, double (*rounded)(double))
{
    size_text size;
    if (bytes < 10 << 20)
        snprintf(size.text, sizeof size.text, "%.0f KiB", rounded((double)bytes / (1 << 10)));
    else
        snprintf(size.text, sizeof size.text, "%.1f MiB",
                 rounded((double)bytes / (1 << 20) * 10.0) / 10.0);
    return size;
}

/* ---- planning -------------------------------------------------------------------------------- */

/* A value of the batch's size must be countable in int32, as kernels count. */
static clade_status check_batch(const clade_model *model, int64_t batch)
{
    for (int i = 0; i < model->n_nodes; i++)
        if (batch > INT32_MAX / clade_shape_elements(model->nodes[i]->shape))
            return clade__fail(CLADE_ESHAPE, "batch %lld times the %lld values of layer '%s' is more "
                               "than %d", (long long)batch,
                               (long long)clade_shape_elements(model->nodes[i]->shape),
                               model->nodes[i]->name, INT32_MAX);
    return CLADE_OK;
}

/* Where the provider can, sgd's step on a weight is part of the gemm that makes its gradient: on a
 * CPU a step of a large network is bound by memory, and a third of its traffic was the gradient's.
 * Not where the step must wait for more of the gradient, or for all gradients. */
static void choose_fused(clade_model *model)
{
    bool may = model->optimizer.kind == CLADE_OPTIMIZER_SGD && model->optimizer.clip_norm == 0.0f &&
               model->micro_batch == model->batch && !model->keep_gradients;
    for (int i = 1; i < model->n_nodes; i++) {
        clade_gemm_args calls[CLADE__MAX_GEMMS];
        const clade_node *node = model->nodes[i];
        int n = clade__gemm_calls(node, model->micro_batch, true, calls);
        bool can = may && n > CLADE__GEMM_WEIGHT_GRAD &&
                   clade__gemm_can_update(model->device, model->gemm,
                                          &calls[CLADE__GEMM_WEIGHT_GRAD]);
        for (int p = 0; p < node->n_parameters; p++)
            model->parameters[node->parameters[p]].fused = can;
    }
}

/* Slots of both layouts share buffers: slot i of the workspace is as large as the larger. */
static uint64_t workspace_bytes(clade_model *model)
{
    const clade__layout *a = model->infer_layout, *b = model->train_layout;
    int n = b && b->n_slots > a->n_slots ? b->n_slots : a->n_slots;
    uint64_t total = 0;
    for (int i = 0; i < n; i++) {
        size_t in_a = i < a->n_slots ? a->slot_bytes[i] : 0;
        size_t in_b = b && i < b->n_slots ? b->slot_bytes[i] : 0;
        size_t bytes = in_a > in_b ? in_a : in_b;
        if (bytes > model->largest_buffer) model->largest_buffer = bytes;
        total += bytes;
    }
    size_t scratch = a->gemm_scratch_bytes;
    if (b && b->gemm_scratch_bytes > scratch) scratch = b->gemm_scratch_bytes;
    if (scratch > model->largest_buffer) model->largest_buffer = scratch;
    return total + scratch;
}

static void sum_up(clade_model *model)
{
    clade_memory *memory = &model->memory;
    *memory = (clade_memory){0};
    model->largest_buffer = 0;
    for (int i = 0; i < model->n_parameters; i++) {
        size_t bytes = (size_t)clade_shape_elements(model->parameters[i].shape) * sizeof(float);
        memory->parameters += bytes;
        if (bytes > model->largest_buffer) model->largest_buffer = bytes;
        if (model->trainable && !model->parameters[i].fused) memory->gradients += bytes;
    }
    if (model->trainable) {
        memory->optimizer_state =
            memory->parameters * (uint64_t)clade__optimizer_n_states(&model->optimizer);
        int64_t n_partials = clade__optimizer_partials(model);
        if (n_partials > 0) memory->optimizer_state += (uint64_t)(n_partials + 1) * sizeof(float);
        memory->optimizer_state += (uint64_t)clade__model_n_peaks(model) * sizeof(float);
    }
    memory->activations = workspace_bytes(model);
    memory->total = memory->parameters + memory->gradients + memory->optimizer_state +
                    memory->activations;
}

static clade_status plan_inference(clade_model *model)
{
    if (model->infer_layout) return CLADE_OK;
    CLADE_TRY(check_batch(model, CLADE__INFER_BATCH));
    return clade__layout_create(&model->infer_layout, model, CLADE__INFER_BATCH, false);
}

clade_status clade__memory_plan(clade_model *model)
{
    CLADE_TRY(plan_inference(model));
    if (model->trainable) {
        CLADE_TRY(check_batch(model, model->micro_batch));
        choose_fused(model);
        free(model->train_layout);
        CLADE_TRY(clade__layout_create(&model->train_layout, model, model->micro_batch, true));
    }
    sum_up(model);
    return CLADE_OK;
}

/* ---- what feeds it --------------------------------------------------------------------------- */

uint64_t clade__memory_of_parts(const clade_data_size *data, int64_t part)
{
    return (uint64_t)(part < data->n_samples ? part : data->n_samples) * data->sample_bytes;
}

/* With the sums of its batches. */
static uint64_t feed_bytes(const clade_data_size *data, int64_t part, int64_t batch)
{
    uint64_t n_batches = (uint64_t)((data->n_samples + batch - 1) / batch);
    return clade__memory_of_parts(data, part) + data->fixed_bytes + n_batches * CLADE__N_SUMS * sizeof(float);
}

uint64_t clade__memory_of_feeds(const clade_model *model, const clade__feeds *feeds)
{
    return feed_bytes(&feeds->train, model->micro_batch, model->batch) +
           feed_bytes(&feeds->valid, CLADE__INFER_BATCH, CLADE__INFER_BATCH);
}

/* ---- what fits ------------------------------------------------------------------------------- */

static bool fits(const clade_model *model, const clade__feeds *feeds)
{
    const clade_device_info *info = clade_device_describe(model->device);
    return model->memory.total + clade__memory_of_feeds(model, feeds) <= info->global_memory_bytes &&
           model->largest_buffer <= info->max_allocation_bytes;
}

/* A model of the same nodes to plan with, in place of one that may be in use. */
typedef struct trial {
    clade_model model;
    const clade__feeds *feeds;
} trial;

static clade_status open_trial(trial *t, const clade_model *model, const clade__feeds *feeds)
{
    size_t bytes = (size_t)model->n_parameters * sizeof *model->parameters;
    *t = (trial){.model = *model, .feeds = feeds};
    t->model.train_layout = NULL;
    t->model.parameters = malloc(bytes + 1);
    if (!t->model.parameters) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    for (int i = 0; i < model->n_parameters; i++) t->model.parameters[i] = model->parameters[i];
    return CLADE_OK;
}

static void close_trial(trial *t)
{
    free(t->model.train_layout);
    free(t->model.parameters);
}

static clade_status try_batch(trial *t, int64_t batch, int64_t part, bool *good)
{
    t->model.batch = batch;
    t->model.micro_batch = part;
    clade_status status = clade__memory_plan(&t->model);
    *good = status == CLADE_OK && fits(&t->model, t->feeds);
    return status == CLADE_ESHAPE ? CLADE_OK : status; /* more than can be counted */
}

/* The largest batch that fits whole or, of a batch that is given, the largest part: below `high`; 0
 * where none does. */
static clade_status find_largest(trial *t, int64_t batch, int64_t high, bool whole, int64_t *largest)
{
    *largest = 0;
    while (high - *largest > 1) {
        int64_t middle = *largest + (high - *largest) / 2;
        bool good;
        CLADE_TRY(try_batch(t, whole ? middle : batch, middle, &good));
        if (good)
            *largest = middle;
        else
            high = middle;
    }
    return CLADE_OK;
}

/* "; the largest batch that fits is 24, and accumulate 6 does one of 128 in parts that fit" */
static clade_status advise(const clade_model *model, const clade__feeds *feeds, char *text,
                           size_t text_bytes)
{
    trial t;
    int64_t whole = 0, part = 0, batch = model->batch;
    if (!model->trainable) {
        snprintf(text, text_bytes, ": %stake another device",
                 clade__memory_is_limited(model->device) ? "raise CLADE_MEMORY or " : "");
        return CLADE_OK;
    }
    clade_status status = open_trial(&t, model, feeds);
    if (status == CLADE_OK) status = find_largest(&t, batch, batch, true, &whole);
    if (status == CLADE_OK)
        status = find_largest(&t, batch, model->micro_batch, false, &part);
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

static uint64_t layout_bytes(const clade__layout *layout)
{
    uint64_t bytes = layout->gemm_scratch_bytes;
    for (int i = 0; i < layout->n_slots; i++) bytes += layout->slot_bytes[i];
    return bytes;
}

/* "activations of 128 samples 300 KiB": of a step's, unless evaluation has more. */
static void tell_activations(const clade_model *model, char *text, size_t text_bytes)
{
    size_text size = text_of(model->memory.activations, ceil);
    if (model->trainable && layout_bytes(model->train_layout) < layout_bytes(model->infer_layout))
        snprintf(text, text_bytes, "activations of the %d samples that are evaluated at a time, "
                 "whatever the batch, %s", CLADE__INFER_BATCH, size.text);
    else
        snprintf(text, text_bytes, "activations of %lld samples %s", (long long)model->micro_batch,
                 size.text);
}

static clade_status fail_total(const clade_model *model, uint64_t data, const char *advice)
{
    const clade_memory *memory = &model->memory;
    const clade_device_info *info = clade_device_describe(model->device);
    char activations[128];
    bool limited = clade__memory_is_limited(model->device);
    tell_activations(model, activations, sizeof activations);
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

clade_status clade__memory_check(const clade_model *model, const clade__feeds *feeds)
{
    if (fits(model, feeds)) return CLADE_OK;
    char advice[160];
    const clade_device_info *info = clade_device_describe(model->device);
    uint64_t data = clade__memory_of_feeds(model, feeds);
    CLADE_TRY(advise(model, feeds, advice, sizeof advice));
    if (model->memory.total + data > info->global_memory_bytes)
        return fail_total(model, data, advice);
    return clade__fail(CLADE_EDEVICEMEM,
                       "the plan needs one buffer of %s and %s allows at most %s in one%s",
                       text_of(model->largest_buffer, ceil).text, info->name,
                       text_of(info->max_allocation_bytes, floor).text, advice);
}

clade_status clade__memory_choose_parts(clade_model *model, const clade__feeds *feeds)
{
    trial t;
    int64_t part = 0, batch = model->batch;
    CLADE_TRY(plan_inference(model)); /* the trial's too */
    clade_status status = open_trial(&t, model, feeds);
    bool good = false;
    if (status == CLADE_OK) status = try_batch(&t, batch, batch, &good);
    if (status == CLADE_OK && !good) status = find_largest(&t, batch, batch, false, &part);
    close_trial(&t);
    CLADE_TRY(status);
    if (part > 0) {
        int64_t n_parts = (batch + part - 1) / part;
        model->micro_batch = (batch + n_parts - 1) / n_parts;
    }
    return CLADE_OK;
}

/* Layouts: the life of each value of a step, and slots shared by values that never meet. */
#include <stdlib.h>
#include <string.h>

#include "blas/gemm.h"
#include "graph/plan.h"

/* Time: 0 is the feed, node i runs forward at i, the loss follows the last node, and node i runs
 * backward at 2 n - i, n being the number of nodes. */
static int backward_time(const clade__layout *layout, int node)
{
    return 2 * layout->n_nodes - node;
}

static int loss_time(const clade__layout *layout)
{
    return layout->n_nodes;
}

static int add_value(clade__layout *layout, int64_t elements, int from, int to)
{
    layout->values[layout->n_values] =
        (clade__value){.bytes = (size_t)elements * sizeof(float), .from = from, .to = to, .slot = -1};
    return layout->n_values++;
}

static void live_until(clade__layout *layout, int value, int time)
{
    if (value >= 0 && layout->values[value].to < time) layout->values[value].to = time;
}

static int *value_at(const clade__layout *layout, int node, int role)
{
    return &layout->value_of[node * CLADE__N_ROLES + role];
}

/* A linear whose only user is an element-wise activation runs it as its epilogue: its own output
 * is never stored, unless the activation's backward reads it. */
static void find_epilogues(clade__layout *layout, const clade_model *model)
{
    for (int i = 1; i < model->n_nodes; i++) {
        const clade_node *node = model->nodes[i], *before = node->inputs[0];
        if (node->type->activation == CLADE_IDENTITY || before->n_users != 1 || !before->type ||
            !before->type->gemm_calls || (layout->training && node->type->backward_reads_x))
            continue;
        layout->activation_of[before->index] = node;
    }
}

/* Whether a node's output is its input's value: as an epilogue, or where it does nothing. */
static bool shares_value(const clade__layout *layout, const clade_node *node)
{
    return node->type && (layout->activation_of[node->inputs[0]->index] == node ||
                          (node->type->only_trains && !layout->training));
}

static void add_outputs(clade__layout *layout, const clade_model *model)
{
    int n = model->n_nodes;
    for (int i = 0; i < n; i++) {
        const clade_node *node = model->nodes[i];
        int64_t elements = layout->batch * clade_shape_elements(node->shape);
        if (shares_value(layout, node))
            *value_at(layout, i, CLADE__VALUE_Y) =
                *value_at(layout, node->inputs[0]->index, CLADE__VALUE_Y);
        else
            *value_at(layout, i, CLADE__VALUE_Y) = add_value(layout, elements, i, i);
        int64_t scratch =
            i > 0 && node->type->scratch ? node->type->scratch(node, layout->batch) : 0;
        if (scratch > 0) *value_at(layout, i, CLADE__VALUE_SCRATCH) = add_value(layout, scratch, i, i);
        for (int k = 0; k < node->n_inputs; k++)
            live_until(layout, *value_at(layout, node->inputs[k]->index, CLADE__VALUE_Y), i);
    }
    /* The output is read by the loss, and by whoever asked for it, after everything else. */
    live_until(layout, *value_at(layout, model->output->index, CLADE__VALUE_Y), 2 * n + 1);
}

static void add_loss(clade__layout *layout, const clade_model *model)
{
    int64_t outputs = clade_shape_elements(model->output->shape);
    int time = loss_time(layout), end = 2 * layout->n_nodes + 1;
    layout->labels = add_value(layout, layout->batch, 0, time);
    layout->loss = add_value(layout, layout->batch, time, end);
    layout->hit = add_value(layout, layout->batch, time, end);
    layout->target = model->loss == CLADE_LOSS_CROSS_ENTROPY
                         ? -1
                         : add_value(layout, layout->batch * outputs, 0, time);
}

/* Gradients, from the output backwards. Where a backward may work in place and its input has no
 * other user, the input's gradient is the same value as the output's. */
static void add_gradients(clade__layout *layout, const clade_model *model)
{
    const clade_node *output = model->output;
    *value_at(layout, output->index, CLADE__VALUE_DY) =
        add_value(layout, layout->batch * clade_shape_elements(output->shape), loss_time(layout),
                  loss_time(layout));
    for (int i = model->n_nodes - 1; i > 0; i--) {
        const clade_node *node = model->nodes[i];
        if (!node->needs_grad) continue;
        int time = backward_time(layout, i), dy = *value_at(layout, i, CLADE__VALUE_DY);
        live_until(layout, dy, time);
        if (node->type->backward_reads_y)
            live_until(layout, *value_at(layout, i, CLADE__VALUE_Y), time);
        for (int k = 0; k < node->n_inputs; k++) {
            const clade_node *input = node->inputs[k];
            if (node->type->backward_reads_x)
                live_until(layout, *value_at(layout, input->index, CLADE__VALUE_Y), time);
            if (!input->needs_grad) continue;
            int64_t elements = layout->batch * clade_shape_elements(input->shape);
            int *dx = value_at(layout, input->index, CLADE__VALUE_DY);
            if (*dx >= 0) { /* a second user: its part is made apart, then added */
                *value_at(layout, i, CLADE__VALUE_APART + k) =
                    add_value(layout, elements, time, time);
                live_until(layout, *dx, time);
            } else if (node->type->backward_in_place && input->n_users == 1) {
                *dx = dy;
            } else {
                *dx = add_value(layout, elements, time, time);
            }
        }
    }
}

static int larger_first(const void *a, const void *b)
{
    const clade__value *x = *(clade__value *const *)a, *y = *(clade__value *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y; /* one order everywhere */
}

static bool slot_is_free(const clade__layout *layout, int slot, const clade__value *value)
{
    for (int i = 0; i < layout->n_values; i++) {
        const clade__value *other = &layout->values[i];
        if (other->slot == slot && other->from <= value->to && value->from <= other->to)
            return false;
    }
    return true;
}

/* Largest first, each into the first slot that is free for all of its life: then no slot is ever
 * enlarged. */
static clade_status assign_slots(clade__layout *layout)
{
    clade__value **order = malloc((size_t)layout->n_values * sizeof *order);
    if (!order) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    for (int i = 0; i < layout->n_values; i++) order[i] = &layout->values[i];
    qsort(order, (size_t)layout->n_values, sizeof *order, larger_first);
    for (int i = 0; i < layout->n_values; i++) {
        int slot = 0;
        while (slot < layout->n_slots && !slot_is_free(layout, slot, order[i])) slot++;
        if (slot == layout->n_slots) layout->slot_bytes[layout->n_slots++] = order[i]->bytes;
        order[i]->slot = slot;
    }
    free(order);
    return CLADE_OK;
}

static clade_status add_gemm_scratch(clade__layout *layout, const clade_model *model)
{
    clade_gemm_args calls[CLADE__MAX_GEMMS];
    for (int i = 1; i < model->n_nodes; i++) {
        int n = clade__gemm_calls(model->nodes[i], layout->batch, layout->training, calls);
        for (int k = 0; k < n; k++) {
            size_t bytes = 0;
            CLADE_TRY(clade__gemm_scratch_bytes(model->device, model->gemm, &calls[k], &bytes));
            if (bytes > layout->gemm_scratch_bytes) layout->gemm_scratch_bytes = bytes;
        }
    }
    return CLADE_OK;
}

clade_status clade__layout_check_gemms(const clade__layout *layout, const clade_model *model)
{
    clade_gemm_args calls[CLADE__MAX_GEMMS];
    clade__sgd_rates rates = clade__optimizer_sgd_rates(model);
    for (int i = 1; i < model->n_nodes; i++) {
        int n = clade__gemm_calls(model->nodes[i], layout->batch, layout->training, calls);
        for (int k = 0; k < n; k++) {
            bool fused = k == CLADE__GEMM_WEIGHT_GRAD &&
                         model->parameters[model->nodes[i]->parameters[0]].fused;
            CLADE_TRY(clade__gemm_check(model->device, model->gemm, &calls[k],
                                        fused ? &rates : NULL));
            if (k != CLADE__GEMM_WEIGHT_GRAD || model->micro_batch == model->batch) continue;
            calls[k].beta = 1.0f; /* from the second part of a batch on */
            CLADE_TRY(clade__gemm_check(model->device, model->gemm, &calls[k], NULL));
        }
    }
    clade__gemm_checked(model->device);
    return CLADE_OK;
}

/* One allocation for the struct and its arrays. */
static clade__layout *allocate(int n_nodes)
{
    size_t n = (size_t)n_nodes, max_values = CLADE__N_ROLES * n + 4;
    size_t values_bytes = max_values * sizeof(clade__value);
    size_t slots_bytes = max_values * sizeof(size_t);
    size_t nodes_bytes = n * sizeof(const clade_node *);
    size_t index_bytes = n * CLADE__N_ROLES * sizeof(int);
    clade__layout *layout =
        calloc(1, sizeof *layout + values_bytes + slots_bytes + nodes_bytes + index_bytes);
    if (!layout) return NULL;
    unsigned char *at = (unsigned char *)(layout + 1);
    layout->values = (clade__value *)(void *)at;
    layout->slot_bytes = (size_t *)(void *)(at += values_bytes);
    layout->activation_of = (const clade_node **)(void *)(at += slots_bytes);
    layout->value_of = (int *)(void *)(at + nodes_bytes);
    memset(layout->value_of, 0xff, index_bytes); /* -1 each */
    return layout;
}

clade_status clade__layout_create(clade__layout **out, const clade_model *model, int64_t batch,
                                  bool training)
{
    *out = NULL;
    clade__layout *layout = allocate(model->n_nodes);
    if (!layout) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    layout->batch = batch;
    layout->training = training;
    layout->n_nodes = model->n_nodes;
    find_epilogues(layout, model);
    add_outputs(layout, model);
    add_loss(layout, model);
    if (training) add_gradients(layout, model);
    clade_status status = assign_slots(layout);
    if (status == CLADE_OK) status = add_gemm_scratch(layout, model);
    if (status != CLADE_OK) {
        free(layout);
        return status;
    }
    *out = layout;
    return CLADE_OK;
}

#include "graph/layout.h"

#include <stdlib.h>
#include <string.h>

static int end_time(const clade__layout *layout)
{
    return 2 * layout->graph->n_layers + 1;
}

int64_t clade__loss_rows(const clade__loss *loss, int64_t batch)
{
    return batch * clade__shape_rows(loss->prediction->shape);
}

/* ---- forward ----------------------------------------------------------------------------------- */


bool clade__layout_is_view(const clade__layout *layout, const clade__layer *layer)
{
    return clade__layer_is_view(layer) ||
           (layer->type && layer->type->only_trains && !layout->training);
}

static bool shares_value(const clade__layout *layout, const clade__layer *layer)
{
    return layout->heads[layer->index] || clade__layout_is_view(layout, layer);
}

/* The input whose value it shares. */
static const clade_node *shared(const clade__layout *layout, const clade__layer *layer)
{
    const clade__layer *head = layout->heads[layer->index];
    return head ? &head->outputs[0] : layer->inputs[0];
}

static clade_status add_outputs(clade__layout *layout, const clade__layer *layer)
{
    for (int k = 0; k < layer->n_outputs; k++) {
        const clade_node *node = &layer->outputs[k];
        int time = layer->type ? layer->index : 0;
        if (shares_value(layout, layer))
            layout->y[node->index] = layout->y[shared(layout, layer)->index];
        else
            CLADE_TRY(clade__layout_new_value(layout, layout->batch * clade_shape_elements(node->shape),
                                node->dtype, time, layer->index, &layout->y[node->index]));
    }
    for (int k = 0; k < layer->n_inputs; k++)
        clade__layout_live_until(layout, layout->y[layer->inputs[k]->index], layer->index);
    return CLADE_OK;
}

/* The parameters of a layer with a norm in them. */
static clade_status add_folded(clade__layout *layout, const clade__layer *layer)
{
    clade__tail *tail = &layout->tails[layer->index];
    int time = layer->index;
    if (!tail->norm) return CLADE_OK;
    const clade_shape weight = clade__parameter_of(layer, 0)->shape;
    CLADE_TRY(clade__layout_new_value(layout, clade_shape_elements(weight), CLADE_FLOAT32, time, time,
                                      &tail->weight));
    return clade__layout_new_value(layout, weight.dim[0], CLADE_FLOAT32, time, time, &tail->bias);
}

/* What the layer needs beside its outputs. */
static clade_status add_kept(clade__layout *layout, const clade__layer *layer)
{
    clade__layer_values needed = {0};
    int time = layer->index, back = clade__layout_backward_time(layout, time);
    if (!layer->type || !layer->type->values) return CLADE_OK;
    CLADE_TRY(layer->type->values(layer, layout->batch, &needed));
    int *kept = &layout->kept[layer->index * CLADE__MAX_LAYER_VALUES];
    for (int i = 0; i < needed.n; i++) {
        const clade__layer_value *v = &needed.list[i];
        bool forward = v->kind != CLADE__BACKWARD_SCRATCH, goes_back = layout->goes_back[time];
        int64_t n = clade_shape_elements(v->shape);
        kept[i] = -1;
        if (n == 0 || (!forward && !goes_back) || layout->heads[time]) continue;
        CLADE_TRY(clade__layout_new_value(layout, n, v->dtype, forward ? time : back,
                            v->kind == CLADE__FORWARD_SCRATCH || !goes_back ? time : back, &kept[i]));
    }
    return CLADE_OK;
}

/* ---- losses ------------------------------------------------------------------------------------ */

/* A target that is an input of the network lies there; the labels and targets of data beside them. */
static clade_status add_loss(clade__layout *layout, const clade__loss *loss, clade__loss_values *v)
{
    int time = clade__layout_forward_end(layout), end = end_time(layout);
    int64_t rows = clade__loss_rows(loss, layout->batch);
    int64_t n = layout->batch * clade_shape_elements(loss->prediction->shape);
    bool explicit_labels = loss->target && loss->target->dtype == CLADE_INT32;
    *v = (clade__loss_values){-1, -1, -1, -1, {CLADE__DX_NONE, -1, -1}};
    if (!loss->target)
        CLADE_TRY(clade__layout_new_value(layout, rows, CLADE_INT32, 0, time, &v->labels));
    CLADE_TRY(clade__layout_new_value(layout, rows, CLADE_FLOAT32, time, end, &v->loss));
    CLADE_TRY(clade__layout_new_value(layout, rows, CLADE_FLOAT32, time, end, &v->hit));
    if (loss->target && explicit_labels) v->labels = layout->y[loss->target->index];
    if (loss->target && !explicit_labels) v->target = layout->y[loss->target->index];
    if (v->target < 0 && loss->kind != CLADE_LOSS_CROSS_ENTROPY)
        CLADE_TRY(clade__layout_new_value(layout, n, CLADE_FLOAT32, loss->target ? time : 0, time, &v->target));
    clade__layout_live_until(layout, v->labels, time);
    clade__layout_live_until(layout, v->target, time);
    clade__layout_live_until(layout, layout->y[loss->prediction->index], time);
    return CLADE_OK;
}

/* ---- all of it --------------------------------------------------------------------------------- */

static void *take(clade__layout *layout, int n, size_t bytes)
{
    return clade__arena_alloc(&layout->arena, (size_t)n * bytes + 1);
}

static clade_status open_layout(clade__layout *layout)
{
    const clade__graph *graph = layout->graph;
    layout->y = take(layout, graph->n_nodes, sizeof *layout->y);
    layout->dy = take(layout, graph->n_nodes, sizeof *layout->dy);
    layout->dy_is_zero = take(layout, graph->n_nodes, sizeof *layout->dy_is_zero);
    layout->dx = take(layout, graph->n_layer_inputs, sizeof *layout->dx);
    layout->goes_back = take(layout, graph->n_layers, sizeof *layout->goes_back);
    layout->kept = take(layout, graph->n_layers, CLADE__MAX_LAYER_VALUES * sizeof *layout->kept);
    layout->led_back = take(layout, graph->n_layers, sizeof *layout->led_back);
    layout->tails = take(layout, graph->n_layers, sizeof *layout->tails);
    layout->heads = take(layout, graph->n_layers, sizeof *layout->heads);
    layout->losses = take(layout, graph->n_losses, sizeof *layout->losses);
    if (!layout->y || !layout->dy || !layout->dy_is_zero || !layout->dx || !layout->goes_back ||
        !layout->kept || !layout->led_back || !layout->tails || !layout->heads || !layout->losses)
        return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    for (int i = 0; i < graph->n_nodes; i++) layout->dy[i] = -1;
    return CLADE_OK;
}

static clade_status fill(clade__layout *layout, const clade_node *output, const bool *needs_grad)
{
    const clade__graph *graph = layout->graph;
    CLADE_TRY(open_layout(layout));
    clade__layout_fuse(layout, output, needs_grad);
    for (int i = 0; i < graph->n_layers; i++) CLADE_TRY(add_outputs(layout, graph->layers[i]));
    /* The output is read by whoever asked for it, after everything else. */
    clade__layout_live_until(layout, layout->y[output->index], end_time(layout));
    for (int i = 0; i < graph->n_losses; i++)
        CLADE_TRY(add_loss(layout, &graph->losses[i], &layout->losses[i]));
    if (layout->training) CLADE_TRY(clade__layout_add_gradients(layout, needs_grad));
    for (int i = 0; i < graph->n_layers; i++) {
        CLADE_TRY(add_folded(layout, graph->layers[i]));
        CLADE_TRY(add_kept(layout, graph->layers[i]));
    }
    return clade__layout_pack(layout);
}

clade_status clade__layout_create(clade__layout **out, const clade__graph *graph,
                                  const clade_node *output, int64_t batch, const bool *needs_grad)
{
    clade__layout *layout = calloc(1, sizeof *layout);
    *out = NULL;
    if (!layout) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    layout->graph = graph;
    layout->batch = batch;
    layout->training = needs_grad != NULL;
    clade_status status = fill(layout, output, needs_grad);
    if (status == CLADE_OK)
        *out = layout;
    else
        clade__layout_free(layout);
    return status;
}

void clade__layout_free(clade__layout *layout)
{
    if (!layout) return;
    free(layout->values);
    clade__arena_free(&layout->arena);
    free(layout);
}

uint64_t clade__layout_bytes(const clade__layout *layout)
{
    uint64_t bytes = 0;
    for (int i = 0; i < layout->n_slots; i++) bytes += layout->slot_bytes[i];
    return bytes;
}

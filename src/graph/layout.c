#include "graph/layout.h"

#include <stdlib.h>
#include <string.h>

static int forward_end(const clade__layout *layout)
{
    return layout->graph->n_layers;
}

static int backward_time(const clade__layout *layout, int layer)
{
    return 2 * layout->graph->n_layers - layer;
}

static int end_time(const clade__layout *layout)
{
    return 2 * layout->graph->n_layers + 1;
}

int64_t clade__loss_rows(const clade__loss *loss, int64_t batch)
{
    return batch * clade__shape_rows(loss->prediction->shape);
}

/* ---- values ------------------------------------------------------------------------------------ */

/* The number of a new value, or -1 without memory. */
static int add_value(clade__layout *layout, int64_t elements, clade_dtype dtype, int from, int to)
{
    if (layout->n_values == layout->capacity) {
        int capacity = 2 * layout->capacity + 64;
        clade__value *values = realloc(layout->values, (size_t)capacity * sizeof *values);
        if (!values) return -1;
        layout->values = values;
        layout->capacity = capacity;
    }
    layout->values[layout->n_values] =
        (clade__value){.bytes = (size_t)elements * clade_dtype_bytes(dtype), .from = from, .to = to,
                       .slot = -1, .next = -1};
    return layout->n_values++;
}

static clade_status new_value(clade__layout *layout, int64_t elements, clade_dtype dtype, int from,
                              int to, int *value)
{
    *value = add_value(layout, elements, dtype, from, to);
    return *value < 0 ? clade__fail(CLADE_ENOMEM, "no memory to plan a step") : CLADE_OK;
}

static void live_until(clade__layout *layout, int value, int time)
{
    if (value >= 0 && layout->values[value].to < time) layout->values[value].to = time;
}

/* ---- forward ----------------------------------------------------------------------------------- */

/* An activation that is the only user of a layer which can take one is part of that one's forward: the
 * layer's own output is never stored, unless the activation's backward reads it. */
static void find_activations(clade__layout *layout, const clade_node *output)
{
    for (int i = 0; i < layout->graph->n_layers; i++) {
        const clade__layer *layer = layout->graph->layers[i], *before;
        if (!layer->type || layer->type->activation == CLADE_IDENTITY) continue;
        const clade_node *x = layer->inputs[0];
        before = x->layer;
        if (x->n_users == 1 && x != output && !clade__graph_in_loss(layout->graph, x) &&
            before->type && before->type->takes_activation &&
            !(layout->training && layer->type->reads_x))
            layout->activation_of[before->index] = layer;
    }
}

bool clade__layout_is_view(const clade__layout *layout, const clade__layer *layer)
{
    return clade__layer_is_view(layer) ||
           (layer->type && layer->type->only_trains && !layout->training);
}

static bool shares_value(const clade__layout *layout, const clade__layer *layer)
{
    return layer->type && (layout->activation_of[layer->inputs[0]->layer->index] == layer ||
                           clade__layout_is_view(layout, layer));
}

static clade_status add_outputs(clade__layout *layout, const clade__layer *layer)
{
    for (int k = 0; k < layer->n_outputs; k++) {
        const clade_node *node = &layer->outputs[k];
        int time = layer->type ? layer->index : 0;
        if (shares_value(layout, layer))
            layout->y[node->index] = layout->y[layer->inputs[0]->index];
        else
            CLADE_TRY(new_value(layout, layout->batch * clade_shape_elements(node->shape),
                                node->dtype, time, layer->index, &layout->y[node->index]));
    }
    for (int k = 0; k < layer->n_inputs; k++)
        live_until(layout, layout->y[layer->inputs[k]->index], layer->index);
    return CLADE_OK;
}

/* What the layer needs beside its outputs. */
static clade_status add_kept(clade__layout *layout, const clade__layer *layer)
{
    clade__layer_values needed = {0};
    int time = layer->index, back = backward_time(layout, time);
    if (!layer->type || !layer->type->values) return CLADE_OK;
    CLADE_TRY(layer->type->values(layer, layout->batch, &needed));
    int *kept = &layout->kept[layer->index * CLADE__MAX_LAYER_VALUES];
    for (int i = 0; i < needed.n; i++) {
        const clade__layer_value *v = &needed.list[i];
        bool forward = v->kind != CLADE__BACKWARD_SCRATCH, goes_back = layout->goes_back[time];
        int64_t n = clade_shape_elements(v->shape);
        kept[i] = -1;
        if (n == 0 || (!forward && !goes_back)) continue;
        CLADE_TRY(new_value(layout, n, v->dtype, forward ? time : back,
                            v->kind == CLADE__FORWARD_SCRATCH || !goes_back ? time : back, &kept[i]));
    }
    return CLADE_OK;
}

/* ---- losses ------------------------------------------------------------------------------------ */

/* A target that is an input of the network lies there; the labels and targets of data beside them. */
static clade_status add_loss(clade__layout *layout, const clade__loss *loss, clade__loss_values *v)
{
    int time = forward_end(layout), end = end_time(layout);
    int64_t rows = clade__loss_rows(loss, layout->batch);
    int64_t n = layout->batch * clade_shape_elements(loss->prediction->shape);
    bool explicit_labels = loss->target && loss->target->dtype == CLADE_INT32;
    *v = (clade__loss_values){-1, -1, -1, -1, {CLADE__DX_NONE, -1, -1}};
    if (!loss->target)
        CLADE_TRY(new_value(layout, rows, CLADE_INT32, 0, time, &v->labels));
    CLADE_TRY(new_value(layout, rows, CLADE_FLOAT32, time, end, &v->loss));
    CLADE_TRY(new_value(layout, rows, CLADE_FLOAT32, time, end, &v->hit));
    if (loss->target && explicit_labels) v->labels = layout->y[loss->target->index];
    if (loss->target && !explicit_labels) v->target = layout->y[loss->target->index];
    if (v->target < 0 && loss->kind != CLADE_LOSS_CROSS_ENTROPY)
        CLADE_TRY(new_value(layout, n, CLADE_FLOAT32, loss->target ? time : 0, time, &v->target));
    live_until(layout, v->labels, time);
    live_until(layout, v->target, time);
    live_until(layout, layout->y[loss->prediction->index], time);
    return CLADE_OK;
}

/* ---- gradients --------------------------------------------------------------------------------- */

/* While gradients are laid out: the gradient of each node so far, and how many nodes have each value as
 * theirs and have not gone back yet. */
typedef struct gradients {
    clade__layout *layout;
    const bool *needs_grad;
    int *of;      /* (n_nodes); -1: none */
    int *holders; /* of each value */
    int n_holders;
} gradients;

static clade_status new_gradient(gradients *g, const clade_node *node, int time, int *value)
{
    CLADE_TRY(new_value(g->layout, g->layout->batch * clade_shape_elements(node->shape), CLADE_FLOAT32,
                        time, time, value));
    if (*value >= g->n_holders) {
        int n = 2 * *value + 64;
        int *more = realloc(g->holders, (size_t)n * sizeof *more);
        if (!more) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
        memset(more + g->n_holders, 0, (size_t)(n - g->n_holders) * sizeof *more);
        g->holders = more;
        g->n_holders = n;
    }
    g->holders[*value] = 1;
    return CLADE_OK;
}

/* A new value that a part is written to; what there was before is added. */
static clade_status write_apart(gradients *g, const clade_node *node, int time, clade__dx_mode mode,
                                clade__dx *dx)
{
    dx->mode = mode;
    dx->before = g->of[node->index];
    CLADE_TRY(new_gradient(g, node, time, &dx->value));
    if (dx->before >= 0) {
        live_until(g->layout, dx->before, time);
        g->holders[dx->before]--;
    }
    g->of[node->index] = dx->value;
    return CLADE_OK;
}

/* Where an input's gradient is dy. */
static clade_status pass(gradients *g, const clade_node *input, int dy, int time, clade__dx *dx)
{
    int current = g->of[input->index];
    if (current < 0) {
        *dx = (clade__dx){CLADE__DX_PASS, dy, -1};
        g->of[input->index] = dy;
        g->holders[dy]++;
        return CLADE_OK;
    }
    if (g->holders[current] > 1) return write_apart(g, input, time, CLADE__DX_SUM, dx);
    *dx = (clade__dx){CLADE__DX_SUM, current, current};
    live_until(g->layout, current, time);
    return CLADE_OK;
}

static bool comes_twice(const clade__layer *layer, int k)
{
    for (int i = 0; i < k; i++)
        if (layer->inputs[i] == layer->inputs[k]) return true;
    return false;
}

/* Where the layer computes it. */
static clade_status compute(gradients *g, const clade__layer *layer, int k, int dy, int time,
                          clade__dx *dx)
{
    const clade_node *input = layer->inputs[k];
    int current = g->of[input->index];
    bool alone = layer->n_inputs == 1 && layer->n_outputs == 1;
    if (current >= 0) {
        if (!layer->type->adds || g->holders[current] > 1 || comes_twice(layer, k))
            return write_apart(g, input, time, CLADE__DX_APART, dx);
        *dx = (clade__dx){CLADE__DX_ADD, current, -1};
        live_until(g->layout, current, time);
        return CLADE_OK;
    }
    if (!layer->type->in_place || !alone || g->holders[dy] > 1)
        return write_apart(g, input, time, CLADE__DX_WRITE, dx);
    *dx = (clade__dx){CLADE__DX_WRITE, dy, -1};
    g->of[input->index] = dy;
    g->holders[dy]++;
    return CLADE_OK;
}

/* The gradients of its outputs are there, or are set to zero where another one's is. */
static clade_status take_dy(gradients *g, const clade__layer *layer, int time)
{
    clade__layout *layout = g->layout;
    for (int i = 0; i < layer->n_outputs; i++) {
        const clade_node *node = &layer->outputs[i];
        int *dy = &layout->dy[node->index];
        *dy = g->of[node->index];
        if (*dy < 0 && node->dtype == CLADE_FLOAT32) {
            CLADE_TRY(new_gradient(g, node, time, dy));
            layout->dy_is_zero[node->index] = true;
        }
        live_until(layout, *dy, time);
        if (layer->type->reads_y) live_until(layout, layout->y[node->index], time);
    }
    return CLADE_OK;
}

static bool has_gradient(const gradients *g, const clade__layer *layer)
{
    for (int i = 0; i < layer->n_outputs; i++)
        if (g->of[layer->outputs[i].index] >= 0) return true;
    return false;
}

static clade_status go_back(gradients *g, const clade__layer *layer)
{
    clade__layout *layout = g->layout;
    int time = backward_time(layout, layer->index);
    bool passes = layer->type->passes_gradient || clade__layout_is_view(layout, layer);
    CLADE_TRY(take_dy(g, layer, time));
    int dy = layout->dy[layer->outputs[0].index];
    for (int k = 0; k < layer->n_inputs; k++) {
        const clade_node *input = layer->inputs[k];
        clade__dx *dx = &layout->dx[layer->first_input + k];
        if (layer->type->reads_x) live_until(layout, layout->y[input->index], time);
        if (!g->needs_grad[input->layer->index] || input->dtype != CLADE_FLOAT32) continue;
        CLADE_TRY(passes ? pass(g, input, dy, time, dx) : compute(g, layer, k, dy, time, dx));
    }
    for (int i = 0; i < layer->n_outputs; i++)
        if (layout->dy[layer->outputs[i].index] >= 0) g->holders[layout->dy[layer->outputs[i].index]]--;
    return CLADE_OK;
}

/* From the losses backwards. */
static clade_status lay_gradients(gradients *g)
{
    clade__layout *layout = g->layout;
    const clade__graph *graph = layout->graph;
    for (int i = 0; i < graph->n_losses; i++)
        CLADE_TRY(write_apart(g, graph->losses[i].prediction, forward_end(layout),
                              g->of[graph->losses[i].prediction->index] < 0 ? CLADE__DX_WRITE
                                                                            : CLADE__DX_APART,
                              &layout->losses[i].dx));
    for (int i = graph->n_layers - 1; i >= 0; i--) {
        layout->goes_back[i] = g->needs_grad[i] && has_gradient(g, graph->layers[i]);
        if (layout->goes_back[i]) CLADE_TRY(go_back(g, graph->layers[i]));
    }
    return CLADE_OK;
}

static clade_status add_gradients(clade__layout *layout, const bool *needs_grad)
{
    size_t n = (size_t)layout->graph->n_nodes;
    gradients g = {.layout = layout, .needs_grad = needs_grad, .of = malloc((n + 1) * sizeof(int))};
    if (!g.of) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    memset(g.of, 0xff, n * sizeof *g.of); /* -1 each */
    clade_status status = lay_gradients(&g);
    free(g.of);
    free(g.holders);
    return status;
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
    layout->activation_of = take(layout, graph->n_layers, sizeof *layout->activation_of);
    layout->losses = take(layout, graph->n_losses, sizeof *layout->losses);
    if (!layout->y || !layout->dy || !layout->dy_is_zero || !layout->dx || !layout->goes_back ||
        !layout->kept || !layout->activation_of || !layout->losses)
        return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    for (int i = 0; i < graph->n_nodes; i++) layout->dy[i] = -1;
    return CLADE_OK;
}

static clade_status fill(clade__layout *layout, const clade_node *output, const bool *needs_grad)
{
    const clade__graph *graph = layout->graph;
    CLADE_TRY(open_layout(layout));
    find_activations(layout, output);
    for (int i = 0; i < graph->n_layers; i++) CLADE_TRY(add_outputs(layout, graph->layers[i]));
    /* The output is read by whoever asked for it, after everything else. */
    live_until(layout, layout->y[output->index], end_time(layout));
    for (int i = 0; i < graph->n_losses; i++)
        CLADE_TRY(add_loss(layout, &graph->losses[i], &layout->losses[i]));
    if (layout->training) CLADE_TRY(add_gradients(layout, needs_grad));
    for (int i = 0; i < graph->n_layers; i++) CLADE_TRY(add_kept(layout, graph->layers[i]));
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

/* Gradients among a layout's values: how that of each input comes about, from the losses backwards. */
#include <stdlib.h>
#include <string.h>

#include "graph/layout.h"

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
    const int64_t elements = g->layout->batch * clade_shape_elements(node->shape);
    CLADE_TRY(clade__layout_new_value(g->layout, elements, CLADE_FLOAT32, time, time, value));
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
        clade__layout_live_until(g->layout, dx->before, time);
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
    clade__layout_live_until(g->layout, current, time);
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
        clade__layout_live_until(g->layout, current, time);
        return CLADE_OK;
    }
    if (!layer->type->in_place || !alone || g->holders[dy] > 1)
        return write_apart(g, input, time, CLADE__DX_WRITE, dx);
    *dx = (clade__dx){CLADE__DX_WRITE, dy, -1};
    g->of[input->index] = dy;
    g->holders[dy]++;
    return CLADE_OK;
}

/* The layer whose output's gradient comes in: itself, or the last of a tail that goes back with it. */
static const clade__layer *last_of(const clade__layout *layout, const clade__layer *layer)
{
    const clade__tail *tail = &layout->tails[layer->index];
    return tail->goes_back ? tail->activation : layer;
}

/* The gradients of its outputs are there, or are set to zero where another one's is. */
static clade_status take_dy(gradients *g, const clade__layer *layer, int time)
{
    clade__layout *layout = g->layout;
    const clade__layer *last = last_of(layout, layer);
    bool reads_y = last == layer ? layer->type->reads_y : layout->tails[layer->index].add != NULL;
    if (layout->led_back[layer->index]) reads_y = false;
    if (clade__layout_leads_back(layout, layer)) reads_y = true;
    for (int i = 0; i < layer->n_outputs; i++) {
        const clade_node *node = &layer->outputs[i];
        int *dy = &layout->dy[node->index];
        *dy = g->of[last->outputs[i].index];
        if (*dy < 0 && node->dtype == CLADE_FLOAT32) {
            CLADE_TRY(new_gradient(g, node, time, dy));
            layout->dy_is_zero[node->index] = true;
        }
        clade__layout_live_until(layout, *dy, time);
        if (reads_y) clade__layout_live_until(layout, layout->y[node->index], time);
    }
    return CLADE_OK;
}

static bool has_gradient(const gradients *g, const clade__layer *layer)
{
    const clade__layer *last = last_of(g->layout, layer);
    for (int i = 0; i < last->n_outputs; i++)
        if (g->of[last->outputs[i].index] >= 0) return true;
    return false;
}

static bool is_wanted(const gradients *g, const clade_node *input)
{
    return g->needs_grad[input->layer->index] && input->dtype == CLADE_FLOAT32;
}

static bool masks(const gradients *g, const clade__tail *tail)
{
    return tail->goes_back && tail->add && is_wanted(g, clade__tail_other(tail));
}

/* Where the gradient of what a tail adds lies: in dy's place, where nobody else has that. */
static clade_status open_masked(gradients *g, const clade__tail *tail, int dy, int time)
{
    int *masked = &g->layout->dy[tail->add->outputs[0].index];
    *masked = dy;
    if (g->holders[dy] > 1) return new_gradient(g, clade__tail_other(tail), time, masked);
    g->holders[dy]++;
    return CLADE_OK;
}

/* After the layer's own input, which may be the same node: what the layer has written is there by then. */
static clade_status pass_masked(gradients *g, const clade__tail *tail, int time)
{
    clade__layout *layout = g->layout;
    return pass(g, clade__tail_other(tail), layout->dy[tail->add->outputs[0].index], time,
                &layout->dx[tail->add->first_input + tail->other]);
}

static void let_go(gradients *g, const clade__layer *layer)
{
    for (int i = 0; i < layer->n_outputs; i++) {
        int dy = g->layout->dy[layer->outputs[i].index];
        if (dy >= 0) g->holders[dy]--;
    }
}

static clade_status go_back(gradients *g, const clade__layer *layer)
{
    clade__layout *layout = g->layout;
    const clade__tail *tail = &layout->tails[layer->index];
    int time = clade__layout_backward_time(layout, layer->index);
    bool passes = layer->type->passes_gradient || layout->led_back[layer->index] || clade__layout_is_view(layout, layer);
    CLADE_TRY(take_dy(g, layer, time));
    int dy = layout->dy[layer->outputs[0].index];
    if (masks(g, tail)) CLADE_TRY(open_masked(g, tail, dy, time));
    for (int k = 0; k < layer->n_inputs; k++) {
        const clade_node *input = layer->inputs[k];
        clade__dx *dx = &layout->dx[layer->first_input + k];
        if (layer->type->reads_x) clade__layout_live_until(layout, layout->y[input->index], time);
        if (!is_wanted(g, input)) continue;
        CLADE_TRY(passes ? pass(g, input, dy, time, dx) : compute(g, layer, k, dy, time, dx));
    }
    if (masks(g, tail)) CLADE_TRY(pass_masked(g, tail, time));
    let_go(g, layer);
    if (masks(g, tail)) let_go(g, tail->add);
    return CLADE_OK;
}

/* Whether its backward is that of the layer before. */
static bool is_led_back(const clade__layout *layout, const clade__layer *layer)
{
    const clade__layer *head = layout->heads[layer->index];
    return head && layout->tails[head->index].goes_back;
}

/* From the losses backwards. */
static clade_status lay_gradients(gradients *g)
{
    clade__layout *layout = g->layout;
    const clade__graph *graph = layout->graph;
    for (int i = 0; i < graph->n_losses; i++)
        CLADE_TRY(write_apart(g, graph->losses[i].prediction, clade__layout_forward_end(layout),
                              g->of[graph->losses[i].prediction->index] < 0 ? CLADE__DX_WRITE
                                                                            : CLADE__DX_APART,
                              &layout->losses[i].dx));
    for (int i = graph->n_layers - 1; i >= 0; i--) {
        layout->goes_back[i] = g->needs_grad[i] && !is_led_back(layout, graph->layers[i]) &&
                               has_gradient(g, graph->layers[i]);
        if (layout->goes_back[i]) CLADE_TRY(go_back(g, graph->layers[i]));
    }
    return CLADE_OK;
}

clade_status clade__layout_add_gradients(clade__layout *layout, const bool *needs_grad)
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

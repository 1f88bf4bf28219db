/* What is fused with the layer before it, so that what lies between is never stored. */
#include "graph/layout.h"

const clade_node *clade__tail_other(const clade__tail *tail)
{
    return tail->add->inputs[tail->other];
}

/* Whether only one layer reads it, so that it may be left out. */
static bool is_between(const clade__layout *layout, const clade_node *node, const clade_node *output)
{
    return node->n_users == 1 && node != output && !clade__graph_in_loss(layout->graph, node);
}

/* An add is part of the later of its inputs' layers: the other value is there when that runs. */
static void fuse_add(clade__layout *layout, const clade__layer *layer, const clade_node *output)
{
    int later = layer->inputs[1]->layer->index > layer->inputs[0]->layer->index;
    const clade__layer *head = layer->inputs[later]->layer;
    if (!head->type || !head->type->takes_other || !is_between(layout, layer->inputs[later], output))
        return;
    clade__tail *tail = &layout->tails[head->index];
    tail->add = layer;
    tail->other = 1 - later;
    layout->heads[layer->index] = head;
}

/* An activation is part of the layer before, unless its own backward reads what that one gave. */
static void fuse_activation(clade__layout *layout, const clade__layer *layer, const clade_node *output)
{
    const clade__layer *before = layer->inputs[0]->layer, *head = layout->heads[before->index];
    if (!head) head = before;
    if (!head->type || !head->type->takes_activation || !is_between(layout, layer->inputs[0], output) ||
        (layout->training && layer->type->reads_x))
        return;
    layout->tails[head->index].activation = layer;
    layout->heads[layer->index] = head;
}

/* Outside training a norm scales channels, which the convolution before it can do, unless an add is part of the
 * norm: a convolution takes none. */
static void fuse_norm(clade__layout *layout, const clade__layer *layer, const clade_node *output)
{
    const clade__layer *head = layer->inputs[0]->layer;
    clade__tail *own = &layout->tails[layer->index];
    if (!head->type || !head->type->takes_scale || own->add || !is_between(layout, layer->inputs[0], output))
        return;
    layout->tails[head->index] = (clade__tail){.norm = layer, .activation = own->activation};
    layout->heads[layer->index] = head;
    if (own->activation) layout->heads[own->activation->index] = head;
    *own = (clade__tail){0};
}

static bool goes_back(const clade__tail *tail, const clade__layer *head, const bool *needs_grad)
{
    if (!tail->activation || !head->type->takes_slope || !needs_grad[head->index]) return false;
    clade_activation kind = tail->activation->type->activation;
    return kind == CLADE_RELU || kind == CLADE_LEAKY_RELU;
}

/* Whether a layer's input is a relu that has no other user, and that does not go back with the layer before. */
static bool leads_back(const clade__layout *layout, const clade__layer *layer, const clade_node *output,
                       const bool *needs_grad)
{
    const clade__layer *before = layer->n_inputs > 0 ? layer->inputs[0]->layer : NULL;
    if (!layer->type || !layer->type->takes_slope_before || !needs_grad[before->index]) return false;
    if (!before->type || before->type->activation != CLADE_RELU) return false;
    const clade__layer *head = layout->heads[before->index];
    return is_between(layout, layer->inputs[0], output) && !(head && layout->tails[head->index].goes_back);
}

void clade__layout_fuse(clade__layout *layout, const clade_node *output, const bool *needs_grad)
{
    const clade__graph *graph = layout->graph;
    for (int i = 0; i < graph->n_layers; i++) {
        const clade__layer *layer = graph->layers[i];
        if (layer->type && layer->type->adds_up) fuse_add(layout, layer, output);
        if (layer->type && layer->type->activation != CLADE_IDENTITY)
            fuse_activation(layout, layer, output);
    }
    for (int i = 0; !layout->training && i < graph->n_layers; i++)
        if (graph->layers[i]->type && graph->layers[i]->type->fold) fuse_norm(layout, graph->layers[i], output);
    for (int i = 0; layout->training && i < graph->n_layers; i++)
        layout->tails[i].goes_back = goes_back(&layout->tails[i], graph->layers[i], needs_grad);
    for (int i = 0; layout->training && i < graph->n_layers; i++)
        if (leads_back(layout, graph->layers[i], output, needs_grad))
            layout->led_back[graph->layers[i]->inputs[0]->layer->index] = true;
}

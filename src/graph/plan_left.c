/* What a part of a step leaves behind, for who looks for the first number that is not finite. */
#include "graph/plan.h"

static const clade__layer *layer_of(const clade__graph *graph, const clade__scope *scope)
{
    for (int i = 0; i < graph->n_layers; i++)
        if (graph->layers[i]->label == scope->layer) return graph->layers[i];
    return NULL;
}

static clade_status fed(const clade__plan *plan, clade__look *look, void *user)
{
    const clade__graph *graph = plan->exe->graph;
    for (int i = 0; i < graph->n_inputs; i++)
        if (plan->inputs[i].dtype == CLADE_FLOAT32)
            CLADE_TRY(look(user, &(clade__left){CLADE__LEFT_X, graph->inputs[i], plan->inputs[i]}));
    for (int i = 0; i < graph->n_losses; i++)
        if (!plan->losses[i].has_labels && !graph->losses[i].target)
            CLADE_TRY(look(user, &(clade__left){CLADE__LEFT_TARGET, NULL, plan->losses[i].target}));
    return CLADE_OK;
}

static clade_status after_forward(const clade__plan *plan, const clade__layer *layer,
                                  clade__look *look, void *user)
{
    for (int i = 0; layer && i < layer->n_outputs; i++) {
        const clade_node *node = &layer->outputs[i];
        if (node->dtype != CLADE_FLOAT32) continue;
        const clade__left left = {CLADE__LEFT_Y, layer,
                                  clade__plan_view(plan, node, plan->layout->y[node->index])};
        CLADE_TRY(look(user, &left));
    }
    return CLADE_OK;
}

static clade_status after_loss(const clade__plan *plan, clade__look *look, void *user)
{
    const clade__graph *graph = plan->exe->graph;
    for (int i = 0; i < graph->n_losses; i++)
        CLADE_TRY(look(user, &(clade__left){CLADE__LEFT_LOSS, NULL, plan->losses[i].loss}));
    for (int i = 0; i < graph->n_losses; i++) {
        const clade__left left = {CLADE__LEFT_GRADIENT, NULL,
                                  clade__plan_view(plan, graph->losses[i].prediction,
                                          plan->layout->losses[i].dx.value)};
        CLADE_TRY(look(user, &left));
    }
    return CLADE_OK;
}

/* The gradient of input i of `of`, which is the layer or one of its tail. */
static clade_status look_at_dx(const clade__plan *plan, const clade__layer *layer, const clade__layer *of, int i,
                               clade__look *look, void *user)
{
    const clade__dx *dx = &plan->layout->dx[of->first_input + i];
    if (dx->mode == CLADE__DX_NONE) return CLADE_OK;
    const clade__left left = {CLADE__LEFT_GRADIENT, layer,
                              clade__plan_view(plan, of->inputs[i], dx->value)};
    return look(user, &left);
}

/* A parameter whose step is part of backward has no gradient to look at. */
static clade_status after_backward(const clade__plan *plan, const clade__layer *layer,
                                   clade__look *look, void *user)
{
    const clade__tail *tail = layer ? &plan->layout->tails[layer->index] : NULL;
    if (tail && tail->goes_back && tail->add)
        CLADE_TRY(look_at_dx(plan, layer, tail->add, tail->other, look, user));
    for (int i = 0; layer && i < layer->n_inputs; i++)
        CLADE_TRY(look_at_dx(plan, layer, layer, i, look, user));
    for (int i = 0; layer && i < layer->n_parameters; i++) {
        int index = layer->parameters[i];
        if (index < 0) continue;
        const clade__parameter_tensors *t = &plan->session->parameters[index];
        const clade__left left = {t->grad ? CLADE__LEFT_GRADIENT : CLADE__LEFT_PARAMETER, layer,
                                  t->grad ? *t->grad : *t->value};
        CLADE_TRY(look(user, &left));
    }
    return CLADE_OK;
}

static clade_status after_optimizer(const clade__plan *plan, const clade__layer *layer,
                                    clade__look *look, void *user)
{
    for (int i = 0; layer && i < layer->n_parameters; i++) {
        int index = layer->parameters[i];
        if (index < 0) continue;
        const clade__left left = {CLADE__LEFT_PARAMETER, layer, *plan->session->parameters[index].value};
        CLADE_TRY(look(user, &left));
    }
    return CLADE_OK;
}

clade_status clade__plan_left(const clade__plan *plan, const clade__scope *scope, clade__look *look,
                              void *user)
{
    const clade__layer *layer = layer_of(plan->exe->graph, scope);
    switch (scope->phase) {
    case CLADE_PHASE_FEED: return fed(plan, look, user);
    case CLADE_PHASE_FORWARD: return after_forward(plan, layer, look, user);
    case CLADE_PHASE_LOSS: return after_loss(plan, look, user);
    case CLADE_PHASE_BACKWARD: return after_backward(plan, layer, look, user);
    case CLADE_PHASE_OPTIMIZER: return after_optimizer(plan, layer, look, user);
    default: return CLADE_OK;
    }
}

#include "graph/plan.h"

static clade_tensor view(const clade_model *model, const clade__layout *layout, int value,
                         clade_dtype dtype, clade_shape shape)
{
    clade__buffer *buffer = model->workspace[layout->values[value].slot];
    return clade__tensor_view(model->device, buffer, dtype, shape);
}

static int value_index(const clade__layout *layout, const clade_node *node, int role)
{
    return layout->value_of[node->index * CLADE__N_ROLES + role];
}

static clade_tensor node_view(const clade_model *model, const clade__layout *layout, int64_t batch,
                              const clade_node *node, clade__role role)
{
    return view(model, layout, value_index(layout, node, role), node->dtype,
                clade__batch_shape(batch, node->shape));
}

clade_status clade__plan_open(clade__plan *plan, const clade_model *model,
                              const clade__layout *layout, int64_t batch)
{
    const clade_node *output = model->output;
    clade_shape rows = CLADE_SHAPE(batch);
    *plan = (clade__plan){.batch = batch, .of = batch};
    plan->x = node_view(model, layout, batch, model->nodes[0], CLADE__VALUE_Y);
    plan->y = node_view(model, layout, batch, output, CLADE__VALUE_Y);
    plan->labels = view(model, layout, layout->labels, CLADE_INT32, rows);
    plan->loss = view(model, layout, layout->loss, CLADE_FLOAT32, rows);
    plan->hit = view(model, layout, layout->hit, CLADE_FLOAT32, rows);
    if (layout->target >= 0)
        plan->target = view(model, layout, layout->target, CLADE_FLOAT32,
                            CLADE_SHAPE(batch, clade_shape_elements(output->shape)));
    return CLADE_OK;
}

/* Forward of one node; an activation that is its linear's epilogue has no launch of its own, and
 * what only trains none outside training. */
static clade_status record_forward(const clade_model *model, const clade__layout *layout,
                                   int64_t batch, const clade_node *node, clade__commands *commands)
{
    if (layout->activation_of[node->inputs[0]->index] == node) return CLADE_OK;
    if (node->type->only_trains && !layout->training) return CLADE_OK;
    clade__layer_io io = {.node = node};
    clade_tensor x[CLADE__MAX_INPUTS];
    clade_tensor y = node_view(model, layout, batch, node, CLADE__VALUE_Y), scratch;
    for (int k = 0; k < node->n_inputs; k++) {
        x[k] = node_view(model, layout, batch, node->inputs[k], CLADE__VALUE_Y);
        io.x[k] = &x[k];
    }
    io.y = &y;
    int64_t n_scratch = node->type->scratch ? node->type->scratch(node, batch) : 0;
    if (n_scratch > 0) {
        scratch = view(model, layout, value_index(layout, node, CLADE__VALUE_SCRATCH), CLADE_FLOAT32,
                       CLADE_SHAPE(n_scratch));
        io.scratch = &scratch;
    }
    const clade_node *activation = layout->activation_of[node->index];
    if (activation) {
        io.fused = activation->type->activation;
        io.fused_slope = activation->options.slope;
    }
    return node->type->forward(commands, &io);
}

static clade_status record_loss(const clade__plan *plan, const clade_model *model,
                                const clade_tensor *y, clade_tensor *dy, clade__commands *commands,
                                bool has_labels)
{
    clade_tensor loss = plan->loss, hit = plan->hit, target = plan->target;
    bool weighs = plan->weights && dy;
    float scale = weighs ? 1.0f : 1.0f / (float)plan->of;
    const clade__cross_entropy_options options = {.rule.weights = plan->weights, .total = plan->total};
    if (model->loss == CLADE_LOSS_CROSS_ENTROPY)
        return clade__cross_entropy(commands, &loss, &hit, dy, y, &plan->labels, scale,
                                    weighs ? &options : NULL);
    if (has_labels) {
        CLADE_TRY(clade__one_hot(commands, &target, &plan->labels));
        CLADE_TRY(clade__count_hits(commands, &hit, y, &plan->labels, clade__model_threshold(model)));
    }
    if (model->loss == CLADE_LOSS_MSE)
        CLADE_TRY(clade__mse(commands, &loss, dy, y, &target, scale));
    else
        CLADE_TRY(clade__bce_with_logits(commands, &loss, dy, y, &target, NULL, scale));
    if (!weighs) return CLADE_OK;
    const clade__row_rule rule = {.n_classes = clade_tensor_elements(plan->weights),
                                  .weights = plan->weights};
    return clade__weigh_rows(commands, &loss, NULL, dy, &plan->labels, &rule, &plan->total);
}

/* Backward of one node. `written` says which gradients hold something already. */
static clade_status record_backward(const clade__plan *plan, const clade_model *model,
                                    const clade__layout *layout, const clade_node *node,
                                    clade__commands *commands, bool *written)
{
    int64_t batch = plan->batch;
    clade__layer_io io = {.node = node, .add = plan->add};
    clade_tensor x[CLADE__MAX_INPUTS], dx[CLADE__MAX_INPUTS];
    clade_tensor y = node_view(model, layout, batch, node, CLADE__VALUE_Y);
    clade_tensor dy = node_view(model, layout, batch, node, CLADE__VALUE_DY);
    bool apart[CLADE__MAX_INPUTS] = {false};
    io.y = &y;
    io.dy = &dy;
    for (int k = 0; k < node->n_inputs; k++) {
        const clade_node *input = node->inputs[k];
        x[k] = node_view(model, layout, batch, input, CLADE__VALUE_Y);
        io.x[k] = &x[k];
        if (!input->needs_grad) continue;
        apart[k] = written[input->index];
        dx[k] = apart[k] ? view(model, layout, value_index(layout, node, CLADE__VALUE_APART + k),
                                CLADE_FLOAT32, clade__batch_shape(batch, input->shape))
                         : node_view(model, layout, batch, input, CLADE__VALUE_DY);
        io.dx[k] = &dx[k];
        written[input->index] = true;
    }
    clade__commands_scope(commands, CLADE_PHASE_BACKWARD, node->label);
    CLADE_TRY(node->type->backward(commands, &io));
    for (int k = 0; k < node->n_inputs; k++) {
        if (!apart[k]) continue;
        clade_tensor sum = node_view(model, layout, batch, node->inputs[k], CLADE__VALUE_DY);
        CLADE_TRY(clade__add_forward(commands, &sum, &sum, &dx[k]));
    }
    return CLADE_OK;
}

clade_status clade__plan_record(const clade__plan *plan, clade_model *model,
                                const clade__layout *layout, clade__commands *commands,
                                bool with_loss, bool has_labels)
{
    clade__commands_set_gemm(commands, model->gemm);
    for (int i = 1; i < model->n_nodes; i++) {
        clade__commands_scope(commands, clade__layout_phase(layout, CLADE_PHASE_FORWARD),
                              model->nodes[i]->label);
        CLADE_TRY(record_forward(model, layout, plan->batch, model->nodes[i], commands));
    }
    clade__commands_scope(commands, clade__layout_phase(layout, CLADE_PHASE_LOSS), NULL);
    if (!with_loss) return CLADE_OK;

    /* A loss sees (batch, outputs), whatever the output's shape. */
    clade_shape matrix = CLADE_SHAPE(plan->batch, clade_shape_elements(model->output->shape));
    clade_tensor y = clade__tensor_reshaped(&plan->y, matrix), dy;
    if (layout->training)
        dy = view(model, layout, value_index(layout, model->output, CLADE__VALUE_DY), CLADE_FLOAT32,
                  matrix);
    CLADE_TRY(record_loss(plan, model, &y, layout->training ? &dy : NULL, commands, has_labels));
    if (!layout->training) { /* a training step tells by its parameters, see train/fit.c */
        clade_tensor loss = plan->loss;
        return clade__mark_rows(commands, &loss, &y);
    }

    bool *written = clade__arena_alloc(&model->arena, (size_t)model->n_nodes * sizeof *written);
    if (!written) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    for (int i = model->n_nodes - 1; i > 0; i--)
        if (model->nodes[i]->needs_grad)
            CLADE_TRY(record_backward(plan, model, layout, model->nodes[i], commands, written));
    return CLADE_OK;
}

/* ---- what is left ------------------------------------------------------------------------------ */

static const clade_node *node_of(const clade_model *model, const clade__scope *scope)
{
    for (int i = 1; i < model->n_nodes; i++)
        if (model->nodes[i]->label == scope->layer) return model->nodes[i];
    return NULL;
}

/* A parameter whose step is part of backward has no gradient to look at. */
static int left_by_backward(const clade__plan *plan, const clade_model *model,
                            const clade__layout *layout, const clade_node *node,
                            clade__left left[CLADE__MAX_LEFT])
{
    int n = 0;
    for (int i = 0; i < node->n_inputs; i++)
        if (node->inputs[i]->needs_grad)
            left[n++] = (clade__left){CLADE__LEFT_GRADIENT, node,
                                      node_view(model, layout, plan->batch, node->inputs[i],
                                                CLADE__VALUE_DY)};
    for (int i = 0; i < node->n_parameters; i++) {
        const clade__parameter *p = &model->parameters[node->parameters[i]];
        left[n++] = p->fused ? (clade__left){CLADE__LEFT_PARAMETER, node, *p->value}
                             : (clade__left){CLADE__LEFT_GRADIENT, node, *p->grad};
    }
    return n;
}

static int left_by_optimizer(const clade_model *model, const clade_node *node,
                             clade__left left[CLADE__MAX_LEFT])
{
    if (!node) return 0; /* clipping */
    for (int i = 0; i < node->n_parameters; i++)
        left[i] = (clade__left){CLADE__LEFT_PARAMETER, node,
                                *model->parameters[node->parameters[i]].value};
    return node->n_parameters;
}

int clade__plan_left(const clade__plan *plan, const clade_model *model,
                     const clade__layout *layout, const clade__scope *scope, bool has_labels,
                     clade__left left[CLADE__MAX_LEFT])
{
    const clade_node *node = node_of(model, scope), *output = model->output;
    switch (scope->phase) {
    case CLADE_PHASE_FEED:
        left[0] = (clade__left){CLADE__LEFT_X, NULL, plan->x};
        left[1] = (clade__left){CLADE__LEFT_TARGET, NULL, plan->target};
        return has_labels ? 1 : 2;
    case CLADE_PHASE_FORWARD:
        left[0] = (clade__left){CLADE__LEFT_Y, node,
                                node_view(model, layout, plan->batch, node, CLADE__VALUE_Y)};
        return node->dtype == CLADE_FLOAT32 ? 1 : 0;
    case CLADE_PHASE_LOSS:
        left[0] = (clade__left){CLADE__LEFT_LOSS, NULL, plan->loss};
        left[1] = (clade__left){CLADE__LEFT_GRADIENT, NULL,
                                node_view(model, layout, plan->batch, output, CLADE__VALUE_DY)};
        return 2;
    case CLADE_PHASE_BACKWARD: return left_by_backward(plan, model, layout, node, left);
    case CLADE_PHASE_OPTIMIZER: return left_by_optimizer(model, node, left);
    default: return 0;
    }
}

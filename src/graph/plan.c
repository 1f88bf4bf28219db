#include "graph/plan.h"

static clade_tensor view(const clade__plan *plan, int value, clade_dtype dtype, clade_shape shape)
{
    const clade__session *s = plan->session;
    clade__buffer *buffer =
        s->dry || value < 0 ? NULL : s->workspace[plan->layout->values[value].slot];
    return clade__tensor_view(plan->exe->device, buffer, dtype, shape);
}

clade_tensor clade__plan_view(const clade__plan *plan, const clade_node *node, int value)
{
    return view(plan, value, node->dtype, clade__batch_shape(plan->batch, node->shape));
}

static clade_tensor y_view(const clade__plan *plan, const clade_node *node)
{
    return clade__plan_view(plan, node, plan->layout->y[node->index]);
}

static void *take(clade__plan *plan, int n, size_t bytes)
{
    return clade__arena_alloc(&plan->arena, (size_t)n * bytes + 1);
}

/* ---- open -------------------------------------------------------------------------------------- */

static void open_loss(clade__plan *plan, int i, bool has_labels)
{
    const clade__loss *loss = &plan->exe->graph->losses[i];
    const clade__loss_values *v = &plan->layout->losses[i];
    clade__plan_loss *made = &plan->losses[i];
    int64_t rows = clade__loss_rows(loss, plan->batch);
    made->rows = rows;
    made->has_labels = loss->target ? loss->target->dtype == CLADE_INT32 : has_labels;
    made->loss = view(plan, v->loss, CLADE_FLOAT32, CLADE_SHAPE(rows));
    made->hit = view(plan, v->hit, CLADE_FLOAT32, CLADE_SHAPE(rows));
    if (v->labels >= 0) made->labels = view(plan, v->labels, CLADE_INT32, CLADE_SHAPE(rows));
    if (v->target >= 0)
        made->target = view(plan, v->target, CLADE_FLOAT32,
                            CLADE_SHAPE(rows, clade__shape_cols(loss->prediction->shape)));
}

clade_status clade__plan_open(clade__plan *plan, const clade__plan_options *options)
{
    const clade__executable *exe = options->exe;
    const clade__graph *graph = exe->graph;
    *plan = (clade__plan){0};
    if (options->training) CLADE_TRY(clade__graph_check_batch(graph, options->batch));
    *plan = (clade__plan){.exe = exe, .session = options->session,
                          .layout = options->training ? exe->train_layout : exe->infer_layout,
                          .batch = options->batch, .of = options->batch};
    plan->inputs = take(plan, graph->n_inputs, sizeof *plan->inputs);
    plan->losses = take(plan, graph->n_losses, sizeof *plan->losses);
    plan->written = take(plan, graph->n_parameters, sizeof *plan->written);
    plan->stepped = take(plan, graph->n_parameters, sizeof *plan->stepped);
    if (!plan->inputs || !plan->losses || !plan->written || !plan->stepped) {
        clade__plan_close(plan);
        return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    }
    for (int i = 0; i < graph->n_inputs; i++)
        plan->inputs[i] = y_view(plan, &graph->inputs[i]->outputs[0]);
    plan->y = y_view(plan, exe->output);
    for (int i = 0; i < graph->n_losses; i++) open_loss(plan, i, options->has_labels);
    return CLADE_OK;
}

void clade__plan_close(clade__plan *plan)
{
    clade__arena_free(&plan->arena);
    *plan = (clade__plan){0};
}

/* ---- one layer --------------------------------------------------------------------------------- */

/* A layer's tensors. The arrays are of the scratch arena, which is given back after the recording. */
typedef struct recording {
    clade__plan *plan;
    clade__commands *commands;
    clade__arena scratch;
} recording;

static void *scratch(recording *r, int n, size_t bytes)
{
    return clade__arena_alloc(&r->scratch, (size_t)n * bytes + 1);
}

/* Where the step needs no more of the gradient, nor of any other: the optimizer is sgd without clipping,
 * the batch is done at a time, and the parameter is this layer's alone. */
static bool may_step(const clade__executable *exe, int parameter)
{
    return exe->parameters[parameter].trains && exe->graph->parameters[parameter].n_users == 1 &&
           exe->optimizer.kind == CLADE_OPTIMIZER_SGD && exe->optimizer.clip_norm == 0.0f &&
           exe->micro_batch == exe->batch && !exe->keep_gradients;
}

static clade_status open_parameters(recording *r, const clade__layer *layer, clade__layer_io *io)
{
    const clade__plan *plan = r->plan;
    clade__sgd_rates *rates = scratch(r, layer->n_parameters, sizeof *rates);
    io->parameters = scratch(r, layer->n_parameters, sizeof *io->parameters);
    if (!rates || !io->parameters) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    for (int i = 0; i < layer->n_parameters; i++) {
        int index = layer->parameters[i];
        if (index < 0) continue;
        const clade__parameter_tensors *t = &plan->session->parameters[index];
        clade__parameter_io *p = &io->parameters[i];
        p->value = t->value;
        if (!plan->layout->training || !plan->exe->parameters[index].trains) continue;
        p->grad = t->grad;
        p->add = plan->add || plan->written[index];
        if (!may_step(plan->exe, index)) continue;
        rates[i] = clade__optimizer_sgd_rates(plan->session, plan->exe, index);
        p->rates = &rates[i];
        p->velocity = t->state[0];
    }
    return CLADE_OK;
}

static clade_status open_io(recording *r, const clade__layer *layer, clade__layer_io *io)
{
    const clade__plan *plan = r->plan;
    clade__layer_values needed = {0};
    *io = (clade__layer_io){.layer = layer, .batch = plan->batch, .training = plan->layout->training,
                            .seed = plan->session->seed, .numbers = &plan->session->numbers};
    if (layer->type->values) CLADE_TRY(layer->type->values(layer, plan->batch, &needed));
    clade_tensor *x = scratch(r, layer->n_inputs, sizeof *x);
    io->x = x;
    io->y = scratch(r, layer->n_outputs, sizeof *io->y);
    io->values = scratch(r, needed.n, sizeof *io->values);
    if (!x || !io->y || !io->values) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    for (int k = 0; k < layer->n_inputs; k++) x[k] = y_view(plan, layer->inputs[k]);
    for (int k = 0; k < layer->n_outputs; k++) io->y[k] = y_view(plan, &layer->outputs[k]);
    const int *kept = &plan->layout->kept[layer->index * CLADE__MAX_LAYER_VALUES];
    for (int k = 0; k < needed.n; k++)
        io->values[k] = view(plan, kept[k], needed.list[k].dtype, needed.list[k].shape);
    return open_parameters(r, layer, io);
}

/* ---- forward ----------------------------------------------------------------------------------- */

static clade_status open_tail(recording *r, const clade__tail *tail, clade__layer_io *io)
{
    if (tail->activation) {
        io->fused = tail->activation->type->activation;
        io->fused_slope = clade__activation_slope(tail->activation);
    }
    if (!tail->add) return CLADE_OK;
    clade_tensor *other = scratch(r, 1, sizeof *other);
    if (!other) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    *other = y_view(r->plan, clade__tail_other(tail));
    io->other = other;
    return CLADE_OK;
}

/* The layer runs with parameters that have the norm of its tail in them. */
static clade_status fold(recording *r, const clade__layer *layer, const clade__tail *tail, clade__layer_io *io)
{
    clade__layer_io norm;
    clade_tensor *folded = scratch(r, 2, sizeof *folded);
    if (!folded) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    const clade_shape weight = clade__parameter_of(layer, 0)->shape;
    folded[0] = view(r->plan, tail->weight, CLADE_FLOAT32, weight);
    folded[1] = view(r->plan, tail->bias, CLADE_FLOAT32, CLADE_SHAPE(weight.dim[0]));
    CLADE_TRY(open_io(r, tail->norm, &norm));
    const clade__folding folding = {&folded[0], &folded[1], io->parameters[0].value, io->parameters[1].value};
    CLADE_TRY(tail->norm->type->fold(r->commands, &norm, &folding));
    io->parameters[0].value = &folded[0];
    io->parameters[1].value = &folded[1];
    return CLADE_OK;
}

/* What is part of the layer before has no launch of its own, and a view none at all. */
static clade_status record_forward(recording *r, const clade__layer *layer)
{
    const clade__layout *layout = r->plan->layout;
    clade__layer_io io;
    if (layout->heads[layer->index] || clade__layout_is_view(layout, layer)) return CLADE_OK;
    const clade__tail *tail = &layout->tails[layer->index];
    CLADE_TRY(open_io(r, layer, &io));
    if (tail->norm) CLADE_TRY(fold(r, layer, tail, &io));
    CLADE_TRY(open_tail(r, tail, &io));
    return layer->type->forward(r->commands, &io);
}

/* ---- loss -------------------------------------------------------------------------------------- */

/* Class weights are of training alone, and rows that are ignored count nowhere. */
static clade__row_rule rule_of(const clade__plan *plan, int i)
{
    const clade__loss *loss = &plan->exe->graph->losses[i];
    int64_t cols = clade__shape_cols(loss->prediction->shape);
    return (clade__row_rule){.n_classes = cols > 1 ? cols : 2,
                             .weights = plan->layout->training && i == 0 ? plan->weights : NULL,
                             .has_ignore = loss->ignores, .ignore_index = loss->ignore_index};
}

static clade_status record_cross_entropy(recording *r, int i, const clade_tensor *y, clade_tensor *dy,
                                         float scale, const clade__row_rule *rule)
{
    const clade__loss *loss = &r->plan->exe->graph->losses[i];
    clade__plan_loss *l = &r->plan->losses[i];
    bool counts = rule->weights || rule->has_ignore;
    const clade__cross_entropy_options options = {
        .rule = *rule, .label_smoothing = loss->label_smoothing,
        .total = counts && dy ? l->total : (clade__rows_total){0}};
    return clade__cross_entropy(r->commands, &l->loss, &l->hit, dy, y, &l->labels, scale,
                                counts || loss->label_smoothing > 0.0f ? &options : NULL);
}

/* The loss of each row and, with dy, its gradient. What rows count together divides the gradient where
 * they do not count alike; else their number does. */
static clade_status record_loss(recording *r, int i, const clade_tensor *y, clade_tensor *dy)
{
    clade__plan *plan = r->plan;
    const clade__loss *loss = &plan->exe->graph->losses[i];
    clade__plan_loss *l = &plan->losses[i];
    const clade__row_rule rule = rule_of(plan, i);
    bool counts = l->has_labels && (rule.weights || rule.has_ignore);
    float scale = counts ? loss->weight : loss->weight / (float)clade__loss_rows(loss, plan->of);
    if (loss->kind == CLADE_LOSS_CROSS_ENTROPY)
        return record_cross_entropy(r, i, y, dy, scale, &rule);
    if (l->has_labels) {
        float threshold = clade__loss_threshold(loss->kind);
        CLADE_TRY(clade__one_hot(r->commands, &l->target, &l->labels));
        CLADE_TRY(clade__count_hits(r->commands, &l->hit, y, &l->labels, threshold));
    }
    if (loss->kind == CLADE_LOSS_MSE)
        CLADE_TRY(clade__mse(r->commands, &l->loss, dy, y, &l->target, scale));
    else
        CLADE_TRY(clade__bce_with_logits(r->commands, &l->loss, dy, y, &l->target, NULL, scale));
    if (!counts) return CLADE_OK;
    const clade__rows_total total = dy ? l->total : (clade__rows_total){0};
    return clade__weigh_rows(r->commands, &l->loss, &l->hit, dy, &l->labels, &rule, &total);
}

/* In training the gradients of earlier losses of the same prediction are added. Outside, a row that is not
 * finite is marked; a training step tells by its parameters, see train/fit.c. */
static clade_status record_losses(recording *r)
{
    clade__plan *plan = r->plan;
    const clade__graph *graph = plan->exe->graph;
    for (int i = 0; i < graph->n_losses; i++) {
        const clade__dx *dx = &plan->layout->losses[i].dx;
        const clade_node *prediction = graph->losses[i].prediction;
        clade_shape matrix = CLADE_SHAPE(plan->losses[i].rows, clade__shape_cols(prediction->shape));
        clade_tensor y = y_view(plan, prediction);
        y = clade__tensor_reshaped(&y, matrix);
        if (!plan->layout->training) {
            CLADE_TRY(record_loss(r, i, &y, NULL));
            CLADE_TRY(clade__mark_rows(r->commands, &plan->losses[i].loss, &y));
            continue;
        }
        clade_tensor dy = view(plan, dx->value, CLADE_FLOAT32, matrix);
        CLADE_TRY(record_loss(r, i, &y, &dy));
        if (dx->mode != CLADE__DX_APART) continue;
        clade_tensor before = view(plan, dx->before, CLADE_FLOAT32, matrix);
        CLADE_TRY(clade__add_forward(r->commands, &dy, &dy, &before));
    }
    return CLADE_OK;
}

/* ---- backward ---------------------------------------------------------------------------------- */

static clade_status open_backward(recording *r, const clade__layer *layer, clade__layer_io *io)
{
    const clade__plan *plan = r->plan;
    const clade__layout *layout = plan->layout;
    clade_tensor *dy = scratch(r, layer->n_outputs, sizeof *dy);
    bool *wanted = scratch(r, layer->n_inputs, sizeof *wanted);
    bool *add = scratch(r, layer->n_inputs, sizeof *add);
    io->dx = scratch(r, layer->n_inputs, sizeof *io->dx);
    if (!dy || !wanted || !add || !io->dx) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    io->dy = dy;
    io->wanted = wanted;
    io->add = add;
    for (int k = 0; k < layer->n_outputs; k++) {
        const clade_node *node = &layer->outputs[k];
        dy[k] = clade__plan_view(plan, node, layout->dy[node->index]);
        if (layout->dy_is_zero[node->index])
            CLADE_TRY(clade__commands_zero(r->commands, &dy[k]));
    }
    for (int k = 0; k < layer->n_inputs; k++) {
        const clade__dx *dx = &layout->dx[layer->first_input + k];
        wanted[k] = dx->mode != CLADE__DX_NONE;
        add[k] = dx->mode == CLADE__DX_ADD;
        if (wanted[k]) io->dx[k] = clade__plan_view(plan, layer->inputs[k], dx->value);
    }
    return CLADE_OK;
}

/* What must be added to what the layer has written for its input k, or in its place to dy. */
static clade_status sum_up(recording *r, const clade__layer *layer, int k, const clade_tensor *dy)
{
    const clade__dx *dx = &r->plan->layout->dx[layer->first_input + k];
    if (dx->mode != CLADE__DX_APART && dx->mode != CLADE__DX_SUM) return CLADE_OK;
    clade_tensor before = clade__plan_view(r->plan, layer->inputs[k], dx->before);
    clade_tensor whole = clade__plan_view(r->plan, layer->inputs[k], dx->value);
    clade_tensor part = dx->mode == CLADE__DX_SUM ? clade__tensor_reshaped(dy, before.shape) : whole;
    return clade__add_forward(r->commands, &whole, &before, &part);
}

static void note_parameters(recording *r, const clade__layer *layer, const clade__layer_io *io)
{
    for (int i = 0; i < layer->n_parameters; i++) {
        int index = layer->parameters[i];
        if (index < 0) continue;
        r->plan->written[index] = true;
        r->plan->stepped[index] = io->parameters[i].stepped;
    }
}

static clade_status record_backward(recording *r, const clade__layer *layer)
{
    const clade__layout *layout = r->plan->layout;
    const clade__tail *tail = &layout->tails[layer->index];
    clade__layer_io io;
    clade_tensor masked;
    CLADE_TRY(open_io(r, layer, &io));
    CLADE_TRY(open_backward(r, layer, &io));
    if (tail->goes_back) CLADE_TRY(open_tail(r, tail, &io));
    if (clade__layout_leads_back(layout, layer)) io.fused = CLADE_RELU;
    if (tail->goes_back && tail->add && layout->dy[tail->add->outputs[0].index] >= 0) {
        masked = clade__plan_view(r->plan, clade__tail_other(tail),
                                  layout->dy[tail->add->outputs[0].index]);
        io.masked = &masked;
    }
    if (layer->type->backward && !layout->led_back[layer->index] && !clade__layout_is_view(layout, layer))
        CLADE_TRY(layer->type->backward(r->commands, &io));
    for (int k = 0; k < layer->n_inputs; k++) CLADE_TRY(sum_up(r, layer, k, &io.dy[0]));
    if (io.masked) CLADE_TRY(sum_up(r, tail->add, tail->other, io.masked));
    note_parameters(r, layer, &io);
    return CLADE_OK;
}

/* ---- all of it --------------------------------------------------------------------------------- */

static clade_status record(recording *r, bool with_loss)
{
    const clade__layout *layout = r->plan->layout;
    const clade__graph *graph = r->plan->exe->graph;
    for (int i = 0; i < graph->n_layers; i++) {
        if (!graph->layers[i]->type) continue;
        clade__commands_scope(r->commands, clade__layout_phase(layout, CLADE_PHASE_FORWARD),
                              graph->layers[i]->label);
        CLADE_TRY(record_forward(r, graph->layers[i]));
    }
    clade__commands_scope(r->commands, clade__layout_phase(layout, CLADE_PHASE_LOSS), NULL);
    if (!with_loss) return CLADE_OK;
    CLADE_TRY(record_losses(r));
    for (int i = graph->n_layers - 1; i >= 0; i--) {
        if (!layout->goes_back[i]) continue;
        clade__commands_scope(r->commands, CLADE_PHASE_BACKWARD, graph->layers[i]->label);
        CLADE_TRY(record_backward(r, graph->layers[i]));
        if (r->plan->behind)
            CLADE_TRY(r->plan->behind(r->plan->behind_user, r->commands, i));
    }
    return CLADE_OK;
}

clade_status clade__plan_record(clade__plan *plan, clade__commands *commands, bool with_loss)
{
    recording r = {.plan = plan, .commands = commands};
    clade__commands_set_gemm(commands, plan->exe->gemm);
    for (int i = 0; i < plan->exe->graph->n_parameters; i++) plan->written[i] = false;
    clade_status status = record(&r, with_loss);
    clade__arena_free(&r.scratch);
    return status;
}

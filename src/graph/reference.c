#include "graph/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/layer.h"

/* ---- the network ----------------------------------------------------------------------------- */

static clade_status take_values(clade__reference *r, const clade__layer *layer)
{
    if (!layer->type) return CLADE_OK;
    if (!layer->type->formula)
        return clade__fail(CLADE_EINVAL, "layer '%s': %s has no formula in double precision",
                           layer->name, layer->type->name);
    for (int i = 0; i < layer->n_outputs; i++) {
        const clade_node *node = &layer->outputs[i];
        size_t n = (size_t)r->batch.n * (size_t)clade_shape_elements(node->shape);
        r->y[node->index] = calloc(n, sizeof(double));
        if (!r->y[node->index]) return clade__fail(CLADE_ENOMEM, "no memory for the reference's values");
    }
    return CLADE_OK;
}

static clade_status take_memory(clade__reference *r)
{
    const clade__graph *graph = &r->model->graph;
    r->parameters = calloc((size_t)clade__graph_n_values(graph) + 1, sizeof(double));
    r->w = calloc((size_t)graph->n_parameters + 1, sizeof *r->w);
    r->y = calloc((size_t)graph->n_nodes, sizeof(double *));
    size_t most = 1;
    for (int i = 0; i < graph->n_layers; i++) {
        const clade__layer *layer = graph->layers[i];
        size_t n = (size_t)(layer->n_inputs + layer->n_parameters + layer->n_outputs);
        if (n > most) most = n;
    }
    r->pointers = calloc(most, sizeof *r->pointers);
    r->outputs = calloc(most, sizeof *r->outputs);
    if (!r->parameters || !r->w || !r->y || !r->pointers || !r->outputs)
        return clade__fail(CLADE_ENOMEM, "no memory for the reference");
    const double *at = r->parameters;
    for (int i = 0; i < graph->n_parameters; i++) {
        r->w[i] = at;
        at += clade_shape_elements(graph->parameters[i].shape);
    }
    for (int i = 0; i < graph->n_layers; i++) CLADE_TRY(take_values(r, graph->layers[i]));
    return CLADE_OK;
}

clade_status clade__reference_create(clade__reference **out, const clade_model *model,
                                     const clade__reference_batch *batch)
{
    clade__reference *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r) return clade__fail(CLADE_ENOMEM, "no memory for the reference");
    r->model = model;
    r->batch = *batch;
    clade_status status = take_memory(r);
    if (status != CLADE_OK)
        clade__reference_free(r);
    else
        *out = r;
    return status;
}

void clade__reference_free(clade__reference *reference)
{
    if (!reference) return;
    for (int i = 0; reference->y && i < reference->model->graph.n_nodes; i++) free(reference->y[i]);
    for (int i = 0; reference->dy && i < reference->model->graph.n_nodes; i++) free(reference->dy[i]);
    free(reference->y);
    free(reference->dy);
    free(reference->gradients);
    free(reference->w);
    free(reference->pointers);
    free(reference->outputs);
    free(reference->parameters);
    free(reference);
}

static int input_number(const clade__graph *graph, const clade__layer *layer)
{
    int i = 0;
    while (i < graph->n_inputs && graph->inputs[i] != layer) i++;
    return i;
}

const double *clade__reference_values(const clade__reference *reference, const clade_node *node)
{
    if (node->layer->type) return reference->y[node->index];
    return reference->batch.x[input_number(&reference->model->graph, node->layer)];
}

/* In the room of one layer, behind which that of its gradients begins. */
static clade__formula formula_of(const clade__reference *r, const clade__layer *layer)
{
    const double **x = r->pointers, **w = x + layer->n_inputs;
    double **y = r->outputs;
    for (int k = 0; k < layer->n_inputs; k++) x[k] = clade__reference_values(r, layer->inputs[k]);
    for (int k = 0; k < layer->n_parameters; k++)
        w[k] = layer->parameters[k] < 0 ? NULL : r->w[layer->parameters[k]];
    for (int k = 0; k < layer->n_outputs; k++) y[k] = r->y[layer->outputs[k].index];
    return (clade__formula){.layer = layer, .n = r->batch.n, .step = r->batch.step,
                            .seed = r->model->session.seed, .x = x, .w = w, .y = y};
}

void clade__reference_forward(clade__reference *reference, int first)
{
    const clade__graph *graph = &reference->model->graph;
    for (int i = first; i < graph->n_layers; i++) {
        if (!graph->layers[i]->type) continue;
        const clade__formula formula = formula_of(reference, graph->layers[i]);
        graph->layers[i]->type->formula(&formula);
    }
}

/* ---- losses ---------------------------------------------------------------------------------- */

/* The target of a loss for one row: a label, or numbers. */
typedef struct target {
    bool is_label;
    int64_t label;
    const double *numbers; /* (cols) */
} target;

static target target_of(const clade__reference *r, const clade__loss *loss, int64_t row, int64_t cols)
{
    const clade__reference_batch *batch = &r->batch;
    if (!loss->target && batch->labels) return (target){true, batch->labels[row], NULL};
    if (!loss->target) return (target){false, 0, batch->targets + row * cols};
    const double *values = clade__reference_values(r, loss->target);
    if (loss->target->dtype == CLADE_INT32) return (target){true, (int64_t)values[row], NULL};
    return (target){false, 0, values + row * cols};
}

static double element_loss(clade_loss loss, double y, double wanted)
{
    if (loss == CLADE_LOSS_MSE) return (y - wanted) * (y - wanted);
    /* -t log(sigmoid(y)) - (1 - t) log(1 - sigmoid(y)) */
    return fmax(y, 0.0) - y * wanted + log1p(exp(-fabs(y)));
}

/* Class weights are the first loss's. */
static double weight_of(const clade__reference *r, const clade__loss *loss, int64_t label)
{
    return r->batch.weights && loss == r->model->graph.losses ? r->batch.weights[label] : 1.0;
}

static double log_sum_exp(const double *y, int64_t n)
{
    double top = y[0], sum = 0.0;
    for (int64_t i = 1; i < n; i++) top = fmax(top, y[i]);
    for (int64_t i = 0; i < n; i++) sum += exp(y[i] - top);
    return top + log(sum);
}

/* torch.nn.CrossEntropyLoss's, with its weights and label smoothing, before the mean. */
static double cross_entropy(const clade__reference *r, const clade__loss *loss, const double *y,
                            int64_t cols, int64_t label)
{
    double all = 0.0, smoothing = (double)loss->label_smoothing, log_sum = log_sum_exp(y, cols);
    for (int64_t c = 0; smoothing > 0.0 && c < cols; c++)
        all += weight_of(r, loss, c) * (log_sum - y[c]);
    return (1.0 - smoothing) * weight_of(r, loss, label) * (log_sum - y[label]) +
           smoothing / (double)cols * all;
}

/* Labels are one-hot targets; of a lone output, the target itself. */
static double wanted_of(const target *t, int64_t cols, int64_t c)
{
    return !t->is_label ? t->numbers[c] : cols == 1 ? (double)t->label : t->label == c;
}

static double row_loss(const clade__reference *r, const clade__loss *loss, const double *y,
                       int64_t cols, const target *t)
{
    double sum = 0.0;
    if (loss->kind == CLADE_LOSS_CROSS_ENTROPY) return cross_entropy(r, loss, y, cols, t->label);
    for (int64_t c = 0; c < cols; c++)
        sum += element_loss(loss->kind, y[c], wanted_of(t, cols, c)) / (double)cols;
    return t->is_label ? sum * weight_of(r, loss, t->label) : sum;
}

static bool ignored(const clade__loss *loss, const target *t)
{
    return t->is_label && loss->ignores && t->label == loss->ignore_index;
}

/* What the mean is over: how many rows count, or their weights together. */
static double total_of(const clade__reference *r, const clade__loss *loss, int64_t cols)
{
    double all = 0.0;
    for (int64_t row = 0; row < clade__loss_rows(loss, r->batch.n); row++) {
        target t = target_of(r, loss, row, cols);
        if (!ignored(loss, &t)) all += t.is_label ? weight_of(r, loss, t.label) : 1.0;
    }
    return all;
}

static double mean_loss(const clade__reference *r, const clade__loss *loss)
{
    const double *y = clade__reference_values(r, loss->prediction);
    int64_t cols = clade__shape_cols(loss->prediction->shape);
    double sum = 0.0, all = total_of(r, loss, cols);
    for (int64_t row = 0; row < clade__loss_rows(loss, r->batch.n); row++) {
        target t = target_of(r, loss, row, cols);
        if (!ignored(loss, &t)) sum += row_loss(r, loss, y + row * cols, cols, &t);
    }
    return all > 0.0 ? sum / all : 0.0;
}

double clade__reference_loss(const clade__reference *reference)
{
    const clade__graph *graph = &reference->model->graph;
    double sum = 0.0;
    for (int i = 0; i < graph->n_losses; i++)
        sum += (double)graph->losses[i].weight * mean_loss(reference, &graph->losses[i]);
    return sum;
}

/* ---- gradients ------------------------------------------------------------------------------- */

/* Where d of log_sum_exp by y is p, its softmax:
 * dy = factor ((1 - s) w[label] (p - one_hot(label)) + s / cols (p sum(w) - w)). */
static void cross_entropy_gradient(const clade__reference *r, const clade__loss *loss, const double *y,
                                   int64_t cols, int64_t label, double factor, double *dy)
{
    double smoothing = (double)loss->label_smoothing, each = smoothing / (double)cols;
    double log_sum = log_sum_exp(y, cols), own = (1.0 - smoothing) * weight_of(r, loss, label);
    double all = own;
    for (int64_t c = 0; smoothing > 0.0 && c < cols; c++) all += each * weight_of(r, loss, c);
    for (int64_t c = 0; c < cols; c++) {
        double at_c = c == label ? own : 0.0;
        if (smoothing > 0.0) at_c += each * weight_of(r, loss, c);
        dy[c] += factor * (exp(y[c] - log_sum) * all - at_c);
    }
}

/* Adds that of factor * row_loss. */
static void row_gradient(const clade__reference *r, const clade__loss *loss, const double *y,
                         int64_t cols, const target *t, double factor, double *dy)
{
    if (loss->kind == CLADE_LOSS_CROSS_ENTROPY) {
        cross_entropy_gradient(r, loss, y, cols, t->label, factor, dy);
        return;
    }
    if (t->is_label) factor *= weight_of(r, loss, t->label);
    for (int64_t c = 0; c < cols; c++) {
        double wanted = wanted_of(t, cols, c);
        double slope = loss->kind == CLADE_LOSS_MSE ? 2.0 * (y[c] - wanted)
                                                    : 1.0 / (1.0 + exp(-y[c])) - wanted;
        dy[c] += factor / (double)cols * slope;
    }
}

static void loss_gradient(const clade__reference *r, const clade__loss *loss)
{
    const double *y = clade__reference_values(r, loss->prediction);
    double *dy = r->dy[loss->prediction->index];
    int64_t cols = clade__shape_cols(loss->prediction->shape);
    double all = total_of(r, loss, cols), factor = all > 0.0 ? (double)loss->weight / all : 0.0;
    for (int64_t row = 0; row < clade__loss_rows(loss, r->batch.n); row++) {
        target t = target_of(r, loss, row, cols);
        if (!ignored(loss, &t))
            row_gradient(r, loss, y + row * cols, cols, &t, factor, dy + row * cols);
    }
}

static clade_status layer_gradient(const clade__reference *r, const clade__layer *layer)
{
    const clade__formula formula = formula_of(r, layer);
    const double **dy = r->pointers + layer->n_inputs + layer->n_parameters;
    double **dx = r->outputs + layer->n_outputs, **dw = dx + layer->n_inputs;
    bool any = false;
    for (int k = 0; k < layer->n_outputs; k++) {
        dy[k] = r->dy[layer->outputs[k].index];
        any = any || dy[k];
    }
    for (int k = 0; k < layer->n_inputs; k++) dx[k] = r->dy[layer->inputs[k]->index];
    for (int k = 0; k < layer->n_parameters; k++) {
        const clade__parameter *p = clade__parameter_of(layer, k);
        dw[k] = p && p->trained ? r->gradients + (r->w[layer->parameters[k]] - r->parameters) : NULL;
    }
    const clade__formula_gradients gradients = {dy, dx, dw};
    if (!any || clade__formula_backward(&formula, &gradients)) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "layer '%s': the gradient of %s has no formula in double precision",
                       layer->name, layer->type->name);
}

static int64_t n_elements(const clade__reference *r, const clade_node *node)
{
    return r->batch.n * clade_shape_elements(node->shape);
}

/* All gradients as zeros, with memory at the first time. */
static clade_status clear_gradients(clade__reference *r)
{
    const clade__graph *graph = &r->model->graph;
    size_t n_values = (size_t)clade__graph_n_values(graph) + 1;
    if (!r->dy) r->dy = calloc((size_t)graph->n_nodes, sizeof *r->dy);
    if (!r->gradients) r->gradients = malloc(n_values * sizeof *r->gradients);
    if (!r->dy || !r->gradients)
        return clade__fail(CLADE_ENOMEM, "no memory for the reference's gradients");
    memset(r->gradients, 0, n_values * sizeof *r->gradients);
    for (int i = 0; i < graph->n_layers; i++) {
        const clade__layer *layer = graph->layers[i];
        for (int k = 0; layer->type && k < layer->n_outputs; k++) {
            const clade_node *node = &layer->outputs[k];
            size_t bytes = (size_t)n_elements(r, node) * sizeof(double);
            double **dy = &r->dy[node->index];
            if (node->dtype != CLADE_FLOAT32) continue;
            if (!*dy) *dy = malloc(bytes);
            if (!*dy) return clade__fail(CLADE_ENOMEM, "no memory for the reference's gradients");
            memset(*dy, 0, bytes);
        }
    }
    return CLADE_OK;
}

clade_status clade__reference_backward(clade__reference *reference)
{
    const clade__graph *graph = &reference->model->graph;
    CLADE_TRY(clear_gradients(reference));
    for (int i = 0; i < graph->n_losses; i++) loss_gradient(reference, &graph->losses[i]);
    for (int i = graph->n_layers - 1; i >= 0; i--)
        if (graph->layers[i]->type) CLADE_TRY(layer_gradient(reference, graph->layers[i]));
    return CLADE_OK;
}

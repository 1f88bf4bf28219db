#include "graph/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"

/* One node over n samples: from x[k] (n, elements of input k) to y (n, elements of the node). w is
 * its own parameters, one after another. */
typedef struct run {
    const clade_node *node;
    const double *w, *x[CLADE__MAX_INPUTS];
    int64_t n, step;
    double *y;
} run;

/* ---- one function a kind of layer ------------------------------------------------------------ */

/* Four sums, which a compiler can keep in vectors: nearly all the time goes here. */
static double dot(const double *a, const double *b, int64_t n)
{
    double sums[4] = {0.0};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++) sums[k] += a[i + k] * b[i + k];
    for (; i < n; i++) sums[0] += a[i] * b[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

static void linear(const run *r)
{
    int64_t out = r->node->shape.dim[0], in = clade_shape_elements(r->node->inputs[0]->shape);
    const double *bias = r->node->n_parameters > 1 ? r->w + out * in : NULL;
    for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < r->n; i++)
            r->y[i * out + o] =
                dot(r->w + o * in, r->x[0] + i * in, in) + (bias ? bias[o] : 0.0);
}

static double activate(clade_activation kind, double slope, double x)
{
    switch (kind) {
    case CLADE_SIGMOID: return 1.0 / (1.0 + exp(-x));
    case CLADE_TANH: return tanh(x);
    case CLADE_RELU: return x < 0.0 ? 0.0 : x;
    case CLADE_LEAKY_RELU: return x < 0.0 ? slope * x : x;
    case CLADE_GELU: return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
    case CLADE_IDENTITY: break;
    }
    return x;
}

static void activation(const run *r)
{
    int64_t n = r->n * clade_shape_elements(r->node->shape);
    for (int64_t i = 0; i < n; i++)
        r->y[i] = activate(r->node->type->activation, (double)r->node->options.slope, r->x[0][i]);
}

/* An element's random word decides, as cl/dropout.cl says. */
static void dropout(const run *r)
{
    const double p = (double)r->node->options.p;
    const uint64_t stream = CLADE__STREAM_DROPOUT + (uint64_t)r->node->index;
    const int64_t cols = clade_shape_elements(r->node->shape);
    for (int64_t i = 0; i < r->n * cols; i++) {
        uint64_t row = (uint64_t)(i / cols), col = (uint64_t)(i % cols);
        uint32_t word = clade__philox(r->node->model->seed, (row / 4) << 32 | col,
                                      (uint64_t)r->step << 32 | stream).word[row % 4];
        bool kept = r->step == 0 || word >= p * 0x1p32;
        r->y[i] = !kept ? 0.0 : r->step == 0 ? r->x[0][i] : r->x[0][i] / (1.0 - p);
    }
}

static void add(const run *r)
{
    int64_t n = r->n * clade_shape_elements(r->node->shape);
    for (int64_t i = 0; i < n; i++) r->y[i] = r->x[0][i] + r->x[1][i];
}

/* log(sum(exp(x))), without overflow. */
static double log_sum_exp(const double *x, int64_t n)
{
    double top = x[0], sum = 0.0;
    for (int64_t i = 1; i < n; i++) top = fmax(top, x[i]);
    for (int64_t i = 0; i < n; i++) sum += exp(x[i] - top);
    return top + log(sum);
}

static void log_softmax(const run *r)
{
    int64_t cols = r->node->shape.dim[r->node->shape.rank - 1];
    int64_t rows = r->n * clade_shape_elements(r->node->shape) / cols;
    for (int64_t i = 0; i < rows; i++) {
        const double *x = r->x[0] + i * cols, log_sum = log_sum_exp(x, cols);
        for (int64_t c = 0; c < cols; c++) r->y[i * cols + c] = x[c] - log_sum;
    }
}

static void softmax(const run *r)
{
    log_softmax(r);
    int64_t n = r->n * clade_shape_elements(r->node->shape);
    for (int64_t i = 0; i < n; i++) r->y[i] = exp(r->y[i]);
}

/* Of n values that lie `stride` apart. */
static double reduced(clade_reduction kind, const double *x, int64_t n, int64_t stride)
{
    double sum = 0.0;
    int64_t best = 0;
    for (int64_t k = 0; k < n; k++) {
        sum += x[k * stride];
        if (x[k * stride] > x[best * stride]) best = k;
    }
    switch (kind) {
    case CLADE_SUM: return sum;
    case CLADE_MEAN: return sum / (double)n;
    case CLADE_MAX: return x[best * stride];
    case CLADE_ARGMAX: break;
    }
    return (double)best;
}

/* x is (outer, axis, inner) with the batch in outer. */
static void reduce(const run *r)
{
    const clade_shape shape = r->node->inputs[0]->shape;
    int dim = r->node->options.dim;
    int64_t axis = dim < 0 ? clade_shape_elements(shape) : shape.dim[dim], inner = 1;
    for (int i = dim + 1; dim >= 0 && i < shape.rank; i++) inner *= shape.dim[i];
    int64_t outer = r->n * clade_shape_elements(shape) / axis / inner;
    for (int64_t i = 0; i < outer * inner; i++)
        r->y[i] = reduced(r->node->type->reduction, r->x[0] + i / inner * axis * inner + i % inner,
                          axis, inner);
}

typedef void formula(const run *r);

static formula *formula_of(const clade__layer_type *type)
{
    static const struct {
        const char *type;
        formula *formula;
    } layers[] = {
        {"linear", linear},   {"sigmoid", activation},      {"tanh", activation},
        {"relu", activation}, {"leaky_relu", activation},   {"gelu", activation},
        {"softmax", softmax}, {"log_softmax", log_softmax}, {"add", add},
        {"sum", reduce},      {"mean", reduce},             {"max", reduce},
        {"argmax", reduce},   {"dropout", dropout},
    };
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        if (strcmp(layers[i].type, type->name) == 0) return layers[i].formula;
    return NULL;
}

/* ---- the network ----------------------------------------------------------------------------- */

static clade_status take_memory(clade__reference *r)
{
    const clade_model *model = r->model;
    r->parameters = calloc((size_t)clade_model_n_parameters(model) + 1, sizeof(double));
    r->y = calloc((size_t)model->n_nodes, sizeof(double *));
    if (!r->parameters || !r->y) return clade__fail(CLADE_ENOMEM, "no memory for the reference");
    for (int i = 1; i < model->n_nodes; i++) {
        const clade_node *node = model->nodes[i];
        if (!formula_of(node->type))
            return clade__fail(CLADE_EINVAL, "layer '%s': there is no double-precision reference "
                               "for %s", node->name, node->type->name);
        size_t n = (size_t)r->batch.n * (size_t)clade_shape_elements(node->shape);
        r->y[i] = calloc(n, sizeof(double));
        if (!r->y[i]) return clade__fail(CLADE_ENOMEM, "no memory for the reference's values");
    }
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
    for (int i = 1; reference->y && i < reference->model->n_nodes; i++) free(reference->y[i]);
    free(reference->y);
    free(reference->parameters);
    free(reference);
}

static const double *parameters_of(const clade__reference *r, const clade_node *node)
{
    const double *parameters = r->parameters;
    for (int i = 0; node->n_parameters > 0 && i < node->parameters[0]; i++)
        parameters += clade_shape_elements(r->model->parameters[i].shape);
    return parameters;
}

void clade__reference_forward(clade__reference *reference, int first)
{
    for (int i = first; i < reference->model->n_nodes; i++) {
        const clade_node *node = reference->model->nodes[i];
        run r = {.node = node, .w = parameters_of(reference, node), .n = reference->batch.n,
                 .step = reference->batch.step, .y = reference->y[i]};
        for (int k = 0; k < node->n_inputs; k++) {
            int input = node->inputs[k]->index;
            r.x[k] = input > 0 ? reference->y[input] : reference->batch.x;
        }
        formula_of(node->type)(&r);
    }
}

/* ---- loss ------------------------------------------------------------------------------------ */

/* Labels are one-hot targets; of a lone output, the target itself. */
static double target_of(const clade__reference_batch *batch, int64_t row, int64_t col, int64_t cols)
{
    if (!batch->labels) return batch->targets[row * cols + col];
    return cols == 1 ? batch->labels[row] : batch->labels[row] == col;
}

static double element_loss(clade_loss loss, double y, double target)
{
    if (loss == CLADE_LOSS_MSE) return (y - target) * (y - target);
    /* -t log(sigmoid(y)) - (1 - t) log(1 - sigmoid(y)) */
    return fmax(y, 0.0) - y * target + log1p(exp(-fabs(y)));
}

/* Of one sample. */
static double row_loss(const clade__reference *reference, int64_t row)
{
    const clade_model *model = reference->model;
    const clade__reference_batch *batch = &reference->batch;
    int64_t cols = clade_shape_elements(clade_model_output_shape(model));
    const double *y = reference->y[model->n_nodes - 1] + row * cols;
    if (model->loss == CLADE_LOSS_CROSS_ENTROPY)
        return log_sum_exp(y, cols) - y[batch->labels[row]];
    double sum = 0.0;
    for (int64_t c = 0; c < cols; c++)
        sum += element_loss(model->loss, y[c], target_of(batch, row, c, cols)) / (double)cols;
    return sum;
}

double clade__reference_loss(const clade__reference *reference)
{
    const double *weights = reference->batch.weights;
    double sum = 0.0, all = 0.0;
    for (int64_t i = 0; i < reference->batch.n; i++) {
        double weight = weights ? weights[i] : 1.0;
        sum += weight * row_loss(reference, i);
        all += weight;
    }
    return all > 0.0 ? sum / all : 0.0;
}

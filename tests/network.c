#include "network.h"

#include "graph/layer.h"
#include "reference.h"

clade_model *net_model(clade_device *device, uint64_t seed, const char *json,
                       const clade_compile_options *options)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, device, seed));
    assert_ok(clade_compile(model, clade_model_layers(model, json), options));
    return model;
}

/* ---- batches --------------------------------------------------------------------------------- */

static int64_t n_inputs(const clade_model *model)
{
    return clade_shape_elements(clade_model_input_shape(model));
}

static int64_t n_outputs(const clade_model *model)
{
    return clade_shape_elements(clade_model_output_shape(model));
}

static double *random_doubles(uint64_t seed, int64_t n, float low, float high)
{
    float *x = test_random(seed, n, low, high);
    double *wide = ref_widen(x, n);
    free(x);
    return wide;
}

net_batch net_random_batch(const clade_model *model, uint64_t seed, int64_t n, int n_classes)
{
    net_batch batch = {.n = n, .x = random_doubles(seed, n * n_inputs(model), -1.0f, 1.0f)};
    if (n_classes > 0)
        batch.labels = ref_labels(seed + 1, n, n_classes);
    else
        batch.targets = random_doubles(seed + 1, n * n_outputs(model), 0.0f, 1.0f);
    return batch;
}

net_batch net_pick(const clade_model *model, const net_batch *all, const int32_t *index, int64_t n)
{
    int64_t in = n_inputs(model), out = n_outputs(model);
    net_batch batch = {.n = n, .x = ref_doubles(n * in)};
    if (all->labels)
        batch.labels = calloc((size_t)n, sizeof *batch.labels);
    else
        batch.targets = ref_doubles(n * out);
    for (int64_t i = 0; i < n; i++) {
        int64_t from = index[i];
        memcpy(batch.x + i * in, all->x + from * in, (size_t)in * sizeof *batch.x);
        if (all->labels)
            batch.labels[i] = all->labels[from];
        else
            memcpy(batch.targets + i * out, all->targets + from * out,
                   (size_t)out * sizeof *batch.targets);
    }
    return batch;
}

void net_free_batch(net_batch *batch)
{
    free(batch->x);
    free(batch->labels);
    free(batch->targets);
    *batch = (net_batch){0};
}

static float *narrow(const double *x, int64_t n)
{
    float *y = malloc((size_t)n * sizeof *y);
    assert_non_null(y);
    for (int64_t i = 0; i < n; i++) y[i] = (float)x[i];
    return y;
}

clade_data *net_data(const clade_model *model, const net_batch *batch, int n_classes)
{
    clade_data *data;
    float *x = narrow(batch->x, batch->n * n_inputs(model));
    float *targets = batch->labels ? NULL : narrow(batch->targets, batch->n * n_outputs(model));
    assert_ok(clade_data_from_arrays(
        &data, &(clade_data_arrays){.n_samples = batch->n,
                                    .shape = clade_model_input_shape(model),
                                    .features = x,
                                    .labels = batch->labels,
                                    .n_classes = n_classes,
                                    .targets = targets,
                                    .n_targets = targets ? n_outputs(model) : 0}));
    free(x);
    free(targets);
    return data;
}

double *net_parameters(clade_model *model)
{
    int64_t n = clade_model_n_parameters(model);
    float *values = malloc((size_t)n * sizeof *values);
    assert_non_null(values);
    assert_ok(clade__model_materialize(model));
    assert_ok(clade__model_read_parameters(model, values));
    double *wide = ref_widen(values, n);
    free(values);
    return wide;
}

/* ---- forward, one function a kind of layer ---------------------------------------------------- */

/* One node over n samples: from x[k] (n, elements of input k) to y (n, elements of the node). w is
 * its own parameters. */
typedef struct run {
    const clade_node *node;
    const double *w, *x[CLADE__MAX_INPUTS];
    int64_t n;
    double *y;
} run;

static void linear(const run *r)
{
    int64_t out = r->node->shape.dim[0], in = clade_shape_elements(r->node->inputs[0]->shape);
    const double *bias = r->node->n_parameters > 1 ? r->w + out * in : NULL;
    for (int64_t i = 0; i < r->n; i++)
        for (int64_t o = 0; o < out; o++) {
            double sum = bias ? bias[o] : 0.0;
            for (int64_t k = 0; k < in; k++) sum += r->w[o * in + k] * r->x[0][i * in + k];
            r->y[i * out + o] = sum;
        }
}

static double activate(const clade_node *node, double x)
{
    const char *name = node->type->name;
    if (strcmp(name, "sigmoid") == 0) return 1.0 / (1.0 + exp(-x));
    if (strcmp(name, "tanh") == 0) return tanh(x);
    if (strcmp(name, "relu") == 0) return x > 0.0 ? x : 0.0;
    if (strcmp(name, "leaky_relu") == 0) return x > 0.0 ? x : (double)node->options.slope * x;
    assert_string_equal(name, "gelu");
    return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
}

static void activation(const run *r)
{
    int64_t n = r->n * clade_shape_elements(r->node->shape);
    for (int64_t i = 0; i < n; i++) r->y[i] = activate(r->node, r->x[0][i]);
}

static void add(const run *r)
{
    int64_t n = r->n * clade_shape_elements(r->node->shape);
    for (int64_t i = 0; i < n; i++) r->y[i] = r->x[0][i] + r->x[1][i];
}

static void log_softmax(const run *r)
{
    int64_t cols = r->node->shape.dim[r->node->shape.rank - 1];
    int64_t rows = r->n * clade_shape_elements(r->node->shape) / cols;
    for (int64_t i = 0; i < rows; i++) {
        const double *x = r->x[0] + i * cols;
        double sum = 0.0;
        for (int64_t c = 0; c < cols; c++) sum += exp(x[c]);
        for (int64_t c = 0; c < cols; c++) r->y[i * cols + c] = x[c] - log(sum);
    }
}

static void softmax(const run *r)
{
    log_softmax(r);
    int64_t n = r->n * clade_shape_elements(r->node->shape);
    for (int64_t i = 0; i < n; i++) r->y[i] = exp(r->y[i]);
}

/* x is (outer, axis, inner) with the batch in outer. */
static void reduce(const run *r)
{
    const clade_shape shape = r->node->inputs[0]->shape;
    int dim = r->node->options.dim;
    int64_t axis = dim < 0 ? clade_shape_elements(shape) : shape.dim[dim], inner = 1;
    for (int i = dim + 1; dim >= 0 && i < shape.rank; i++) inner *= shape.dim[i];
    int64_t outer = r->n * clade_shape_elements(shape) / axis / inner;
    bool max = strcmp(r->node->type->name, "max") == 0;
    bool mean = strcmp(r->node->type->name, "mean") == 0;
    for (int64_t i = 0; i < outer * inner; i++) {
        const double *x = r->x[0] + i / inner * axis * inner + i % inner;
        double value = max ? x[0] : 0.0;
        for (int64_t k = 0; k < axis; k++)
            value = max ? fmax(value, x[k * inner]) : value + x[k * inner];
        r->y[i] = mean ? value / (double)axis : value;
    }
}

static void run_node(const run *r)
{
    static const struct {
        const char *type;
        void (*forward)(const run *r);
    } layers[] = {
        {"linear", linear},   {"sigmoid", activation},      {"tanh", activation},
        {"relu", activation}, {"leaky_relu", activation},   {"gelu", activation},
        {"softmax", softmax}, {"log_softmax", log_softmax}, {"add", add},
        {"sum", reduce},      {"mean", reduce},             {"max", reduce},
    };
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        if (strcmp(layers[i].type, r->node->type->name) == 0) {
            layers[i].forward(r);
            return;
        }
    fail_msg("no reference for layer %s", r->node->type->name);
}

static const double *parameters_of(const clade_node *node, const double *parameters)
{
    for (int i = 0; node->n_parameters > 0 && i < node->parameters[0]; i++)
        parameters += clade_shape_elements(node->model->parameters[i].shape);
    return parameters;
}

double *net_forward(const clade_model *model, const double *parameters, const net_batch *batch)
{
    enum { MOST = 32 };
    double *y[MOST];
    int n = model->n_nodes;
    assert_in_range(n, 2, MOST);
    y[0] = batch->x;
    for (int i = 1; i < n; i++) {
        const clade_node *node = model->nodes[i];
        y[i] = ref_doubles(batch->n * clade_shape_elements(node->shape));
        run r = {.node = node, .w = parameters_of(node, parameters), .n = batch->n, .y = y[i]};
        for (int k = 0; k < node->n_inputs; k++) r.x[k] = y[node->inputs[k]->index];
        run_node(&r);
    }
    for (int i = 1; i < n - 1; i++) free(y[i]);
    return y[n - 1];
}

/* ---- loss ------------------------------------------------------------------------------------ */

static double target_of(const net_batch *batch, int64_t row, int64_t col, int64_t cols)
{
    if (!batch->labels) return batch->targets[row * cols + col];
    return cols == 1 ? batch->labels[row] : batch->labels[row] == col;
}

static double cross_entropy(const double *y, int64_t cols, int32_t label)
{
    double sum = 0.0;
    for (int64_t c = 0; c < cols; c++) sum += exp(y[c]);
    return log(sum) - y[label];
}

static double element_loss(clade_loss loss, double y, double target)
{
    if (loss == CLADE_LOSS_MSE) return (y - target) * (y - target);
    return -target * log(1.0 / (1.0 + exp(-y))) - (1.0 - target) * log(1.0 / (1.0 + exp(y)));
}

double net_loss(const clade_model *model, const double *parameters, const net_batch *batch)
{
    double *y = net_forward(model, parameters, batch), sum = 0.0;
    int64_t cols = n_outputs(model);
    for (int64_t i = 0; i < batch->n; i++) {
        if (model->loss == CLADE_LOSS_CROSS_ENTROPY) {
            sum += cross_entropy(y + i * cols, cols, batch->labels[i]);
            continue;
        }
        for (int64_t c = 0; c < cols; c++)
            sum += element_loss(model->loss, y[i * cols + c], target_of(batch, i, c, cols)) /
                   (double)cols;
    }
    free(y);
    return sum / (double)batch->n;
}

typedef struct loss_of {
    const clade_model *model;
    const net_batch *batch;
} loss_of;

static double loss_at(const double *parameters, void *user)
{
    const loss_of *what = user;
    return net_loss(what->model, parameters, what->batch);
}

double *net_gradient(const clade_model *model, double *parameters, const net_batch *batch)
{
    loss_of what = {model, batch};
    return ref_gradient(loss_at, parameters, clade_model_n_parameters(model), &what);
}

#include "network.h"

#include "graph/layer.h"
#include "graph/reference.h"
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
    batch.weights = all->weights;
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

void net_assert_saved(clade_model *model, const char *path)
{
    clade_model *saved;
    assert_ok(clade_load(&saved, model->device, path));
    double *got = net_parameters(saved), *want = net_parameters(model);
    assert_memory_equal(got, want, (size_t)clade_model_n_parameters(model) * sizeof *got);
    free(got);
    free(want);
    clade_model_free(saved);
}

/* ---- in double precision --------------------------------------------------------------------- */

clade__reference *net_reference(const clade_model *model, const double *parameters,
                                const net_batch *batch)
{
    clade__reference *reference;
    const clade__reference_batch same = {
        .n = batch->n, .x = (const double *const *)&batch->x, .labels = batch->labels,
        .targets = batch->targets, .weights = batch->weights, .step = batch->step};
    assert_ok(clade__reference_create(&reference, model, &same));
    memcpy(reference->parameters, parameters,
           (size_t)clade_model_n_parameters(model) * sizeof *parameters);
    clade__reference_forward(reference, 0);
    return reference;
}

double *net_forward(const clade_model *model, const double *parameters, const net_batch *batch)
{
    clade__reference *reference = net_reference(model, parameters, batch);
    int64_t n = batch->n * n_outputs(model);
    double *y = ref_doubles(n);
    memcpy(y, clade__reference_values(reference, model->output), (size_t)n * sizeof *y);
    clade__reference_free(reference);
    return y;
}

double net_loss(const clade_model *model, const double *parameters, const net_batch *batch)
{
    clade__reference *reference = net_reference(model, parameters, batch);
    double loss = clade__reference_loss(reference);
    clade__reference_free(reference);
    return loss;
}

double *net_gradient(const clade_model *model, const double *parameters, const net_batch *batch)
{
    clade__reference *reference = net_reference(model, parameters, batch);
    int64_t n = clade_model_n_parameters(model);
    double *gradient = ref_doubles(n);
    assert_ok(clade__reference_backward(reference));
    memcpy(gradient, reference->gradients, (size_t)n * sizeof *gradient);
    clade__reference_free(reference);
    return gradient;
}

/* ---- formulas of gradients ------------------------------------------------------------------- */

/* A layer alone, at the values that it has in a network. All arrays are its own. */
enum { MOST = 8 };
typedef struct alone {
    clade__formula f;
    double *x[MOST], *w[MOST], *y[MOST], *dy[MOST], *dx[MOST], *dw[MOST];
} alone;

static double *copy(const double *values, int64_t n)
{
    double *mine = ref_doubles(n);
    memcpy(mine, values, (size_t)n * sizeof *mine);
    return mine;
}

static double *ones(int64_t n)
{
    double *values = ref_doubles(n);
    for (int64_t i = 0; i < n; i++) values[i] = 1.0;
    return values;
}

static int64_t n_of(const alone *a, const clade_node *node)
{
    return a->f.n * clade_shape_elements(node->shape);
}

static void open_alone(alone *a, const clade__reference *r, const clade__layer *layer)
{
    *a = (alone){.f = {.layer = layer, .n = r->batch.n, .step = r->batch.step,
                       .seed = r->model->session.seed, .x = (const double *const *)a->x,
                       .w = (const double *const *)a->w, .y = a->y}};
    assert_true(layer->n_inputs <= MOST && layer->n_parameters <= MOST && layer->n_outputs <= MOST);
    for (int k = 0; k < layer->n_inputs; k++) {
        const clade_node *input = layer->inputs[k];
        a->x[k] = copy(clade__reference_values(r, input), n_of(a, input));
        if (input->dtype == CLADE_FLOAT32) a->dx[k] = ones(n_of(a, input));
    }
    for (int k = 0; k < layer->n_parameters; k++) {
        const clade__parameter *p = clade__parameter_of(layer, k);
        if (!p) continue;
        a->w[k] = copy(r->w[layer->parameters[k]], clade_shape_elements(p->shape));
        if (p->trained) a->dw[k] = ones(clade_shape_elements(p->shape));
    }
    for (int k = 0; k < layer->n_outputs; k++) {
        const clade_node *output = &layer->outputs[k];
        a->y[k] = ref_doubles(n_of(a, output));
        if (output->dtype == CLADE_FLOAT32)
            a->dy[k] = random_doubles(91 + (uint64_t)k, n_of(a, output), -1.0f, 1.0f);
    }
}

static void close_alone(alone *a)
{
    double **const lists[] = {a->x, a->w, a->y, a->dy, a->dx, a->dw};
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < MOST; k++) free(lists[i][k]);
}

/* What its outputs are together, each by its gradient; `own` is what is moved. */
static double outputs_by_gradients(const double *own, void *user)
{
    const alone *a = user;
    double sum = 0.0;
    (void)own;
    a->f.layer->type->formula(&a->f);
    for (int k = 0; k < a->f.layer->n_outputs; k++)
        for (int64_t i = 0; a->dy[k] && i < n_of(a, &a->f.layer->outputs[k]); i++)
            sum += a->dy[k][i] * a->y[k][i];
    return sum;
}

/* got was 1 everywhere, and the gradient was added. Central differences of sums of some hundred values are
 * right to 1e-9. */
static void compare_alone(alone *a, const char *what, double *values, double *got, int64_t n)
{
    double *want = ref_gradient(outputs_by_gradients, values, n, a);
    for (int64_t i = 0; i < n; i++) got[i] -= 1.0;
    ref_check_doubles(test_text("%s by %s", a->f.layer->label, what), got, want, n, 1e-7);
    free(want);
}

static void check_alone(const clade__reference *r, const clade__layer *layer)
{
    alone a;
    if (!layer->type || !clade__layer_type_has_gradient(layer->type)) return;
    open_alone(&a, r, layer);
    layer->type->formula(&a.f);
    const clade__formula_gradients gradients = {(const double *const *)a.dy, a.dx, a.dw};
    if (a.dy[0] && !clade__formula_backward(&a.f, &gradients))
        fail_msg("the gradient of %s has no formula", layer->type->name);
    for (int k = 0; a.dy[0] && k < layer->n_inputs; k++)
        if (a.dx[k]) compare_alone(&a, "x", a.x[k], a.dx[k], n_of(&a, layer->inputs[k]));
    for (int k = 0; a.dy[0] && k < layer->n_parameters; k++)
        if (a.dw[k])
            compare_alone(&a, layer->type->parameters[k].suffix, a.w[k], a.dw[k],
                          clade_shape_elements(clade__parameter_of(layer, k)->shape));
    close_alone(&a);
}

static double loss_of_reference(const double *own, void *user)
{
    (void)own;
    clade__reference_forward(user, 0);
    return clade__reference_loss(user);
}

void net_check_formulas(clade__reference *r)
{
    const clade__graph *graph = &r->model->graph;
    for (int i = 0; i < graph->n_layers; i++) check_alone(r, graph->layers[i]);
    for (int times = 0; times < 2; times++) assert_ok(clade__reference_backward(r)); /* anew each time */
    double *at = r->parameters, *got = r->gradients;
    for (int i = 0; i < graph->n_parameters; i++) {
        const clade__parameter *p = &graph->parameters[i];
        int64_t n = clade_shape_elements(p->shape);
        if (p->trained) {
            double *want = ref_gradient(loss_of_reference, at, n, r);
            ref_check_doubles(p->name, got, want, n, 1e-8);
            free(want);
        }
        at += n;
        got += n;
    }
    clade__reference_forward(r, 0); /* as it was */
}

double net_loss_at(clade__reference *reference, int64_t k, double by)
{
    double before = reference->parameters[k];
    reference->parameters[k] += by;
    clade__reference_forward(reference, 0);
    double loss = clade__reference_loss(reference);
    reference->parameters[k] = before;
    return loss;
}

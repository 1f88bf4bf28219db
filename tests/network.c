#include "network.h"

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

static clade__reference *reference_of(const clade_model *model, const double *parameters,
                                      const net_batch *batch)
{
    clade__reference *reference;
    const double *x = batch->x;
    const clade__reference_batch same = {
        .n = batch->n, .x = &x, .labels = batch->labels, .targets = batch->targets,
        .weights = batch->weights, .step = batch->step};
    assert_ok(clade__reference_create(&reference, model, &same));
    memcpy(reference->parameters, parameters,
           (size_t)clade_model_n_parameters(model) * sizeof *parameters);
    clade__reference_forward(reference, 0);
    return reference;
}

double *net_forward(const clade_model *model, const double *parameters, const net_batch *batch)
{
    clade__reference *reference = reference_of(model, parameters, batch);
    int64_t n = batch->n * n_outputs(model);
    double *y = ref_doubles(n);
    memcpy(y, clade__reference_values(reference, model->output), (size_t)n * sizeof *y);
    clade__reference_free(reference);
    return y;
}

double net_loss(const clade_model *model, const double *parameters, const net_batch *batch)
{
    clade__reference *reference = reference_of(model, parameters, batch);
    double loss = clade__reference_loss(reference);
    clade__reference_free(reference);
    return loss;
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

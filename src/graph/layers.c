/* The layer table. */
#include <string.h>

#include "graph/layer.h"

static const clade__layer_type *const rows[] = {
    &clade__layer_linear,  &clade__layer_sigmoid,     &clade__layer_tanh,    &clade__layer_relu,
    &clade__layer_leaky_relu, &clade__layer_gelu,     &clade__layer_dropout, &clade__layer_softmax,
    &clade__layer_log_softmax, &clade__layer_add,     &clade__layer_flatten, &clade__layer_sum,
    &clade__layer_mean,    &clade__layer_max,         &clade__layer_argmax,  &clade__layer_concat,
    &clade__layer_slice,   &clade__layer_split,       &clade__layer_max_pool2d,
    &clade__layer_avg_pool2d, &clade__layer_adaptive_avg_pool2d, &clade__layer_conv2d,
    &clade__layer_batch_norm, &clade__layer_group_norm, &clade__layer_multiply, &clade__layer_reshape,
    &clade__layer_upsample, &clade__layer_conv_transpose2d,
};
enum { N_ROWS = sizeof rows / sizeof rows[0], MAX_ADDED = 64 };

/* Those of the program that uses the library. */
static const clade__layer_type *added[MAX_ADDED];
static int n_added;

const clade__layer_type *clade__layer_type_at(int i)
{
    if (i < N_ROWS) return rows[i];
    return i - N_ROWS < n_added ? added[i - N_ROWS] : NULL;
}

const clade__layer_type *clade__layer_type_of(const char *name)
{
    const clade__layer_type *type = NULL;
    for (int i = 0; (type = clade__layer_type_at(i)) && strcmp(type->name, name) != 0; i++) continue;
    return type;
}

clade_status clade__layer_type_add(const clade__layer_type *type)
{
    if (clade__layer_type_of(type->name))
        return clade__fail(CLADE_EINVAL, "there is a layer type '%s' already", type->name);
    if (n_added == MAX_ADDED)
        return clade__fail(CLADE_EINVAL, "no room for the layer type '%s': a program may add %d",
                           type->name, (int)MAX_ADDED);
    added[n_added++] = type;
    return CLADE_OK;
}

bool clade__layer_type_has_gradient(const clade__layer_type *type)
{
    return type->backward || type->is_view || type->passes_gradient;
}

bool clade__formula_backward(const clade__formula *f, const clade__formula_gradients *g)
{
    const clade__layer_type *type = f->layer->type;
    int64_t n = f->n * clade_shape_elements(f->layer->outputs[0].shape);
    if (type->formula_backward)
        type->formula_backward(f, g);
    else if (type->is_view || type->passes_gradient)
        for (int k = 0; k < f->layer->n_inputs; k++)
            for (int64_t i = 0; g->dx[k] && i < n; i++) g->dx[k][i] += g->dy[0][i];
    else
        return !clade__layer_type_has_gradient(type);
    return true;
}

bool clade__layer_is_view(const clade__layer *layer)
{
    if (!layer->type) return false;
    return layer->type->is_view ||
           (layer->type->same_is_view && layer->n_inputs == 1 && layer->n_outputs == 1 &&
            clade__shape_equal(layer->inputs[0]->shape, layer->outputs[0].shape));
}

static int64_t least_batch_of(const clade__layer *layer, const char **why)
{
    return layer->type && layer->type->least_batch ? layer->type->least_batch(layer, why) : 1;
}

int64_t clade__graph_least_batch(const clade__graph *graph)
{
    int64_t most = 1;
    const char *why;
    for (int i = 0; i < graph->n_layers; i++) {
        int64_t least = least_batch_of(graph->layers[i], &why);
        if (least > most) most = least;
    }
    return most;
}

clade_status clade__graph_check_batch(const clade__graph *graph, int64_t n)
{
    const char *why = "";
    for (int i = 0; i < graph->n_layers; i++) {
        const clade__layer *layer = graph->layers[i];
        int64_t least = least_batch_of(layer, &why);
        if (n < least)
            return clade__fail(CLADE_EINVAL, "layer '%s' (%s): training wants %s, so at least %lld samples at a "
                               "time; a batch, a part of it or the last batch of an epoch has %lld",
                               layer->name, layer->type->name, why, (long long)least, (long long)n);
    }
    return CLADE_OK;
}

clade_status clade__layer_values_add(clade__layer_values *values, clade__value_kind kind,
                                     clade_dtype dtype, clade_shape shape)
{
    if (values->n == CLADE__MAX_LAYER_VALUES)
        return clade__fail(CLADE_EINVAL, "a layer may have %d values beside its outputs",
                           CLADE__MAX_LAYER_VALUES);
    values->list[values->n++] = (clade__layer_value){kind, dtype, shape};
    return CLADE_OK;
}

clade_shape clade__batch_shape(int64_t batch, clade_shape sample)
{
    clade_shape shape = {.rank = sample.rank + 1, .dim = {batch}};
    for (int i = 0; i < sample.rank; i++) shape.dim[i + 1] = sample.dim[i];
    return shape;
}

clade_tensor clade__flat(const clade_tensor *tensor)
{
    int64_t rows_of = tensor->shape.dim[0];
    return clade__tensor_reshaped(
        tensor, CLADE_SHAPE(rows_of, clade_shape_elements(tensor->shape) / rows_of));
}

/* Layers that look at several elements at once: softmax over the last dimension, and reductions. */
#include <math.h>

#include "graph/layer.h"

/* ---- softmax ----------------------------------------------------------------------------------- */

static clade_status infer_softmax(clade__layer *layer)
{
    return clade__layer_output(layer, CLADE_FLOAT32, layer->inputs[0]->shape);
}

static clade_status softmax_forward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__softmax_forward(commands, &io->y[0], &io->x[0]);
}

static clade_status softmax_backward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__softmax_backward(commands, &io->dx[0], &io->y[0], &io->dy[0], io->add[0]);
}

static clade_status log_softmax_forward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__log_softmax_forward(commands, &io->y[0], &io->x[0]);
}

static clade_status log_softmax_backward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__log_softmax_backward(commands, &io->dx[0], &io->y[0], &io->dy[0], io->add[0]);
}

/* x - log(sum(exp(x))), without overflow. */
static void log_softmax_formula(const clade__formula *f)
{
    const clade_shape shape = f->layer->outputs[0].shape;
    const int64_t cols = clade__shape_cols(shape), rows = f->n * clade__shape_rows(shape);
    for (int64_t i = 0; i < rows; i++) {
        const double *x = f->x[0] + i * cols;
        double top = x[0], sum = 0.0;
        for (int64_t c = 1; c < cols; c++) top = fmax(top, x[c]);
        for (int64_t c = 0; c < cols; c++) sum += exp(x[c] - top);
        for (int64_t c = 0; c < cols; c++) f->y[0][i * cols + c] = x[c] - (top + log(sum));
    }
}

static void softmax_formula(const clade__formula *f)
{
    log_softmax_formula(f);
    int64_t n = f->n * clade_shape_elements(f->layer->outputs[0].shape);
    for (int64_t i = 0; i < n; i++) f->y[0][i] = exp(f->y[0][i]);
}

/* dx = y (dy - sum(dy y)), over each row. */
static void softmax_gradient(const clade__formula *f, const clade__formula_gradients *g)
{
    const int64_t cols = clade__shape_cols(f->layer->outputs[0].shape);
    const int64_t n = f->n * clade_shape_elements(f->layer->outputs[0].shape);
    for (int64_t at = 0; g->dx[0] && at < n; at += cols) {
        const double *y = f->y[0] + at, *dy = g->dy[0] + at;
        double sum = 0.0;
        for (int64_t c = 0; c < cols; c++) sum += dy[c] * y[c];
        for (int64_t c = 0; c < cols; c++) g->dx[0][at + c] += y[c] * (dy[c] - sum);
    }
}

/* dx = dy - exp(y) sum(dy), over each row. */
static void log_softmax_gradient(const clade__formula *f, const clade__formula_gradients *g)
{
    const int64_t cols = clade__shape_cols(f->layer->outputs[0].shape);
    const int64_t n = f->n * clade_shape_elements(f->layer->outputs[0].shape);
    for (int64_t at = 0; g->dx[0] && at < n; at += cols) {
        const double *y = f->y[0] + at, *dy = g->dy[0] + at;
        double sum = 0.0;
        for (int64_t c = 0; c < cols; c++) sum += dy[c];
        for (int64_t c = 0; c < cols; c++) g->dx[0][at + c] += dy[c] - exp(y[c]) * sum;
    }
}

#define SOFTMAX(text, function)                                                                    \
    {                                                                                              \
        .name = text, .n_inputs = 1, .reads_y = true, .adds = true, .infer = infer_softmax,        \
        .forward = function##_forward, .backward = function##_backward,                            \
        .formula = function##_formula, .formula_backward = function##_gradient                     \
    }

const clade__layer_type clade__layer_softmax = SOFTMAX("softmax", softmax);
const clade__layer_type clade__layer_log_softmax = SOFTMAX("log_softmax", log_softmax);

/* ---- reductions of a sample -------------------------------------------------------------------- */

typedef struct reduce_options {
    int64_t dim;
} reduce_options;

static int dim_of(const clade__layer *layer)
{
    return (int)((const reduce_options *)layer->options)->dim;
}

static clade_status infer_reduce(clade__layer *layer)
{
    const clade_shape *x = &layer->inputs[0]->shape;
    clade_shape shape = {0};
    int dim = dim_of(layer);
    if (dim != CLADE_ALL && dim >= x->rank)
        return clade__fail(CLADE_ESHAPE, "%s: dim is %d, and a sample has %d dimension%s",
                           layer->type->name, dim, x->rank, x->rank == 1 ? "" : "s");
    if (dim == CLADE_ALL || x->rank == 1) {
        shape = CLADE_SHAPE(1);
    } else {
        for (int i = 0; i < x->rank; i++)
            if (i != dim) shape.dim[shape.rank++] = x->dim[i];
    }
    bool index = layer->type->reduction == CLADE_ARGMAX;
    return clade__layer_output(layer, index ? CLADE_INT32 : CLADE_FLOAT32, shape);
}

/* Over all of a sample is over the columns of (batch, elements). */
static int reduce_view(const clade__layer *layer, const clade_tensor *tensor, clade_tensor *view)
{
    bool all = dim_of(layer) == CLADE_ALL;
    *view = all ? clade__flat(tensor) : *tensor;
    return all ? 1 : dim_of(layer) + 1;
}

static clade_status reduce_values(const clade__layer *layer, int64_t batch,
                                  clade__layer_values *values)
{
    clade_shape x = layer->inputs[0]->shape;
    int64_t n = dim_of(layer) == CLADE_ALL
                    ? clade__reduce_scratch(1, CLADE_SHAPE(batch, clade_shape_elements(x)))
                    : clade__reduce_scratch(dim_of(layer) + 1, clade__batch_shape(batch, x));
    return clade__layer_values_add(values, CLADE__FORWARD_SCRATCH, CLADE_FLOAT32, CLADE_SHAPE(n));
}

static clade_status reduce_forward(clade__commands *commands, const clade__layer_io *io)
{
    clade_tensor x, *scratch = &io->values[0];
    int dim = reduce_view(io->layer, &io->x[0], &x);
    return clade__reduce_forward(commands, io->layer->type->reduction, dim, &io->y[0], &x,
                                 scratch->shape.dim[0] ? scratch : NULL);
}

static clade_status reduce_backward(clade__commands *commands, const clade__layer_io *io)
{
    clade_tensor x, dx;
    int dim = reduce_view(io->layer, &io->x[0], &x);
    reduce_view(io->layer, &io->dx[0], &dx);
    return clade__reduce_backward(commands, io->layer->type->reduction, dim, &dx, &x, &io->dy[0],
                                  io->add[0]);
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

/* x is (outer, axis, inner) with the batch in outer: element i of y is of `axis` elements of x, which lie
 * `inner` apart from the one that is returned on. */
static int64_t first_of(const clade__layer *layer, int64_t i, int64_t *axis, int64_t *inner)
{
    const clade_shape shape = layer->inputs[0]->shape;
    int dim = dim_of(layer);
    *axis = dim < 0 ? clade_shape_elements(shape) : shape.dim[dim];
    *inner = 1;
    for (int d = dim + 1; dim >= 0 && d < shape.rank; d++) *inner *= shape.dim[d];
    return i / *inner * *axis * *inner + i % *inner;
}

static int64_t n_reduced(const clade__formula *f)
{
    return f->n * clade_shape_elements(f->layer->outputs[0].shape);
}

static void reduce_formula(const clade__formula *f)
{
    int64_t axis, inner;
    for (int64_t i = 0; i < n_reduced(f); i++) {
        const double *x = f->x[0] + first_of(f->layer, i, &axis, &inner);
        f->y[0][i] = reduced(f->layer->type->reduction, x, axis, inner);
    }
}

/* That of max goes to the first of the largest. */
static void reduce_gradient(const clade__formula *f, const clade__formula_gradients *g)
{
    clade_reduction kind = f->layer->type->reduction;
    int64_t axis, inner;
    for (int64_t i = 0; g->dx[0] && i < n_reduced(f); i++) {
        int64_t first = first_of(f->layer, i, &axis, &inner);
        double *dx = g->dx[0] + first, dy = g->dy[0][i];
        if (kind == CLADE_MAX)
            dx[(int64_t)reduced(CLADE_ARGMAX, f->x[0] + first, axis, inner) * inner] += dy;
        for (int64_t k = 0; kind != CLADE_MAX && k < axis; k++)
            dx[k * inner] += kind == CLADE_MEAN ? dy / (double)axis : dy;
    }
}

static const clade__option reduce_list[] = {
    {"dim", CLADE__OPTION_WHOLE, offsetof(reduce_options, dim), .fallback = CLADE_ALL, .least = -1,
     .most = CLADE_MAX_RANK},
    {NULL}};

#define REDUCTION(text, kind, of_x, gradient, gradient_formula)                                    \
    {                                                                                              \
        .name = text, .n_inputs = 1, .options_bytes = sizeof(reduce_options),                      \
        .options = reduce_list, .reduction = kind, .reads_x = of_x, .adds = true,                  \
        .infer = infer_reduce, .values = reduce_values, .forward = reduce_forward,                 \
        .backward = gradient, .formula = reduce_formula, .formula_backward = gradient_formula      \
    }

const clade__layer_type clade__layer_sum = REDUCTION("sum", CLADE_SUM, false, reduce_backward,
                                                     reduce_gradient);
const clade__layer_type clade__layer_mean = REDUCTION("mean", CLADE_MEAN, false, reduce_backward,
                                                      reduce_gradient);
const clade__layer_type clade__layer_max = REDUCTION("max", CLADE_MAX, true, reduce_backward,
                                                     reduce_gradient);
const clade__layer_type clade__layer_argmax = REDUCTION("argmax", CLADE_ARGMAX, false, NULL, NULL);

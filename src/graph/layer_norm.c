/* batch_norm: each channel by its mean and variance over the batch, as torch.nn.BatchNorm1d and 2d; and
 * group_norm: groups of channels by theirs in each sample, as torch.nn.GroupNorm. */
#include <float.h>
#include <math.h>

#include "graph/layer.h"
#include "ops/batch_norm.h"

enum { WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VARIANCE };
enum { MEAN, VARIANCE, PARTS, BACK_PARTS, SUMS }; /* values */

static clade_status infer(clade__layer *layer)
{
    const clade_batch_norm_options *options = layer->options;
    const clade_shape x = layer->inputs[0]->shape;
    const clade_init one = {.kind = CLADE_INIT_CONSTANT, .value = 1.0f};
    const clade_init zero = {.kind = CLADE_INIT_CONSTANT};
    const clade_shape channels = CLADE_SHAPE(x.dim[0]);
    for (int row = options->no_affine ? RUNNING_MEAN : WEIGHT; row <= RUNNING_VARIANCE; row++)
        CLADE_TRY(clade__layer_parameter(
            layer, row, &(clade__parameter_spec){channels,
                                                 row == WEIGHT || row == RUNNING_VARIANCE ? one : zero,
                                                 x.dim[0], x.dim[0]}));
    return clade__layer_output(layer, CLADE_FLOAT32, x);
}

/* PyTorch's "Expected more than 1 value per channel when training". */
static int64_t least_batch(const clade__layer *layer, const char **why)
{
    const clade_shape x = layer->inputs[0]->shape;
    *why = "more than one value for each channel";
    return clade_shape_elements(x) == x.dim[0] ? 2 : 1;
}

/* ---- on the device ----------------------------------------------------------------------------- */

static clade_status values(const clade__layer *layer, int64_t batch, clade__layer_values *v)
{
    const clade_shape x = clade__batch_shape(batch, layer->inputs[0]->shape);
    const clade_shape channels = CLADE_SHAPE(x.dim[1]);
    const clade_shape parts = CLADE_SHAPE(clade__batch_norm_scratch(x));
    CLADE_TRY(clade__layer_values_add(v, CLADE__SAVED, CLADE_FLOAT32, channels));
    CLADE_TRY(clade__layer_values_add(v, CLADE__SAVED, CLADE_FLOAT32, channels));
    CLADE_TRY(clade__layer_values_add(v, CLADE__FORWARD_SCRATCH, CLADE_FLOAT32, parts));
    CLADE_TRY(clade__layer_values_add(v, CLADE__BACKWARD_SCRATCH, CLADE_FLOAT32, parts));
    return clade__layer_values_add(v, CLADE__BACKWARD_SCRATCH, CLADE_FLOAT32, CLADE_SHAPE(2 * x.dim[1]));
}

static clade__batch_norm norm_of(const clade__layer_io *io)
{
    const clade_batch_norm_options *options = io->layer->options;
    clade_tensor *running_mean = io->parameters[RUNNING_MEAN].value;
    clade_tensor *running_variance = io->parameters[RUNNING_VARIANCE].value;
    clade__batch_norm bn = {.weight = io->parameters[WEIGHT].value, .bias = io->parameters[BIAS].value,
                            .mean = running_mean, .variance = running_variance,
                            .momentum = options->momentum, .epsilon = options->epsilon,
                            .training = io->training, .other = io->other, .activation = io->fused,
                            .slope = io->fused_slope};
    if (!io->training) return bn;
    bn.mean = &io->values[MEAN];
    bn.variance = &io->values[VARIANCE];
    bn.running_mean = running_mean;
    bn.running_variance = running_variance;
    return bn;
}

static clade_status forward(clade__commands *commands, const clade__layer_io *io)
{
    const clade__batch_norm bn = norm_of(io);
    return clade__batch_norm_forward(commands, &io->y[0], &io->x[0], &bn, &io->values[PARTS]);
}

static clade_status fold(clade__commands *commands, const clade__layer_io *io, const clade__folding *folding)
{
    const clade__batch_norm bn = norm_of(io);
    return clade__batch_norm_fold(commands, folding, &bn);
}

static clade_status backward(clade__commands *commands, const clade__layer_io *io)
{
    const clade__batch_norm bn = norm_of(io);
    const clade__parameter_io *weight = &io->parameters[WEIGHT], *bias = &io->parameters[BIAS];
    const clade__batch_norm_gradients gradients = {
        .dx = io->wanted[0] ? &io->dx[0] : NULL, .dweight = weight->grad, .dbias = bias->grad,
        .masked = io->masked, .sums = &io->values[SUMS], .y = io->other ? &io->y[0] : NULL,
        .add = io->add[0], .add_weight = weight->add, .add_bias = bias->add};
    return clade__batch_norm_backward(commands, &gradients, &io->x[0], &io->dy[0], &bn,
                                      &io->values[BACK_PARTS]);
}

/* ---- the formula ------------------------------------------------------------------------------- */

/* One channel: its elements are element(0 … count - 1), and what normalises them. */
typedef struct channel {
    int64_t number, channels, inner, count;
    double mean, scale; /* 1 / sqrt(variance + epsilon) */
} channel;

static int64_t element(const channel *c, int64_t k)
{
    return (k / c->inner * c->channels + c->number) * c->inner + k % c->inner;
}

/* Of the batch in training, else what is running. */
static channel channel_of(const clade__formula *f, int64_t number)
{
    const clade_batch_norm_options *options = f->layer->options;
    const clade_shape x = f->layer->inputs[0]->shape;
    channel c = {.number = number, .channels = x.dim[0], .inner = clade_shape_elements(x) / x.dim[0]};
    double variance = 0.0;
    c.count = f->n * c.inner;
    for (int64_t k = 0; k < c.count; k++) c.mean += f->x[0][element(&c, k)] / (double)c.count;
    for (int64_t k = 0; k < c.count; k++)
        variance += pow(f->x[0][element(&c, k)] - c.mean, 2.0) / (double)c.count;
    if (f->step == 0) {
        c.mean = f->w[RUNNING_MEAN][number];
        variance = f->w[RUNNING_VARIANCE][number];
    }
    c.scale = 1.0 / sqrt(variance + (double)options->epsilon);
    return c;
}

static void formula(const clade__formula *f)
{
    for (int64_t i = 0; i < f->layer->inputs[0]->shape.dim[0]; i++) {
        const channel c = channel_of(f, i);
        for (int64_t k = 0; k < c.count; k++) {
            int64_t at = element(&c, k);
            double y = (f->x[0][at] - c.mean) * c.scale;
            f->y[0][at] = f->w[WEIGHT] ? y * f->w[WEIGHT][i] + f->w[BIAS][i] : y;
        }
    }
}

/* With n = (x - mean) scale: dx = scale weight (dy - mean(dy) - n mean(dy n)); where the statistics are running
 * ones, those means are missing. */
static void formula_backward(const clade__formula *f, const clade__formula_gradients *g)
{
    for (int64_t i = 0; i < f->layer->inputs[0]->shape.dim[0]; i++) {
        const channel c = channel_of(f, i);
        double weight = f->w[WEIGHT] ? f->w[WEIGHT][i] : 1.0, sum = 0.0, product = 0.0;
        for (int64_t k = 0; k < c.count; k++) {
            int64_t at = element(&c, k);
            sum += g->dy[0][at];
            product += g->dy[0][at] * (f->x[0][at] - c.mean) * c.scale;
        }
        if (g->dw[WEIGHT]) g->dw[WEIGHT][i] += product;
        if (g->dw[BIAS]) g->dw[BIAS][i] += sum;
        for (int64_t k = 0; g->dx[0] && k < c.count; k++) {
            int64_t at = element(&c, k);
            double n = (f->x[0][at] - c.mean) * c.scale, dy = g->dy[0][at];
            if (f->step > 0) dy -= (sum + n * product) / (double)c.count;
            g->dx[0][at] += dy * c.scale * weight;
        }
    }
}

/* ---- the row ----------------------------------------------------------------------------------- */

static const clade__option options[] = {
    {"eps", CLADE__OPTION_NUMBER, offsetof(clade_batch_norm_options, epsilon), .fallback = 1e-5,
     .least = (double)FLT_MIN, .most = (double)FLT_MAX},
    {"momentum", CLADE__OPTION_NUMBER, offsetof(clade_batch_norm_options, momentum), .fallback = 0.1,
     .least = 0.0, .most = 1.0},
    {"affine", CLADE__OPTION_NO_FLAG, offsetof(clade_batch_norm_options, no_affine), .fallback = 1},
    {NULL}};

static const clade__parameter_row parameters[] = {
    [WEIGHT] = {"weight", .trained = true, .decays = true},
    [BIAS] = {"bias", .trained = true},
    [RUNNING_MEAN] = {"running_mean"},
    [RUNNING_VARIANCE] = {"running_var"},
    {NULL}};

const clade__layer_type clade__layer_batch_norm = {
    .name = "batch_norm", .n_inputs = 1, .options_bytes = sizeof(clade_batch_norm_options),
    .options = options, .parameters = parameters, .takes_activation = true, .takes_other = true,
    .takes_slope = true, .reads_x = true, .in_place = true, .adds = true, .infer = infer, .values = values,
    .least_batch = least_batch, .forward = forward, .backward = backward, .fold = fold,
    .formula = formula, .formula_backward = formula_backward};

/* ---- group_norm -------------------------------------------------------------------------------- */

enum { STATISTICS, WEIGHT_PARTS, BIAS_PARTS }; /* values */

static clade_status infer_group(clade__layer *layer)
{
    const clade_group_norm_options *o = layer->options;
    const clade_shape x = layer->inputs[0]->shape;
    const clade_shape channels = CLADE_SHAPE(x.dim[0]);
    if (x.dim[0] % o->num_groups != 0)
        return clade__fail(CLADE_EINVAL, "group_norm: num_groups is %lld, want a divisor of the channels, "
                           "%lld", (long long)o->num_groups, (long long)x.dim[0]);
    for (int row = WEIGHT; row <= BIAS && !o->no_affine; row++)
        CLADE_TRY(clade__layer_parameter(
            layer, row, &(clade__parameter_spec){channels, {.kind = CLADE_INIT_CONSTANT, .value = row == WEIGHT},
                                                 x.dim[0], x.dim[0]}));
    return clade__layer_output(layer, CLADE_FLOAT32, x);
}

static clade_status group_values(const clade__layer *layer, int64_t batch, clade__layer_values *v)
{
    const clade_group_norm_options *o = layer->options;
    const int64_t channels = o->no_affine ? 0 : layer->inputs[0]->shape.dim[0];
    CLADE_TRY(clade__layer_values_add(v, CLADE__SAVED, CLADE_FLOAT32, CLADE_SHAPE(2, batch, o->num_groups)));
    CLADE_TRY(clade__layer_values_add(v, CLADE__BACKWARD_SCRATCH, CLADE_FLOAT32, CLADE_SHAPE(batch, channels)));
    return clade__layer_values_add(v, CLADE__BACKWARD_SCRATCH, CLADE_FLOAT32, CLADE_SHAPE(batch, channels));
}

static clade__group_norm group_norm_of(const clade__layer_io *io)
{
    const clade_group_norm_options *o = io->layer->options;
    return (clade__group_norm){.weight = io->parameters[WEIGHT].value, .bias = io->parameters[BIAS].value,
                               .groups = o->num_groups, .epsilon = o->epsilon};
}

static clade_status group_forward(clade__commands *commands, const clade__layer_io *io)
{
    const clade__group_norm gn = group_norm_of(io);
    return clade__group_norm_forward(commands, &io->y[0], &io->values[STATISTICS], &io->x[0], &gn);
}

static clade_status group_backward(clade__commands *commands, const clade__layer_io *io)
{
    const clade__group_norm gn = group_norm_of(io);
    const clade__parameter_io *weight = &io->parameters[WEIGHT], *bias = &io->parameters[BIAS];
    const clade__group_norm_gradients gradients = {
        .dx = io->wanted[0] ? &io->dx[0] : NULL, .dweight = weight->grad, .dbias = bias->grad,
        .weight_parts = &io->values[WEIGHT_PARTS], .bias_parts = &io->values[BIAS_PARTS],
        .add = io->add[0], .add_weight = weight->add, .add_bias = bias->add};
    return clade__group_norm_backward(commands, &gradients, &io->x[0], &io->dy[0],
                                      &io->values[STATISTICS], &gn);
}

/* One group of one sample: `count` elements from `first` on, `inner` of each of its channels. */
typedef struct group {
    int64_t first, count, inner, channel;
    double mean, scale;
} group;

static group group_of(const clade__formula *f, int64_t number)
{
    const clade_group_norm_options *o = f->layer->options;
    const clade_shape x = f->layer->inputs[0]->shape;
    group g = {.count = clade_shape_elements(x) / o->num_groups, .inner = clade_shape_elements(x) / x.dim[0]};
    double variance = 0.0;
    g.first = number * g.count;
    g.channel = number % o->num_groups * (x.dim[0] / o->num_groups);
    for (int64_t k = 0; k < g.count; k++) g.mean += f->x[0][g.first + k] / (double)g.count;
    for (int64_t k = 0; k < g.count; k++)
        variance += pow(f->x[0][g.first + k] - g.mean, 2.0) / (double)g.count;
    g.scale = 1.0 / sqrt(variance + (double)o->epsilon);
    return g;
}

static int64_t n_groups(const clade__formula *f)
{
    return f->n * ((const clade_group_norm_options *)f->layer->options)->num_groups;
}

static void group_formula(const clade__formula *f)
{
    for (int64_t i = 0; i < n_groups(f); i++) {
        const group g = group_of(f, i);
        for (int64_t k = 0; k < g.count; k++) {
            double y = (f->x[0][g.first + k] - g.mean) * g.scale;
            int64_t c = g.channel + k / g.inner;
            f->y[0][g.first + k] = f->w[WEIGHT] ? y * f->w[WEIGHT][c] + f->w[BIAS][c] : y;
        }
    }
}

static void group_gradient(const clade__formula *f, const clade__formula_gradients *to)
{
    for (int64_t i = 0; i < n_groups(f); i++) {
        const group g = group_of(f, i);
        const double *x = f->x[0] + g.first, *dy = to->dy[0] + g.first;
        double sum = 0.0, product = 0.0;
        for (int64_t k = 0; k < g.count; k++) {
            int64_t c = g.channel + k / g.inner;
            double n = (x[k] - g.mean) * g.scale, weighted = dy[k] * (f->w[WEIGHT] ? f->w[WEIGHT][c] : 1.0);
            sum += weighted / (double)g.count;
            product += weighted * n / (double)g.count;
            if (to->dw[WEIGHT]) to->dw[WEIGHT][c] += dy[k] * n;
            if (to->dw[BIAS]) to->dw[BIAS][c] += dy[k];
        }
        for (int64_t k = 0; to->dx[0] && k < g.count; k++) {
            double n = (x[k] - g.mean) * g.scale;
            double weight = f->w[WEIGHT] ? f->w[WEIGHT][g.channel + k / g.inner] : 1.0;
            to->dx[0][g.first + k] += (dy[k] * weight - sum - n * product) * g.scale;
        }
    }
}

static const clade__option group_options[] = {
    {"num_groups", CLADE__OPTION_WHOLE, offsetof(clade_group_norm_options, num_groups), true, 0, 1, INT32_MAX},
    {"eps", CLADE__OPTION_NUMBER, offsetof(clade_group_norm_options, epsilon), .fallback = 1e-5,
     .least = (double)FLT_MIN, .most = (double)FLT_MAX},
    {"affine", CLADE__OPTION_NO_FLAG, offsetof(clade_group_norm_options, no_affine), .fallback = 1},
    {NULL}};

static const clade__parameter_row group_parameters[] = {
    [WEIGHT] = {"weight", .trained = true, .decays = true}, [BIAS] = {"bias", .trained = true}, {NULL}};

const clade__layer_type clade__layer_group_norm = {
    .name = "group_norm", .n_inputs = 1, .options_bytes = sizeof(clade_group_norm_options),
    .options = group_options, .parameters = group_parameters, .reads_x = true, .adds = true,
    .infer = infer_group, .values = group_values, .forward = group_forward, .backward = group_backward,
    .formula = group_formula, .formula_backward = group_gradient};

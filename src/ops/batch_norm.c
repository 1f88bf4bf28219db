#include "ops/batch_norm.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

/* ---- shapes ------------------------------------------------------------------------------------ */

/* Shorter rows leave too many work-items of a row, and elements of its vectors, with nothing. */
#define SHORT_INNER 32

/* The elements of a block: few enough for a first cache, since its mean is taken off in a second pass. */
#define BLOCK_ELEMENTS 4096
#define BLOCK_SAMPLES  64 /* by columns */

/* So many are enough for any number of cores. */
#define ENOUGH_CHANNELS 60

clade__batch_norm_shape clade__batch_norm_shape_of(clade_shape x)
{
    clade__batch_norm_shape s = {.samples = x.dim[0], .channels = x.dim[1], .inner = 1};
    for (int i = 2; i < x.rank; i++) s.inner *= x.dim[i];
    s.by_columns = s.inner < SHORT_INNER;
    s.columns = s.by_columns ? s.channels * s.inner : s.channels;
    s.per_block = s.by_columns ? BLOCK_SAMPLES : BLOCK_ELEMENTS / s.inner;
    if (s.per_block < 1) s.per_block = 1;
    s.blocks = (s.samples - 1) / s.per_block + 1;
    return s;
}

int64_t clade__batch_norm_scratch(clade_shape x)
{
    const clade__batch_norm_shape s = clade__batch_norm_shape_of(x);
    return 2 * s.blocks * s.columns;
}

static clade__arg shape_arg(const clade__batch_norm_shape *s)
{
    return (clade__arg){CLADE__ARG_INT8,
                        {.ints = {(int32_t)s->samples, (int32_t)s->channels, (int32_t)s->inner,
                                  (int32_t)s->per_block, (int32_t)s->blocks, (int32_t)s->columns}}};
}

/* ---- launches ---------------------------------------------------------------------------------- */

/* A launch over the blocks, each channel's or each vector's of columns; -DKEY=value is added. */
static void set_rows(clade__launch *launch, char options[96], const clade__commands *commands,
                     const clade__batch_norm_shape *s, const char *key, int value)
{
    const int vector = clade__item_vector(clade__commands_device(commands));
    const int64_t slots = s->by_columns ? (s->columns - 1) / vector + 1 : s->columns;
    const clade__row_mapping *mapping =
        s->by_columns && vector == 1 ? &clade__narrow_rows : clade__wide_rows(commands);
    snprintf(options, 96, "%s%s -D%s=%d", mapping->options, s->by_columns ? " -DCOLUMNS=1" : "", key,
             value);
    launch->options = options;
    launch->groups[0] = clade__groups(s->blocks * slots, mapping->slots);
    launch->local[0] = mapping->local;
}

/* The build for the activation, and its slope. */
static int build_of(const clade__batch_norm *bn, float *slope)
{
    *slope = bn->slope;
    return clade__activation_build(bn->activation, slope);
}

static float count_of(const clade__batch_norm_shape *s)
{
    return (float)(s->samples * s->inner);
}

static clade_status launch_statistics(clade__commands *commands, const clade__batch_norm *bn,
                                      const clade__batch_norm_shape *s, const clade_tensor *x,
                                      clade_tensor *scratch)
{
    char options[96];
    clade__launch parts = {
        .program = "batch_norm",
        .kernel = "batch_norm_parts",
        CLADE__ARGS(clade__arg_tensor(scratch), clade__arg_tensor(x), shape_arg(s)),
    };
    set_rows(&parts, options, commands, s, "ACTIVATION", CLADE__BY_SLOPE);
    CLADE_TRY(clade__commands_launch(commands, &parts));
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "batch_norm",
                      .kernel = "batch_norm_statistics",
                      .options = options,
                      CLADE__ELEMENTS(s->channels),
                      CLADE__ARGS(clade__arg_tensor(bn->mean), clade__arg_tensor(bn->variance),
                                  clade__arg_tensor(bn->running_mean),
                                  clade__arg_tensor(bn->running_variance),
                                  clade__arg_tensor(scratch), shape_arg(s), clade__arg_float(count_of(s)),
                                  clade__arg_float(bn->momentum)),
                  });
}

static clade_status launch_forward(clade__commands *commands, const clade__batch_norm *bn,
                                   const clade__batch_norm_shape *s, clade_tensor *y,
                                   const clade_tensor *x)
{
    char options[96];
    float slope;
    const int build = build_of(bn, &slope);
    clade__launch launch = {
        .program = "batch_norm",
        .kernel = "batch_norm_forward",
        CLADE__ARGS(clade__arg_tensor(y), clade__arg_tensor(x), clade__arg_tensor(bn->other),
                    clade__arg_tensor(bn->mean), clade__arg_tensor(bn->variance),
                    clade__arg_tensor(bn->weight), clade__arg_tensor(bn->bias), shape_arg(s),
                    clade__arg_float(bn->epsilon), clade__arg_float(slope)),
    };
    set_rows(&launch, options, commands, s, "ACTIVATION", build);
    return clade__commands_launch(commands, &launch);
}

static clade_status launch_sums(clade__commands *commands, const clade__batch_norm *bn,
                                const clade__batch_norm_shape *s,
                                const clade__batch_norm_gradients *g, const clade_tensor *x,
                                const clade_tensor *dy, clade_tensor *scratch)
{
    char options[96];
    float slope;
    const int build = build_of(bn, &slope);
    assert(build == CLADE__BY_SLOPE);
    clade__launch parts = {
        .program = "batch_norm",
        .kernel = "batch_norm_back_parts",
        CLADE__ARGS(clade__arg_tensor(scratch), clade__arg_tensor(g->masked), clade__arg_tensor(x),
                    clade__arg_tensor(dy), clade__arg_tensor(g->y), clade__arg_tensor(bn->mean),
                    clade__arg_tensor(bn->variance), clade__arg_tensor(bn->weight),
                    clade__arg_tensor(bn->bias), shape_arg(s), clade__arg_float(bn->epsilon),
                    clade__arg_float(slope)),
    };
    set_rows(&parts, options, commands, s, "ACTIVATION", build);
    CLADE_TRY(clade__commands_launch(commands, &parts));
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "batch_norm",
                      .kernel = "batch_norm_sums",
                      .options = options,
                      CLADE__ELEMENTS(s->channels),
                      CLADE__ARGS(clade__arg_tensor(g->sums), clade__arg_tensor(g->dweight),
                                  clade__arg_tensor(g->dbias), clade__arg_tensor(scratch),
                                  clade__arg_tensor(bn->variance), shape_arg(s),
                                  clade__arg_float(count_of(s)), clade__arg_float(bn->epsilon),
                                  clade__arg_int(g->add_weight),
                                  clade__arg_int(g->add_bias)),
                  });
}

/* What was masked is read as it is. */
static clade_status launch_backward(clade__commands *commands, const clade__batch_norm *bn,
                                    const clade__batch_norm_shape *s,
                                    const clade__batch_norm_gradients *g, const clade_tensor *x,
                                    const clade_tensor *dy)
{
    char options[96];
    float slope;
    const int build = build_of(bn, &slope);
    clade__launch launch = {
        .program = "batch_norm",
        .kernel = "batch_norm_backward",
        CLADE__ARGS(clade__arg_tensor(g->dx), clade__arg_tensor(x),
                    clade__arg_tensor(g->masked ? g->masked : dy),
                    clade__arg_tensor(g->masked ? NULL : g->y), clade__arg_tensor(bn->mean),
                    clade__arg_tensor(bn->variance), clade__arg_tensor(bn->weight),
                    clade__arg_tensor(bn->bias), clade__arg_tensor(g->sums), shape_arg(s),
                    clade__arg_float(bn->epsilon),
                    clade__arg_float(g->masked ? 1.0f : slope)),
    };
    set_rows(&launch, options, commands, s, g->add ? "ADD" : "ACTIVATION", g->add ? 1 : build);
    return clade__commands_launch(commands, &launch);
}

/* ---- a channel at a time ------------------------------------------------------------------------ */

/* Whether a work-item takes a whole channel, so that what it goes over twice comes from a core's cache the second
 * time: on CPUs that have no more cores than half as many as there are channels. The bits are the same. */
static bool takes_channels(const clade__commands *commands, const clade__batch_norm_shape *s)
{
    const clade_device *device = clade__commands_device(commands);
    const int wanted = 2 * clade_device_describe(device)->compute_units;
    return clade__item_vector(device) > 1 && !s->by_columns &&
           s->channels >= (wanted < ENOUGH_CHANNELS ? wanted : ENOUGH_CHANNELS);
}

static clade__arg numbers_arg(const clade__batch_norm *bn, const clade__batch_norm_shape *s, float slope)
{
    return (clade__arg){CLADE__ARG_FLOAT4, {.floats = {count_of(s), bn->momentum, bn->epsilon, slope}}};
}

static clade_status launch_channels(clade__commands *commands, const clade__batch_norm *bn,
                                    const clade__batch_norm_shape *s, clade_tensor *y,
                                    const clade_tensor *x, clade_tensor *scratch)
{
    char options[96];
    float slope;
    const int build = build_of(bn, &slope);
    clade__launch launch = {
        .program = "batch_norm",
        .kernel = "batch_norm_channel",
        CLADE__ARGS(clade__arg_tensor(y), clade__arg_tensor(x), clade__arg_tensor(bn->other),
                    clade__arg_tensor(bn->mean), clade__arg_tensor(bn->variance),
                    clade__arg_tensor(bn->running_mean), clade__arg_tensor(bn->running_variance),
                    clade__arg_tensor(bn->weight), clade__arg_tensor(bn->bias),
                    clade__arg_tensor(scratch), shape_arg(s), numbers_arg(bn, s, slope)),
    };
    set_rows(&launch, options, commands, s, "ACTIVATION", build);
    launch.groups[0] = (size_t)s->channels;
    return clade__commands_launch(commands, &launch);
}

static clade_status launch_channels_backward(clade__commands *commands, const clade__batch_norm *bn,
                                             const clade__batch_norm_shape *s,
                                             const clade__batch_norm_gradients *g, const clade_tensor *x,
                                             const clade_tensor *dy, clade_tensor *scratch)
{
    char options[96];
    float slope;
    const int build = build_of(bn, &slope);
    assert(build == CLADE__BY_SLOPE);
    clade__launch launch = {
        .program = "batch_norm",
        .kernel = "batch_norm_channel_backward",
        CLADE__ARGS(clade__arg_tensor(g->dx), clade__arg_tensor(g->masked), clade__arg_tensor(g->sums),
                    clade__arg_tensor(g->dweight), clade__arg_tensor(g->dbias), clade__arg_tensor(x),
                    clade__arg_tensor(dy), clade__arg_tensor(g->y), clade__arg_tensor(bn->mean),
                    clade__arg_tensor(bn->variance), clade__arg_tensor(bn->weight),
                    clade__arg_tensor(bn->bias), clade__arg_tensor(scratch), shape_arg(s),
                    numbers_arg(bn, s, slope), clade__arg_int(g->add_weight),
                    clade__arg_int(g->add_bias)),
    };
    set_rows(&launch, options, commands, s, g->add ? "ADD" : "ACTIVATION", g->add ? 1 : build);
    launch.groups[0] = (size_t)s->channels;
    return clade__commands_launch(commands, &launch);
}

/* ---- checks ------------------------------------------------------------------------------------ */

static clade_status check_channels(const clade__check *check, const char *name,
                                   const clade_tensor *tensor, int64_t channels)
{
    return clade__check_shape(check, name, tensor, CLADE_FLOAT32, CLADE_SHAPE(channels));
}

static clade_status check_all(const clade__check *check, const clade__batch_norm *bn, clade_shape x)
{
    char text[CLADE__SHAPE_TEXT_BYTES];
    if (x.rank < 2)
        return clade__fail(CLADE_ESHAPE, "batch_norm: x is %s, want (samples, channels, …)",
                           clade__shape_text(text, sizeof text, x));
    const int64_t channels = x.dim[1];
    CLADE_TRY(check_channels(check, "mean", bn->mean, channels));
    CLADE_TRY(check_channels(check, "variance", bn->variance, channels));
    if (bn->weight) CLADE_TRY(check_channels(check, "weight", bn->weight, channels));
    if (bn->bias) CLADE_TRY(check_channels(check, "bias", bn->bias, channels));
    return clade__check_range(check, "epsilon", (double)bn->epsilon, 0.0, INFINITY);
}

static clade_status check_training(const clade__check *check, const clade__batch_norm *bn, clade_shape x,
                                   const clade_tensor *scratch)
{
    char text[CLADE__SHAPE_TEXT_BYTES];
    const int64_t channels = x.dim[1];
    if (clade_shape_elements(x) == channels)
        return clade__fail(CLADE_EINVAL, "batch_norm: training wants more than one value for each channel, "
                           "and x is %s: no batch, nor the last one of an epoch, may be one such sample",
                           clade__shape_text(text, sizeof text, x));
    if (bn->running_mean || bn->running_variance) {
        CLADE_TRY(check_channels(check, "running_mean", bn->running_mean, channels));
        CLADE_TRY(check_channels(check, "running_variance", bn->running_variance, channels));
    }
    if (!(bn->momentum >= 0.0f && bn->momentum <= 1.0f))
        return clade__fail(CLADE_EINVAL, "batch_norm: momentum is %g, want 0 to 1",
                           (double)bn->momentum);
    return clade__check_count(check, "scratch", scratch, CLADE_FLOAT32, clade__batch_norm_scratch(x));
}

/* ---- the operation ------------------------------------------------------------------------------ */

clade_status clade__batch_norm_forward(clade__commands *commands, clade_tensor *y,
                                       const clade_tensor *x, const clade__batch_norm *bn,
                                       clade_tensor *scratch)
{
    const clade__check check = {commands, "batch_norm"};
    CLADE_TRY(clade__check_tensor(&check, "x", x, CLADE_FLOAT32));
    CLADE_TRY(clade__check_shape(&check, "y", y, CLADE_FLOAT32, x->shape));
    CLADE_TRY(check_all(&check, bn, x->shape));
    if (bn->other) CLADE_TRY(clade__check_shape(&check, "other", bn->other, CLADE_FLOAT32, x->shape));
    if (bn->training) CLADE_TRY(check_training(&check, bn, x->shape, scratch));
    const clade__batch_norm_shape s = clade__batch_norm_shape_of(x->shape);
    if (bn->training && takes_channels(commands, &s))
        return launch_channels(commands, bn, &s, y, x, scratch);
    if (bn->training) CLADE_TRY(launch_statistics(commands, bn, &s, x, scratch));
    return launch_forward(commands, bn, &s, y, x);
}

clade_status clade__batch_norm_backward(clade__commands *commands,
                                        const clade__batch_norm_gradients *g,
                                        const clade_tensor *x, const clade_tensor *dy,
                                        const clade__batch_norm *bn, clade_tensor *scratch)
{
    const clade__check check = {commands, "batch_norm"};
    CLADE_TRY(clade__check_tensor(&check, "x", x, CLADE_FLOAT32));
    CLADE_TRY(clade__check_shape(&check, "dy", dy, CLADE_FLOAT32, x->shape));
    CLADE_TRY(check_all(&check, bn, x->shape));
    const int64_t channels = x->shape.dim[1], n = clade__batch_norm_scratch(x->shape);
    if (g->masked) CLADE_TRY(clade__check_shape(&check, "masked", g->masked, CLADE_FLOAT32, x->shape));
    if (g->y) CLADE_TRY(clade__check_shape(&check, "y", g->y, CLADE_FLOAT32, x->shape));
    if (g->dx) CLADE_TRY(clade__check_shape(&check, "dx", g->dx, CLADE_FLOAT32, x->shape));
    if (g->dweight) CLADE_TRY(check_channels(&check, "dweight", g->dweight, channels));
    if (g->dbias) CLADE_TRY(check_channels(&check, "dbias", g->dbias, channels));
    CLADE_TRY(clade__check_count(&check, "scratch", scratch, CLADE_FLOAT32, n));
    CLADE_TRY(clade__check_count(&check, "sums", g->sums, CLADE_FLOAT32, 2 * channels));
    const clade__batch_norm_shape s = clade__batch_norm_shape_of(x->shape);
    if (g->dx && takes_channels(commands, &s))
        return launch_channels_backward(commands, bn, &s, g, x, dy, scratch);
    CLADE_TRY(launch_sums(commands, bn, &s, g, x, dy, scratch));
    return g->dx ? launch_backward(commands, bn, &s, g, x, dy) : CLADE_OK;
}

clade_status clade__batch_norm_fold(clade__commands *commands, const clade__folding *f,
                                    const clade__batch_norm *bn)
{
    char options[96];
    const clade__check check = {commands, "batch_norm"};
    CLADE_TRY(clade__check_tensor(&check, "weight", f->weight, CLADE_FLOAT32));
    const int64_t channels = f->weight->shape.dim[0], n = clade_tensor_elements(f->weight);
    CLADE_TRY(clade__check_shape(&check, "folded weight", f->folded_weight, CLADE_FLOAT32, f->weight->shape));
    CLADE_TRY(check_channels(&check, "folded bias", f->folded_bias, channels));
    if (f->bias) CLADE_TRY(check_channels(&check, "bias", f->bias, channels));
    CLADE_TRY(check_all(&check, bn, CLADE_SHAPE(1, channels)));
    /* The build that the network's other norms have. */
    snprintf(options, sizeof options, "%s -DACTIVATION=%d", clade__wide_rows(commands)->options, CLADE__BY_SLOPE);
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "batch_norm",
            .kernel = "batch_norm_fold",
            .options = options,
            CLADE__ELEMENTS(n),
            CLADE__ARGS(clade__arg_tensor(f->folded_weight), clade__arg_tensor(f->folded_bias),
                        clade__arg_tensor(f->weight), clade__arg_tensor(f->bias),
                        clade__arg_tensor(bn->mean), clade__arg_tensor(bn->variance),
                        clade__arg_tensor(bn->weight), clade__arg_tensor(bn->bias),
                        clade__arg_int(channels), clade__arg_int(n / channels),
                        clade__arg_float(bn->epsilon)),
        });
}

/* ---- at once ------------------------------------------------------------------------------------ */

/* x NULL or of a shape that has no channels is refused by the operation. */
static bool has_channels(const clade_tensor *x)
{
    return x && x->shape.rank >= 2;
}

static clade__batch_norm given(const clade_batch_norm_args *args)
{
    return (clade__batch_norm){.weight = args->weight, .bias = args->bias, .mean = args->mean,
                               .variance = args->variance, .running_mean = args->running_mean,
                               .running_variance = args->running_variance,
                               .momentum = args->momentum, .epsilon = args->epsilon,
                               .training = args->training};
}

clade_status clade_batch_norm_forward(clade_tensor *y, const clade_tensor *x,
                                      const clade_batch_norm_args *args)
{
    CLADE_WANT(args);
    CLADE_WANT_UNUSED("batch_norm", args->reserved);
    /* Freed at once: the pool hands a buffer on only to work that is queued after this. */
    clade_tensor *scratch = NULL;
    const clade__batch_norm bn = given(args);
    if (has_channels(x) && bn.training)
        CLADE_TRY(clade_tensor_create(&scratch, x->device, CLADE_FLOAT32,
                                      CLADE_SHAPE(clade__batch_norm_scratch(x->shape)), NULL));
    clade_status status = clade__batch_norm_forward(clade__immediate_of(x), y, x, &bn, scratch);
    clade_tensor_free(scratch);
    return status;
}

clade_status clade_batch_norm_backward(const clade_norm_gradients *gradients,
                                       const clade_tensor *x, const clade_tensor *dy,
                                       const clade_batch_norm_args *args)
{
    CLADE_WANT(gradients);
    CLADE_WANT_UNUSED("batch_norm", gradients->reserved);
    CLADE_WANT(args);
    CLADE_WANT_UNUSED("batch_norm", args->reserved);
    clade_tensor *scratch = NULL;
    const clade__batch_norm bn = given(args);
    clade__batch_norm_gradients g = {.dx = gradients->dx, .dweight = gradients->dweight,
                                     .dbias = gradients->dbias};
    clade_status status = CLADE_OK;
    if (has_channels(x))
        status = clade_tensor_create(&scratch, x->device, CLADE_FLOAT32,
                                     CLADE_SHAPE(clade__batch_norm_scratch(x->shape)), NULL);
    if (has_channels(x) && status == CLADE_OK)
        status = clade_tensor_create(&g.sums, x->device, CLADE_FLOAT32,
                                     CLADE_SHAPE(2 * x->shape.dim[1]), NULL);
    if (status == CLADE_OK)
        status = clade__batch_norm_backward(clade__immediate_of(x), &g, x, dy, &bn, scratch);
    clade_tensor_free(g.sums);
    clade_tensor_free(scratch);
    return status;
}

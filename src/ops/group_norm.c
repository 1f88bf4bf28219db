#include <math.h>

#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"
#include "ops/reduce.h"

/* x as (samples, groups, width, inner). */
typedef struct group_shape {
    int64_t samples, groups, width, inner;
} group_shape;

static clade_status open_shape(group_shape *s, const clade__group_norm *gn, clade_shape x)
{
    char text[CLADE__SHAPE_TEXT_BYTES];
    if (x.rank < 2)
        return clade__fail(CLADE_ESHAPE, "group_norm: x is %s, want (samples, channels, …)",
                           clade__shape_text(text, sizeof text, x));
    if (gn->groups < 1 || x.dim[1] % gn->groups != 0)
        return clade__fail(CLADE_EINVAL, "group_norm: num_groups is %lld, want a divisor of the channels, "
                           "%lld", (long long)gn->groups, (long long)x.dim[1]);
    *s = (group_shape){x.dim[0], gn->groups, x.dim[1] / gn->groups, 1};
    for (int i = 2; i < x.rank; i++) s->inner *= x.dim[i];
    return CLADE_OK;
}

static clade__arg shape_arg(const group_shape *s)
{
    const int64_t channels = s->groups * s->width;
    return (clade__arg){CLADE__ARG_INT8,
                        {.ints = {(int32_t)s->samples, (int32_t)s->groups, (int32_t)s->width,
                                  (int32_t)s->inner, (int32_t)(s->samples * s->groups), 0,
                                  (int32_t)(s->width * s->inner), (int32_t)(s->samples * channels)}}};
}

static clade_status check_all(const clade__check *check, const clade__group_norm *gn,
                              const clade_tensor *x, const clade_tensor *statistics, group_shape *s)
{
    CLADE_TRY(clade__check_tensor(check, "x", x, CLADE_FLOAT32));
    CLADE_TRY(open_shape(s, gn, x->shape));
    const clade_shape channels = CLADE_SHAPE(x->shape.dim[1]);
    CLADE_TRY(clade__check_shape(check, "statistics", statistics, CLADE_FLOAT32,
                                 CLADE_SHAPE(2, s->samples, s->groups)));
    if (gn->weight) CLADE_TRY(clade__check_shape(check, "weight", gn->weight, CLADE_FLOAT32, channels));
    if (gn->bias) CLADE_TRY(clade__check_shape(check, "bias", gn->bias, CLADE_FLOAT32, channels));
    return clade__check_range(check, "epsilon", (double)gn->epsilon, 0.0, INFINITY);
}

clade_status clade__group_norm_forward(clade__commands *commands, clade_tensor *y,
                                       clade_tensor *statistics, const clade_tensor *x,
                                       const clade__group_norm *gn)
{
    const clade__check check = {commands, "group_norm"};
    group_shape s = {0};
    CLADE_TRY(check_all(&check, gn, x, statistics, &s));
    CLADE_TRY(clade__check_shape(&check, "y", y, CLADE_FLOAT32, x->shape));
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "group_norm",
                      .kernel = "group_norm_forward",
                      CLADE__ROWS(clade__rows_of(commands, s.width * s.inner), s.samples * s.groups),
                      CLADE__ARGS(clade__arg_tensor(y), clade__arg_tensor(statistics),
                                  clade__arg_tensor(x), clade__arg_tensor(gn->weight),
                                  clade__arg_tensor(gn->bias), shape_arg(&s),
                                  clade__arg_float(gn->epsilon)),
                  });
}

static clade_status launch_dx(clade__commands *commands, const clade__group_norm *gn,
                              const group_shape *s, const clade__group_norm_gradients *g,
                              const clade_tensor *x, const clade_tensor *dy,
                              const clade_tensor *statistics)
{
    char options[64];
    clade__row_mapping mapping = *clade__rows_of(commands, s->width * s->inner);
    mapping.options = clade__options_adding(options, mapping.options, g->add);
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "group_norm",
                      .kernel = "group_norm_backward",
                      CLADE__ROWS(&mapping, s->samples * s->groups),
                      CLADE__ARGS(clade__arg_tensor(g->dx), clade__arg_tensor(x),
                                  clade__arg_tensor(dy), clade__arg_tensor(statistics),
                                  clade__arg_tensor(gn->weight), shape_arg(s),
                                  clade__arg_float(gn->epsilon)),
                  });
}

static clade_status launch_parts(clade__commands *commands, const clade__group_norm *gn,
                                 const group_shape *s, const clade__group_norm_gradients *g,
                                 const clade_tensor *x, const clade_tensor *dy,
                                 const clade_tensor *statistics)
{
    CLADE_TRY(clade__commands_launch(
        commands, &(clade__launch){
                      .program = "group_norm",
                      .kernel = "group_norm_parts",
                      CLADE__ROWS(clade__rows_of(commands, s->inner), s->samples * s->groups * s->width),
                      CLADE__ARGS(clade__arg_tensor(g->bias_parts), clade__arg_tensor(g->weight_parts),
                                  clade__arg_tensor(x), clade__arg_tensor(dy),
                                  clade__arg_tensor(statistics), shape_arg(s),
                                  clade__arg_float(gn->epsilon)),
                  }));
    if (g->dbias) CLADE_TRY(clade__sum_rows(commands, g->dbias, g->bias_parts, g->add_bias));
    return g->dweight ? clade__sum_rows(commands, g->dweight, g->weight_parts, g->add_weight) : CLADE_OK;
}

clade_status clade__group_norm_backward(clade__commands *commands,
                                        const clade__group_norm_gradients *g,
                                        const clade_tensor *x, const clade_tensor *dy,
                                        const clade_tensor *statistics, const clade__group_norm *gn)
{
    const clade__check check = {commands, "group_norm"};
    group_shape s = {0};
    CLADE_TRY(check_all(&check, gn, x, statistics, &s));
    const clade_shape channels = CLADE_SHAPE(x->shape.dim[1]);
    const clade_shape parts = CLADE_SHAPE(s.samples, x->shape.dim[1]);
    CLADE_TRY(clade__check_shape(&check, "dy", dy, CLADE_FLOAT32, x->shape));
    if (g->dx) CLADE_TRY(clade__check_shape(&check, "dx", g->dx, CLADE_FLOAT32, x->shape));
    if (g->dweight) CLADE_TRY(clade__check_shape(&check, "dweight", g->dweight, CLADE_FLOAT32, channels));
    if (g->dbias) CLADE_TRY(clade__check_shape(&check, "dbias", g->dbias, CLADE_FLOAT32, channels));
    if (g->dweight || g->dbias) {
        CLADE_TRY(clade__check_shape(&check, "weight_parts", g->weight_parts, CLADE_FLOAT32, parts));
        CLADE_TRY(clade__check_shape(&check, "bias_parts", g->bias_parts, CLADE_FLOAT32, parts));
        CLADE_TRY(launch_parts(commands, gn, &s, g, x, dy, statistics));
    }
    return g->dx ? launch_dx(commands, gn, &s, g, x, dy, statistics) : CLADE_OK;
}

/* ---- at once ------------------------------------------------------------------------------------ */

static clade__group_norm given(const clade_group_norm_args *args)
{
    return (clade__group_norm){.weight = args->weight, .bias = args->bias, .groups = args->groups,
                               .epsilon = args->epsilon};
}

clade_status clade_group_norm_forward(clade_tensor *y, clade_tensor *statistics, const clade_tensor *x,
                                      const clade_group_norm_args *args)
{
    CLADE_WANT(args);
    CLADE_WANT_UNUSED("group_norm", args->reserved);
    const clade__group_norm gn = given(args);
    return clade__group_norm_forward(clade__immediate_of(x), y, statistics, x, &gn);
}

clade_status clade_group_norm_backward(const clade_norm_gradients *gradients, const clade_tensor *x,
                                       const clade_tensor *dy, const clade_tensor *statistics,
                                       const clade_group_norm_args *args)
{
    CLADE_WANT(gradients);
    CLADE_WANT_UNUSED("group_norm", gradients->reserved);
    CLADE_WANT(args);
    CLADE_WANT_UNUSED("group_norm", args->reserved);
    /* Freed at once: the pool hands a buffer on only to work that is queued after this. */
    const clade__group_norm gn = given(args);
    clade__group_norm_gradients g = {.dx = gradients->dx, .dweight = gradients->dweight,
                                     .dbias = gradients->dbias};
    bool has_channels = x && x->shape.rank >= 2;
    clade_status status = CLADE_OK;
    if (has_channels)
        status = clade_tensor_create(&g.weight_parts, x->device, CLADE_FLOAT32,
                                     CLADE_SHAPE(x->shape.dim[0], x->shape.dim[1]), NULL);
    if (has_channels && status == CLADE_OK)
        status = clade_tensor_create(&g.bias_parts, x->device, CLADE_FLOAT32,
                                     CLADE_SHAPE(x->shape.dim[0], x->shape.dim[1]), NULL);
    if (status == CLADE_OK)
        status = clade__group_norm_backward(clade__immediate_of(x), &g, x, dy, statistics, &gn);
    clade_tensor_free(g.weight_parts);
    clade_tensor_free(g.bias_parts);
    return status;
}

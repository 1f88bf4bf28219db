#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

static const struct {
    const char *name, *options;
} kinds[] = {
    [CLADE_IDENTITY] = {"identity", "-DACTIVATION=0"},
    [CLADE_SIGMOID] = {"sigmoid", "-DACTIVATION=1"},
    [CLADE_TANH] = {"tanh", "-DACTIVATION=2"},
    [CLADE_RELU] = {"relu", "-DACTIVATION=3"},
    [CLADE_LEAKY_RELU] = {"leaky_relu", "-DACTIVATION=4"},
    [CLADE_GELU] = {"gelu", "-DACTIVATION=5"},
};

static bool is_known(clade_activation kind)
{
    return (size_t)kind < sizeof kinds / sizeof kinds[0];
}

static clade_status fail_unknown(clade_activation kind)
{
    return clade__fail(CLADE_EINVAL, "activation: there is no kind %d", (int)kind);
}

clade_status clade__activation_forward(clade__commands *commands, clade_activation kind,
                                       float slope, clade_tensor *y, const clade_tensor *x)
{
    if (!is_known(kind)) return fail_unknown(kind);
    const clade__check check = {commands, kinds[kind].name};
    CLADE_TRY(clade__check_tensor(&check, "x", x, CLADE_FLOAT32));
    CLADE_TRY(clade__check_shape(&check, "y", y, CLADE_FLOAT32, x->shape));
    const int64_t n = clade_tensor_elements(x);
    return clade__commands_launch(commands,
                                  &(clade__launch){
                                      .program = "activation",
                                      .kernel = "activation_forward_all",
                                      .options = kinds[kind].options,
                                      CLADE__ELEMENTS(n),
                                      CLADE__ARGS(clade__arg_tensor(y), clade__arg_tensor(x),
                                                  clade__arg_int(n), clade__arg_float(slope)),
                                  });
}

clade_status clade__activation_of_sum(clade__commands *commands, clade_activation kind, float slope,
                                      clade_tensor *y, const clade_tensor *a, const clade_tensor *b)
{
    if (!is_known(kind)) return fail_unknown(kind);
    const clade__check check = {commands, kinds[kind].name};
    CLADE_TRY(clade__check_tensor(&check, "a", a, CLADE_FLOAT32));
    CLADE_TRY(clade__check_shape(&check, "b", b, CLADE_FLOAT32, a->shape));
    CLADE_TRY(clade__check_shape(&check, "y", y, CLADE_FLOAT32, a->shape));
    const int64_t n = clade_tensor_elements(a);
    return clade__commands_launch(commands,
                                  &(clade__launch){
                                      .program = "activation",
                                      .kernel = "activation_forward_sum",
                                      .options = kinds[kind].options,
                                      CLADE__ELEMENTS(n),
                                      CLADE__ARGS(clade__arg_tensor(y), clade__arg_tensor(a),
                                                  clade__arg_tensor(b), clade__arg_int(n),
                                                  clade__arg_float(slope)),
                                  });
}

clade_status clade__activation_backward(clade__commands *commands, clade_activation kind,
                                        float slope, clade_tensor *dx, const clade_tensor *x,
                                        const clade_tensor *y, const clade_tensor *dy, bool add)
{
    if (!is_known(kind)) return fail_unknown(kind);
    const clade__check check = {commands, kinds[kind].name};
    const bool needs_x = kind == CLADE_GELU;
    const clade_tensor *saved = needs_x ? x : y;
    CLADE_TRY(clade__check_tensor(&check, "dy", dy, CLADE_FLOAT32));
    CLADE_TRY(clade__check_shape(&check, needs_x ? "x" : "y", saved, CLADE_FLOAT32, dy->shape));
    CLADE_TRY(clade__check_shape(&check, "dx", dx, CLADE_FLOAT32, dy->shape));
    if (kind == CLADE_LEAKY_RELU && !(slope > 0.0f))
        return clade__fail(CLADE_EINVAL,
                           "leaky_relu: slope is %g, want more than 0: the gradient "
                           "is found from y, whose sign must be that of x",
                           (double)slope);
    const int64_t n = clade_tensor_elements(dy);
    char options[64];
    return clade__commands_launch(commands,
                                  &(clade__launch){
                                      .program = "activation",
                                      .kernel = "activation_backward_all",
                                      .options = clade__options_adding(
                                          options, kinds[kind].options, add),
                                      CLADE__ELEMENTS(n),
                                      CLADE__ARGS(clade__arg_tensor(dx), clade__arg_tensor(saved),
                                                  clade__arg_tensor(dy), clade__arg_int(n),
                                                  clade__arg_float(slope)),
                                  });
}

clade_status clade_activation_forward(clade_activation kind, float slope, clade_tensor *y,
                                      const clade_tensor *x)
{
    return clade__activation_forward(clade__immediate_of(x), kind, slope, y, x);
}

clade_status clade_activation_backward(clade_activation kind, float slope, clade_tensor *dx,
                                       const clade_tensor *x, const clade_tensor *y,
                                       const clade_tensor *dy)
{
    return clade__activation_backward(clade__immediate_of(dy), kind, slope, dx, x, y, dy, false);
}

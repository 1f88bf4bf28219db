#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

static clade_status forward(clade__commands *commands, const char *op, const char *kernel,
                            clade_tensor *y, const clade_tensor *x)
{
    const clade__check check = {commands, op};
    CLADE_TRY(clade__check_tensor(&check, "x", x, CLADE_FLOAT32));
    CLADE_TRY(clade__check_shape(&check, "y", y, CLADE_FLOAT32, x->shape));
    const int64_t rows = clade__shape_rows(x->shape), cols = clade__shape_cols(x->shape);
    return clade__commands_launch(commands,
                                  &(clade__launch){
                                      .program = "softmax",
                                      .kernel = kernel,
                                      CLADE__ROWS(clade__rows_of(commands, cols), rows),
                                      CLADE__ARGS(clade__arg_tensor(y), clade__arg_tensor(x),
                                                  clade__arg_int(rows), clade__arg_int(cols)),
                                  });
}

static clade_status backward(clade__commands *commands, const char *op, const char *kernel,
                             clade_tensor *dx, const clade_tensor *y, const clade_tensor *dy, bool add)
{
    const clade__check check = {commands, op};
    CLADE_TRY(clade__check_tensor(&check, "y", y, CLADE_FLOAT32));
    CLADE_TRY(clade__check_shape(&check, "dy", dy, CLADE_FLOAT32, y->shape));
    CLADE_TRY(clade__check_shape(&check, "dx", dx, CLADE_FLOAT32, y->shape));
    const int64_t rows = clade__shape_rows(y->shape), cols = clade__shape_cols(y->shape);
    char options[64];
    clade__row_mapping mapping = *clade__rows_of(commands, cols);
    mapping.options = clade__options_adding(options, mapping.options, add);
    return clade__commands_launch(commands,
                                  &(clade__launch){
                                      .program = "softmax",
                                      .kernel = kernel,
                                      CLADE__ROWS(&mapping, rows),
                                      CLADE__ARGS(clade__arg_tensor(dx), clade__arg_tensor(y),
                                                  clade__arg_tensor(dy), clade__arg_int(rows),
                                                  clade__arg_int(cols)),
                                  });
}

clade_status clade__softmax_forward(clade__commands *commands, clade_tensor *y,
                                    const clade_tensor *x)
{
    return forward(commands, "softmax", "softmax_forward", y, x);
}

clade_status clade__softmax_backward(clade__commands *commands, clade_tensor *dx,
                                     const clade_tensor *y, const clade_tensor *dy, bool add)
{
    return backward(commands, "softmax", "softmax_backward", dx, y, dy, add);
}

clade_status clade__log_softmax_forward(clade__commands *commands, clade_tensor *y,
                                        const clade_tensor *x)
{
    return forward(commands, "log_softmax", "log_softmax_forward", y, x);
}

clade_status clade__log_softmax_backward(clade__commands *commands, clade_tensor *dx,
                                         const clade_tensor *y, const clade_tensor *dy, bool add)
{
    return backward(commands, "log_softmax", "log_softmax_backward", dx, y, dy, add);
}

clade_status clade_softmax_forward(clade_tensor *y, const clade_tensor *x)
{
    return clade__softmax_forward(clade__immediate_of(x), y, x);
}

clade_status clade_softmax_backward(clade_tensor *dx, const clade_tensor *y, const clade_tensor *dy)
{
    return clade__softmax_backward(clade__immediate_of(y), dx, y, dy, false);
}

clade_status clade_log_softmax_forward(clade_tensor *y, const clade_tensor *x)
{
    return clade__log_softmax_forward(clade__immediate_of(x), y, x);
}

clade_status clade_log_softmax_backward(clade_tensor *dx, const clade_tensor *y,
                                        const clade_tensor *dy)
{
    return clade__log_softmax_backward(clade__immediate_of(y), dx, y, dy, false);
}

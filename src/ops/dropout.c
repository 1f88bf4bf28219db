#include <math.h>

#include "base/philox.h"
#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

clade_status clade__dropout(clade__commands *commands, clade_tensor *y, const clade_tensor *x,
                            const clade__dropout_mask *mask, bool add)
{
    const clade__check check = {commands, "dropout"};
    CLADE_TRY(clade__check_tensor(&check, "x", x, CLADE_FLOAT32));
    CLADE_TRY(clade__check_shape(&check, "y", y, CLADE_FLOAT32, x->shape));
    if (!(mask->p >= 0.0f && mask->p <= 1.0f))
        return clade__fail(CLADE_EINVAL, "dropout: p is %g, want 0 to 1", (double)mask->p);
    const int64_t rows = clade__shape_rows(x->shape), cols = clade__shape_cols(x->shape);
    /* Where p is 1 every element is dropped, whatever its word: by a scale of 0. */
    const double threshold = fmin(ceil((double)mask->p * 0x1p32), (double)UINT32_MAX);
    const float scale = mask->p < 1.0f ? (float)(1.0 / (1.0 - (double)mask->p)) : 0.0f;
    const clade__arg draw = {CLADE__ARG_INT4,
                             {.ints = {(int32_t)(uint32_t)mask->seed,
                                       (int32_t)(uint32_t)(mask->seed >> 32),
                                       (int32_t)(CLADE__STREAM_DROPOUT + mask->layer),
                                       (int32_t)(uint32_t)threshold}}};
    char options[64];
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "dropout",
            .kernel = "dropout",
            .options = clade__options_adding(options, NULL, add),
            /* So many fours of rows are met wherever the first row is among its four. */
            .groups = {(size_t)((rows + 6) / 4) * clade__groups(cols, CLADE__ELEMENT_GROUP)},
            .local = {CLADE__ELEMENT_GROUP},
            CLADE__ARGS(clade__arg_tensor(y), clade__arg_tensor(x), clade__arg_int(rows),
                        clade__arg_int(cols), clade__arg_int_ref(mask->first_row),
                        clade__arg_int_ref(mask->step), draw, clade__arg_float(scale)),
        });
}

clade_status clade_dropout_forward(clade_tensor *y, const clade_tensor *x,
                                   const clade_dropout_args *args)
{
    CLADE_WANT(args);
    CLADE_WANT_UNUSED("dropout", args->reserved);
    const int32_t first_row = 0, step = (int32_t)args->step;
    return clade__dropout(clade__immediate_of(x), y, x,
                          &(clade__dropout_mask){.p = args->p,
                                                 .seed = args->seed,
                                                 .layer = args->layer,
                                                 .step = &step,
                                                 .first_row = &first_row},
                          false);
}

clade_status clade_dropout_backward(clade_tensor *dx, const clade_tensor *dy,
                                    const clade_dropout_args *args)
{
    CLADE_WANT(dx);
    CLADE_WANT(dy);
    CLADE_WANT(args);
    return clade_dropout_forward(dx, dy, args);
}

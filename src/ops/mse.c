#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

clade_status clade__mse(clade__commands *commands, clade_tensor *loss, clade_tensor *dy,
                        const clade_tensor *y, const clade_tensor *target, float scale)
{
    const clade__check check = {commands, "mse"};
    CLADE_TRY(clade__check_tensor(&check, "y", y, CLADE_FLOAT32));
    const clade_shape shape = y->shape;
    const int64_t rows = clade__shape_rows(shape), cols = clade__shape_cols(shape);
    CLADE_TRY(clade__check_shape(&check, "target", target, CLADE_FLOAT32, shape));
    CLADE_TRY(clade__check_count(&check, "loss", loss, CLADE_FLOAT32, rows));
    if (dy) CLADE_TRY(clade__check_shape(&check, "dy", dy, CLADE_FLOAT32, shape));
    return clade__commands_launch(commands,
                                  &(clade__launch){
                                      .program = "mse",
                                      .kernel = "mse",
                                      CLADE__ROWS(clade__rows_of(commands, cols), rows),
                                      CLADE__ARGS(clade__arg_tensor(loss), clade__arg_tensor(dy),
                                                  clade__arg_tensor(y), clade__arg_tensor(target),
                                                  clade__arg_int(rows), clade__arg_int(cols),
                                                  clade__arg_float(scale)),
                                  });
}

clade_status clade_mse(clade_tensor *loss, clade_tensor *dy, const clade_tensor *y,
                       const clade_tensor *target, float scale)
{
    return clade__mse(clade__immediate_of(y), loss, dy, y, target, scale);
}

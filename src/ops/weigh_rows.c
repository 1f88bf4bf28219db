#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

clade_status clade__weigh_rows(clade__commands *commands, clade_tensor *loss, clade_tensor *dy,
                               const clade_tensor *weights, const clade_tensor *labels,
                               const float *scale)
{
    const clade__check check = {commands, "weigh_rows"};
    CLADE_TRY(clade__check_tensor(&check, "dy", dy, CLADE_FLOAT32));
    const int64_t rows = clade__shape_rows(dy->shape), cols = clade__shape_cols(dy->shape);
    CLADE_TRY(clade__check_count(&check, "loss", loss, CLADE_FLOAT32, rows));
    CLADE_TRY(clade__check_count(&check, "labels", labels, CLADE_INT32, rows));
    CLADE_TRY(clade__check_tensor(&check, "weights", weights, CLADE_FLOAT32));
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "weigh_rows",
            .kernel = "weigh_rows",
            CLADE__ROWS(clade__rows_of(commands, cols), rows),
            CLADE__ARGS(clade__arg_tensor(loss), clade__arg_tensor(dy), clade__arg_tensor(weights),
                        clade__arg_tensor(labels), clade__arg_int(rows), clade__arg_int(cols),
                        clade__arg_int(clade_tensor_elements(weights)),
                        clade__arg_float_ref(scale)),
        });
}

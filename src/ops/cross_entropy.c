#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

clade_status clade__cross_entropy(clade__commands *commands, clade_tensor *loss, clade_tensor *hit,
                                  clade_tensor *dlogits, const clade_tensor *logits,
                                  const clade_tensor *labels, float scale)
{
    const clade__check check = {commands, "cross_entropy"};
    CLADE_TRY(clade__check_tensor(&check, "logits", logits, CLADE_FLOAT32));
    const int64_t rows = clade__shape_rows(logits->shape), cols = clade__shape_cols(logits->shape);
    CLADE_TRY(clade__check_count(&check, "labels", labels, CLADE_INT32, rows));
    CLADE_TRY(clade__check_count(&check, "loss", loss, CLADE_FLOAT32, rows));
    if (hit) CLADE_TRY(clade__check_count(&check, "hit", hit, CLADE_FLOAT32, rows));
    if (dlogits)
        CLADE_TRY(clade__check_shape(&check, "dlogits", dlogits, CLADE_FLOAT32, logits->shape));
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "cross_entropy",
            .kernel = "cross_entropy",
            CLADE__ROWS(clade__rows_of(commands, cols), rows),
            CLADE__ARGS(clade__arg_tensor(loss), clade__arg_tensor(hit), clade__arg_tensor(dlogits),
                        clade__arg_tensor(logits), clade__arg_tensor(labels), clade__arg_int(rows),
                        clade__arg_int(cols), clade__arg_float(scale)),
        });
}

clade_status clade_cross_entropy(clade_tensor *loss, clade_tensor *hit, clade_tensor *dlogits,
                                 const clade_tensor *logits, const clade_tensor *labels,
                                 float scale)
{
    return clade__cross_entropy(clade__immediate_of(logits), loss, hit, dlogits, logits, labels,
                                scale);
}

#include <stdio.h>

#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

clade_status clade__bce_with_logits(clade__commands *commands, clade_tensor *loss,
                                    clade_tensor *dlogits, const clade_tensor *logits,
                                    const clade_tensor *target,
                                    const clade_tensor *pos_weight, float scale)
{
    const clade__check check = {commands, "bce_with_logits"};
    CLADE_TRY(clade__check_tensor(&check, "logits", logits, CLADE_FLOAT32));
    const clade_shape shape = logits->shape;
    const int64_t rows = clade__shape_rows(shape), cols = clade__shape_cols(shape);
    CLADE_TRY(clade__check_shape(&check, "target", target, CLADE_FLOAT32, shape));
    CLADE_TRY(clade__check_count(&check, "loss", loss, CLADE_FLOAT32, rows));
    if (dlogits) CLADE_TRY(clade__check_shape(&check, "dlogits", dlogits, CLADE_FLOAT32, shape));
    if (pos_weight)
        CLADE_TRY(clade__check_count(&check, "pos_weight", pos_weight, CLADE_FLOAT32, cols));
    /* On a CPU by vectors even where rows are short: exp and log of one float at a time are slow. */
    const bool by_vectors = cols >= 8 && clade__item_vector(clade__commands_device(commands)) > 1;
    clade__launch launch = {
        .program = "bce_with_logits",
        .kernel = "bce_with_logits",
        CLADE__ROWS(by_vectors ? clade__wide_rows(commands) : clade__rows_of(commands, cols), rows),
        CLADE__ARGS(clade__arg_tensor(loss), clade__arg_tensor(dlogits), clade__arg_tensor(logits),
                    clade__arg_tensor(target), clade__arg_int(rows), clade__arg_int(cols),
                    clade__arg_float(scale)),
    };
    char options[64];
    if (pos_weight) {
        snprintf(options, sizeof options, "%s -DPOS_WEIGHT=1", launch.options);
        launch.options = options;
        launch.args[launch.n_args++] = clade__arg_tensor(pos_weight);
    }
    return clade__commands_launch(commands, &launch);
}

clade_status clade_bce_with_logits(clade_tensor *loss, clade_tensor *dlogits,
                                   const clade_tensor *logits, const clade_tensor *target,
                                   const clade_tensor *pos_weight, float scale)
{
    return clade__bce_with_logits(clade__immediate_of(logits), loss, dlogits, logits, target,
                                  pos_weight, scale);
}

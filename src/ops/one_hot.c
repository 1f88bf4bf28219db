#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

clade_status clade__one_hot(clade__commands *commands, clade_tensor *target,
                            const clade_tensor *labels)
{
    const clade__check check = {commands, "one_hot"};
    CLADE_TRY(clade__check_tensor(&check, "target", target, CLADE_FLOAT32));
    const int64_t rows = clade__shape_rows(target->shape), cols = clade__shape_cols(target->shape);
    CLADE_TRY(clade__check_count(&check, "labels", labels, CLADE_INT32, rows));
    return clade__commands_launch(commands,
                                  &(clade__launch){
                                      .program = "one_hot",
                                      .kernel = "one_hot",
                                      CLADE__ELEMENTS(rows * cols),
                                      CLADE__ARGS(clade__arg_tensor(target),
                                                  clade__arg_tensor(labels), clade__arg_int(rows),
                                                  clade__arg_int(cols)),
                                  });
}

clade_status clade_one_hot(clade_tensor *target, const clade_tensor *labels)
{
    return clade__one_hot(clade__immediate_of(target), target, labels);
}

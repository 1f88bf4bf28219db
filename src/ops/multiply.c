#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

clade_status clade__multiply_forward(clade__commands *commands, clade_tensor *y,
                                     const clade_tensor *a, const clade_tensor *b, bool add)
{
    const clade__check check = {commands, "multiply"};
    char options[64];
    CLADE_TRY(clade__check_tensor(&check, "a", a, CLADE_FLOAT32));
    CLADE_TRY(clade__check_shape(&check, "b", b, CLADE_FLOAT32, a->shape));
    CLADE_TRY(clade__check_shape(&check, "y", y, CLADE_FLOAT32, a->shape));
    const int64_t n = clade_tensor_elements(a);
    return clade__commands_launch(commands,
                                  &(clade__launch){
                                      .program = "multiply",
                                      .kernel = "multiply_forward",
                                      .options = clade__options_adding(options, NULL, add),
                                      CLADE__ELEMENTS(n),
                                      CLADE__ARGS(clade__arg_tensor(y), clade__arg_tensor(a),
                                                  clade__arg_tensor(b), clade__arg_int(n)),
                                  });
}

clade_status clade_multiply_forward(clade_tensor *y, const clade_tensor *a, const clade_tensor *b)
{
    return clade__multiply_forward(clade__immediate_of(a), y, a, b, false);
}

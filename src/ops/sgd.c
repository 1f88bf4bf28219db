#include <math.h>

#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

clade_status clade__sgd_step(clade__commands *commands, clade_tensor *w, clade_tensor *velocity,
                             const clade_tensor *grad, const clade_tensor *scale,
                             const clade__sgd_rates *rates)
{
    const clade__check check = {commands, "sgd"};
    const bool plain = rates->momentum == 0.0f;
    CLADE_TRY(clade__check_tensor(&check, "w", w, CLADE_FLOAT32));
    CLADE_TRY(clade__check_shape(&check, "grad", grad, CLADE_FLOAT32, w->shape));
    if (!plain)
        CLADE_TRY(clade__check_shape(&check, "velocity", velocity, CLADE_FLOAT32, w->shape));
    if (scale) CLADE_TRY(clade__check_count(&check, "scale", scale, CLADE_FLOAT32, 1));
    CLADE_TRY(clade__check_range(&check, "momentum", rates->momentum, 0, INFINITY));
    CLADE_TRY(clade__check_range(&check, "weight_decay", rates->weight_decay, 0, INFINITY));
    const int64_t n = clade_tensor_elements(w);
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "sgd",
            .kernel = "sgd_step",
            .options = plain             ? "-DVARIANT=0"
                       : rates->nesterov ? "-DVARIANT=2"
                                         : "-DVARIANT=1",
            CLADE__ELEMENTS(n),
            CLADE__ARGS(clade__arg_tensor(w), clade__arg_tensor(plain ? NULL : velocity),
                        clade__arg_tensor(grad), clade__arg_int(n), clade__arg_tensor(scale),
                        clade__arg_float_ref(rates->lr), clade__arg_float(rates->momentum),
                        clade__arg_float(rates->weight_decay)),
        });
}

clade_status clade_sgd_step(clade_tensor *w, clade_tensor *velocity, const clade_tensor *grad,
                            const clade_sgd_args *args)
{
    CLADE_WANT(args);
    CLADE_WANT_UNUSED("sgd", args->reserved);
    const clade__check check = {NULL, "sgd"};
    CLADE_TRY(clade__check_range(&check, "lr", args->lr, 0, INFINITY));
    return clade__sgd_step(clade__immediate_of(w), w, velocity, grad, args->scale,
                           &(clade__sgd_rates){.lr = &args->lr,
                                               .momentum = args->momentum,
                                               .weight_decay = args->weight_decay,
                                               .nesterov = args->nesterov});
}

#include <math.h>

#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

void clade__adam_corrections(float beta1, float beta2, int64_t step, float *correction1,
                             float *correction2)
{
    *correction1 = (float)(1.0 / (1.0 - pow(beta1, (double)step)));
    *correction2 = (float)(1.0 / sqrt(1.0 - pow(beta2, (double)step)));
}

static clade_status check_rates(const clade__check *check, const clade__adam_rates *rates)
{
    CLADE_TRY(clade__check_range(check, "beta1", rates->beta1, 0, 1));
    CLADE_TRY(clade__check_range(check, "beta2", rates->beta2, 0, 1));
    CLADE_TRY(clade__check_range(check, "epsilon", rates->epsilon, 0, INFINITY));
    return clade__check_range(check, "weight_decay", rates->weight_decay, 0, INFINITY);
}

clade_status clade__adam_step(clade__commands *commands, clade_tensor *w, clade_tensor *m,
                              clade_tensor *v, const clade_tensor *grad,
                              const clade_tensor *scale, const clade__adam_rates *rates)
{
    const clade__check check = {commands, "adam"};
    CLADE_TRY(clade__check_tensor(&check, "w", w, CLADE_FLOAT32));
    CLADE_TRY(clade__check_shape(&check, "m", m, CLADE_FLOAT32, w->shape));
    CLADE_TRY(clade__check_shape(&check, "v", v, CLADE_FLOAT32, w->shape));
    CLADE_TRY(clade__check_shape(&check, "grad", grad, CLADE_FLOAT32, w->shape));
    if (scale) CLADE_TRY(clade__check_count(&check, "scale", scale, CLADE_FLOAT32, 1));
    CLADE_TRY(check_rates(&check, rates));
    const int64_t n = clade_tensor_elements(w);
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "adam",
            .kernel = "adam_step",
            .options = rates->decoupled ? "-DDECOUPLED=1" : "-DDECOUPLED=0",
            CLADE__ELEMENTS(n),
            CLADE__ARGS(clade__arg_tensor(w), clade__arg_tensor(m), clade__arg_tensor(v),
                        clade__arg_tensor(grad), clade__arg_int(n), clade__arg_tensor(scale),
                        clade__arg_float_ref(rates->lr), clade__arg_float_ref(rates->correction1),
                        clade__arg_float_ref(rates->correction2),
                        (clade__arg){CLADE__ARG_FLOAT4,
                                     {.floats = {rates->beta1, rates->beta2, rates->epsilon,
                                                 rates->weight_decay}}}),
        });
}

clade_status clade_adam_step(clade_tensor *w, clade_tensor *m, clade_tensor *v,
                             const clade_tensor *grad, const clade_adam_args *args)
{
    CLADE_WANT(args);
    CLADE_WANT_UNUSED("adam", args->reserved);
    const clade__check check = {NULL, "adam"};
    CLADE_TRY(clade__check_range(&check, "lr", args->lr, 0, INFINITY));
    CLADE_TRY(clade__check_range(&check, "step", (double)args->step, 1, INFINITY));
    float correction1, correction2;
    clade__adam_corrections(args->beta1, args->beta2, args->step, &correction1, &correction2);
    return clade__adam_step(clade__immediate_of(w), w, m, v, grad, args->scale,
                            &(clade__adam_rates){.lr = &args->lr,
                                                 .correction1 = &correction1,
                                                 .correction2 = &correction2,
                                                 .beta1 = args->beta1,
                                                 .beta2 = args->beta2,
                                                 .epsilon = args->epsilon,
                                                 .weight_decay = args->weight_decay,
                                                 .decoupled = args->decoupled});
}

/* An optimizer's defaults, ranges and sizes; its step is in optimizer_step.c. */
#include <math.h>

#include "graph/executable.h"

static const char *const names[] = {"sgd", "adam", "adamw"};

const char *clade_optimizer_name(clade_optimizer_kind kind)
{
    return (unsigned)kind < 3 ? names[kind] : NULL;
}

clade_optimizer clade_sgd(float lr, float momentum)
{
    return (clade_optimizer){.kind = CLADE_OPTIMIZER_SGD, .lr = lr, .momentum = momentum};
}

clade_optimizer clade_adam(float lr)
{
    return (clade_optimizer){.kind = CLADE_OPTIMIZER_ADAM, .lr = lr};
}

clade_optimizer clade_adamw(float lr, float weight_decay)
{
    return (clade_optimizer){
        .kind = CLADE_OPTIMIZER_ADAMW, .lr = lr, .weight_decay = weight_decay};
}

/* Whether the value is finite, at least low, and below high. */
static clade_status check_range(const char *name, float value, float low, float high)
{
    if (value >= low && value < high) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "optimizer: %s is %g, want at least %g and less than %g", name,
                       (double)value, (double)low, (double)high);
}

clade_status clade__optimizer_resolve(clade_optimizer *optimizer)
{
    if (!clade_optimizer_name(optimizer->kind))
        return clade__fail(CLADE_EINVAL, "optimizer: unknown kind %d", (int)optimizer->kind);
    bool sgd = optimizer->kind == CLADE_OPTIMIZER_SGD;
    if (optimizer->lr == 0.0f) optimizer->lr = sgd ? 0.01f : 0.001f;
    if (optimizer->beta1 == 0.0f) optimizer->beta1 = 0.9f;
    if (optimizer->beta2 == 0.0f) optimizer->beta2 = 0.999f;
    if (optimizer->epsilon == 0.0f) optimizer->epsilon = 1e-8f;
    CLADE_TRY(check_range("lr", optimizer->lr, 0.0f, HUGE_VALF));
    CLADE_TRY(check_range("weight_decay", optimizer->weight_decay, 0.0f, HUGE_VALF));
    CLADE_TRY(check_range("momentum", optimizer->momentum, 0.0f, 1.0f));
    CLADE_TRY(check_range("beta1", optimizer->beta1, 0.0f, 1.0f));
    CLADE_TRY(check_range("beta2", optimizer->beta2, 0.0f, 1.0f));
    CLADE_TRY(check_range("epsilon", optimizer->epsilon, 0.0f, HUGE_VALF));
    CLADE_TRY(check_range("clip_norm", optimizer->clip_norm, 0.0f, HUGE_VALF));
    if (!sgd && (optimizer->momentum != 0.0f || optimizer->nesterov))
        return clade__fail(CLADE_EINVAL, "optimizer: %s has no momentum; that is sgd's",
                           clade_optimizer_name(optimizer->kind));
    if (optimizer->nesterov && optimizer->momentum == 0.0f)
        return clade__fail(CLADE_EINVAL, "optimizer: nesterov wants a momentum above 0");
    return CLADE_OK;
}

int clade__optimizer_n_states(const clade_optimizer *optimizer)
{
    if (optimizer->kind == CLADE_OPTIMIZER_SGD) return optimizer->momentum != 0.0f ? 1 : 0;
    return 2;
}

int64_t clade__optimizer_partials(const clade__executable *exe)
{
    int64_t n = 0;
    for (int i = 0; exe->optimizer.clip_norm > 0.0f && i < exe->graph->n_parameters; i++)
        if (exe->parameters[i].trains)
            n += clade__clip_norm_partials(exe->device,
                                           clade_shape_elements(exe->graph->parameters[i].shape));
    return n;
}

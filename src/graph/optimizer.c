/* The optimizer of a model: its defaults, its state, and its step over all parameters. */
#include <math.h>
#include <stdlib.h>

#include "graph/model.h"
#include "ops/ops.h"

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

static float decay_of(const clade_optimizer *o, bool is_bias)
{
    return o->decay_weights_only && is_bias ? 0.0f : o->weight_decay;
}

clade__sgd_rates clade__optimizer_sgd_rates(const clade_model *model)
{
    const clade_optimizer *o = &model->optimizer;
    return (clade__sgd_rates){.lr = &model->lr, .momentum = o->momentum,
                              .weight_decay = o->weight_decay, .bias_decay = decay_of(o, true),
                              .nesterov = o->nesterov};
}

static clade_status record_one(clade_model *model, clade__commands *commands, clade__parameter *p)
{
    const clade_optimizer *o = &model->optimizer;
    if (o->kind == CLADE_OPTIMIZER_SGD) {
        clade__sgd_rates rates = clade__optimizer_sgd_rates(model);
        rates.weight_decay = decay_of(o, p->is_bias);
        return clade__sgd_step(commands, p->value, p->state[0], p->grad, model->clip_scale, &rates);
    }
    clade__adam_rates rates = {.lr = &model->lr, .correction1 = &model->correction1,
                               .correction2 = &model->correction2, .beta1 = o->beta1,
                               .beta2 = o->beta2, .epsilon = o->epsilon,
                               .weight_decay = decay_of(o, p->is_bias),
                               .decoupled = o->kind == CLADE_OPTIMIZER_ADAMW};
    return clade__adam_step(commands, p->value, p->state[0], p->state[1], p->grad,
                            model->clip_scale, &rates);
}

/* The label of the layer that has the parameter. */
static const char *layer_of(const clade_model *model, int parameter)
{
    for (int i = 1; i < model->n_nodes; i++)
        for (int k = 0; k < model->nodes[i]->n_parameters; k++)
            if (model->nodes[i]->parameters[k] == parameter) return model->nodes[i]->label;
    return NULL;
}

int64_t clade__optimizer_partials(const clade_model *model)
{
    int64_t n = 0;
    for (int i = 0; model->optimizer.clip_norm > 0.0f && i < model->n_parameters; i++)
        n += clade__clip_norm_partials(model->device,
                                       clade_shape_elements(model->parameters[i].shape));
    return n;
}

static clade_status record_clipping(clade_model *model, clade__commands *commands)
{
    clade_tensor **grads = calloc((size_t)model->n_parameters, sizeof(clade_tensor *));
    if (!grads) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    for (int i = 0; i < model->n_parameters; i++) grads[i] = model->parameters[i].grad;
    clade__commands_scope(commands, CLADE_PHASE_OPTIMIZER, NULL);
    clade_status status =
        clade__clip_norm(commands, model->clip_scale, model->clip_partials, grads,
                         model->n_parameters, model->optimizer.clip_norm);
    free(grads);
    return status;
}

clade_status clade__optimizer_record(clade_model *model, clade__commands *commands)
{
    if (model->clip_scale) CLADE_TRY(record_clipping(model, commands));
    for (int i = 0; i < model->n_parameters; i++) {
        if (model->parameters[i].fused) continue;
        clade__commands_scope(commands, CLADE_PHASE_OPTIMIZER, layer_of(model, i));
        CLADE_TRY(record_one(model, commands, &model->parameters[i]));
    }
    return CLADE_OK;
}

void clade__optimizer_advance(clade_model *model)
{
    model->step++;
    model->mask_step = (int32_t)model->step;
    if (model->optimizer.kind != CLADE_OPTIMIZER_SGD)
        clade__adam_corrections(model->optimizer.beta1, model->optimizer.beta2, model->step,
                                &model->correction1, &model->correction2);
}

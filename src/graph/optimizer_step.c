/* The optimizer's step over all parameters that train. */
#include <stdlib.h>

#include "graph/session.h"

/* The first group has the learning rate itself. */
static const float *lr_of(const clade__session *session, const clade__executable *exe, int parameter)
{
    int group = exe->parameters[parameter].group;
    return group == 0 ? &session->numbers.lr : &session->group_lrs[group];
}

clade__sgd_rates clade__optimizer_sgd_rates(const clade__session *session,
                                            const clade__executable *exe, int parameter)
{
    const clade_optimizer *o = &exe->optimizer;
    return (clade__sgd_rates){.lr = lr_of(session, exe, parameter), .momentum = o->momentum,
                              .weight_decay = exe->parameters[parameter].decay,
                              .nesterov = o->nesterov};
}

static clade_status record_one(clade__session *session, const clade__executable *exe,
                               clade__commands *commands, int i)
{
    const clade_optimizer *o = &exe->optimizer;
    const clade__parameter_tensors *t = &session->parameters[i];
    if (o->kind == CLADE_OPTIMIZER_SGD) {
        clade__sgd_rates rates = clade__optimizer_sgd_rates(session, exe, i);
        return clade__sgd_step(commands, t->value, t->state[0], t->grad, session->clip_scale, &rates);
    }
    clade__adam_rates rates = {.lr = lr_of(session, exe, i),
                               .correction1 = &session->numbers.correction1,
                               .correction2 = &session->numbers.correction2, .beta1 = o->beta1,
                               .beta2 = o->beta2, .epsilon = o->epsilon,
                               .weight_decay = exe->parameters[i].decay,
                               .decoupled = o->kind == CLADE_OPTIMIZER_ADAMW};
    return clade__adam_step(commands, t->value, t->state[0], t->state[1], t->grad,
                            session->clip_scale, &rates);
}

clade_status clade__optimizer_record_clipping(clade__session *session, const clade__executable *exe,
                                              clade__commands *commands)
{
    int n = 0;
    if (!session->clip_scale) return CLADE_OK;
    clade_tensor **grads = calloc((size_t)exe->graph->n_parameters, sizeof(clade_tensor *));
    if (!grads) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    for (int i = 0; i < exe->graph->n_parameters; i++)
        if (session->parameters[i].grad) grads[n++] = session->parameters[i].grad;
    clade__commands_scope(commands, CLADE_PHASE_OPTIMIZER, NULL);
    clade_status status = clade__clip_norm(commands, session->clip_scale, session->clip_partials, grads,
                                           n, exe->optimizer.clip_norm);
    free(grads);
    return status;
}

/* Of every gradient, or of those in one bucket. */
static clade_status record_steps(clade__session *session, const clade__executable *exe,
                                 clade__commands *commands, bool all, int bucket)
{
    for (int i = 0; i < exe->graph->n_parameters; i++) {
        if (!session->parameters[i].grad) continue;
        if (!all && session->bucket_plan.places[i].bucket != bucket) continue;
        clade__commands_scope(commands, CLADE_PHASE_OPTIMIZER,
                              exe->graph->parameters[i].layer->label);
        CLADE_TRY(record_one(session, exe, commands, i));
    }
    return CLADE_OK;
}

clade_status clade__optimizer_record_bucket(clade__session *session, const clade__executable *exe,
                                            clade__commands *commands, int bucket)
{
    return record_steps(session, exe, commands, false, bucket);
}

clade_status clade__optimizer_record(clade__session *session, const clade__executable *exe,
                                     clade__commands *commands)
{
    CLADE_TRY(clade__optimizer_record_clipping(session, exe, commands));
    return record_steps(session, exe, commands, true, 0);
}

void clade__optimizer_advance(clade__session *session, const clade__executable *exe)
{
    session->step++;
    session->numbers.mask_step = (int32_t)session->step;
    for (int i = 1; i < exe->n_groups; i++)
        session->group_lrs[i] = session->numbers.lr * exe->lr_factors[i];
    clade__optimizer_correct(session, exe, session->step);
}

void clade__optimizer_correct(clade__session *session, const clade__executable *exe, int64_t n_updates)
{
    if (exe->optimizer.kind == CLADE_OPTIMIZER_SGD) return;
    clade__adam_corrections(exe->optimizer.beta1, exe->optimizer.beta2, n_updates,
                            &session->numbers.correction1, &session->numbers.correction2);
}

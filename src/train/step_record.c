/* What own steps keep with a model: recorded parts, and the sums that losses come to. */
#include <stdlib.h>

#include "graph/dry_run.h"
#include "train/pass.h"
#include "train/step.h"

/* ---- with the model ---------------------------------------------------------------------------- */

static void close_losses(clade__steps *steps)
{
    clade__step_losses *l = &steps->losses;
    clade_tensor_free(l->sums);
    clade_tensor_free(l->totals);
    clade_tensor_free(l->means);
    for (int i = 0; l->labels && i < steps->model->graph.n_losses; i++) clade_tensor_free(l->labels[i]);
    free(l->labels);
    free(l->index);
    *l = (clade__step_losses){0};
}

static void close_recorded(clade__recorded *recorded)
{
    clade__commands_free(recorded->commands);
    clade__plan_close(&recorded->plan);
}

static void free_steps(void *kept)
{
    clade__steps *steps = kept;
    for (int i = 0; i < steps->n; i++) close_recorded(&steps->list[i]);
    clade__commands_free(steps->update);
    close_losses(steps);
    free(steps);
}

clade_status clade__steps_of(clade__steps **out, clade_model *model)
{
    *out = model->steps;
    if (*out) return CLADE_OK;
    *out = calloc(1, sizeof **out);
    if (!*out) return clade__fail(CLADE_ENOMEM, "no memory for a step");
    (*out)->model = model;
    model->steps = *out;
    model->steps_free = free_steps;
    return CLADE_OK;
}

/* ---- losses ------------------------------------------------------------------------------------ */

bool clade__loss_counts(const clade__loss *loss)
{
    return loss->ignores && loss->target && loss->target->dtype == CLADE_INT32;
}

static clade_status open_losses(clade__step_losses *l, const clade_model *model)
{
    const clade__graph *graph = &model->graph;
    int n = graph->n_losses;
    l->labels = calloc((size_t)n, sizeof(clade_tensor *));
    l->index = calloc((size_t)n, sizeof *l->index);
    if (!l->labels || !l->index) return clade__fail(CLADE_ENOMEM, "no memory for a step");
    for (int i = 0; i < n; i++) {
        const clade__loss *loss = &graph->losses[i];
        l->index[i] = i;
        if (clade__loss_counts(loss))
            CLADE_TRY(clade_tensor_create(&l->labels[i], model->device, CLADE_INT32,
                                          CLADE_SHAPE(clade__loss_rows(loss, model->exe.batch)), NULL));
    }
    CLADE_TRY(clade_tensor_create(&l->sums, model->device, CLADE_FLOAT32,
                                  CLADE_SHAPE(n, CLADE__N_SUMS), NULL));
    CLADE_TRY(clade_tensor_create(&l->totals, model->device, CLADE_FLOAT32, CLADE_SHAPE(n), NULL));
    return clade_tensor_create(&l->means, model->device, CLADE_FLOAT32, CLADE_SHAPE(1 + n), NULL);
}

clade_status clade__steps_open_losses(clade__steps *steps)
{
    if (steps->losses.means) return CLADE_OK;
    clade_status status = open_losses(&steps->losses, steps->model);
    if (status != CLADE_OK) close_losses(steps);
    return status;
}

/* ---- recording --------------------------------------------------------------------------------- */

/* The part's losses; the sums are the same commands as those of a pass. */
static clade_status record_training(clade__steps *steps, clade__recorded *r)
{
    clade_model *model = steps->model;
    const clade__step_losses *l = &steps->losses;
    clade__plan *plan = &r->plan;
    plan->of = r->kind.of;
    plan->add = r->kind.add;
    for (int i = 0; i < model->graph.n_losses; i++)
        if (clade__loss_counts(&model->graph.losses[i]))
            plan->losses[i].total = (clade__rows_total){l->totals, &l->index[i]};
    CLADE_TRY(clade__plan_record(plan, r->commands, true));
    clade__commands_scope(r->commands, CLADE_PHASE_METRICS, NULL);
    for (int i = 0; i < model->graph.n_losses; i++) {
        const clade__plan_loss *loss = &plan->losses[i];
        CLADE_TRY(clade__metrics_store(r->commands, l->sums, &l->index[i], &loss->loss,
                                       loss->has_labels ? &loss->hit : NULL, r->kind.later));
    }
    return r->kind.update ? clade__record_update(model, r->commands) : CLADE_OK;
}

static clade_status record(clade__steps *steps, clade__recorded *r)
{
    clade_model *model = steps->model;
    CLADE_TRY(clade__commands_create(&r->commands, model->device));
    CLADE_TRY(clade__plan_open(&r->plan, &(clade__plan_options){
                                             .exe = &model->exe, .session = &model->session,
                                             .training = r->kind.training, .batch = r->kind.n,
                                             .has_labels = r->kind.has_labels}));
    if (r->kind.training) return record_training(steps, r);
    return clade__plan_record(&r->plan, r->commands, false);
}

/* Tries the gemms that are new before the model's memory is taken, as a pass does; a model that has it, and
 * leaves too little, goes without. */
static clade_status prepare(clade_model *model, const clade__part_kind *kind)
{
    clade_status status = clade__dry_run_check(&model->exe, kind->training, kind->n);
    if (status == CLADE_EDEVICEMEM && model->session.materialized) status = CLADE_OK;
    return status == CLADE_OK ? clade__model_materialize(model) : status;
}

/* ---- what was recorded ------------------------------------------------------------------------- */

static bool same_kind(const clade__part_kind *a, const clade__part_kind *b)
{
    return a->n == b->n && a->training == b->training && a->update == b->update && a->add == b->add &&
           a->later == b->later && a->has_labels == b->has_labels && a->of == b->of;
}

/* Where a new one goes: in place of the one that was not needed for the longest time, if need be. */
static clade__recorded *make_place(clade__steps *steps)
{
    clade__recorded *oldest = &steps->list[0];
    if (steps->n < CLADE__MAX_RECORDED) return &steps->list[steps->n++];
    for (int i = 1; i < steps->n; i++)
        if (steps->list[i].used < oldest->used) oldest = &steps->list[i];
    close_recorded(oldest);
    return oldest;
}

clade_status clade__steps_find(clade__steps *steps, const clade__part_kind *kind, clade__recorded **out)
{
    for (int i = 0; i < steps->n; i++) {
        *out = &steps->list[i];
        if (!same_kind(&(*out)->kind, kind)) continue;
        (*out)->used = ++steps->clock;
        return CLADE_OK;
    }
    clade__recorded made = {.kind = *kind, .used = ++steps->clock};
    CLADE_TRY(prepare(steps->model, kind));
    clade_status status = record(steps, &made);
    if (status != CLADE_OK) {
        close_recorded(&made);
        return status;
    }
    *out = make_place(steps);
    **out = made;
    return CLADE_OK;
}

clade_status clade__steps_find_update(clade__steps *steps, clade__commands **out)
{
    if (!steps->update) {
        clade__commands *made = NULL;
        clade_status status = clade__model_materialize(steps->model);
        if (status == CLADE_OK) status = clade__commands_create(&made, steps->model->device);
        if (status == CLADE_OK) status = clade__record_update(steps->model, made);
        if (status != CLADE_OK) {
            clade__commands_free(made);
            return status;
        }
        steps->update = made;
    }
    *out = steps->update;
    return CLADE_OK;
}

/* Where a training diverged. Its steps since the copy are made again, by the same commands and so to
 * the same bits. The last ones are run scope by scope, as their commands were recorded: what each scope
 * has left is read and looked at, and the first number that is not finite has a layer. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "train/fit.h"

#define WAIT_STEPS 64 /* the host is not further ahead of the device */
#define LOOK_STEPS 3  /* of a rank, up to where it was noticed: it began in one of these, see fit.c */

typedef struct replay {
    clade__fit *f;
    clade__fit_state at; /* how far it is */
    bool in_step;        /* what is looked at is not from before it */
    int64_t scope;       /* counts those that were looked at */
    struct {
        int64_t scope; /* the count then */
        clade_divergence diverged;
        char what[320]; /* what was found, and what to try; "" before */
    } found;
} replay;

/* ---- the steps again --------------------------------------------------------------------------- */

static clade_status shuffle(const replay *r)
{
    return clade__pass_shuffle(&r->f->train, r->f->model->session.seed,
                               r->at.first_epoch + r->at.epochs);
}

static clade_status begin(replay *r)
{
    CLADE_TRY(clade__fit_go_back(r->f));
    r->at = r->f->kept.state;
    return shuffle(r);
}

/* Before a step. */
static clade_status prepare(replay *r)
{
    clade__fit *f = r->f;
    f->model->session.numbers.lr = clade__schedule_lr(&f->schedule, &r->at.plateau, r->at.step);
    if (r->at.epoch_step < f->train.n_batches) return CLADE_OK;
    r->at.epochs++;
    r->at.epoch_step = 0;
    return shuffle(r);
}

static clade_status run_step(replay *r)
{
    float loss;
    CLADE_TRY(prepare(r));
    CLADE_TRY(clade__pass_run(&r->f->train, r->at.epoch_step));
    return (r->at.step + 1) % WAIT_STEPS == 0 ? clade__pass_read_loss(&r->f->train, &loss) : CLADE_OK;
}

/* ---- what is found ----------------------------------------------------------------------------- */

static clade_phase phase_of(const clade__left *left)
{
    switch (left->kind) {
    case CLADE__LEFT_X:
    case CLADE__LEFT_TARGET: return CLADE_PHASE_FEED;
    case CLADE__LEFT_Y: return CLADE_PHASE_FORWARD;
    case CLADE__LEFT_GRADIENT: return left->layer ? CLADE_PHASE_BACKWARD : CLADE_PHASE_LOSS;
    case CLADE__LEFT_PARAMETER: return CLADE_PHASE_OPTIMIZER;
    default: return CLADE_PHASE_LOSS;
    }
}

/* Element `index` of the batch's samples or targets, in the numbers of the data. */
static void tell_sample(replay *r, const clade__part *part, const clade__left *left, int64_t index)
{
    const clade__feed *feed = &r->f->train.feed;
    int64_t cols = clade_tensor_elements(&left->tensor) / part->n;
    char what[96] = "target";
    if (left->kind == CLADE__LEFT_X) snprintf(what, sizeof what, "feature");
    if (feed->data->n_fields > 0) snprintf(what, sizeof what, "'%.64s' at", left->layer->name);
    snprintf(r->found.what, sizeof r->found.what, "the network sees %s %lld of sample %lld of '%.100s' as "
             "no finite number; look at that sample, and at how the data is scaled", what,
             (long long)(index % cols), (long long)feed->host_order[part->first + index / cols],
             feed->data->name);
}

static const char *advice(const replay *r, const clade__left *left)
{
    if (!r->in_step)
        return r->at.step == 0 ? "it was so when training began" : "it was so some steps before";
    if (r->at.step == 0 && left->kind != CLADE__LEFT_PARAMETER) /* no rate has done anything yet */
        return left->kind == CLADE__LEFT_Y
                   ? "the numbers are too large from the start: try to standardize the data "
                     "(--standardize), or smaller initial weights"
                   : "the numbers are too large from the start: try to standardize the data "
                     "(--standardize), or to scale the targets";
    return r->f->model->exe.optimizer.clip_norm > 0.0f
               ? "try a smaller learning rate"
               : "try a smaller learning rate, or to clip gradients by norm (clip_norm)";
}

static void tell_layer(replay *r, const clade__left *left)
{
    static const char *const what[] = {[CLADE__LEFT_Y] = "the output of ",
                                       [CLADE__LEFT_LOSS] = "the loss",
                                       [CLADE__LEFT_GRADIENT] = "the gradient of ",
                                       [CLADE__LEFT_PARAMETER] = "a parameter of "};
    const clade__layer *at = left->layer;
    const char *when = left->kind != CLADE__LEFT_PARAMETER ? ""
                       : r->in_step                        ? ", after its update"
                                                           : ", before the step";
    char layer[160] = "";
    if (left->kind == CLADE__LEFT_GRADIENT) snprintf(layer, sizeof layer, "the loss");
    if (at)
        snprintf(layer, sizeof layer, "layer '%.64s' (%s, %lld to %lld)", at->name, at->type->name,
                 (long long)clade_shape_elements(at->inputs[0]->shape),
                 (long long)clade_shape_elements(at->outputs[0].shape));
    snprintf(r->found.what, sizeof r->found.what, "%s%s is first not finite%s; %s", what[left->kind], layer,
             when, advice(r, left));
}

static void found(replay *r, const clade__part *part, const clade__left *left, int64_t index)
{
    clade_divergence *diverged = &r->found.diverged;
    r->found.scope = r->scope;
    *diverged = (clade_divergence){.step = r->at.step + 1, .phase = phase_of(left)};
    if (left->layer && diverged->phase != CLADE_PHASE_FEED)
        snprintf(diverged->layer, sizeof diverged->layer, "%s", left->layer->name);
    if (diverged->phase == CLADE_PHASE_FEED)
        tell_sample(r, part, left, index);
    else
        tell_layer(r, left);
}

/* ---- one step by its scopes -------------------------------------------------------------------- */

/* The first element that is not finite; -1 for none. */
static clade_status find(const clade_tensor *tensor, int64_t *index)
{
    int64_t n = clade_tensor_elements(tensor);
    float *values = malloc((size_t)n * sizeof *values);
    if (!values) return clade__fail(CLADE_ENOMEM, "no memory to look at %lld numbers", (long long)n);
    clade_status status = clade_tensor_read(tensor, values);
    *index = 0;
    while (status == CLADE_OK && *index < n && isfinite(values[*index])) ++*index;
    if (*index == n) *index = -1;
    free(values);
    return status;
}

/* What a scope has left, while it is looked at. */
typedef struct look {
    replay *r;
    const clade__part *part;
} look;

static clade_status look_at(void *user, const clade__left *left)
{
    const look *l = user;
    int64_t index = -1;
    if (l->r->found.what[0]) return CLADE_OK;
    CLADE_TRY(find(&left->tensor, &index));
    if (index >= 0) found(l->r, l->part, left, index);
    return CLADE_OK;
}

static clade_status look_at_scope(replay *r, const clade__part *part, const clade__plan *plan,
                                  const clade__scope *scope)
{
    CLADE_TRY(clade__plan_left(plan, scope, look_at, &(look){r, part}));
    if (scope->phase != CLADE_PHASE_METRICS) return CLADE_OK;
    float loss; /* the sum of finite ones may be infinite */
    CLADE_TRY(clade__pass_read_loss(&r->f->train, &loss));
    if (!isfinite(loss)) found(r, part, &(clade__left){.kind = CLADE__LEFT_LOSS}, 0);
    return CLADE_OK;
}

static clade_status open_plan(const replay *r, clade__plan *plan, int64_t batch)
{
    clade_model *model = r->f->model;
    return clade__plan_open(plan, &(clade__plan_options){
                                      .exe = &model->exe, .session = &model->session, .training = true,
                                      .batch = batch,
                                      .has_labels = r->f->train.feed.data->labels != NULL});
}

/* Ranks go to the step's end together. */
static bool is_enough(const replay *r)
{
    return r->found.what[0] && !r->f->together;
}

static clade_status look_at_part(replay *r, const clade__part *part)
{
    clade__plan plan;
    clade__scope scope;
    clade_status status = open_plan(r, &plan, part->n);
    for (size_t from = 0; status == CLADE_OK && from < clade__commands_count(part->commands) &&
                          !is_enough(r); r->scope++) {
        status = clade__commands_run_scope(part->commands, &from, &scope);
        if (status == CLADE_OK) status = look_at_scope(r, part, &plan, &scope);
    }
    clade__plan_close(&plan);
    return status;
}

/* At the parameters before the first step that is looked at: a model may be broken from the beginning. The batch
 * is one that the layers allow. */
static clade_status look_before(replay *r)
{
    const clade__graph *graph = &r->f->model->graph;
    clade__plan plan;
    clade_status status = open_plan(r, &plan, r->f->model->exe.micro_batch);
    for (int i = 0; status == CLADE_OK && i < graph->n_layers && !r->found.what[0]; i++)
        status = look_at_scope(r, NULL, &plan,
                               &(clade__scope){CLADE_PHASE_OPTIMIZER, graph->layers[i]->label});
    clade__plan_close(&plan);
    r->in_step = true;
    return status;
}

static clade_status look_at_parts(replay *r, int64_t index)
{
    clade__pass *pass = &r->f->train;
    int64_t n_parts = clade__pass_n_parts(pass, index);
    clade__part part;
    for (int64_t i = 0; i < n_parts && !is_enough(r); i++) {
        CLADE_TRY(clade__pass_feed(pass, index, i, &part));
        CLADE_TRY(part.n > 0 ? look_at_part(r, &part) : clade__commands_run(part.commands));
    }
    return CLADE_OK;
}

static clade_status look_at_step(replay *r)
{
    clade__pass *pass = &r->f->train;
    bool any;
    if (!r->in_step) CLADE_TRY(look_before(r));
    CLADE_TRY(prepare(r));
    clade__pass_begin(pass, r->at.epoch_step);
    CLADE_TRY(clade__pass_end(pass, look_at_parts(r, r->at.epoch_step)));
    return clade__fit_first_finding(r->f, r->found.what[0] ? r->found.scope : -1, &r->found,
                                    sizeof r->found, &any);
}

static clade_status search(replay *r)
{
    clade__fit *f = r->f;
    const int64_t from = f->noticed_step - clade__fit_apart_steps(f, LOOK_STEPS);
    CLADE_TRY(begin(r));
    while (r->at.step < f->noticed_step && !clade__fit_stop_asked(f)) {
        CLADE_TRY(r->at.step >= from ? look_at_step(r) : run_step(r));
        if (r->found.what[0]) break;
        r->at.step++;
        r->at.epoch_step++;
    }
    return clade__fit_go_back(f);
}

clade_status clade__fit_diverged(clade__fit *f)
{
    replay r = {.f = f};
    char noticed[256], text[320];
    int64_t from = f->kept.state.step;
    snprintf(noticed, sizeof noticed, "%s", clade_error());
    snprintf(text, sizeof text, "%s: finding out where, from step %lld on", noticed, (long long)from);
    if (f->options->on_message && f->ranks.rank == 0) f->options->on_message(text, f->options->user);
    double began = clade__seconds();
    clade_status status = search(&r);
    f->paused += clade__seconds() - began;
    if (status != CLADE_OK)
        return clade__fail(status, "%s; looking for the layer failed: %s", noticed, clade_error());
    if (f->state.epochs == 0 && from > 0) /* else the folder has a model of the last epoch's end */
        clade__run_log_take(&f->log, f->model, f->kept.values);
    if (r.found.what[0]) f->result->diverged = r.found.diverged;
    if (r.found.what[0])
        return clade__fail(CLADE_EDIVERGED, "training diverged: in step %lld (epoch %lld) %s",
                           (long long)r.at.step + 1, (long long)r.at.epochs + 1, r.found.what);
    if (clade__fit_stop_asked(f))
        return clade__fail(CLADE_EDIVERGED, "%s; try a smaller learning rate (looking for the layer "
                           "was stopped)", noticed);
    return clade__fail(CLADE_EDIVERGED, "%s, but the same steps made again from step %lld on are: "
                       "this device does not compute the same twice; see what clade verify says of "
                       "it, or take another device or driver", noticed, (long long)from);
}

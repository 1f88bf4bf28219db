#include "train/step.h"

#include "data/dataset.h"
#include "device/owner.h"
#include "device/profile.h"
#include "ops/check.h"

/* ---- the order of an epoch --------------------------------------------------------------------- */

clade_status clade_shuffle(int32_t *order, int64_t n, uint64_t seed, int64_t epoch)
{
    CLADE_WANT(order);
    if (n < 1 || n > INT32_MAX || epoch < 0)
        return clade__fail(CLADE_EINVAL, "shuffle: %lld samples in epoch %lld, want 1 to %d in one from 0 "
                           "on", (long long)n, (long long)epoch, INT32_MAX);
    clade__shuffle(order, n, seed, epoch);
    return CLADE_OK;
}

clade_status clade_model_shuffle(clade_model *model, int32_t *order, int64_t n)
{
    CLADE_WANT(model);
    CLADE_TRY(clade_shuffle(order, n, model->session.seed, model->session.epoch));
    model->session.epoch++;
    return CLADE_OK;
}

/* ---- forward ----------------------------------------------------------------------------------- */

static clade_status run_forward(clade__steps *steps, const clade_batch *batch, clade_tensor *y)
{
    const clade_model *model = steps->model;
    int64_t each = clade_shape_elements(model->output->shape), n = 0;
    for (int64_t done = 0; done < batch->n; done += n) {
        clade__recorded *r;
        n = batch->n - done < model->exe.infer_batch ? batch->n - done : model->exe.infer_batch;
        CLADE_TRY(clade__steps_find(steps, &(clade__part_kind){.n = n}, &r));
        CLADE_TRY(clade__batch_send(batch, done, &r->plan));
        CLADE_TRY(clade__commands_run(r->commands));
        clade_tensor part = clade__tensor_part(y, done * each, r->plan.y.shape);
        CLADE_TRY(clade__tensor_copy(&part, &r->plan.y, CLADE_PHASE_VALIDATION));
    }
    return CLADE_OK;
}

static clade_status forward(clade_model *model, const clade_batch *batch, clade_tensor *y)
{
    clade__steps *steps;
    CLADE_TRY(clade__check_compiled(model, "forward", false));
    CLADE_TRY(clade__batch_check(model, batch, "forward", false));
    CLADE_TRY(clade__batch_check_tensor(model, "forward", "y", y, batch->n, model->output));
    CLADE_TRY(clade__steps_of(&steps, model));
    int64_t begun = clade__profile_host_begin(model->device);
    CLADE_TRY(run_forward(steps, batch, y));
    clade__profile_host_end(model->device, "forward", model->session.step, begun);
    return CLADE_OK;
}

clade_status clade_forward(clade_model *model, const clade_batch *batch, clade_tensor *y)
{
    CLADE_WANT(model);
    CLADE_WANT(batch);
    CLADE_WANT(y);
    CLADE_TRY(clade__device_take(model->device, "forward"));
    return clade__device_give(model->device, forward(model, batch, y));
}

/* ---- a call that trains ------------------------------------------------------------------------ */

/* A batch, and what is to be done with it. */
typedef struct call {
    clade__steps *steps;
    const clade_batch *batch;
    clade_tensor *loss;
    bool update;
    int64_t before; /* samples of the step's parts before */
} call;

static clade__part_kind kind_of(const call *c, int64_t done)
{
    const clade_batch *batch = c->batch;
    int64_t most = c->steps->model->exe.micro_batch, left = batch->n - done;
    return (clade__part_kind){.n = left < most ? left : most,
                              .training = true,
                              .update = c->update && left <= most,
                              .add = batch->add || done > 0,
                              .later = done > 0,
                              .has_labels = batch->answers && batch->answers->dtype == CLADE_INT32,
                              .of = batch->step_samples ? batch->step_samples : batch->n};
}

/* All parts are recorded before the first one runs: what fails leaves the model as it was. */
static clade_status record_parts(const call *c)
{
    clade__recorded *r;
    CLADE_TRY(clade__steps_open_losses(c->steps));
    for (int64_t done = 0, n; done < c->batch->n; done += n) {
        const clade__part_kind kind = kind_of(c, done);
        CLADE_TRY(clade__steps_find(c->steps, &kind, &r));
        n = kind.n;
    }
    return CLADE_OK;
}

static clade_status run_parts(const call *c)
{
    CLADE_TRY(clade__batch_count(c->steps, c->batch));
    for (int64_t done = 0, n; done < c->batch->n; done += n) {
        clade__recorded *r;
        const clade__part_kind kind = kind_of(c, done);
        n = kind.n;
        CLADE_TRY(clade__steps_find(c->steps, &kind, &r));
        CLADE_TRY(clade__batch_send(c->batch, done, &r->plan));
        c->steps->model->session.numbers.first_row = (int32_t)(c->before + done);
        CLADE_TRY(clade__commands_run(r->commands));
    }
    return CLADE_OK;
}

static clade_status average(clade__steps *steps, int64_t n)
{
    const clade__graph *graph = &steps->model->graph;
    const clade__step_losses *l = &steps->losses;
    clade__commands *commands = clade__immediate(steps->model->device);
    for (int i = 0; i < graph->n_losses; i++) {
        const clade__loss *loss = &graph->losses[i];
        bool counts = clade__loss_counts(loss);
        float scale = counts ? loss->weight : loss->weight / (float)clade__loss_rows(loss, n);
        CLADE_TRY(clade__loss_mean(commands, l->means, l->sums,
                                   &(clade__rows_total){counts ? l->totals : NULL, &l->index[i]}, scale));
    }
    return CLADE_OK;
}

static clade_status give_loss(const call *c)
{
    clade__commands *commands = clade__immediate(c->steps->model->device);
    if (!c->loss) return CLADE_OK;
    clade__commands_scope(commands, CLADE_PHASE_METRICS, NULL);
    clade_status status = average(c->steps, c->batch->n);
    clade__commands_scope(commands, CLADE_PHASE_OTHER, NULL);
    CLADE_TRY(status);
    int64_t first = clade_tensor_elements(c->loss) == 1 ? 0 : 1; /* the sum, or each */
    const clade_tensor wanted = clade__tensor_part(c->steps->losses.means, first, c->loss->shape);
    return clade__tensor_copy(c->loss, &wanted, CLADE_PHASE_METRICS);
}

/* ---- what may be asked ------------------------------------------------------------------------- */

static clade_status check_loss(const clade_model *model, const clade_tensor *loss, const char *what)
{
    const clade__check check = {clade__immediate(model->device), what};
    if (!loss) return CLADE_OK;
    CLADE_TRY(clade__check_tensor(&check, "loss", loss, CLADE_FLOAT32));
    int64_t n = clade_tensor_elements(loss);
    if (n == 1 || n == model->graph.n_losses) return CLADE_OK;
    return clade__fail(CLADE_ESHAPE, "%s: loss has %lld elements, want 1, or one for each of %d losses",
                       what, (long long)n, model->graph.n_losses);
}

static clade_status check_call(clade_model *model, const clade_batch *batch, const clade_tensor *loss,
                               const char *what)
{
    CLADE_TRY(clade__check_compiled(model, what, true));
    CLADE_TRY(clade__batch_check(model, batch, what, true));
    return check_loss(model, loss, what);
}

/* Whether all gradients are stored. */
static clade_status check_stored(const clade_model *model, const char *what)
{
    for (int i = 0; i < model->graph.n_parameters; i++)
        if (model->exe.parameters[i].stepped)
            return clade__fail_stepped(&model->graph.parameters[i], what);
    return CLADE_OK;
}

/* Whether the batch can be the part of a step that it says to be. */
static clade_status check_part(const call *c)
{
    const clade_model *model = c->steps->model;
    long long n = (long long)c->batch->n, of = (long long)c->batch->step_samples;
    if (c->batch->add && c->before == 0)
        return clade__fail(CLADE_ESTATE, "gradients: there are none to add to since the last update: the "
                           "first call of a step is without add");
    if (of == 0) return CLADE_OK;
    if (of > INT32_MAX || of < c->before + n)
        return clade__fail(CLADE_EINVAL, "gradients: step_samples is %lld, and the parts so far, with this "
                           "one, have %lld", of, (long long)c->before + n);
    for (int i = 0; of > n && i < model->graph.n_losses; i++)
        if (clade__loss_counts(&model->graph.losses[i]))
            return clade__fail(CLADE_EINVAL, "gradients: a loss ignores rows, and how many count in the other "
                               "parts of the step is not known: give the batch whole, to a model that is "
                               "compiled with accumulate");
    return CLADE_OK;
}

/* ---- gradients, update, step ------------------------------------------------------------------- */

static clade_status gradients(clade_model *model, const clade_batch *batch, clade_tensor *loss)
{
    call c = {.batch = batch, .loss = loss};
    CLADE_TRY(check_call(model, batch, loss, "gradients"));
    CLADE_TRY(check_stored(model, "gradients"));
    CLADE_TRY(clade__steps_of(&c.steps, model));
    int64_t step = model->session.step + 1;
    c.before = batch->add && c.steps->begun_step == step ? c.steps->begun_samples : 0;
    CLADE_TRY(check_part(&c));
    CLADE_TRY(record_parts(&c));
    int64_t begun = clade__profile_host_begin(model->device);
    model->session.numbers.mask_step = (int32_t)step; /* it is counted by the update */
    CLADE_TRY(run_parts(&c));
    CLADE_TRY(give_loss(&c));
    c.steps->begun_step = step;
    c.steps->begun_samples = c.before + batch->n;
    clade__profile_host_end(model->device, "gradients", step, begun);
    return CLADE_OK;
}

clade_status clade_gradients(clade_model *model, const clade_batch *batch, clade_tensor *loss)
{
    CLADE_WANT(model);
    CLADE_WANT(batch);
    CLADE_TRY(clade__device_take(model->device, "gradients"));
    return clade__device_give(model->device, gradients(model, batch, loss));
}

static clade_status update(clade_model *model)
{
    clade__steps *steps;
    clade__commands *commands;
    CLADE_TRY(clade__check_compiled(model, "update", true));
    CLADE_TRY(check_stored(model, "update"));
    CLADE_TRY(clade__steps_of(&steps, model));
    CLADE_TRY(clade__steps_find_update(steps, &commands));
    int64_t begun = clade__profile_host_begin(model->device);
    clade__optimizer_advance(&model->session, &model->exe);
    CLADE_TRY(clade__commands_run(commands));
    clade__profile_host_end(model->device, "update", model->session.step, begun);
    return CLADE_OK;
}

clade_status clade_update(clade_model *model)
{
    CLADE_WANT(model);
    CLADE_TRY(clade__device_take(model->device, "update"));
    return clade__device_give(model->device, update(model));
}

static clade_status step(clade_model *model, const clade_batch *batch, clade_tensor *loss)
{
    call c = {.batch = batch, .loss = loss, .update = true};
    CLADE_TRY(check_call(model, batch, loss, "step"));
    if (batch->add || (batch->step_samples && batch->step_samples != batch->n))
        return clade__fail(CLADE_EINVAL, "step: a batch that is a part of a step (add, step_samples) is for "
                           "clade_gradients");
    CLADE_TRY(clade__steps_of(&c.steps, model));
    CLADE_TRY(record_parts(&c));
    int64_t begun = clade__profile_host_begin(model->device);
    clade__optimizer_advance(&model->session, &model->exe);
    CLADE_TRY(run_parts(&c));
    CLADE_TRY(give_loss(&c));
    clade__profile_host_end(model->device, "step", model->session.step, begun);
    return CLADE_OK;
}

clade_status clade_step(clade_model *model, const clade_batch *batch, clade_tensor *loss)
{
    CLADE_WANT(model);
    CLADE_WANT(batch);
    CLADE_TRY(clade__device_take(model->device, "step"));
    return clade__device_give(model->device, step(model, batch, loss));
}

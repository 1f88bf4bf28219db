/* A user's batch: whether it is what the network takes, and its way to a plan. */
#include "ops/check.h"
#include "train/step.h"

/* ---- checks ------------------------------------------------------------------------------------ */

static clade_status fail_shape(const char *what, const char *name, clade_shape got, clade_shape want)
{
    char got_text[CLADE__SHAPE_TEXT_BYTES], want_text[CLADE__SHAPE_TEXT_BYTES];
    return clade__fail(CLADE_ESHAPE, "%s: %s is %s, want %s", what, name,
                       clade__shape_text(got_text, sizeof got_text, got),
                       clade__shape_text(want_text, sizeof want_text, want));
}

/* (n, sample…), which may be flat; the type has been looked at. */
static clade_status check_samples(const char *what, const char *name, const clade_tensor *tensor,
                                  clade_shape want)
{
    clade_shape got = tensor->shape;
    if (got.rank >= 1 && got.dim[0] == want.dim[0] &&
        clade_shape_elements(got) == clade_shape_elements(want))
        return CLADE_OK;
    return fail_shape(what, name, got, want);
}

clade_status clade__batch_check_tensor(const clade_model *model, const char *what, const char *name,
                                       const clade_tensor *tensor, int64_t n, const clade_node *node)
{
    const clade__check check = {clade__immediate(model->device), what};
    CLADE_TRY(clade__check_tensor(&check, name, tensor, node->dtype));
    return check_samples(what, name, tensor, clade__batch_shape(n, node->shape));
}

static clade_status check_answers(const clade_model *model, const clade_batch *batch, const char *what)
{
    const clade__loss *loss = &model->graph.losses[0];
    const clade__check check = {clade__immediate(model->device), what};
    const clade_tensor *answers = batch->answers;
    if (loss->target && answers)
        return clade__fail(CLADE_EINVAL, "%s: answers are given, and the network's losses have inputs as "
                           "targets, such as '%s'", what, loss->target->layer->name);
    if (loss->target) return CLADE_OK;
    bool labels = loss->kind == CLADE_LOSS_CROSS_ENTROPY || (answers && answers->dtype == CLADE_INT32);
    CLADE_TRY(clade__check_tensor(&check, "answers", answers, labels ? CLADE_INT32 : CLADE_FLOAT32));
    int64_t rows = clade__loss_rows(loss, 1);
    clade_shape want = !labels ? clade__batch_shape(batch->n, loss->prediction->shape)
                       : rows == 1 ? CLADE_SHAPE(batch->n) : CLADE_SHAPE(batch->n, rows);
    return check_samples(what, "answers", answers, want);
}

static clade_status check_size(const clade_model *model, const clade_batch *batch, const char *what,
                               bool training)
{
    long long n = (long long)batch->n;
    if (n < 1 || n > INT32_MAX)
        return clade__fail(CLADE_EINVAL, "%s: a batch of %lld samples, want at least 1", what, n);
    if (!training || batch->n <= model->exe.batch) return CLADE_OK;
    return clade__fail(CLADE_ESHAPE, "%s: a batch of %lld samples, and the model is compiled for %lld: "
                       "compile it for more (accumulate does them in parts), or give parts of the step to "
                       "clade_gradients, with add and step_samples", what, n,
                       (long long)model->exe.batch);
}

clade_status clade__batch_check(const clade_model *model, const clade_batch *batch, const char *what,
                                bool training)
{
    const clade__graph *graph = &model->graph;
    CLADE_WANT_UNUSED(what, batch->reserved);
    CLADE_TRY(check_size(model, batch, what, training));
    if (!batch->inputs) return clade__fail(CLADE_EINVAL, "%s: inputs is NULL", what);
    if (batch->n_inputs != graph->n_inputs)
        return clade__fail(CLADE_EINVAL, "%s: %d inputs, and the network has %d; the first is '%s'", what,
                           batch->n_inputs, graph->n_inputs, graph->inputs[0]->name);
    for (int i = 0; i < graph->n_inputs; i++) {
        const clade_node *node = &graph->inputs[i]->outputs[0];
        if (!training && !batch->inputs[i] && node->n_users == 0) continue;
        CLADE_TRY(clade__batch_check_tensor(model, what, node->layer->name, batch->inputs[i], batch->n,
                                            node));
    }
    return training ? check_answers(model, batch, what) : CLADE_OK;
}

/* ---- on their way ------------------------------------------------------------------------------ */

/* As many samples as dst has, from number `first` on. */
static clade_status send(clade_tensor dst, const clade_tensor *src, int64_t first,
                         const clade__plan *plan)
{
    int64_t each = clade_tensor_elements(&dst) / plan->batch;
    const clade_tensor part = clade__tensor_part(src, first * each, dst.shape);
    return clade__tensor_copy(&dst, &part, clade__layout_phase(plan->layout, CLADE_PHASE_FEED));
}

clade_status clade__batch_send(const clade_batch *batch, int64_t first, clade__plan *plan)
{
    const clade__plan_loss *loss = &plan->losses[0];
    for (int i = 0; i < batch->n_inputs; i++)
        if (batch->inputs[i]) CLADE_TRY(send(plan->inputs[i], batch->inputs[i], first, plan));
    if (!plan->layout->training || !batch->answers) return CLADE_OK;
    return send(loss->has_labels ? loss->labels : loss->target, batch->answers, first, plan);
}

static const clade_tensor *target_of(const clade_model *model, const clade_batch *batch,
                                     const clade__loss *loss)
{
    int i = 0;
    while (model->graph.inputs[i] != loss->target->layer) i++;
    return batch->inputs[i];
}

/* The labels are copied since a batch may begin anywhere in the caller's memory, and a kernel's tensor
 * may not. */
clade_status clade__batch_count(clade__steps *steps, const clade_batch *batch)
{
    const clade__graph *graph = &steps->model->graph;
    const clade__step_losses *l = &steps->losses;
    for (int i = 0; i < graph->n_losses; i++) {
        const clade__loss *loss = &graph->losses[i];
        if (!clade__loss_counts(loss)) continue;
        int64_t cols = clade__shape_cols(loss->prediction->shape);
        clade_tensor labels =
            clade__tensor_part(l->labels[i], 0, CLADE_SHAPE(clade__loss_rows(loss, batch->n)));
        CLADE_TRY(clade__tensor_copy(&labels, target_of(steps->model, batch, loss), CLADE_PHASE_FEED));
        CLADE_TRY(clade__count_rows(clade__immediate(steps->model->device),
                                    &(clade__rows_total){l->totals, &l->index[i]}, &labels,
                                    &(clade__row_rule){.n_classes = cols > 1 ? cols : 2,
                                                       .has_ignore = true,
                                                       .ignore_index = loss->ignore_index}));
    }
    return CLADE_OK;
}

/* What a step of a job of several ranks has beside one of a single rank: where its gradients join. */
#include "train/pass.h"

clade_status clade__pass_open_join(clade__pass *pass)
{
    const clade__session *session = &pass->model->session;
    if (!pass->ranks || !pass->training || pass->turns) return CLADE_OK;
    return clade__join_open(&pass->join, &(clade__join_options){.ranks = pass->ranks,
                                                                .device = pass->model->device,
                                                                .buckets = session->buckets,
                                                                .n_buckets = session->bucket_plan.n});
}

clade_status clade__record_update(clade_model *model, clade__commands *commands)
{
    return clade__optimizer_record(&model->session, &model->exe, commands);
}

/* A bucket is ready behind the last of its layers. */
static clade_status behind_layer(void *user, clade__commands *commands, int layer)
{
    clade__ready *ready = user;
    const clade__bucket_plan *plan = &ready->pass->model->session.bucket_plan;
    while (ready->n < plan->n && plan->last_layers[ready->n] >= layer)
        CLADE_TRY(clade__join_record_ready(ready->pass->join, commands, ready->n++));
    return CLADE_OK;
}

void clade__pass_record_ready(clade__ready *ready, clade__plan *plan)
{
    plan->behind = behind_layer;
    plan->behind_user = ready;
}

clade_status clade__pass_record_join(clade__pass *pass, clade__ready *ready, clade__commands *commands)
{
    clade_model *model = pass->model;
    int n = model->session.bucket_plan.n;
    bool clips = model->session.clip_scale != NULL; /* by the norm of them all */
    CLADE_TRY(behind_layer(ready, commands, -1));
    for (int i = 0; clips && i < n; i++) CLADE_TRY(clade__join_record_wait(pass->join, commands, i));
    CLADE_TRY(clade__optimizer_record_clipping(&model->session, &model->exe, commands));
    for (int i = 0; i < n; i++) {
        if (!clips) CLADE_TRY(clade__join_record_wait(pass->join, commands, i));
        CLADE_TRY(clade__optimizer_record_bucket(&model->session, &model->exe, commands, i));
    }
    return CLADE_OK;
}

/* Only a short last batch leaves a rank without rows. */
clade_status clade__pass_record_nothing(clade__pass *pass, clade__commands *commands)
{
    const clade__session *session = &pass->model->session;
    int64_t cols = clade__shape_cols(pass->sums->shape);
    clade_tensor sums = clade__tensor_part(pass->sums, (pass->n_batches - 1) * pass->n_losses * cols,
                                           CLADE_SHAPE(pass->n_losses, cols));
    clade__commands_scope(commands, CLADE_PHASE_BACKWARD, NULL);
    for (int i = 0; i < session->bucket_plan.n; i++)
        CLADE_TRY(clade__commands_zero(commands, session->buckets[i]));
    clade__commands_scope(commands, CLADE_PHASE_METRICS, NULL);
    CLADE_TRY(clade__commands_zero(commands, &sums));
    return clade__pass_record_join(pass, &(clade__ready){.pass = pass}, commands);
}

/* Evaluating and predicting. */
#include <stdlib.h>
#include <string.h>

#include "device/owner.h"
#include "train/evaluate.h"
#include "train/outputs.h"

/* Two log points ahead of the device at most: a stop need not wait for more. */
static clade_status run_batches(clade__pass *pass, const clade__span_of_rows *mine,
                                const volatile sig_atomic_t *stop, clade__transfer *transfer, int64_t *n_done)
{
    clade__pace pace = clade__pace_begin();
    int64_t sent = mine->first, n = mine->first, end = mine->first + mine->n;
    while (n < end && !(stop && *stop)) {
        CLADE_TRY(clade__pass_run(pass, n++));
        if (n - sent < pace.interval && n < end) continue;
        CLADE_TRY(clade__transfer_wait(transfer));
        CLADE_TRY(clade__pass_read_begin(pass, sent, n, transfer));
        clade__pace_next(&pace);
        sent = n;
        *n_done = n - mine->first;
    }
    return CLADE_OK;
}

/* Each rank's batches are 0 for all the others. Where one rank was stopped nothing counts. */
static clade_status sum_up(clade__pass *pass, const clade__span_of_rows *mine, int64_t *n_done)
{
    double missing = (double)(mine->n - *n_done);
    CLADE_TRY(clade__ranks_sum_doubles(pass->ranks, &missing, 1));
    CLADE_TRY(clade__pass_sum_up(pass, 0, pass->n_batches));
    *n_done = missing == 0.0 ? pass->n_batches : 0;
    return CLADE_OK;
}

clade_status clade__pass_evaluate(clade__pass *pass, const volatile sig_atomic_t *stop,
                                  clade_metrics *metrics)
{
    clade__transfer transfer = {0};
    clade__span_of_rows mine = {.n = pass->n_batches};
    int64_t n_done = 0;
    if (pass->ranks) {
        mine = clade__shares_of(pass->shares, pass->n_batches);
        clade__pass_clear_sums(pass);
    }
    clade_status status = run_batches(pass, &mine, stop, &transfer, &n_done);
    clade_status waited = clade__transfer_wait(&transfer);
    if (status == CLADE_OK) status = waited;
    if (status == CLADE_OK) status = clade__pass_read_more(pass, mine.first, mine.first + n_done);
    if (status == CLADE_OK && pass->ranks) status = sum_up(pass, &mine, &n_done);
    *metrics = clade__pass_metrics(pass, n_done);
    return status;
}

static clade_status evaluate(clade_model *model, clade_data *data, clade_metrics *metrics)
{
    CLADE_TRY(clade__check_compiled(model, "evaluate", false));
    clade__pass pass;
    bool resident = clade__data_fits(model, data, false, model->exe.memory.total);
    CLADE_TRY(clade__pass_open(&pass, model, data, &(clade__pass_options){.resident = resident}));
    clade_status status = clade__pass_evaluate(&pass, NULL, metrics);
    clade__pass_close(&pass);
    return status;
}

clade_status clade_evaluate(clade_model *model, clade_data *data, clade_metrics *metrics)
{
    CLADE_WANT(model);
    CLADE_WANT(data);
    CLADE_WANT(metrics);
    CLADE_TRY(clade__device_take(model->device, "evaluate"));
    return clade__device_give(model->device, evaluate(model, data, metrics));
}

/* ---- predict --------------------------------------------------------------------------------- */

/* Records forward for one batch size, and the change of outputs into probabilities. */
static clade_status record_prediction(clade_model *model, clade__feed *feed, int64_t batch, bool raw,
                                      clade__plan *plan, clade__commands *commands)
{
    CLADE_TRY(clade__plan_open(plan, &(clade__plan_options){.exe = &model->exe,
                                                            .session = &model->session,
                                                            .batch = batch}));
    clade__commands_scope(commands, CLADE_PHASE_VALIDATION, NULL);
    CLADE_TRY(clade__feed_record(feed, plan, commands));
    CLADE_TRY(clade__plan_record(plan, commands, false));
    if (raw || model->loss == CLADE_LOSS_MSE || plan->y.dtype != CLADE_FLOAT32) return CLADE_OK;
    clade_tensor y = plan->y; /* over its last dimension */
    if (model->loss == CLADE_LOSS_CROSS_ENTROPY)
        return clade__softmax_forward(commands, &y, &y);
    return clade__activation_forward(commands, CLADE_SIGMOID, 0.0f, &y, &y);
}

/* A batch is read while the next one is gathered and run. */
static clade_status predict_batches(clade_model *model, clade__feed *feed, int64_t first, int64_t n,
                                    bool raw, float *outputs)
{
    clade__commands *commands = NULL;
    clade__plan plan = {0};
    clade__transfer read = {0};
    int64_t recorded = 0, outputs_each = clade_shape_elements(model->output->shape);
    clade_status status = CLADE_OK;
    for (int64_t done = 0; status == CLADE_OK && done < n; done += recorded) {
        int64_t batch = n - done < feed->max_batch ? n - done : feed->max_batch;
        if (batch != recorded) { /* the first, and a short last one */
            clade__commands_free(commands);
            clade__plan_close(&plan);
            commands = NULL;
            recorded = batch;
            status = clade__commands_create(&commands, model->device);
            if (status == CLADE_OK)
                status = record_prediction(model, feed, batch, raw, &plan, commands);
        }
        if (status == CLADE_OK) status = clade__feed_next(feed, first + done, batch);
        if (status == CLADE_OK) status = clade__commands_run(commands);
        if (status == CLADE_OK) status = clade__transfer_wait(&read);
        if (status == CLADE_OK)
            status = clade__tensor_read_begin(&plan.y, 0, outputs + done * outputs_each,
                                              clade_tensor_bytes(&plan.y), &read);
    }
    clade_status waited = clade__transfer_wait(&read);
    if (status == CLADE_OK) status = waited;
    clade__commands_free(commands);
    if (status == CLADE_OK && plan.y.dtype == CLADE_INT32) {
        for (int64_t i = 0; i < n * outputs_each; i++) {
            int32_t value;
            memcpy(&value, &outputs[i], sizeof value);
            outputs[i] = (float)value;
        }
    }
    clade__plan_close(&plan);
    return status;
}

static clade_status predict(clade_model *model, clade_data *data, int64_t first, int64_t n, bool raw,
                            float *outputs)
{
    CLADE_TRY(clade__check_compiled(model, "predict", false));
    if (first < 0 || n < 1 || first > data->n_samples || n > data->n_samples - first)
        return clade__fail(CLADE_EINVAL, "predict: %lld samples from number %lld on, of %lld",
                           (long long)n, (long long)first, (long long)data->n_samples);
    CLADE_TRY(clade__pass_check(model, false, n, NULL));
    CLADE_TRY(clade__model_materialize(model));
    clade__feed feed = {0};
    clade__binding binding;
    clade_status status = clade__bind(&binding, model, data, true);
    if (status == CLADE_OK)
        status = clade__feed_open(&feed, model->device, data, &binding.sources,
                                  &(clade__feed_options){.max_batch = model->exe.infer_batch});
    if (status == CLADE_OK) {
        status = predict_batches(model, &feed, first, n, raw, outputs);
        clade__feed_close(&feed);
    }
    clade__binding_free(&binding);
    if (status == CLADE_OK && !raw) clade__outputs_in_units(model, n, outputs);
    return status;
}

clade_status clade_predict(clade_model *model, clade_data *data, int64_t first, int64_t n, bool raw,
                           float *outputs)
{
    CLADE_WANT(model);
    CLADE_WANT(data);
    CLADE_WANT(outputs);
    CLADE_TRY(clade__device_take(model->device, "predict"));
    return clade__device_give(model->device, predict(model, data, first, n, raw, outputs));
}

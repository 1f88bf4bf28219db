/* clade_warm: all that a training, or a use of a model, will launch is launched once. What a driver builds, and
 * when, is its own business: PoCL compiles a kernel at its first launch with a size of group. So nothing is
 * listed here; batches of each size that there will be are made, on the data's own samples. */
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "device/owner.h"
#include "train/fit.h"
#include "train/outputs.h"

/* The first batch of a pass, and the last, which may be a short one. */
static clade_status run_ends(clade__pass *pass)
{
    CLADE_TRY(clade__pass_run(pass, 0));
    return pass->n_batches > 1 ? clade__pass_run(pass, pass->n_batches - 1) : CLADE_OK;
}

/* ---- a training -------------------------------------------------------------------------------- */

static clade_status run_steps(clade__fit *f)
{
    bool finite; /* or not: it is no training */
    f->model->session.numbers.lr = clade__schedule_lr(&f->schedule, &f->state.plateau, 0);
    CLADE_TRY(clade__pass_shuffle(&f->train, f->model->session.seed, f->model->session.epoch));
    CLADE_TRY(run_ends(&f->train));
    CLADE_TRY(clade__session_is_finite(&f->model->session, &f->model->exe, &finite));
    return f->options->validate ? run_ends(&f->valid) : CLADE_OK;
}

/* The model becomes what it was, however that went: clade__fit_open made the copy. */
static clade_status rehearse(clade__fit *f)
{
    clade_status status = run_steps(f);
    clade_status back = clade__fit_go_back(f);
    if (status == CLADE_OK) status = back;
    return status == CLADE_OK ? clade_device_finish(f->model->device) : status;
}

static clade_status warm_training(clade_model *model, clade_data *data, const clade_fit_options *options)
{
    clade_fit_options own = *options;
    clade_fit_result result = {0};
    own.run_dir = NULL;
    own.resume = false;
    own.on_progress = NULL;
    own.on_message = NULL;
    own.on_begin = NULL;
    return clade__fit_with(model, data, &own, &result, rehearse);
}

/* ---- a use ------------------------------------------------------------------------------------- */

static clade_status evaluate_ends(clade_model *model, clade_data *data)
{
    clade__pass pass;
    bool resident = clade__data_fits(model, data, false, model->exe.memory.total);
    CLADE_TRY(clade__pass_open(&pass, model, data, &(clade__pass_options){.resident = resident}));
    clade_status status = run_ends(&pass);
    if (status == CLADE_OK) status = clade_device_finish(model->device);
    clade__pass_close(&pass);
    return status;
}

/* So many samples at a time, as a report has them, and what is left at the data's end. */
static clade_status predict_ends(clade_model *model, clade_data *data)
{
    int64_t n_outputs = clade_shape_elements(model->output->shape);
    int64_t n = data->n_samples, chunk = clade__predict_chunk(n_outputs, n), n_last = n % chunk;
    float *outputs = malloc((size_t)chunk * (size_t)n_outputs * sizeof *outputs);
    if (!outputs) return clade__fail(CLADE_ENOMEM, "no memory for %lld predictions", (long long)chunk);
    clade_status status = clade_predict(model, data, 0, chunk, true, outputs);
    if (status == CLADE_OK) status = clade_predict(model, data, 0, 1, false, outputs);
    if (status == CLADE_OK && n_last > 0)
        status = clade_predict(model, data, n - n_last, n_last, true, outputs);
    free(outputs);
    return status;
}

/* A batch of zeros, with answers for the loss. */
static clade_status make_data(clade_data **out, const clade_model *model)
{
    const clade__graph *graph = &model->graph;
    int64_t n = model->exe.infer_batch, n_outputs = clade_shape_elements(model->output->shape);
    bool classes = model->loss == CLADE_LOSS_CROSS_ENTROPY;
    if (graph->n_inputs != 1 || graph->n_losses > 1)
        return clade__fail(CLADE_EINVAL, "warm: the network has several inputs or losses; give data for them");
    CLADE_TRY(clade__data_create(out, n, clade_model_input_shape(model), CLADE_FLOAT32,
                                 classes ? (int)clade__model_n_known(model) : 0, classes ? 0 : n_outputs));
    clade_data *data = *out;
    memset(data->values, 0, (size_t)(n * clade_shape_elements(data->shape)) * sizeof(float));
    if (data->labels) memset(data->labels, 0, (size_t)n * sizeof *data->labels);
    if (data->targets) memset(data->targets, 0, (size_t)(n * n_outputs) * sizeof *data->targets);
    return CLADE_OK;
}

/* Data without answers can only be predicted on. */
static clade_status warm_use(clade_model *model, clade_data *data)
{
    if (clade__check_data(model, data) == CLADE_OK) CLADE_TRY(evaluate_ends(model, data));
    return predict_ends(model, data);
}

static clade_status warm(clade_model *model, clade_data *data, const clade_fit_options *options)
{
    clade_data *made = NULL;
    CLADE_TRY(clade__check_compiled(model, "warm", false));
    CLADE_WANT_UNUSED("warm", options->reserved);
    if (options->job)
        return clade__fail(CLADE_EINVAL, "warm: it is for one process; leave the job out");
    if (model->exe.trains && !data)
        return clade__fail(CLADE_EINVAL, "warm: a model that is trained wants its data");
    if (model->exe.trains) return warm_training(model, data, options);
    if (!data) CLADE_TRY(make_data(&made, model));
    clade_status status = warm_use(model, made ? made : data);
    clade_data_free(made);
    return status;
}

clade_status clade_warm(clade_model *model, clade_data *data, const clade_fit_options *options)
{
    static const clade_fit_options defaults;
    CLADE_WANT(model);
    CLADE_TRY(clade__device_take(model->device, "warm"));
    return clade__device_give(model->device, warm(model, data, options ? options : &defaults));
}

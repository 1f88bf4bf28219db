/* The steps of a model of one's own, on data of one's own; and how long digits take to an accuracy. */
#include <math.h>

#include "bench/digits.h"
#include "bench/steps.h"
#include "train/fit_memory.h"

/* ---- steps ----------------------------------------------------------------------------------- */

static clade_status check_model(const clade_bench *bench, const clade_model *model, const clade_data *data)
{
    CLADE_TRY(clade__check_compiled(model, "bench", true));
    if (model->device != bench->device)
        return clade__fail(CLADE_EINVAL, "bench: the model is on another device than the bench");
    if (data->n_samples < model->exe.batch)
        return clade__fail(CLADE_EINVAL, "bench: '%s' has %lld samples, which are less than a batch of %lld",
                           data->name, (long long)data->n_samples, (long long)model->exe.batch);
    return CLADE_OK;
}

/* As clade_fit opens its pass. model and data are the caller's. */
static clade_status open_steps(clade__steps *steps, clade_model *model, const clade_data *data)
{
    clade__fit_memory plan;
    CLADE_TRY(clade__take_data(model, data));
    CLADE_TRY(clade__fit_memory_plan(&plan, model, data, &(clade_fit_options){0}));
    CLADE_TRY(clade__pass_check(model, true, data->n_samples, NULL));
    CLADE_TRY(clade__pass_open(&steps->pass, model, data,
                               &(clade__pass_options){.training = true, .resident = plan.train_resident}));
    steps->n_batches = steps->pass.n_samples / steps->pass.batch;
    return clade__pass_shuffle(&steps->pass, model->session.seed, 0);
}

static clade_status measure_model(clade_bench *bench, clade_model *model, const clade_data *data,
                                  clade_bench_train_result *result)
{
    clade__steps steps = {.device = bench->device};
    CLADE_TRY(check_model(bench, model, data));
    CLADE_TRY(clade__bench_limits(bench));
    result->batch = model->exe.batch;
    clade_status status = open_steps(&steps, model, data);
    steps.model = model;
    if (status == CLADE_OK) status = clade__steps_measure(bench, &steps, data, result);
    clade__pass_close(&steps.pass);
    return status;
}

clade_status clade_bench_model(clade_bench *bench, clade_model *model, const clade_data *data,
                               clade_bench_train_result *result)
{
    CLADE_WANT(result);
    *result = (clade_bench_train_result){0};
    CLADE_WANT(bench);
    CLADE_WANT(model);
    CLADE_WANT(data);
    return measure_model(bench, model, data, result);
}

/* ---- to an accuracy --------------------------------------------------------------------------- */

typedef struct goal {
    double wanted;
    clade_bench_accuracy_result *result;
} goal;

static bool goes_on(const clade_progress *progress, void *user)
{
    const goal *g = user;
    if (!progress->has_valid) return true;
    g->result->seconds = progress->seconds;
    g->result->steps = progress->step;
    g->result->epochs = progress->epoch;
    g->result->accuracy = progress->valid.accuracy;
    g->result->reached = progress->valid.accuracy >= g->wanted;
    return !g->result->reached;
}

/* max_steps: of a warm-up, which tells nothing; 0 else. */
static clade_status train(clade_bench *bench, clade_data *data, clade_data *valid, int64_t max_steps,
                          const goal *g)
{
    clade_model *model = NULL;
    clade_status status = clade__bench_digits_model(&model, bench, g->result->seed, false);
    if (status == CLADE_OK)
        status = clade_fit(model, data,
                           &(clade_fit_options){.epochs = CLADE__BENCH_DIGITS_EPOCHS, .max_steps = max_steps,
                                                .validate = valid, .on_progress = max_steps ? NULL : goes_on,
                                                .user = (void *)g}, NULL);
    clade_model_free(model);
    return status;
}

static clade_status train_to(clade_bench *bench, const goal *g)
{
    clade_data *data = NULL, *valid = NULL;
    clade_status status = clade__bench_digits(&data, &valid);
    /* The first training of a process compiles kernels. */
    if (status == CLADE_OK && !bench->has_trained) status = train(bench, data, valid, 2, g);
    bench->has_trained = bench->has_trained || status == CLADE_OK;
    if (status == CLADE_OK) status = train(bench, data, valid, 0, g);
    clade_data_free(valid);
    clade_data_free(data);
    return status;
}

clade_status clade_bench_accuracy(clade_bench *bench, double accuracy, uint64_t seed,
                                  clade_bench_accuracy_result *result)
{
    CLADE_WANT(result);
    *result = (clade_bench_accuracy_result){.seed = seed};
    CLADE_WANT(bench);
    if (!(accuracy > 0.0 && accuracy <= 1.0))
        return clade__fail(CLADE_EINVAL, "bench: the accuracy to train to is %g, want more than 0 and at most 1",
                           accuracy);
    return train_to(bench, &(goal){accuracy, result});
}

/* A scenario of test_faults.c: a training as one of two ranks, the other of which is made up and says what this
 * one says. */
#include "fault_scenarios.h"

#include <string.h>

#include "base/error.h"
#include "device/lane.h"
#include "dist/job.h"

enum { N = 24, N_VALUES = 8 };

static clade_status sum_floats(clade__transport *transport, float *values, int64_t n)
{
    (void)transport;
    for (int64_t i = 0; i < n; i++) values[i] += values[i];
    return CLADE_OK;
}

static clade_status sum_doubles(clade__transport *transport, double *values, int64_t n)
{
    (void)transport;
    for (int64_t i = 0; i < n; i++) values[i] += values[i];
    return CLADE_OK;
}

static clade_status broadcast(clade__transport *transport, void *bytes, size_t n_bytes, int root)
{
    (void)transport, (void)bytes, (void)n_bytes, (void)root;
    return CLADE_OK;
}

/* While set, the other rank's texts have another hash, which is what a report has behind its first 8 bytes. */
static bool differs;

static clade_status gather(clade__transport *transport, const void *mine, size_t n_bytes, void *all)
{
    char *bytes = all;
    for (int r = 0; r < transport->n_ranks; r++) memcpy(bytes + (size_t)r * n_bytes, mine, n_bytes);
    if (differs) bytes[n_bytes + 8] ^= 1;
    return CLADE_OK;
}

static clade_status barrier(clade__transport *transport)
{
    (void)transport;
    return CLADE_OK;
}

static const clade__transport_calls calls = {.sum_floats = sum_floats, .sum_doubles = sum_doubles,
                                             .broadcast = broadcast, .gather = gather, .barrier = barrier,
                                             .leave = barrier};

static struct clade_job make_up(void)
{
    return (struct clade_job){.own = {.name = "made up", .n_ranks = 2, .calls = &calls}};
}

/* Of texts that only seem to differ. */
static clade_status compare(void)
{
    struct clade_job job = make_up();
    job.transport = &job.own;
    differs = true;
    clade_status status = clade_job_compare(&job, "nothing", "a: 1\n");
    differs = false;
    return status;
}

static clade_status fit(clade_model *model, clade_data *data, double *result)
{
    static const float shares[2] = {1.0f, 2.0f};
    clade_fit_result fitted;
    struct clade_job job = make_up();
    job.transport = &job.own;
    CLADE_TRY(clade_fit(model, data, &(clade_fit_options){.epochs = 14, .validate = data, .job = &job,
                                                          .shares = shares, .share_auto = true}, &fitted));
    *result += (double)fitted.epochs;
    return CLADE_OK;
}

/* The other rank is as fast as this one, and begins with half as many batches. */
static clade_status fit_apart(clade_model *model, double *result)
{
    static const float shares[2] = {2.0f, 1.0f};
    clade_fit_result fitted;
    clade_data *data;
    struct clade_job job = make_up();
    job.transport = &job.own;
    CLADE_TRY(clade_data_open(&data, "random?n=96&features=3&classes=2"));
    clade_status status = clade_fit(model, data, &(clade_fit_options){
                                                     .epochs = 14, .job = &job, .shares = shares, .share_auto = true,
                                                     .parallel = CLADE_PARALLEL_WEIGHTED, .average_every = 1},
                                    &fitted);
    clade_data_free(data);
    *result += (double)fitted.epochs;
    return status;
}

static clade_status train(clade_device *device, double *result)
{
    clade_model *model;
    clade_data *data;
    CLADE_TRY(clade_data_open(&data, "random?n=24&features=3&classes=2"));
    clade_status status = clade_model_create(&model, device, 1);
    if (status == CLADE_OK) {
        clade_node *x = clade_batch_norm(clade_linear(clade_input(model, CLADE_SHAPE(3)), 4));
        clade_node *output = clade_linear(x, 2);
        status = clade_compile(model, output, &(clade_compile_options){.batch = N, .keep_gradients = true});
        if (status == CLADE_OK) status = fit(model, data, result);
        if (status == CLADE_OK) status = fit_apart(model, result);
        clade_model_free(model);
    }
    clade_data_free(data);
    return status;
}

/* There and back, by the device's own memory or by a copy. */
static clade_status copy(clade_device *device, clade_tensor *tensor, bool maps, double *result)
{
    clade__lane *lane;
    float room[N_VALUES], *values = NULL;
    clade__mark mark = {0};
    CLADE_TRY(clade__lane_open(&lane, device, maps));
    clade_status status = clade__mark_here(device, &mark, NULL);
    if (status == CLADE_OK) status = clade__mark_wait(&mark);
    if (status == CLADE_OK) status = clade__lane_fetch(lane, tensor, room, &values);
    if (status == CLADE_OK) {
        *result += (double)values[1];
        values[1] += 1.0f;
        status = clade__lane_put(lane, tensor, values);
    }
    clade__lane_free(lane);
    return status;
}

static clade_status copy_both_ways(clade_device *device, double *result)
{
    static const float zeros[N_VALUES];
    clade_tensor *tensor;
    CLADE_TRY(clade_tensor_create(&tensor, device, CLADE_FLOAT32, CLADE_SHAPE(N_VALUES), zeros));
    clade_status status = copy(device, tensor, true, result);
    if (status == CLADE_OK) status = copy(device, tensor, false, result);
    clade_tensor_free(tensor);
    return status;
}

clade_status fault_run_ranks(double *result)
{
    clade_device *device;
    *result = 0.0;
    CLADE_TRY(clade_device_open(&device, NULL));
    clade_status status = copy_both_ways(device, result);
    if (status == CLADE_OK) status = compare();
    if (status == CLADE_OK) status = train(device, result);
    clade_device_free(device);
    return status;
}

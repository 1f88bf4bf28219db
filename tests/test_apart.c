/* Ranks of a job that train apart, simu and weighted: what they come to is the average of models that were each
 * trained alone on the same batches; the same on all ranks, from run to run, and when it is resumed. The ranks are
 * threads here. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>

#include <clade/step.h>

#include "dist/job.h"
#include "network.h"
#include "thread_ranks.h"

static const char plain[] = "{\"input\":[4],\"layers\":[" LINEAR(30) "," RELU "," LINEAR(3) "]}";
/* What needs more of a step: masks, running statistics. */
static const char images[] = "{\"input\":[1,6,6],\"layers\":[{\"type\":\"conv2d\",\"out_channels\":5,\"kernel_size\":3},"
                             "{\"type\":\"batch_norm\"}," RELU ",{\"type\":\"flatten\"},"
                             "{\"type\":\"dropout\",\"p\":0.3}," LINEAR(3) "]}";

enum { EPOCHS = 3, SEED = 9 };

typedef struct apart_case {
    const char *name, *json;
    int n_ranks;
    int64_t n, batch, accumulate, every;
    clade_parallel parallel;
    clade_optimizer optimizer;
    const char *turns; /* the ranks that do an epoch's batches, again and again */
    float shares[3];
    bool stream;
} apart_case;

#define SGD(decay) {.kind = CLADE_OPTIMIZER_SGD, .lr = 0.1f, .momentum = 0.9f, .weight_decay = decay}
#define ADAM       {.kind = CLADE_OPTIMIZER_ADAM, .lr = 0.01f}
#define SIMU       CLADE_PARALLEL_SIMU
#define WEIGHTED   CLADE_PARALLEL_WEIGHTED

static const apart_case cases[] = {
    {"simu, once an epoch", plain, 2, 40, 5, 1, 0, SIMU, SGD(0.0f), "01", .stream = false},
    {"simu, streamed", plain, 2, 40, 5, 1, 2, SIMU, SGD(0.01f), "01", .stream = true},
    {"simu, in each step", plain, 3, 43, 5, 1, 1, SIMU, SGD(0.0f), "012", .stream = false},
    {"simu, adam in parts", plain, 2, 80, 10, 2, 3, SIMU, ADAM, "01", .stream = false},
    {"weighted", plain, 2, 63, 5, 1, 3, WEIGHTED, SGD(1.0f), "001", {2, 1}, .stream = false},
    {"weighted, once an epoch", plain, 3, 60, 5, 1, 0, WEIGHTED, SGD(0.5f), "0012", {2, 1, 1}, .stream = false},
    {"weighted without decay", plain, 2, 63, 5, 1, 0, WEIGHTED, SGD(0.0f), "001", {2, 1}, .stream = false},
    {"masks and statistics", images, 2, 43, 6, 1, 2, SIMU, SGD(0.0f), "01", .stream = false},
};
enum { N_CASES = sizeof cases / sizeof cases[0] };

/* What a rank does, and what came of it. */
typedef struct rank_work {
    const apart_case *c;
    const net_batch *all;
    clade_fit_options options;
    const char *folder;
    bool validates;
    int stopping_rank; /* asks for a stop after a while; -1: none */
    clade_status status[THREAD_MOST_RANKS];
    char message[THREAD_MOST_RANKS][600];
    float *parameters[THREAD_MOST_RANKS];
    int64_t n_parameters;
    clade_fit_result result[THREAD_MOST_RANKS];
    char last_message[600];
} rank_work;

static clade_compile_options compile_options(const apart_case *c)
{
    return (clade_compile_options){.optimizer = c->optimizer, .batch = c->batch, .accumulate = c->accumulate};
}

typedef struct user {
    rank_work *w;
    int rank;
} user;

static bool on_progress(const clade_progress *progress, void *context)
{
    const user *u = context;
    return u->rank != u->w->stopping_rank || progress->step < 20;
}

static void on_message(const char *text, void *context)
{
    const user *u = context;
    snprintf(u->w->last_message, sizeof u->w->last_message, "%s", text);
}

static clade_status train(clade_model *model, rank_work *w, clade_job *job)
{
    int rank = clade_job_rank(job);
    user u = {w, rank};
    clade_data *data = net_data(model, w->all, 3);
    clade_fit_options options = w->options;
    options.job = job;
    options.parallel = w->c->parallel;
    options.average_every = w->c->every;
    options.stream = w->c->stream;
    options.shares = w->c->shares[0] > 0.0f ? w->c->shares : NULL;
    options.run_dir = w->folder;
    options.validate = w->validates ? data : NULL;
    options.on_progress = on_progress;
    options.on_message = on_message;
    options.user = &u;
    clade_status status = clade_fit(model, data, &options, &w->result[rank]);
    clade_data_free(data);
    if (status != CLADE_OK) return status;
    w->n_parameters = clade_model_n_parameters(model);
    w->parameters[rank] = malloc((size_t)w->n_parameters * sizeof(float));
    return clade__model_read_parameters(model, w->parameters[rank]);
}

static void run_rank(clade__transport *transport, void *context)
{
    rank_work *w = context;
    struct clade_job job = {.transport = transport};
    clade_device *device = NULL;
    clade_model *model = NULL;
    clade_compile_options options = compile_options(w->c);
    clade_status status = thread_ranks_device(transport, &device);
    if (status == CLADE_OK) status = clade_model_create(&model, device, SEED);
    if (status == CLADE_OK) status = clade_compile(model, clade_model_layers(model, w->c->json), &options);
    if (status == CLADE_OK) status = train(model, w, &job);
    clade_model_free(model);
    w->status[transport->rank] = status;
    snprintf(w->message[transport->rank], sizeof w->message[0], "%s", clade_error());
}

static void run_ranks(rank_work *w)
{
    thread_ranks_run(w->c->n_ranks, run_rank, w);
}

static void expect_all_well(const rank_work *w)
{
    for (int r = 0; r < w->c->n_ranks; r++)
        if (w->status[r] != CLADE_OK) fail_msg("%s: rank %d: %s", w->c->name, r, w->message[r]);
}

static void expect_all_end(const rank_work *w, clade_status status, const char *message)
{
    for (int r = 0; r < w->c->n_ranks; r++) {
        if (w->status[r] != status) fail_msg("rank %d: %d, %s", r, (int)w->status[r], w->message[r]);
        if (!strstr(w->message[r], message)) fail_msg("rank %d: %s", r, w->message[r]);
    }
}

static void expect_all_same(const rank_work *w)
{
    for (int r = 1; r < w->c->n_ranks; r++)
        assert_memory_equal(w->parameters[r], w->parameters[0], (size_t)w->n_parameters * sizeof(float));
}

static void free_work(rank_work *w)
{
    for (int r = 0; r < THREAD_MOST_RANKS; r++) free(w->parameters[r]);
}

static net_batch data_of(clade_device *device, const apart_case *c)
{
    const clade_compile_options options = compile_options(c);
    clade_model *model = net_model(device, SEED, c->json, &options);
    net_batch all = net_random_batch(model, 31, c->n, 3);
    clade_model_free(model);
    return all;
}

/* ---- a plain reference ------------------------------------------------------------------------- */

/* Models that are trained alone, one for each rank. */
typedef struct alone {
    const apart_case *c;
    clade_model *models[3];
    int64_t steps[3]; /* of each since the last average */
    size_t n_trained;
} alone;

static void step_alone(alone *a, int rank, const net_batch *batch)
{
    clade_device *device = a->models[rank]->device;
    int64_t cols = 4;
    float *x = malloc((size_t)(batch->n * cols) * sizeof *x);
    for (int64_t i = 0; i < batch->n * cols; i++) x[i] = (float)batch->x[i];
    clade_tensor *input = test_tensor(device, CLADE_SHAPE(batch->n, cols), x);
    clade_tensor *labels = test_tensor_int(device, CLADE_SHAPE(batch->n), batch->labels);
    const clade_tensor *inputs[1] = {input};
    assert_ok(clade_step(a->models[rank], &(clade_batch){.n = batch->n, .inputs = inputs, .n_inputs = 1,
                                                         .answers = labels}, NULL));
    a->steps[rank]++;
    clade_tensor_free(input);
    clade_tensor_free(labels);
    free(x);
}

/* How much each weighs, by the formulas in turns.h, from their numbers of steps. */
static void weigh_alone(const alone *a, double *weights)
{
    int64_t most = 0;
    double all = 0.0, base = 1.0;
    const clade_optimizer *o = &a->c->optimizer;
    if (a->c->parallel == WEIGHTED) base -= (double)o->weight_decay * (double)o->lr;
    for (int r = 0; r < a->c->n_ranks; r++) most = a->steps[r] > most ? a->steps[r] : most;
    for (int r = 0; r < a->c->n_ranks; r++) {
        weights[r] = a->steps[r] > 0;
        for (int64_t i = a->steps[r]; i < most; i++) weights[r] *= base;
        all += weights[r];
    }
    for (int r = 0; r < a->c->n_ranks; r++) weights[r] /= all;
}

/* Of parameters and optimizer's state, in double precision. */
static void average_alone(alone *a)
{
    double weights[3], *sum = calloc(a->n_trained, sizeof *sum);
    float *values = malloc(a->n_trained * sizeof *values);
    weigh_alone(a, weights);
    for (int r = 0; r < a->c->n_ranks; r++) {
        assert_ok(clade__model_read_trained(a->models[r], values));
        for (size_t i = 0; i < a->n_trained; i++) sum[i] += weights[r] * (double)values[i];
        a->steps[r] = 0;
    }
    for (size_t i = 0; i < a->n_trained; i++) values[i] = (float)sum[i];
    for (int r = 0; r < a->c->n_ranks; r++) assert_ok(clade__model_write_trained(a->models[r], values));
    free(sum);
    free(values);
}

static void epoch_alone(alone *a, const net_batch *all, int epoch)
{
    const apart_case *c = a->c;
    int64_t n_batches = (c->n + c->batch - 1) / c->batch, period = (int64_t)strlen(c->turns);
    int32_t *order = malloc((size_t)c->n * sizeof *order);
    assert_ok(clade_shuffle(order, c->n, SEED, epoch));
    for (int64_t b = 0; b < n_batches; b++) {
        int64_t left = c->n - b * c->batch;
        net_batch batch = net_pick(a->models[0], all, order + b * c->batch, left < c->batch ? left : c->batch);
        step_alone(a, c->turns[b % period] - '0', &batch);
        net_free_batch(&batch);
        if (b + 1 == n_batches || (c->every > 0 && (b + 1) % (c->every * c->n_ranks) == 0)) average_alone(a);
    }
    free(order);
}

/* The parameters in the end; malloc'd. */
static double *train_alone(alone *a, clade_device *device, const apart_case *c, const net_batch *all)
{
    const clade_compile_options options = compile_options(c);
    *a = (alone){.c = c};
    for (int r = 0; r < c->n_ranks; r++) {
        a->models[r] = net_model(device, SEED, c->json, &options);
        assert_ok(clade__model_materialize(a->models[r]));
    }
    a->n_trained = clade__model_trained_bytes(a->models[0]) / sizeof(float);
    for (int e = 0; e < EPOCHS; e++) epoch_alone(a, all, e);
    double *parameters = net_parameters(a->models[0]);
    for (int r = 0; r < c->n_ranks; r++) clade_model_free(a->models[r]);
    return parameters;
}

static void compare(clade_device *device, const rank_work *w)
{
    alone a;
    double *want = train_alone(&a, device, w->c, w->all);
    test_assert_close(w->c->name, w->parameters[0], want, w->n_parameters, 1e-6, 1e-5);
    free(want);
}

static void ranks_apart_are_the_average_of_models_alone(void **state)
{
    for (int i = 0; i < N_CASES; i++) {
        const apart_case *c = &cases[i];
        net_batch all = data_of(*state, c);
        rank_work w = {.c = c, .all = &all, .options = {.epochs = EPOCHS}, .validates = true, .stopping_rank = -1};
        rank_work again = w;
        run_ranks(&w);
        run_ranks(&again);
        expect_all_well(&w);
        expect_all_well(&again);
        expect_all_same(&w);
        assert_memory_equal(again.parameters[0], w.parameters[0], (size_t)w.n_parameters * sizeof(float));
        for (int r = 0; r < c->n_ranks; r++) {
            assert_int_equal(w.result[r].train.n_samples, c->n);
            assert_int_equal(w.result[r].steps, EPOCHS * ((c->n + c->batch - 1) / c->batch));
            assert_true(w.result[r].train.loss == w.result[0].train.loss);
            assert_true(w.result[r].valid.loss == w.result[0].valid.loss);
        }
        if (c->json == plain) compare(*state, &w);
        free_work(&w);
        free_work(&again);
        net_free_batch(&all);
    }
}

/* ---- kept and resumed -------------------------------------------------------------------------- */

/* To the bit from a checkpoint at an average, which is the sixth step's; and with others than began it. */
static void it_goes_on(void **state)
{
    for (int i = 0; i < N_CASES; i++) {
        const apart_case *c = &cases[i];
        apart_case other = *c;
        if (c->every == 0) continue;
        net_batch all = data_of(*state, c);
        int64_t at = c->every * c->n_ranks;
        rank_work whole = {.c = c, .all = &all, .options = {.epochs = EPOCHS}, .stopping_rank = -1};
        rank_work begun = {.c = c, .all = &all, .options = {.epochs = EPOCHS, .max_steps = at},
                           .folder = test_folder(), .stopping_rank = -1};
        rank_work resumed = {.c = c, .all = &all, .options = {.epochs = EPOCHS, .resume = true},
                             .folder = begun.folder, .stopping_rank = -1};
        run_ranks(&whole);
        run_ranks(&begun);
        run_ranks(&resumed);
        expect_all_well(&whole);
        expect_all_well(&begun);
        expect_all_well(&resumed);
        assert_int_equal(begun.result[0].steps, at);
        assert_memory_equal(resumed.parameters[0], whole.parameters[0], (size_t)whole.n_parameters * sizeof(float));

        other.n_ranks = c->n_ranks == 2 ? 3 : 2;
        other.shares[2] = 1.0f;
        rank_work others = {.c = &other, .all = &all, .options = {.epochs = EPOCHS + 1, .resume = true},
                            .folder = begun.folder, .stopping_rank = -1};
        run_ranks(&others);
        expect_all_well(&others);
        expect_all_same(&others);
        assert_int_equal(others.result[0].epochs, EPOCHS + 1);
        free_work(&whole);
        free_work(&begun);
        free_work(&resumed);
        free_work(&others);
        net_free_batch(&all);
    }
}

/* One that is due in each step is made at the averages, and nothing else changes. */
static void checkpoints_wait_for_an_average(void **state)
{
    const apart_case *c = &cases[1];
    net_batch all = data_of(*state, c);
    rank_work w = {.c = c, .all = &all, .options = {.epochs = EPOCHS}, .stopping_rank = -1};
    rank_work kept = w;
    char folder[256]; /* what test_folder gives does not last */
    snprintf(folder, sizeof folder, "%s", test_folder());
    kept.folder = folder;
    kept.options.checkpoint_every = (clade_span){1, CLADE_STEPS};
    kept.options.keep = 100;
    run_ranks(&w);
    run_ranks(&kept);
    expect_all_well(&w);
    expect_all_well(&kept);
    assert_memory_equal(kept.parameters[0], w.parameters[0], (size_t)w.n_parameters * sizeof(float));
    for (int64_t step = 1; step <= 24; step++)
        assert_int_equal(test_is_there(test_checkpoint(kept.folder, step)), step % 4 == 0);
    free_work(&w);
    free_work(&kept);
    net_free_batch(&all);
}

static void another_mode_does_not_go_on(void **state)
{
    const apart_case *c = &cases[1];
    apart_case other = *c;
    other.every = 3;
    net_batch all = data_of(*state, c);
    rank_work begun = {.c = c, .all = &all, .options = {.epochs = EPOCHS}, .folder = test_folder(),
                       .stopping_rank = -1};
    rank_work resumed = {.c = &other, .all = &all, .options = {.epochs = EPOCHS + 1, .resume = true},
                         .folder = begun.folder, .stopping_rank = -1};
    run_ranks(&begun);
    expect_all_well(&begun);
    run_ranks(&resumed);
    expect_all_end(&resumed, CLADE_EINVAL, "resume: batch is 5, simu, averaged every 3 steps, and the run began with "
                   "5, simu, averaged every 2 steps");
    free_work(&begun);
    net_free_batch(&all);
}

/* ---- ends -------------------------------------------------------------------------------------- */

static void ranks_stop_together(void **state)
{
    const apart_case *c = &cases[0];
    net_batch all = data_of(*state, c);
    rank_work w = {.c = c, .all = &all, .options = {.epochs = 100000, .log_every = 1}, .stopping_rank = 1};
    run_ranks(&w);
    expect_all_well(&w);
    expect_all_same(&w);
    for (int r = 0; r < c->n_ranks; r++) {
        assert_int_equal(w.result[r].end, CLADE_STOPPED);
        assert_int_equal(w.result[r].steps, w.result[0].steps);
    }
    assert_true(w.result[0].steps >= 20 && w.result[0].steps < 300000);
    free_work(&w);
    net_free_batch(&all);
}

/* The place is found on the rank that has it. */
static void ranks_diverge_together(void **state)
{
    apart_case c = cases[0];
    c.optimizer.lr = 1e20f;
    net_batch all = data_of(*state, &c);
    rank_work w = {.c = &c, .all = &all, .options = {.epochs = 300}, .stopping_rank = -1};
    run_ranks(&w);
    expect_all_end(&w, CLADE_EDIVERGED, "training diverged: in step ");
    assert_string_equal(w.message[1], w.message[0]);
    assert_true(w.result[0].diverged.step >= 1);
    assert_int_equal(w.result[1].diverged.step, w.result[0].diverged.step);
    net_free_batch(&all);
}

static void turns_follow_what_is_measured(void **state)
{
    apart_case c = cases[0];
    c.parallel = WEIGHTED;
    c.n = 400;
    net_batch all = data_of(*state, &c);
    rank_work w = {.c = &c, .all = &all, .options = {.epochs = 20, .share_auto = true}, .stopping_rank = -1};
    run_ranks(&w);
    expect_all_well(&w);
    expect_all_same(&w);
    if (w.last_message[0]) assert_non_null(strstr(w.last_message, "new turns: of the next "));
    free_work(&w);
    net_free_batch(&all);
}

static void expect_refused(const net_batch *all, const apart_case *c, clade_fit_options options, const char *message)
{
    rank_work w = {.c = c, .all = all, .options = options, .stopping_rank = -1};
    run_ranks(&w);
    expect_all_end(&w, CLADE_EINVAL, message);
}

static void what_cannot_be_is_refused(void **state)
{
    apart_case c = cases[0];
    net_batch all = data_of(*state, &c);
    const clade_fit_options none = {.epochs = 1};
    c.every = -1;
    expect_refused(&all, &c, none, "fit: parallel and average_every are 1 and -1");
    c.every = 0;
    c.parallel = (clade_parallel)3;
    expect_refused(&all, &c, none, "fit: parallel and average_every are 3 and 0");
    c.parallel = SIMU;
    expect_refused(&all, &c, (clade_fit_options){.share_auto = true}, "fit: ranks have equal parts with simu");
    c.shares[0] = c.shares[1] = 1.0f;
    expect_refused(&all, &c, none, "fit: ranks have equal parts with simu");
    c.parallel = WEIGHTED;
    c.shares[1] = 0.0f;
    expect_refused(&all, &c, none, "fit: the share of rank 1 is 0, want a number above 0");
    c.shares[0] = 0.0f;
    c.batch = 40;
    expect_refused(&all, &c, none, "fit: an epoch has 1 batch, and each of 2 ranks that train apart does at least one");
    net_free_batch(&all);

    /* One process: there is nobody to average with, and sync has no averages. */
    clade_model *model = net_model(*state, SEED, plain, &(clade_compile_options){.batch = 5});
    all = net_random_batch(model, 31, 20, 3);
    clade_data *data = net_data(model, &all, 3);
    assert_fails(clade_fit(model, data, &(clade_fit_options){.average_every = 2}, NULL), CLADE_EINVAL,
                 "fit: average_every is of ranks that train apart");
    assert_ok(clade_fit(model, data, &(clade_fit_options){.average_every = 2, .parallel = SIMU}, NULL));
    clade_data_free(data);
    clade_model_free(model);
    net_free_batch(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_apart_are_the_average_of_models_alone),
        cmocka_unit_test(it_goes_on),
        cmocka_unit_test(checkpoints_wait_for_an_average),
        cmocka_unit_test(another_mode_does_not_go_on),
        cmocka_unit_test(ranks_stop_together),
        cmocka_unit_test(ranks_diverge_together),
        cmocka_unit_test(turns_follow_what_is_measured),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, test_open_device, thread_ranks_close_devices);
}

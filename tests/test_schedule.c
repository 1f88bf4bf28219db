/* Learning rates: each schedule against PyTorch's own way of computing it, step after step; what is
 * refused; what training makes of them. And early stopping, the other thing that watches validation. */
#include "events.h"
#include "network.h"
#include "reference.h"
#include "train/schedule.h"

enum { EPOCH_STEPS = 4, N_EPOCHS = 25, N_STEPS = EPOCH_STEPS * N_EPOCHS };

#define LR 0.2f

static void open_schedule(clade__schedule *schedule, clade__plateau *plateau,
                          const clade_schedule *options)
{
    assert_ok(clade__schedule_open(schedule, plateau, options, LR, EPOCH_STEPS, N_STEPS));
}

static void check_rate(const char *what, int64_t step, float got, double want)
{
    if (fabs((double)got - want) <= 1e-7 * want) return;
    print_error("%s, step %lld: rate %.9g, want %.9g\n", what, (long long)step, (double)got, want);
    fail();
}

/* ---- the rates --------------------------------------------------------------------------------- */

static void constant_stays(void **state)
{
    (void)state;
    clade__schedule schedule;
    clade__plateau plateau;
    open_schedule(&schedule, &plateau, &(clade_schedule){0});
    for (int64_t step = 0; step < N_STEPS; step++)
        assert_true(clade__schedule_lr(&schedule, &plateau, step) == LR);
}

/* StepLR multiplies the rate itself whenever step_size divides the epoch. */
static void step_is_that_of_pytorch(void **state)
{
    (void)state;
    clade__schedule schedule;
    clade__plateau plateau;
    clade_schedule options = clade_schedule_step(3, 0.5);
    double want = 0.2;
    open_schedule(&schedule, &plateau, &options);
    for (int64_t step = 0; step < N_STEPS; step++) {
        int64_t epoch = step / EPOCH_STEPS;
        if (step % EPOCH_STEPS == 0 && epoch > 0 && epoch % 3 == 0) want *= 0.5;
        check_rate("step", step, clade__schedule_lr(&schedule, &plateau, step), want);
    }
    options = (clade_schedule){.kind = CLADE_SCHEDULE_STEP, .step_size = 1}; /* gamma is 0.1 */
    open_schedule(&schedule, &plateau, &options);
    assert_true(clade__schedule_lr(&schedule, &plateau, EPOCH_STEPS) == 0.02f);
}

/* CosineAnnealingLR goes from rate to rate:
 * (1 + cos(pi t / T)) / (1 + cos(pi (t - 1) / T)) * (lr - min) + min. */
static void cosine_is_that_of_pytorch(void **state)
{
    (void)state;
    clade__schedule schedule;
    clade__plateau plateau;
    clade_schedule options = clade_schedule_cosine(0.01);
    const double pi = acos(-1.0), T = N_STEPS;
    double want = 0.2;
    open_schedule(&schedule, &plateau, &options);
    for (int64_t step = 0; step < N_STEPS; step++) {
        double t = (double)step;
        if (step > 0)
            want = (1 + cos(pi * t / T)) / (1 + cos(pi * (t - 1) / T)) * (want - 0.01) + 0.01;
        check_rate("cosine", step, clade__schedule_lr(&schedule, &plateau, step), want);
    }
    assert_true(want < 0.0101);
}

static void a_warm_up_rises_by_the_same_each_step(void **state)
{
    (void)state;
    static const clade_span spans[] = {{8, CLADE_STEPS}, {2, CLADE_EPOCHS}, {1, CLADE_STEPS}};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        int64_t n = spans[i].unit == CLADE_EPOCHS ? spans[i].count * EPOCH_STEPS : spans[i].count;
        clade__schedule schedule, plain;
        clade__plateau plateau;
        clade_schedule options = clade_schedule_step(1, 0.9);
        open_schedule(&plain, &plateau, &options);
        options.warmup = spans[i];
        open_schedule(&schedule, &plateau, &options);
        for (int64_t step = 0; step < N_STEPS; step++) {
            double want = (double)clade__schedule_lr(&plain, &plateau, step);
            if (step < n) want *= (double)(step + 1) / (double)n;
            check_rate("warm-up", step, clade__schedule_lr(&schedule, &plateau, step), want);
        }

        /* A cosine begins where the warm-up ends, and still ends with the training. */
        options = clade_schedule_cosine(0.0);
        options.warmup = spans[i];
        open_schedule(&schedule, &plateau, &options);
        for (int64_t step = 0; step < N_STEPS; step++) {
            double share = (double)(step - n) / (double)(N_STEPS - n);
            double want = step < n ? 0.2 * (double)(step + 1) / (double)n
                                   : 0.1 * (1 + cos(acos(-1.0) * share));
            check_rate("cosine after a warm-up", step,
                       clade__schedule_lr(&schedule, &plateau, step), want);
        }
    }
}

static void a_warm_up_may_outlast_training(void **state)
{
    (void)state;
    static const clade_span spans[] = {{10 * N_STEPS, CLADE_STEPS}, {INT64_MAX, CLADE_EPOCHS}};
    for (size_t i = 0; i < 2; i++) {
        clade__schedule schedule;
        clade__plateau plateau;
        clade_schedule options = clade_schedule_cosine(0.0);
        float before = 0.0f;
        options.warmup = spans[i];
        open_schedule(&schedule, &plateau, &options);
        for (int64_t step = 0; step < N_STEPS; step++) {
            float lr = clade__schedule_lr(&schedule, &plateau, step);
            assert_true(lr > before && lr <= LR);
            before = lr;
        }
    }
}

/* The losses of some epochs, and the rate in each: by hand from ReduceLROnPlateau's definition. */
static void plateau_is_that_of_pytorch(void **state)
{
    (void)state;
    static const struct {
        clade_schedule options;
        double loss[10], rate[10]; /* the rate in an epoch, which then ends with the loss */
    } cases[] = {
        /* Two bad epochs are borne, the third brings it down; the count begins again. */
        {{.factor = 0.5, .patience = 2},
         {1, 2, 2, 2, 0.9, 1, 1, 1, 1, 1},
         {.2, .2, .2, .2, .1, .1, .1, .1, .05, .05}},
        /* With a patience of 0 each bad epoch does, but never below min_lr. */
        {{.factor = 0.1, .min_lr = 0.001},
         {1, 1, 0.5, 1, 1, 1, 1, 1, 1, 1},
         {.2, .2, .02, .02, .002, .001, .001, .001, .001, .001}},
        /* Better is only what is better by the threshold's share. */
        {{.factor = 0.5, .patience = 1, .threshold = 0.1},
         {1, 0.95, 0.91, 0.89, 0.85, 0.81, 0.81, 0.5, 0.5, 0.5},
         {.2, .2, .2, .1, .1, .1, .05, .05, .05, .05}},
        /* A loss that is no number is not better. */
        {{.factor = 0.5, .patience = 1},
         {NAN, NAN, NAN, 1, NAN, NAN, 0.5, 0.4, 0.3, 0.2},
         {.2, .2, .1, .1, .1, .1, .05, .05, .05, .05}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade__schedule schedule;
        clade__plateau plateau;
        clade_schedule options = cases[i].options;
        options.kind = CLADE_SCHEDULE_PLATEAU;
        open_schedule(&schedule, &plateau, &options);
        for (int epoch = 0; epoch < 10; epoch++) {
            check_rate(test_text("plateau %zu, epoch %d", i, epoch), epoch * EPOCH_STEPS,
                       clade__schedule_lr(&schedule, &plateau, epoch * EPOCH_STEPS),
                       cases[i].rate[epoch]);
            clade__schedule_epoch(&schedule, &plateau, cases[i].loss[epoch]);
        }
    }
}

static void constructors_take_pytorch_s_defaults(void **state)
{
    (void)state;
    clade_schedule plateau = clade_schedule_plateau(0.0, 10);
    assert_true(plateau.kind == CLADE_SCHEDULE_PLATEAU && plateau.threshold == 1e-4);
    assert_true(plateau.patience == 10 && plateau.min_lr == 0.0);
    assert_true(clade_schedule_cosine(0.5).min_lr == 0.5);
    assert_string_equal(clade_schedule_name(CLADE_SCHEDULE_CONSTANT), "constant");
    assert_string_equal(clade_schedule_name(CLADE_SCHEDULE_STEP), "step");
    assert_string_equal(clade_schedule_name(CLADE_SCHEDULE_COSINE), "cosine");
    assert_string_equal(clade_schedule_name(CLADE_SCHEDULE_PLATEAU), "plateau");
    assert_null(clade_schedule_name((clade_schedule_kind)4));
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    static const struct {
        clade_schedule options;
        const char *message;
    } cases[] = {
        {{.kind = (clade_schedule_kind)9}, "unknown kind 9"},
        {{.warmup = {-1, CLADE_STEPS}}, "warmup is -1"},
        {{.warmup = {1, (clade_unit)7}}, "in unit 7"},
        {{.kind = CLADE_SCHEDULE_STEP}, "step_size is 0"},
        {{.kind = CLADE_SCHEDULE_STEP, .step_size = 1, .gamma = 1.5}, "gamma is 1.5"},
        {{.kind = CLADE_SCHEDULE_STEP, .step_size = 1, .gamma = NAN}, "gamma is nan"},
        {{.kind = CLADE_SCHEDULE_COSINE, .min_lr = -1}, "min_lr is -1"},
        {{.kind = CLADE_SCHEDULE_COSINE, .min_lr = 0.3}, "at most the learning rate, 0.2"},
        {{.kind = CLADE_SCHEDULE_PLATEAU, .min_lr = NAN}, "min_lr is nan"},
        {{.kind = CLADE_SCHEDULE_PLATEAU, .factor = 1}, "factor is 1"},
        {{.kind = CLADE_SCHEDULE_PLATEAU, .patience = -1}, "patience is -1"},
        {{.kind = CLADE_SCHEDULE_PLATEAU, .threshold = 1}, "threshold is 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade__schedule schedule;
        clade__plateau plateau;
        assert_fails(clade__schedule_open(&schedule, &plateau, &cases[i].options, LR, EPOCH_STEPS,
                                          N_STEPS),
                     CLADE_EINVAL, cases[i].message);
    }
}

/* ---- training ---------------------------------------------------------------------------------- */

static const char json[] = "{\"input\":[4],\"layers\":[{\"type\":\"linear\",\"units\":6},"
                           "{\"type\":\"tanh\"},{\"type\":\"linear\",\"units\":3}]}";

enum { SAMPLES = 30 };

static clade_model *new_model(clade_device *device, float lr, int64_t batch)
{
    return net_model(device, 3, json, &(clade_compile_options){.optimizer = clade_sgd(lr, 0.0f),
                                                               .batch = batch});
}

/* The whole set is one batch, so that an epoch is a step of gradient descent. */
static void training_follows_the_schedule(void **state)
{
    enum { STEPS = 6 };
    /* No loss is below a tenth of the first: the plateau's rate falls every other epoch. */
    const struct {
        clade_schedule options;
        double rate[STEPS];
    } cases[] = {
        {{.kind = CLADE_SCHEDULE_STEP, .step_size = 2, .gamma = 0.5}, {.4, .4, .2, .2, .1, .1}},
        {{.warmup = {4, CLADE_STEPS}}, {.1, .2, .3, .4, .4, .4}},
        {{.kind = CLADE_SCHEDULE_COSINE}, {.4, .2 + .1 * sqrt(3), .3, .2, .1, .2 - .1 * sqrt(3)}},
        {{.kind = CLADE_SCHEDULE_PLATEAU, .factor = 0.5, .patience = 1, .threshold = 0.9},
         {.4, .4, .4, .2, .2, .1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_model *model = new_model(*state, 0.4f, SAMPLES);
        net_batch batch = net_random_batch(model, 21, SAMPLES, 3);
        clade_data *data = net_data(model, &batch, 3);
        int64_t n = clade_model_n_parameters(model);
        double *want = net_parameters(model);
        for (int step = 0; step < STEPS; step++) {
            double *grad = net_gradient(model, want, &batch);
            for (int64_t k = 0; k < n; k++) want[k] -= cases[i].rate[step] * grad[k];
            free(grad);
        }
        assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = STEPS,
                                                              .schedule = cases[i].options}, NULL));
        double *got = net_parameters(model);
        ref_check_doubles(test_text("schedule %zu", i), got, want, n, 2e-5);
        free(got);
        free(want);
        net_free_batch(&batch);
        clade_data_free(data);
        clade_model_free(model);
    }
}

/* What a user sees: in the progress the rate of the last step, and the same in the log. */
static bool note_rate(const clade_progress *progress, void *user)
{
    float *rates = user;
    rates[progress->step - 1] = progress->lr;
    return true;
}

static void the_rate_is_told(void **state)
{
    clade_model *model = new_model(*state, 0.4f, 10);
    net_batch batch = net_random_batch(model, 21, SAMPLES, 3);
    clade_data *data = net_data(model, &batch, 3);
    const char *folder = test_folder();
    float rates[6] = {0};
    assert_ok(clade_fit(model, data,
                        &(clade_fit_options){.epochs = 2, .log_every = 1, .run_dir = folder,
                                             .schedule = clade_schedule_step(1, 0.5),
                                             .on_progress = note_rate, .user = rates}, NULL));
    assert_true(rates[2] == 0.4f && rates[4] == 0.2f && rates[5] == 0.2f);
    events log = events_read(folder);
    assert_true(events_number(events_last(&log, "epoch"), "lr") == 0.2); /* not 0.200000003 */
    events_free(&log);
    net_free_batch(&batch);
    clade_data_free(data);
    clade_model_free(model);
}

static void a_schedule_that_cannot_be_trains_nothing(void **state)
{
    clade_model *model = new_model(*state, 0.4f, 10);
    net_batch batch = net_random_batch(model, 21, SAMPLES, 3);
    clade_data *data = net_data(model, &batch, 3);
    const char *folder = test_folder();
    clade_fit_options options = {.run_dir = folder, .schedule = clade_schedule_cosine(1.0)};
    assert_fails(clade_fit(model, data, &options, NULL), CLADE_EINVAL, "min_lr is 1");
    assert_int_equal(model->session.step, 0);
    options = (clade_fit_options){.patience = 3};
    assert_fails(clade_fit(model, data, &options, NULL), CLADE_EINVAL, "wants validation data");
    options = (clade_fit_options){.patience = -3};
    assert_fails(clade_fit(model, data, &options, NULL), CLADE_EINVAL, "patience and min_delta are -3");
    options = (clade_fit_options){.min_delta = NAN};
    assert_fails(clade_fit(model, data, &options, NULL), CLADE_EINVAL, "are 0 and nan");
    net_free_batch(&batch);
    clade_data_free(data);
    clade_model_free(model);
}

/* ---- early stopping ---------------------------------------------------------------------------- */

static void training_stops_when_validation_gets_no_better(void **state)
{
    /* Labels are random: what is learnt of some says nothing of the others. */
    static const struct {
        int64_t patience;
        double min_delta;
        clade_loss loss;
    } cases[] = {{3, 0.0, CLADE_LOSS_CROSS_ENTROPY},
                 {1, 0.0, CLADE_LOSS_CROSS_ENTROPY},
                 {2, 1.0, CLADE_LOSS_CROSS_ENTROPY},
                 {4, 0.0, CLADE_LOSS_MSE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int n_classes = cases[i].loss == CLADE_LOSS_MSE ? 0 : 3;
        clade_model *model = net_model(
            *state, 3, json, &(clade_compile_options){.loss = cases[i].loss,
                                                      .optimizer = clade_sgd(0.5f, 0.9f),
                                                      .batch = 10});
        net_batch batch = net_random_batch(model, 21, SAMPLES, n_classes);
        net_batch other = net_random_batch(model, 22, SAMPLES, n_classes);
        clade_data *train = net_data(model, &batch, n_classes);
        clade_data *valid = net_data(model, &other, n_classes);
        const char *folder = test_folder();
        clade_fit_result result;
        clade_fit_options options = {.epochs = 500, .validate = valid, .run_dir = folder,
                                     .patience = cases[i].patience,
                                     .min_delta = cases[i].min_delta};
        assert_ok(clade_fit(model, train, &options, &result));
        assert_int_equal(result.end, CLADE_STOPPED_EARLY);
        assert_true(result.epochs < 500);
        int mark = cases[i].min_delta > 0.0 ? 1 : result.best_epoch;
        assert_int_equal(result.epochs, mark + cases[i].patience);
        const char *why = test_text("no better validation in the %lld epoch%s after epoch %d",
                                    (long long)cases[i].patience,
                                    cases[i].patience == 1 ? "" : "s", mark);
        assert_string_equal(result.why, why);
        events log = events_read(folder);
        const cJSON *end = events_last(&log, "end");
        assert_string_equal(events_text(end, "status"), "stopped_early");
        assert_string_equal(events_text(end, "why"), why);
        events_free(&log);

        /* A patience that lasts changes nothing. */
        options = (clade_fit_options){.epochs = 3, .validate = valid, .patience = 3};
        assert_ok(clade_fit(model, train, &options, &result));
        assert_int_equal(result.end, CLADE_COMPLETED);
        assert_string_equal(result.why, "");
        net_free_batch(&batch);
        net_free_batch(&other);
        clade_data_free(train);
        clade_data_free(valid);
        clade_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_stays),
        cmocka_unit_test(step_is_that_of_pytorch),
        cmocka_unit_test(cosine_is_that_of_pytorch),
        cmocka_unit_test(a_warm_up_rises_by_the_same_each_step),
        cmocka_unit_test(a_warm_up_may_outlast_training),
        cmocka_unit_test(plateau_is_that_of_pytorch),
        cmocka_unit_test(constructors_take_pytorch_s_defaults),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(training_follows_the_schedule),
        cmocka_unit_test(the_rate_is_told),
        cmocka_unit_test(a_schedule_that_cannot_be_trains_nothing),
        cmocka_unit_test(training_stops_when_validation_gets_no_better),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

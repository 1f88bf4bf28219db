/* A training that goes on from a checkpoint has the bits of one that was never interrupted: models,
 * log and result, from every step of it, for every optimizer and schedule. */
#include "events.h"
#include "network.h"

#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

static const char json[] = "{\"input\":[4],\"layers\":[{\"type\":\"linear\",\"units\":6},"
                           "{\"type\":\"tanh\"},{\"type\":\"linear\",\"units\":3}]}";

static const char with_dropout[] =
    "{\"input\":[4],\"layers\":[{\"type\":\"linear\",\"units\":6},{\"type\":\"relu\"},"
    "{\"type\":\"dropout\",\"p\":0.5},{\"type\":\"linear\",\"units\":3}]}";

/* Running statistics are part of a training too. */
static const char of_images[] =
    "{\"input\":[4],\"layers\":[{\"type\":\"reshape\",\"shape\":[1,2,2]},"
    "{\"type\":\"conv2d\",\"out_channels\":3,\"kernel_size\":2,\"padding\":1},"
    "{\"type\":\"batch_norm\"},{\"type\":\"relu\"},{\"type\":\"max_pool2d\",\"kernel_size\":2},"
    "{\"type\":\"flatten\"},{\"type\":\"linear\",\"units\":3}]}";

enum { SAMPLES = 50, BATCH = 16, EPOCH_STEPS = 4, N_EPOCHS = 4, N_STEPS = EPOCH_STEPS * N_EPOCHS };

typedef struct recipe {
    const char *what, *json; /* json NULL: that of two linear layers */
    clade_loss loss;
    clade_optimizer optimizer;
    clade_schedule schedule;
    int64_t patience;
    double min_delta;
    int64_t accumulate;
    bool stream, no_valid, replacement;
} recipe;

static const recipe recipes[] = {
    {.what = "sgd", .optimizer = {.lr = 0.3f}},
    {.what = "momentum, cosine after a warm-up",
     .optimizer = {.lr = 0.3f, .momentum = 0.9f, .weight_decay = 0.01f},
     .schedule = {.kind = CLADE_SCHEDULE_COSINE, .warmup = {6, CLADE_STEPS}}},
    {.what = "nesterov, streamed",
     .optimizer = {.lr = 0.3f, .momentum = 0.9f, .nesterov = true},
     .stream = true},
    {.what = "adam, plateau", /* which no loss is far enough from */
     .optimizer = {.kind = CLADE_OPTIMIZER_ADAM, .lr = 0.05f},
     .schedule = {.kind = CLADE_SCHEDULE_PLATEAU, .factor = 0.5, .threshold = 0.9}},
    {.what = "adamw, step, without validation",
     .optimizer = {.kind = CLADE_OPTIMIZER_ADAMW, .lr = 0.05f, .weight_decay = 0.1f},
     .schedule = {.kind = CLADE_SCHEDULE_STEP, .step_size = 2},
     .no_valid = true},
    {.what = "early stopping", /* after the third epoch: nothing is better by so much */
     .optimizer = {.lr = 0.3f, .momentum = 0.9f},
     .patience = 2,
     .min_delta = 1.0},
    {.what = "dropout, drawn with replacement, gradients clipped and added up",
     .json = with_dropout,
     .optimizer = {.kind = CLADE_OPTIMIZER_ADAM, .lr = 0.05f, .clip_norm = 0.5f},
     .accumulate = 3,
     .replacement = true},
    {.what = "convolution and batch norm",
     .json = of_images,
     .optimizer = {.lr = 0.1f, .momentum = 0.9f, .weight_decay = 1e-4f},
     .schedule = {.kind = CLADE_SCHEDULE_COSINE}},
    {.what = "targets", .loss = CLADE_LOSS_MSE, .optimizer = {.lr = 0.1f, .momentum = 0.9f}},
};

enum { N_RECIPES = sizeof recipes / sizeof recipes[0] };

/* A process of its own: device state, model and data are made anew. before: epochs of another
 * training, which the model has behind it. */
static clade_status try_train(clade_device *device, const recipe *r, const char *folder, int before,
                              clade_fit_options options, clade_fit_result *result)
{
    int n_classes = r->loss == CLADE_LOSS_MSE ? 0 : 3;
    clade_model *model = net_model(device, 3, r->json ? r->json : json,
                                   &(clade_compile_options){.loss = r->loss,
                                                            .optimizer = r->optimizer,
                                                            .accumulate = r->accumulate,
                                                            .batch = BATCH});
    net_batch batch = net_random_batch(model, 1, SAMPLES, n_classes);
    net_batch other = net_random_batch(model, 2, SAMPLES, n_classes);
    clade_data *data = net_data(model, &batch, n_classes);
    clade_data *valid = net_data(model, &other, n_classes);
    if (before > 0)
        assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = before}, NULL));
    if (options.epochs == 0) options.epochs = N_EPOCHS;
    options.validate = r->no_valid ? NULL : valid;
    options.run_dir = folder;
    options.schedule = r->schedule;
    options.patience = r->patience;
    options.min_delta = r->min_delta;
    options.stream = r->stream;
    options.replacement = r->replacement;
    clade_status status = clade_fit(model, data, &options, result);
    net_free_batch(&batch);
    net_free_batch(&other);
    clade_data_free(data);
    clade_data_free(valid);
    clade_model_free(model);
    return status;
}

static clade_fit_result train(clade_device *device, const recipe *r, const char *folder, int before,
                              clade_fit_options options)
{
    clade_fit_result result;
    assert_ok(try_train(device, r, folder, before, options, &result));
    return result;
}

static void check_same(const recipe *r, const char *folder, const char *whole)
{
    test_assert_same_files(test_text("%s/model.safetensors", folder),
                           test_text("%s/model.safetensors", whole));
    bool has_best = test_is_there(test_text("%s/best.safetensors", whole));
    assert_true(has_best == !r->no_valid);
    assert_true(has_best == test_is_there(test_text("%s/best.safetensors", folder)));
    if (has_best)
        test_assert_same_files(test_text("%s/best.safetensors", folder),
                               test_text("%s/best.safetensors", whole));
    events_assert_same(folder, whole);
}

/* ---- from every step --------------------------------------------------------------------------- */

/* As kill -9 leaves it: log and models are those of a later time than the newest checkpoint. */
static void a_killed_training_goes_on_from_each_step(void **state)
{
    for (int i = 0; i < N_RECIPES; i++) {
        const recipe *r = &recipes[i];
        char whole[256], folder[256];
        snprintf(whole, sizeof whole, "%s", test_folder());
        snprintf(folder, sizeof folder, "%s", test_folder());
        clade_fit_result want = train(*state, r, whole, 0, (clade_fit_options){0});
        train(*state, r, folder, 0,
              (clade_fit_options){.checkpoint_every = {1, CLADE_STEPS}, .keep = 100});
        check_same(r, folder, whole); /* checkpoints change nothing */
        for (int64_t step = want.steps; step >= 1; step -= i == 3 ? 1 : 3) {
            for (int64_t later = step + 1; later <= want.steps; later++)
                unlink(test_checkpoint(folder, later));
            assert_true(test_is_there(test_checkpoint(folder, step)));
            clade_fit_result got =
                train(*state, r, folder, 0, (clade_fit_options){.resume = true, .keep = 100});
            assert_true(got.end == want.end && got.steps == want.steps);
            assert_true(got.epochs == want.epochs && got.best_epoch == want.best_epoch);
            assert_true(got.train.loss == want.train.loss && got.has_valid == want.has_valid);
            assert_string_equal(got.why, want.why);
            check_same(r, folder, whole);
        }
    }
}

/* Stops after so many steps, as Ctrl-C does. */
typedef struct stopper {
    int64_t at;
    volatile sig_atomic_t flag;
} stopper;

static bool stop_at(const clade_progress *progress, void *user)
{
    stopper *s = user;
    if (progress->step >= s->at) s->flag = 1;
    return true;
}

static void a_stopped_training_goes_on(void **state)
{
    for (int i = 1; i < N_RECIPES; i += 2) {
        char whole[256];
        snprintf(whole, sizeof whole, "%s", test_folder());
        train(*state, &recipes[i], whole, 0, (clade_fit_options){0});
        for (int64_t at = 0; at < 11; at += 2) { /* after 4 and 8, in validation */
            char folder[256];
            snprintf(folder, sizeof folder, "%s", test_folder());
            stopper s = {.at = at, .flag = at == 0};
            clade_fit_options options = {.log_every = 1, .on_progress = stop_at, .user = &s,
                                         .stop = &s.flag};
            clade_fit_result result = train(*state, &recipes[i], folder, 0, options);
            assert_int_equal(result.end, CLADE_STOPPED);
            /* The first step of an epoch is reported with the second. */
            assert_true(result.steps == at || result.steps == at + 1);
            assert_true(test_is_there(test_checkpoint(folder, result.steps)));
            train(*state, &recipes[i], folder, 0, (clade_fit_options){.resume = true});
            check_same(&recipes[i], folder, whole);
        }
    }
}

static void a_training_goes_on_again_and_again(void **state)
{
    const recipe *r = &recipes[3];
    char whole[256], folder[256];
    snprintf(whole, sizeof whole, "%s", test_folder());
    snprintf(folder, sizeof folder, "%s", test_folder());
    train(*state, r, whole, 0, (clade_fit_options){0});
    clade_fit_result result = {.end = CLADE_STOPPED};
    for (int64_t at = 2; result.end == CLADE_STOPPED; at += 2) { /* the last stops a validation */
        stopper s = {.at = at};
        result = train(*state, r, folder, 0,
                       (clade_fit_options){.resume = true, .log_every = 1, .on_progress = stop_at,
                                           .user = &s, .stop = &s.flag});
    }
    assert_true(result.end == CLADE_COMPLETED && result.steps == N_STEPS);
    check_same(r, folder, whole);
}

/* ---- other lengths ----------------------------------------------------------------------------- */

static void a_training_can_be_made_longer(void **state)
{
    static const struct {
        clade_fit_options first, then;
    } cases[] = {
        {{.epochs = 2}, {.epochs = N_EPOCHS}},
        {{.max_steps = 3}, {.max_steps = 0}}, /* within the first epoch */
        {{.max_steps = 6}, {.max_steps = 0}},
        {{.max_steps = 8}, {.max_steps = 0}}, /* at an epoch's end */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int k = 0; k < N_RECIPES; k += 3) {
            char whole[256], folder[256];
            snprintf(whole, sizeof whole, "%s", test_folder());
            snprintf(folder, sizeof folder, "%s", test_folder());
            train(*state, &recipes[k], whole, 0, (clade_fit_options){0});
            train(*state, &recipes[k], folder, 0, cases[i].first);
            clade_fit_options then = cases[i].then;
            then.resume = true;
            train(*state, &recipes[k], folder, 0, then);
            check_same(&recipes[k], folder, whole);
        }
    }
}

/* Each rate of a cosine follows from how many steps are planned. With the same plan in other words it goes
 * on, and ends in the same bits. */
static void a_cosine_keeps_its_plan(void **state)
{
    static const struct {
        clade_fit_options then;
        int64_t n_steps; /* of the plan that is refused; 0: it is the run's, of 8 */
    } cases[] = {
        {{.epochs = 4}, 16}, {{.epochs = 3, .max_steps = 9}, 9}, {{.epochs = 2, .max_steps = 7}, 7},
        {{.epochs = 2}, 0},  {{.epochs = 9, .max_steps = 8}, 0},
    };
    char whole[256];
    snprintf(whole, sizeof whole, "%s", test_folder());
    train(*state, &recipes[1], whole, 0, (clade_fit_options){.epochs = 2});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char folder[256];
        snprintf(folder, sizeof folder, "%s", test_folder());
        stopper s = {.at = 5};
        train(*state, &recipes[1], folder, 0, (clade_fit_options){.epochs = 2, .log_every = 1,
                                                                  .on_progress = stop_at, .user = &s,
                                                                  .stop = &s.flag});
        clade_fit_options then = cases[i].then;
        then.resume = true;
        if (cases[i].n_steps == 0) {
            train(*state, &recipes[1], folder, 0, then);
            check_same(&recipes[1], folder, whole);
            continue;
        }
        assert_fails(try_train(*state, &recipes[1], folder, 0, then, NULL), CLADE_EINVAL,
                     test_text("resume: the run's cosine schedule was planned for 8 steps, and epochs and "
                               "max_steps now make %lld (4 an epoch): the rate would jump",
                               (long long)cases[i].n_steps));
    }
}

/* Its end in steps does not follow from how long the training is, though it is longer. */
static void a_warm_up_of_epochs_stays_when_training_gets_longer(void **state)
{
    const recipe r = {.optimizer = {.lr = 0.3f}, .schedule = {.warmup = {3, CLADE_EPOCHS}}};
    char whole[256], folder[256];
    snprintf(whole, sizeof whole, "%s", test_folder());
    snprintf(folder, sizeof folder, "%s", test_folder());
    train(*state, &r, whole, 0, (clade_fit_options){.epochs = 4});
    train(*state, &r, folder, 0, (clade_fit_options){.epochs = 1});
    train(*state, &r, folder, 0, (clade_fit_options){.epochs = 4, .resume = true});
    check_same(&r, folder, whole);
}

/* The end that it had is the end that it has, also where max_steps cut an epoch short. */
static void a_finished_training_stays_as_it_was(void **state)
{
    for (int64_t max_steps = 5; max_steps <= 8; max_steps++) {
        for (int k = 0; k < N_RECIPES; k += 3) {
            char whole[256], folder[256];
            snprintf(whole, sizeof whole, "%s", test_folder());
            snprintf(folder, sizeof folder, "%s", test_folder());
            clade_fit_options options = {.max_steps = max_steps};
            clade_fit_result want = train(*state, &recipes[k], whole, 0, options);
            train(*state, &recipes[k], folder, 0, options);
            options.resume = true;
            clade_fit_result got = train(*state, &recipes[k], folder, 0, options);
            assert_int_equal(got.steps, max_steps);
            assert_int_equal(got.epochs, want.epochs);
            assert_true(got.end == want.end && got.train.loss == want.train.loss);
            check_same(&recipes[k], folder, whole);
        }
    }
}

static void the_model_may_have_been_trained_before(void **state)
{
    const recipe *r = &recipes[3];
    char whole[256], folder[256];
    snprintf(whole, sizeof whole, "%s", test_folder());
    snprintf(folder, sizeof folder, "%s", test_folder());
    train(*state, r, whole, 2, (clade_fit_options){0});
    stopper s = {.at = 6};
    train(*state, r, folder, 2, (clade_fit_options){.log_every = 1, .on_progress = stop_at,
                                                    .user = &s, .stop = &s.flag});
    train(*state, r, folder, 0, (clade_fit_options){.resume = true}); /* a new model */
    check_same(r, folder, whole);
}

static void note(const char *text, void *user)
{
    snprintf(user, 256, "%s", text);
}

/* Makes the log what a kill leaves: without the event of the end. */
static void unend(const char *folder)
{
    unsigned char *log;
    size_t n_bytes;
    const char *path = test_text("%s/metrics.jsonl", folder);
    assert_ok(clade__file_read(path, &log, &n_bytes));
    const char *end = strstr((char *)log, "{\"event\":\"end\"");
    assert_non_null(end);
    test_write_file(path, log, (size_t)(end - (char *)log));
    free(log);
}

/* It is all that there is of its run: nothing is replaced. Without it, or in a new folder, nothing can be. */
static void a_finished_model_without_a_checkpoint_is_kept(void **state)
{
    static const char *const names[] = {"model.safetensors", "best.safetensors", "metrics.jsonl"};
    const recipe *r = &recipes[0];
    const clade_fit_options options = {.resume = true};
    char whole[256], folder[256];
    snprintf(whole, sizeof whole, "%s", test_folder());
    snprintf(folder, sizeof folder, "%s", test_folder());
    train(*state, r, whole, 0, (clade_fit_options){0});
    unlink(test_checkpoint(whole, N_STEPS));
    train(*state, r, folder, 0, (clade_fit_options){.epochs = 2});
    unlink(test_checkpoint(folder, 2 * EPOCH_STEPS));
    for (int gone = -1; gone < 3; gone++) { /* one of them is enough; without a log, too */
        if (gone >= 0) assert_int_equal(unlink(test_text("%s/%s", folder, names[gone])), 0);
        if (gone == 1) test_write_file(test_text("%s/%s", folder, names[0]), "x", 1);
        assert_fails(try_train(*state, r, folder, 0, options, NULL), CLADE_EINVAL,
                     test_text("resume: '%s' has the model of a run that has ended, and no checkpoint to "
                               "go on from; choose another folder", folder));
        for (int i = 0; i < 3; i++)
            assert_true(test_is_there(test_text("%s/%s", folder, names[i])) ==
                        !(i == gone || (i == 1 && gone == 2)));
    }
    unlink(test_text("%s/%s", folder, names[0]));
    train(*state, r, folder, 0, options);
    unlink(test_checkpoint(folder, N_STEPS));
    check_same(r, folder, whole);
}

static void without_a_checkpoint_training_begins_anew(void **state)
{
    const recipe *r = &recipes[1];
    char whole[256], folder[256], message[256] = "";
    snprintf(whole, sizeof whole, "%s", test_folder());
    snprintf(folder, sizeof folder, "%s", test_folder());
    train(*state, r, whole, 0, (clade_fit_options){0});
    train(*state, r, folder, 0, (clade_fit_options){.max_steps = 9});
    unlink(test_checkpoint(folder, 9));
    unend(folder);
    train(*state, r, folder, 0, (clade_fit_options){.resume = true, .on_message = note,
                                                    .user = message});
    assert_non_null(strstr(message, "no checkpoint yet"));
    check_same(r, folder, whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_training_goes_on_from_each_step),
        cmocka_unit_test(a_stopped_training_goes_on),
        cmocka_unit_test(a_training_goes_on_again_and_again),
        cmocka_unit_test(a_training_can_be_made_longer),
        cmocka_unit_test(a_cosine_keeps_its_plan),
        cmocka_unit_test(a_warm_up_of_epochs_stays_when_training_gets_longer),
        cmocka_unit_test(a_finished_training_stays_as_it_was),
        cmocka_unit_test(the_model_may_have_been_trained_before),
        cmocka_unit_test(a_finished_model_without_a_checkpoint_is_kept),
        cmocka_unit_test(without_a_checkpoint_training_begins_anew),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

/* Data of named fields: a network of two inputs, one of them bytes, with a weight that two layers share, state
 * that is not trained, and two losses, one of several labels a sample some of which do not count. It is
 * trained, checked, killed and resumed, saved, and read by other code. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/philox.h"
#include "network.h"
#include "own_layer.h"
#include "python.h"

extern char **environ;

static const char *self; /* argv[0] */

static const char two_inputs[] =
    "{\"inputs\":[{\"name\":\"left\",\"shape\":[3,4]},{\"name\":\"right\",\"shape\":[3,4]},"
    "{\"name\":\"label\",\"type\":\"int32\",\"shape\":[3]},{\"name\":\"score\",\"shape\":[2]}],\"layers\":["
    "{\"type\":\"linear\",\"name\":\"enc.0\",\"inputs\":[\"left\"],\"units\":5},"
    "{\"type\":\"linear\",\"name\":\"enc.1\",\"inputs\":[\"right\"],\"units\":5,"
    "\"parameters\":{\"weight\":\"enc.0.weight\"}},{\"type\":\"tanh\",\"name\":\"t\"},"
    "{\"type\":\"add\",\"name\":\"sum\",\"inputs\":[\"enc.0\",\"t\"]},"
    "{\"type\":\"scaled\",\"name\":\"norm\",\"first\":0.75},"
    "{\"type\":\"linear\",\"name\":\"head\",\"units\":4},"
    "{\"type\":\"flatten\",\"name\":\"all\",\"inputs\":[\"norm\"]},"
    "{\"type\":\"linear\",\"name\":\"score_head\",\"units\":2}],\"output\":\"head\","
    "\"losses\":[{\"type\":\"cross_entropy\",\"prediction\":\"head\",\"target\":\"label\","
    "\"ignore_index\":-1,\"label_smoothing\":0.1},"
    "{\"type\":\"mse\",\"prediction\":\"score_head\",\"target\":\"score\",\"weight\":0.5}]}";

enum { SAMPLES = 43, ROWS = 3, COLS = 12, CLASSES = 4, BATCH = 8 };

/* ---- the data ------------------------------------------------------------------------------------- */

typedef struct fields {
    float left[SAMPLES * COLS], score[SAMPLES * 2];
    uint8_t right[SAMPLES * COLS];
    int32_t label[SAMPLES * ROWS]; /* a quarter of them -1, and all of one sample */
    double x[4][SAMPLES * COLS];   /* all as doubles, in the order of the inputs */
} fields;

static fields *make_fields(void)
{
    fields *f = calloc(1, sizeof *f);
    clade__random random = clade__random_start(11, 0);
    assert_non_null(f);
    for (int i = 0; i < SAMPLES * COLS; i++) {
        f->left[i] = (float)clade__random_normal(&random);
        f->right[i] = (uint8_t)clade__random_below(&random, 4);
        f->x[0][i] = (double)f->left[i];
        f->x[1][i] = f->right[i];
    }
    for (int i = 0; i < SAMPLES * ROWS; i++) {
        bool ignored = i / ROWS == 5 || clade__random_below(&random, 4) == 0;
        f->label[i] = ignored ? -1 : (int32_t)clade__random_below(&random, CLASSES);
        f->x[2][i] = f->label[i];
    }
    for (int i = 0; i < SAMPLES * 2; i++) {
        f->score[i] = (float)clade__random_normal(&random);
        f->x[3][i] = (double)f->score[i];
    }
    return f;
}

/* In another order than the network's inputs, with one that it has no use for. */
static clade_data *data_of(const fields *f)
{
    const clade_data_field list[] = {{"score", CLADE_FLOAT32, CLADE_SHAPE(2), f->score, {0}},
                                     {"unused", CLADE_UINT8, CLADE_SHAPE(2, 2), f->right, {0}},
                                     {"label", CLADE_INT32, CLADE_SHAPE(3), f->label, {0}},
                                     {"right", CLADE_UINT8, CLADE_SHAPE(12), f->right, {0}},
                                     {"left", CLADE_FLOAT32, CLADE_SHAPE(3, 4), f->left, {0}}};
    clade_data *data;
    assert_ok(clade_data_from_fields(&data, SAMPLES, list, 5));
    return data;
}

static clade_model *compile(clade_device *device, const clade_compile_options *options)
{
    return net_model(device, 5, two_inputs, options);
}

/* All parameters in one piece, state too. */
static float *parameters_of(clade_model *model)
{
    float *values = malloc(clade__model_parameter_bytes(model));
    assert_non_null(values);
    assert_ok(clade__model_materialize(model));
    assert_ok(clade__model_read_parameters(model, values));
    return values;
}

/* ---- against the formulas ------------------------------------------------------------------------- */

static clade__reference *reference_of(clade_model *model, const fields *f, int64_t n)
{
    static const double *x[4];
    clade__reference *r;
    for (int i = 0; i < 4; i++) x[i] = f->x[i];
    assert_ok(clade__reference_create(&r, model, &(clade__reference_batch){.n = n, .x = x}));
    float *values = parameters_of(model);
    for (int64_t i = 0; i < clade_model_n_parameters(model); i++) r->parameters[i] = (double)values[i];
    free(values);
    clade__reference_forward(r, 0);
    return r;
}

static void gradients_are_checked(void **state)
{
    fields *f = make_fields();
    clade_data *data = data_of(f);
    clade_model *model = compile(*state, &(clade_compile_options){.batch = BATCH, .keep_gradients = true});
    clade_gradcheck_result result;
    assert_ok(clade_gradcheck(model, data, &(clade_gradcheck_options){.elements = CLADE_ALL}, &result));
    assert_int_equal(result.n_parameters, 8); /* the shared weight once, and no state */
    assert_true(result.passed);
    clade_gradcheck_free(&result);
    clade_model_free(model);
    clade_data_free(data);
    free(f);
}

/* One step of plain sgd over all samples in parts moves parameters by the gradient of the mean loss of all. */
static void a_step_goes_down_the_gradient(void **state)
{
    fields *f = make_fields();
    clade_data *data = data_of(f);
    clade_model *model = compile(*state, &(clade_compile_options){
                                             .batch = SAMPLES, .accumulate = 3,
                                             .optimizer = {.kind = CLADE_OPTIMIZER_SGD, .lr = 0.5f}});
    clade__reference *r = reference_of(model, f, SAMPLES);
    float *before = parameters_of(model);
    assert_ok(clade_fit(model, data, NULL, NULL));
    float *after = parameters_of(model);
    int64_t k = 0;
    for (int p = 0; p < model->graph.n_parameters; p++)
        for (int64_t i = 0; i < clade_shape_elements(model->graph.parameters[p].shape); i++, k++) {
            double want = 0.5 * (net_loss_at(r, k, 1e-5) - net_loss_at(r, k, -1e-5)) / 2e-5;
            if (!model->graph.parameters[p].trained) want = -1.5; /* of three parts */
            if (!(fabs((double)(before[k] - after[k]) - want) <= 1e-5 + 1e-4 * fabs(want)))
                fail_msg("%s[%d] moved by %g, want %g", model->graph.parameters[p].name, (int)i,
                         (double)(before[k] - after[k]), want);
        }
    free(before);
    free(after);
    clade__reference_free(r);
    clade_model_free(model);
    clade_data_free(data);
    free(f);
}

static void loss_and_accuracy_are_of_rows_that_count(void **state)
{
    fields *f = make_fields();
    clade_data *data = data_of(f);
    clade_model *model = compile(*state, &(clade_compile_options){.batch = BATCH});
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 3}, NULL));
    clade__reference *r = reference_of(model, f, SAMPLES);
    clade_metrics metrics;
    assert_ok(clade_evaluate(model, data, &metrics));
    assert_int_equal(metrics.n_samples, SAMPLES);
    assert_true(fabs(metrics.loss - clade__reference_loss(r)) < 1e-5);
    const double *y = clade__reference_values(r, clade__graph_node(&model->graph, "head"));
    double hits = 0.0, counted = 0.0;
    for (int row = 0; row < SAMPLES * ROWS; row++) {
        int best = 0;
        for (int c = 1; c < CLASSES; c++)
            if (y[row * CLASSES + c] > y[row * CLASSES + best]) best = c;
        counted += f->label[row] >= 0;
        hits += f->label[row] == best;
    }
    assert_true(counted < SAMPLES * ROWS);
    assert_true(fabs(metrics.accuracy - hits / counted) < 1e-12);
    float got[SAMPLES * ROWS * CLASSES];
    assert_ok(clade_predict(model, data, 0, SAMPLES, true, got));
    test_assert_close("outputs", got, y, SAMPLES * ROWS * CLASSES, 1e-5, 1e-5);
    assert_ok(clade_predict(model, data, 0, SAMPLES, false, got));
    for (int row = 0; row < SAMPLES * ROWS; row++)
        assert_true(fabs((double)(got[4 * row] + got[4 * row + 1] + got[4 * row + 2] + got[4 * row + 3]) - 1.0) <
                    1e-5);
    clade__reference_free(r);
    clade_model_free(model);
    clade_data_free(data);
    free(f);
}

/* ---- metrics by name -------------------------------------------------------------------------- */

enum { WIDE = 7 };

static void assert_metric(const clade_metrics *metrics, const char *name, double want)
{
    double got = clade_metric_value(metrics, name);
    if (!(fabs(got - want) <= 1e-5 * (1.0 + fabs(want)))) fail_msg("%s is %g, want %g", name, got, want);
}

/* Of seven classes and two rows a sample: what is among the five largest, and exp(loss). */
static void classes_have_top_five_and_perplexity(void **state)
{
    static const char json[] = "{\"inputs\":[{\"name\":\"left\",\"shape\":[2,6]},"
                               "{\"name\":\"label\",\"type\":\"int32\",\"shape\":[2]}],\"layers\":["
                               "{\"type\":\"linear\",\"name\":\"out\",\"inputs\":[\"left\"],\"units\":7}],\"losses\":"
                               "[{\"type\":\"cross_entropy\",\"prediction\":\"out\",\"target\":\"label\","
                               "\"ignore_index\":-1}]}";
    fields *f = make_fields();
    const clade_data_field list[] = {{"left", CLADE_FLOAT32, CLADE_SHAPE(2, 6), f->left, {0}},
                                     {"label", CLADE_INT32, CLADE_SHAPE(2), f->label, {0}}};
    clade_data *data;
    clade_model *model = net_model(*state, 5, json, &(clade_compile_options){.batch = BATCH});
    clade_metrics metrics;
    clade_fit_result result;
    float *y = malloc(SAMPLES * 2 * WIDE * sizeof *y);
    double hits = 0.0, counted = 0.0;
    assert_non_null(y);
    assert_ok(clade_data_from_fields(&data, SAMPLES, list, 2));
    assert_ok(clade_fit(model, data, &(clade_fit_options){.validate = data}, &result));
    assert_true(isnan(result.train.top5_accuracy) && isnan(result.train.perplexity));
    assert_ok(clade_evaluate(model, data, &metrics));
    assert_ok(clade_predict(model, data, 0, SAMPLES, true, y));
    for (int row = 0; row < 2 * SAMPLES; row++) {
        int larger = 0;
        if (f->label[row] < 0) continue;
        for (int c = 0; c < WIDE; c++) larger += y[row * WIDE + c] > y[row * WIDE + f->label[row]];
        hits += larger < 5;
        counted += 1.0;
    }
    assert_true(hits < counted);
    assert_metric(&metrics, "top5_accuracy", hits / counted);
    assert_metric(&metrics, "perplexity", exp(metrics.loss));
    assert_metric(&metrics, "loss", metrics.loss);
    assert_metric(&metrics, "accuracy", metrics.accuracy);
    assert_true(isnan(clade_metric_value(&metrics, "mae")) && isnan(clade_metric_value(&metrics, "f1")));
    assert_memory_equal(&result.valid, &metrics, sizeof metrics);
    assert_string_equal(clade_metric_name(3), "perplexity");
    assert_null(clade_metric_name(6));
    free(y);
    clade_model_free(model);
    clade_data_free(data);
    free(f);
}

static void numbers_have_errors(void **state)
{
    static const char json[] = "{\"input\":[12],\"layers\":[" LINEAR(2) "]}";
    fields *f = make_fields();
    for (int i = 0; i < 2 * SAMPLES; i++) f->score[i] += 1000.0f * (float)(1 + i % 2); /* far from 0 */
    const clade_data_arrays arrays = {.n_samples = SAMPLES, .shape = CLADE_SHAPE(12), .features = f->left,
                                      .targets = f->score, .n_targets = 2};
    clade_data *data;
    clade_model *model = net_model(*state, 5, json, &(clade_compile_options){.batch = BATCH,
                                                                             .loss = CLADE_LOSS_MSE});
    clade_metrics metrics;
    float y[2 * SAMPLES];
    double mae = 0.0, squares = 0.0, away = 0.0, mean[2] = {0.0};
    assert_ok(clade_data_from_arrays(&data, &arrays));
    assert_ok(clade_evaluate(model, data, &metrics));
    assert_ok(clade_predict(model, data, 0, SAMPLES, true, y));
    for (int i = 0; i < 2 * SAMPLES; i++) mean[i % 2] += (double)f->score[i] / SAMPLES;
    for (int i = 0; i < 2 * SAMPLES; i++) {
        double error = (double)y[i] - (double)f->score[i], off = (double)f->score[i] - mean[i % 2];
        mae += fabs(error) / (2 * SAMPLES);
        squares += error * error;
        away += off * off;
    }
    assert_metric(&metrics, "mae", mae);
    assert_metric(&metrics, "r2", 1.0 - squares / away);
    assert_true(isnan(metrics.accuracy) && isnan(metrics.perplexity));
    clade_model_free(model);
    clade_data_free(data);
    free(f);
}

/* ---- the same bits however it is fed, stopped and kept -------------------------------------------- */

static float *train(clade_device *device, const fields *f, const clade_fit_options *options)
{
    clade_data *data = data_of(f);
    clade_model *model = compile(device, &(clade_compile_options){.batch = BATCH,
                                                                  .optimizer = clade_adam(0.01f)});
    assert_ok(clade_fit(model, data, options, NULL));
    float *values = parameters_of(model);
    clade_model_free(model);
    clade_data_free(data);
    return values;
}

static void streamed_data_gives_the_same_bits(void **state)
{
    fields *f = make_fields();
    clade_model *model = compile(*state, &(clade_compile_options){0});
    float *resident = train(*state, f, &(clade_fit_options){.epochs = 3});
    float *streamed = train(*state, f, &(clade_fit_options){.epochs = 3, .stream = true});
    assert_memory_equal(resident, streamed, clade__model_parameter_bytes(model));
    free(resident);
    free(streamed);
    clade_model_free(model);
    free(f);
}

enum { LONG = 400 }; /* epochs of the training that is killed */

static clade_fit_options in_folder(const char *folder, bool resume)
{
    return (clade_fit_options){.epochs = LONG, .run_dir = folder, .resume = resume, .keep = 1000,
                               .checkpoint_every = {7, CLADE_STEPS}};
}

/* What the process does that is killed. */
static int train_alone(const char *folder)
{
    void *device = NULL;
    fields *f = make_fields();
    if (test_open_device(&device) != 0) return 1;
    assert_ok(clade__layer_type_add(&own_scaled));
    const clade_fit_options options = in_folder(folder, false);
    free(train(device, f, &options));
    free(f);
    return 0;
}

/* Kills it when it has left some checkpoints; whether it was still running. */
static bool train_and_kill(const char *folder)
{
    char *const arguments[] = {(char *)self, "train", (char *)folder, NULL};
    pid_t child;
    int status;
    assert_int_equal(posix_spawn(&child, self, NULL, NULL, arguments, environ), 0);
    for (int i = 0; i < 60000 && access(test_checkpoint(folder, 70), F_OK) != 0; i++) {
        if (waitpid(child, &status, WNOHANG) == child) return false;
        (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    (void)kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void a_killed_training_goes_on_to_the_same_bits(void **state)
{
    fields *f = make_fields();
    char folder[256];
    snprintf(folder, sizeof folder, "%s/killed", test_folder());
    assert_int_equal(mkdir(folder, 0700), 0);
    clade_model *model = compile(*state, &(clade_compile_options){0});
    float *whole = train(*state, f, &(clade_fit_options){.epochs = LONG});
    assert_true(train_and_kill(folder));
    const clade_fit_options options = in_folder(folder, true);
    float *resumed = train(*state, f, &options);
    assert_memory_equal(whole, resumed, clade__model_parameter_bytes(model));
    clade_model_free(model);
    free(whole);
    free(resumed);
    free(f);
}

static void other_code_reads_the_model(void **state)
{
    if (!python_has("numpy, safetensors.numpy")) skip();
    fields *f = make_fields();
    clade_data *data = data_of(f);
    clade_model *model = compile(*state, &(clade_compile_options){.batch = BATCH}), *loaded;
    const char *folder = test_folder();
    char path[4][512];
    const char *const names[] = {"left.bin", "right.bin", "logits.bin", "model.safetensors"};
    for (int i = 0; i < 4; i++) snprintf(path[i], sizeof path[i], "%s/%s", folder, names[i]);
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 2}, NULL));
    assert_ok(clade_save(model, path[3]));
    float got[SAMPLES * ROWS * CLASSES], again[SAMPLES * ROWS * CLASSES], right[SAMPLES * COLS];
    for (int i = 0; i < SAMPLES * COLS; i++) right[i] = f->right[i];
    assert_ok(clade_load(&loaded, *state, path[3]));
    assert_ok(clade_predict(model, data, 0, SAMPLES, true, got));
    assert_ok(clade_predict(loaded, data, 0, SAMPLES, true, again));
    assert_memory_equal(got, again, sizeof got);
    test_write_file(path[0], f->left, sizeof f->left);
    test_write_file(path[1], right, sizeof right);
    test_write_file(path[2], got, sizeof got);
    char script[512], features[1100];
    snprintf(script, sizeof script, "%s/tests/read_model.py", getenv("CLADE_TEST_SOURCE"));
    snprintf(features, sizeof features, "left=%s,right=%s", path[0], path[1]);
    const char *const run[] = {script, path[3], features, path[2], "--first", "43", NULL};
    assert_int_equal(python_run(run), 0);
    got[7] += 0.01f;
    test_write_file(path[2], got, sizeof got);
    assert_int_equal(python_run(run), 1);
    clade_model_free(loaded);
    clade_model_free(model);
    clade_data_free(data);
    free(f);
}

/* ---- data with samples and labels, for a network with a target of its own ------------------------ */

/* Where the loss is the same, so is each bit. */
static void labels_of_data_go_to_the_only_target(void **state)
{
    static const char own[] = "{\"inputs\":[{\"name\":\"image\",\"shape\":[28,28]},"
                              "{\"name\":\"digit\",\"type\":\"int32\",\"shape\":[1]}],\"layers\":["
                              "{\"type\":\"flatten\",\"name\":\"flat\",\"inputs\":[\"image\"]},"
                              "{\"type\":\"linear\",\"name\":\"out\",\"units\":10}],\"losses\":["
                              "{\"type\":\"cross_entropy\",\"prediction\":\"out\",\"target\":\"digit\"}]}";
    static const char chain[] = "{\"input\":[28,28],\"layers\":[{\"type\":\"flatten\",\"name\":\"flat\"},"
                                "{\"type\":\"linear\",\"name\":\"out\",\"units\":10}]}";
    const clade_compile_options options = {.batch = 64};
    clade_model *models[] = {net_model(*state, 2, own, &options), net_model(*state, 2, chain, &options)};
    clade_data *data;
    float weights[10], *values[2];
    clade_metrics metrics[2];
    assert_ok(clade_data_open(&data, "digits?n=500"));
    for (int i = 0; i < 10; i++) weights[i] = 1.0f + 0.1f * (float)i;
    for (int i = 0; i < 2; i++) {
        assert_ok(clade_fit(models[i], data, &(clade_fit_options){.epochs = 2, .class_weights = weights},
                            NULL));
        values[i] = parameters_of(models[i]);
        assert_ok(clade_evaluate(models[i], data, &metrics[i]));
    }
    assert_memory_equal(values[0], values[1], clade__model_parameter_bytes(models[0]));
    assert_true(metrics[0].loss == metrics[1].loss && metrics[0].accuracy == metrics[1].accuracy);
    clade_data_free(data);
    assert_ok(clade_data_open(&data, "random?features=784&targets=2"));
    assert_fails(clade_evaluate(models[0], data, metrics), CLADE_EDATA, "cross_entropy wants classes");
    for (int i = 0; i < 2; i++) {
        free(values[i]);
        clade_model_free(models[i]);
    }
    clade_data_free(data);
}

static void labels_are_no_target_numbers(void **state)
{
    static const char own[] = "{\"inputs\":[{\"name\":\"image\",\"shape\":[784]},"
                              "{\"name\":\"wanted\",\"shape\":[10]}],\"layers\":["
                              "{\"type\":\"linear\",\"name\":\"out\",\"inputs\":[\"image\"],\"units\":10}],"
                              "\"losses\":[{\"type\":\"mse\",\"prediction\":\"out\",\"target\":\"wanted\"}]}";
    clade_model *model = net_model(*state, 2, own, &(clade_compile_options){0});
    clade_data *data;
    assert_ok(clade_data_open(&data, "digits?n=50"));
    assert_fails(clade_fit(model, data, NULL, NULL), CLADE_EDATA,
                 "the network's input 'wanted' wants 10 target numbers of a sample, and 'digits?n=50&part=train' "
                 "has 1 label");
    clade_data_free(data);
    assert_ok(clade_data_open(&data, "random?features=784&targets=10&n=50"));
    assert_ok(clade_fit(model, data, NULL, NULL));
    clade_data_free(data);
    clade_model_free(model);
}

/* ---- what does not fit ---------------------------------------------------------------------------- */

static void refused(clade_model *model, const clade_data_field *list, int n, const char *message)
{
    clade_data *data;
    assert_ok(clade_data_from_fields(&data, SAMPLES, list, n));
    assert_fails(clade_fit(model, data, NULL, NULL), CLADE_EDATA, message);
    clade_data_free(data);
}

static void fields_that_do_not_fit_are_named(void **state)
{
    fields *f = make_fields();
    clade_model *model = compile(*state, &(clade_compile_options){.batch = BATCH});
    clade_data_field list[] = {{"left", CLADE_FLOAT32, CLADE_SHAPE(3, 4), f->left, {0}},
                               {"right", CLADE_UINT8, CLADE_SHAPE(3, 4), f->right, {0}},
                               {"label", CLADE_INT32, CLADE_SHAPE(3), f->label, {0}},
                               {"score", CLADE_FLOAT32, CLADE_SHAPE(2), f->score, {0}}};
    refused(model, list, 3, "the network's input 'score' has no field of its name in 'fields'");
    list[0].shape = CLADE_SHAPE(4, 3);
    refused(model, list, 4, "the network's input 'left' has shape (3, 4), and the field of 'fields' has (4, 3)");
    list[0].shape = CLADE_SHAPE(12);
    list[2].dtype = CLADE_FLOAT32;
    list[2].values = f->left;
    refused(model, list, 4, "the network's input 'label' is of int32 values, and the field of 'fields' of float32");
    list[2].dtype = CLADE_INT32;
    list[2].values = f->label;
    f->label[7] = 4;
    refused(model, list, 4, "field 'label' of 'fields': label 1 of sample 2 is 4, want 0 to 3, or -1 to ignore");
    f->label[7] = -2;
    refused(model, list, 4, "label 1 of sample 2 is -2");
    clade_data *data;
    assert_ok(clade_data_open(&data, "random?features=12&classes=4&n=20"));
    assert_fails(clade_fit(model, data, NULL, NULL), CLADE_EDATA,
                 "the model has 4 inputs, 'left', 'right' and so on");
    clade_data_free(data);
    clade_model_free(model);

    clade_model *plain = net_model(*state, 1, "{\"input\":[12],\"layers\":[" LINEAR(4) "]}",
                                   &(clade_compile_options){0});
    list[0].name = "input";
    refused(plain, list, 4, "'fields' has named fields, and the loss of the network names none of its inputs");
    clade_model_free(plain);
    free(f);
}

static void bad_fields_are_refused(void **state)
{
    (void)state;
    const float values[] = {1.0f, NAN};
    clade_data_field list[] = {{"a", CLADE_FLOAT32, CLADE_SHAPE(1), values, {0}},
                               {"a", CLADE_FLOAT32, CLADE_SHAPE(1), values, {0}}};
    clade_data *data;
    assert_fails(clade_data_from_fields(&data, 1, list, 0), CLADE_EINVAL, "data: 0 fields, want 1 to 1000");
    assert_fails(clade_data_from_fields(&data, 1, list, 2), CLADE_EINVAL, "data: two fields are named 'a'");
    assert_fails(clade_data_from_fields(&data, 0, list, 1), CLADE_EINVAL, "data: 0 samples");
    assert_fails(clade_data_from_fields(&data, 2, list, 1), CLADE_EINVAL, "data: a 0 of sample 1 is nan");
    list[1].values = NULL;
    assert_fails(clade_data_from_fields(&data, 1, list, 2), CLADE_EINVAL, "data: field 1 has no values");
    list[1] = (clade_data_field){"", CLADE_FLOAT32, CLADE_SHAPE(1), values, {0}};
    assert_fails(clade_data_from_fields(&data, 1, list, 2), CLADE_EINVAL, "data: field 1 has no name");
    list[0].dtype = (clade_dtype)99;
    assert_fails(clade_data_from_fields(&data, 1, list, 1), CLADE_EINVAL, "field 'a' has no element type");
    list[0] = (clade_data_field){"a", CLADE_FLOAT32, CLADE_SHAPE(0), values, {0}};
    assert_fails(clade_data_from_fields(&data, 1, list, 1), CLADE_ESHAPE, "dimension 0 of a sample is 0");
    list[0].shape = CLADE_SHAPE(1);
    assert_ok(clade_data_from_fields(&data, 1, list, 1));
    clade_data_field got;
    assert_int_equal(clade_data_n_fields(data), 1);
    assert_ok(clade_data_field_at(data, 0, &got));
    assert_string_equal(got.name, "a");
    assert_memory_equal(got.values, values, sizeof *values);
    assert_fails(clade_data_field_at(data, 1, &got), CLADE_EINVAL, "data: field 1 of 1");
    assert_fails(clade_data_standardize(data), CLADE_EINVAL, "standardize: 'fields' is data of named fields");
    assert_fails(clade_data_set_scale(data, 2.0f, 0.0f), CLADE_EINVAL, "scale: 'fields' is data of named");
    assert_true(clade_data_equal(data, data));
    clade_data_free(data);
}

static void one_that_diverges_has_a_place(void **state)
{
    fields *f = make_fields();
    clade_data *data = data_of(f);
    clade_model *model = compile(*state, &(clade_compile_options){
                                             .batch = BATCH,
                                             .optimizer = {.kind = CLADE_OPTIMIZER_SGD, .lr = 1e25f}});
    clade_fit_result result;
    assert_fails(clade_fit(model, data, &(clade_fit_options){.epochs = 3}, &result), CLADE_EDIVERGED,
                 "training diverged: in step ");
    assert_true(result.diverged.step > 0);
    clade_model_free(model);
    clade_data_free(data);
    free(f);
}

static int open_with_scaled(void **state)
{
    if (test_open_device(state) != 0) return -1;
    assert_ok(clade__layer_type_add(&own_scaled));
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_checked),
        cmocka_unit_test(a_step_goes_down_the_gradient),
        cmocka_unit_test(loss_and_accuracy_are_of_rows_that_count),
        cmocka_unit_test(classes_have_top_five_and_perplexity),
        cmocka_unit_test(numbers_have_errors),
        cmocka_unit_test(streamed_data_gives_the_same_bits),
        cmocka_unit_test(a_killed_training_goes_on_to_the_same_bits),
        cmocka_unit_test(other_code_reads_the_model),
        cmocka_unit_test(labels_of_data_go_to_the_only_target),
        cmocka_unit_test(labels_are_no_target_numbers),
        cmocka_unit_test(fields_that_do_not_fit_are_named),
        cmocka_unit_test(bad_fields_are_refused),
        cmocka_unit_test(one_that_diverges_has_a_place),
    };
    self = argv[0];
    if (argc > 2 && strcmp(argv[1], "train") == 0) return train_alone(argv[2]);
    return cmocka_run_group_tests(tests, open_with_scaled, test_close_device);
}

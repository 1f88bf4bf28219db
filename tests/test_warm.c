/* clade_warm: what was warmed is not built again; nothing but caches changes; what cannot be is refused. */
#define _XOPEN_SOURCE 700
#include "command.h"
#include "network.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

static const char mlp[] = "{\"input\":[28,28],\"layers\":[{\"type\":\"flatten\"}," LINEAR(12) "," RELU "," LINEAR(10) "]}";

static clade_model *compiled(clade_device *device)
{
    return net_model(device, 3, mlp, &(clade_compile_options){.optimizer = {.lr = 0.1f, .momentum = 0.9f},
                                                              .batch = 16});
}

static clade_data *digits(const char *part)
{
    clade_data *data;
    assert_ok(clade_data_open_part(&data, "digits?n=40", part));
    return data;
}

/* The parameters after a training, whose bits warming before it must not change. */
static double *trained(clade_device *device, bool warmed)
{
    clade_model *model = compiled(device);
    clade_data *train = digits("train"), *valid = digits("test");
    const clade_fit_options options = {.epochs = 2, .validate = valid};
    double *before = net_parameters(model);
    size_t bytes = (size_t)clade_model_n_parameters(model) * sizeof *before;
    if (warmed) {
        assert_ok(clade_warm(model, train, &options));
        double *after = net_parameters(model);
        assert_memory_equal(after, before, bytes);
        free(after);
    }
    assert_ok(clade_fit(model, train, &options, NULL));
    double *parameters = net_parameters(model);
    assert_memory_not_equal(parameters, before, bytes);
    free(before);
    clade_data_free(train);
    clade_data_free(valid);
    clade_model_free(model);
    return parameters;
}

static void a_training_is_the_same_behind_it(void **state)
{
    double *cold = trained(*state, false), *warm = trained(*state, true);
    assert_memory_equal(warm, cold, (784 * 12 + 12 + 12 * 10 + 10) * sizeof *cold);
    free(cold);
    free(warm);
}

static void what_it_cannot_do_is_refused(void **state)
{
    clade_model *model = compiled(*state);
    clade_data *data = digits("train");
    clade_fit_options reserved = {.reserved = {1}};
    assert_fails(clade_warm(model, NULL, NULL), CLADE_EINVAL, "warm: a model that is trained wants its data");
    assert_fails(clade_warm(model, data, &reserved), CLADE_EINVAL, "warm: options->reserved");
    assert_fails(clade_warm(model, data, &(clade_fit_options){.epochs = -1}), CLADE_EINVAL, "fit: epochs");
    clade_model_free(model);
    assert_ok(clade_model_create(&model, *state, 1));
    assert_fails(clade_warm(model, data, NULL), CLADE_ESTATE, "warm");
    clade_model_free(model);
    clade_data_free(data);
}

static clade_model *loaded(clade_device *device, const char *json, const clade_compile_options *options)
{
    const char *path = test_text("%s/m.safetensors", test_folder());
    clade_model *model = net_model(device, 1, json, options);
    assert_ok(clade_save(model, path));
    clade_model_free(model);
    assert_ok(clade_load(&model, device, path));
    return model;
}

static void a_loaded_model_needs_no_data(void **state)
{
    static const char two[] = "{\"input\":[3],\"layers\":[" LINEAR(2) "]}";
    static const char join[] = "{\"inputs\":[{\"name\":\"a\",\"shape\":[3]},{\"name\":\"b\",\"shape\":[3]}],"
                               "\"layers\":[{\"type\":\"add\",\"inputs\":[\"a\",\"b\"]}," LINEAR(2) "]}";
    clade_data *data = digits("train");
    for (int loss = CLADE_LOSS_CROSS_ENTROPY; loss <= CLADE_LOSS_BCE_WITH_LOGITS; loss++) {
        clade_model *model = loaded(*state, two, &(clade_compile_options){.loss = (clade_loss)loss});
        assert_ok(clade_warm(model, NULL, NULL));
        assert_fails(clade_warm(model, data, NULL), CLADE_EDATA, "");
        clade_model_free(model);
    }
    clade_model *model = loaded(*state, mlp, &(clade_compile_options){0});
    assert_ok(clade_warm(model, data, NULL));
    clade_model_free(model);
    model = loaded(*state, join, &(clade_compile_options){.loss = CLADE_LOSS_MSE});
    assert_fails(clade_warm(model, NULL, NULL), CLADE_EINVAL, "warm: the network has several inputs");
    clade_model_free(model);
    clade_data_free(data);
}

/* ---- the command --------------------------------------------------------------------------------- */

static int n_files;

/* Whatever a driver calls a temporary file comes and goes. */
static int count(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)place;
    n_files += kind == FTW_F && !strstr(path, "tempfile");
    return 0;
}

static int files_in(const char *folder)
{
    n_files = 0;
    assert_int_equal(nftw(folder, count, 8, FTW_PHYS), 0);
    return n_files;
}

static double seconds_of(const char *const *arguments)
{
    double began = clade__seconds();
    command_result result = command_expect(command_run(arguments), 0);
    command_free(&result);
    return clade__seconds() - began;
}

#define TRAINING "--model", "linear", "--data", "digits?n=100", "--batch", "48", "--seed", "2"

/* In caches of its own, which are empty. That the first step waits for nothing is told by what is in the
 * caches, since a test beside others cannot measure a tenth of a second; it measures loosely. */
static void nothing_is_left_to_build(void **state)
{
    (void)state;
    char caches[256], run[300], model[320], cl[300];
    snprintf(caches, sizeof caches, "%s", test_folder());
    snprintf(run, sizeof run, "%s/run", caches);
    snprintf(cl, sizeof cl, "%s/cl", caches);
    snprintf(model, sizeof model, "%s/model.safetensors", run);
    assert_ok(clade__make_folder(cl));
    setenv("CLADE_CACHE_DIR", cl, 1);
    setenv("POCL_CACHE_DIR", cl, 1);
    double cold = seconds_of((const char *const[]){"warm", TRAINING, "--quiet", NULL});
    int n = files_in(cl);
    assert_true(n > 0);
    double first = seconds_of((const char *const[]){"train", TRAINING, "--epochs", "1", "--quiet", "--run", run, NULL});
    assert_int_equal(files_in(cl), n);
    double warm = seconds_of((const char *const[]){"train", TRAINING, "--epochs", "1", "--quiet", "--run", run,
                                                   "--overwrite", NULL});
    if (first > warm + 0.1 + 0.5 * cold)
        fail_msg("%.2f s to warm, then %.2f s, and %.2f s once more", cold, first, warm);

    command_result result = command_expect(COMMAND("warm", model, "--data", "digits?n=100", "--json"), 0);
    cJSON *document = command_json(result.out);
    assert_true(command_number(document, "seconds") > 0.0);
    cJSON_Delete(document);
    command_free(&result);
    n = files_in(cl);
    (void)seconds_of((const char *const[]){"eval", model, "--data", "digits?n=100", NULL});
    (void)seconds_of((const char *const[]){"predict", model, "--data", "digits?n=100", NULL});
    assert_int_equal(files_in(cl), n);
    (void)seconds_of((const char *const[]){"warm", model, NULL}); /* for a whole batch */
}

static void bad_usage_is_told(void **state)
{
    (void)state;
    const char *model = test_text("%s/m.safetensors", test_folder());
    clade_model *saved = compiled(*state);
    assert_ok(clade_save(saved, model));
    clade_model_free(saved);
    command_expect_error(COMMAND("warm"), 2, "no network given; add --model mlp:512,512");
    command_expect_error(COMMAND("warm", model, "--batch", "3"), 2, "--batch is for a training, and '");
    command_expect_error(COMMAND("warm", model, "--device", "nosuch"), 3, "nosuch");
    command_expect_error(COMMAND("warm", "no-such-file"), 4, "no-such-file");
    command_expect_error(COMMAND("warm", model, "--data", "random?features=3"), 4, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_training_is_the_same_behind_it),
        cmocka_unit_test(what_it_cannot_do_is_refused),
        cmocka_unit_test(a_loaded_model_needs_no_data),
        cmocka_unit_test(bad_usage_is_told),
        cmocka_unit_test(nothing_is_left_to_build), /* last: it changes the environment */
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

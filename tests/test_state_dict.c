/* PyTorch's state dict of the networks that have a name: it goes in by --init, evaluates to the accuracy
 * and the outputs that NumPy finds with it (tests/state_dict.py), and trains on. Skipped without Python
 * and the packages of tools/python-packages.txt. */
#include "command.h"

#include "data/dataset.h"
#include "python.h"

#define DATA      "digits?n=60&seed=9&part=test"
#define N_CLASSES 10

static char folder[256], script[512];

static const char *in_folder(const char *name)
{
    return test_text("%s/%s", folder, name);
}


#define PYTHON(...) python_run((const char *const[]){script, __VA_ARGS__, NULL})

/* Trains from the state dict. */
static void train(const char *network, const char *state_dict, const char *run, const char *lr, const char *epochs)
{
    command_result result = command_expect(
        COMMAND("train", "--model", network, "--data", "digits?n=500", "--valid", "none", "--init",
                state_dict, "--optimizer", "sgd", "--momentum", "0.9", "--lr", lr, "--batch", "50", "--epochs", epochs, "--run", run,
                "--quiet", "--overwrite"),
        0);
    command_free(&result);
}

/* How many of DATA's samples a model has right, by clade eval. */
static int n_right(const char *model, int64_t n_samples)
{
    command_result result = command_expect(COMMAND("eval", model, "--data", DATA, "--json"), 0);
    cJSON *document = command_json(result.out);
    assert_true(command_number(document, "samples") == (double)n_samples);
    double right = command_number(document, "accuracy") * (double)n_samples;
    cJSON_Delete(document);
    command_free(&result);
    return (int)lround(right);
}

/* DATA as raw floats and ints, and what the model makes of it; logits (samples, classes) is malloc'd. */
static float *write_outputs(clade_device *device, const char *model_path, const char *logits_path, int64_t *n_samples)
{
    clade_data *data;
    clade_model *model;
    assert_ok(clade_data_open(&data, DATA));
    assert_ok(clade_load(&model, device, model_path));
    int64_t n = data->n_samples, n_values = n * clade__data_cols(data);
    float *logits = calloc((size_t)(n * N_CLASSES), sizeof *logits), *x = calloc((size_t)n_values, sizeof *x);
    assert_true(logits && x);
    for (int64_t i = 0; i < n_values; i++) x[i] = (float)((const uint8_t *)data->values)[i] / 255.0f;
    assert_ok(clade_predict(model, data, 0, n, true, logits));
    test_write_file(in_folder("x.f32"), x, (size_t)n_values * sizeof *x);
    test_write_file(in_folder("y.i32"), data->labels, (size_t)n * sizeof *data->labels);
    test_write_file(logits_path, logits, (size_t)(n * N_CLASSES) * sizeof *logits);
    free(x);
    clade_model_free(model);
    clade_data_free(data);
    *n_samples = n;
    return logits;
}

/* A model file of a network that has the state dict's parameters, and its statistics. */
static void load(clade_device *device, const char *of_network, const char *state_dict, const char *path)
{
    clade_model *model;
    assert_ok(clade_load(&model, device, of_network));
    assert_ok(clade_load_weights(model, state_dict, NULL));
    assert_ok(clade_save(model, path));
    clade_model_free(model);
}

static void check(clade_device *device, const char *network)
{
    char state[400], run[400], trained[512], loaded[400], logits_path[400], x[400], y[400], right[16];
    int64_t n_samples;
    snprintf(state, sizeof state, "%s/%s-torch.safetensors", folder, network);
    snprintf(loaded, sizeof loaded, "%s/%s.safetensors", folder, network);
    snprintf(run, sizeof run, "%s/%s", folder, network);
    snprintf(trained, sizeof trained, "%s/model.safetensors", run);
    snprintf(logits_path, sizeof logits_path, "%s/logits.f32", folder);
    snprintf(x, sizeof x, "%s/x.f32", folder);
    snprintf(y, sizeof y, "%s/y.i32", folder);
    assert_int_equal(PYTHON("write", network, state), 0);

    /* Nothing that is learned moves at such a rate. */
    train(network, state, run, "1e-30", "1");
    assert_int_equal(PYTHON("kept", state, trained), 0);

    load(device, trained, state, loaded);
    float *logits = write_outputs(device, loaded, logits_path, &n_samples);
    int before = n_right(loaded, n_samples);
    snprintf(right, sizeof right, "%d", before);
    const char *const compared[] = {script, "check", network, state, x, y, logits_path, right, NULL};
    assert_int_equal(python_run(compared), 0);
    logits[N_CLASSES + 1] += 0.001f; /* the comparison can fail, in both */
    test_write_file(logits_path, logits, (size_t)(n_samples * N_CLASSES) * sizeof *logits);
    assert_int_equal(python_run(compared), 1);
    free(logits);
    free(write_outputs(device, loaded, logits_path, &n_samples));
    snprintf(right, sizeof right, "%d", before + 1);
    assert_int_equal(python_run(compared), 1);

    /* It trains on, and what it comes to NumPy reads too. */
    train(network, state, run, "0.03", "8");
    assert_int_equal(PYTHON("kept", state, trained), 1);
    free(write_outputs(device, trained, logits_path, &n_samples));
    int after = n_right(trained, n_samples);
    print_message("%s: %d of %d are right before training, %d after\n", network, before, (int)n_samples, after);
    assert_true(after > before + n_samples / 5);
    snprintf(right, sizeof right, "%d", after);
    assert_int_equal(PYTHON("check", network, trained, x, y, logits_path, right), 0);
}

static void lenet(void **state)
{
    check(*state, "lenet");
}

static void resnet20(void **state)
{
    check(*state, "resnet20");
}

int main(void)
{
    const char *source = getenv("CLADE_TEST_SOURCE");
    if (!source || !python_has("numpy, safetensors.numpy")) {
        print_message("SKIPPED: no %s with the packages of tools/python-packages.txt\n", python_name());
        return 77;
    }
    snprintf(script, sizeof script, "%s/tests/state_dict.py", source);
    snprintf(folder, sizeof folder, "%s", test_folder());
    const struct CMUnitTest tests[] = {cmocka_unit_test(lenet), cmocka_unit_test(resnet20)};
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}

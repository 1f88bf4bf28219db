/* Networks by name: each has the shapes and the number of parameters that its source gives, and trains. */
#include "command.h"

static void train(const char *model, const char *data, double n_parameters, const char *last)
{
    const char *folder = test_text("%s/%s", test_folder(), model);
    char path[512];
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    command_result result = command_expect(COMMAND("train", "--model", model, "--data", data, "--max-steps", "2",
                                                   "--batch", "4", "--lr", "0.01", "--quiet", "--run", folder),
                                           0);
    command_free(&result);
    result = command_expect(COMMAND("info", path, "--json"), 0);
    cJSON *document = command_json(result.out);
    assert_true(command_number(document, "parameters") == n_parameters);
    const cJSON *layers = cJSON_GetObjectItem(document, "layers");
    const cJSON *layer = cJSON_GetArrayItem(layers, cJSON_GetArraySize(layers) - 1);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(layer, "name")), last);
    cJSON_Delete(document);
    command_free(&result);
}

static void small_ones_train(void **state)
{
    (void)state;
    train("lenet", "digits?n=40", 61706, "11"); /* LeCun et al. 1998, without the connection table */
    train("cnn:4,6", "digits?n=40", 4 * 9 + 4 + 6 * 4 * 9 + 6 + 6 * 7 * 7 * 10 + 10, "7");
    train("linear", "digits?n=40", 7850, "1");
    /* He et al. 2016, with their shortcut B and one channel: 272,186 that are trained, 1,568 of running
     * statistics. */
    train("resnet20", "digits?n=40", 272186 + 1568, "fc");
}

static void what_a_name_does_not_take_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *model, *option, *value, *message;
    } bad[] = {{"lenet:3", "--seed", "1", "--model: lenet takes no sizes; write lenet, mlp:512 or cnn:32,64"},
               {"lenet", "--activation", "tanh", "--activation is for --model mlp:... and cnn:..., and not for lenet"},
               {"resnet20", "--dropout", "0.1", "--dropout is for --model mlp:... and cnn:..., and not for resnet20"},
               {"lennet", "--seed", "1", "--model: unknown network 'lennet'; did you mean 'lenet'?"},
               {"cnn:8,x", "--seed", "1", "--model: size 'x' is not a whole number from 1 to 1000000"},
               {"lenet", "--valid", "none", "--model: it is for images, and samples of 'random?features=10&part=train' "
                                            "are [10]"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *data = strcmp(bad[i].option, "--valid") == 0 ? "random?features=10" : "digits?n=40";
        command_result result = COMMAND("train", "--model", bad[i].model, "--data", data, bad[i].option,
                                        bad[i].value, "--quiet", "--run", test_text("%s/bad", test_folder()));
        assert_int_equal(result.status, 2);
        if (!strstr(result.err, bad[i].message)) fail_msg("\"%s\", want \"%s\"", result.err, bad[i].message);
        command_free(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_ones_train),
        cmocka_unit_test(what_a_name_does_not_take_is_refused),
    };
    return cmocka_run_group_tests(tests, test_find_device, NULL);
}

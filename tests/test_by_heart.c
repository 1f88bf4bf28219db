/* data/cifar10-small.yaml: a large network learns a hundred images by heart, to the last one, in half
 * of its epochs. Of CIFAR-10 where its files are, else of random bytes in its format. */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "base/philox.h"
#include "command.h"

enum { IMAGES = 100, RECORD = 1 + 3072 };

static const char *random_images(void)
{
    const char *folder = test_folder();
    unsigned char *bytes = malloc(IMAGES * RECORD);
    assert_non_null(bytes);
    clade__random random = clade__random_start(1, 78);
    for (int i = 0; i < IMAGES * RECORD; i++)
        bytes[i] = (unsigned char)clade__random_below(&random, i % RECORD == 0 ? 10 : 256);
    test_write_file(test_text("%s/data_batch_1.bin", folder), bytes, IMAGES * RECORD);
    free(bytes);
    return folder;
}

static const char *images(void)
{
    static const char *const places[] = {"data", "../shared/data"};
    const char *source = getenv("CLADE_TEST_SOURCE");
    for (int i = 0; i < 2; i++) {
        const char *folder = test_text("%s/%s/cifar-10-batches-bin", source, places[i]);
        if (access(test_text("%s/data_batch_1.bin", folder), R_OK) == 0) return folder;
    }
    return random_images();
}

static void every_image_is_learnt(void **state)
{
    (void)state;
    char config[512], data[512], run[512];
    snprintf(config, sizeof config, "%s/data/cifar10-small.yaml", getenv("CLADE_TEST_SOURCE"));
    snprintf(data, sizeof data, "cifar10:%s?files=data_batch_1.bin&n=%d", images(), IMAGES);
    snprintf(run, sizeof run, "%s/run", test_folder());
    print_message("%s\n", data);
    command_result result = command_expect(
        COMMAND("train", config, "--data", data, "--epochs", "100", "--run", run, "--json",
                "--quiet"), 0);
    cJSON *document = command_json(result.out);
    assert_true(command_number(cJSON_GetObjectItem(document, "train"), "accuracy") == 1.0);
    cJSON_Delete(document);
    command_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_image_is_learnt)};
    return cmocka_run_group_tests(tests, test_find_device, NULL);
}

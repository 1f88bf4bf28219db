/* The configs of data/: each can be trained, and each has right gradients. Where one names data that
 * is not in the project, random samples of its shape stand in. */
#define _POSIX_C_SOURCE 200809L
#include <glob.h>

#include "command.h"

/* What a config is given in place of its data; NULL where it needs no file. */
static const char *stand_in(const char *config)
{
    return strstr(config, "cifar10") ? "random?features=3072&classes=10&n=40"
           : strstr(config, "mnist") ? "random?features=784&classes=10&n=300"
                                     : NULL;
}

static glob_t configs(void)
{
    glob_t found;
    assert_int_equal(glob(test_text("%s/data/*.yaml", getenv("CLADE_TEST_SOURCE")), 0, NULL, &found),
                     0);
    assert_true(found.gl_pathc >= 3);
    return found;
}

static void gradients_are_right(void **state)
{
    (void)state;
    glob_t found = configs();
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *config = found.gl_pathv[i], *data = stand_in(config);
        command_result result = command_expect(
            COMMAND("gradcheck", config, "--samples", "2", "--elements", "5", "--tolerance", "1e-3",
                    "--quiet", data ? "--data" : NULL, data), 0);
        assert_non_null(strstr(result.out, "passed: errors are at most 0.001"));
        command_free(&result);
    }
    globfree(&found);
}

static void steps_can_be_made(void **state)
{
    (void)state;
    glob_t found = configs();
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *config = found.gl_pathv[i], *data = stand_in(config);
        command_result result =
            command_expect(COMMAND("train", config, "--max-steps", "3", "--quiet", "--json", "--run",
                                   test_text("%s/run", test_folder()), "--valid", "none",
                                   data ? "--data" : NULL, data), 0);
        cJSON *document = command_json(result.out);
        assert_true(command_number(document, "steps") == 3);
        cJSON_Delete(document);
        command_free(&result);
    }
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_right),
        cmocka_unit_test(steps_can_be_made),
    };
    return cmocka_run_group_tests(tests, test_find_device, NULL);
}

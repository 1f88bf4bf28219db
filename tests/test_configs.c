/* The configs of data/: each can be trained as it stands, and each has right gradients. They run in a
 * folder whose data/ has files like those that they name, in small. */
#define _POSIX_C_SOURCE 200809L
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arrays.h"
#include "command.h"

enum { N = 120, DIGIT = 784, PICTURE = 3072 };

/* A record's value k: of every size, and no two records alike. */
static unsigned char value(int record, int k)
{
    return (unsigned char)((record + 1) * (k + 7) * 2654435761u >> 24);
}

static void write_mnist(const char *part)
{
    static unsigned char images[16 + N * DIGIT] = {0, 0, 8, 3,  0, 0, 0, N,
                                                   0, 0, 0, 28, 0, 0, 0, 28};
    unsigned char labels[8 + N] = {0, 0, 8, 1, 0, 0, 0, N};
    for (int i = 0; i < N; i++) {
        labels[8 + i] = (unsigned char)(i % 10);
        for (int k = 0; k < DIGIT; k++) images[16 + i * DIGIT + k] = value(i, k);
    }
    test_write_file(test_text("data/mnist/%s-images-idx3-ubyte", part), images, sizeof images);
    test_write_file(test_text("data/mnist/%s-labels-idx1-ubyte", part), labels, sizeof labels);
}

static void write_cifar10(const char *name)
{
    static unsigned char records[N * (1 + PICTURE)];
    for (int i = 0; i < N; i++) {
        unsigned char *record = records + i * (1 + PICTURE);
        record[0] = (unsigned char)(i % 10);
        for (int k = 0; k < PICTURE; k++) record[1 + k] = value(i, k);
    }
    test_write_file(test_text("data/cifar-10-batches-bin/%s", name), records, sizeof records);
}

/* Two readings of 40 samples, and the target of data/pairs.yaml. */
static void write_pairs(void)
{
    float readings[40 * 3];
    int32_t above[40 * 3];
    static zip archive;
    for (int i = 0; i < 40 * 3; i++) {
        readings[i] = (float)value(0, i) / 128.0f - 1.0f;
        above[i] = i % 5 == 0 ? -1 : readings[i] > 0.0f;
    }
    npy left = npy_array("<f4", "(40, 3, 1)", readings, sizeof readings);
    npy labels = npy_array("<i4", "(40, 3)", above, sizeof above);
    zip_add(&archive, "left.npy", left.bytes, left.n, (zip_how){0});
    zip_add(&archive, "right.npy", left.bytes, left.n, (zip_how){0});
    zip_add(&archive, "above.npy", labels.bytes, labels.n, (zip_how){0});
    zip_end(&archive);
    test_write_file("pairs.npz", archive.bytes, archive.n);
}

static int make_data(void **state)
{
    static const char *const folders[] = {"data", "data/mnist", "data/cifar-10-batches-bin"};
    test_find_device(state);
    assert_int_equal(chdir(test_folder()), 0);
    for (int i = 0; i < 3; i++) assert_int_equal(mkdir(folders[i], 0777), 0);
    write_mnist("train");
    write_mnist("t10k");
    write_cifar10("data_batch_1.bin");
    write_cifar10("test_batch.bin");
    write_pairs();
    return 0;
}

static glob_t configs(void)
{
    glob_t found;
    const char *pattern = test_text("%s/data/*.yaml", getenv("CLADE_TEST_SOURCE"));
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 3);
    return found;
}

static void gradients_are_right(void **state)
{
    (void)state;
    glob_t found = configs();
    for (size_t i = 0; i < found.gl_pathc; i++) {
        /* In double precision a step of this takes seconds. */
        const char *elements = strstr(found.gl_pathv[i], "resnet20") ? "1" : "5";
        command_result result =
            command_expect(COMMAND("gradcheck", found.gl_pathv[i], "--samples", "2", "--elements",
                                   elements, "--tolerance", "1e-3", "--quiet"),
                           0);
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
        command_result result =
            command_expect(COMMAND("train", found.gl_pathv[i], "--max-steps", "3", "--quiet",
                                   "--json", "--run", test_text("run-%d", (int)i)),
                           0);
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
    return cmocka_run_group_tests(tests, make_data, NULL);
}

/* A folder with MNIST's files, plain, or those of the set that the options name. Input: a line with the
 * spec's options, "n=2&set=letters"; the images, see fuzz_take_part; the labels, and behind a first byte
 * of 0xff, in a part of their own, those of the test part. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

static const char *const sets[][3] = {{"letters", "emnist-letters-", "test"},
                                      {"balanced", "emnist-balanced-", "test"},
                                      {"qmnist", "qmnist-", "test"},
                                      {"", "", "t10k"}};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    char options[256], name[64];
    const char *paths[4];
    fuzz_input labels = {bytes, n_bytes};
    fuzz_take_text(&labels, '\n', options, sizeof options);
    fuzz_input images = fuzz_take_part(&labels), test_labels = labels;
    bool own_labels = labels.n_bytes > 0 && labels.bytes[0] == 0xff;
    if (own_labels) {
        fuzz_take(&labels, 1);
        test_labels = fuzz_take_part(&labels);
    }
    int set = 0;
    const char *wanted = strstr(options, "set=");
    while (set < 3 && (!wanted || strncmp(wanted + 4, sets[set][0], strlen(sets[set][0])) != 0)) set++;
    for (int i = 0; i < 4; i++) {
        const char *type = i / 2 == 0 ? "images-idx3-ubyte" : set == 2 ? "labels-idx2-int"
                                                                       : "labels-idx1-ubyte";
        snprintf(name, sizeof name, "%s%s-%s", sets[set][1], i % 2 ? sets[set][2] : "train", type);
        paths[i] = fuzz_write(name, i / 2 == 0 ? images : i % 2 ? test_labels : labels);
    }
    /* The files in memory, a sample of one byte as one of four, a label in four bytes three times. */
    fuzz_begin(8192 + 16 * n_bytes);
    fuzz_open_data("mnist", fuzz_folder(), options, !own_labels);
    fuzz_end();
    for (int i = 0; i < 4; i++) unlink(paths[i]);
    return 0;
}

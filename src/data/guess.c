/* What kind of data a path without a kind looks like, so that a message can offer it. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "data/image_files.h"
#include "data/spec.h"

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), n_end = strlen(end);
    return n > n_end && strcmp(path + n - n_end, end) == 0;
}

static bool holds(const char *folder, const char *name)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    return n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0;
}

const char *clade__data_guess_kind(const char *path)
{
    static const struct {
        const char *kind, *end;
    } endings[] = {{"csv", ".csv"}, {"csv", ".tsv"}, {"csv", ".csv.gz"}, {"csv", ".tsv.gz"},
                   {"csv", ".txt"}, {"csv", ".data"}, {"npy", ".npy"},    {"npy", ".npz"}};
    static const struct {
        const char *kind, *file;
    } files[] = {{"mnist", "train-images-idx3-ubyte"},   {"mnist", "train-images-idx3-ubyte.gz"},
                 {"mnist", "t10k-images-idx3-ubyte"},    {"mnist", "t10k-images-idx3-ubyte.gz"},
                 {"mnist", "train-images.idx3-ubyte"},   {"mnist", "MNIST/raw"},
                 {"cifar10", "data_batch_1.bin"},        {"cifar10", "test_batch.bin"},
                 {"cifar100", "fine_label_names.txt"},   {"cifar100", "coarse_label_names.txt"},
                 {"cifar100", "train.bin"}};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (ends_in(path, endings[i].end)) return endings[i].kind;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (holds(path, files[i].file)) return files[i].kind;
    return clade__image_files_there(path) ? "images" : NULL;
}

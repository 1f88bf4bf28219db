/* Sets of images in IDX files: MNIST, and those that have its form. A set is four files, the images
 * and the labels of two parts, in the folder that is given or where torchvision puts it below that. */
#define _POSIX_C_SOURCE 200809L
#include "data/spec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "data/idx_file.h"

#define MOST_NAMES    62 /* of a set */
#define LEAST_CLASSES 10 /* where nothing names them: a part may lack some digits */

/* Names of the files: PREFIX, the part, images or labels. Classes are named by their characters,
 * from label `first` on; those of the others are as many as both parts have, named by their numbers.
 * Reference for those of EMNIST: G. Cohen et al., "EMNIST: an extension of MNIST to handwritten
 * letters", 2017; its balanced and its merged sets have one class for two cases that look alike. */
typedef struct set {
    const char *name, *prefix, *train, *test;
    int first;
    const char *classes;
} set;

#define DIGITS   "0123456789"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static const set sets[] = {
    {"mnist", "", "train", "t10k", 0, NULL},
    {"balanced", "emnist-balanced-", "train", "test", 0, DIGITS CAPITALS "abdefghnqrt"},
    {"bymerge", "emnist-bymerge-", "train", "test", 0, DIGITS CAPITALS "abdefghnqrt"},
    {"byclass", "emnist-byclass-", "train", "test", 0,
     DIGITS CAPITALS "abcdefghijklmnopqrstuvwxyz"},
    {"letters", "emnist-letters-", "train", "test", 1, CAPITALS},
    {"digits", "emnist-digits-", "train", "test", 0, NULL},
    {"emnist-mnist", "emnist-mnist-", "train", "test", 0, NULL},
    {"qmnist", "qmnist-", "train", "test", 0, NULL},
};

#define N_SETS ((int)(sizeof sets / sizeof sets[0]))

/* The folder itself, the one of a set that torchvision made, and the one above that. */
static const char *const folders[] = {"",           "/raw",        "/MNIST/raw", "/FashionMNIST/raw",
                                      "/KMNIST/raw", "/EMNIST/raw", "/QMNIST/raw"};

#define N_FOLDERS ((int)(sizeof folders / sizeof folders[0]))

/* ---- finding the files ----------------------------------------------------------------------- */

/* A file of a set: train-images-idx3-ubyte, train-images.idx3-ubyte.gz, … Its path; NULL where there
 * is none. */
static clade_status find_file(char **path, const char *folder, const char *below, const set *its,
                              bool test, bool images)
{
    static const char *const types[] = {"ubyte", "int", "short", "byte", "float", "double"};
    *path = NULL;
    for (int i = 0; i < 4 * 6 * 2 && !*path; i++) {
        int rank = images ? 3 : 1 + i / 24;
        clade__text text = {0};
        if (images && i >= 24) break;
        clade__text_append(&text, "%s%s/%s%s-%s%sidx%d-%s%s", folder, below, its->prefix,
                           test ? its->test : its->train, images ? "images" : "labels",
                           i / 2 % 2 ? "." : "-", rank, types[i / 4 % 6], i % 2 ? ".gz" : "");
        if (text.failed) return clade__fail(CLADE_ENOMEM, "mnist: no memory");
        if (access(text.data, F_OK) == 0)
            *path = text.data;
        else
            clade__text_free(&text);
    }
    return CLADE_OK;
}

/* Sets that were found; there is room for all. */
typedef struct found {
    int n;
    struct {
        int folder, set;
    } at[N_FOLDERS * N_SETS];
} found;

static clade_status is_there(bool *there, const char *folder, const char *below)
{
    clade__text path = {0};
    clade__text_append(&path, "%s%s", folder, below);
    if (path.failed) return clade__fail(CLADE_ENOMEM, "mnist: no memory");
    *there = access(path.data, F_OK) == 0;
    clade__text_free(&path);
    return CLADE_OK;
}

/* Adds the sets in a folder, of which there is at least the images of a part. */
static clade_status find_sets(found *f, const char *folder, int below, const char *wanted)
{
    bool folder_there = false;
    CLADE_TRY(is_there(&folder_there, folder, folders[below]));
    if (!folder_there) return CLADE_OK;
    for (int i = 0; i < N_SETS; i++) {
        bool there = false;
        for (int test = 0; test < 2 && !there; test++) {
            char *path;
            CLADE_TRY(find_file(&path, folder, folders[below], &sets[i], test, true));
            there = path != NULL;
            free(path);
        }
        if (!there || (wanted && strcmp(wanted, sets[i].name) != 0)) continue;
        f->at[f->n].folder = below;
        f->at[f->n++].set = i;
    }
    return CLADE_OK;
}

static clade_status check_wanted(const char *wanted)
{
    const char *names[N_SETS];
    for (int i = 0; i < N_SETS; i++) {
        names[i] = sets[i].name;
        if (!wanted || strcmp(wanted, names[i]) == 0) return CLADE_OK;
    }
    char hint[256];
    return clade__fail(CLADE_EINVAL, "mnist: set=%s is unknown%s", wanted,
                       clade__suggest(hint, sizeof hint, wanted, names, N_SETS));
}

/* What a folder must hold; the same in data.h and in the README. */
static clade_status fail_missing(const char *folder, const char *wanted)
{
    const set *its = sets;
    for (int i = 0; wanted && i < N_SETS; i++)
        if (strcmp(wanted, sets[i].name) == 0) its = &sets[i];
    struct stat about;
    if (stat(folder, &about) != 0)
        return clade__fail(CLADE_EIO, "mnist: cannot open '%s': %s", folder, clade__errno_text(errno));
    return clade__fail(
        CLADE_EIO,
        "mnist: '%s' holds no set of images; it must hold %s%s-images-idx3-ubyte, "
        "%s%s-labels-idx1-ubyte, %s%s-images-idx3-ubyte and %s%s-labels-idx1-ubyte, with .gz or "
        "without%s",
        folder, its->prefix, its->train, its->prefix, its->train, its->prefix, its->test, its->prefix,
        its->test,
        wanted ? "" : ", or those of EMNIST or QMNIST under their own names, or torchvision's "
                      "MNIST/raw");
}

static clade_status fail_several(const found *f, const char *folder)
{
    clade__text list = {0};
    bool here = f->at[0].folder == f->at[f->n - 1].folder;
    for (int i = 0; i < f->n; i++) {
        if (!here && i > 0 && f->at[i].folder == f->at[i - 1].folder) continue;
        clade__text_append(&list, "%s%s", i > 0 ? ", " : "",
                           here ? sets[f->at[i].set].name : folders[f->at[i].folder] + 1);
    }
    if (list.failed) return clade__fail(CLADE_ENOMEM, "mnist: no memory");
    clade_status status =
        here ? clade__fail(CLADE_EINVAL, "mnist: '%s%s' holds several sets: %s; choose one by ?set=%s",
                           folder, folders[f->at[0].folder], list.data, sets[f->at[0].set].name)
             : clade__fail(CLADE_EINVAL, "mnist: '%s' holds sets in %s; give one of these folders, as "
                           "mnist:%s%s", folder, list.data, folder, folders[f->at[0].folder]);
    clade__text_free(&list);
    return status;
}

/* Which set is meant: that in the folder, or else the only one below it. */
static clade_status choose_set(const set **its, const char **below, const clade__data_spec *spec)
{
    const char *wanted = clade__data_option(spec, "set");
    found f = {0};
    struct stat about;
    CLADE_TRY(check_wanted(wanted));
    if (stat(spec->path, &about) == 0 && !S_ISDIR(about.st_mode))
        return clade__fail(CLADE_EIO, "mnist: '%s' is a file; give the folder it is in",
                           spec->path);
    for (int i = 0; i < N_FOLDERS && (f.n == 0 || f.at[0].folder > 0); i++)
        CLADE_TRY(find_sets(&f, spec->path, i, wanted));
    if (f.n == 0) return fail_missing(spec->path, wanted);
    if (f.n > 1) return fail_several(&f, spec->path);
    *its = &sets[f.at[0].set];
    *below = folders[f.at[0].folder];
    return CLADE_OK;
}

/* ---- reading them ---------------------------------------------------------------------------- */

/* The files that are read; starts zeroed. */
typedef struct files {
    const set *its;
    clade__idx images, labels, other_labels; /* the last: of the other part, no path if not there */
    int32_t *label; /* (labels.dim[0]) */
    int32_t most;   /* the greatest of both parts */
} files;

static void close_files(files *f)
{
    clade__idx_close(&f->images);
    clade__idx_close(&f->labels);
    clade__idx_close(&f->other_labels);
    free(f->label);
}

static clade_status open_files(files *f, const clade__data_spec *spec)
{
    const char *below = "", *folder = spec->path;
    bool test = spec->part != CLADE__TRAIN;
    CLADE_TRY(choose_set(&f->its, &below, spec));
    CLADE_TRY(find_file(&f->images.path, folder, below, f->its, test, true));
    CLADE_TRY(find_file(&f->labels.path, folder, below, f->its, test, false));
    CLADE_TRY(find_file(&f->other_labels.path, folder, below, f->its, !test, false));
    if (!f->images.path || !f->labels.path)
        return clade__fail(CLADE_EIO, "mnist: no %s%s-%s-ubyte in '%s%s', with .gz or without",
                           f->its->prefix, test ? f->its->test : f->its->train,
                           f->images.path ? "labels-idx1" : "images-idx3", folder, below);
    CLADE_TRY(clade__idx_open(&f->images, true));
    return clade__idx_open(&f->labels, false);
}

/* All labels of a file, counted from the first class of the set. */
static clade_status read_labels(files *f, clade__idx *file, int32_t **labels)
{
    int64_t n = file->dim[0];
    int first = f->its->first;
    int end = f->its->classes ? (int)strlen(f->its->classes) : CLADE__DATA_MAX_CLASSES;
    int32_t *label = *labels = malloc((size_t)n * sizeof **labels);
    if (!label) return clade__fail(CLADE_ENOMEM, "mnist: no memory for %" PRId64 " labels", n);
    CLADE_TRY(clade__idx_read_first(file, label, n));
    CLADE_TRY(clade__idx_read_end(file));
    for (int64_t i = 0; i < n; i++) {
        if (label[i] < first || label[i] - first >= end)
            return clade__fail(CLADE_EDATA,
                               "'%s' has label %" PRId32 " at byte %" PRIu64 ", want %d to %d",
                               file->path, label[i], clade__idx_offset(file, i), first,
                               first + end - 1);
        label[i] -= first;
        if (label[i] > f->most) f->most = label[i];
    }
    return CLADE_OK;
}

/* Both parts have the same classes. */
static clade_status count_classes(files *f, int *n_classes)
{
    CLADE_TRY(read_labels(f, &f->labels, &f->label));
    if (f->its->classes) {
        *n_classes = (int)strlen(f->its->classes);
        return CLADE_OK;
    }
    int32_t *others = NULL;
    clade_status status = CLADE_OK;
    if (f->other_labels.path) {
        status = clade__idx_open(&f->other_labels, false);
        if (status == CLADE_OK) status = read_labels(f, &f->other_labels, &others);
        free(others);
    }
    *n_classes = f->most + 1 > LEAST_CLASSES ? f->most + 1 : LEAST_CLASSES;
    return status;
}

static clade_status name_classes(clade_data *data, const char *characters)
{
    char texts[MOST_NAMES][2];
    const char *names[MOST_NAMES];
    for (int i = 0; i < data->n_classes; i++) {
        texts[i][0] = characters[i];
        texts[i][1] = '\0';
        names[i] = texts[i];
    }
    return clade__data_name_classes(data, names);
}

static clade_status read_part(clade_data **out, files *f, const clade__data_spec *spec)
{
    clade__idx *images = &f->images;
    int64_t n;
    int n_classes;
    if (f->labels.dim[0] != images->dim[0])
        return clade__fail(CLADE_EDATA,
                           "'%s' has %" PRId64 " labels, but '%s' has %" PRId64 " images",
                           f->labels.path, f->labels.dim[0], images->path, images->dim[0]);
    CLADE_TRY(clade__data_option_first(spec, images->path, images->dim[0], &n));
    CLADE_TRY(count_classes(f, &n_classes));
    bool bytes = images->type == CLADE__IDX_UINT8;
    CLADE_TRY(clade__data_create(out, n, CLADE_SHAPE(images->dim[1], images->dim[2]),
                                 bytes ? CLADE_UINT8 : CLADE_FLOAT32, n_classes, 0));
    clade_data *data = *out;
    memcpy(data->labels, f->label, (size_t)n * sizeof *data->labels);
    if (f->its->classes) CLADE_TRY(name_classes(data, f->its->classes));
    if (bytes) {
        data->scaling.scale = 1.0f / 255.0f;
        CLADE_TRY(clade__idx_read_bytes(images, data->values, n));
    } else {
        CLADE_TRY(clade__idx_read_floats(images, data->values, n));
    }
    return n == images->dim[0] ? clade__idx_read_end(images) : CLADE_OK;
}

clade_status clade__mnist_open(clade_data **out, const clade__data_spec *spec)
{
    *out = NULL;
    files f = {0};
    clade_data *data = NULL;
    clade_status status = open_files(&f, spec);
    if (status == CLADE_OK) status = read_part(&data, &f, spec);
    close_files(&f);
    if (status != CLADE_OK) {
        clade_data_free(data);
        return status;
    }
    *out = data;
    return CLADE_OK;
}

/* NumPy files: the samples, and in a second one the label or the target numbers of each. */
#include "data/npy_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/split.h"

static clade_status copy_path(char **path, const char *text, size_t length)
{
    clade__text copy = {0};
    clade__text_append(&copy, "%.*s", (int)length, text);
    if (copy.failed) return clade__fail(CLADE_ENOMEM, "npy: no memory");
    *path = copy.data;
    return CLADE_OK;
}

/* Cuts X,Y at the last comma; without one there are samples alone, and no second path. */
static clade_status cut_paths(clade__npy *samples, clade__npy *answers, const char *paths)
{
    const char *comma = strrchr(paths, ',');
    if (!*paths || comma == paths || (comma && comma[1] == '\0'))
        return clade__fail(CLADE_EINVAL,
                           "npy: '%s' is not two files; write npy:X,Y with X for the samples and "
                           "Y for the labels, or npy:X to predict on",
                           paths);
    if (!comma) return copy_path(&samples->path, paths, strlen(paths));
    CLADE_TRY(copy_path(&samples->path, paths, (size_t)(comma - paths)));
    return copy_path(&answers->path, comma + 1, strlen(comma + 1));
}

static clade_status read_files(clade__npy *samples, clade__npy *answers)
{
    CLADE_TRY(clade__npy_read(samples, 2, CLADE_MAX_RANK, "2 to 4: (n, …), n samples"));
    if (!answers->path) return CLADE_OK;
    CLADE_TRY(clade__npy_read(answers, 1, 2, "1 or 2: (n), or (n, t)"));
    if (samples->dim[0] != answers->dim[0])
        return clade__fail(CLADE_EDATA,
                           "'%s' has %" PRId64 " rows, but '%s' has %" PRId64 " samples",
                           answers->path, answers->dim[0], samples->path, samples->dim[0]);
    if (answers->kind != CLADE__NPY_FLOAT && answers->rank == 2 && answers->dim[1] != 1)
        return clade__fail(CLADE_EDATA,
                           "'%s' has %" PRId64 " whole numbers a row, want one label; for numbers "
                           "to predict, save y.astype('<f4')",
                           answers->path, answers->dim[1]);
    return CLADE_OK;
}

/* As many classes as classes= says, else as the greatest label of all rows, whichever part is
 * opened, + 1. */
static clade_status count_classes(const clade__npy *answers, const clade__data_spec *spec,
                                  int *n_classes)
{
    uint64_t most = 0;
    *n_classes = 0;
    CLADE_TRY(clade__data_option_number(spec, "classes", 1, CLADE__DATA_MAX_CLASSES, &most));
    bool given = most > 0;
    if (!answers->path)
        return given ? clade__fail(CLADE_EINVAL, "npy: classes= is for labels, and '%s' has none",
                                   spec->path)
                     : CLADE_OK;
    if (answers->kind == CLADE__NPY_FLOAT)
        return given ? clade__fail(CLADE_EDATA,
                                   "'%s' has floats, which are targets, but classes=%" PRIu64
                                   " wants labels; save y.astype('<i4')",
                                   answers->path, most)
                     : CLADE_OK;
    if (!given) most = CLADE__DATA_MAX_CLASSES;
    for (int64_t i = 0; i < answers->n_elements; i++) {
        int64_t label = clade__npy_whole(answers, i);
        if (label < 0 || label >= (int64_t)most)
            return clade__fail(CLADE_EDATA,
                               "'%s' has label %" PRId64 " in row %" PRId64 ", want 0 to %" PRIu64
                               "%s",
                               answers->path, label, i, most - 1,
                               given ? ", as classes= says" : "");
        if (label >= *n_classes) *n_classes = (int)label + 1;
    }
    if (given) *n_classes = (int)most;
    return CLADE_OK;
}

/* Checks every row of float32, and copies those of the split; n values a row. */
static clade_status copy_floats(float *dst, const clade__npy *src, int64_t n,
                                const clade__split *split)
{
    for (int64_t row = 0; row < src->dim[0]; row++) {
        bool taken = clade__split_takes(split, row);
        for (int64_t i = 0; i < n; i++) {
            float value = clade__npy_float(src, row * n + i);
            if (!isfinite(value))
                return clade__fail(CLADE_EDATA,
                                   "'%s' has %s at element %" PRId64 " of row %" PRId64
                                   ", want finite numbers that fit float32",
                                   src->path, isnan(value) ? "nan" : "an infinity", i, row);
            if (taken) *dst++ = value;
        }
    }
    return CLADE_OK;
}

static void copy_bytes(unsigned char *dst, const clade__npy *src, int64_t n,
                       const clade__split *split)
{
    for (int64_t row = 0; row < src->dim[0]; row++) {
        if (!clade__split_takes(split, row)) continue;
        memcpy(dst, src->elements + row * n, (size_t)n);
        dst += n;
    }
}

static clade_status read_part(clade_data **out, const clade__npy *samples,
                              const clade__npy *answers, int n_classes, const clade__split *split)
{
    clade_shape shape = {.rank = samples->rank - 1};
    for (int i = 0; i < shape.rank; i++) shape.dim[i] = samples->dim[i + 1];
    bool has_targets = answers->path && n_classes == 0;
    int64_t n_targets = has_targets ? answers->n_elements / answers->dim[0] : 0;
    bool bytes = samples->kind == CLADE__NPY_UNSIGNED && samples->element_bytes == 1;
    CLADE_TRY(clade__data_create(out, split->n_rows, shape, bytes ? CLADE_UINT8 : CLADE_FLOAT32,
                                 n_classes, n_targets));
    clade_data *data = *out;
    if (bytes)
        copy_bytes(data->values, samples, clade__data_cols(data), split);
    else
        CLADE_TRY(copy_floats(data->values, samples, clade__data_cols(data), split));
    if (has_targets) return copy_floats(data->targets, answers, n_targets, split);
    int32_t *label = data->labels;
    for (int64_t i = 0; label && i < answers->dim[0]; i++)
        if (clade__split_takes(split, i)) *label++ = (int32_t)clade__npy_whole(answers, i);
    return CLADE_OK;
}

clade_status clade__npy_open(clade_data **out, const clade__data_spec *spec)
{
    *out = NULL;
    clade__npy samples = {0}, answers = {0};
    clade__split split = {0};
    clade_data *data = NULL;
    double fraction;
    int n_classes = 0;
    clade_status status = clade__split_fraction(spec, 0.0, &fraction);
    if (status == CLADE_OK) status = cut_paths(&samples, &answers, spec->path);
    if (status == CLADE_OK) status = read_files(&samples, &answers);
    if (status == CLADE_OK) status = count_classes(&answers, spec, &n_classes);
    if (status == CLADE_OK)
        status = clade__split_rows(&split, spec, fraction, samples.dim[0], samples.path);
    if (status == CLADE_OK) status = read_part(&data, &samples, &answers, n_classes, &split);
    clade__split_free(&split);
    clade__npy_free(&samples);
    clade__npy_free(&answers);
    if (status != CLADE_OK) {
        clade_data_free(data);
        return status;
    }
    *out = data;
    return CLADE_OK;
}

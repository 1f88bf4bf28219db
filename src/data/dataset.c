/* What all data sets share, whoever read them: memory, description, scale, names of
 * classes, shuffling. */
#include "data/dataset.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "base/text.h"

int64_t clade__data_cols(const clade_data *data)
{
    int64_t cols = 1;
    for (int i = 0; i < data->shape.rank; i++) cols *= data->shape.dim[i];
    return cols;
}

size_t clade__data_value_bytes(const clade_data *data)
{
    return data->values ? (size_t)clade__data_cols(data) * clade_dtype_bytes(data->dtype) : 0;
}

size_t clade__data_sample_bytes(const clade_data *data)
{
    return clade__data_value_bytes(data) + clade__data_answer_bytes(data) + clade__data_field_bytes(data);
}

size_t clade__data_answer_bytes(const clade_data *data)
{
    return data->labels ? sizeof *data->labels : (size_t)data->n_targets * sizeof *data->targets;
}

const void *clade__data_answers(const clade_data *data)
{
    return data->labels ? (const void *)data->labels : data->targets;
}

/* Bytes of n_samples × cols elements; false when they do not fit ptrdiff_t. */
static bool bytes_fit(int64_t n_samples, int64_t cols, size_t element_bytes, size_t *bytes)
{
    int64_t most = PTRDIFF_MAX / (int64_t)element_bytes;
    if (cols > most / n_samples) return false;
    *bytes = (size_t)n_samples * (size_t)cols * element_bytes;
    return true;
}

clade_status clade__data_check_sizes(int64_t n_samples, clade_shape shape, size_t element_bytes,
                                     size_t *bytes)
{
    int64_t cols = 1;
    if (n_samples < 1 || n_samples > INT32_MAX)
        return clade__fail(CLADE_EINVAL, "data: %" PRId64 " samples, want 1 to %d", n_samples,
                           INT32_MAX);
    if (shape.rank < 0 || shape.rank > CLADE_MAX_RANK)
        return clade__fail(CLADE_ESHAPE, "data: a sample of rank %d, want 0 to %d", shape.rank,
                           CLADE_MAX_RANK);
    for (int i = 0; i < shape.rank; i++) {
        if (shape.dim[i] < 1)
            return clade__fail(CLADE_ESHAPE,
                               "data: dimension %d of a sample is %" PRId64 ", want at least 1", i,
                               shape.dim[i]);
        if (shape.dim[i] > INT64_MAX / cols)
            return clade__fail(CLADE_ESHAPE, "data: a sample has more elements than fit 64 bits");
        cols *= shape.dim[i];
    }
    if (bytes_fit(n_samples, cols, element_bytes, bytes)) return CLADE_OK;
    return clade__fail(CLADE_ENOMEM, "data: %" PRId64 " samples of this shape fit no memory", n_samples);
}

static clade_status check_answers(int64_t n_samples, int n_classes, int64_t n_targets, size_t *bytes)
{
    if (n_classes < 0 || n_classes > CLADE__DATA_MAX_CLASSES)
        return clade__fail(CLADE_EINVAL, "data: %d classes, want 1 to %d", n_classes,
                           CLADE__DATA_MAX_CLASSES);
    if (n_targets < 0)
        return clade__fail(CLADE_EINVAL, "data: %" PRId64 " targets of a sample", n_targets);
    if (n_classes > 0 && n_targets != 0)
        return clade__fail(CLADE_EINVAL, "data: both classes and targets; give one");
    if (n_targets == 0) return CLADE_OK;
    return clade__data_check_sizes(n_samples, CLADE_SHAPE(n_targets), sizeof(float), bytes);
}

clade_status clade__data_create(clade_data **out, int64_t n_samples, clade_shape shape,
                                clade_dtype dtype, int n_classes, int64_t n_targets)
{
    *out = NULL;
    size_t value_bytes, target_bytes = 0;
    CLADE_TRY(clade__data_check_sizes(n_samples, shape, clade_dtype_bytes(dtype), &value_bytes));
    CLADE_TRY(check_answers(n_samples, n_classes, n_targets, &target_bytes));

    clade_data *data = calloc(1, sizeof *data);
    if (!data) return clade__fail(CLADE_ENOMEM, "data: no memory");
    data->n_samples = n_samples;
    data->shape = shape;
    data->dtype = dtype;
    data->scaling.scale = 1.0f;
    data->n_classes = n_classes;
    data->n_targets = n_targets;
    data->values = malloc(value_bytes);
    if (n_classes > 0)
        data->labels = malloc((size_t)n_samples * sizeof *data->labels);
    else if (n_targets > 0)
        data->targets = malloc(target_bytes);
    if (!data->values || (n_classes > 0 && !data->labels) || (n_targets > 0 && !data->targets)) {
        clade_data_free(data);
        return clade__fail(CLADE_ENOMEM, "data: no memory for %zu bytes of samples", value_bytes);
    }
    *out = data;
    return CLADE_OK;
}

clade_status clade__data_name_classes(clade_data *data, const char *const *names)
{
    char **copy = clade__names_copy(names, (size_t)data->n_classes);
    if (!copy)
        return clade__fail(CLADE_ENOMEM, "data: no memory for the names of %d classes",
                           data->n_classes);
    free(data->class_names);
    data->class_names = copy;
    return CLADE_OK;
}

void clade_data_free(clade_data *data)
{
    if (!data) return;
    free(data->name);
    free(data->values);
    free(data->labels);
    free(data->targets);
    free(data->class_names);
    clade__scaling_free(&data->scaling);
    clade__schema_release(data->schema);
    clade__data_free_fields(data);
    clade__data_free_origin(data);
    free(data);
}

clade_status clade__data_check_finite(const float *x, int64_t rows, int64_t cols, const char *what)
{
    for (int64_t i = 0; i < rows * cols; i++)
        if (!isfinite(x[i]))
            return clade__fail(CLADE_EINVAL, "data: %s %" PRId64 " of sample %" PRId64 " is %f",
                               what, i % cols, i / cols, (double)x[i]);
    return CLADE_OK;
}

static clade_status copy_arrays(clade_data *data, const clade_data_arrays *arrays)
{
    int64_t n = arrays->n_samples, cols = clade__data_cols(data);
    CLADE_TRY(clade__data_check_finite(arrays->features, n, cols, "feature"));
    memcpy(data->values, arrays->features, (size_t)n * (size_t)cols * sizeof(float));
    if (arrays->targets) {
        CLADE_TRY(clade__data_check_finite(arrays->targets, n, arrays->n_targets, "target"));
        memcpy(data->targets, arrays->targets,
               (size_t)n * (size_t)arrays->n_targets * sizeof(float));
    }
    for (int64_t i = 0; arrays->labels && i < n; i++) {
        int32_t label = arrays->labels[i];
        if (label < 0 || label >= arrays->n_classes)
            return clade__fail(CLADE_EINVAL,
                               "data: label %d of sample %" PRId64 " is not in 0 to %d", label, i,
                               arrays->n_classes - 1);
        data->labels[i] = label;
    }
    return CLADE_OK;
}

clade_status clade_data_from_arrays(clade_data **out, const clade_data_arrays *arrays)
{
    CLADE_WANT(out);
    *out = NULL;
    CLADE_WANT(arrays);
    CLADE_WANT(arrays->features);
    CLADE_WANT_UNUSED("data", arrays->reserved);
    if (arrays->labels && arrays->targets)
        return clade__fail(CLADE_EINVAL, "data: both labels and targets; give one");
    if (arrays->labels && arrays->n_classes < 1)
        return clade__fail(CLADE_EINVAL, "data: labels, but %d classes", arrays->n_classes);
    if (!arrays->labels && arrays->n_classes != 0)
        return clade__fail(CLADE_EINVAL, "data: %s, but %d classes",
                           arrays->targets ? "targets" : "no labels", arrays->n_classes);
    if (!arrays->targets == (arrays->n_targets > 0 && !arrays->labels))
        return clade__fail(CLADE_EINVAL, "data: %s, but %" PRId64 " of a sample",
                           arrays->targets ? "targets" : "no targets", arrays->n_targets);

    clade_data *data;
    CLADE_TRY(clade__data_create(&data, arrays->n_samples, arrays->shape, CLADE_FLOAT32,
                                 arrays->n_classes, arrays->n_targets));
    clade_status status = copy_arrays(data, arrays);
    if (status == CLADE_OK) {
        data->name = clade__copy_text("arrays");
        if (!data->name) status = clade__fail(CLADE_ENOMEM, "data: no memory");
    }
    if (status != CLADE_OK) {
        clade_data_free(data);
        return status;
    }
    *out = data;
    return CLADE_OK;
}

clade_status clade_data_set_scale(clade_data *data, float scale, float shift)
{
    CLADE_WANT(data);
    CLADE_TRY(clade__data_want_samples(data, "scale"));
    if (!isfinite(scale) || !isfinite(shift) || scale == 0.0f)
        return clade__fail(CLADE_EINVAL,
                           "data: scale %g and shift %g; both must be finite and "
                           "scale not 0",
                           (double)scale, (double)shift);
    clade__scaling_free(&data->scaling);
    data->scaling.scale = scale;
    data->scaling.shift = shift;
    return CLADE_OK;
}

clade_data_info clade_data_describe(const clade_data *data)
{
    const double *columns = data->scaling.columns;
    return (clade_data_info){
        .name = data->name,
        .n_samples = data->n_samples,
        .shape = data->shape,
        .dtype = data->dtype,
        .scale = data->scaling.scale,
        .shift = data->scaling.shift,
        .feature_scale = columns,
        .feature_shift = columns ? columns + data->scaling.n_columns : NULL,
        .standardized = columns || (data->schema && clade__schema_is_scaled(data->schema)),
        .n_classes = data->n_classes,
        .n_targets = data->n_targets,
        .bytes = (uint64_t)data->n_samples * clade__data_sample_bytes(data),
        .seconds = data->seconds,
    };
}

static bool answers_equal(const clade_data *a, const clade_data *b)
{
    size_t n = (size_t)a->n_samples;
    return !a->labels == !b->labels && clade__data_answer_bytes(a) == clade__data_answer_bytes(b) &&
           (!clade__data_answers(a) || memcmp(clade__data_answers(a), clade__data_answers(b),
                                              n * clade__data_answer_bytes(a)) == 0);
}

bool clade_data_equal(const clade_data *a, const clade_data *b)
{
    size_t n = (size_t)a->n_samples;
    if (a->n_samples != b->n_samples || a->n_fields != b->n_fields) return false;
    if (a->n_fields > 0) return clade__data_fields_equal(a, b);
    return a->dtype == b->dtype && clade__data_value_bytes(a) == clade__data_value_bytes(b) &&
           memcmp(a->values, b->values, n * clade__data_value_bytes(a)) == 0 && answers_equal(a, b);
}

const char *clade_data_class_name(const clade_data *data, int label)
{
    if (!data->class_names || label < 0 || label >= data->n_classes) return NULL;
    return data->class_names[label];
}

/* The numbers of an epoch start 2^36 words after those of the one before, more than an epoch can
 * use: its at most 2^32 draws are repeated rarely. So no two epochs of a seed share numbers. */
clade__random clade__random_epoch(uint64_t seed, uint64_t stream, int64_t epoch)
{
    clade__random random = clade__random_start(seed, stream);
    random.position = (uint64_t)epoch << 36;
    return random;
}

void clade__shuffle(int32_t *order, int64_t n, uint64_t seed, int64_t epoch)
{
    clade__random random = clade__random_epoch(seed, CLADE__STREAM_SHUFFLE, epoch);
    for (int64_t i = 0; i < n; i++) order[i] = (int32_t)i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = clade__random_below(&random, (uint32_t)i + 1);
        int32_t swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

void clade__draw(int32_t *order, int64_t n, uint64_t seed, int64_t epoch)
{
    clade__random random = clade__random_epoch(seed, CLADE__STREAM_DRAW, epoch);
    for (int64_t i = 0; i < n; i++) order[i] = (int32_t)clade__random_below(&random, (uint32_t)n);
}

/* Arrays of a NumPy archive as named fields, one for each input of a network. */
#include "data/npy_fields.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/npz.h"
#include "data/split.h"

enum { MOST_FIELDS = 100, NAME_BYTES = 80 };

/* The arrays that were read; starts zeroed. */
typedef struct arrays {
    int n;
    char names[MOST_FIELDS][NAME_BYTES];
    clade__npy list[MOST_FIELDS];
} arrays;

/* ---- reading ----------------------------------------------------------------------------------- */

static clade_status check_options(const clade__data_spec *spec)
{
    static const char *const others[] = {"x", "y", "classes", "scale", "stratify"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (clade__data_option(spec, others[i]))
            return clade__fail(
                CLADE_EINVAL,
                "npy: fields= goes with no %s=: each array is what its network makes "
                "of it",
                others[i]);
    return CLADE_OK;
}

static clade_status read_field(arrays *a, const clade__npz *npz, const char *name, size_t length)
{
    const clade__zip_member *member;
    if (length == 0 || length >= NAME_BYTES || a->n == MOST_FIELDS)
        return clade__fail(CLADE_EINVAL,
                           "npy: fields= has '%.60s', want 1 to %d names of arrays between commas",
                           name, (int)MOST_FIELDS);
    CLADE_TRY(clade__npz_find(npz, name, length, &member));
    snprintf(a->names[a->n], NAME_BYTES, "%.*s", (int)length, name);
    clade__npy *array = &a->list[a->n++];
    CLADE_TRY(clade__npz_read(npz, member, array, CLADE__NPY_SAMPLES));
    if (array->dim[0] == a->list[0].dim[0]) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "'%s' has %" PRId64 " rows, and '%s' has %" PRId64, array->path,
                       array->dim[0], a->list[0].path, a->list[0].dim[0]);
}

static clade_status read_fields(arrays *a, const clade__npz *npz, const char *names)
{
    for (const char *at = names;; at++) {
        size_t length = strcspn(at, ",");
        CLADE_TRY(read_field(a, npz, at, length));
        at += length;
        if (!*at) return CLADE_OK;
    }
}

static clade_status read_archive(arrays *a, const clade__data_spec *spec)
{
    unsigned char *bytes;
    size_t n_bytes;
    clade__npz npz = {0};
    CLADE_TRY(clade__file_read(spec->path, &bytes, &n_bytes));
    if (!clade__is_zip(bytes, n_bytes)) {
        free(bytes);
        return clade__fail(CLADE_EINVAL,
                           "npy: fields= names arrays of an .npz archive, and '%s' is none",
                           spec->path);
    }
    clade_status status = clade__npz_open(&npz, spec->path, bytes, n_bytes);
    if (status == CLADE_OK) status = read_fields(a, &npz, clade__data_option(spec, "fields"));
    clade__npz_close(&npz);
    return status;
}

/* ---- values ------------------------------------------------------------------------------------ */

static clade_dtype dtype_of(const clade__npy *array)
{
    if (array->kind == CLADE__NPY_FLOAT) return CLADE_FLOAT32;
    return array->kind <= CLADE__NPY_UNSIGNED && array->element_bytes == 1 ? CLADE_UINT8 : CLADE_INT32;
}

static clade_status copy_whole(int32_t *value, const clade__npy *array, int64_t i)
{
    bool negative;
    uint64_t magnitude = clade__npy_whole(array, i, &negative);
    if (magnitude > (uint64_t)INT32_MAX)
        return clade__fail(CLADE_EDATA,
                           "'%s' has a whole number of row %" PRId64 " that 32 bits do not hold",
                           array->path, i / (array->n_elements / array->dim[0]));
    *value = negative ? -(int32_t)magnitude : (int32_t)magnitude;
    return CLADE_OK;
}

/* One row, of n elements from number `from` on. */
static clade_status copy_row(void *to, const clade__npy *array, int64_t from, int64_t n)
{
    if (dtype_of(array) == CLADE_UINT8) memcpy(to, array->elements + from, (size_t)n);
    if (dtype_of(array) == CLADE_INT32)
        for (int64_t i = 0; i < n; i++) CLADE_TRY(copy_whole((int32_t *)to + i, array, from + i));
    if (dtype_of(array) != CLADE_FLOAT32) return CLADE_OK;
    for (int64_t i = 0; i < n; i++) {
        float value = clade__npy_float(array, from + i);
        if (!isfinite(value))
            return clade__fail(CLADE_EDATA,
                               "'%s' has %s in row %" PRId64
                               ", want finite numbers that fit float32",
                               array->path, isnan(value) ? "nan" : "an infinity", from / n);
        ((float *)to)[i] = value;
    }
    return CLADE_OK;
}

static clade_status copy_rows(clade_data_field *field, void **values, const clade__npy *array,
                              const clade__split *split)
{
    int64_t n = array->n_elements / array->dim[0];
    size_t row_bytes = (size_t)n * clade_dtype_bytes(dtype_of(array));
    field->dtype = dtype_of(array);
    field->shape = (clade_shape){.rank = array->rank - 1};
    for (int i = 0; i < field->shape.rank; i++) field->shape.dim[i] = array->dim[i + 1];
    if (array->rank == 1) field->shape = CLADE_SHAPE(1);
    char *to = *values = malloc((size_t)split->n_rows * row_bytes);
    field->values = to;
    if (!to) return clade__fail(CLADE_ENOMEM, "npy: no memory for '%s'", array->path);
    for (int64_t row = 0; row < array->dim[0]; row++) {
        if (!clade__split_takes(split, row)) continue;
        CLADE_TRY(copy_row(to, array, row * n, n));
        to += row_bytes;
    }
    return CLADE_OK;
}

static clade_status make_data(clade_data **out, const arrays *a, const clade__split *split)
{
    clade_data_field fields[MOST_FIELDS] = {{0}};
    void *values[MOST_FIELDS] = {NULL};
    clade_status status = CLADE_OK;
    for (int i = 0; status == CLADE_OK && i < a->n; i++) {
        fields[i].name = a->names[i];
        status = copy_rows(&fields[i], &values[i], &a->list[i], split);
    }
    if (status == CLADE_OK) status = clade_data_from_fields(out, split->n_rows, fields, a->n);
    for (int i = 0; i < a->n; i++) free(values[i]);
    if (status != CLADE_OK) return status;
    free((*out)->name); /* the opener's caller gives it that of the spec */
    (*out)->name = NULL;
    return clade__split_tell(split, *out);
}

static clade_status open_fields(clade_data **out, arrays *a, const clade__data_spec *spec)
{
    clade__split_wants wants;
    clade__split split = {0};
    const clade__split_keys by_chance = {0};
    CLADE_TRY(check_options(spec));
    CLADE_TRY(read_archive(a, spec));
    CLADE_TRY(clade__split_read(&wants, spec));
    clade_status status =
        clade__split_rows(&split, &wants, spec, a->list[0].dim[0], &by_chance, a->list[0].path);
    if (status == CLADE_OK) status = make_data(out, a, &split);
    clade__split_free(&split);
    return status;
}

clade_status clade__npy_fields_open(clade_data **out, const clade__data_spec *spec)
{
    *out = NULL;
    arrays *a = calloc(1, sizeof *a);
    if (!a) return clade__fail(CLADE_ENOMEM, "npy: no memory");
    clade_status status = open_fields(out, a, spec);
    for (int i = 0; i < a->n; i++) clade__npy_free(&a->list[i]);
    free(a);
    if (status == CLADE_OK) return CLADE_OK;
    clade_data_free(*out);
    *out = NULL;
    return status;
}

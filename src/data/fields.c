/* Data of named fields, one for each input of a network. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/dataset.h"

enum { MOST_FIELDS = 1000 }; /* more is a mistake */

static size_t bytes_of(const clade__field *field)
{
    return (size_t)clade_shape_elements(field->shape) * clade_dtype_bytes(field->dtype);
}

const clade__field *clade__data_field(const clade_data *data, const char *name)
{
    for (int i = 0; i < data->n_fields; i++)
        if (strcmp(data->fields[i].name, name) == 0) return &data->fields[i];
    return NULL;
}

size_t clade__data_field_bytes(const clade_data *data)
{
    size_t bytes = 0;
    for (int i = 0; i < data->n_fields; i++) bytes += bytes_of(&data->fields[i]);
    return bytes;
}

bool clade__data_fields_equal(const clade_data *a, const clade_data *b)
{
    for (int i = 0; i < a->n_fields; i++) {
        const clade__field *x = &a->fields[i], *y = clade__data_field(b, x->name);
        if (!y || x->dtype != y->dtype || bytes_of(x) != bytes_of(y) ||
            memcmp(x->values, y->values, (size_t)a->n_samples * bytes_of(x)) != 0)
            return false;
    }
    return true;
}

void clade__data_free_fields(clade_data *data)
{
    for (int i = 0; i < data->n_fields; i++) {
        free(data->fields[i].name);
        free(data->fields[i].values);
    }
    free(data->fields);
}

clade_status clade__data_want_samples(const clade_data *data, const char *what)
{
    if (data->n_fields == 0) return CLADE_OK;
    return clade__fail(CLADE_EINVAL,
                       "%s: '%s' is data of named fields, and this is for samples with labels "
                       "or targets",
                       what, data->name);
}

static clade_status copy_field(clade_data *data, const clade_data_field *from)
{
    size_t bytes;
    CLADE_WANT_UNUSED("data", from->reserved);
    if (!from->name || !from->name[0] || !from->values)
        return clade__fail(CLADE_EINVAL, "data: field %d has no %s", data->n_fields,
                           from->values ? "name" : "values");
    if (clade__data_field(data, from->name))
        return clade__fail(CLADE_EINVAL, "data: two fields are named '%.60s'", from->name);
    if (clade_dtype_bytes(from->dtype) == 0)
        return clade__fail(CLADE_EINVAL, "data: field '%.60s' has no element type of Clade's",
                           from->name);
    CLADE_TRY(clade__data_check_sizes(data->n_samples, from->shape, clade_dtype_bytes(from->dtype),
                                      &bytes));
    if (from->dtype == CLADE_FLOAT32)
        CLADE_TRY(clade__data_check_finite(from->values, data->n_samples,
                                           clade_shape_elements(from->shape), from->name));
    clade__field *field = &data->fields[data->n_fields++];
    *field = (clade__field){clade__copy_text(from->name), from->dtype, from->shape, malloc(bytes)};
    if (!field->name || !field->values)
        return clade__fail(CLADE_ENOMEM, "data: no memory for the field '%.60s'", from->name);
    memcpy(field->values, from->values, bytes);
    return CLADE_OK;
}

static clade_status copy_fields(clade_data *data, const clade_data_field *fields, int n_fields)
{
    data->scaling.scale = 1.0f;
    data->shape = CLADE_SHAPE(0);
    data->name = clade__copy_text("fields");
    data->fields = calloc((size_t)n_fields, sizeof *data->fields);
    if (!data->name || !data->fields) return clade__fail(CLADE_ENOMEM, "data: no memory for fields");
    for (int i = 0; i < n_fields; i++) CLADE_TRY(copy_field(data, &fields[i]));
    return CLADE_OK;
}

clade_status clade_data_from_fields(clade_data **out, int64_t n_samples,
                                    const clade_data_field *fields, int n_fields)
{
    CLADE_WANT(out);
    *out = NULL;
    CLADE_WANT(fields);
    if (n_fields < 1 || n_fields > MOST_FIELDS)
        return clade__fail(CLADE_EINVAL, "data: %d fields, want 1 to %d", n_fields, (int)MOST_FIELDS);
    clade_data *data = calloc(1, sizeof *data);
    if (!data) return clade__fail(CLADE_ENOMEM, "data: no memory");
    data->n_samples = n_samples;
    clade_status status = copy_fields(data, fields, n_fields);
    if (status != CLADE_OK) {
        clade_data_free(data);
        return status;
    }
    *out = data;
    return CLADE_OK;
}

int clade_data_n_fields(const clade_data *data)
{
    return data->n_fields;
}

clade_status clade_data_field_at(const clade_data *data, int index, clade_data_field *field)
{
    CLADE_WANT(data);
    CLADE_WANT(field);
    if (index < 0 || index >= data->n_fields)
        return clade__fail(CLADE_EINVAL, "data: field %d of %d", index, data->n_fields);
    const clade__field *from = &data->fields[index];
    *field = (clade_data_field){from->name, from->dtype, from->shape, from->values, {0}};
    return CLADE_OK;
}

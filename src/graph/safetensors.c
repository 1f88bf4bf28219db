#include "graph/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <zlib.h>

#include "base/file.h"
#include "base/json.h"
#include "device/buffer.h"

#define MAX_HEADER_BYTES ((size_t)100 * 1000 * 1000) /* the format's own limit */
#define ALIGNMENT 8

struct clade__safetensors {
    char *path;
    unsigned char *bytes;
    const unsigned char *data; /* after the header */
    size_t data_bytes;
    cJSON *header;
};

/* ---- checksum -------------------------------------------------------------------------------- */

/* A sum over tensors and texts, each with its name, so that their order does not matter: a program that
 * reads a file and writes it again need not keep it. */
#define CHECKSUM "clade.checksum"

static uint32_t sum_of_text(const char *key, const char *value)
{
    uLong sum = crc32_z(0, (const Bytef *)key, strlen(key) + 1);
    return (uint32_t)crc32_z(sum, (const Bytef *)value, strlen(value) + 1);
}

static uint32_t sum_of_tensor(const char *name, clade_shape shape, const void *values)
{
    uLong sum = crc32_z(0, (const Bytef *)name, strlen(name) + 1);
    sum = crc32_z(sum, (const Bytef *)shape.dim, (size_t)shape.rank * sizeof shape.dim[0]);
    return (uint32_t)crc32_z(sum, values, (size_t)clade_shape_elements(shape) * sizeof(float));
}

/* ---- write ----------------------------------------------------------------------------------- */

/* The header's text, to be freed; NULL without memory. */
static char *make_header(const clade__saved_tensor *tensors, size_t n_tensors,
                         const clade__saved_text *metadata, size_t n_metadata)
{
    clade__json json = {0};
    uint32_t sum = 0;
    char checksum[16];
    for (size_t i = 0; i < n_metadata; i++) sum += sum_of_text(metadata[i].key, metadata[i].value);
    for (size_t i = 0; i < n_tensors; i++)
        sum += sum_of_tensor(tensors[i].name, tensors[i].shape, tensors[i].values);
    snprintf(checksum, sizeof checksum, "%08x", (unsigned)sum);
    clade__json_object(&json, NULL);
    clade__json_object(&json, "__metadata__");
    for (size_t i = 0; i < n_metadata; i++)
        clade__json_string(&json, metadata[i].key, metadata[i].value);
    clade__json_string(&json, CHECKSUM, checksum);
    clade__json_object_end(&json);
    double at = 0.0;
    for (size_t i = 0; i < n_tensors; i++) {
        clade__json_object(&json, tensors[i].name);
        clade__json_string(&json, "dtype", "F32");
        clade__json_list(&json, "shape");
        for (int d = 0; d < tensors[i].shape.rank; d++)
            clade__json_number(&json, NULL, (double)tensors[i].shape.dim[d]);
        clade__json_list_end(&json);
        clade__json_list(&json, "data_offsets");
        clade__json_number(&json, NULL, at);
        at += 4.0 * (double)clade_shape_elements(tensors[i].shape);
        clade__json_number(&json, NULL, at);
        clade__json_list_end(&json);
        clade__json_object_end(&json);
    }
    clade__json_object_end(&json);
    return clade__json_finish(&json);
}

clade_status clade__safetensors_write(const char *path, const clade__saved_tensor *tensors,
                                      size_t n_tensors, const clade__saved_text *metadata,
                                      size_t n_metadata)
{
    char *text = make_header(tensors, n_tensors, metadata, n_metadata);
    clade__piece *pieces = calloc(n_tensors + 3, sizeof *pieces);
    if (!text || !pieces) {
        free(text);
        free(pieces);
        return clade__fail(CLADE_ENOMEM, "cannot write '%s': no memory for its header", path);
    }
    /* Spaces fill the header up, so that the tensors are aligned. */
    static const char spaces[ALIGNMENT] = "       ";
    size_t text_bytes = strlen(text), fill = (ALIGNMENT - text_bytes % ALIGNMENT) % ALIGNMENT;
    uint64_t header_bytes = text_bytes + fill;
    pieces[0] = (clade__piece){&header_bytes, sizeof header_bytes};
    pieces[1] = (clade__piece){text, text_bytes};
    pieces[2] = (clade__piece){spaces, fill};
    for (size_t i = 0; i < n_tensors; i++)
        pieces[3 + i] = (clade__piece){tensors[i].values,
                                       (size_t)clade_shape_elements(tensors[i].shape) * 4};
    clade_status status = clade__file_write(path, pieces, n_tensors + 3);
    free(text);
    free(pieces);
    return status;
}

/* ---- read ------------------------------------------------------------------------------------ */

/* A whole number of [0, limit], or false. */
static bool read_size(const cJSON *item, size_t limit, size_t *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0.0) ||
        item->valuedouble > (double)limit || item->valuedouble != floor(item->valuedouble))
        return false;
    *out = (size_t)item->valuedouble;
    return true;
}

static bool read_shape(const cJSON *item, clade_shape *out)
{
    const cJSON *dim;
    *out = (clade_shape){0};
    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) > CLADE_MAX_RANK) return false;
    cJSON_ArrayForEach(dim, item)
    {
        size_t n;
        if (!read_size(dim, INT32_MAX, &n)) return false;
        out->dim[out->rank++] = (int64_t)n;
    }
    return clade__shape_check_counted(*out, "tensor") == CLADE_OK;
}

static bool read_range(const cJSON *tensor, size_t limit, size_t *from, size_t *to)
{
    const cJSON *range = cJSON_GetObjectItemCaseSensitive(tensor, "data_offsets");
    return cJSON_IsArray(range) && cJSON_GetArraySize(range) == 2 &&
           read_size(cJSON_GetArrayItem(range, 0), limit, from) &&
           read_size(cJSON_GetArrayItem(range, 1), limit, to) && *from <= *to;
}

static clade_status read_header(clade__safetensors *file, size_t n_bytes)
{
    uint64_t header_bytes = 0;
    if (n_bytes < sizeof header_bytes)
        return clade__fail(CLADE_EDATA, "'%s' is no safetensors file: it has %zu bytes, want at least "
                           "8", file->path, n_bytes);
    memcpy(&header_bytes, file->bytes, sizeof header_bytes);
    if (header_bytes > MAX_HEADER_BYTES || header_bytes > n_bytes - sizeof header_bytes)
        return clade__fail(CLADE_EDATA, "'%s' is truncated or no safetensors file: a header of %llu "
                           "bytes in a file of %zu", file->path, (unsigned long long)header_bytes,
                           n_bytes);
    const char *text = (const char *)file->bytes + sizeof header_bytes;
    file->header = clade__json_parse(text, (size_t)header_bytes, false);
    file->data = file->bytes + sizeof header_bytes + header_bytes;
    file->data_bytes = n_bytes - sizeof header_bytes - (size_t)header_bytes;
    if (!cJSON_IsObject(file->header))
        return clade__fail(CLADE_EDATA, "'%s' is damaged: its header is not JSON", file->path);
    return CLADE_OK;
}

typedef struct range {
    size_t from, to;
} range;

bool clade__safetensors_is_count(const char *name)
{
    static const char word[] = "num_batches_tracked";
    size_t n = strlen(name), length = sizeof word - 1;
    return n >= length && strcmp(name + n - length, word) == 0 && (n == length || name[n - length - 1] == '.');
}

/* Whether a tensor is float32, and its range lies in the data and is as long as its shape says. */
static clade_status check_tensor(const clade__safetensors *file, const cJSON *item, range *out)
{
    clade_shape shape;
    const char *dtype = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "dtype"));
    bool counts = dtype && strcmp(dtype, "I64") == 0 && clade__safetensors_is_count(item->string);
    if (!dtype || (strcmp(dtype, "F32") != 0 && !counts))
        return clade__fail(CLADE_EDATA, "'%s': tensor '%.60s' is of type %.10s, want F32",
                           file->path, item->string, dtype ? dtype : "?");
    if (!read_shape(cJSON_GetObjectItemCaseSensitive(item, "shape"), &shape) ||
        !read_range(item, file->data_bytes, &out->from, &out->to) ||
        (out->to - out->from) != (size_t)clade_shape_elements(shape) * (counts ? 8 : 4))
        return clade__fail(CLADE_EDATA, "'%s' is truncated or damaged: shape and place of tensor "
                           "'%.60s' do not fit its %zu bytes of data", file->path, item->string,
                           file->data_bytes);
    return CLADE_OK;
}

static int in_order(const void *a, const void *b)
{
    const range *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

/* Whether the ranges, put in order, are the data: no gap, no overlap, nothing left. */
static clade_status check_ranges(const clade__safetensors *file, range *ranges, size_t n_ranges)
{
    size_t at = 0;
    qsort(ranges, n_ranges, sizeof *ranges, in_order);
    for (size_t i = 0; i < n_ranges; i++) {
        if (ranges[i].from != at)
            return clade__fail(CLADE_EDATA, "'%s' is damaged: its tensors overlap or leave a gap at "
                               "byte %zu of its data", file->path, at);
        at = ranges[i].to;
    }
    if (at != file->data_bytes)
        return clade__fail(CLADE_EDATA, "'%s' is truncated or damaged: its header says %zu bytes of "
                           "data, and there are %zu", file->path, at, file->data_bytes);
    return CLADE_OK;
}

static clade_status check_tensors(const clade__safetensors *file)
{
    const cJSON *item;
    size_t n = 0;
    range *ranges = malloc((size_t)cJSON_GetArraySize(file->header) * sizeof *ranges + 1);
    if (!ranges) return clade__fail(CLADE_ENOMEM, "no memory to read '%s'", file->path);
    clade_status status = CLADE_OK;
    cJSON_ArrayForEach(item, file->header)
    {
        if (status != CLADE_OK || strcmp(item->string, "__metadata__") == 0) continue;
        status = check_tensor(file, item, &ranges[n++]);
    }
    if (status == CLADE_OK) status = check_ranges(file, ranges, n);
    free(ranges);
    return status;
}

clade_status clade__safetensors_read(clade__safetensors **out, const char *path)
{
    *out = NULL;
    clade__safetensors *file = calloc(1, sizeof *file);
    if (!file) return clade__fail(CLADE_ENOMEM, "no memory to read '%s'", path);
    size_t n_bytes = 0;
    clade_status status = clade__file_read(path, &file->bytes, &n_bytes);
    if (status == CLADE_OK && !(file->path = malloc(strlen(path) + 1)))
        status = clade__fail(CLADE_ENOMEM, "no memory to read '%s'", path);
    if (status == CLADE_OK) {
        strcpy(file->path, path);
        status = read_header(file, n_bytes);
    }
    if (status == CLADE_OK) status = check_tensors(file);
    if (status == CLADE_OK)
        *out = file;
    else
        clade__safetensors_free(file);
    return status;
}

void clade__safetensors_free(clade__safetensors *file)
{
    if (!file) return;
    cJSON_Delete(file->header);
    free(file->bytes);
    free(file->path);
    free(file);
}

const char *clade__safetensors_text(const clade__safetensors *file, const char *key)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(file->header, "__metadata__");
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(metadata, key));
}

size_t clade__safetensors_n_tensors(const clade__safetensors *file)
{
    size_t n = (size_t)cJSON_GetArraySize(file->header);
    return cJSON_GetObjectItemCaseSensitive(file->header, "__metadata__") ? n - 1 : n;
}

static uint32_t sum_of_file(const clade__safetensors *file)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(file->header, "__metadata__"), *item;
    uint32_t sum = 0;
    cJSON_ArrayForEach(item, metadata)
    {
        const char *value = cJSON_GetStringValue(item);
        if (value && strcmp(item->string, CHECKSUM) != 0) sum += sum_of_text(item->string, value);
    }
    cJSON_ArrayForEach(item, file->header)
    {
        size_t from, to;
        clade_shape shape;
        if (item == metadata || !read_range(item, file->data_bytes, &from, &to) ||
            !read_shape(cJSON_GetObjectItemCaseSensitive(item, "shape"), &shape))
            continue; /* the latter two are not there in a file that was read */
        sum += sum_of_tensor(item->string, shape, file->data + from);
    }
    return sum;
}

clade_status clade__safetensors_verify(const clade__safetensors *file)
{
    const char *checksum = clade__safetensors_text(file, CHECKSUM);
    char found[16];
    if (!checksum) return CLADE_OK;
    snprintf(found, sizeof found, "%08x", (unsigned)sum_of_file(file));
    if (strcmp(found, checksum) == 0) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "its checksum is %.16s, and its contents have %s: bytes of it have "
                       "changed since it was written; take another copy (who has changed it on purpose "
                       "removes " CHECKSUM " from its metadata)", checksum, found);
}

const char *clade__safetensors_name(const clade__safetensors *file, size_t i)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, file->header)
        if (strcmp(item->string, "__metadata__") != 0 && i-- == 0) return item->string;
    return NULL;
}

bool clade__safetensors_has(const clade__safetensors *file, const char *name)
{
    return strcmp(name, "__metadata__") != 0 && cJSON_HasObjectItem(file->header, name);
}

clade_status clade__safetensors_check(const clade__safetensors *file, const char *name,
                                      clade_shape shape)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(file->header, name);
    clade_shape saved;
    char want[64], got[64];
    if (!item || !read_shape(cJSON_GetObjectItemCaseSensitive(item, "shape"), &saved))
        return clade__fail(CLADE_EDATA, "it has no tensor '%s'", name);
    if (!clade__shape_equal(saved, shape))
        return clade__fail(CLADE_EDATA, "its tensor '%s' is %s, and its architecture wants %s", name,
                           clade__shape_text(got, sizeof got, saved),
                           clade__shape_text(want, sizeof want, shape));
    return CLADE_OK;
}

void clade__safetensors_copy(const clade__safetensors *file, const char *name, float *values)
{
    size_t from = 0, to = 0;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(file->header, name);
    if (read_range(item, file->data_bytes, &from, &to)) memcpy(values, file->data + from, to - from);
}

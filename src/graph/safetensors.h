/* The safetensors format: eight bytes of header length, little-endian; a JSON header of names,
 * types, shapes and byte ranges; the bytes. https://huggingface.co/docs/safetensors
 *
 * Only float32 is written or read. Little-endian hosts only, as OpenCL's are. */
#ifndef CLADE_GRAPH_SAFETENSORS_H
#define CLADE_GRAPH_SAFETENSORS_H

#include <clade/tensor.h>

#include "base/error.h"

typedef struct clade__saved_tensor {
    const char *name;
    clade_shape shape;
    const float *values;
} clade__saved_tensor;

typedef struct clade__saved_text {
    const char *key, *value;
} clade__saved_text;

/* What a file has beside something else. */
typedef struct clade__saved_more {
    const clade__saved_tensor *tensors;
    size_t n_tensors;
    const clade__saved_text *texts;
    size_t n_texts;
} clade__saved_more;

/* Adds a text clade.checksum to the metadata. */
clade_status clade__safetensors_write(const char *path, const clade__saved_tensor *tensors,
                                      size_t n_tensors, const clade__saved_text *metadata,
                                      size_t n_metadata);

/* A file that was read and checked: no byte range of it leaves the data. */
typedef struct clade__safetensors clade__safetensors;

/* CLADE_EIO when it cannot be read, CLADE_EDATA when it is damaged; both name the path. */
clade_status clade__safetensors_read(clade__safetensors **out, const char *path);
void clade__safetensors_free(clade__safetensors *file);

/* CLADE_EDATA, without the path, where the checksum is not that of the contents. A file without one passes. */
clade_status clade__safetensors_verify(const clade__safetensors *file);

/* A text of the metadata, or NULL. */
const char *clade__safetensors_text(const clade__safetensors *file, const char *key);
size_t clade__safetensors_n_tensors(const clade__safetensors *file);

/* Whether a tensor of this name counts the batches of a PyTorch batch norm: the only one that may be int64, and
 * whose values nobody asks for. */
bool clade__safetensors_is_count(const char *name);

/* The name of tensor number i, and whether there is one of a name. */
const char *clade__safetensors_name(const clade__safetensors *file, size_t i);
bool clade__safetensors_has(const clade__safetensors *file, const char *name);

/* CLADE_EDATA unless there is a tensor of this name and shape. */
clade_status clade__safetensors_check(const clade__safetensors *file, const char *name,
                                      clade_shape shape);

/* Copies a tensor that was checked. */
void clade__safetensors_copy(const clade__safetensors *file, const char *name, float *values);

#endif

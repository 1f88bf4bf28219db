#include "device/sub_buffer.h"

#include <stdlib.h>

/* So many of the newest are searched for an equal one: more than a command has arguments. */
#define SEARCHED 32

struct clade__sub_buffer {
    cl_mem whole, part;
    cl_buffer_region region;
};

clade_status clade__check_bindable(const clade_tensor *tensor, const char *label)
{
    char shape[CLADE__SHAPE_TEXT_BYTES];
    if (clade_tensor_elements(tensor) > INT32_MAX)
        return clade__fail(CLADE_ESHAPE, "%s: a tensor is %s: kernels count at most %d elements",
                           label, clade__shape_text(shape, sizeof shape, tensor->shape), INT32_MAX);
    const size_t want = tensor->device->info.view_alignment_bytes;
    const size_t offset = clade__tensor_offset_bytes(tensor);
    if (offset % want == 0) return CLADE_OK;
    return clade__fail(CLADE_ESHAPE, "%s: a view of %s begins at byte %zu of its memory: kernels want a "
                       "multiple of %zu bytes on %s", label,
                       clade__shape_text(shape, sizeof shape, tensor->shape), offset, want,
                       tensor->device->info.name);
}

static clade_status make_room(clade__sub_buffers *kept)
{
    if (kept->n < kept->capacity) return CLADE_OK;
    size_t capacity = 2 * kept->capacity + 16;
    struct clade__sub_buffer *list = realloc(kept->list, capacity * sizeof *list);
    if (!list) return clade__fail(CLADE_ENOMEM, "no memory for commands");
    kept->list = list;
    kept->capacity = capacity;
    return CLADE_OK;
}

static clade_status part_of(clade__sub_buffers *kept, const clade_tensor *tensor, cl_mem *mem)
{
    const cl_mem whole = clade__buffer_mem(tensor->buffer);
    const cl_buffer_region region = {clade__tensor_offset_bytes(tensor), clade_tensor_bytes(tensor)};
    for (size_t i = kept->n; i > 0 && i + SEARCHED > kept->n; i--) {
        const struct clade__sub_buffer *s = &kept->list[i - 1];
        if (s->whole != whole || s->region.origin != region.origin || s->region.size != region.size)
            continue;
        *mem = s->part;
        return CLADE_OK;
    }
    CLADE_TRY(make_room(kept));
    cl_int error;
    cl_mem part = clCreateSubBuffer(whole, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region,
                                    &error);
    if (error != CL_SUCCESS) return clade__fail_cl("clCreateSubBuffer", error, NULL);
    kept->list[kept->n++] = (struct clade__sub_buffer){whole, part, region};
    *mem = part;
    return CLADE_OK;
}

/* Whether one of the tensors needs a part of this one's memory. */
static bool is_shared(const clade_tensor *const *tensors, int n, const clade_tensor *tensor)
{
    for (int i = 0; i < n; i++)
        if (tensors[i] && tensors[i]->offset > 0 && tensors[i]->buffer == tensor->buffer) return true;
    return false;
}

clade_status clade__sub_buffers_bind(clade__sub_buffers *kept, const clade_tensor *const *tensors,
                                     int n, cl_mem *mems)
{
    bool any = false;
    for (int i = 0; i < n; i++) {
        mems[i] = tensors[i] ? clade__buffer_mem(tensors[i]->buffer) : NULL;
        if (tensors[i] && tensors[i]->offset > 0) any = true;
    }
    for (int i = 0; any && i < n; i++)
        if (tensors[i] && is_shared(tensors, n, tensors[i]))
            CLADE_TRY(part_of(kept, tensors[i], &mems[i]));
    return CLADE_OK;
}

void clade__sub_buffers_release(clade__sub_buffers *kept)
{
    for (size_t i = 0; i < kept->n; i++) clReleaseMemObject(kept->list[i].part);
    kept->n = 0;
}

void clade__sub_buffers_free(clade__sub_buffers *kept)
{
    clade__sub_buffers_release(kept);
    free(kept->list);
}

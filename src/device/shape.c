/* Shapes. */
#include <stdio.h>

#include "base/error.h"
#include "device/buffer.h"

#define MAX_ELEMENTS ((int64_t)1 << 62)

int64_t clade_shape_elements(clade_shape shape)
{
    int64_t n = 1;
    for (int i = 0; i < shape.rank; i++) n *= shape.dim[i];
    return n;
}

clade_status clade__shape_check(clade_shape shape, const char *what)
{
    if (shape.rank < 0 || shape.rank > CLADE_MAX_RANK)
        return clade__fail(CLADE_ESHAPE, "%s: rank %d, want 0 to %d", what, shape.rank,
                           CLADE_MAX_RANK);
    int64_t n = 1;
    for (int i = 0; i < shape.rank; i++) {
        int64_t dim = shape.dim[i];
        if (dim < 1)
            return clade__fail(CLADE_ESHAPE, "%s: dimension %d is %lld, want at least 1", what, i,
                               (long long)dim);
        if (dim > MAX_ELEMENTS / n)
            return clade__fail(CLADE_ESHAPE, "%s: more than 2^62 elements", what);
        n *= dim;
    }
    return CLADE_OK;
}

clade_status clade__shape_check_counted(clade_shape shape, const char *what)
{
    CLADE_TRY(clade__shape_check(shape, what));
    if (clade_shape_elements(shape) <= INT32_MAX) return CLADE_OK;
    return clade__fail(CLADE_ESHAPE, "%s: more than %d elements", what, INT32_MAX);
}

bool clade__shape_equal(clade_shape a, clade_shape b)
{
    if (a.rank != b.rank) return false;
    for (int i = 0; i < a.rank; i++)
        if (a.dim[i] != b.dim[i]) return false;
    return true;
}

char *clade__shape_text(char *out, size_t out_bytes, clade_shape shape)
{
    size_t used = (size_t)snprintf(out, out_bytes, "(");
    for (int i = 0; i < shape.rank && i < CLADE_MAX_RANK && used < out_bytes; i++)
        used += (size_t)snprintf(out + used, out_bytes - used, "%s%lld", i ? ", " : "",
                                 (long long)shape.dim[i]);
    if (used < out_bytes) snprintf(out + used, out_bytes - used, ")");
    return out;
}

int64_t clade__shape_cols(clade_shape shape)
{
    return shape.rank ? shape.dim[shape.rank - 1] : 1;
}

int64_t clade__shape_rows(clade_shape shape)
{
    return clade_shape_elements(shape) / clade__shape_cols(shape);
}

#include "ops/check.h"

#include <math.h>

clade_status clade__check_tensor(const clade__check *check, const char *name,
                                 const clade_tensor *tensor, clade_dtype dtype)
{
    if (!tensor) return clade__fail(CLADE_EINVAL, "%s: %s is NULL", check->op, name);
    if (tensor->device != clade__commands_device(check->commands))
        return clade__fail(CLADE_EINVAL, "%s: %s is on another device", check->op, name);
    if (tensor->dtype != dtype)
        return clade__fail(CLADE_ESHAPE, "%s: %s is %s, want %s", check->op, name,
                           clade_dtype_name(tensor->dtype), clade_dtype_name(dtype));
    return CLADE_OK;
}

static clade_status fail_shape(const clade__check *check, const char *name, clade_shape got,
                               clade_shape want, const char *note)
{
    char got_text[CLADE__SHAPE_TEXT_BYTES], want_text[CLADE__SHAPE_TEXT_BYTES];
    return clade__fail(CLADE_ESHAPE, "%s: %s is %s, want %s%s", check->op, name,
                       clade__shape_text(got_text, sizeof got_text, got),
                       clade__shape_text(want_text, sizeof want_text, want), note);
}

clade_status clade__check_shape(const clade__check *check, const char *name,
                                const clade_tensor *tensor, clade_dtype dtype, clade_shape want)
{
    CLADE_TRY(clade__check_tensor(check, name, tensor, dtype));
    if (clade__shape_equal(tensor->shape, want)) return CLADE_OK;
    return fail_shape(check, name, tensor->shape, want, "");
}

clade_status clade__check_count(const clade__check *check, const char *name,
                                const clade_tensor *tensor, clade_dtype dtype, int64_t n)
{
    CLADE_TRY(clade__check_tensor(check, name, tensor, dtype));
    if (clade_shape_elements(tensor->shape) == n) return CLADE_OK;
    return fail_shape(check, name, tensor->shape, CLADE_SHAPE(n), " or as many elements");
}

clade_status clade__check_matrix(const clade__check *check, const char *name,
                                 const clade_tensor *tensor, int64_t rows, int64_t cols)
{
    CLADE_TRY(clade__check_tensor(check, name, tensor, CLADE_FLOAT32));
    if (clade__shape_rows(tensor->shape) == rows && clade__shape_cols(tensor->shape) == cols)
        return CLADE_OK;
    return fail_shape(check, name, tensor->shape, CLADE_SHAPE(rows, cols), "");
}

clade_status clade__check_range(const clade__check *check, const char *name, double value,
                                double low, double high)
{
    if (value >= low && value < high) return CLADE_OK;
    if (isinf(high))
        return clade__fail(CLADE_EINVAL, "%s: %s is %g, want a finite number, at least %g",
                           check->op, name, value, low);
    return clade__fail(CLADE_EINVAL, "%s: %s is %g, want at least %g and less than %g", check->op,
                       name, value, low, high);
}

clade__commands *clade__immediate_of(const clade_tensor *tensor)
{
    return tensor ? clade__immediate(tensor->device) : NULL;
}

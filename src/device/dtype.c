#include "device/dtype.h"

static double float32_value(const void *array, int64_t i)
{
    return (double)((const float *)array)[i];
}

static double int32_value(const void *array, int64_t i)
{
    return ((const int32_t *)array)[i];
}

static double uint8_value(const void *array, int64_t i)
{
    return ((const uint8_t *)array)[i];
}

static const struct {
    const char *name;
    size_t bytes;
    double (*value)(const void *array, int64_t i);
} table[] = {
    [CLADE_FLOAT32] = {"float32", 4, float32_value},
    [CLADE_INT32] = {"int32", 4, int32_value},
    [CLADE_UINT8] = {"uint8", 1, uint8_value},
};

bool clade__dtype_is_known(clade_dtype dtype)
{
    return (unsigned)dtype < sizeof table / sizeof table[0];
}

const char *clade_dtype_name(clade_dtype dtype)
{
    return clade__dtype_is_known(dtype) ? table[dtype].name : NULL;
}

size_t clade_dtype_bytes(clade_dtype dtype)
{
    return clade__dtype_is_known(dtype) ? table[dtype].bytes : 0;
}

double clade__dtype_value(clade_dtype dtype, const void *array, int64_t i)
{
    return table[dtype].value(array, i);
}

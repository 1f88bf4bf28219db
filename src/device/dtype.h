/* The element types: one table, so that another type is one more row. */
#ifndef CLADE_DEVICE_DTYPE_H
#define CLADE_DEVICE_DTYPE_H

#include <clade/tensor.h>

/* Whether there is such a type. */
bool clade__dtype_is_known(clade_dtype dtype);

/* Element i of an array on the host. */
double clade__dtype_value(clade_dtype dtype, const void *array, int64_t i);

#endif

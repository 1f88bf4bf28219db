/* The checks that every operation makes of its arguments, so that messages are alike:
 * "softmax: y is (3, 4), want (3, 5)".
 *
 * The tensor whose device a public function works on is checked first: the others are compared
 * with it. */
#ifndef CLADE_OPS_CHECK_H
#define CLADE_OPS_CHECK_H

#include "device/commands.h"

/* What is being checked. */
typedef struct clade__check {
    const clade__commands *commands;
    const char *op;
} clade__check;

/* Given, on the device of the commands, and of this type. */
clade_status clade__check_tensor(const clade__check *check, const char *name,
                                 const clade_tensor *tensor, clade_dtype dtype);

/* And of this shape. */
clade_status clade__check_shape(const clade__check *check, const char *name,
                                const clade_tensor *tensor, clade_dtype dtype, clade_shape want);

/* And of n elements, in any shape. */
clade_status clade__check_count(const clade__check *check, const char *name,
                                const clade_tensor *tensor, clade_dtype dtype, int64_t n);

/* And float32, of any shape with rows of cols, its last dimension. */
clade_status clade__check_matrix(const clade__check *check, const char *name,
                                 const clade_tensor *tensor, int64_t rows, int64_t cols);

/* CLADE_EINVAL unless the value is a number in [low, high). */
clade_status clade__check_range(const clade__check *check, const char *name, double value,
                                double low, double high);

/* The immediate commands of a tensor's device; NULL for no tensor, which the check of that tensor
 * then reports. */
clade__commands *clade__immediate_of(const clade_tensor *tensor);

#endif

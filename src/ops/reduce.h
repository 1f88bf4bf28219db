/* Sums over rows in one launch, with no scratch: for gradients of biases in recorded plans. */
#ifndef CLADE_OPS_REDUCE_H
#define CLADE_OPS_REDUCE_H

#include "device/commands.h"

/* dst (cols) = the sum of the rows of src (rows, cols), with `add` to what dst holds. The caller has
 * checked the tensors. */
clade_status clade__sum_rows(clade__commands *commands, clade_tensor *dst, const clade_tensor *src,
                             bool add);

#endif

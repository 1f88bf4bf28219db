/* How batch normalisation lays work-items over channels; see cl/batch_norm.cl. */
#ifndef CLADE_OPS_BATCH_NORM_H
#define CLADE_OPS_BATCH_NORM_H

#include <clade/tensor.h>

/* x as (samples, channels, inner). per_block samples of a channel are summed by one work-group, and the
 * blocks after them; where inner is short, so is each of the channels * inner columns. */
typedef struct clade__batch_norm_shape {
    int64_t samples, channels, inner, per_block, blocks;
    bool by_columns;
    int64_t columns; /* sums of a block */
} clade__batch_norm_shape;

clade__batch_norm_shape clade__batch_norm_shape_of(clade_shape x);

/* How many float32 of scratch forward needs in training, and backward. */
int64_t clade__batch_norm_scratch(clade_shape x);

#endif

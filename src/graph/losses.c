/* What is known of each loss. */
#include "graph/graph.h"

static const char *const names[] = {"cross_entropy", "mse", "bce_with_logits"};

const char *clade_loss_name(clade_loss loss)
{
    return (unsigned)loss < 3 ? names[loss] : NULL;
}

float clade__loss_threshold(clade_loss loss)
{
    return loss == CLADE_LOSS_MSE ? 0.5f : 0.0f;
}

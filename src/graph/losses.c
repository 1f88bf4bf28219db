/* What is known of each loss, and whether one can be. */
#include "device/buffer.h"
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

/* A target has the prediction's rows: a label for each, or a number for each of its values. */
static clade_status check_target(const clade__loss *loss)
{
    char got[64], want[64];
    clade_shape shape = loss->prediction->shape;
    bool labels = loss->target->dtype == CLADE_INT32;
    if (!labels && loss->kind == CLADE_LOSS_CROSS_ENTROPY)
        return clade__fail(CLADE_EINVAL, "loss: cross_entropy wants an int32 target, labels");
    int64_t n = clade_shape_elements(shape), n_rows = labels ? clade__shape_rows(shape) : n;
    if (clade_shape_elements(loss->target->shape) == n_rows) return CLADE_OK;
    return clade__fail(CLADE_ESHAPE, "loss: the target '%s' is %s a sample, and the prediction '%s' is "
                       "%s: want %s", loss->target->layer->name,
                       clade__shape_text(got, sizeof got, loss->target->shape),
                       loss->prediction->layer->name, clade__shape_text(want, sizeof want, shape),
                       labels ? "a label for each row of its last dimension"
                              : "as many numbers");
}

/* Data has one label a sample. */
static clade_status check_data_target(const clade__loss *loss)
{
    char got[64];
    if (loss->kind != CLADE_LOSS_CROSS_ENTROPY || clade__shape_rows(loss->prediction->shape) == 1)
        return CLADE_OK;
    return clade__fail(CLADE_ESHAPE, "compile: the output is %s a sample, and cross_entropy has one row of "
                       "outputs for the label of a sample; a linear layer works on the last dimension: put "
                       "a flatten layer before it", clade__shape_text(got, sizeof got,
                                                                      loss->prediction->shape));
}

clade_status clade__loss_check(const clade__loss *loss)
{
    if (!clade_loss_name(loss->kind))
        return clade__fail(CLADE_EINVAL, "loss: unknown kind %d", (int)loss->kind);
    if (!loss->prediction->layer->type || loss->prediction->dtype != CLADE_FLOAT32)
        return clade__fail(CLADE_EINVAL, "loss: the prediction '%s' is not a layer's float32 output",
                           loss->prediction->layer->name);
    if (!(loss->weight > 0.0f && loss->weight <= 1e6f))
        return clade__fail(CLADE_EINVAL, "loss: weight is %g, want a number above 0", (double)loss->weight);
    if (!(loss->label_smoothing >= 0.0f && loss->label_smoothing <= 1.0f))
        return clade__fail(CLADE_EINVAL, "loss: label_smoothing is %g, want 0 to 1",
                           (double)loss->label_smoothing);
    if (loss->kind != CLADE_LOSS_CROSS_ENTROPY && loss->label_smoothing != 0.0f)
        return clade__fail(CLADE_EINVAL, "loss: label_smoothing is cross_entropy's");
    if (loss->kind == CLADE_LOSS_CROSS_ENTROPY && clade__shape_cols(loss->prediction->shape) < 2)
        return clade__fail(CLADE_EINVAL, "loss: cross_entropy wants two outputs or more; for one, use "
                           "bce_with_logits or mse");
    return loss->target ? check_target(loss) : check_data_target(loss);
}

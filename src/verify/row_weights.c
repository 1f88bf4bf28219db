/* The weights of classes: what a training does to loss and gradient of each sample. */
#include <math.h>

#include "ops/ops.h"
#include "verify/families.h"

enum { LOSS, DY, WEIGHTS, LABELS };

enum { N_WEIGHTS = 7 };

static const float scale = 0.3f;

/* Some labels have no weight. */
static void prepare(clade__trial *t)
{
    int64_t rows = clade__shape_rows(t->shape);
    clade__trial_inout(t, "loss", CLADE_SHAPE(rows), 0.0, 3.0);
    clade__trial_inout(t, "dy", t->shape, -1.0, 1.0);
    clade__trial_in(t, "weights", CLADE_SHAPE(N_WEIGHTS), 0.5, 4.0);
    clade__trial_in_integers(t, "labels", CLADE_INT32, CLADE_SHAPE(rows), -1, N_WEIGHTS + 1);
}

static clade_status record(clade__commands *commands, const clade__trial *t)
{
    return clade__weigh_rows(commands, clade__trial_tensor(t, LOSS), clade__trial_tensor(t, DY),
                             clade__trial_tensor(t, WEIGHTS), clade__trial_tensor(t, LABELS),
                             &scale);
}

static void expect_weighted(clade__trial *t, int operand, int64_t i, int32_t label)
{
    double value = (double)t->operands[operand].before.floats[i];
    bool has = label >= 0 && label < N_WEIGHTS;
    double weight = has ? (double)t->operands[WEIGHTS].before.floats[label] * (double)scale : 1.0;
    /* Two products are rounded. */
    clade__expect(&t->operands[operand], i, value * weight, has ? 2.0 * fabs(value * weight) : 0.0);
}

static void expect(clade__trial *t)
{
    int64_t cols = clade__shape_cols(t->shape);
    for (int64_t r = 0; r < t->operands[LOSS].n; r++) {
        int32_t label = t->operands[LABELS].before.ints[r];
        expect_weighted(t, LOSS, r, label);
        for (int64_t c = 0; c < cols; c++) expect_weighted(t, DY, r * cols + c, label);
    }
}

const clade__family clade__row_weights = {prepare, record, expect,
                                          1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE,
                                          clade__matrices};

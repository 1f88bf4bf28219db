#include "data/split.h"

#include <inttypes.h>
#include <stdlib.h>

#include "data/number.h"

/* Not a seed that a user is likely to shuffle training with: that would draw alike. */
#define SPLIT_SEED UINT64_C(0x73706c6974)

clade_status clade__split_fraction(const clade__data_spec *spec, double unless_given,
                                   double *fraction)
{
    const char *text = clade__data_option(spec, "test");
    *fraction = unless_given;
    if (!text) return CLADE_OK;
    if (clade__number_double(text, fraction) == CLADE__NUMBER_FINITE && *fraction >= 0.0 &&
        *fraction < 1.0)
        return CLADE_OK;
    return clade__fail(CLADE_EINVAL,
                       "%s: test=%s, want the share of rows to test with: at least 0, below 1",
                       spec->kind, text);
}

static clade_status take_part(clade__split *split, const clade__data_spec *spec, double fraction,
                              int64_t n_rows, const char *path)
{
    if (n_rows < 2)
        return clade__fail(CLADE_EDATA,
                           "'%s' has one row, which train and test part cannot share; "
                           "add test=0 to have it in both",
                           path);
    int64_t n_test = (int64_t)(fraction * (double)n_rows + 0.5);
    if (n_test < 1) n_test = 1;
    if (n_test > n_rows - 1) n_test = n_rows - 1;

    int32_t *order = malloc((size_t)n_rows * sizeof *order);
    split->taken = malloc((size_t)n_rows * sizeof *split->taken);
    if (!order || !split->taken) {
        free(order);
        clade__split_free(split);
        return clade__fail(CLADE_ENOMEM, "%s: no memory to split %" PRId64 " rows", spec->kind,
                           n_rows);
    }
    clade__shuffle(order, n_rows, SPLIT_SEED, 0);
    for (int64_t i = 0; i < n_rows; i++) split->taken[order[i]] = (i < n_test) == (spec->part != CLADE__TRAIN);
    split->n_rows = spec->part != CLADE__TRAIN ? n_test : n_rows - n_test;
    free(order);
    return CLADE_OK;
}

clade_status clade__split_rows(clade__split *split, const clade__data_spec *spec, double fraction,
                               int64_t n_rows, const char *path)
{
    *split = (clade__split){.n_rows = n_rows, .end = n_rows};
    if (fraction > 0.0) CLADE_TRY(take_part(split, spec, fraction, n_rows, path));
    CLADE_TRY(clade__data_option_first(spec, path, split->n_rows, &split->n_rows));
    split->end = 0;
    for (int64_t n = 0; n < split->n_rows; split->end++)
        n += !split->taken || split->taken[split->end];
    return CLADE_OK;
}

void clade__split_free(clade__split *split)
{
    free(split->taken);
    *split = (clade__split){0};
}

#include "ops/mapping.h"
#include "ops/row_rule.h"

clade_status clade__count_hits(clade__commands *commands, clade_tensor *hit, const clade_tensor *y,
                               const clade_tensor *labels, float threshold)
{
    const clade__check check = {commands, "count_hits"};
    CLADE_TRY(clade__check_tensor(&check, "y", y, CLADE_FLOAT32));
    const int64_t rows = clade__shape_rows(y->shape), cols = clade__shape_cols(y->shape);
    CLADE_TRY(clade__check_count(&check, "labels", labels, CLADE_INT32, rows));
    CLADE_TRY(clade__check_count(&check, "hit", hit, CLADE_FLOAT32, rows));
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "metrics",
            .kernel = "count_hits",
            CLADE__ROWS(clade__rows_of(commands, cols), rows),
            CLADE__ARGS(clade__arg_tensor(hit), clade__arg_tensor(y), clade__arg_tensor(labels),
                        clade__arg_int(rows), clade__arg_int(cols), clade__arg_float(threshold)),
        });
}

clade_status clade__mark_rows(clade__commands *commands, clade_tensor *loss, const clade_tensor *y)
{
    const clade__check check = {commands, "mark_rows"};
    CLADE_TRY(clade__check_tensor(&check, "y", y, CLADE_FLOAT32));
    const int64_t rows = clade__shape_rows(y->shape), cols = clade__shape_cols(y->shape);
    CLADE_TRY(clade__check_count(&check, "loss", loss, CLADE_FLOAT32, rows));
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "metrics",
            .kernel = "mark_rows",
            CLADE__ROWS(clade__rows_of(commands, cols), rows),
            CLADE__ARGS(clade__arg_tensor(loss), clade__arg_tensor(y), clade__arg_int(rows),
                        clade__arg_int(cols)),
        });
}

clade_status clade__metrics_store(clade__commands *commands, clade_tensor *steps,
                                  const int32_t *slot, const clade_tensor *loss,
                                  const clade_tensor *hit, bool add)
{
    const clade__check check = {commands, "metrics_store"};
    CLADE_TRY(clade__check_tensor(&check, "steps", steps, CLADE_FLOAT32));
    const int64_t n_slots = clade__shape_rows(steps->shape);
    CLADE_TRY(clade__check_shape(&check, "steps", steps, CLADE_FLOAT32,
                                 CLADE_SHAPE(n_slots, CLADE__N_SUMS)));
    CLADE_TRY(clade__check_tensor(&check, "loss", loss, CLADE_FLOAT32));
    const int64_t rows = clade_tensor_elements(loss);
    if (hit) CLADE_TRY(clade__check_count(&check, "hit", hit, CLADE_FLOAT32, rows));
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "metrics",
            .kernel = "metrics_store",
            .options = "-DLANES=64",
            .groups = {1},
            .local = {CLADE__ROW_GROUP},
            CLADE__ARGS(clade__arg_tensor(steps), clade__arg_tensor(loss), clade__arg_tensor(hit),
                        clade__arg_int(rows), clade__arg_int(n_slots), clade__arg_int_ref(slot),
                        clade__arg_int(add)),
        });
}

clade_status clade__loss_mean(clade__commands *commands, clade_tensor *means,
                              const clade_tensor *steps, const clade__rows_total *total, float scale)
{
    const clade__check check = {commands, "loss_mean"};
    const clade__row_rule rule = {.n_classes = 1};
    CLADE_TRY(clade__check_tensor(&check, "means", means, CLADE_FLOAT32));
    const int64_t n = clade_tensor_elements(means) - 1;
    CLADE_TRY(clade__check_matrix(&check, "steps", steps, n, CLADE__N_SUMS));
    if (total->totals)
        CLADE_TRY(clade__check_count(&check, "totals", total->totals, CLADE_FLOAT32, n));
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "metrics",
                      .kernel = "loss_mean",
                      .options = "-DLANES=64",
                      .groups = {1},
                      .local = {1},
                      CLADE__ARGS(clade__arg_tensor(means), clade__arg_tensor(steps),
                                  clade__arg_tensor(total->totals), clade__arg_int(n),
                                  clade__arg_rule(&rule, 1, total), clade__arg_int_ref(total->index),
                                  clade__arg_float(scale)),
                  });
}

#define RUN 256 /* as in cl/metrics.cl */

int64_t clade__n_peaks(int64_t n)
{
    return (n + RUN - 1) / RUN;
}

clade_status clade__peaks(clade__commands *commands, clade_tensor *peaks, int64_t first,
                          const clade_tensor *x)
{
    const clade__check check = {commands, "peaks"};
    CLADE_TRY(clade__check_tensor(&check, "x", x, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(&check, "peaks", peaks, CLADE_FLOAT32));
    const int64_t n = clade_tensor_elements(x), n_peaks = clade__n_peaks(n);
    if (first + n_peaks > clade_tensor_elements(peaks))
        return clade__fail(CLADE_ESHAPE, "peaks: peaks has %lld elements, want %lld",
                           (long long)clade_tensor_elements(peaks), (long long)(first + n_peaks));
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "metrics",
                      .kernel = "peaks",
                      .options = "-DLANES=64",
                      .groups = {clade__groups(n_peaks, CLADE__ROW_GROUP)},
                      .local = {CLADE__ROW_GROUP},
                      CLADE__ARGS(clade__arg_tensor(peaks), clade__arg_tensor(x),
                                  clade__arg_int(n), clade__arg_int(first)),
                  });
}

#include "ops/mapping.h"
#include "ops/row_rule.h"

clade_status clade__weigh_rows(clade__commands *commands, clade_tensor *loss, clade_tensor *hit,
                               clade_tensor *dy, const clade_tensor *labels,
                               const clade__row_rule *rule, const clade__rows_total *total)
{
    const clade__check check = {commands, "weigh_rows"};
    CLADE_TRY(clade__check_tensor(&check, "loss", loss, CLADE_FLOAT32));
    const int64_t rows = clade_tensor_elements(loss);
    const int64_t cols = dy ? clade__shape_cols(dy->shape) : 1;
    if (dy) CLADE_TRY(clade__check_matrix(&check, "dy", dy, rows, cols));
    if (hit) CLADE_TRY(clade__check_count(&check, "hit", hit, CLADE_FLOAT32, rows));
    CLADE_TRY(clade__check_count(&check, "labels", labels, CLADE_INT32, rows));
    CLADE_TRY(clade__check_rule(&check, rule, rule->n_classes, total));
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "weigh_rows",
            .kernel = "weigh_rows",
            CLADE__ROWS(clade__rows_of(commands, cols), rows),
            CLADE__ARGS(clade__arg_tensor(loss), clade__arg_tensor(hit), clade__arg_tensor(dy),
                        clade__arg_tensor(labels), clade__arg_tensor(rule->weights),
                        clade__arg_tensor(total->totals), clade__arg_int(rows),
                        clade__arg_int(cols), clade__arg_rule(rule, rule->n_classes, total),
                        clade__arg_total_index(total)),
        });
}

#include "ops/mapping.h"
#include "ops/row_rule.h"

clade_status clade__check_rule(const clade__check *check, const clade__row_rule *rule,
                               int64_t n_classes, const clade__rows_total *total)
{
    if (n_classes < 1 || n_classes > INT32_MAX)
        return clade__fail(CLADE_EINVAL, "%s: n_classes is %lld, want at least 1", check->op,
                           (long long)n_classes);
    if (rule->weights)
        CLADE_TRY(clade__check_count(check, "weights", rule->weights, CLADE_FLOAT32, n_classes));
    if (total->totals) CLADE_TRY(clade__check_tensor(check, "totals", total->totals, CLADE_FLOAT32));
    return CLADE_OK;
}

clade__arg clade__arg_rule(const clade__row_rule *rule, int64_t n_classes,
                           const clade__rows_total *total)
{
    int64_t n_totals = total->totals ? clade_tensor_elements(total->totals) : 0;
    return (clade__arg){CLADE__ARG_INT4,
                        {.ints = {(int32_t)n_classes, rule->has_ignore, rule->ignore_index,
                                  (int32_t)n_totals}}};
}

clade__arg clade__arg_total_index(const clade__rows_total *total)
{
    return total->totals ? clade__arg_int_ref(total->index) : clade__arg_int(0);
}

clade_status clade__count_rows(clade__commands *commands, const clade__rows_total *total,
                               const clade_tensor *labels, const clade__row_rule *rule)
{
    const clade__check check = {commands, "count_rows"};
    CLADE_TRY(clade__check_tensor(&check, "totals", total->totals, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(&check, "labels", labels, CLADE_INT32));
    CLADE_TRY(clade__check_rule(&check, rule, rule->n_classes, total));
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "count_rows",
                      .kernel = "count_rows",
                      .options = "-DLANES=64",
                      .groups = {1},
                      .local = {CLADE__ROW_GROUP},
                      CLADE__ARGS(clade__arg_tensor(total->totals), clade__arg_tensor(labels),
                                  clade__arg_tensor(rule->weights),
                                  clade__arg_int(clade_tensor_elements(labels)),
                                  clade__arg_rule(rule, rule->n_classes, total),
                                  clade__arg_total_index(total)),
                  });
}

clade_status clade_count_rows(clade_tensor *total, const clade_tensor *labels, int64_t n_classes,
                              const clade_cross_entropy_options *options)
{
    static const int32_t first = 0;
    const clade_cross_entropy_options none = {0}, *o = options ? options : &none;
    clade__commands *commands = clade__immediate_of(labels);
    const clade__check check = {commands, "count_rows"};
    CLADE_TRY(clade__check_tensor(&check, "labels", labels, CLADE_INT32));
    if (options) CLADE_WANT_UNUSED("count_rows", options->reserved);
    CLADE_TRY(clade__check_count(&check, "total", total, CLADE_FLOAT32, 1));
    return clade__count_rows(commands, &(clade__rows_total){total, &first}, labels,
                             &(clade__row_rule){n_classes, o->weight, o->has_ignore_index,
                                                o->ignore_index});
}

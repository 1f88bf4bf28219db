/* A clade__row_rule and a clade__rows_total as arguments: the host's half of cl/row_rule.cl. */
#ifndef CLADE_OPS_ROW_RULE_H
#define CLADE_OPS_ROW_RULE_H

#include "ops/check.h"
#include "ops/ops.h"

/* The weights, if there are any, are as many as n_classes, and the total, if there is one, is float32. */
clade_status clade__check_rule(const clade__check *check, const clade__row_rule *rule,
                               int64_t n_classes, const clade__rows_total *total);

/* The kernel's `rule` and `index`. */
clade__arg clade__arg_rule(const clade__row_rule *rule, int64_t n_classes,
                           const clade__rows_total *total);
clade__arg clade__arg_total_index(const clade__rows_total *total);

#endif

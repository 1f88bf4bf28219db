#include <stdio.h>

#include "ops/mapping.h"
#include "ops/row_rule.h"

/* Each row counts 1, the gradient is not divided, and targets are as they are: the kernel without
 * options. */
static bool is_plain(const clade__cross_entropy_options *o)
{
    return !o->rule.weights && !o->rule.has_ignore && o->label_smoothing == 0.0f &&
           !o->total.totals;
}

static clade_status check_options(const clade__check *check, int64_t cols,
                                  const clade__cross_entropy_options *o)
{
    if (!(o->label_smoothing >= 0.0f && o->label_smoothing <= 1.0f))
        return clade__fail(CLADE_EINVAL, "cross_entropy: label_smoothing is %g, want 0 to 1",
                           (double)o->label_smoothing);
    return clade__check_rule(check, &o->rule, cols, &o->total);
}

clade_status clade__cross_entropy(clade__commands *commands, clade_tensor *loss, clade_tensor *hit,
                                  clade_tensor *dlogits, const clade_tensor *logits,
                                  const clade_tensor *labels, float scale,
                                  const clade__cross_entropy_options *options)
{
    const clade__cross_entropy_options none = {0}, *o = options ? options : &none;
    const clade__check check = {commands, "cross_entropy"};
    CLADE_TRY(clade__check_tensor(&check, "logits", logits, CLADE_FLOAT32));
    const int64_t rows = clade__shape_rows(logits->shape), cols = clade__shape_cols(logits->shape);
    CLADE_TRY(clade__check_count(&check, "labels", labels, CLADE_INT32, rows));
    CLADE_TRY(clade__check_count(&check, "loss", loss, CLADE_FLOAT32, rows));
    if (hit) CLADE_TRY(clade__check_count(&check, "hit", hit, CLADE_FLOAT32, rows));
    if (dlogits)
        CLADE_TRY(clade__check_shape(&check, "dlogits", dlogits, CLADE_FLOAT32, logits->shape));
    CLADE_TRY(check_options(&check, cols, o));
    clade__launch launch = {
        .program = "cross_entropy",
        .kernel = "cross_entropy",
        CLADE__ROWS(clade__rows_of(commands, cols), rows),
        CLADE__ARGS(clade__arg_tensor(loss), clade__arg_tensor(hit), clade__arg_tensor(dlogits),
                    clade__arg_tensor(logits), clade__arg_tensor(labels), clade__arg_int(rows),
                    clade__arg_int(cols), clade__arg_float(scale)),
    };
    char text[64];
    if (!is_plain(o)) {
        snprintf(text, sizeof text, "%s -DCOUNTED=1%s", launch.options,
                 o->label_smoothing > 0.0f ? " -DSMOOTHED=1" : "");
        launch.options = text;
        launch.n_args = 12;
        const clade__arg rest[] = {clade__arg_tensor(o->rule.weights),
                                   clade__arg_tensor(o->total.totals),
                                   clade__arg_int(rows),
                                   clade__arg_rule(&o->rule, cols, &o->total),
                                   clade__arg_total_index(&o->total),
                                   clade__arg_float(scale),
                                   clade__arg_float(o->label_smoothing)};
        for (int i = 0; i < 7; i++) launch.args[5 + i] = rest[i];
    }
    return clade__commands_launch(commands, &launch);
}

clade_status clade_cross_entropy(clade_tensor *loss, clade_tensor *hit, clade_tensor *dlogits,
                                 const clade_tensor *logits, const clade_tensor *labels,
                                 float scale, const clade_cross_entropy_options *options)
{
    static const int32_t first = 0;
    const clade_cross_entropy_options none = {0}, *o = options ? options : &none;
    clade__commands *commands = clade__immediate_of(logits);
    const clade__check check = {commands, "cross_entropy"};
    CLADE_TRY(clade__check_tensor(&check, "logits", logits, CLADE_FLOAT32));
    if (o->total) CLADE_TRY(clade__check_count(&check, "total", o->total, CLADE_FLOAT32, 1));
    if (options) CLADE_WANT_UNUSED("cross_entropy", options->reserved);
    return clade__cross_entropy(
        commands, loss, hit, dlogits, logits, labels, scale,
        &(clade__cross_entropy_options){
            .rule = {0, o->weight, o->has_ignore_index, o->ignore_index},
            .label_smoothing = o->label_smoothing,
            .total = {o->total, &first},
        });
}

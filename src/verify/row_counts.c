/* What rows of a loss count by their labels: alone, behind a loss that knows nothing of labels, and as what
 * divides its mean. */
#include <math.h>

#include "ops/ops.h"
#include "verify/families.h"

static const int32_t total_index = 1; /* of three */

/* A class, where there are enough of them: its label is in range, and its row counts for nothing. */
static int32_t ignore_index(int64_t n_classes)
{
    return n_classes > 2 ? 1 : -100;
}

void clade__trial_rule(clade__trial *trial, int64_t n_classes)
{
    if (trial->op->variant & CLADE__WEIGHTED)
        clade__trial_in_as(trial, "weights", CLADE_SHAPE(n_classes), 0.5, 4.0, CLADE__ORDINARY);
    if (trial->op->variant & CLADE__DIVIDED)
        clade__trial_in_as(trial, "totals", CLADE_SHAPE(3), 0.5, 20.0, CLADE__ORDINARY);
}

void clade__spoil_labels(clade__trial *trial, const char *labels, int64_t n_classes)
{
    const clade__operand *o = clade__trial_find(trial, labels);
    for (int64_t r = 0; o && o->before.ints && r < o->n; r++) {
        if (r % 17 == 8) o->before.ints[r] = r % 2 ? -1 : (int32_t)n_classes; /* none */
        if (r % 5 == 2 && trial->op->variant & CLADE__IGNORES)
            o->before.ints[r] = ignore_index(n_classes);
    }
}

clade__row_rule clade__rule_of(const clade__trial *trial, int64_t n_classes)
{
    const clade__operand *weights = clade__trial_find(trial, "weights");
    const clade__operand *logits = clade__trial_find(trial, "logits");
    return (clade__row_rule){
        .n_classes = n_classes,
        .weights = weights ? weights->tensor : NULL,
        .has_ignore = trial->op->variant & CLADE__IGNORES,
        .ignore_index = ignore_index(logits ? clade__shape_cols(logits->shape) : n_classes),
    };
}

clade__rows_total clade__total_of(const clade__trial *trial)
{
    const clade__operand *totals = clade__trial_find(trial, "totals");
    return (clade__rows_total){totals ? totals->tensor : NULL, &total_index};
}

bool clade__is_ignored(const clade__trial *trial, int32_t label, int64_t n_classes)
{
    return trial->op->variant & CLADE__IGNORES && label == ignore_index(n_classes);
}

double clade__count_of(const clade__trial *trial, int32_t label, int64_t n_classes)
{
    const clade__operand *weights = clade__trial_find(trial, "weights");
    if (clade__is_ignored(trial, label, n_classes)) return 0.0;
    if (label < 0 || label >= n_classes) return (double)NAN;
    return weights ? (double)weights->before.floats[label] : 1.0;
}

double clade__divisor_of(const clade__trial *trial)
{
    const clade__operand *totals = clade__trial_find(trial, "totals");
    return totals ? (double)totals->before.floats[total_index] : 1.0;
}

enum { N_CLASSES = 7 };

/* ---- count_rows ------------------------------------------------------------------------------ */

enum { LABELS, TOTALS };

static void prepare_count(clade__trial *t)
{
    clade_shape rows = CLADE_SHAPE(clade_shape_elements(t->shape));
    clade__trial_in_integers(t, "labels", CLADE_INT32, rows, 0, N_CLASSES);
    clade__trial_inout(t, "counts", CLADE_SHAPE(3), -1.0, 1.0);
    clade__trial_rule(t, N_CLASSES);
    clade__spoil_labels(t, "labels", N_CLASSES);
}

static clade_status record_count(clade__commands *commands, const clade__trial *t)
{
    const clade__row_rule rule = clade__rule_of(t, N_CLASSES);
    return clade__count_rows(commands,
                             &(clade__rows_total){clade__trial_tensor(t, TOTALS), &total_index},
                             clade__trial_tensor(t, LABELS), &rule);
}

static void expect_count(clade__trial *t)
{
    double sum = 0.0, n = (double)t->operands[LABELS].n;
    for (int64_t r = 0; r < t->operands[LABELS].n; r++) {
        double count = clade__count_of(t, t->operands[LABELS].before.ints[r], N_CLASSES);
        if (!isnan(count)) sum += count;
    }
    /* Blocks of 64 terms a lane, then 64 lanes; ones are counted exactly. */
    double chain = 64.0 + n / 4096.0 + 14.0;
    clade__expect(&t->operands[TOTALS], total_index, sum,
                  t->op->variant & CLADE__WEIGHTED ? chain * sum : 0.0);
}

const clade__family clade__row_counts = {prepare_count, record_count, expect_count,
                                         1u << CLADE__ORDINARY, clade__lengths};

/* ---- weigh_rows ------------------------------------------------------------------------------ */

enum { LOSS, HIT, OF_ROWS, DY };

static void prepare_weigh(clade__trial *t)
{
    int64_t rows = clade__shape_rows(t->shape);
    clade__trial_inout(t, "loss", CLADE_SHAPE(rows), 0.0, 3.0);
    clade__trial_inout(t, "hit", CLADE_SHAPE(rows), 0.0, 1.0);
    clade__trial_in_integers(t, "labels", CLADE_INT32, CLADE_SHAPE(rows), 0, N_CLASSES);
    if (!(t->op->variant & CLADE__NO_GRADIENT)) clade__trial_inout(t, "dy", t->shape, -1.0, 1.0);
    clade__trial_rule(t, N_CLASSES);
    clade__spoil_labels(t, "labels", N_CLASSES);
}

static clade_status record_weigh(clade__commands *commands, const clade__trial *t)
{
    const clade__row_rule rule = clade__rule_of(t, N_CLASSES);
    const clade__rows_total total = clade__total_of(t);
    return clade__weigh_rows(
        commands, clade__trial_tensor(t, LOSS), clade__trial_tensor(t, HIT),
        t->op->variant & CLADE__NO_GRADIENT ? NULL : clade__trial_tensor(t, DY),
        clade__trial_tensor(t, OF_ROWS), &rule, &total);
}

static void expect_weigh(clade__trial *t)
{
    int64_t cols = clade__shape_cols(t->shape);
    double divisor = clade__divisor_of(t);
    for (int64_t r = 0; r < t->operands[LOSS].n; r++) {
        int32_t label = t->operands[OF_ROWS].before.ints[r];
        double count = clade__count_of(t, label, N_CLASSES);
        bool counts = !isnan(count) && !clade__is_ignored(t, label, N_CLASSES);
        double loss = counts ? (double)t->operands[LOSS].before.floats[r] * count
                             : clade__is_ignored(t, label, N_CLASSES) ? 0.0 : (double)NAN;
        clade__expect(&t->operands[LOSS], r, loss, fabs(loss));
        if (!counts) clade__expect(&t->operands[HIT], r, 0.0, 0.0);
        for (int64_t i = r * cols; i < (r + 1) * cols && t->n_operands > DY; i++) {
            if (t->op->variant & CLADE__NO_GRADIENT) break;
            double dy = counts ? (double)t->operands[DY].before.floats[i] * count / divisor : 0.0;
            clade__expect(&t->operands[DY], i, dy, (CLADE__UNITS_DIVIDE + 2.0) * fabs(dy));
        }
    }
}

const clade__family clade__row_weights = {prepare_weigh, record_weigh, expect_weigh,
                                          1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE,
                                          clade__matrices};

/* ---- loss_mean ------------------------------------------------------------------------------- */

enum { MEANS, STEPS, N_LOSSES = 3 };

static void prepare_mean(clade__trial *t)
{
    clade__trial_inout(t, "means", CLADE_SHAPE(1 + N_LOSSES), -1.0, 1.0);
    clade__trial_in(t, "steps", CLADE_SHAPE(N_LOSSES, CLADE__N_SUMS), 0.0, 100.0);
    clade__trial_rule(t, N_CLASSES);
}

static clade_status record_mean(clade__commands *commands, const clade__trial *t)
{
    const clade__rows_total total = clade__total_of(t);
    return clade__loss_mean(commands, clade__trial_tensor(t, MEANS), clade__trial_tensor(t, STEPS), &total,
                            CLADE__LOSS_SCALE);
}

static void expect_mean(clade__trial *t)
{
    double sum = (double)t->operands[STEPS].before.floats[total_index * CLADE__N_SUMS];
    double mean = sum * (double)CLADE__LOSS_SCALE / clade__divisor_of(t);
    double all = (double)t->operands[MEANS].before.floats[0] + mean;
    double bound = (CLADE__UNITS_DIVIDE + 1.0) * fabs(mean);
    clade__expect(&t->operands[MEANS], 1 + total_index, mean, bound);
    clade__expect(&t->operands[MEANS], 0, all, bound + fabs(all));
}

static const clade_shape sums[] = {{2, {N_LOSSES, CLADE__N_SUMS}}, {0, {0}}};

const clade__family clade__loss_means = {prepare_mean, record_mean, expect_mean,
                                         1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE, sums};

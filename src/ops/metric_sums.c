#include "ops/metric_sums.h"

#include <math.h>

#include "ops/mapping.h"
#include "ops/row_rule.h"

#define TOP 5

/* ---- the tables ------------------------------------------------------------------------------ */

const char *clade__sum_name(clade__sum sum)
{
#define NAME(id, name, meaning) name,
    static const char *const names[] = {CLADE__SUM_TABLE(NAME)};
#undef NAME
    return names[sum];
}

int clade__n_sums(unsigned set)
{
    int n = 0;
    for (; set; set &= set - 1) n++;
    return n;
}

void clade__sums_take(double sums[CLADE__N_ALL_SUMS], unsigned set, const float *row)
{
    for (int i = 0; i < CLADE__N_ALL_SUMS; i++)
        if (set & 1u << i) sums[i] += (double)*row++;
}

#define ROW(id, name, needs) {name, needs},
static const struct {
    const char *name;
    unsigned needs;
} metrics[] = {CLADE__METRIC_TABLE(ROW)};
#undef ROW

const char *clade__metric_name(clade__metric metric)
{
    return metrics[metric].name;
}

unsigned clade__metric_needs(clade__metric metric)
{
    return metrics[metric].needs;
}

static double r2_of(const double sums[CLADE__N_ALL_SUMS], double n)
{
    double squares = sums[CLADE__SUM_SQUARED_ERROR], away = sums[CLADE__SUM_DEVIATION];
    double deviations = sums[CLADE__SUM_SQUARED_DEVIATION] - away * away / n;
    if (!(n >= 2.0) || isnan(squares)) return (double)NAN;
    if (deviations > 0.0) return 1.0 - squares / deviations;
    return squares > 0.0 ? 0.0 : 1.0;
}

double clade__metrics_value(clade__metric metric, const double sums[CLADE__N_ALL_SUMS],
                            int64_t cols)
{
    double n = sums[CLADE__SUM_COUNTED], n_elements = n * (double)cols;
    if (!(n > 0.0)) return (double)NAN;
    switch (metric) {
    case CLADE__METRIC_LOSS: return sums[CLADE__SUM_LOSS] / n;
    case CLADE__METRIC_ACCURACY: return sums[CLADE__SUM_HITS] / n;
    case CLADE__METRIC_TOP_5: return sums[CLADE__SUM_TOP_5_HITS] / n;
    case CLADE__METRIC_PERPLEXITY: return exp(sums[CLADE__SUM_LOSS] / n);
    case CLADE__METRIC_MEAN_ABSOLUTE_ERROR: return sums[CLADE__SUM_ABSOLUTE_ERROR] / n_elements;
    case CLADE__METRIC_R2: return r2_of(sums, n_elements);
    default: return (double)NAN;
    }
}

/* ---- on the device --------------------------------------------------------------------------- */

static const clade__rows_total no_total;

static clade__arg rule_of(const clade__metric_source *source)
{
    return clade__arg_rule(&source->rule, source->rule.n_classes, &no_total);
}

static clade_status record_counts(clade__commands *commands, clade_tensor *values, int64_t first,
                                  const clade__metric_source *source)
{
    const int64_t rows = clade__shape_cols(values->shape);
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "metric_sums",
                      .kernel = "row_counts",
                      CLADE__ROWS(&clade__narrow_rows, rows),
                      CLADE__ARGS(clade__arg_tensor(values), clade__arg_tensor(source->labels),
                                  clade__arg_tensor(source->rule.weights), clade__arg_int(rows),
                                  clade__arg_int(first), rule_of(source)),
                  });
}

static clade_status record_top_hits(clade__commands *commands, clade_tensor *values, int64_t first,
                                    const clade__metric_source *source)
{
    const int64_t rows = clade__shape_cols(values->shape), cols = clade__shape_cols(source->y->shape);
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "metric_sums",
                      .kernel = "top_hits",
                      CLADE__ROWS(clade__rows_of(commands, cols), rows),
                      CLADE__ARGS(clade__arg_tensor(values), clade__arg_tensor(source->y),
                                  clade__arg_tensor(source->labels), clade__arg_int(rows),
                                  clade__arg_int(cols), clade__arg_int(first), rule_of(source),
                                  clade__arg_int(TOP)),
                  });
}

static clade_status record_errors(clade__commands *commands, clade_tensor *values, int64_t first,
                                  const clade__metric_source *source)
{
    const int64_t rows = clade__shape_cols(values->shape), cols = clade__shape_cols(source->y->shape);
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "metric_sums",
                      .kernel = "row_errors",
                      CLADE__ROWS(clade__rows_of(commands, cols), rows),
                      CLADE__ARGS(clade__arg_tensor(values), clade__arg_tensor(source->y),
                                  clade__arg_tensor(source->target),
                                  clade__arg_tensor(source->center),
                                  clade__arg_tensor(source->labels), clade__arg_int(rows),
                                  clade__arg_int(cols), clade__arg_int(first), rule_of(source)),
                  });
}

static clade_status check_source(const clade__check *check, unsigned set, int64_t rows,
                                 const clade__metric_source *source)
{
    const clade_tensor *y = source->y;
    if (source->labels) {
        CLADE_TRY(clade__check_count(check, "labels", source->labels, CLADE_INT32, rows));
        CLADE_TRY(clade__check_rule(check, &source->rule, source->rule.n_classes, &no_total));
    } else if (set & CLADE__SUM_BIT(TOP_5_HITS)) {
        return clade__check_tensor(check, "labels", NULL, CLADE_INT32);
    }
    if (!(set & ~CLADE__SUM_BIT(COUNTED))) return CLADE_OK;
    CLADE_TRY(clade__check_tensor(check, "y", y, CLADE_FLOAT32));
    CLADE_TRY(clade__check_matrix(check, "y", y, rows, clade__shape_cols(y->shape)));
    if (!(set & CLADE__ERROR_SUMS)) return CLADE_OK;
    CLADE_TRY(clade__check_shape(check, "target", source->target, CLADE_FLOAT32, y->shape));
    if (!source->center) return CLADE_OK;
    return clade__check_count(check, "center", source->center, CLADE_FLOAT32,
                              clade__shape_cols(y->shape));
}

/* The values of rows, a row of `values` for each of the set. */
static clade_status record_values(clade__commands *commands, clade_tensor *values, unsigned set,
                                  const clade__metric_source *source)
{
    int64_t first = 0;
    if (set & CLADE__SUM_BIT(COUNTED))
        CLADE_TRY(record_counts(commands, values, first++, source));
    if (set & CLADE__SUM_BIT(TOP_5_HITS))
        CLADE_TRY(record_top_hits(commands, values, first++, source));
    return set & CLADE__ERROR_SUMS ? record_errors(commands, values, first, source) : CLADE_OK;
}

clade_status clade__metrics_sum(clade__commands *commands, clade_tensor *sums, const int32_t *slot,
                                clade_tensor *values, unsigned set,
                                const clade__metric_source *source, bool add)
{
    const clade__check check = {commands, "metrics_sum"};
    const int n = clade__n_sums(set);
    const bool some_errors = set & CLADE__ERROR_SUMS, all_errors = !(~set & CLADE__ERROR_SUMS);
    if (n == 0 || set & ~CLADE__EVALUATION_SUMS || some_errors != all_errors)
        return clade__fail(CLADE_EINVAL, "metrics_sum: there is no set of sums 0x%x", set);
    CLADE_TRY(clade__check_tensor(&check, "sums", sums, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(&check, "values", values, CLADE_FLOAT32));
    const int64_t n_slots = clade__shape_rows(sums->shape), rows = clade__shape_cols(values->shape);
    CLADE_TRY(clade__check_shape(&check, "sums", sums, CLADE_FLOAT32, CLADE_SHAPE(n_slots, n)));
    CLADE_TRY(clade__check_shape(&check, "values", values, CLADE_FLOAT32, CLADE_SHAPE(n, rows)));
    CLADE_TRY(check_source(&check, set, rows, source));
    CLADE_TRY(record_values(commands, values, set, source));
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "metric_sums",
            .kernel = "sum_values",
            .options = "-DLANES=64",
            .groups = {(size_t)n},
            .local = {CLADE__ROW_GROUP},
            CLADE__ARGS(clade__arg_tensor(sums), clade__arg_tensor(values), clade__arg_int(rows),
                        clade__arg_int(n), clade__arg_int(n_slots), clade__arg_int_ref(slot),
                        clade__arg_int(add)),
        });
}

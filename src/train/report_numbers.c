/* A report on numbers, in the targets' own units. */
#include <math.h>
#include <stdlib.h>

#include "train/report.h"

/* Sample `point` of n_points that are evenly spaced over n samples. */
static int64_t sample_of(int64_t point, int64_t n_points, int64_t n)
{
    return (int64_t)((double)point * (double)n / (double)n_points);
}

static clade_status open_target(clade__reporter *r, int64_t t)
{
    clade_target_report *target = &r->report->targets[t];
    const clade_schema *schema = r->model->schema ? r->model->schema : r->data->schema;
    size_t n_points = (size_t)r->report->n_points;
    CLADE_TRY(clade__report_name(&target->name, clade_schema_target(schema, t)));
    if (n_points > 0) {
        target->truth = calloc(n_points, sizeof *target->truth);
        target->predicted = calloc(n_points, sizeof *target->predicted);
        if (!target->truth || !target->predicted)
            return clade__fail(CLADE_ENOMEM, "no memory for %zu points", n_points);
    }
    double at = clade__report_truth(r, 0, t), sum = 0.0; /* exact where all values are the same */
    for (int64_t i = 0; i < r->data->n_samples; i++) sum += clade__report_truth(r, i, t) - at;
    r->means[t] = at + sum / (double)r->data->n_samples;
    return CLADE_OK;
}

static clade_status open_numbers(clade__reporter *r)
{
    size_t n = (size_t)r->data->n_targets;
    r->means = calloc(n, sizeof *r->means);
    r->squares = calloc(n, sizeof *r->squares);
    r->deviations = calloc(n, sizeof *r->deviations);
    r->report->targets = calloc(n, sizeof *r->report->targets);
    if (!r->means || !r->squares || !r->deviations || !r->report->targets)
        return clade__fail(CLADE_ENOMEM, "no memory for a report on %zu targets", n);
    r->report->n_targets = r->data->n_targets;
    for (int64_t t = 0; t < r->report->n_targets; t++) CLADE_TRY(open_target(r, t));
    return CLADE_OK;
}

static clade_status take_numbers(clade__reporter *r, int64_t first, int64_t n, const float *raw,
                                 float *room)
{
    clade_report *report = r->report;
    const float *outputs = raw;
    int64_t n_targets = report->n_targets, n_samples = r->data->n_samples, point = 0;
    if (r->model->loss != CLADE_LOSS_MSE) {
        CLADE_TRY(clade_model_probabilities(r->model, n, raw, room));
        outputs = room;
    }
    while (point < report->n_points && sample_of(point, report->n_points, n_samples) < first) point++;
    for (int64_t i = 0; i < n; i++) {
        bool drawn = point < report->n_points &&
                     sample_of(point, report->n_points, n_samples) == first + i;
        for (int64_t t = 0; t < n_targets; t++) {
            clade_target_report *target = &report->targets[t];
            double truth = clade__report_truth(r, first + i, t);
            double predicted = clade__schema_target_value(r->model->schema, t,
                                                          (double)outputs[i * n_targets + t]);
            double error = predicted - truth, deviation = truth - r->means[t];
            target->mae += fabs(error);
            r->squares[t] += error * error;
            r->deviations[t] += deviation * deviation;
            if (!drawn) continue;
            target->truth[point] = truth;
            target->predicted[point] = predicted;
        }
        point += drawn;
    }
    return CLADE_OK;
}

/* As scikit-learn's r2_score with force_finite. */
static double r2_of(double squares, double deviations, int64_t n)
{
    if (n < 2 || isnan(squares)) return (double)NAN;
    if (deviations > 0.0) return 1.0 - squares / deviations;
    return squares > 0.0 ? 0.0 : 1.0;
}

static void finish_numbers(clade__reporter *r)
{
    clade_report *report = r->report;
    double n = (double)r->data->n_samples, share = 1.0 / (double)report->n_targets;
    report->mae = report->rmse = report->r2 = 0.0;
    for (int64_t t = 0; t < report->n_targets; t++) {
        clade_target_report *target = &report->targets[t];
        target->mae /= n;
        target->rmse = sqrt(r->squares[t] / n);
        target->r2 = r2_of(r->squares[t], r->deviations[t], r->data->n_samples);
        report->mae += target->mae * share;
        report->rmse += target->rmse * share;
        report->r2 += target->r2 * share;
    }
}

const clade__report_parts clade__report_numbers = {open_numbers, take_numbers, finish_numbers};

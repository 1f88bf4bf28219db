/* Reports: the loop over the predictions, and what their kinds share. */
#include "train/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/classes.h"
#include "train/outputs.h"

static const char *const kind_names[] = {"classes", "labels", "numbers", "metrics"};

const char *clade_report_kind_name(clade_report_kind kind)
{
    return (unsigned)kind < 4 ? kind_names[kind] : NULL;
}

bool clade__report_room(clade_report *report, int64_t n_classes)
{
    report->classes = calloc((size_t)n_classes, sizeof *report->classes);
    if (!report->classes) return false;
    report->n_classes = n_classes;
    for (int64_t i = 0; i < n_classes; i++)
        report->classes[i].accuracy = report->classes[i].auc = (double)NAN;
    return true;
}

clade_status clade__report_name(char **out, const char *name)
{
    size_t bytes = name ? strlen(name) + 1 : 0;
    *out = name ? malloc(bytes) : NULL;
    if (name && !*out) return clade__fail(CLADE_ENOMEM, "no memory for a report");
    if (name) memcpy(*out, name, bytes);
    return CLADE_OK;
}

static double ratio(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0.0;
}

void clade__report_ratios(clade_report *report, bool all)
{
    double sums[3] = {0}, n = 0.0;
    for (int64_t i = 0; i < report->n_classes; i++) {
        clade_class_report *c = &report->classes[i];
        c->precision = ratio(c->n_right, c->n_predicted);
        c->recall = ratio(c->n_right, c->support);
        c->f1 = ratio(2 * c->n_right, c->support + c->n_predicted);
        if (!all && c->support + c->n_predicted == 0) continue;
        sums[0] += c->precision;
        sums[1] += c->recall;
        sums[2] += c->f1;
        n += 1.0;
    }
    report->macro_precision = sums[0] / n;
    report->macro_recall = sums[1] / n;
    report->macro_f1 = sums[2] / n;
}

double clade__report_truth(const clade__reporter *r, int64_t sample, int64_t target)
{
    float value = r->data->targets[sample * r->data->n_targets + target];
    return clade__schema_target_value(r->data->schema, target, (double)value);
}

/* Targets are labels where the loss takes them so and all are 0 or 1. */
static clade_report_kind kind_of(const clade_model *model, const clade_data *data)
{
    if (data->n_fields > 0) return CLADE_REPORT_METRICS;
    if (data->labels) return CLADE_REPORT_CLASSES;
    if (model->loss != CLADE_LOSS_BCE_WITH_LOGITS) return CLADE_REPORT_NUMBERS;
    for (int64_t i = 0; i < data->n_samples * data->n_targets; i++)
        if (data->targets[i] != 0.0f && data->targets[i] != 1.0f) return CLADE_REPORT_NUMBERS;
    return CLADE_REPORT_LABELS;
}

static clade_status take_all(clade__reporter *r, const clade__report_parts *parts)
{
    int64_t chunk = clade__predict_chunk(r->n_outputs, r->data->n_samples);
    float *raw = malloc(2 * (size_t)chunk * (size_t)r->n_outputs * sizeof *raw);
    if (!raw) return clade__fail(CLADE_ENOMEM, "no memory for %lld predictions", (long long)chunk);
    clade_status status = CLADE_OK;
    for (int64_t first = 0; status == CLADE_OK && first < r->data->n_samples; first += chunk) {
        int64_t n = r->data->n_samples - first < chunk ? r->data->n_samples - first : chunk;
        status = clade_predict(r->model, (clade_data *)r->data, first, n, true, raw);
        if (status == CLADE_OK) status = parts->take(r, first, n, raw, raw + chunk * r->n_outputs);
    }
    free(raw);
    return status;
}

static clade_status fill(clade_report *report, clade_model *model, const clade_data *data)
{
    static const clade__report_parts *const kinds[] = {
        [CLADE_REPORT_CLASSES] = &clade__report_classes,
        [CLADE_REPORT_LABELS] = &clade__report_labels,
        [CLADE_REPORT_NUMBERS] = &clade__report_numbers,
    };
    if (report->kind == CLADE_REPORT_METRICS) return CLADE_OK;
    const clade__report_parts *parts = kinds[report->kind];
    int32_t *labels = NULL;
    clade_status status = clade__match_labels(model, data, &labels);
    clade__reporter r = {.report = report,
                         .model = model,
                         .data = data,
                         .labels = labels ? labels : data->labels,
                         .n_outputs = clade_shape_elements(model->output->shape)};
    if (status == CLADE_OK) status = parts->begin(&r);
    if (status == CLADE_OK) status = take_all(&r, parts);
    if (status == CLADE_OK) parts->finish(&r);
    free(labels);
    free(r.scores);
    free(r.means);
    free(r.squares);
    free(r.deviations);
    return status;
}

clade_status clade_report_create(clade_report **out, clade_model *model, clade_data *data,
                                 const clade_report_options *options)
{
    CLADE_WANT(out);
    *out = NULL;
    CLADE_WANT(model);
    CLADE_WANT(data);
    clade_metrics metrics;
    if (options) CLADE_WANT_UNUSED("report", options->reserved);
    CLADE_TRY(clade_evaluate(model, data, &metrics));
    clade_report *report = calloc(1, sizeof *report);
    if (!report) return clade__fail(CLADE_ENOMEM, "no memory for a report");
    double none = (double)NAN;
    *report = (clade_report){
        .metrics = metrics, .kind = kind_of(model, data),
        .macro_precision = none, .macro_recall = none, .macro_f1 = none, .balanced_accuracy = none,
        .top5_accuracy = none, .auc = none, .label_accuracy = none, .row_accuracy = none,
        .mae = none, .rmse = none, .r2 = none,
    };
    if (options && report->kind == CLADE_REPORT_NUMBERS)
        report->n_points = data->n_samples < options->most_points ? data->n_samples
                                                                  : options->most_points;
    clade_status status = fill(report, model, data);
    if (status != CLADE_OK) {
        clade_report_free(report);
        return status;
    }
    *out = report;
    return CLADE_OK;
}

void clade_report_free(clade_report *report)
{
    if (!report) return;
    for (int64_t i = 0; report->classes && i < report->n_classes; i++) free(report->classes[i].name);
    for (int64_t i = 0; report->targets && i < report->n_targets; i++) {
        free(report->targets[i].name);
        free(report->targets[i].truth);
        free(report->targets[i].predicted);
    }
    free(report->classes);
    free(report->targets);
    free(report->confusion);
    free(report);
}

/* A report on classes. The class of a sample is that of its raw outputs, as the device counts hits; an
 * AUC is of the probabilities that clade_model_probabilities gives. */
#include <math.h>
#include <stdlib.h>

#include "train/outputs.h"
#include "train/report.h"

static clade_status open_classes(clade__reporter *r)
{
    clade_report *report = r->report;
    int64_t n = clade__model_n_known(r->model);
    bool ok = clade__report_room(report, n);
    if (ok && n <= CLADE_REPORT_MOST_CONFUSED) {
        report->confusion = calloc((size_t)(n * n), sizeof *report->confusion);
        ok = report->confusion != NULL;
    }
    if (ok && n == 2) {
        r->scores = malloc((size_t)r->data->n_samples * sizeof *r->scores);
        ok = r->scores != NULL;
    }
    if (!ok) return clade__fail(CLADE_ENOMEM, "no memory for a report on %lld classes", (long long)n);
    for (int64_t i = 0; i < n; i++)
        CLADE_TRY(clade__report_name(&report->classes[i].name,
                                     clade_model_class_name(r->model, (int)i)));
    return CLADE_OK;
}

/* Whether fewer than five outputs come before the label's. */
static bool in_top5(const float *outputs, int64_t n, int64_t label)
{
    int n_before = 0;
    for (int64_t i = 0; i < n && n_before < 5; i++)
        n_before += outputs[i] > outputs[label] || (outputs[i] == outputs[label] && i < label);
    return n_before < 5;
}

static clade_status take_classes(clade__reporter *r, int64_t first, int64_t n, const float *raw,
                                 float *room)
{
    clade_report *report = r->report;
    const float *scores = r->model->loss == CLADE_LOSS_MSE ? raw : room;
    if (r->scores && scores == room) CLADE_TRY(clade_model_probabilities(r->model, n, raw, room));
    for (int64_t i = 0; i < n; i++) {
        const float *outputs = raw + i * r->n_outputs;
        int32_t label = r->labels[first + i];
        bool finite = clade__outputs_finite(outputs, r->n_outputs);
        report->classes[label].support++;
        if (r->scores)
            r->scores[first + i] = (clade__score){
                finite ? scores[(i + 1) * r->n_outputs - 1] : NAN, label == 1};
        if (!finite) continue;
        int64_t predicted = clade__class_of(r->model, outputs);
        report->classes[predicted].n_predicted++;
        report->classes[label].n_right += predicted == label;
        if (report->confusion) report->confusion[label * report->n_classes + predicted]++;
        if (report->n_classes > 5) r->n_top5 += in_top5(outputs, r->n_outputs, label);
    }
    return CLADE_OK;
}

static void finish_classes(clade__reporter *r)
{
    clade_report *report = r->report;
    double recalls = 0.0, n_there = 0.0;
    clade__report_ratios(report, false);
    for (int64_t i = 0; i < report->n_classes; i++) {
        if (report->classes[i].support == 0) continue;
        recalls += report->classes[i].recall;
        n_there += 1.0;
    }
    report->balanced_accuracy = recalls / n_there;
    if (report->n_classes > 5)
        report->top5_accuracy = (double)r->n_top5 / (double)r->data->n_samples;
    if (r->scores) report->auc = clade__auc(r->scores, r->data->n_samples);
}

const clade__report_parts clade__report_classes = {open_classes, take_classes, finish_classes};

/* A report on several labels a sample, each of which is on or off by itself: on where its probability
 * is above 0.5, its logit above 0. */
#include <math.h>
#include <stdlib.h>

#include "train/outputs.h"
#include "train/report.h"

static clade_status open_labels(clade__reporter *r)
{
    int64_t n = r->n_outputs;
    bool ok = clade__report_room(r->report, n);
    if (ok) r->scores = malloc((size_t)n * (size_t)r->data->n_samples * sizeof *r->scores);
    if (!r->scores)
        return clade__fail(CLADE_ENOMEM, "no memory for a report on %lld labels", (long long)n);
    const clade_schema *schema = r->model->schema ? r->model->schema : r->data->schema;
    for (int64_t i = 0; i < n; i++) {
        r->report->classes[i].accuracy = 0.0;
        CLADE_TRY(clade__report_name(&r->report->classes[i].name, clade_schema_target(schema, i)));
    }
    return CLADE_OK;
}

static clade_status take_labels(clade__reporter *r, int64_t first, int64_t n, const float *raw,
                                float *room)
{
    int64_t outputs = r->n_outputs, n_samples = r->data->n_samples;
    CLADE_TRY(clade_model_probabilities(r->model, n, raw, room));
    for (int64_t i = 0; i < n; i++) {
        const float *answers = r->data->targets + (first + i) * outputs;
        bool finite = clade__outputs_finite(raw + i * outputs, outputs);
        int64_t n_right = 0;
        for (int64_t c = 0; c < outputs; c++) {
            clade_class_report *label = &r->report->classes[c];
            bool has = answers[c] == 1.0f, gets = finite && raw[i * outputs + c] > 0.0f;
            r->scores[c * n_samples + first + i] = (clade__score){room[i * outputs + c], has};
            label->support += has;
            label->n_predicted += gets;
            label->n_right += has && gets;
            n_right += finite && has == gets;
            if (finite && has == gets) label->accuracy += 1.0;
        }
        r->n_rows_right += n_right == outputs;
    }
    return CLADE_OK;
}

static void finish_labels(clade__reporter *r)
{
    clade_report *report = r->report;
    double n = (double)report->n_classes, n_samples = (double)r->data->n_samples;
    clade__report_ratios(report, true);
    report->label_accuracy = report->auc = 0.0;
    for (int64_t c = 0; c < report->n_classes; c++) {
        clade_class_report *label = &report->classes[c];
        label->accuracy /= n_samples;
        label->auc = clade__auc(r->scores + c * r->data->n_samples, r->data->n_samples);
        report->label_accuracy += label->accuracy / n;
        report->auc += label->auc / n;
    }
    report->row_accuracy = (double)r->n_rows_right / n_samples;
}

const clade__report_parts clade__report_labels = {open_labels, take_labels, finish_labels};

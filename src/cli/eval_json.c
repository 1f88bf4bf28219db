/* The document of `clade eval --json`; `clade plot` reads it, see plot_eval_read.c. */
#include <math.h>

#include "cli/eval_report.h"

static void add_class(clade__json *json, const clade_report *report, const clade_class_report *c)
{
    clade__json_object(json, NULL);
    clade__json_string(json, "name", c->name);
    clade__json_number(json, "support", (double)c->support);
    clade__json_number(json, "predicted", (double)c->n_predicted);
    clade__json_number(json, "right", (double)c->n_right);
    clade__json_number(json, "precision", c->precision);
    clade__json_number(json, "recall", c->recall);
    clade__json_number(json, "f1", c->f1);
    if (report->kind == CLADE_REPORT_LABELS) {
        clade__json_number(json, "accuracy", c->accuracy);
        clade__json_number(json, "auc", c->auc);
    }
    clade__json_object_end(json);
}

static void add_classes(clade__json *json, const clade_report *report)
{
    clade__json_object(json, "macro");
    clade__json_number(json, "precision", report->macro_precision);
    clade__json_number(json, "recall", report->macro_recall);
    clade__json_number(json, "f1", report->macro_f1);
    clade__json_object_end(json);
    clade__json_list(json, report->kind == CLADE_REPORT_LABELS ? "labels" : "classes");
    for (int64_t i = 0; i < report->n_classes; i++) add_class(json, report, &report->classes[i]);
    clade__json_list_end(json);
    if (!report->confusion) return;
    clade__json_list(json, "confusion");
    for (int64_t i = 0; i < report->n_classes; i++) {
        clade__json_list(json, NULL);
        for (int64_t k = 0; k < report->n_classes; k++)
            clade__json_number(json, NULL, (double)report->confusion[i * report->n_classes + k]);
        clade__json_list_end(json);
    }
    clade__json_list_end(json);
}

static void add_target(clade__json *json, const clade_report *report,
                       const clade_target_report *target)
{
    clade__json_object(json, NULL);
    clade__json_string(json, "name", target->name);
    clade__json_number(json, "mae", target->mae);
    clade__json_number(json, "rmse", target->rmse);
    clade__json_number(json, "r2", target->r2);
    clade__json_list(json, "points");
    for (int64_t i = 0; i < report->n_points; i++) {
        clade__json_list(json, NULL);
        clade__json_number(json, NULL, target->truth[i]);
        clade__json_number(json, NULL, target->predicted[i]);
        clade__json_list_end(json);
    }
    clade__json_list_end(json);
    clade__json_object_end(json);
}

static void add_numbers(clade__json *json, const clade_report *report)
{
    clade__json_number(json, "mae", report->mae);
    clade__json_number(json, "rmse", report->rmse);
    clade__json_number(json, "r2", report->r2);
    clade__json_list(json, "targets");
    for (int64_t i = 0; i < report->n_targets; i++) add_target(json, report, &report->targets[i]);
    clade__json_list_end(json);
}

clade_status cli_eval_print_json(const clade_report *report)
{
    clade_metrics metrics = report->metrics;
    clade__json json = {0};
    if (report->kind == CLADE_REPORT_LABELS) metrics.accuracy = report->label_accuracy;
    if (report->kind != CLADE_REPORT_METRICS) /* the report has these in the targets' own units */
        metrics.top5_accuracy = metrics.mae = metrics.r2 = (double)NAN;
    clade__json_object(&json, NULL);
    clade__json_number(&json, "schema", 1);
    clade__json_string(&json, "kind", clade_report_kind_name(report->kind));
    clade__json_number(&json, "samples", (double)metrics.n_samples);
    cli_json_metrics(&json, &metrics);
    if (report->kind == CLADE_REPORT_CLASSES) {
        clade__json_number(&json, "balanced_accuracy", report->balanced_accuracy);
        if (report->n_classes > 5) clade__json_number(&json, "top5_accuracy", report->top5_accuracy);
    }
    if (report->kind == CLADE_REPORT_LABELS)
        clade__json_number(&json, "row_accuracy", report->row_accuracy);
    if (report->kind == CLADE_REPORT_LABELS || report->n_classes == 2)
        clade__json_number(&json, "auc", report->auc);
    if (report->kind == CLADE_REPORT_NUMBERS) add_numbers(&json, report);
    if (report->kind == CLADE_REPORT_CLASSES || report->kind == CLADE_REPORT_LABELS)
        add_classes(&json, report);
    clade__json_object_end(&json);
    return cli_print_json(&json);
}

/* A report as tables. A confusion matrix stands there whole where a terminal has room for it, else the
 * confusions that are most. */
#include "cli/eval_report.h"

#include <math.h>

#include "cli/terminal.h"

enum {
    MOST_CLASSES = 20, /* of a matrix as a table */
    N_CONFUSIONS = 10
};

static const char *class_name(const clade_report *report, int64_t i, char out[32])
{
    if (report->classes[i].name) return report->classes[i].name;
    snprintf(out, 32, "%lld", (long long)i);
    return out;
}

static void add_share(cli_table *table, double share)
{
    if (isnan(share))
        cli_table_add(table, "-");
    else
        cli_table_add(table, "%.4f", share);
}

static clade_status print_classes(const clade_report *report)
{
    bool labels = report->kind == CLADE_REPORT_LABELS;
    char digits[32];
    cli_table table = {.n_columns = labels ? 7 : 5, .right = 0x7e};
    cli_table_add(&table, labels ? "LABEL" : "CLASS");
    cli_table_add(&table, "PRECISION");
    cli_table_add(&table, "RECALL");
    cli_table_add(&table, "F1");
    cli_table_add(&table, "SUPPORT");
    if (labels) {
        cli_table_add(&table, "ACCURACY");
        cli_table_add(&table, "AUC");
    }
    for (int64_t i = 0; i <= report->n_classes; i++) {
        bool mean = i == report->n_classes;
        const clade_class_report *c = &report->classes[mean ? 0 : i];
        cli_table_add(&table, "%s", mean ? "(mean)" : class_name(report, i, digits));
        add_share(&table, mean ? report->macro_precision : c->precision);
        add_share(&table, mean ? report->macro_recall : c->recall);
        add_share(&table, mean ? report->macro_f1 : c->f1);
        cli_table_add(&table, "%lld",
                      (long long)(mean ? report->metrics.n_samples : c->support));
        if (!labels) continue;
        add_share(&table, mean ? report->label_accuracy : c->accuracy);
        add_share(&table, mean ? report->auc : c->auc);
    }
    putchar('\n');
    return cli_table_finish(&table);
}

/* Whether the matrix has few classes, and lines that do not wrap. */
static bool matrix_fits(const clade_report *report)
{
    int width = 0, widest = cli_text_columns("TRUE \\ PREDICTED"), room = cli_columns(stdout);
    int64_t n = report->n_classes;
    char digits[32];
    for (int64_t k = 0; n <= MOST_CLASSES && k < n; k++) {
        int name = cli_text_columns(class_name(report, k, digits)), column = name;
        for (int64_t i = 0; i < n; i++) {
            int cell = snprintf(NULL, 0, "%lld", (long long)report->confusion[i * n + k]);
            if (cell > column) column = cell;
        }
        width += 2 + column;
        if (name > widest) widest = name;
    }
    return n <= MOST_CLASSES && widest + width <= (room > 0 ? room : CLI_HELP_COLUMNS);
}

static clade_status print_matrix(const clade_report *report)
{
    int64_t n = report->n_classes;
    char digits[32];
    cli_table table = {.n_columns = (int)n + 1, .right = ~1u};
    cli_table_add(&table, "TRUE \\ PREDICTED");
    for (int64_t k = 0; k < n; k++) cli_table_add(&table, "%s", class_name(report, k, digits));
    for (int64_t i = 0; i < n; i++) {
        cli_table_add(&table, "%s", class_name(report, i, digits));
        for (int64_t k = 0; k < n; k++)
            cli_table_add(&table, "%lld", (long long)report->confusion[i * n + k]);
    }
    putchar('\n');
    return cli_table_finish(&table);
}

/* Puts a cell of the matrix among the largest, which are in order; equal ones stay in theirs. */
static void keep_largest(const int64_t *confusion, int64_t cell, int64_t *kept, int *n)
{
    int at = *n;
    while (at > 0 && confusion[kept[at - 1]] < confusion[cell]) at--;
    if (at == N_CONFUSIONS) return;
    if (*n < N_CONFUSIONS) ++*n;
    for (int i = *n - 1; i > at; i--) kept[i] = kept[i - 1];
    kept[at] = cell;
}

static clade_status print_confusions(const clade_report *report)
{
    int64_t n = report->n_classes, kept[N_CONFUSIONS];
    int n_kept = 0;
    char digits[32];
    for (int64_t cell = 0; cell < n * n; cell++)
        if (cell / n != cell % n && report->confusion[cell] > 0)
            keep_largest(report->confusion, cell, kept, &n_kept);
    if (n_kept == 0) return CLADE_OK;
    cli_table table = {.n_columns = 3, .right = 4};
    cli_table_add(&table, "MOST CONFUSED");
    cli_table_add(&table, "TAKEN FOR");
    cli_table_add(&table, "SAMPLES");
    for (int i = 0; i < n_kept; i++) {
        cli_table_add(&table, "%s", class_name(report, kept[i] / n, digits));
        cli_table_add(&table, "%s", class_name(report, kept[i] % n, digits));
        cli_table_add(&table, "%lld", (long long)report->confusion[kept[i]]);
    }
    putchar('\n');
    return cli_table_finish(&table);
}

static clade_status print_numbers(const clade_report *report)
{
    cli_table table = {.n_columns = 4, .right = 0xe};
    cli_table_add(&table, "TARGET");
    cli_table_add(&table, "MAE");
    cli_table_add(&table, "RMSE");
    cli_table_add(&table, "R2");
    for (int64_t i = 0; i <= report->n_targets; i++) {
        bool mean = i == report->n_targets;
        if (mean && report->n_targets == 1) break;
        const clade_target_report *target = &report->targets[mean ? 0 : i];
        if (mean || target->name)
            cli_table_add(&table, "%s", mean ? "(mean)" : target->name);
        else
            cli_table_add(&table, "%lld", (long long)i);
        cli_table_add(&table, "%.6g", mean ? report->mae : target->mae);
        cli_table_add(&table, "%.6g", mean ? report->rmse : target->rmse);
        add_share(&table, mean ? report->r2 : target->r2);
    }
    putchar('\n');
    return cli_table_finish(&table);
}

static void print_share(const char *name, double share)
{
    if (!isnan(share)) printf("%-18s %.2f%%\n", name, 100 * share);
}

/* Those that no report is made of. */
static clade_status print_metrics(const clade_metrics *metrics)
{
    print_share("top-5 accuracy", metrics->top5_accuracy);
    if (!isnan(metrics->perplexity)) printf("%-18s %.6g\n", "perplexity", metrics->perplexity);
    if (!isnan(metrics->mae)) printf("%-18s %.6g\n", "MAE", metrics->mae);
    if (!isnan(metrics->r2)) printf("%-18s %.6g\n", "R2", metrics->r2);
    return CLADE_OK;
}

clade_status cli_eval_print_tables(const clade_report *report)
{
    const clade_metrics *metrics = &report->metrics;
    double loss = isnan(metrics->loss) ? (double)NAN : metrics->loss; /* without a sign */
    printf("%-18s %lld\n", "samples", (long long)metrics->n_samples);
    if (metrics->n_not_finite > 0)
        printf("%-18s %lld\n", "not finite", (long long)metrics->n_not_finite);
    printf("%-18s %.6f\n", "loss", loss);
    print_share("accuracy", metrics->accuracy);
    print_share("accuracy by label", report->label_accuracy);
    print_share("accuracy by row", report->row_accuracy);
    print_share("balanced accuracy", report->balanced_accuracy);
    print_share("top-5 accuracy", report->top5_accuracy);
    if (!isnan(report->auc)) printf("%-18s %.6f\n", "AUC", report->auc);
    if (report->kind == CLADE_REPORT_NUMBERS) return print_numbers(report);
    if (report->kind == CLADE_REPORT_METRICS) return print_metrics(metrics);
    CLADE_TRY(print_classes(report));
    if (!report->confusion) return CLADE_OK;
    return matrix_fits(report) ? print_matrix(report) : print_confusions(report);
}

#include "cli/suite_columns.h"

#include <math.h>
#include <string.h>

/* The suite's version says what a row is; a document that says something else is damaged, or made up. */
static clade_status check_row(const cli_suite_columns *columns, const cli_suite_row *first, int column)
{
    const cli_suite_row *row = cli_suite_find(columns->devices[column], first);
    if (!row) return CLADE_OK;
    if (strcmp(row->unit, first->unit) != 0 || row->less_is_better != first->less_is_better)
        return clade__fail(CLADE_EDATA, "%s and %s cannot be compared: %s %s is in %s and in %s",
                           columns->files[0], columns->files[column], row->kind, row->name, first->unit,
                           row->unit);
    bool same_size = row->batch == first->batch && cli_suite_is_measured(row) && cli_suite_is_measured(first);
    if (same_size && !isnan(row->flops) && !isnan(first->flops) && row->flops != first->flops)
        return clade__fail(CLADE_EDATA, "%s and %s cannot be compared: the workload %s %s is another: %g and "
                           "%g FLOPs", columns->files[0], columns->files[column], row->kind, row->name,
                           first->flops, row->flops);
    return CLADE_OK;
}

static clade_status check_columns(const cli_suite_columns *columns)
{
    const cli_suite_device *first = columns->devices[0];
    for (int c = 1; c < columns->n; c++) {
        int n_common = 0;
        for (int i = 0; i < first->n_rows; i++) {
            CLADE_TRY(check_row(columns, &first->rows[i], c));
            n_common += cli_suite_find(columns->devices[c], &first->rows[i]) != NULL;
        }
        if (n_common == 0)
            return clade__fail(CLADE_EDATA, "%s and %s cannot be compared: they have no row in common",
                               columns->files[0], columns->files[c]);
    }
    return CLADE_OK;
}

clade_status cli_suite_columns_open(cli_suite_columns *columns, cli_suite_document *documents, int n_documents)
{
    *columns = (cli_suite_columns){.documents = documents, .n_documents = n_documents};
    for (int d = 0; d < n_documents; d++)
        for (int i = 0; i < documents[d].n_devices; i++) {
            if (columns->n == CLI_SUITE_MAX_COLUMNS)
                return clade__fail(CLADE_EINVAL, "bench compare: more than %d devices", CLI_SUITE_MAX_COLUMNS);
            char *name = columns->names[columns->n];
            size_t bytes = sizeof columns->names[0];
            if (documents[d].n_devices == 1)
                snprintf(name, bytes, "%c", 'A' + d);
            else
                snprintf(name, bytes, "%c%d", 'A' + d, i + 1);
            snprintf(columns->files[columns->n], sizeof columns->files[0], "%s", documents[d].name);
            columns->devices[columns->n++] = &documents[d].devices[i];
        }
    return check_columns(columns);
}

static const char *why_no_ratio(const cli_suite_row *first, const cli_suite_row *row)
{
    if (!row) return "not in both";
    if (cli_suite_is_wrong(row) || cli_suite_is_wrong(first)) return "wrong";
    if (!cli_suite_is_measured(row) || !cli_suite_is_measured(first)) return "not measured";
    if (row->batch != first->batch) return "another batch";
    return "";
}

cli_suite_ratio cli_suite_ratio_of(const cli_suite_columns *columns, const cli_suite_row *row, int column)
{
    cli_suite_ratio r = {.row = cli_suite_find(columns->devices[column], row), .order = CLI_SUITE_NO_RATIO,
                         .ratio = (double)NAN, .noise = (double)NAN};
    r.why_not = why_no_ratio(row, r.row);
    if (r.why_not[0]) return r;
    r.ratio = row->less_is_better ? row->value / r.row->value : r.row->value / row->value;
    r.noise = row->noise + r.row->noise;
    /* As far above 1 as below: a figure that is off by the noise is divided by it, too. */
    double away = r.ratio < 1.0 ? 1.0 / r.ratio - 1.0 : r.ratio - 1.0;
    r.order = away <= r.noise ? CLI_SUITE_SAME : r.ratio > 1.0 ? CLI_SUITE_FASTER : CLI_SUITE_SLOWER;
    return r;
}

bool cli_suite_is_loss(const cli_suite_row *first, const cli_suite_ratio *ratio, double least)
{
    if (ratio->order == CLI_SUITE_NO_RATIO)
        return cli_suite_is_measured(first) && ratio->row && !cli_suite_is_measured(ratio->row);
    return ratio->order == CLI_SUITE_SLOWER && ratio->ratio < least;
}

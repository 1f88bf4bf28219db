/* `clade bench compare`: the suite's documents, figure by figure. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/suite.h"
#include "cli/suite_page.h"

/* ---- JSON ------------------------------------------------------------------------------------ */

static void add_column(clade__json *json, const cli_suite_columns *columns, int c)
{
    const cli_suite_device *device = columns->devices[c];
    clade__json_object(json, NULL);
    clade__json_string(json, "file", columns->files[c]);
    clade__json_string(json, "device", device->name);
    clade__json_string(json, "driver", device->driver);
    clade__json_string(json, "clade", device->clade);
    clade__json_string(json, "date", device->date);
    clade__json_object_end(json);
}

static void add_ratio(clade__json *json, const cli_suite_ratio *r)
{
    static const char *const orders[] = {"same", "faster", "slower", "none"};
    clade__json_object(json, NULL);
    clade__json_number(json, "value", r->row ? r->row->value : (double)NAN);
    clade__json_number(json, "ratio", r->ratio);
    clade__json_number(json, "noise", r->noise);
    clade__json_string(json, "order", orders[r->order]);
    clade__json_string(json, "why_not", r->why_not);
    clade__json_object_end(json);
}

static clade_status print_json(const cli_suite_columns *columns, int n_losses)
{
    clade__json json = {0};
    const cli_suite_device *first = columns->devices[0];
    clade__json_object(&json, NULL);
    clade__json_string(&json, "schema", CLI_SUITE_SCHEMA "-compare");
    clade__json_number(&json, "version", CLI_SUITE_SCHEMA_VERSION);
    clade__json_list(&json, "columns");
    for (int c = 0; c < columns->n; c++) add_column(&json, columns, c);
    clade__json_list_end(&json);
    clade__json_list(&json, "rows");
    for (int i = 0; i < first->n_rows; i++) {
        clade__json_object(&json, NULL);
        clade__json_string(&json, "kind", first->rows[i].kind);
        clade__json_string(&json, "name", first->rows[i].name);
        clade__json_string(&json, "unit", first->rows[i].unit);
        clade__json_list(&json, "columns");
        for (int c = 0; c < columns->n; c++) {
            const cli_suite_ratio r = cli_suite_ratio_of(columns, &first->rows[i], c);
            add_ratio(&json, &r);
        }
        clade__json_list_end(&json);
        clade__json_object_end(&json);
    }
    clade__json_list_end(&json);
    clade__json_number(&json, "losses", n_losses);
    clade__json_object_end(&json);
    return cli_print_json(&json);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void add_cell(cli_table *table, const cli_suite_ratio *r)
{
    static const char *const marks[] = {"=", "+", "-"};
    char text[64];
    cli_table_add(table, "%s", r->row ? cli_suite_value_text(text, sizeof text, r->row) : "-");
    if (r->order == CLI_SUITE_NO_RATIO)
        cli_table_add(table, "%s", r->why_not);
    else
        cli_table_add(table, "%.2f ±%.2f %s", r->ratio, r->noise, marks[r->order]);
}

static clade_status print_kind(const cli_suite_columns *columns, const cli_suite_kind *kind)
{
    const cli_suite_device *first = columns->devices[0];
    cli_table table = {.n_columns = 2 * columns->n, .right = ~1u};
    if (cli_suite_count(first, kind->kind) == 0) return CLADE_OK;
    printf("\n");
    cli_print("%s\n", kind->title);
    cli_table_add(&table, "NAME");
    for (int c = 0; c < columns->n; c++) {
        cli_table_add(&table, "%s", columns->names[c]);
        if (c > 0) cli_table_add(&table, "%s/A", columns->names[c]);
    }
    for (int i = 0; i < first->n_rows; i++) {
        const cli_suite_row *row = &first->rows[i];
        char text[64];
        if (strcmp(row->kind, kind->kind) != 0) continue;
        cli_table_add(&table, "%s", row->name);
        cli_table_add(&table, "%s", cli_suite_value_text(text, sizeof text, row));
        for (int c = 1; c < columns->n; c++) {
            const cli_suite_ratio r = cli_suite_ratio_of(columns, row, c);
            add_cell(&table, &r);
        }
    }
    return cli_table_finish(&table);
}

static clade_status print_tables(const cli_suite_columns *columns)
{
    for (int c = 0; c < columns->n; c++) {
        const cli_suite_device *device = columns->devices[c];
        cli_print("%s  %s: %s (%s, driver %s), %.0f compute unit%s, clade %s, %s%s\n", columns->names[c],
                  columns->files[c], device->name, device->platform, device->driver, device->compute_units,
                  device->compute_units == 1.0 ? "" : "s", device->clade, device->date,
                  device->quick ? "; quick, not to be quoted" : "");
    }
    for (const cli_suite_kind *kind = cli_suite_kinds; kind->kind; kind++)
        CLADE_TRY(print_kind(columns, kind));
    cli_print("\nA ratio above 1 is faster than A. ± is the noise of both together: = is within it, + faster and "
              "- slower beyond it.\n");
    return CLADE_OK;
}

/* Of --fail-below. */
static int tell_losses(const cli_suite_columns *columns, double least, bool quiet)
{
    const cli_suite_device *first = columns->devices[0];
    int n = 0;
    for (int i = 0; least > 0.0 && i < first->n_rows; i++)
        for (int c = 1; c < columns->n; c++) {
            const cli_suite_row *row = &first->rows[i];
            const cli_suite_ratio r = cli_suite_ratio_of(columns, row, c);
            if (!cli_suite_is_loss(row, &r, least)) continue;
            n++;
            if (quiet) continue;
            if (r.why_not[0])
                cli_say(NULL, "%s %s: %s in %s: %s", row->kind, row->name, r.why_not, columns->names[c],
                        r.row->why);
            else
                cli_say(NULL, "%s %s: %.3f of A in %s, below %g and beyond the noise of %.3f", row->kind,
                        row->name, r.ratio, columns->names[c], least, r.noise);
        }
    return n;
}

static clade_status show(cli_call *call, const cli_bench_plan *plan, const cli_suite_columns *columns)
{
    call->writing = true;
    if (plan->html) CLADE_TRY(cli_suite_write_comparison(columns, plan->html));
    const int n_losses = tell_losses(columns, plan->fail_below, call->quiet);
    CLADE_TRY(call->json ? print_json(columns, n_losses) : print_tables(columns));
    if (n_losses > 0) call->exit_status = CLI_FAILED;
    return CLADE_OK;
}

clade_status cli_suite_compare(cli_call *call, const cli_bench_plan *plan)
{
    cli_suite_document documents[CLI_BENCH_MAX_FILES] = {{0}};
    cli_suite_columns columns;
    clade_status status = plan->html ? clade__file_check(plan->html) : CLADE_OK;
    int n = 0;
    for (; status == CLADE_OK && n < plan->n_files; n++)
        status = cli_suite_document_read(&documents[n], plan->files[n]);
    if (status == CLADE_OK) status = cli_suite_columns_open(&columns, documents, n);
    if (status == CLADE_OK) status = show(call, plan, &columns);
    for (int i = 0; i < plan->n_files; i++) cli_suite_document_free(&documents[i]);
    return status;
}

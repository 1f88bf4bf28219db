/* The suite's pages. */
#include "cli/suite_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* ---- identity -------------------------------------------------------------------------------- */

static void add_fact(clade__text *page, const char *name, const char *format, ...) CLADE_PRINTF(3, 4);

static void add_fact(clade__text *page, const char *name, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    clade__vformat(text, sizeof text, format, args);
    va_end(args);
    clade__text_append(page, "<dt>%s</dt><dd>", name);
    cli_page_text(page, text);
    clade__text_append(page, "</dd>\n");
}

static void add_identity(clade__text *page, const cli_suite_device *device)
{
    char memory[32], host[32];
    clade__text_append(page, "<dl>\n");
    add_fact(page, "Device", "%s", device->name);
    add_fact(page, "Driver", "%s %s, %s", device->platform, device->driver, device->version);
    add_fact(page, "Compute units", "%.0f, %.0f MHz by the driver", device->compute_units, device->clock_mhz);
    add_fact(page, "Memory", "%s, of the host %s",
             cli_suite_bytes_text(memory, sizeof memory, device->memory_bytes),
             cli_suite_bytes_text(host, sizeof host, device->host_memory_bytes));
    add_fact(page, "Host", "%s, %.0f of %.0f processors, %.0f MHz at the begin, governor %s",
             device->processor[0] ? device->processor : "unknown", device->allowed, device->processors,
             device->host_mhz, device->governor[0] ? device->governor : "unknown");
    add_fact(page, "System", "%s", device->system);
    add_fact(page, "Libraries", "Clade %s, CLBlast %s", device->clade, device->clblast);
    add_fact(page, "Measured", "%s, in %.0f s", device->date, device->wall_seconds);
    clade__text_append(page, "</dl>\n");
    if (device->quick)
        clade__text_append(page, "<p><strong class=\"wrong\">A quick run, to see that it works: its figures are not to "
                                 "be quoted.</strong></p>\n");
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void add_share_cell(clade__text *page, double share)
{
    if (isnan(share))
        cli_page_cell(page, "", "–");
    else
        cli_page_cell(page, "", "%.0f %%", 100.0 * share);
}

static void add_verdict(clade__text *page, const cli_suite_row *row)
{
    clade__text_append(page, "<td class=\"why %s\">",
                       strcmp(row->verdict, "ok") == 0         ? "ok"
                       : strcmp(row->verdict, "unstable") == 0 ? "unstable"
                                                               : "wrong");
    cli_page_text(page, row->verdict);
    if (row->why[0]) clade__text_append(page, ": ");
    cli_page_text(page, row->why);
    clade__text_append(page, "</td>");
}

static void add_ratio_cell(clade__text *page, const cli_suite_ratio *r)
{
    static const char *const orders[] = {"", "faster", "slower", ""};
    static const char *const words[] = {"within noise", "faster", "slower", ""};
    if (r->order == CLI_SUITE_NO_RATIO)
        cli_page_cell(page, "", "%s", r->why_not);
    else
        cli_page_cell(page, orders[r->order], "%.2f ±%.2f, %s", r->ratio, r->noise, words[r->order]);
}

/* Beside the same row of another device: columns 0 and 1 are that and this; NULL: there is none. */
static void add_other_cell(clade__text *page, const cli_suite_columns *beside, const cli_suite_row *row)
{
    if (!beside) return;
    const cli_suite_row *other = cli_suite_find(beside->devices[0], row);
    if (!other) {
        cli_page_cell(page, "", "–");
        return;
    }
    const cli_suite_ratio r = cli_suite_ratio_of(beside, other, 1);
    add_ratio_cell(page, &r);
}

static void add_row(clade__text *page, const cli_suite_row *row, const cli_suite_columns *beside)
{
    char text[64];
    cli_page_row_head(page, row->name);
    cli_page_cell(page, "", "%s", cli_suite_value_text(text, sizeof text, row));
    add_share_cell(page, row->share);
    add_share_cell(page, row->spread);
    if (isnan(row->drift))
        cli_page_cell(page, "", "–");
    else
        cli_page_cell(page, "", "%+.0f %%", 100.0 * row->drift);
    add_other_cell(page, beside, row);
    add_verdict(page, row);
    clade__text_append(page, "</tr>\n");
}

static void add_kind(clade__text *page, const cli_suite_device *device, const cli_suite_kind *kind,
                     const cli_suite_columns *beside)
{
    const char *const with[] = {"Name", "Value", "Of limit", "Spread", "Drift", "Against shipped", "Verdict"};
    const char *const without[] = {"Name", "Value", "Of limit", "Spread", "Drift", "Verdict"};
    if (cli_suite_count(device, kind->kind) == 0) return;
    clade__text_append(page, "<h3>%s</h3>\n", kind->title);
    cli_page_table_begin(page, kind->about, beside ? with : without, beside ? 7 : 6, true);
    for (int i = 0; i < device->n_rows; i++)
        if (strcmp(device->rows[i].kind, kind->kind) == 0) add_row(page, &device->rows[i], beside);
    cli_page_table_end(page);
}

/* A bar a workload. */
static void add_bars(clade__text *page, const cli_suite_device *device)
{
    const char *const heads[] = {"Workload", "Samples a second", "Of this device's limit", ""};
    cli_page_table_begin(page, "Training steps, and what share of this device's own limit they reach", heads, 4, false);
    for (int i = 0; i < device->n_rows; i++) {
        const cli_suite_row *row = &device->rows[i];
        if (strcmp(row->kind, "train") != 0) continue;
        bool wrong = cli_suite_is_wrong(row);
        cli_page_row_head(page, row->name);
        cli_page_cell(page, wrong ? "wrong" : "", wrong ? "wrong" : isnan(row->value) ? "–" : "%.0f", row->value);
        add_share_cell(page, wrong ? (double)NAN : row->share);
        clade__text_append(page, "<td class=\"bar\"><span aria-hidden=\"true\" style=\"width:%.1f%%\"></span></td></tr>\n",
                           wrong || isnan(row->share) ? 0.0 : 100.0 * fmin(row->share, 1.0));
    }
    cli_page_table_end(page);
}

/* ---- how ------------------------------------------------------------------------------------- */

static void add_protocol(clade__text *page, const cli_suite_device *device)
{
    clade__text_append(page,
                       "<h2>How it was measured</h2>\n<p>Right before fast: a row counts when the device computes "
                       "rightly what it times. Operations are compared with formulas in double precision; of "
                       "training steps also the losses of the first three, within %g of the same steps in double "
                       "precision on the host.</p>\n"
                       "<p>Each of %.0f rounds goes through all rows, and takes about %g s for each: a warm-up, then "
                       "blocks of calls that are enqueued back to back, with one wait at a block's end. The value is "
                       "the median of the rounds' medians. The spread is the larger of two shares of it: between the "
                       "quartiles within a round, and between the rounds. A row that spreads by more than %.0f %% is "
                       "unstable. Drift is the last round against the first, above 0 where it got faster.</p>\n"
                       "<p>Of limit: the longer of FLOPs at this device's own peak and bytes at its own bandwidth, "
                       "by the time taken. What caches serve may be above 100 %%. There is no score: rows differ, and "
                       "so do the networks that you train.</p>\n",
                       CLADE_SUITE_LOSS_BOUND, device->rounds, device->seconds, 100.0 * CLADE_SUITE_UNSTABLE);
}

/* What was read, for programs; no end of a script is in it. */
static clade_status add_document(clade__text *page, const cli_suite_document *document)
{
    char *text = cli_json_text(document->tree);
    if (!text) return clade__fail(CLADE_ENOMEM, "no memory for the page's figures");
    clade__text_append(page, "<script type=\"application/json\" id=\"document\">");
    for (const char *at = text; *at;) {
        size_t plain = strcspn(at, "<");
        if (plain > 0) clade__text_append(page, "%.*s", (int)plain, at);
        at += plain;
        if (*at) clade__text_append(page, "\\u003c");
        if (*at) at++;
    }
    clade__text_append(page, "</script>\n");
    cJSON_free(text);
    return CLADE_OK;
}

static clade_status write_page(clade__text *page, const char *path)
{
    cli_page_end(page);
    if (page->failed) return clade__fail(CLADE_ENOMEM, "no memory for the page '%s'", path);
    const clade__piece piece = {page->data, page->length};
    return clade__file_write(path, &piece, 1);
}

static void add_device(clade__text *page, const cli_suite_device *device, const cli_suite_document *other, int i)
{
    cli_suite_columns beside = {.n = 2};
    if (other) beside.devices[0] = &other->devices[0];
    beside.devices[1] = device;
    add_identity(page, device);
    clade__text_append(page, "<h2>Roofline</h2>\n");
    cli_page_roofline(page, device, i);
    if (cli_suite_count(device, "train") > 0) {
        clade__text_append(page, "<h2>Training</h2>\n");
        add_bars(page, device);
    }
    clade__text_append(page, "<h2%s>Figures</h2>\n", i == 0 ? " id=\"figures\"" : "");
    if (other) {
        clade__text_append(page, "<p>Against shipped: a ratio to the results that come with Clade, above 1 where this "
                                 "device is faster, with the noise of both. They are of ");
        cli_page_text(page, other->devices[0].name);
        clade__text_append(page, ", %.0f compute units, ", other->devices[0].compute_units);
        cli_page_text(page, other->devices[0].platform);
        clade__text_append(page, " %s.</p>\n", other->devices[0].driver);
    }
    for (const cli_suite_kind *kind = cli_suite_kinds; kind->kind; kind++)
        add_kind(page, device, kind, other ? &beside : NULL);
    add_protocol(page, device);
}

clade_status cli_suite_write_page(const cli_suite_document *document, const cli_suite_document *other,
                                  const char *path)
{
    clade__text page = {0};
    char title[192];
    snprintf(title, sizeof title, "%s: training, measured", document->devices[0].name);
    cli_page_begin(&page, document->n_devices == 1 ? title : "Devices of this machine: training, measured");
    for (int i = 0; i < document->n_devices; i++) add_device(&page, &document->devices[i], other, i);
    clade_status status = add_document(&page, document);
    if (status == CLADE_OK) status = write_page(&page, path);
    clade__text_free(&page);
    return status;
}

/* ---- comparisons ------------------------------------------------------------------------------ */

static void add_compared_kind(clade__text *page, const cli_suite_columns *columns, const cli_suite_kind *kind)
{
    const cli_suite_device *first = columns->devices[0];
    const char *heads[2 * CLI_SUITE_MAX_COLUMNS] = {"Name", columns->names[0]};
    char ratios[CLI_SUITE_MAX_COLUMNS][80], text[64];
    int n = 2;
    if (cli_suite_count(first, kind->kind) == 0) return;
    for (int c = 1; c < columns->n; c++) {
        snprintf(ratios[c], sizeof ratios[c], "%s / %s", columns->names[c], columns->names[0]);
        heads[n++] = columns->names[c];
        heads[n++] = ratios[c];
    }
    clade__text_append(page, "<h3>%s</h3>\n", kind->title);
    cli_page_table_begin(page, kind->about, heads, n, false);
    for (int i = 0; i < first->n_rows; i++) {
        const cli_suite_row *row = &first->rows[i];
        if (strcmp(row->kind, kind->kind) != 0) continue;
        cli_page_row_head(page, row->name);
        cli_page_cell(page, "", "%s", cli_suite_value_text(text, sizeof text, row));
        for (int c = 1; c < columns->n; c++) {
            const cli_suite_ratio r = cli_suite_ratio_of(columns, row, c);
            cli_page_cell(page, "", "%s", r.row ? cli_suite_value_text(text, sizeof text, r.row) : "–");
            add_ratio_cell(page, &r);
        }
        clade__text_append(page, "</tr>\n");
    }
    cli_page_table_end(page);
}

clade_status cli_suite_write_comparison(const cli_suite_columns *columns, const char *path)
{
    clade__text page = {0};
    cli_page_begin(&page, "Devices compared: training, measured");
    for (int c = 0; c < columns->n; c++) {
        clade__text_append(&page, "<h2>%s: ", columns->names[c]);
        cli_page_text(&page, columns->files[c]);
        clade__text_append(&page, "</h2>\n");
        add_identity(&page, columns->devices[c]);
    }
    clade__text_append(&page, "<h2 id=\"figures\">Figures</h2>\n<p>A ratio above 1 is faster than %s, whatever the "
                              "unit. Behind it is the noise of both rows together.</p>\n", columns->names[0]);
    for (const cli_suite_kind *kind = cli_suite_kinds; kind->kind; kind++)
        add_compared_kind(&page, columns, kind);
    clade_status status = write_page(&page, path);
    clade__text_free(&page);
    return status;
}

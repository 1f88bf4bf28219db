/* The suite's tables on the terminal. */
#include <math.h>
#include <string.h>

#include "cli/suite_document.h"

char *cli_suite_value_text(char *out, size_t out_bytes, const cli_suite_row *row)
{
    if (isnan(row->value))
        snprintf(out, out_bytes, "-");
    else if (strcmp(row->unit, "s") == 0)
        cli_seconds_text(out, out_bytes, row->value);
    else if (strcmp(row->unit, "samples/s") == 0)
        snprintf(out, out_bytes, row->value < 100.0 ? "%.1f samples/s" : "%.0f samples/s", row->value);
    else
        snprintf(out, out_bytes, "%.1f G%s", row->value / 1e9, row->unit);
    return out;
}

char *cli_suite_bytes_text(char *out, size_t out_bytes, double bytes)
{
    if (bytes >= 0.0 && bytes < 1e18) return cli_bytes_text(out, out_bytes, (uint64_t)bytes);
    snprintf(out, out_bytes, "unknown");
    return out;
}

static void add_share(cli_table *table, double share)
{
    if (isnan(share))
        cli_table_add(table, "-");
    else
        cli_table_add(table, "%.0f%%", 100.0 * share);
}

static void add_row(cli_table *table, const cli_suite_row *row)
{
    char text[64];
    cli_table_add(table, "%s", row->name);
    cli_table_add(table, "%s", cli_suite_value_text(text, sizeof text, row));
    add_share(table, row->share);
    add_share(table, row->spread);
    if (isnan(row->drift))
        cli_table_add(table, "-");
    else
        cli_table_add(table, "%+.0f%%", 100.0 * row->drift);
    cli_table_add(table, row->why[0] ? "%s: %s" : "%s%s", row->verdict, row->why);
}

static clade_status print_kind(const cli_suite_device *device, const cli_suite_kind *kind)
{
    cli_table table = {.n_columns = 6, .right = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4};
    if (cli_suite_count(device, kind->kind) == 0) return CLADE_OK;
    putchar('\n');
    cli_print("%s: %s\n", kind->title, kind->about);
    cli_table_add(&table, "NAME");
    cli_table_add(&table, "VALUE");
    cli_table_add(&table, "OF LIMIT");
    cli_table_add(&table, "SPREAD");
    cli_table_add(&table, "DRIFT");
    cli_table_add(&table, "VERDICT");
    for (int i = 0; i < device->n_rows; i++)
        if (strcmp(device->rows[i].kind, kind->kind) == 0) add_row(&table, &device->rows[i]);
    return cli_table_finish(&table);
}

static void print_identity(const cli_suite_device *device)
{
    char memory[32];
    cli_print("%s (%s, driver %s, %s)\n", device->name, device->platform, device->driver, device->version);
    cli_print("%.0f compute unit%s, %.0f MHz, %s of memory\n", device->compute_units,
              device->compute_units == 1.0 ? "" : "s", device->clock_mhz,
              cli_suite_bytes_text(memory, sizeof memory, device->memory_bytes));
    cli_print("%s; %s, %.0f of %.0f processors, governor %s\n", device->system,
              device->processor[0] ? device->processor : "processor unknown", device->allowed,
              device->processors, device->governor[0] ? device->governor : "unknown");
    cli_print("clade %s, CLBlast %s; %s; %.0f round%s of about %g s a row, %.0f s in all%s\n", device->clade,
              device->clblast, device->date, device->rounds, device->rounds == 1.0 ? "" : "s",
              device->seconds, device->wall_seconds, device->quick ? "; quick, not to be quoted" : "");
}

clade_status cli_suite_print(const cli_suite_document *document)
{
    for (int i = 0; i < document->n_devices; i++) {
        const cli_suite_device *device = &document->devices[i];
        if (i > 0) printf("\n");
        print_identity(device);
        for (const cli_suite_kind *kind = cli_suite_kinds; kind->kind; kind++)
            CLADE_TRY(print_kind(device, kind));
    }
    cli_print("\nVALUE is the median of the rounds, SPREAD what it varies by, DRIFT the last round against the "
              "first. OF LIMIT: the longer of FLOPs and bytes at this device's own peak and bandwidth; small "
              "sizes are served from caches and may be above it. There is no score: compare rows.\n");
    return CLADE_OK;
}

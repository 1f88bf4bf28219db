#include "cli/profile_report.h"

#include <string.h>

#include "base/file.h"

enum { MOST_ROWS = 20 /* of a phase */, N_COLUMNS = 6 };

/* Entries that are shown in one row: one, a phase's, or those that have no row of their own. */
typedef struct sum {
    uint64_t n_calls;
    double seconds;
} sum;

static void add(sum *to, const clade_profile_entry *entry)
{
    to->n_calls += entry->n_calls;
    to->seconds += entry->seconds;
}

static void add_row(cli_table *table, const char *name, const char *layer, sum of, double total)
{
    char calls[32];
    cli_table_add(table, "%s", name);
    cli_table_add(table, "%s", layer);
    cli_table_add(table, "%s", cli_count_text(calls, sizeof calls, (int64_t)of.n_calls));
    cli_table_add(table, "%.3f", 1e3 * of.seconds);
    cli_table_add(table, "%.1f", of.n_calls ? 1e6 * of.seconds / (double)of.n_calls : 0.0);
    cli_table_add(table, "%.1f %%", total > 0.0 ? 100.0 * of.seconds / total : 0.0);
}

/* A phase and what it did, the longest first, as the entries come. */
static void add_phase(cli_table *table, clade_phase phase, const clade_profile_entry *entries,
                      size_t n_entries, double total)
{
    sum all = {0}, others = {0};
    char name[128];
    int n_rows = 0;
    for (size_t i = 0; i < n_entries; i++)
        if (entries[i].phase == phase) add(&all, &entries[i]);
    if (all.n_calls == 0) return;
    add_row(table, clade_phase_name(phase), "", all, total);
    for (size_t i = 0; i < n_entries; i++) {
        if (entries[i].phase != phase) continue;
        if (n_rows++ >= MOST_ROWS) {
            add(&others, &entries[i]);
            continue;
        }
        snprintf(name, sizeof name, "  %s", entries[i].label);
        add_row(table, name, entries[i].layer, (sum){entries[i].n_calls, entries[i].seconds},
                total);
    }
    snprintf(name, sizeof name, "  others (%d)", n_rows - MOST_ROWS);
    if (n_rows > MOST_ROWS) add_row(table, name, "", others, total);
}

static clade_status print_table(const clade_profile_entry *entries, size_t n_entries)
{
    static const char *const heads[N_COLUMNS] = {"PHASE, KERNEL", "LAYER", "CALLS",
                                                 "TOTAL ms", "us A CALL", "SHARE"};
    cli_table table = {.n_columns = N_COLUMNS, .right = 0x3c, .drop = "42"}; /* us a call, calls */
    double total = 0.0;
    for (size_t i = 0; i < n_entries; i++) /* of the device: communication is the host's */
        if (entries[i].phase != CLADE_PHASE_COMMUNICATION) total += entries[i].seconds;
    for (int i = 0; i < N_COLUMNS; i++) cli_table_add(&table, "%s", heads[i]);
    /* In the order of a step; what belongs to no part of it comes last. */
    for (int phase = 1; phase <= CLADE_N_PHASES; phase++)
        add_phase(&table, (clade_phase)(phase % CLADE_N_PHASES), entries, n_entries, total);
    clade_status status = cli_table_print_to(&table, stderr);
    cli_table_free(&table);
    return status;
}

static void print_totals(const clade_profile_totals *totals)
{
    double wall = totals->wall_seconds, gap = wall - totals->busy_seconds;
    double share = wall > 0.0 ? 100.0 * gap / wall : 0.0;
    cli_say(NULL, "device busy %.3f s of %.3f s, from the first step to the last command; gaps %.3f s, "
                  "%.1f %% (host, launches, compiling)", totals->busy_seconds, wall, gap, share);
    double said = totals->communication_seconds, hidden = said - totals->exposed_seconds;
    if (said > 0.0)
        cli_say(NULL, "communication %.3f s, of which the device's work hides %.3f s, %.0f %%", said,
                hidden > 0.0 ? hidden : 0.0, hidden > 0.0 ? 100.0 * hidden / said : 0.0);
}

clade_status cli_profile_check(cli_call *call)
{
    const char *path = cli_value_of(call, "profile");
    clade_status status = path ? clade__file_check(path) : CLADE_OK;
    if (status == CLADE_OK) return CLADE_OK;
    call->writing = true; /* it is not a file to be read that is bad */
    return clade__fail_in(status, "--profile");
}

clade_status cli_profile_finish(clade_device *device, const char *path, bool quiet)
{
    const clade_profile_entry *entries;
    size_t n_entries;
    clade_profile_totals totals;
    char traced[32], ran[32];
    CLADE_TRY(clade_profile_end(device, &entries, &n_entries));
    CLADE_TRY(clade_profile_describe(device, &totals));
    if (!quiet) {
        CLADE_TRY(print_table(entries, n_entries));
        print_totals(&totals);
    }
    clade_status status = clade_profile_write_trace(device, path);
    if (status != CLADE_OK) return clade__fail_in(status, "--profile");
    if (quiet) return CLADE_OK;
    cli_count_text(traced, sizeof traced, (int64_t)totals.n_traced);
    cli_count_text(ran, sizeof ran, (int64_t)totals.n_commands);
    if (totals.n_traced < totals.n_commands)
        cli_say(NULL, "trace of the first %s of %s commands written as %s", traced, ran, path);
    else
        cli_say(NULL, "trace of %s commands written as %s", ran, path);
    return CLADE_OK;
}

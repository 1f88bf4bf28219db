/* clade devices: every device of every platform, the default, and why. */
#include <math.h>

#include "cli/common.h"

static void add_device(clade__json *json, const clade_device_info *info)
{
    char selector[32];
    snprintf(selector, sizeof selector, "%d:%d", info->platform_index, info->device_index);
    clade__json_object(json, NULL);
    clade__json_number(json, "index", info->index);
    clade__json_string(json, "selector", selector);
    cli_json_device(json, info);
    clade__json_number(json, "max_allocation_bytes", (double)info->max_allocation_bytes);
    clade__json_number(json, "local_memory_bytes", (double)info->local_memory_bytes);
    clade__json_bool(json, "available", info->available);
    clade__json_bool(json, "default", info->is_default);
    clade__json_number(json, "same_as", info->same_as >= 0 ? info->same_as : (double)NAN);
    clade__json_object_end(json);
}

/* The platforms, with devices or without. */
static void add_platforms(clade__json *json, const clade_platform_info *platforms, int n)
{
    clade__json_list(json, "platforms");
    for (int i = 0; i < n; i++) {
        clade__json_object(json, NULL);
        clade__json_number(json, "index", platforms[i].index);
        clade__json_string(json, "name", platforms[i].name);
        clade__json_string(json, "version", platforms[i].version);
        clade__json_number(json, "devices", platforms[i].n_devices);
        clade__json_string(json, "hint", platforms[i].hint);
        clade__json_object_end(json);
    }
    clade__json_list_end(json);
}

/* What there is. */
typedef struct listing {
    clade_device_info *devices;
    clade_platform_info *platforms;
    int n_devices, n_platforms;
} listing;

static clade_status print_json(const listing *all, int selected, const char *why)
{
    clade__json json = {0};
    clade__json_object(&json, NULL);
    clade__json_list(&json, "devices");
    for (int i = 0; i < all->n_devices; i++) add_device(&json, &all->devices[i]);
    clade__json_list_end(&json);
    add_platforms(&json, all->platforms, all->n_platforms);
    if (selected >= 0) clade__json_number(&json, "selected", selected);
    clade__json_string(&json, "reason", why);
    clade__json_object_end(&json);
    return cli_print_json(&json);
}

static clade_status print_table(const listing *all, int marked, const char *why)
{
    static const char *const heads[] = {"",       "#",    "P:D",      "TYPE",   "UNITS",
                                        "MEMORY", "NAME", "PLATFORM", "DRIVER", ""};
    cli_table table = {.n_columns = sizeof heads / sizeof heads[0],
                       .right = 1u << 1 | 1u << 4 | 1u << 5,
                       .drop = "82"}; /* driver, platform and device number */
    for (int i = 0; i < table.n_columns; i++) cli_table_add(&table, "%s", heads[i]);
    for (int i = 0; i < all->n_devices; i++) {
        const clade_device_info *info = &all->devices[i];
        char memory[32], note[64] = "";
        if (info->same_as >= 0) snprintf(note, sizeof note, "same device as %d", info->same_as);
        if (!info->available) snprintf(note, sizeof note, "not available");
        cli_table_add(&table, "%s", info->index == marked ? "*" : "");
        cli_table_add(&table, "%d", info->index);
        cli_table_add(&table, "%d:%d", info->platform_index, info->device_index);
        cli_table_add(&table, "%s", clade_device_type_name(info->type));
        cli_table_add(&table, "%d", info->compute_units);
        cli_table_add(&table, "%s",
                      cli_bytes_text(memory, sizeof memory, info->global_memory_bytes));
        cli_table_add(&table, "%s", info->name);
        cli_table_add(&table, "%s", info->platform);
        cli_table_add(&table, "%s", info->driver);
        cli_table_add(&table, "%s", note);
    }
    clade_status status = cli_table_finish(&table);
    if (status != CLADE_OK) return status;
    char line[600];
    snprintf(line, sizeof line, "* %s", why);
    putchar('\n');
    cli_print_lines(stdout, 2, line);
    for (int i = 0; i < all->n_platforms; i++) {
        const clade_platform_info *platform = &all->platforms[i];
        if (platform->n_devices > 0) continue;
        snprintf(line, sizeof line, "platform %d, %s, has no device: %s", platform->index,
                 platform->name, platform->hint);
        cli_print_lines(stdout, 2, line);
    }
    return CLADE_OK;
}

/* Opening the device is what tells whether it can be used. */
static clade_status choose(const cli_call *call, int *selected, char *why, size_t why_bytes)
{
    clade_device *device = NULL;
    clade_status status = clade_device_open_units(&device, call->device, call->compute_units);
    if (status == CLADE_OK) {
        *selected = clade_device_describe(device)->index;
        snprintf(why, why_bytes, "%s", clade_device_reason(device));
    }
    clade_device_free(device);
    return status;
}

static clade_status run_devices(cli_call *call)
{
    listing all = {0};
    int selected = -1, is_default = -1;
    char why[512] = "";
    clade_status status = clade_devices(&all.devices, &all.n_devices, why, sizeof why);
    if (status == CLADE_OK) status = clade_platforms(&all.platforms, &all.n_platforms);
    for (int i = 0; i < all.n_devices; i++)
        if (all.devices[i].is_default) is_default = all.devices[i].index;
    if (status == CLADE_OK && (call->device || call->compute_units))
        status = choose(call, &selected, why, sizeof why);
    if (status == CLADE_OK)
        status = call->json ? print_json(&all, selected, why)
                            : print_table(&all, selected >= 0 ? selected : is_default, why);
    clade_platforms_free(all.platforms);
    clade_devices_free(all.devices);
    return status;
}

const cli_command cli_command_devices = {
    .name = "devices",
    .synopsis = "[options]",
    .summary = "list every OpenCL device, which is the default and why",
    .about = "Lists the devices of every OpenCL platform. The star marks the default, or with\n"
             "--device the one that the selector names, and the last line says why. The first\n"
             "three columns and the names all work as a selector for --device, and so do a\n"
             "platform's short names: pocl, rusticl, clover, intel, amd, nvidia, cuda, oclgrind.\n"
             "A platform that shows no device is named below, with what would show one.\n"
             "\n"
             "Examples:\n"
             "  clade devices\n"
             "  clade devices --device cpu      which device would that be, and does it open?\n"
             "  clade devices --json            for scripts; exit status 3 when there is none\n",
    .run = run_devices,
};

#include "cli/columns_report.h"

enum { CATEGORIES_SHOWN = 6 };

static bool knows_missing(const clade_schema *schema, int index)
{
    const char *text;
    for (int i = 0; (text = clade_schema_category(schema, index, i)); i++)
        if (!*text) return true;
    return false;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void add_column(clade__json *json, const clade_schema *schema, int index)
{
    clade_column_info info = {0};
    if (clade_schema_column(schema, index, &info) != CLADE_OK) return; /* in range */
    clade__json_object(json, NULL);
    clade__json_string(json, "name", info.name);
    clade__json_string(json, "kind", info.is_category ? "category" : "number");
    clade__json_number(json, "features", (double)info.n_features);
    if (info.is_category) {
        clade__json_list(json, "categories");
        for (int i = 0; i < info.n_categories; i++)
            clade__json_string(json, NULL, clade_schema_category(schema, index, i));
        clade__json_list_end(json);
        clade__json_string(json, "unknown", info.unknown_is_zeros ? "zeros" : "refuse");
        clade__json_string(json, "missing", knows_missing(schema, index) ? "category"
                                            : info.fills                 ? "zeros"
                                                                         : "refuse");
    } else {
        clade__json_number(json, "center", info.center);
        clade__json_number(json, "scale", info.scale);
        if (info.fills)
            clade__json_number(json, "missing", info.fill);
        else
            clade__json_null(json, "missing");
    }
    clade__json_object_end(json);
}

void cli_columns_json(clade__json *json, const clade_schema *schema)
{
    clade__json_list(json, "columns");
    for (int i = 0; i < clade_schema_n_columns(schema); i++) add_column(json, schema, i);
    clade__json_list_end(json);
    clade__json_string(json, "label", clade_schema_label(schema));
    clade__json_list(json, "targets");
    for (int64_t i = 0; i < clade_schema_n_targets(schema); i++)
        clade__json_string(json, NULL, clade_schema_target(schema, i));
    clade__json_list_end(json);
    clade__json_list(json, "unused");
    for (int i = 0; clade_schema_unused(schema, i); i++)
        clade__json_string(json, NULL, clade_schema_unused(schema, i));
    clade__json_list_end(json);
}

/* ---- for people ------------------------------------------------------------------------------ */

static void describe_number(clade__text *text, const clade_column_info *info)
{
    if (info->center != 0.0 || info->scale != 1.0)
        clade__text_append(text, "(value - %.6g) * %.6g", info->center, info->scale);
    else
        clade__text_append(text, "as it is");
    if (info->fills) clade__text_append(text, "; missing: %.6g", info->fill);
}

static void describe_category(clade__text *text, const clade_schema *schema, int index,
                              const clade_column_info *info)
{
    for (int i = 0; i < info->n_categories && i < CATEGORIES_SHOWN; i++) {
        const char *name = clade_schema_category(schema, index, i);
        clade__text_append(text, "%s%s", i ? ", " : "", *name ? name : "(missing)");
    }
    if (info->n_categories > CATEGORIES_SHOWN)
        clade__text_append(text, ", ... (%d)", info->n_categories);
    if (info->unknown_is_zeros) clade__text_append(text, "; others: zeros");
    if (info->fills && !knows_missing(schema, index)) clade__text_append(text, "; missing: zeros");
}

static clade_status add_row(cli_table *table, const clade_schema *schema, int index)
{
    clade_column_info info;
    clade__text how = {0};
    CLADE_TRY(clade_schema_column(schema, index, &info));
    if (info.is_category)
        describe_category(&how, schema, index, &info);
    else
        describe_number(&how, &info);
    if (info.name)
        cli_table_add(table, "%s", info.name);
    else
        cli_table_add(table, "%d", index + 1);
    cli_table_add(table, "%s", info.is_category ? "category" : "number");
    cli_table_add(table, "%lld", (long long)info.n_features);
    cli_table_add(table, "%s", how.failed ? "" : how.data);
    clade__text_free(&how);
    return CLADE_OK;
}

/* "not used: a, b" */
static void print_names(const char *what, const clade_schema *schema,
                        const char *name_of(const clade_schema *schema, int index))
{
    for (int i = 0; name_of(schema, i); i++)
        printf("%s%s", i ? ", " : what, *name_of(schema, i) ? name_of(schema, i) : "(without a name)");
    if (name_of(schema, 0)) putchar('\n');
}

static const char *target_at(const clade_schema *schema, int index)
{
    return clade_schema_target(schema, index);
}

clade_status cli_columns_print(const clade_schema *schema)
{
    static const char *const heads[] = {"COLUMN", "KIND", "FEATURES", "WHAT THE NETWORK SEES"};
    cli_table table = {.n_columns = 4, .right = 1u << 2};
    clade_status status = CLADE_OK;
    if (clade_schema_n_columns(schema) > 0) {
        putchar('\n');
        cli_table_row(&table, heads);
        for (int i = 0; status == CLADE_OK && i < clade_schema_n_columns(schema); i++)
            status = add_row(&table, schema, i);
        if (status == CLADE_OK) status = cli_table_print(&table);
    }
    cli_table_free(&table);
    CLADE_TRY(status);
    if (clade_schema_label(schema)) printf("label: %s\n", clade_schema_label(schema));
    print_names("targets: ", schema, target_at);
    print_names("not used: ", schema, clade_schema_unused);
    return CLADE_OK;
}

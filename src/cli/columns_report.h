/* What a model does to the columns of a table, for `clade info`. */
#ifndef CLADE_CLI_COLUMNS_REPORT_H
#define CLADE_CLI_COLUMNS_REPORT_H

#include "cli/common.h"

/* The members "columns", "label", "targets" and "unused" of a document; empty lists without a schema. */
void cli_columns_json(clade__json *json, const clade_schema *schema);

/* A table on stdout; nothing without a schema. */
clade_status cli_columns_print(const clade_schema *schema);

#endif

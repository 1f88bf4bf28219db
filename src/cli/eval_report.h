/* What `clade eval` prints of a report: a document, and tables for people. */
#ifndef CLADE_CLI_EVAL_REPORT_H
#define CLADE_CLI_EVAL_REPORT_H

#include "cli/common.h"

/* The samples of which the document has true and predicted numbers, for `clade plot` to draw. */
enum { CLI_EVAL_POINTS = 1000 };

/* Each prints to stdout. */
clade_status cli_eval_print_json(const clade_report *report);
clade_status cli_eval_print_tables(const clade_report *report);

#endif

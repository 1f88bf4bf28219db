/* Documents side by side: a column for each device of each, and a row for what they have in common. */
#ifndef CLADE_CLI_SUITE_COLUMNS_H
#define CLADE_CLI_SUITE_COLUMNS_H

#include "cli/suite_document.h"

enum { CLI_SUITE_MAX_COLUMNS = 16 };

typedef struct cli_suite_columns {
    cli_suite_document *documents; /* (n_documents) borrowed */
    int n_documents;
    const cli_suite_device *devices[CLI_SUITE_MAX_COLUMNS]; /* (n) */
    char names[CLI_SUITE_MAX_COLUMNS][64];                  /* "A", "B 2", for headings */
    char files[CLI_SUITE_MAX_COLUMNS][256];
    int n;
} cli_suite_columns;

typedef enum cli_suite_order { CLI_SUITE_SAME, CLI_SUITE_FASTER, CLI_SUITE_SLOWER, CLI_SUITE_NO_RATIO } cli_suite_order;

/* A row of one column against the first column's. */
typedef struct cli_suite_ratio {
    const cli_suite_row *row; /* NULL: it has none */
    cli_suite_order order;
    double ratio;             /* above 1 where it is faster; NaN where there is none, */
    const char *why_not;      /* which has this reason; else "" */
    double noise;             /* how far the ratio may be from 1 by chance alone */
} cli_suite_ratio;

/* CLADE_EDATA for documents that have nothing in common, or say of a row that it is something else;
 * CLADE_EINVAL for too many devices. */
clade_status cli_suite_columns_open(cli_suite_columns *columns, cli_suite_document *documents, int n_documents);

/* `row` is the first column's. */
cli_suite_ratio cli_suite_ratio_of(const cli_suite_columns *columns, const cli_suite_row *row, int column);

/* Whether a loss counts: the figure is below `least` of the first one's, beyond noise; or is wrong or missing
 * where the first one's is right. */
bool cli_suite_is_loss(const cli_suite_row *first, const cli_suite_ratio *ratio, double least);

#endif

/* The suite's pages: HTML in one file that needs no other, no network and no script. */
#ifndef CLADE_CLI_SUITE_PAGE_H
#define CLADE_CLI_SUITE_PAGE_H

#include "cli/suite_columns.h"

/* Each device of a document: a roofline, a bar a workload, all rows, how it was measured; beside the first device
 * of another document, unless that is NULL. */
clade_status cli_suite_write_page(const cli_suite_document *document, const cli_suite_document *other,
                                  const char *path);

/* Columns side by side, with ratios and their noise. */
clade_status cli_suite_write_comparison(const cli_suite_columns *columns, const char *path);

/* suite_page_parts.c: what pages are made of. Texts from documents are escaped here. */
void cli_page_begin(clade__text *page, const char *title);
void cli_page_end(clade__text *page);
void cli_page_text(clade__text *page, const char *text); /* escaped */

/* A table that is wider than the screen scrolls by itself, also by keyboard: <div> and <table> with a caption.
 * words: the last column holds some, and is aligned to the left. */
void cli_page_table_begin(clade__text *page, const char *caption, const char *const *heads, int n_heads, bool words);
void cli_page_table_end(clade__text *page);
void cli_page_row_head(clade__text *page, const char *text); /* <tr><th scope="row"> */
void cli_page_cell(clade__text *page, const char *css, const char *format, ...) CLADE_PRINTF(3, 4);

/* suite_roofline.c: the rows that have both FLOPs and bytes, over the roof of the device's own limits. */
void cli_page_roofline(clade__text *page, const cli_suite_device *device, int number);

#endif

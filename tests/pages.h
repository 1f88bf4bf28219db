/* Reads a page of HTML as a browser would: its elements must be closed in order. */
#ifndef CLADE_TESTS_PAGES_H
#define CLADE_TESTS_PAGES_H

#include <stdbool.h>

/* Whether every element is closed, and no attribute loads another file; prints what is wrong. */
bool page_is_whole(const char *page);

/* How often a text is in it. */
int page_count(const char *page, const char *part);

/* The text of the cell number `cell`, counted from 0 behind the heading, of the row with this heading; malloc'd,
 * NULL where there is none. */
char *page_cell(const char *page, const char *heading, int cell);

#endif

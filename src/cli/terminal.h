/* How wide the terminal is, and text that fits it.
 *
 * On a terminal no line is longer than it: text is broken at blanks, and goes on under an indent.
 * Elsewhere, in a pipe or a file, every line is whole, however long, since a script may read it. */
#ifndef CLADE_CLI_TERMINAL_H
#define CLADE_CLI_TERMINAL_H

#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

enum { CLI_HELP_COLUMNS = 80 }; /* of help texts, and of a terminal that does not say */

/* Columns of the terminal that a stream goes to: what it says itself, else $COLUMNS, else 80. 0 where
 * it goes to none: a line may be of any length. */
int cli_columns(FILE *to);

/* Columns that a text in UTF-8 takes: 2 for a character of East Asia, none for what combines. */
int cli_text_columns(const char *text);

/* A word that is too long is broken behind one of these. */
#define CLI_TEXT_PIECES "/,;&=-"

/* The bytes at the beginning of `text` that fit into so many columns, at least one character; *next is
 * where the rest begins. Broken at a blank or a line break, else between the pieces of a word, else
 * anywhere. */
size_t cli_text_fit(const char *text, int columns, const char **next);

/* Prints the lines of a text, and a line break behind the last; what does not fit goes on in lines that
 * are indented. */
void cli_print_lines(FILE *to, int indent, const char *text);

/* As printf, but of whole lines, which fit; what goes on is indented by 2. */
void cli_print(const char *format, ...) CLADE_PRINTF(1, 2);

/* A line of what is said on stderr as it goes: "device  PoCL is …", its text from column 8 on; with label
 * NULL the text alone. */
void cli_say(const char *label, const char *format, ...) CLADE_PRINTF(2, 3);

/* A help text. Where a line is too long for 80 columns, or for a narrower terminal, the text is broken
 * anew. Lines that begin with a blank stay apart then; one that begins where the text of the line before
 * it does, behind two blanks, goes on with it. */
void cli_print_about(const char *text);

#endif

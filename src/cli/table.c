#include "cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/terminal.h"

void cli_table_add(cli_table *table, const char *format, ...)
{
    if (table->n_cells == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 64;
        char **cells = realloc(table->cells, capacity * sizeof *cells);
        if (!cells) {
            table->failed = true;
            return;
        }
        table->cells = cells;
        table->capacity = capacity;
    }
    char text[512];
    va_list args;
    va_start(args, format);
    clade__vformat(text, sizeof text, format, args);
    va_end(args);
    char *cell = malloc(strlen(text) + 1);
    if (!cell) {
        table->failed = true;
        return;
    }
    table->cells[table->n_cells++] = strcpy(cell, text);
}

void cli_table_row(cli_table *table, const char *const *cells)
{
    for (int i = 0; i < table->n_columns; i++) cli_table_add(table, "%s", cells[i]);
}

void cli_table_free(cli_table *table)
{
    for (size_t i = 0; i < table->n_cells; i++) free(table->cells[i]);
    free(table->cells);
    *table = (cli_table){0};
}

/* ---- which columns, how wide ----------------------------------------------------------------- */

enum { GAP = 2, LONGEST_PIECE = 24 };

/* Of each column: what its longest cell takes, the least that it can be made, and what it gets. */
typedef struct layout {
    int widest[CLI_TABLE_COLUMNS], least[CLI_TABLE_COLUMNS], width[CLI_TABLE_COLUMNS];
    bool shown[CLI_TABLE_COLUMNS]; /* in this block */
    bool waits[CLI_TABLE_COLUMNS]; /* for a later one */
} layout;

/* The longest piece of a text that is better not broken. */
static int longest_piece(const char *text)
{
    int longest = 0;
    for (const char *next = text; *text; text = next) {
        char piece[512];
        size_t n = strspn(text, " ");
        n += strcspn(text + n, " " CLI_TEXT_PIECES);
        n += text[n] && text[n] != ' ';
        next = text + n;
        snprintf(piece, sizeof piece, "%.*s", (int)n, text);
        int columns = cli_text_columns(piece);
        if (columns > longest) longest = columns;
        next += strspn(next, " ");
    }
    return longest < LONGEST_PIECE ? longest : LONGEST_PIECE;
}

static void measure(const cli_table *table, layout *l)
{
    *l = (layout){0};
    for (size_t i = 0; i < table->n_cells; i++) {
        size_t column = i % (size_t)table->n_columns;
        int widest = cli_text_columns(table->cells[i]);
        int least = table->right >> column & 1 ? widest : longest_piece(table->cells[i]);
        if (widest > l->widest[column]) l->widest[column] = widest;
        if (least > l->least[column]) l->least[column] = least;
    }
    for (int c = 0; c < table->n_columns; c++) l->waits[c] = l->widest[c] > 0;
}

/* What the columns that wait take in one block, each as wide as `widths` says. */
static int sum_of(const cli_table *table, const layout *l, const int *widths)
{
    int sum = -GAP;
    for (int c = 0; c < table->n_columns; c++)
        if (l->waits[c]) sum += widths[c] + GAP;
    return sum;
}

/* Moves to this block the columns that fit, at the least the first one and one more. */
static void choose_block(const cli_table *table, layout *l, int columns)
{
    int sum = l->least[0], n = 1;
    for (int c = 0; c < table->n_columns; c++) l->shown[c] = c == 0;
    for (int c = 1; c < table->n_columns; c++) {
        if (!l->waits[c]) continue;
        sum += l->least[c] + GAP;
        if (n > 1 && sum > columns) break;
        l->shown[c] = true;
        l->waits[c] = false;
        n++;
    }
    l->waits[0] = false;
}

/* Gives the block's columns what there is beyond the least, the one that lacks most first. */
static void widen(const cli_table *table, layout *l, int columns)
{
    int sum = -GAP;
    for (int c = 0; c < table->n_columns; c++) {
        l->width[c] = l->least[c];
        if (l->shown[c]) sum += l->width[c] + GAP;
    }
    for (; sum < columns; sum++) {
        int most = -1;
        for (int c = 0; c < table->n_columns; c++)
            if (l->shown[c] && l->width[c] < l->widest[c] &&
                (most < 0 || l->widest[c] - l->width[c] > l->widest[most] - l->width[most]))
                most = c;
        if (most < 0) break;
        l->width[most]++;
    }
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_cell(FILE *to, const char *text, size_t n_bytes, int width, bool right, bool last)
{
    char part[512];
    snprintf(part, sizeof part, "%.*s", (int)n_bytes, text);
    int blanks = width - cli_text_columns(part);
    if (blanks < 0) blanks = 0;
    fprintf(to, "%*s%s%*s", right ? blanks : 0, "", part, right || last ? 0 : blanks, "");
}

/* One row in as many lines as its cells need. */
static void print_row(const cli_table *table, const layout *l, char *const *cells, FILE *to)
{
    const char *rest[CLI_TABLE_COLUMNS];
    for (int c = 0; c < table->n_columns; c++) rest[c] = cells[c];
    for (bool more = true; more;) {
        int last = 0; /* no blanks at a line's end */
        more = false;
        for (int c = 0; c < table->n_columns; c++)
            if (l->shown[c] && rest[c][0]) last = c;
        for (int c = 0; c <= last; c++) {
            const char *next = rest[c];
            if (!l->shown[c]) continue;
            size_t n = cli_text_fit(rest[c], l->width[c], &next);
            print_cell(to, rest[c], n, l->width[c], table->right >> c & 1, c == last);
            if (c < last) fprintf(to, "%*s", GAP, "");
            rest[c] = next;
            more = more || *next;
        }
        fputc('\n', to);
    }
}

static void print_block(const cli_table *table, const layout *l, FILE *to)
{
    for (size_t i = 0; i < table->n_cells; i += (size_t)table->n_columns)
        print_row(table, l, table->cells + i, to);
}

clade_status cli_table_print_to(const cli_table *table, FILE *to)
{
    layout l;
    if (table->failed) return clade__fail(CLADE_ENOMEM, "no memory for the table");
    measure(table, &l);
    int columns = cli_columns(to) - 1, all = sum_of(table, &l, l.widest);
    if (columns < 0) columns = all;
    for (const char *drop = table->drop; drop && *drop && sum_of(table, &l, l.least) > columns; drop++)
        l.waits[*drop - '0'] = false;
    for (bool more = true, first = true; more; first = false) {
        choose_block(table, &l, columns);
        widen(table, &l, columns);
        if (!first) fputc('\n', to);
        print_block(table, &l, to);
        more = false;
        for (int c = 0; c < table->n_columns; c++) more = more || l.waits[c];
    }
    return CLADE_OK;
}

clade_status cli_table_print(const cli_table *table)
{
    return cli_table_print_to(table, stdout);
}

clade_status cli_table_finish(cli_table *table)
{
    clade_status status = cli_table_print(table);
    cli_table_free(table);
    return status;
}

#define _DEFAULT_SOURCE 1
#include "cli/terminal.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"

enum { FEWEST_COLUMNS = 20, MOST_COLUMNS = 10000, LABEL_COLUMNS = 8 };

int cli_columns(FILE *to)
{
    struct winsize size;
    int fd = fileno(to);
    if (!isatty(fd)) return 0;
    int columns = ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
    const char *variable = getenv("COLUMNS");
    if (columns == 0 && variable) columns = atoi(variable);
    if (columns <= 0 || columns > MOST_COLUMNS) return CLI_HELP_COLUMNS;
    return columns < FEWEST_COLUMNS ? FEWEST_COLUMNS : columns;
}

/* ---- characters ------------------------------------------------------------------------------ */

static bool is_within(uint32_t c, const uint32_t (*ranges)[2], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
    return false;
}

/* By Unicode's East_Asian_Width, in whole blocks. */
static int character_columns(uint32_t c)
{
    static const uint32_t wide[][2] = {
        {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xac00, 0xd7a3},
        {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
        {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
    static const uint32_t none[][2] = {{0x0300, 0x036f}, {0x200b, 0x200f}, {0xfe00, 0xfe0f}};
    if (is_within(c, none, sizeof none / sizeof none[0])) return 0;
    return is_within(c, wide, sizeof wide / sizeof wide[0]) ? 2 : 1;
}

/* The next character's bytes and columns; a byte that is not UTF-8 counts as one of each. */
static int next_character(const char *text, int *columns)
{
    uint32_t character = 0;
    int n = clade__utf8_read(text, &character);
    *columns = n > 0 ? character_columns(character) : 1;
    return n > 0 ? n : 1;
}

int cli_text_columns(const char *text)
{
    int all = 0, columns;
    while (*text) {
        text += next_character(text, &columns);
        all += columns;
    }
    return all;
}

size_t cli_text_fit(const char *text, int columns, const char **next)
{
    const char *start = text + strspn(text, " "), *at = text;
    const char *word = NULL, *piece = NULL; /* where it may be broken, and where if it must */
    for (int used = 0, own; *at && *at != '\n'; used += own) {
        int n = next_character(at, &own);
        if (*at == ' ' && at > start && at[-1] != ' ') word = at;
        if (used + own > columns && at > text) break;
        at += n;
        if (strchr(CLI_TEXT_PIECES, at[-1])) piece = at;
    }
    const char *end = !*at || *at == '\n' ? at : word ? word : piece ? piece : at;
    *next = end + strspn(end, " ");
    if (**next == '\n') ++*next;
    return (size_t)(end - text);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Prints a line that ends at `end`, and what of it does not fit under the indent. One column stays free:
 * some terminals go to the next line as soon as the last one is filled. */
static void print_line(FILE *to, int columns, int indent, const char *line, const char *end)
{
    const char *next = line;
    for (bool first = true; first || line < end; first = false, line = next) {
        size_t n = cli_text_fit(line, (first ? columns : columns - indent) - 1, &next);
        fprintf(to, "%*s%.*s\n", first ? 0 : indent, "", (int)n, line);
    }
}

void cli_print_lines(FILE *to, int indent, const char *text)
{
    int columns = cli_columns(to);
    for (const char *end; *text; text = end + (*end == '\n')) {
        end = text + strcspn(text, "\n");
        if (columns > 0)
            print_line(to, columns, indent, text, end);
        else
            fprintf(to, "%.*s\n", (int)(end - text), text);
    }
}

void cli_print(const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    clade__vformat(text, sizeof text, format, args);
    va_end(args);
    cli_print_lines(stdout, 2, text);
}

void cli_say(const char *label, const char *format, ...)
{
    char text[8192];
    int used = label ? snprintf(text, sizeof text, "%-*s ", LABEL_COLUMNS - 1, label) : 0;
    va_list args;
    va_start(args, format);
    clade__vformat(text + used, sizeof text - (size_t)used, format, args);
    va_end(args);
    for (char *c = text; *c; c++) /* a name from a file is no command to the terminal */
        if (((unsigned char)*c < 0x20 && *c != '\n') || *c == 0x7f) *c = '?';
    cli_print_lines(stderr, label ? LABEL_COLUMNS : 2, text);
}

/* ---- help ------------------------------------------------------------------------------------ */

/* Where a line's text begins behind two blanks, "  --name  what it does"; 0 where there are none. */
static int text_column(const char *line, size_t n)
{
    size_t at = strspn(line, " ");
    while (at + 2 < n && !(line[at] == ' ' && line[at + 1] == ' ')) at++;
    if (at + 2 >= n) return 0;
    return (int)(at + strspn(line + at, " "));
}

/* Whether a line goes on with what the item before it says. */
static bool goes_on(const char *line, size_t n, int indent, int hanging)
{
    int own = (int)strspn(line, " ");
    return n > 0 && (indent == 0 ? own == 0 : hanging > 0 && own == hanging);
}

static bool fits(const char *text, int columns)
{
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
        if (strcspn(text, "\n") >= (size_t)columns) return false;
    return true;
}

void cli_print_about(const char *text)
{
    int columns = cli_columns(stdout);
    if (columns == 0 || columns > CLI_HELP_COLUMNS) columns = CLI_HELP_COLUMNS;
    if (fits(text, columns)) {
        fputs(text, stdout);
        return;
    }
    clade__text item = {0};
    while (*text) {
        size_t n = strcspn(text, "\n");
        int indent = (int)strspn(text, " "), hanging = indent ? text_column(text, n) : 0;
        clade__text_append(&item, "%.*s", (int)n, text);
        text += n + (text[n] == '\n');
        while (n > 0 && goes_on(text, n = strcspn(text, "\n"), indent, hanging)) {
            clade__text_append(&item, " %.*s", (int)n - (indent ? hanging : 0),
                               text + (indent ? hanging : 0));
            text += n + (text[n] == '\n');
        }
        if (hanging == 0 && indent > 0) hanging = indent + 2;
        if (!item.failed) print_line(stdout, columns, hanging, item.data, item.data + item.length);
        clade__text_free(&item);
    }
}

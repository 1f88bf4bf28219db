#define _POSIX_C_SOURCE 200809L
#include "pages.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 64, LONGEST = 32 };

static bool is_void(const char *name)
{
    return strcmp(name, "meta") == 0 || strcmp(name, "br") == 0 || strcmp(name, "!doctype") == 0;
}

static bool fail_at(const char *at, const char *what)
{
    fprintf(stderr, "%s: %.60s\n", what, at);
    return false;
}

/* A tag that begins at '<'. */
static bool read_tag(const char *at, char names[DEEPEST][LONGEST], int *depth)
{
    char name[LONGEST];
    size_t n = 0;
    bool closes = at[1] == '/';
    for (const char *c = at + 1 + closes; n + 1 < sizeof name && (isalnum((unsigned char)*c) || *c == '!'); c++)
        name[n++] = (char)tolower((unsigned char)*c);
    name[n] = '\0';
    size_t length = strcspn(at, ">");
    if (n == 0 || !at[length]) return fail_at(at, "no tag");
    if (is_void(name) || at[length - 1] == '/') return true;
    if (!closes) {
        if (*depth == DEEPEST) return fail_at(at, "too deep");
        snprintf(names[(*depth)++], LONGEST, "%s", name);
        return true;
    }
    return (*depth > 0 && strcmp(names[--*depth], name) == 0) || fail_at(at, "closes what is not open");
}

bool page_is_whole(const char *page)
{
    static const char *const loads[] = {" src=", "<link", "@import", "url(", "href=\"http", "<script>"};
    char names[DEEPEST][LONGEST];
    int depth = 0;
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++)
        if (strstr(page, loads[i])) return fail_at(strstr(page, loads[i]), "loads something");
    for (const char *at = strchr(page, '<'); at; at = strchr(at + 1, '<'))
        if (!read_tag(at, names, &depth)) return false;
    return depth == 0 || fail_at(names[depth - 1], "is not closed");
}

int page_count(const char *page, const char *part)
{
    int n = 0;
    for (const char *at = strstr(page, part); at; at = strstr(at + 1, part)) n++;
    return n;
}

char *page_cell(const char *page, const char *heading, int cell)
{
    char wanted[256];
    snprintf(wanted, sizeof wanted, "<th scope=\"row\">%s</th>", heading);
    const char *at = strstr(page, wanted);
    for (int i = 0; at && i <= cell; i++) {
        at = strstr(at + 1, "<td");
        at = at ? strchr(at, '>') : NULL;
    }
    return at ? strndup(at + 1, strcspn(at + 1, "<")) : NULL;
}

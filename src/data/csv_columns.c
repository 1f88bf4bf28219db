#include "data/csv_roles.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* A column number, from 1, or from -1 at the end; false for anything else. */
static bool parse_number(const char *text, int64_t *number)
{
    bool negative = *text == '-';
    const char *c = text + negative;
    if (*c == '\0') return false;
    *number = 0;
    for (; *c; c++) {
        if (*c < '0' || *c > '9') return false;
        if (*number < INT32_MAX) *number = *number * 10 + (*c - '0');
    }
    if (negative) *number = -*number;
    return true;
}

clade_status clade__csv_find_name(const clade__csv_file *file, const char *name, int *col)
{
    int n_found = 0;
    *col = -1;
    for (int i = 0; file->names && i < file->n_cols; i++) {
        if (strcmp(file->names[i], name) != 0) continue;
        if (n_found++ == 0) *col = i;
    }
    if (n_found > 1)
        return clade__fail(CLADE_EDATA, "'%s': %d columns are named '%s'; give the column's number",
                           file->path, n_found, name);
    return CLADE_OK;
}

clade_status clade__csv_find_column(const clade__csv_file *file, const char *option,
                                    const char *text, int *col)
{
    int64_t number;
    char hint[256];
    if (*text == '\0') return clade__fail(CLADE_EINVAL, "csv: %s= has no column", option);
    if (!parse_number(text, &number)) {
        CLADE_TRY(clade__csv_find_name(file, text, col));
        if (*col >= 0) return CLADE_OK;
        if (!file->names)
            return clade__fail(CLADE_EDATA, "'%s': no column '%s': the first row names no columns; give "
                               "the column's number, or header=yes", file->path, text);
        return clade__fail(CLADE_EDATA, "'%s': no column '%s'%s", file->path, text,
                           clade__suggest(hint, sizeof hint, text,
                                          (const char *const *)file->names, (size_t)file->n_cols));
    }
    if (number == 0)
        return clade__fail(CLADE_EINVAL,
                           "csv: %s=%s: columns are numbered from 1, or from -1 at the end", option,
                           text);
    if (number > file->n_cols || -number > file->n_cols)
        return clade__fail(CLADE_EDATA, "'%s': no column %s; there are %d", file->path, text,
                           file->n_cols);
    *col = (int)(number > 0 ? number - 1 : file->n_cols + number);
    return CLADE_OK;
}

/* Cuts a list at its commas. */
static char *copy_list(const char *list)
{
    char *copy = malloc(strlen(list) + 1);
    return copy ? strcpy(copy, list) : NULL;
}

clade_status clade__csv_each_column(const clade__csv_file *file, const char *option,
                                    const char *list, clade__csv_column_taker *take, void *context)
{
    if (!list) return CLADE_OK;
    char *copy = copy_list(list);
    if (!copy) return clade__fail(CLADE_ENOMEM, "csv: no memory");
    clade_status status = CLADE_OK;
    for (char *name = copy, *next; name && status == CLADE_OK; name = next) {
        int col = 0;
        next = strchr(name, ',');
        if (next) *next++ = '\0';
        status = clade__csv_find_column(file, option, name, &col);
        if (status == CLADE_OK) status = take(context, col, name);
    }
    free(copy);
    return status;
}

bool clade__csv_names_column(const char *list)
{
    while (list && *list) {
        char item[32];
        int64_t number;
        size_t length = strcspn(list, ",");
        if (length >= sizeof item) return true;
        memcpy(item, list, length);
        item[length] = '\0';
        if (!parse_number(item, &number)) return true;
        list += length + (list[length] == ',');
    }
    return false;
}

#include "support.h"

#include <stdio.h>

#include "base/parallel.h"
#include "tables.h"

#define MOST_COLUMNS 64

static char path[300];

int table_set_folder(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/" TABLE_NAME, test_folder());
    return 0;
}

int table_usual_threads(void **state)
{
    (void)state;
    clade__parallel_set(0, 0);
    return 0;
}

const char *table_path(void)
{
    return path;
}

const char *table_write(const char *text)
{
    test_write_file(path, text, strlen(text));
    return path;
}

clade__csv_dialect table_dialect(const char *options)
{
    char c[4] = {0};
    for (int i = 0; i < 4 && options[i]; i++) c[i] = options[i] == ' ' ? '\0' : options[i];
    return (clade__csv_dialect){c[0], c[1], c[2],
                                c[3] == 'y'   ? CLADE__CSV_HEADER_YES
                                : c[3] == 'n' ? CLADE__CSV_HEADER_NO
                                              : CLADE__CSV_HEADER_AUTO};
}

clade_status table_open(clade__csv_file *file, const char *text, const char *options)
{
    clade__csv_dialect given = table_dialect(options);
    return clade__csv_file_open(file, table_write(text), &given);
}

static clade_status read_columns(const clade__csv_file *file, const char *wants,
                                 clade__csv_column *columns)
{
    clade__csv_want want[MOST_COLUMNS];
    assert_in_range(file->n_cols, 1, MOST_COLUMNS);
    for (int i = 0; i < file->n_cols; i++) {
        want[i] = *wants == 'a'   ? CLADE__CSV_AUTO
                  : *wants == 'n' ? CLADE__CSV_NUMBER
                  : *wants == 't' ? CLADE__CSV_TEXT
                                  : CLADE__CSV_SKIP;
        if (wants[1]) wants++;
    }
    return clade__csv_file_read(file, want, columns);
}

static size_t show_cell(char *out, const clade__csv_column *c, int64_t row)
{
    if ((c->numbers && isnan(c->numbers[row])) || (c->codes && c->codes[row] < 0))
        return (size_t)sprintf(out, "~");
    if (c->numbers) return (size_t)sprintf(out, "%.17g", c->numbers[row]);
    return c->codes ? (size_t)sprintf(out, "%s", c->texts[c->codes[row]]) : 0;
}

const char *table_show(const clade__csv_file *file, const char *wants)
{
    static char out[1 << 16];
    clade__csv_column columns[MOST_COLUMNS];
    assert_ok(read_columns(file, wants, columns));
    size_t n = 0;
    for (int i = 0; file->names && i < file->n_cols; i++)
        n += (size_t)sprintf(out + n, "%s%c", file->names[i], i == file->n_cols - 1 ? ':' : '|');
    for (int64_t row = 0; row < file->n_rows; row++) {
        assert_true(n < sizeof out - 4096);
        for (int i = 0; i < file->n_cols; i++) {
            if (row + i > 0) out[n++] = i == 0 ? '/' : '|';
            n += show_cell(out + n, &columns[i], row);
        }
    }
    out[n] = '\0';
    clade__csv_columns_free(columns, file->n_cols);
    return out;
}

void table_assert(int line, const char *text, const char *options, const char *wants,
                  const char *want)
{
    clade__csv_file file = {0};
    clade_status status = table_open(&file, text, options);
    const char *got = status == CLADE_OK ? table_show(&file, wants) : clade_error();
    if (strcmp(got, want) != 0) fail_msg("line %d: '%s' is\n%s\nwant\n%s", line, text, got, want);
    clade__csv_file_close(&file);
}

void table_assert_not(int line, const char *text, const char *options, const char *wants,
                      const char *part)
{
    clade__csv_file file = {0};
    clade__csv_column columns[MOST_COLUMNS];
    clade_status status = table_open(&file, text, options);
    if (status == CLADE_OK) {
        status = read_columns(&file, wants, columns);
        if (status == CLADE_OK) clade__csv_columns_free(columns, file.n_cols);
    }
    if (status != CLADE_EDATA || !strstr(clade_error(), part))
        fail_msg("line %d: '%s': status %d, \"%s\", want \"%s\"", line, text, (int)status,
                 status == CLADE_OK ? "" : clade_error(), part);
    clade__csv_file_close(&file);
}

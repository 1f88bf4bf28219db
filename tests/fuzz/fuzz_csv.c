/* A CSV file. Input: a line with the spec's options, "label=-1&header=no"; the file. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    char options[256];
    fuzz_input table = {bytes, n_bytes};
    fuzz_take_text(&table, '\n', options, sizeof options);
    const char *path = fuzz_write("table.csv", table);
    /* Cells as floats, rows' lines, columns' names and roles, labels by a hash table. */
    fuzz_begin(8192 + 64 * n_bytes);
    fuzz_open_data("csv", path, options, true);
    fuzz_end();
    return 0;
}

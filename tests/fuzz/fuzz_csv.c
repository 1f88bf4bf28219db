/* A CSV file. Input: a line with the spec's options, "label=-1&header=no"; the file.
 *
 * What a table is read as holds for the table itself: read again by its own schema it has the same
 * values, standardized or not. */
#include "fuzz.h"

#include <string.h>

#include "data/dataset.h"

static clade_data *open_by(const char *spec, bool standardize, const clade_schema *schema)
{
    clade_data *data = NULL;
    clade_data_options options = {
        .whole = true, .standardize = standardize, .standardize_targets = standardize,
        .schema = schema};
    bool opened = fuzz_check(clade_data_open_with(&data, spec, &options));
    fuzz_assert(opened == (data != NULL));
    return data;
}

static void read_again(const char *path, const char *options)
{
    char spec[1024];
    if (!fuzz_spec(spec, sizeof spec, "csv", path, options)) return;
    for (int standardize = 0; standardize < 2; standardize++) {
        clade_data *data = open_by(spec, standardize, NULL);
        if (!data) continue;
        clade_schema *parsed = NULL;
        fuzz_assert(clade__schema_parse(&parsed, data->schema->text) == CLADE_OK);
        fuzz_assert(clade__schema_equal(parsed, data->schema));
        clade_data *again = open_by(spec, false, parsed);
        fuzz_assert(again && again->n_samples == data->n_samples);
        fuzz_assert(memcmp(again->values, data->values,
                           (size_t)data->n_samples * clade__data_value_bytes(data)) == 0);
        clade_data_free(again);
        clade_data_free(data);
        clade__schema_release(parsed);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    char options[256];
    fuzz_input table = {bytes, n_bytes};
    fuzz_take_text(&table, '\n', options, sizeof options);
    const char *path = fuzz_write("table.csv", table);
    /* Cells as doubles and floats; what is known of a column and a hash table of its texts, and a column
     * may be one byte; and each text of a column is a feature, of which there are a thousand at most
     * unless an option allows more. */
    fuzz_begin(16384 + 384 * n_bytes + 8 * n_bytes * (n_bytes < 2048 ? n_bytes : 2048));
    fuzz_open_data("csv", path, options, true);
    read_again(path, options);
    fuzz_end();
    return 0;
}

/* Two NumPy files. Input: a line with the spec's options, "test=0.5&classes=9"; the samples, see
 * fuzz_take_part; the labels. */
#include <stdio.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    char options[256], paths[256];
    fuzz_input labels = {bytes, n_bytes};
    fuzz_take_text(&labels, '\n', options, sizeof options);
    const char *x = fuzz_write("x.npy", fuzz_take_part(&labels));
    snprintf(paths, sizeof paths, "%s,%s", x, fuzz_write("y.npy", labels));
    /* A text of one byte has 38 beside it while its class is found, then a name and its pointer. */
    fuzz_begin(4096 + 64 * n_bytes);
    fuzz_open_data("npy", paths, options, true);
    fuzz_end();
    return 0;
}

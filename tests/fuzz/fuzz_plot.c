/* A run's metrics.jsonl, drawn: up to the script that gnuplot would be given. Input: the file. */
#include <string.h>

#include "cli/plot.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    cli_curves run = {0};
    clade__text script = {0};
    const char *folder = fuzz_folder();
    fuzz_write("metrics.jsonl", (fuzz_input){bytes, n_bytes});
    /* JSON of a line; 40 bytes for an epoch in 26, and as many for it in the script. */
    fuzz_begin(65536 + 128 * n_bytes);
    if (fuzz_check(cli_curves_read(&run, &folder, 1))) {
        cli_plot_script(&script, &run, 1, false);
        fuzz_assert(!script.failed && strlen(script.data) == script.length);
        fuzz_assert(!strpbrk(script.data, "`")); /* gnuplot would run what is between two */
    }
    clade__text_free(&script);
    cli_curves_free(&run, 1);
    fuzz_end();
    return 0;
}

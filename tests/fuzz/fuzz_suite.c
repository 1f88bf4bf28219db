/* A document of `clade bench`, compared with itself and made a page of. Input: the file. */
#include <stdio.h>

#include "cli/suite_page.h"
#include "fuzz.h"

static void compare(cli_suite_document *documents, const char *page)
{
    cli_suite_columns columns;
    if (!fuzz_check(cli_suite_columns_open(&columns, documents, 2))) return;
    for (int i = 0; i < columns.devices[0]->n_rows; i++) {
        const cli_suite_row *row = &columns.devices[0]->rows[i];
        const cli_suite_ratio ratio = cli_suite_ratio_of(&columns, row, 0);
        if (ratio.row == row && ratio.order != CLI_SUITE_NO_RATIO)
            fuzz_assert(ratio.ratio == 1.0 && ratio.order == CLI_SUITE_SAME);
        fuzz_assert(!cli_suite_is_loss(row, &ratio, 1.0) || ratio.row != row);
    }
    fuzz_assert(fuzz_check(cli_suite_write_comparison(&columns, page)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    cli_suite_document documents[2];
    char page[512];
    const char *path = fuzz_write("suite.json", (fuzz_input){bytes, n_bytes});
    snprintf(page, sizeof page, "%s/page.html", fuzz_folder());
    /* Trees, devices and rows of both, and a page of 700 bytes for a row of 250. */
    fuzz_begin(262144 + 256 * n_bytes);
    bool good = fuzz_check(cli_suite_document_read(&documents[0], path));
    bool again = fuzz_check(cli_suite_document_read(&documents[1], path));
    fuzz_assert(good == again);
    if (good) {
        fuzz_assert(fuzz_check(cli_suite_write_page(&documents[0], &documents[1], page)));
        compare(documents, page);
    }
    for (int i = 0; i < 2; i++) cli_suite_document_free(&documents[i]);
    fuzz_end();
    return 0;
}

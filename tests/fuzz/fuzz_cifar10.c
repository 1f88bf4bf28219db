/* A folder of CIFAR-10. Input: a line with the spec's options, "files=test_batch.bin"; the names of
 * the classes for batches.meta.txt, ended by a zero byte and not written when empty; a byte that says
 * by how much the batch is longer than its records, or shorter; the labels of the records. */
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

enum { RECORD_BYTES = 3073, MOST_RECORDS = 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static uint8_t records[MOST_RECORDS * RECORD_BYTES + 128];
    char options[256], names[512];
    fuzz_input input = {bytes, n_bytes}, batch = {records, 0};
    fuzz_take_text(&input, '\n', options, sizeof options);
    fuzz_take_text(&input, '\0', names, sizeof names);
    fuzz_input extra = fuzz_take(&input, 1), labels = fuzz_take(&input, MOST_RECORDS);
    for (size_t i = 0; i < labels.n_bytes; i++)
        memset(records + i * RECORD_BYTES, labels.bytes[i], RECORD_BYTES);
    int more = extra.n_bytes > 0 ? (int8_t)extra.bytes[0] : 0;
    if (labels.n_bytes > 0 || more > 0)
        batch.n_bytes = (size_t)((int)labels.n_bytes * RECORD_BYTES + more);

    const char *meta =
        fuzz_write("batches.meta.txt", (fuzz_input){(const uint8_t *)names, strlen(names)});
    if (!names[0]) unlink(meta);
    fuzz_write("data_batch_1.bin", batch);
    fuzz_write("test_batch.bin", batch);
    /* Both batches, and one of them as it was read. */
    fuzz_begin(8192 + 3 * batch.n_bytes + 64 * n_bytes);
    fuzz_open_data("cifar10", fuzz_folder(), options, true);
    fuzz_end();
    return 0;
}

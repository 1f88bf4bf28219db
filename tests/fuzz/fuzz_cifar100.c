/* A folder of CIFAR-100. Input: a line with the spec's options, "labels=coarse&n=2"; the names of the fine
 * classes, ended by a zero byte and not written when empty; a byte that says by how much the file is longer
 * than its records, or shorter; the labels of the records, two bytes each. */
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

enum { RECORD_BYTES = 3074, MOST_RECORDS = 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static uint8_t records[MOST_RECORDS * RECORD_BYTES + 128];
    char options[256], names[1024];
    fuzz_input input = {bytes, n_bytes}, file = {records, 0};
    fuzz_take_text(&input, '\n', options, sizeof options);
    fuzz_take_text(&input, '\0', names, sizeof names);
    fuzz_input extra = fuzz_take(&input, 1);
    size_t n_records = input.n_bytes / 2 < MOST_RECORDS ? input.n_bytes / 2 : MOST_RECORDS;
    for (size_t i = 0; i < n_records; i++) {
        memset(records + i * RECORD_BYTES, input.bytes[2 * i + 1], RECORD_BYTES);
        records[i * RECORD_BYTES] = input.bytes[2 * i];
    }
    int more = extra.n_bytes > 0 ? (int8_t)extra.bytes[0] : 0;
    if (n_records > 0 || more > 0) file.n_bytes = (size_t)((int)n_records * RECORD_BYTES + more);

    const char *meta =
        fuzz_write("fine_label_names.txt", (fuzz_input){(const uint8_t *)names, strlen(names)});
    if (!names[0]) unlink(meta);
    fuzz_write("train.bin", file);
    fuzz_write("test.bin", file);
    /* A file, and what is read of it; names beside their pointers. */
    fuzz_begin(8192 + 3 * file.n_bytes + 64 * n_bytes);
    fuzz_open_data("cifar100", fuzz_folder(), options, true);
    fuzz_end();
    return 0;
}

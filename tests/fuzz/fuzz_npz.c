/* An archive of arrays. Input: a line with the spec's options, "x=a&y=b"; then the archive, when the
 * rest begins as one; else arrays that are packed here, so that the checksums are right: each a byte
 * of how it is written, a line with its name, and its file, see fuzz_take_part. */
#include <stdio.h>
#include <string.h>

#include "../arrays.h"
#include "data/zip.h"
#include "fuzz.h"

enum { MOST_MEMBERS = 6, MOST_BYTES = 2048, DEFLATE_MOST = 1032 };

static fuzz_input pack(fuzz_input arrays)
{
    static zip archive;
    archive = (zip){0};
    while (arrays.n_bytes > 0 && archive.n_members < MOST_MEMBERS) {
        char name[64];
        unsigned how = *fuzz_take(&arrays, 1).bytes;
        fuzz_take_text(&arrays, '\n', name, sizeof name);
        fuzz_input file = fuzz_take_part(&arrays);
        if (file.n_bytes > MOST_BYTES) file.n_bytes = MOST_BYTES;
        zip_add(&archive, name, file.bytes, file.n_bytes,
                (zip_how){.deflated = how & 1, .streamed = how & 2, .directory64 = how & 4});
        archive.zip64 = how & 8;
    }
    zip_end(&archive);
    return (fuzz_input){archive.bytes, archive.n};
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    char options[256];
    fuzz_input archive = {bytes, n_bytes};
    fuzz_take_text(&archive, '\n', options, sizeof options);
    if (!clade__is_zip(archive.bytes, archive.n_bytes)) archive = pack(archive);
    const char *path = fuzz_write("a.npz", archive);
    /* The bytes may be deflated, and each of them a text, see fuzz_npy.c; in arrays of which there
     * are four at most. */
    fuzz_begin(4096 + archive.n_bytes * (64 + 4 * 64 * (uint64_t)DEFLATE_MOST));
    fuzz_open_data("npy", path, options, false);
    fuzz_end();
    return 0;
}

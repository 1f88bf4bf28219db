/* A folder with an image, PNG or JPEG by what its bytes are. Input: a byte that chooses the spec's options;
 * the file. */
#include <unistd.h>

#include "fuzz.h"

/* What an image of so many bytes unpacks to must stay below what libFuzzer lets be taken at once. */
enum { MOST_BYTES = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static const char *const options[] = {"labels=none", "labels=none&size=5x7", "labels=none&channels=1",
                                          "labels=none&size=40&channels=1&part=train&test=0"};
    fuzz_input file = {bytes, n_bytes};
    fuzz_input choice = fuzz_take(&file, 1);
    if (choice.n_bytes == 0 || file.n_bytes > MOST_BYTES) return 0;
    const char *path = fuzz_write("x.png", file);
    /* Deflate makes 1032 of a byte, pixels of a bit, which become three bytes each, and those of a sample
     * beside them. What the decoders have to do so is their own, and libpng's buffers. */
    fuzz_begin((size_t)256 * 1024 + n_bytes * 1032 * 8 * 6);
    fuzz_open_data("images", fuzz_folder(), options[choice.bytes[0] % 4], false);
    fuzz_end();
    unlink(path);
    return 0;
}

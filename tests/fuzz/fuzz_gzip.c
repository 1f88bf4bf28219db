/* MNIST's images gzipped, beside three labels. Input: a line with the spec's options; the gzip file
 * when the rest begins as one; else IDX bytes, which are packed here, so that the checksums are right:
 * as two members, the first byte saying where the second begins. */
#include <zlib.h>

#include "fuzz.h"

enum { MOST_BYTES = 1 << 16, DEFLATE_MOST = 1032 };

static uint8_t packed[2 * MOST_BYTES];

/* Appends a gzip member to the n bytes in `packed`; how many there are then. */
static size_t pack(size_t n, fuzz_input member)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)member.bytes, .avail_in = (uInt)member.n_bytes,
                  .next_out = packed + n, .avail_out = (uInt)(sizeof packed - n)};
    fuzz_assert(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    fuzz_assert(deflate(&z, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&z);
    return sizeof packed - z.avail_out;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static const uint8_t three[] = {0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4};
    char options[256];
    fuzz_input images = {bytes, n_bytes}, labels = {three, sizeof three};
    if (n_bytes > MOST_BYTES) return 0;
    fuzz_take_text(&images, '\n', options, sizeof options);
    if (images.n_bytes > 1 && (images.bytes[0] != 0x1f || images.bytes[1] != 0x8b)) {
        uint8_t length = *fuzz_take(&images, 1).bytes;
        size_t n = pack(0, fuzz_take(&images, length));
        images = (fuzz_input){packed, pack(n, images)};
    }
    fuzz_write("train-images-idx3-ubyte.gz", images);
    fuzz_write("train-labels-idx1-ubyte", labels);
    fuzz_write("t10k-images-idx3-ubyte.gz", images);
    fuzz_write("t10k-labels-idx1-ubyte", labels);
    fuzz_begin(4096 + (2 + DEFLATE_MOST) * images.n_bytes);
    fuzz_open_data("mnist", fuzz_folder(), options);
    fuzz_end();
    return 0;
}

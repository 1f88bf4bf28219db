/* MNIST's images gzipped, beside three labels. Input: a line with the spec's options; the gzip file
 * when the rest begins as one; else IDX bytes, which are packed here, so that the checksums are right:
 * as two members, the first byte saying where the second begins. The images are read whole, too. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "data/gzip.h"

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

/* Reads the file whole; `want`, where it is known, is what must come of it. */
static void read_whole(const char *path, size_t n_packed, fuzz_input want)
{
    unsigned char *bytes = NULL;
    size_t n_bytes = 0;
    fuzz_begin(4096 + (1 + 2 * DEFLATE_MOST) * n_packed); /* the block is moved when it grows */
    bool read = fuzz_check(clade__gzip_read_file(path, &bytes, &n_bytes));
    fuzz_assert(read == (bytes != NULL));
    if (want.bytes)
        fuzz_assert(read && n_bytes == want.n_bytes && memcmp(bytes, want.bytes, n_bytes) == 0);
    free(bytes);
    fuzz_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static const uint8_t three[] = {0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4};
    char options[256];
    fuzz_input images = {bytes, n_bytes}, labels = {three, sizeof three}, content = {0};
    if (n_bytes > MOST_BYTES) return 0;
    fuzz_take_text(&images, '\n', options, sizeof options);
    if (images.n_bytes > 1 && (images.bytes[0] != 0x1f || images.bytes[1] != 0x8b)) {
        uint8_t length = *fuzz_take(&images, 1).bytes;
        content = images;
        size_t n = pack(0, fuzz_take(&images, length));
        images = (fuzz_input){packed, pack(n, images)};
    }
    read_whole(fuzz_write("train-images-idx3-ubyte.gz", images), images.n_bytes, content);
    fuzz_write("train-labels-idx1-ubyte", labels);
    fuzz_write("t10k-images-idx3-ubyte.gz", images);
    fuzz_write("t10k-labels-idx1-ubyte", labels);
    fuzz_begin(8192 + (2 + 4 * DEFLATE_MOST) * images.n_bytes); /* a byte may become a float */
    fuzz_open_data("mnist", fuzz_folder(), options, true);
    fuzz_end();
    return 0;
}

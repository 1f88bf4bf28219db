/* A folder with an image, PNG or JPEG by what its bytes are. Input: a byte that chooses the spec's options, and
 * whether the checksums of a PNG are made right, since hardly a made-up one is; the file. */
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "fuzz.h"

/* What an image of so many bytes unpacks to must stay below what libFuzzer lets be taken at once. */
enum { MOST_BYTES = 2048, RIGHT_CHECKSUMS = 0x10 };

static uint32_t read_32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Chunks are 4 bytes of length, 4 of type, those of the chunk, and 4 of a checksum of type and these. */
static void set_checksums(uint8_t *bytes, size_t n_bytes)
{
    for (size_t at = 8; at + 12 <= n_bytes;) {
        uint32_t length = read_32(bytes + at);
        if (length > n_bytes - at - 12) return;
        uint32_t sum = (uint32_t)crc32(0, bytes + at + 4, length + 4);
        for (int i = 0; i < 4; i++) bytes[at + 8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += 12 + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static const char *const options[] = {"labels=none", "labels=none&size=5x7", "labels=none&channels=1",
                                          "labels=none&size=40&channels=1&part=train&test=0"};
    static uint8_t copy[MOST_BYTES];
    fuzz_input file = {bytes, n_bytes};
    fuzz_input choice = fuzz_take(&file, 1);
    if (choice.n_bytes == 0 || file.n_bytes > MOST_BYTES) return 0;
    if (file.n_bytes > 0) memcpy(copy, file.bytes, file.n_bytes);
    if (choice.bytes[0] & RIGHT_CHECKSUMS && file.n_bytes > 0 && copy[0] == 0x89)
        set_checksums(copy, file.n_bytes);
    const char *path = fuzz_write("x.png", (fuzz_input){copy, file.n_bytes});
    /* Deflate makes 1032 of a byte, pixels of a bit, which become three bytes each, and those of a sample
     * beside them. What the decoders have to do so is their own, and libpng's buffers. */
    fuzz_begin((size_t)256 * 1024 + n_bytes * 1032 * 8 * 6);
    fuzz_open_data("images", fuzz_folder(), options[choice.bytes[0] % 4], false);
    fuzz_end();
    unlink(path);
    return 0;
}

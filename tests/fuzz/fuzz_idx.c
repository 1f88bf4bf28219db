/* A folder with MNIST's files, plain. Input: a line with the spec's options, "n=2"; the images, see
 * fuzz_take_part; the labels. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    char options[256];
    fuzz_input labels = {bytes, n_bytes};
    fuzz_take_text(&labels, '\n', options, sizeof options);
    fuzz_input images = fuzz_take_part(&labels);
    fuzz_write("train-images-idx3-ubyte", images);
    fuzz_write("train-labels-idx1-ubyte", labels);
    fuzz_write("t10k-images-idx3-ubyte", images);
    fuzz_write("t10k-labels-idx1-ubyte", labels);
    /* The files in memory, the samples as they are, a label in four bytes. */
    fuzz_begin(4096 + 8 * n_bytes);
    fuzz_open_data("mnist", fuzz_folder(), options, true);
    fuzz_end();
    return 0;
}

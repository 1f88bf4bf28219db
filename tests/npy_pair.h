/* Samples and labels as a pair of .npy files, for the tests of their reader. */
#ifndef CLADE_TESTS_NPY_PAIR_H
#define CLADE_TESTS_NPY_PAIR_H

#include <clade/clade.h>

#include "arrays.h"

extern char npy_folder[256]; /* where they lie: x.npy, y.npy */

/* Group set-up: a new folder. */
int npy_set_folder(void **state);

/* Writes the pair; its spec, as test_text. */
const char *npy_write_pair(npy x, npy y);

/* Writes and opens it; or asserts that it is refused as bad data with a message that has `part` and
 * names a file. */
clade_data *npy_open_pair(npy x, npy y);
void npy_open_bad(npy x, npy y, const char *part);

#endif

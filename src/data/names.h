/* Names of classes and categories of two sources, compared: by value where both are numbers, else by
 * bytes. */
#ifndef CLADE_DATA_NAMES_H
#define CLADE_DATA_NAMES_H

#include <stdint.h>

#include "base/error.h"

enum { CLADE__NAME_NUMBER_BYTES = 64 }; /* of a number in its canonical form; a longer one is a word */

/* of_name (n) becomes which of `known` (n_known) each of `names` (n) is, by its bytes, else by its value
 * (1, 1.0 and 01); -1 for none. */
CLADE_MUST_CHECK clade_status clade__names_match(int32_t *of_name, const char *const *names,
                                                 int32_t n, const char *const *known,
                                                 int32_t n_known);

#endif

/* A layer of the tests' own, of which the library knows nothing: clade__layer_type_add makes it one of its.
 *
 * scaled: y = gain * x, with one gain for all elements, which is trained, and `seen`, which is not: every step
 * of a training adds 1 / 2 to it. Its option `first` is the gain at first. */
#ifndef CLADE_TESTS_OWN_LAYER_H
#define CLADE_TESTS_OWN_LAYER_H

#include "graph/layer.h"

extern const clade__layer_type own_scaled;

#endif

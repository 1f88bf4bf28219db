/* Arrays of a NumPy archive as named fields: the option fields= of npy. */
#ifndef CLADE_DATA_NPY_FIELDS_H
#define CLADE_DATA_NPY_FIELDS_H

#include "data/spec.h"

clade__data_opener clade__npy_fields_open;

#endif

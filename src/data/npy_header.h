/* The header of a .npy file as text: a Python dictionary with three keys,
 *
 *   {'descr': '<f4', 'fortran_order': False, 'shape': (150, 4), }
 *
 * which is parsed by that grammar and never evaluated. */
#ifndef CLADE_DATA_NPY_HEADER_H
#define CLADE_DATA_NPY_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include <clade/tensor.h>

/* Starts zeroed, but for at and end. */
typedef struct clade__npy_header {
    const char *at, *end; /* what is still to be read; where a step failed */
    const char *want;     /* what the failed step wanted; NULL as long as all is well */
    char descr[16];       /* the type of an element */
    bool structured;      /* the type is a list of fields; the rest was not read then */
    bool fortran;
    int rank;             /* as in the file; only so many sizes as fit are kept */
    int64_t dim[CLADE_MAX_RANK];
} clade__npy_header;

/* Whether all of it is well-formed. */
bool clade__npy_header_parse(clade__npy_header *header);

#endif

/* A data spec taken apart, and the table of kinds that can be opened.
 *
 * A new kind is a file with one function of type clade__data_opener, declared here, and one row of
 * the table in spec.c, with the options that it reads: what is not listed there is refused, and what is
 * listed stands in `clade train --help`. The function fills everything but name and seconds, and its messages name
 * the file they are about.
 */
#ifndef CLADE_DATA_SPEC_H
#define CLADE_DATA_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "data/dataset.h"

#define CLADE__DATA_MAX_OPTIONS 24

/* A kind of two parts gives its test part where the valid one is asked for. */
typedef enum clade__part { CLADE__TRAIN, CLADE__VALID, CLADE__TEST } clade__part;

/* "train", "valid" or "test" */
const char *clade__part_name(clade__part part);

/* kind[:path][?key=value&…]; the texts belong to the spec. */
typedef struct clade__data_spec {
    const char *kind;
    const char *path; /* NULL when there is none */
    clade__part part; /* for kinds that have parts */
    bool part_given;  /* by the spec itself */
    const clade_data_options *how; /* as it is opened */
    size_t n_options;
    struct {
        const char *key, *value;
    } options[CLADE__DATA_MAX_OPTIONS + 1]; /* a reader may add one */
} clade__data_spec;

typedef clade_status clade__data_opener(clade_data **out, const clade__data_spec *spec);

/* The value of an option, or NULL when the spec does not give it. */
const char *clade__data_option(const clade__data_spec *spec, const char *key);

/* A whole number in [least, most]; *value stays when the spec does not give the option. */
CLADE_MUST_CHECK clade_status clade__data_option_number(const clade__data_spec *spec,
                                                        const char *key, uint64_t least,
                                                        uint64_t most, uint64_t *value);

/* How many samples to take of n_there, the first of the part: n=N, or all of them. CLADE_EDATA
 * where there are fewer; `path` is for the message. */
CLADE_MUST_CHECK clade_status clade__data_option_first(const clade__data_spec *spec,
                                                       const char *path, int64_t n_there,
                                                       int64_t *n);

/* The kind of data that a path without one looks like, by its ending or by what its folder holds; NULL
 * where it looks like none. */
const char *clade__data_guess_kind(const char *path); /* guess.c */

clade__data_opener clade__digits_open;   /* digits.c */
clade__data_opener clade__mnist_open;    /* idx.c */
clade__data_opener clade__cifar10_open;  /* cifar.c */
clade__data_opener clade__cifar100_open; /* cifar.c */
clade__data_opener clade__images_open;   /* images.c */
clade__data_opener clade__csv_open;      /* csv.c */
clade__data_opener clade__npy_open;      /* npy.c */
clade__data_opener clade__random_open;   /* random.c */

#endif

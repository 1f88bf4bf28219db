/* A NumPy .npz archive: which of its arrays are samples and answers, of which part. */
#ifndef CLADE_DATA_NPZ_H
#define CLADE_DATA_NPZ_H

#include "data/npy_file.h"
#include "data/spec.h"
#include "data/zip.h"

/* Starts zeroed. */
typedef struct clade__npz {
    const char *path;     /* borrowed */
    unsigned char *bytes; /* owned */
    clade__zip zip;
    size_t n_arrays;      /* of the members, those whose names end in .npy */
} clade__npz;

enum { CLADE__NPZ_PARTS = 3 };

typedef struct clade__npz_choice {
    const clade__zip_member *samples;
    const clade__zip_member *answers[CLADE__NPZ_PARTS]; /* (n_answers) of the part that is wanted,
                                                         * then of the others, whose classes it has */
    int n_answers;
    const char *part; /* which one this is, of an archive that tells parts apart by itself; else NULL */
} clade__npz_choice;

/* Takes the bytes over, also when it fails. */
CLADE_MUST_CHECK clade_status clade__npz_open(clade__npz *npz, const char *path,
                                              unsigned char *bytes, size_t n_bytes);
void clade__npz_close(clade__npz *npz);

/* By the options x= and y= of the spec, or by the names that are usual; see clade/data.h. */
CLADE_MUST_CHECK clade_status clade__npz_choose(const clade__npz *npz, const clade__data_spec *spec,
                                                clade__npz_choice *choice);

/* The array that the archive has, where it has but one, or the one that the option names. */
CLADE_MUST_CHECK clade_status clade__npz_only(const clade__npz *npz, const clade__data_spec *spec,
                                              const char *option,
                                              const clade__zip_member **member);

/* The array of a name of so many characters; CLADE_EDATA where there is none, or more than one. */
CLADE_MUST_CHECK clade_status clade__npz_find(const clade__npz *npz, const char *name, size_t length,
                                              const clade__zip_member **member);

/* Reads an array; it is called ARCHIVE:NAME then. */
CLADE_MUST_CHECK clade_status clade__npz_read(const clade__npz *npz,
                                              const clade__zip_member *member, clade__npy *array,
                                              clade__npy_use use);

#endif

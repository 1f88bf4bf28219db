/* Train and test parts of a file that has none: a fixed choice of its rows, the same on every
 * machine, so that the two parts never share a row and together are all rows. */
#ifndef CLADE_DATA_SPLIT_H
#define CLADE_DATA_SPLIT_H

#include "data/spec.h"

typedef struct clade__split {
    int64_t n_rows; /* in it */
    int64_t end;    /* rows from here on are not in it */
    bool *taken;    /* by row; NULL: all are */
} clade__split;

/* The option test=FRACTION, in [0, 1); CLADE_EINVAL for anything else. */
CLADE_MUST_CHECK clade_status clade__split_fraction(const clade__data_spec *spec,
                                                    double unless_given, double *fraction);

/* The rows of spec's part out of n_rows: fraction of them to test, rounded, and at least one to
 * either; all of them in both parts when fraction is 0. With n=N, the first N of these. `path` is
 * for messages. */
CLADE_MUST_CHECK clade_status clade__split_rows(clade__split *split, const clade__data_spec *spec,
                                                double fraction, int64_t n_rows, const char *path);

static inline bool clade__split_takes(const clade__split *split, int64_t row)
{
    return row < split->end && (!split->taken || split->taken[row]);
}

void clade__split_free(clade__split *split);

#endif

/* Which set of CLBlast's parameters to try next: first sets that did well elsewhere, then the best so far with the
 * parameters of one kernel drawn anew. */
#ifndef CLADE_TUNE_SEARCH_H
#define CLADE_TUNE_SEARCH_H

#include "base/philox.h"
#include "blas/clblast_set.h"

typedef struct clade__search {
    clade__clblast_set best; /* the caller makes a better one this */
    bool cpu;
    int max_group; /* work-items */
    int next_seed;
    clade__random random;
} clade__search;

void clade__search_start(clade__search *search, const clade__clblast_set *from, bool cpu, int max_group);

/* A set that may have been given before. */
clade__clblast_set clade__search_next(clade__search *search);

#endif

/* What is done in a child process, for one who has called no OpenCL: it may crash, or never come back.
 *
 * Both processes see one block of memory, this struct; the child fills in what it finds. */
#ifndef CLADE_TUNE_ATTEMPT_H
#define CLADE_TUNE_ATTEMPT_H

#include <clade/tune.h>

#include "blas/clblast_set.h"

#define CLADE__TUNE_BYTES  65536 /* of the lines that are kept; see device/tuned.h */

typedef enum clade__attempt_end { CLADE__DONE, CLADE__CRASHED, CLADE__HUNG, CLADE__FAILED } clade__attempt_end;

typedef struct clade__attempt {
    const clade_tune_options *options;
    double spent; /* seconds of all children so far */

    /* From the scout on. */
    int n_products;
    clade_tune_product products[CLADE_TUNE_MAX_PRODUCTS]; /* `after` is not used */
    double times[CLADE_TUNE_MAX_PRODUCTS]; /* how often each is made in a step; 0: all alike */
    clade__clblast_set in_use;
    bool cpu;
    int max_group;
    char lines[CLADE__TUNE_BYTES]; /* that are kept for the device, or are to be */

    /* To measure. */
    clade__clblast_set set;
    bool checked;    /* products are known to be right with it: they are timed alone, once */
    double hopeless; /* give up where a product takes so many times `before`; 0: never */
    double seconds[CLADE_TUNE_MAX_PRODUCTS]; /* of each product; 0: given up */

    clade_status status;
    char error[1024];
} clade__attempt;

/* A block that child processes share. NULL without memory. */
clade__attempt *clade__attempt_open(const clade_tune_options *options);
void clade__attempt_close(clade__attempt *attempt);

/* Runs `what` in a child, at most so long, or until the options' stop. Where it ends by itself attempt->status is what
 * it returned, with its message in attempt->error, which is clade_error() then. */
typedef clade_status clade__attempt_task(clade__attempt *attempt);
clade__attempt_end clade__attempt_run(clade__attempt *attempt, clade__attempt_task *what, double timeout);

/* What can be run. The scout finds out what is to be tuned; tiles measures our own gemm again; time measures the
 * set, each product checked before; keep makes `lines` the device's. A child has one set: CLBlast does not go back
 * to what it has itself. */
clade_status clade__attempt_scout(clade__attempt *attempt);
clade_status clade__attempt_tiles(clade__attempt *attempt);
clade_status clade__attempt_time(clade__attempt *attempt);
clade_status clade__attempt_keep(clade__attempt *attempt);

#endif

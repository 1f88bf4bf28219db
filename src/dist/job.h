/* A job as the library sees it from inside; clade/job.h is what programs see. */
#ifndef CLADE_DIST_JOB_H
#define CLADE_DIST_JOB_H

#include <stdbool.h>

#include <clade/job.h>

#include "dist/transport.h"

struct clade_job {
    clade__transport *transport; /* own, or the shared one of one rank */
    clade__transport own;
    bool broken; /* this rank has failed, and the others do not know */
};

/* How the job's ranks speak to each other; for NULL, which is no job, that of one rank. */
clade__transport *clade__job_transport(const clade_job *job);

/* part becomes a job of the first n_ranks ranks; for the others it is one of one rank. All ranks of job call it, and
 * those of the part leave it together. */
clade_status clade__job_part(clade_job *job, int n_ranks, clade_job *part);
void clade__job_part_leave(clade_job *part);

/* Returns status, with which a call that ranks make together has ended on this one. A failure breaks the job
 * unless all ranks know of it. job may be NULL. */
clade_status clade__job_ended(clade_job *job, clade_status status, bool known);

#endif

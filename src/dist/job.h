/* A job as the library sees it from inside; clade/job.h is what programs see. */
#ifndef CLADE_DIST_JOB_H
#define CLADE_DIST_JOB_H

#include <clade/job.h>

#include "dist/transport.h"

/* How the job's ranks speak to each other; for NULL, which is no job, that of one rank. */
clade__transport *clade__job_transport(const clade_job *job);

#endif

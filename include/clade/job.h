/* A job: several processes that train one model together, its ranks, each with a device of its own. */
#ifndef CLADE_JOB_H
#define CLADE_JOB_H

#include <clade/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clade_job clade_job;

/* Joins the job that this process was started in; one that was started alone is a job of one rank. */
CLADE_API CLADE_MUST_CHECK clade_status clade_job_open(clade_job **out);

/* Leaves the job. NULL is taken. */
CLADE_API void clade_job_free(clade_job *job);

/* This process among those of the job, from 0, and how many there are; of NULL 0 and 1. */
CLADE_API int clade_job_rank(const clade_job *job);
CLADE_API int clade_job_n_ranks(const clade_job *job);

/* This process among those of the job on the same host, from 0: for the choice of a device. */
CLADE_API int clade_job_host_rank(const clade_job *job);

/* Ends every process of the job with this exit status, of 1 … 255, and does not return: for a rank that
 * cannot go on, while others wait for it. In a job of one rank it does nothing. */
CLADE_API void clade_job_abort(clade_job *job, int exit_status);

#ifdef __cplusplus
}
#endif

#endif

/* A job of one rank; see fault_scenarios.h. */
#include "fault_scenarios.h"

#include "base/error.h"

clade_status fault_run_jobs(double *result)
{
    clade_job *job = NULL;
    CLADE_TRY(clade_job_open(&job));
    *result = clade_job_n_ranks(job);
    clade_job_free(job);
    return CLADE_OK;
}

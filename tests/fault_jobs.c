/* A job of one rank, and one that a launcher has started; see fault_scenarios.h. */
#define _XOPEN_SOURCE 700
#include "fault_scenarios.h"

#include <stdlib.h>

#include "base/error.h"

static clade_status join(double *result)
{
    clade_job *job = NULL;
    CLADE_TRY(clade_job_open(&job));
    clade_device *device = NULL;
    clade_status status = clade_job_device_open(&device, job, NULL, 0);
    if (status == CLADE_OK) *result += clade_device_describe(device)->compute_units;
    if (status == CLADE_OK) status = clade_job_compare(job, "text", "x");
    if (status == CLADE_ERANK) status = CLADE_OK; /* the stand-in's ranks differ */
    clade_device_free(device);
    clade_job_free(job);
    return status;
}

clade_status fault_run_jobs(double *result)
{
    *result = 0.0;
    CLADE_TRY(join(result));
    setenv("OMPI_COMM_WORLD_RANK", "1", 1);
    setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
    setenv("CLADE_MPI_LIBRARY", CLADE_FAKE_MPI, 1);
    clade_status status = join(result);
    unsetenv("OMPI_COMM_WORLD_RANK");
    unsetenv("OMPI_COMM_WORLD_SIZE");
    unsetenv("CLADE_MPI_LIBRARY");
    return status;
}

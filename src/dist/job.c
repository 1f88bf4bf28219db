#include "dist/job.h"

#include <stdlib.h>

struct clade_job {
    clade__transport *transport;
};

clade_status clade_job_open(clade_job **out)
{
    CLADE_WANT(out);
    *out = NULL;
    clade_job *job = calloc(1, sizeof *job);
    if (!job) return clade__fail(CLADE_ENOMEM, "job: out of memory");
    job->transport = &clade__transport_self;
    *out = job;
    return CLADE_OK;
}

void clade_job_free(clade_job *job)
{
    free(job);
}

clade__transport *clade__job_transport(const clade_job *job)
{
    return job ? job->transport : &clade__transport_self;
}

int clade_job_rank(const clade_job *job)
{
    return clade__job_transport(job)->rank;
}

int clade_job_n_ranks(const clade_job *job)
{
    return clade__job_transport(job)->n_ranks;
}

int clade_job_host_rank(const clade_job *job)
{
    return clade__job_transport(job)->host_rank;
}

void clade_job_abort(clade_job *job, int exit_status)
{
    clade__transport_abort(clade__job_transport(job), exit_status);
}

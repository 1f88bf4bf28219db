#include "dist/job.h"

#include <stdlib.h>

#include "dist/launcher.h"

static clade_status join(clade_job *job)
{
    clade__launch launch = clade__launch_find();
    job->transport = &clade__transport_self;
    if (launch.n_ranks == 1) return CLADE_OK;
    job->transport = &job->own;
    return clade__launch_transport(&launch, &job->own);
}

clade_status clade_job_open(clade_job **out)
{
    CLADE_WANT(out);
    *out = NULL;
    clade_job *job = calloc(1, sizeof *job);
    if (!job) return clade__fail(CLADE_ENOMEM, "job: out of memory");
    clade_status status = join(job);
    if (status == CLADE_OK)
        *out = job;
    else
        free(job);
    return status;
}

void clade_job_free(clade_job *job)
{
    if (!job) return;
    /* The others wait for what this rank has not done; to leave in peace would be to wait for them. */
    if (job->broken) clade__transport_abort(job->transport, 1);
    (void)job->transport->calls->leave(job->transport);
    free(job);
}

clade_status clade__job_part(clade_job *job, int n_ranks, clade_job *part)
{
    *part = (clade_job){.transport = &part->own};
    clade_status status = clade__transport_part(job->transport, n_ranks, &part->own);
    if (status != CLADE_OK) job->broken = true;
    return status;
}

void clade__job_part_leave(clade_job *part)
{
    (void)part->own.calls->leave(&part->own);
}

clade__transport *clade__job_transport(const clade_job *job)
{
    return job ? job->transport : &clade__transport_self;
}

clade_status clade__job_ended(clade_job *job, clade_status status, bool known)
{
    if (job && status != CLADE_OK && !known) job->broken = true;
    return status;
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

int clade_job_launched_rank(void)
{
    return clade__launch_find().rank;
}

bool clade_job_broken(const clade_job *job)
{
    return job && job->broken;
}

void clade_job_abort(clade_job *job, int exit_status)
{
    clade__transport_abort(clade__job_transport(job), exit_status);
}

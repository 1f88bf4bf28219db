/* A job: several processes that train one model together, its ranks, each with a device of its own.
 *
 *     mpirun -n 4 ./program
 *
 * The ranks make the same calls in the same order: those that are given the job wait for each other. One
 * process alone is a job of one rank, to which all this does nothing; and so is NULL.
 *
 * A rank that fails while the others do not would leave them waiting. clade_job_agree makes one failure of it,
 * which all ranks return. Where clade_job_broken says that they do not know of it, a program says what is wrong
 * and calls clade_job_abort:
 *
 *     status = clade_job_agree(job, prepare());
 *     if (status == CLADE_OK) status = clade_fit(model, data, &options, &result);   options.job = job
 *     if (status != CLADE_OK && (clade_job_rank(job) == 0 || clade_job_broken(job))) puts(clade_error());
 *     if (clade_job_broken(job)) clade_job_abort(job, 1);
 */
#ifndef CLADE_JOB_H
#define CLADE_JOB_H

#include <stdbool.h>

#include <clade/device.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clade_job clade_job;

/* Joins the job that this process was started in, by the launcher of Open MPI (OMPI_COMM_WORLD_SIZE is set) or
 * of MPICH and its relatives (PMI_SIZE): starts MPI, unless the program has, by libclade_mpi.so. That is loaded
 * here, from beside the library or from where CLADE_MPI_LIBRARY says. A process that was started alone is a job
 * of one rank, and needs no MPI. CLADE_ERANK where libclade_mpi.so is missing, of another version or linked with
 * another MPI than the launcher's, or where MPI fails; CLADE_ESTATE where MPI has ended in this process, which is
 * for good, or was started without MPI_THREAD_SERIALIZED. */
CLADE_API CLADE_MUST_CHECK clade_status clade_job_open(clade_job **out);

/* Leaves the job, when all ranks do; with clade_job_broken it ends the job as clade_job_abort does. MPI ends
 * with it, if it was started here. NULL is taken. */
CLADE_API void clade_job_free(clade_job *job);

/* This process among those of the job, from 0, and how many there are; of NULL 0 and 1. */
CLADE_API int clade_job_rank(const clade_job *job);
CLADE_API int clade_job_n_ranks(const clade_job *job);

/* This process among those of the job on the same host, from 0. */
CLADE_API int clade_job_host_rank(const clade_job *job);

/* Opens the device of this rank, on all ranks together. Of the n that its host has, rank k of the host takes
 * number k mod n: the one that clade_device_open takes without a selector, then those of its type, then others,
 * the same hardware behind two platforms once. A selector, or CLADE_DEVICE, says otherwise; compute_units is that
 * of clade_device_open_units. Before, ranks of a host divide its processor's cores among themselves, but for
 * those that mpirun's --bind-to gives cores of their own: each has its threads and its CPU device on its part,
 * and one core at least. For that, it must be the process's first call that looks for devices. Errors of clade_device_open_units on any rank are those of all; CLADE_ERANK where a rank is gone. */
CLADE_API CLADE_MUST_CHECK clade_status clade_job_device_open(clade_device **out, clade_job *job,
                                                              const char *selector, int compute_units);

/* What will be clade_job_rank, by what the launcher has set: for a program that cannot join. 0 without one. */
CLADE_API int clade_job_launched_rank(void);

/* Every rank tells how it went, with clade_error() as its message where status is not CLADE_OK. All return
 * CLADE_OK where that is what all told; else the status and the message of the first rank that failed, which is
 * named ("rank 2 on HOST: …") unless it is rank 0. CLADE_ERANK where another rank is gone. */
CLADE_API CLADE_MUST_CHECK clade_status clade_job_agree(clade_job *job, clade_status status);

/* CLADE_ERANK on all ranks, with the first line that differs, unless all have the same text as rank 0: "the
 * ranks differ in WHAT: rank 2 on HOST has 'epochs: 4', and rank 0 'epochs: 3'". */
CLADE_API CLADE_MUST_CHECK clade_status clade_job_compare(clade_job *job, const char *what,
                                                          const char *text);

/* Whether a call with this job has failed on this rank alone, as far as is known: the job cannot go on. */
CLADE_API bool clade_job_broken(const clade_job *job);

/* Ends every process of the job with this exit status, of 1 … 255, and does not return: for a rank that
 * cannot go on, while others wait for it. The launcher returns that status too; MPICH's sometimes returns 9, the
 * signal by which it ended the others. In a job of one rank it does nothing. */
CLADE_API void clade_job_abort(clade_job *job, int exit_status);

#ifdef __cplusplus
}
#endif

#endif

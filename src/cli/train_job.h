/* A training as one process of a job: its rank among the others, and its share of each batch.
 *
 * The first rank speaks and writes for all. Others are quiet unless they alone know of a failure. */
#ifndef CLADE_CLI_TRAIN_JOB_H
#define CLADE_CLI_TRAIN_JOB_H

#include "cli/settings.h"

typedef struct cli_train_job {
    clade_job *job;
    int rank, n_ranks;
    float *shares; /* (n_ranks), or NULL: all the same */
    bool share_auto;
    clade_parallel parallel;
} cli_train_job;

/* Joins the job, if this process is of one, and makes all ranks but the first quiet. */
clade_status cli_train_job_open(cli_train_job *job, cli_call *call);

/* Reads --parallel and --share, which it decides for --parallel weighted. */
clade_status cli_train_job_shares(cli_train_job *job, cli_settings *settings);

/* Returns the status in which all ranks are, now that they have prepared: that of the first that failed. */
clade_status cli_train_job_agree(const cli_train_job *job, cli_call *call, clade_status status);

/* Says what has failed, where that is this rank's to say, and leaves the job, as all do; or ends it, where this
 * rank alone has failed. */
void cli_train_job_close(cli_train_job *job, cli_call *call, clade_status status);

#endif

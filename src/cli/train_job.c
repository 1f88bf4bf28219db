#include "cli/train_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

clade_status cli_train_job_open(cli_train_job *job, cli_call *call)
{
    job->rank = clade_job_launched_rank();
    job->n_ranks = 1;
    if (job->rank > 0) {
        call->quiet = true;
        call->json = false;
    }
    CLADE_TRY(clade_job_open(&job->job));
    job->n_ranks = clade_job_n_ranks(job->job);
    return CLADE_OK;
}

/* ---- shares ------------------------------------------------------------------------------------ */

static clade_status read_numbers(cli_train_job *job, const cli_value *share)
{
    int n = 0;
    job->shares = calloc((size_t)job->n_ranks, sizeof *job->shares);
    if (!job->shares) return clade__fail(CLADE_ENOMEM, "no memory for the shares of %d ranks", job->n_ranks);
    for (const char *at = share->text; at; n++) {
        char word[64];
        double value;
        size_t length = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), at);
        if (!cli_parse_real(word, &value) || !(value >= 1e-6 && value <= 1e6))
            return clade__fail(CLADE_ECONFIG, "%s is '%.200s', want equal, auto, or a number from 1e-6 to 1e6 "
                               "for each process of the job, such as 2,1,1", share->where, share->text);
        if (n < job->n_ranks) job->shares[n] = (float)value;
        at = at[length] ? at + length + 1 : NULL;
    }
    if (n == job->n_ranks) return CLADE_OK;
    return clade__fail(CLADE_ECONFIG, "%s is '%.200s', %d number%s, and there %s %d process%s in the job",
                       share->where, share->text, n, n == 1 ? "" : "s", job->n_ranks == 1 ? "is" : "are",
                       job->n_ranks, job->n_ranks == 1 ? "" : "es");
}

static clade_status read_parallel(cli_train_job *job, cli_settings *settings)
{
    const cli_value *values = settings->values, *share = &values[CLI_SHARE];
    const char *parallel = values[CLI_PARALLEL].text;
    bool equal = strcmp(share->text, "equal") == 0;
    if (strcmp(parallel, "simu") == 0) job->parallel = CLADE_PARALLEL_SIMU;
    if (strcmp(parallel, "weighted") == 0) job->parallel = CLADE_PARALLEL_WEIGHTED;
    if (job->parallel == CLADE_PARALLEL_SYNC && values[CLI_AVERAGE_EVERY].count > 0)
        return clade__fail(CLADE_ECONFIG, "%s is of processes that train apart; add --parallel simu or --parallel "
                           "weighted", values[CLI_AVERAGE_EVERY].where);
    if (job->parallel == CLADE_PARALLEL_SIMU && !equal)
        return clade__fail(CLADE_ECONFIG, "%s is '%.200s', and --parallel simu gives all processes the same; take "
                           "--parallel weighted", share->where, share->text);
    if (job->parallel != CLADE_PARALLEL_WEIGHTED || share->origin > CLI_DEFAULT) return CLADE_OK;
    return cli_setting_set(settings, CLI_SHARE, CLI_COMMAND, "train.share", "auto");
}

clade_status cli_train_job_shares(cli_train_job *job, cli_settings *settings)
{
    CLADE_TRY(read_parallel(job, settings));
    const cli_value *share = &settings->values[CLI_SHARE];
    job->share_auto = strcmp(share->text, "auto") == 0;
    return job->share_auto || strcmp(share->text, "equal") == 0 ? CLADE_OK : read_numbers(job, share);
}

/* ---- the end ----------------------------------------------------------------------------------- */

clade_status cli_train_job_agree(const cli_train_job *job, cli_call *call, clade_status status)
{
    clade_status agreed = clade_job_agree(job->job, status);
    if (agreed != status) call->writing = false; /* another rank's failure is of what it has read */
    return agreed;
}

void cli_train_job_close(cli_train_job *job, cli_call *call, clade_status status)
{
    bool broken = clade_job_broken(job->job), speaks = job->rank == 0 || broken;
    if (job->job && job->n_ranks > 1) {
        if (status != CLADE_OK && speaks) cli_print_error(clade_error());
        call->silent = true;
    }
    fflush(stdout); /* a job that is aborted prints no more; what is lost is noticed at the end */
    if (broken) clade_job_abort(job->job, cli_exit_status(status, call->writing));
    clade_job_free(job->job); /* waits for the others: a launcher ends all when the first has failed */
    free(job->shares);
    *job = (cli_train_job){0};
}

/* What ranks must have alike: how a piece of work ended, and what they are about to train. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"
#include "dist/job.h"

/* What a rank tells the others; zeroed first, since all of its bytes travel. exchange fills in the host. */
typedef struct report {
    int32_t status;
    uint64_t hash;
    char host[64];
    char line[512]; /* its message, or the first line in which it differs from rank 0 */
} report;

/* One report a rank, to be freed. */
static clade_status exchange(clade_job *job, report *mine, report **all)
{
    clade__transport *transport = job->transport;
    if (gethostname(mine->host, sizeof mine->host - 1) != 0) strcpy(mine->host, "an unknown host");
    *all = calloc((size_t)transport->n_ranks, sizeof **all);
    if (!*all) return clade__fail(CLADE_ENOMEM, "job: out of memory");
    return clade__transport_gather(transport, mine, sizeof *mine, *all);
}

/* ---- how it ended ---------------------------------------------------------------------------- */

/* The status of the first rank that failed, as this rank's message. */
static clade_status join_reports(const report *all, int n_ranks)
{
    for (int r = 0; r < n_ranks; r++) {
        clade_status status = (clade_status)all[r].status;
        if (status == CLADE_OK) continue;
        if (r == 0) return clade__fail(status, "%s", all[r].line);
        return clade__fail(status, "rank %d on %s: %s", r, all[r].host, all[r].line);
    }
    return CLADE_OK;
}

clade_status clade_job_agree(clade_job *job, clade_status status)
{
    if (clade_job_n_ranks(job) == 1) return status;
    report mine = {.status = (int32_t)status}, *all = NULL;
    if (status != CLADE_OK) clade__format(mine.line, sizeof mine.line, "%s", clade_error());
    status = exchange(job, &mine, &all);
    bool known = status == CLADE_OK;
    if (known) status = join_reports(all, clade_job_n_ranks(job));
    free(all);
    return clade__job_ended(job, status, known);
}

/* ---- what they have -------------------------------------------------------------------------- */

static size_t line_length(const char *text)
{
    return strcspn(text, "\n");
}

/* The lines, from the first of them, in which text differs from rank 0's. */
static void find_difference(report *mine, const char *text, const char *first)
{
    while (*text && *first && line_length(text) == line_length(first) &&
           memcmp(text, first, line_length(text)) == 0) {
        text += line_length(text) + (text[line_length(text)] != 0);
        first += line_length(first) + (first[line_length(first)] != 0);
    }
    text += strspn(text, " ");
    first += strspn(first, " ");
    int n = (int)line_length(text), n_first = (int)line_length(first);
    clade__format(mine->line, sizeof mine->line, "'%.*s', and rank 0 '%.*s'", n < 200 ? n : 200, text,
                  n_first < 200 ? n_first : 200, first);
}

/* Rank 0's text, to be freed. */
static clade_status first_text(clade__transport *transport, const char *text, char **first)
{
    uint64_t n_bytes = strlen(text) + 1;
    CLADE_TRY(clade__transport_broadcast(transport, &n_bytes, sizeof n_bytes, 0));
    *first = calloc(1, n_bytes);
    if (!*first) return clade__fail(CLADE_ENOMEM, "job: out of memory");
    if (transport->rank == 0) memcpy(*first, text, n_bytes);
    return clade__transport_broadcast(transport, *first, n_bytes, 0);
}

/* The texts are known to differ somewhere; *known becomes whether all ranks have the failure. */
static clade_status name_difference(clade_job *job, const char *what, const char *text, bool *known)
{
    char *first = NULL;
    report mine = {0}, *all = NULL;
    clade_status status = first_text(job->transport, text, &first);
    if (status == CLADE_OK && strcmp(text, first) != 0) {
        mine.status = CLADE_ERANK;
        find_difference(&mine, text, first);
    }
    if (status == CLADE_OK) status = exchange(job, &mine, &all);
    *known = status == CLADE_OK;
    for (int r = 1; status == CLADE_OK && r < job->transport->n_ranks; r++) {
        if (all[r].status == CLADE_OK) continue;
        status = clade__fail(CLADE_ERANK, "the ranks differ in %s: rank %d on %s has %s", what, r,
                             all[r].host, all[r].line);
    }
    free(first);
    free(all);
    return status;
}

static clade_status compare(clade_job *job, const char *what, const char *text, bool *known)
{
    report mine = {.hash = clade__hash_text(CLADE__HASH_START, text)}, *all = NULL;
    clade_status status = exchange(job, &mine, &all);
    bool same = true;
    for (int r = 1; status == CLADE_OK && r < job->transport->n_ranks; r++)
        same = same && all[r].hash == all[0].hash;
    free(all);
    if (status != CLADE_OK || same) return status;
    return name_difference(job, what, text, known);
}

clade_status clade_job_compare(clade_job *job, const char *what, const char *text)
{
    CLADE_WANT(what);
    CLADE_WANT(text);
    if (clade_job_n_ranks(job) == 1) return CLADE_OK;
    bool known = false;
    clade_status status = compare(job, what, text, &known);
    return clade__job_ended(job, status, known);
}

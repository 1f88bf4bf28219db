#include "dist/ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

clade_status clade__ranks_open(clade__ranks *ranks, clade__transport *transport)
{
    *ranks = (clade__ranks){.transport = transport, .rank = transport->rank, .n = transport->n_ranks};
    ranks->words = calloc((size_t)ranks->n, sizeof *ranks->words);
    return ranks->words ? CLADE_OK : clade__fail(CLADE_ENOMEM, "no memory for %d ranks", ranks->n);
}

void clade__ranks_close(clade__ranks *ranks)
{
    free(ranks->words);
    *ranks = (clade__ranks){0};
}

/* ---- meetings ---------------------------------------------------------------------------------- */

static clade_status part(clade__ranks *ranks, clade_status status)
{
    ranks->over = true;
    ranks->status = status;
    snprintf(ranks->why, sizeof ranks->why, "%s", clade_error());
    return status;
}

static clade_status say_again(const clade__ranks *ranks)
{
    return clade__fail_again(ranks->status, ranks->why);
}

/* The transport's failures part them. */
static clade_status done(clade__ranks *ranks, clade_status status)
{
    return status == CLADE_OK ? CLADE_OK : part(ranks, status);
}

/* All hear the message of the lowest rank that failed, whose own text `mine` is. */
static clade_status hear_failure(clade__ranks *ranks, int failed, const char *mine)
{
    char why[sizeof ranks->why] = "";
    const clade_status status = (clade_status)ranks->words[failed].status;
    if (ranks->rank == failed) snprintf(why, sizeof why, "%s", mine);
    CLADE_TRY(done(ranks, clade__transport_broadcast(ranks->transport, why, sizeof why, failed)));
    why[sizeof why - 1] = '\0';
    ranks->heard = true;
    if (ranks->rank == failed)
        (void)clade__fail_again(status, why);
    else
        (void)clade__fail(status, "rank %d: %s", failed, why);
    return part(ranks, status);
}

static clade_status meet(clade__ranks *ranks, const clade__words *mine, const char *why)
{
    if (ranks->over) return say_again(ranks);
    CLADE_TRY(done(ranks, clade__transport_gather(ranks->transport, mine, sizeof *mine, ranks->words)));
    for (int i = 0; i < ranks->n; i++)
        if (ranks->words[i].purpose == CLADE__MEET_FAILED) return hear_failure(ranks, i, why);
    for (int i = 0; i < ranks->n; i++)
        if (ranks->words[i].purpose != mine->purpose)
            return part(ranks, clade__fail(CLADE_ERANK, "rank %d does another thing than rank %d (%d and "
                                           "%d): they have lost each other, which is an error in clade",
                                           i, ranks->rank, (int)ranks->words[i].purpose,
                                           (int)mine->purpose));
    return CLADE_OK;
}

clade_status clade__ranks_meet(clade__ranks *ranks, clade__purpose purpose, const clade__votes *votes)
{
    clade__words mine = {.purpose = purpose};
    if (votes) mine.votes = *votes;
    return meet(ranks, &mine, "");
}

clade__votes clade__ranks_votes(const clade__ranks *ranks)
{
    clade__votes all = ranks->words[0].votes;
    for (int i = 1; i < ranks->n; i++) all.stop |= ranks->words[i].votes.stop;
    return all;
}

clade_status clade__ranks_end(clade__ranks *ranks, clade_status status)
{
    char why[sizeof ranks->why];
    clade__words mine = {.purpose = CLADE__MEET_END};
    if (ranks->over) return say_again(ranks);
    snprintf(why, sizeof why, "%s", clade_error());
    if (status != CLADE_OK && status != CLADE_EDIVERGED)
        mine = (clade__words){.purpose = CLADE__MEET_FAILED, .status = status};
    CLADE_TRY(meet(ranks, &mine, why));
    ranks->over = true;
    return status == CLADE_OK ? CLADE_OK : clade__fail_again(status, why);
}

clade_status clade__ranks_join(clade__ranks *ranks, float *values, int64_t n)
{
    if (ranks->over) return say_again(ranks);
    return done(ranks, clade__transport_sum_floats(ranks->transport, values, n));
}

/* ---- what they do together --------------------------------------------------------------------- */

clade_status clade__ranks_sum_floats(clade__ranks *ranks, float *values, int64_t n)
{
    if (!ranks) return CLADE_OK;
    CLADE_TRY(clade__ranks_meet(ranks, CLADE__MEET_SUM, NULL));
    return done(ranks, clade__transport_sum_floats(ranks->transport, values, n));
}

clade_status clade__ranks_sum_doubles(clade__ranks *ranks, double *values, int64_t n)
{
    if (!ranks) return CLADE_OK;
    CLADE_TRY(clade__ranks_meet(ranks, CLADE__MEET_SUM, NULL));
    return done(ranks, clade__transport_sum_doubles(ranks->transport, values, n));
}

clade_status clade__ranks_broadcast(clade__ranks *ranks, void *bytes, size_t n_bytes)
{
    if (!ranks) return CLADE_OK;
    CLADE_TRY(clade__ranks_meet(ranks, CLADE__MEET_BROADCAST, NULL));
    return done(ranks, clade__transport_broadcast(ranks->transport, bytes, n_bytes, 0));
}

clade_status clade__ranks_gather(clade__ranks *ranks, const void *mine, size_t n_bytes, void *all)
{
    if (!ranks) return CLADE_OK;
    CLADE_TRY(clade__ranks_meet(ranks, CLADE__MEET_GATHER, NULL));
    return done(ranks, clade__transport_gather(ranks->transport, mine, n_bytes, all));
}

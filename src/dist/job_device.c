/* Which device a rank has, and which cores of its host. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "device/cores.h"
#include "dist/job.h"
#include "dist/launcher.h"

/* How far behind: the default, its type, the rest. */
static int tier(const clade_device_info *info, const clade_device_info *first)
{
    return info->is_default ? 0 : info->type == first->type ? 1 : 2;
}

/* The index of the host's k'th device, counted around; -1 where there is none. */
static int pick(const clade_device_info *list, int n, int k)
{
    const clade_device_info *first = NULL;
    int n_there = 0, order[3] = {0};
    for (int i = 0; i < n; i++)
        if (list[i].is_default) first = &list[i];
    if (!first) return -1;
    for (int i = 0; i < n; i++)
        if (list[i].available && list[i].same_as < 0) n_there++, order[tier(&list[i], first)]++;
    if (n_there == 0) return first->index;
    k %= n_there;
    for (int t = 0; t < 3; k -= order[t++])
        for (int i = 0, place = 0; k < order[t] && i < n; i++)
            if (list[i].available && list[i].same_as < 0 && tier(&list[i], first) == t && place++ == k)
                return list[i].index;
    return first->index;
}

static clade_status open_own(clade_device **out, const clade_job *job, const char *selector, int compute_units)
{
    const char *variable = getenv("CLADE_DEVICE");
    clade_device_info *list = NULL;
    int n = 0;
    char index[16];
    if ((selector && *selector) || (variable && *variable))
        return clade_device_open_units(out, selector, compute_units);
    CLADE_TRY(clade_devices(&list, &n, NULL, 0));
    int chosen = pick(list, n, clade_job_host_rank(job));
    clade_devices_free(list);
    snprintf(index, sizeof index, "%d", chosen);
    return clade_device_open_units(out, chosen < 0 ? NULL : index, compute_units);
}

/* ---- its part of the processor ----------------------------------------------------------------- */

typedef struct place {
    uint64_t host;
    clade__cores cores; /* that its launcher lets it use */
} place;

static bool same_place(const place *a, const place *b)
{
    return a->host == b->host && memcmp(&a->cores, &b->cores, sizeof a->cores) == 0;
}

/* Ranks of a host divide the cores that they all may use; one whose launcher gave it its own has those. */
static clade_status divide_cores(const clade_job *job)
{
    clade__transport *transport = job->transport;
    char host[65] = "";
    if (gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
    place mine = {.host = clade__hash_text(CLADE__HASH_START, host)};
    place *all = calloc((size_t)transport->n_ranks, sizeof *all);
    if (!all) return clade__fail(CLADE_ENOMEM, "job: out of memory");
    if (clade__launch_bound_unasked()) clade__cores_allow_all();
    clade__cores_allowed(&mine.cores);
    clade_status status = clade__transport_gather(transport, &mine, sizeof mine, all);
    int n = 0, before = 0;
    for (int r = 0; status == CLADE_OK && r < transport->n_ranks; r++) {
        if (r == transport->rank) before = n;
        n += same_place(&all[r], &mine);
    }
    if (status == CLADE_OK) clade__cores_take(&mine.cores, before, n);
    free(all);
    return status;
}

clade_status clade_job_device_open(clade_device **out, clade_job *job, const char *selector, int compute_units)
{
    CLADE_WANT(out);
    *out = NULL;
    if (clade_job_n_ranks(job) == 1) return clade_device_open_units(out, selector, compute_units);
    clade_device *device = NULL;
    CLADE_TRY(clade__job_ended(job, divide_cores(job), false));
    clade_status status = clade_job_agree(job, open_own(&device, job, selector, compute_units));
    if (status == CLADE_OK)
        *out = device;
    else
        clade_device_free(device);
    return status;
}

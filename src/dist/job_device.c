/* Which device a rank has, and how much of it. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "dist/job.h"

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

/* The device as a whole. */
static clade_status open_whole(clade_device **out, const clade_job *job, const char *selector)
{
    const char *variable = getenv("CLADE_DEVICE");
    clade_device_info *list = NULL;
    int n = 0;
    char index[16];
    if ((selector && *selector) || (variable && *variable)) return clade_device_open_part(out, selector, 0, 0);
    CLADE_TRY(clade_devices(&list, &n, NULL, 0));
    int chosen = pick(list, n, clade_job_host_rank(job));
    clade_devices_free(list);
    snprintf(index, sizeof index, "%d", chosen);
    return clade_device_open_part(out, chosen < 0 ? NULL : index, 0, 0);
}

/* The same on two ranks where the same device of the same host is meant. */
static uint64_t name_of(const clade_device *device)
{
    char host[65] = "";
    const clade_device_info *info = clade_device_describe(device);
    if (gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
    uint64_t hash = clade__hash_text(clade__hash_text(CLADE__HASH_START, host), info->platform);
    hash = clade__hash_text(hash, info->name);
    return clade__hash(hash, &info->device_index, sizeof info->device_index);
}

/* How many ranks have this one's device, and how many of them come before it. */
static clade_status count_sharers(clade_job *job, const clade_device *device, int *n, int *before)
{
    clade__transport *transport = job->transport;
    uint64_t mine = name_of(device), *all = calloc((size_t)transport->n_ranks, sizeof *all);
    *n = *before = 0;
    clade_status status = all ? clade__transport_gather(transport, &mine, sizeof mine, all)
                              : clade__fail(CLADE_ENOMEM, "job: out of memory");
    for (int r = 0; status == CLADE_OK && r < transport->n_ranks; r++) {
        if (r == transport->rank) *before = *n;
        *n += all[r] == mine;
    }
    free(all);
    return clade__job_ended(job, status, false);
}

/* Only a CPU's driver sets its cores apart; one that cannot leaves them to all, unless a number was asked for. */
static clade_status open_share(clade_device **device, const char *selector, int units, int n, int before)
{
    const clade_device_info *info = clade_device_describe(*device);
    char index[16];
    const char *variable = getenv("CLADE_COMPUTE_UNITS");
    bool asked = units > 0 || (variable && *variable);
    if (!asked && (n == 1 || info->type != CLADE_DEVICE_CPU)) return CLADE_OK;
    if (!asked) units = info->compute_units > n ? info->compute_units / n : 1;
    if (units > 0 && units == info->compute_units) return CLADE_OK;
    snprintf(index, sizeof index, "%d", info->index);
    clade_device *part = NULL;
    clade_status status = clade_device_open_part(&part, selector && *selector ? selector : index, units, before);
    if (status == CLADE_ENODEVICE && !asked) return CLADE_OK;
    if (status != CLADE_OK) return status;
    clade_device_free(*device);
    *device = part;
    return CLADE_OK;
}

clade_status clade_job_device_open(clade_device **out, clade_job *job, const char *selector, int compute_units)
{
    CLADE_WANT(out);
    *out = NULL;
    if (clade_job_n_ranks(job) == 1) return clade_device_open_units(out, selector, compute_units);
    clade_device *device = NULL;
    int n = 1, before = 0;
    clade_status status = clade_job_agree(job, open_whole(&device, job, selector));
    if (status == CLADE_OK) status = count_sharers(job, device, &n, &before);
    if (status == CLADE_OK)
        status = clade_job_agree(job, open_share(&device, selector, compute_units, n, before));
    if (status == CLADE_OK)
        *out = device;
    else
        clade_device_free(device);
    return status;
}

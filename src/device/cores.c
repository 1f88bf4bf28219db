#define _GNU_SOURCE /* sched_setaffinity */
#include "device/cores.h"

#include <ctype.h>
#include <dirent.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "device/quirks.h"

typedef struct core {
    int package, core, number;
} core;

static struct {
    int numbers[CLADE__MOST_CORES], n;         /* that were taken; n 0: none */
    int threads[CLADE__MOST_CORES], n_threads; /* there before PoCL's workers */
} own;

void clade__cores_allowed(clade__cores *cores)
{
    cpu_set_t set;
    *cores = (clade__cores){0};
    if (sched_getaffinity(0, sizeof set, &set) != 0) return;
    for (int c = 0; c < CPU_SETSIZE && c < CLADE__MOST_CORES; c++)
        if (CPU_ISSET(c, &set)) cores->bits[c / 64] |= (uint64_t)1 << c % 64;
}

void clade__cores_allow_all(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int c = 0; c < CPU_SETSIZE; c++) CPU_SET(c, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

/* ---- parts ------------------------------------------------------------------------------------- */

/* A number of the kernel's about a core; 0 where it says none. */
static int read_topology(int number, const char *name)
{
    char path[128];
    int value = 0;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/%s", number, name);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fscanf(file, "%d", &value) != 1) value = 0;
    fclose(file);
    return value;
}

static int compare(const void *one, const void *other)
{
    const core *a = one, *b = other;
    if (a->package != b->package) return a->package < b->package ? -1 : 1;
    if (a->core != b->core) return a->core < b->core ? -1 : 1;
    return a->number - b->number;
}

/* Those that share a core, and a socket, side by side. */
static int list_cores(const clade__cores *cores, core *list)
{
    int n = 0;
    for (int c = 0; c < CLADE__MOST_CORES; c++)
        if (cores->bits[c / 64] >> c % 64 & 1)
            list[n++] = (core){read_topology(c, "physical_package_id"), read_topology(c, "core_id"), c};
    qsort(list, (size_t)n, sizeof *list, compare);
    return n;
}

static bool keep_on(const core *list, int n)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < n; i++) CPU_SET(list[i].number, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

void clade__cores_take(const clade__cores *cores, int part, int n_parts)
{
    static core list[CLADE__MOST_CORES];
    int n = list_cores(cores, list);
    if (n == 0) return;
    int begin = n > n_parts ? part * n / n_parts : part % n;
    int end = n > n_parts ? (part + 1) * n / n_parts : begin + 1;
    if (!clade__quirks_limit_workers(end - begin) || !keep_on(list + begin, end - begin)) return;
    own.n = end - begin;
    for (int i = 0; i < own.n; i++) own.numbers[i] = list[begin + i].number;
}

/* ---- workers ----------------------------------------------------------------------------------- */

/* The process's threads in order of their numbers, which is that in which they were started; -1 for too many. */
static int list_threads(int *threads)
{
    int n = 0;
    DIR *folder = opendir("/proc/self/task");
    if (!folder) return -1;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL && n >= 0;) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        if (n == CLADE__MOST_CORES) n = -1;
        else threads[n++] = (int)strtol(entry->d_name, NULL, 10);
    }
    closedir(folder);
    return n;
}

static bool is_one_of(int thread, const int *threads, int n)
{
    for (int i = 0; i < n; i++)
        if (threads[i] == thread) return true;
    return false;
}

void clade__cores_before_workers(void)
{
    own.n_threads = own.n > 0 ? list_threads(own.threads) : -1;
}

void clade__cores_after_workers(void)
{
    static int threads[CLADE__MOST_CORES], started[CLADE__MOST_CORES];
    int n = own.n_threads < 0 ? 0 : list_threads(threads), n_started = 0;
    for (int i = 0; i < n; i++)
        if (!is_one_of(threads[i], own.threads, own.n_threads)) started[n_started++] = threads[i];
    for (int i = 0; n_started == own.n && i < own.n; i++) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(own.numbers[i], &set);
        (void)sched_setaffinity(started[i], sizeof set, &set);
    }
}

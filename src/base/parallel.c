/* Threads take one part after the other from a counter, so that a core that is busy elsewhere takes
 * fewer of them. */
#define _GNU_SOURCE
#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define MOST_THREADS     64
#define PARTS_PER_THREAD 4

typedef struct loop {
    clade_status (*run)(void *context, int part);
    void *context;
    int n_parts;
    atomic_int next;
    pthread_mutex_t lock; /* of what is below */
    int failed;           /* the lowest part that failed; n_parts: none */
    clade_status status;
    char message[1024]; /* what clade_error() said of it */
} loop;

static atomic_int set_threads, set_parts; /* 0: not set */

int clade__parallel_threads(void)
{
    int n = atomic_load(&set_threads);
    if (n == 0) {
        cpu_set_t cores;
        if (sched_getaffinity(0, sizeof cores, &cores) == 0)
            n = CPU_COUNT(&cores);
        else
            n = (int)sysconf(_SC_NPROCESSORS_ONLN); /* more cores than the set has room for */
    }
    return n < 1 ? 1 : n > MOST_THREADS ? MOST_THREADS : n;
}

int clade__parallel_parts(int64_t work, int64_t least)
{
    int n = atomic_load(&set_parts), most = PARTS_PER_THREAD * clade__parallel_threads();
    if (n > 0) return n;
    return work / least < 1 ? 1 : work / least < most ? (int)(work / least) : most;
}

void clade__parallel_set(int n_threads, int n_parts)
{
    atomic_store(&set_threads, n_threads);
    atomic_store(&set_parts, n_parts);
}

static void keep_failure(loop *l, int part, clade_status status)
{
    pthread_mutex_lock(&l->lock);
    if (part < l->failed) {
        l->failed = part;
        l->status = status;
        snprintf(l->message, sizeof l->message, "%s", clade_error());
    }
    pthread_mutex_unlock(&l->lock);
}

static void *take_parts(void *argument)
{
    loop *l = argument;
    for (int part; (part = atomic_fetch_add(&l->next, 1)) < l->n_parts;) {
        clade_status status = l->run(l->context, part);
        if (status != CLADE_OK) keep_failure(l, part, status);
    }
    return NULL;
}

clade_status clade__parallel(int n_parts, clade_status (*run)(void *context, int part), void *context)
{
    loop l = {.run = run, .context = context, .n_parts = n_parts, .failed = n_parts};
    pthread_t threads[MOST_THREADS];
    int n_wanted = clade__parallel_threads(), n_made = 0;
    if (n_wanted > n_parts) n_wanted = n_parts;
    atomic_init(&l.next, 0);
    pthread_mutex_init(&l.lock, NULL);
    if (n_wanted > 1) {
        sigset_t all, before; /* threads inherit the mask */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        while (n_made < n_wanted - 1 &&
               pthread_create(&threads[n_made], NULL, take_parts, &l) == 0)
            n_made++;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    take_parts(&l);
    for (int i = 0; i < n_made; i++) pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&l.lock);
    return l.failed == n_parts ? CLADE_OK : clade__fail_again(l.status, l.message);
}

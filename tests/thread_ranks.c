#define _POSIX_C_SOURCE 200809L /* pthread_barrier_t */
#include "thread_ranks.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* What the ranks share. A call is: show what is mine, wait, look at what others show, wait. */
typedef struct shared {
    int n;
    pthread_barrier_t barrier;
    const void *shown[THREAD_MOST_RANKS];
} shared;

typedef struct rank {
    clade__transport transport;
    pthread_t thread;
    void (*run)(clade__transport *transport, void *user);
    void *user;
} rank;

static void show(clade__transport *t, const void *mine)
{
    shared *s = t->state;
    s->shown[t->rank] = mine;
    pthread_barrier_wait(&s->barrier);
}

static void looked(clade__transport *t)
{
    shared *s = t->state;
    pthread_barrier_wait(&s->barrier);
}

static clade_status sum_floats(clade__transport *t, float *values, int64_t n)
{
    shared *s = t->state;
    float *sums = malloc((size_t)n * sizeof *sums + 1);
    show(t, values);
    for (int64_t i = 0; i < n; i++) {
        sums[i] = ((const float *)s->shown[0])[i];
        for (int r = 1; r < s->n; r++) sums[i] += ((const float *)s->shown[r])[i];
    }
    looked(t);
    memcpy(values, sums, (size_t)n * sizeof *sums);
    free(sums);
    return CLADE_OK;
}

static clade_status sum_doubles(clade__transport *t, double *values, int64_t n)
{
    shared *s = t->state;
    double *sums = calloc((size_t)n + 1, sizeof *sums);
    show(t, values);
    for (int r = 0; r < s->n; r++)
        for (int64_t i = 0; i < n; i++) sums[i] += ((const double *)s->shown[r])[i];
    looked(t);
    memcpy(values, sums, (size_t)n * sizeof *sums);
    free(sums);
    return CLADE_OK;
}

static clade_status broadcast(clade__transport *t, void *bytes, size_t n_bytes, int root)
{
    shared *s = t->state;
    show(t, bytes);
    if (t->rank != root) memcpy(bytes, s->shown[root], n_bytes);
    looked(t);
    return CLADE_OK;
}

static clade_status gather(clade__transport *t, const void *mine, size_t n_bytes, void *all)
{
    shared *s = t->state;
    show(t, mine);
    for (int r = 0; r < s->n; r++) memcpy((char *)all + (size_t)r * n_bytes, s->shown[r], n_bytes);
    looked(t);
    return CLADE_OK;
}

static clade_status barrier(clade__transport *t)
{
    show(t, NULL);
    return CLADE_OK;
}

static clade_status no_part(clade__transport *t, int n_ranks, clade__transport *part)
{
    (void)n_ranks, (void)part;
    snprintf(t->said, sizeof t->said, "ranks in threads have no parts");
    return CLADE_ERANK;
}

static void end_process(clade__transport *t, int exit_status)
{
    (void)t;
    exit(exit_status);
}

static const clade__transport_calls calls = {
    .sum_floats = sum_floats, .sum_doubles = sum_doubles, .broadcast = broadcast, .gather = gather,
    .barrier = barrier, .part = no_part, .abort = end_process, .leave = barrier};

static void *run_rank(void *argument)
{
    rank *r = argument;
    r->run(&r->transport, r->user);
    return NULL;
}

void thread_ranks_run(int n, void (*run)(clade__transport *transport, void *user), void *user)
{
    shared s = {.n = n};
    rank ranks[THREAD_MOST_RANKS];
    if (n > THREAD_MOST_RANKS || pthread_barrier_init(&s.barrier, NULL, (unsigned)n) != 0) abort();
    for (int i = 0; i < n; i++) {
        ranks[i] = (rank){.transport = {.name = "threads", .rank = i, .n_ranks = n, .host_rank = i,
                                        .n_host_ranks = n, .calls = &calls, .state = &s},
                          .run = run, .user = user};
        if (pthread_create(&ranks[i].thread, NULL, run_rank, &ranks[i]) != 0) abort();
    }
    for (int i = 0; i < n; i++) pthread_join(ranks[i].thread, NULL);
    pthread_barrier_destroy(&s.barrier);
}

static clade_device *devices[THREAD_MOST_RANKS];

clade_status thread_ranks_device(const clade__transport *transport, clade_device **device)
{
    clade_device **mine = &devices[transport->rank];
    if (!*mine) CLADE_TRY(clade_device_open(mine, NULL));
    *device = *mine;
    return CLADE_OK;
}

int thread_ranks_close_devices(void **state)
{
    for (int r = 0; r < THREAD_MOST_RANKS; r++) clade_device_free(devices[r]);
    return test_close_device(state);
}

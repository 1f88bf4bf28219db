#define _POSIX_C_SOURCE 200809L /* pthread_sigmask */
#include "dist/join.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "device/lane.h"
#include "device/profile.h"

/* What the thread is asked to do: a meeting, or a bucket. */
typedef struct task {
    enum { MEET, SUM } kind;
    clade__mark mark; /* before which the bucket is not ready */
    bool empty;       /* the bucket never will be: zeros go in its place */
} task;

struct clade__join {
    clade__ranks *ranks;
    clade_device *device;
    clade_tensor *const *buckets;
    int n_buckets;
    clade__lane *lane;
    float *room; /* of the largest bucket */
    pthread_t thread;

    pthread_mutex_t lock; /* of what is below */
    pthread_cond_t asked, done;
    task *tasks; /* (1 + n_buckets) of this step, in their order */
    int n_asked, n_done;
    bool closing;
    clade_status status; /* what this rank's own part of it failed with, and why */
    char why[512];
    double joining;

    /* Of the thread that trains. */
    clade__mark made; /* behind the last gradient; none once it was waited for */
    clade__votes votes;
    double began, computed_at;
    clade__join_times times;
};

/* ---- the thread -------------------------------------------------------------------------------- */

static void keep_failure(clade__join *join, clade_status status)
{
    pthread_mutex_lock(&join->lock);
    if (join->status == CLADE_OK && status != CLADE_OK) {
        join->status = status;
        snprintf(join->why, sizeof join->why, "%s", clade_error());
    }
    pthread_mutex_unlock(&join->lock);
}

static size_t bucket_bytes(const clade__join *join, int bucket)
{
    return clade_tensor_bytes(join->buckets[bucket]);
}

/* The values that this rank adds, or zeros where it has none: the others wait for them. */
static float *fetch(clade__join *join, int bucket, bool empty, bool *fetched)
{
    float *values = join->room;
    clade_status status = CLADE_OK;
    *fetched = false;
    if (!empty) {
        status = clade__lane_fetch(join->lane, join->buckets[bucket], join->room, &values);
        *fetched = status == CLADE_OK;
        keep_failure(join, status);
    }
    if (*fetched) return values;
    memset(join->room, 0, bucket_bytes(join, bucket));
    return join->room;
}

static void sum(clade__join *join, int bucket, task *t)
{
    bool fetched;
    clade_status status = clade__mark_wait(&t->mark);
    double began = clade__seconds();
    keep_failure(join, status);
    if (join->ranks->over) return;
    float *values = fetch(join, bucket, t->empty || status != CLADE_OK, &fetched);
    status = clade__ranks_join(join->ranks, values, clade_tensor_elements(join->buckets[bucket]));
    (void)status; /* the ranks keep it */
    if (fetched) keep_failure(join, clade__lane_put(join->lane, join->buckets[bucket], values));
    join->joining += clade__seconds() - began;
}

static void run_task(clade__join *join, int index)
{
    task *t = &join->tasks[index];
    if (t->kind == SUM)
        sum(join, index - 1, t);
    else
        (void)clade__ranks_meet(join->ranks, CLADE__MEET_STEP, &join->votes); /* the ranks keep it */
}

static void *run(void *argument)
{
    clade__join *join = argument;
    pthread_mutex_lock(&join->lock);
    for (;;) {
        while (join->n_done == join->n_asked && !join->closing)
            pthread_cond_wait(&join->asked, &join->lock);
        if (join->n_done == join->n_asked) break;
        int index = join->n_done;
        pthread_mutex_unlock(&join->lock);
        run_task(join, index);
        pthread_mutex_lock(&join->lock);
        join->n_done++;
        pthread_cond_signal(&join->done);
    }
    pthread_mutex_unlock(&join->lock);
    return NULL;
}

/* ---- open -------------------------------------------------------------------------------------- */

static clade_status start(clade__join *join)
{
    sigset_t all, before; /* a signal is for the thread that trains */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&join->thread, NULL, run, join);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0 ? CLADE_OK
                      : clade__fail(CLADE_ENOMEM, "no thread for the job's gradients: %s",
                                    clade__errno_text(error));
}

static clade_status take_memory(clade__join *join)
{
    size_t most = 0;
    for (int i = 0; i < join->n_buckets; i++)
        if (bucket_bytes(join, i) > most) most = bucket_bytes(join, i);
    join->tasks = calloc((size_t)join->n_buckets + 1, sizeof *join->tasks);
    join->room = malloc(most + 1);
    if (!join->tasks || !join->room) return clade__fail(CLADE_ENOMEM, "no memory for the job's gradients");
    bool maps = clade_device_describe(join->device)->type == CLADE_DEVICE_CPU;
    return clade__lane_open(&join->lane, join->device, maps);
}

static void release(clade__join *join)
{
    clade__lane_free(join->lane);
    pthread_cond_destroy(&join->asked);
    pthread_cond_destroy(&join->done);
    pthread_mutex_destroy(&join->lock);
    free(join->tasks);
    free(join->room);
    free(join);
}

clade_status clade__join_open(clade__join **out, const clade__join_options *options)
{
    clade__join *join = calloc(1, sizeof *join);
    if (!join) return clade__fail(CLADE_ENOMEM, "no memory for the job's gradients");
    *join = (clade__join){.ranks = options->ranks, .device = options->device,
                          .buckets = options->buckets, .n_buckets = options->n_buckets};
    pthread_mutex_init(&join->lock, NULL);
    pthread_cond_init(&join->asked, NULL);
    pthread_cond_init(&join->done, NULL);
    clade_status status = take_memory(join);
    if (status == CLADE_OK) status = start(join);
    if (status != CLADE_OK)
        release(join);
    else
        *out = join;
    return status;
}

void clade__join_free(clade__join *join)
{
    if (!join) return;
    pthread_mutex_lock(&join->lock);
    join->closing = true;
    pthread_cond_signal(&join->asked);
    pthread_mutex_unlock(&join->lock);
    pthread_join(join->thread, NULL);
    release(join);
}

/* ---- a step ------------------------------------------------------------------------------------ */

static void ask(clade__join *join, const task *t)
{
    pthread_mutex_lock(&join->lock);
    join->tasks[join->n_asked++] = *t;
    pthread_cond_signal(&join->asked);
    pthread_mutex_unlock(&join->lock);
}

static void wait_for(clade__join *join, int n)
{
    pthread_mutex_lock(&join->lock);
    while (join->n_done < n) pthread_cond_wait(&join->done, &join->lock);
    pthread_mutex_unlock(&join->lock);
}

void clade__join_begin(clade__join *join, const clade__votes *votes)
{
    pthread_mutex_lock(&join->lock); /* the thread has nothing to do, but may look */
    join->votes = *votes;
    join->n_asked = join->n_done = 0;
    pthread_mutex_unlock(&join->lock);
    join->began = join->computed_at = clade__seconds();
    ask(join, &(task){.kind = MEET});
}

/* The device's thread asks for all buckets before it waits for one. */
static clade_status wait_until_made(clade__join *join)
{
    if (!join->made.event) return CLADE_OK;
    CLADE_TRY(clade__mark_wait(&join->made));
    join->computed_at = clade__seconds();
    return CLADE_OK;
}

clade_status clade__join_end(clade__join *join, clade_status status)
{
    (void)clade__mark_wait(&join->made);
    while (join->n_asked < join->n_buckets + 1) ask(join, &(task){.kind = SUM, .empty = true});
    wait_for(join, join->n_asked);
    double now = clade__seconds();
    clade__profile_add_communication(join->device, (uint64_t)join->n_buckets,
                                     join->joining - join->times.joining, now - join->computed_at);
    join->times.n_steps++;
    join->times.computing += join->computed_at - join->began;
    join->times.exposed += now - join->computed_at;
    join->times.joining = join->joining;
    if (status != CLADE_OK) return status;
    if (join->status != CLADE_OK) return clade__fail_again(join->status, join->why);
    return join->ranks->over ? clade__fail_again(join->ranks->status, join->ranks->why) : CLADE_OK;
}

clade__join_times clade__join_times_of(const clade__join *join)
{
    return join->times;
}

/* ---- recorded ---------------------------------------------------------------------------------- */

typedef struct call {
    clade__join *join;
    int bucket;
} call;

static clade_status run_ready(clade_device *device, const void *context, void *event)
{
    const call *c = context;
    clade__join *join = c->join;
    bool last = c->bucket == join->n_buckets - 1;
    task t = {.kind = SUM};
    (void)event; /* it takes the device no time */
    CLADE_TRY(clade__mark_here(device, &t.mark, last ? &join->made : NULL));
    ask(join, &t);
    return CLADE_OK;
}

static clade_status run_wait(clade_device *device, const void *context, void *event)
{
    const call *c = context;
    (void)device, (void)event;
    CLADE_TRY(wait_until_made(c->join));
    wait_for(c->join, c->bucket + 2);
    return CLADE_OK;
}

clade_status clade__join_record_ready(clade__join *join, clade__commands *commands, int bucket)
{
    clade__commands_scope(commands, CLADE_PHASE_COMMUNICATION, NULL);
    return clade__commands_call(commands, "ready", run_ready, &(call){join, bucket}, sizeof(call));
}

clade_status clade__join_record_wait(clade__join *join, clade__commands *commands, int bucket)
{
    clade__commands_scope(commands, CLADE_PHASE_COMMUNICATION, NULL);
    return clade__commands_call(commands, "wait", run_wait, &(call){join, bucket}, sizeof(call));
}

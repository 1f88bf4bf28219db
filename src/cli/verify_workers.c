/* The processes are forked before any of them calls OpenCL, whose threads a fork would lose. What they
 * share lies in one block of memory: which parts of the work are taken, and the cases that are done. */
#define _DEFAULT_SOURCE 1
#include "cli/verify_workers.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum { MOST_WORKERS = 8, MOST_CASES = 16384, TICK_MS = 20 };

typedef struct worker {
    pid_t pid;
    atomic_bool ready, can_share; /* its device is open; others may help */
    clade_device_info info;
    clade_status status;
    char error[1024];
} worker;

typedef struct shared {
    pid_t parent;
    worker workers[MOST_WORKERS];
    atomic_int n_parts, n_begun, n_cases;
    char op[64];                         /* what was begun last, for the eye */
    atomic_bool taken[CLADE_VERIFY_PARTS];
    clade_verify_case cases[MOST_CASES]; /* as they were done */
} shared;

typedef struct place { /* where a process is */
    shared *all;
    bool forked;
    const cli_call *call;
    char current[256];
} place;

static place here;

/* ---- in a process that works ----------------------------------------------------------------- */

static void tell_crash(int number)
{
    static const char before[] = "clade: verify: crashed in ";
    ssize_t unused = write(STDERR_FILENO, before, sizeof before - 1);
    unused = write(STDERR_FILENO, here.current, strlen(here.current));
    unused = write(STDERR_FILENO, "\n", 1);
    (void)unused;
    raise(number); /* the handler is reset: the program ends as it would have */
}

static void watch_crashes(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    struct sigaction action = {.sa_flags = (int)SA_RESETHAND};
    action.sa_handler = tell_crash;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);
}

static void show_progress(const shared *all, const char *op)
{
    int n_parts = atomic_load(&all->n_parts), n_begun = atomic_load(&all->n_begun);
    if (here.call->quiet || !isatty(STDERR_FILENO) || n_parts == 0) return;
    fprintf(stderr, "\r\033[K%3d %%  %.40s", 100 * (n_begun > 0 ? n_begun - 1 : 0) / n_parts, op);
}

static void begins(const char *op, const char *shape, void *user)
{
    shared *all = user;
    if (here.forked && getppid() != all->parent) _exit(1); /* killed: nobody waits for more */
    snprintf(here.current, sizeof here.current, "%s %s", op, shape);
    snprintf(all->op, sizeof all->op, "%s", op);
}

static bool counts(int part, void *user)
{
    (void)part;
    shared *all = user;
    atomic_fetch_add(&all->n_parts, 1);
    return false;
}

static bool takes(int part, void *user)
{
    shared *all = user;
    if (atomic_exchange(&all->taken[part], true)) return false;
    atomic_fetch_add(&all->n_begun, 1);
    return true;
}

/* ---- one process ----------------------------------------------------------------------------- */

/* In this process, which tells how far it is itself. */
static bool takes_alone(int part, void *user)
{
    bool own = takes(part, user);
    show_progress(user, here.all->op);
    return own;
}

static clade_status count_parts(clade_device *device, const clade_verify_options *options, shared *all)
{
    clade_verify_options counting = *options;
    clade_verify_result none;
    counting.takes = counts;
    counting.user = all;
    CLADE_TRY(clade_verify(device, &counting, &none));
    clade_verify_free(&none);
    return CLADE_OK;
}

static clade_status run_alone(const cli_call *call, const clade_verify_options *options, shared *all,
                              clade_device_info *info, clade_verify_result *result)
{
    clade_device *device = NULL;
    clade_verify_options own = *options;
    own.begins = begins;
    own.takes = takes_alone;
    own.user = all;
    CLADE_TRY(clade_device_open(&device, call->device));
    *info = *clade_device_describe(device);
    watch_crashes();
    clade_status status = count_parts(device, options, all);
    if (status == CLADE_OK) status = clade_verify(device, &own, result);
    clade_device_free(device);
    return status;
}

/* ---- several --------------------------------------------------------------------------------- */

static void work_on(const clade_verify_options *options, shared *all, worker *w, bool first)
{
    clade_device *device = NULL;
    clade_verify_options own = *options;
    clade_verify_result result = {0};
    own.begins = begins;
    own.takes = takes;
    own.user = all;
    own.last_first = !first;
    here.forked = true;
    watch_crashes();
    w->status = clade_device_open(&device, here.call->device);
    if (w->status == CLADE_OK) {
        w->info = *clade_device_describe(device);
        if (first) w->status = count_parts(device, options, all);
        /* What PoCL has built lies on disk for the others; a GPU's driver has no need of them. */
        atomic_store(&w->can_share, w->info.type == CLADE_DEVICE_CPU && w->info.compute_units > 1);
    }
    atomic_store(&w->ready, true);
    if (w->status == CLADE_OK) w->status = clade_verify(device, &own, &result);
    if (w->status != CLADE_OK) snprintf(w->error, sizeof w->error, "%s", clade_error());
    for (int i = 0; i < result.n_cases; i++) {
        int at = atomic_fetch_add(&all->n_cases, 1);
        if (at < MOST_CASES) all->cases[at] = result.cases[i];
    }
    clade_verify_free(&result);
    clade_device_free(device);
    _exit(0); /* what the parent has yet to print is the parent's to print */
}

/* False where there can be no more processes. */
static bool start(const clade_verify_options *options, shared *all, int i)
{
    pid_t pid = fork();
    if (pid == 0) work_on(options, all, &all->workers[i], i == 0);
    all->workers[i].pid = pid;
    return pid > 0;
}

static void stop_all(shared *all)
{
    for (int i = 0; i < MOST_WORKERS; i++)
        if (all->workers[i].pid > 0) kill(all->workers[i].pid, SIGKILL);
    while (wait(NULL) > 0 || errno == EINTR) continue;
}

/* What became of a process that has ended: a crash ends this one too, in the same way. */
static clade_status take_end(shared *all, pid_t pid, int status)
{
    for (int i = 0; i < MOST_WORKERS; i++) {
        worker *w = &all->workers[i];
        if (w->pid != pid) continue;
        w->pid = 0;
        if (WIFSIGNALED(status)) {
            stop_all(all);
            signal(WTERMSIG(status), SIG_DFL);
            raise(WTERMSIG(status));
        }
        return w->status == CLADE_OK ? CLADE_OK : clade__fail(w->status, "%s", w->error);
    }
    return CLADE_OK;
}

/* The cases in the order of their parts; those of one part are of one process, and lie in theirs. */
static clade_status gather(shared *all, clade_verify_result *result)
{
    int n = atomic_load(&all->n_cases), n_sorted = 0;
    if (n > MOST_CASES) return clade__fail(CLADE_ENOMEM, "verify: more than %d cases", MOST_CASES);
    result->cases = malloc((size_t)(n ? n : 1) * sizeof *result->cases);
    if (!result->cases) return clade__fail(CLADE_ENOMEM, "verify: no memory for the results");
    for (int part = 0; part < CLADE_VERIFY_PARTS; part++)
        for (int i = 0; atomic_load(&all->taken[part]) && i < n; i++)
            if (all->cases[i].part == part) result->cases[n_sorted++] = all->cases[i];
    result->n_cases = n_sorted;
    for (int i = 0; i < n_sorted; i++) result->n_wrong += result->cases[i].verdict == CLADE_WRONG;
    result->passed = result->n_wrong == 0 && n_sorted > 0;
    return CLADE_OK;
}

static clade_status run_shared(const clade_verify_options *options, shared *all, int n_workers,
                               clade_device_info *info, clade_verify_result *result)
{
    int n = 1, n_running = 1, status;
    clade_status outcome = CLADE_OK;
    while (n_running > 0 && outcome == CLADE_OK) {
        worker *first = &all->workers[0];
        pid_t ended = waitpid(-1, &status, WNOHANG);
        if (ended > 0) {
            n_running--;
            outcome = take_end(all, ended, status);
            continue;
        }
        if (atomic_load(&first->ready) && atomic_load(&first->can_share) && n < n_workers) {
            n_running += start(options, all, n);
            n++;
        }
        show_progress(all, all->op);
        nanosleep(&(struct timespec){.tv_nsec = 1000000L * TICK_MS}, NULL);
    }
    stop_all(all);
    *info = all->workers[0].info;
    return outcome == CLADE_OK ? gather(all, result) : outcome;
}

clade_status cli_verify_run(const cli_call *call, const clade_verify_options *options,
                            clade_device_info *info, clade_verify_result *result)
{
    *result = (clade_verify_result){0};
    shared *all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) return clade__fail(CLADE_ENOMEM, "verify: no memory for the results");
    all->parent = getpid();
    here = (place){.all = all, .call = call};
    long n_cores = sysconf(_SC_NPROCESSORS_ONLN);
    int n_workers = n_cores < MOST_WORKERS ? (int)n_cores : MOST_WORKERS;
    /* A tool that watches, which --small and --fresh are for, sees one process best. */
    bool alone = options->small || options->fresh || n_workers < 2 || !start(options, all, 0);
    clade_status status = alone ? run_alone(call, options, all, info, result)
                                : run_shared(options, all, n_workers, info, result);
    if (!call->quiet && isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    munmap(all, sizeof *all);
    return status;
}

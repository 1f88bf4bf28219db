/* Cold and warm start: a process of its own, timed from outside, since a driver that has once been loaded is
 * never cold again. */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <ftw.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/suite.h"

extern char **environ;

/* Where drivers and this library keep what they compile. */
static const char *const caches[] = {
    "CLADE_CACHE_DIR",        /* this library */
    "POCL_CACHE_DIR",         /* PoCL */
    "CUDA_CACHE_PATH",        /* NVIDIA */
    "NEO_CACHE_DIR",          /* Intel's GPUs */
    "MESA_SHADER_CACHE_DIR",  /* Mesa */
    "XDG_CACHE_HOME",         /* what is not named */
};

enum { N_CACHES = sizeof caches / sizeof caches[0], MOST_VARIABLES = 1024, LONGEST = 512 };

#define USUAL_WORKLOAD "mnist-784-512-512-10"

clade_status cli_suite_start(cli_call *call, const cli_bench_plan *plan)
{
    clade_device *device = NULL;
    clade_status status = clade_device_open_units(&device, call->device, call->compute_units);
    if (status == CLADE_OK)
        status = clade_suite_first_step(device, plan->workload ? plan->workload : USUAL_WORKLOAD);
    if (status == CLADE_OK) {
        call->writing = true;
        printf("done\n");
        status = cli_flush();
    }
    clade_device_free(device);
    return status;
}

/* ---- the child ------------------------------------------------------------------------------- */

/* The environment with every cache in `folder`. */
typedef struct variables {
    char texts[N_CACHES][LONGEST];
    char *list[MOST_VARIABLES + N_CACHES + 1];
} variables;

static bool is_cache(const char *variable)
{
    for (int i = 0; i < N_CACHES; i++) {
        size_t n = strlen(caches[i]);
        if (strncmp(variable, caches[i], n) == 0 && variable[n] == '=') return true;
    }
    return false;
}

static clade_status make_variables(variables *v, const char *folder)
{
    int n = 0;
    for (char **at = environ; at && *at; at++) {
        if (is_cache(*at)) continue;
        if (n == MOST_VARIABLES)
            return clade__fail(CLADE_EINVAL, "bench: more than %d environment variables", MOST_VARIABLES);
        v->list[n++] = *at;
    }
    for (int i = 0; i < N_CACHES; i++) {
        snprintf(v->texts[i], LONGEST, "%s=%s", caches[i], folder);
        v->list[n++] = v->texts[i];
    }
    v->list[n] = NULL;
    return CLADE_OK;
}

/* Waits until it has said something, or ended. */
static clade_status wait_for_line(int from, pid_t child, double began, double *seconds)
{
    char byte;
    ssize_t n;
    int ended = 0;
    do n = read(from, &byte, 1);
    while (n < 0 && errno == EINTR);
    *seconds = clade__seconds() - began;
    while (waitpid(child, &ended, 0) < 0 && errno == EINTR)
        ;
    if (n == 1 && WIFEXITED(ended) && WEXITSTATUS(ended) == 0) return CLADE_OK;
    return clade__fail(CLADE_EOPENCL, "bench: a process that was to make the first step of a training failed");
}

static clade_status time_child(char *const *arguments, char *const *environment, double *seconds)
{
    posix_spawn_file_actions_t actions;
    int ends[2];
    pid_t child = 0;
    if (pipe(ends) != 0) return clade__fail(CLADE_EIO, "pipe: %s", strerror(errno));
    int error = posix_spawn_file_actions_init(&actions);
    if (error == 0) {
        error = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        if (error == 0) error = posix_spawn_file_actions_addclose(&actions, ends[0]);
        double began = clade__seconds();
        if (error == 0) error = posix_spawn(&child, "/proc/self/exe", &actions, NULL, arguments, environment);
        posix_spawn_file_actions_destroy(&actions);
        close(ends[1]);
        clade_status status = error == 0 ? wait_for_line(ends[0], child, began, seconds) : CLADE_OK;
        close(ends[0]);
        if (error == 0) return status;
    }
    return clade__fail(CLADE_EIO, "bench: cannot start a process: %s", strerror(error));
}

/* ---- the folder ------------------------------------------------------------------------------ */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    (void)remove(path); /* what stays is a temporary file */
    return 0;
}

clade_status cli_suite_measure_starts(const cli_call *call, const char *device, const char *workload,
                                      cli_suite_starts *starts)
{
    const char *tmp = getenv("TMPDIR");
    char folder[LONGEST - 64];
    if (!tmp || !*tmp || strlen(tmp) > sizeof folder - 32) tmp = "/tmp";
    snprintf(folder, sizeof folder, "%s/clade-start-XXXXXX", tmp);
    if (!mkdtemp(folder)) return clade__fail(CLADE_EIO, "mkdtemp '%s': %s", folder, strerror(errno));
    variables *v = calloc(1, sizeof *v);
    char *arguments[12] = {"clade", "bench", "start", "--quiet", "--workload",
                           (char *)(workload ? workload : USUAL_WORKLOAD)};
    int n = 6;
    const char *const more[][2] = {{"--compute-units", call->units}, {"--device", device}};
    for (int i = 0; i < 2; i++) {
        if (!more[i][1]) continue;
        arguments[n++] = (char *)more[i][0];
        arguments[n++] = (char *)more[i][1];
    }
    clade_status status = v ? make_variables(v, folder) : clade__fail(CLADE_ENOMEM, "no memory for a process");
    if (status == CLADE_OK) status = time_child(arguments, v->list, &starts->cold);
    if (status == CLADE_OK) status = time_child(arguments, v->list, &starts->warm);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(v);
    return status;
}

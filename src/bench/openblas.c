/* OpenBLAS by dlopen, with the kernels that are fastest on this processor.
 *
 * OPENBLAS_CORETYPE decides the kernels, and is read when the library is loaded. So each candidate
 * is tried in a child process that loads the library anew, before this process loads it once and
 * for all. A core type that the processor does not have ends the child, not us. */
#define _POSIX_C_SOURCE 200809L
#include "bench/openblas.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define TRIAL_SIZE    512
#define TRIAL_SECONDS 0.06
#define TRIAL_LIMIT_MS 5000 /* a child that takes longer hangs */

/* CBLAS's constants. */
enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

typedef void sgemm_function(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                            const float *a, int lda, const float *b, int ldb, float beta, float *c,
                            int ldc);

typedef struct trial {
    double gflops;
    char core[64];
} trial;

static sgemm_function *sgemm; /* NULL until loaded */
static clade_bench_openblas_info loaded;
static bool looked;

static void *open_library(int flags)
{
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL | flags);
    return library ? library : dlopen("libopenblas.so", RTLD_NOW | RTLD_LOCAL | flags);
}

/* A function of the library into *function, which is a pointer to one; false when it has none. */
static bool find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static void read_text(void *library, const char *name, char *out, size_t out_bytes)
{
    char *(*text)(void) = NULL;
    snprintf(out, out_bytes, "%s", find(library, name, &text) ? text() : "unknown");
}

/* Loads the library, and sets the number of threads; false without a usable one. */
static bool load(int n_threads)
{
    void *library = open_library(0);
    void (*set_threads)(int) = NULL;
    int (*threads)(void) = NULL;
    if (!library || !find(library, "cblas_sgemm", &sgemm)) return false;
    if (find(library, "openblas_set_num_threads", &set_threads)) set_threads(n_threads);
    loaded.n_threads = find(library, "openblas_get_num_threads", &threads) ? threads() : n_threads;
    read_text(library, "openblas_get_config", loaded.config, sizeof loaded.config);
    read_text(library, "openblas_get_corename", loaded.core, sizeof loaded.core);
    return true;
}

void clade__openblas_sgemm(const clade__openblas_call *call)
{
    int m = (int)call->shape.m, n = (int)call->shape.n, k = (int)call->shape.k;
    bool ta = call->shape.trans_a, tb = call->shape.trans_b;
    sgemm(ROW_MAJOR, ta ? TRANS : NO_TRANS, tb ? TRANS : NO_TRANS, m, n, k, 1.0f, call->a,
          ta ? m : k, call->b, tb ? k : n, 0.0f, call->c, n);
}

/* ---- which core type ------------------------------------------------------------------------- */

static void set_core(const char *core)
{
    if (core)
        setenv("OPENBLAS_CORETYPE", core, 1);
    else
        unsetenv("OPENBLAS_CORETYPE");
}

/* In the child: never returns. */
static void try_core(const char *core, int n_threads, int out)
{
    int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere >= 0) dup2(nowhere, STDERR_FILENO); /* it tells of names that it does not know */
    set_core(core);
    size_t n = (size_t)TRIAL_SIZE * TRIAL_SIZE;
    float *values = malloc(3 * n * sizeof *values);
    if (!values || !load(n_threads)) _exit(1);
    for (size_t i = 0; i < 3 * n; i++) values[i] = (float)(i % 17) / 17.0f;
    clade__openblas_call call = {
        {.m = TRIAL_SIZE, .n = TRIAL_SIZE, .k = TRIAL_SIZE}, values, values + n, values + 2 * n};
    double least = 1e30, start = clade__seconds();
    while (clade__seconds() - start < TRIAL_SECONDS) {
        double began = clade__seconds();
        clade__openblas_sgemm(&call);
        double seconds = clade__seconds() - began;
        if (seconds < least) least = seconds;
    }
    trial result = {.gflops = 2e-9 * (double)n * TRIAL_SIZE / least};
    snprintf(result.core, sizeof result.core, "%s", loaded.core);
    ssize_t written = write(out, &result, sizeof result);
    _exit(written == (ssize_t)sizeof result ? 0 : 1);
}

/* False when the core type does not work here. */
static bool run_trial(const char *core, int n_threads, trial *result)
{
    int ends[2];
    if (pipe(ends) != 0) return false;
    pid_t child = fork();
    if (child == 0) try_core(core, n_threads, ends[1]);
    close(ends[1]);
    bool done = false;
    if (child > 0) {
        struct pollfd wait = {.fd = ends[0], .events = POLLIN};
        int ready;
        do ready = poll(&wait, 1, TRIAL_LIMIT_MS);
        while (ready < 0 && errno == EINTR);
        done = ready > 0 &&
               read(ends[0], result, sizeof *result) == (ssize_t)sizeof *result;
        kill(child, SIGKILL); /* done, or hanging */
        waitpid(child, NULL, 0);
    }
    close(ends[0]);
    return done;
}

/* The core type to load with, NULL for the library's own choice; tells what was tried. */
static const char *fastest_core(const char *given, int n_threads)
{
    const char *candidates[8] = {NULL};
    size_t n = 1, used = 0;
    if (given) candidates[n++] = given;
#if defined(__x86_64__)
    candidates[n++] = "SkylakeX";
    candidates[n++] = "Zen";
    candidates[n++] = "Haswell";
#endif
    const char *best = given;
    double most = 0.0;
    char *tried = loaded.tried;
    for (size_t i = 0; i < n; i++) {
        trial result;
        bool repeated = false;
        for (size_t k = 1; k < i; k++) repeated |= strcmp(candidates[i], candidates[k]) == 0;
        if (repeated || !run_trial(candidates[i], n_threads, &result)) continue;
        if (used < sizeof loaded.tried)
            used += (size_t)clade__format(tried + used, sizeof loaded.tried - used, "%s%s%s %.0f",
                                          used ? ", " : "", result.core,
                                          candidates[i] ? "" : " (its own choice)", result.gflops);
        if (result.gflops <= most) continue;
        most = result.gflops;
        best = candidates[i];
    }
    if (used && used < sizeof loaded.tried)
        snprintf(tried + used, sizeof loaded.tried - used, " GFLOP/s");
    return best;
}

bool clade__openblas_load(int n_threads, clade_bench_openblas_info *info)
{
    if (!looked) {
        looked = true;
        const char *value = getenv("OPENBLAS_CORETYPE");
        char given[64] = "";
        if (value) snprintf(given, sizeof given, "%s", value);
        /* Already loaded by the program around us: then it is as it is. */
        void *there = open_library(RTLD_NOLOAD);
        if (!there) set_core(fastest_core(value ? given : NULL, n_threads));
        if (!load(n_threads)) sgemm = NULL;
        set_core(value ? given : NULL);
        if (there) dlclose(there);
    }
    *info = loaded;
    return sgemm != NULL;
}

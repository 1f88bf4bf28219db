#define _POSIX_C_SOURCE 200809L
#include "device/quirks.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2026-11-28, PoCL 3.1: processes that build into one cache folder at a time may crash. So each rank of a host
 * but the first has one of its own, in that of the first. Launchers' names for it: Open MPI's, and MPICH's. */
static void choose_cache(void)
{
    const char *rank = getenv("OMPI_COMM_WORLD_LOCAL_RANK"), *cache = getenv("POCL_CACHE_DIR");
    const char *parent = getenv("XDG_CACHE_HOME"), *below = "/pocl/kcache";
    char path[4096];
    if (!rank) rank = getenv("MPI_LOCALRANKID");
    if (!rank || !*rank || rank[strspn(rank, "0123456789")] || strcmp(rank, "0") == 0) return;
    if (!parent || !*parent) parent = getenv("HOME"), below = "/.cache/pocl/kcache";
    if (cache && *cache) parent = cache, below = "";
    int n = parent ? snprintf(path, sizeof path, "%s%s/rank-%s", parent, below, rank) : 0;
    if (n > 0 && (size_t)n < sizeof path) setenv("POCL_CACHE_DIR", path, 1);
}

static void set_environment(void)
{
    choose_cache();

    /* 2026-11-20, PoCL 3.1: without it both workers of a two-core machine often share one core, at
     * random for each process: the same gemm ran at 255 or at 480 GFLOP/s. */
    setenv("POCL_AFFINITY", "1", 0);
}

static bool begun; /* OpenCL has been called, or is about to be */

/* Once: another thread may be reading the environment later. */
static void begin(void)
{
    begun = true;
    set_environment();
}

void clade__quirks_before_opencl(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, begin);
}

/* 2026-11-28, Intel's CPU runtime 2026.2: clCreateContext puts LLVM's handlers in place of the program's, of ignored
 * signals too; they ask for a bug report, and take all handlers away. PoCL 3.1 changes some while it is loaded. */
static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ};

#define N_SIGNALS ((int)(sizeof signals / sizeof signals[0]))

static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction kept[N_SIGNALS];

void clade__quirks_before_driver(void)
{
    pthread_mutex_lock(&starting);
    for (int i = 0; i < N_SIGNALS; i++) sigaction(signals[i], NULL, &kept[i]);
}

void clade__quirks_after_driver(void)
{
    for (int i = 0; i < N_SIGNALS; i++) sigaction(signals[i], &kept[i], NULL);
    pthread_mutex_unlock(&starting);
}

/* 2026-11-28, PoCL 3.1: a part of a device wakes the workers of the whole one at each command, on cores where
 * another process may compute, which costs a job of two ranks a tenth of its speed. Affinity would put its
 * first workers on the first cores of the machine. */
bool clade__quirks_limit_workers(int n)
{
    char text[16];
    if (begun || getenv("POCL_MAX_PTHREAD_COUNT")) return false;
    snprintf(text, sizeof text, "%d", n);
    return setenv("POCL_MAX_PTHREAD_COUNT", text, 1) == 0 && setenv("POCL_AFFINITY", "0", 1) == 0;
}

clade__quirks clade__quirks_of(const clade_device_info *info)
{
    clade__quirks quirks = {0};
    bool pocl = strcmp(info->platform, "Portable Computing Language") == 0;
    bool pocl_cpu = pocl && info->type == CLADE_DEVICE_CPU;

    /* 2026-11-20, PoCL 3.1: has a disk cache, and asking it for CL_PROGRAM_BINARIES forces a second,
     * generic build. */
    quirks.caches_programs = pocl;

    /* 2026-11-20, PoCL 3.1: OpenCL's prefetch() does nothing there; its compiler is clang, whose
     * builtin does. */
    quirks.prefetch_by_builtin = pocl_cpu;

    /* 2026-11-20, Mesa 22.3.6: Rusticl on llvmpipe ends a work-item's loops after 65,535 iterations in
     * all, in silence (LP_MAX_TGSI_LOOP_ITERATIONS). A group of our own gemm is one work-item, and has
     * more from about 400 x 400 x 400 on; so has a row by vectors, from about 65,000 columns. CLBlast
     * is right there, and so are rows by 64 lanes. */
    quirks.loops_end_early = strcmp(info->platform, "rusticl") == 0;

    /* 2026-11-28, Mesa 22.3.6: llvmpipe says that it has eight compute units of 300 MHz, and trains some hundred times
     * slower than PoCL or Intel's runtime, which does not tell its clock. */
    quirks.renders_in_software = info->type == CLADE_DEVICE_CPU && strncmp(info->name, "llvmpipe", 8) == 0;

    /* 2026-11-28, Mesa 22.3.6: llvmpipe computes fma() without the processor's: 0.6 GFLOP/s where mad() has 90. */
    quirks.emulates_fma = quirks.renders_in_software;

    /* 2026-11-20, CLBlast 1.5.3: its database knows no CPU under PoCL, and its defaults reach a fifth
     * of what its own tuner found. blas/gemm_clblast.c sets that. */
    quirks.clblast_is_untuned = pocl_cpu;

    return quirks;
}

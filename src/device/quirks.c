#define _POSIX_C_SOURCE 200809L
#include "device/quirks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void set_environment(void)
{
    /* 2026-11-20, PoCL 3.1: without it both workers of a two-core machine often share one core, at
     * random for each process: the same gemm ran at 255 or at 480 GFLOP/s. */
    setenv("POCL_AFFINITY", "1", 0);
}

/* Once: another thread may be reading the environment later. */
void clade__quirks_before_opencl(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_environment);
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

    /* 2026-11-20, CLBlast 1.5.3: its database knows no CPU under PoCL, and its defaults reach a fifth
     * of what its own tuner found. blas/gemm_clblast.c sets that. */
    quirks.clblast_is_untuned = pocl_cpu;

    return quirks;
}

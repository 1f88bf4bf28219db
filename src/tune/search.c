#include "tune/search.h"

#include <string.h>

#define STREAM 902 /* of random numbers: none that the library uses */
#define DRAWS  1000

/* Places in a set, by clade__clblast_names. */
enum {
    GEMMK, KREG, KWG, KWI, MDIMA, MDIMC, MWG, NDIMB, NDIMC, NWG, SA, SB, STRM, STRN, VWM, VWN,
    MIN_INDIRECT = 16, PAD = 31, TRANSPOSE = 35, PADTRANSPOSE = 39
};

/* On CPUs work-items of a group become a loop, so that a work-item's own tile does the work, groups are small, and
 * local memory only costs. Small tiles waste less on products of few rows, and transposing was half of the time.
 * First is one work-item a group, whose tile of C is sixteen vectors, of the kernel (GEMMK=1) that takes A and C by
 * rows, as we have them: C is not transposed, nor A where it was not. With KREG=1 the tile stays in registers (PoCL
 * 3.1, AVX-512: 512 cubed takes 0.57 of the time of KREG=16), and k needs no padding. Then the same with other
 * transposes, and a tile for half as many registers of half the size. */
static const char *const cpu_seeds[] = {
    "GEMMK=1 KREG=1 KWG=1 KWI=1 MDIMA=1 MDIMC=1 MWG=16 NDIMB=1 NDIMC=1 NWG=16 SA=0 SB=0 STRM=0 STRN=0 VWM=16 VWN=1 "
    "XGEMM_MIN_INDIRECT_SIZE=1 PAD_DIMX=8 PAD_DIMY=8 PAD_WPTX=4 PAD_WPTY=1 TRA_DIM=4 TRA_PAD=0 TRA_SHUFFLE=0 "
    "TRA_WPT=8 PADTRA_PAD=1 PADTRA_TILE=8 PADTRA_WPT=4",
    "GEMMK=1 KREG=1 KWG=1 KWI=1 MDIMA=1 MDIMC=1 MWG=16 NDIMB=1 NDIMC=1 NWG=16 SA=0 SB=0 STRM=0 STRN=0 VWM=16 VWN=1 "
    "XGEMM_MIN_INDIRECT_SIZE=1 PAD_DIMX=16 PAD_DIMY=1 PAD_WPTX=1 PAD_WPTY=4 TRA_DIM=16 TRA_PAD=0 TRA_SHUFFLE=1 "
    "TRA_WPT=4 PADTRA_PAD=0 PADTRA_TILE=32 PADTRA_WPT=2",
    "GEMMK=1 KREG=1 KWG=1 KWI=1 MDIMA=1 MDIMC=1 MWG=8 NDIMB=1 NDIMC=1 NWG=8 SA=0 SB=0 STRM=0 STRN=0 VWM=8 VWN=1 "
    "XGEMM_MIN_INDIRECT_SIZE=1 PAD_DIMX=8 PAD_DIMY=8 PAD_WPTX=4 PAD_WPTY=1 TRA_DIM=4 TRA_PAD=0 TRA_SHUFFLE=0 "
    "TRA_WPT=8 PADTRA_PAD=1 PADTRA_TILE=8 PADTRA_WPT=4",
    "GEMMK=1 KREG=8 KWG=1 KWI=1 MDIMA=4 MDIMC=4 MWG=32 NDIMB=4 NDIMC=4 NWG=32 SA=0 SB=0 STRM=0 STRN=0 VWM=8 VWN=8 "
    "XGEMM_MIN_INDIRECT_SIZE=1 PAD_DIMX=8 PAD_DIMY=8 PAD_WPTX=4 PAD_WPTY=1 TRA_DIM=4 TRA_PAD=0 TRA_SHUFFLE=0 "
    "TRA_WPT=8 PADTRA_PAD=1 PADTRA_TILE=8 PADTRA_WPT=4",
    "GEMMK=0 KREG=1 KWG=16 KWI=2 MDIMA=2 MDIMC=2 MWG=32 NDIMB=2 NDIMC=2 NWG=16 SA=0 SB=0 STRM=0 STRN=0 VWM=8 VWN=8 "
    "XGEMM_MIN_INDIRECT_SIZE=1 PAD_DIMX=8 PAD_DIMY=8 PAD_WPTX=4 PAD_WPTY=1 TRA_DIM=4 TRA_PAD=0 TRA_SHUFFLE=0 "
    "TRA_WPT=8 PADTRA_PAD=1 PADTRA_TILE=8 PADTRA_WPT=4",
};

/* Of GPUs, from what CLBlast's own tuner finds for many of them. */
static const char *const gpu_seeds[] = {
    "GEMMK=0 KREG=1 KWG=16 KWI=2 MDIMA=8 MDIMC=8 MWG=64 NDIMB=8 NDIMC=8 NWG=64 SA=1 SB=1 STRM=0 STRN=0 VWM=4 VWN=4",
    "GEMMK=0 KREG=1 KWG=16 KWI=2 MDIMA=16 MDIMC=16 MWG=128 NDIMB=8 NDIMC=8 NWG=64 SA=1 SB=1 STRM=0 STRN=0 VWM=4 "
    "VWN=4",
    "GEMMK=1 KREG=4 KWG=1 KWI=1 MDIMA=8 MDIMC=8 MWG=64 NDIMB=8 NDIMC=8 NWG=64 SA=0 SB=0 STRM=0 STRN=0 VWM=4 VWN=4",
};

void clade__search_start(clade__search *search, const clade__clblast_set *from, bool cpu, int max_group)
{
    *search = (clade__search){.best = *from, .cpu = cpu, .max_group = max_group,
                              .random = clade__random_start(1, STREAM)};
}

static int draw(clade__search *s, const int *of, int n)
{
    return of[clade__random_below(&s->random, (uint32_t)n)];
}

#define DRAW(s, ...) draw(s, (const int[]){__VA_ARGS__}, (int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int)))

/* What CLBlast's kernels demand; what is missing here is refused, or wrong, and found by trying. */
static bool fits(const clade__search *s, const int *v)
{
    return v[MDIMC] * v[NDIMC] <= s->max_group && v[MWG] % (v[MDIMC] * v[VWM]) == 0 &&
           v[NWG] % (v[NDIMC] * v[VWN]) == 0 && v[KWG] % v[KWI] == 0 &&
           (v[SA] == 0 || v[KWG] % v[NDIMC] == 0) && (v[SB] == 0 || v[KWG] % v[MDIMC] == 0) &&
           (v[GEMMK] == 0 || v[MWG] == v[NWG]) && v[MWG] / v[MDIMC] * (v[NWG] / v[NDIMC]) <= 256;
}

static void draw_gemm(clade__search *s, int *v)
{
    for (int i = 0; i < DRAWS; i++) {
        bool second = DRAW(s, 0, 0, 0, 1) == 1;
        v[MWG] = DRAW(s, 16, 32, 64, 128);
        v[NWG] = second ? v[MWG] : DRAW(s, 8, 16, 32, 64, 128);
        v[MDIMC] = v[MDIMA] = s->cpu ? DRAW(s, 1, 2, 4, 8) : DRAW(s, 4, 8, 16, 32);
        v[NDIMC] = v[NDIMB] = s->cpu ? DRAW(s, 1, 2, 4, 8) : DRAW(s, 4, 8, 16, 32);
        v[VWM] = s->cpu ? DRAW(s, 2, 4, 8, 16) : DRAW(s, 2, 4, 8);
        v[VWN] = DRAW(s, 1, 2, 4, 8);
        v[GEMMK] = second;
        v[KREG] = second ? v[VWN] : 1;
        v[KWG] = second ? 1 : DRAW(s, 16, 32);
        v[KWI] = second ? 1 : 2;
        v[SA] = s->cpu || second ? 0 : DRAW(s, 0, 1);
        v[SB] = s->cpu || second ? 0 : DRAW(s, 0, 1);
        v[STRM] = s->cpu || second ? 0 : DRAW(s, 0, 1);
        v[STRN] = s->cpu || second ? 0 : DRAW(s, 0, 1);
        if (fits(s, v)) return;
    }
    memcpy(v, s->best.values, 16 * sizeof *v);
}

static void draw_pads(clade__search *s, int *v)
{
    v[PAD] = DRAW(s, 4, 8, 16, 32);
    v[PAD + 1] = DRAW(s, 1, 2, 8);
    v[PAD + 2] = DRAW(s, 1, 2, 4);
    v[PAD + 3] = DRAW(s, 1, 2, 4);
}

static void draw_transposes(clade__search *s, int *v)
{
    v[TRANSPOSE] = DRAW(s, 4, 8, 16);
    v[TRANSPOSE + 1] = DRAW(s, 0, 1);
    v[TRANSPOSE + 2] = DRAW(s, 0, 1);
    v[TRANSPOSE + 3] = DRAW(s, 1, 2, 4, 8);
    v[PADTRANSPOSE] = DRAW(s, 0, 1);
    v[PADTRANSPOSE + 1] = DRAW(s, 8, 16, 32);
    v[PADTRANSPOSE + 2] = DRAW(s, 1, 2, 4);
}

clade__clblast_set clade__search_next(clade__search *s)
{
    const int n_cpu = (int)(sizeof cpu_seeds / sizeof *cpu_seeds);
    const int n_gpu = (int)(sizeof gpu_seeds / sizeof *gpu_seeds);
    clade__clblast_set set;
    if (s->next_seed < (s->cpu ? n_cpu : n_gpu)) {
        const char *text = s->cpu ? cpu_seeds[s->next_seed] : gpu_seeds[s->next_seed];
        s->next_seed++;
        if (clade__clblast_read(&set, text, strlen(text))) return set;
    }
    set = s->best;
    switch (DRAW(s, 0, 0, 1, 2, 3)) {
    case 0: draw_gemm(s, set.values); break;
    case 1: draw_pads(s, set.values); break;
    case 2: draw_transposes(s, set.values); break;
    default: set.values[MIN_INDIRECT] = DRAW(s, 1, 32, 64, 96, 128, 256, 512, 1024); break;
    }
    return set;
}

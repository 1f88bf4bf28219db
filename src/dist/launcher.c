#include "dist/launcher.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define LIBRARY "libclade_mpi.so"

/* Variables that launchers set. MPICH's are those of Intel MPI, of Cray's, and of srun --mpi=pmi2 too. */
static const struct {
    const char *launcher, *rank, *n_ranks;
} launchers[] = {
    {"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
    {"MPICH", "PMI_RANK", "PMI_SIZE"},
};

/* -1 where there is no such number. */
static long environment_number(const char *name)
{
    const char *text = getenv(name);
    if (!text || !*text || text[strspn(text, "0123456789")] || strlen(text) > 9) return -1;
    return strtol(text, NULL, 10);
}

clade__launch clade__launch_find(void)
{
    for (size_t i = 0; i < sizeof launchers / sizeof launchers[0]; i++) {
        long rank = environment_number(launchers[i].rank), n = environment_number(launchers[i].n_ranks);
        if (rank >= 0 && rank < n) return (clade__launch){launchers[i].launcher, (int)rank, (int)n};
    }
    return (clade__launch){NULL, 0, 1};
}

bool clade__launch_bound_unasked(void)
{
    return getenv("OMPI_COMM_WORLD_SIZE") && !getenv("OMPI_MCA_hwloc_base_binding_policy");
}

/* It lies beside the library or the command, or where the loader looks; CLADE_MPI_LIBRARY names another. */
static clade_status load(void **library, const clade__launch *launch)
{
    const char *path = getenv("CLADE_MPI_LIBRARY");
    if (!path || !*path) path = LIBRARY;
    /* Open MPI's plugins want its symbols in sight. */
    *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (*library) return CLADE_OK;
    const char *why = dlerror();
    return clade__fail(CLADE_ERANK, "%s's launcher has started %d ranks, and " LIBRARY " cannot be loaded (%s): "
                       "build Clade where MPI is installed, or name the library in CLADE_MPI_LIBRARY",
                       launch->launcher, launch->n_ranks, why ? why : path);
}

static clade_status check(const clade__launch *launch, const clade__transport *transport)
{
    if (transport->n_ranks == launch->n_ranks) return CLADE_OK;
    return clade__fail(CLADE_ERANK, "%s's launcher has started %d ranks, and MPI finds %d: " LIBRARY " is linked "
                       "with another MPI than the launcher's", launch->launcher, launch->n_ranks,
                       transport->n_ranks);
}

clade_status clade__launch_transport(const clade__launch *launch, clade__transport *transport)
{
    clade_status (*open_it)(clade__transport *) = NULL;
    void *library;
    CLADE_TRY(load(&library, launch)); /* it stays: MPI cannot be unloaded */
    const char *version = dlsym(library, "clade_mpi_version");
    if (!version || strcmp(version, clade_version()) != 0)
        return clade__fail(CLADE_ERANK, LIBRARY " is of version %.20s, and Clade of %s: install both from one build",
                           version ? version : "unknown", clade_version());
    *(void **)&open_it = dlsym(library, "clade_mpi_open");
    if (!open_it) return clade__fail(CLADE_ERANK, LIBRARY " has no clade_mpi_open: it is damaged");
    clade_status status = open_it(transport);
    if (status != CLADE_OK) return clade__fail(status, "MPI: %s", transport->said);
    return check(launch, transport);
}

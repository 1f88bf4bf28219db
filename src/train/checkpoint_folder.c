/* The checkpoints in a folder: which there are, and which stay. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/checkpoint.h"

void clade__checkpoint_path(char out[CLADE__CHECKPOINT_PATH], const char *folder, int64_t step)
{
    snprintf(out, CLADE__CHECKPOINT_PATH, "%s/checkpoint-%lld.safetensors", folder,
             (long long)step);
}

/* The step in a checkpoint's name, -1 for any other name. */
static int64_t step_of(const char *name)
{
    static const char start[] = "checkpoint-", end[] = ".safetensors";
    if (strncmp(name, start, sizeof start - 1) != 0) return -1;
    const char *digits = name + sizeof start - 1;
    size_t n = strspn(digits, "0123456789");
    if (n < 1 || n > 18 || strcmp(digits + n, end) != 0) return -1;
    return strtoll(digits, NULL, 10);
}

static int newest_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static clade_status add_step(int64_t **steps, int *n, int64_t step)
{
    int64_t *more = realloc(*steps, (size_t)(*n + 1) * sizeof *more);
    if (!more) return clade__fail(CLADE_ENOMEM, "no memory for the names of checkpoints");
    more[(*n)++] = step;
    *steps = more;
    return CLADE_OK;
}

clade_status clade__checkpoint_steps(const char *folder, int64_t **steps, int *n)
{
    *steps = NULL;
    *n = 0;
    DIR *open = opendir(folder);
    if (!open) return clade__fail(CLADE_EIO, "cannot read '%s': %s", folder, clade__errno_text(errno));
    clade_status status = CLADE_OK;
    for (const struct dirent *entry; status == CLADE_OK && (entry = readdir(open));) {
        int64_t step = step_of(entry->d_name);
        if (step >= 0) status = add_step(steps, n, step);
    }
    closedir(open);
    if (status == CLADE_OK && *n > 1) qsort(*steps, (size_t)*n, sizeof **steps, newest_first);
    if (status == CLADE_OK) return CLADE_OK;
    free(*steps);
    *steps = NULL;
    return status;
}

clade_status clade__checkpoints_prune(const char *folder, int64_t newest, int keep)
{
    int64_t *steps;
    int n, kept = 0;
    CLADE_TRY(clade__checkpoint_steps(folder, &steps, &n));
    clade_status status = CLADE_OK;
    for (int i = 0; i < n; i++) {
        char path[CLADE__CHECKPOINT_PATH];
        if (steps[i] <= newest && kept++ < keep) continue;
        clade__checkpoint_path(path, folder, steps[i]);
        if (unlink(path) != 0 && errno != ENOENT && status == CLADE_OK)
            status = clade__fail(CLADE_EIO, "cannot remove '%s': %s", path, clade__errno_text(errno));
    }
    free(steps);
    return status;
}

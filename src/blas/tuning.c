#define _POSIX_C_SOURCE 200809L
#include "blas/tuning.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "device/program_cache.h"

#define FORMAT "clade gemm tuning 2"
#define MAX_ENTRIES 4096
#define MAX_TILES (1 << 24) /* more than a matrix of 2^31 elements has */
#define ROUNDS 3
#define AGAIN 5              /* times as many, where it is measured again */
#define ROUND_SECONDS 0.0005 /* for each partition in each round, and at least one call */
#define LONG_SECONDS 0.05    /* of a call: from here on it is measured in one round */
#define TOO_LONG_SECONDS 1.0 /* and from here on not at all: the rule's partition is taken */
#define HOPELESS 1.5        /* so much slower than the fastest: not measured again */
#define WORTH 0.97          /* another partition than the rule's must take at most so much of it */

typedef struct entry {
    long long m, n, k;
    int trans_a, trans_b, update;
    clade__partition partition;
} entry;

struct clade__tuning {
    entry *entries;
    int n, capacity;
    bool loaded, unsaved;
    bool again;    /* known calls too */
    bool on_trial; /* then every call has this partition */
    clade__partition trial;
};

/* NULL before gemm is first used on the device, and without memory. */
static clade__tuning *tuning_of(const clade_device *device)
{
    clade__blas *blas = device->blas;
    if (blas && !blas->tuning) blas->tuning = calloc(1, sizeof *blas->tuning);
    return blas ? blas->tuning : NULL;
}

void clade__tuning_free(clade__tuning *tuning)
{
    if (!tuning) return;
    free(tuning->entries);
    free(tuning);
}

static entry key_of(const clade_gemm_args *args, bool update)
{
    return (entry){args->m, args->n, args->k, args->trans_a, args->trans_b, update, {0}};
}

static bool same_call(const entry *a, const entry *b)
{
    return a->m == b->m && a->n == b->n && a->k == b->k && a->trans_a == b->trans_a &&
           a->trans_b == b->trans_b && a->update == b->update;
}

static void add(clade__tuning *tuning, const entry *e)
{
    if (tuning->n == MAX_ENTRIES) return;
    if (tuning->n == tuning->capacity) {
        int capacity = 2 * tuning->capacity + 32;
        entry *entries = realloc(tuning->entries, (size_t)capacity * sizeof *entries);
        if (!entries) return; /* what is not remembered is measured again */
        tuning->entries = entries;
        tuning->capacity = capacity;
    }
    tuning->entries[tuning->n++] = *e;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* The first line: what the numbers hold for. */
static void headline(char *out, size_t out_bytes, const clade_device *device)
{
    const clade_device_info *info = &device->info;
    snprintf(out, out_bytes, FORMAT " | %s | %s | %s | %d", info->platform, info->name, info->driver,
             info->compute_units);
}

/* Where the file of such a headline lies. */
static bool file_place(char folder[PATH_MAX], char name[32], const char *line)
{
    snprintf(name, 32, "gemm-%016llx.txt",
             (unsigned long long)clade__hash_text(CLADE__HASH_START, line));
    return clade__cache_folder(folder, PATH_MAX);
}

static bool read_entry(const char *line, entry *e)
{
    int split;
    if (sscanf(line, "%lld %lld %lld %d %d %d %d %d %d", &e->m, &e->n, &e->k, &e->trans_a,
               &e->trans_b, &e->update, &e->partition.tiles_m, &e->partition.tiles_n, &split) != 9)
        return false;
    e->partition.split = split != 0;
    return e->partition.tiles_m > 0 && e->partition.tiles_m <= MAX_TILES &&
           e->partition.tiles_n > 0 && e->partition.tiles_n <= MAX_TILES;
}

static void load(clade__tuning *tuning, const clade_device *device)
{
    char folder[PATH_MAX], name[32], line[512];
    unsigned char *bytes = NULL;
    size_t n_bytes;
    tuning->loaded = true;
    headline(line, sizeof line, device);
    if (!file_place(folder, name, line)) return;
    if (clade__private_read(folder, name, &bytes, &n_bytes) != CLADE_OK) return;
    char *rest = NULL, *text = strtok_r((char *)bytes, "\n", &rest);
    if (text && strcmp(text, line) == 0)
        while ((text = strtok_r(NULL, "\n", &rest)) != NULL) {
            entry e;
            if (read_entry(text, &e)) add(tuning, &e);
        }
    free(bytes);
}

void clade__tuning_save(clade_device *device)
{
    clade__tuning *tuning = tuning_of(device);
    char folder[PATH_MAX], name[32], line[512];
    headline(line, sizeof line, device);
    if (!tuning || !tuning->unsaved || !file_place(folder, name, line)) return;
    clade__text text = {0};
    clade__text_append(&text, "%s\n", line);
    for (int i = 0; i < tuning->n; i++) {
        const entry *e = &tuning->entries[i];
        clade__text_append(&text, "%lld %lld %lld %d %d %d %d %d %d\n", e->m, e->n, e->k, e->trans_a,
                           e->trans_b, e->update, e->partition.tiles_m, e->partition.tiles_n,
                           e->partition.split);
    }
    clade__piece piece = {text.data, text.length};
    if (!text.failed && clade__private_write(folder, name, &piece, 1) == CLADE_OK)
        tuning->unsaved = false;
    clade__text_free(&text);
}

/* ---- measure --------------------------------------------------------------------------------- */

void clade__tuning_set(clade_device *device, const clade_gemm_args *args, bool update,
                       clade__partition partition)
{
    clade__tuning *tuning = tuning_of(device);
    if (!tuning) return;
    entry e = key_of(args, update);
    e.partition = partition;
    tuning->unsaved = true;
    for (int i = 0; i < tuning->n; i++)
        if (same_call(&tuning->entries[i], &e)) {
            tuning->entries[i] = e;
            return;
        }
    add(tuning, &e);
}

bool clade__tuning_find(const clade_device *device, const clade_gemm_args *args, bool update,
                        clade__partition *partition)
{
    clade__tuning *tuning = tuning_of(device);
    if (!tuning) return false;
    if (tuning->on_trial) {
        *partition = tuning->trial;
        return true;
    }
    if (!tuning->loaded) load(tuning, device);
    entry key = key_of(args, update);
    for (int i = 0; i < tuning->n; i++)
        if (same_call(&tuning->entries[i], &key)) {
            *partition = tuning->entries[i].partition;
            return true;
        }
    return false;
}

clade_status clade__tuning_again(clade_device *device)
{
    clade__tuning *tuning = tuning_of(device);
    if (!tuning) return clade__fail(CLADE_ENOMEM, "no memory to measure gemm");
    tuning->again = true;
    return CLADE_OK;
}

/* Seconds of one call: the mean of so many, enqueued back to back. */
static clade_status time_calls(clade_device *device, clade__tuning_run *run, const void *context,
                               int n, double *seconds)
{
    double began = clade__seconds();
    for (int i = 0; i < n; i++) CLADE_TRY(run(context));
    CLADE_TRY(clade_device_finish(device));
    *seconds = (clade__seconds() - began) / n;
    return CLADE_OK;
}

static clade_status measure(clade_device *device, clade__tuning *tuning,
                            const clade__partition *partitions, int n, clade__tuning_run *run,
                            const void *context, int *best)
{
    double least[CLADE__MAX_PARTITIONS] = {0}, fastest = 0.0, seconds, once;
    tuning->trial = partitions[0];
    CLADE_TRY(time_calls(device, run, context, 1, &once));
    *best = 0;
    if (once > TOO_LONG_SECONDS) return CLADE_OK;
    int rounds = (once > LONG_SECONDS ? 1 : ROUNDS) * (tuning->again ? AGAIN : 1);
    int calls = once < ROUND_SECONDS ? (int)(ROUND_SECONDS / once) + 1 : 1;
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < n; i++) {
            if (round > 0 && least[i] > HOPELESS * fastest) continue;
            tuning->trial = partitions[i];
            CLADE_TRY(time_calls(device, run, context, calls, &seconds));
            if (round == 0 || seconds < least[i]) least[i] = seconds;
            if ((round == 0 && i == 0) || seconds < fastest) fastest = seconds;
        }
    for (int i = 1; i < n; i++)
        if (least[i] < WORTH * least[0] && least[i] < least[*best]) *best = i;
    return CLADE_OK;
}

clade_status clade__tuning_measure(clade_device *device, const clade__gemm_provider *provider,
                                   const clade_gemm_args *args, bool update, clade__tuning_run *run,
                                   const void *context)
{
    clade__partition partitions[CLADE__MAX_PARTITIONS], known;
    clade__tuning *tuning = tuning_of(device);
    if (!tuning || !provider->partitions) return CLADE_OK;
    if (clade__tuning_find(device, args, update, &known) && !tuning->again) return CLADE_OK;
    int n = provider->partitions(device, args, update, partitions), best = 0;
    if (n > 1) {
        tuning->on_trial = true;
        clade_status status = measure(device, tuning, partitions, n, run, context, &best);
        tuning->on_trial = false;
        CLADE_TRY(status);
    }
    clade__tuning_set(device, args, update, partitions[best]);
    return CLADE_OK;
}

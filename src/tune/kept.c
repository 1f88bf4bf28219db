#define _POSIX_C_SOURCE 200809L
#include "tune/kept.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "device/owner.h"
#include "device/program_cache.h"
#include "device/tuned.h"

void clade__kept_set(clade__text *text, const clade__clblast_set *set, const clade_tune_result *result)
{
    char values[CLADE__CLBLAST_TEXT];
    clade__clblast_write(values, set);
    clade__text_append(text, "set %s\ngain %.3f\n", values, result->gain);
    for (int i = 0; i < result->n_products; i++) {
        const clade_tune_product *p = &result->products[i];
        clade__text_append(text, "product %lld %lld %lld %c %c\n", (long long)p->m, (long long)p->n,
                           (long long)p->k, p->trans_a ? 't' : 'n', p->trans_b ? 't' : 'n');
    }
}

void clade__kept_old(clade__text *text, const char *lines)
{
    while (*lines) {
        size_t n = strcspn(lines, "\n");
        if (strncmp(lines, "skip ", 5) != 0) clade__text_append(text, "%.*s\n", (int)n, lines);
        lines += n + (lines[n] == '\n');
    }
}

clade_status clade__tune_lock(clade__run_lock *lock)
{
    static const clade__lock_words words = {"tune.lock", "another process tunes, with results in",
                                            "wait until it has ended"};
    char folder[PATH_MAX];
    if (!clade__cache_folder(folder, sizeof folder))
        return clade__fail(CLADE_EIO, "there is no folder for what is tuned: set CLADE_CACHE_DIR to one that only "
                           "you may write to");
    return clade__lock_take(lock, folder, &words);
}

/* ---- as a file ----------------------------------------------------------------------------------- */

clade_status clade_tuned_export(clade_device *device, char **text)
{
    CLADE_WANT(device);
    CLADE_WANT(text);
    *text = NULL;
    const char *lines = clade__tuned_lines(device);
    return *lines ? clade__tuned_pack(text, device, lines) : CLADE_OK;
}

void clade_tuned_text_free(char *text)
{
    free(text);
}

static clade_status keep(clade_device *device, const char *lines)
{
    clade__run_lock lock;
    CLADE_TRY(clade__tune_lock(&lock));
    CLADE_TRY(clade__device_take(device, "tune"));
    clade_status status = clade__device_give(device, clade__tuned_keep(device, lines));
    clade__run_lock_release(&lock);
    return status;
}

/* A set that this library would not take is no set. */
static clade_status check_set(const char *name, const char *lines)
{
    clade__clblast_set set;
    if (strncmp(lines, "set ", 4) != 0 || clade__clblast_read(&set, lines + 4, strcspn(lines + 4, "\n")))
        return CLADE_OK;
    return clade__fail(CLADE_EDATA, "%s: it has parameters that this version does not know", name);
}

clade_status clade_tuned_import(clade_device *device, const char *name, const char *text, size_t n_bytes)
{
    char *lines;
    CLADE_WANT(device);
    CLADE_WANT(name);
    CLADE_WANT(text);
    CLADE_TRY(clade__tuned_unpack(&lines, device, name, text, n_bytes));
    clade_status status = check_set(name, lines);
    if (status == CLADE_OK) status = keep(device, lines);
    free(lines);
    return status;
}

clade_status clade_tuned_forget(clade_device *device)
{
    CLADE_WANT(device);
    return keep(device, NULL);
}

#define _POSIX_C_SOURCE 200809L
#include "device/tuned.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "device/opencl.h"
#include "device/program_cache.h"

#define FORMAT     "clade tuned 1\n"
#define SUM_BYTES  21 /* "sum ", 16 digits, a line break */
#define MAX_BYTES  (1 << 20)

static void identity(char *out, size_t out_bytes, const clade_device *device)
{
    const clade_device_info *info = &device->info;
    snprintf(out, out_bytes, "platform %s\ndevice %s\ndriver %s\nunits %d\nclblast %s\n", info->platform,
             info->name, info->driver, info->compute_units, CLADE_CLBLAST_VERSION);
}

static clade_status file_place(char folder[PATH_MAX], char name[40], const clade_device *device)
{
    char who[1024];
    identity(who, sizeof who, device);
    snprintf(name, 40, "tuned-%016llx.txt",
             (unsigned long long)clade__hash_text(CLADE__HASH_START, who));
    if (clade__cache_folder(folder, PATH_MAX)) return CLADE_OK;
    return clade__fail(CLADE_EIO, "there is no folder for what is tuned: set CLADE_CACHE_DIR to one that only you "
                       "may write to");
}

/* ---- a file's text ------------------------------------------------------------------------------- */

static void sum_line(char out[SUM_BYTES + 1], const char *text, size_t n_bytes)
{
    snprintf(out, SUM_BYTES + 1, "sum %016llx\n",
             (unsigned long long)clade__hash(CLADE__HASH_START, text, n_bytes));
}

clade_status clade__tuned_pack(char **out, const clade_device *device, const char *lines)
{
    char who[1024], sum[SUM_BYTES + 1];
    clade__text text = {0};
    identity(who, sizeof who, device);
    clade__text_append(&text, FORMAT "%s%s", who, lines);
    if (!text.failed) sum_line(sum, text.data, text.length);
    if (!text.failed) clade__text_append(&text, "%s", sum);
    if (text.failed) {
        clade__text_free(&text);
        return clade__fail(CLADE_ENOMEM, "no memory for what was tuned");
    }
    *out = text.data;
    return CLADE_OK;
}

/* What another file is for, in one line, as far as it says so: without its line breaks. */
static clade_status fail_foreign(const char *name, const char *who, const char *text)
{
    char other[1024], own[1024];
    const char *end = strstr(text, "clblast ");
    end = end ? strchr(end, '\n') : NULL;
    size_t n = end ? (size_t)(end - text) : strcspn(text, "\n");
    snprintf(other, sizeof other, "%.*s", (int)(n < 1000 ? n : 1000), text);
    snprintf(own, sizeof own, "%.*s", (int)strlen(who) - 1, who);
    for (char *at = other; *at; at++)
        if (*at == '\n') *at = ';';
    for (char *at = own; *at; at++)
        if (*at == '\n') *at = ';';
    return clade__fail(CLADE_EDATA, "%s: it is tuned for another device, driver or version (%s), and this is %s",
                       name, other, own);
}

clade_status clade__tuned_unpack(char **lines, const clade_device *device, const char *name, const char *text,
                                 size_t n_bytes)
{
    char who[1024], sum[SUM_BYTES + 1];
    size_t n_format = strlen(FORMAT);
    *lines = NULL;
    if (n_bytes < n_format || n_bytes > MAX_BYTES || memcmp(text, FORMAT, n_format) != 0)
        return clade__fail(CLADE_EDATA, "%s: it is no file of `clade tune`, or of another version of Clade", name);
    if (n_bytes >= n_format + SUM_BYTES) sum_line(sum, text, n_bytes - SUM_BYTES);
    if (n_bytes < n_format + SUM_BYTES || memcmp(text + n_bytes - SUM_BYTES, sum, SUM_BYTES) != 0 ||
        memchr(text, 0, n_bytes))
        return clade__fail(CLADE_EDATA, "%s: it is damaged: its sum is not that of its text", name);
    identity(who, sizeof who, device);
    text += n_format;
    n_bytes -= n_format + SUM_BYTES;
    size_t n_who = strlen(who);
    if (n_bytes < n_who || memcmp(text, who, n_who) != 0) return fail_foreign(name, who, text);
    *lines = malloc(n_bytes - n_who + 1);
    if (!*lines) return clade__fail(CLADE_ENOMEM, "no memory for what was tuned");
    memcpy(*lines, text + n_who, n_bytes - n_who);
    (*lines)[n_bytes - n_who] = '\0';
    return CLADE_OK;
}

/* ---- the device's -------------------------------------------------------------------------------- */

void clade__tuned_load(clade_device *device)
{
    char folder[PATH_MAX], name[40], path[PATH_MAX + 64];
    unsigned char *bytes;
    size_t n_bytes, used = strlen(device->reason);
    if (file_place(folder, name, device) != CLADE_OK) return;
    if (clade__private_read(folder, name, &bytes, &n_bytes) != CLADE_OK) return;
    snprintf(path, sizeof path, "'%s/%s'", folder, name);
    if (clade__tuned_unpack(&device->tuned, device, path, (const char *)bytes, n_bytes) != CLADE_OK)
        snprintf(device->reason + used, sizeof device->reason - used,
                 "; not as it was tuned: %s; `clade tune --forget` removes it", clade_error());
    free(bytes);
}

const char *clade__tuned_lines(const clade_device *device)
{
    return device->tuned ? device->tuned : "";
}

const char *clade__tuned_find(const clade_device *device, const char *word, size_t *n_bytes)
{
    size_t n_word = strlen(word);
    for (const char *line = device->tuned; line && *line;) {
        size_t n = strcspn(line, "\n");
        if (n > n_word && strncmp(line, word, n_word) == 0 && line[n_word] == ' ') {
            *n_bytes = n - n_word - 1;
            return line + n_word + 1;
        }
        line += n + (line[n] == '\n');
    }
    return NULL;
}

clade_status clade__tuned_keep(clade_device *device, const char *lines)
{
    char folder[PATH_MAX], name[40], path[PATH_MAX + 64], *text = NULL, *copy = NULL;
    CLADE_TRY(file_place(folder, name, device));
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!lines) {
        if (unlink(path) != 0 && errno != ENOENT)
            return clade__fail(CLADE_EIO, "cannot remove '%s': %s", path, clade__errno_text(errno));
    } else {
        CLADE_TRY(clade__tuned_pack(&text, device, lines));
        const clade__piece piece = {text, strlen(text)};
        copy = clade__copy_text(lines);
        clade_status status = copy ? clade__private_write(folder, name, &piece, 1)
                                   : clade__fail(CLADE_ENOMEM, "no memory for what was tuned");
        free(text);
        if (status != CLADE_OK) {
            free(copy);
            return status;
        }
    }
    free(device->tuned);
    device->tuned = copy;
    return CLADE_OK;
}

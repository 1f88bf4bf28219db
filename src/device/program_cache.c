#define _POSIX_C_SOURCE 200809L
#include "device/program_cache.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hash.h"

#define FORMAT_VERSION 1

/* The start of an entry. */
typedef struct cache_header {
    char magic[8];
    clade__cache_key key;
    uint64_t binary_bytes;
    uint64_t checksum; /* of the binary */
} cache_header;

static const char magic[8] = "CLADECL";

bool clade__program_cache_wanted(const clade_device *device)
{
    const char *setting = getenv("CLADE_PROGRAM_CACHE");
    if (setting && strcmp(setting, "on") == 0) return true;
    if (setting && strcmp(setting, "off") == 0) return false;
    return !device->quirks.caches_programs;
}

void clade__program_cache_key(clade__cache_key *key, const clade_device *device, const char *source,
                              const char *options)
{
    const clade_device_info *info = &device->info;
    memset(key, 0, sizeof *key);
    snprintf(key->text, sizeof key->text, "%d|%s|%s|%s|%s|%s|%s|%016llx|%zu", FORMAT_VERSION,
             info->platform, info->platform_version, info->name, info->version, info->driver,
             options, (unsigned long long)clade__hash_text(CLADE__HASH_START, source),
             strlen(source));
    key->hash = clade__hash_text(CLADE__HASH_START, key->text);
}

/* Its path, whether it is there or not. */
static bool folder_path(char *out, size_t out_bytes)
{
    const char *own = getenv("CLADE_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int n = own && *own     ? snprintf(out, out_bytes, "%s", own)
            : xdg && *xdg   ? snprintf(out, out_bytes, "%s/clade", xdg)
            : home && *home ? snprintf(out, out_bytes, "%s/.cache/clade", home)
                            : 0;
    return n > 0 && (size_t)n < out_bytes;
}

bool clade__cache_folder(char *out, size_t out_bytes)
{
    return folder_path(out, out_bytes) && clade__private_folder(out) == CLADE_OK;
}

void clade__cache_note(char *line, size_t line_bytes)
{
    char folder[PATH_MAX];
    struct stat about;
    size_t used = strlen(line);
    if (!folder_path(folder, sizeof folder) || stat(folder, &about) != 0 || !S_ISDIR(about.st_mode) ||
        clade__private_folder(folder) == CLADE_OK)
        return;
    snprintf(line + used, line_bytes - used, "; without its cache: %s", clade_error());
}

static void entry_name(char out[32], const clade__cache_key *key)
{
    snprintf(out, 32, "%016llx.clbin", (unsigned long long)key->hash);
}

/* Whether a file's bytes are an undamaged entry of this key. */
static bool entry_holds(const unsigned char *bytes, size_t n_bytes, const clade__cache_key *key)
{
    cache_header header;
    if (n_bytes < sizeof header) return false;
    memcpy(&header, bytes, sizeof header);
    return memcmp(header.magic, magic, sizeof magic) == 0 &&
           memcmp(header.key.text, key->text, sizeof key->text) == 0 &&
           header.binary_bytes > 0 && header.binary_bytes == n_bytes - sizeof header &&
           header.checksum == clade__hash(CLADE__HASH_START, bytes + sizeof header,
                                          n_bytes - sizeof header);
}

cl_program clade__program_cache_load(clade_device *device, const clade__cache_key *key)
{
    char folder[PATH_MAX], name[32];
    unsigned char *bytes;
    size_t n_bytes;
    entry_name(name, key);
    if (!clade__cache_folder(folder, sizeof folder)) return NULL;
    if (clade__private_read(folder, name, &bytes, &n_bytes) != CLADE_OK) return NULL;

    cl_program program = NULL;
    if (entry_holds(bytes, n_bytes, key)) {
        const unsigned char *binary = bytes + sizeof(cache_header);
        size_t binary_bytes = n_bytes - sizeof(cache_header);
        cl_int error;
        program = clCreateProgramWithBinary(device->context, 1, &device->id, &binary_bytes, &binary,
                                            NULL, &error);
        if (error != CL_SUCCESS) program = NULL;
    }
    free(bytes);
    return program;
}

void clade__program_cache_store(clade_device *device, const clade__cache_key *key,
                                cl_program program)
{
    (void)device;
    char folder[PATH_MAX], name[32];
    size_t binary_bytes = 0;
    entry_name(name, key);
    if (!clade__cache_folder(folder, sizeof folder)) return;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof binary_bytes, &binary_bytes,
                         NULL) != CL_SUCCESS || binary_bytes == 0)
        return;
    unsigned char *binary = malloc(binary_bytes);
    if (binary && clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) ==
                      CL_SUCCESS) {
        cache_header header;
        memset(&header, 0, sizeof header);
        memcpy(header.magic, magic, sizeof magic);
        header.key = *key;
        header.binary_bytes = binary_bytes;
        header.checksum = clade__hash(CLADE__HASH_START, binary, binary_bytes);
        clade__piece pieces[] = {{&header, sizeof header}, {binary, binary_bytes}};
        (void)clade__private_write(folder, name, pieces, 2); /* a cache that cannot be written is no error */
    }
    free(binary);
}

/* Built programs on disk, for drivers that keep none themselves.
 *
 * One file an entry, named by the hash of its key: source, options, device, driver, platform and
 * format version. The file holds the key, a checksum and the binary; it is written under a
 * temporary name and renamed. An entry that is damaged, or whose key differs, is a miss; and so is one that
 * others could have written, since a driver runs what is in it (see clade__private_read). A cache
 * that cannot be written is no error. The folder is CLADE_CACHE_DIR, else XDG_CACHE_HOME/clade, else
 * ~/.cache/clade. CLADE_PROGRAM_CACHE=on or off overrides what is known of the driver.
 */
#ifndef CLADE_DEVICE_PROGRAM_CACHE_H
#define CLADE_DEVICE_PROGRAM_CACHE_H

#include "device/opencl.h"

typedef struct clade__cache_key {
    char text[1280]; /* all of the key, the source as its hash and length */
    uint64_t hash;
} clade__cache_key;

bool clade__program_cache_wanted(const clade_device *device);

void clade__program_cache_key(clade__cache_key *key, const clade_device *device, const char *source,
                              const char *options);

/* The program, to be built by the caller, or NULL for a miss. */
cl_program clade__program_cache_load(clade_device *device, const clade__cache_key *key);

void clade__program_cache_store(clade_device *device, const clade__cache_key *key,
                                cl_program program);

/* The folder of the library's caches in out, made if need be; false when there is none, or others may write
 * to it. */
bool clade__cache_folder(char *out, size_t out_bytes);

/* Appends to a line why the folder that is there is not used; nothing when it is. */
void clade__cache_note(char *line, size_t line_bytes);

#endif

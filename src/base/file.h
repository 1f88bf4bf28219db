/* Whole files: read at once; written under a temporary name, synced and renamed, so that a reader
 * sees the old file or the new one and never a part. The temporary file is new and has a name that cannot
 * be guessed: threads and processes may write one path at once, and the last one's file is whole. */
#ifndef CLADE_BASE_FILE_H
#define CLADE_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* One piece of a file to write. */
typedef struct clade__piece {
    const void *data;
    size_t bytes;
} clade__piece;

/* CLADE_EIO with the path and the system's reason. *data is malloc'd and has a zero byte after its
 * n_bytes, so that a text file is a string. */
clade_status clade__file_read(const char *path, unsigned char **data, size_t *n_bytes);

/* Writes the pieces one after another. On failure the old file stands and no temporary is left. */
clade_status clade__file_write(const char *path, const clade__piece *pieces, size_t n_pieces);

/* Whether such a file can be written there, as far as can be known before: CLADE_EIO, as above. */
clade_status clade__file_check(const char *path);

/* Removes the temporaries that clade__file_write leaves in a folder when its process is killed. */
void clade__remove_temporaries(const char *folder);

/* Makes a folder and those above it; one that exists is no error. */
clade_status clade__make_folder(const char *path);

/* A folder for this user alone, as of caches, whose files are believed without a further look. It is made,
 * with those above it, for its owner only (0700). What is in it is read only where folder and file belong to
 * this user or to root, and nobody else may write to them: else CLADE_EIO says which it is and why. Files
 * are written as with clade__file_write, for their owner only (0600). */
clade_status clade__private_folder(const char *folder);
clade_status clade__private_read(const char *folder, const char *name, unsigned char **data,
                                 size_t *n_bytes);
clade_status clade__private_write(const char *folder, const char *name, const clade__piece *pieces,
                                  size_t n_pieces);

/* Seconds of a clock that never goes back. */
double clade__seconds(void);

#endif

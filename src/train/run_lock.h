/* The lock of a run folder: whoever holds it may change what is in there.
 *
 * It is on run.lock, a file that nobody removes or renames: a lock on a file that a run replaces would be
 * one on a file that is gone. The system lets go of it when the process ends, however it ends; the file
 * stays, with the number of the process that held it last. */
#ifndef CLADE_TRAIN_RUN_LOCK_H
#define CLADE_TRAIN_RUN_LOCK_H

#include <stdbool.h>

#include "base/error.h"

typedef struct clade__run_lock {
    bool open; /* on a file system without locks nothing is locked */
    int fd;
} clade__run_lock;

/* The same on another file of that name in a folder. CLADE_ESTATE says `busy`, the folder, who holds it, and
 * `advice`. */
typedef struct clade__lock_words {
    const char *name, *busy, *advice;
} clade__lock_words;
clade_status clade__lock_take(clade__run_lock *lock, const char *folder, const clade__lock_words *words);

/* CLADE_ESTATE while another training holds it, of this process or of another; CLADE_EIO when the file
 * cannot be made. */
clade_status clade__run_lock_take(clade__run_lock *lock, const char *folder);

void clade__run_lock_release(clade__run_lock *lock);

#endif

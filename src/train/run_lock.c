#define _POSIX_C_SOURCE 200809L
#include "train/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Of the process that holds the lock, as far as it has said so; 0 where it has not. */
static long holder(int fd)
{
    char text[32] = "";
    ssize_t n = read(fd, text, sizeof text - 1);
    return n > 0 ? strtol(text, NULL, 10) : 0;
}

static clade_status fail_locked(int fd, const char *folder, const clade__lock_words *words)
{
    char who[64] = "";
    long process = holder(fd);
    if (process == (long)getpid())
        snprintf(who, sizeof who, " (in this process)");
    else if (process > 0)
        snprintf(who, sizeof who, " (process %ld)", process);
    return clade__fail(CLADE_ESTATE, "%s '%s'%s; %s", words->busy, folder, who, words->advice);
}

/* For the message above alone: it does not matter if this cannot be written. */
static void write_holder(int fd)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0 && write(fd, text, (size_t)n) != n) (void)ftruncate(fd, 0);
}

clade_status clade__lock_take(clade__run_lock *lock, const char *folder, const clade__lock_words *words)
{
    char path[4096];
    *lock = (clade__run_lock){0};
    snprintf(path, sizeof path, "%s/%s", folder, words->name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return clade__fail(CLADE_EIO, "cannot write '%s': %s", path, clade__errno_text(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        clade_status status = fail_locked(fd, folder, words);
        close(fd);
        return status;
    }
    write_holder(fd);
    *lock = (clade__run_lock){.open = true, .fd = fd};
    return CLADE_OK;
}

clade_status clade__run_lock_take(clade__run_lock *lock, const char *folder)
{
    static const clade__lock_words words = {"run.lock", "another training is writing into",
                                            "wait until it has ended, or choose another folder"};
    return clade__lock_take(lock, folder, &words);
}

void clade__run_lock_release(clade__run_lock *lock)
{
    if (lock->open) close(lock->fd);
    *lock = (clade__run_lock){0};
}

#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE 1 /* getentropy */
#ifdef __APPLE__
#define _DARWIN_C_SOURCE
#include <sys/random.h>
#endif
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"

static clade_status fail_file(const char *doing, const char *path)
{
    return clade__fail(CLADE_EIO, "cannot %s '%s': %s", doing, path, clade__errno_text(errno));
}

/* The file that fd has open, which is closed. check: whether it may be read at all; NULL: always. */
static clade_status read_all(int fd, const char *path, unsigned char **data, size_t *n_bytes,
                             clade_status check(const struct stat *about, const char *path))
{
    clade_status status = CLADE_OK;
    struct stat about;
    unsigned char *bytes = NULL;
    size_t size = 0, got = 0;
    if (fstat(fd, &about) != 0) {
        status = fail_file("read", path);
        goto out;
    }
    if (!S_ISREG(about.st_mode)) {
        status = clade__fail(CLADE_EIO, "cannot read '%s': not a regular file", path);
        goto out;
    }
    status = check ? check(&about, path) : CLADE_OK;
    if (status != CLADE_OK) goto out;
    size = (size_t)about.st_size;
    bytes = malloc(size + 1);
    if (!bytes) {
        status = clade__fail(CLADE_ENOMEM, "cannot read '%s': no memory for %zu bytes", path, size);
        goto out;
    }
    while (got < size) {
        ssize_t more = read(fd, bytes + got, size - got);
        if (more < 0 && errno == EINTR) continue;
        if (more < 0) {
            status = fail_file("read", path);
            goto out;
        }
        if (more == 0) break; /* it shrank meanwhile */
        got += (size_t)more;
    }
    bytes[got] = 0;
    *data = bytes;
    *n_bytes = got;
    bytes = NULL;
out:
    free(bytes);
    close(fd);
    return status;
}

clade_status clade__file_read(const char *path, unsigned char **data, size_t *n_bytes)
{
    *data = NULL;
    *n_bytes = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_file("open", path);
    return read_all(fd, path, data, n_bytes, NULL);
}

static int write_all(int fd, const clade__piece *pieces, size_t n_pieces)
{
    for (size_t i = 0; i < n_pieces; i++) {
        const unsigned char *at = pieces[i].data;
        size_t left = pieces[i].bytes;
        while (left > 0) {
            ssize_t wrote = write(fd, at, left);
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0) return -1;
            at += wrote;
            left -= (size_t)wrote;
        }
    }
    return fsync(fd);
}

/* Makes a rename durable. A file system that cannot sync a folder says EINVAL: nothing to do. */
static void sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == folder) slash++;
    if (slash) *slash = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd);
    close(fd);
}

/* Digits for a name that nobody can guess. Where the system has no random bytes to give, time, thread and
 * a count still tell two names apart; and a name that is taken is never opened. */
static uint64_t made_up_digits(void)
{
    static atomic_uint_fast64_t count;
    uint64_t bits = 0;
    if (getentropy(&bits, sizeof bits) != 0) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        const uint64_t seen[] = {(uint64_t)now.tv_sec, (uint64_t)now.tv_nsec, (uint64_t)getpid(),
                                 atomic_fetch_add(&count, 1)};
        bits = clade__hash(CLADE__HASH_START, seen, sizeof seen);
    }
    return bits % UINT64_C(1000000000000);
}

/* Makes a new file beside `path`: O_EXCL opens neither a file nor a link that is there. Below 0 after an
 * error, which is told. */
static int open_temporary(const char *path, mode_t mode, char temporary[PATH_MAX])
{
    for (int i = 0; i < 100; i++) {
        int n = snprintf(temporary, PATH_MAX, "%s.tmp-%012llu", path,
                         (unsigned long long)made_up_digits());
        if (n < 0 || n >= PATH_MAX) {
            (void)clade__fail(CLADE_EIO, "cannot write '%s': the path is too long", path);
            return -1;
        }
        int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd >= 0) return fd;
        if (errno != EEXIST) break;
    }
    (void)fail_file("write", path);
    return -1;
}

clade_status clade__file_check(const char *path)
{
    char temporary[PATH_MAX];
    struct stat about;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        return clade__fail(CLADE_EIO, "cannot write '%s': it is a folder", path);
    int fd = open_temporary(path, 0666, temporary);
    if (fd < 0) return CLADE_EIO;
    close(fd);
    (void)unlink(temporary);
    return CLADE_OK;
}

static clade_status write_file(const char *path, mode_t mode, const clade__piece *pieces, size_t n_pieces)
{
    char temporary[PATH_MAX];
    int fd = open_temporary(path, mode, temporary);
    if (fd < 0) return CLADE_EIO;
    if (write_all(fd, pieces, n_pieces) != 0) {
        clade_status status = fail_file("write", path);
        close(fd);
        unlink(temporary);
        return status;
    }
    if (close(fd) != 0 || rename(temporary, path) != 0) {
        clade_status status = fail_file("write", path);
        unlink(temporary);
        return status;
    }
    sync_folder_of(path);
    return CLADE_OK;
}

clade_status clade__file_write(const char *path, const clade__piece *pieces, size_t n_pieces)
{
    return write_file(path, 0666, pieces, n_pieces);
}

/* NAME.tmp-DIGITS, as above. */
static bool is_temporary(const char *name)
{
    const char *at = strstr(name, ".tmp-");
    return at && at > name && at[5] && !at[5 + strspn(at + 5, "0123456789")];
}

void clade__remove_temporaries(const char *folder)
{
    DIR *open = opendir(folder);
    if (!open) return;
    for (const struct dirent *entry; (entry = readdir(open));)
        if (is_temporary(entry->d_name)) (void)unlinkat(dirfd(open), entry->d_name, 0);
    closedir(open);
}

static clade_status make_folder(const char *path, mode_t mode)
{
    char part[PATH_MAX];
    int n = snprintf(part, sizeof part, "%s", path);
    if (n <= 0 || (size_t)n >= sizeof part)
        return clade__fail(CLADE_EIO, "cannot make folder '%s': the path is %s", path,
                           n <= 0 ? "empty" : "too long");
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, mode) != 0 && errno != EEXIST) return fail_file("make folder", part);
        *slash = '/';
    }
    if (mkdir(part, mode) != 0 && errno != EEXIST) return fail_file("make folder", path);
    struct stat about;
    if (stat(path, &about) != 0) return fail_file("make folder", path);
    if (!S_ISDIR(about.st_mode))
        return clade__fail(CLADE_EIO, "cannot make folder '%s': a file of that name is there", path);
    return CLADE_OK;
}

clade_status clade__make_folder(const char *path)
{
    return make_folder(path, 0777);
}

/* ---- what nobody else can have written ------------------------------------------------------- */

static clade_status check_private(const struct stat *about, const char *path)
{
    if (about->st_uid != geteuid() && about->st_uid != 0)
        return clade__fail(CLADE_EIO, "'%s' belongs to another user (%ld)", path, (long)about->st_uid);
    if (about->st_mode & (S_IWGRP | S_IWOTH))
        return clade__fail(CLADE_EIO, "others may write to '%s' (chmod go-w)", path);
    return CLADE_OK;
}

/* The folder, opened, after a look at what is open: its name may lead elsewhere the next time. Below 0
 * after an error, which is told. */
static int open_private(const char *folder)
{
    struct stat about;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        (void)fail_file("open", folder);
        return -1;
    }
    clade_status status = fstat(fd, &about) != 0 ? fail_file("open", folder)
                                                 : check_private(&about, folder);
    if (status == CLADE_OK) return fd;
    close(fd);
    return -1;
}

clade_status clade__private_folder(const char *folder)
{
    CLADE_TRY(make_folder(folder, 0700));
    int fd = open_private(folder);
    if (fd >= 0) close(fd);
    return fd >= 0 ? CLADE_OK : CLADE_EIO;
}

clade_status clade__private_read(const char *folder, const char *name, unsigned char **data,
                                 size_t *n_bytes)
{
    *data = NULL;
    *n_bytes = 0;
    int in = open_private(folder);
    if (in < 0) return CLADE_EIO;
    int fd = openat(in, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    clade_status status = fd < 0 ? fail_file("open", name) : CLADE_OK;
    close(in);
    return status == CLADE_OK ? read_all(fd, name, data, n_bytes, check_private) : status;
}

clade_status clade__private_write(const char *folder, const char *name, const clade__piece *pieces,
                                  size_t n_pieces)
{
    char path[PATH_MAX];
    CLADE_TRY(clade__private_folder(folder));
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return clade__fail(CLADE_EIO, "cannot write '%s/%s': the path is too long", folder, name);
    return write_file(path, 0600, pieces, n_pieces);
}

double clade__seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

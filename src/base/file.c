#define _POSIX_C_SOURCE 200809L
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

static clade_status fail_file(const char *doing, const char *path)
{
    return clade__fail(CLADE_EIO, "cannot %s '%s': %s", doing, path, strerror(errno));
}

clade_status clade__file_read(const char *path, unsigned char **data, size_t *n_bytes)
{
    *data = NULL;
    *n_bytes = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_file("open", path);

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

/* Below 0 after an error, which is told. */
static int open_temporary(const char *path, char temporary[PATH_MAX])
{
    int n = snprintf(temporary, PATH_MAX, "%s.tmp-%ld", path, (long)getpid());
    if (n < 0 || n >= PATH_MAX) {
        (void)clade__fail(CLADE_EIO, "cannot write '%s': the path is too long", path);
        return -1;
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) (void)fail_file("write", path);
    return fd;
}

clade_status clade__file_check(const char *path)
{
    char temporary[PATH_MAX];
    struct stat about;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        return clade__fail(CLADE_EIO, "cannot write '%s': it is a folder", path);
    int fd = open_temporary(path, temporary);
    if (fd < 0) return CLADE_EIO;
    close(fd);
    (void)unlink(temporary);
    return CLADE_OK;
}

clade_status clade__file_write(const char *path, const clade__piece *pieces, size_t n_pieces)
{
    char temporary[PATH_MAX];
    int fd = open_temporary(path, temporary);
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

/* NAME.tmp-PROCESS, as above. */
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

clade_status clade__make_folder(const char *path)
{
    char part[PATH_MAX];
    int n = snprintf(part, sizeof part, "%s", path);
    if (n <= 0 || (size_t)n >= sizeof part)
        return clade__fail(CLADE_EIO, "cannot make folder '%s': the path is %s", path,
                           n <= 0 ? "empty" : "too long");
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST) return fail_file("make folder", part);
        *slash = '/';
    }
    if (mkdir(part, 0777) != 0 && errno != EEXIST) return fail_file("make folder", path);
    struct stat about;
    if (stat(path, &about) != 0) return fail_file("make folder", path);
    if (!S_ISDIR(about.st_mode))
        return clade__fail(CLADE_EIO, "cannot make folder '%s': a file of that name is there", path);
    return CLADE_OK;
}

double clade__seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

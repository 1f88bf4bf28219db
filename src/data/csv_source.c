/* The bytes of a CSV file. A plain one is read with pread, so that threads share the descriptor, and
 * so that a file which is cut meanwhile is an error and not a signal, as it would be with mmap. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/csv_inside.h"
#include "data/gzip.h"

static clade_status fail_source(const clade__csv_source *source, const char *doing)
{
    return clade__fail(CLADE_EIO, "cannot %s '%s': %s", doing, source->path, clade__errno_text(errno));
}

/* A gzipped file is unpacked in place of being read. */
static clade_status unpack(clade__csv_source *source)
{
    char magic[2];
    size_t n_bytes;
    if (source->n_bytes < 2) return CLADE_OK;
    CLADE_TRY(clade__csv_source_copy(source, 0, magic, 2));
    if (memcmp(magic, "\x1f\x8b", 2) != 0) return CLADE_OK;
    close(source->fd);
    source->fd = -1;
    CLADE_TRY(clade__gzip_read_file(source->path, &source->bytes, &n_bytes));
    source->n_bytes = (int64_t)n_bytes;
    return CLADE_OK;
}

clade_status clade__csv_source_open(clade__csv_source *source, const char *path)
{
    struct stat about;
    *source = (clade__csv_source){.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (source->fd < 0) return fail_source(source, "open");
    if (fstat(source->fd, &about) != 0) return fail_source(source, "read");
    if (!S_ISREG(about.st_mode))
        return clade__fail(CLADE_EIO, "cannot read '%s': not a regular file", path);
    source->n_bytes = about.st_size;
    CLADE_TRY(unpack(source));
    if (source->n_bytes == 0) return clade__fail(CLADE_EDATA, "'%s' is empty", path);
    return CLADE_OK;
}

void clade__csv_source_close(clade__csv_source *source)
{
    if (source->fd >= 0) close(source->fd);
    free(source->bytes);
    *source = (clade__csv_source){.fd = -1};
}

clade_status clade__csv_source_copy(const clade__csv_source *source, int64_t offset, char *to,
                                    size_t n)
{
    if (source->bytes) {
        memcpy(to, source->bytes + offset, n);
        return CLADE_OK;
    }
    while (n > 0) {
        ssize_t got = pread(source->fd, to, n, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_source(source, "read");
        if (got == 0)
            return clade__fail(CLADE_EIO, "cannot read '%s': it was cut while it was read",
                               source->path);
        to += got;
        offset += got;
        n -= (size_t)got;
    }
    return CLADE_OK;
}

int64_t clade__csv_source_line(const clade__csv_source *source, int64_t offset)
{
    char block[4096];
    int64_t line = 1;
    bool cr = false; /* the last byte is one */
    for (int64_t at = 0; at < offset;) {
        size_t n = offset - at < (int64_t)sizeof block ? (size_t)(offset - at) : sizeof block;
        if (clade__csv_source_copy(source, at, block, n) != CLADE_OK) return 0;
        for (size_t i = 0; i < n; i++) {
            line += block[i] == '\r' || (block[i] == '\n' && !cr);
            cr = block[i] == '\r';
        }
        at += (int64_t)n;
    }
    return line;
}

clade_status clade__csv_fail_at(const clade__csv_source *source, int64_t offset, const char *what)
{
    return clade__fail(CLADE_EDATA, "%s:%" PRId64 ": %s", source->path,
                       clade__csv_source_line(source, offset), what);
}

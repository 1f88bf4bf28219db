#define _XOPEN_SOURCE 700
#include "fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <malloc.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "data/dataset.h"

void fuzz_fail(const char *file, int line, const char *what, const char *more)
{
    fprintf(stderr, "%s:%d: FAILED: %s (%s)\n", file, line, what, more);
    abort();
}

/* ---- memory ---------------------------------------------------------------------------------- */

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void __real_free(void *old);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void __wrap_free(void *old);

/* A reader may have several threads. */
static _Atomic bool counting;
static _Atomic size_t held;
static size_t most;

static void expect(size_t bytes)
{
    size_t now = held;
    if (!counting || (now <= most && bytes <= most - now)) return;
    char text[96];
    counting = false;
    snprintf(text, sizeof text, "%zu more than the %zu held, of at most %zu", bytes, now, most);
    fuzz_fail("library", 0, "memory beyond what the input could fill", text);
}

static void *count(void *made)
{
    if (counting && made) held += malloc_usable_size(made);
    return made;
}

void *__wrap_malloc(size_t bytes)
{
    expect(bytes);
    return count(__real_malloc(bytes));
}

void *__wrap_calloc(size_t n, size_t bytes)
{
    expect(n && bytes > SIZE_MAX / n ? SIZE_MAX : n * bytes);
    return count(__real_calloc(n, bytes));
}

void *__wrap_realloc(void *old, size_t bytes)
{
    expect(bytes);
    size_t old_bytes = counting && old ? malloc_usable_size(old) : 0;
    void *made = count(__real_realloc(old, bytes));
    if (made) held -= old_bytes;
    return made;
}

void __wrap_free(void *old)
{
    if (counting && old) held -= malloc_usable_size(old);
    __real_free(old);
}

/* These take memory inside the C library, which free() gives back here. */
char *__wrap_strdup(const char *text);
char *__wrap_realpath(const char *path, char *out);
char *__real_realpath(const char *path, char *out);

char *__wrap_strdup(const char *text)
{
    size_t n_bytes = strlen(text) + 1;
    char *copy = __wrap_malloc(n_bytes);
    return copy ? memcpy(copy, text, n_bytes) : NULL;
}

char *__wrap_realpath(const char *path, char *out)
{
    char whole[PATH_MAX];
    if (out) return __real_realpath(path, out);
    return __real_realpath(path, whole) ? __wrap_strdup(whole) : NULL;
}

void fuzz_begin(size_t most_bytes)
{
    static bool started;
    if (!started) { /* cJSON's memory counts too */
        cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = __wrap_malloc, .free_fn = __wrap_free});
        started = true;
    }
    most = most_bytes;
    held = 0;
    counting = true;
}

void fuzz_end(void)
{
    counting = false;
    fuzz_assert(held == 0);
}

/* ---- files ----------------------------------------------------------------------------------- */

int __real_open(const char *path, int flags, ...);
int __real_stat(const char *path, struct stat *about);
int __real_access(const char *path, int mode);
int __wrap_open(const char *path, int flags, ...);
int __wrap_stat(const char *path, struct stat *about);
int __wrap_access(const char *path, int mode);

static char folder[64];

static void expect_inside(const char *path)
{
    size_t n = strlen(folder);
    if (!counting || strcmp(path, folder) == 0) return;
    fuzz_assert(strncmp(path, folder, n) == 0 && path[n] == '/');
    fuzz_assert(!strchr(path + n + 1, '/') && strcmp(path + n, "/..") != 0);
}

int __wrap_open(const char *path, int flags, ...)
{
    expect_inside(path);
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return __real_open(path, flags, mode);
}

int __wrap_stat(const char *path, struct stat *about)
{
    expect_inside(path);
    return __real_stat(path, about);
}

/* Folders that data may lie in are looked for below the one that is given, see idx.c; there are none. */
int __wrap_access(const char *path, int mode)
{
    size_t n = strlen(path);
    if (n < 4 || strcmp(path + n - 4, "/raw") != 0) expect_inside(path);
    return __real_access(path, mode);
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *walk)
{
    (void)about;
    (void)type;
    (void)walk;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_folder(void)
{
    if (folder[0]) return folder;
    snprintf(folder, sizeof folder, "%s/clade-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    fuzz_assert(mkdtemp(folder));
    atexit(remove_folder);
    return folder;
}

const char *fuzz_write(const char *name, fuzz_input file)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", fuzz_folder(), name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    fuzz_assert(fd >= 0 && write(fd, file.bytes, file.n_bytes) == (ssize_t)file.n_bytes &&
                close(fd) == 0);
    return path;
}

/* ---- what must hold -------------------------------------------------------------------------- */

bool fuzz_check(clade_status status)
{
    if (status == CLADE_OK) return true;
    fuzz_assert(status == CLADE_EINVAL || status == CLADE_ESHAPE || status == CLADE_EIO ||
                status == CLADE_EDATA || status == CLADE_ECONFIG || status == CLADE_ENODEVICE);
    fuzz_assert(clade_error()[0] && !strpbrk(clade_error(), "\r\n"));
    return false;
}

static void check_data(const clade_data *data)
{
    clade_data_info info = clade_data_describe(data);
    int64_t n = info.n_samples, cols = clade__data_cols(data);
    fuzz_assert(info.name && n > 0 && cols > 0 && isfinite(info.scale) && isfinite(info.shift));
    fuzz_assert(info.n_classes == 0 || info.n_targets == 0);
    unsigned sum = 0; /* so that every byte is read */
    for (int64_t i = 0; i < n * cols; i++) {
        if (info.dtype == CLADE_FLOAT32)
            fuzz_assert(isfinite(((const float *)data->values)[i]));
        else
            sum += ((const uint8_t *)data->values)[i];
    }
    for (int64_t i = 0; i < n * info.n_targets; i++) fuzz_assert(isfinite(data->targets[i]));
    for (int64_t i = 0; info.n_classes > 0 && i < n; i++) {
        fuzz_assert(data->labels[i] >= 0 && data->labels[i] < info.n_classes);
        const char *name = clade_data_class_name(data, data->labels[i]);
        sum += name ? (unsigned)strlen(name) : 0;
    }
    static volatile unsigned sink;
    sink = sum;
    (void)sink;
}

/* Opens a part; whether it could be, and whether its samples have answers. */
static bool open_part(const char *spec, const char *part, bool *labelled)
{
    clade_data *data = NULL;
    bool opened = fuzz_check(clade_data_open_part(&data, spec, part));
    fuzz_assert(opened == (data != NULL));
    if (!opened) return false;
    check_data(data);
    *labelled = clade_data_describe(data).n_classes > 0 || clade_data_describe(data).n_targets > 0;
    clade_data_free(data);
    return true;
}

bool fuzz_spec(char *spec, size_t spec_bytes, const char *kind, const char *path,
               const char *options)
{
    int n = snprintf(spec, spec_bytes, "%s:%s%s%s", kind, path, options[0] ? "?" : "", options);
    fuzz_assert((size_t)n < spec_bytes);
    return clade_data_spec_options(spec) == (options[0] ? spec + n - strlen(options) : NULL);
}

void fuzz_open_data(const char *kind, const char *path, const char *options, bool same_parts)
{
    char spec[1024];
    bool opened[2], labelled[2] = {true, true};
    if (!fuzz_spec(spec, sizeof spec, kind, path, options)) return;
    for (int test = 0; test < 2; test++)
        opened[test] = open_part(spec, test ? "test" : "train", &labelled[test]);
    if (!same_parts) return;
    /* n= may ask for more samples than one of the parts has, and split= or group= leave one empty. */
    fuzz_assert(opened[0] == opened[1] || strstr(options, "n=") || strstr(options, "split=") ||
                strstr(options, "group="));
    bool none = strstr(options, "label=none");
    for (int test = 0; test < 2; test++)
        fuzz_assert(!opened[test] || labelled[test] == !none);
}

/* ---- inputs ---------------------------------------------------------------------------------- */

fuzz_input fuzz_take(fuzz_input *input, size_t n_bytes)
{
    fuzz_input taken = {input->bytes, n_bytes < input->n_bytes ? n_bytes : input->n_bytes};
    input->bytes += taken.n_bytes;
    input->n_bytes -= taken.n_bytes;
    return taken;
}

fuzz_input fuzz_take_part(fuzz_input *input)
{
    fuzz_input length = fuzz_take(input, 2);
    return fuzz_take(input, length.n_bytes < 2 ? 0 : length.bytes[0] + 256u * length.bytes[1]);
}

void fuzz_take_text(fuzz_input *input, char end, char *out, size_t out_bytes)
{
    const uint8_t *found = input->n_bytes ? memchr(input->bytes, end, input->n_bytes) : NULL;
    fuzz_input text = fuzz_take(input, found ? (size_t)(found - input->bytes) : input->n_bytes);
    snprintf(out, out_bytes, "%.*s", (int)text.n_bytes, (const char *)text.bytes);
    fuzz_take(input, 1);
}

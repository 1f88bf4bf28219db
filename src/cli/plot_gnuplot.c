/* gnuplot as a process: a script goes in by a pipe, the picture and what it complains of come out.
 *
 * There is no shell, and no file's name is told to gnuplot. All three pipes are served at once, so
 * that neither side waits for the other for ever. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/plot.h"

extern char **environ;

typedef struct stream {
    int fd; /* -1 when it has ended */
    unsigned char *data;
    size_t length, capacity;
} stream;

static void close_stream(stream *s)
{
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
}

/* Appends what can be read now. */
static clade_status take(stream *from)
{
    if (from->capacity - from->length < 4096) {
        size_t capacity = 2 * from->capacity + 65536;
        unsigned char *data = realloc(from->data, capacity);
        if (!data) return clade__fail(CLADE_ENOMEM, "no memory for the picture");
        from->data = data;
        from->capacity = capacity;
    }
    /* One byte stays free for the zero at the end of a text. */
    ssize_t n = read(from->fd, from->data + from->length, from->capacity - from->length - 1);
    if (n < 0 && errno == EINTR) return CLADE_OK;
    if (n > 0)
        from->length += (size_t)n;
    else
        close_stream(from);
    return CLADE_OK;
}

/* Writes what the pipe has room for. gnuplot may have ended: then it says why on stderr. */
static void give(stream *to)
{
    ssize_t n = write(to->fd, to->data + to->length, to->capacity - to->length);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (n > 0) to->length += (size_t)n;
    if (n < 0 || to->length == to->capacity) close_stream(to);
}

static clade_status talk(stream *in, stream *out, stream *err)
{
    while (in->fd >= 0 || out->fd >= 0 || err->fd >= 0) {
        struct pollfd waits[] = {{in->fd, POLLOUT, 0}, {out->fd, POLLIN, 0}, {err->fd, POLLIN, 0}};
        if (poll(waits, 3, -1) < 0) {
            if (errno == EINTR) continue;
            return clade__fail(CLADE_EIO, "gnuplot: poll: %s", clade__errno_text(errno));
        }
        if (waits[0].revents) give(in);
        if (waits[1].revents) CLADE_TRY(take(out));
        if (waits[2].revents) CLADE_TRY(take(err));
    }
    return CLADE_OK;
}

/* -d: what a user has set for gnuplot must not change the picture. */
static int spawn(pid_t *child, const int ends[3])
{
    static char program[] = "gnuplot", defaults[] = "-d";
    char *const argv[] = {program, defaults, NULL};
    posix_spawn_file_actions_t actions;
    int problem = posix_spawn_file_actions_init(&actions);
    if (problem) return problem;
    for (int i = 0; i < 3 && !problem; i++)
        problem = posix_spawn_file_actions_adddup2(&actions, ends[i], i);
    if (!problem) problem = posix_spawnp(child, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return problem;
}

/* Pipes that gnuplot inherits as its standard streams alone; ours[i] and its[i] are stream i's. */
static bool open_pipes(int ours[3], int its[3])
{
    for (int i = 0; i < 3; i++) {
        int ends[2];
        if (pipe(ends) != 0) return false;
        ours[i] = ends[i == 0];
        its[i] = ends[i != 0];
        if (fcntl(ends[0], F_SETFD, FD_CLOEXEC) != 0 || fcntl(ends[1], F_SETFD, FD_CLOEXEC) != 0)
            return false;
    }
    return fcntl(ours[0], F_SETFL, O_NONBLOCK) == 0;
}

static clade_status start(pid_t *child, int ours[3])
{
    int its[3] = {-1, -1, -1};
    clade_status status = CLADE_OK;
    if (!open_pipes(ours, its))
        status = clade__fail(CLADE_EIO, "cannot start gnuplot: %s", clade__errno_text(errno));
    int problem = status == CLADE_OK ? spawn(child, its) : 0;
    if (problem == ENOENT)
        status =
            clade__fail(CLADE_EIO, "gnuplot is not installed, and it draws the pictures; install "
                                   "the package gnuplot-nox (see tools/packages.txt)");
    else if (problem)
        status = clade__fail(CLADE_EIO, "cannot start gnuplot: %s", clade__errno_text(problem));
    for (int i = 0; i < 3; i++)
        if (its[i] >= 0) close(its[i]);
    return status;
}

/* The first line that says something: gnuplot repeats the command and points at a place in it. */
static const char *first_complaint(stream *err)
{
    if (!err->data) return "";
    err->data[err->length] = '\0';
    char *rest = NULL, *line = strtok_r((char *)err->data, "\n", &rest);
    for (; line; line = strtok_r(NULL, "\n", &rest)) {
        line += strspn(line, " \t\r");
        if (line[strspn(line, "^ \t\r")] && strncmp(line, "gnuplot>", 8) != 0) return line;
    }
    return "";
}

static clade_status wait_for(pid_t child, stream *err)
{
    int how;
    while (waitpid(child, &how, 0) < 0)
        if (errno != EINTR) return clade__fail(CLADE_EIO, "gnuplot: %s", clade__errno_text(errno));
    if (WIFSIGNALED(how))
        return clade__fail(CLADE_EIO, "gnuplot was ended by signal %d", WTERMSIG(how));
    if (WEXITSTATUS(how) == 0) return CLADE_OK;
    const char *said = first_complaint(err);
    if (said[0]) return clade__fail(CLADE_EIO, "gnuplot failed: %s", said);
    return clade__fail(CLADE_EIO, "gnuplot failed with status %d", WEXITSTATUS(how));
}

/* Gives what gnuplot wrote to stdout; *data is malloc'd. An empty script asks if it is there. */
static clade_status run_gnuplot(const clade__text *script, unsigned char **data, size_t *n_bytes)
{
    int ours[3] = {-1, -1, -1};
    pid_t child = -1;
    *data = NULL;
    *n_bytes = 0;
    clade_status status = start(&child, ours);
    stream in = {ours[0], (unsigned char *)script->data, 0, script->length};
    stream out = {.fd = ours[1]}, err = {.fd = ours[2]};
    if (script->length == 0) close_stream(&in);
    if (status == CLADE_OK) {
        status = talk(&in, &out, &err);
        close_stream(&in);
        close_stream(&out);
        close_stream(&err);
        clade_status ended = wait_for(child, &err);
        if (status == CLADE_OK) status = ended;
    }
    if (status == CLADE_OK && script->length > 0 && out.length == 0)
        status = clade__fail(CLADE_EIO, "gnuplot drew nothing%s%s", err.length ? ": " : "",
                             first_complaint(&err));
    close_stream(&in);
    close_stream(&out);
    close_stream(&err);
    free(err.data);
    if (status != CLADE_OK) {
        free(out.data);
        return status;
    }
    *data = out.data;
    *n_bytes = out.length;
    return CLADE_OK;
}

clade_status cli_plot_check(cli_call *call)
{
    unsigned char *nothing;
    size_t n_bytes;
    call->writing = true;
    CLADE_TRY(run_gnuplot(&(clade__text){0}, &nothing, &n_bytes));
    call->writing = false;
    free(nothing);
    return CLADE_OK;
}

static bool ends_in(const char *path, const char *ending)
{
    size_t length = strlen(path), n = strlen(ending);
    return length > n && clade__contains_nocase(path + length - n, ending);
}

clade_status cli_plot_format(const char *output, bool *png)
{
    *png = ends_in(output, ".png");
    if (*png || ends_in(output, ".svg")) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "--output is '%s', want a name that ends in .svg or .png",
                       output);
}

clade_status cli_plot_draw(const clade__text *script, const char *output)
{
    unsigned char *picture = NULL;
    size_t n_bytes = 0;
    clade_status status = script->failed ? clade__fail(CLADE_ENOMEM, "no memory for the picture")
                                         : run_gnuplot(script, &picture, &n_bytes);
    if (status == CLADE_OK)
        status = clade__file_write(output, &(clade__piece){picture, n_bytes}, 1);
    free(picture);
    return status;
}

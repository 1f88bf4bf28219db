#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE 1
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

extern char **environ;

enum { MAX_ARGUMENTS = 40 };

typedef struct stream {
    int fd;
    char *text;
    size_t length, capacity;
} stream;

/* Appends what can be read now; false at the stream's end. */
static bool drain(stream *from)
{
    if (from->capacity - from->length < 4096) {
        from->capacity = 2 * from->capacity + 8192;
        from->text = realloc(from->text, from->capacity);
        assert_non_null(from->text);
    }
    ssize_t n = read(from->fd, from->text + from->length, from->capacity - from->length - 1);
    if (n < 0 && errno == EINTR) return true;
    if (n > 0) from->length += (size_t)n;
    from->text[from->length] = '\0';
    if (n > 0) return true;
    close(from->fd);
    from->fd = -1;
    return false;
}

static pid_t start(const char *const *arguments, int out[2], int err[2])
{
    const char *build = getenv("CLADE_TEST_BUILD");
    char program[1024];
    snprintf(program, sizeof program, "%s/clade", build ? build : ".");
    char *argv[MAX_ARGUMENTS + 2] = {program};
    for (int i = 0; arguments[i]; i++) {
        assert_in_range(i, 0, MAX_ARGUMENTS - 1);
        argv[i + 1] = (char *)(uintptr_t)arguments[i]; /* posix_spawn's argv is const in spirit */
    }
    posix_spawn_file_actions_t actions;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out[1], 1), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, err[1], 2), 0);
    for (int i = 0; out != err && i < 2; i++) { /* a terminal closes itself */
        assert_int_equal(posix_spawn_file_actions_addclose(&actions, out[i]), 0);
        assert_int_equal(posix_spawn_file_actions_addclose(&actions, err[i]), 0);
    }
    pid_t child = -1;
    int problem = posix_spawn(&child, program, &actions, NULL, argv, environ);
    if (problem) print_error("%s: %s\n", program, strerror(problem));
    assert_int_equal(problem, 0);
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

command_result command_run_and_signal_after(const char *const *arguments, const char *part,
                                            double seconds, int number)
{
    double due = clade__seconds() + seconds;
    int out_pipe[2], err_pipe[2], status;
    assert_int_equal(pipe(out_pipe), 0);
    assert_int_equal(pipe(err_pipe), 0);
    pid_t child = start(arguments, out_pipe, err_pipe);
    close(out_pipe[1]);
    close(err_pipe[1]);
    stream out = {.fd = out_pipe[0]}, err = {.fd = err_pipe[0]};
    while (out.fd >= 0 || err.fd >= 0) {
        struct pollfd waits[2] = {{out.fd, POLLIN, 0}, {err.fd, POLLIN, 0}};
        double left = due - clade__seconds();
        int wait = !number || part ? -1 : left > 0.0 ? 1 + (int)(1000.0 * left) : 0;
        if (poll(waits, 2, wait) < 0) continue;
        if (waits[0].revents) drain(&out);
        if (waits[1].revents) drain(&err);
        if (part && err.text && strstr(err.text, part)) {
            part = NULL;
            due = clade__seconds() + seconds;
        }
        if (!number || part || clade__seconds() < due) continue;
        kill(child, number);
        number = 0;
    }
    while (waitpid(child, &status, 0) < 0) assert_int_equal(errno, EINTR);
    return (command_result){WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                            out.text, err.text};
}

command_result command_run(const char *const *arguments)
{
    return command_run_and_signal_after(arguments, NULL, 0.0, 0);
}

command_result command_run_and_signal(const char *const *arguments, const char *part, int number)
{
    return command_run_and_signal_after(arguments, part, 0.0, number);
}

command_result command_run_on_terminal(const char *const *arguments, int columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), status;
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0);
    assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
    int ends[2] = {slave, slave};
    pid_t child = start(arguments, ends, ends);
    close(slave);
    stream out = {.fd = master}; /* ends with an error, EIO, once nobody holds the other end */
    while (drain(&out)) continue;
    while (waitpid(child, &status, 0) < 0) assert_int_equal(errno, EINTR);
    char *to = out.text;
    for (const char *from = out.text; *from; from++)
        if (from[0] != '\r' || from[1] != '\n') *to++ = *from;
    *to = '\0';
    return (command_result){WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                            out.text, calloc(1, 1)};
}

int command_longest_line(const char *said)
{
    int longest = 0;
    for (const char *line = said; *line;) {
        size_t n = strcspn(line, "\r\n");
        int columns = 0;
        for (size_t i = 0; i < n; i++) {
            if (strncmp(line + i, "\033[K", 3) == 0)
                i += 2;
            else
                columns += (line[i] & 0xc0) != 0x80;
        }
        if (columns > longest) longest = columns;
        line += n + (line[n] != '\0');
    }
    return longest;
}

void command_free(command_result *result)
{
    free(result->out);
    free(result->err);
    *result = (command_result){0};
}

command_result command_expect(command_result result, int status)
{
    if (result.status != status) {
        print_error("exit %d, want %d; stdout \"%s\", stderr \"%s\"\n", result.status, status,
                    result.out, result.err);
        fail();
    }
    return result;
}

void command_expect_error(command_result result, int status, const char *part)
{
    command_expect(result, status);
    if (!strstr(result.err, part)) print_error("want \"%s\" in \"%s\"\n", part, result.err);
    assert_non_null(strstr(result.err, part));
    assert_string_equal(result.out, "");
    command_free(&result);
}

cJSON *command_json(const char *text)
{
    const char *end;
    cJSON *document = cJSON_ParseWithOpts(text, &end, true); /* nothing may follow it */
    if (!document) print_error("not JSON: \"%s\"\n", text);
    assert_non_null(document);
    return document;
}

double command_number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item)) print_error("no number '%s'\n", key);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

cJSON *command_event(const char *run, const char *name)
{
    unsigned char *text;
    size_t n_bytes;
    cJSON *last = NULL;
    assert_ok(clade__file_read(test_text("%s/metrics.jsonl", run), &text, &n_bytes));
    for (char *line = strtok((char *)text, "\n"); line; line = strtok(NULL, "\n")) {
        cJSON *object = command_json(line);
        const char *event = cJSON_GetStringValue(cJSON_GetObjectItem(object, "event"));
        bool wanted = event && strcmp(event, name) == 0;
        cJSON_Delete(wanted ? last : object);
        if (wanted) last = object;
    }
    free(text);
    assert_non_null(last);
    return last;
}

const char *command_text(const char *const *arguments)
{
    const char *text = "";
    for (; *arguments; arguments++) text = test_text("%s %s", text, *arguments);
    return text;
}

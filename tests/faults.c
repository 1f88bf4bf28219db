#define CLADE_FAULTS_APART
#include "faults.h"

#include <string.h>

static const char *const kind_names[FAULT_N_KINDS] = {
    "buffer", "context", "sub-device", "event", "kernel", "program", "queue", "block of memory",
    "file descriptor", "stream", "open folder"};

static bool active;
static fault_plan plan;
static bool fired, fired_then;
static int n_held[FAULT_N_KINDS];

/* ---- for the test ---------------------------------------------------------------------------- */

void fault_begin(const fault_plan *wanted)
{
    for (fault_site *const *site = __start_fault_sites; site < __stop_fault_sites; site++)
        (*site)->n_calls = 0;
    memset(n_held, 0, sizeof n_held);
    plan = wanted ? *wanted : (fault_plan){0};
    fired = fired_then = false;
    active = true;
}

bool fault_end(void)
{
    active = false;
    return (!plan.site || fired) && (!plan.then || fired_then);
}

const char *fault_left(void)
{
    static char text[512];
    size_t used = 0;
    for (int kind = 0; kind < FAULT_N_KINDS; kind++)
        if (n_held[kind] != 0 && used < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%d of %s", used ? ", " : "",
                                     n_held[kind], kind_names[kind]);
    return used ? text : NULL;
}

/* ---- for the library ------------------------------------------------------------------------- */

bool fault_here(fault_site *site)
{
    if (!active) return false;
    site->n_calls++;
    if (site == plan.site && site->n_calls == plan.call) {
        site->n_faults++;
        return fired = true;
    }
    if (fired && site == plan.then && !fired_then) {
        site->n_faults++;
        return fired_then = true;
    }
    return false;
}

cl_int fault_code(void)
{
    return plan.code;
}

int fault_errno(int number)
{
    errno = number;
    return -1;
}

void *fault_no_object(cl_int *error)
{
    *error = plan.code;
    return NULL;
}

static void count(fault_kind kind, int more)
{
    if (active) __atomic_fetch_add(&n_held[kind], more, __ATOMIC_RELAXED); /* a training may have two threads */
}

void *fault_given(fault_kind kind, void *object)
{
    count(kind, object != NULL);
    if (!object && kind == FAULT_MEMORY) errno = ENOMEM;
    return object;
}

/* OpenCL's success is 0, a file descriptor at least that; errors of both are below. */
int fault_counted(fault_kind kind, bool given, int result)
{
    count(kind, given && result >= 0);
    return result;
}

int fault_taken(fault_kind kind, int result)
{
    count(kind, -1);
    return result;
}

void *fault_realloc(fault_site *site, void *old, size_t n_bytes)
{
    if (fault_here(site)) return fault_given(FAULT_MEMORY, NULL);
    void *block = realloc(old, n_bytes);
    count(FAULT_MEMORY, !old && block);
    return block;
}

void fault_free(void *block)
{
    if (block) count(FAULT_MEMORY, -1);
    free(block);
}

/* The stream has the descriptor then. */
FILE *fault_fdopen(fault_site *site, int fd, const char *mode)
{
    FILE *file = fault_here(site) ? (fault_errno(EMFILE), NULL) : fdopen(fd, mode);
    if (file) count(FAULT_DESCRIPTOR, -1);
    return fault_given(FAULT_STREAM, file);
}

ssize_t fault_write(fault_site *site, int fd, const void *bytes, size_t n_bytes)
{
    if (!fault_here(site)) return write(fd, bytes, n_bytes);
    return plan.short_write ? write(fd, bytes, n_bytes / 2) : fault_errno(ENOSPC);
}

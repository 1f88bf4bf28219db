/* libclade_mpi.so: the transport by MPI (3.1, or later). dist/launcher.c loads it in a process that an MPI
 * launcher has started; Clade itself is not linked with MPI. It has nothing of the library but headers.
 *
 * A rank that waits must leave its processor to kernels, which may run on the very same cores. MPI's
 * blocking calls poll without a pause, so here every call is the nonblocking one, tested between pauses.
 *
 * A sum goes in pieces. Each rank gets its segment of a piece from all others, adds them up in the order of the
 * ranks, and gives the others the sum: what a ring moves, 2 (n - 1) / n values a rank, and no sum that depends on
 * who comes first, which MPI_Allreduce does not promise. Segments go in messages that are sent at once; before a
 * longer one Open MPI asks its receiver, over Ethernet behind what that sends, and takes twice as long.
 */
#define _POSIX_C_SOURCE 200809L
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mpi.h>

#include "dist/mpi_transport.h"

#define PIECE_BYTES ((int64_t)4 << 20) /* of a sum: what a rank keeps a second time */
#define MESSAGE_BYTES ((size_t)48 << 10) /* of a segment; 64 KiB with a header are sent at once over Ethernet */
#define NEAR_BYTES    ((size_t)512 << 10) /* the same on one host, where they are copied at once */
#define MOST_MESSAGES (2 * (PIECE_BYTES / (int64_t)MESSAGE_BYTES + 1)) /* of all ranks' full ones: sent, received */
#define MOST_YIELDS   1000 /* of a wait: below a millisecond where nothing else wants the core */
#define BROADCAST_BYTES ((size_t)1 << 28) /* at once; MPI counts in int */

typedef struct mpi_state {
    MPI_Comm ranks;
    bool ours;       /* we have started MPI, and end it */
    char *scratch;   /* (n_ranks, segment) of a piece */
    size_t scratch_bytes;
    int *counts, *offsets; /* (n_ranks) each, one block */
    MPI_Request *requests; /* (MOST_MESSAGES + 2 n_ranks) */
    int n_requests;
} mpi_state;

/* ---- what goes wrong, and waiting ------------------------------------------------------------- */

static clade_status failed(clade__transport *transport, const char *call, int code)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) snprintf(text, sizeof text, "error %d", code);
    snprintf(transport->said, sizeof transport->said, "%s: %.200s", call, text);
    return CLADE_ERANK;
}

static clade_status no_memory(clade__transport *transport, const char *what)
{
    snprintf(transport->said, sizeof transport->said, "%sout of memory", what);
    return CLADE_ENOMEM;
}

/* At first it gives way to whatever else is ready to run here, the kernels above all, at each turn: a message
 * takes microseconds where ranks are alike, and the shortest sleep some fifty. Then it sleeps, each time a sixteenth
 * of what it has slept: a slower rank's step takes milliseconds. */
static clade_status finish(clade__transport *transport, const char *call, int code, int n, MPI_Request *requests)
{
    struct timespec pause = {0, 1000};
    int done = 0;
    for (int tries = 0; code == MPI_SUCCESS; tries++) {
        code = MPI_Testall(n, requests, &done, MPI_STATUSES_IGNORE);
        if (code == MPI_SUCCESS && done) return CLADE_OK;
        if (tries < MOST_YIELDS) {
            sched_yield();
            continue;
        }
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < 1000000) pause.tv_nsec += pause.tv_nsec / 16 + 1;
    }
    return failed(transport, call, code);
}

/* ---- sums ------------------------------------------------------------------------------------ */

static clade_status want_scratch(clade__transport *transport, size_t n_bytes)
{
    mpi_state *state = transport->state;
    if (n_bytes <= state->scratch_bytes) return CLADE_OK;
    char *scratch = realloc(state->scratch, n_bytes);
    if (!scratch) return no_memory(transport, "a sum over ranks: ");
    state->scratch = scratch;
    state->scratch_bytes = n_bytes;
    return CLADE_OK;
}

/* (n) += (n), where neither overlaps the other. */
static void add_floats(void *restrict sums, const void *restrict values, int n)
{
    float *restrict to = sums;
    const float *restrict from = values;
    for (int i = 0; i < n; i++) to[i] += from[i];
}

static void add_doubles(void *restrict sums, const void *restrict values, int n)
{
    double *restrict to = sums;
    const double *restrict from = values;
    for (int i = 0; i < n; i++) to[i] += from[i];
}

typedef struct element {
    MPI_Datatype type;
    size_t bytes;
    void (*add)(void *restrict sums, const void *restrict values, int n);
} element;

/* Rank r sums the r-th segment of the n values: counts, offsets. */
static void cut(const clade__transport *transport, int n)
{
    mpi_state *state = transport->state;
    int n_ranks = transport->n_ranks, segment = (n + n_ranks - 1) / n_ranks;
    for (int r = 0; r < n_ranks; r++) {
        int left = n - r * segment;
        state->counts[r] = left < 0 ? 0 : left < segment ? left : segment;
        state->offsets[r] = left < 0 ? n : r * segment;
    }
}

/* Asks for n values from a rank (to get), or gives them to it, in messages that MPI sends without asking first. */
static int move(clade__transport *transport, bool get, char *values, int n, int rank, const element *of)
{
    mpi_state *state = transport->state;
    size_t bytes = transport->n_host_ranks == transport->n_ranks ? NEAR_BYTES : MESSAGE_BYTES;
    int most = (int)(bytes / of->bytes), code = MPI_SUCCESS;
    for (int at = 0; at < n && code == MPI_SUCCESS; at += most) {
        int count = n - at < most ? n - at : most;
        char *from = values + (size_t)at * of->bytes;
        MPI_Request *request = &state->requests[state->n_requests++];
        code = get ? MPI_Irecv(from, count, of->type, rank, 0, state->ranks, request)
                   : MPI_Isend(from, count, of->type, rank, 0, state->ranks, request);
    }
    return code;
}

/* Gets this rank's segment from each of the others, one behind the other in scratch, and gives them theirs. */
static clade_status scatter(clade__transport *transport, char *values, const element *of)
{
    mpi_state *state = transport->state;
    int code = MPI_SUCCESS, n_ranks = transport->n_ranks, mine = state->counts[transport->rank];
    state->n_requests = 0;
    for (int r = 0, k = 0; r < n_ranks && code == MPI_SUCCESS; r++)
        if (r != transport->rank)
            code = move(transport, true, state->scratch + (size_t)mine * (size_t)k++ * of->bytes, mine, r, of);
    for (int i = 1; i < n_ranks && code == MPI_SUCCESS; i++) { /* not all to the same one at first */
        int r = (transport->rank + i) % n_ranks;
        code = move(transport, false, values + (size_t)state->offsets[r] * of->bytes, state->counts[r], r, of);
    }
    return finish(transport, "MPI_Isend", code, state->n_requests, state->requests);
}

/* Gives this rank's segment to each of the others, and gets theirs. */
static clade_status gather(clade__transport *transport, char *values, const element *of)
{
    mpi_state *state = transport->state;
    int code = MPI_SUCCESS, n_ranks = transport->n_ranks, rank = transport->rank;
    state->n_requests = 0;
    for (int r = 0; r < n_ranks && code == MPI_SUCCESS; r++)
        if (r != rank)
            code = move(transport, true, values + (size_t)state->offsets[r] * of->bytes, state->counts[r], r, of);
    for (int i = 1; i < n_ranks && code == MPI_SUCCESS; i++)
        code = move(transport, false, values + (size_t)state->offsets[rank] * of->bytes, state->counts[rank],
                    (rank + i) % n_ranks, of);
    return finish(transport, "MPI_Isend", code, state->n_requests, state->requests);
}

/* The sum in the order of the ranks: of those before this one, of that and its own, of that and those behind. */
static void add_up(const clade__transport *transport, char *own, int n, const element *of)
{
    const mpi_state *state = transport->state;
    size_t segment_bytes = (size_t)n * of->bytes;
    char *other = state->scratch;
    for (int r = 1; r < transport->rank; r++) of->add(state->scratch, other += segment_bytes, n);
    if (transport->rank > 0) of->add(own, state->scratch, n);
    if (transport->rank > 0) other += segment_bytes;
    for (int r = transport->rank + 1; r < transport->n_ranks; r++, other += segment_bytes)
        of->add(own, other, n);
}

static clade_status sum_piece(clade__transport *transport, char *values, int n, const element *of)
{
    mpi_state *state = transport->state;
    cut(transport, n);
    int mine = state->counts[transport->rank];
    CLADE_TRY(want_scratch(transport, (size_t)(mine + 1) * (size_t)transport->n_ranks * of->bytes));
    CLADE_TRY(scatter(transport, values, of));
    add_up(transport, values + (size_t)state->offsets[transport->rank] * of->bytes, mine, of);
    return gather(transport, values, of);
}

static clade_status sum(clade__transport *transport, char *values, int64_t n, const element *of)
{
    int64_t piece = PIECE_BYTES / (int64_t)of->bytes;
    for (int64_t at = 0; at < n; at += piece)
        CLADE_TRY(sum_piece(transport, values + (size_t)at * of->bytes,
                            (int)(n - at < piece ? n - at : piece), of));
    return CLADE_OK;
}

static clade_status mpi_sum_floats(clade__transport *transport, float *values, int64_t n)
{
    const element of = {MPI_FLOAT, sizeof(float), add_floats};
    return sum(transport, (char *)values, n, &of);
}

static clade_status mpi_sum_doubles(clade__transport *transport, double *values, int64_t n)
{
    const element of = {MPI_DOUBLE, sizeof(double), add_doubles};
    return sum(transport, (char *)values, n, &of);
}

/* ---- the other calls -------------------------------------------------------------------------- */

static clade_status mpi_broadcast(clade__transport *transport, void *bytes, size_t n_bytes, int root)
{
    const mpi_state *state = transport->state;
    for (size_t at = 0; at < n_bytes; at += BROADCAST_BYTES) {
        size_t n = n_bytes - at < BROADCAST_BYTES ? n_bytes - at : BROADCAST_BYTES;
        MPI_Request request = MPI_REQUEST_NULL;
        int code = MPI_Ibcast((char *)bytes + at, (int)n, MPI_BYTE, root, state->ranks, &request);
        CLADE_TRY(finish(transport, "MPI_Ibcast", code, 1, &request));
    }
    return CLADE_OK;
}

static clade_status mpi_gather(clade__transport *transport, const void *mine, size_t n_bytes, void *all)
{
    const mpi_state *state = transport->state;
    MPI_Request request = MPI_REQUEST_NULL;
    if (n_bytes > INT_MAX) {
        snprintf(transport->said, sizeof transport->said, "gather: %zu bytes of a rank, want at most %d",
                 n_bytes, INT_MAX);
        return CLADE_EINVAL;
    }
    int code = MPI_Iallgather(mine, (int)n_bytes, MPI_BYTE, all, (int)n_bytes, MPI_BYTE, state->ranks,
                              &request);
    return finish(transport, "MPI_Iallgather", code, 1, &request);
}

static clade_status mpi_barrier(clade__transport *transport)
{
    const mpi_state *state = transport->state;
    MPI_Request request = MPI_REQUEST_NULL;
    int code = MPI_Ibarrier(state->ranks, &request);
    return finish(transport, "MPI_Ibarrier", code, 1, &request);
}

static void mpi_abort(clade__transport *transport, int exit_status)
{
    const mpi_state *state = transport->state;
    fflush(NULL);
    MPI_Abort(state->ranks, exit_status);
    _Exit(exit_status);
}

/* ---- beginning and end ------------------------------------------------------------------------ */

static void free_state(mpi_state *state)
{
    free(state->scratch);
    free(state->counts);
    free(state->requests);
    free(state);
}

static clade_status mpi_leave(clade__transport *transport)
{
    mpi_state *state = transport->state;
    bool ours = state->ours;
    MPI_Comm_free(&state->ranks);
    free_state(state);
    transport->state = NULL;
    int code = ours ? MPI_Finalize() : MPI_SUCCESS;
    return code == MPI_SUCCESS ? CLADE_OK : failed(transport, "MPI_Finalize", code);
}

static clade_status mpi_part(clade__transport *transport, int n_ranks, clade__transport *part);

static const clade__transport_calls mpi_calls = {
    .sum_floats = mpi_sum_floats, .sum_doubles = mpi_sum_doubles, .broadcast = mpi_broadcast,
    .gather = mpi_gather, .barrier = mpi_barrier, .part = mpi_part, .abort = mpi_abort, .leave = mpi_leave};

/* Who is there, and who of them is on this host. */
static int find_ranks(clade__transport *transport)
{
    mpi_state *state = transport->state;
    MPI_Comm host;
    int code = MPI_Comm_set_errhandler(state->ranks, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS) code = MPI_Comm_rank(state->ranks, &transport->rank);
    if (code == MPI_SUCCESS) code = MPI_Comm_size(state->ranks, &transport->n_ranks);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_split_type(state->ranks, MPI_COMM_TYPE_SHARED, transport->rank, MPI_INFO_NULL, &host);
    if (code != MPI_SUCCESS) return code;
    code = MPI_Comm_rank(host, &transport->host_rank);
    if (code == MPI_SUCCESS) code = MPI_Comm_size(host, &transport->n_host_ranks);
    MPI_Comm_free(&host);
    return code;
}

/* What cut fills in. */
static clade_status make_lists(clade__transport *transport)
{
    mpi_state *state = transport->state;
    size_t n = (size_t)transport->n_ranks;
    state->counts = calloc(2 * n, sizeof *state->counts);
    state->requests = calloc(MOST_MESSAGES + 2 * n, sizeof *state->requests);
    if (!state->counts || !state->requests) return no_memory(transport, "");
    state->offsets = state->counts + n;
    return CLADE_OK;
}

static clade_status mpi_part(clade__transport *transport, int n_ranks, clade__transport *part)
{
    const mpi_state *state = transport->state;
    bool in = transport->rank < n_ranks;
    MPI_Comm ranks;
    mpi_state *own = calloc(1, sizeof *own);
    int code = own ? MPI_Comm_split(state->ranks, in ? 0 : MPI_UNDEFINED, transport->rank, &ranks) : MPI_SUCCESS;
    if (!own) return no_memory(transport, "");
    if (code != MPI_SUCCESS || !in) free(own);
    if (code != MPI_SUCCESS) return failed(transport, "MPI_Comm_split", code);
    if (!in) return CLADE_OK;
    *part = (clade__transport){.name = transport->name, .calls = &mpi_calls, .state = own};
    own->ranks = ranks;
    code = find_ranks(part);
    if (code == MPI_SUCCESS && make_lists(part) == CLADE_OK) return CLADE_OK;
    (void)mpi_leave(part);
    return code == MPI_SUCCESS ? no_memory(transport, "") : failed(transport, "MPI_Comm_split_type", code);
}

/* MPI itself, unless the program has started it. */
static clade_status start(clade__transport *transport)
{
    mpi_state *state = transport->state;
    int there = 0, ended = 0, level = MPI_THREAD_SINGLE;
    int code = MPI_Initialized(&there);
    if (code == MPI_SUCCESS) code = MPI_Finalized(&ended);
    if (code == MPI_SUCCESS && ended) {
        snprintf(transport->said, sizeof transport->said, "it has ended in this process, and starts only once");
        return CLADE_ESTATE;
    }
    state->ours = code == MPI_SUCCESS && !there;
    /* MPICH lists the machine's parts by hwloc, whose plugin for OpenCL would start the drivers before Clade has
     * said with how many threads, and where they cache. */
    if (state->ours) setenv("HWLOC_COMPONENTS", "-opencl", 0);
    if (state->ours) code = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
    else if (code == MPI_SUCCESS) code = MPI_Query_thread(&level);
    if (code != MPI_SUCCESS) return failed(transport, "MPI_Init_thread", code);
    if (level < MPI_THREAD_SERIALIZED) {
        snprintf(transport->said, sizeof transport->said,
                 "it was started without MPI_THREAD_SERIALIZED, which a training needs");
        return CLADE_ESTATE;
    }
    code = MPI_Comm_dup(MPI_COMM_WORLD, &state->ranks);
    if (code == MPI_SUCCESS) code = find_ranks(transport);
    return code == MPI_SUCCESS ? CLADE_OK : failed(transport, "MPI_Comm_dup", code);
}

const char clade_mpi_version[] = CLADE_VERSION;

clade_status clade_mpi_open(clade__transport *transport)
{
    mpi_state *state = calloc(1, sizeof *state);
    *transport = (clade__transport){.name = "mpi", .calls = &mpi_calls, .state = state};
    if (!state) return no_memory(transport, "");
    clade_status status = start(transport);
    if (status == CLADE_OK) status = make_lists(transport);
    if (status == CLADE_OK) return CLADE_OK;
    free_state(state);
    transport->state = NULL;
    return status;
}

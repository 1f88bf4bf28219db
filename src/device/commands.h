/* Commands: work for a device, enqueued at once, recorded and run many times, or only counted.
 *
 * An operation says what to launch, once, to a clade__commands. The immediate one of a device
 * enqueues it there and then; a recorded one keeps a kernel object of its own with every argument
 * bound, so that running the list is one clEnqueue call a command and nothing else. What changes
 * from run to run is passed by reference and read at each run. Dry commands take the same calls on
 * tensors without buffers, and do nothing on the device: they count, and keep which kernels the calls
 * would need and what else the layers above note of them. What must be known before there is memory is
 * read off them.
 *
 * None waits. Commands run in order.
 */
#ifndef CLADE_DEVICE_COMMANDS_H
#define CLADE_DEVICE_COMMANDS_H

#include "base/error.h"
#include "device/buffer.h"

typedef struct clade__commands clade__commands;

typedef enum clade__arg_kind {
    CLADE__ARG_TENSOR,
    CLADE__ARG_INT,
    CLADE__ARG_FLOAT,
    CLADE__ARG_INT8,      /* the kernel's int8: sizes that belong together */
    CLADE__ARG_INT4,
    CLADE__ARG_FLOAT4,
    CLADE__ARG_INT_REF,   /* read when the command runs */
    CLADE__ARG_FLOAT_REF
} clade__arg_kind;

typedef struct clade__arg {
    clade__arg_kind kind;
    union {
        const clade_tensor *tensor; /* its buffer is bound: the struct need not outlive the call */
        int32_t i;
        float f;
        int32_t ints[8];
        float floats[4];
        const int32_t *i_ref; /* must outlive the commands */
        const float *f_ref;
    } as;
} clade__arg;

/* A tensor that is NULL is passed as a null pointer: the kernel sees no buffer. */
static inline clade__arg clade__arg_tensor(const clade_tensor *tensor)
{
    return (clade__arg){CLADE__ARG_TENSOR, {.tensor = tensor}};
}

static inline clade__arg clade__arg_int(int64_t value)
{
    return (clade__arg){CLADE__ARG_INT, {.i = (int32_t)value}};
}

static inline clade__arg clade__arg_float(float value)
{
    return (clade__arg){CLADE__ARG_FLOAT, {.f = value}};
}

static inline clade__arg clade__arg_int_ref(const int32_t *value)
{
    return (clade__arg){CLADE__ARG_INT_REF, {.i_ref = value}};
}

static inline clade__arg clade__arg_float_ref(const float *value)
{
    return (clade__arg){CLADE__ARG_FLOAT_REF, {.f_ref = value}};
}

#define CLADE__MAX_ARGS 20

/* One kernel over a one- or two-dimensional range of work-groups. */
typedef struct clade__launch {
    const char *program; /* the .cl file without its ending: "softmax" */
    const char *options; /* "-DLANES=1", or NULL; a closed set of values, never a dimension */
    const char *kernel;
    clade__arg args[CLADE__MAX_ARGS];
    int n_args;
    size_t groups[2]; /* work-groups along each dimension; [1] of 0 means one dimension */
    size_t local[2];  /* work-items of a group along each; [1] of 0 means 1 */
} clade__launch;

clade_status clade__commands_launch(clade__commands *commands, const clade__launch *launch);

/* Work that another library enqueues (CLBlast). `run` gets a copy of `context`, made once, and,
 * while profiling, a place for the event of what it enqueued, else NULL. event is a cl_event *,
 * and the queue is the device's. `label` must be a literal. */
typedef clade_status clade__call_run(clade_device *device, const void *context, void *event);

clade_status clade__commands_call(clade__commands *commands, const char *label,
                                  clade__call_run *run, const void *context, size_t context_bytes);

/* Sets every byte of the tensor's memory to zero. */
clade_status clade__commands_zero(clade__commands *commands, clade_tensor *tensor);

clade_device *clade__commands_device(const clade__commands *commands);

/* Who does the gemms of the commands, as blas knows it (a clade__gemm_provider); NULL, as at first,
 * leaves it to blas. It counts for what is said from then on. */
void clade__commands_set_gemm(clade__commands *commands, const void *provider);
const void *clade__commands_gemm(const clade__commands *commands);

/* Floats of the vectors that a CPU's kernels are written with: 4, 8 or 16. */
int clade__cpu_vector(const clade_device *device);

/* The floats that one work-item should take at a time: such a vector, or 1 on what is no CPU and on a
 * CPU whose driver bears no long work-items. */
int clade__item_vector(const clade_device *device);

/* How many commands a list has, and what number i is, for people. The texts are the device's. */
typedef struct clade__command_info {
    const char *label;            /* a kernel's name, or what clade__commands_call was told */
    const char *program, *options; /* a kernel's .cl file and all its build options; else "" */
} clade__command_info;

size_t clade__commands_count(const clade__commands *commands);

/* Of a recorded list. */
clade__command_info clade__commands_describe(const clade__commands *commands, size_t i);

/* What a profile calls the commands that follow. `layer` may be NULL; it must outlive the commands. */
typedef struct clade__scope {
    clade_phase phase;
    const char *layer;
} clade__scope;

void clade__commands_scope(clade__commands *commands, clade_phase phase, const char *layer);

/* The device's immediate commands; owned by it. */
clade__commands *clade__immediate(clade_device *device);

/* An empty list to record into. Tensors' buffers, and what is passed by reference, must outlive it. */
clade_status clade__commands_create(clade__commands **out, clade_device *device);
void clade__commands_free(clade__commands *commands);

/* ---- dry ------------------------------------------------------------------------------------- */

/* Dry commands: clade__commands_count counts the calls; nothing is compiled, and OpenCL is not asked.
 * They cannot be run. */
clade_status clade__commands_create_dry(clade__commands **out, clade_device *device);
bool clade__commands_is_dry(const clade__commands *commands);

/* The kernels that dry commands would need, each once: its name, its program, and the options that its
 * launches gave, or "". The texts are those commands'. */
size_t clade__commands_n_kernels(const clade__commands *dry);
clade__command_info clade__commands_kernel(const clade__commands *dry, size_t i);

/* Keeps a copy of what a higher layer wants to know of its calls, once for those that are the same.
 * `kind`, a literal, says what the bytes are, and all of one kind are compared by one function;
 * clade__commands_note_at gives NULL for a note of another kind. */
typedef bool clade__note_same(const void *a, const void *b);
clade_status clade__commands_note(clade__commands *dry, const char *kind, const void *data,
                                  size_t bytes, clade__note_same *same);
size_t clade__commands_n_notes(const clade__commands *dry);
const void *clade__commands_note_at(const clade__commands *dry, size_t i, const char *kind);
size_t clade__commands_note_times(const clade__commands *dry, size_t i); /* how often it was made */

/* ---- run ------------------------------------------------------------------------------------- */

/* Enqueues every recorded command, in order, and flushes the queue. */
clade_status clade__commands_run(clade__commands *commands);

/* The same for a part: the commands from number *from on that have one scope, which is told. *from
 * moves behind them. For who looks at what each part has left. */
clade_status clade__commands_run_scope(clade__commands *commands, size_t *from,
                                       clade__scope *scope);

/* Groups needed for n items in groups of `local`. */
static inline size_t clade__groups(int64_t n, size_t local)
{
    return ((size_t)n + local - 1) / local;
}

#endif

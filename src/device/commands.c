#include "device/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "device/argument.h"
#include "device/dry.h"
#include "device/owner.h"
#include "device/program.h"
#include "device/sub_buffer.h"

typedef enum command_kind { LAUNCH, CALL, ZERO } command_kind;

typedef struct argument_ref {
    cl_uint index;
    clade__arg arg;
} argument_ref;

typedef struct command {
    command_kind kind;
    const char *label;
    clade__scope scope;
    /* LAUNCH */
    const clade__program *program;
    cl_kernel kernel;
    cl_uint n_dims;
    size_t global[2], local[2];
    int n_refs;
    argument_ref refs[4];
    /* CALL */
    clade__call_run *run;
    const void *context;
    /* ZERO */
    cl_mem mem;
    size_t offset, bytes;
} command;

struct clade__commands {
    clade_device *device;
    enum { RECORDED, IMMEDIATE, DRY } kind;
    clade__dry dry;
    clade__arena arena; /* contexts of calls */
    clade__sub_buffers parts; /* of tensors that are bound; of immediate ones, of the next command */
    clade__scope scope; /* of the commands to come */
    const void *gemm;   /* provider of those; NULL: auto */
    command *list;
    size_t n, capacity;
};

clade_status clade__commands_create(clade__commands **out, clade_device *device)
{
    *out = calloc(1, sizeof **out);
    if (!*out) return clade__fail(CLADE_ENOMEM, "no memory for commands");
    (*out)->device = device;
    return CLADE_OK;
}

clade_status clade__commands_create_immediate(clade__commands **out, clade_device *device)
{
    CLADE_TRY(clade__commands_create(out, device));
    (*out)->kind = IMMEDIATE;
    return CLADE_OK;
}

clade_status clade__commands_create_dry(clade__commands **out, clade_device *device)
{
    CLADE_TRY(clade__commands_create(out, device));
    (*out)->kind = DRY;
    return CLADE_OK;
}

void clade__commands_free(clade__commands *commands)
{
    if (!commands) return;
    for (size_t i = 0; i < commands->n; i++)
        if (commands->list[i].kernel) clReleaseKernel(commands->list[i].kernel);
    free(commands->list);
    clade__sub_buffers_free(&commands->parts);
    clade__dry_free(&commands->dry);
    clade__arena_free(&commands->arena);
    free(commands);
}

int clade__cpu_vector(const clade_device *device)
{
    int width = device->info.float_vector_width;
    return width >= 16 ? 16 : width >= 8 ? 8 : 4;
}

int clade__item_vector(const clade_device *device)
{
    const bool by_vectors =
        device->info.type == CLADE_DEVICE_CPU && !device->quirks.loops_end_early;
    return by_vectors ? clade__cpu_vector(device) : 1;
}

clade_device *clade__commands_device(const clade__commands *commands)
{
    return commands->device;
}

void clade__commands_set_gemm(clade__commands *commands, const void *provider)
{
    commands->gemm = provider;
}

const void *clade__commands_gemm(const clade__commands *commands)
{
    return commands->gemm;
}

size_t clade__commands_count(const clade__commands *commands)
{
    return commands->kind == DRY ? commands->dry.n_commands : commands->n;
}

clade__command_info clade__commands_describe(const clade__commands *commands, size_t i)
{
    const command *c = &commands->list[i];
    return (clade__command_info){c->label, c->program ? clade__program_name(c->program) : "",
                                 c->program ? clade__program_options(c->program) : ""};
}

bool clade__commands_is_dry(const clade__commands *commands)
{
    return commands->kind == DRY;
}

size_t clade__commands_n_kernels(const clade__commands *dry)
{
    return dry->dry.n_kernels;
}

clade__command_info clade__commands_kernel(const clade__commands *dry, size_t i)
{
    return clade__dry_kernel_at(&dry->dry, i);
}

clade_status clade__commands_note(clade__commands *dry, const char *kind, const void *data,
                                  size_t bytes, clade__note_same *same)
{
    return clade__dry_note(&dry->dry, kind, data, bytes, same);
}

size_t clade__commands_note_times(const clade__commands *dry, size_t i)
{
    return clade__dry_note_times(&dry->dry, i);
}

size_t clade__commands_n_notes(const clade__commands *dry)
{
    return dry->dry.n_notes;
}

const void *clade__commands_note_at(const clade__commands *dry, size_t i, const char *kind)
{
    return clade__dry_note_at(&dry->dry, i, kind);
}

void clade__commands_scope(clade__commands *commands, clade_phase phase, const char *layer)
{
    commands->scope = (clade__scope){phase, layer};
}

clade__commands *clade__immediate(clade_device *device)
{
    return device->immediate;
}

static clade_status run_launch(clade_device *device, const command *c, cl_event *event)
{
    for (int i = 0; i < c->n_refs; i++)
        CLADE_TRY(clade__arg_set(c->kernel, c->refs[i].index, &c->refs[i].arg, NULL, c->label));
    cl_int error = clEnqueueNDRangeKernel(device->queue, c->kernel, c->n_dims, NULL, c->global,
                                          c->local, 0, NULL, event);
    return error == CL_SUCCESS ? CLADE_OK
                               : clade__fail_cl("clEnqueueNDRangeKernel", error, c->label);
}

static clade_status run_zero(clade_device *device, const command *c, cl_event *event)
{
    const cl_uchar zero = 0;
    cl_int error = clEnqueueFillBuffer(device->queue, c->mem, &zero, sizeof zero, c->offset,
                                       c->bytes, 0, NULL, event);
    return error == CL_SUCCESS ? CLADE_OK : clade__fail_cl("clEnqueueFillBuffer", error, c->label);
}

static clade_status enqueue(clade_device *device, const command *c, cl_event *event)
{
    switch (c->kind) {
    case LAUNCH: return run_launch(device, c, event);
    case CALL: return c->run(device, c->context, event);
    default: return run_zero(device, c, event);
    }
}

static clade_status run_profiled(clade_device *device, const command *c)
{
    cl_event event = NULL;
    clade__profiled profiled = {c->label, c->scope, clade__profile_before(device), c->kind == CALL};
    CLADE_TRY(enqueue(device, c, &event));
    if (event) clade__profile_add(device, &profiled, event);
    return CLADE_OK;
}

static clade_status run_command(clade_device *device, const command *c)
{
    return device->profile ? run_profiled(device, c) : enqueue(device, c, NULL);
}

/* Enqueues an immediate command that was bound, unless that failed, and lets go of its parts. */
static clade_status run_now(clade__commands *commands, const command *c, clade_status bound)
{
    clade_status status = bound;
    if (status == CLADE_OK) status = clade__device_take(commands->device, c->label);
    if (status == CLADE_OK)
        status = clade__device_give(commands->device, run_command(commands->device, c));
    clade__sub_buffers_release(&commands->parts);
    return status;
}

static clade_status enqueue_range(clade__commands *commands, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        CLADE_TRY(run_command(commands->device, &commands->list[i]));
    cl_int error = clFlush(commands->device->queue);
    return error == CL_SUCCESS ? CLADE_OK : clade__fail_cl("clFlush", error, NULL);
}

static clade_status run_range(clade__commands *commands, size_t from, size_t to)
{
    if (commands->kind == DRY) return clade__fail(CLADE_ESTATE, "dry commands cannot be run");
    CLADE_TRY(clade__device_take(commands->device, "run"));
    return clade__device_give(commands->device, enqueue_range(commands, from, to));
}

clade_status clade__commands_run(clade__commands *commands)
{
    return run_range(commands, 0, commands->n);
}

clade_status clade__commands_run_scope(clade__commands *commands, size_t *from,
                                       clade__scope *scope)
{
    const command *list = commands->list;
    size_t begin = *from, end = begin + 1;
    *scope = list[begin].scope;
    while (end < commands->n && list[end].scope.phase == scope->phase &&
           list[end].scope.layer == scope->layer)
        end++;
    *from = end;
    return run_range(commands, begin, end);
}

static clade_status append(clade__commands *commands, const command *c)
{
    if (commands->n == commands->capacity) {
        size_t capacity = 2 * commands->capacity + 16;
        command *list = realloc(commands->list, capacity * sizeof *list);
        if (!list) return clade__fail(CLADE_ENOMEM, "no memory for commands");
        commands->list = list;
        commands->capacity = capacity;
    }
    commands->list[commands->n++] = *c;
    return CLADE_OK;
}

static clade_status bind_args(clade__commands *commands, command *c, const clade__launch *launch)
{
    const clade_tensor *tensors[CLADE__MAX_ARGS];
    cl_mem mems[CLADE__MAX_ARGS];
    for (int i = 0; i < launch->n_args; i++) tensors[i] = clade__arg_tensor_of(&launch->args[i]);
    CLADE_TRY(clade__sub_buffers_bind(&commands->parts, tensors, launch->n_args, mems));
    for (int i = 0; i < launch->n_args; i++) {
        const clade__arg *arg = &launch->args[i];
        if (!clade__arg_is_ref(arg) || commands->kind == IMMEDIATE) {
            CLADE_TRY(clade__arg_set(c->kernel, (cl_uint)i, arg, mems[i], c->label));
            continue;
        }
        if (c->n_refs == (int)(sizeof c->refs / sizeof c->refs[0]))
            return clade__fail(CLADE_EINVAL, "%s: too many arguments by reference", c->label);
        c->refs[c->n_refs++] = (argument_ref){(cl_uint)i, *arg};
    }
    return CLADE_OK;
}

/* Enqueued at once, or appended. */
static clade_status add_launch(clade__commands *commands, const clade__launch *launch)
{
    clade_device *device = commands->device;
    command c = {.kind = LAUNCH, .label = launch->kernel, .scope = commands->scope,
                 .n_dims = launch->groups[1] ? 2 : 1};
    for (int d = 0; d < 2; d++) {
        c.local[d] = launch->local[d] ? launch->local[d] : 1;
        c.global[d] = launch->groups[d] * c.local[d];
    }
    clade__program *program;
    CLADE_TRY(clade__program_find(&program, device, launch->program, launch->options));
    c.program = program;
    if (commands->kind == IMMEDIATE) {
        CLADE_TRY(clade__kernel_shared(&c.kernel, program, launch->kernel));
        clade_status status = bind_args(commands, &c, launch);
        return run_now(commands, &c, status);
    }
    CLADE_TRY(clade__kernel_create(&c.kernel, program, launch->kernel));
    clade_status status = bind_args(commands, &c, launch);
    if (status == CLADE_OK) status = append(commands, &c);
    if (status != CLADE_OK) clReleaseKernel(c.kernel);
    return status;
}

clade_status clade__commands_launch(clade__commands *commands, const clade__launch *launch)
{
    CLADE_TRY(clade__args_check(launch));
    if (commands->kind == DRY) return clade__dry_launch(&commands->dry, launch);
    CLADE_TRY(clade__device_take(commands->device, launch->kernel));
    return clade__device_give(commands->device, add_launch(commands, launch));
}

clade_status clade__commands_call(clade__commands *commands, const char *label,
                                  clade__call_run *run, const void *context, size_t context_bytes)
{
    if (commands->kind == DRY) {
        commands->dry.n_commands++;
        return CLADE_OK;
    }
    command c = {.kind = CALL, .label = label, .scope = commands->scope, .run = run,
                 .context = context};
    if (commands->kind == IMMEDIATE) return run_now(commands, &c, CLADE_OK);
    void *copy = clade__arena_alloc(&commands->arena, context_bytes);
    if (!copy) return clade__fail(CLADE_ENOMEM, "no memory for commands");
    memcpy(copy, context, context_bytes);
    c.context = copy;
    return append(commands, &c);
}

clade_status clade__commands_zero(clade__commands *commands, clade_tensor *tensor)
{
    if (commands->kind == DRY) {
        commands->dry.n_commands++;
        return CLADE_OK;
    }
    command c = {.kind = ZERO, .label = "zero", .scope = commands->scope,
                 .mem = clade_opencl_buffer(tensor), .offset = clade__tensor_offset_bytes(tensor),
                 .bytes = clade_tensor_bytes(tensor)};
    return commands->kind == IMMEDIATE ? run_now(commands, &c, CLADE_OK) : append(commands, &c);
}

clade_status clade__commands_bind(clade__commands *commands, const clade_tensor *const *tensors,
                                  int n, cl_mem *mems)
{
    return clade__sub_buffers_bind(&commands->parts, tensors, n, mems);
}

#include "device/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/program_cache.h"

#define MAX_KERNELS   8 /* of one program */
#define OPTIONS_BYTES 160

struct clade__program {
    clade__program *next;
    char name[64];
    char options[OPTIONS_BYTES];
    cl_program program;
    struct {
        const char *name;
        cl_kernel kernel;
    } shared[MAX_KERNELS];
    int n_shared;
};

static clade_status fail_build(const clade_device *device, cl_program program, const char *name,
                               const char *options, cl_int error)
{
    char log[1500] = "";
    size_t log_bytes = 0;
    if (program)
        clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &log_bytes);
    char *whole = log_bytes ? calloc(1, log_bytes + 1) : NULL;
    if (whole) {
        clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, log_bytes, whole, NULL);
        snprintf(log, sizeof log, "%s", whole);
        free(whole);
    }
    return clade__fail(CLADE_EBUILD, "%s.cl does not build on %s (driver %s) with '%s': %s: %s",
                       name, device->info.name, device->info.driver, options, clade__cl_name(error),
                       log[0] ? log : "no log");
}

static clade_status build_from_source(cl_program *out, clade_device *device, const char *text)
{
    cl_int error;
    *out = clCreateProgramWithSource(device->context, 1, &text, NULL, &error);
    return error == CL_SUCCESS ? CLADE_OK
                               : clade__fail_cl("clCreateProgramWithSource", error, NULL);
}

static clade_status build(clade__program *program, clade_device *device, const char *text)
{
    bool use_cache = clade__program_cache_wanted(device);
    clade__cache_key key = {0};
    cl_int error;
    if (use_cache) {
        clade__program_cache_key(&key, device, text, program->options);
        program->program = clade__program_cache_load(device, &key);
        if (program->program) {
            error = clBuildProgram(program->program, 1, &device->id, program->options, NULL, NULL);
            if (error == CL_SUCCESS) return CLADE_OK;
            clReleaseProgram(program->program); /* the driver no longer takes it: a miss */
            program->program = NULL;
        }
    }
    CLADE_TRY(build_from_source(&program->program, device, text));
    error = clBuildProgram(program->program, 1, &device->id, program->options, NULL, NULL);
    if (error != CL_SUCCESS)
        return fail_build(device, program->program, program->name, program->options, error);
    if (use_cache) clade__program_cache_store(device, &key, program->program);
    return CLADE_OK;
}

static void free_program(clade__program *program)
{
    for (int i = 0; i < program->n_shared; i++) clReleaseKernel(program->shared[i].kernel);
    if (program->program) clReleaseProgram(program->program);
    free(program);
}

clade_status clade__program_find(clade__program **out, clade_device *device, const char *name,
                                 const char *options)
{
    char all[OPTIONS_BYTES];
    snprintf(all, sizeof all, CLADE__EVERY_BUILD "%s%s%s", device->quirks.emulates_fma ? " -Dfma=mad" : "",
             options ? " " : "", options ? options : "");
    for (clade__program *p = device->programs; p; p = p->next)
        if (strcmp(p->name, name) == 0 && strcmp(p->options, all) == 0) {
            *out = p;
            return CLADE_OK;
        }
    *out = NULL;
    clade__program *program = calloc(1, sizeof *program);
    if (!program) return clade__fail(CLADE_ENOMEM, "no memory for a program");
    snprintf(program->name, sizeof program->name, "%s", name);
    memcpy(program->options, all, sizeof all);
    char *text;
    clade_status status = clade__kernel_text(&text, name);
    if (status == CLADE_OK) status = build(program, device, text);
    free(text);
    if (status != CLADE_OK) {
        free_program(program);
        return status;
    }
    program->next = device->programs;
    device->programs = program;
    *out = program;
    return CLADE_OK;
}

const char *clade__program_name(const clade__program *program)
{
    return program->name;
}

const char *clade__program_options(const clade__program *program)
{
    return program->options;
}

clade_status clade__kernel_create(cl_kernel *out, clade__program *program, const char *kernel)
{
    cl_int error;
    *out = clCreateKernel(program->program, kernel, &error);
    return error == CL_SUCCESS ? CLADE_OK : clade__fail_cl("clCreateKernel", error, kernel);
}

clade_status clade__kernel_shared(cl_kernel *out, clade__program *program, const char *kernel)
{
    for (int i = 0; i < program->n_shared; i++)
        if (strcmp(program->shared[i].name, kernel) == 0) {
            *out = program->shared[i].kernel;
            return CLADE_OK;
        }
    if (program->n_shared == MAX_KERNELS)
        return clade__fail(CLADE_EBUILD, "%s.cl has more than %d kernels", program->name,
                           MAX_KERNELS);
    CLADE_TRY(clade__kernel_create(out, program, kernel));
    program->shared[program->n_shared].name = kernel;
    program->shared[program->n_shared++].kernel = *out;
    return CLADE_OK;
}

void clade__programs_free(clade_device *device)
{
    while (device->programs) {
        clade__program *next = device->programs->next;
        free_program(device->programs);
        device->programs = next;
    }
}

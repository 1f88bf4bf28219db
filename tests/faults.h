/* Call sites that fail on demand. Every source of the library is compiled once more with this file
 * before it (-include), for tests/test_faults.c: each call of OpenCL and of the system that can fail
 * becomes a site, which makes the call, or fails in its place when the plan says so. What calls give
 * and take back is counted.
 */
#ifndef CLADE_TESTS_FAULTS_H
#define CLADE_TESTS_FAULTS_H

#define _GNU_SOURCE /* before any header, as the sources ask for parts of it */
#include <errno.h>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CL/cl.h>
#include <cjson/cJSON.h>
#include <clblast_c.h>

#include "base/arena.h"

/* A place in the source. Pointers to them lie in a section of their own, so that those that no run
 * comes by are known too. */
typedef struct fault_site {
    const char *call, *file;
    int line;
    int n_calls; /* in this run */
    int n_usual; /* in a run of the scenario without faults; the test's */
    bool usual, found; /* whether any run without faults comes by it; the test's */
    int n_faults;
} fault_site;

/* What is given and must be taken back. */
typedef enum fault_kind {
    FAULT_BUFFER, FAULT_CONTEXT, FAULT_DEVICE, FAULT_EVENT, FAULT_KERNEL, FAULT_PROGRAM, FAULT_QUEUE,
    FAULT_MEMORY, FAULT_DESCRIPTOR, FAULT_STREAM, FAULT_FOLDER,
    FAULT_N_KINDS
} fault_kind;

bool fault_here(fault_site *site); /* counts a call; whether it is to fail */
cl_int fault_code(void);           /* the error that OpenCL's calls fail with */
int fault_errno(int number);       /* sets errno; -1 */
void *fault_no_object(cl_int *error);
void *fault_given(fault_kind kind, void *object);
int fault_counted(fault_kind kind, bool given, int result);
int fault_taken(fault_kind kind, int result);
void *fault_realloc(fault_site *site, void *old, size_t n_bytes);
void fault_free(void *block);
FILE *fault_fdopen(fault_site *site, int fd, const char *mode);
ssize_t fault_write(fault_site *site, int fd, const void *bytes, size_t n_bytes);

/* ---- for the test ---------------------------------------------------------------------------- */

/* What fails in a run: the n-th call of a site, with the error code for OpenCL's; and once that has
 * happened, also the first call of another site, if there is one. */
typedef struct fault_plan {
    fault_site *site;
    int call;
    cl_int code;
    bool short_write; /* a write does a part, in place of failing */
    fault_site *then;
} fault_plan;

extern fault_site *const __start_fault_sites[], *const __stop_fault_sites[]; /* the linker's */

void fault_begin(const fault_plan *plan); /* NULL: nothing fails */

/* Ends a run; whether what was planned did happen. */
bool fault_end(void);

/* What was given since fault_begin and not taken back, "2 events, 1 block of memory"; NULL: nothing. */
const char *fault_left(void);

/* ---- for the library ------------------------------------------------------------------------- */

#ifndef CLADE_FAULTS_APART

#define FAULT_SITE(name)                                                                           \
    __extension__({                                                                                \
        static fault_site site_ = {.call = #name, .file = __FILE__, .line = __LINE__};             \
        static fault_site *const listed_ __attribute__((section("fault_sites"), used)) = &site_;   \
        &site_;                                                                                    \
    })

/* A call, or `failed` in its place. */
#define FAULT(name, failed, ...) (fault_here(FAULT_SITE(name)) ? (failed) : name(__VA_ARGS__))
#define FAULT_CL(name, ...)      FAULT(name, fault_code(), __VA_ARGS__)
#define FAULT_FILE(name, number, ...) FAULT(name, fault_errno(number), __VA_ARGS__)
#define FAULT_MAKE(kind, name, error, ...) \
    fault_given(kind, FAULT(name, fault_no_object(error), __VA_ARGS__, error))
#define FAULT_ENQUEUE(name, a, b, c, d, e, f, g, h, event) \
    fault_counted(FAULT_EVENT, (event) != NULL, FAULT_CL(name, a, b, c, d, e, f, g, h, event))
/* What a call that takes back fails with is said after it has done so: nothing could be done. */
#define FAULT_TAKE(kind, name, failed, ...) \
    fault_taken(kind, fault_here(FAULT_SITE(name)) ? (name(__VA_ARGS__), failed) : name(__VA_ARGS__))

/* Waits all the same: it is the last resort before memory is freed that the device may still use. */
#define clFinish(q) FAULT(clFinish, (clFinish(q), fault_code()), q)
/* Builds all the same: a build that failed has a log. */
#define clBuildProgram(...) \
    FAULT(clBuildProgram, (clBuildProgram(__VA_ARGS__), fault_code()), __VA_ARGS__)
#define clFlush(...)                 FAULT_CL(clFlush, __VA_ARGS__)
#define clGetDeviceIDs(...)          FAULT_CL(clGetDeviceIDs, __VA_ARGS__)
#define clGetDeviceInfo(...)         FAULT_CL(clGetDeviceInfo, __VA_ARGS__)
#define clGetEventInfo(...)          FAULT_CL(clGetEventInfo, __VA_ARGS__)
#define clGetEventProfilingInfo(...) FAULT_CL(clGetEventProfilingInfo, __VA_ARGS__)
#define clGetPlatformIDs(...)        FAULT_CL(clGetPlatformIDs, __VA_ARGS__)
#define clGetPlatformInfo(...)       FAULT_CL(clGetPlatformInfo, __VA_ARGS__)
#define clGetProgramBuildInfo(...)   FAULT_CL(clGetProgramBuildInfo, __VA_ARGS__)
#define clGetProgramInfo(...)        FAULT_CL(clGetProgramInfo, __VA_ARGS__)
#define clSetKernelArg(...)          FAULT_CL(clSetKernelArg, __VA_ARGS__)
#define clWaitForEvents(...)         FAULT_CL(clWaitForEvents, __VA_ARGS__)

#define clEnqueueCopyBuffer(...)     FAULT_ENQUEUE(clEnqueueCopyBuffer, __VA_ARGS__)
#define clEnqueueFillBuffer(...)     FAULT_ENQUEUE(clEnqueueFillBuffer, __VA_ARGS__)
#define clEnqueueNDRangeKernel(...)  FAULT_ENQUEUE(clEnqueueNDRangeKernel, __VA_ARGS__)
#define clEnqueueMarkerWithWaitList(queue, n, list, event) \
    fault_counted(FAULT_EVENT, true, FAULT_CL(clEnqueueMarkerWithWaitList, queue, n, list, event))
#define clEnqueueMapBuffer(a, b, c, d, e, f, g, h, i, error) \
    FAULT(clEnqueueMapBuffer, fault_no_object(error), a, b, c, d, e, f, g, h, i, error)
#define clEnqueueUnmapMemObject(...) FAULT_CL(clEnqueueUnmapMemObject, __VA_ARGS__)
#define clEnqueueReadBuffer(...)     FAULT_ENQUEUE(clEnqueueReadBuffer, __VA_ARGS__)
#define clEnqueueWriteBuffer(...)    FAULT_ENQUEUE(clEnqueueWriteBuffer, __VA_ARGS__)
#define clRetainEvent(...) fault_counted(FAULT_EVENT, true, FAULT_CL(clRetainEvent, __VA_ARGS__))

#define clCreateBuffer(a, b, c, d, error) \
    FAULT_MAKE(FAULT_BUFFER, clCreateBuffer, error, a, b, c, d)
#define clCreateSubBuffer(a, b, c, d, error) \
    FAULT_MAKE(FAULT_BUFFER, clCreateSubBuffer, error, a, b, c, d)
#define clCreateCommandQueue(a, b, c, error) \
    FAULT_MAKE(FAULT_QUEUE, clCreateCommandQueue, error, a, b, c)
#define clCreateContext(a, b, c, d, e, error) \
    FAULT_MAKE(FAULT_CONTEXT, clCreateContext, error, a, b, c, d, e)
#define clCreateKernel(a, b, error) FAULT_MAKE(FAULT_KERNEL, clCreateKernel, error, a, b)
#define clCreateProgramWithBinary(a, b, c, d, e, f, error) \
    FAULT_MAKE(FAULT_PROGRAM, clCreateProgramWithBinary, error, a, b, c, d, e, f)
#define clCreateProgramWithSource(a, b, c, d, error) \
    FAULT_MAKE(FAULT_PROGRAM, clCreateProgramWithSource, error, a, b, c, d)
#define clCreateSubDevices(...) \
    fault_counted(FAULT_DEVICE, true, FAULT_CL(clCreateSubDevices, __VA_ARGS__))

#define clReleaseCommandQueue(q) FAULT_TAKE(FAULT_QUEUE, clReleaseCommandQueue, fault_code(), q)
#define clReleaseContext(c)      FAULT_TAKE(FAULT_CONTEXT, clReleaseContext, fault_code(), c)
#define clReleaseDevice(id)      FAULT_TAKE(FAULT_DEVICE, clReleaseDevice, fault_code(), id)
#define clReleaseEvent(e)        FAULT_TAKE(FAULT_EVENT, clReleaseEvent, fault_code(), e)
#define clReleaseKernel(k)       FAULT_TAKE(FAULT_KERNEL, clReleaseKernel, fault_code(), k)
#define clReleaseMemObject(m)    FAULT_TAKE(FAULT_BUFFER, clReleaseMemObject, fault_code(), m)
#define clReleaseProgram(p)      FAULT_TAKE(FAULT_PROGRAM, clReleaseProgram, fault_code(), p)

#define CLBlastOverrideParameters(...) \
    FAULT(CLBlastOverrideParameters, CLBlastUnknownError, __VA_ARGS__)
#define CLBlastSGemmTempBufferSize(...) \
    FAULT(CLBlastSGemmTempBufferSize, CLBlastInsufficientMemoryTemp, __VA_ARGS__)
#define CLBlastSgemmWithTempBuffer(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, event, s) \
    (CLBlastStatusCode)fault_counted(                                                              \
        FAULT_EVENT, (event) != NULL,                                                              \
        FAULT(CLBlastSgemmWithTempBuffer, fault_code(), a, b, c, d, e, f, g, h, i, j, k, l, m, n,  \
              o, p, q, r, event, s))

#define malloc(n)        fault_given(FAULT_MEMORY, FAULT(malloc, NULL, n))
#define calloc(n, bytes) fault_given(FAULT_MEMORY, FAULT(calloc, NULL, n, bytes))
#define realloc(old, n)  fault_realloc(FAULT_SITE(realloc), old, n)
#define free(block)      fault_free(block)
#define clade__arena_alloc(...)     FAULT(clade__arena_alloc, NULL, __VA_ARGS__)
#define clade__arena_copy_text(...) FAULT(clade__arena_copy_text, NULL, __VA_ARGS__)
#define cJSON_Parse(text)           FAULT(cJSON_Parse, NULL, text)
#define cJSON_ParseWithLength(...)  FAULT(cJSON_ParseWithLength, NULL, __VA_ARGS__)
#define cJSON_ParseWithLengthOpts(...) FAULT(cJSON_ParseWithLengthOpts, NULL, __VA_ARGS__)

#define open(...)     fault_counted(FAULT_DESCRIPTOR, true, FAULT_FILE(open, EMFILE, __VA_ARGS__))
#define openat(...)   fault_counted(FAULT_DESCRIPTOR, true, FAULT_FILE(openat, EMFILE, __VA_ARGS__))
#define close(fd)     FAULT_TAKE(FAULT_DESCRIPTOR, close, fault_errno(EIO), fd)
#define getentropy(...) FAULT_FILE(getentropy, ENOSYS, __VA_ARGS__)
#define read(...)     FAULT_FILE(read, EIO, __VA_ARGS__)
#define pread(...)    FAULT_FILE(pread, EIO, __VA_ARGS__)
#define write(...)    fault_write(FAULT_SITE(write), __VA_ARGS__)
#define fsync(fd)     FAULT_FILE(fsync, EIO, fd)
#define fstat(...)    FAULT_FILE(fstat, EIO, __VA_ARGS__)
#define stat(...)     FAULT_FILE(stat, EACCES, __VA_ARGS__)
#define access(...)   FAULT_FILE(access, EACCES, __VA_ARGS__)
#define mkdir(...)    FAULT_FILE(mkdir, ENOSPC, __VA_ARGS__)
#define rename(...)   FAULT_FILE(rename, EIO, __VA_ARGS__)
#define unlink(...)   FAULT_FILE(unlink, EIO, __VA_ARGS__)
#define fopen(...)    fault_given(FAULT_STREAM, FAULT(fopen, (fault_errno(EMFILE), NULL), __VA_ARGS__))
#define fdopen(...)   fault_fdopen(FAULT_SITE(fdopen), __VA_ARGS__)
#define fclose(file)  FAULT_TAKE(FAULT_STREAM, fclose, fault_errno(EIO), file)
#define fflush(file)  FAULT_FILE(fflush, ENOSPC, file)
#define fprintf(...)  FAULT_FILE(fprintf, ENOSPC, __VA_ARGS__)
#define fseek(...)    FAULT_FILE(fseek, EIO, __VA_ARGS__)
#define ftruncate(...) FAULT_FILE(ftruncate, EIO, __VA_ARGS__)
#define flock(...)    FAULT_FILE(flock, ENOLCK, __VA_ARGS__)
#define unlinkat(...) FAULT_FILE(unlinkat, EIO, __VA_ARGS__)
#define dlopen(...)   FAULT(dlopen, NULL, __VA_ARGS__)
#define opendir(path) fault_given(FAULT_FOLDER, FAULT(opendir, (fault_errno(EMFILE), NULL), path))
#define readdir(dir)  FAULT(readdir, (fault_errno(EIO), NULL), dir)
#define closedir(dir) FAULT_TAKE(FAULT_FOLDER, closedir, fault_errno(EIO), dir)

#endif
#endif

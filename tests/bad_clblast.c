/* To be loaded before CLBlast: of the sets of parameters that a search tries, one hangs, one crashes and one
 * computes wrongly. Which they are is told by their tiles, as tune/search.c begins with them. */
#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <clblast_c.h>

static size_t nwg;

static size_t value_of(const char *name, size_t n, const char **names, const size_t *values)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return values[i];
    return 0;
}

CLBlastStatusCode CLBlastOverrideParameters(const cl_device_id device, const char *kernel,
                                            const CLBlastPrecision precision, const size_t n,
                                            const char **names, const size_t *values)
{
    CLBlastStatusCode (*next)(cl_device_id, const char *, CLBlastPrecision, size_t, const char **, const size_t *);
    void *symbol = dlsym(RTLD_NEXT, "CLBlastOverrideParameters");
    memcpy(&next, &symbol, sizeof next);
    if (strcmp(kernel, "Xgemm") == 0) nwg = value_of("NWG", n, names, values);
    size_t pad = value_of("PAD_DIMX", n, names, values);
    while (nwg == 16 && pad == 8) pause();
    if (nwg == 16 && pad == 16) abort();
    return next(device, kernel, precision, n, names, values);
}

CLBlastStatusCode CLBlastSgemmWithTempBuffer(const CLBlastLayout layout, const CLBlastTranspose trans_a,
                                             const CLBlastTranspose trans_b, const size_t m, const size_t n,
                                             const size_t k, const float alpha, const cl_mem a,
                                             const size_t a_offset, const size_t lda, const cl_mem b,
                                             const size_t b_offset, const size_t ldb, const float beta, cl_mem c,
                                             const size_t c_offset, const size_t ldc, cl_command_queue *queue,
                                             cl_event *event, cl_mem scratch)
{
    CLBlastStatusCode (*next)(CLBlastLayout, CLBlastTranspose, CLBlastTranspose, size_t, size_t, size_t, float,
                              cl_mem, size_t, size_t, cl_mem, size_t, size_t, float, cl_mem, size_t, size_t,
                              cl_command_queue *, cl_event *, cl_mem);
    void *symbol = dlsym(RTLD_NEXT, "CLBlastSgemmWithTempBuffer");
    memcpy(&next, &symbol, sizeof next);
    return next(layout, trans_a, trans_b, m, n, k, nwg == 8 ? 1.01f * alpha : alpha, a, a_offset, lda, b, b_offset,
                ldb, beta, c, c_offset, ldc, queue, event, scratch);
}

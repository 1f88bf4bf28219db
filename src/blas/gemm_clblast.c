/* The provider `clblast`: CLBlast's Sgemm, for every device.
 *
 * CLBlast makes a temporary buffer for every call of its packed kernel, behind the caller's back;
 * the entry with a buffer of the caller's avoids that. It compiles at the first call of a process
 * unless the driver caches programs. CLBlast 1.5.3 is not safe to call from two threads at once, whatever
 * their devices: every call of it is made under one lock of the process.
 */
#include <clblast_c.h>
#include <pthread.h>

#include "blas/provider.h"
#include "blas/tuned_gemm.h"
#include "device/opencl.h"
#include "device/tuned.h"

static pthread_mutex_t clblast = PTHREAD_MUTEX_INITIALIZER;

typedef struct clblast_call {
    int64_t m, n, k;
    CLBlastTranspose trans_a, trans_b;
    float alpha, beta;
    cl_mem a, b, c;
    size_t a_offset, b_offset, c_offset, lda, ldb, ldc;
} clblast_call;

static clade_status fail_clblast(CLBlastStatusCode code, const char *call)
{
    /* CLBlast passes OpenCL's own codes through; its own are below -1000. */
    if (code > -1000) return clade__fail_cl(call, (cl_int)code, "inside CLBlast");
    return clade__fail(CLADE_EOPENCL, "%s: CLBlast status %d", call, (int)code);
}

static CLBlastTranspose transpose(bool trans)
{
    return trans ? CLBlastTransposeYes : CLBlastTransposeNo;
}

static const char *refuses(const clade_device *device, const clade_gemm_args *args)
{
    (void)device;
    (void)args;
    return NULL;
}

static clade_status set_kernel(const clade_device *device, const clade__clblast_kernel *kernel,
                               const clade__clblast_set *set)
{
    size_t values[CLADE__CLBLAST_VALUES];
    const char *names[CLADE__CLBLAST_VALUES];
    for (int i = 0; i < kernel->n; i++) {
        if (set->values[kernel->first + i] < 0) return CLADE_OK;
        names[i] = clade__clblast_names[kernel->first + i];
        values[i] = (size_t)set->values[kernel->first + i];
    }
    pthread_mutex_lock(&clblast);
    CLBlastStatusCode code = CLBlastOverrideParameters(device->id, kernel->name, CLBlastPrecisionSingle,
                                                       (size_t)kernel->n, names, values);
    pthread_mutex_unlock(&clblast);
    return code == CLBlastSuccess ? CLADE_OK : fail_clblast(code, "CLBlastOverrideParameters");
}

clade_status clade__clblast_use(clade_device *device, const clade__clblast_set *set)
{
    clade__blas *blas;
    CLADE_TRY(clade__blas_of(device, &blas));
    for (int k = 0; k < CLADE__CLBLAST_KERNELS; k++)
        CLADE_TRY(set_kernel(device, &clade__clblast_kernels[k], set));
    blas->clblast_prepared = true;
    return CLADE_OK;
}

/* What CLBlast's tuner found for a CPU under PoCL, two cores with AVX-512: 110 GFLOP/s at 512 cubed, where the
 * defaults reach 24; and its packed kernel from 64 cubed on, not from 512. */
clade__clblast_set clade__clblast_shipped(const clade_device *device)
{
    static const char cpu[] = "GEMMK=0 KREG=1 KWG=32 KWI=2 MDIMA=8 MDIMC=8 MWG=64 NDIMB=8 NDIMC=8 NWG=64 SA=0 "
                              "SB=0 STRM=0 STRN=0 VWM=4 VWN=2 XGEMM_MIN_INDIRECT_SIZE=64";
    clade__clblast_set set = clade__clblast_nothing();
    if (device->quirks.clblast_is_untuned) (void)clade__clblast_read(&set, cpu, sizeof cpu - 1);
    return set;
}

bool clade__clblast_tuned(const clade_device *device, clade__clblast_set *set)
{
    size_t n_bytes;
    const char *text = clade__tuned_find(device, "set", &n_bytes);
    return text && clade__clblast_read(set, text, n_bytes);
}

/* Once for a device, before anything is asked of CLBlast. */
static clade_status prepare(clade_device *device)
{
    clade__blas *blas;
    CLADE_TRY(clade__blas_of(device, &blas));
    if (blas->clblast_prepared) return CLADE_OK;
    const clade__clblast_set set = clade__gemm_set_in_use(device);
    return clade__clblast_use(device, &set);
}

/* CLBlast keeps its programs, and with them the context, until the program ends, and then releases
 * them after an implementation may be gone: Oclgrind 21.10 writes to freed memory. Another device's
 * are built again at their next use. */
void clade__clblast_forget(const clade__blas *blas)
{
    if (!blas->clblast_prepared) return;
    pthread_mutex_lock(&clblast);
    CLBlastClearCache();
    pthread_mutex_unlock(&clblast);
}

static clade_status scratch_bytes(clade_device *device, const clade_gemm_args *args, size_t *bytes)
{
    *bytes = 0;
    CLADE_TRY(prepare(device));
    pthread_mutex_lock(&clblast);
    CLBlastStatusCode code = CLBlastSGemmTempBufferSize(
        CLBlastLayoutRowMajor, transpose(args->trans_a), transpose(args->trans_b), (size_t)args->m,
        (size_t)args->n, (size_t)args->k, (size_t)args->a_offset, (size_t)args->lda,
        (size_t)args->b_offset, (size_t)args->ldb, (size_t)args->c_offset, (size_t)args->ldc,
        &device->queue, bytes);
    pthread_mutex_unlock(&clblast);
    return code == CLBlastSuccess ? CLADE_OK : fail_clblast(code, "CLBlastSGemmTempBufferSize");
}

/* Makes the shared scratch large enough for the call. */
static clade_status make_scratch(clade_device *device, const clade_gemm_args *args)
{
    size_t bytes;
    CLADE_TRY(scratch_bytes(device, args, &bytes));
    clade__blas *blas = device->blas;
    if (bytes == 0 || (blas->scratch && clade__buffer_bytes(blas->scratch) >= bytes))
        return CLADE_OK;
    clade__buffer *larger;
    CLADE_TRY(clade__buffer_create(&larger, device, bytes));
    clade__buffer_free(blas->scratch);
    blas->scratch = larger;
    return CLADE_OK;
}

static clade_status run(clade_device *device, const void *context, void *event)
{
    const clblast_call *call = context;
    const clade__blas *blas = device->blas;
    cl_mem scratch = blas->scratch ? clade__buffer_mem(blas->scratch) : NULL;
    pthread_mutex_lock(&clblast);
    CLBlastStatusCode code = CLBlastSgemmWithTempBuffer(
        CLBlastLayoutRowMajor, call->trans_a, call->trans_b, (size_t)call->m, (size_t)call->n,
        (size_t)call->k, call->alpha, call->a, call->a_offset, call->lda, call->b, call->b_offset,
        call->ldb, call->beta, call->c, call->c_offset, call->ldc, &device->queue, event, scratch);
    pthread_mutex_unlock(&clblast);
    return code == CLBlastSuccess ? CLADE_OK : fail_clblast(code, "CLBlastSgemmWithTempBuffer");
}

static clade_status record(clade__commands *commands, const clade_gemm_args *args,
                           const clade__epilogue *epilogue, bool *did_epilogue)
{
    (void)epilogue;
    *did_epilogue = false;
    if (clade__commands_is_dry(commands))
        return clade__commands_call(commands, "gemm clblast", run, NULL, 0);
    CLADE_TRY(make_scratch(clade__commands_device(commands), args));
    const clade_tensor *tensors[] = {args->a, args->b, args->c};
    cl_mem mems[3];
    CLADE_TRY(clade__commands_bind(commands, tensors, 3, mems));
    clblast_call call = {
        .m = args->m, .n = args->n, .k = args->k,
        .trans_a = transpose(args->trans_a), .trans_b = transpose(args->trans_b),
        .alpha = args->alpha, .beta = args->beta,
        .a = mems[0], .b = mems[1], .c = mems[2],
        .a_offset = (size_t)args->a_offset, .b_offset = (size_t)args->b_offset,
        .c_offset = (size_t)args->c_offset,
        .lda = (size_t)args->lda, .ldb = (size_t)args->ldb, .ldc = (size_t)args->ldc,
    };
    return clade__commands_call(commands, "gemm clblast", run, &call, sizeof call);
}

const clade__gemm_provider clade__gemm_clblast = {"clblast", refuses, scratch_bytes, record,
                                                   NULL, NULL, NULL};

#include "device/argument.h"

#include "device/sub_buffer.h"

bool clade__arg_is_ref(const clade__arg *arg)
{
    return arg->kind == CLADE__ARG_INT_REF || arg->kind == CLADE__ARG_FLOAT_REF;
}

const clade_tensor *clade__arg_tensor_of(const clade__arg *arg)
{
    return arg->kind == CLADE__ARG_TENSOR ? arg->as.tensor : NULL;
}

clade_status clade__args_check(const clade__launch *launch)
{
    for (int i = 0; i < launch->n_args; i++) {
        const clade_tensor *tensor = clade__arg_tensor_of(&launch->args[i]);
        if (tensor) CLADE_TRY(clade__check_bindable(tensor, launch->kernel));
    }
    return CLADE_OK;
}

clade_status clade__arg_set(cl_kernel kernel, cl_uint index, const clade__arg *arg, cl_mem mem,
                            const char *label)
{
    cl_int error;
    switch (arg->kind) {
    case CLADE__ARG_TENSOR:
        error = clSetKernelArg(kernel, index, sizeof mem, mem ? &mem : NULL);
        break;
    case CLADE__ARG_INT:
        error = clSetKernelArg(kernel, index, sizeof arg->as.i, &arg->as.i);
        break;
    case CLADE__ARG_FLOAT:
        error = clSetKernelArg(kernel, index, sizeof arg->as.f, &arg->as.f);
        break;
    case CLADE__ARG_INT8:
        error = clSetKernelArg(kernel, index, sizeof(cl_int8), arg->as.ints);
        break;
    case CLADE__ARG_INT4:
        error = clSetKernelArg(kernel, index, sizeof(cl_int4), arg->as.ints);
        break;
    case CLADE__ARG_FLOAT4:
        error = clSetKernelArg(kernel, index, sizeof(cl_float4), arg->as.floats);
        break;
    case CLADE__ARG_INT_REF:
        error = clSetKernelArg(kernel, index, sizeof *arg->as.i_ref, arg->as.i_ref);
        break;
    default:
        error = clSetKernelArg(kernel, index, sizeof *arg->as.f_ref, arg->as.f_ref);
    }
    return error == CL_SUCCESS ? CLADE_OK : clade__fail_cl("clSetKernelArg", error, label);
}

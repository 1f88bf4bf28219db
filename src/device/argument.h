/* A kernel's arguments, as OpenCL is given them. */
#ifndef CLADE_DEVICE_ARGUMENT_H
#define CLADE_DEVICE_ARGUMENT_H

#include "device/commands.h"
#include "device/opencl.h"

/* Whether its value is read when the command runs, and not when it is made. */
bool clade__arg_is_ref(const clade__arg *arg);

/* NULL where it is no tensor. */
const clade_tensor *clade__arg_tensor_of(const clade__arg *arg);

/* What can be said of a launch's tensors before there is a kernel, in every kind of commands. */
clade_status clade__args_check(const clade__launch *launch);

/* Sets argument number `index` of a kernel; mem is what a tensor is passed as. `label` is for the message. */
clade_status clade__arg_set(cl_kernel kernel, cl_uint index, const clade__arg *arg, cl_mem mem,
                            const char *label);

#endif

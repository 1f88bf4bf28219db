/* What tuning asks of gemm, which alone knows of CLBlast. */
#ifndef CLADE_BLAS_TUNED_GEMM_H
#define CLADE_BLAS_TUNED_GEMM_H

#include "blas/clblast_set.h"
#include "blas/gemm.h"

/* CLBlast's parameters: those in use for the device when nothing else is set, and others from now on. */
clade__clblast_set clade__gemm_set_in_use(const clade_device *device);
clade_status clade__gemm_use_set(clade_device *device, const clade__clblast_set *set);

/* What a model's products come from, as far as their bits depend on it: a provider's name as it is chosen and, where
 * CLBlast computes with a set that was tuned, the set's: "clblast, tuned 1a2b3c4d5e6f7081". Auto is "auto, local"
 * where local does what is not large; what is large follows from the shape. */
void clade__gemm_origin(char *out, size_t out_bytes, clade_device *device, const clade__gemm_provider *provider);

/* Lets the next checks measure how calls are cut into work-groups, though it is known, and longer. */
clade_status clade__gemm_measure_again(clade_device *device);

#endif

/* OpenBLAS, found at run time, to stand beside our gemm. */
#ifndef CLADE_BENCH_OPENBLAS_H
#define CLADE_BENCH_OPENBLAS_H

#include <clade/bench.h>

/* Its threads spin for a while after a call, on the cores that the device needs: 2^26 ticks of the
 * time stamp counter by default. Nothing else is measured before this has passed. */
#define CLADE__OPENBLAS_REST_SECONDS 0.04

/* C = op(A) op(B), row-major and without gaps. */
typedef struct clade__openblas_call {
    clade_bench_shape shape;
    const float *a, *b;
    float *c;
} clade__openblas_call;

/* Loads it, unless that was done; false when it is not installed. */
bool clade__openblas_load(int n_threads, clade_bench_openblas_info *info);

/* After it was loaded. */
void clade__openblas_sgemm(const clade__openblas_call *call);

#endif

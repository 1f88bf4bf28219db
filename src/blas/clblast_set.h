/* A set of CLBlast's parameters for a device, in float32: those of the kernels that a gemm runs, and from which size
 * on it takes the packed one. Parameters change how sums are made, and so the last bits of results: a set has a
 * name, which a checkpoint keeps with the rest of what its bits depend on. */
#ifndef CLADE_BLAS_CLBLAST_SET_H
#define CLADE_BLAS_CLBLAST_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLADE__CLBLAST_KERNELS = 7, CLADE__CLBLAST_VALUES = 42, CLADE__CLBLAST_TEXT = 1024 };

/* The parameters of one of CLBlast's kernels; its values lie together in a set, from `first` on. */
typedef struct clade__clblast_kernel {
    const char *name;
    int first, n;
} clade__clblast_kernel;

extern const clade__clblast_kernel clade__clblast_kernels[CLADE__CLBLAST_KERNELS];
extern const char *const clade__clblast_names[CLADE__CLBLAST_VALUES];

/* A value below 0 is not set: its kernel is as CLBlast has it, unless all of its values are set. */
typedef struct clade__clblast_set {
    int values[CLADE__CLBLAST_VALUES];
} clade__clblast_set;

clade__clblast_set clade__clblast_nothing(void);

/* "MWG=64 NWG=64 …", those that are set; and from that, false for what is no such text. */
void clade__clblast_write(char out[CLADE__CLBLAST_TEXT], const clade__clblast_set *set);
bool clade__clblast_read(clade__clblast_set *set, const char *text, size_t n_bytes);

/* Of its text. */
uint64_t clade__clblast_hash(const clade__clblast_set *set);

#endif

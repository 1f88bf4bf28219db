/* What a gemm provider is, to gemm.c. */
#ifndef CLADE_BLAS_PROVIDER_H
#define CLADE_BLAS_PROVIDER_H

#include "blas/clblast_set.h"
#include "blas/gemm.h"

struct clade__partition; /* tuning.h */

struct clade__gemm_provider {
    const char *name;

    /* Why the provider does not take this call, or NULL when it does. */
    const char *(*refuses)(const clade_device *device, const clade_gemm_args *args);

    /* Device memory that the call needs beside its matrices; one buffer serves all calls. record
     * makes it. */
    clade_status (*scratch_bytes)(clade_device *device, const clade_gemm_args *args, size_t *bytes);

    /* Records the call, and sets *did_epilogue when the epilogue (may be NULL) is part of it. In dry
     * commands no tensor has a buffer, and nothing is asked of the device. */
    clade_status (*record)(clade__commands *commands, const clade_gemm_args *args,
                           const clade__epilogue *epilogue, bool *did_epilogue);

    /* Records clade__gemm_update, or NULL where that is not offered. */
    clade_status (*record_update)(clade__commands *commands, const clade_gemm_args *args,
                                  const clade__sgd_state *state, const clade__sgd_rates *rates);

    /* How a call, or its update, may be cut into work-groups, the rule's choice first; the number,
     * at most CLADE__MAX_PARTITIONS. NULL where there is nothing to choose. See tuning.h. */
    int (*partitions)(const clade_device *device, const clade_gemm_args *args, bool update,
                      struct clade__partition *partitions);

    /* Whether auto should rather give the call to a later provider, though this one takes it. It follows
     * from the shape alone, since providers differ in the last bits of results. NULL: never. */
    bool (*yields)(const clade_gemm_args *args);
};

extern const clade__gemm_provider clade__gemm_tiled, clade__gemm_local, clade__gemm_clblast;

typedef struct clade__checked clade__checked;
typedef struct clade__tuning clade__tuning;

/* What blas keeps beside a device. */
typedef struct clade__blas {
    bool has_choice; /* the immediate commands have their provider */
    clade__buffer *scratch;               /* CLBlast's, shared by all calls: the queue is in order */
    clade__buffer *parts;                 /* see clade__gemm_parts; never made anew: recorded
                                           * commands are bound to it */
    clade__checked *checked;              /* calls that were found right */
    clade__tuning *tuning;                /* tuning.c */
    bool clblast_prepared;                /* what gemm_clblast.c does once was done */
} clade__blas;

/* Makes it at first use. */
clade_status clade__blas_of(clade_device *device, clade__blas **out);

/* The provider of a call: the one that was wanted, or, of NULL, the first that does not refuse. */
clade_status clade__gemm_choose(clade_device *device, const clade__gemm_provider *wanted,
                                const clade_gemm_args *args, const clade__gemm_provider **out);

/* gemm.c: -DUPDATE of cl/gemm_forms.cl, and the arguments that a kernel built with it has behind a call's. */
int clade__gemm_step_form(const clade__sgd_rates *rates);
void clade__gemm_append_step(clade__launch *launch, const clade__sgd_state *state, const clade__sgd_rates *rates);

/* gemm_parts.c, of our own providers: memory of a device for the parts of a call whose k is cut, so many floats,
 * which all calls share, and the same call with them for its C; and C = act(their sum + beta C + bias), where a part is
 * (m, n) and they follow each other. */
#define CLADE__PARTS_FLOATS (256 * 1024)
#define CLADE__PARTS_BYTES  (CLADE__PARTS_FLOATS * sizeof(float))
clade_status clade__gemm_parts(clade__commands *commands, const clade_gemm_args *args, clade_tensor *parts,
                               clade_gemm_args *into);
clade_status clade__gemm_join(clade__commands *commands, const clade_gemm_args *args, const clade__epilogue *epilogue,
                              const clade_tensor *parts, int n_parts);

/* gemm_check.c and gemm_clblast.c: what they keep, given up with the device. */
void clade__gemm_forget_checks(clade__blas *blas);
void clade__clblast_forget(const clade__blas *blas);

/* gemm_clblast.c: makes CLBlast compute on the device with a set, from the next call on; what the set leaves out
 * stays as it was. The set that is shipped for a device, and what was tuned, in its place; false where nothing
 * was. */
clade_status clade__clblast_use(clade_device *device, const clade__clblast_set *set);
clade__clblast_set clade__clblast_shipped(const clade_device *device);
bool clade__clblast_tuned(const clade_device *device, clade__clblast_set *set);

/* gemm_check.c: whether two calls are alike in all but their tensors. */
bool clade__gemm_same_call(const clade_gemm_args *a, const clade_gemm_args *b);

/* gemm_dry.c: notes a call, or with rates an update, that dry commands are told. */
clade_status clade__gemm_note(clade__commands *dry, const clade__gemm_provider *provider,
                              const clade_gemm_args *args, const clade__sgd_rates *rates);

/* Every provider of this build, in the order in which auto tries them; ends in NULL. */
extern const clade__gemm_provider *const clade__gemm_providers[];

/* clade__gemm with a provider of the caller's choice, which must not refuse. */
clade_status clade__gemm_with(const clade__gemm_provider *provider, clade__commands *commands,
                              const clade_gemm_args *args, const clade__epilogue *epilogue);

#endif

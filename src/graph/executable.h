/* The executable: how a graph runs on a device. Layouts, what is fused, the gemm provider, batches, and
 * the memory of it all. It has no values: those are the session's. */
#ifndef CLADE_GRAPH_EXECUTABLE_H
#define CLADE_GRAPH_EXECUTABLE_H

#include "graph/layout.h"

/* The batch in which a model is evaluated, whatever it was trained with, unless it does not fit. */
#define CLADE__INFER_BATCH 256

#define CLADE__MAX_STATE 2 /* optimizer tensors of one parameter */

/* How a parameter is trained. */
typedef struct clade__parameter_plan {
    bool trains;  /* an optimizer changes it: it is trained and not frozen */
    bool stepped; /* its step is part of its layer's backward, and its gradient is not stored */
    int group;    /* whose learning rate it has */
    float decay;  /* its weight decay */
} clade__parameter_plan;

typedef struct clade__executable {
    const clade__graph *graph;
    clade_device *device;
    const clade__gemm_provider *gemm; /* NULL: auto */
    const clade_node *output;         /* what is predicted */
    bool trains, keep_gradients;
    clade_optimizer optimizer;
    int64_t batch;
    int64_t micro_batch; /* samples that a step does at a time */
    int64_t infer_batch;
    float *lr_factors; /* (n_groups) of the groups of parameters; the first is 1 */
    int n_groups;
    clade__parameter_plan *parameters; /* (n_parameters) */
    bool *needs_grad;                  /* (n_layers) */
    clade__layout *train_layout, *infer_layout;
    size_t gemm_scratch_bytes; /* in a buffer of the device, not in a slot */
    clade_memory memory;
    size_t largest_buffer; /* of those in memory */
} clade__executable;

/* The data of a training and of its validation; zeros where there is none. */
typedef struct clade__feeds {
    clade_data_size train, valid;
} clade__feeds;

/* What is asked of an executable; the graph and its losses are complete. */
typedef struct clade__executable_options {
    clade_device *device;
    const clade_node *output;
    const clade__gemm_provider *gemm;
    bool trains, keep_gradients;
    clade_optimizer optimizer; /* resolved */
    const clade_parameter_group *groups;
    int n_groups;
    int64_t batch, accumulate; /* accumulate: CLADE_ACCUMULATE_AUTO, or the number of parts */
    int64_t infer_batch;       /* 0: the largest that fits, at most CLADE__INFER_BATCH */
    clade__feeds feeds;
} clade__executable_options;

/* Plans it all, checks that it fits the device, and tries every gemm that it will run. Free it in any
 * case. */
clade_status clade__executable_open(clade__executable *exe, const clade__graph *graph,
                                    const clade__executable_options *options);
void clade__executable_free(clade__executable *exe);

/* Tries every gemm that it will run on the device, once each: CLADE_EWRONG when a result is off. */
clade_status clade__executable_check(const clade__executable *exe);

/* ---- memory.c ---------------------------------------------------------------------------------- */

/* The slots that both layouts share, and the bytes of one: slot i is as large as the larger of theirs. */
int clade__executable_n_slots(const clade__executable *exe);
size_t clade__executable_slot_bytes(const clade__executable *exe, int slot);

/* Layouts for the batches that the executable has, and the memory of it all. */
clade_status clade__memory_plan(clade__executable *exe);

/* CLADE_EDEVICEMEM, with figures and with what would fit, when the device has not what is planned and
 * what feeding takes at the least. The executable is not changed. */
clade_status clade__memory_check(const clade__executable *exe, const clade__feeds *feeds);

/* Sets the largest micro-batch that fits, of the batch in equal parts. */
clade_status clade__memory_choose_parts(clade__executable *exe, const clade__feeds *feeds);

/* Sets the largest inference batch that fits: CLADE__INFER_BATCH, or half of it, and so on. */
clade_status clade__memory_choose_inference(clade__executable *exe, const clade__feeds *feeds);

/* What the passes over both take when they are streamed; and of that, the samples of one part. */
uint64_t clade__memory_of_feeds(const clade__executable *exe, const clade__feeds *feeds);
uint64_t clade__memory_of_parts(const clade_data_size *data, int64_t part);

/* ---- optimizer.c ------------------------------------------------------------------------------- */

/* Fills in PyTorch's defaults and checks the ranges. */
clade_status clade__optimizer_resolve(clade_optimizer *optimizer);
int clade__optimizer_n_states(const clade_optimizer *optimizer);

/* Float32 that clipping sums in; 0 without clipping. */
int64_t clade__optimizer_partials(const clade__executable *exe);

/* Float32 that finding the largest number of each parameter needs. */
int64_t clade__n_parameter_peaks(const clade__graph *graph);

#endif

/* The plan: which buffer holds which value when, and the commands of a step.
 *
 * A *layout* is made when a model is compiled, for its largest batch and from shapes alone: every
 * value of a step (a node's output, its gradient, scratch, the loss) with its life from the command
 * that writes it first to the one that reads it last, packed into few slots so that no two values
 * of one slot live at once. That is the memory of a step, known before any is taken.
 *
 * A *plan* is a layout made real for one batch size, at most the layout's: tensors over the
 * workspace's buffers, and launches recorded over them. The short last batch of an epoch is a
 * second plan over the same buffers.
 *
 *   time:    feed | forward 1 … n | loss | backward n … 1 | metrics
 *   y of i:         [ written at i ………………………… last read by a backward ]
 *   dy of i:                          [ written … read by i's backward ]
 */
#ifndef CLADE_GRAPH_PLAN_H
#define CLADE_GRAPH_PLAN_H

#include "graph/layer.h"

/* One value: bytes at the layout's batch, its life in time steps, and its slot. */
typedef struct clade__value {
    size_t bytes;
    int from, to;
    int slot;
} clade__value;

typedef enum clade__role {
    CLADE__VALUE_Y,       /* a node's output; of the input node, the batch itself */
    CLADE__VALUE_DY,      /* its gradient */
    CLADE__VALUE_SCRATCH, /* of its forward */
    CLADE__VALUE_APART,   /* its part of an input's gradient that another node has begun; one for
                           * each input */
    CLADE__N_ROLES = CLADE__VALUE_APART + CLADE__MAX_INPUTS
} clade__role;

struct clade__layout {
    int64_t batch;
    bool training;
    int n_nodes;
    int labels, target, loss, hit; /* values beside the nodes' */
    int n_values;
    clade__value *values;  /* (n_values), behind the struct */
    int *value_of;         /* (n_nodes, N_ROLES): index of a value, -1 for none */
    const clade_node **activation_of; /* (n_nodes): of a linear, the activation that is its epilogue */
    size_t gemm_scratch_bytes; /* in a buffer of the device, not in a slot */
    int n_slots;
    size_t *slot_bytes;    /* (n_slots) */
};

/* What a profile calls a part of a step: of training by its name, of anything else validation. */
static inline clade_phase clade__layout_phase(const clade__layout *layout, clade_phase phase)
{
    return layout->training ? phase : CLADE_PHASE_VALIDATION;
}

/* In one allocation, to be freed with free(). */
clade_status clade__layout_create(clade__layout **out, const clade_model *model, int64_t batch,
                                  bool training);

/* Tries every gemm of the step on the model's device: CLADE_EWRONG when a result is off. It takes the
 * memory of one gemm, so it is for layouts that are known to fit. */
clade_status clade__layout_check_gemms(const clade__layout *layout, const clade_model *model);

/* What a plan exposes to whoever feeds it and reads from it. */
typedef struct clade__plan {
    int64_t batch;
    int64_t of; /* samples of the step that this batch is a part of, whose mean loss is minimised */
    bool add;   /* the gradients of the parts before are there, and these are added */
    clade_tensor x;      /* (batch, sample…) float32: fed */
    clade_tensor labels; /* (batch) int32: fed, when the data has labels */
    clade_tensor target; /* (batch, outputs) float32: fed, when it has numbers; else from labels */
    clade_tensor y;      /* (batch, output…): the output */
    clade_tensor loss;   /* (batch) float32: the loss of each sample */
    clade_tensor hit;    /* (batch) float32: 1 where the answer is right, when there are labels */
    const clade_tensor *weights; /* (classes) float32 of the classes, or NULL: all weigh the same */
    clade__rows_total total;     /* with weights: the sum of those of the step's samples */
} clade__plan;

/* The tensors of a plan whose batch is a step of its own; the model is materialized. */
clade_status clade__plan_open(clade__plan *plan, const clade_model *model,
                              const clade__layout *layout, int64_t batch);

/* What the commands of one scope of a step leave to be looked at, right after they have run. */
typedef struct clade__left {
    enum {
        CLADE__LEFT_X,
        CLADE__LEFT_TARGET,
        CLADE__LEFT_Y,
        CLADE__LEFT_LOSS,
        CLADE__LEFT_GRADIENT, /* of parameters or an input of the node; without one, of the loss */
        CLADE__LEFT_PARAMETER
    } kind;
    const clade_node *node; /* NULL where the scope has no layer */
    clade_tensor tensor;    /* float32 */
} clade__left;
enum { CLADE__MAX_LEFT = CLADE__MAX_PARAMETERS + CLADE__MAX_INPUTS };

/* Their number. */
int clade__plan_left(const clade__plan *plan, const clade_model *model,
                     const clade__layout *layout, const clade__scope *scope, bool has_labels,
                     clade__left left[CLADE__MAX_LEFT]);

/* Records forward, then the loss of each sample (no loss without with_loss), then, for a training
 * layout, backward: every parameter's gradient of the step's mean loss, weighted where there are
 * weights. */
clade_status clade__plan_record(const clade__plan *plan, clade_model *model,
                                const clade__layout *layout, clade__commands *commands,
                                bool with_loss, bool has_labels);

#endif

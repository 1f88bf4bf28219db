/* The plan: a layout made real for one batch size, at most the layout's. Tensors over the session's
 * buffers, and launches recorded over them. The short last batch of an epoch is a second plan over the
 * same buffers. */
#ifndef CLADE_GRAPH_PLAN_H
#define CLADE_GRAPH_PLAN_H

#include "graph/session.h"

/* What a loss reads and leaves. */
typedef struct clade__plan_loss {
    clade_tensor labels; /* (rows) int32: fed, or an input; where has_labels */
    clade_tensor target; /* (rows, cols) float32: fed, or an input; else made of labels */
    clade_tensor loss;   /* (rows) float32: the loss of each row */
    clade_tensor hit;    /* (rows) float32: 1 where the answer is right; where has_labels */
    int64_t rows;        /* of this batch */
    bool has_labels;
    clade__rows_total total; /* where rows do not count alike: what those of the step count together; the
                              * caller's to set */
} clade__plan_loss;

/* What a plan exposes to whoever feeds it and reads from it. */
typedef struct clade__plan {
    const clade__executable *exe;
    clade__session *session;
    const clade__layout *layout;
    clade__arena arena;
    int64_t batch;
    int64_t of; /* samples of the step that this batch is a part of, whose mean loss is minimised */
    bool add;   /* the gradients of the parts before are there, and these are added */
    clade_tensor *inputs;     /* (n_inputs) (batch, sample…): fed */
    clade_tensor y;           /* (batch, output…): the output */
    clade__plan_loss *losses; /* (n_losses) */
    bool *written; /* (n_parameters) while backward is recorded: which have a gradient already */
    bool *stepped; /* (n_parameters) after that: whose step is part of it */
    /* Called while backward is recorded, behind each layer's commands; NULL: nobody wants it. */
    clade_status (*behind)(void *user, clade__commands *commands, int layer);
    void *behind_user;
    const clade_tensor *weights; /* (classes) float32 of the classes of the first loss, or NULL: all weigh
                                  * the same */
} clade__plan;

/* The tensors of a plan whose batch is a step of its own. The session is materialized, or dry. Losses
 * whose target is the data's have labels where has_labels says so. */
typedef struct clade__plan_options {
    const clade__executable *exe;
    clade__session *session;
    bool training;
    int64_t batch;
    bool has_labels;
} clade__plan_options;
clade_status clade__plan_open(clade__plan *plan, const clade__plan_options *options);
void clade__plan_close(clade__plan *plan);

/* A value of the layout, an output of the node or its gradient, for the plan's batch. */
clade_tensor clade__plan_view(const clade__plan *plan, const clade_node *node, int value);

/* Records forward, then the loss of each row (no loss without with_loss), then, in training, backward:
 * every parameter's gradient of the step's mean loss, weighted where there are weights. */
clade_status clade__plan_record(clade__plan *plan, clade__commands *commands, bool with_loss);

/* What the commands of one scope of a step leave to be looked at, right after they have run. */
typedef struct clade__left {
    enum {
        CLADE__LEFT_X,
        CLADE__LEFT_TARGET,
        CLADE__LEFT_Y,
        CLADE__LEFT_LOSS,
        CLADE__LEFT_GRADIENT, /* of parameters or an input of the layer; without one, of the loss */
        CLADE__LEFT_PARAMETER
    } kind;
    const clade__layer *layer; /* NULL where the scope has none */
    clade_tensor tensor;       /* float32 */
} clade__left;

/* Calls look for each. */
typedef clade_status clade__look(void *user, const clade__left *left);
clade_status clade__plan_left(const clade__plan *plan, const clade__scope *scope, clade__look *look,
                              void *user);

#endif

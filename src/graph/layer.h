/* A layer type: one row of the table in layers.c says all that the graph needs to know of it. */
#ifndef CLADE_GRAPH_LAYER_H
#define CLADE_GRAPH_LAYER_H

#include "graph/model.h"
#include "ops/ops.h"

/* The gemms of a layer, in this order; the last only where the input has a gradient. */
enum {
    CLADE__GEMM_FORWARD,
    CLADE__GEMM_WEIGHT_GRAD, /* of the layer's first parameter */
    CLADE__GEMM_INPUT_GRAD,
    CLADE__MAX_GEMMS
};

/* The tensors of one node in one plan; shapes with the batch in front. */
typedef struct clade__layer_io {
    const clade_node *node;
    const clade_tensor *x[CLADE__MAX_INPUTS];
    clade_tensor *y;
    const clade_tensor *dy;
    clade_tensor *dx[CLADE__MAX_INPUTS]; /* NULL where no gradient is wanted */
    bool add;                            /* parameters' gradients are added to what is there */
    clade_tensor *scratch;               /* float32 of scratch() elements, or NULL */
    clade_activation fused;              /* forward of linear: the activation that is part of it */
    float fused_slope;
} clade__layer_io;

struct clade__layer_type {
    const char *name;
    int n_inputs;
    const char *keys[4];    /* options in a description, after type, name, inputs */
    clade_activation activation; /* what the layer is, when it is one element by element */
    clade_reduction reduction;
    bool backward_reads_x, backward_reads_y; /* the values that must live until then */
    bool backward_in_place; /* dx may be dy */
    bool only_trains;       /* outside training y is x, and nothing runs */

    /* Sets shape and dtype from inputs and options, and adds parameters. */
    clade_status (*infer)(clade_node *node);
    clade_status (*forward)(clade__commands *commands, const clade__layer_io *io);
    /* NULL for a layer without a gradient. */
    clade_status (*backward)(clade__commands *commands, const clade__layer_io *io);
    /* float32 of scratch for a batch in forward; NULL for none. */
    int64_t (*scratch)(const clade_node *node, int64_t batch);
    /* The gemms that it does with a batch, as calls without tensors; their number. NULL for none. */
    int (*gemm_calls)(const clade_node *node, int64_t batch, bool training,
                      clade_gemm_args calls[CLADE__MAX_GEMMS]);
};

/* The table, and its row by name (NULL when there is none). */
extern const clade__layer_type clade__layer_types[];
extern const int clade__n_layer_types;
const clade__layer_type *clade__layer_type_of(const char *name);

/* The gemms of a node of any type; 0 for one that does none. */
int clade__gemm_calls(const clade_node *node, int64_t batch, bool training,
                      clade_gemm_args calls[CLADE__MAX_GEMMS]);

/* A sample's shape with the batch in front. */
clade_shape clade__batch_shape(int64_t batch, clade_shape sample);

#endif

/* Layouts: where every value of a step lies, for the largest batch and from shapes alone.
 *
 * A value (a layer's output, its gradient, what a layer needs beside them, labels, a loss) lives from the
 * command that writes it first to the one that reads it last. Values are packed into few slots so that no
 * two of one slot live at once. That is the memory of a step, known before any is taken.
 *
 *   time:    feed 0 | forward of layer i at i | losses n | backward of layer i at 2 n - i | end 2 n + 1
 *   y of i:         [ written at i ………………………………… last read by a backward ]
 *   dy of i:                                [ written … read by i's backward ]
 */
#ifndef CLADE_GRAPH_LAYOUT_H
#define CLADE_GRAPH_LAYOUT_H

#include "graph/layer.h"

typedef struct clade__value {
    size_t bytes; /* at the layout's batch */
    int from, to;
    int slot;
    int next; /* the next value in the same slot; -1: none */
} clade__value;

/* How the gradient of an input comes about: several users may give a part of it, the last first. */
typedef enum clade__dx_mode {
    CLADE__DX_NONE,  /* none is wanted */
    CLADE__DX_PASS,  /* it is dy, and value is dy's: nothing runs */
    CLADE__DX_WRITE, /* the layer writes it into value */
    CLADE__DX_ADD,   /* the layer adds it to value, which has the parts before */
    CLADE__DX_APART, /* the layer writes its part into value, and `before` is added to that */
    CLADE__DX_SUM    /* its part is dy: value = before + dy */
} clade__dx_mode;

typedef struct clade__dx {
    clade__dx_mode mode;
    int value, before;
} clade__dx;

/* What follows a layer and is fused with it: outside training a norm; else an add, with another value that is there
 * by then; and an activation; each of them the only user of what comes before. The layer's launches give the last one's output, and what lies
 * between has no values: y of all of them is one. */
typedef struct clade__tail {
    const clade__layer *norm;       /* NULL: none; its type's fold gives the layer other parameters: */
    int weight, bias;               /* the values that they are, with a norm */
    const clade__layer *add;        /* NULL: none */
    int other;                      /* which input of it is added to the layer */
    const clade__layer *activation; /* NULL: none */
    /* The layer's backward begins with the tail's, and they have none. dy of the layer is that of the last, and of
     * the add, where it is wanted, what the layer writes for the other input. */
    bool goes_back;
} clade__tail;

/* The values of one loss; -1: it has none. */
typedef struct clade__loss_values {
    int labels; /* int32 (rows) */
    int target; /* float32 (rows, cols) */
    int loss, hit; /* float32 (rows) */
    clade__dx dx;  /* of the prediction */
} clade__loss_values;

typedef struct clade__layout {
    clade__arena arena;
    const clade__graph *graph;
    int64_t batch;
    bool training;
    clade__value *values;
    int n_values, capacity;
    int *y;          /* (n_nodes) */
    int *dy;         /* (n_nodes) as its layer's backward finds it; -1: it has none */
    bool *dy_is_zero; /* (n_nodes) no user gives a gradient, and the layer needs one: it is set to zero */
    clade__dx *dx;   /* (n_layer_inputs), see clade__layer.first_input */
    bool *goes_back; /* (n_layers) its backward is part of the step */
    int *kept; /* (n_layers, CLADE__MAX_LAYER_VALUES) what its type's values() lists; -1: without elements */
    bool *led_back; /* (n_layers) it is a relu whose slope is in the backward of its only user */
    clade__tail *tails;         /* (n_layers) */
    const clade__layer **heads; /* (n_layers) the layer in whose tail it is; NULL: none */
    clade__loss_values *losses;         /* (n_losses) */
    int n_slots;
    size_t *slot_bytes; /* (n_slots) */
} clade__layout;

/* needs_grad (n_layers) says which layers a gradient goes through; NULL outside training. */
clade_status clade__layout_create(clade__layout **out, const clade__graph *graph,
                                  const clade_node *output, int64_t batch, const bool *needs_grad);
void clade__layout_free(clade__layout *layout);

/* Finds the tails of a new layout: layout_fuse.c. */
void clade__layout_fuse(clade__layout *layout, const clade_node *output, const bool *needs_grad);

/* Lays out the gradients of a new layout: layout_gradients.c. */
clade_status clade__layout_add_gradients(clade__layout *layout, const bool *needs_grad);

/* layout_slots.c: a value and its number; a longer life of one, unless it is -1; and each value's slot. */
clade_status clade__layout_new_value(clade__layout *layout, int64_t elements, clade_dtype dtype,
                                     int from, int to, int *value);
void clade__layout_live_until(clade__layout *layout, int value, int time);
clade_status clade__layout_pack(clade__layout *layout);

/* When the losses run, and a layer's backward. */
static inline int clade__layout_forward_end(const clade__layout *layout)
{
    return layout->graph->n_layers;
}

static inline int clade__layout_backward_time(const clade__layout *layout, int layer)
{
    return 2 * layout->graph->n_layers - layer;
}

/* The bytes of all slots. */
uint64_t clade__layout_bytes(const clade__layout *layout);

/* The input that is added in a tail with an add. */
const clade_node *clade__tail_other(const clade__tail *tail);

/* Whether a layer's output is its input's value, so that nothing runs. */
bool clade__layout_is_view(const clade__layout *layout, const clade__layer *layer);

/* Whether the layer's backward has the slope of the relu before it. */
static inline bool clade__layout_leads_back(const clade__layout *layout, const clade__layer *layer)
{
    return layer->type->takes_slope_before && layout->led_back[layer->inputs[0]->layer->index];
}

/* What a profile calls a part of a step: of training by its name, of anything else validation. */
static inline clade_phase clade__layout_phase(const clade__layout *layout, clade_phase phase)
{
    return layout->training ? phase : CLADE_PHASE_VALIDATION;
}

/* A loss's rows for a batch: rows of the prediction's last dimension, as many as labels. */
int64_t clade__loss_rows(const clade__loss *loss, int64_t batch);

#endif

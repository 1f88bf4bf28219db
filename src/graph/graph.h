/* The graph: what a network is. Layers with their inputs and outputs, a table of parameters, losses.
 *
 * It knows shapes of one sample and no batch, no device and no values. Builders append to it; once it is
 * compiled it does not change any more. How it runs is graph/executable.h's, what training changes is
 * graph/session.h's. */
#ifndef CLADE_GRAPH_GRAPH_H
#define CLADE_GRAPH_GRAPH_H

#include <clade/model.h>

#include "base/arena.h"
#include "base/error.h"

typedef struct clade__layer_type clade__layer_type; /* graph/layer.h */
typedef struct clade__layer clade__layer;
typedef struct clade__graph clade__graph;

/* One value: an output of a layer, or an input of the network. What the public header calls a node. */
struct clade_node {
    clade__layer *layer; /* that makes it; that of an input has no type */
    int output;          /* which of the layer's outputs it is */
    int index;           /* among all values of the graph, from 0 */
    clade_shape shape;   /* of one sample */
    clade_dtype dtype;
    int n_users;         /* how often it is an input of a layer */
};

struct clade__layer {
    clade__graph *graph;
    const clade__layer_type *type; /* NULL for an input */
    int index;                     /* in graph->layers */
    int number; /* among those that compute something, no inputs and no views, from 1: of its random
                 * numbers, so that a flatten before it does not change them */
    const char *name;              /* "0" for the layer at position 0, or the given one */
    bool named;                    /* the name was given */
    const char *label;             /* "0 linear": name and type, for a profile */
    int n_inputs, n_outputs, n_parameters;
    clade_node **inputs; /* (n_inputs) */
    int first_input;     /* the number of inputs[0] among the inputs of all layers */
    clade_node *outputs; /* (n_outputs) */
    int *parameters;     /* (n_parameters) in graph->parameters, one for each row of the type's; -1: the
                          * layer has not got it */
    void *options;       /* of the type */
};

/* What is known of a parameter without its values. */
typedef struct clade__parameter {
    const char *name; /* "0.weight" */
    clade_shape shape;
    clade_init init;
    int64_t fan_in, fan_out;
    bool trained; /* else it is state: its layer changes it in training, and no optimizer does */
    bool decays;  /* weight decay that leaves biases alone still applies */
    int n_users;  /* layers that refer to it */
    clade__layer *layer; /* the first of them */
} clade__parameter;

/* A loss compares a prediction with a target. */
typedef struct clade__loss {
    clade_loss kind;
    clade_node *prediction;
    clade_node *target; /* an input; NULL: the labels or targets of the data, whichever it has */
    float weight;       /* in the sum of all losses */
    bool ignores;
    int32_t ignore_index; /* rows with this label do not count */
    float label_smoothing;
} clade__loss;

struct clade__graph {
    clade__arena arena;
    clade__layer **layers; /* in an order where inputs come first */
    int n_layers, layers_capacity;
    int n_nodes;        /* values */
    int n_layer_inputs; /* of all layers together */
    int n_computing;    /* layers that are no inputs and no views */
    clade__parameter *parameters;
    int n_parameters, parameters_capacity;
    clade__layer **inputs; /* (n_inputs) those of the layers that are inputs */
    int n_inputs, inputs_capacity;
    clade__loss *losses;
    int n_losses, losses_capacity;
    bool closed; /* compiled: nothing can be added */

    clade_status error; /* the first of a builder */
    char *error_text;   /* malloc'd; NULL without an error */
};

void clade__graph_free(clade__graph *graph);

/* Keeps the thread's message as the graph's first error. */
void clade__graph_keep_error(clade__graph *graph, clade_status status);

/* The kept error once more, as the thread's; CLADE_OK when there is none. */
clade_status clade__graph_error(const clade__graph *graph);

/* An input of the network; NULL on an error, which is kept. name NULL means "input". */
clade_node *clade__graph_add_input(clade__graph *graph, const char *name, clade_dtype dtype,
                                   clade_shape sample);

/* Another layer's parameter that a layer uses in place of one of its own: its suffix, and the whole
 * name of that parameter. */
typedef struct clade__shared {
    const char *suffix, *name;
} clade__shared;

/* A layer to be added. name NULL means its position. */
typedef struct clade__layer_spec {
    const clade__layer_type *type;
    const char *name;
    clade_node *const *inputs;
    int n_inputs;
    const void *options; /* of the type; NULL: its defaults */
    const clade__shared *shared;
    int n_shared;
} clade__layer_spec;

/* Adds it after its inputs, and gives its first output; the first error is kept, and NULL given. */
clade_node *clade__graph_add(const clade__layer_spec *spec);

/* For a type's infer: the layer's outputs in their order, and its parameters: `row` is an index of the
 * type's parameters. */
clade_status clade__layer_output(clade__layer *layer, clade_dtype dtype, clade_shape sample);
typedef struct clade__parameter_spec {
    clade_shape shape;
    clade_init init;
    int64_t fan_in, fan_out;
} clade__parameter_spec;
clade_status clade__layer_parameter(clade__layer *layer, int row, const clade__parameter_spec *spec);

/* The parameter of a row; NULL where the layer has not got it. */
const clade__parameter *clade__parameter_of(const clade__layer *layer, int row);

/* By name; NULL when there is none. A value's name is its layer's, with ":1" for the second output and
 * so on. */
clade_node *clade__graph_node(const clade__graph *graph, const char *name);
int clade__graph_parameter(const clade__graph *graph, const char *name); /* -1 */

/* The number of values in all parameters. */
int64_t clade__graph_n_values(const clade__graph *graph);

/* What a lone output must exceed to stand for class 1. */
float clade__loss_threshold(clade_loss loss);

/* CLADE_EINVAL or CLADE_ESHAPE where prediction, target and settings are no loss. */
clade_status clade__loss_check(const clade__loss *loss);

/* Adds a loss after checking it. */
clade_status clade__graph_add_loss(clade__graph *graph, const clade__loss *loss);

/* Whether a loss compares the node, or compares another with it. */
bool clade__graph_in_loss(const clade__graph *graph, const clade_node *node);

/* Whether input number `input` is a loss's target alone. */
bool clade__only_compared(const clade__graph *graph, int input);

/* The fewest samples that training can do at a time, for all layers; CLADE_EINVAL, with the layer and its reason,
 * where n are fewer. */
int64_t clade__graph_least_batch(const clade__graph *graph);
clade_status clade__graph_check_batch(const clade__graph *graph, int64_t n);

/* CLADE_EINVAL where a layer leads nowhere or `output` is no layer of the graph. */
clade_status clade__graph_check(const clade__graph *graph, const clade_node *output);

#endif

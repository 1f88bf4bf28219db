/* A layer type is one row: all that the library knows of it. Describing, reading, saving, planning,
 * recording, checking gradients and profiling are written once, over rows.
 *
 * A new layer is a kernel, an operation in ops/, and a row here. The rows of the library are listed in
 * layers.c; a program may add its own (clade__layer_type_add). */
#ifndef CLADE_GRAPH_LAYER_H
#define CLADE_GRAPH_LAYER_H

#include <stddef.h>

#include "graph/graph.h"
#include "ops/ops.h"

/* ---- options ----------------------------------------------------------------------------------- */

typedef enum clade__option_kind {
    CLADE__OPTION_WHOLE,  /* int64_t */
    CLADE__OPTION_NUMBER, /* float */
    CLADE__OPTION_FLAG,   /* bool */
    CLADE__OPTION_NO_FLAG, /* bool that holds the contrary: "bias" lies in no_bias */
    CLADE__OPTION_INIT,   /* clade_init */
    CLADE__OPTION_SIZES,  /* clade__sizes, of one or more */
    CLADE__OPTION_PAIR,   /* int64_t[2], of height and width; one number stands for both */
    CLADE__OPTION_PADDING /* a pair, or "same" for two CLADE_PADDING_SAME */
} clade__option_kind;

#define CLADE__MAX_SIZES 64

typedef struct clade__sizes {
    int n;
    int64_t list[CLADE__MAX_SIZES];
} clade__sizes;

/* An option of a layer, as a config, a model file and a builder have it. */
typedef struct clade__option {
    const char *key; /* NULL ends a list */
    clade__option_kind kind;
    size_t offset;      /* in the type's options */
    bool required;      /* a description must have it */
    double fallback;    /* where a description has none; flags: 0 or 1 */
    double least, most; /* range of a number, and of each size */
} clade__option;

/* ---- parameters and values --------------------------------------------------------------------- */

typedef struct clade__parameter_row {
    const char *suffix; /* "weight"; NULL ends a list */
    bool trained, decays;
} clade__parameter_row;

typedef enum clade__value_kind {
    CLADE__SAVED,           /* from forward until the layer's backward */
    CLADE__FORWARD_SCRATCH, /* while the layer's forward runs */
    CLADE__BACKWARD_SCRATCH
} clade__value_kind;

/* A value that a layer needs beside its inputs and outputs. */
typedef struct clade__layer_value {
    clade__value_kind kind;
    clade_dtype dtype;
    clade_shape shape; /* with the batch */
} clade__layer_value;

#define CLADE__MAX_LAYER_VALUES 8

typedef struct clade__layer_values {
    clade__layer_value list[CLADE__MAX_LAYER_VALUES];
    int n;
} clade__layer_values;

/* Appends one; CLADE_EINVAL when there are too many. */
clade_status clade__layer_values_add(clade__layer_values *values, clade__value_kind kind,
                                     clade_dtype dtype, clade_shape shape);

/* ---- running ----------------------------------------------------------------------------------- */

/* What a step of training reads at each run. */
typedef struct clade__step_numbers {
    float lr;                       /* the optimizer's, until a schedule sets another */
    float correction1, correction2; /* adam's */
    int32_t mask_step, first_row;   /* what dropout draws its masks from, beside the seed: the step's
                                     * number, and the row of the batch that the device's first is */
} clade__step_numbers;

/* A parameter as a layer sees it. */
typedef struct clade__parameter_io {
    clade_tensor *value; /* NULL: the layer has not got it */
    clade_tensor *grad;  /* NULL: no gradient is wanted */
    bool add;            /* the gradient is added to what is there */
    /* Where the optimizer is sgd and its step may be part of backward, its velocity and rates: a layer
     * that makes the step itself, and stores no gradient, sets stepped. */
    clade_tensor *velocity;
    const clade__sgd_rates *rates; /* NULL: the step may not be made */
    bool stepped;
} clade__parameter_io;

/* The tensors of one layer in one plan; shapes with the batch in front. */
typedef struct clade__layer_io {
    const clade__layer *layer;
    int64_t batch;
    bool training;
    uint64_t seed;
    const clade__step_numbers *numbers;
    const clade_tensor *x;  /* (n_inputs) */
    clade_tensor *y;        /* (n_outputs) */
    const clade_tensor *dy; /* (n_outputs) */
    clade_tensor *dx;       /* (n_inputs), to be written where wanted[k] */
    const bool *wanted;
    const bool *add; /* (n_inputs) dx[k] is added to; only where the type adds */
    clade_tensor *values; /* as the type's values() lists them */
    clade__parameter_io *parameters; /* (n_parameters) */
    /* What is fused with the layer, where its type takes it: forward gives y = fused(the layer + other). Where
     * `fused` goes back with the layer, dy is the gradient of that y, which is still there if there is an other,
     * and dy times the activation's slope, the gradient of other, is to be written to masked. */
    clade_activation fused; /* CLADE_IDENTITY: none, or it goes back by itself; in backward of a type that takes the
                             * slope before it, of that: dx[0] is then the gradient of its input */
    float fused_slope;
    const clade_tensor *other; /* NULL: none */
    clade_tensor *masked;      /* may be dy; NULL: it is not wanted */
} clade__layer_io;

/* One layer over n samples in double precision: from x[k] (n, elements of input k) to y[k] (n, elements
 * of output k), with its parameters w[row], NULL where it has not got one. */
typedef struct clade__formula {
    const clade__layer *layer;
    int64_t n;
    int64_t step; /* whose masks dropout has; 0: outside training */
    uint64_t seed;
    const double *const *x;
    const double *const *w;
    double *const *y;
} clade__formula;

/* The way back of a formula, whose y is there: from dy[k], the gradient of output k, what is added to
 * dx[k], that of input k, and to dw[row]. NULL: dx and dw of which none is wanted, of what is no float32
 * or not trained, or that the layer has not got. */
typedef struct clade__formula_gradients {
    const double *const *dy;
    double *const *dx;
    double *const *dw;
} clade__formula_gradients;

/* ---- the row ----------------------------------------------------------------------------------- */

struct clade__layer_type {
    const char *name;
    int n_inputs;                    /* CLADE__ANY_INPUTS: one or more */
    const clade_dtype *input_types;  /* (n_inputs); NULL: all are float32 */
    bool takes_int32;                /* or int32, each of them */
    size_t options_bytes;            /* 0: it has none */
    const clade__option *options;    /* NULL: none */
    const clade__parameter_row *parameters; /* NULL: none */
    clade_activation activation;     /* what it is, when it is one element by element */
    clade_reduction reduction;
    bool takes_activation;  /* an activation that is its output's only user can be part of its forward */
    bool takes_other;       /* and so can an add that is its output's only user, with what is added */
    bool takes_slope;       /* such a relu or leaky_relu can be part of its backward too */
    bool takes_slope_before; /* a relu whose output's only user it is can be part of its backward, by its own y */
    bool adds_up;           /* it is such an add */
    bool takes_scale;       /* outside training a type with `fold`, its output's only user, can be part of it: its
                             * first parameter has the output's channels as rows, its second, if any, as elements */
    bool reads_x, reads_y;  /* backward reads its inputs, its outputs: they live until then */
    bool in_place;          /* dx may be dy */
    bool adds;              /* backward can add to dx */
    bool is_view;           /* y is x with another shape: nothing runs, and dx is dy */
    bool same_is_view;      /* the same of one that has one input and one output, of one shape */
    bool passes_gradient;   /* each input's gradient is dy: no backward runs */
    bool only_trains;       /* outside training it is a view */

    /* Sets outputs and parameters from inputs and options. */
    clade_status (*infer)(clade__layer *layer);
    /* What it needs beside inputs and outputs: as many values, in the same order, for any batch; one
     * that is not needed for this batch has no elements. NULL: nothing. */
    clade_status (*values)(const clade__layer *layer, int64_t batch, clade__layer_values *values);
    /* The fewest samples that training can do at a time, and why: "more than one value for each channel".
     * NULL: one. */
    int64_t (*least_batch)(const clade__layer *layer, const char **why);
    clade_status (*forward)(clade__commands *commands, const clade__layer_io *io);
    clade_status (*backward)(clade__commands *commands, const clade__layer_io *io);
    /* Outside training, in place of forward behind a layer that takes it: the parameters with which that one gives
     * this one's output. NULL: there are none. */
    clade_status (*fold)(clade__commands *commands, const clade__layer_io *io,
                         const clade__folding *folding);
    /* NULL where backward and passes_gradient are missing too: it has no gradient. */
    /* Multiplications of forward for one sample, where they are what it takes; NULL: next to none. Each gradient,
     * of an input and of a weight, takes as many. */
    int64_t (*products)(const clade__layer *layer);
    void (*formula)(const clade__formula *formula);
    /* NULL where it has no gradient, or where that is dy: of a view, and with passes_gradient. */
    void (*formula_backward)(const clade__formula *formula, const clade__formula_gradients *gradients);
};

#define CLADE__ANY_INPUTS (-1)

/* Runs the type's formula_backward, or what stands for it where the gradient is dy; false where the type
 * has a gradient without a formula. */
bool clade__formula_backward(const clade__formula *formula, const clade__formula_gradients *gradients);

/* Whether a gradient can go through it. */
bool clade__layer_type_has_gradient(const clade__layer_type *type);

/* Whether a layer's output is its input's value, in training and outside. */
bool clade__layer_is_view(const clade__layer *layer);

/* A row by name (NULL when there is none), and by number from 0 (NULL behind the last). */
const clade__layer_type *clade__layer_type_of(const char *name);
const clade__layer_type *clade__layer_type_at(int i);

/* Makes a row of another program known under its name, for as long as the process lives. Not while
 * another thread builds or loads a model. CLADE_EINVAL when the name is taken, or there are too many. */
clade_status clade__layer_type_add(const clade__layer_type *type);

/* The slope of leaky_relu; 0 of any other activation. */
float clade__activation_slope(const clade__layer *layer);

/* ---- options.c --------------------------------------------------------------------------------- */

/* Fills in the fallbacks, and checks the ranges: "dropout: p is 2, want 0 to 1". */
void clade__options_default(const clade__layer_type *type, void *options);
clade_status clade__options_check(const clade__layer_type *type, const void *options);

/* Whether it is a pair, and of its numbers the first that is out of range; NULL: none. */
bool clade__option_is_pair(const clade__option *option);
const int64_t *clade__pair_out_of_range(const clade__option *option, const int64_t pair[2]);

/* "he"; NULL out of range. */
const char *clade__init_name(clade_init_kind kind);

/* ---- the rows ---------------------------------------------------------------------------------- */

extern const clade__layer_type clade__layer_linear;                         /* layer_linear.c */
extern const clade__layer_type clade__layer_conv2d, clade__layer_conv_transpose2d; /* layer_conv.c */
extern const clade__layer_type clade__layer_sigmoid, clade__layer_tanh,     /* layer_elements.c */
    clade__layer_relu, clade__layer_leaky_relu, clade__layer_gelu, clade__layer_dropout,
    clade__layer_add, clade__layer_multiply, clade__layer_flatten, clade__layer_reshape;
extern const clade__layer_type clade__layer_softmax, clade__layer_log_softmax; /* layer_rows.c */
extern const clade__layer_type clade__layer_sum, clade__layer_mean, clade__layer_max,
    clade__layer_argmax;
extern const clade__layer_type clade__layer_concat, clade__layer_slice,      /* layer_parts.c */
    clade__layer_split;

extern const clade__layer_type clade__layer_batch_norm, clade__layer_group_norm; /* layer_norm.c */
extern const clade__layer_type clade__layer_max_pool2d, clade__layer_avg_pool2d, /* layer_pool.c */
    clade__layer_adaptive_avg_pool2d, clade__layer_upsample;

/* What builders set; of those that are not public. */
typedef struct clade__slice_options {
    int64_t dim, start, length;
} clade__slice_options;

typedef struct clade__split_options {
    int64_t dim;
    clade__sizes sizes;
} clade__split_options;

typedef struct clade__upsample_options {
    int64_t scale_factor[2];
} clade__upsample_options;

typedef struct clade__adaptive_options {
    int64_t output_size[2];
} clade__adaptive_options;

/* A sample's shape with the batch in front. */
clade_shape clade__batch_shape(int64_t batch, clade_shape sample);

/* (batch, all the rest). */
clade_tensor clade__flat(const clade_tensor *tensor);

#endif

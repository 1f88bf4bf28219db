/* A model from inside: nodes, parameters, plans. See clade/model.h for what a user sees.
 *
 * A model is built (nodes), compiled (loss, optimizer, memory known), then materialized at first
 * use: parameters and workspace are allocated, and nothing after that. A loaded model skips the
 * training half, until it is compiled for that.
 */
#ifndef CLADE_GRAPH_MODEL_H
#define CLADE_GRAPH_MODEL_H

#include <clade/model.h>

#include "base/arena.h"
#include "base/scaling.h"
#include "base/schema.h"
#include "blas/gemm.h"

typedef struct clade__layer_type clade__layer_type;
typedef struct clade__layout clade__layout;

/* The batch in which a model is evaluated, whatever it was trained with: the same in every program,
 * so that the same model gives the same digits. */
#define CLADE__INFER_BATCH 256

#define CLADE__MAX_INPUTS 2
#define CLADE__MAX_PARAMETERS 2 /* of one node */
#define CLADE__MAX_STATE 2      /* optimizer tensors of one parameter */

typedef struct clade__parameter {
    const char *name; /* "0.weight" */
    clade_shape shape;
    clade_init init;
    bool is_bias;
    int64_t fan_in, fan_out;
    clade_tensor *value;
    clade_tensor *grad;                     /* NULL unless trained, and when fused */
    bool fused; /* its step is part of the gemm that makes its gradient, which is not stored */
    clade_tensor *state[CLADE__MAX_STATE];  /* as the optimizer has them */
} clade__parameter;

/* What the layers' options come to; each type reads its own. */
typedef struct clade__layer_options {
    clade_linear_options linear;
    float slope; /* leaky_relu */
    float p;     /* dropout */
    int dim;     /* reductions */
} clade__layer_options;

struct clade_node {
    clade_model *model;
    const clade__layer_type *type; /* NULL for the input */
    int index;                     /* in model->nodes; the input is 0 */
    const char *name;              /* "0" for the layer at position 0, or the given one */
    bool named;                    /* the name was given */
    const char *label;             /* "0 linear": name and type, for a profile */
    int n_inputs;
    clade_node *inputs[CLADE__MAX_INPUTS];
    int n_users;
    clade_shape shape; /* of one sample */
    clade_dtype dtype;
    clade__layer_options options;
    int n_parameters;
    int parameters[CLADE__MAX_PARAMETERS]; /* in model->parameters */
    bool needs_grad; /* it or a node before it has parameters */
};

struct clade_model {
    clade_device *device; /* NULL: can only be described */
    uint64_t seed;
    clade__arena arena;
    clade_node **nodes; /* in an order where inputs come first */
    int n_nodes, nodes_capacity;
    clade__parameter *parameters;
    int n_parameters, parameters_capacity;

    clade_status error; /* the first of a builder */
    char *error_text;   /* malloc'd; NULL without an error */

    /* compile.c */
    bool compiled, trainable, materialized;
    bool keep_gradients;
    const clade__gemm_provider *gemm; /* NULL: auto */
    clade_node *output;
    clade_loss loss;
    clade_optimizer optimizer;
    int64_t batch;
    int64_t micro_batch; /* samples that a step does at a time */
    clade__layout *train_layout, *infer_layout;
    clade_memory memory;
    size_t largest_buffer; /* of those in memory */

    /* parameters.c */
    clade__buffer **workspace; /* one buffer a slot */
    int n_workspace;
    clade_tensor *clip_scale, *clip_partials; /* (1) and optimizer_partials(); NULL without clipping */
    clade_tensor *peaks; /* of the parameters, one after another; NULL unless trained */
    float *initial;            /* values to start from instead of the initialisers; from a file */

    /* What the optimizer reads at each step. */
    int64_t step;  /* begun */
    int64_t epoch; /* begun, over all calls of fit: no shuffle is used twice */
    float lr; /* the optimizer's, until a schedule sets another */
    float correction1, correction2;

    /* What dropout draws its masks from, beside the seed: the step's number, and the row of the batch
     * that the device's first is. */
    int32_t mask_step, first_row;

    clade__scaling input; /* what the network sees of its data: as the training data has it */
    clade_schema *schema; /* how it reads tables: as its training data was read; NULL: that was none */
    char **class_names;   /* (n_classes) as the training data has them; NULL: it has none */
    int n_classes;
};

/* ---- nodes.c --------------------------------------------------------------------------------- */

/* Adds a node of a type after its inputs; the first error is kept in the model, and NULL given. name
 * NULL means its position. */
clade_node *clade__node_add(const clade__layer_type *type, clade_node *const *inputs,
                            const clade__layer_options *options, const char *name);

/* Adds a parameter "NODE.suffix" to a node under construction. */
clade_status clade__node_add_parameter(clade_node *node, const char *suffix, clade_shape shape,
                                       clade_init init, int64_t fan_in, int64_t fan_out,
                                       bool is_bias);

/* Takes over the names of n classes, which have none with names NULL. CLADE_EDATA where one is not
 * UTF-8, which a model file must be. */
clade_status clade__model_name_classes(clade_model *model, const char *const *names, int n);

/* How many classes the outputs tell apart: a lone output tells two. */
int64_t clade__model_n_known(const clade_model *model);

/* What a lone output must exceed to stand for class 1. */
float clade__model_threshold(const clade_model *model);

/* Keeps the thread's message as the model's first error. */
void clade__model_keep_error(clade_model *model, clade_status status);

/* ---- compile.c ------------------------------------------------------------------------------- */

/* CLADE_ESTATE, beginning with what was called, unless the model is compiled, or for training. */
clade_status clade__check_compiled(const clade_model *model, const char *what, bool training);

/* Plans inference only; for a loaded model. */
clade_status clade__compile_for_inference(clade_model *model, clade_node *output, clade_loss loss);

/* ---- memory.c -------------------------------------------------------------------------------- */

/* The data of a training and of its validation; zeros where there is none. */
typedef struct clade__feeds {
    clade_data_size train, valid;
} clade__feeds;

/* Plans inference once, and training for the model's batch and micro-batch: layouts, what is fused,
 * and the memory of it all. */
clade_status clade__memory_plan(clade_model *model);

/* CLADE_EDEVICEMEM, with figures and with what would fit, when the device has not what is planned and
 * what feeding takes at the least. The model is not changed. */
clade_status clade__memory_check(const clade_model *model, const clade__feeds *feeds);

/* Sets the largest micro-batch that fits, of the model's batch in equal parts. */
clade_status clade__memory_choose_parts(clade_model *model, const clade__feeds *feeds);

/* What the passes over both take when they are streamed; and of that, the samples of one part. */
uint64_t clade__memory_of_feeds(const clade_model *model, const clade__feeds *feeds);
uint64_t clade__memory_of_parts(const clade_data_size *data, int64_t part);

/* ---- parameters.c ---------------------------------------------------------------------------- */

/* Allocates and initialises all that the model needs, at its first use. */
clade_status clade__model_materialize(clade_model *model);
void clade__model_release(clade_model *model);

/* Gives back all that was allocated; the parameters' values are kept, for the next first use. */
clade_status clade__model_withdraw(clade_model *model);

/* Whether every parameter is finite; waits. The device looks at them, and needs so many floats. */
clade_status clade__model_is_finite(clade_model *model, bool *finite);
int64_t clade__model_n_peaks(const clade_model *model);

/* Host bytes of all parameters, in order, one after another. */
size_t clade__model_parameter_bytes(const clade_model *model);

/* Copies all parameters to the host, one after another; waits. */
clade_status clade__model_read_parameters(clade_model *model, float *values);

/* The same for all that training changes: the parameters, then the optimizer's first state of each,
 * then its second, as many as it has; and from the host. */
size_t clade__model_trained_bytes(const clade_model *model);
clade_status clade__model_read_trained(clade_model *model, float *values);
clade_status clade__model_write_trained(clade_model *model, const float *values);

/* ---- optimizer.c ----------------------------------------------------------------------------- */

/* Fills in PyTorch's defaults and checks the ranges. */
clade_status clade__optimizer_resolve(clade_optimizer *optimizer);
int clade__optimizer_n_states(const clade_optimizer *optimizer);

/* sgd's rates, the learning rate read from the model at each run. */
clade__sgd_rates clade__optimizer_sgd_rates(const clade_model *model);

/* Float32 that clipping sums in; 0 without clipping. */
int64_t clade__optimizer_partials(const clade_model *model);

/* Records clipping, and the step of every parameter that is not fused, from its gradient. */
clade_status clade__optimizer_record(clade_model *model, clade__commands *commands);

/* Sets what step model->step + 1 reads, and counts it. Before each run of the commands. */
void clade__optimizer_advance(clade_model *model);

/* ---- describe.c ------------------------------------------------------------------------------ */

/* The architecture and loss as JSON, on one line; malloc'd, NULL when there is no memory. */
char *clade__model_describe(const clade_model *model);

/* ---- save.c ---------------------------------------------------------------------------------- */

/* Writes a model file with the given parameter values, as clade__model_read_parameters gave them. */
clade_status clade__save_values(const clade_model *model, const float *values, const char *path);

/* The same with tensors behind the parameters and texts behind those of the model. It can be loaded
 * as a model where one of the texts is clade.checkpoint. */
struct clade__saved_more;
clade_status clade__save_with(const clade_model *model, const float *values,
                              const struct clade__saved_more *more, const char *path);

#endif

/* A model from inside: a graph, the executable that it is compiled to, the session that is trained, and
 * what is known of its data. See clade/model.h for what a user sees. A loaded model can only be used
 * until it is compiled for training. */
#ifndef CLADE_GRAPH_MODEL_H
#define CLADE_GRAPH_MODEL_H

#include "base/scaling.h"
#include "base/schema.h"
#include "graph/session.h"

struct clade_model {
    clade_device *device; /* NULL: can only be described */
    clade__graph graph;
    clade__executable exe;
    clade__session session;
    bool compiled;
    const clade_node *output; /* NULL before it is compiled or loaded */
    clade_loss loss;          /* what its first loss is */
    int64_t infer_batch;      /* of a model that was loaded; 0: none was chosen yet */

    clade__scaling input; /* what the network sees of its data: as the training data has it */
    clade_schema *schema; /* how it reads tables: as its training data was read; NULL: that was none */
    char **class_names;   /* (n_classes) as the training data has them; NULL: it has none */
    int n_classes;

    /* What steps of the user's own keep (train/step.h), freed with the session's memory. */
    void *steps;
    void (*steps_free)(void *steps);
};

/* Takes over the names of n classes, which have none with names NULL. CLADE_EDATA where one is not
 * UTF-8, which a model file must be. */
clade_status clade__model_name_classes(clade_model *model, const char *const *names, int n);

/* How many classes the outputs tell apart: a lone output tells two. */
int64_t clade__model_n_known(const clade_model *model);

/* What a lone output must exceed to stand for class 1. */
float clade__model_threshold(const clade_model *model);

/* CLADE_ESTATE, beginning with what was called, unless the model is compiled, or for training. */
clade_status clade__check_compiled(const clade_model *model, const char *what, bool training);

/* Plans inference only; for a loaded model. */
clade_status clade__compile_for_inference(clade_model *model);

/* Allocates and initialises all that the model needs, at its first use; and gives it back. */
clade_status clade__model_materialize(clade_model *model);

/* Frees what own steps keep. */
void clade__model_free_steps(clade_model *model);

/* Host bytes of all parameters, in order, one after another. */
size_t clade__model_parameter_bytes(const clade_model *model);

/* Copies all parameters to the host, one after another; waits. */
clade_status clade__model_read_parameters(clade_model *model, float *values);

/* The same for all that training changes: the parameters with the untrained ones among them, then the
 * optimizer's first state of each that trains, then its second, as many as it has; and from the host. */
size_t clade__model_trained_bytes(const clade_model *model);
clade_status clade__model_read_trained(clade_model *model, float *values);
clade_status clade__model_write_trained(clade_model *model, const float *values);

/* ---- parameters.c ------------------------------------------------------------------------------ */

/* CLADE_ESTATE, beginning with what was called: the gradient is not stored, and what changes that. */
clade_status clade__fail_stepped(const clade__parameter *parameter, const char *what);

/* ---- describe_write.c -------------------------------------------------------------------------- */

/* The architecture and losses as JSON, on one line; malloc'd, NULL when there is no memory. */
char *clade__model_describe(const clade_model *model);

/* ---- describe.c -------------------------------------------------------------------------------- */

/* As clade_model_layers, for a description as model files of a version have it; *output is its last
 * layer, or the one that it names. */
enum { CLADE__MODEL_VERSION = 2 };
clade_status clade__model_read(clade_model *model, const char *json, int version,
                               clade_node **output);

/* ---- save.c ------------------------------------------------------------------------------------ */

/* Writes a model file with the given parameter values, as clade__model_read_parameters gave them. */
clade_status clade__save_values(const clade_model *model, const float *values, const char *path);

/* The same with tensors behind the parameters and texts behind those of the model. It can be loaded
 * as a model where one of the texts is clade.checkpoint. */
struct clade__saved_more;
clade_status clade__save_with(const clade_model *model, const float *values,
                              const struct clade__saved_more *more, const char *path);

#endif

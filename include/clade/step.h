/* Steps: a training loop of one's own. The parts that clade_fit is made of, one call each: a batch goes in
 * as tensors on the device, and a step comes out.
 *
 *     clade_model_shuffle(model, order, n);            the order of an epoch
 *     clade_tensor_write(x, …);                        a batch of it
 *     clade_step(model, &batch, loss);                 forward, loss, backward, update
 *
 * With the same seed, order, batches and learning rates the parameters have the bits that clade_fit gives
 * them. What the network sees is in the tensors as it is: centers and scales of a data set
 * (clade_model_input_scale, clade_model_schema) are for the program to apply.
 *
 * These calls only enqueue. The first one for a batch size records commands, tries the matrix products
 * that are new and takes memory, a few numbers beside what clade_model_memory says; the next ones do no
 * more than run what was recorded, until about five batch sizes have taken turns. Tensors may be written,
 * or freed, as soon as a call returns: what is queued comes first.
 *
 * Errors of all that take a batch: CLADE_ESTATE for a model that is not compiled (clade_forward), or not for
 * training; CLADE_EINVAL for a tensor that is missing, on another device, or one too many; CLADE_ESHAPE for
 * a shape or an element type that is not the network's, and for a batch that is too large. The model is as
 * before then. Numbers on the device are not looked at. A label that is no class gives a loss of NaN and no
 * gradient with cross_entropy and where rows are ignored; else it is what clade_one_hot makes of it. What is
 * not finite shows in the loss, and nothing here stops for it.
 */
#ifndef CLADE_STEP_H
#define CLADE_STEP_H

#include <clade/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- parameters ------------------------------------------------------------------------------ */

typedef struct clade_parameter_info {
    const char *name;  /* "0.weight", as in a model file; owned by the model */
    clade_shape shape;
    bool trained;      /* by an optimizer; else it is state, which its layer changes in training */
    bool frozen;       /* it could be trained, and clade_compile was told to leave it as it is */
    uint64_t reserved[4];
} clade_parameter_info;

/* How many parameters there are (clade_model_n_parameters has their values), in the order of a model file;
 * and one of them, by its number from 0. CLADE_EINVAL for a number out of range. */
CLADE_API int clade_model_n_tensors(const clade_model *model);
CLADE_API CLADE_MUST_CHECK clade_status clade_model_parameter_info(const clade_model *model, int index,
                                                                   clade_parameter_info *info);

/* The number of a parameter by its name; -1 where there is none. */
CLADE_API int clade_model_parameter_index(const clade_model *model, const char *name);

/* The parameter itself, float32 of its shape, on the device: it is the model's, and may be read and
 * written. It is there until the model is compiled again or freed. Takes the model's memory where that was
 * not done yet. CLADE_ESTATE for a model that is not compiled. */
CLADE_API CLADE_MUST_CHECK clade_status clade_model_parameter(clade_model *model, int index,
                                                              clade_tensor **parameter);

/* The same of its gradient, as clade_gradients has left it. CLADE_ESTATE where none is stored: the model is
 * not compiled for training, the parameter is state or frozen, or the optimizer's step is done inside a
 * gemm, which keep_gradients of clade_compile_options changes. */
CLADE_API CLADE_MUST_CHECK clade_status clade_model_gradient(clade_model *model, int index,
                                                             clade_tensor **gradient);

/* ---- learning rate and order ------------------------------------------------------------------- */

/* The learning rate of the next updates, at least 0; those of groups of parameters follow by their factors.
 * It is the optimizer's until it is set; clade_fit sets its own. CLADE_EINVAL out of range, CLADE_ESTATE for
 * a model that is not compiled for training; its rate is 0. */
CLADE_API CLADE_MUST_CHECK clade_status clade_set_lr(clade_model *model, float lr);
CLADE_API float clade_model_lr(const clade_model *model);

/* order (n) becomes a permutation of 0 … n-1, a function of seed and epoch, from 0, alone: that in which
 * clade_fit takes n samples in an epoch, without the options replacement and balanced. */
CLADE_API CLADE_MUST_CHECK clade_status clade_shuffle(int32_t *order, int64_t n, uint64_t seed,
                                                      int64_t epoch);

/* The same with the model's seed, for its next epoch, which is counted: the model's epochs are those of
 * clade_fit and of this function together, so that no order comes twice. */
CLADE_API CLADE_MUST_CHECK clade_status clade_model_shuffle(clade_model *model, int32_t *order, int64_t n);

/* ---- steps ------------------------------------------------------------------------------------- */

/* A batch on the device. Zeroed but for n, n_inputs and inputs, and for answers where the loss is that of
 * clade_compile_options. */
typedef struct clade_batch {
    int64_t n; /* samples */
    const clade_tensor *const *inputs; /* (n_inputs) in the order in which the network's inputs were made,
                                        * targets of its losses among them: each (n, sample…), of the input's
                                        * element type; a sample may be flat */
    int n_inputs;
    const clade_tensor *answers; /* labels, int32 (n), or targets, float32 (n, outputs), for the loss of
                                  * clade_compile_options; NULL where the network's losses name inputs */
    bool add; /* clade_gradients adds to the gradients of the calls before; without it they start anew */
    int64_t step_samples; /* clade_gradients: samples of the step that the batch is a part of, whose mean
                           * loss has the gradients; 0 means n */
    uint64_t reserved[8];
} clade_batch;

/* The network's output for a batch, as in evaluation, into y (n, output…) of the output's element type. The
 * same bits as clade_predict's with raw set. Any n: it is done clade_model_inference_batch samples at a time.
 * Of the batch n, n_inputs and inputs are looked at; an input that is nothing but a loss's target may be NULL.
 * Works on a model from clade_load too. */
CLADE_API CLADE_MUST_CHECK clade_status clade_forward(clade_model *model, const clade_batch *batch,
                                                      clade_tensor *y);

/* A training step, as clade_fit makes it: forward, loss, backward and update of a batch of at most
 * clade_model_batch samples, clade_model_micro_batch at a time. loss may be NULL; else it is float32 on the
 * device and receives the mean loss over the rows that count, before the update: of 1 element, the weighted
 * sum of all losses; or, of as many elements as the network has losses, each of them times its weight. */
CLADE_API CLADE_MUST_CHECK clade_status clade_step(clade_model *model, const clade_batch *batch,
                                                   clade_tensor *loss);

/* The same without the update, in two calls: clade_gradients stores the gradients of the mean loss, of every
 * parameter that is trained, where clade_model_gradient finds them; clade_update makes the optimizer's step
 * with what is stored, clipping included, and counts it. Together they give the bits of clade_step.
 * CLADE_ESTATE where a step is done inside a gemm (plain sgd with or without momentum, no clipping, no parts,
 * and no keep_gradients), since gradients are not stored then.
 *
 * Several batches may be the parts of one step: the first call without batch.add, the others with it, and
 * all with batch.step_samples, the samples of all parts. That is the step which accumulate of
 * clade_compile_options makes, to the bit where the parts are the same, and the sum of parts may be larger than
 * the model's batch. Each part's loss is the mean over that part. CLADE_EINVAL where a loss ignores rows, since
 * those that count in other parts are not known here; CLADE_ESTATE for batch.add without a call before it
 * since the last update. */
CLADE_API CLADE_MUST_CHECK clade_status clade_gradients(clade_model *model, const clade_batch *batch,
                                                        clade_tensor *loss);
CLADE_API CLADE_MUST_CHECK clade_status clade_update(clade_model *model);

#ifdef __cplusplus
}
#endif

#endif

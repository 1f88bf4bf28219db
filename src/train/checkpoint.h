/* Checkpoints: a training at one step, whole, as a file checkpoint-STEP.safetensors of its folder.
 *
 * It is a model file, and can be evaluated as one, with more behind the parameters:
 *   optimizer.0.NAME, optimizer.1.NAME   what the optimizer remembers of each parameter
 *   best.NAME                            the parameters that were best on the validation data
 *   sums                                 those of each batch of the epoch so far, see pass.h
 * and in its metadata, as text:
 *   clade.checkpoint  the state, state.h
 *   clade.recipe      what the training is made of, recipe.h
 *   clade.platform    what it ran on
 * beside the checksum that every model file has.
 *
 * A file is written beside its place, synced and renamed: one that is there is whole, unless its
 * disk was at fault, and then the checksum tells.
 */
#ifndef CLADE_TRAIN_CHECKPOINT_H
#define CLADE_TRAIN_CHECKPOINT_H

#include "graph/model.h"
#include "train/state.h"

/* The memory is the caller's. */
typedef struct clade__checkpoint {
    clade__fit_state state;
    float *values; /* as clade__model_read_trained gives them */
    float *best;   /* parameters; of no meaning before there is a best epoch, and then may be NULL */
    float *sums;   /* (state.epoch_step, CLADE__N_SUMS of each loss) */
    const char *recipe, *platform;
} clade__checkpoint;

/* CLADE_EIO when it cannot be written: what was there before stays. */
clade_status clade__checkpoint_write(const char *folder, const clade_model *model,
                                     const clade__checkpoint *checkpoint);

/* Fills state, values, best and sums (room for n_batches). CLADE_EIO when it cannot be read,
 * CLADE_EDATA when it is damaged, CLADE_EINVAL when it is of another recipe; nothing is changed then.
 * *same_platform: whether it was made on checkpoint->platform. */
clade_status clade__checkpoint_read(const char *folder, int64_t step, const clade_model *model,
                                    int64_t n_batches, clade__checkpoint *checkpoint,
                                    bool *same_platform);

/* ---- checkpoint_folder.c --------------------------------------------------------------------- */

/* "FOLDER/checkpoint-STEP.safetensors" */
enum { CLADE__CHECKPOINT_PATH = 4096 };
void clade__checkpoint_path(char out[CLADE__CHECKPOINT_PATH], const char *folder, int64_t step);

/* The steps of a folder's checkpoints, the newest first; malloc'd. */
clade_status clade__checkpoint_steps(const char *folder, int64_t **steps, int *n);

/* Removes all but `keep` checkpoints: that of step `newest` and those before it. Those after it are
 * of a future that did not come. With keep 0, all. */
clade_status clade__checkpoints_prune(const char *folder, int64_t newest, int keep);

#endif
